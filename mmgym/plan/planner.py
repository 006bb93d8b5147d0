"""The planner: what of a workload fits on a GPU, and how long a step takes at least."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mmgym.plan.gpus import Gpu
from mmgym.plan.memory import Activations, Fixed, Training, fixed, head, per_patch, per_token, trained_parameters
from mmgym.plan.roofline import StepWork, seconds, step_work
from mmgym.plan.shape import ModelShape
from mmgym.plan.workload import VARIANTS, Variant, Workload

__all__ = ["Plan", "plan", "plan_variant"]

GIB = float(2**30)


@dataclass(frozen=True)
class Plan:
    """How one variant would run."""

    variant: Variant
    trained_parameters: int
    fixed: Fixed
    token: Activations
    """Bytes for each token of a micro-batch."""
    head: float
    """Bytes of logits, when all of a micro-batch is kept and no layer works."""
    tower_kept: float
    """Bytes of the tower that are alive while the language model works."""
    tower_peak: float
    """Most bytes that the tower takes while it works."""
    max_tokens: int
    """Largest micro-batch, in tokens of the language model; 0 where nothing fits."""
    window: int
    """Turns that a row can hold, at most those of a trajectory; 0 where not one turn fits."""
    images_per_pass: int
    """Images that the tower can read at once."""
    micro_batches: int
    """Of a GPU in a step; 0 where it does not fit."""
    work: StepWork | None
    seconds: float
    """The roofline: products and optimizer. NaN where it does not fit, or the GPU's speed is not known."""
    eager_seconds: float
    """With every other operation run one by one."""

    def peak(self, tokens: int) -> float:
        """Most bytes alive at a time with micro-batches of so many tokens."""
        text = tokens * self.token.kept + max(tokens * self.token.working, self.head)
        return self.fixed.total + max(self.tower_kept + text, self.tower_peak)

    @property
    def fits(self) -> bool:
        """Whether it runs, with a window if need be."""
        return self.window > 0 and self.images_per_pass > 0

    def to_json(self) -> dict[str, Any]:
        """For machines; bytes and FLOP as they are, null where a number is not known."""
        content = {**asdict(self), "fits": self.fits}
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in content.items()}


def plan(
    shape: ModelShape,
    gpu: Gpu,
    workload: Workload,
    training: Training | None = None,
    variants: Sequence[Variant] = VARIANTS,
    cached: bool = False,
) -> list[Plan]:
    """A plan for each variant; arguments as in `plan_variant`."""
    return [plan_variant(shape, gpu, workload, training or Training(), variant, cached) for variant in variants]


def plan_variant(
    shape: ModelShape, gpu: Gpu, workload: Workload, training: Training, variant: Variant, cached: bool = False
) -> Plan:
    """How one variant would run.

    Args:
        shape: the model.
        gpu: each of the `Training.world` GPUs.
        workload: what a step learns from.
        training: the learner's set-up.
        variant: the way it learns.
        cached: whether a frozen tower's features are there already, as in every update of an iteration but the first.
    """
    whole = workload.tokens(shape, workload.turns)
    always = fixed(shape, variant, training, whole)
    of_token = per_token(shape, variant, training)
    room = gpu.gib * GIB * (1 - training.reserve) - always.total
    logits = head(shape, training, whole)
    patches = whole.tokens_of_image * shape.merge_size**2
    images, of_patch = math.ceil(whole.images / training.world), per_patch(shape, variant)
    images_per_pass = max(0, min(images, int(room / (patches * of_patch.total))))
    kept = images * patches * of_patch.kept
    if variant.kind == "full" and training.world > 1:
        # a sharded tower that learns has one pass, so that it runs as often on each GPU
        images_per_pass = images if images_per_pass == images else 0
    elif images_per_pass < images or _fit(room - kept, of_token, logits) < workload.turns * whole.turn:
        # in several passes the tower keeps nothing
        images_per_pass, kept = min(images_per_pass, max(1, images - 1)), 0.0
    max_tokens = _fit(room - kept, of_token, logits)
    window = min(workload.turns, max_tokens // whole.turn)
    micro_batches, work, least, eager = 0, None, math.nan, math.nan
    if window and images_per_pass:
        tokens = workload.tokens(shape, window)
        micro_batches = _micro_batches(tokens.rows, max_tokens, training.world)
        passes = math.ceil(images / images_per_pass)
        work = step_work(shape, variant, training, tokens, micro_batches, passes, cached)
        least, eager = seconds(work, gpu), seconds(work, gpu, element_wise=True)
    return Plan(
        variant=variant,
        trained_parameters=trained_parameters(shape, variant, training),
        fixed=always,
        token=of_token,
        head=logits,
        tower_kept=kept,
        tower_peak=images_per_pass * patches * of_patch.total,
        max_tokens=max_tokens,
        window=window,
        images_per_pass=images_per_pass,
        micro_batches=micro_batches,
        work=work,
        seconds=least,
        eager_seconds=eager,
    )


def _fit(room: float, token: Activations, logits: float) -> int:
    """Tokens that fit into so many bytes."""
    return max(0, int(min(room / token.total, (room - logits) / token.kept)))


def _micro_batches(rows: Sequence[int], max_tokens: int, world: int) -> int:
    """Micro-batches of a GPU: no fewer than the rows of one length that fit into one ask for."""
    counts: dict[int, int] = {}
    for length in rows:
        counts[length] = counts.get(length, 0) + 1
    return math.ceil(sum(count / (max_tokens // length) for length, count in counts.items()) / world)
