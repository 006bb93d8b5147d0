"""Plans as a table, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from mmgym.plan.gpus import Gpu
from mmgym.plan.memory import Training
from mmgym.plan.planner import GIB, Plan
from mmgym.plan.shape import ModelShape
from mmgym.plan.workload import Workload

__all__ = ["plans_as_json", "render"]


def render(shape: ModelShape, gpu: Gpu, workload: Workload, training: Training, plans: Sequence[Plan]) -> Group:
    """What a person reads."""
    tokens = workload.tokens(shape, workload.turns)
    cards = f"{training.world} x {gpu.name}" if training.world > 1 else gpu.name
    ceilings = "speed not known: no times" if not gpu.tflops else f"{gpu.tflops:g} TFLOP/s, {gpu.tb_per_s:g} TB/s"
    about = (
        f"{shape.name}: {shape.parameters / 1e9:.2f} B weights ({shape.vision_parameters / 1e9:.2f} B vision)\n"
        f"{cards}: {gpu.gib:g} GiB, {ceilings}{' (measured)' if gpu.measured else ''}\n"
        f"a step: {workload.trajectories} trajectories x {workload.turns} turns x ({tokens.tokens_of_image} image + "
        f"{workload.prompt} prompt + {workload.answer} trained tokens) = {tokens.total:,} tokens"
    )
    table = Table()
    for column in ("variant", "trained", "fixed", "KiB / token", "tokens / batch", "context", "images / pass"):
        table.add_column(column, no_wrap=column == "variant", justify="left" if column == "variant" else "right")
    if gpu.tflops:
        table.add_column("roofline s", justify="right")
        table.add_column("+ element-wise s", justify="right")
    for plan in plans:
        context = "all turns" if plan.window == workload.turns else f"window({plan.window})"
        row = [
            plan.variant.name,
            _count(plan.trained_parameters),
            f"{plan.fixed.total / GIB:.1f} GiB",
            f"{plan.token.total / 1024:,.0f}",
            f"{plan.max_tokens:,}",
            context if plan.fits else "does not fit",
            f"{plan.images_per_pass:,}" if plan.images_per_pass else "none fits",
        ]
        if gpu.tflops:
            row += [_seconds(plan.seconds), _seconds(plan.eager_seconds)]
        table.add_row(*row, style=None if plan.fits else "dim")
    return Group(Text(about), table, Text(_legend(training, plans)))


def _legend(training: Training, plans: Sequence[Plan]) -> str:
    lines = [
        f"fixed: weights, gradients, {training.optimizer}"
        f"{', float32 master weights' if training.master_weights else ''}, features of the step's images"
        + (f", sampler {training.engine_gib:g} GiB" if training.engine_gib else "")
        + f"; {training.reserve:.0%} of the memory is left free",
    ]
    if any(plan.fits and not math.isnan(plan.seconds) for plan in plans):
        lines.append("roofline: no step can be faster; + element-wise: no step can be faster that fuses nothing")
    return "\n".join(lines)


def plans_as_json(
    shape: ModelShape, gpu: Gpu, workload: Workload, training: Training, plans: Sequence[Plan]
) -> dict[str, Any]:
    """For machines: all that went in, and every number that came out; bytes, FLOP and seconds."""
    return {
        "model": asdict(shape),
        "gpu": asdict(gpu),
        "workload": asdict(workload),
        "training": asdict(training),
        "plans": [plan.to_json() for plan in plans],
    }


def _count(number: int) -> str:
    return f"{number / 1e9:.2f} B" if number >= 1e9 else f"{number / 1e6:.1f} M"


def _seconds(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}" if value >= 10 else f"{value:.3g}"
