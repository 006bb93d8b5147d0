"""Colours, and a ledger of what every iteration of a run has learned from; importable by name in a run of its own.

``ledger:test/Colours-v0`` as the environment makes a run write ``ledger.jsonl`` into its folder: a line for each
iteration, with the noise key, group and member of every trajectory. An iteration that was done again after a kill has
several lines, the last of which is what the weights have learned.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import colours  # noqa: F401  (registers the environment)

from mmgym.learn.gathering import Gathered, Gathering

LEDGER = "ledger:test/Colours-v0"
_play = Gathering.play


def _noting(self: Gathering, step: int, returns: Any) -> Gathered:
    gathered = _play(self, step, returns)
    if self.config.environment.id != LEDGER:
        return gathered
    learned = [[t.task.noise, t.task.group, t.task.member] for t in gathered.trajectories]
    parts = [one for part in self.world.gather(learned) for one in part]
    if self.world.is_main:
        with (Path(self.config.out) / "ledger.jsonl").open("a") as file:
            file.write(json.dumps({"step": step, "learned": parts}) + "\n")
    return gathered


Gathering.play = _noting  # type: ignore[method-assign]


def learned_in(out: Path) -> dict[int, list[tuple[int, int, int]]]:
    """What each iteration of a run that has ended learned from: noise key, group and member of each trajectory."""
    lines = [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]
    return {line["step"]: [(noise, group, member) for noise, group, member in line["learned"]] for line in lines}
