"""Puzzles whose task depends on the instance: the observation says what is asked, before the picture."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from mmgym.spaces import TextSpace
from mmgym_puzzles.puzzle import MAX_DRAWS, Puzzle

__all__ = ["AskedPuzzle"]


class AskedPuzzle(Puzzle):
    """A `Puzzle` whose observations begin with ``task``: what this instance asks for, in words.

    A subclass gives the words (`_task`), a pure function of the state. The class's `instruction` holds the rules alone.
    Instances are drawn in two steps: what there is (`draw_candidate`), which decides the split, and how it is arranged
    (`arrange`), which costs more and is done for the wanted split alone.
    """

    @classmethod
    def arrange(cls, rng: np.random.Generator, candidate: Any, settings: Any) -> Any:
        """The instance that is made of a candidate, or None if it did not work out. The key must stay the same."""
        raise NotImplementedError

    @classmethod
    def _draw(cls, rng: np.random.Generator, settings: Any, split: str) -> Any:
        for _ in range(MAX_DRAWS):
            instance = cls.arrange(rng, super()._draw(rng, settings, split), settings)
            if instance is not None:
                return instance
        raise RuntimeError(f"no instance of {cls.__name__} could be arranged with {settings}")

    def _task(self) -> str:
        """What the current instance asks for: one or two sentences, never empty."""
        raise NotImplementedError

    def _observation_parts(self) -> dict[str, gym.Space[Any]]:
        return {"task": TextSpace(), **super()._observation_parts()}

    def _observe(self) -> dict[str, Any]:
        return {"task": self._task(), **super()._observe()}
