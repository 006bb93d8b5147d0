"""What a person watches while a run goes on: one live line per stage, plain lines where there is no terminal."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

__all__ = ["Display"]

logger = logging.getLogger(__name__)
_SHOWN = {
    "success": "success {:.0%}",
    "held_out": "held-out {:.1%}",
    "return": "reward {:.2f}",
    "loss": "loss {:.3f}",
    "tokens_per_second": "{:,.0f} tokens/s",
}


class Display:
    """Shows progress.

    Args:
        config: the run.
        active: False shows nothing (processes other than the main one).
    """

    def __init__(self, config: Any, active: bool):
        self.config, self.active = config, active
        self.console = Console()
        self._tasks: dict[str, TaskID] = {}
        self._last = 0.0
        self._progress = Progress(
            TextColumn("[bold]{task.description:<10}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[values]}"),
            console=self.console,
        )

    def __enter__(self) -> Display:
        if self.active and self.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.active and self.console.is_terminal:
            self._progress.stop()

    def update(self, stage: str, step: int, steps: int, values: Mapping[str, Any]) -> None:
        """Show where a stage stands."""
        if not self.active:
            return
        text = "  ".join(form.format(values[name]) for name, form in _SHOWN.items() if name in values)
        if self.console.is_terminal:
            if stage not in self._tasks:
                self._tasks[stage] = self._progress.add_task(stage, total=steps, values="")
            self._progress.update(self._tasks[stage], completed=step, values=text)
        elif time.monotonic() - self._last > 10 or step == steps:
            self._last = time.monotonic()
            self.console.print(f"{stage} {step}/{steps}  {text}", highlight=False, soft_wrap=True)
