"""The transfer matrix: what a model that was trained on one environment can do in the others.

Each row is the folder of one benchmark run, of one checkpoint; each column an environment. Only instances that every
run has played count, so that the rows can be compared. What a checkpoint was trained on is read from the
``config.json`` of the training run that it lies in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmgym.bench.records import Folder, Record
from mmgym.bench.statistics import Estimate, success_rate
from mmgym.bench.summary import By, split

__all__ = ["TransferRow", "trained_on", "transfer_matrix"]


@dataclass(frozen=True)
class TransferRow:
    """One run."""

    name: str
    trained: tuple[str, ...]
    """Columns in which something is that the checkpoint was trained on; empty where that is not known."""
    cells: dict[str, Estimate]
    """Success by column."""
    within: Estimate | None
    """Success on what it was trained on, all episodes together; None where there is none."""
    beyond: Estimate | None
    """Success on everything else, likewise."""


def transfer_matrix(folders: Mapping[str, Folder], by: By = "environment") -> list[TransferRow]:
    """The rows of the matrix, in the order of the folders; all have the same columns in the same order.

    Args:
        folders: the runs, by the name they get.
        by: what a column is.

    Raises:
        ValueError: for fewer than two runs, or runs that have no instance in common.
        FileNotFoundError: for a folder that holds no results.
    """
    if len(folders) < 2:
        raise ValueError("a transfer matrix needs two folders or more")
    trained = {name: trained_on(folder.about()) for name, folder in folders.items()}
    played = {name: [r for r in folder.records() if not r.failed] for name, folder in folders.items()}
    shared = set.intersection(*({record.instance for record in records} for records in played.values()))
    if not shared:
        raise ValueError("the runs have no instance in common: give runs of the same suite and seeds")
    rows = []
    for name, records in played.items():
        common = [record for record in records if record.instance in shared]
        columns = dict(sorted(split(common, by).items()))
        within = [record for record in common if record.env in trained[name]]
        beyond = [record for record in common if trained[name] and record.env not in trained[name]]
        rows.append(
            TransferRow(
                name,
                tuple(split(within, by)),
                {column: _success(part) for column, part in columns.items()},
                _success(within) if within else None,
                _success(beyond) if beyond else None,
            )
        )
    return rows


def trained_on(about: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids that the checkpoint of a benchmark run was trained on; none where that is not known.

    A ``config.json`` beside it may also be that of a model, as where transformers keeps checkpoints.

    Args:
        about: the content of ``bench.json``.
    """
    path = about["options"].get("path")
    noted = Path(path).parent / "config.json" if path else None
    if noted is None or not noted.is_file():
        return ()
    config = json.loads(noted.read_text())
    if not isinstance(config, dict) or "environment" not in config:
        return ()
    return tuple(one["id"] for one in (config["environment"], *config.get("mixture", ())))


def _success(records: list[Record]) -> Estimate:
    return success_rate([record.success for record in records], [record.instance for record in records])
