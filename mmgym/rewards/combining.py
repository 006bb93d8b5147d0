"""From the terms of an episode to one reward per turn: weighed, gated and capped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mmgym.rewards.terms import RewardSpec, RewardTerms, TermSpec

__all__ = ["combine", "components", "overlong_penalty"]


def combine(
    turn_terms: Sequence[RewardTerms], spec: RewardSpec, progress: float = 1.0, tokens: Sequence[int] | None = None
) -> list[float]:
    """The reward of each turn of one whole episode: the sum of its `components`, in their order.

    Args:
        turn_terms: the terms of each turn, in order; a term that a turn lacks is 0 there.
        spec: what they are worth.
        progress: how far training has come, 0 to 1, for weights with a `Schedule`.
        tokens: number of sampled tokens of each turn; needed for terms per token and for ``overlong``.

    Returns:
        One finite reward per turn; their sum is the return of the episode.

    Raises:
        ValueError: when `spec` reads a term that no turn reports, or one that is not finite; when it needs `tokens` and
            there are none, or not one number from 0 per turn; when `progress` is not from 0 to 1.
    """
    rewards = [0.0] * len(turn_terms)
    for paid in components(turn_terms, spec, progress, tokens).values():
        for turn, pay in enumerate(paid):
            rewards[turn] += pay
    return rewards


def components(
    turn_terms: Sequence[RewardTerms], spec: RewardSpec, progress: float = 1.0, tokens: Sequence[int] | None = None
) -> dict[str, list[float]]:
    """What each term pays in each turn, for logging by name and for normalising each term by itself.

    Takes what `combine` takes, and raises what it raises.

    Returns:
        By the name of each term of `spec`, in its order, one finite number per turn; a term that a gate holds back pays
        0 everywhere.
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"progress must be from 0 to 1; got {progress!r}")
    if not turn_terms:
        return {name: [] for name in spec.terms}
    counts = _counts(turn_terms, spec, tokens)
    values = _values(turn_terms, spec, counts)
    return {
        name: _pay(values[name], term, progress, counts) if _open(term, values) else [0.0] * len(turn_terms)
        for name, term in spec.terms.items()
    }


def overlong_penalty(tokens: int, limit: int, cache: int) -> float:
    """DAPO's soft punishment of long answers (arXiv 2503.14476, equation 13).

    Args:
        tokens: number of tokens that were sampled in the episode.
        limit: length from which the punishment is whole (L_max).
        cache: over how many tokens below `limit` it sets in (L_cache), 1 to `limit`.

    Returns:
        0 up to ``limit - cache``, then falling by 1 / `cache` with each token to -1 at `limit`, and -1 beyond.

    Raises:
        ValueError: for a `cache` outside 1 to `limit`.
    """
    if not 0 < cache <= limit:
        raise ValueError(f"cache must be from 1 to limit = {limit}; got {cache}")
    return max(-1.0, min(0.0, (limit - cache - tokens) / cache))


def _counts(turn_terms: Sequence[RewardTerms], spec: RewardSpec, tokens: Sequence[int] | None) -> Sequence[int]:
    needed = any(term.per == "token" for term in spec.terms.values()) or spec.overlong is not None
    if tokens is None:
        if needed:
            raise ValueError("the spec pays by tokens: combine needs the number of sampled tokens of each turn")
        return [0] * len(turn_terms)
    if len(tokens) != len(turn_terms) or any(count < 0 for count in tokens):
        raise ValueError(f"tokens must be one number from 0 for each of {len(turn_terms)} turns; got {list(tokens)}")
    return tokens


def _values(turn_terms: Sequence[RewardTerms], spec: RewardSpec, tokens: Sequence[int]) -> Mapping[str, list[float]]:
    """The values of every term that is read, turn by turn."""
    count = len(turn_terms)
    given: dict[str, list[float]] = {"turns": [1.0] * count}
    if spec.overlong is not None:
        given["overlong"] = [0.0] * (count - 1) + [overlong_penalty(sum(tokens), *spec.overlong)]
    reported = {name for terms in turn_terms for name in terms}
    # The terms that need no environment are known too, but listing them would only lengthen the message.
    spec.check(sorted(reported | (given.keys() & spec.names())))
    values = {
        name: [terms.get(name, 0.0) for terms in turn_terms] if name in reported else given[name]
        for name in spec.names()
    }
    if not all(math.isfinite(value) for column in values.values() for value in column):
        raise ValueError(f"reward terms must be finite; got {list(turn_terms)}")
    return values


def _open(term: TermSpec, values: Mapping[str, list[float]]) -> bool:
    """Whether the other terms of the episode let this one pay."""
    return (
        all(sum(values[name]) > 0 for name in term.gate)
        and not any(sum(values[name]) > 0 for name in term.unless)
        and all(value > 0 for name in term.throughout for value in values[name])
    )


def _pay(values: Sequence[float], term: TermSpec, progress: float, tokens: Sequence[int]) -> list[float]:
    """What each turn is paid, with the running sum kept within the cap."""
    units = tokens if term.per == "token" else [1] * len(values)
    share = max(1, sum(units)) if term.aggregate == "mean" else 1
    weight = term.weight_at(progress)
    pays = [value * weight * count / share for value, count in zip(values, units, strict=True)]
    if term.paid == "end":
        pays = [0.0] * (len(pays) - 1) + [math.fsum(pays)]
    if term.cap == math.inf:
        return pays
    paid, total, running = [], 0.0, 0.0
    for pay in pays:
        running += pay
        capped = max(-term.cap, min(term.cap, running))
        paid.append(capped - total)
        total = capped
    return paid
