"""SlidingTiles: slides, solutions against an exhaustive search, boards far away from all instances."""

import numpy as np
import pytest
from reading import MOVES, find, grid

from mmgym_puzzles.grid import DIRECTIONS
from mmgym_puzzles.search import distances_to
from mmgym_puzzles.sliding_tiles import LEVELS, PARTS, SlidingTiles, _by_parts, _estimate

SOLVED = {size: (*range(1, size * size), 0) for size in (3, 4)}


def slide(direction):
    return {"name": "slide", "arguments": {"direction": direction}}


def after(board):
    """The boards that one slide leads to, written once more."""
    size = {9: 3, 16: 4}[len(board)]
    gap = board.index(0)
    for down, right in MOVES.values():
        row, column = gap // size - down, gap % size - right
        if 0 <= row < size and 0 <= column < size:
            moved = list(board)
            moved[gap], moved[row * size + column] = moved[row * size + column], 0
            yield tuple(moved)


@pytest.fixture(scope="module")
def distances():
    return distances_to([SOLVED[3]], after)


def test_every_solution_of_the_8_puzzle_is_shortest_or_said_not_to_be(distances):
    assert len(distances) == 181_440 and max(distances.values()) == 31
    env = SlidingTiles(image_size=32)
    for board, far in list(distances.items())[::1500]:
        assert _estimate(board) <= far
        env._begin(board)
        assert env._turns_left() == far if far <= 24 else env._turns_left() >= far
    for board in list(distances)[::50]:
        assert all(_estimate(board) <= 1 + _estimate(other) for other in after(board))


@pytest.mark.parametrize("level", [1, 2, 3])
def test_no_solution_of_an_instance_is_shorter_than_the_experts(level, distances):
    env = SlidingTiles(level=level, image_size=32)
    for seed in range(10):
        _, info = env.reset(seed=seed, options={"split": "train" if seed % 2 else "test"})
        assert info["expert_steps"] == distances[env.board]
        assert LEVELS[level].slides[0] <= info["expert_steps"] <= LEVELS[level].slides[1] < LEVELS[level].turns


@pytest.mark.parametrize("level", [4, 5])
def test_the_15_puzzle_is_solved_in_the_fewest_slides(level):
    env = SlidingTiles(level=level, image_size=32)
    _, info = env.reset(seed=level)
    edges, seen, steps = [{env.board}, {SOLVED[4]}], [{env.board}, {SOLVED[4]}], 0
    while not edges[0] & edges[1]:  # from both ends in turns, a layer at a time
        side = steps % 2
        edges[side] = {other for board in edges[side] for other in after(board)} - seen[side]
        seen[side] |= edges[side]
        steps += 1
    assert info["expert_steps"] == steps
    assert LEVELS[level].slides[0] <= steps <= LEVELS[level].slides[1]


@pytest.mark.parametrize("size", PARTS)
def test_from_anywhere_the_expert_finds_home_at_once(size):
    rng = np.random.default_rng(size)
    env = SlidingTiles(image_size=32, max_turns=1000)
    for _ in range(3):
        board = SOLVED[size]
        for _ in range(1000):
            others = list(after(board))
            board = others[rng.integers(len(others))]
        far = board
        for _, reached in _by_parts(board):
            assert reached in set(after(board))
            board = reached
        assert board == SOLVED[size]
    env.reset(seed=0)
    env._begin(far)
    left = []
    while not env.success:
        left.append(env._turns_left())
        env.step(env.expert())
    assert len(left) <= 150 and min(left) == 1


def test_a_tile_slides_into_the_gap_and_none_over_the_edge():
    env, rng = SlidingTiles(level=4, image_size=32, obs_mode="both", max_turns=300), np.random.default_rng(0)
    observation, _ = env.reset(seed=2)
    for _ in range(150):
        rows, direction = grid(observation["text"]), DIRECTIONS[rng.integers(4)]
        ((row, column),), (down, right) = find(rows, "."), MOVES[direction]
        tile = (row - down, column - right)
        free = 0 <= tile[0] < 4 and 0 <= tile[1] < 4
        observation, *_, info = env.step(slide(direction))
        assert info["action_effective"] == free
        assert observation["feedback"] == ("" if free else "No tile can go that way.")
        if free:
            rows[row][column], rows[tile[0]][tile[1]] = rows[tile[0]][tile[1]], "."
        assert grid(observation["text"]) == rows


@pytest.mark.parametrize("bad", [slide("north"), slide(3), slide(""), {"name": "slide", "arguments": {}}, "slide up"])
def test_other_actions_are_told_what_is_allowed(bad):
    env = SlidingTiles(image_size=32)
    env.reset(seed=0)
    before = env.board
    observation, *_, info = env.step(bad)
    assert observation["feedback"] and not info["action_valid"] and env.board == before


def test_pictures_are_whole_when_solved_and_other_by_night():
    env = SlidingTiles(preset="picture", image_size=224)
    day = env.reset(seed=1)[0]["image"]
    start = env.board
    while not env.success:
        image = env.step(env.expert())[0]["image"]
    fresh = SlidingTiles(preset="picture", image_size=224)
    fresh.reset(seed=1)
    fresh.board = SOLVED[3]
    assert (fresh._image() == image).all() and (image != day).any()
    fresh.split = "ood"
    fresh._begin(start)
    assert (fresh._image() != day).mean() > 0.5


def test_numbers_look_alike_wherever_the_tile_lies():
    env = SlidingTiles(image_size=96)
    env.reset(seed=0)
    env._begin((1, 2, 3, 4, 5, 6, 7, 0, 8))
    one = env._image()
    env.board = (2, 1, 3, 4, 5, 6, 7, 8, 0)
    other = env._image()
    assert (one[:32, :32] == other[:32, 32:64]).all() and (one[64:, 64:] == other[64:, 32:64]).all()


def test_questions_are_answered_from_the_state():
    env, answers = SlidingTiles(image_size=32), {}
    env._begin((1, 5, 2, 4, 0, 3, 7, 8, 6))
    for seed in range(60):
        answers |= dict(env.questions(np.random.default_rng(seed)))
    assert set(answers) <= set(SlidingTiles.question_texts)
    assert answers["What is above the gap?"] == "5" and answers["What is right of the gap?"] == "3"
    assert answers["Which row is the gap in?"] == answers["Which column is the gap in?"] == "2"
    assert answers["Which row is tile 6 in?"] == "3" and answers["Which column is tile 5 in?"] == "2"
    assert answers["Which tiles are in place?"] == "1 4 7 8"
    assert answers["What is on the board, row by row?"] == "1 5 2 4 gap 3 7 8 6"
    env.board = (2, 3, 0, 1, 4, 5, 7, 8, 6)
    assert dict(env.questions(np.random.default_rng(0)))["What is above the gap?"] == "edge"
    vocabulary = SlidingTiles.vocabulary()
    assert len(set(vocabulary)) == len(vocabulary)
    assert all(set(answer.split()) <= set(vocabulary) for answer in answers.values())
