"""The episodes of an iteration: what is played, again where it taught nothing, and what old successes are added.

They are played in turn with the update, or ahead of it (`mmgym.learn.asynchronous`).
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmgym.agent import TrainableAgent
from mmgym.learn.asynchronous import RolloutsAhead, Waiting, staleness
from mmgym.learn.config import TrainConfig
from mmgym.learn.distributed import World
from mmgym.learn.episodes import describe, training_tasks, whole_groups
from mmgym.learn.experience import Arm, Curriculum, SuccessReplay, refill_plan
from mmgym.learn.self_play import League
from mmgym.rollout import Executor, Rollout
from mmgym.rollout.augment import annealed_strength
from mmgym.trajectory import EpisodeTask, ImageStore, Status, Trajectory

__all__ = ["Gathered", "Gathering"]

Returns = Callable[[Trajectory], float]
_SPARE = 1_000_000
"""Number of the first group that replaces a lost one: above all that an iteration plays otherwise."""


@dataclass
class Gathered:
    """This process's part of the trajectories of an iteration."""

    usable: list[Trajectory]
    """Those of whole groups that were played now."""
    trajectories: list[Trajectory]
    """Those that are learned from."""
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
        ahead: plays in their place, while the learner works (`GrpoConfig.staleness`).
        league: past checkpoints that are met (`SelfPlayConfig.past`).
    """

    def __init__(
        self,
        config: TrainConfig,
        world: World,
        executor: Executor,
        sampler: TrainableAgent,
        ahead: RolloutsAhead | None = None,
        league: League | None = None,
    ):
        self.config, self.world, self.executor, self.sampler = config, world, executor, sampler
        self.ahead, self.league = ahead, league
        self._published, self._begun = -1, 0
        self._collected = (time.perf_counter(), 0.0)
        """When episodes were last collected, and seconds of playing until then."""
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
        self.begin(step)
        played: list[Trajectory] = []
        images = ImageStore()
        retried, first, draw, rounds = 0, 0, wanted, 0
        used: set[int] | None = None
        usable: list[Trajectory] = []
        learned: list[Trajectory] = []
        replayed: list[bool] = []
        while draw:
            rollout = self._rollout(step, first, draw, {trajectory.task.group for trajectory in played})
            images.update(rollout.images)
            played += rollout.trajectories
            retried += rollout.retried
            whole = whole_groups(rollout, self.world, needed=not rounds)
            helped, old = self._with_replays(whole, images, returns, step)
            usable, learned, replayed = usable + whole, learned + helped, replayed + old
            first, rounds, draw = first + draw, rounds + 1, 0
            if config.gathering.rounds > 1:
                numbers, values = self._by_group(learned, returns)
                plan = refill_plan(values, wanted, rounds, config.gathering.rounds)
                used, draw = {numbers[index] for index in plan.used}, plan.draw
        if self.ahead is None and hasattr(self.sampler, "rest"):
            self.sampler.rest()  # an engine that shares the GPU with the learner makes room for it
        everything = Rollout(played, images, retried=retried)
        metrics = describe(everything, usable, float(sum(map(returns, usable))), self.world)
        metrics |= {"rounds": float(rounds), "lost_groups": self._lost_groups(played)}
        if config.gathering.augmented:
            metrics["augmentation_strength"] = self._strength(step)
        if self.ahead:
            metrics |= self._timeliness(self.ahead, usable, step)
        if self.league:
            metrics |= self.league.record(played, self.world)
        self._record(usable)
        self._keep_successes(usable, images)
        if self.curriculum:
            metrics |= self.curriculum.metrics()
        kept = [index for index, one in enumerate(learned) if not used or one.task.group in used]
        chosen = [learned[index] for index in kept]
        return Gathered(usable, chosen, [replayed[index] for index in kept], images, metrics)

    def begin(self, step: int) -> None:
        """Where episodes are played ahead: hand over the weights that an iteration starts from, and what it allows.

        They are played while the caller does other things. A second call for the same iteration does nothing.
        """
        config = self.config.grpo
        if self.ahead is None or step == self._published or step >= config.iterations:
            return
        self.ahead.publish(step)
        self._published = step
        for coming in range(max(step, self._begun), min(step + config.staleness + 1, config.iterations)):
            self.ahead.begin(coming, self._tasks(coming, 0, config.groups), self._spares(coming))
            self._begun = coming + 1

    @property
    def seconds_playing(self) -> float:
        """Seconds so far in which episodes were played ahead."""
        return self.ahead.seconds_playing if self.ahead else 0.0

    def _rollout(self, step: int, first: int, groups: int, played: Collection[int]) -> Rollout:
        """This process's share of some groups of an iteration, of which it has `played` others."""
        if self.ahead is None:
            if self.league:
                self.league.begin(step)
            others = self.league.players if self.league else {}
            return self.executor.run(self._tasks(step, first, groups), self.sampler, others=others, trusted=others)
        if first:
            self.ahead.begin(step, self._tasks(step, first, groups), self._spares(step, played))
        return self.ahead.collect(step)

    def _tasks(self, step: int, first: int, groups: int) -> list[EpisodeTask]:
        tasks = training_tasks(
            self.config,
            self.world,
            stage=2,
            step=step,
            groups=groups,
            size=self.config.grpo.group_size,
            first=first,
            curriculum=self.curriculum,
        )
        if self.league:
            tasks = self.league.seat(tasks, step)
        return self._augmented(tasks, step)

    def _spares(self, step: int, played: Collection[int] = ()) -> list[list[EpisodeTask]]:
        """As many groups as the iteration has, but for those `played`, to be played in place of lost ones."""
        size = self.config.grpo.group_size
        tasks = [task for task in self._tasks(step, _SPARE, self.config.grpo.groups) if task.group not in played]
        return [tasks[start : start + size] for start in range(0, len(tasks), size)]

    def _lost_groups(self, played: Sequence[Trajectory]) -> float:
        """Groups of all processes that lost an episode to the machinery."""
        return self.world.sum(float(len({t.task.group for t in played if t.status is Status.ENV_ERROR})))

    def _timeliness(self, ahead: RolloutsAhead, usable: Sequence[Trajectory], step: int) -> dict[str, float]:
        """How old the tokens are that are learned from, and who waited for whom."""
        ages, tokens = staleness(usable, step)
        now, playing = time.perf_counter(), ahead.seconds_playing
        before, played = self._collected
        self._collected = now, playing
        parts = self.world.gather(
            (float(ages @ tokens), float(tokens.sum()), float(ages.max(initial=0)), ahead.whole_groups)
        )
        total, count, oldest, waiting = zip(*parts, strict=True)
        if max(oldest) > self.config.grpo.staleness:
            raise RuntimeError(
                f"a token is {max(oldest):g} versions old; at most {self.config.grpo.staleness} (grpo.staleness) is "
                "allowed: the sampler says that it has other weights than it was given"
            )
        return {
            "staleness": sum(total) / max(1.0, sum(count)),
            "staleness_max": max(oldest),
            "waiting_groups": float(sum(waiting)),
            "seconds_idle": max(0.0, now - before - (playing - played)),
        }

    def _strength(self, step: int) -> float:
        """How much pictures are altered in an iteration."""
        grpo = self.config.grpo
        return annealed_strength(grpo.gathering.strength, step, grpo.iterations)

    def _augmented(self, tasks: list[EpisodeTask], step: int) -> list[EpisodeTask]:
        """The tasks, of which the last members of each group see altered pictures."""
        config, size = self.config.grpo.gathering, self.config.grpo.group_size
        if not config.augmented:
            return tasks
        strength = self._strength(step)
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
        self, usable: Sequence[Trajectory], images: ImageStore, returns: Returns, step: int
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
        return learned, replayed

    def _keep_successes(self, usable: Sequence[Trajectory], images: ImageStore) -> None:
        """Keep the successes for later iterations, those of groups that taught nothing too."""
        if self.replay is not None:
            for trajectory in usable:
                if not trajectory.augmented:
                    self.replay.offer(trajectory, images)

    def close(self) -> None:
        """End what plays ahead of the learner."""
        if self.ahead:
            self.ahead.close()

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs; every process must ask for it, and has all of it."""
        return {
            "curriculum": self.curriculum.state() if self.curriculum else None,
            "league": self.league.state() if self.league else None,
            "replay": self.world.gather(self.replay.state()) if self.replay is not None else None,
            "ahead": self.world.gather([one.pack() for one in self.ahead.waiting()]) if self.ahead else None,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        if self.curriculum:
            self.curriculum.load_state(state["curriculum"])
        if self.league:
            self.league.load_state(state["league"])
        if self.replay is not None:
            parts = state["replay"]  # of more or fewer processes, where the checkpoint is of a sharded run
            self.replay.load_state(parts[self.world.rank % len(parts)])
        if self.ahead:
            self._go_on([Waiting.unpack(packed) for part in state["ahead"] for packed in part])

    def _go_on(self, parts: Sequence[Waiting]) -> None:
        """Take up what was being played or waited when the checkpoint was written; every group in one process."""
        assert self.ahead is not None
        for step in sorted({part.step for part in parts}):
            whole = Waiting.together([part for part in parts if part.step == step])
            used = {task.group for task in whole.open} | {t.task.group for t in whole.played}
            mine = whole.of(lambda group: group % self.world.size == self.world.rank)
            self.ahead.begin(step, mine.open, self._spares(step, used), mine)
            self._begun = step + 1
