"""The learner: one optimizer step over a global batch of rows, whatever micro-batches it is cut into.

The vision tower runs once per distinct image of the step. Its outputs are the leaves of every micro-batch's graph;
their gradients are gathered and sent back through the tower in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmgym.agent import ImageFeatures, Policy
from mmgym.learn.losses import LossOutput, TokenBatch
from mmgym.learn.packing import PaddedBatch, Row, micro_batches, pad
from mmgym.trajectory import ImageStore

__all__ = ["GuardError", "Learner", "OptimizerConfig", "check_image_tokens"]


class GuardError(RuntimeError):
    """What the learner sees is not what was sampled. Training on would be training on something else."""


@dataclass(frozen=True)
class OptimizerConfig:
    """The optimizer of one stage."""

    name: str = "adamw"
    """``adamw``, or ``muon``: Muon for the hidden matrices, AdamW for the rest."""
    lr: float = 1e-3
    """Learning rate of AdamW."""
    muon_lr: float = 0.02
    """Learning rate of Muon."""
    warmup_steps: int = 20
    """Steps over which the learning rate rises to its value."""
    decay_from: float = 0.3
    """Share of the stage after which the learning rate falls linearly."""
    final_scale: float = 0.1
    """Where it ends, as a share of the learning rate."""
    max_grad_norm: float = 1.0
    """Gradients are scaled down to this norm."""
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in ("adamw", "muon"):
            raise ValueError(f"optimizer name must be adamw or muon; got {self.name!r}")

    def scale(self, step: int, steps: int) -> float:
        """Learning-rate factor of step `step` (from 0) of `steps`."""
        rise = min(1.0, (step + 1) / max(1, self.warmup_steps))
        fall = min(1.0, (1 - step / steps) / max(1e-9, 1 - self.decay_from))
        return rise * max(self.final_scale, fall)


class Learner:
    """Updates a policy.

    Args:
        policy: the model that learns.
        config: its optimizer.
        temperature: temperature the tokens were sampled at.
        max_tokens: largest padded micro-batch, in tokens.
    """

    def __init__(self, policy: Policy, config: OptimizerConfig, temperature: float = 1.0, max_tokens: int = 8192):
        self.policy, self.config = policy, config
        self.temperature, self.max_tokens = temperature, max_tokens
        self.optimizers = _optimizers(policy.model, config)

    def step(
        self,
        rows: Sequence[Row],
        images: ImageStore,
        loss: Callable[[TokenBatch], LossOutput],
        normaliser: float,
        lr_scale: float = 1.0,
    ) -> dict[str, float]:
        """One optimizer step on the sum of `loss` over all rows, divided by `normaliser`.

        Returns:
            ``loss``, ``grad_norm``, and what the loss reports.

        Raises:
            GuardError: when the images of a row do not fit its ids.
        """
        metrics = self.accumulate(rows, images, loss, normaliser)
        norm = torch.nn.utils.clip_grad_norm_(self.policy.model.parameters(), self.config.max_grad_norm)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["base_lr"] * lr_scale
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return {**metrics, "grad_norm": float(norm)}

    def accumulate(
        self, rows: Sequence[Row], images: ImageStore, loss: Callable[[TokenBatch], LossOutput], normaliser: float
    ) -> dict[str, float]:
        """Add the gradient of the step to the parameters' ``.grad``; see `step`."""
        check_image_tokens(rows, self.policy)
        distinct = {image: index for index, image in enumerate(dict.fromkeys(i for row in rows for i in row.images))}
        features = self.policy.image_features([images[image] for image in distinct]) if distinct else None
        leaves = [layer.detach().requires_grad_() for layer in features.layers] if features else []
        leaf_features = ImageFeatures(leaves, features.sizes) if features else None
        sums: dict[str, float] = {"loss": 0.0}
        for batch_rows in micro_batches(rows, self.max_tokens):
            batch = pad([rows[i] for i in batch_rows], self.policy)
            indices = [distinct[image] for image in batch.images]
            taken = leaf_features.take(indices) if leaf_features and indices else []
            output = loss(self._tokens(batch, taken))
            (output.total / normaliser).backward()
            sums["loss"] += float(output.total.detach()) / normaliser
            for name, value in output.metrics.items():
                if name.startswith("max_"):
                    sums[name] = max(sums.get(name, 0.0), float(value))
                else:
                    sums[name] = sums.get(name, 0.0) + float(value) / normaliser
        used = [(layer, leaf.grad) for layer, leaf in zip(features.layers if features else [], leaves, strict=True)]
        used = [(layer, grad) for layer, grad in used if grad is not None]
        if used:
            torch.autograd.backward([layer for layer, _ in used], [grad for _, grad in used])
        return sums

    @torch.no_grad()
    def logprobs(self, rows: Sequence[Row], images: ImageStore) -> list[np.ndarray]:
        """Log-probabilities of the trained tokens of each row under the current weights, float32 (k,) each."""
        check_image_tokens(rows, self.policy)
        result: list[np.ndarray] = [np.zeros(0, np.float32)] * len(rows)
        for batch_rows in micro_batches(rows, self.max_tokens):
            batch = pad([rows[i] for i in batch_rows], self.policy)
            features = self.policy.image_features([images[image] for image in batch.images]) if batch.images else None
            taken = features.take(range(len(batch.images))) if features else []
            tokens = self._tokens(batch, taken).logprobs.cpu().numpy()
            for index, part in zip(batch_rows, np.split(tokens, np.cumsum([len(rows[i].trained) for i in batch_rows])[:-1]), strict=True):
                result[index] = part
        return result

    def _tokens(self, batch: PaddedBatch, features: Sequence[torch.Tensor]) -> TokenBatch:
        device = next(self.policy.model.parameters()).device
        logits = self.policy.token_logits(
            batch.ids.to(device), batch.positions.to(device), features, batch.rows.to(device), batch.columns.to(device)
        )
        distribution = torch.log_softmax(logits / self.temperature, -1)
        chosen = distribution.gather(1, batch.targets.to(device)[:, None])[:, 0]
        finite = distribution.masked_fill(distribution == float("-inf"), 0.0)
        entropy = -(finite.exp() * finite).sum(-1) if torch.is_grad_enabled() else chosen
        return TokenBatch(chosen, entropy, {name: value.to(device) for name, value in batch.values.items()})

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs of the optimizers."""
        return {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def load_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)


def check_image_tokens(rows: Sequence[Row], policy: Policy) -> None:
    """Guard: the placeholders in a row's ids are those its images produce, and none of them was sampled.

    Raises:
        GuardError: naming both counts.
    """
    placeholder = policy.image_token_id()
    for row in rows:
        where = row.ids == placeholder
        found, expected = int(where.sum()), sum(policy.image_tokens(image) for image in row.images)
        if found != expected:
            raise GuardError(f"a row holds {found} image placeholders but its {len(row.images)} images produce {expected}")
        if where[row.trained].any():
            raise GuardError("a trained token is an image placeholder: placeholders can never be sampled")


def _optimizers(model: torch.nn.Module, config: OptimizerConfig) -> list[torch.optim.Optimizer]:
    matrices, rest = [], []
    for name, parameter in model.named_parameters():
        hidden = parameter.ndim == 2 and any(part in name for part in ("layers.", "blocks.", "merger"))
        (matrices if config.name == "muon" and hidden else rest).append(parameter)
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, lr=config.lr, betas=(0.9, 0.98), weight_decay=config.weight_decay, fused=True)
    ]
    if matrices:
        optimizers.append(
            torch.optim.Muon(
                matrices, lr=config.muon_lr, weight_decay=config.weight_decay, momentum=0.95, ns_steps=3, adjust_lr_fn="original"
            )
        )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["base_lr"] = group["lr"]
    return optimizers
