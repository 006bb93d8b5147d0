"""Credit without a critic: what a trajectory or a turn is worth beside others that began alike.

Array functions, each one formula. `mmgym.learn.advantages` gives them their names and spreads what they return over
tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = [
    "decoupled",
    "discounted_returns",
    "gigpo",
    "group_relative",
    "leave_one_out",
    "maximum_likelihood",
    "turn_relative",
    "whiten",
]

_EQUAL = 1e-9
"""Returns of a group that differ from their mean by less (times the largest, if above 1) are equal but for rounding."""


def group_relative(
    returns: np.ndarray, groups: np.ndarray, epsilon: float = 1e-4, normalise: bool = True
) -> np.ndarray:
    """GRPO (arXiv 2402.03300): A_i = (R_i - mean) / (std + epsilon) within the group, std unbiased (ddof = 1).

    A group of one, or of equal returns, gives 0.

    Args:
        returns: float64 (n,), the return of each trajectory.
        groups: int (n,), the group of each trajectory.
        epsilon: keeps the quotient finite.
        normalise: False gives Dr.GRPO's A_i = R_i - mean (arXiv 2503.20783).

    Returns:
        float64 (n,).
    """
    centred, owner, sizes = _centre(returns, groups)
    if not normalise:
        return centred
    spreads = np.sqrt(np.bincount(owner, centred**2, len(sizes)) / np.maximum(sizes - 1, 1))
    return centred * _inverse(spreads, epsilon)[owner]


def leave_one_out(returns: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """RLOO (arXiv 2402.14740): A_i = R_i - mean of the others of its group; a group of one gives 0.

    Args:
        returns: float64 (n,).
        groups: int (n,).

    Returns:
        float64 (n,).
    """
    centred, owner, sizes = _centre(returns, groups)
    return centred * (sizes / np.maximum(sizes - 1, 1))[owner]  # mean of the others: (sum - R_i) / (G - 1)


def maximum_likelihood(returns: np.ndarray, groups: np.ndarray, epsilon: float = 1e-4) -> np.ndarray:
    """MaxRL (arXiv 2602.02710): A_i = (R_i - mean) / (mean + epsilon) within the group.

    The mean stands for the probability of success, so the quotient follows the gradient of its logarithm where returns
    are in [0, 1], best 0 or 1. A group whose mean is not above 0 gives 0.

    Args:
        returns: float64 (n,).
        groups: int (n,).
        epsilon: keeps the quotient finite.

    Returns:
        float64 (n,).
    """
    centred, owner, sizes = _centre(returns, groups)
    means = np.bincount(owner, returns, len(sizes)) / sizes
    return centred * _inverse(means, epsilon)[owner]


def whiten(values: np.ndarray, epsilon: float = 1e-4) -> np.ndarray:
    """(x - mean) / (std + epsilon) over all of them, std unbiased; 0 where they are all equal.

    Args:
        values: float64 (n,).
        epsilon: keeps the quotient finite.

    Returns:
        float64 (n,).
    """
    return group_relative(values, np.zeros(len(values), np.int64), epsilon)


def decoupled(
    components: Sequence[np.ndarray],
    groups: np.ndarray,
    epsilon: float = 1e-4,
    normalise: bool = True,
    weights: Sequence[float] = (),
) -> np.ndarray:
    """GDPO (arXiv 2601.05242): each component relative to its group, their weighted sum, whitened over trajectories.

    One component that is not normalised is REINFORCE++ with a baseline (arXiv 2501.03262). Over trajectories and not
    over tokens: the advantages of a group sum to 0, so whitening has no mean to move, and a group in which every
    component is equal still gives 0.

    Args:
        components: of each component float64 (n,), what each trajectory got of it, not weighed.
        groups: int (n,).
        epsilon: keeps the quotients finite.
        normalise: whether each component is divided by its standard deviation in the group.
        weights: of each component; a weight put on before that division would cancel. Empty: all 1.

    Returns:
        float64 (n,).
    """
    pairs = zip(components, weights or [1.0] * len(components), strict=True)
    total = np.sum([weight * group_relative(own, groups, epsilon, normalise) for own, weight in pairs], axis=0)
    spread = total.std(ddof=1) if len(total) > 1 else 0.0
    return total * _inverse(np.array(spread), epsilon)


def discounted_returns(rewards: np.ndarray, discount: float) -> np.ndarray:
    """G_k = r_k + discount G_{k+1}: what follows from each turn on.

    Args:
        rewards: float64 (turns,).
        discount: factor per turn.

    Returns:
        float64 (turns,).
    """
    returns = np.zeros(len(rewards), np.float64)
    ahead = 0.0
    for turn in range(len(rewards) - 1, -1, -1):
        ahead = returns[turn] = rewards[turn] + discount * ahead
    return returns


def turn_relative(
    rewards: Sequence[np.ndarray],
    groups: np.ndarray,
    discount: float = 1.0,
    epsilon: float = 1e-4,
    normalise: bool = False,
) -> list[np.ndarray]:
    """Discounted return of each turn, beside those of the same turn in the group's trajectories that reached it.

    The baseline of turn k is a mean over the trajectories that have a turn k: one that alone goes on gets 0 there.

    Args:
        rewards: of each trajectory float64 (turns,).
        groups: int (n,).
        discount: factor per turn.
        epsilon: keeps the quotient finite.
        normalise: whether to divide by the standard deviation too.

    Returns:
        Of each trajectory float64 (turns,).
    """
    keys = [(int(group), turn) for group, own in zip(groups, rewards, strict=True) for turn in range(len(own))]
    return _by_key(rewards, keys, discount, epsilon, normalise)


def gigpo(
    rewards: Sequence[np.ndarray],
    groups: np.ndarray,
    state_keys: Sequence[Sequence[str]],
    discount: float = 0.95,
    weight: float = 1.0,
    epsilon: float = 1e-4,
    normalise: bool = False,
) -> list[np.ndarray]:
    """GiGPO (arXiv 2505.10978): A_ik = A_i of the episode + weight * A_ik of the step.

    A_i compares the undiscounted returns of a group, each trajectory counted once. A_ik compares the discounted returns
    from turn k on among all turns of the group that were decided in the same state, also those of one trajectory; a
    state met once gives 0.

    Args:
        rewards: of each trajectory float64 (turns,).
        groups: int (n,).
        state_keys: of each trajectory the state of each turn; turns with ``""`` have no state to be compared in.
        discount: factor per turn in the returns of steps.
        weight: of the step's part, the paper's omega.
        epsilon: keeps the quotients finite.
        normalise: whether both parts are divided by their standard deviations; the paper's F is 1 otherwise.

    Returns:
        Of each trajectory float64 (turns,).
    """
    episodes = group_relative(np.array([own.sum() for own in rewards]), groups, epsilon, normalise)
    keys: list[tuple[object, ...]] = []
    for index, (group, own) in enumerate(zip(groups, state_keys, strict=True)):
        # A turn whose state is unknown is alone in a state of its own.
        keys += [(int(group), key) if key else (index, turn, "") for turn, key in enumerate(own)]
    steps = _by_key(rewards, keys, discount, epsilon, normalise)
    return [episode + weight * own for episode, own in zip(episodes, steps, strict=True)]


def _centre(values: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values minus the mean of their label (exactly 0 where all of it are equal), the label's number, its size."""
    values = np.asarray(values, np.float64)
    _, owner, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.bincount(owner, values, len(sizes)) / sizes
    centred = values - means[owner]
    spread, size = np.zeros(len(sizes)), np.ones(len(sizes))
    np.maximum.at(spread, owner, np.abs(centred))
    np.maximum.at(size, owner, np.abs(values))
    return np.where((spread > _EQUAL * size)[owner], centred, 0.0), owner, sizes


def _inverse(scales: np.ndarray, epsilon: float) -> np.ndarray:
    """1 / (scale + epsilon), 0 where the scale is not above 0."""
    return np.divide(1.0, scales + epsilon, out=np.zeros_like(scales), where=scales > 0)


def _by_key(
    rewards: Sequence[np.ndarray], keys: Sequence[object], discount: float, epsilon: float, normalise: bool
) -> list[np.ndarray]:
    """The discounted returns of turns, relative to those with an equal key."""
    numbers: dict[object, int] = {}
    labels = np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)
    returns = np.concatenate([discounted_returns(own, discount) for own in rewards])
    relative = group_relative(returns, labels, epsilon, normalise)
    return np.split(relative, np.cumsum([len(own) for own in rewards])[:-1])
