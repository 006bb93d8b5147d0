"""The learner: one optimizer step over a global batch of rows, whatever micro-batches it is cut into.

The vision tower runs once per distinct image of the step. Its outputs are the leaves of every micro-batch's graph;
their gradients are summed in float32 and sent back through the tower in the end. The output head runs on trained tokens
only, and where their logits would be large, on a chunk of them at a time.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
import torch

from mmgym.agent import ImageFeatures, Policy
from mmgym.learn.decisions import Decisions
from mmgym.learn.distributed import World
from mmgym.learn.features import MAX_TOKENS, FeatureCache
from mmgym.learn.head import by_chunks
from mmgym.learn.losses import LossOutput, TokenBatch
from mmgym.learn.master_weights import GradientSum, MasterWeights
from mmgym.learn.optimizers import OptimizerConfig, make_optimizers
from mmgym.learn.packing import MicroBatch, Row, micro_batches, pack, packed_batches, pad
from mmgym.learn.sharding import as_sharded, whole_tensor
from mmgym.trajectory import ImageStore

__all__ = ["GuardError", "Learner", "OptimizerConfig", "Part", "check_image_tokens", "prepare_packing"]

logger = logging.getLogger(__name__)
T = TypeVar("T")


class GuardError(RuntimeError):
    """What the learner sees is not what was sampled. Training on would be training on something else."""


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
        max_tokens: largest micro-batch, in tokens, padding included.
        world: the processes that learn together.
        decisions: where valid answers part; the entropy is then that of the choice there, and 0 elsewhere.
        master_weights: whether weights below float32 are learned as float32 copies.
        layout: how rows are laid out in a micro-batch: ``padded``, ``packed``, or ``auto`` (packed where the policy can
            be).
        max_image_tokens: most tokens of images that the vision tower reads at once. A tower that learns from more runs
            again in the backward pass.

    Raises:
        ValueError: for ``packed`` where the policy cannot be.
    """

    max_logits = 1 << 26
    """Most logits at once (256 MiB in float32): 441 tokens of a vocabulary of 152,000."""

    def __init__(
        self,
        policy: Policy,
        config: OptimizerConfig,
        temperature: float = 1.0,
        max_tokens: int = 16384,
        world: World | None = None,
        decisions: Decisions | None = None,
        master_weights: bool = True,
        layout: str = "padded",
        max_image_tokens: int = MAX_TOKENS,
    ):
        self.decisions, self.layout = decisions, layout
        self.sharded = as_sharded(policy)
        self.policy, self.config, self.world = policy, config, world or World()
        self.temperature, self.max_tokens = temperature, max_tokens
        self.packed = layout != "padded" and prepare_packing(policy, layout)
        self.features = FeatureCache(policy, max_tokens=max_image_tokens)
        self.masters = MasterWeights(self._learned() if master_weights else [])
        self.optimizers = make_optimizers(self.named_parameters(), config)

    def named_parameters(self) -> list[tuple[str, torch.nn.Parameter]]:
        """What is learned: weights that are not frozen, or their float32 copies."""
        return [(name, self.masters.of(name, parameter)) for name, parameter in self._learned()]

    def _learned(self) -> list[tuple[str, torch.nn.Parameter]]:
        return [named for named in self.policy.model.named_parameters() if named[1].requires_grad]

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
        if not self.sharded:  # else they are summed as they are made
            self.world.sum_gradients(parameters)
        norm = float(whole_tensor(torch.nn.utils.clip_grad_norm_(parameters, self.config.max_grad_norm)))
        if not math.isfinite(norm):
            raise GuardError(
                f"the norm of the gradient is {norm}: a step would spoil every weight (a lower lr may help)"
            )
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["base_lr"] * lr_scale
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.masters.publish()
        return {**_sum_metrics(self.world.gather(metrics)), "grad_norm": norm}

    def accumulate(self, parts: Sequence[Part]) -> dict[str, float]:
        """Add this process's gradient of the step to the parameters' ``.grad``; returns its share of the metrics."""
        metrics: list[dict[str, float]] = [{"loss": 0.0}]
        with self.masters.gathering():
            for part in parts:
                if part.rows or self.sharded:
                    check_image_tokens(part.rows, self.policy)
                    metrics.append(self._accumulate(part))
        return _sum_metrics(metrics)

    def _accumulate(self, part: Part) -> dict[str, float]:
        distinct = {
            image: index for index, image in enumerate(dict.fromkeys(i for row in part.rows for i in row.images))
        }
        features = self.features.of(list(distinct), part.images) if distinct or self.sharded else None
        leaves = [layer.detach().requires_grad_(layer.requires_grad) for layer in features.layers] if features else []
        leaf_features = ImageFeatures(leaves, features.sizes) if features else None
        sums = [GradientSum(leaf) for leaf in leaves]
        metrics: list[dict[str, float]] = []
        for batch_rows, batch in self._micro_batches(part.rows):
            indices = [distinct[image] for image in batch.images]
            taken = leaf_features.take(indices) if leaf_features and indices else []
            seen = self._run(self.read, batch, taken)
            if not batch_rows:
                _nothing_of(seen).backward()
                continue
            output = part.loss(seen)
            (output.total / part.normaliser).backward()
            shares = {
                name: float(value) if name.startswith("max_") else float(value) / part.normaliser
                for name, value in output.metrics.items()
            }
            metrics.append({"loss": float(output.total.detach()) / part.normaliser, **shares})
        grads = [found.of(leaf) for found, leaf in zip(sums, leaves, strict=True)]
        if self.sharded:  # the tower runs backwards in all processes
            pairs = zip(grads, leaves, strict=True)
            grads = [torch.zeros_like(leaf) if grad is None and leaf.requires_grad else grad for grad, leaf in pairs]
        layers = zip(features.layers if features else [], grads, strict=True)
        used = [(layer, grad) for layer, grad in layers if grad is not None]
        if used:
            torch.autograd.backward([layer for layer, _ in used], [grad for _, grad in used])
        return _sum_metrics(metrics)

    def _micro_batches(self, rows: Sequence[Row]) -> Iterator[tuple[list[int], MicroBatch]]:
        """The micro-batches of rows, with the indices of the rows in each.

        With sharded weights there are as many as in any other process, the last ones with a made-up row and no indices.
        """
        cut, lay_out = micro_batches(rows, self.max_tokens), pad
        if self.packed:
            cut, lay_out = packed_batches(rows, self.max_tokens, self.policy.hidden_size), pack
        idle = max(self.world.gather(len(cut))) - len(cut) if self.sharded else 0
        for indices in cut:
            yield indices, lay_out([rows[i] for i in indices], self.policy)
        for _ in range(idle):
            yield [], lay_out([Row(np.zeros(2, np.int32), np.array([1]), (), {})], self.policy)

    def _run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call what runs a part of the model."""
        return self.sharded.run(function, *arguments) if self.sharded else function(*arguments)

    def predictions(self, rows: Sequence[Row], images: ImageStore) -> list[np.ndarray]:
        """The likeliest id at each trained token, given the true ids before it; int64 (k,) for each row."""

        def likeliest(hidden: torch.Tensor) -> tuple[torch.Tensor]:
            return (self.policy.logits(hidden).argmax(-1),)

        return self.evaluate(rows, images, lambda batch, hidden: self._by_chunks(likeliest, hidden)[0])

    def logprobs(self, rows: Sequence[Row], images: ImageStore) -> list[np.ndarray]:
        """Log-probabilities of the trained tokens under the current weights; float32 (k,) for each row."""

        def scores(hidden: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor]:
            return (self._distribution(hidden).gather(1, targets[:, None])[:, 0],)

        return self.evaluate(
            rows, images, lambda batch, hidden: self._by_chunks(scores, hidden, batch.targets.to(hidden.device))[0]
        )

    @torch.no_grad()
    def evaluate(
        self,
        rows: Sequence[Row],
        images: ImageStore,
        function: Callable[[MicroBatch, torch.Tensor], torch.Tensor],
    ) -> list[np.ndarray]:
        """A number for each trained token; (k,) for each row.

        Args:
            rows: the rows.
            images: their pictures.
            function: from a micro-batch and the hidden states that predict its trained tokens, (k, hidden), to (k,).
        """

        def scored(batch: MicroBatch, features: Sequence[torch.Tensor]) -> torch.Tensor:
            return function(batch, self.hidden(batch, features))

        check_image_tokens(rows, self.policy)
        result: list[np.ndarray] = [np.zeros(0)] * len(rows)
        cache = self.features.while_weights_stay(images, [image for row in rows for image in row.images])
        for batch_rows, batch in self._micro_batches(rows):
            distinct = {image: index for index, image in enumerate(dict.fromkeys(batch.images))}
            features = cache.of(list(distinct), images) if distinct or self.sharded else None
            taken = features.take([distinct[i] for i in batch.images]) if features and distinct else []
            values = self._run(scored, batch, taken).cpu().numpy()
            if not batch_rows:
                continue
            ends = np.cumsum([len(rows[i].trained) for i in batch_rows])[:-1]
            for index, part in zip(batch_rows, np.split(values, ends), strict=True):
                result[index] = part
        return result

    def hidden(self, batch: MicroBatch, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """The hidden states that predict the trained tokens of a micro-batch: (k, hidden)."""
        device = next(self.policy.model.parameters()).device
        ids, positions, rows, columns = (t.to(device) for t in (batch.ids, batch.positions, batch.rows, batch.columns))
        return self.policy.token_hidden(ids, positions, features, rows, columns)

    def read(self, batch: MicroBatch, features: Sequence[torch.Tensor]) -> Any:
        """What the loss sees of a micro-batch: a `TokenBatch`."""
        hidden = self.hidden(batch, features)
        values = {name: value.to(hidden.device) for name, value in batch.values.items()}
        inputs = [hidden, batch.targets.to(hidden.device)]
        if self.decisions and "decision" in values:
            inputs.append(values["decision"])
        logprobs, entropy = self._by_chunks(self._score, *inputs)
        return TokenBatch(logprobs, entropy, values)

    def _by_chunks(
        self, function: Callable[..., tuple[torch.Tensor, ...]], *tensors: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        return by_chunks(function, tensors, self.policy.vocabulary_size, self.max_logits)

    def _distribution(self, hidden: torch.Tensor) -> torch.Tensor:
        """Log-probabilities (k, vocabulary) in float32."""
        return torch.log_softmax(self.policy.logits(hidden) / self.temperature, -1)

    def _score(
        self, hidden: torch.Tensor, targets: torch.Tensor, decision: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probability of each target, and entropy; with `decision` that of the choice where it names one."""
        distribution = self._distribution(hidden)
        chosen = distribution.gather(1, targets[:, None])[:, 0]
        if self.decisions is None or decision is None:
            return chosen, _entropy(distribution)
        entropy = torch.zeros_like(chosen)
        for number, ids in enumerate(self.decisions.sets[1:], start=1):
            here = (decision == number).nonzero()[:, 0]
            options = distribution[here][:, torch.from_numpy(ids).to(here.device)]
            entropy = entropy.index_copy(0, here, _entropy(torch.log_softmax(options, -1)))
        return chosen, entropy

    def state(self) -> dict[str, Any]:
        """What a checkpoint needs of the optimizers and of what they learn beside the policy's own weights."""
        optimizers = [optimizer.state_dict() for optimizer in self.optimizers]
        return {"optimizers": optimizers, "master_weights": self.masters.state()}

    def load_state(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.masters.load_state(state["master_weights"])


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


def prepare_packing(policy: Policy, layout: str) -> bool:
    """Make a policy ready for packed rows; whether it is now.

    Raises:
        ValueError: for ``packed`` where the policy cannot be.
    """
    attention, name = policy.prepare_packing(), type(policy.model).__name__
    if not attention and layout == "packed":
        raise ValueError(
            f"layout = packed, but {name} would not be exact: its attention needs masks of its own for each row; "
            "layout must be padded, or auto, which pads such models"
        )
    logger.info("rows of %s are %s", name, f"packed: {attention} attention" if attention else "padded")
    return bool(attention)


def _nothing_of(seen: Any) -> torch.Tensor:
    """0, with a gradient of 0 for all that the loss might see."""
    parts = [getattr(seen, field.name) for field in fields(seen)]
    return torch.stack([part.sum() for part in parts if isinstance(part, torch.Tensor)]).sum() * 0.0


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
