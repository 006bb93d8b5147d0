"""What a run may still spend: minutes, tokens, dollars."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from mmgym.bench.records import Record

__all__ = ["Budget"]


class Budget:
    """Counts what a run takes, over all commands that it took to end it.

    An agent that counts for itself (`mmgym_agents.api_agent`) is believed: it also knows what episodes took that are
    under way, or that were played again. For others the records say it.

    Args:
        agent: who plays; its ``spent``, if it has one, holds ``prompt_tokens``, ``completion_tokens`` and ``dollars``.
        earlier: what earlier commands took, by the same names.
        minutes: of this command; None for no limit, as for the others.
        tokens: read and written, with those of earlier commands.
        dollars: with those of earlier commands.

    Raises:
        ValueError: for a limit of dollars and an agent that does not know what it costs.
    """

    def __init__(
        self,
        agent: Any,
        earlier: Mapping[str, float] | None = None,
        minutes: float | None = None,
        tokens: float | None = None,
        dollars: float | None = None,
    ):
        if dollars is not None and not getattr(agent, "priced", False):
            raise ValueError("max_dollars needs an agent behind an API that is given prices (its option `prices`)")
        self._start, self._minutes = time.monotonic(), minutes
        self._limits = {"tokens": tokens, "dollars": dollars}
        self._counted: Counter[str] | None = getattr(agent, "spent", None)
        self._recorded = Counter(earlier or {})

    def add(self, records: Iterable[Record]) -> None:
        """Note what some episodes took."""
        if self._counted is None:
            for record in records:
                self._recorded.update(record.usage)

    @property
    def total(self) -> Counter[str]:
        """All that was taken, by the names of the agent or the records."""
        return self._recorded + (self._counted or Counter())

    @property
    def spent(self) -> dict[str, float]:
        """``tokens``, read and written, and ``dollars``."""
        total = self.total
        return {"tokens": total["prompt_tokens"] + total["completion_tokens"], "dollars": total["dollars"]}

    @property
    def is_spent(self) -> bool:
        """Whether tokens or dollars are."""
        spent = self.spent
        return any(limit is not None and spent[name] >= limit for name, limit in self._limits.items())

    @property
    def is_over(self) -> bool:
        """Whether no further episode may begin."""
        return self.is_spent or (self._minutes is not None and time.monotonic() - self._start > 60 * self._minutes)
