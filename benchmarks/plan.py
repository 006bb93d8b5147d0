"""The planner beside measurements, on this machine's CPU: bytes that are alive in a step, and its seconds.

    python benchmarks/plan.py         # minutes

Models of 0.2 to 30 million weights of both classes, random, take steps of the learner on random trajectories. Bytes
are counted while a step runs (`mmgym.plan.count.Counter`) and compared with what the planner says of the same
micro-batches. Seconds of one thread are compared with its roofline, for which a matrix product and a copy are timed
before and after each row: all are of one run, and the ratio is what is worth reading.
"""

from __future__ import annotations

import json
import logging
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.learner_step.batch import Batch, make_batch
from benchmarks.learner_step.clock import Ceilings, ceilings, timed
from benchmarks.learner_step.ours import Options, make_learner, step
from benchmarks.peers import ROOT, machine
from mmgym.learn.policy_config import LoraConfig
from mmgym.learn.summary import versions
from mmgym.plan import Gpu, Training, Variant, Workload, plan_variant
from mmgym.plan.count import Counter
from mmgym.plan.roofline import seconds, step_work
from mmgym_agents.adapters import add_adapters
from mmgym_agents.layers import arrange_layers
from mmgym_agents.parts import freeze
from mmgym_agents.shapes import shape_of
from mmgym_agents.tiny import TinyConfig, build_tiny_vlm
from mmgym_agents.vlm import VLM

MODELS: dict[str, dict[str, Any]] = {
    "qwen3_vl, small": {"family": "qwen3_vl", "patch_size": 16, "image_size": 128},
    "qwen2_5_vl, medium": {
        "family": "qwen2_5_vl",
        "patch_size": 14,
        "image_size": 112,
        "hidden_size": 256,
        "intermediate_size": 768,
        "layers": 5,
        "vision_hidden_size": 128,
        "vision_depth": 2,
    },
    "qwen3_vl, large": {
        "family": "qwen3_vl",
        "patch_size": 16,
        "image_size": 128,
        "hidden_size": 512,
        "heads": 8,
        "intermediate_size": 1536,
        "layers": 6,
        "vision_hidden_size": 256,
        "vision_depth": 4,
    },
}
"""Fields of `TinyConfig`."""
RANK = 8
WAYS = {
    "full": Options(checkpoint_layers="none"),
    "full, checkpointed": Options(),
    "frozen tower": Options(frozen_vision=True, cached=False, checkpoint_layers="none"),
    "LoRA": Options(frozen_vision=True, cached=False, lora_rank=RANK, checkpoint_layers="none"),
}
"""Ways to learn, packed; a frozen tower runs in each step, forward only."""


@dataclass(frozen=True)
class Arguments:
    """Options of the comparison."""

    repeats: int = 2
    """Timed steps of each row, after one to warm up."""
    trajectories: int = 8
    """Trajectories of a step, of three turns each."""
    seed: int = 0
    """Seed of weights and trajectories."""
    output: Path = ROOT / "benchmarks" / "results" / "plan.json"
    """Where the result is written."""


def main(arguments: Arguments) -> dict[str, Any]:
    """Measure all rows; returns the result."""
    torch.set_num_threads(1)
    result: dict[str, Any] = {"machine": machine(), "versions": versions(), "seed": arguments.seed, "rows": []}
    for name, config in MODELS.items():
        for way, options in WAYS.items():
            row = {"model": name, "way": way, **measure(config, options, arguments)}
            logging.info("%s", row)
            result["rows"].append(row)
            _write(result, arguments.output)
    return result


def _write(result: dict[str, Any], output: Path) -> None:
    """Write what there is so far, and how far measured and predicted are apart."""
    for kind in ("bytes", "seconds"):
        ratios = [row[kind]["measured"] / row[kind]["predicted"] for row in result["rows"]]
        result[f"{kind}_measured_over_predicted"] = {
            "least": round(min(ratios), 3),
            "median": round(statistics.median(ratios), 3),
            "most": round(max(ratios), 3),
        }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=2) + "\n")


def measure(config: dict[str, Any], options: Options, arguments: Arguments) -> dict[str, Any]:
    """One model, one way to learn."""
    policy = build_tiny_vlm(TinyConfig(seed=arguments.seed, **config))
    shape = shape_of(policy.model.config, "model", "float32")
    if options.frozen_vision:
        freeze(policy.model, ["vision"])
    if options.lora_rank:
        add_adapters(policy.model, LoraConfig(rank=options.lora_rank), seed=0)
    arrange_layers(policy.model, options.checkpoint_layers)
    side = config["image_size"]
    workload = Workload(arguments.trajectories, 3, side, side, prompt=40, answer=20)
    batch = make_batch(policy, workload, arguments.seed)
    learner = make_learner(policy, options, batch.tokens // 2)
    before = ceilings("cpu", torch.float32)
    timing = timed(lambda: step(learner, batch), arguments.repeats, "cpu")
    after = ceilings("cpu", torch.float32)
    reached = Ceilings(max(before.tflops, after.tflops), max(before.tb_per_s, after.tb_per_s))
    gpu = Gpu("cpu", 1.0, reached.tflops, reached.tb_per_s, measured=True)
    variant = Variant("", bool(options.lora_rank), options.frozen_vision, options.checkpoint_layers != "none")
    training = Training(lora_rank=RANK, max_logits=batch.trained // 2 * shape.vocabulary_size)
    work = step_work(shape, variant, training, workload.tokens(shape, 3), micro_batches=2)
    counted = _alive(policy, learner, batch)
    planned = plan_variant(shape, Gpu("any", 64.0), workload, training, variant)
    return {
        "parameters": shape.parameters,
        "tokens": batch.tokens,
        "ceilings": asdict(reached),
        "bytes": {"measured": counted, "predicted": round(planned.peak(batch.tokens // 2))},
        "seconds": {
            "measured": round(timing.best, 4),
            "predicted": round(seconds(work, gpu, element_wise=True), 4),
            "products_only": round(seconds(work, gpu), 4),
        },
    }


def _alive(policy: VLM, learner: Any, batch: Batch) -> int:
    """Most bytes alive at a time in a step: what is there before it, and what comes."""
    there = {id(t): t for t in [*policy.model.parameters(), *policy.model.buffers()]}
    state = [value for o in learner.optimizers for s in o.state.values() for value in s.values()]
    tensors = [*there.values(), *(value for value in state if isinstance(value, torch.Tensor))]
    before = sum(tensor.nbytes for tensor in tensors)
    with Counter(tensors) as counter:
        step(learner, batch)
    return before + counter.peak


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    table = Table("model", "way", "weights", "MiB", "planned", "ratio", "s", "roofline", "ratio")
    for row in result["rows"]:
        size, time = row["bytes"], row["seconds"]
        table.add_row(
            row["model"],
            row["way"],
            f"{row['parameters'] / 1e6:.1f} M",
            f"{size['measured'] / 2**20:.1f}",
            f"{size['predicted'] / 2**20:.1f}",
            f"{size['measured'] / size['predicted']:.2f}",
            f"{time['measured']:.3f}",
            f"{time['predicted']:.3f}",
            f"{time['measured'] / time['predicted']:.2f}",
        )
    Console().print(table)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    show(main(tyro.cli(Arguments, description=__doc__)))
