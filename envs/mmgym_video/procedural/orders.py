"""Orders in which things come, as options: near to each other, and none more likely than another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

__all__ = ["near_orders", "nearest_order", "ordinal"]

_PAIRINGS = (((0, 1), (2, 3)), ((0, 2), (1, 3)), ((0, 3), (1, 2)))


def near_orders(rng: np.random.Generator, order: Sequence[str]) -> list[tuple[str, ...]]:
    """Four orders of four things: the one given, and it with one or both of two pairs of places swapped.

    Each of the four would give the same four, so that they do not say which one was given.

    Raises:
        ValueError: unless there are four things.
    """
    if len(order) != 4:
        raise ValueError(f"order must have 4 things; got {len(order)}")
    found = [list(order)]
    for first, second in _PAIRINGS[int(rng.integers(len(_PAIRINGS)))]:
        for other in [list(known) for known in found]:
            other[first], other[second] = other[second], other[first]
            found.append(other)
    return [tuple(found[i]) for i in rng.permutation(4).tolist()]


def nearest_order(orders: Mapping[str, Sequence[str]], seen: Sequence[str]) -> str:
    """The name of the order that agrees with most pairs of what was seen, the first of equals.

    Args:
        orders: by name.
        seen: what was seen, in order of time; what was seen again counts where it was seen first.
    """
    first = list(dict.fromkeys(seen))

    def agreed(name: str) -> int:
        order = orders[name]
        known = [order.index(thing) for thing in first if thing in order]
        return sum(a < b for a, b in combinations(known, 2))

    return max(orders, key=agreed)


def ordinal(number: int) -> str:
    """A place in an order in words, from ``first`` for 1 to ``eighth`` for 8."""
    return ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")[number - 1]
