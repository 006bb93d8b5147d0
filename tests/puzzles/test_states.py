"""States: keys, snapshots and what follows from them."""

import json
import pickle

import numpy as np
import pytest

from mmgym_puzzles.frozen_lake import FrozenLake
from mmgym_puzzles.sokoban import Sokoban

CASES = [
    (FrozenLake, {"level": 3}),
    (FrozenLake, {"preset": "two_holes"}),
    (FrozenLake, {"preset": "vagen_slippery"}),
    (Sokoban, {"level": 1}),
    (Sokoban, {"level": 4}),
]


def make(kind, arguments):
    return kind(**{"image_size": 48, "obs_mode": "both", **arguments})


def same(one, other):
    assert one.keys() == other.keys()
    return all(np.array_equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(("kind", "arguments"), CASES)
def test_what_follows_a_restored_snapshot_is_what_would_have_followed(kind, arguments):
    env, other = make(kind, arguments), make(kind, arguments)
    other.reset(seed=99, options={"split": "ood"})
    for seed in range(12):
        env.reset(seed=seed, options={"split": "test"})
        env.action_space.seed(seed)
        for _ in range(2):
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset(options={"split": "test"})
        shot = env.snapshot()
        _, info = other.restore(shot)
        assert other.snapshot() == shot and other.state_key() == env.state_key()
        assert other.layout_key() == env.layout_key() and info["split"] == "test"
        assert info["expert_steps"] == env._info({})["expert_steps"]
        ended = False
        while not ended:
            assert env.expert() == other.expert()
            action = env.action_space.sample()
            one, two = env.step(action), other.step(action)
            assert same(one[0], two[0]) and one[1:] == two[1:]
            ended = one[2] or one[3]


@pytest.mark.parametrize(("kind", "arguments"), CASES)
def test_a_pickled_environment_goes_on_alike(kind, arguments):
    env = make(kind, arguments)
    env.reset(seed=5)
    twin = pickle.loads(pickle.dumps(env))
    for _ in range(3):
        action = env.expert()
        one, two = env.step(action), twin.step(action)
        assert same(one[0], two[0]) and one[1:] == two[1:]
        if one[2] or one[3]:
            break


@pytest.mark.parametrize(("kind", "arguments"), CASES)
def test_the_key_is_the_state_and_nothing_else(kind, arguments):
    env, bare = make(kind, arguments), kind(**arguments, obs_mode="text", max_turns=5)
    env.reset(seed=1), bare.reset(seed=1)
    key = env.state_key()
    assert key == bare.state_key() and len(key) == 32
    env.step({"name": "fly"})  # costs a turn, changes nothing
    assert env.turn == 1 and env.state_key() == key
    env.np_random.random()
    assert env.state_key() == key
    keys = {key}
    for seed in range(2, 12):
        env.reset(seed=seed)
        keys.add(env.state_key())
    assert len(keys) == 11


def test_going_back_gives_the_first_key_again():
    env = make(FrozenLake, {"preset": "two_holes"})
    env.reset(seed=1)
    first = env.state_key()
    start, holes = env.lake.start, env.lake.holes
    back = {"up": "down", "down": "up", "left": "right", "right": "left"}
    there = next(d for d in back if (cell := env_step(start, d)) >= 0 and cell not in (*holes, env.lake.goal))
    env.step({"name": "move", "arguments": {"direction": there}})
    assert env.state_key() != first
    env.step({"name": "move", "arguments": {"direction": back[there]}})
    assert env.state_key() == first


def env_step(cell, direction):
    row, column = divmod(cell, 4)
    row, column = (
        row + (direction == "down") - (direction == "up"),
        column + (direction == "right") - (direction == "left"),
    )
    return row * 4 + column if 0 <= row < 4 and 0 <= column < 4 else -1


def test_a_pushed_box_changes_the_key():
    env = make(Sokoban, {"level": 1})
    env.reset(seed=0)
    before = json.loads(env.snapshot())["state"]
    keys = {env.state_key()}
    for _ in range(env._expert_steps()):
        env.step(env.expert())
        keys.add(env.state_key())
    after = json.loads(env.snapshot())["state"]
    assert before["boxes"] != after["boxes"] == after["targets"] and before["walls"] == after["walls"]
    assert len(keys) == env._expert_steps() + 1


@pytest.mark.parametrize(("kind", "arguments"), CASES)
def test_equal_seeds_give_equal_episodes(kind, arguments):
    runs = []
    for _ in range(2):
        env = make(kind, arguments)
        run = [env.reset(seed=7)[0]["image"].tobytes()]
        env.action_space.seed(7)
        for _ in range(60):
            observation, reward, terminated, truncated, _ = env.step(env.action_space.sample())
            run.append((observation["image"].tobytes(), reward, env.state_key()))
            if terminated or truncated:
                run.append(env.reset()[0]["image"].tobytes())
        runs.append(run)
    assert runs[0] == runs[1]
