"""The critic of PPO: a copy of the policy whose last hidden state before each sampled token is read as a value."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from mmgym.agent import Policy
from mmgym.learn.distributed import World
from mmgym.learn.features import MAX_TOKENS
from mmgym.learn.learner import Learner, Part
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.learn.packing import MicroBatch, Row
from mmgym.learn.played import Played, evaluate
from mmgym.learn.sharding import as_sharded
from mmgym.learn.value_loss import ValueBatch, value_loss
from mmgym.trajectory import ImageStore

__all__ = ["Critic", "CriticConfig"]


@dataclass(frozen=True)
class CriticConfig:
    """The critic, for the estimators that read values."""

    warmup: int = 5
    """Iterations at the start in which the critic alone learns."""
    minibatches: int = 2
    """Optimizer steps in an iteration."""
    clip: float = 0.0
    """How far a value may move in an iteration; 0 sets no limit."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)

    def __post_init__(self) -> None:
        if self.warmup < 0:
            raise ValueError(f"warmup must be at least 0; got {self.warmup}")
        if self.minibatches < 1:
            raise ValueError(f"minibatches must be at least 1; got {self.minibatches}")
        if not 0 <= self.clip < math.inf:
            raise ValueError(f"clip must be at least 0; got {self.clip}")


class Critic(Learner):
    """Learns what follows from each sampled token on.

    Args:
        policy: the model that acts; the critic starts from a copy of it, and from the value 0 everywhere.
        config: how it learns.
        max_tokens: largest micro-batch, in tokens, padding included.
        world: the processes that learn together.
        master_weights: as of `Learner`.
        layout: as of `Learner`.
        max_image_tokens: as of `Learner`.
    """

    def __init__(
        self,
        policy: Policy,
        config: CriticConfig,
        max_tokens: int,
        world: World,
        master_weights: bool = True,
        layout: str = "padded",
        max_image_tokens: int = MAX_TOKENS,
    ):
        copy = policy.clone()
        weight = next(copy.model.parameters())
        self.head = torch.nn.Linear(copy.hidden_size, 1, device=weight.device)
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)
        sharded = as_sharded(copy)
        if sharded:
            sharded.shard(self.head)
        self.settings = config
        super().__init__(
            copy,
            config.optimizer,
            max_tokens=max_tokens,
            world=world,
            master_weights=master_weights,
            layout=layout,
            max_image_tokens=max_image_tokens,
        )

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """Those of the copy, and the head's."""
        head = [(f"value_head.{name}", parameter) for name, parameter in self.head.named_parameters()]
        return [*super().named_parameters(), *head]

    def read(self, batch: MicroBatch, features: Sequence[torch.Tensor]) -> Any:
        """What the loss sees of a micro-batch: a `ValueBatch`."""
        predictions = self._values(batch, self.hidden(batch, features))
        return ValueBatch(predictions, {name: value.to(predictions.device) for name, value in batch.values.items()})

    def values(self, played: Sequence[Played], images: ImageStore) -> list[np.ndarray]:
        """The value before each sampled token; of each trajectory float32 (sampled tokens,)."""
        return evaluate(played, images, lambda rows, store: self.evaluate(rows, store, self._values))

    def fit(
        self,
        played: Sequence[Played],
        images: ImageStore,
        old: Sequence[np.ndarray],
        targets: Sequence[np.ndarray],
        rng: np.random.Generator,
        lr_scale: float,
    ) -> dict[str, float]:
        """The optimizer steps of one iteration.

        Args:
            played: this process's trajectories.
            images: their pictures.
            old: what `values` gave.
            targets: what the values should be, float32 (sampled tokens,) each.
            rng: deals the trajectories out to the steps.
            lr_scale: factor on the learning rate.

        Returns:
            ``value_error`` (mean squared error before each step), ``value_explained`` (share of the targets' variance),
            ``value_grad_norm`` and, with a clip, ``value_clip_fraction`` (share of tokens), means over the steps.
        """
        count = self.settings.minibatches
        place = rng.permutation(len(played)) % count
        clip = self.settings.clip or math.inf
        found = []
        for number in range(count):
            rows: list[Row] = []
            for index in np.flatnonzero(place == number).tolist():
                rows += _value_rows(played[index], old[index], targets[index])
            tokens = self.world.sum(float(sum(len(row.trained) for row in rows)))
            if tokens:
                found.append(
                    self.step([Part(rows, images, functools.partial(value_loss, clip=clip), tokens)], lr_scale)
                )
        mean = {name: float(np.mean([metrics[name] for metrics in found])) for name in found[0]}
        variance = mean["target_squared"] - mean["target"] ** 2
        return {
            "value_error": mean["value_error"],
            "value_explained": 1 - mean["value_error"] / variance if variance > 1e-12 else 0.0,
            "value_grad_norm": mean["grad_norm"],
            **({"value_clip_fraction": mean["value_clip_fraction"]} if self.settings.clip else {}),
        }

    def _values(self, batch: MicroBatch, hidden: torch.Tensor) -> torch.Tensor:
        return self.head(hidden.float())[:, 0]

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs: weights and optimizers."""
        return {**super().state(), "model": self.policy.weights(), "head": self.head.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        super().load_state(state)
        self.policy.load_weights(state["model"])
        self.head.load_state_dict(state["head"])


def _value_rows(one: Played, old: np.ndarray, targets: np.ndarray) -> list[Row]:
    ones = np.ones(len(old), np.float32)
    values = {"old_value": old, "target": targets, "weight": ones, "count": ones}
    return replace(one, values=values).rows()
