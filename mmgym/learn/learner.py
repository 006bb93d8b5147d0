"""The learner: one optimizer step over a global batch of rows, whatever micro-batches it is cut into.

The vision tower runs once per distinct image of the step. Its outputs are the leaves of every micro-batch's graph;
their gradients are gathered and sent back through the tower in the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mmgym.agent import ImageFeatures, Policy
from mmgym.learn.decisions import Decisions
from mmgym.learn.distributed import World
from mmgym.learn.losses import LossOutput, TokenBatch
from mmgym.learn.packing import PaddedBatch, Row, micro_batches, pad
from mmgym.trajectory import ImageStore

__all__ = ["GuardError", "Learner", "OptimizerConfig", "Part", "check_image_tokens"]


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
    beta2: float = 0.98
    """AdamW's decay of squared gradients."""
    weight_decay: float = 0.0
    """Weight decay."""

    def __post_init__(self) -> None:
        if self.name not in ("adamw", "muon"):
            raise ValueError(f"optimizer name must be adamw or muon; got {self.name!r}")
        for name in ("lr", "muon_lr", "max_grad_norm"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)}")
        for name in ("decay_from", "final_scale", "beta2"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1; got {getattr(self, name)}")
        for name in ("warmup_steps", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0; got {getattr(self, name)}")

    def scale(self, step: int, steps: int) -> float:
        """Learning-rate factor of step `step` (from 0) of `steps`."""
        rise = min(1.0, (step + 1) / max(1, self.warmup_steps))
        fall = min(1.0, (1 - step / steps) / max(1e-9, 1 - self.decay_from))
        return rise * max(self.final_scale, fall)


@dataclass
class Part:
    """Rows of one optimizer step that share a loss."""

    rows: Sequence[Row]
    images: ImageStore
    loss: Callable[[Any], LossOutput]
    """Of what `Learner` (a `TokenBatch`) or `mmgym.learn.critic.Critic` (a `ValueBatch`) makes of a micro-batch."""
    normaliser: float
    """What the sum of the loss over the rows of all processes is divided by."""


class Learner:
    """Updates a policy.

    Args:
        policy: the model that learns.
        config: its optimizer.
        temperature: temperature the tokens were sampled at.
        max_tokens: largest padded micro-batch, in tokens.
        world: the processes that learn together.
        decisions: where valid answers part; the entropy is then that of the choice there, and 0 elsewhere.
    """

    def __init__(
        self,
        policy: Policy,
        config: OptimizerConfig,
        temperature: float = 1.0,
        max_tokens: int = 16384,
        world: World | None = None,
        decisions: Decisions | None = None,
    ):
        self.decisions = decisions
        self.policy, self.config, self.world = policy, config, world or World()
        self.temperature, self.max_tokens = temperature, max_tokens
        self.optimizers = _optimizers(self.named_parameters(), config)

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """What is learned."""
        return list(self.policy.model.named_parameters())

    def step(self, parts: Sequence[Part], lr_scale: float = 1.0) -> dict[str, float]:
        """One optimizer step on the sum of all parts, over all processes.

        Returns:
            ``loss``, ``grad_norm``, and what the losses report.

        Raises:
            GuardError: when the images of a row do not fit its ids, or the gradient is not finite; the weights are
                then as they were.
        """
        metrics = self.accumulate(parts)
        parameters = [parameter for _, parameter in self.named_parameters()]
        self.world.sum_gradients(parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, self.config.max_grad_norm))
        if not math.isfinite(norm):
            raise GuardError(
                f"the norm of the gradient is {norm}: a step would spoil every weight (a lower lr may help)"
            )
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["base_lr"] * lr_scale
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return {**_sum_metrics(self.world.gather(metrics)), "grad_norm": norm}

    def accumulate(self, parts: Sequence[Part]) -> dict[str, float]:
        """Add this process's gradient of the step to the parameters' ``.grad``; returns its share of the metrics."""
        metrics: list[dict[str, float]] = [{"loss": 0.0}]
        for part in parts:
            if part.rows:
                check_image_tokens(part.rows, self.policy)
                metrics.append(self._accumulate(part))
        return _sum_metrics(metrics)

    def _accumulate(self, part: Part) -> dict[str, float]:
        distinct = {
            image: index for index, image in enumerate(dict.fromkeys(i for row in part.rows for i in row.images))
        }
        features = self.policy.image_features([part.images[image] for image in distinct]) if distinct else None
        leaves = [layer.detach().requires_grad_() for layer in features.layers] if features else []
        leaf_features = ImageFeatures(leaves, features.sizes) if features else None
        metrics: list[dict[str, float]] = []
        for batch_rows in micro_batches(part.rows, self.max_tokens):
            batch = pad([part.rows[i] for i in batch_rows], self.policy)
            indices = [distinct[image] for image in batch.images]
            taken = leaf_features.take(indices) if leaf_features and indices else []
            output = part.loss(self.read(batch, taken))
            (output.total / part.normaliser).backward()
            shares = {
                name: float(value) if name.startswith("max_") else float(value) / part.normaliser
                for name, value in output.metrics.items()
            }
            metrics.append({"loss": float(output.total.detach()) / part.normaliser, **shares})
        used = [(layer, leaf.grad) for layer, leaf in zip(features.layers if features else [], leaves, strict=True)]
        used = [(layer, grad) for layer, grad in used if grad is not None]
        if used:
            torch.autograd.backward([layer for layer, _ in used], [grad for _, grad in used])
        return _sum_metrics(metrics)

    @torch.no_grad()
    def predictions(self, rows: Sequence[Row], images: ImageStore) -> list[np.ndarray]:
        """The likeliest id at each trained token, given the true ids before it; int64 (k,) for each row."""
        return self.evaluate(rows, images, lambda batch, features: self._logits(batch, features).argmax(-1))

    @torch.no_grad()
    def logprobs(self, rows: Sequence[Row], images: ImageStore) -> list[np.ndarray]:
        """Log-probabilities of the trained tokens under the current weights; float32 (k,) for each row."""

        def scores(batch: PaddedBatch, features: Sequence[torch.Tensor]) -> torch.Tensor:
            logits = self._logits(batch, features)
            distribution = torch.log_softmax(logits / self.temperature, -1)
            return distribution.gather(1, batch.targets.to(logits.device)[:, None])[:, 0]

        return self.evaluate(rows, images, scores)

    @torch.no_grad()
    def evaluate(
        self,
        rows: Sequence[Row],
        images: ImageStore,
        function: Callable[[PaddedBatch, Sequence[torch.Tensor]], torch.Tensor],
    ) -> list[np.ndarray]:
        """A number for each trained token; (k,) for each row.

        Args:
            rows: the rows.
            images: their pictures.
            function: from a micro-batch and its image features to (k,).
        """
        check_image_tokens(rows, self.policy)
        result: list[np.ndarray] = [np.zeros(0)] * len(rows)
        for batch_rows in micro_batches(rows, self.max_tokens):
            batch = pad([rows[i] for i in batch_rows], self.policy)
            features = self.policy.image_features([images[image] for image in batch.images]) if batch.images else None
            taken = features.take(range(len(batch.images))) if features else []
            values = function(batch, taken).cpu().numpy()
            ends = np.cumsum([len(rows[i].trained) for i in batch_rows])[:-1]
            for index, part in zip(batch_rows, np.split(values, ends), strict=True):
                result[index] = part
        return result

    def _logits(self, batch: PaddedBatch, features: Sequence[torch.Tensor]) -> torch.Tensor:
        device = next(self.policy.model.parameters()).device
        ids, positions, rows, columns = (t.to(device) for t in (batch.ids, batch.positions, batch.rows, batch.columns))
        return self.policy.token_logits(ids, positions, features, rows, columns)

    def read(self, batch: PaddedBatch, features: Sequence[torch.Tensor]) -> Any:
        """What the loss sees of a micro-batch: a `TokenBatch`."""
        logits = self._logits(batch, features)
        distribution = torch.log_softmax(logits / self.temperature, -1)
        chosen = distribution.gather(1, batch.targets.to(logits.device)[:, None])[:, 0]
        values = _on(logits.device, batch.values)
        if self.decisions and "decision" in values:
            entropy = torch.zeros_like(chosen)
            for number, ids in enumerate(self.decisions.sets[1:], start=1):
                here = (values["decision"] == number).nonzero()[:, 0]
                options = distribution[here][:, torch.from_numpy(ids).to(here.device)]
                entropy = entropy.index_copy(0, here, _entropy(torch.log_softmax(options, -1)))
        else:
            entropy = _entropy(distribution)
        return TokenBatch(chosen, entropy, values)

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
            raise GuardError(
                f"a row holds {found} image placeholders but its {len(row.images)} images produce {expected}"
            )
        if where[row.trained].any():
            raise GuardError("a trained token is an image placeholder: placeholders can never be sampled")


def _entropy(distribution: torch.Tensor) -> torch.Tensor:
    """Entropy of each row of log-probabilities; options of probability 0 add nothing."""
    finite = distribution.masked_fill(distribution == float("-inf"), 0.0)
    return -(distribution.exp() * finite).sum(-1)


def _sum_metrics(parts: Sequence[dict[str, float]]) -> dict[str, float]:
    """Add up by name; names that start with ``max_`` take the largest."""
    total: dict[str, float] = {}
    for part in parts:
        for name, value in part.items():
            seen = total.get(name, 0.0)
            # np.maximum, unlike max, keeps what is not a number: a guard must see it
            total[name] = float(np.maximum(seen, value)) if name.startswith("max_") else seen + value
    return total


def _on(device: torch.device, values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.to(device) for name, value in values.items()}


def _optimizers(
    named: Sequence[tuple[str, torch.nn.Parameter]], config: OptimizerConfig
) -> list[torch.optim.Optimizer]:
    matrices: list[torch.nn.Parameter] = []
    rest: list[torch.nn.Parameter] = []
    for name, parameter in named:
        hidden = parameter.ndim == 2 and any(part in name for part in ("layers.", "blocks.", "merger"))
        (matrices if config.name == "muon" and hidden else rest).append(parameter)
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(rest, lr=config.lr, betas=(0.9, config.beta2), weight_decay=config.weight_decay, fused=True)
    ]
    if matrices:
        optimizers.append(
            torch.optim.Muon(
                matrices,
                lr=config.muon_lr,
                weight_decay=config.weight_decay,
                momentum=0.95,
                ns_steps=3,
                adjust_lr_fn="original",
            )
        )
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["base_lr"] = group["lr"]
    return optimizers
