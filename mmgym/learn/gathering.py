"""The episodes of an iteration: what is played, again where it taught nothing, and what old successes are added."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmgym.agent import TrainableAgent
from mmgym.learn.config import TrainConfig
from mmgym.learn.distributed import World
from mmgym.learn.episodes import describe, training_tasks, whole_groups
from mmgym.learn.experience import Arm, Curriculum, SuccessReplay, refill_plan
from mmgym.rollout import Executor, Rollout
from mmgym.rollout.augment import annealed_strength
from mmgym.trajectory import EpisodeTask, ImageStore, Trajectory

__all__ = ["Gathered", "Gathering"]

Returns = Callable[[Trajectory], float]


@dataclass
class Gathered:
    """This process's part of the trajectories of an iteration."""

    trajectories: list[Trajectory]
    """Those that are learned from: whole groups."""
    replayed: list[bool]
    """Of each, whether earlier weights sampled it."""
    images: ImageStore
    metrics: dict[str, float]
    """What all episodes that were played were like; see `mmgym.learn.episodes.describe`."""


class Gathering:
    """Plays the episodes of each iteration.

    Args:
        config: the run.
        world: the processes that learn together.
        executor: plays.
        sampler: the agent that plays.
    """

    def __init__(self, config: TrainConfig, world: World, executor: Executor, sampler: TrainableAgent):
        self.config, self.world, self.executor, self.sampler = config, world, executor, sampler
        gathering = config.grpo.gathering
        self.curriculum: Curriculum | None = None
        if gathering.levels or gathering.curriculum.mode != "fixed":
            arms = [
                Arm(environment.id, level, environment.share)
                for environment in config.environments
                for level in gathering.levels or (None,)
            ]
            self.curriculum = Curriculum(arms, gathering.curriculum)
        self.replay = SuccessReplay(per_task=gathering.replay) if gathering.replay else None

    def play(self, step: int, returns: Returns) -> Gathered:
        """Play the episodes of an iteration.

        Args:
            step: the iteration.
            returns: what a trajectory is worth.
        """
        config, wanted = self.config.grpo, self.config.grpo.groups
        played: list[Trajectory] = []
        images = ImageStore()
        failed, first, draw, rounds = 0, 0, wanted, 0
        used: set[int] | None = None
        usable: list[Trajectory] = []
        while draw:
            tasks = training_tasks(
                self.config,
                self.world,
                stage=2,
                step=step,
                groups=draw,
                size=config.group_size,
                first=first,
                curriculum=self.curriculum,
            )
            rollout = self.executor.run(self._augmented(tasks, step), self.sampler)
            images.update(rollout.images)
            played += rollout.trajectories
            failed += rollout.failed
            usable += whole_groups(rollout, self.world)
            first, rounds, draw = first + draw, rounds + 1, 0
            if config.gathering.rounds > 1:
                numbers, values = self._by_group(usable, returns)
                plan = refill_plan(values, wanted, rounds, config.gathering.rounds)
                used, draw = {numbers[index] for index in plan.used}, plan.draw
        whole = Rollout(played, images)
        metrics = describe(whole, usable, float(sum(map(returns, usable))), self.world) | {"rounds": float(rounds)}
        self._record(usable)
        if used:
            usable = [trajectory for trajectory in usable if trajectory.task.group in used]
        learned, replayed = self._with_replays(usable, images, returns, step)
        return Gathered(
            learned, replayed, images, {**metrics, **(self.curriculum.metrics() if self.curriculum else {})}
        )

    def _augmented(self, tasks: list[EpisodeTask], step: int) -> list[EpisodeTask]:
        """The tasks, of which the last members of each group see altered pictures."""
        config, size = self.config.grpo.gathering, self.config.grpo.group_size
        if not config.augmented:
            return tasks
        strength = annealed_strength(config.strength, step, self.config.grpo.iterations)
        return [
            dataclasses.replace(task, augmentation=config.augmentation, strength=strength)
            if task.member >= size - config.augmented
            else task
            for task in tasks
        ]

    def _by_group(self, usable: Sequence[Trajectory], returns: Returns) -> tuple[list[int], list[list[float]]]:
        """The groups of all processes in order, and the returns of their members."""
        mine: dict[int, list[float]] = {}
        for trajectory in usable:
            mine.setdefault(trajectory.task.group, []).append(returns(trajectory))
        found = {group: values for part in self.world.gather(mine) for group, values in part.items()}
        numbers = sorted(found)
        return numbers, [found[number] for number in numbers]

    def _record(self, usable: Sequence[Trajectory]) -> None:
        """Tell the curriculum how the groups of all processes went, in their order."""
        if not self.curriculum:
            return
        mine: dict[int, tuple[str, Any, list[bool]]] = {}
        for trajectory in usable:
            task = trajectory.task
            played = mine.setdefault(task.group, (task.env_id, task.options.get("level"), []))
            played[2].append(trajectory.success)
        found = {group: arm for part in self.world.gather(mine) for group, arm in part.items()}
        for group in sorted(found):
            self.curriculum.record(*found[group])

    def _with_replays(
        self, usable: list[Trajectory], images: ImageStore, returns: Returns, step: int
    ) -> tuple[list[Trajectory], list[bool]]:
        """The trajectories, with a stored success in each group that failed as a whole."""
        learned, replayed = list(usable), [False] * len(usable)
        if self.replay is None:
            return learned, replayed
        for group in sorted({trajectory.task.group for trajectory in usable}):
            places = [index for index, one in enumerate(usable) if one.task.group == group]
            members = [usable[index] for index in places]
            rng = np.random.default_rng([self.config.seed, 11, step, group])
            found = self.replay.for_group(members, [returns(member) for member in members], images, rng)
            if found:
                learned[places[found.index]], replayed[places[found.index]] = found.trajectory, True
        for trajectory in usable:
            if not trajectory.augmented:
                self.replay.offer(trajectory, images)
        return learned, replayed

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs; every process must ask for it, and has all of it."""
        return {
            "curriculum": self.curriculum.state() if self.curriculum else None,
            "replay": self.world.gather(self.replay.state()) if self.replay is not None else None,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        if self.curriculum:
            self.curriculum.load_state(state["curriculum"])
        if self.replay is not None:
            self.replay.load_state(state["replay"][self.world.rank])
