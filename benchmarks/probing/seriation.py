"""Frames without their times are put back in order: what moves on from place to place gives away which follows which.

A probe of shuffled frames that only counts things would miss this. The order is found up to its direction.
"""

from __future__ import annotations

import numpy as np

__all__ = ["seriate"]

GONE = 15.0
"""Hundredths of the frame that something counts as having moved when it comes or goes."""


def seriate(places: np.ndarray) -> list[int]:
    """An order of frames in which things move little from each to the next: a short path through all of them.

    Args:
        places: float (frames, things, 2), where each thing is in each frame; NaN where it is not.

    Returns:
        Indices of the frames in an order that may as well be the reverse of the true one.
    """
    there = ~np.isnan(places[..., 0])
    # What never moves says nothing of the order, and when it comes and goes is what questions are about.
    moved = np.where(there[..., None], places, -np.inf).max(0) - np.where(there[..., None], places, np.inf).min(0)
    still = (moved <= 0).all(-1)
    places, there = places[:, ~still], there[:, ~still]
    steps = np.nan_to_num(np.abs(places[:, None] - places[None]).sum(-1))
    steps = np.where(there[:, None] ^ there[None], GONE, steps).sum(-1)
    return _untangled(steps, _greedy_path(steps))


def _greedy_path(steps: np.ndarray) -> list[int]:
    """The shortest steps first, as long as they join ends of pieces of one path."""
    count = len(steps)
    first, second = np.triu_indices(count, 1)
    nearest = np.argsort(steps[first, second], kind="stable")
    piece_of = {index: [index] for index in range(count)}
    for one, other in zip(first[nearest].tolist(), second[nearest].tolist(), strict=True):
        a, b = piece_of[one], piece_of[other]
        if a is b or one not in (a[0], a[-1]) or other not in (b[0], b[-1]):
            continue
        joined = (a if a[-1] == one else a[::-1]) + (b if b[0] == other else b[::-1])
        piece_of.update((index, joined) for index in joined)
        if len(joined) == count:
            break
    return piece_of[0]


def _untangled(steps: np.ndarray, path: list[int]) -> list[int]:
    """Reverses stretches of the path as long as that shortens it (2-opt)."""
    order = np.array(path)
    count = len(order)
    # A place that is near everything at both ends makes reversals of a beginning or an end cost nothing extra.
    padded = np.zeros((count + 1, count + 1))
    padded[:count, :count] = steps
    for _ in range(4 * count):
        stops = np.concatenate([[count], order, [count]])
        before, after = stops[:-1], stops[1:]
        edges = padded[before, after]
        gain = edges[:, None] + edges[None] - padded[np.ix_(before, before)] - padded[np.ix_(after, after)]
        gain[np.tril_indices(count + 1)] = 0
        i, j = np.unravel_index(np.argmax(gain), gain.shape)
        if gain[i, j] <= 1e-9:
            break
        order[i:j] = order[i:j][::-1]
    return [int(index) for index in order]
