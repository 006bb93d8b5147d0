"""Success replay (ARPO, arXiv 2505.16282): a group that failed as a whole gets one stored success of its task.

Where nobody succeeds, all advantages are 0 and nothing is learned; one success in the group makes them differ. It was
sampled by earlier weights: its log-probabilities are those of that time, so the loss must correct for it, and the guard
that sampler and learner agree must leave it out.
"""

from __future__ import annotations

import base64
import dataclasses
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmgym.learn.experience.selection import answer_key, task_key
from mmgym.trajectory import ImageRef, ImageStore, Status, Trajectory

__all__ = ["Replacement", "SuccessReplay"]


@dataclass(frozen=True)
class Replacement:
    """A stored success, and whose place it takes."""

    index: int
    """Index of the member that is replaced."""
    trajectory: Trajectory
    """The success, as a member of the group; its turns keep their log-probabilities and version of the weights."""


class SuccessReplay:
    """Successful trajectories by task, with their pictures, the oldest forgotten first.

    Args:
        capacity: most trajectories held.
        per_task: most of one task; ARPO holds 8.
        mean_below: a group is helped if the mean of its returns is below this, ...
        std_below: ... their standard deviation (ddof = 1) below this, and no member succeeded.

    Raises:
        ValueError: for a capacity below 1.
    """

    def __init__(self, capacity: int = 512, per_task: int = 8, mean_below: float = 0.2, std_below: float = 0.05):
        if capacity < 1 or per_task < 1:
            raise ValueError(f"capacity and per_task must be at least 1; got {capacity} and {per_task}")
        self.capacity, self.per_task = capacity, per_task
        self.mean_below, self.std_below = mean_below, std_below
        self._held: list[Trajectory] = []
        self._pixels: dict[ImageRef, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._held)

    def offer(self, trajectory: Trajectory, images: ImageStore) -> bool:
        """Store a trajectory if it is a success with sampled tokens that is not there yet.

        Args:
            trajectory: an episode that the policy played.
            images: holds its pictures.

        Returns:
            Whether it was stored.
        """
        failed = not trajectory.success or trajectory.status is Status.ENV_ERROR
        of_task = self._of(task_key(trajectory.task))
        if failed or not trajectory.sampled_tokens or answer_key(trajectory) in map(answer_key, of_task):
            return False
        if len(of_task) == self.per_task:
            self._forget(of_task[0])
        elif len(self._held) == self.capacity:
            self._forget(self._held[0])
        self._held.append(trajectory)
        for ref in _refs(trajectory):
            self._pixels.setdefault(ref, images[ref])
        return True

    def for_group(
        self, group: Sequence[Trajectory], returns: Sequence[float], images: ImageStore, rng: np.random.Generator
    ) -> Replacement | None:
        """A success for a group that failed as a whole, if one of its task is stored.

        Args:
            group: the members, of one task.
            returns: their returns.
            images: where the pictures of the success are added.
            rng: draws which of several is taken; a number is taken from it only then.

        Returns:
            Which member to replace (of lowest return, the first of equals) and by what; None where the group needs no
            help or there is none.

        Raises:
            ValueError: when the members are of several tasks, or `returns` are not one each.
        """
        if len(returns) != len(group) or len({task_key(member.task) for member in group}) != 1:
            raise ValueError(f"a group is of one task, with one return per member; got {len(group)}, {len(returns)}")
        values = np.array(returns, np.float64)
        spread = values.std(ddof=1) if len(values) > 1 else 0.0
        if any(member.success for member in group) or values.mean() >= self.mean_below or spread >= self.std_below:
            return None
        stored = self._of(task_key(group[0].task))
        if not stored:
            return None
        chosen = stored[int(rng.integers(len(stored)))] if len(stored) > 1 else stored[0]
        for ref in _refs(chosen):
            images.add(self._pixels[ref])
        index = int(values.argmin())
        place = group[index].task
        # Its own task but for the place in the group: it was sampled from the pictures that it was sampled from.
        task = dataclasses.replace(chosen.task, group=place.group, member=place.member, noise=place.noise)
        return Replacement(index, dataclasses.replace(chosen, task=task))

    def state(self) -> dict[str, Any]:
        """All that is held, as JSON holds it: a file of `mmgym.store`, in base64."""
        images = ImageStore()
        for pixels in self._pixels.values():
            images.add(pixels)
        return {"trajectories": trajectories_to_text(self._held, images)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave; what is held is forgotten.

        Raises:
            ValueError: for anything else (`mmgym.store.StoreError` is one).
        """
        self._held, images = trajectories_from_text(state["trajectories"])
        self._pixels = {ref: images[ref] for trajectory in self._held for ref in _refs(trajectory)}

    def _of(self, key: str) -> list[Trajectory]:
        """The stored successes of a task, oldest first."""
        return [trajectory for trajectory in self._held if task_key(trajectory.task) == key]

    def _forget(self, trajectory: Trajectory) -> None:
        self._held = [one for one in self._held if one is not trajectory]
        needed = {ref for one in self._held for ref in _refs(one)}
        self._pixels = {ref: pixels for ref, pixels in self._pixels.items() if ref in needed}


def trajectories_to_text(trajectories: Sequence[Trajectory], images: ImageStore) -> str:
    """A file of `mmgym.store` in base64, for a checkpoint."""
    from mmgym.store import save_trajectories  # Arrow is needed only here

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trajectories.parquet"
        save_trajectories(path, trajectories, images)
        return base64.b64encode(path.read_bytes()).decode("ascii")


def trajectories_from_text(text: str) -> tuple[list[Trajectory], ImageStore]:
    """The inverse of `trajectories_to_text`.

    Raises:
        ValueError: for anything else (`mmgym.store.StoreError` is one).
    """
    from mmgym.store import load_trajectories

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trajectories.parquet"
        path.write_bytes(base64.b64decode(text, validate=True))
        return load_trajectories(path)


def _refs(trajectory: Trajectory) -> Iterator[ImageRef]:
    for turn in trajectory.turns:
        yield from turn.images
    if trajectory.final_image is not None:
        yield trajectory.final_image
