"""What two processes do together in the trainer's tests; importable in spawned processes."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from tiny_rows import random_segments, tiny_policy

from mmgym.learn.checkpoint import latest_checkpoint
from mmgym.learn.distributed import World
from mmgym.learn.learner import Learner, OptimizerConfig, Part
from mmgym.learn.losses import likelihood_loss
from mmgym.learn.packing import supervised_row
from mmgym.trajectory import ImageStore


def gradient_and_share(world: World, count: int) -> dict[str, Any]:
    """The gradient of `count` rows, summed over the processes, and what went through share and interleave."""
    torch.set_num_threads(1)
    policy, images = tiny_policy(), ImageStore()
    segments = random_segments(policy, images, [1 + i % 3 for i in range(count)], np.random.default_rng(5))
    rows = [supervised_row(segment) for segment in segments]
    learner = Learner(policy, OptimizerConfig(max_grad_norm=1e9), world=world)
    normaliser = float(sum(len(row.trained) for row in rows))
    metrics = learner.accumulate([Part(world.share(rows), images, likelihood_loss, normaliser)])
    world.sum_gradients(list(policy.model.parameters()))
    gradient = [p.grad.reshape(-1) for p in policy.model.parameters() if p.grad is not None]
    return {
        "gradient": torch.cat(gradient).numpy(),
        "loss": world.sum(metrics["loss"]),
        "items": world.interleave([f"{item}!" for item in world.share(range(7))]),
        "few": world.interleave(world.share(["only"])),
        "gathered": world.gather(world.rank),
    }


def gradients_of_parameters(world: World, argument: Any) -> list[tuple[torch.dtype, list[float]] | None]:
    """What is summed of parameters of two types; the first process has gradients of one only, nobody of the last."""
    kinds = (torch.float32, torch.bfloat16, torch.bfloat16, torch.float32)
    parameters = [torch.nn.Parameter(torch.zeros(2, dtype=kind)) for kind in kinds]
    for number, parameter in enumerate(parameters[: 3 if world.rank else 1]):
        parameter.grad = torch.full_like(parameter, number + 1 + 10 * world.rank)
    world.sum_gradients(parameters)
    return [None if p.grad is None else (p.grad.dtype, p.grad.tolist()) for p in parameters]


def read_checkpoints(world: World, trials: list[list[str]]) -> list[list[str]]:
    """Of each trial, a folder for each process: which checkpoint each would go on from, or why it would not."""

    def read(folder: str) -> str:
        try:
            found = latest_checkpoint(Path(folder), world)
        except ValueError as error:
            return str(error)
        return str(found["number"]) if found else "none"

    return [world.gather(read(folders[world.rank])) for folders in trials]


class Unwelcome:
    """What cannot be read in another process."""

    def __reduce__(self) -> Any:
        return _refuse, ()


def _refuse() -> None:
    raise ValueError("not here")


def fail_in_the_child(world: World, argument: Any) -> None:
    """The child raises while the main process waits for it."""
    if not world.is_main:
        raise ValueError("the child has failed")
    world.gather(0)
