"""Search for shortest solutions: breadth-first over all states, A* with an estimate, and plans that are followed.

States are any hashable values. A puzzle gives its moves as a function from a state to (move, state after) pairs.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

__all__ = ["distances_to", "follow", "plan", "shortest"]

State = TypeVar("State", bound=Hashable)
Move = TypeVar("Move")
Moves = Callable[[State], Iterable[tuple[Move, State]]]


def distances_to(goals: Iterable[State], before: Callable[[State], Iterable[State]]) -> dict[State, int]:
    """Fewest moves from every state that can be solved to the nearest of `goals`, by breadth-first search.

    Args:
        goals: states at distance 0.
        before: the states from which one move leads to a state; where moves can be undone, those it leads to.
    """
    distance = dict.fromkeys(goals, 0)
    queue = list(distance)
    for state in queue:
        further = distance[state] + 1
        for other in before(state):
            if other not in distance:
                distance[other] = further
                queue.append(other)
    return distance


def shortest(
    start: State,
    moves: Moves[State, Move],
    is_goal: Callable[[State], bool],
    estimate: Callable[[State], int] = lambda state: 0,
    limit: int = 2_000_000,
) -> list[tuple[Move, State]] | None:
    """A shortest solution by A*: its moves, each with the state after it; None if there is no solution.

    Args:
        start: where to begin.
        moves: the moves from a state.
        is_goal: whether a state is solved.
        estimate: a lower bound of the moves left; a consistent one (it falls by at most 1 a move) visits no state
            twice. Without it this is breadth-first search.
        limit: states to visit at most.

    Raises:
        RuntimeError: when `limit` is reached.
    """
    came: dict[State, tuple[Move, State] | None] = {start: None}
    cost = {start: 0}
    order = itertools.count()
    # Of states with equal sums, the one found last goes first: it is the deepest.
    queue = [(estimate(start), 0, start)]
    closed = set()
    while queue:
        _, _, state = heapq.heappop(queue)
        if state in closed:
            continue
        if is_goal(state):
            return _walk(came, state)
        closed.add(state)
        if len(closed) > limit:
            raise RuntimeError(f"no solution found among {limit} states")
        for move, after in moves(state):
            if cost[state] + 1 < cost.get(after, 1 << 30):
                cost[after] = cost[state] + 1
                came[after] = (move, state)
                heapq.heappush(queue, (cost[after] + estimate(after), -next(order), after))
    return None


def _walk(came: dict[State, tuple[Move, State] | None], state: State) -> list[tuple[Move, State]]:
    path = []
    while (step := came[state]) is not None:
        move, before = step
        path.append((move, state))
        state = before
    return path[::-1]


def plan(
    start: State,
    moves: Moves[State, Move],
    is_goal: Callable[[State], bool],
    estimate: Callable[[State], int] = lambda state: 0,
    limit: int = 2_000_000,
) -> dict[State, tuple[int, Move | None]] | None:
    """Every state of a shortest solution, with the moves left from it and the next one (None at the end).

    The arguments are those of `shortest`; None if there is no solution. The plan depends on nothing else, so an expert
    that follows it does the same in every process.
    """
    path = shortest(start, moves, is_goal, estimate, limit)
    return None if path is None else follow(start, path)


def follow(start: State, path: list[tuple[Move, State]]) -> dict[State, tuple[int, Move | None]]:
    """Every state that a path from `start` comes through, with the moves left from it and the next one."""
    states = [start, *(after for _, after in path)]
    made: list[Move | None] = [*(move for move, _ in path), None]
    return {state: (len(path) - k, move) for k, (state, move) in enumerate(zip(states, made, strict=True))}
