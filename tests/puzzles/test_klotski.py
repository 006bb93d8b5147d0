"""Klotski: slides by hand, boards and solutions against a search of its own, what the splits share."""

import numpy as np
import pytest
from reading import MOVES, grid

import mmgym
from mmgym_puzzles.klotski import BLOCKS, LEVELS, Klotski, _choices
from mmgym_puzzles.klotski_boards import arrangement, boards, distances, goal_cell, inverse, turned, turned_board, walls
from mmgym_puzzles.search import distances_to

BOARD = "S.#.R..S..W....."
"""
S . # .
R R . S
R R W W
. . . .
"""


def slide(block, direction):
    return {"name": "slide", "arguments": {"block": block, "direction": direction}}


def make(board=BOARD, **arguments):
    env = Klotski(**{"image_size": 64, "obs_mode": "both", "max_turns": 500, **arguments})
    env.reset(seed=0)
    env._begin((board, arrangement(board), 0))
    return env


def after(letters):
    """The boards that one slide leads to, as rows of letters, written once more."""
    size = len(letters)
    for block in {letter for row in letters for letter in row} - {".", "#"}:
        mine = {(r, c) for r in range(size) for c in range(size) if letters[r][c] == block}
        for name, (down, right) in MOVES.items():
            moved = {(r + down, c + right) for r, c in mine}
            if all(0 <= r < size and 0 <= c < size and letters[r][c] in (".", block) for r, c in moved):
                rows = [[("." if (r, c) in mine else letters[r][c]) for c in range(size)] for r in range(size)]
                for r, c in moved:
                    rows[r][c] = block
                yield (block, name), tuple(map(tuple, rows))


def letters(env):
    return tuple(map(tuple, grid(env._text())))


def alike(rows):
    """Rows of letters, where blocks of one shape have one letter."""
    kinds = {}
    for letter in {letter for row in rows for letter in row}:
        cells = [(r, c) for r, row in enumerate(rows) for c, other in enumerate(row) if other == letter]
        (top, left), (bottom, right) = min(cells), max(cells)
        kinds[letter] = letter if letter in ".#R" else f"{bottom - top}{right - left}"
    corners = {}
    for r, row in enumerate(rows):
        for c, letter in enumerate(row):
            if letter not in ".#":
                corners.setdefault(letter, (r, c))
    return frozenset((kinds[letter], corner) for letter, corner in corners.items())


@pytest.mark.parametrize("level", [1, 2, 3])
def test_no_solution_is_shorter_than_the_experts(level):
    env = Klotski(level=level, image_size=32)
    for seed in range(2):
        _, info = env.reset(seed=seed)
        goal = divmod(env.board.index("R"), env.size)
        seen, edge, steps = {alike(letters(env))}, [letters(env)], 0
        while not any(("R", goal) in alike(rows) for rows in edge):
            edge = [other for rows in edge for _, other in after(rows)]
            kept = {}
            for rows in edge:
                if alike(rows) not in seen:
                    kept.setdefault(alike(rows), rows)
            seen |= set(kept)
            edge, steps = list(kept.values()), steps + 1
        assert info["expert_steps"] == steps
        assert LEVELS[level].fewest <= steps <= LEVELS[level].most < LEVELS[level].turns


@pytest.mark.parametrize("level", [4, 5])
def test_every_slide_changes_the_distance_by_at_most_one_and_one_lessens_it(level):
    env = Klotski(level=level, image_size=32)
    for seed in range(3):
        _, info = env.reset(seed=seed)
        assert LEVELS[level].fewest <= info["expert_steps"] <= LEVELS[level].most < LEVELS[level].turns
        while not env.success:
            left, state, found = env._turns_left(), env._get_state(), []
            for (block, direction), rows in after(letters(env)):
                env._perform(mmgym.ToolCall("slide", {"block": block, "direction": direction}))
                assert letters(env) == rows
                found.append(env._turns_left())
                env._set_state(state)
            assert min(found) == left - 1 and max(found) <= left + 1
            env.step(env.expert())


def test_blocks_slide_over_free_cells_only():
    env, rng = make(), np.random.default_rng(0)
    assert letters(env) == (tuple("A.#."), tuple("RR.B"), tuple("RRCC"), tuple("...."))
    possible = 0
    for _ in range(300):
        env.success = env._terminated = False
        env.max_turns = env.turn + 2
        before, call = letters(env), (BLOCKS[rng.integers(5)], list(MOVES)[rng.integers(4)])
        expected = dict(after(before)).get(call)
        observation, *_, info = env.step(slide(*call))
        assert info["action_effective"] == (expected is not None)
        assert letters(env) == (before if expected is None else expected)
        said = "" if expected else "There is no such block." if call[0] == "D" else "The block is blocked."
        assert observation["feedback"] == said
        possible += expected is not None
    assert possible > 50


def test_turned_boards_are_boards_and_turn_back():
    for size in (4, 5):
        for turn in range(8):
            back = inverse(size, turn)
            for board in boards()[size][:5]:
                assert turned_board(turned_board(board, turn), back) == board
                assert turned(turned(arrangement(board), turn), back) == arrangement(board)
                assert sorted(distances(turned_board(board, turn)).values()) == sorted(distances(board).values())


@pytest.mark.parametrize("bad", [slide("Z", "up"), slide("r", "up"), slide("R", "away"), slide(0, 0), "R up"])
def test_other_actions_are_told_what_is_allowed(bad):
    env = make()
    observation, *_, info = env.step(bad)
    assert observation["feedback"] and not info["action_valid"] and letters(env)[0] == tuple("A.#.")


def test_boards_are_many_can_be_solved_and_are_rotations_of_none():
    for size, rows in boards().items():
        assert len(set(rows)) == len(rows) >= 250
        for split in mmgym.SPLITS:
            assert len(_choices(size, split)) >= 5
        assert sum(len(_choices(size, split)) for split in mmgym.SPLITS) == len(rows)
        alike_boards = {}
        for board in rows:
            for turn in range(8):
                form = turned_board(board, turn)
                others = alike_boards.get((walls(form), goal_cell(form)), [])
                assert not any(arrangement(form) in distances(other) for other in others)
            alike_boards.setdefault((walls(board), goal_cell(board)), []).append(board)
    most = {4: LEVELS[3].most, 5: LEVELS[5].most}
    for size, rows in boards().items():
        for board in rows[::40]:
            table = distances(board)
            assert max(table.values()) >= most[size] and len(table) <= 900
            assert table[arrangement(board)] == 0


def test_what_can_be_reached_from_one_split_is_in_no_other():
    reached = {}
    for split in mmgym.SPLITS:
        env = Klotski(split=split, level=2, image_size=32)
        reached[split] = set()
        for seed in range(20):
            env.reset(seed=seed)
            board = env._instance[0]
            reached[split] |= {(walls(board), state) for state in distances(board)}
    assert len(set.union(*reached.values())) == sum(map(len, reached.values()))


def test_distances_are_those_of_a_search_from_the_goal():
    env = make()
    goal = [
        rows for rows in distances_to([letters(env)], lambda rows: [o for _, o in after(rows)]) if rows[1][0] == "R"
    ]
    solved = [rows for rows in goal if rows[1][1] == rows[2][0] == rows[2][1] == "R"]
    table = distances_to(solved, lambda rows: [other for _, other in after(rows)])
    assert len({alike(rows) for rows in table}) == len(distances(BOARD))
    own = sorted(distances(BOARD).values())
    assert max(table.values()) == own[-1] and own[0] == 0


def test_the_goal_can_be_seen_over_the_red_block():
    env = Klotski(level=1, image_size=224)
    env.reset(seed=0)
    while not env.success:
        image = env.step(env.expert())[0]["image"]
    row, column = divmod(env.board.index("R"), 4)
    there = image[row * 56 : row * 56 + 112, column * 56 : column * 56 + 112].reshape(-1, 3)
    assert (there == (0, 150, 60)).all(axis=1).sum() > 200 and (there == (216, 40, 44)).all(axis=1).sum() > 4000


def test_questions_are_answered_from_the_state():
    env, answers = make(), {}
    for seed in range(80):
        answers |= dict(env.questions(np.random.default_rng(seed)))
    assert set(answers) <= set(Klotski.question_texts)
    assert answers["Which row is the top of block C in?"] == "3"
    assert answers["Which column is the left of block C in?"] == "3"
    assert answers["Can block C slide down?"] == "yes" and answers["Can block C slide up?"] == "no"
    assert answers["How many cells are free?"] == "7" and answers["How many blocks are there?"] == "4"
    assert answers["Which row is the top of the goal in?"] == "2"
    assert answers["What is in every cell, row by row?"].startswith("A free wall free R R free B R R C C")
    vocabulary = Klotski.vocabulary()
    assert len(set(vocabulary)) == len(vocabulary)
    assert all(set(answer.split()) <= set(vocabulary) for answer in answers.values())
