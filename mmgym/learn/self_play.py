"""Matches in which the policy takes every seat: which seats there are, who sits where, and what a team is worth.

Each seat has a trajectory and a group of its own: its group are the matches from the same first position, so that a
seat is compared with itself and not with one that has a harder task. In some groups a past checkpoint of the policy
takes the other seats (`League`), and only what the policy itself did is learned.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import mmgym
from mmgym.env import choose
from mmgym.learn.mapping import at_least, share

if TYPE_CHECKING:
    import torch

    from mmgym.agent import Agent, BatchAgent, Policy
    from mmgym.learn.config import EnvironmentConfig, MixedEnvironment, TrainConfig
    from mmgym.learn.distributed import World
    from mmgym.trajectory import EpisodeTask, Trajectory

__all__ = ["PAST", "League", "SelfPlayConfig", "as_team", "seat_environments", "seat_tasks", "seats_of"]

PAST = "past"
"""`EpisodeTask.player` of a seat that a past checkpoint takes."""
_SITTING, _DRAWING = 13, 14
_SEATS: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True)
class SelfPlayConfig:
    """Self-play and team training, in environments with several seats."""

    enabled: bool = False
    """Let the policy take every seat while it trains. Evaluations stay in the single-agent view, at every seat, beside
    the ``others`` of the environment's arguments."""
    credit: str = "individual"
    """What a seat learns from: ``individual``, its own return, or ``team``, the mean of the returns of all seats."""
    past: float = 0.0
    """Share of groups in which a past checkpoint takes all seats but one."""
    past_rule: str = "uniform"
    """Which one an iteration meets: ``uniform`` (all alike), ``latest``, or ``hard`` (the less often it was beaten, the
    more likely: in proportion to the squared share of matches that the policy did not win, AlphaStar's)."""
    past_every: int = 10
    """Iterations between two checkpoints that are kept to be met; the first is the policy before the first one."""
    past_size: int = 8
    """Most of them; the oldest gives way."""

    def __post_init__(self) -> None:
        choose("credit", self.credit, ("individual", "team"))
        choose("past_rule", self.past_rule, ("uniform", "latest", "hard"))
        share(self, "past")
        at_least(self, 1, "past_every", "past_size")


# --- who sits where ---------------------------------------------------------------------------------------------------


def seats_of(environment: EnvironmentConfig) -> tuple[str, ...]:
    """Names of the seats of an environment, found out once; empty where there is but one."""
    from mmgym.learn.build import make_env

    key = repr((environment.id, environment.kwargs))
    if key not in _SEATS:
        env = make_env(environment)
        _SEATS[key] = mmgym.unwrap(env).seats
        env.close()
    return _SEATS[key]


def seat_environments(config: TrainConfig) -> tuple[MixedEnvironment, ...]:
    """The environments that are learned; with self-play one for each seat, in the order of the seats."""
    if not config.self_play.enabled:
        return config.environments
    return tuple(
        replace(environment, kwargs={**environment.kwargs, "seat": seat}) if seat else environment
        for environment in config.environments
        for seat in seats_of(environment) or ("",)
    )


def seat_tasks(tasks: Sequence[EpisodeTask], config: TrainConfig) -> list[EpisodeTask]:
    """The tasks, those of environments with several seats as one task for each of them.

    Group g becomes the groups g x (most seats) + seat, and every member of it a match of its own.
    """
    if not config.self_play.enabled:
        return list(tasks)
    seats = {environment.id: seats_of(environment) for environment in config.environments}
    width = max(1, *map(len, seats.values()))
    size = 1 + max((task.member for task in tasks), default=0)
    found: list[EpisodeTask] = []
    for task in tasks:
        kwargs = {name: value for name, value in task.kwargs.items() if name != "others"}
        if not seats[task.env_id]:
            found.append(replace(task, group=task.group * width))
        for number, seat in enumerate(seats[task.env_id]):
            found.append(
                replace(
                    task,
                    kwargs={**kwargs, "seat": seat},
                    group=task.group * width + number,
                    match=task.group * size + task.member,
                )
            )
    return found


def as_team(trajectories: Sequence[Trajectory], paid: Sequence[dict[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    """What each reward term pays in each turn, when the seats of a match share it.

    What a seat was paid stays where it was; the difference to the mean of the seats is added to its last turn. A seat
    that never had a turn (the match ended before, or its first prompt is too long) has no trajectory to be paid in, and
    is left out of the mean.

    Args:
        trajectories: those that are learned from.
        paid: of each, by term, float64 (turns,).
    """
    totals: dict[Any, dict[str, list[float]]] = {}
    for trajectory, own in zip(trajectories, paid, strict=True):
        match = totals.setdefault(trajectory.task.match, {})
        for name, values in own.items():
            match.setdefault(name, []).append(float(values.sum()))
    shared: list[dict[str, np.ndarray]] = []
    for trajectory, own in zip(trajectories, paid, strict=True):
        if trajectory.task.match is None:
            shared.append(dict(own))
            continue
        changed = {}
        for name, values in own.items():
            together = totals[trajectory.task.match][name]
            changed[name] = values.copy()
            changed[name][-1] += sum(together) / len(together) - values.sum()
        shared.append(changed)
    return shared


# --- past checkpoints -------------------------------------------------------------------------------------------------


@dataclass
class _Member:
    step: int
    weights: dict[str, torch.Tensor]
    matches: int = 0
    beaten: int = 0

    @property
    def share_not_beaten(self) -> float:
        """Of its matches, one more of each kind counted: who was never met may be met."""
        return 1 - (self.beaten + 1) / (self.matches + 2)


class League:
    """Past checkpoints of a policy, of which each iteration meets one.

    Args:
        config: the run.
        policy: the policy that learns; the league holds one more copy of what learns of it, whatever its size.
        folder: where its checkpoints are written as well, ``<iteration>.pt`` with what `Policy.weights` gives, to be
            met after the run; also those that have given way. None writes none.
    """

    def __init__(self, config: TrainConfig, policy: Policy, folder: Path | None = None):
        from mmgym.learn.replicas import make_sampler

        self._config, self._policy, self._seed, self._folder = config.self_play, policy, config.seed, folder
        self._copy = policy.clone()
        self._player: Any = make_sampler(config, self._copy, greedy=False)
        self._members: list[_Member] = []
        self._met: _Member | None = None

    @property
    def players(self) -> Mapping[str, Agent | BatchAgent]:
        """Who takes the seats of past checkpoints."""
        return {PAST: self._player}

    def begin(self, step: int) -> None:
        """Keep a checkpoint where one is due, and draw which one an iteration meets."""
        config = self._config
        if step % config.past_every == 0 and all(member.step != step for member in self._members):
            weights = {name: value.detach().to("cpu", copy=True) for name, value in self._policy.weights().items()}
            self._members = [*self._members, _Member(step, weights)][-config.past_size :]
            self._write(self._members[-1])
        chances = np.ones(len(self._members))
        if config.past_rule == "latest":
            chances[:-1] = 0
        elif config.past_rule == "hard":
            chances = np.array([member.share_not_beaten**2 for member in self._members])
        rng = np.random.default_rng([self._seed, _DRAWING, step])
        self._met = self._members[rng.choice(len(self._members), p=chances / chances.sum())]
        self._copy.load_weights(self._met.weights)
        self._player.weights_changed(self._met.step)

    def _write(self, member: _Member) -> None:
        if self._folder is None:
            return
        import torch

        from mmgym.learn.checkpoint import write_atomically

        content = io.BytesIO()
        torch.save(member.weights, content)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._folder / f"{member.step:05d}.pt", content.getvalue())

    def seat(self, tasks: Sequence[EpisodeTask], step: int) -> list[EpisodeTask]:
        """The tasks of an iteration, some of them with the past checkpoint at all seats but one of each match."""
        first: dict[int, int] = {}
        seats: dict[int, int] = {}
        for task in tasks:
            if task.match is not None:
                first.setdefault(task.match, task.group)
                seats[task.match] = task.group - first[task.match] + 1
        placed = []
        for task in tasks:
            if task.match is not None:
                start = first[task.match]  # the same for all matches of a group
                rng = np.random.default_rng([self._seed, _SITTING, step, start])
                own = int(rng.integers(seats[task.match])) if rng.random() < self._config.past else None
                if own is not None and task.group - start != own:
                    task = replace(task, player=PAST)
            placed.append(task)
        return placed

    def record(self, played: Sequence[Trajectory], world: World) -> dict[str, float]:
        """Note how the matches against the past checkpoint ended, in all processes.

        Args:
            played: the trajectories of this process, of the policy and of others.
            world: the processes.

        Returns:
            ``past_step`` (the iteration whose policy was met), ``past_matches``, ``past_success`` (share of them in
            which the policy reached its goal; left out without any) and ``past_size`` (checkpoints in the league).
        """
        assert self._met is not None
        theirs = {t.task.match for t in played if t.task.player == PAST}
        own = [t.success for t in played if t.task.match in theirs and not t.task.player and not t.error]
        matches, beaten = int(world.sum(float(len(own)))), int(world.sum(float(sum(own))))
        self._met.matches += matches
        self._met.beaten += beaten
        found = {
            "past_step": float(self._met.step),
            "past_matches": float(matches),
            "past_size": float(len(self._members)),
        }
        return found | ({"past_success": beaten / matches} if matches else {})

    def state(self) -> list[tuple[int, dict[str, torch.Tensor], int, int]]:
        """What a checkpoint needs."""
        return [(member.step, member.weights, member.matches, member.beaten) for member in self._members]

    def load_state(self, state: Sequence[tuple[int, dict[str, torch.Tensor], int, int]]) -> None:
        """The inverse of `state`."""
        self._members = [_Member(*member) for member in state]
