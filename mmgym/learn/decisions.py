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
        answers: the ids of every valid answer.
    """

    def __init__(self, answers: Sequence[np.ndarray]):
        following: dict[tuple[int, ...], set[int]] = {}
        for answer in answers:
            ids = answer.tolist()
            for end in range(len(ids)):
                following.setdefault(tuple(ids[:end]), set()).add(ids[end])
        self.sets: list[np.ndarray] = [np.zeros(0, np.int64)]
        """Per kind of point the ids that may follow, ascending; number 0 stands for no choice."""
        self._number: dict[tuple[int, ...], int] = {}
        for prefix, ids in following.items():
            if len(ids) > 1:
                self._number[prefix] = len(self.sets)
                self.sets.append(np.array(sorted(ids), np.int64))

    @classmethod
    def of_space(cls, space: ToolSpace, codec: ChatCodec, format: str) -> Decisions | None:
        """The points of a tool space whose calls can be listed, one call a turn; None for any other."""
        if not space.is_finite or space.max_calls > 1:
            return None
        return cls([codec.answer(render([call], space, format)) for call in space.calls])

    def numbers(self, sampled_ids: np.ndarray) -> np.ndarray:
        """Per token of an answer, the number of its point in `sets` (0: no choice); float32 (k,)."""
        ids = sampled_ids.tolist()
        return np.array([self._number.get(tuple(ids[:end]), 0) for end in range(len(ids))], np.float32)
