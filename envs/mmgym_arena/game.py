"""The rules of a game for several seats, apart from who plays it and through which interface.

A `Game` holds no state: it says how states follow each other, what each seat may do and see, and what a state is worth.
States are named tuples of plain values, so they can be hashed, searched, compared and written as JSON. Chance is drawn
when a state is made, from numbers that the state holds, so that equal states and calls always lead to equal states.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Literal

import numpy as np

from mmgym.env import Unsupported, whole
from mmgym.spaces import Tool, ToolCall, ToolSpace

__all__ = ["Calls", "Game", "State", "from_json"]

State = Any
"""A named tuple of plain values and tuples of them."""
Calls = Mapping[int, ToolCall | None]
"""What each seat that has to move does; None for one that gave no call it may make."""


class Game(ABC):
    """Rules at one level.

    Args:
        level: difficulty, from 1 to `levels`.

    Raises:
        ValueError: for a level that there is not.
    """

    seats: ClassVar[tuple[str, ...]]
    """Names of the seats, in their order."""
    kind: ClassVar[Literal["competitive", "cooperative", "mixed"]]
    """Whether what one seat wins another loses, all win the same, or neither."""
    levels: ClassVar[int] = 3
    """Number of levels."""
    state: ClassVar[type]
    """The named tuple of its states."""
    value: ClassVar[str] = ""
    """What theory says of perfect play, where it says something."""
    worst: ClassVar[float] = 1.0
    """What a seat loses that forfeits a game against others: no less than it could lose by playing on."""

    def __init__(self, level: int = 1):
        self.level = whole("level", level, 1, self.levels)

    # --- rules -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def instruction(self, seat: int) -> str:
        """The rules and the goal of a seat, in words; nothing of an instance."""

    @abstractmethod
    def tools(self, seat: int) -> tuple[Tool, ...]:
        """What a seat may do, the same at every level."""

    @abstractmethod
    def start(self, rng: np.random.Generator) -> State:
        """Draw a first state."""

    def starts(self) -> list[tuple[State, float]]:
        """Every first state that may be drawn, and how likely it is.

        Raises:
            Unsupported: where there are too many.
        """
        raise Unsupported(f"{type(self).__name__} at level {self.level} begins in too many ways to list them")

    @abstractmethod
    def movers(self, state: State) -> tuple[int, ...]:
        """The seats that have to move, all at once; none when the game is over."""

    @abstractmethod
    def refusal(self, state: State, seat: int, call: ToolCall) -> str:
        """Why a seat may not make this call now, for the agent to read; empty if it may."""

    @abstractmethod
    def play(self, state: State, calls: Calls) -> State:
        """The state after the seats that had to move did this.

        In games where seats move in turn no call is None: who gives none is asked again or forfeits.
        """

    @abstractmethod
    def scores(self, state: State) -> tuple[float, ...]:
        """What each seat has earned so far; rewards are its differences."""

    @abstractmethod
    def solved(self, state: State, seat: int) -> bool:
        """Whether a seat has reached its goal."""

    @abstractmethod
    def turn_limit(self) -> int:
        """Most turns of a seat."""

    def forfeit(self, state: State, seat: int) -> tuple[float, ...]:
        """What each seat has earned when one of them stops playing by the rules."""
        if self.kind != "competitive":
            return self.scores(state)
        return tuple(-self.worst if other == seat else self.worst for other in range(len(self.seats)))

    def messages(self, state: State, seat: int) -> str:
        """What others have said to a seat since it last moved."""
        return ""

    # --- what is seen ------------------------------------------------------------------------------------------------

    @abstractmethod
    def picture(self, state: State, seat: int, size: int) -> np.ndarray:
        """What a seat sees: a fresh uint8 array (size, size, 3)."""

    @abstractmethod
    def text(self, state: State, seat: int) -> str:
        """What a seat sees, in words."""

    def seen(self, state: State, seat: int) -> Any:
        """What a seat knows, as JSON-able values: all of the state, unless something is hidden from it."""
        return list(state)

    def questions(self, state: State, seat: int, rng: np.random.Generator) -> list[tuple[str, str]]:
        """Questions about what a seat sees, with their exact answers."""
        return []

    # --- how it is played --------------------------------------------------------------------------------------------

    @abstractmethod
    def expert(self, state: State, seat: int, rng: np.random.Generator) -> ToolCall:
        """A good call; the best where the game is small enough to know."""

    def weak(self, state: State, seat: int, rng: np.random.Generator) -> ToolCall:
        """The expert in half of the turns, else any call that may be made."""
        if rng.random() < 0.5:
            return self.expert(state, seat, rng)
        return self.random(state, seat, rng)

    def random(self, state: State, seat: int, rng: np.random.Generator) -> ToolCall:
        """Any call that may be made, all equally likely."""
        legal = self.legal(state, seat)
        return legal[rng.integers(len(legal))]

    def legal(self, state: State, seat: int) -> tuple[ToolCall, ...]:
        """Every call that a seat may make now.

        Raises:
            ValueError: where calls hold free text and cannot be listed.
        """
        return tuple(call for call in self.calls(seat) if not self.refusal(state, seat, call))

    def mask(self, state: State, seat: int) -> np.ndarray:
        """Which of `calls` a seat may make now: int8, 1 for those."""
        return np.array([not self.refusal(state, seat, call) for call in self.calls(seat)], np.int8)

    def space(self, seat: int) -> ToolSpace:
        """The tools as a space, for reading calls; the same object for every game of the class."""
        return _space(type(self), seat)

    def calls(self, seat: int) -> tuple[ToolCall, ...]:
        """Every call of the tools of a seat, in a fixed order."""
        return _calls(type(self), seat)


@lru_cache(maxsize=256)
def _space(kind: type[Game], seat: int) -> ToolSpace:
    return ToolSpace(kind().tools(seat))


@lru_cache(maxsize=256)
def _calls(kind: type[Game], seat: int) -> tuple[ToolCall, ...]:
    return tuple(_space(kind, seat).calls)


def from_json(kind: type, values: Sequence[Any]) -> State:
    """The state that was written as a JSON list."""
    return kind(*map(_tupled, values))


def _tupled(value: Any) -> Any:
    return tuple(map(_tupled, value)) if isinstance(value, list) else value
