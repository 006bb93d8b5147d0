"""Named reward terms, and how they are weighed, gated and capped into one number per turn.

An environment reports what happened by name (``info["reward_terms"]``); a `RewardSpec` says what that is worth. The
rule is a pure function of the whole trajectory, so that a bonus can depend on how the episode ended, and a cap holds
over all turns: a per-turn bonus without a cap would pay for stalling.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["RewardSpec", "RewardTerms", "TermSpec", "combine", "outcome_and_validity", "terms_of"]

RewardTerms = dict[str, float]
"""Reward of one turn by the name of the term, e.g. ``{"outcome": 1.0}``."""


@dataclass(frozen=True)
class TermSpec:
    """What one named term is worth."""

    weight: float = 1.0
    """Factor on the term's value."""
    aggregate: Literal["sum", "mean"] = "sum"
    """``"sum"`` pays every turn's value in full; ``"mean"`` pays the mean over the turns of the episode."""
    cap: float = math.inf
    """Most that the term pays over an episode, in either direction, after weighing."""
    gate: str = ""
    """Name of another term that must be positive, summed over the episode, for this one to pay; empty for no gate."""
    paid: Literal["turn", "end"] = "turn"
    """Whether each turn is paid its part, or the last turn the whole."""

    def __post_init__(self) -> None:
        if not math.isfinite(self.weight):
            raise ValueError(f"weight must be a finite number; got {self.weight!r}")
        if self.aggregate not in ("sum", "mean"):
            raise ValueError(f"aggregate must be one of sum, mean; got {self.aggregate!r}")
        if not self.cap >= 0:
            raise ValueError(f"cap must be a number from 0; got {self.cap!r}")
        if self.paid not in ("turn", "end"):
            raise ValueError(f"paid must be one of turn, end; got {self.paid!r}")


@dataclass(frozen=True)
class RewardSpec:
    """What an episode is worth: the named terms that count. Terms that are not named here count nothing."""

    terms: Mapping[str, TermSpec] = field(default_factory=lambda: {"outcome": TermSpec()})
    """The terms that count, by name."""

    def __post_init__(self) -> None:
        for name, term in self.terms.items():
            if not isinstance(term, TermSpec):
                raise ValueError(f"terms[{name!r}] must be a TermSpec; got {term!r}")

    def names(self) -> set[str]:
        """Names of all terms that are read: paid ones and gates."""
        return set(self.terms) | {term.gate for term in self.terms.values() if term.gate}

    def check(self, known: Sequence[str]) -> None:
        """Check that every term that is read is among `known`.

        Raises:
            ValueError: naming the unknown ones and the known ones.
        """
        if unknown := sorted(self.names() - set(known)):
            raise ValueError(f"unknown reward terms {', '.join(unknown)}; known: {', '.join(sorted(known)) or 'none'}")


def combine(turn_terms: Sequence[RewardTerms], spec: RewardSpec) -> list[float]:
    """The reward of each turn of one whole episode.

    Args:
        turn_terms: the terms of each turn, in order; a term that a turn lacks is 0 there.
        spec: what they are worth.

    Returns:
        One finite reward per turn; their sum is the return of the episode.

    Raises:
        ValueError: when `spec` reads a term that no turn reports, or one that is not finite.
    """
    if not turn_terms:
        return []
    spec.check(sorted({name for terms in turn_terms for name in terms}))
    if not all(math.isfinite(terms.get(name, 0.0)) for terms in turn_terms for name in spec.names()):
        raise ValueError(f"reward terms must be finite; got {list(turn_terms)}")
    rewards = [0.0] * len(turn_terms)
    for name, term in spec.terms.items():
        if term.gate and sum(terms.get(term.gate, 0.0) for terms in turn_terms) <= 0:
            continue
        share = len(turn_terms) if term.aggregate == "mean" else 1
        for turn, pay in enumerate(_pay([terms.get(name, 0.0) * term.weight / share for terms in turn_terms], term)):
            rewards[turn] += pay
    return rewards


def _pay(values: list[float], term: TermSpec) -> list[float]:
    """What each turn is paid, with the running sum kept within the cap."""
    if term.paid == "end":
        values = [0.0] * (len(values) - 1) + [math.fsum(values)]
    if term.cap == math.inf:
        return values
    paid, total, running = [], 0.0, 0.0
    for value in values:
        running += value
        capped = max(-term.cap, min(term.cap, running))
        paid.append(capped - total)
        total = capped
    return paid


def terms_of(info: Mapping[str, Any]) -> RewardTerms:
    """The terms of the turn that `info` (as `step` returned it) describes.

    They are the environment's own terms and measures, and ``valid`` and ``effective``: 1.0 if the turn's action was so,
    else 0.0.
    """
    return {
        **info["measures"],
        **info["reward_terms"],
        "valid": float(info["action_valid"]),
        "effective": float(info["action_effective"]),
    }


def outcome_and_validity(validity: float = 0.1) -> RewardSpec:
    """The outcome, plus at most `validity` for the share of valid turns, paid at the end of the episode."""
    valid = TermSpec(weight=validity, aggregate="mean", cap=validity, paid="end")
    return RewardSpec({"outcome": TermSpec(), "valid": valid})
