"""Reward specs by name, over the terms that the environments report turn by turn."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mmgym.rewards import RewardSpec, TermSpec, outcome_and_validity

__all__ = ["turn_specs"]

turn_specs: Mapping[str, RewardSpec] = MappingProxyType(
    {
        # the task is done: 1
        "outcome": RewardSpec(),
        # done, and .1 if every turn could be read
        "strict": outcome_and_validity(),
        # done, and .5 if every turn could be read (ARPO's 0 to .5 instead of -.5 to 0: the same but for a constant); in
        # ARPO a turn that cannot be read ends the episode, here it costs the .5 and the episode goes on
        "arpo": RewardSpec({"outcome": TermSpec(), "turns": TermSpec(0.5, cap=0.5, throughout="valid", paid="end")}),
        # done, less .01 for each turn and .3 at most, so that it is always worth more than not done
        "brisk": RewardSpec({"outcome": TermSpec(), "turns": TermSpec(-0.01, cap=0.3, gate="outcome")}),
    }
)
"""Reward specs by name. The terms they read: ``outcome`` of the environments, ``valid`` of `mmgym.rewards.terms_of`."""
