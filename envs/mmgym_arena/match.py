"""One game that is being played: whose turn it is, what each seat has earned, and what happens to who breaks the rules.

The rules of conduct are the same everywhere. Where seats move at once, one that gives no valid call does nothing in
that turn. Where they move in turn, it is told what is wrong and asked again; the fourth such turn of a match is a
forfeit: the match ends, in a game against others they win and the seat loses, in other games all keep what they have.
A seat that has used up its turns ends the match by truncation. What others have earned by then stays theirs, always.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmgym.env import SPLITS
from mmgym.spaces import ToolCall
from mmgym_arena.game import Game, State, from_json

__all__ = ["MAX_STRIKES", "Match", "SeatTurn", "start_generator"]

MAX_STRIKES = 3
"""Turns without a valid call that a seat may have in a match where seats move in turn; one more is a forfeit."""


@dataclass
class SeatTurn:
    """What came of a seat's last turn."""

    feedback: str = ""
    """What was wrong with it, for the agent."""
    valid: bool = True
    effective: bool = False
    """Whether what the seat knows has changed."""
    earned: float = 0.0
    """Reward since the seat last moved."""


@dataclass
class Match:
    """A match of a game.

    Args:
        game: the rules.
        state: where it begins.
        turns: turns that each seat has had.
        strikes: turns without a valid call that each has had.
        quitter: the seat that has forfeited, if any.
        max_turns: turns of a seat; None takes the game's own limit.
    """

    game: Game
    state: State
    turns: list[int] = field(default_factory=list)
    strikes: list[int] = field(default_factory=list)
    quitter: int | None = None
    max_turns: int | None = None

    def __post_init__(self) -> None:
        seats = len(self.game.seats)
        self.turns, self.strikes = self.turns or [0] * seats, self.strikes or [0] * seats
        self.limit = self.max_turns or self.game.turn_limit()
        self.last = [SeatTurn() for _ in range(seats)]

    @classmethod
    def begin(cls, game: Game, rng: np.random.Generator, max_turns: int | None = None) -> Match:
        """A new match, drawn from `rng`."""
        return cls(game, game.start(rng), max_turns=max_turns)

    @property
    def movers(self) -> tuple[int, ...]:
        """The seats that have to move now; none when the match is over."""
        return () if self.quitter is not None or self.truncated else self.game.movers(self.state)

    @property
    def terminated(self) -> bool:
        """Whether the match has been played to its end, or forfeited."""
        return self.quitter is not None or not self.game.movers(self.state)

    @property
    def truncated(self) -> bool:
        """Whether a seat that should move has no turns left."""
        if self.quitter is not None:
            return False
        return any(self.turns[seat] >= self.limit for seat in self.game.movers(self.state))

    def scores(self) -> tuple[float, ...]:
        """What each seat has earned so far."""
        return self.game.scores(self.state) if self.quitter is None else self.game.forfeit(self.state, self.quitter)

    def solved(self, seat: int) -> bool:
        """Whether a seat has reached its goal; where others forfeit in a game against them, it has."""
        if self.quitter is not None:
            return self.game.kind == "competitive" and seat != self.quitter
        return self.game.solved(self.state, seat)

    def play(self, actions: Mapping[int, Any]) -> dict[int, ToolCall | None]:
        """Let every seat that has to move do so.

        Args:
            actions: by seat; what is missing, None or no valid call counts as a turn without one.

        Returns:
            The calls that were made, None for a turn without one.

        Raises:
            RuntimeError: when the match is over.
        """
        movers = self.movers
        if not movers:
            raise RuntimeError("the match is over: begin a new one")
        calls: dict[int, ToolCall | None] = {}
        for seat in movers:
            calls[seat], self.last[seat] = self._read(seat, actions.get(seat))
            self.turns[seat] += 1
        before, earned = self.state, self.scores()
        if len(movers) == 1 and calls[movers[0]] is None:
            (seat,) = movers
            self.strikes[seat] += 1
            if self.strikes[seat] > MAX_STRIKES:
                self.quitter = seat
        else:
            self.state = self.game.play(before, calls)
            for seat in movers:
                changed = self.game.seen(before, seat) != self.game.seen(self.state, seat)
                self.last[seat].effective = calls[seat] is not None and changed
        for seat, (new, old) in enumerate(zip(self.scores(), earned, strict=True)):
            self.last[seat].earned += new - old
        return calls

    def _read(self, seat: int, action: Any) -> tuple[ToolCall | None, SeatTurn]:
        if action is None:
            return None, SeatTurn("You gave no answer.", valid=False)
        try:
            (call,) = self.game.space(seat).parse(action)
        except ValueError as problem:
            return None, SeatTurn(str(problem), valid=False)
        refusal = self.game.refusal(self.state, seat, call)
        return (None, SeatTurn(refusal)) if refusal else (call, SeatTurn())

    def to_json(self) -> dict[str, Any]:
        """The match as JSON-able values."""
        return {
            "state": list(self.state),
            "turns": list(self.turns),
            "strikes": list(self.strikes),
            "quitter": self.quitter,
        }

    @classmethod
    def from_json(cls, game: Game, content: Mapping[str, Any], max_turns: int | None = None) -> Match:
        """The inverse of `to_json`."""
        state = from_json(game.state, content["state"])
        return cls(game, state, list(content["turns"]), list(content["strikes"]), content["quitter"], max_turns)


def start_generator(rng: np.random.Generator, split: str) -> np.random.Generator:
    """The generator that draws the first state: equal seeds of different splits draw different ones."""
    return np.random.default_rng([int(rng.integers(2**63)), SPLITS.index(split)])
