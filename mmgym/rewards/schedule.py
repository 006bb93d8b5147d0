"""A weight as a function of how far training has come."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mmgym.spaces import number

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """One value before `begin`, another from `end` on, and a straight line between them.

    ``Schedule(0.5, 0.5)`` is constant, ``Schedule(0.5, 0.0)`` falls all along, ``Schedule(0.0, 1.0, 0.2, 0.2)`` is a
    step at a fifth of the run.
    """

    first: float
    """Value up to `begin`."""
    last: float
    """Value from `end` on."""
    begin: float = 0.0
    """Progress, 0 to 1, at which the value starts to move."""
    end: float = 1.0
    """Progress, `begin` to 1, at which it has arrived; equal to `begin` for a step, which `end` belongs to."""

    def __post_init__(self) -> None:
        for name in ("first", "last"):
            number(name, getattr(self, name), -math.inf)
        if not 0 <= self.begin <= self.end <= 1:
            raise ValueError(f"begin and end must be 0 <= begin <= end <= 1; got {self.begin!r} and {self.end!r}")

    def at(self, progress: float) -> float:
        """The value at this share of the run.

        Args:
            progress: 0 at the first step of training, 1 after the last.

        Raises:
            ValueError: when `progress` is not from 0 to 1.
        """
        if not 0 <= progress <= 1:
            raise ValueError(f"progress must be from 0 to 1; got {progress!r}")
        if progress >= self.end:
            return self.last
        if progress <= self.begin:
            return self.first
        share = (progress - self.begin) / (self.end - self.begin)
        return self.first + share * (self.last - self.first)
