"""Search: shortest solutions, checked on a graph where every distance is known."""

import itertools

import pytest

from mmgym_puzzles.search import Planner, distances_to, shortest

SIZE = 6
WALLS = {(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (3, 5), (3, 4), (3, 3), (3, 2), (3, 1)}


def moves(cell):
    for name, (down, right) in {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}.items():
        other = cell[0] + down, cell[1] + right
        if 0 <= other[0] < SIZE and 0 <= other[1] < SIZE and other not in WALLS:
            yield name, other


def crow(cell):
    return SIZE - 1 - cell[0] + SIZE - 1 - cell[1]


def is_goal(cell):
    return cell == (SIZE - 1, SIZE - 1)


def test_a_star_breadth_first_and_the_table_agree():
    table = distances_to([(SIZE - 1, SIZE - 1)], lambda cell: [other for _, other in moves(cell)])
    planner = Planner(moves, is_goal, crow)
    for cell in itertools.product(range(SIZE), repeat=2):
        if cell in WALLS:
            continue
        path, blind = shortest(cell, moves, is_goal, crow), shortest(cell, moves, is_goal)
        assert len(path) == len(blind) == table[cell] == planner.length(cell)
        here = cell
        for move, after in path:
            assert dict(moves(here))[move] == after
            here = after
        assert is_goal(here)
        if not is_goal(cell):
            assert planner.length(dict(moves(cell))[planner.move(cell)]) == table[cell] - 1


def test_no_solution_and_too_many_states_are_told_apart():
    assert shortest(0, lambda n: [("on", min(n + 1, 5))], lambda n: n == 9) is None
    planner = Planner(lambda n: [("on", min(n + 1, 5))], lambda n: n == 9)
    assert planner.length(0) is None and planner.move(0) is None
    with pytest.raises(RuntimeError, match="100 states"):
        shortest(0, lambda n: [("on", n + 1)], lambda n: n < 0, limit=100)
