"""Named reward terms, and how they are weighed, gated and capped into one number per turn.

An environment reports what happened by name (``info["reward_terms"]``); a `RewardSpec` says what that is worth. The
rule is a pure function of the whole trajectory, so that a bonus can depend on how the episode ended, and a cap holds
over all turns: a per-turn bonus without a cap would pay for stalling.
"""

from mmgym.rewards.combining import combine, components, overlong_penalty
from mmgym.rewards.schedule import Schedule
from mmgym.rewards.terms import RewardSpec, RewardTerms, TermSpec, outcome_and_validity, terms_of

__all__ = [
    "RewardSpec",
    "RewardTerms",
    "Schedule",
    "TermSpec",
    "combine",
    "components",
    "outcome_and_validity",
    "overlong_penalty",
    "terms_of",
]
