"""Scores of points and boxes: how rewards for grounding are computed, by their published names.

A box is (left, top, right, bottom) in pixels, right and bottom outside; one without area overlaps nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

__all__ = [
    "BOX_SCORES",
    "COCO_THRESHOLDS",
    "FloatBox",
    "average_precision",
    "generalized_iou",
    "iou",
    "matched",
    "mean_average_precision",
    "mean_iou",
    "middle_in_box",
    "point_score",
    "vlm_r1_detection",
]

FloatBox = tuple[float, float, float, float]
COCO_THRESHOLDS = tuple(0.5 + 0.05 * k for k in range(10))
"""Thresholds of IoU that COCO's mAP is averaged over: .5, .55, ... .95."""


def _area(box: FloatBox) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def iou(one: FloatBox, other: FloatBox) -> float:
    """Intersection over union (Jaccard index), from 0 to 1; 0 if both are empty."""
    left, top, right, bottom = (
        max(one[0], other[0]),
        max(one[1], other[1]),
        min(one[2], other[2]),
        min(one[3], other[3]),
    )
    common = _area((left, top, right, bottom))
    union = _area(one) + _area(other) - common
    return common / union if union > 0 else 0.0


def generalized_iou(one: FloatBox, other: FloatBox) -> float:
    """Generalized IoU (Rezatofighi et al. 2019, arXiv 1902.09630), from -1 to 1: also says how far apart boxes are."""
    hull = _area((min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])))
    if hull <= 0:
        return 0.0
    share = iou(one, other)
    joined = _area(one) + _area(other)
    union = joined / (1 + share)
    return share - (hull - union) / hull


def middle_in_box(box: FloatBox, target: FloatBox) -> bool:
    """Whether the middle of a box lies in the target: what GUI agents are scored by (GUI-R1, arXiv 2504.10458).

    It says nothing about size: a giant box around the target passes as well.
    """
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return target[0] <= x < target[2] and target[1] <= y < target[3]


def point_score(point: tuple[float, float], box: FloatBox, near: float = 10.0, far: float = 50.0) -> float:
    """1 up to `near` pixels from a box, falling evenly to 0 at `far` (Embodied-R1, arXiv 2508.13998)."""
    across = max(box[0] - point[0], point[0] - (box[2] - 1), 0.0)
    down = max(box[1] - point[1], point[1] - (box[3] - 1), 0.0)
    distance = float((across * across + down * down) ** 0.5)
    return min(1.0, max(0.0, (far - distance) / (far - near)))


def matched(boxes: Sequence[FloatBox], targets: Sequence[FloatBox]) -> list[tuple[int, int, float]]:
    """Pairs of a box and a target, each used once, with their IoU: the pairing with the largest sum (Hungarian).

    Pairs that do not overlap are left out.
    """
    table = np.array([[iou(box, target) for target in targets] for box in boxes]).reshape(len(boxes), len(targets))
    turned = len(boxes) > len(targets)
    pairs = _assign(-(table.T if turned else table))
    pairs = [(b, t) for t, b in pairs] if turned else pairs
    return sorted((b, t, float(table[b, t])) for b, t in pairs if table[b, t] > 0)


def _assign(costs: np.ndarray) -> list[tuple[int, int]]:
    """Cheapest pairing of all rows with different columns (rows <= columns), by shortest augmenting paths."""
    rows, columns = costs.shape
    row_price, column_price = np.zeros(rows + 1), np.zeros(columns + 1)
    partner = np.zeros(columns + 1, dtype=int)
    for row in range(1, rows + 1):
        partner[0], column = row, 0
        least, came = np.full(columns + 1, np.inf), np.zeros(columns + 1, dtype=int)
        used = np.zeros(columns + 1, dtype=bool)
        while partner[column]:
            used[column] = True
            at = partner[column]
            reduced = costs[at - 1] - row_price[at] - column_price[1:]
            better = ~used[1:] & (reduced < least[1:])
            least[1:][better], came[1:][better] = reduced[better], column
            following = int(np.argmin(np.where(used[1:], np.inf, least[1:]))) + 1
            step = least[following]
            row_price[partner[used]] += step
            column_price[used] -= step
            least[~used] -= step
            column = following
        while column:
            partner[column] = partner[came[column]]
            column = came[column]
    return sorted((int(partner[c]) - 1, c - 1) for c in range(1, columns + 1) if partner[c])


def mean_iou(boxes: Sequence[FloatBox], targets: Sequence[FloatBox]) -> float:
    """Sum of the IoU of matched pairs over the larger number of boxes and targets: spare boxes cost."""
    most = max(len(boxes), len(targets))
    return sum(pair[2] for pair in matched(boxes, targets)) / most if most else 1.0


def average_precision(boxes: Sequence[FloatBox], targets: Sequence[FloatBox], threshold: float = 0.5) -> float:
    """Average precision at a threshold of IoU, with COCO's 101 points of recall (Lin et al. 2014, arXiv 1405.0312).

    Boxes come in order of confidence, the surest first; each takes the free target that it overlaps most.
    """
    free, right = set(range(len(targets))), []
    for box in boxes:
        best = max(free, key=lambda t: (iou(box, targets[t]), -t), default=None)
        hit = best is not None and iou(box, targets[best]) >= threshold
        right.append(hit)
        if hit:
            free.discard(best)
    if not targets:
        return float(not boxes)
    found = np.cumsum(right)
    precision = found / np.arange(1, len(right) + 1)
    best_after = np.maximum.accumulate(precision[::-1])[::-1]
    # Recall k / 100 is reached once found * 100 >= k * targets: whole numbers, so no rounding decides.
    first = [int(np.searchsorted(found * 100, k * len(targets))) for k in range(101)]
    return float(np.mean([best_after[k] if k < len(right) else 0.0 for k in first]))


def mean_average_precision(boxes: Sequence[FloatBox], targets: Sequence[FloatBox]) -> float:
    """COCO's mAP for one picture and one category: `average_precision` averaged over `COCO_THRESHOLDS`."""
    return sum(average_precision(boxes, targets, threshold) for threshold in COCO_THRESHOLDS) / len(COCO_THRESHOLDS)


def vlm_r1_detection(boxes: Sequence[FloatBox], targets: Sequence[FloatBox]) -> float:
    """VLM-R1's reward for detection (arXiv 2504.07615): mAP times min(1, targets / boxes), against too many boxes."""
    if not boxes:
        return float(not targets)
    return min(1.0, len(targets) / len(boxes)) * mean_average_precision(boxes, targets)


BOX_SCORES: Mapping[str, Callable[[Sequence[FloatBox], Sequence[FloatBox]], float]] = {
    "mean_iou": mean_iou,
    "map": mean_average_precision,
    "vlm_r1": vlm_r1_detection,
}
"""Scores of several boxes for several targets, from 0 to 1, by name."""
