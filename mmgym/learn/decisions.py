"""Where in an answer a choice between actions is made: the tokens at which the valid answers part.

Entropy counted over all tokens rewards a drift away from the format, because most tokens of an answer have one right
value. Counted over the valid choices at the tokens where answers part, it is the entropy of the action.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym.agent import ChatCodec
from mmgym.formats import render
from mmgym.spaces import ToolSpace

__all__ = ["Decisions"]


class Decisions:
    """The points at which valid answers part.

    Args:
        answers: per environment that is learned, the ids of every valid answer.
    """

    def __init__(self, *answers: Sequence[np.ndarray]):
        self.sets: list[np.ndarray] = [np.zeros(0, np.int64)]
        """Per kind of point the ids that may follow, ascending; number 0 stands for no choice."""
        self._numbers = [self._points(valid) for valid in answers]

    def _points(self, answers: Sequence[np.ndarray]) -> dict[tuple[int, ...], int]:
        """The number of each point, by the ids before it."""
        following: dict[tuple[int, ...], set[int]] = {}
        for answer in answers:
            ids = answer.tolist()
            for end in range(len(ids)):
                following.setdefault(tuple(ids[:end]), set()).add(ids[end])
        numbers = {}
        for prefix, after in following.items():
            if len(after) > 1:
                numbers[prefix] = len(self.sets)
                self.sets.append(np.array(sorted(after), np.int64))
        return numbers

    @classmethod
    def of_spaces(cls, spaces: Sequence[ToolSpace], codec: ChatCodec, format: str) -> Decisions | None:
        """The points of tool spaces whose calls can be listed, one call a turn; None if one of them is another."""
        if not all(space.is_finite and space.max_calls == 1 for space in spaces):
            return None
        return cls(*([codec.answer(render([call], space, format)) for call in space.calls] for space in spaces))

    def numbers(self, sampled_ids: np.ndarray, environment: int = 0) -> np.ndarray:
        """Per token of an answer, the number of its point in `sets` (0: no choice); float32 (k,)."""
        ids, numbers = sampled_ids.tolist(), self._numbers[environment]
        return np.array([numbers.get(tuple(ids[:end]), 0) for end in range(len(ids))], np.float32)
