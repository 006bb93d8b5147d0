"""Advantages: who gets what credit. From the rewards of an iteration's trajectories to one number per sampled token.

`ESTIMATORS` gives each estimator its name; `docs/algorithms.md` has their formulas. Estimators that compare
trajectories do so within a group (one task and seed): a group of one, or one whose trajectories all went alike, gets 0.
Those that whiten need the trajectories of the whole batch at once, whichever process played them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmgym.learn.critic_free import (
    decoupled,
    gigpo,
    group_relative,
    leave_one_out,
    maximum_likelihood,
    turn_relative,
    whiten,
)
from mmgym.learn.gae import bilevel_gae, token_gae, token_returns, token_rewards
from mmgym.rollout.host import load_attribute

__all__ = [
    "ESTIMATORS",
    "AdvantageConfig",
    "Episodes",
    "advantages",
    "by_environment",
    "group_relative",
    "needs",
    "together",
    "value_targets",
]


@dataclass(frozen=True)
class AdvantageConfig:
    """Which estimator, with its parameters; each reads only those that its formula has.

    Raises:
        ValueError: for a name that is no estimator, or a number outside its range.
    """

    name: str = "grpo"
    """A key of `ESTIMATORS`, or ``module:function`` with the signature of `Estimator`."""
    epsilon: float = 1e-4
    """Added to standard deviations, and to MaxRL's mean, before dividing by them."""
    per_component: bool = False
    """grpo, dr_grpo: GDPO (arXiv 2601.05242), each reward component relative to its group before it is weighed, and
    their sum whitened."""
    normalise: bool = False
    """gigpo, turn_returns: divide by the standard deviation too, as grpo always does."""
    turn_discount: float = 0.95
    """gigpo, turn_returns, bilevel_gae: gamma per turn, in [0, 1]."""
    step_weight: float = 1.0
    """gigpo: weight of the comparison of turns, the paper's omega."""
    token_discount: float = 1.0
    """gae, bilevel_gae, reinforce_pp: gamma per sampled token, in [0, 1]."""
    turn_lambda: float = 1.0
    """bilevel_gae: lambda per turn, in [0, 1]."""
    token_lambda: float = 1.0
    """gae, bilevel_gae: lambda per sampled token, in [0, 1]."""
    whiten: bool = False
    """gae, bilevel_gae: whiten the advantages over all sampled tokens of the batch."""

    def __post_init__(self) -> None:
        _find(self.name)
        for name in ("turn_discount", "token_discount", "turn_lambda", "token_lambda"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1]; got {getattr(self, name)}")
        for name in ("epsilon", "step_weight"):
            if not (0 <= getattr(self, name) < np.inf):
                raise ValueError(f"{name} must be a number from 0 on; got {getattr(self, name)}")
        if self.per_component and self.name not in ("grpo", "dr_grpo"):
            raise ValueError(f"per_component goes with grpo or dr_grpo; got {self.name}")


@dataclass
class Episodes:
    """What estimators know of the n trajectories of an iteration. Optional fields: see `needs`.

    Raises:
        ValueError: when fields do not fit each other, or a number is not finite.
    """

    rewards: list[np.ndarray]
    """float64 (turns,) each."""
    groups: np.ndarray
    """int64 (n,): equal where task and seed are equal."""
    tokens: list[np.ndarray]
    """int64 (turns,) each: sampled tokens of each turn; a turn may have none."""
    state_keys: list[list[str]] = field(default_factory=list)
    """The state in which each turn was decided; ``""`` where unknown."""
    components: dict[str, list[np.ndarray]] = field(default_factory=dict)
    """What each named reward term pays in each turn, float64 (turns,) each; together they are the rewards."""
    values: list[np.ndarray] = field(default_factory=list)
    """The critic's value before each sampled token, float64 (sampled tokens,) each."""
    last_values: np.ndarray | None = None
    """float64 (n,): the critic's value of what would follow a truncated episode, 0 where it terminated; None: all 0."""
    weights: dict[str, float] = field(default_factory=dict)
    """By what the `components` were multiplied, in all trajectories alike; those without an entry by 1."""

    def __post_init__(self) -> None:
        turns = [len(own) for own in self.rewards]
        components = {f"components[{name!r}]": lists for name, lists in self.components.items()}
        for name, lists in {"tokens": self.tokens, **components}.items():
            _check_lengths(name, lists, turns)
        if self.state_keys:
            _check_lengths("state_keys", self.state_keys, turns)
        if self.values:
            _check_lengths("values", self.values, self.lengths)
        for name, numbers in {"groups": self.groups, "last_values": self.bootstraps}.items():
            if len(numbers) != len(turns):
                raise ValueError(f"{name} must be {len(turns)}, one per trajectory; got {len(numbers)}")
        floats = {"rewards": self.rewards, "values": self.values, "last_values": [self.bootstraps], **components}
        for name, lists in floats.items():
            if not all(np.isfinite(own).all() for own in lists):
                raise ValueError(f"{name} must be finite")
        for name, weight in self.weights.items():
            if name not in self.components or not np.isfinite(weight):
                known = ", ".join(self.components) or "none"
                raise ValueError(f"weights must be finite numbers of components ({known}); got {name!r}: {weight}")

    @property
    def lengths(self) -> list[int]:
        """Sampled tokens of each trajectory."""
        return [int(np.sum(own)) for own in self.tokens]

    @property
    def returns(self) -> np.ndarray:
        """float64 (n,): sum of the rewards of each trajectory."""
        return np.array([np.sum(own) for own in self.rewards], np.float64)

    @property
    def bootstraps(self) -> np.ndarray:
        """float64 (n,): `last_values`, or zeros."""
        return np.zeros(len(self.rewards)) if self.last_values is None else np.asarray(self.last_values, np.float64)


Estimator = Callable[[Episodes, AdvantageConfig], list[np.ndarray]]
"""Returns of each trajectory an array (sampled tokens,), in order of turns. Your own function may have an attribute
``needs``: a tuple of the optional fields of `Episodes` that it reads."""


def advantages(episodes: Episodes, config: AdvantageConfig) -> list[np.ndarray]:
    """The advantage of every sampled token.

    Args:
        episodes: the trajectories of an iteration.
        config: which estimator.

    Returns:
        Of each trajectory float32 (sampled tokens,), in order of turns.

    Raises:
        ValueError: when a field that the estimator needs is missing, or it returns other shapes or numbers.
    """
    if not episodes.rewards:
        return []
    _check_needs(episodes, config)
    credit = [np.asarray(own, np.float32) for own in _find(config.name)(episodes, config)]
    _check_lengths(f"what {config.name} returned", credit, episodes.lengths)
    if not all(np.isfinite(own).all() for own in credit):
        raise ValueError(f"what {config.name} returned must be finite")
    return credit


def value_targets(episodes: Episodes, config: AdvantageConfig) -> list[np.ndarray]:
    """What the critic is fitted to: advantage before whitening, plus value.

    Args:
        episodes: the trajectories of an iteration, with values.
        config: with gae or bilevel_gae.

    Returns:
        Of each trajectory float32 (sampled tokens,).

    Raises:
        ValueError: for an estimator without a critic, or when the values are missing.
    """
    if config.name not in _WITH_CRITIC:
        raise ValueError(f"targets of a critic belong to {' or '.join(_WITH_CRITIC)}; got {config.name}")
    _check_needs(episodes, config)
    errors = _WITH_CRITIC[config.name](episodes, config)
    return [(own + value).astype(np.float32) for own, value in zip(errors, episodes.values, strict=True)]


def needs(config: AdvantageConfig) -> frozenset[str]:
    """Which of the fields ``state_keys``, ``components`` and ``values`` of `Episodes` the estimator reads."""
    more = ("components",) if config.per_component else ()
    return frozenset((*_NEEDS.get(config.name, getattr(_find(config.name), "needs", ())), *more))


def together(parts: Sequence[Episodes]) -> Episodes:
    """The trajectories of several batches, e.g. of all processes, as one; the batches have the same fields."""
    return Episodes(
        [own for part in parts for own in part.rewards],
        np.concatenate([part.groups for part in parts]),
        [own for part in parts for own in part.tokens],
        [own for part in parts for own in part.state_keys],
        {name: [own for part in parts for own in part.components[name]] for name in parts[0].components},
        [own for part in parts for own in part.values],
        np.concatenate([part.bootstraps for part in parts]),
        parts[0].weights,
    )


def by_environment(
    estimate: Callable[[Episodes], list[np.ndarray]], episodes: Episodes, environments: Sequence[int]
) -> list[np.ndarray]:
    """Estimate the trajectories of each environment by themselves, so that what is whitened is of one scale.

    Args:
        estimate: e.g. `advantages` with a configuration.
        episodes: n trajectories.
        environments: the number of the environment of each.

    Returns:
        Of each trajectory what `estimate` gave, in their order.
    """
    found: dict[int, np.ndarray] = {}
    for number in sorted(set(environments)):
        where = [index for index, own in enumerate(environments) if own == number]
        found |= zip(where, estimate(_select(episodes, where)), strict=True)
    return [found[index] for index in range(len(environments))]


def _select(episodes: Episodes, where: Sequence[int]) -> Episodes:
    def some(lists: Sequence[Any]) -> list[Any]:
        return [lists[index] for index in where] if len(lists) else []

    return Episodes(
        some(episodes.rewards),
        episodes.groups[list(where)],
        some(episodes.tokens),
        some(episodes.state_keys),
        {name: some(lists) for name, lists in episodes.components.items()},
        some(episodes.values),
        episodes.bootstraps[list(where)],
        episodes.weights,
    )


def _per_trajectory(episodes: Episodes, credit: np.ndarray) -> list[np.ndarray]:
    return [np.full(length, own) for own, length in zip(credit, episodes.lengths, strict=True)]


def _per_turn(episodes: Episodes, credit: list[np.ndarray]) -> list[np.ndarray]:
    return [np.repeat(own, tokens) for own, tokens in zip(credit, episodes.tokens, strict=True)]


def _relative(episodes: Episodes, config: AdvantageConfig) -> list[np.ndarray]:
    normalise = config.name == "grpo"
    if config.per_component:
        # What is paid, caps and gates included, in units of its weight; a weight of 0 (a schedule's) pays 0 anyway.
        weights = [abs(episodes.weights.get(name, 1.0)) for name in episodes.components]
        columns = zip(episodes.components.values(), weights, strict=True)
        sums = [np.array([own.sum() for own in lists]) / (weight or 1.0) for lists, weight in columns]
        credit = decoupled(sums, episodes.groups, config.epsilon, normalise, weights)
    else:
        credit = group_relative(episodes.returns, episodes.groups, config.epsilon, normalise)
    return _per_trajectory(episodes, credit)


def _rloo(episodes: Episodes, config: AdvantageConfig) -> list[np.ndarray]:
    return _per_trajectory(episodes, leave_one_out(episodes.returns, episodes.groups))


def _maxrl(episodes: Episodes, config: AdvantageConfig) -> list[np.ndarray]:
    return _per_trajectory(episodes, maximum_likelihood(episodes.returns, episodes.groups, config.epsilon))


def _reinforce_pp(episodes: Episodes, config: AdvantageConfig) -> list[np.ndarray]:
    paid = [token_rewards(own, tokens) for own, tokens in zip(episodes.rewards, episodes.tokens, strict=True)]
    return _whitened([token_returns(own, config.token_discount) for own in paid], config.epsilon)


def _reinforce_pp_baseline(episodes: Episodes, config: AdvantageConfig) -> list[np.ndarray]:
    credit = decoupled([episodes.returns], episodes.groups, config.epsilon, normalise=False)
    return _per_trajectory(episodes, credit)


def _gigpo(episodes: Episodes, config: AdvantageConfig) -> list[np.ndarray]:
    parameters = (config.turn_discount, config.step_weight, config.epsilon, config.normalise)
    return _per_turn(episodes, gigpo(episodes.rewards, episodes.groups, episodes.state_keys, *parameters))


def _turn_returns(episodes: Episodes, config: AdvantageConfig) -> list[np.ndarray]:
    parameters = (config.turn_discount, config.epsilon, config.normalise)
    return _per_turn(episodes, turn_relative(episodes.rewards, episodes.groups, *parameters))


def _gae_errors(episodes: Episodes, config: AdvantageConfig) -> list[np.ndarray]:
    parameters = (config.token_discount, config.token_lambda)
    return [
        token_gae(token_rewards(rewards, tokens), values, last, *parameters)
        for rewards, tokens, values, last in _judged(episodes)
    ]


def _bilevel_errors(episodes: Episodes, config: AdvantageConfig) -> list[np.ndarray]:
    parameters = (config.turn_discount, config.turn_lambda, config.token_discount, config.token_lambda)
    return [bilevel_gae(*one, *parameters) for one in _judged(episodes)]


def _judged(episodes: Episodes) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, float]]:
    """Rewards, tokens, values and last value of each trajectory."""
    return zip(episodes.rewards, episodes.tokens, episodes.values, episodes.bootstraps.tolist(), strict=True)


def _with_critic(episodes: Episodes, config: AdvantageConfig) -> list[np.ndarray]:
    errors = _WITH_CRITIC[config.name](episodes, config)
    return _whitened(errors, config.epsilon) if config.whiten else errors


def _whitened(credit: list[np.ndarray], epsilon: float) -> list[np.ndarray]:
    """Whitened over all tokens of the batch: a mean over tokens of the loss then weighs as much for as against."""
    return np.split(whiten(np.concatenate(credit), epsilon), np.cumsum([len(own) for own in credit])[:-1])


_WITH_CRITIC: dict[str, Estimator] = {"gae": _gae_errors, "bilevel_gae": _bilevel_errors}
_NEEDS = {"gigpo": ("state_keys",), "gae": ("values",), "bilevel_gae": ("values",)}
ESTIMATORS: dict[str, Estimator] = {
    "grpo": _relative,
    "dr_grpo": _relative,
    "rloo": _rloo,
    "reinforce_pp": _reinforce_pp,
    "reinforce_pp_baseline": _reinforce_pp_baseline,
    "maxrl": _maxrl,
    "gigpo": _gigpo,
    "turn_returns": _turn_returns,
    "gae": _with_critic,
    "bilevel_gae": _with_critic,
}
"""The estimators by name."""


def _find(name: str) -> Estimator:
    if name in ESTIMATORS:
        return ESTIMATORS[name]
    if ":" not in name:
        raise ValueError(f"name must be one of {', '.join(ESTIMATORS)}, or module:function; got {name!r}")
    return load_attribute(name)


def _check_needs(episodes: Episodes, config: AdvantageConfig) -> None:
    for name in sorted(needs(config)):
        if episodes.rewards and not getattr(episodes, name, None):
            raise ValueError(f"{config.name} needs {name} of the episodes; there are none")
    if config.per_component:
        for index, rewards in enumerate(episodes.rewards):
            total = sum(lists[index] for lists in episodes.components.values())
            if not np.allclose(total, rewards, atol=1e-6):
                raise ValueError(f"the components of trajectory {index} must sum to its rewards; they do not")


def _check_lengths(name: str, lists: Sequence[Sized], expected: list[int]) -> None:
    if len(lists) != len(expected):
        raise ValueError(f"{name} must be {len(expected)}, one per trajectory; got {len(lists)}")
    for index, (own, length) in enumerate(zip(lists, expected, strict=True)):
        if len(own) != length:
            raise ValueError(f"{name} of trajectory {index} must have the length {length}; got {len(own)}")
