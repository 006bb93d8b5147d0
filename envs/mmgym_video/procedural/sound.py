"""A sound track in closed form: beeps, tones, glides, chords, bursts of noise and spoken words at their times.

Any stretch is computed on demand, whatever the length of the video, and a sample is the same whatever stretch is asked
for: each sound is made as a whole, and its samples are whole multiples of 2 ** -15, so that their sums are exact.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from mmgym_video.procedural.speech import SPEECH_RATE, WORD_SECONDS, spoken
from mmgym_video.procedural.stage import Fact

__all__ = ["KINDS", "RATE", "TIMBRES", "Sound", "SoundTrack", "resampled", "sounds_in_words"]

RATE = 16000
"""Samples per second."""
KINDS = ("beep", "tone", "glide", "chord", "thud", "hiss", "word")
"""Kinds of sounds: a short tone; a tone; a tone that rises or falls; three tones at once; a dull blow; high noise; a
spoken word."""
TIMBRES = {"usual": (1.0, 0.25, 0.1), "ood": (1.0, 0.0, 0.4, 0.0, 0.2)}
"""How strong the multiples of the pitch are, from the pitch itself on, by look."""

_FADE = 0.01
"""Seconds in which a sound comes and goes, so that it does not click."""
_HIGHEST = 7000
"""Multiples of a pitch above this are left out: sound of this rate cannot hold them."""
_STEP = 2.0**-15
_LEAST = 0.05
"""Seconds of a sound that have to be in a stretch for it to be heard there."""
_TAPS = 16
"""Zero crossings of the resampling filter on each side."""


@dataclass(frozen=True)
class Sound:
    """One sound."""

    kind: str
    """One of `KINDS`."""
    start: float
    """Seconds."""
    length: float
    """Seconds; of a word at least `WORD_SECONDS`."""
    pitch: float = 0.0
    """Hz; the lowest one of a chord. Noise and words have none."""
    to_pitch: float = 0.0
    """Hz at the end of a glide."""
    loudness: float = 0.4
    """Largest magnitude of a sample, at most 1."""
    text: str = ""
    """What a word says."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}; got {self.kind!r}")
        if not self.start >= 0 or not self.length > 0 or not 0 < self.loudness <= 1:
            raise ValueError(f"start must be from 0, length above 0, loudness in (0, 1]; got {self}")
        if self.kind == "word" and self.length < WORD_SECONDS:
            raise ValueError(f"a word takes {WORD_SECONDS} s; got {self.length}")

    @property
    def end(self) -> float:
        """When it ends, in seconds."""
        return self.start + self.length

    def pitch_at(self, time: float) -> float:
        """Its pitch at a time, in Hz."""
        if self.kind != "glide":
            return self.pitch
        share = min(max((time - self.start) / self.length, 0.0), 1.0)
        return float(self.pitch * (self.to_pitch / self.pitch) ** share)


@dataclass(frozen=True)
class SoundTrack:
    """All sounds of a video."""

    sounds: tuple[Sound, ...] = ()
    """In order of their starts."""
    hum: float = 0.0
    """Largest magnitude of the noise that is heard all the time."""
    seed: int = 0
    """Seed of the noise."""
    timbre: str = "usual"
    """One of `TIMBRES`."""

    def __post_init__(self) -> None:
        starts = [sound.start for sound in self.sounds]
        if starts != sorted(starts):
            raise ValueError("sounds must be in order of their starts")

    @cached_property
    def _longest(self) -> float:
        return max((sound.length for sound in self.sounds), default=0.0)

    def _between(self, start: float, end: float) -> Sequence[Sound]:
        """The sounds that may be heard in a stretch."""
        first = bisect_left(self.sounds, start - self._longest - 1, key=lambda sound: sound.start)
        return self.sounds[first : bisect_left(self.sounds, end + 1, key=lambda sound: sound.start)]

    def samples(self, first: int, last: int) -> np.ndarray:
        """The samples from number `first` up to `last`, which is not included: a fresh float32 (last - first,)."""
        track = np.zeros(last - first, np.float32)
        if self.hum:
            for block in range(first // RATE, -(-last // RATE)):
                _lay(track, first, _noise(self.seed, block, round(self.hum / _STEP)), block * RATE)
        for sound in self._between(first / RATE, last / RATE):
            _lay(track, first, _wave(sound, self.timbre), round(sound.start * RATE))
        return track

    def heard(self, start: float, end: float) -> tuple[Fact, ...]:
        """What is heard in a stretch, in order; what is cut by its ends has its start or end there.

        A fact has ``what`` (``sound``), ``kind``, ``pitch`` and ``to`` (Hz at its start and end in the stretch, 0 where
        there is none), ``start`` and ``end`` (seconds), and ``text`` (of a word, None if it is cut; else empty).
        """
        facts = []
        for sound in self._between(start, end):
            begins, ends = max(start, sound.start), min(end, sound.end)
            if ends - begins < _LEAST:
                continue
            whole = start <= sound.start and sound.end <= end
            facts.append(
                {
                    "what": "sound",
                    "kind": sound.kind,
                    "pitch": round(sound.pitch_at(begins), 1),
                    "to": round(sound.pitch_at(ends), 1),
                    "start": round(begins, 3),
                    "end": round(ends, 3),
                    "text": sound.text if whole else None if sound.text else "",
                }
            )
        return tuple(facts)


def _lay(track: np.ndarray, first: int, wave: np.ndarray, start: int) -> None:
    """Add the part of a wave that begins at sample `start` to a track that begins at sample `first`."""
    begins, ends = max(first, start), min(first + len(track), start + len(wave))
    if begins < ends:
        track[begins - first : ends - first] += wave[begins - start : ends - start]


@lru_cache(maxsize=64)
def _noise(seed: int, block: int, steps: int) -> np.ndarray:
    """A second of noise."""
    drawn = np.random.default_rng([seed, block]).integers(-steps, steps, RATE, endpoint=True)
    return _read_only(drawn * _STEP)


@lru_cache(maxsize=128)
def _wave(sound: Sound, timbre: str) -> np.ndarray:
    """All samples of a sound."""
    count = round(sound.length * RATE)
    time = np.arange(count) / RATE
    if sound.kind == "word":
        wave = np.zeros(count)
        said = resampled(spoken(sound.text), SPEECH_RATE)[:count]
        wave[: len(said)] = said
    elif sound.kind in ("thud", "hiss"):
        wave = np.random.default_rng(round(sound.start * RATE)).uniform(-1, 1, count)
        if sound.kind == "thud":
            smooth = np.convolve(wave, np.hanning(24), mode="same")
            wave = (smooth / 8 + np.sin(2 * np.pi * 150 * time)) * np.exp(-6 * time / sound.length)
        else:
            wave = np.diff(wave, prepend=0.0)
    else:
        shares = (1.0, 1.25, 1.5) if sound.kind == "chord" else (1.0,)
        wave = sum((_tone(sound, share, time, timbre) for share in shares), np.zeros(count))
    if sound.kind != "word":
        fade = max(1, min(round(_FADE * RATE), count // 4))
        ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)
        wave[:fade] *= ramp
        wave[count - fade :] *= ramp[::-1]
    return _read_only(np.round(wave / np.abs(wave).max() * sound.loudness / _STEP) * _STEP)


def _tone(sound: Sound, share: float, time: np.ndarray, timbre: str) -> np.ndarray:
    cycles = sound.pitch * time
    if sound.kind == "glide" and sound.to_pitch != sound.pitch:
        growth = math.log(sound.to_pitch / sound.pitch) / sound.length
        cycles = sound.pitch * np.expm1(growth * time) / growth
    highest = max(sound.pitch, sound.to_pitch) * share
    strengths = [s for number, s in enumerate(TIMBRES[timbre], 1) if number * highest <= _HIGHEST]
    parts = (s * np.sin(2 * np.pi * number * share * cycles) for number, s in enumerate(strengths, 1) if s)
    return sum(parts, np.zeros(len(time)))


def _read_only(samples: np.ndarray) -> np.ndarray:
    exact = samples.astype(np.float32)
    exact.flags.writeable = False
    return exact


def resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    """Sound at `RATE` samples per second: float32 (samples,) in [-1, 1].

    Args:
        samples: float (samples,).
        rate: its samples per second.
    """
    if rate == RATE or not len(samples):
        return np.clip(samples, -1, 1).astype(np.float32)
    divisor = math.gcd(rate, RATE)
    period, step = RATE // divisor, rate // divisor  # this many new samples last as long as so many old ones
    cut = min(1.0, RATE / rate) * 0.95
    reach = math.ceil(_TAPS / cut)
    places = np.arange(period) * step / period
    away = np.arange(1 - reach, reach + 1) - (places - np.floor(places))[:, None]
    kernel = cut * np.sinc(cut * away) * np.cos(np.pi / 2 * np.clip(away / reach, -1, 1)) ** 2
    count = math.ceil(len(samples) * RATE / rate)
    rows = -(-count // period)
    padded = np.pad(samples.astype(np.float64), (reach - 1, reach + rows * step - len(samples) + step))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach)
    found = np.empty((rows, period))
    for column, place in enumerate(np.floor(places).astype(int).tolist()):
        found[:, column] = windows[place : place + rows * step : step][:rows] @ kernel[column]
    return np.clip(found.reshape(-1)[:count], -1, 1).astype(np.float32)


def sounds_in_words(facts: Sequence[Fact]) -> str:
    """What is heard, as a sentence of an agent that cannot hear reads it."""
    said = []
    for fact in facts:
        kind, when = fact["kind"], f"from {fact['start']:.2f} s to {fact['end']:.2f} s"
        if kind == "word":
            what = "a voice" if fact["text"] is None else f"a voice that says {fact['text']!r}"
        elif kind == "glide" and fact["pitch"] != fact["to"]:
            what = f"a tone that goes from {fact['pitch']:.0f} Hz to {fact['to']:.0f} Hz"
        elif kind in ("thud", "hiss"):
            what = f"a {kind}"
        else:
            what = f"a {'tone' if kind == 'glide' else kind} of {fact['pitch']:.0f} Hz"
        said.append(f"{what} {when}")
    return "; ".join(said) if said else "nothing"
