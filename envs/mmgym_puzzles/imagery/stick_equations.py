"""Equations laid with match sticks: how sticks read, whether an equation holds, and every way to mend it.

A place holds one symbol: a digit of seven segments, an operator, or the equals sign. What lies there is a mask over the
slots where sticks can lie. Sticks are alike, so moves that go by different orders to the same sticks are one solution.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, get_args

__all__ = [
    "EQUALS",
    "MASKS",
    "SLOTS",
    "Slot",
    "changes",
    "holds",
    "masks_of",
    "mended",
    "moved",
    "reading",
    "slots_of",
    "solutions",
    "worth",
]

Slot = Literal[
    "top", "upper_left", "upper_right", "middle", "lower_left", "lower_right", "bottom", "upright", "rising", "falling"
]
SLOTS: tuple[Slot, ...] = get_args(Slot)
"""Where a stick can lie. Bit k of a mask stands for slot k; the first seven are those of a digit."""

_SEGMENTS = {
    "0": "top upper_left upper_right lower_left lower_right bottom",
    "1": "upper_right lower_right",
    "2": "top upper_right middle lower_left bottom",
    "3": "top upper_right middle lower_right bottom",
    "4": "upper_left upper_right middle lower_right",
    "5": "top upper_left middle lower_right bottom",
    "6": "top upper_left middle lower_left lower_right bottom",
    "7": "top upper_right lower_right",
    "8": "top upper_left upper_right middle lower_left lower_right bottom",
    "9": "top upper_left upper_right middle lower_right bottom",
    "+": "middle upright",
    "-": "middle",
    "x": "rising falling",
}
EQUALS = 0b11 << len(SLOTS)
"""The two sticks of the equals sign, in slots of their own that have no name: they stay."""
MASKS: dict[str, int] = {
    **{symbol: sum(1 << SLOTS.index(name) for name in names.split()) for symbol, names in _SEGMENTS.items()},
    "=": EQUALS,
}
"""The sticks of every symbol."""
_SYMBOLS = {mask: symbol for symbol, mask in MASKS.items()}
_KINDS = ("0123456789", "+-x", "=")
_KIND_OF = {symbol: kind for kind in _KINDS for symbol in kind}

Masks = tuple[int, ...]
"""What lies at every place of an equation."""


def slots_of(symbol: str) -> tuple[Slot, ...]:
    """The slots of the place that this symbol stands in: seven for a digit, four for an operator, none for =."""
    return () if symbol == "=" else SLOTS[:7] if symbol.isdigit() else (SLOTS[3], *SLOTS[7:])


def masks_of(symbols: str) -> Masks:
    """The sticks of every symbol of an equation."""
    return tuple(MASKS[symbol] for symbol in symbols)


def reading(masks: Iterable[int]) -> list[str]:
    """The symbol at every place, ``?`` where the sticks form none."""
    return [_SYMBOLS.get(mask, "?") for mask in masks]


def moved(start: Sequence[int], masks: Sequence[int]) -> int:
    """Sticks that lie where none lay at the start; also the fewest moves from the one to the other."""
    return sum((now & ~before).bit_count() for before, now in zip(start, masks, strict=True))


def holds(symbols: Sequence[str]) -> bool:
    """Whether these symbols are an equation, and it holds."""
    if symbols.count("=") != 1:
        return False
    at = list(symbols).index("=")
    left, right = worth(symbols[:at]), worth(symbols[at + 1 :])
    return left is not None and left == right


def mended(start: Iterable[int], masks: Iterable[int]) -> bool:
    """Whether every place shows a symbol of the kind that it showed at the start, and the equation holds.

    One stick makes a minus in the middle of a digit's place too, where it does not count.
    """
    before, now = reading(start), reading(masks)
    return [_KIND_OF.get(symbol) for symbol in now] == [_KIND_OF[symbol] for symbol in before] and holds(now)


def worth(symbols: Sequence[str]) -> int | None:
    """The value of one side, x before + and -; None for no sum, or a number with a 0 too many in front."""
    total, sign, product, number, digits = 0, 1, 1, 0, 0
    for symbol in (*symbols, "+"):
        if symbol in _KINDS[0]:
            if digits and not number:
                return None
            number, digits = 10 * number + int(symbol), digits + 1
        elif symbol not in _KINDS[1] or not digits:
            return None
        else:
            product, number, digits = product * number, 0, 0
            if symbol != "x":
                total, product, sign = total + sign * product, 1, 1 if symbol == "+" else -1
    return total


@lru_cache(maxsize=4096)
def solutions(start: Masks, sticks: int) -> tuple[Masks, ...]:
    """Every equation that holds and is at most `sticks` moves away, the nearest first.

    The search is exhaustive over what every place can be turned into. Each side is searched alone, then sides of equal
    value are joined where as many sticks are laid down as were taken up.

    Args:
        start: masks of a readable equation.
        sticks: how many sticks may move.
    """
    at = start.index(EQUALS)
    rights: dict[int, list[tuple[int, int, Masks]]] = {}
    for value, taken, laid, masks in _sides(start[at + 1 :], sticks):
        rights.setdefault(value, []).append((taken, laid, masks))
    found = []
    for value, taken, laid, left in _sides(start[:at], sticks):
        for more_taken, more_laid, right in rights.get(value, ()):
            moves = taken + more_taken
            if moves == laid + more_laid <= sticks:
                found.append((moves, (*left, EQUALS, *right)))
    return tuple(masks for _, masks in sorted(found))


def _sides(start: Masks, sticks: int) -> list[tuple[int, int, int, Masks]]:
    """What one side can become: its value, sticks taken up, sticks laid down, masks."""
    partial: list[tuple[int, int, Masks]] = [(0, 0, ())]
    for mask in start:
        options = changes(mask)
        partial = [
            (taken + more_taken, laid + more_laid, (*masks, other))
            for taken, laid, masks in partial
            for other, more_taken, more_laid in options
            if taken + more_taken <= sticks and laid + more_laid <= sticks
        ]
    sides = []
    for taken, laid, masks in partial:
        value = worth([_SYMBOLS[mask] for mask in masks])
        if value is not None:
            sides.append((value, taken, laid, masks))
    return sides


@lru_cache(maxsize=64)
def changes(mask: int) -> tuple[tuple[int, int, int], ...]:
    """What a place can become: mask, sticks taken up, sticks laid down."""
    others = [MASKS[symbol] for symbol in _KIND_OF[_SYMBOLS[mask]]]
    return tuple((other, (mask & ~other).bit_count(), (other & ~mask).bit_count()) for other in others)
