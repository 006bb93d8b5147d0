"""Conformance with Gymnasium, and with what mmgym asks of every Gymnasium method."""

from __future__ import annotations

import functools
import importlib.util
import logging
import pickle
import tempfile
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils.env_checker import check_env

from mmgym.env import SPLITS, unwrap
from mmgym.messages import observation_content
from mmgym.parts import AudioSpace, PartsSpace
from mmgym.spaces import InvalidAction
from mmgym.testing.helpers import (
    Make,
    assert_info,
    assert_value_error,
    building,
    continue_,
    equal,
    invalid_actions,
    play,
    play_vector,
    presets_of,
)

logger = logging.getLogger(__name__)


def check_gymnasium_checker(make: Make, seeds: int) -> None:
    """Gymnasium's own checker finds nothing, not even a warning."""
    with building(make) as env, warnings.catch_warnings():
        warnings.simplefilter("error")
        env.unwrapped.reset(seed=0)  # of a slip in a class mmgym's own message says more than the checker's
        check_env(env.unwrapped, skip_render_check=env.unwrapped.spec is None)


def check_determinism(make: Make, seeds: int) -> None:
    """Equal seeds and actions give equal observations, rewards and infos, here and in another instance."""
    with building(make) as first, building(make) as second:
        if not unwrap(first).capabilities.deterministic:
            return
        played = [play(env, seed=17, steps=50) for env in (first, second, first)]
        for index, (a, b, again) in enumerate(zip(*played, strict=True)):
            assert equal(a, b), f"two instances differ at step {index} of the same seed and actions"
            assert equal(a, again), f"an instance differs from itself after reset, at step {index}"


def check_observations_and_info(make: Make, seeds: int) -> None:
    """Observations lie in their space; `info` has its keys and types; the terms add up to the reward."""
    with building(make) as env:
        inner = unwrap(env)
        names: set[str] = set()
        for seed in range(seeds):
            for observation, reward, terminated, truncated, info in play(env, seed=seed, steps=15):
                assert env.observation_space.contains(observation), "an observation is not in the observation space"
                assert_info(info)
                assert observation.get("feedback", info["feedback"]) == info["feedback"], "two different feedbacks"
                assert type(terminated) is bool and type(truncated) is bool, "terminated and truncated must be bool"
                assert type(reward) is float, f"the reward must be a float; got {type(reward).__name__}"
                if not (terms := info["reward_terms"]):
                    continue
                measures = info["measures"]
                assert all(type(v) is float and np.isfinite(v) for v in measures.values()), f"no floats: {measures}"
                assert not set(measures) & {*terms, "valid", "effective"}, f"a measure has a term's name: {measures}"
                names = names or set(terms)
                assert set(terms) == names, (
                    f"reward_terms must have the same names each turn; {names} became {set(terms)}"
                )
                assert all(type(v) is float and np.isfinite(v) for v in terms.values()), f"not finite floats: {terms}"
                assert abs(reward - sum(terms.values())) < 1e-9, f"the reward {reward} is not the sum of {terms}"
        assert "outcome" in names, f"reward_terms must name the outcome; got {names}"
        assert inner.instruction.strip(), "the instruction is empty: an agent could not know the goal"


def check_invalid_actions(make: Make, seeds: int) -> None:
    """No action raises; an invalid one costs a turn, changes nothing and is explained."""
    with building(make) as env:
        inner = unwrap(env)
        env.reset(seed=1)
        for kind, action in invalid_actions(inner):
            key, turn = inner.state_key(), inner.turn
            _, _, terminated, truncated, info = env.step(action)
            assert not info["action_valid"], f"{kind} was accepted"
            same = inner.state_key() == key or not inner.capabilities.alone
            assert same and not info["action_effective"], f"{kind} changed the state"
            assert info["feedback"], f"{kind} got no feedback"
            assert inner.turn == turn + 1, f"{kind} did not cost a turn"
            if terminated or truncated:
                env.reset(seed=1)


def check_options(make: Make, seeds: int) -> None:
    """Bad options and arguments raise and name what is allowed."""
    with building(make) as env:
        inner = unwrap(env)
        bad: dict[str, list[Any]] = {
            "level": [0, inner.levels + 1, "1", None, True, 1.5, [1], float("nan")],
            "split": ["nonesuch", None, 3, ["train"], b"train"],
        }
        for name, values in bad.items():
            allowed = str(inner.levels) if name == "level" else "train"
            for value in values:
                assert_value_error(functools.partial(env.reset, options={name: value}), allowed)
                assert_value_error(functools.partial(make, **{name: value}), allowed)
        no_options: list[Any] = [3, "level", ["level"], {"nonesuch": 1}, {1: 1}]
        for options in no_options:
            assert_value_error(functools.partial(env.reset, options=options), "level, split and task")
        for task in ("nonesuch", 3.5, ["any"], {"any": 1}, b"any"):
            assert_value_error(functools.partial(env.reset, options={"task": task}), "task")
        presets = presets_of(env)
    arguments: dict[str, list[Any]] = {
        "obs_mode": ["nonesuch", None, 1, ["image"]],
        "image_size": [15, 4097, 0, -224, "224", 224.5, [224], True, float("nan")],
        "max_turns": [0, -1, "5", 1.5, [5], True, float("nan")],
        "max_calls": [0, -1, "2", None, 1.5, [2], True],
        "render_mode": ["nonesuch"],
        "preset": ["nonesuch", 3, ["nonesuch"], ""] if presets else [],
    }
    for name, values in arguments.items():
        for value in values:
            assert_value_error(functools.partial(make, **{name: value}), name)


def check_splits_and_levels(make: Make, seeds: int) -> None:
    """Every split and level starts, unsolved; where splits are disjoint by content, no instance is shared."""
    with building(make) as env:
        inner = unwrap(env)
        for level in range(1, inner.levels + 1):
            keys: dict[str, set[str]] = {}
            for split in SPLITS:
                options = {"level": level, "split": split}
                for seed in range(seeds):
                    observation, info = env.reset(seed=seed, options=options)
                    assert (info["level"], info["split"]) == (level, split), f"asked for {options}, got {info}"
                    assert env.observation_space.contains(observation), f"observation outside its space for {options}"
                    assert not info["success"], f"{options}, seed {seed}: solved before the first turn"
                    keys.setdefault(split, set()).add(inner.state_key())
            if inner.capabilities.splits == "content":
                for index, split in enumerate(SPLITS):
                    for other in SPLITS[:index]:
                        assert not keys[split] & keys[other], f"level {level}: {split} and {other} share an instance"


def check_turn_limit(make: Make, seeds: int) -> None:
    """The turn limit lies inside the environment, and a step after the end raises."""
    with building(make, max_turns=2) as env:
        env.reset(seed=0)
        assert not env.step(InvalidAction("first"))[3], "truncated before max_turns"
        assert env.step(InvalidAction("second"))[3], "not truncated at max_turns=2"
        try:
            env.step(InvalidAction("third"))
        except gym.error.ResetNeeded:
            return
        raise AssertionError("step after the end must raise gymnasium.error.ResetNeeded")


def check_pickling(make: Make, seeds: int) -> None:
    """A pickled environment goes on as the original does."""
    with building(make) as env:
        inner = unwrap(env)
        play(env, seed=5, steps=3, restart=False)
        copy = pickle.loads(pickle.dumps(env))
        if inner.capabilities.snapshot == "state":
            assert unwrap(copy).state_key() == inner.state_key(), "the state is lost"
            assert equal(continue_(env, 8), continue_(copy, 8)), "a pickled environment continues differently"
        assert equal(env.reset(seed=6), copy.reset(seed=6)), "a pickled environment resets differently"
        copy.close()


def check_spec(make: Make, seeds: int) -> None:
    """The JSON of the spec builds an equal environment."""
    with building(make) as env:
        if env.spec is None:
            return
        copy = gym.make(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
        assert equal(env.reset(seed=2), copy.reset(seed=2)), "the environment made of its own JSON spec differs"
        copy.close()


def check_rendering(make: Make, seeds: int) -> None:
    """Rendering gives a picture of the declared size, and the default observation shows one."""
    with building(make, render_mode="rgb_array") as env:
        observation, _ = env.reset(seed=0)
        picture, wanted = env.render(), (*unwrap(env).image_shape, 3)
        assert isinstance(picture, np.ndarray) and picture.dtype == np.uint8, "render must give a uint8 array"
        assert picture.shape == wanted, f"image_shape says {wanted}; rendered {picture.shape}"
        assert int(picture.max()) > int(picture.min()), "the picture is one flat colour"
        images = [part["image"] for part in observation_content(env.observation_space, observation) if "image" in part]
        assert images, "the default observation shows no image"


def check_vector_environments(make: Make, seeds: int) -> None:
    """The in-process vector environment works."""
    vector = gym.vector.SyncVectorEnv([make, make])
    try:
        play_vector(vector)
    finally:
        vector.close()


def check_worker_processes(make: Make, seeds: int) -> None:
    """Environments in worker processes do what those in-process do, with their texts whole."""
    with building(make) as env:
        parts = unwrap(env).observation_space.spaces.values()
        shared = not any(isinstance(part, (gym.spaces.Sequence, PartsSpace, AudioSpace)) for part in parts)
        deterministic = unwrap(env).capabilities.deterministic
    vectors = [gym.vector.SyncVectorEnv([make, make]), gym.vector.AsyncVectorEnv([make, make], shared_memory=shared)]
    try:
        played = [play_vector(vector) for vector in vectors]
        assert not deterministic or equal(*played), "environments in worker processes differ from those in-process"
    finally:
        for vector in vectors:
            vector.close()


def check_record_video(make: Make, seeds: int) -> None:
    """`RecordVideo` works."""
    if importlib.util.find_spec("moviepy") is None:
        logger.warning("RecordVideo was not checked: moviepy is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "videos")
        env = gym.wrappers.RecordVideo(make(render_mode="rgb_array"), str(target), disable_logger=True)
        play(env, seed=0, steps=3, restart=False)
        env.close()
        assert any(target.glob("*.mp4")), "no video was written"
