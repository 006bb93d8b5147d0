"""AudioVisualQA: what is heard, spectrograms, limits, the expert, the probe without sound, replay, own files."""

import pickle

import numpy as np
import pytest
from video.episodes import call, play

from mmgym.messages import observation_content
from mmgym.wrappers import MutedSound
from mmgym_video import audio_visual_qa
from mmgym_video.audio_visual_qa import LONGEST, PAUSE, AudioVisualQA
from mmgym_video.datasets.native import write_questions
from mmgym_video.procedural.audio_catalogue import AUDIO_FAMILIES
from mmgym_video.procedural.sound import RATE, Sound, SoundTrack
from mmgym_video.procedural.sound_stage import SoundStage
from mmgym_video.procedural.stage import Stage
from mmgym_video.question import Question
from mmgym_video.write import write_video

SMALL = {"frame_size": (192, 256), "preview": "none"}


def make(**arguments):
    return AudioVisualQA(**{**SMALL, **arguments})


@pytest.mark.parametrize("family", AUDIO_FAMILIES)
@pytest.mark.parametrize("sound", ["whole", "asked"])
def test_the_expert_answers_what_it_heard_and_saw(family, sound):
    env = make(sound=sound)
    for level in range(1, 6):
        calls, info = play(env, level, level=level, task=family)
        assert info["success"], (family, level)
        assert ("listen" in {one.name for one in calls}) == (sound == "asked" or level >= 3)


def test_a_short_video_is_heard_whole_at_the_start_and_no_more():
    env = make()
    observation, _ = env.reset(seed=1)
    assert observation["sound"].shape == (60 * RATE,) and np.abs(observation["sound"]).max() > 0.2
    assert "whole sound is in this message" in observation["task"]
    assert np.array_equal(observation["sound"], env.video.sound(0.0, 60.0))
    assert [
        part["sampling_rate"] for part in observation_content(env.observation_space, observation) if "audio" in part
    ]
    observation, *_ = env.step(call("get_frame", time=3.0))
    assert observation["sound"].shape == (0,) and observation["sound"].dtype == np.float32


def test_a_long_video_is_heard_by_asking():
    env = make(level=3)
    observation, _ = env.reset(seed=1)
    assert observation["sound"].shape == (0,) and "listen gives it" in observation["task"]
    observation, _, _, _, info = env.step(call("listen", start=100.0, end=103.5))
    assert np.array_equal(observation["sound"], env.video.sound(100.0, 103.5))
    assert "100 s to 103.5 s" in observation["feedback"]
    assert info["measures"]["listens"] == 1 and info["measures"]["looks"] == 1 and info["measures"]["frames"] == 0
    *_, info = env.step(call("listen", start=100.0, end=103.5))
    assert info["measures"]["repeats"] == 1


def test_two_stretches_of_one_turn_follow_one_another():
    env = make(level=3, max_calls=3)
    env.reset(seed=1)
    calls = [call("listen", start=5.0, end=6.0), call("note", text="x"), call("listen", start=9.0, end=11.0)]
    observation, *_ = env.step(calls)
    pieces = env.video.sound(5.0, 6.0), np.zeros(round(PAUSE * RATE), np.float32), env.video.sound(9.0, 11.0)
    assert np.array_equal(observation["sound"], np.concatenate(pieces))
    assert env.observation_space.contains(observation)


@pytest.mark.parametrize("tool", ["listen", "spectrogram"])
@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        (5.0, 5.0, "empty"),
        (9.0, 2.0, "empty"),
        (590.0, 601.0, "ends at 600 s"),
        (0.0, LONGEST + 1, "0.1 to 120 s long"),
        (3.0, 3.05, "0.1 to 120 s long"),
    ],
)
def test_a_stretch_that_cannot_be_heard_is_explained_and_costs_a_turn(tool, start, end, why):
    env = make(level=3)
    env.reset(seed=1)
    key = env.state_key()
    observation, _, _, _, info = env.step(call(tool, start=start, end=end))
    assert why in observation["feedback"] and not info["action_effective"] and env.state_key() == key
    assert info["action_valid"] and info["measures"]["look_errors"] == 1 and len(observation["sound"]) == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, "3"])
def test_what_is_no_time_is_an_invalid_action(value):
    env = make(level=3)
    env.reset(seed=1)
    for tool in ("listen", "spectrogram"):
        *_, info = env.step(call(tool, start=value, end=30.0))
        assert not info["action_valid"] and info["feedback"]


def test_a_spectrogram_is_a_picture_that_costs_one_and_can_be_zoomed_into():
    env = make(level=3, frame_budget=2)
    env.reset(seed=1)
    start = env.instance.case.listens[0].start
    observation, _, _, _, info = env.step(call("spectrogram", start=start, end=start + 20))
    caption, whole = observation["frames"]
    assert caption == f"Picture 1, spectrogram of the sound from {start:g} s to {start + 20:g} s:"
    assert whole.shape == (192, 256, 3) and info["measures"]["frames"] == 1 and env.frames_left == 1
    observation, *_ = env.step(call("zoom", frame=1, left=100, top=0, right=600, bottom=500))
    caption, part = observation["frames"]
    assert "a part of it" in caption and part.shape == (192, 256, 3) and not np.array_equal(part, whole)
    observation, *_ = env.step(call("spectrogram", start=start, end=start + 20))
    assert "0 of 2 are left" in observation["feedback"]


def test_a_spectrogram_is_a_hit_where_it_shows_the_evidence():
    env = make(families=("audio_tone",))
    env.reset(seed=1)
    ((start, end),) = env.question.evidence
    assert 2 < start < end < 50
    stretches = ((0.0, start - 1), 0.0), ((start, end), 1.0), ((end + 1, 60.0), 0.0), ((end - 1, 60.0), 1.0)
    for (begin, until), hits in stretches:
        assert env.step(call("spectrogram", start=begin, end=until))[4]["measures"]["hits"] == hits
    *_, info = env.step(call("zoom", frame=4, left=500, top=0, right=1000, bottom=1000))
    assert info["measures"]["hits"] == 0.0, "the later part has no evidence"


def test_the_text_twin_tells_what_is_heard_but_not_words_from_a_spectrogram():
    env = make(obs_mode="text", families=("audio_voice",), level=2)
    observation, _ = env.reset(seed=2)
    assert list(observation) == ["task", "text", "feedback"]
    word = next(sound for sound in env.instance.case.video.track.sounds if sound.kind == "word")
    assert f"a voice that says '{word.text}' from {word.start:.2f} s" in observation["text"]
    observation, *_ = env.step(call("spectrogram", start=word.start - 1, end=word.end + 1))
    assert "a voice from" in observation["text"] and word.text not in observation["text"]


def test_words_of_a_part_of_a_spectrogram_are_those_of_its_times_and_pitches():
    env = make(obs_mode="text", families=("audio_tone",), level=2)
    env.reset(seed=2)
    tone = next(sound for sound in env.instance.case.video.track.sounds if sound.kind == "tone")
    env.step(call("spectrogram", start=tone.start - 2, end=tone.end + 2))
    whole = {"left": 0, "top": 0, "right": 1000, "bottom": 1000}
    told = {}
    for edges in ({}, {"right": 300}, {"bottom": 150}, {"top": 100, "left": 200}):
        observation, *_ = env.step(call("zoom", frame=1, **{**whole, **edges}))
        told[tuple(edges)] = "a tone" in observation["text"]
    assert told == {(): True, ("right",): False, ("bottom",): False, ("top", "left"): True}


def test_muted_nothing_is_heard_in_any_way():
    muted, loud = make(mute=True, obs_mode="both"), make(obs_mode="both")
    for env in (muted, loud):
        env.reset(seed=3)
    for options in ({"level": 1}, {"level": 3}):
        silent, heard = (env.reset(seed=3, options=options)[0] for env in (muted, loud))
        assert (
            silent["task"] == heard["task"]
            and not silent["sound"].any()
            and len(silent["sound"]) == len(heard["sound"])
        )
        listen = muted.instance.case.listens[0]
        stretch = {"start": listen.start, "end": listen.end}
        pictures = []
        for tool in ("listen", "spectrogram"):
            silent, heard = (env.step(call(tool, **stretch))[0] for env in (muted, loud))
            assert not silent["sound"].any() and len(silent["sound"]) == len(heard["sound"])
            pictures += [silent["frames"], heard["frames"]]
            assert "nothing." in silent["text"] and "nothing." not in heard["text"]
        assert not np.array_equal(pictures[2][1], pictures[3][1])
        assert pictures[2][1][10:150, 40:240].max() < 16


def test_the_muted_expert_guesses():
    env = make(mute=True, level=2)
    right = sum(play(env, seed, task="audio_tone")[1]["success"] for seed in range(60))
    assert 4 <= right <= 30


def test_the_general_wrapper_mutes_the_waveform_too():
    env = MutedSound(make())
    observation, _ = env.reset(seed=3)
    assert len(observation["sound"]) == 60 * RATE and not observation["sound"].any()


def test_a_snapshot_and_a_pickle_bring_back_what_was_heard():
    env = make(level=3)
    env.reset(seed=4)
    shown = env.step(call("listen", start=10.0, end=12.0))[0]
    kept = env.snapshot()
    env.step(call("spectrogram", start=20.0, end=30.0))
    copy, key = pickle.loads(pickle.dumps(env)), env.state_key()
    assert copy.state_key() == key and copy.listened == ((10.0, 12.0),)
    again, _ = copy.restore(kept)
    assert np.array_equal(again["sound"], shown["sound"]) and again["feedback"] == shown["feedback"]
    assert copy.state_key() != key


def test_what_was_heard_is_part_of_the_state_but_not_when():
    first, second = make(level=3), make(level=3)
    for env in (first, second):
        env.reset(seed=4)
    assert first.state_key() == second.state_key()
    first.step(call("listen", start=10.0, end=12.0))
    assert first.state_key() != second.state_key()
    second.step(call("listen", start=10.0, end=12.0))
    first.step(call("listen", start=1.0, end=0.0))
    assert first.state_key() == second.state_key()


def test_questions_about_what_is_heard_are_exact():
    env = make(families=("audio_count",))
    env.reset(seed=5)
    asked = dict(env.questions(np.random.default_rng(0)))
    beeps = sum(sound.kind == "beep" for sound in env.instance.case.video.track.sounds)
    assert asked["How many beeps are heard from 0 s to 60 s?"] == str(beeps)
    assert asked["Is anything heard from 0 s to 60 s?"] == "yes"


def test_the_shuffled_probe_leaves_the_sound_in_order():
    env, other = make(), make(shuffled=True)
    first, second = (one.reset(seed=6)[0] for one in (env, other))
    assert np.array_equal(first["sound"], second["sound"])


def test_without_a_voice_its_families_are_left_out_unless_they_are_named(monkeypatch):
    monkeypatch.setattr(audio_visual_qa, "has_speech", lambda: False)
    assert "audio_voice" not in make().source.tasks and len(make().source.tasks) == len(AUDIO_FAMILIES) - 1
    with pytest.raises(ValueError, match=r"audio_voice need a voice: pip install \"mmgym\[speech\]\""):
        make(families=("audio_tone", "audio_voice"))
    with pytest.raises(ValueError, match="families must be one of"):
        make(families=("nonesuch",))


@pytest.mark.parametrize(
    ("name", "value", "allowed"), [("sound", "some", "whole, asked"), ("mute", 1, "True or False")]
)
def test_arguments_that_are_not_allowed_are_refused(name, value, allowed):
    with pytest.raises(ValueError, match=allowed):
        make(**{name: value})


def test_a_users_own_files_are_heard_at_the_same_rate(tmp_path):
    pytest.importorskip("av")
    loud = SoundStage(4.0, size=(48, 64), track=SoundTrack((Sound("tone", 1.0, 1.0, 500.0),)))
    write_video(loud, tmp_path / "loud.mp4", preset="ultrafast")
    write_video(Stage(4.0, size=(48, 64)), tmp_path / "silent.mp4", preset="ultrafast")
    rows = [Question(name, f"{name}.mp4", "Which?", "a", ("a", "b"), family=name) for name in ("loud", "silent")]
    write_questions(tmp_path / "rows.jsonl", rows)
    env = make(questions=str(tmp_path / "rows.jsonl"))
    observation, _ = env.reset(seed=0, options={"task": "loud"})
    assert len(observation["sound"]) == pytest.approx(4 * RATE, abs=2000)
    assert np.abs(observation["sound"][round(1.2 * RATE) : round(1.8 * RATE)]).max() == pytest.approx(0.4, abs=0.1)
    assert np.abs(observation["sound"][round(2.3 * RATE) :]).max() < 0.05
    observation, *_ = env.step(call("spectrogram", start=0.5, end=2.5))
    assert len(observation["frames"]) == 2
    observation, _ = env.reset(seed=0, options={"task": "silent"})
    assert len(observation["sound"]) == 0 and "silent" in observation["task"]
    observation, *_ = env.step(call("listen", start=0.0, end=1.0))
    assert observation["feedback"] == "This video has no sound."
