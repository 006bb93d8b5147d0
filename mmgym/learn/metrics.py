"""Metrics: one JSON object a line, and TensorBoard; both go back to the checkpoint when a run is resumed."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmgym.learn.checkpoint import write_atomically

__all__ = ["MetricsLog"]

logger = logging.getLogger(__name__)


class MetricsLog:
    """Writes ``metrics.jsonl`` and TensorBoard events into a folder.

    Args:
        folder: folder of the run.
        keep: number of lines that the checkpoint knows of; later ones are dropped.
    """

    def __init__(self, folder: Path, keep: int = 0):
        from torch.utils.tensorboard import SummaryWriter

        self.path = folder / "metrics.jsonl"
        lines = self.path.read_text().splitlines(keepends=True)[:keep] if self.path.is_file() else []
        if len(lines) < keep:
            logger.warning("%s holds %d lines; the checkpoint knows of %d", self.path, len(lines), keep)
        write_atomically(self.path, "".join(lines).encode())
        self.count = len(lines)
        self._file = self.path.open("a")
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=self.count + 1)

    def write(self, stage: str, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """Note the values of a step; numbers that are not finite become null."""
        line = {"stage": stage, "kind": kind, "step": step, **{name: _plain(value) for name, value in values.items()}}
        self._file.write(json.dumps(line, allow_nan=False) + "\n")
        self._file.flush()
        self.count += 1
        for name, value in _flatten(values):
            self._board.add_scalar(f"{stage}/{kind}/{name}", value, self.count)

    def close(self) -> None:
        """Close both."""
        self._file.close()
        self._board.close()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def _flatten(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    flat = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat += _flatten(value, f"{prefix}{name}/")
        elif isinstance(value, (int, float)):
            flat.append((prefix + name, float(value)))
    return flat
