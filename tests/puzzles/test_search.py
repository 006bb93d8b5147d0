"""Search: shortest solutions, checked on a graph where every distance is known."""

import itertools

import pytest

from mmgym_puzzles.search import distances_to, follow, plan, shortest

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
    for cell in itertools.product(range(SIZE), repeat=2):
        if cell in WALLS:
            continue
        path, blind = shortest(cell, moves, is_goal, crow), shortest(cell, moves, is_goal)
        planned = plan(cell, moves, is_goal, crow)
        assert len(path) == len(blind) == table[cell] == planned[cell][0]
        here = cell
        for move, after in path:
            assert dict(moves(here))[move] == after
            here = after
        assert is_goal(here)
        assert planned == follow(cell, path) and planned[here] == (0, None)
        for state, (left, move) in planned.items():
            assert left == table[state] and (is_goal(state) or table[dict(moves(state))[move]] == left - 1)


def test_no_solution_and_too_many_states_are_told_apart():
    assert shortest(0, lambda n: [("on", min(n + 1, 5))], lambda n: n == 9) is None
    assert plan(0, lambda n: [("on", min(n + 1, 5))], lambda n: n == 9) is None
    with pytest.raises(RuntimeError, match="100 states"):
        shortest(0, lambda n: [("on", n + 1)], lambda n: n < 0, limit=100)


def test_a_path_that_comes_by_twice_goes_on_from_the_last_time():
    assert follow("a", [("x", "b"), ("y", "a"), ("z", "c")]) == {"a": (1, "z"), "b": (2, "y"), "c": (0, None)}
