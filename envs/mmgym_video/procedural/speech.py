"""Spoken words, from espeak-ng as a library (extra ``mmgym[speech]``).

What espeak-ng says depends a little on all that it said before. So a copy of the library of its own is loaded, and all
words are spoken once, in a fixed order: their samples are the same in every process.
"""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS, SHAPES

__all__ = ["SPEECH_RATE", "WORDS", "WORD_SECONDS", "has_speech", "spoken"]

WORDS = (*COLORS, *SHAPES)
"""What can be said."""
WORD_SECONDS = 0.8
"""No word takes longer."""
SPEECH_RATE = 22050
"""Samples per second of what is spoken."""

_VOICE = b"en-us"
_WORDS_PER_MINUTE = 130
_SYNCHRONOUS, _RETURN_ERRORS, _RATE, _UTF8 = 2, 1 << 15, 1, 1
"""Values of espeak-ng's interface: sound goes to the callback before a call returns; no exit on errors; the parameter
of speed; texts are UTF-8."""
_SILENT = 0.004
"""Magnitude below which the ends of a word are cut off."""


def has_speech() -> bool:
    """Whether words can be spoken here."""
    return importlib.util.find_spec("espeakng_loader") is not None


def spoken(word: str) -> np.ndarray:
    """A word of `WORDS`: read-only float32 (samples,) in [-1, 1] at `SPEECH_RATE`.

    Raises:
        ValueError: for another word.
        ModuleNotFoundError: without the extra.
        RuntimeError: when espeak-ng does not work.
    """
    if word not in WORDS:
        raise ValueError(f"word must be one of {', '.join(WORDS)}; got {word!r}")
    return _vocabulary()[word]


@lru_cache(maxsize=1)
def _vocabulary() -> dict[str, np.ndarray]:
    if not has_speech():
        raise ModuleNotFoundError(
            'spoken words need espeakng-loader: pip install "mmgym[speech]"', name="espeakng_loader"
        )
    import espeakng_loader  # type: ignore[import-untyped]

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = shutil.copy(Path(espeakng_loader.get_library_path()).resolve(), folder)
        library = ctypes.CDLL(str(copy))
    pieces: list[np.ndarray] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def keep(samples: ctypes._Pointer[ctypes.c_short], count: int, events: int | None) -> int:
        if samples and count > 0:
            pieces.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    data = espeakng_loader.get_data_path().encode()
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, ctypes.c_char_p(data), _RETURN_ERRORS)
    if rate != SPEECH_RATE:
        raise RuntimeError(f"espeak-ng must start with {SPEECH_RATE} samples per second; it returned {rate}")
    library.espeak_SetSynthCallback(keep)
    if library.espeak_SetVoiceByName(_VOICE) or library.espeak_SetParameter(_RATE, _WORDS_PER_MINUTE, 0):
        raise RuntimeError(f"espeak-ng has no voice {_VOICE.decode()}")
    words = {}
    for word in WORDS:
        pieces.clear()
        text = word.encode() + b"\0"
        if library.espeak_Synth(text, ctypes.c_size_t(len(text)), 0, 1, 0, _UTF8, None, None) or not pieces:
            raise RuntimeError(f"espeak-ng cannot say {word!r}")
        words[word] = _trimmed(np.concatenate(pieces))
    library.espeak_Terminate()
    return words


def _trimmed(samples: np.ndarray) -> np.ndarray:
    """Without silence at the ends, loudest sample 1."""
    wave = samples.astype(np.float32) / np.float32(np.abs(samples.astype(np.int32)).max())
    loud = np.flatnonzero(np.abs(wave) > _SILENT)
    wave = wave[loud[0] : loud[-1] + 1].copy()
    wave.flags.writeable = False
    return wave
