"""Spoken words: the same samples in every process, and each word told from the others."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from mmgym_video.procedural import speech

pytest.importorskip("espeakng_loader")

PRINT = (
    "import hashlib, numpy; from mmgym_video.procedural.speech import WORDS, spoken;"
    "print(hashlib.sha256(numpy.concatenate([spoken(word) for word in reversed(WORDS)])).hexdigest())"
)


def test_another_process_that_asks_in_another_order_hears_the_same():
    here = hashlib.sha256(np.concatenate([speech.spoken(word) for word in reversed(speech.WORDS)])).hexdigest()
    there = subprocess.run([sys.executable, "-c", PRINT], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here


def test_words_are_short_loud_and_begin_at_once():
    for word in speech.WORDS:
        wave = speech.spoken(word)
        assert wave.dtype == np.float32 and not wave.flags.writeable
        assert 0.2 < len(wave) / speech.SPEECH_RATE < speech.WORD_SECONDS
        assert np.abs(wave).max() == 1.0
        assert np.abs(wave[: speech.SPEECH_RATE // 10]).max() > 0.02


def spectra(word):
    """Mean loudness in twelve bands of pitch and eight parts of the time."""
    parts = np.array_split(speech.spoken(word), 8)
    bands = [np.array_split(np.abs(np.fft.rfft(part, 2048))[:512], 12) for part in parts]
    return np.array([[band.mean() for band in row] for row in bands]).ravel()


def test_no_two_words_sound_alike():
    features = np.array([spectra(word) for word in speech.WORDS])
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    likeness = features @ features.T - np.eye(len(features))
    assert likeness.max() < 0.97


def test_an_unknown_word_is_refused_with_those_that_are_known():
    with pytest.raises(ValueError, match="red, green"):
        speech.spoken("computer")


def test_without_the_extra_the_error_says_what_to_install(monkeypatch):
    speech._vocabulary.cache_clear()
    monkeypatch.setattr(speech, "has_speech", lambda: False)
    with pytest.raises(ModuleNotFoundError, match=r"mmgym\[speech\]"):
        speech.spoken("star")
