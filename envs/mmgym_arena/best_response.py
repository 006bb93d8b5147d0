"""How much a policy can be exploited: what the exact best response to it wins, in games small enough to walk through.

The response knows the policy and sees what its seat may see, no more: states that it cannot tell apart are answered
alike (backward induction over what it knows, as in Lanctot et al. 2019, OpenSpiel). Perfect recall is assumed: what a
seat knows in a turn tells what it knew before.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from mmgym.spaces import ToolCall
from mmgym.trajectory import Trajectory
from mmgym_arena.game import Game, State
from mmgym_arena.seat import seen_key

__all__ = ["Policy", "best_response_value", "counted", "expected_scores", "exploitability", "uniform"]

Policy = Callable[[Game, State, int], Sequence[tuple[ToolCall, float]]]
"""For a game, a state and a seat: calls that may be made, and how likely each is. It reads what the seat may see."""

Weighted = list[tuple[State, float]]


def uniform(game: Game, state: State, seat: int) -> list[tuple[ToolCall, float]]:
    """Every legal call, all equally likely."""
    legal = game.legal(state, seat)
    return [(call, 1 / len(legal)) for call in legal]


def counted(trajectories: Iterable[Trajectory]) -> Policy:
    """What an agent does, counted in matches that it has played; where it was never asked, uniform.

    Args:
        trajectories: played with `mmgym.rollout.RolloutConfig.record_state_keys`. Calls that could not be made are left
            out.
    """
    made: dict[str, Counter[str]] = defaultdict(Counter)
    for trajectory in trajectories:
        for turn in trajectory.turns:
            made[turn.state_key].update(json.dumps(call, sort_keys=True) for call in turn.calls[:1])

    def policy(game: Game, state: State, seat: int) -> list[tuple[ToolCall, float]]:
        found = made[seen_key(game, state, seat)]
        legal = [(call, found[json.dumps(call.as_dict(), sort_keys=True)]) for call in game.legal(state, seat)]
        total = sum(count for _, count in legal)
        return [(call, count / total) for call, count in legal] if total else uniform(game, state, seat)

    return policy


def expected_scores(game: Game, policies: Sequence[Policy]) -> tuple[float, ...]:
    """What each seat earns when these policies play.

    Args:
        game: two seats or more; its `Game.starts` must be listed.
        policies: one for each seat.
    """
    totals = [0.0] * len(game.seats)

    def walk(state: State, weight: float) -> None:
        movers = game.movers(state)
        if not movers:
            for seat, score in enumerate(game.scores(state)):
                totals[seat] += weight * score
            return
        for calls, share in _together(game, state, {seat: policies[seat] for seat in movers}):
            walk(game.play(state, calls), weight * share)

    for state, weight in game.starts():
        walk(state, weight)
    return tuple(totals)


def best_response_value(game: Game, seat: int, policies: Sequence[Policy]) -> float:
    """What a seat earns at most when the others follow these policies.

    Args:
        game: its `Game.starts` must be listed.
        seat: who responds.
        policies: one for each seat; that of `seat` is not used.
    """
    return _respond(game, seat, policies, game.starts())


def exploitability(game: Game, policies: Sequence[Policy]) -> float:
    """How much the seats together could gain if each answered the others' policies best; 0 in an equilibrium."""
    earned = expected_scores(game, policies)
    return sum(best_response_value(game, seat, policies) - own for seat, own in enumerate(earned))


def _respond(game: Game, seat: int, policies: Sequence[Policy], states: Weighted) -> float:
    """What the best answers from here earn, summed over the states by their weights."""
    earned = 0.0
    known: dict[str, Weighted] = defaultdict(list)
    waiting = list(states)
    while waiting:
        state, weight = waiting.pop()
        movers = game.movers(state)
        if not movers:
            earned += weight * game.scores(state)[seat]
        elif seat in movers:
            known[repr(game.seen(state, seat))].append((state, weight))
        else:
            others = {mover: policies[mover] for mover in movers}
            moved = _together(game, state, others)
            waiting += [(game.play(state, calls), weight * share) for calls, share in moved]
    for alike in known.values():
        earned += max(
            _respond(game, seat, policies, _after(game, seat, call, policies, alike))
            for call in game.legal(alike[0][0], seat)
        )
    return earned


def _after(game: Game, seat: int, call: ToolCall, policies: Sequence[Policy], states: Weighted) -> Weighted:
    after: Weighted = []
    for state, weight in states:
        others = {mover: policies[mover] for mover in game.movers(state) if mover != seat}
        for calls, share in _together(game, state, others):
            after.append((game.play(state, {**calls, seat: call}), weight * share))
    return after


def _together(game: Game, state: State, policies: dict[int, Policy]) -> list[tuple[dict[int, ToolCall], float]]:
    """Everything that some seats may do at once, and how likely it is."""
    found: list[tuple[dict[int, ToolCall], float]] = [({}, 1.0)]
    for seat, policy in policies.items():
        answers = [(call, share) for call, share in policy(game, state, seat) if share]
        found = [({**calls, seat: call}, chance * share) for calls, chance in found for call, share in answers]
    return found
