"""The third stage, iteration by iteration: episodes are played, credit is given, the policy is updated."""

from __future__ import annotations

import dataclasses
import functools
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmgym.agent import TrainableAgent
from mmgym.learn.advantages import Episodes, advantages, by_environment, needs, together, value_targets
from mmgym.learn.aggregation import aggregation_weights
from mmgym.learn.asynchronous import RolloutsAhead
from mmgym.learn.build import make_reward
from mmgym.learn.config import TrainConfig
from mmgym.learn.corrections import correction_weights
from mmgym.learn.critic import Critic
from mmgym.learn.episodes import success_by_environment
from mmgym.learn.experience import Alarm
from mmgym.learn.gathering import Gathering
from mmgym.learn.kl import adaptive_kl_coefficient
from mmgym.learn.learner import GuardError, Learner, Part
from mmgym.learn.losses import likelihood_loss, policy_loss
from mmgym.learn.packing import Row, merge_equal, supervised_row
from mmgym.learn.played import Played, evaluate
from mmgym.learn.preferences import dpo_weights, preference_pairs
from mmgym.learn.ratios import level_log_ratios
from mmgym.learn.self_play import League, as_team, seat_environments
from mmgym.rewards import components
from mmgym.rollout import Executor
from mmgym.trajectory import EpisodeTask, ImageStore, Trajectory

__all__ = ["Improvement"]

logger = logging.getLogger(__name__)

_MEANS = ("clip_fraction", "ratio", "kl", "entropy", "kl_reference", "mismatch_kl", "correction", "masked")
"""Metrics of a policy loss that are means over sampled tokens."""


@dataclass
class Credit:
    """What a process's trajectories were given."""

    advantages: list[np.ndarray]
    """float32 (sampled tokens,) each."""
    values: list[np.ndarray]
    """What the critic said, float32 (sampled tokens,) each; empty without one."""
    targets: list[np.ndarray]
    """What the critic is fitted to."""


class Improvement:
    """One process's part of the stage.

    Args:
        config: the run.
        learner: updates the policy.
        executor: plays.
        sampler: the agent that plays.
        mixed: functions that give further parts of an update, from its number.
        ahead: plays in their place, while the learner works.
    """

    def __init__(
        self,
        config: TrainConfig,
        learner: Learner,
        executor: Executor,
        sampler: TrainableAgent,
        mixed: Sequence[Callable[[int], list[Part]]] = (),
        ahead: RolloutsAhead | None = None,
    ):
        self.config, self.learner, self.mixed = config, learner, mixed
        self.world, policy = learner.world, learner.policy
        self.advantage, self.loss = config.grpo.method()
        self.reward_spec = make_reward(config.grpo)
        environments = enumerate(seat_environments(config))
        self.number = {(one.id, one.kwargs.get("seat")): number for number, one in environments}
        self.needs = needs(self.advantage)
        self.kl_coefficient = self.loss.kl_coefficient
        league: League | None = None
        if config.self_play.enabled and config.self_play.past:
            league = League(config, policy, Path(config.out) / "league" if self.world.is_main else None)
        self.gathering = Gathering(config, self.world, executor, sampler, ahead, league)
        self.alarm = Alarm(config.grpo.alarm)
        self.critic: Critic | None = None
        if "values" in self.needs:
            self.critic = Critic(
                policy,
                config.grpo.critic,
                learner.max_tokens,
                self.world,
                config.policy.master_weights,
                learner.layout,
                learner.features.max_tokens,
            )
        self.reference: Learner | None = None
        if self.loss.kl != "none" or config.grpo.preference_beta:
            self.reference = Learner(
                policy.reference(),
                learner.config,
                learner.temperature,
                learner.max_tokens,
                layout=learner.layout,
                max_image_tokens=learner.features.max_tokens,
            )

    def step(self, step: int, scale: float) -> dict[str, Any]:
        """One iteration; returns its metrics (docs/training.md has a table of them)."""
        config = self.config.grpo
        started = time.perf_counter()
        progress = min(1.0, step / max(1, config.iterations - 1))
        ledger = _Ledger(lambda trajectory: self._pay(trajectory, progress))
        gathered = self.gathering.play(step, ledger.total)
        sampled_at, played_before = time.perf_counter(), self.gathering.seconds_playing
        images, trajectories = gathered.images, gathered.trajectories
        played = [self._played(*pair, step) for pair in zip(trajectories, gathered.replayed, strict=True)]
        paid = [ledger.pay(trajectory) for trajectory in trajectories]
        if self.config.self_play.credit == "team":
            paid = as_team(trajectories, paid)
        for one, own in zip(played, paid, strict=True):
            one.total = _total(own)
        credit = self._credit(played, images, paid, progress)
        differences = self._check_sampler(step) + self._note(played, credit, images)
        pairs = zip(played, credit.advantages, strict=True)
        teaching = {one.trajectory.task.group for one, own in pairs if own.any()}  # a process has all of a group
        chosen = [one for one in played if one.trajectory.task.group in teaching or config.keep_equal]
        metrics: list[dict[str, float]] = []
        if not (self.critic and step < config.critic.warmup):
            for epoch in range(config.epochs):
                key = [self.config.seed, 3, step, self.world.rank, *([epoch] if epoch else [])]
                deals = self._deal(chosen, np.random.default_rng(key))
                for deal in deals:
                    number = step * config.minibatches * config.epochs + len(metrics)
                    found = self._update(deal, images, number, scale)
                    if found:
                        metrics.append(found)
                        differences.append(found.pop("max_logprob_difference", 0.0))
                        self._guard(differences[0])
        fitted = self._fit(played, credit, images, step)
        values = gathered.metrics | ({"kl_coefficient": self.kl_coefficient} if config.kl_target else {})
        self._adapt(metrics, values["episodes"])
        finished, played_until = time.perf_counter(), self.gathering.seconds_playing
        found_terms = self._terms([ledger.pay(trajectory) for trajectory in gathered.usable])
        alarm = self.alarm.note(values["return"], values["success"], found_terms)
        if alarm and self.world.is_main:
            logger.warning("reward and success part: %s", alarm)
        names = dict.fromkeys(name for found in metrics for name in found)
        seats = self.config.self_play.enabled  # each a group of its own, where the policy takes it
        return {
            **values,
            **success_by_environment(gathered.usable, self.config, self.world),
            **{f"reward/{name}": value for name, value in found_terms.items()},
            **{name: float(np.mean([found[name] for found in metrics if name in found])) for name in names},
            **fitted,
            "alarm": float(bool(alarm)),
            "replayed": self.world.sum(float(sum(gathered.replayed))),
            "sampler_difference": differences[0] if differences else 0.0,
            **({"overlap": (played_until - played_before) / (finished - sampled_at)} if self.gathering.ahead else {}),
            "used_groups": self._count_groups(chosen) / (self._count_groups(played) if seats else config.groups),
            "tokens_per_second": values["tokens"] / (finished - started),
            "seconds_rollout": sampled_at - started,
            "seconds_update": finished - sampled_at,
        }

    def _count_groups(self, played: Sequence[Played]) -> float:
        """Groups of all processes."""
        return self.world.sum(float(len({one.trajectory.task.group for one in played})))

    def _number(self, task: EpisodeTask) -> int:
        """Number of the environment of a task, each seat of self-play one of its own."""
        return self.number[(task.env_id, task.kwargs.get("seat"))]

    # --- credit ------------------------------------------------------------------------------------------------------

    def _pay(self, trajectory: Trajectory, progress: float) -> dict[str, np.ndarray]:
        """What each reward term pays in each turn."""
        terms = [turn.terms for turn in trajectory.turns]
        paid = components(terms, self.reward_spec, progress, [len(turn.sampled_ids) for turn in trajectory.turns])
        return {name: np.array(own, np.float64) for name, own in paid.items()}

    def _played(self, trajectory: Trajectory, replayed: bool, step: int) -> Played:
        """The trajectory; what old weights or altered pictures made in a group has an origin of its own."""
        task = trajectory.task
        origin = (task.group + 1, task.member) if replayed or trajectory.augmented else ()
        played = Played.of(trajectory, self.loss.ratio, self.learner.decisions, self._number(task), origin)
        stale = self.gathering.ahead is not None and any(turn.version != step for turn in trajectory.turns)
        played.fresh = not origin and not stale
        return played

    def _credit(
        self, played: Sequence[Played], images: ImageStore, paid: Sequence[dict[str, np.ndarray]], progress: float
    ) -> Credit:
        """Rewards and advantages, those of all processes at once: some estimators whiten over the whole batch."""
        names = list(self.reward_spec.terms)
        old = self.critic.values(played, images) if self.critic else []
        mine = Episodes(
            [np.sum(list(own.values()), axis=0) for own in paid],
            np.array([one.trajectory.task.group for one in played], np.int64),
            [one.tokens for one in played],
            [[turn.state_key for turn in one.trajectory.turns] for one in played],
            {name: [own[name] for own in paid] for name in names},
            old,
            weights={name: term.weight_at(progress) for name, term in self.reward_spec.terms.items()},
        )
        environments = [self._number(one.trajectory.task) for one in played]
        parts = self.world.gather((mine, environments))
        first = sum(len(numbers) for _, numbers in parts[: self.world.rank])
        own = slice(first, first + len(played))
        whole = together([part for part, _ in parts])
        numbers = [number for _, part in parts for number in part]
        return Credit(
            by_environment(functools.partial(advantages, config=self.advantage), whole, numbers)[own],
            old,
            value_targets(whole, self.advantage)[own] if self.critic else [],
        )

    def _terms(self, paid: Sequence[dict[str, np.ndarray]]) -> dict[str, float]:
        """What each reward term pays an episode that was played, on average."""
        mine = {name: float(sum(one[name].sum() for one in paid)) for name in self.reward_spec.terms}
        parts = self.world.gather((mine, len(paid)))
        total = sum(count for _, count in parts)
        return {name: sum(terms[name] for terms, _ in parts) / total for name in mine}

    # --- update ------------------------------------------------------------------------------------------------------

    def _check_sampler(self, step: int) -> list[float]:
        """The guard where episodes are played ahead: what is learned from, older weights may have sampled.

        Returns:
            One number: by how much the log-probabilities that the sampler gave with the weights of this iteration
            differ from the learner's at most; 0 where nothing is left to be played with them.
        """
        if not self.gathering.ahead:
            return []
        answers, images = self.gathering.ahead.probe(step)
        found = self.learner.logprobs([supervised_row(answer) for answer in answers], images)
        pairs = zip(found, answers, strict=True)
        largest = [np.abs(own - answer.logprobs[answer.trained]).max(initial=0.0) for own, answer in pairs]
        difference = float(np.max(self.world.gather(float(np.max(largest, initial=0.0)))))
        self._guard(difference)
        return [difference]

    def _note(self, played: Sequence[Played], credit: Credit, images: ImageStore) -> list[float]:
        """Note of each token all that the loss reads and that does not change during the updates.

        Returns:
            Where log-probabilities are recomputed, one number: by how much they differ from the sampler's at most.
        """
        differences: list[float] = []
        tokens = [one.tokens for one in played]
        weights, normalisers = aggregation_weights(tokens, self.loss.aggregation, self.loss.aggregation_constant)
        for one, own, weight, normaliser in zip(played, credit.advantages, weights, normalisers, strict=True):
            one.give(own, weight, float(normaliser))
        if self.config.grpo.recompute:
            proximal = evaluate(played, images, self.learner.logprobs)
            behaviour = [one.values["behaviour"] for one in played]
            rule = (
                self.loss.correction,
                self.loss.correction_level,
                self.loss.correction_cap,
                self.loss.correction_floor,
            )
            corrections = correction_weights(proximal, behaviour, tokens, *rule)
            largest = 0.0
            for one, own, correction in zip(played, proximal, corrections, strict=True):
                # Nothing says how likely an altered picture made what the update reads beside the clean one.
                correction = np.ones_like(correction) if one.trajectory.augmented else correction
                if one.fresh:
                    found = np.abs(own - one.values["behaviour"]).max(initial=0.0)
                    largest = float(np.maximum(largest, found))  # which keeps what is not a number, as max does not
                one.values |= {"proximal": own, "correction": correction}
            differences.append(float(np.max(self.world.gather(largest))))
            self._guard(differences[0])
        if self.reference:
            for one, own in zip(played, evaluate(played, images, self.reference.logprobs), strict=True):
                one.values["reference"] = own
        return differences

    def _deal(self, chosen: list[Played], rng: np.random.Generator) -> list[list[Played]]:
        """Deal the trajectories out to the optimizer steps of an iteration, whole groups together.

        A group shows the same pictures, so each passes through the vision tower in one step only. There are fewer
        steps where little is left to learn from: few distinct rows make a noisy gradient.
        """
        config = self.config.grpo
        distinct = self.world.sum(float(len(_rows(chosen))))
        count = int(min(config.minibatches, max(1, distinct // config.rows_per_minibatch)))
        groups = sorted({one.trajectory.task.group for one in chosen})
        place = {groups[index]: turn % count for turn, index in enumerate(rng.permutation(len(groups)))}
        return [[one for one in chosen if place[one.trajectory.task.group] == number] for number in range(count)]

    def _update(self, deal: list[Played], images: ImageStore, number: int, scale: float) -> dict[str, float]:
        """One optimizer step; empty where no process has anything to learn from."""
        for one in deal:
            one.values.pop("log_ratio", None)  # of an earlier step: other weights, and perhaps other companions
        if self.config.grpo.preference_beta:
            part, found = self._preferences(deal, images)
            return {**self.learner.step([part, *self._mixed(number)], scale), **found} if part else {}
        normaliser = self.world.sum(sum(one.normaliser for one in deal))
        if not normaliser:
            return {}
        spread = any(len(one.segments) > 1 for one in deal)
        if self.learner.sharded:  # then all processes must evaluate together
            spread = any(self.world.gather(spread))
        if self.loss.ratio == "trajectory" and spread:
            # The ratio of a trajectory that is spread over rows is known from a pass before the one with gradient.
            current = evaluate(deal, images, self.learner.logprobs)
            old = [one.values.get("proximal", one.values["behaviour"]) for one in deal]
            ratios = level_log_ratios(current, old, [one.tokens for one in deal], "trajectory")
            for one, ratio in zip(deal, ratios, strict=True):
                one.values["log_ratio"] = ratio.astype(np.float32)
        loss = functools.partial(policy_loss, config=self.loss, kl_coefficient=self.kl_coefficient)
        policy_part = Part(_rows(deal), images, loss, normaliser)
        return _means(self.learner.step([policy_part, *self._mixed(number)], scale))

    def _mixed(self, number: int) -> list[Part]:
        return [part for make in self.mixed for part in make(number)]

    def _preferences(self, deal: list[Played], images: ImageStore) -> tuple[Part | None, dict[str, float]]:
        """DPO's loss on the best and the worst trajectory of each group."""
        returns = np.array([one.total for one in deal], np.float64)
        groups = np.array([one.trajectory.task.group for one in deal], np.int64)
        pairs = preference_pairs(returns, groups)
        count = self.world.sum(float(len(pairs)))
        if not count:
            return None, {}
        current = evaluate(deal, images, self.learner.logprobs)
        pairs_now = zip(deal, current, strict=True)
        largest = [np.abs(own - one.values["behaviour"]).max(initial=0.0) for one, own in pairs_now if one.fresh]
        ratios = np.array(
            [np.sum(own - one.values["reference"], dtype=np.float64) for one, own in zip(deal, current, strict=True)]
        )
        terms = dpo_weights(ratios[pairs[:, 0]], ratios[pairs[:, 1]], self.config.grpo.preference_beta)
        rows: list[Row] = []
        for (best, worst), chosen, rejected in zip(pairs.tolist(), terms.chosen, terms.rejected, strict=True):
            for index, weight in ((best, chosen), (worst, rejected)):
                values = {"weight": np.full(len(current[index]), weight, np.float32)}
                rows += dataclasses.replace(deal[index], values=values).rows()
        means = {
            "max_logprob_difference": float(np.max(self.world.gather(float(np.max(largest, initial=0.0))))),
            "preference_loss": self.world.sum(float(terms.losses.sum())) / count,
            "preference_accuracy": self.world.sum(float((terms.margins > 0).sum())) / count,
        }
        return Part(rows, images, likelihood_loss, count), means

    def _fit(self, played: Sequence[Played], credit: Credit, images: ImageStore, step: int) -> dict[str, float]:
        if not self.critic:
            return {}
        scale = self.config.grpo.critic.optimizer.scale(step, self.config.grpo.iterations)
        rng = np.random.default_rng([self.config.seed, 9, step, self.world.rank])
        return self.critic.fit(played, images, credit.values, credit.targets, rng, scale)

    def _adapt(self, metrics: list[dict[str, float]], episodes: float) -> None:
        """Move the weight of the divergence from the reference towards its target."""
        config = self.config.grpo
        if config.kl_target and metrics:
            measured = float(np.mean([m["kl_reference"] for m in metrics]))
            horizon = max(config.kl_horizon, episodes)
            self.kl_coefficient = adaptive_kl_coefficient(
                self.kl_coefficient, measured, config.kl_target, horizon, episodes
            )

    def _guard(self, difference: float) -> None:
        """Before the first update of an iteration, the learner must see what the sampler saw."""
        if not difference <= self.config.grpo.guard_logprobs:
            raise GuardError(
                f"log-probabilities of sampler and learner differ by {difference:.3g} before the update; at most "
                f"{self.config.grpo.guard_logprobs:g} is allowed (grpo.guard_logprobs): "
                "the learner does not see what was sampled"
            )

    def begin(self, step: int) -> None:
        """Let the episodes that an iteration allows be played ahead of the learner, with the weights as they are."""
        self.gathering.begin(step)

    def close(self) -> None:
        """End what plays ahead of the learner."""
        self.gathering.close()

    # --- checkpoints -------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs beside policy and optimizer."""
        return {
            "kl_coefficient": self.kl_coefficient,
            "alarm": self.alarm.state(),
            "gathering": self.gathering.state(),
            "critic": self.critic.state() if self.critic else None,
            "reference": self.reference.policy.weights() if self.reference else None,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        self.kl_coefficient = state["kl_coefficient"]
        self.alarm.load_state(state["alarm"])
        self.gathering.load_state(state["gathering"])
        if self.critic:
            self.critic.load_state(state["critic"])
        if self.reference:
            self.reference.policy.load_weights(state["reference"])


class _Ledger:
    """What each trajectory is paid, reckoned once."""

    def __init__(self, pay: Callable[[Trajectory], dict[str, np.ndarray]]):
        self._pay = pay
        self._paid: dict[int, tuple[Trajectory, dict[str, np.ndarray]]] = {}

    def pay(self, trajectory: Trajectory) -> dict[str, np.ndarray]:
        """What each reward term pays in each turn."""
        if id(trajectory) not in self._paid:  # the trajectory is kept, so that no other gets its id
            self._paid[id(trajectory)] = (trajectory, self._pay(trajectory))
        return self._paid[id(trajectory)][1]

    def total(self, trajectory: Trajectory) -> float:
        """The return."""
        return _total(self.pay(trajectory))


def _total(paid: dict[str, np.ndarray]) -> float:
    return float(sum(own.sum() for own in paid.values()))


def _rows(played: Sequence[Played]) -> list[Row]:
    return merge_equal([row for one in played for row in one.rows()])


def _means(found: dict[str, float]) -> dict[str, float]:
    """The metrics of a step, which are sums of tokens over the normaliser, as means over tokens."""
    tokens = found.pop("tokens", 0.0)
    if not tokens:
        return found
    for name in _MEANS:
        if name in found:
            found[name] /= tokens
    first, second = found.pop("importance") / tokens, found.pop("importance_squared") / tokens
    found["effective_samples"] = first**2 / second if second else 0.0
    return found
