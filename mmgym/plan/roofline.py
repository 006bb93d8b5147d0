"""The roofline: the least time that a step can take on a GPU.

Matrix products take their FLOP over the GPU's speed at them; everything else takes the bytes it reads and writes over
the speed of the memory. In the backward pass a product costs two: one for the gradient of its input, one for that of
its weights, which frozen weights do without. Weights that are spread over GPUs travel while the GPU computes: the
longer of the two counts. A step cannot be faster; how much slower it is says how much is left to gain.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mmgym.plan.gpus import Gpu
from mmgym.plan.memory import Training, trained_parameters
from mmgym.plan.shape import ModelShape
from mmgym.plan.workload import Variant, WorkloadTokens

__all__ = ["StepWork", "seconds", "step_work"]


@dataclass(frozen=True)
class StepWork:
    """What a step does, on one GPU."""

    text: float
    """FLOP of the language model and its head, forward and backward."""
    vision: float
    """FLOP of the tower, forward and, where it learns, backward."""
    recomputed: float
    """FLOP of forward passes that are done again."""
    moved: float
    """Bytes that operations other than products read and write, run one by one as transformers does."""
    optimizer_moved: float
    """Bytes that the optimizer reads and writes."""
    sent: float
    """Bytes that travel between GPUs."""

    @property
    def model_flops(self) -> float:
        """FLOP that the step needs, by which the use of a GPU is measured (MFU): nothing done twice is counted."""
        return self.text + self.vision


def step_work(
    shape: ModelShape,
    variant: Variant,
    training: Training,
    tokens: WorkloadTokens,
    micro_batches: int = 1,
    vision_passes: int = 1,
    cached: bool = False,
) -> StepWork:
    """Count a step.

    Args:
        shape: the model.
        variant: the way it learns.
        training: its set-up.
        tokens: of the step, over all GPUs.
        micro_batches: of a GPU.
        vision_passes: groups of images that the tower reads one after the other; from 2 on a tower that learns runs
            again in its backward pass, and keeps nothing in between.
        cached: whether a frozen tower's features are there already.
    """
    share = 1 / training.world
    text_forward = tokens.total * shape.text_flops + tokens.pairs * shape.text_attention
    head_forward = tokens.trained * shape.head_flops
    patches = tokens.images * tokens.tokens_of_image * shape.merge_size**2
    of_image = tokens.tokens_of_image * shape.merge_size**2
    keys = of_image * shape.vision_attention + min(shape.vision_window, of_image) * shape.vision_window_attention
    vision_forward = patches * (sum(p.count * p.flops for p in shape.vision) + keys)
    trained = trained_parameters(shape, variant, training)
    if variant.lora:  # no gradients of frozen weights, but those of the adapters; attention has none
        text = 2 * text_forward + tokens.pairs * shape.text_attention + 6 * trained * tokens.total + 2 * head_forward
    else:
        text = 3 * text_forward + 3 * head_forward
    again = text_forward if variant.checkpointing else 0.0
    again += head_forward if tokens.trained * shape.vocabulary_size > training.max_logits else 0.0
    vision = 0.0 if cached and variant.frozen_vision else vision_forward * (1 if variant.frozen_vision else 3)
    if not variant.frozen_vision:
        again += vision_forward * (variant.checkpointing + (vision_passes > 1))
    runs = 2 if variant.checkpointing else 1
    pieces = shape.adapted_text if variant.lora else shape.text
    moved = tokens.total * sum(p.count * (runs * p.forward_moved + p.backward_moved) for p in pieces)
    if not variant.frozen_vision:
        runs += vision_passes > 1
        moved += patches * sum(p.count * (runs * p.forward_moved + p.backward_moved) for p in shape.vision)
    elif not cached:
        moved += patches * sum(p.count * p.forward_moved for p in shape.vision)
    width, world, learned = shape.bytes_per_weight, training.world, training.learned_bytes(shape)
    # read and written: moments and what is learned; read: gradients; written: weights that are rounded from that
    optimizer = trained * (2 * (training.state_bytes(shape) + learned) + learned + (width if learned > width else 0))
    # each micro-batch gathers the weights for the forward and for the backward pass, and scatters the gradients
    sent = micro_batches * (world - 1) / world * width * (2 * shape.parameters + trained) if world > 1 else 0.0
    return StepWork(text * share, vision * share, again * share, moved * share, optimizer / world, sent)


def seconds(work: StepWork, gpu: Gpu, element_wise: bool = False) -> float:
    """The least time of a step; NaN where the GPU's speed is not known.

    Args:
        work: what it does.
        gpu: on which.
        element_wise: whether other operations than products take time, too; where they are fused into the products,
            or compiled into few kernels, they take a part of it.
    """
    if not gpu.tflops or not gpu.tb_per_s:
        return math.nan
    computed = (work.model_flops + work.recomputed) / (gpu.tflops * 1e12)
    if element_wise:
        computed += work.moved / (gpu.tb_per_s * 1e12)
    sent = work.sent / (gpu.link_gb_per_s * 1e9) if work.sent and gpu.link_gb_per_s else 0.0
    return max(computed, sent) + work.optimizer_moved / (gpu.tb_per_s * 1e12)
