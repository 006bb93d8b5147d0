"""Spectrograms: what is loud is bright at its time and pitch, always on the same scale, with marks that can be read."""

import numpy as np
import pytest

from mmgym_video.procedural.sound import RATE, Sound, SoundTrack
from mmgym_video.procedural.spectrogram import HIGHEST, LOWEST, TICKS, _plot, draw_spectrogram, seen_part

SIZE = 576, 768


def drawn(*sounds, seconds=10.0, start=0.0, **track):
    samples = SoundTrack(tuple(sounds), **track).samples(round(start * RATE), round((start + seconds) * RATE))
    return draw_spectrogram(samples, start, *SIZE)


def brightest(picture):
    """Time as a share of the stretch, and pitch in Hz, of the brightest pixels' middle."""
    left, top, right, bottom = _plot(*SIZE)
    bright = picture[top:bottom, left:right].sum(axis=2, dtype=int)
    rows, columns = np.nonzero(bright >= bright.max() - 20)
    share = (rows.mean() + 0.5) / (bottom - top)
    return (columns.mean() + 0.5) / (right - left), HIGHEST * (LOWEST / HIGHEST) ** share


def test_a_tone_is_where_its_time_and_pitch_are():
    for pitch in (300.0, 500.0, 1000.0, 2000.0):
        time, found = brightest(drawn(Sound("tone", 6.0, 1.0, pitch)))
        assert time == pytest.approx(0.65, abs=0.01)
        assert found == pytest.approx(pitch, rel=0.03)


def test_a_short_beep_is_seen_in_two_minutes():
    silent = drawn(seconds=120.0)
    beep = drawn(Sound("beep", 60.0, 0.12, 600.0), seconds=120.0)
    assert (np.abs(beep.astype(int) - silent).max(axis=2) > 120).sum() > 10


def test_equal_loudness_has_equal_brightness_whatever_else_is_heard():
    soft, loud = Sound("tone", 1.0, 1.0, 400.0, loudness=0.02), Sound("tone", 5.0, 1.0, 400.0, loudness=0.2)
    left, top, right, bottom = _plot(*SIZE)
    early = (slice(top, bottom), slice(left, left + (right - left) // 4))
    assert np.array_equal(drawn(soft)[early], drawn(soft, loud)[early])
    assert drawn(loud)[top:bottom, left:right].max() > drawn(soft)[top:bottom, left:right].max()


def test_silence_is_black():
    left, top, right, bottom = _plot(*SIZE)
    assert drawn()[top:bottom, left:right].max() < 16


def test_marks_of_time_follow_the_stretch():
    first, second, again = drawn(start=0.0), drawn(start=3600.0), drawn(start=3600.0)
    below = slice(_plot(*SIZE)[3], None)
    assert not np.array_equal(first[below], second[below])
    assert np.array_equal(second, again)


@pytest.mark.parametrize("seconds", [0.1, 0.7, 3.0, 33.0, 120.0])
def test_any_stretch_and_any_size_can_be_drawn(seconds):
    samples = np.zeros(round(seconds * RATE), np.float32)
    for size in ((576, 768), (96, 96), (64, 200)):
        assert draw_spectrogram(samples, 12.3, *size).shape == (*size, 3)


def test_a_part_shows_the_times_and_pitches_within_it():
    whole = seen_part((0.0, 0.0, 1.0, 1.0), 10.0, 20.0, *SIZE)
    assert whole == pytest.approx((10.0, 20.0, LOWEST, HIGHEST))
    left, top, right, bottom = _plot(*SIZE)
    middle = (left + right) / 2 / SIZE[1], (top + bottom) / 2 / SIZE[0]
    part = seen_part((middle[0], 0.0, 1.0, middle[1]), 10.0, 20.0, *SIZE)
    assert part == pytest.approx((15.0, 20.0, (LOWEST * HIGHEST) ** 0.5, HIGHEST))
    assert min(TICKS) > LOWEST and max(TICKS) < HIGHEST
