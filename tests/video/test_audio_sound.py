"""Sound tracks: the same samples whatever is asked for, of even loudness, and told in words as they are heard."""

from dataclasses import replace

import numpy as np
import pytest

from mmgym_video.procedural.audio_catalogue import AUDIO_FAMILIES
from mmgym_video.procedural.family import DURATIONS, Setting
from mmgym_video.procedural.sound import KINDS, RATE, TIMBRES, Sound, SoundTrack, resampled, sounds_in_words
from mmgym_video.procedural.sound_stage import SoundStage

ONE_OF_EACH = SoundTrack(
    tuple(
        Sound(kind, 0.3 + 1.25 * number, 0.8, 440.0, 880.0, 0.4, "star" if kind == "word" else "")
        for number, kind in enumerate(KINDS)
    ),
    hum=0.02,
    seed=5,
)
TRACKS = pytest.mark.parametrize("timbre", TIMBRES)


def loudest_pitch(samples):
    """Hz of the strongest part of a sound."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * RATE / len(samples)


def test_any_stretch_has_the_samples_of_the_whole():
    whole = ONE_OF_EACH.samples(0, 10 * RATE)
    assert whole.dtype == np.float32 and whole.any()
    for first, last in ((0, 1), (4799, 4801), (16000, 32000), (31999, 70001), (100, 159_999), (7, 7)):
        assert np.array_equal(ONE_OF_EACH.samples(first, last), whole[first:last])


def test_hours_into_a_video_the_samples_are_the_same_in_any_cut():
    late = 7000.0
    track = SoundTrack((Sound("tone", late + 0.5, 1.0, 500.0),), hum=0.01, seed=1)
    first = round(late * RATE)
    whole = track.samples(first, first + 2 * RATE)
    cut = [track.samples(a, a + 3200) for a in range(first, first + 2 * RATE, 3200)]
    assert np.array_equal(np.concatenate(cut), whole)
    assert np.abs(whole[RATE : RATE + 1000]).max() > 0.2 > 0.011 > np.abs(whole[: RATE // 4]).max()


def test_samples_are_whole_steps_so_that_sums_are_exact():
    samples = ONE_OF_EACH.samples(0, 10 * RATE).astype(np.float64) * 2**15
    assert np.array_equal(samples, np.round(samples))


def test_a_changed_sample_is_the_callers_alone():
    ONE_OF_EACH.samples(0, RATE)[:] = 1
    assert np.abs(ONE_OF_EACH.samples(0, RATE)).max() < 0.5


@TRACKS
def test_a_tone_has_its_pitch(timbre):
    for pitch in (262.0, 500.0, 1046.5, 2080.0):
        track = SoundTrack((Sound("tone", 0.0, 1.0, pitch),), timbre=timbre)
        assert loudest_pitch(track.samples(0, RATE)) == pytest.approx(pitch, abs=1)


def test_a_glide_goes_from_pitch_to_pitch():
    sound = Sound("glide", 0.0, 2.0, 400.0, 800.0)
    samples = SoundTrack((sound,)).samples(0, 2 * RATE)
    for time in (0.2, 1.0, 1.8):
        part = samples[round((time - 0.05) * RATE) : round((time + 0.05) * RATE)]
        assert loudest_pitch(part) == pytest.approx(sound.pitch_at(time), abs=15)
    assert sound.pitch_at(1.0) == pytest.approx(400 * 2**0.5)


@TRACKS
def test_sounds_come_and_go_without_a_click(timbre):
    for kind in ("beep", "tone", "glide", "chord"):
        sound = Sound(kind, 0.1, 0.25, 440.0, 660.0, 0.4)
        samples = SoundTrack((sound,), timbre=timbre).samples(0, RATE)
        begun, ended = round(0.1 * RATE), round(0.35 * RATE)
        assert not samples[:begun].any() and not samples[ended:].any()
        assert np.abs(samples[begun : begun + 8]).max() < 0.01 and np.abs(samples[ended - 8 : ended]).max() < 0.01
        assert np.abs(samples).max() == pytest.approx(0.4, abs=1e-3)


def test_no_video_is_ever_louder_than_nine_tenths():
    for level in (2, 5):
        for name, family in AUDIO_FAMILIES.items():
            case = family.draw(np.random.default_rng(level), Setting(level, duration=DURATIONS[level]))
            for listen in case.listens:
                peak = np.abs(case.video.sound(listen.start, listen.end)).max()
                assert 0.2 < peak <= 0.9, (name, level, peak)


def test_what_is_cut_is_told_as_far_as_it_is_heard():
    glide = Sound("glide", 1.0, 1.0, 400.0, 800.0)
    word = Sound("word", 4.0, 0.8, text="star")
    track = SoundTrack((glide, word))
    assert track.heard(0.0, 6.0) == (
        {"what": "sound", "kind": "glide", "pitch": 400.0, "to": 800.0, "start": 1.0, "end": 2.0, "text": ""},
        {"what": "sound", "kind": "word", "pitch": 0.0, "to": 0.0, "start": 4.0, "end": 4.8, "text": "star"},
    )
    [half] = track.heard(1.5, 3.0)
    assert (half["start"], half["end"], half["to"]) == (1.5, 2.0, 800.0)
    assert half["pitch"] == pytest.approx(565.7)
    [cut] = track.heard(4.2, 6.0)
    assert cut["text"] is None
    assert track.heard(1.98, 3.0) == () == track.heard(2.0, 4.0)
    assert sounds_in_words(track.heard(0.0, 6.0)) == (
        "a tone that goes from 400 Hz to 800 Hz from 1.00 s to 2.00 s; a voice that says 'star' from 4.00 s to 4.80 s"
    )
    assert sounds_in_words([cut]) == "a voice from 4.20 s to 4.80 s"
    assert sounds_in_words(()) == "nothing"


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_resampling_keeps_a_sine_wave(rate):
    time = np.arange(rate) / rate
    found = resampled(0.5 * np.sin(2 * np.pi * 700 * time), rate)
    assert found.dtype == np.float32 and len(found) == RATE
    wanted = 0.5 * np.sin(2 * np.pi * 700 * np.arange(RATE) / RATE)
    assert np.abs(found - wanted)[200:-200].max() < 2e-3


def test_resampling_removes_what_the_new_rate_cannot_hold():
    time = np.arange(44100) / 44100
    found = resampled(0.5 * np.sin(2 * np.pi * 12000 * time), 44100)
    assert np.abs(found[200:-200]).max() < 0.01


def test_wrong_sounds_and_times_are_refused():
    with pytest.raises(ValueError, match="kind must be one of beep"):
        Sound("buzz", 0.0, 1.0)
    with pytest.raises(ValueError, match="loudness"):
        Sound("tone", 0.0, 1.0, 440.0, loudness=2.0)
    with pytest.raises(ValueError, match="a word takes"):
        Sound("word", 0.0, 0.2, text="star")
    with pytest.raises(ValueError, match="order"):
        SoundTrack((Sound("tone", 1.0, 1.0, 440.0), Sound("tone", 0.0, 1.0, 440.0)))
    stage = SoundStage(10.0, track=ONE_OF_EACH)
    for start, end in ((-1.0, 2.0), (3.0, 2.0), (0.0, 10.1), (float("nan"), 1.0), (0.0, float("nan"))):
        with pytest.raises(ValueError, match="0 <= start <= end <= 10"):
            stage.sound(start, end)


def test_a_stage_of_another_size_sounds_the_same():
    stage = SoundStage(10.0, track=ONE_OF_EACH)
    other = replace(stage, size=(96, 128))
    assert other.frames([1.0])[0].image.shape == (96, 128, 3)
    assert stage.sample_rate == other.sample_rate == RATE
    assert np.array_equal(other.sound(0.0, 10.0), stage.sound(0.0, 10.0))
