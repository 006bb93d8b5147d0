"""Trajectories as an update sees them: numbers of every sampled token, cut into rows as the trajectory is cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmgym.learn.decisions import Decisions
from mmgym.learn.packing import Row, row_of
from mmgym.trajectory import ImageStore, Segment, Trajectory, segments

__all__ = ["Played", "evaluate"]

Evaluator = Callable[[Sequence[Row], ImageStore], list[np.ndarray]]
"""Gives a number for each trained token of each row."""


@dataclass
class Played:
    """One trajectory and what is known of its sampled tokens."""

    trajectory: Trajectory
    segments: list[Segment]
    values: dict[str, np.ndarray]
    """float32 (sampled tokens,) each, in order of turns; see `mmgym.learn.losses.policy_loss`."""
    origin: tuple[int, ...] = ()
    """See `mmgym.learn.packing.Row`."""
    fresh: bool = True
    """Whether the weights that learn sampled it, from the pictures that the update reads."""
    total: float = 0.0
    """Its return."""
    normaliser: float = 0.0
    """What it adds to the normaliser of the aggregation."""
    tokens: np.ndarray = field(init=False)
    """int64 (turns,): sampled tokens of each turn."""

    def __post_init__(self) -> None:
        self.tokens = np.array([len(turn.sampled_ids) for turn in self.trajectory.turns], np.int64)

    @classmethod
    def of(
        cls,
        trajectory: Trajectory,
        level: str = "token",
        decisions: Decisions | None = None,
        environment: int = 0,
        origin: tuple[int, ...] = (),
    ) -> Played:
        """What the sampler knew of a trajectory.

        Args:
            trajectory: with at least one turn.
            level: level of the ratio, ``token``, ``turn`` or ``trajectory``.
            decisions: where valid answers part; its numbers are noted as value ``decision``.
            environment: the number of the environment among those that are learned.
            origin: see `mmgym.learn.packing.Row`.
        """
        turns = trajectory.turns
        parts = segments(trajectory)
        owner = np.concatenate([part.turn[part.trained] for part in parts])
        values = {
            "behaviour": np.concatenate([part.logprobs[part.trained] for part in parts]),
            "count": np.ones(len(owner), np.float32),
            "unit": owner.astype(np.float32) if level == "turn" else np.zeros(len(owner), np.float32),
        }
        if decisions:
            values["decision"] = np.concatenate([decisions.numbers(turn.sampled_ids, environment) for turn in turns])
        return cls(trajectory, parts, values, origin)

    def give(self, advantage: np.ndarray, weight: np.ndarray, normaliser: float = 0.0) -> None:
        """Note advantage and aggregation weight of each token, and what the trajectory adds to the normaliser."""
        self.normaliser = normaliser
        self.values["weight"] = weight.astype(np.float32)
        self.values["positive"] = (weight * np.maximum(advantage, 0)).astype(np.float32)
        self.values["negative"] = (weight * np.minimum(advantage, 0)).astype(np.float32)

    def rows(self) -> list[Row]:
        """A row for each segment, with its part of the values; which versions sampled which tokens is in its origin."""
        ends = np.cumsum([int(part.trained.sum()) for part in self.segments])[:-1]
        cut = {name: np.split(value, ends) for name, value in self.values.items()}
        versions = np.array([turn.version for turn in self.trajectory.turns], np.int64)
        sampled_by = [_changes(versions[part.turn[part.trained]]) for part in self.segments]
        return [
            row_of(part, {name: parts[index] for name, parts in cut.items()}, (*self.origin, *sampled_by[index]))
            for index, part in enumerate(self.segments)
        ]


def _changes(values: np.ndarray) -> list[int]:
    """Where a value differs from the one before, and what it is: equal for equal arrays only, and short."""
    starts = np.flatnonzero(np.diff(values, prepend=values[:1] - 1))
    return [*starts[1:].tolist(), *values[starts].tolist()]


def evaluate(played: Sequence[Played], images: ImageStore, evaluator: Evaluator) -> list[np.ndarray]:
    """A number for each sampled token of each trajectory; equal rows are evaluated once.

    Args:
        played: the trajectories.
        images: their pictures.
        evaluator: e.g. `mmgym.learn.learner.Learner.logprobs`.

    Returns:
        Of each trajectory float32 (sampled tokens,), in order of turns.
    """
    distinct: dict[tuple[bytes, bytes, tuple[object, ...]], int] = {}
    rows: list[Row] = []
    wanted: list[list[int]] = []
    for one in played:
        own = []
        for row in one.rows():
            key = (row.ids.tobytes(), row.trained.tobytes(), row.images)
            if key not in distinct:
                distinct[key] = len(rows)
                rows.append(row)
            own.append(distinct[key])
        wanted.append(own)
    found = evaluator(rows, images)
    return [np.concatenate([found[index] for index in own]).astype(np.float32) for own in wanted]
