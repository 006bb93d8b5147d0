"""`mmgym plan`: read a model's shape, plan, print."""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

from rich.console import Console

from mmgym.plan.gpus import find_gpu
from mmgym.plan.memory import Training
from mmgym.plan.planner import plan
from mmgym.plan.report import plans_as_json, render
from mmgym.plan.workload import VARIANTS, Workload

__all__ = ["run"]

READER = "mmgym_agents.shapes:read_shape"
"""What reads the shape of a model, by name: the library itself knows no model."""


def run(options: Any) -> None:
    """Plan and print.

    Args:
        options: a `mmgym.cli.Plan`.

    Raises:
        ValueError: for a value that is not allowed.
    """
    gpu = find_gpu(options.gpu, options.tflops, options.tb_per_s)
    width, height = _size(options.image)
    workload = Workload(options.trajectories, options.turns, width, height, options.prompt, options.answer)
    training = Training(
        optimizer=options.optimizer,
        master_weights=options.master_weights,
        lora_rank=options.lora_rank,
        world=options.world,
        engine_gib=options.engine,
    )
    variants = [variant for variant in VARIANTS if options.variant in ("all", variant.kind)]
    module, _, function = READER.partition(":")
    shape = getattr(importlib.import_module(module), function)(options.model, options.dtype)
    plans = plan(shape, gpu, workload, training, variants, options.cached)
    if options.json:
        Console().print_json(json.dumps(plans_as_json(shape, gpu, workload, training, plans)))
    else:
        Console().print(render(shape, gpu, workload, training, plans))


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)x(\d+)", text)
    if found is None:
        raise ValueError(f"image must be width x height in pixels, such as 1280x720; got {text!r}")
    return int(found[1]), int(found[2])
