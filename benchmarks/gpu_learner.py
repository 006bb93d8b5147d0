"""The learner on a GPU: tokens/s, MFU and memory of one optimizer step, each optimisation on and off, beside TRL's.

    python benchmarks/gpu_learner.py                     # all that fits into --seconds; what is there is not done again
    python benchmarks/gpu_learner.py --tiny              # the same cells with tiny models, on a CPU: does it run?

A cell is one setting: a model of a real shape with random weights, 10-turn trajectories with an image in each turn, and
what learns of it. Cells come in the order of what they tell; the result is written after each. TRL's `GRPOTrainer`
takes the same trajectories in the same process (`benchmarks/learner_peers/trl_step.py`), if it can be imported. All
trajectories are of one length: padding, which packing saves, costs nobody anything here.

tokens/s  = tokens of the rows, read and sampled ones, images included, over the seconds of the fastest step
MFU       = FLOP that the step needs / seconds / peak of the data sheet. They are counted in `mmgym/plan/roofline.py`:
            2 FLOP for each weight and token forward, 4 backward (2 where the weight is frozen), attention to what is
            before a token only (half of all pairs), the head for trained tokens only, the tower once for each image
            (forward only where it is frozen, nothing where its features are cached). What is computed a second time
            (checkpointing, chunks of the head) does not count.
roofline  = the least seconds, with the product and copy speeds that were measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.learner_peers import trl_step
from benchmarks.learner_step import ours
from benchmarks.learner_step.batch import TINY, Batch, make_batch, make_model, make_policy
from benchmarks.learner_step.clock import Ceilings, Timing, ceilings, clear, timed
from benchmarks.learner_step.ours import Options
from benchmarks.peers import machine
from mmgym.learn.checkpoint import write_atomically
from mmgym.learn.summary import versions
from mmgym.plan import Gpu, ModelShape, Plan, Training, Variant, Workload, find_gpu, plan_variant
from mmgym.plan.roofline import seconds, step_work
from mmgym_agents.adapters import add_adapters
from mmgym_agents.parts import freeze
from mmgym_agents.shapes import read_shape, shape_of

RANK = 16
BASES = {
    "full": Options(),
    "frozen": Options(frozen_vision=True),
    "LoRA": Options(frozen_vision=True, lora_rank=RANK),
}
"""What learns: everything, all but the tower, adapters."""
TOGGLES: dict[str, dict[str, Any]] = {
    "padded": {"layout": "padded"},
    "nothing run again": {"checkpoint_layers": "none"},
    "every other layer run again": {"checkpoint_layers": "every(2)"},
    "features not cached": {"cached": False},
    "compiled": {"compile": True},
    "8-bit AdamW": {"optimizer": "adamw8bit"},
    "no master weights": {"master_weights": False},
}
"""Options that differ from a base, one at a time."""


@dataclass(frozen=True)
class Cell:
    """One setting."""

    model: str
    image: tuple[int, int]
    """Width and height."""
    base: str
    """A key of `BASES`."""
    toggle: str = ""
    """A key of `TOGGLES`, ``TRL``, or nothing."""

    @property
    def name(self) -> str:
        """What it is called in the result."""
        return " | ".join([self.model, "x".join(map(str, self.image)), self.base, *filter(None, [self.toggle])])

    @property
    def options(self) -> Options:
        """What is on."""
        return replace(BASES[self.base], **TOGGLES.get(self.toggle, {}))


def cells(models: tuple[str, str], small: tuple[int, int], large: tuple[int, int]) -> Iterator[Cell]:
    """All cells, those that tell most first."""
    first, second = models
    for image, base in ((small, "full"), (large, "LoRA"), (large, "frozen")):
        yield from (Cell(first, image, base), Cell(first, image, base, "TRL"))
    for toggle in ("padded", "nothing run again", "compiled"):
        yield Cell(first, large, "LoRA", toggle)
    for toggle in ("8-bit AdamW", "no master weights", "every other layer run again"):
        yield Cell(first, small, "full", toggle)
    yield Cell(first, large, "frozen", "features not cached")
    for image, base in ((small, "full"), (large, "LoRA"), (large, "frozen")):
        yield from (Cell(second, image, base), Cell(second, image, base, "TRL"))
    yield from (Cell(model, large, "full") for model in models)


@dataclass(frozen=True)
class Setting:
    """What all cells of a run share."""

    device: str
    dtype: torch.dtype
    gpu: Gpu
    """Its memory, and the speeds that were measured."""
    peak_tflops: float
    """Of the data sheet; NaN where it is not known."""
    trajectories: int
    turns: int
    prompt: int
    answer: int
    repeats: int
    seed: int


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run the cells that are not there yet; returns the result."""
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    started = time.monotonic()
    cuda = not options.tiny
    if cuda and not torch.cuda.is_available():
        raise SystemExit("there is no GPU here; --tiny runs the same cells with tiny models on a CPU")
    device, dtype = ("cuda", torch.bfloat16) if cuda else ("cpu", torch.float32)
    reached = ceilings(device, dtype)
    setting = Setting(
        device=device,
        dtype=dtype,
        gpu=_gpu(device, reached),
        peak_tflops=find_gpu(options.gpu).peak_tflops if cuda else math.nan,
        trajectories=options.trajectories or (16 if cuda else 2),
        turns=10 if cuda else 2,
        prompt=100 if cuda else 6,
        answer=150 if cuda else 4,
        repeats=options.repeats,
        seed=options.seed,
    )
    about = {
        "machine": {**machine(), "device": torch.cuda.get_device_name() if cuda else "cpu"},
        "versions": {**versions(), "trl": _trl_version()},
        "ceilings": asdict(reached),
        "setting": {**asdict(setting), "dtype": str(dtype).removeprefix("torch."), "peak_tflops": options.gpu},
    }
    result: dict[str, Any] = {**about, "cells": _there(options.output)}
    models, sizes = (TINY, ((56, 56), (112, 56))) if options.tiny else (options.models, ((448, 448), (1280, 720)))
    for cell in cells((models[0], models[1]), *sizes):
        if cell.name in result["cells"] or options.only not in cell.name:
            continue
        if time.monotonic() - started > options.seconds:
            logging.info("time is up; the rest is done when this is run again")
            break
        result["cells"][cell.name] = found = _run(cell, setting)
        logging.info("%s: %s", cell.name, json.dumps(found))
        _compare(result["cells"])
        write_atomically(options.output, json.dumps(result, indent=2).encode())
    return result


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="tiny models on a CPU")
    parser.add_argument("--gpu", default="h200", help="whose data sheet gives the peak, e.g. h100")
    parser.add_argument("--models", nargs=2, default=["qwen2.5-vl-3b", "qwen3-vl-4b"], help="two published shapes")
    parser.add_argument("--trajectories", type=int, default=0, help="of a step; 0 for 16, or 2 with --tiny")
    parser.add_argument("--repeats", type=int, default=2, help="timed steps of a cell, after one to warm up")
    parser.add_argument("--seconds", type=float, default=450.0, help="no cell begins after this time")
    parser.add_argument("--only", default="", help="cells whose name holds this text, e.g. LoRA")
    parser.add_argument("--seed", type=int, default=0, help="of weights and trajectories")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "gpu_learner.json")
    return parser.parse_args(arguments)


def _gpu(device: str, reached: Ceilings) -> Gpu:
    """The device, with what it reached."""
    if device == "cpu":
        pages, size = os.sysconf("SC_AVPHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        return Gpu("cpu", pages * size / 2**30, reached.tflops, reached.tb_per_s, measured=True)
    total = torch.cuda.get_device_properties(0).total_memory
    return Gpu(torch.cuda.get_device_name(), total / 2**30, reached.tflops, reached.tb_per_s, measured=True)


def _run(cell: Cell, setting: Setting) -> dict[str, Any]:
    """Measure a cell; where it cannot run, say why."""
    torch.manual_seed(setting.seed)
    started = time.monotonic()
    width, height = cell.image
    workload = Workload(setting.trajectories, setting.turns, width, height, setting.prompt, setting.answer)
    shape = _shape(cell.model, setting.dtype)
    variant = Variant(
        "", bool(cell.options.lora_rank), cell.options.frozen_vision, cell.options.checkpoint_layers == "all"
    )
    training = Training(cell.options.optimizer, cell.options.master_weights, RANK)
    found = plan_variant(shape, setting.gpu, workload, training, variant)
    measure: Callable[..., tuple[Batch, Timing, int]] = _measure_trl if cell.toggle == "TRL" else _measure_ours
    try:
        if cell.toggle == "TRL":
            trl_step.version()
        batch, timing, micro_batches = measure(cell, setting, workload, found)
    except (torch.OutOfMemoryError, ImportError, ValueError, RuntimeError) as problem:
        message = str(problem).strip().splitlines()[0] if str(problem).strip() else ""
        return {"failed": f"{type(problem).__name__}: {message}", "took": round(time.monotonic() - started, 1)}
    finally:
        clear(setting.device)
    cached = cell.options.frozen_vision and cell.options.cached and cell.toggle != "TRL"
    tokens = workload.tokens(shape, workload.turns)
    work = step_work(shape, variant, training, tokens, micro_batches, cached=cached)
    least = seconds(work, setting.gpu)
    return {
        "tokens": batch.tokens,
        "trained_tokens": batch.trained,
        "seconds": [round(value, 4) for value in timing.seconds],
        "tokens_per_s": round(batch.tokens / timing.best, 1),
        "mfu": _round(work.model_flops / timing.best / (setting.peak_tflops * 1e12)),
        "of_measured_product_speed": _round(work.model_flops / timing.best / (setting.gpu.tflops * 1e12)),
        "roofline_seconds": _round(least),
        "times_roofline": _round(timing.best / least),
        "peak_gib": _round(timing.peak_bytes / 2**30) if timing.peak_bytes else None,
        "planned_peak_gib": _round(found.peak(math.ceil(batch.tokens / micro_batches)) / 2**30),
        "micro_batches": micro_batches,
        "took": round(time.monotonic() - started, 1),
    }


def _measure_ours(cell: Cell, setting: Setting, workload: Workload, found: Plan) -> tuple[Batch, Timing, int]:
    policy = ours.build(cell.model, cell.options, setting.dtype, setting.device)
    batch = make_batch(policy, workload, setting.seed)
    row = len(batch.rows[0].ids)
    # some room is left: the planner is what is tested here, too
    at_once = max(1, min(len(batch.rows), int(0.8 * found.max_tokens) // row, 65_536 // row))
    of_image = policy.image_tokens(batch.rows[0].images[0])
    images = found.images_per_pass if found.tower_kept else max(1, int(0.8 * found.images_per_pass))
    learner = ours.make_learner(policy, cell.options, at_once * row, images * of_image)
    timing = timed(lambda: ours.step(learner, batch), setting.repeats, setting.device)
    return batch, timing, math.ceil(len(batch.rows) / at_once)


def _measure_trl(cell: Cell, setting: Setting, workload: Workload, found: Plan) -> tuple[Batch, Timing, int]:
    """TRL with the largest micro-batch that fits, found from above."""
    light = make_policy(cell.model, setting.dtype, "cpu" if setting.device == "cpu" else "meta")
    batch = make_batch(light, workload, setting.seed)
    row = len(batch.rows[0].ids)
    at_once = 1
    while len(batch.rows) % (2 * at_once) == 0 and 2 * at_once * row <= min(found.max_tokens, 65_536):
        at_once *= 2
    while True:
        step: Callable[[], float] | None
        model, tokenizer, processor = make_model(cell.model, setting.dtype, setting.device)
        if cell.options.frozen_vision:
            freeze(model, ["vision"])
        if cell.options.lora_rank:
            add_adapters(model, ours.LoraConfig(rank=RANK), seed=0)
        again = cell.options.checkpoint_layers == "all"
        try:
            step = trl_step.make_step(model, tokenizer, processor, batch, at_once, again)
            return batch, timed(step, setting.repeats, setting.device), len(batch.rows) // at_once
        except torch.OutOfMemoryError:
            if at_once == 1:
                raise
        at_once //= 2
        model = step = None
        clear(setting.device)


def _compare(found: dict[str, dict[str, Any]]) -> None:
    """Write into each of our cells how many times TRL's tokens/s it makes."""
    for name, cell in found.items():
        peer = found.get(" | ".join([*name.split(" | ")[:3], "TRL"]))
        if not name.endswith("TRL") and peer and "tokens_per_s" in peer and "tokens_per_s" in cell:
            cell["times_trl"] = _round(cell["tokens_per_s"] / peer["tokens_per_s"])


def _shape(model: str, dtype: torch.dtype) -> ModelShape:
    name = str(dtype).removeprefix("torch.")
    return (
        shape_of(make_model(model, dtype, "cpu")[0].config, model, name) if model in TINY else read_shape(model, name)
    )


def _there(output: Path) -> dict[str, Any]:
    """Cells of an earlier run; those that failed are tried again."""
    if not output.is_file():
        return {}
    return {name: cell for name, cell in json.loads(output.read_text())["cells"].items() if "failed" not in cell}


def _trl_version() -> str | None:
    try:
        return trl_step.version()
    except ImportError:
        return None


def _round(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


if __name__ == "__main__":
    main()
