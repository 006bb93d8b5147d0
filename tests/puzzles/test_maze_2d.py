"""Maze2D: walls, fog, and that no way is shorter than the expert's."""

import numpy as np
import pytest
from reading import MOVES, find, grid

from mmgym_puzzles.grid import DIRECTIONS
from mmgym_puzzles.maze_2d import LEVELS, Maze2D


def move(direction):
    return {"name": "move", "arguments": {"direction": direction}}


def make(**arguments):
    return Maze2D(**{"image_size": 64, "obs_mode": "both", **arguments})


def way(rows):
    """Steps from A to G, read off the letters; a step goes over two of them."""
    (start,), (goal,) = find(rows, "A"), find(rows, "G")
    far, queue = {start: 0}, [start]
    for r, c in queue:
        for down, right in MOVES.values():
            after = (r + 2 * down, c + 2 * right)
            if rows[r + down][c + right] != "#" and after not in far:
                far[after] = far[r, c] + 1
                queue.append(after)
    return far[goal]


@pytest.mark.parametrize("level", LEVELS)
def test_no_way_is_shorter_than_the_experts(level):
    env = make(level=level, fog=False)
    for seed in range(20):
        observation, info = env.reset(seed=seed)
        rows = grid(observation["text"])
        assert info["expert_steps"] == way(rows)
        assert LEVELS[level].way[0] <= way(rows) <= LEVELS[level].way[1]
        assert len(rows) == 2 * LEVELS[level].size + 1
        reachable = sum(letter != "#" for row in rows for letter in row)
        assert reachable == 2 * LEVELS[level].size ** 2 - 1 + LEVELS[level].loops


def test_walls_stop_and_say_so():
    env, rng = make(level=2, max_turns=500), np.random.default_rng(0)
    observation, _ = env.reset(seed=2)
    for _ in range(200):
        rows, direction = grid(observation["text"]), DIRECTIONS[rng.integers(4)]
        ((r, c),), (down, right) = find(rows, "A"), MOVES[direction]
        free = rows[r + down][c + right] != "#"
        observation, _, terminated, _, info = env.step(move(direction))
        assert info["action_effective"] == free and observation["feedback"] == ("" if free else "A wall is in the way.")
        expected = (r + 2 * down, c + 2 * right) if free else (r, c)
        assert find(grid(observation["text"]), "A") == [expected]
        if terminated:
            observation, _ = env.reset(seed=3)


def test_fog_lifts_and_hides_nothing_again():
    foggy, clear = make(level=4), make(level=4, fog=False)
    foggy.reset(seed=5), clear.reset(seed=5)
    before = None
    for _ in range(foggy._expert_steps()):
        one, other = grid(foggy._text()), grid(clear._text())
        shown = {(r, c) for r, row in enumerate(one) for c, letter in enumerate(row) if letter != "?"}
        assert all(one[r][c] == other[r][c] for r, c in shown)
        assert before is None or before <= shown
        assert len(shown) < len(one) ** 2
        before, action = shown, foggy.expert()
        foggy.step(action), clear.step(action)
    assert foggy.success and clear.success


def test_fog_can_be_asked_for():
    assert "?" in make(level=1, fog=True).reset(seed=0)[0]["text"]
    assert "?" not in make(level=5, fog=False).reset(seed=0)[0]["text"]


def test_a_picture_in_fog_shows_no_more_than_the_text():
    env = make(level=3)
    first, _ = env.reset(seed=1)
    kept = first["image"].copy()
    env.step(env.expert())
    again = make(level=3, split="val")
    again.reset(seed=9)
    assert (again.restore(env.snapshot())[0]["image"] == env._image()).all()
    assert (first["image"] == kept).all()
