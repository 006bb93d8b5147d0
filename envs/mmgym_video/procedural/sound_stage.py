"""A stage with a sound track: a drawn video that is seen and heard."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mmgym_video.procedural.sound import RATE, SoundTrack
from mmgym_video.procedural.stage import Fact, Stage

__all__ = ["SoundStage"]


@dataclass(frozen=True)
class SoundStage(Stage):
    """A `mmgym_video.video.Video` that is drawn and sounded on demand."""

    track: SoundTrack = field(default_factory=SoundTrack)
    sample_rate: int = field(default=RATE, init=False)

    def sound(self, start: float, end: float) -> np.ndarray:
        """The sound of a stretch; see `Video.sound`. Neighbouring stretches fit together without a gap.

        Raises:
            ValueError: for times outside [0, duration], or in the wrong order.
        """
        self._check(start, end)
        return self.track.samples(round(start * RATE), round(end * RATE))

    def heard(self, start: float, end: float) -> tuple[Fact, ...]:
        """What is heard in a stretch; see `SoundTrack.heard`.

        Raises:
            ValueError: for times outside [0, duration], or in the wrong order.
        """
        self._check(start, end)
        return self.track.heard(start, end)

    def _check(self, start: float, end: float) -> None:
        if not 0 <= start <= end <= self.duration:
            raise ValueError(f"times must be 0 <= start <= end <= {self.duration:g}; got {start} and {end}")
