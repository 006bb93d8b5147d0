"""Equations to mend, drawn at random: one that holds, in which sticks are moved until it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmgym_puzzles.imagery.stick_equations import changes, holds, masks_of, reading, worth

__all__ = ["Sums", "draw_equation"]

LARGEST_VALUE = 999
TRIES = 8
"""Ways of moving sticks that are tried on a drawn equation."""


@dataclass(frozen=True)
class Sums:
    """What equations to lay."""

    sticks: int
    """Sticks to move: with fewer no equation comes out."""
    operators: tuple[str, ...]
    """The operators of the left side, one after another; each is as likely."""
    largest: int
    """Largest number that is added or subtracted."""
    factor: int
    """Largest factor."""
    turns: int
    """Turns until the episode is truncated."""


def draw_equation(rng: np.random.Generator, settings: Sums) -> str | None:
    """Draw an equation that holds and move sticks in it, or None when nothing readable and false came out.

    Fewer sticks than were moved may mend it.
    """
    operators = settings.operators[rng.integers(len(settings.operators))]
    factors = {k for k, sign in enumerate(operators) if sign == "x"}
    factors |= {k + 1 for k in factors}
    spans = [(2, settings.factor) if k in factors else (0, settings.largest) for k in range(len(operators) + 1)]
    numbers = [str(rng.integers(low, high + 1)) for low, high in spans]
    left = numbers[0] + "".join(map("".join, zip(operators, numbers[1:], strict=True)))
    value = worth(left)
    if value is None or not 0 <= value <= LARGEST_VALUE:
        return None
    broken = _disturbed(rng, f"{left}={value}", settings.sticks)
    return None if broken is None or holds(broken) else broken


def _disturbed(rng: np.random.Generator, equation: str, sticks: int) -> str | None:
    """The equation with so many sticks moved that every place still shows a symbol; None if chance found none."""
    masks = masks_of(equation)
    chances = rng.random((TRIES, sticks + 2)).tolist()
    for order, (size, *picks) in zip(rng.permuted([range(len(masks))] * TRIES, axis=1).tolist(), chances, strict=True):
        after, taken, laid = list(masks), sticks, sticks
        # The last place has to make up for what the others took or laid too much.
        *others, last = order[: 1 + int(size * (sticks + 1))]
        for at, pick in zip(others, picks, strict=False):
            options = changes(masks[at])
            after[at], more_taken, more_laid = options[int(pick * len(options))]
            taken, laid = taken - more_taken, laid - more_laid
        wanted = [
            mask for mask, more_taken, more_laid in changes(masks[last]) if (more_taken, more_laid) == (taken, laid)
        ]
        if wanted:
            after[last] = wanted[int(picks[-1] * len(wanted))]
            return "".join(reading(after))
    return None
