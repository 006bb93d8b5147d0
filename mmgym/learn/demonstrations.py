"""What is imitated: a scripted policy, stored trajectories, or the policy's own successes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmgym.agent import Policy, TrainableAgent
from mmgym.learn.build import make_demonstrator
from mmgym.learn.config import TrainConfig
from mmgym.learn.distributed import World
from mmgym.learn.episodes import training_tasks, whole_groups
from mmgym.learn.experience import only_successes
from mmgym.learn.learner import GuardError, Part, check_image_tokens
from mmgym.learn.losses import likelihood_loss
from mmgym.learn.packing import supervised_row
from mmgym.rollout import Executor
from mmgym.trajectory import ImageStore, Trajectory, segments

__all__ = ["Demonstrations"]


class Demonstrations:
    """Makes the part of an optimizer step that imitates, as `CloningConfig` says.

    Args:
        config: the run.
        world: the processes that learn together.
        policy: the model that learns.
        executor: plays.
        sampler: the policy as an agent, for those that are its own.

    Raises:
        ValueError: when the stored trajectories cannot be read, hold nothing to imitate, or are in another model's ids.
    """

    def __init__(self, config: TrainConfig, world: World, policy: Policy, executor: Executor, sampler: TrainableAgent):
        self.config, self.world, self.policy, self.executor, self.sampler = config, world, policy, executor, sampler
        self._pool: dict[int, tuple[Sequence[Trajectory], ImageStore]] = {}
        self._stored: tuple[list[Trajectory], ImageStore] | None = None
        if config.cloning.trajectories:
            self._stored = _load(config.cloning.trajectories, policy)

    def part(self, step: int, weight: float) -> Part:
        """The demonstrations of a step: their loss is the mean over tokens, times `weight`."""
        pool = self.config.cloning.pool
        number = step % pool if pool else step
        found = self._pool.get(number) or self._make(number)
        if pool:
            self._pool[number] = found
        shown, images = found
        rows = [supervised_row(segment) for trajectory in shown for segment in segments(trajectory)]
        tokens = self.world.sum(float(sum(len(row.trained) for row in rows)))
        return Part(rows, images, likelihood_loss, tokens / weight)

    def _make(self, number: int) -> tuple[Sequence[Trajectory], ImageStore]:
        config = self.config.cloning
        if self._stored:
            trajectories, images = self._stored
            rng = np.random.default_rng([self.config.seed, 12, number])
            drawn = rng.choice(len(trajectories), min(config.episodes, len(trajectories)), replace=False)
            return [trajectories[index] for index in self.world.share(drawn.tolist())], images
        own = config.demonstrator == "self"
        agent: Any = self.sampler if own else make_demonstrator(self.config, self.policy)
        tasks = training_tasks(self.config, self.world, stage=1, step=number, groups=config.episodes, size=1)
        rollout = self.executor.run(tasks, agent)
        shown = whole_groups(rollout, self.world)
        return only_successes(shown) if own else shown, rollout.images


def _load(path: str, policy: Policy) -> tuple[list[Trajectory], ImageStore]:
    from mmgym.store import load_trajectories

    trajectories, images = load_trajectories(path)
    usable = [one for one in trajectories if one.sampled_tokens and not one.error and not one.task.player]
    if not usable:
        raise ValueError(f"{path} holds no trajectory with token ids: those of scripted and API agents have none")
    for number, one in enumerate(usable):
        rows = [supervised_row(segment) for segment in segments(one)]
        try:
            check_image_tokens(rows, policy)
        except GuardError as error:
            raise ValueError(f"{path} is not in the ids of this model: in trajectory {number} {error}") from error
        ids = np.concatenate([row.ids[row.ids != policy.image_token_id()] for row in rows])
        if not 0 <= ids.min() <= ids.max() < policy.vocabulary_size:
            raise ValueError(
                f"{path} is not in the ids of this model: trajectory {number} has ids from {ids.min()} to {ids.max()}, "
                f"the model those below {policy.vocabulary_size}"
            )
    return usable, images
