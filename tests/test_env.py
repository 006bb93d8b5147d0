"""The base environment: options, turns, feedback, snapshots, capabilities."""

import json

import gymnasium as gym
import numpy as np
import pytest
from toy import Corridor, Page

import mmgym_puzzles  # noqa: F401
from mmgym.env import SPLITS, Effect, MultimodalEnv, Unsupported, choose, unwrap
from mmgym.spaces import InvalidAction, ToolCall, tool
from mmgym.testing import check_conformance
from mmgym.wrappers import BlankImage

LEFT, RIGHT = (ToolCall("move", {"direction": way}) for way in ("left", "right"))


def started(**kwargs) -> Corridor:
    env = Corridor(**kwargs)
    env.reset(seed=0)
    env.position, env.goal = 5, 7
    return env


def test_a_solved_episode():
    env = started()
    _, reward, terminated, truncated, info = env.step(RIGHT)
    assert (reward, terminated, truncated, info["success"]) == (0.0, False, False, False)
    _, reward, terminated, truncated, info = env.step(RIGHT.as_dict())
    assert (reward, terminated, truncated, info["success"]) == (1.0, True, False, True)
    assert info["reward_terms"] == {"outcome": 1.0}
    with pytest.raises(gym.error.ResetNeeded):
        env.step(RIGHT)


def test_an_invalid_turn_costs_a_turn_and_is_explained():
    env = started()
    observation, reward, terminated, _, info = env.step({"name": "jump"})
    assert observation["feedback"] == info["feedback"] == "unknown tool 'jump'; tools: move"
    assert (env.turn, reward, terminated, info["action_valid"]) == (1, 0.0, False, False)
    observation, *_, info = env.step(RIGHT)
    assert observation["feedback"] == "" and info["action_valid"]


def test_a_valid_action_without_effect_says_so():
    env = started()
    env.position = 0
    observation, *_, info = env.step(LEFT)
    assert info["action_valid"] and not info["action_effective"] and observation["feedback"] == "There is a wall."


def test_calls_of_a_turn_run_in_order_until_the_end():
    env = started(max_calls=3)
    *_, terminated, _, info = env.step([LEFT, RIGHT, RIGHT])
    assert env.position == 6 and env.turn == 1 and not terminated and info["action_effective"]
    *_, terminated, _, info = env.step([RIGHT, RIGHT, RIGHT])
    assert terminated and env.position == 7
    assert not started(max_calls=3).step([RIGHT] * 4)[-1]["action_valid"]


def test_an_invalid_call_spoils_its_whole_turn():
    env = started(max_calls=3)
    *_, info = env.step([RIGHT, {"name": "jump"}])
    assert env.position == 5 and not info["action_valid"]


def test_the_turn_limit_is_the_instances_unless_given():
    assert started().max_turns == 24
    env = started(max_turns=2)
    assert not env.step(LEFT)[3] and env.step(LEFT)[3]


def test_options_override_the_constructor_for_one_episode():
    env = Corridor(level=2, split="val")
    assert env.reset(seed=0)[1]["split"] == "val"
    info = env.reset(seed=0, options={"level": 1, "split": "ood"})[1]
    assert (info["level"], info["split"]) == (1, "ood")
    assert env.reset(seed=0)[1]["level"] == 2


@pytest.mark.parametrize(
    "bad, allowed",
    [
        ({"level": 3}, "from 1 to 2"),
        ({"split": "dev"}, ", ".join(SPLITS)),
        ({"obs_mode": "video"}, "image, text, both"),
        ({"image_size": 8}, "16 to 4096"),
        ({"image_size": 224.0}, "16 to 4096; got 224.0"),
        ({"max_turns": 0}, "max_turns must be a whole number from 1"),
        ({"max_turns": 2.5}, "max_turns must be a whole number from 1; got 2.5"),
        ({"max_turns": "9"}, "max_turns must be a whole number from 1; got '9'"),
        ({"render_mode": "human"}, "rgb_array"),
        ({"max_calls": 0}, "max_calls must be a whole number from 1"),
        ({"max_calls": 1.5}, "max_calls must be a whole number from 1; got 1.5"),
        ({"max_calls": "2"}, "max_calls must be a whole number from 1; got '2'"),
    ],
)
def test_bad_arguments_name_what_is_allowed(bad, allowed):
    with pytest.raises(ValueError, match=allowed):
        Corridor(**bad)


def test_unknown_arguments_and_options_name_the_known_ones():
    with pytest.raises(TypeError, match=r"Corridor takes no argument 'lvl'; allowed: .*level, max_calls.*split"):
        Corridor(lvl=1)
    for options in ({"lvl": 1}, ["level"]):
        with pytest.raises(ValueError, match=r"options must be a dict with any of level, split and task; got .*l"):
            Corridor().reset(options=options)


def test_of_many_names_the_error_lists_the_closest():
    names = [f"task_{number}" for number in range(99)]
    with pytest.raises(ValueError, match=r"task must be one of 99 names, such as task_17, .*; got 'tsk_17'"):
        choose("task", "tsk_17", names)
    assert choose("task", "task_17", names) == "task_17"


def test_obs_modes_show_the_same_state():
    shown = {mode: Corridor(obs_mode=mode).reset(seed=3)[0] for mode in ("image", "text", "both")}
    assert {mode: list(parts) for mode, parts in shown.items()} == {
        "image": ["image", "feedback"],
        "text": ["text", "feedback"],
        "both": ["image", "text", "feedback"],
    }
    assert np.array_equal(shown["both"]["image"], shown["image"]["image"])
    assert shown["both"]["text"] == shown["text"]["text"]


def test_a_snapshot_brings_back_state_counters_and_chance():
    env = started(max_turns=9)
    env.step({"name": "jump"})
    snapshot = env.snapshot()
    draws = env.np_random.random(3)
    env.step(RIGHT), env.step(RIGHT)
    other = Corridor()
    for target in (env, other):
        observation, info = target.restore(snapshot)
        assert (target.turn, target.max_turns, target.position, info["success"]) == (1, 9, 5, False)
        assert observation["feedback"] == "unknown tool 'jump'; tools: move"
        assert (target.np_random.random(3) == draws).all()
        assert not target.step(RIGHT)[2]


def test_foreign_snapshots_are_refused():
    env = started()
    content = json.loads(env.snapshot())
    for change in ({"version": 99}, {"environment": "Other"}):
        with pytest.raises(ValueError, match="expected Corridor version 1"):
            env.restore(json.dumps({**content, **change}).encode())
    with pytest.raises(ValueError, match="not a snapshot"):
        env.restore(b"half a sn")
    for lost in set(content) - {"environment", "version", "built"}:
        with pytest.raises(ValueError, match=f"not a whole snapshot of Corridor: it lacks {lost}"):
            env.restore(json.dumps({name: value for name, value in content.items() if name != lost}).encode())
    with pytest.raises(ValueError, match="its state lacks 'position'"):
        env.restore(json.dumps({**content, "state": {}}).encode())
    with pytest.raises(ValueError, match="level must be a whole number"):
        env.restore(json.dumps({**content, "level": 99}).encode())


def test_a_snapshot_of_one_that_was_built_otherwise_is_refused():
    env, other = (gym.make("mmgym/FrozenLake-v0", is_slippery=slippery).unwrapped for slippery in (True, False))
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"with \{'preset': None, 'is_slippery': True\}.*expected .*False"):
        other.restore(env.snapshot())
    content = json.loads(env.snapshot())
    del content["built"]  # as older ones are
    other.restore(json.dumps(content).encode())
    preset, level = gym.make("mmgym/Blackjack-v0", preset="rl4vlm").unwrapped, gym.make("mmgym/Blackjack-v0").unwrapped
    level.reset(seed=0)
    with pytest.raises(ValueError, match="'preset': None"):
        preset.restore(level.snapshot())


def test_what_is_not_declared_is_unsupported():
    page = Page()
    page.reset(seed=0)
    for attempt in (
        page.snapshot,
        page.expert,
        lambda: page.restore(b"{}"),
        lambda: page.questions(np.random.default_rng(0)),
        lambda: Page(obs_mode="text"),
    ):
        with pytest.raises(Unsupported, match="Page"):
            attempt()


def test_unwrap_finds_the_environment_or_says_what_is_there():
    env = Corridor()
    assert unwrap(BlankImage(env)) is env
    with pytest.raises(TypeError, match="CartPole"):
        unwrap(gym.make("CartPole-v1"))


def test_an_invalid_action_object_carries_its_message():
    assert started().step(InvalidAction("half a call"))[-1]["feedback"] == "half a call"


def test_the_base_class_states_what_a_subclass_must_define():
    class Unfinished(MultimodalEnv):
        def wait(self) -> None:
            """Not marked as a tool."""

    with pytest.raises(ValueError, match="at least one"):
        Unfinished()


class Hasty(Corridor):
    def __init__(self):
        self.colour = "red"


class Floats(Corridor):
    def _image(self):
        return super()._image() / 255


class Low(Corridor):
    def _image(self):
        return super()._image()[:10]


class Nothing(Corridor):
    def _image(self):
        super()._image()


class Wordy(Corridor):
    def _reward_terms(self):
        return {"outcome": "much"}


class Silent(Corridor):
    @tool
    def poke(self) -> Effect:
        """Poke the wall."""


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Hasty, r"Hasty.__init__ must call super\(\).__init__\("),
        (Floats, r"Floats._image must return a uint8 array \(224, 224, 3\); got float64 \(224, 224, 3\)"),
        (Low, r"Low._image must return a uint8 array \(224, 224, 3\); got uint8 \(10, 224, 3\)"),
        (Nothing, r"Nothing._image must return a uint8 array \(224, 224, 3\); got NoneType"),
        (Wordy, r"Wordy._reward_terms must return numbers by name; got {'outcome': 'much'}"),
        (Silent, r"Silent.poke must return an Effect; got None"),
    ],
)
def test_a_slip_in_a_class_of_ones_own_is_named(kind, said):
    with pytest.raises(TypeError, match=said):
        env = kind()
        env.reset(seed=0)
        env.step({"name": "poke", "arguments": {}} if kind is Silent else RIGHT)
    with pytest.raises(AssertionError, match=said):
        check_conformance(kind)
