"""What a step of Muon takes on a CPU: `python -m benchmarks.muon`, a minute on one core.

PyTorch's Muon, which orthogonalises in bfloat16, and ours, which does so in float32 there, in alternating rounds on
random gradients: matrices of one shape, and those of a whole transformer layer. It writes
benchmarks/results/muon.json.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.peers import machine
from mmgym.learn.muon import Muon
from mmgym.learn.summary import versions

RATE, DECAY, MOMENTUM, STEPS = 0.02, 0.0, 0.95, 3


def layer(width: int) -> tuple[tuple[int, int], ...]:
    """The matrices of a transformer layer: attention's four, and three of a gated feed-forward of 3 widths."""
    return ((width, width),) * 4 + ((3 * width, width),) * 2 + ((width, 3 * width),)


SETS = {"64 x 64": ((64, 64),), "128 x 128": ((128, 128),), "512 x 128": ((512, 128),), "512 x 512": ((512, 512),)} | {
    f"layer of width {width}": layer(width) for width in (64, 128, 256)
}


@dataclass(frozen=True)
class Args:
    """Options."""

    rounds: int = 15
    """Rounds; medians are kept."""
    seed: int = 0
    """Seed of matrices and gradients."""
    out: Path = Path("benchmarks/results/muon.json")
    """Where the results go."""


def measure(shapes: tuple[tuple[int, int], ...], args: Args) -> dict[str, float]:
    """Median milliseconds of a step, by whose it is, and how many times as long PyTorch's takes."""
    generator = torch.Generator().manual_seed(args.seed)
    optimizers: dict[str, torch.optim.Optimizer] = {}
    for name in ("mmgym", "torch"):
        parameters = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        if name == "mmgym":
            optimizers[name] = Muon(parameters, RATE, DECAY, MOMENTUM, STEPS)
        else:
            optimizers[name] = torch.optim.Muon(parameters, RATE, DECAY, MOMENTUM, ns_steps=STEPS)
    seconds: dict[str, list[float]] = {name: [] for name in optimizers}
    for _ in range(args.rounds + 1):  # the first one warms up
        for name, optimizer in optimizers.items():
            start = time.perf_counter()
            optimizer.step()
            seconds[name].append(time.perf_counter() - start)
    found = {f"{name}_ms": round(1000 * statistics.median(times[1:]), 3) for name, times in seconds.items()}
    return {**found, "ratio": round(found["torch_ms"] / found["mmgym_ms"], 1)}


def main(args: Args) -> None:
    """Measure, write the result, show it."""
    torch.set_num_threads(1)
    results: dict[str, Any] = {name: measure(shapes, args) for name, shapes in SETS.items()}
    content = {
        "what": "milliseconds of a step of Muon on one core, medians of alternating rounds",
        "machine": machine(),
        "versions": versions(),
        "seed": args.seed,
        "rounds": args.rounds,
        "results": results,
    }
    args.out.write_text(json.dumps(content, indent=1) + "\n")
    table = Table("matrices", "mmgym, ms", "torch, ms", "ratio")
    for name, found in results.items():
        table.add_row(name, *(f"{found[key]:g}" for key in ("mmgym_ms", "torch_ms", "ratio")))
    Console().print(table)


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
