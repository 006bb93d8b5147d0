"""The memory planner: what fits on a GPU, and the least time that a step can take."""

from mmgym.plan.gpus import GPUS, Gpu, find_gpu
from mmgym.plan.memory import Training
from mmgym.plan.planner import Plan, plan, plan_variant
from mmgym.plan.shape import ModelShape, Piece
from mmgym.plan.workload import VARIANTS, Variant, Workload

__all__ = [
    "GPUS",
    "VARIANTS",
    "Gpu",
    "ModelShape",
    "Piece",
    "Plan",
    "Training",
    "Variant",
    "Workload",
    "find_gpu",
    "plan",
    "plan_variant",
]
