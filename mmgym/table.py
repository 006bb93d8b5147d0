"""Several agents in one episode: what an environment with more than one seat offers besides its single-agent view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

__all__ = ["SeatUpdate", "Table"]


class SeatUpdate(NamedTuple):
    """What a seat is shown when its turn begins, or when the match is over: what `step` of its environment returns."""

    observation: Any
    reward: float
    """What it has earned since it last moved."""
    terminated: bool
    truncated: bool
    info: dict[str, Any]


class Table(Protocol):
    """A match that several agents play, each in an environment of its own that shows its seat.

    Made by `MultimodalEnv.table`. A seat is asked when its turn begins; who moves at the same time is asked together.
    """

    def reset(self, seed: int, options: dict[str, Any]) -> dict[int, SeatUpdate]:
        """Begin a match.

        Args:
            seed: as that of `MultimodalEnv.reset`; the same instance as there.
            options: likewise.

        Returns:
            By number of the seat, what those are shown that move first. A seat that first moves later is shown its
            first update then.
        """
        ...

    def step(self, actions: Mapping[int, Any]) -> dict[int, SeatUpdate]:
        """Let the seats whose turn it is move.

        Args:
            actions: of each of them; what is missing or no valid action is a turn without a call.

        Returns:
            What those are shown whose turn begins; every seat when the match is over, `terminated` or `truncated`.
        """
        ...
