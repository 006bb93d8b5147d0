"""Search for shortest solutions: breadth-first over all states, A* with an estimate, and plans that are followed.

States are any hashable values. A puzzle gives its moves as a function from a state to (move, state after) pairs.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

__all__ = ["Planner", "distances_to", "shortest"]

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


class Planner(Generic[State, Move]):
    """Remembers a shortest solution and goes on along it; from anywhere else it searches again.

    Args:
        moves: the moves from a state.
        is_goal: whether a state is solved.
        estimate: as in `shortest`.
        limit: states to visit at most.
    """

    def __init__(
        self,
        moves: Moves[State, Move],
        is_goal: Callable[[State], bool],
        estimate: Callable[[State], int] = lambda state: 0,
        limit: int = 2_000_000,
    ):
        self._search = (moves, is_goal, estimate, limit)
        self._known: dict[State, tuple[int, Move | None] | None] = {}

    def length(self, state: State) -> int | None:
        """Fewest moves to the end; None if there is no solution."""
        known = self._look(state)
        return None if known is None else known[0]

    def move(self, state: State) -> Move | None:
        """The first move of a shortest solution; None at the end, or where there is no solution."""
        known = self._look(state)
        return None if known is None else known[1]

    def _look(self, state: State) -> tuple[int, Move | None] | None:
        if state not in self._known:
            path = shortest(state, *self._search)
            if path is None:
                self._known[state] = None
            else:
                states = [state, *(after for _, after in path)]
                made = [*(move for move, _ in path), None]
                for left, (at, move) in enumerate(zip(reversed(states), reversed(made), strict=True)):
                    self._known[at] = (left, move)
        return self._known[state]
