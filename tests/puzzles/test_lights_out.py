"""LightsOut: switches, and that no solution is shorter than the expert's."""

import itertools

import numpy as np
import pytest
from reading import grid

from mmgym_puzzles.lights_out import LEVELS, LightsOut


def press(row, column):
    return {"name": "press", "arguments": {"row": row, "column": column}}


def read(env):
    return np.array([[{"O": 1, ".": 0, "#": -1}[letter] for letter in row] for row in grid(env._text())])


def switched(board, row, column):
    board = board.copy()
    for r, c in ((row, column), (row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
        if 0 <= r < len(board) and 0 <= c < len(board) and board[r, c] >= 0:
            board[r, c] ^= 1
    return board


@pytest.mark.parametrize("level", [1, 2, 3])
def test_no_solution_is_shorter_than_the_experts(level):
    env = LightsOut(level=level, image_size=32)
    for seed in range(8):
        _, info = env.reset(seed=seed)
        board = read(env)
        assert LEVELS[level].presses[0] <= info["expert_steps"] <= LEVELS[level].presses[1]
        lamps = np.argwhere(board >= 0)
        effects = [switched(np.where(board >= 0, 0, -1), r, c) == 1 for r, c in lamps]
        for count in range(min(info["expert_steps"], 5)):
            for chosen in itertools.combinations(effects, count):
                assert (np.logical_xor.reduce([board == 1, *chosen])).any()


def test_a_press_switches_the_lamp_and_its_neighbors_and_no_gap():
    env, rng = LightsOut(level=4, image_size=32, max_turns=200), np.random.default_rng(0)
    env.reset(seed=3)
    assert (read(env) == -1).any()
    for _ in range(100):
        board, (row, column) = read(env), rng.integers(1, 7, 2).tolist()
        *_, terminated, truncated, info = env.step(press(row, column))
        there = row <= len(board) and column <= len(board) and board[row - 1, column - 1] >= 0
        assert info["action_effective"] == there and info["feedback"] == ("" if there else "There is no such lamp.")
        expected = switched(board, row - 1, column - 1) if there else board
        assert (read(env) == expected).all() and terminated == (not (expected == 1).any())
        if terminated or truncated:
            env.reset(seed=4)


def test_questions_are_answered_from_what_is_shown():
    env, posed = LightsOut(level=3, image_size=32), set()
    for seed in range(10):
        env.reset(seed=seed)
        board, asked = read(env), dict(env.questions(np.random.default_rng(seed)))
        posed |= set(asked)
        assert asked["How many lamps are lit?"] == str((board == 1).sum())
        names = {1: "lit", 0: "dark", -1: "gap"}
        assert asked["Look around."] == " ".join(names[cell] for cell in board.ravel().tolist())
        rows = (board == 1).sum(axis=1)
        if "Which row has most lit lamps?" in asked:
            assert asked["Which row has most lit lamps?"] == str(rows.argmax() + 1)
        else:
            assert (rows == rows.max()).sum() > 1
    assert posed == set(LightsOut.question_texts)
