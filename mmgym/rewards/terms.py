"""Named reward terms: what an environment reports, and what a `RewardSpec` says each of them is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mmgym.rewards.schedule import Schedule
from mmgym.spaces import number

__all__ = ["RewardSpec", "RewardTerms", "TermSpec", "outcome_and_validity", "terms_of"]

RewardTerms = dict[str, float]
"""Reward of one turn by the name of the term, e.g. ``{"outcome": 1.0}``."""


@dataclass(frozen=True)
class TermSpec:
    """What one named term is worth."""

    weight: float | Schedule = 1.0
    """Factor on the term's value; a `Schedule` lets it change as training goes on."""
    aggregate: Literal["sum", "mean"] = "sum"
    """``"sum"`` pays every turn's value in full; ``"mean"`` pays the mean over the turns of the episode (over its
    sampled tokens where `per` is ``"token"``)."""
    cap: float = math.inf
    """Most that the term pays over an episode, in either direction, after weighing."""
    gate: str | tuple[str, ...] = ()
    """Names of other terms that must all be positive, each summed over the episode, for this one to pay."""
    paid: Literal["turn", "end"] = "turn"
    """Whether each turn is paid its part, or the last turn the whole."""
    unless: str | tuple[str, ...] = ()
    """Names of other terms none of which may be positive, each summed over the episode, for this one to pay."""
    throughout: str | tuple[str, ...] = ()
    """Names of other terms that must be positive in every single turn for this one to pay."""
    per: Literal["turn", "token"] = "turn"
    """Whether a turn's value is paid once, or for each token that was sampled in it."""

    def __post_init__(self) -> None:
        for name in ("gate", "unless", "throughout"):
            value = getattr(self, name)
            names = ((value,) if value else ()) if isinstance(value, str) else tuple(value)
            object.__setattr__(self, name, names)
        if not isinstance(self.weight, Schedule):
            number("weight", self.weight, -math.inf)
        if self.aggregate not in ("sum", "mean"):
            raise ValueError(f"aggregate must be one of sum, mean; got {self.aggregate!r}")
        if self.cap != math.inf:
            number("cap", self.cap)
        if self.paid not in ("turn", "end"):
            raise ValueError(f"paid must be one of turn, end; got {self.paid!r}")
        if self.per not in ("turn", "token"):
            raise ValueError(f"per must be one of turn, token; got {self.per!r}")

    def weight_at(self, progress: float) -> float:
        """The weight at this share of the run, 0 to 1."""
        return self.weight.at(progress) if isinstance(self.weight, Schedule) else self.weight

    def conditions(self) -> tuple[str, ...]:
        """Names of the terms that decide whether this one pays."""
        return (*self.gate, *self.unless, *self.throughout)


@dataclass(frozen=True)
class RewardSpec:
    """What an episode is worth: the named terms that count. Terms that are not named here count nothing.

    Two terms need no environment: ``turns`` is 1 in each turn (a cost per turn, or per token), and ``overlong`` is
    DAPO's `overlong_penalty` in the last turn. A term that the environment reports by that name takes their place.
    """

    terms: Mapping[str, TermSpec] = field(default_factory=lambda: {"outcome": TermSpec()})
    """The terms that count, by name."""
    overlong: tuple[int, int] | None = None
    """Limit and cache of the term ``overlong``, in sampled tokens of an episode; None without that term."""

    def __post_init__(self) -> None:
        for name, term in self.terms.items():
            if not isinstance(term, TermSpec):
                raise ValueError(f"terms[{name!r}] must be a TermSpec; got {term!r}")
        if self.overlong is not None and not 0 < self.overlong[1] <= self.overlong[0]:
            raise ValueError(f"overlong must be (limit, cache) with 0 < cache <= limit; got {self.overlong!r}")

    def names(self) -> set[str]:
        """Names of all terms that are read: paid ones, and those that decide whether others are paid."""
        return set(self.terms) | {name for term in self.terms.values() for name in term.conditions()}

    def check(self, known: Sequence[str]) -> None:
        """Check that every term that is read is among `known`.

        Raises:
            ValueError: naming the unknown ones and the known ones.
        """
        if unknown := sorted(self.names() - set(known)):
            raise ValueError(f"unknown reward terms {', '.join(unknown)}; known: {', '.join(sorted(known)) or 'none'}")


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
