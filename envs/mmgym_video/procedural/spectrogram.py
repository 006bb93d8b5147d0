"""A spectrogram as a picture: for those who see but do not hear.

Time goes to the right, pitch upwards in octaves, and brighter is louder, always on the same scale.
"""

from __future__ import annotations

import cv2
import numpy as np

from mmgym.draw import Color, blank, draw_text
from mmgym_video.pictures import Box
from mmgym_video.procedural.sound import RATE

__all__ = ["draw_spectrogram", "seen_part"]

WINDOW = 1024
"""Samples of a Fourier transform: 64 ms."""
TICKS = {125: "125", 250: "250", 500: "500", 1000: "1k", 2000: "2k", 4000: "4k"}
"""Pitches that are marked, in Hz, an octave apart."""
LOWEST, HIGHEST = 125 / 2**0.5, 4000 * 2**0.5
QUIET, LOUD = -70.0, -10.0
"""Decibels of a sine wave, 0 for one that fills [-1, 1], that are black and white."""
STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds from one mark of the time to the next: the first that leaves at most `MOST_MARKS`."""
MOST_MARKS = 6
LINES = 15
"""Lines of text that a picture is high."""

_GROUND: Color = (250, 250, 250)
_INK: Color = (20, 20, 24)
_CHUNK = 1024
"""Transforms that are made at once, so that a long stretch takes little memory."""


def draw_spectrogram(samples: np.ndarray, start: float, height: int, width: int) -> np.ndarray:
    """Draw a stretch of sound: uint8 (height, width, 3).

    Args:
        samples: float32 (samples,) in [-1, 1], at `RATE` samples per second; at least one.
        start: when it begins, in seconds, for the marks of time.
        height: of the picture in pixels; a line of text takes a fifteenth of it.
        width: of the picture in pixels.
    """
    line = height / LINES
    left, top, right, bottom = _plot(height, width)
    image = blank(height, width, _GROUND)
    loudness = _loudness(samples, bottom - top, right - left)
    shades = np.round((np.clip(loudness, QUIET, LOUD) - QUIET) * (255 / (LOUD - QUIET))).astype(np.uint8)
    image[top:bottom, left:right] = cv2.applyColorMap(shades, cv2.COLORMAP_INFERNO)[:, :, ::-1]
    tick = max(1, round(line / 4))
    for pitch, name in TICKS.items():
        y = top + (bottom - top) * np.log(HIGHEST / pitch) / np.log(HIGHEST / LOWEST)
        image[round(y) : round(y) + max(1, tick // 3), left - tick : left] = _INK
        draw_text(image, name, left - 1.4 * tick, y, line, _INK, anchor="right")
    draw_text(image, "Hz", left - 1.4 * tick, top + 0.1 * line, 0.9 * line, _INK, anchor="right", bold=True)
    seconds = len(samples) / RATE
    step = next((step for step in STEPS if seconds / step <= MOST_MARKS), STEPS[-1])
    for number in range(int(np.ceil(start / step - 1e-6)), int((start + seconds) / step + 1e-6) + 1):
        x = left + (number * step - start) / seconds * (right - left)
        image[bottom : bottom + tick, round(x) : round(x) + max(1, tick // 3)] = _INK
        text = f"{number * step:.1f}" if step < 1 else f"{number * step:.0f}"
        if x < right - 0.8 * line:
            draw_text(image, text, x, bottom + 0.85 * line, line, _INK)
    draw_text(image, "s", width - 0.2 * line, bottom + 0.85 * line, line, _INK, anchor="right", bold=True)
    return image


def _plot(height: int, width: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is drawn between the marks, in pixels."""
    line = height / LINES
    return round(2.4 * line), round(0.4 * line), width - round(0.8 * line), height - round(1.5 * line)


def seen_part(box: Box, start: float, end: float, height: int, width: int) -> tuple[float, float, float, float]:
    """What a part of a spectrogram shows: from and until when (seconds), lowest and highest pitch (Hz).

    Args:
        box: the part.
        start: when the stretch begins that the spectrogram shows, in seconds.
        end: when it ends.
        height: of the whole picture in pixels.
        width: of the whole picture in pixels.
    """
    left, top, right, bottom = _plot(height, width)
    across = [min(max((edge * width - left) / (right - left), 0.0), 1.0) for edge in (box[0], box[2])]
    down = [min(max((edge * height - top) / (bottom - top), 0.0), 1.0) for edge in (box[1], box[3])]
    from_, until = (start + (end - start) * share for share in across)
    high, low = (HIGHEST * (LOWEST / HIGHEST) ** share for share in down)
    return from_, until, low, high


def _loudness(samples: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Decibels at each pitch (from high to low) and time: float (rows, columns)."""
    window = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
    hop = min(max(len(samples) // columns, 32), WINDOW // 4)
    count = -(-len(samples) // hop)
    padded = np.pad(samples, (WINDOW // 2, WINDOW // 2 + hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::hop][:count]
    pitches = HIGHEST * (LOWEST / HIGHEST) ** ((np.arange(rows) + 0.5) / rows)
    places = pitches * WINDOW / RATE
    below = places.astype(int)
    share = (places - below).astype(np.float32)
    found = []
    for first in range(0, count, _CHUNK):
        spectrum = np.abs(np.fft.rfft(frames[first : first + _CHUNK] * window)) * (2 / window.sum())
        level = 20 * np.log10(np.maximum(spectrum, 1e-6))
        found.append(level[:, below] * (1 - share) + level[:, below + 1] * share)
    levels = np.concatenate(found)
    # The loudest moment of each column, so that what is short is seen in a long stretch too.
    edges = np.arange(columns) * len(levels) // columns
    return np.asarray(np.maximum.reduceat(levels, edges, axis=0).T)
