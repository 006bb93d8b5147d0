"""Templates of geometry problems: how they are declared, how their numbers are drawn, and how they are sketched.

A template is a function from the true numbers, which are written into the figure, and the drawn ones, which make its
coordinates, to a `Problem`. Both are the same when a figure is to be exact; for the picture the drawn numbers are bent,
so that nothing can be measured, but everything is where it should be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmgym_puzzles.reasoning.figures import Problem

__all__ = ["TEMPLATES", "Number", "Template", "angle", "degrees", "length", "place", "template"]

Maker = Callable[[Sequence[int], Sequence[float]], Problem]


@dataclass(frozen=True)
class Number:
    """A number of a template."""

    kind: str
    """``angle`` in degrees, ``length``, or ``place``, which is drawn as it is."""
    low: int
    high: int


def angle(low: int, high: int) -> Number:
    """An angle of whole degrees."""
    return Number("angle", low, high)


def length(low: int = 3, high: int = 24) -> Number:
    """A whole length."""
    return Number("length", low, high)


def place(low: int, high: int) -> Number:
    """A number that is drawn as it is."""
    return Number("place", low, high)


@dataclass(frozen=True)
class Template:
    """A kind of problem."""

    name: str
    level: int
    numbers: tuple[Number, ...]
    ood: bool
    """Whether it belongs to the split ``ood`` alone."""
    grid: bool
    """Whether it is drawn on a grid, upright and to scale."""
    make: Maker

    def draw(self, rng: np.random.Generator) -> tuple[int, ...] | None:
        """Numbers for a problem, or None where these give none."""
        numbers = tuple(int(rng.integers(number.low, number.high + 1)) for number in self.numbers)
        try:
            self.make(numbers, numbers)
        except ValueError:
            return None
        return numbers

    def sketch(self, numbers: Sequence[int], rng: np.random.Generator) -> Problem:
        """The problem with its coordinates bent: angles by up to 12 degrees, lengths by up to a sixth.

        Very flat or thin figures are bent towards ones that can be read.
        """
        bends = rng.uniform(-1, 1, len(numbers)).tolist()
        if not self.grid:
            for clamped, share in ((True, 1.0), (True, 0.4), (True, 0.0), (False, 1.0), (False, 0.4)):
                try:
                    return self.make(numbers, self._bent(numbers, [share * bend for bend in bends], clamped))
                except ValueError:
                    continue
        return self.make(numbers, numbers)

    def _bent(self, numbers: Sequence[int], bends: Sequence[float], clamped: bool) -> list[float]:
        longest = max([n for n, kind in zip(numbers, self.numbers, strict=True) if kind.kind == "length"], default=0)
        drawn: list[float] = []
        for value, number, bend in zip(numbers, self.numbers, bends, strict=True):
            if number.kind == "angle":
                low, high = max(number.low, 35), min(number.high, 130)
                turned = value + 12 * bend
                drawn.append(min(max(turned, low), high) if clamped and low < high else turned)
            elif number.kind == "length":
                bent = value * (1 + bend / 6)
                drawn.append(max(bent, 0.5 * longest) if clamped else bent)
            else:
                drawn.append(value)
        return drawn


TEMPLATES: dict[str, Template] = {}
"""Every template by name, in the order of their declaration."""


def template(level: int, *numbers: Number, ood: bool = False, grid: bool = False) -> Callable[[Maker], Maker]:
    """Declare the function below it as a template, under its own name."""

    def declare(make: Maker) -> Maker:
        TEMPLATES[make.__name__] = Template(make.__name__, level, numbers, ood, grid, make)
        return make

    return declare


def degrees(value: int) -> str:
    """An angle as it is written."""
    return f"{value}°"
