"""Probes: what is taken away, what that costs one who looks, and what a classifier learns from a text that tells."""

import json
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

from benchmarks import trained_probes
from benchmarks.probing.drawing import DrawsNothing
from benchmarks.trained_probes import (
    OTHERS,
    only_submit_is_left,
    probe,
    probed,
    question_of,
    show,
    submitted,
    summary,
    told,
)
from mmgym.bench.records import Folder, run_name
from mmgym.bench.run import BenchConfig, bench
from mmgym.bench.summary import compare_runs
from mmgym.env import unwrap
from mmgym.registry import EnvironmentEntry, entries
from mmgym.rollout.host import load_attribute, put_on
from mmgym.wrappers import PROBES, ShuffledFrames

LAKE, FILM, HEARD = "mmgym/FrozenLake-v0", "mmgym/VideoQA-v0", "mmgym/AudioVisualQA-v0"


def frames(env, seed):
    observation, _ = env.reset(seed=seed, options={"level": 1})
    parts = observation["frames"]
    return [part for part in parts if isinstance(part, str)], [p.tobytes() for p in parts if not isinstance(p, str)]


def test_shuffled_frames_are_the_same_frames_under_the_times_of_others():
    plain, shuffled, other = (gym.make(FILM), ShuffledFrames(gym.make(FILM)), ShuffledFrames(gym.make(FILM), seed=1))
    moved = 0
    for seed in range(6):
        (times, pictures), (said, shown) = frames(plain, seed), frames(shuffled, seed)
        assert said == times and sorted(shown) == sorted(pictures) and (said, shown) == frames(shuffled, seed)
        moved += shown != pictures
    assert moved >= 4
    assert [frames(other, seed) for seed in range(6)] != [frames(shuffled, seed) for seed in range(6)]
    observation, *_ = shuffled.step(None)
    assert shuffled.observation_space.contains(observation)


@pytest.mark.parametrize(("name", "id"), [("shuffled", LAKE), ("muted", FILM)])
def test_a_probe_refuses_what_has_nothing_to_take_away(name, id):
    with pytest.raises(TypeError, match=f"{load_attribute(PROBES[name]).__name__} needs"):
        put_on(PROBES[name], gym.make(id))


def test_silence_is_as_long_as_the_sound():
    plain, muted = gym.make(HEARD), put_on(PROBES["muted"], gym.make(HEARD))
    sound, silence = (env.reset(seed=3)[0]["sound"] for env in (plain, muted))
    assert np.abs(sound).max() > 0 and not silence.any() and silence.shape == sound.shape


def test_the_benchmark_says_what_looking_is_worth(tmp_path):
    config = BenchConfig(agent="looking:Looks", suite=LAKE, episodes=2, out=str(tmp_path / "plain"))
    plain = bench(config)
    blank = bench(replace(config, probe="blank", out=str(tmp_path / "blank")))
    found = compare_runs(plain, blank)
    assert found.difference.clusters == 10 and found.only_second == 0 and found.difference.value > 0.5
    about = Folder(tmp_path / "blank").about()
    assert about["probe"] == "blank" and about["wrappers"] == [PROBES["blank"]] and "blank" in run_name(about)
    with pytest.raises(ValueError, match=r"holds a run with another probe \('blank' there, 'swapped' here\)"):
        bench(replace(config, probe="swapped", out=str(tmp_path / "blank")))


def test_environments_without_what_a_probe_takes_away_are_left_out(tmp_path):
    config = BenchConfig(agent="weak", suite="video", episodes=1, probe="muted", out=str(tmp_path / "muted"))
    assert {record.env for record in bench(config)} == {HEARD}
    assert Folder(tmp_path / "muted").about()["left_out"] == ["mmgym/ImageQA-v0", FILM]
    with pytest.raises(ValueError, match=f"no environment of {LAKE} has what the probe muted takes away"):
        bench(replace(config, suite=LAKE, out=str(tmp_path / "no")))
    with pytest.raises(ValueError, match="probe must be one of blank, swapped, shuffled, muted; got 'deaf'"):
        bench(replace(config, probe="deaf", out=str(tmp_path / "no")))


# --- trained probes ---------------------------------------------------------------------------------------------------


@pytest.fixture
def corridor():
    """An entry of the corridor, shown as it is asked."""
    made = []

    def make(obs_mode):
        id = f"toy/Corridor{obs_mode}-v0"
        gym.register(id, entry_point="toy:Corridor", kwargs={"obs_mode": obs_mode})
        made.append(id)
        return EnvironmentEntry(id, "toy:Corridor", "toy", "", ("move",), levels=2)

    yield make
    for id in made:
        del gym.registry[id]


def test_a_text_that_gives_the_move_away_fails_the_probe(corridor):
    result = probe(corridor("both"), 1, fit=200, held_out=100)
    assert result["asked"] == "move" and not result["passes"] and "first" in result
    assert result["score"] > 0.9 > result["best_constant"] and result["held_out"] == 100
    found = summary({"toy/Corridor-v0/1": result})
    assert found["failing"] == ["toy/Corridor-v0/1"] and found["asked"] == {"move": 1}
    assert show({"toy/Corridor-v0/1": result}).row_count == 1


def test_where_only_pixels_differ_there_is_nothing_to_learn_from(corridor):
    result = probe(corridor("image"), 1, fit=300, held_out=150)
    assert result["passes"] and result["told_the_same"] and 0.4 < result["best_constant"] < 0.65


@pytest.mark.parametrize(
    ("id", "asked", "label"),
    [
        ("mmgym/Counting-v0", "answer", '"number": '),
        ("mmgym/Grounding-v0", "move", '"left": '),
        ("mmgym/ImageQA-v0", "option", ""),
    ],
)
def test_what_is_asked_of_an_environment(id, asked, label):
    env = gym.make(id)
    env.reset(seed=0)
    assert question_of(unwrap(env)) == asked
    first, again, other = (told(env, seed, 1, asked) for seed in (5, 5, 6))
    assert first.label == again.label and first.words == again.words and label in first.label
    assert first.call.name in {tool.name for tool in unwrap(env).action_space.tools}
    assert first.label != other.label or first.options.words != other.options.words
    if asked == "move":
        assert set(json.loads(first.label)["arguments"].values()) <= {0, 1, 2, 3}


def test_chance_is_that_of_each_form_of_a_question():
    (charts,) = (entry for entry in probed() if entry.id == "mmgym/Charts-v0")
    result = probe(charts, 2, fit=400, held_out=200)
    assert set(result["forms"]) == {"value", "difference", "sum", "count", "most"}
    assert sum(form["n"] for form in result["forms"].values()) == 200
    hits = sum(form["n"] * form["best_constant"] for form in result["forms"].values())
    assert result["best_constant"] >= hits / 200 - 1e-4


def test_a_move_that_is_handed_in_is_scored_by_the_environment(monkeypatch):
    monkeypatch.setattr(trained_probes, "CELLS", (8,))
    monkeypatch.setattr(trained_probes, "CHOOSING", 50)
    env = DrawsNothing(gym.make("mmgym/ReferringPoint-v0", disable_env_checker=True))
    assert only_submit_is_left(env, 3)
    assert not only_submit_is_left(gym.make("mmgym/Layout3D-v0", disable_env_checker=True), 3)

    def peeped(one):
        at = one.call.arguments
        return replace(one, words=(*one.words, f"at {8 * at['x'] // 224} {8 * at['y'] // 224}"))

    blind = [told(env, seed, 3, "move") for seed in range(800)]
    results = [submitted(env, 3, known[:600], iter(known[600:] * 2), 200) for known in (blind, [*map(peeped, blind)])]
    assert all(result["submitted"] and result["cells"] == 8 and result["held_out"] == 200 for result in results)
    assert results[0]["score"] < 0.06 < 0.12 < results[1]["score"] and not results[1]["passes"]


def test_every_environment_is_probed_or_said_not_to_be():
    here = {entry.id for entry in probed()}
    named = [part for name in OTHERS for part in name.split(", ")]
    for entry in entries():
        assert entry.id in here or any(part in entry.id for part in named), entry.id
