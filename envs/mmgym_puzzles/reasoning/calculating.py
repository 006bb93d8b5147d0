"""Questions with one number as their answer: the tools `compute` and `answer`, shared by geometry and charts."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from annotated_types import MaxLen

from mmgym.env import Effect
from mmgym.spaces import tool
from mmgym_puzzles.perception.asked import AskedPuzzle
from mmgym_puzzles.reasoning.answers import is_right, read_answer
from mmgym_puzzles.reasoning.expressions import MAX_LENGTH, evaluate, show
from mmgym_puzzles.reasoning.surds import Surd

__all__ = ["CalculatingPuzzle"]


class CalculatingPuzzle(AskedPuzzle):
    """An `AskedPuzzle` that ends with a written answer. A subclass sets `said` to None when an episode begins."""

    said: str | None
    """The answer that was given."""

    def _truth(self) -> tuple[Surd, str, float]:
        """The number asked for, its unit, and the relative tolerance."""
        raise NotImplementedError

    @classmethod
    def arrange(cls, rng: np.random.Generator, candidate: Any, settings: Any) -> Any:
        """The candidate as it is: it is drawn whole."""
        return candidate

    @tool
    def compute(self, expression: Annotated[str, MaxLen(MAX_LENGTH)]) -> Effect:
        """Work out an expression exactly. The result is shown in the feedback.

        Args:
            expression: numbers with + - * / ^, brackets, sqrt, pi, and sin, cos, tan of degrees.
        """
        try:
            return Effect(False, f"= {show(evaluate(expression))}")
        except ValueError as error:
            return Effect(False, f"This cannot be computed: {error}.")

    @tool
    def answer(self, value: Annotated[str, MaxLen(MAX_LENGTH)]) -> Effect:
        """Give the answer. It ends the episode, unless it cannot be read.

        Args:
            value: one number, such as 12, 2.5, 3/4, 2*sqrt(3) or 9*pi.
        """
        try:
            self._read(value)
        except ValueError as error:
            return Effect(False, f"The answer cannot be read: {error}.")
        self.said = value
        return Effect(True)

    def _read(self, value: str) -> bool:
        """Whether an answer is right.

        Raises:
            ValueError: with a message for the agent, where it cannot be read.
        """
        truth, unit, relative = self._truth()
        return is_right(read_answer(value), truth, unit, relative)

    def _is_success(self) -> bool:
        return self.said is not None and self._read(self.said)

    def _is_failure(self) -> bool:
        return self.said is not None and not self._is_success()
