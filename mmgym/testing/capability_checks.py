"""Conformance of what goes beyond Gymnasium: branch points, keys, experts, questions, text twins, formats."""

from __future__ import annotations

import functools
import json
from typing import Any

import gymnasium as gym
import numpy as np

from mmgym import formats
from mmgym.env import unwrap
from mmgym.messages import check_observation_space, is_image, is_image_sequence
from mmgym.parts import PartsSpace
from mmgym.spaces import InvalidAction
from mmgym.testing.helpers import (
    Make,
    assert_info,
    assert_unsupported,
    assert_value_error,
    building,
    continue_,
    equal,
    play,
    presets_of,
)


def check_snapshot(make: Make, seeds: int) -> None:
    """What follows a restored snapshot is what would have followed, random draws included, at levels and presets."""
    with building(make) as env, building(make) as fresh:
        inner = unwrap(env)
        env.reset(seed=3)
        if inner.capabilities.snapshot == "none":
            return assert_unsupported(inner.snapshot)
        snapshot = _check_branch(env, fresh, 1)
        for garbage in (b"", b"{}", b"\xff", b"[1]", snapshot[: len(snapshot) // 2]):
            assert_value_error(functools.partial(inner.restore, garbage), "snapshot")
        # A replay takes its time: the hardest level stands for those between.
        second = max(2, inner.levels) if inner.capabilities.snapshot == "replay" else 2
        for level in range(second, inner.levels + 1):
            _check_branch(env, fresh, level, steps=4)
        presets = presets_of(env)
    for preset in presets:
        with building(make, preset=preset) as env, building(make, preset=preset) as fresh:
            _check_branch(env, fresh, 1, steps=4, where=f"preset {preset}")
    return None


def _check_branch(
    env: gym.Env[Any, Any], fresh: gym.Env[Any, Any], level: int, steps: int = 10, where: str = ""
) -> bytes:
    """A snapshot in the middle of an episode, once it is found to lead both environments to the same end."""
    inner, other, where = unwrap(env), unwrap(fresh), where or f"level {level}"
    last = play(env, seed=3, steps=4, restart=False, options={"level": level})[-1][0]
    snapshot = inner.snapshot()
    assert isinstance(snapshot, bytes) and "version" in json.loads(snapshot), "a snapshot is versioned JSON"
    following = continue_(env, steps), inner.np_random.random()
    fresh.reset(seed=99)
    for target, wrapped in ((inner, env), (other, fresh)):
        observation, info = target.restore(snapshot)
        assert_info(info)
        assert equal(observation, last), f"{where}: restore shows another observation"
        assert target.snapshot() == snapshot, f"{where}: the snapshot of a restored environment differs"
        same = equal((continue_(wrapped, steps), target.np_random.random()), following)
        assert same, f"{where}: what follows differs"
    return snapshot


def check_state_key(make: Make, seeds: int) -> None:
    """The key follows the state alone: not the turn count, not the instance of the class."""
    with building(make) as env, building(make) as other:
        inner = unwrap(env)
        for seed in range(seeds):
            env.reset(seed=seed)
            other.reset(seed=seed)
            key = inner.state_key()
            assert key == unwrap(other).state_key(), "two instances of one seed have different keys"
            env.step(InvalidAction("counts a turn"))
            assert inner.state_key() == key or not inner.capabilities.alone, "the key depends on the turn count"
            inner.action_space.seed(seed)
            terminated = truncated = inner.turn >= inner.max_turns
            while not (terminated or truncated):
                key = inner.state_key()
                *_, terminated, truncated, info = env.step(inner.action_space.sample())
                changed = inner.state_key() != key
                assert changed or not info["action_effective"] or inner.action_space.max_calls > 1, (
                    "effective, same key"
                )
                assert not changed or info["action_effective"], "the key changed by an action that was not effective"


def check_expert(make: Make, seeds: int) -> None:
    """The expert's calls are valid and it solves what it claims to, in the turns it says."""
    with building(make) as env:
        inner = unwrap(env)
        env.reset(seed=0)
        if inner.capabilities.expert == "none":
            return assert_unsupported(inner.expert)
        for level in range(1, inner.levels + 1):
            for seed in range(seeds):
                _, start = env.reset(seed=seed, options={"level": level})
                info, turns, terminated, truncated = start, 0, False, False
                while not (terminated or truncated):
                    key = inner.state_key()
                    call = inner.expert()
                    assert inner.state_key() == key, "asking the expert changed the state"
                    *_, terminated, truncated, info = env.step(call)
                    turns += 1
                    assert info["action_valid"], f"the expert's call {call} is invalid: {info['feedback']}"
                if inner.capabilities.expert == "solves":
                    where = f"level {level}, seed {seed}"
                    assert info["success"], f"{where}: the expert fails after {turns} turns"
                    wanted, exact = start["expert_steps"], inner.capabilities.expert_steps == "exact"
                    fits = turns == wanted if exact else 1 <= wanted <= turns
                    assert fits, f"{where}: expert_steps says {wanted}, the expert took {turns}"
    return None


def check_questions(make: Make, seeds: int) -> None:
    """Questions and answers are text, depend on the generator alone, and change nothing."""
    with building(make) as env:
        inner = unwrap(env)
        env.reset(seed=0)
        if not inner.capabilities.questions:
            return assert_unsupported(lambda: inner.questions(np.random.default_rng(0)))
        for seed in range(seeds):
            env.reset(seed=seed)
            key = inner.state_key()
            asked = inner.questions(np.random.default_rng(seed))
            assert asked and isinstance(asked, list), "questions must be a list with at least one question"
            for question in asked:
                assert isinstance(question, tuple) and len(question) == 2, f"expected (text, answer); got {question!r}"
                assert all(isinstance(text, str) and text.strip() for text in question), (
                    f"empty or no text: {question!r}"
                )
            assert asked == inner.questions(np.random.default_rng(seed)), "equal generators give different questions"
            assert inner.state_key() == key, "asking changed the state"
    return None


def check_text_twin(make: Make, seeds: int) -> None:
    """The text twin shows the same state without an image."""
    with building(make) as env:
        if not unwrap(env).capabilities.text_twin:
            return assert_unsupported(lambda: make(obs_mode="text"))
        image, _ = env.reset(seed=4)
    with building(make, obs_mode="text") as env:
        for part in unwrap(env).observation_space.spaces.values():
            shows = is_image(part) or is_image_sequence(part) or isinstance(part, PartsSpace)
            assert not shows, "the text twin carries an image"
        text, _ = env.reset(seed=4)
        assert isinstance(text.get("text"), str) and text["text"].strip(), 'the text twin has no "text"'
    with building(make, obs_mode="both") as env:
        both, _ = env.reset(seed=4)
        assert both["text"] == text["text"], 'obs_mode="both" shows another text than "text"'
        assert all(equal(value, image[name]) for name, value in both.items() if name in image), (
            '"both" shows another image'
        )
    return None


def check_messages_and_formats(make: Make, seeds: int) -> None:
    """Observations can be shown, and calls written in every format are read back."""
    with building(make) as env:
        check_observation_space(env.observation_space)
        space = unwrap(env).action_space
        space.seed(0)
        for format in formats.FORMATS:
            assert formats.instructions(space, format), f"no instructions for {format}"
            for _ in range(10):
                calls = space.parse(space.sample())
                text = formats.render(calls, space, format)
                assert formats.parse(text, space, format) == calls, f"{text!r} is not read back as {calls}"
        if space.is_finite:
            names = formats.labels(space)
            assert len(set(names)) == len(space.calls), f"the labels of the calls are not distinct: {names}"
