"""Can questions about drawn videos be answered without eyes, without the order of the frames, without ears?

    python benchmarks/video_probes.py --fit 5000 --held-out 2000

For each family and some levels, classifiers learn which option is right (`benchmarks/probing`), the better one by
cross-validation is measured on held-out instances, and its 95 % interval must contain chance or lie below:

- ``blind``, every family: from everything but the pixels (with what is heard, where there is sound).
- ``shuffled``, those that declare `order_sensitive`: from the facts of frames without their times and order as well.
- ``muted``, those that declare `audio_needed`: from the frames in order, without what is heard.

One in forty is above by chance alone: where that happens, fresh instances are measured, and only those count. That a
probe can see is shown by its controls, which must be above chance: everything in order (``ordered``; frames at even
distances may miss what is shown for moments of a long video), and the frames without order where a family does not say
that order matters. Instances are drawn without regard to splits. A run that was stopped goes on where it was.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

# Two processes share two cores; the thread pools of what is imported below are sized when it loads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.peers import machine
from benchmarks.probing.classifiers import Classifier, best_classifier
from benchmarks.probing.features import Instance, describe
from mmgym.stats import wilson
from mmgym_video.procedural.audio_catalogue import AUDIO_FAMILIES
from mmgym_video.procedural.catalogue import FAMILIES
from mmgym_video.procedural.family import DURATIONS, Family, Setting

ALL: dict[str, Family] = {**FAMILIES, **AUDIO_FAMILIES}
FIRST_SEED = 70_000_000


@dataclass(frozen=True)
class Args:
    """Options."""

    fit: int = 5000
    """Instances that the classifiers are fitted to, per family and level."""
    held_out: int = 2000
    """Instances that they are measured on."""
    frames: int = 64
    """Frames of each video whose facts are known, at even distances."""
    levels: tuple[int, ...] = (1,)
    """Levels."""
    only: str = ""
    """Part of the names of the families to look at; empty: all."""
    processes: int = 2
    """Processes."""
    out: Path = Path("runs/video_probes.json")
    """Where the results go."""


def kinds_of(family: Family) -> dict[str, bool]:
    """The kinds of probes and controls of a family, and whether each must stay at chance (else it is a control)."""
    kinds = {"blind": True, "shuffled": family.order_sensitive, "ordered": False}
    return kinds | ({"muted": True} if family.audio_needed else {})


def chance_of(family: Family, instances: Sequence[Instance]) -> float:
    """What a policy that does not look gets on these: one over the number of options where all are equally likely.

    `Family.chance` is the most over all levels; at one with more options it is less.
    """
    if abs(1 / family.chance - round(1 / family.chance)) > 1e-3:
        return family.chance
    return float(np.mean([1 / len(instance.codes) for instance in instances]))


def draw(family: Family, level: int, seeds: range, kinds: Sequence[str], frames: int) -> dict[str, list[Instance]]:
    """Instances as each kind of probe knows them."""
    setting = Setting(level, duration=DURATIONS[level])
    found: dict[str, list[Instance]] = {kind: [] for kind in kinds}
    for seed in seeds:
        case = family.draw(np.random.default_rng(seed), setting)
        for kind, instance in describe(case, kinds, frames, np.random.default_rng([seed, 1])).items():
            found[kind].append(instance)
    return found


def measure(model: Classifier, family: Family, instances: Sequence[Instance], at_chance: bool) -> dict[str, Any]:
    """The score of a fitted classifier with its 95 % interval, beside chance."""
    right = int((model.predict(instances) == [instance.right for instance in instances]).sum())
    low, high = wilson(right, len(instances))
    chance = chance_of(family, instances)
    score = {"score": right / len(instances), "low": low, "high": high, "chance": chance, "held_out": len(instances)}
    return {**score, "passes": low <= chance if at_chance else low > chance}


def probe(family: Family, level: int, fit: int, held_out: int, frames: int) -> dict[str, Any]:
    """All probes and controls of one family at one level, by kind."""
    kinds, results = kinds_of(family), {}
    seeds = range(FIRST_SEED, FIRST_SEED + fit + 2 * held_out)
    known = draw(family, level, seeds[: fit + held_out], list(kinds), frames)
    for kind, at_chance in kinds.items():
        name, model = best_classifier(known[kind][:fit])
        result = measure(model, family, known[kind][fit:], at_chance)
        if at_chance and not result["passes"]:
            fresh = draw(family, level, seeds[fit + held_out :], [kind], frames)[kind]
            result = {**measure(model, family, fresh, at_chance), "first": result}
        results[kind] = {**result, "role": "probe" if at_chance else "control", "classifier": name}
    return results


def _cell(cell: tuple[str, int], args: Args) -> tuple[str, dict[str, Any]]:
    started = time.perf_counter()
    kinds = probe(ALL[cell[0]], cell[1], args.fit, args.held_out, args.frames)
    return f"{cell[0]}/{cell[1]}", {"kinds": kinds, "seconds": round(time.perf_counter() - started, 1)}


def summary(results: dict[str, Any]) -> dict[str, Any]:
    """Which probes fail, and how many families stand the test of order at every level measured."""
    probes = [
        (name, kind, result) for name, cell in results.items() for kind, result in cell["kinds"].items()
        if result["role"] == "probe"
    ]  # fmt: skip
    failing = sorted(f"{name} {kind}" for name, kind, result in probes if not result["passes"])
    families = {name.partition("/")[0] for name in results}
    ordered = {name.partition("/")[0] for name, kind, _ in probes if kind == "shuffled"}
    blinded = sorted(
        f"{name} {kind}" for name, cell in results.items() for kind, result in cell["kinds"].items()
        if result["role"] == "control" and not result["passes"]
    )  # fmt: skip
    return {
        "failing": failing,
        "controls_at_chance": blinded,
        "families": len(families),
        "order_sensitive": len(ordered),
    }


def show(results: dict[str, Any]) -> Table:
    """Scores in per cent with their intervals; controls are in brackets, failures red."""
    kinds = ("blind", "shuffled", "ordered", "muted")
    table = Table("family/level", "chance", *kinds)
    for name, cell in sorted(results.items()):
        row = [f"{100 * next(iter(cell['kinds'].values()))['chance']:.1f}"]
        for kind in kinds:
            result = cell["kinds"].get(kind)
            if result is None:
                row.append("")
                continue
            text = f"{100 * result['score']:.1f} ({100 * result['low']:.1f} to {100 * result['high']:.1f})"
            text = text if result["role"] == "probe" else f"\\[{text}]"
            row.append(text if result["passes"] else f"[red]{text}[/red]")
        table.add_row(name, *row)
    return table


def main(args: Args) -> None:
    """Probe each family and level that the file of results does not have yet; write each result when it is there."""
    setting = {"fit": args.fit, "held_out": args.held_out, "frames": args.frames, "first_seed": FIRST_SEED}
    before = json.loads(args.out.read_text()) if args.out.is_file() else {}
    results = before["results"] if {key: before.get(key) for key in setting} == setting else {}
    versions = {name: version(name) for name in ("numpy", "scikit-learn")}
    about = {"machine": machine(), "versions": versions}
    names = [name for name in ALL if args.only in name]
    cells = [(name, level) for name in names for level in args.levels if f"{name}/{level}" not in results]
    with multiprocessing.get_context("spawn").Pool(args.processes, maxtasksperchild=1) as pool:
        for name, result in pool.imap_unordered(partial(_cell, args=args), cells):
            results[name] = result
            content = {**about, **setting, **summary(results), "results": dict(sorted(results.items()))}
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(json.dumps(content, indent=1) + "\n")
            Console().print(f"{name}: {result['seconds']} s")
    console = Console()
    console.print(show(results))
    console.print(summary(results))


if __name__ == "__main__":
    main(tyro.cli(Args))
