"""TRL's `GRPOTrainer` on the same batch: its own training step on ids, pixels and advantages that are there already.

Left out are its rollout, its processor and its dataset: the trainer gets what it makes of them, on the device. Its
gradients are clipped and its optimizer steps as in `transformers.Trainer`. Not its default, but faster: weights in
bfloat16 without float32 copies.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from benchmarks.learner_step.batch import Batch

__all__ = ["make_step", "version"]


def version() -> str:
    """The version of TRL.

    Raises:
        ImportError: when it cannot be imported here.
    """
    import trl

    return str(trl.__version__)


def make_step(
    model: Any, tokenizer: Any, processor: Any, batch: Batch, trajectories: int, checkpointing: bool
) -> Callable[[], float]:
    """A function that takes one optimizer step on the batch and returns the loss.

    Args:
        model: a model as transformers makes it; what of it learns has been set.
        tokenizer: its tokenizer.
        processor: its image processor.
        batch: what is learned from.
        trajectories: of a micro-batch; a divisor of those of the batch.
        checkpointing: whether layers are run again in the backward pass.
    """
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    class Trainer(GRPOTrainer):
        """Takes batches as they are."""

        def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
            return inputs

    device, rows = model.device, len(batch.rows)
    with tempfile.TemporaryDirectory() as folder:
        config = GRPOConfig(
            output_dir=folder,
            per_device_train_batch_size=trajectories,
            gradient_accumulation_steps=rows // trajectories,
            num_generations=rows,
            learning_rate=1e-6,
            max_grad_norm=1.0,
            bf16=device.type == "cuda",
            use_cpu=device.type == "cpu",
            gradient_checkpointing=checkpointing,
            report_to=[],
            optim="adamw_torch_fused",
        )
        trainer = Trainer(
            model,
            reward_funcs=lambda completions, **_: [0.0] * len(completions),
            args=config,
            train_dataset=Dataset.from_dict({"prompt": ["."] * rows}),
            processing_class=tokenizer,
        )
    trainer.current_gradient_accumulation_steps = rows // trajectories
    trainer.create_optimizer()
    if checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    micro_batches = list(_micro_batches(model, processor, batch, trajectories))

    def step() -> float:
        losses = [trainer.training_step(trainer.model, micro_batch, None) for micro_batch in micro_batches]
        torch.nn.utils.clip_grad_norm_([p for p in trainer.model.parameters() if p.requires_grad], 1.0)
        trainer.optimizer.step()
        trainer.model.zero_grad(set_to_none=True)
        return float(sum(losses))

    return step


def _micro_batches(model: Any, processor: Any, batch: Batch, trajectories: int) -> Iterator[dict[str, Any]]:
    """What the trainer's own preparation would give: prompts of one turn, and all else as the completion."""
    device, total = model.device, torch.tensor(float(batch.trained), device=model.device)
    for start in range(0, len(batch.rows), trajectories):
        rows = batch.rows[start : start + trajectories]
        first = min(int(row.trained[0]) for row in rows)
        ids = _padded([row.ids for row in rows])
        mask = _padded([np.ones(len(row.ids), np.int64) for row in rows])
        trained = np.zeros_like(ids)
        behaviour = np.zeros(ids.shape, np.float32)
        for index, row in enumerate(rows):
            trained[index, row.trained] = 1
            behaviour[index, row.trained] = row.values["behaviour"]
        pixels = processor(images=[batch.images[i] for row in rows for i in row.images], return_tensors="pt")
        numbers = {
            "prompt_ids": ids[:, :first],
            "prompt_mask": mask[:, :first],
            "completion_ids": ids[:, first:],
            "completion_mask": mask[:, first:],
            "tool_mask": trained[:, first:],
            "old_per_token_logps": behaviour[:, first:],
            "advantages": np.array([row.values["positive"][0] + row.values["negative"][0] for row in rows]),
            "mm_token_type_ids": (ids == model.config.image_token_id).astype(np.int64),
        }
        yield {
            **{name: torch.from_numpy(value).to(device) for name, value in numbers.items()},
            "pixel_values": pixels["pixel_values"].to(device, model.dtype),
            "image_grid_thw": pixels["image_grid_thw"].to(device),
            "num_images": [len(row.images) for row in rows],
            "num_items_in_batch": total,
        }


def _padded(rows: list[np.ndarray]) -> np.ndarray:
    result = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for index, row in enumerate(rows):
        result[index, : len(row)] = row
    return result
