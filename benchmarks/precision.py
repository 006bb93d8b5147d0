"""What precision, adapters, and layers that are computed again cost and save: bytes, and seconds of processor time.

Bytes are counted, not sampled: those of weights, masters, gradients and moments after a step, and those of tensors kept
for the backward pass of the language model. Times are medians over rounds in which all settings take turns. The model
is a Qwen3-VL of 2.0 million parameters with random weights; on a GPU the bytes per parameter are the same, the times
are not.

    python benchmarks/precision.py [--rounds 7] [--compile]
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from benchmarks.peers import machine
from mmgym.agent import Policy
from mmgym.learn.learner import Learner, OptimizerConfig, Part
from mmgym.learn.losses import likelihood_loss
from mmgym.learn.packing import Row
from mmgym.learn.policy_config import LoraConfig
from mmgym.learn.summary import versions
from mmgym.trajectory import ImageStore
from mmgym_agents.factory import make_policy

OUT = Path(__file__).parent / "results" / "precision.json"
SHAPE = {"hidden_size": 128, "intermediate_size": 384, "layers": 8, "vision_hidden_size": 64, "vision_depth": 2}
LENGTH, ROWS = 192, 8


@dataclass(frozen=True)
class Setting:
    """How a model learns."""

    policy: dict[str, Any] = field(default_factory=dict)
    """Arguments of `make_policy`."""
    optimizer: str = "adamw"
    master_weights: bool = True


PRECISIONS = {
    "float32": Setting(),
    "float32, adamw8bit": Setting(optimizer="adamw8bit"),
    "bfloat16, masters": Setting({"dtype": "bfloat16"}),
    "bfloat16, masters, adamw8bit": Setting({"dtype": "bfloat16"}, "adamw8bit"),
    "bfloat16, no masters": Setting({"dtype": "bfloat16"}, master_weights=False),
    "bfloat16, vision frozen": Setting({"dtype": "bfloat16", "frozen": ("vision",)}),
    "bfloat16, LoRA of rank 8": Setting({"dtype": "bfloat16", "lora": LoraConfig(rank=8)}),
}
LAYERS = {rule: Setting({"checkpoint_layers": rule}) for rule in ("none", "every(2)", "all")}


def main(rounds: int = 7, compile: bool = False) -> None:
    """Measure, print and write.

    Args:
        rounds: rounds of the times.
        compile: also time compiled layers; to compile them takes minutes on a CPU.
    """
    torch.set_num_threads(1)
    timed = {**LAYERS, **({"compiled": Setting({"compile": True})} if compile else {})}
    timed["LoRA of rank 8"] = Setting({"lora": LoraConfig(rank=8)})
    result = {
        "machine": machine(),
        "versions": versions(),
        "seed": 0,
        "bytes_per_parameter": {name: held(setting) for name, setting in PRECISIONS.items()},
        "kept_for_backward": {name: kept(setting) for name, setting in LAYERS.items()},
        "seconds_per_step": seconds(timed, rounds),
    }
    OUT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def learner_of(setting: Setting) -> Learner:
    options: dict[str, Any] = {"dtype": "float32", "device": "cpu", **setting.policy}
    policy = make_policy(checkpoint="", tiny=SHAPE, words=(), image_size=64, seed=0, **options)
    optimizer = OptimizerConfig(name=setting.optimizer, lr=1e-4)
    return Learner(policy, optimizer, max_tokens=LENGTH * ROWS, master_weights=setting.master_weights)


def part(policy: Policy) -> Part:
    """Rows of a picture and text, every token of the text trained."""
    rng, images, rows = np.random.default_rng(0), ImageStore(), []
    for _ in range(ROWS):
        picture = rng.integers(0, 256, (64, 64, 3)).astype(np.uint8)
        prompt = policy.codec.opening([{"role": "user", "content": [{"type": "image", "image": picture}]}])
        text = rng.integers(10, 200, LENGTH - len(prompt.ids)).astype(np.int32)
        ones = np.ones(len(text), np.float32)
        trained = np.arange(len(prompt.ids), LENGTH)
        whole = np.concatenate([prompt.ids, text]).astype(np.int32)
        rows.append(Row(whole, trained, (images.add(picture),), {"weight": ones, "count": ones}))
    return Part(rows, images, likelihood_loss, float(sum(len(row.trained) for row in rows)))


def held(setting: Setting) -> dict[str, float]:
    """Bytes that a step holds, over the number of the model's parameters."""
    learner = learner_of(setting)
    parameters = list(learner.policy.model.parameters())
    count = sum(p.numel() for p in parameters if p.dtype.is_floating_point)
    learner.step([part(learner.policy)])
    learner.accumulate([part(learner.policy)])
    learned = [parameter for _, parameter in learner.named_parameters()]
    gradients = [p.grad for p in {id(p): p for p in [*parameters, *learned]}.values() if p.grad is not None]
    moments = [value for o in learner.optimizers for state in o.state.values() for value in state.values()]
    found = {
        "weights": size(parameters),
        "masters": size(learner.masters.state().values()),
        "gradients": size(gradients),
        "moments": size(value for value in moments if isinstance(value, torch.Tensor)),
    }
    return {name: round(number / count, 2) for name, number in {**found, "all": sum(found.values())}.items()}


def size(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes; of torchao's moments those of their parts."""
    total = 0
    for tensor in tensors:
        parts = [getattr(tensor, name) for name in ("codes", "scale", "qmap")] if hasattr(tensor, "codes") else [tensor]
        total += sum(part.nbytes for part in parts)
    return total


def kept(setting: Setting) -> float:
    """MB of tensors that are kept for a backward pass through the language model."""
    policy = learner_of(setting).policy
    weights = {p.untyped_storage().data_ptr() for p in policy.model.parameters()}
    storages: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    ids, positions = torch.zeros((ROWS, LENGTH), dtype=torch.long), torch.arange(LENGTH).expand(3, ROWS, LENGTH)
    where = torch.zeros(1, dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        policy.token_hidden(ids, positions, [], where, where + 1)
    return round(sum(s.nbytes() for pointer, s in storages.items() if pointer not in weights) / 1e6, 2)


def seconds(settings: dict[str, Setting], rounds: int) -> dict[str, Any]:
    """Processor seconds of a step, each beside the first setting's of its round."""
    steps: dict[str, Callable[[], Any]] = {}
    first: dict[str, float] = {}
    for name, setting in settings.items():
        learner = learner_of(setting)
        steps[name] = functools.partial(learner.step, [part(learner.policy)])
        started = time.perf_counter()
        steps[name]()
        first[name] = time.perf_counter() - started
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            started = time.process_time()
            step()
            taken[name].append(time.process_time() - started)
    reference = np.array(taken[next(iter(steps))])
    found = {}
    for name, own in taken.items():
        ratios = np.array(own) / reference
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        found[name] = {
            "seconds": round(float(np.median(own)), 4),
            "ratio": round(float(middle), 3),
            "quartiles": [round(float(low), 3), round(float(high), 3)],
            "first_step_wall_seconds": round(first[name], 1),
        }
    return found


if __name__ == "__main__":
    tyro.cli(main)
