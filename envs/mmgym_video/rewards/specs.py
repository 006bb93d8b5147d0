"""Reward specs by name, over the terms that the environments report turn by turn.

Those named after a paper hold as much of its reward as one trajectory and the algebra of `mmgym.rewards` can say; the
exact rule is the preset of the same name in `mmgym_video.rewards.presets`. Where a paper pays for the format of a
text, the share of valid turns stands in its place: what the environment could read was well formed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from mmgym.rewards import RewardSpec, TermSpec, outcome_and_validity

__all__ = ["turn_specs"]

_FORMAT = TermSpec(aggregate="mean", paid="end")
_FLAWLESS = TermSpec(gate="outcome", unless=("repeats", "look_errors"), throughout="valid")

turn_specs: Mapping[str, RewardSpec] = MappingProxyType(
    {
        # a right answer: 1
        "outcome": RewardSpec(),
        # how right the answer is, from 0 to 1
        "graded": RewardSpec({"answer": TermSpec()}),
        # a right answer, and the temporal IoU between all that was looked at and the evidence
        "grounded": RewardSpec({"outcome": TermSpec(), "grounding": TermSpec()}),
        # a right answer, less .005 for each frame seen and .3 at most, so that it is always worth more than a wrong one
        "frugal": RewardSpec({"outcome": TermSpec(), "frames": TermSpec(-0.005, cap=0.3, gate="outcome")}),
        # a right answer, and .1 if every turn could be read
        "strict": outcome_and_validity(),
        # a right answer, and half as much again if it was looked for
        "looked": RewardSpec({"outcome": TermSpec(), "looks": TermSpec(0.5, cap=0.5, gate="outcome")}),
        # .8 right, .2 format (0 to .2 instead of -.2 to 0: the same but for a constant), 1.2 for a right answer from a
        # picture that a tool returned
        "deepeyes": RewardSpec(
            {
                "outcome": TermSpec(0.8),
                "valid": TermSpec(0.2, aggregate="mean", paid="end"),
                "frames": TermSpec(1.2, cap=1.2, gate="outcome"),
            }
        ),
        # 1 right, .02 for having looked; nothing at all where a look repeated one, a call was refused, or a turn could
        # not be read. Exact over these terms; of FrameThinker's own wording, and of the time that it looks up for .5
        # more, the environments know nothing
        "framethinker": RewardSpec({"outcome": _FLAWLESS, "looks": replace(_FLAWLESS, weight=0.02, cap=0.02)}),
        # 1 right, 1 format, 1 temporal IoU (of all that was looked at; LongVT takes the last clip)
        "longvt": RewardSpec({"outcome": TermSpec(), "valid": _FORMAT, "grounding": TermSpec()}),
        # 1 right, -.05 for each look after the first (-.05 for each, and .05 back once there is a frame); the curiosity
        # bonus needs the group
        "pixel_reasoner": RewardSpec(
            {"outcome": TermSpec(), "looks": TermSpec(-0.05), "frames": TermSpec(0.05, cap=0.05)}
        ),
        # 0 to 1 for how right, 1 format; contrast and length need the group
        "video_r1": RewardSpec({"answer": TermSpec(), "valid": _FORMAT}),
    }
)
"""Reward specs by name. The terms they read: ``outcome``, ``answer``, ``frames``, ``looks``, ``look_errors``,
``repeats`` and ``grounding`` of the environments, and ``valid`` of `mmgym.rewards.terms_of`."""
