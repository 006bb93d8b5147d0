"""Maze3D: its walks, its expert against a search of its own, its map and its pictures."""

from collections import deque

import numpy as np
import pytest

pytest.importorskip("panda3d")

from mmgym_puzzles.first_person.maze_3d import LEVELS, Maze3D

CALLS = [("rotate", {"direction": "left"}), ("rotate", {"direction": "right"})]
CALLS += [("forward", {"steps": steps}) for steps in range(1, 10)]


def fewest(env):
    """Fewest calls from where `env` stands, by playing every call from every pose."""
    start = (env.agent, env.heading)
    found, queue = {start: 0}, deque([start])
    while queue:
        pose = queue.popleft()
        for name, arguments in CALLS:
            env.agent, env.heading = pose
            getattr(env, name)(**arguments)
            after = (env.agent, env.heading)
            if env.agent == env.goal:
                env.agent, env.heading = start
                return found[pose] + 1
            if after not in found:
                found[after] = found[pose] + 1
                queue.append(after)
    raise AssertionError("the goal cannot be reached")


@pytest.mark.parametrize("level", LEVELS)
def test_no_way_is_shorter_than_the_experts(level):
    env = Maze3D(level=level, obs_mode="text", max_turns=1000)
    env.action_space.seed(level)
    for seed in range(12):
        _, info = env.reset(seed=seed)
        assert info["expert_steps"] == fewest(env)
        for _ in range(5):
            *_, ended, _, _ = env.step(env.action_space.sample())
            if ended:
                break
        else:
            assert env._turns_left() == fewest(env)


def test_a_walk_ends_at_a_wall_and_says_so():
    env = Maze3D(obs_mode="text")
    env._begin((3, frozenset({(0, 1), (1, 2), (2, 5)}), 0, 1, 5, (), 0))
    assert env.forward(9).feedback == "A wall stopped you after 2 steps." and env.agent == 2
    blocked = env.forward(1)
    assert blocked.feedback == "A wall is in the way." and not blocked.effective
    env.rotate("right")
    assert env.forward(9).feedback == "" and env._is_success()


def test_the_text_says_what_is_ahead():
    env = Maze3D(obs_mode="text", map=False)
    env._begin((3, frozenset({(0, 1), (1, 2), (1, 4)}), 0, 1, 2, ((2, 1, 0, 3),), 0))
    assert env._text().splitlines() == [
        "here: left wall, right wall",
        "1 ahead: left wall, right opening",
        "2 ahead: the red ball, left wall, right wall",
        "then a wall with a poster of a blue star",
    ]


def test_the_map_changes_its_corner_alone():
    one, other = Maze3D(map=True), Maze3D(map=False)
    with_map, without = (env.reset(seed=3)[0]["image"] for env in (one, other))
    different = (with_map != without).any(axis=2)
    assert different[: 224 * 3 // 8, 224 - 224 * 3 // 8 :].any()
    different[: 224 * 3 // 8, 224 - 224 * 3 // 8 :] = False
    assert not different.any()


def test_darkness_is_darker():
    means = [Maze3D(level=4, dark=dark).reset(seed=1)[0]["image"].mean() for dark in (True, False)]
    assert means[0] < means[1]


def test_environments_in_one_process_do_not_mix():
    envs = [Maze3D(level=level, image_size=96) for level in (1, 4, 5)]
    alone = [env.reset(seed=2)[0]["image"] for env in envs]
    for env, image in zip(envs, alone, strict=True):
        assert np.array_equal(env._image(), image)


@pytest.mark.parametrize("split", ["train", "ood"])
def test_no_two_posters_are_alike(split):
    env = Maze3D(level=2, obs_mode="text", split=split)
    for seed in range(50):
        env.reset(seed=seed)
        looks = [(color, shape) for _, _, color, shape in env.posters]
        assert len(looks) == len(set(looks)) == 8 and all((shape >= 5) == (split == "ood") for _, shape in looks)
