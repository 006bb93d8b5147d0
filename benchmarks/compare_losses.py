"""Our losses beside those of verl, TRL and torchrl, on the same random ragged trajectories.

    python benchmarks/compare_losses.py          # about two minutes on two cores, once the packages are there

The libraries go into a virtual environment below `.bench/`, made once. Compared are the loss and its gradient by the
log-probability of every token. Where a formula has a free constant, ours takes theirs. Rows that differ by definition
say why. Fails when another row differs, or when one that should differ does not.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmarks.learner_peers.environment import ask, python, versions
from benchmarks.peers import CACHE, Unavailable, machine
from mmgym.learn.aggregation import aggregation_weights
from mmgym.learn.corrections import correction_weights
from mmgym.learn.kl import adaptive_kl_coefficient
from mmgym.learn.loss_config import LossConfig, loss_config
from mmgym.learn.losses import TokenBatch, policy_loss
from mmgym.learn.preferences import dpo_weights
from mmgym.learn.value_loss import ValueBatch, value_loss

Batch = list[dict[str, Any]]
Answer = dict[str, Any]
TRAJECTORIES, BUDGET = 24, 64.0
SAME = 1e-5
"""Differences below are rounding: TRL computes in float32."""


@dataclass(frozen=True)
class Arguments:
    """Options of the comparison."""

    batches: int = 10
    """Random batches of 24 trajectories."""
    seed: int = 0
    """Seed of the batches."""
    cache: Path = CACHE
    """Where the libraries' virtual environment is kept, from the root of the repository."""
    output: Path = Path(__file__).parent / "results" / "losses.json"
    """Where the result is written."""


@dataclass(frozen=True)
class Row:
    """One function of a library beside ours."""

    loss: str
    """Ours, as in the docs."""
    library: str
    function: str
    """Theirs."""
    key: str
    """Name of the answer of `benchmarks.learner_peers.losses`."""
    ours: Callable[[Batch], Answer]
    why: str = ""
    """Why the two differ by definition."""
    parts: tuple[str, ...] = ("loss", "gradient")
    """What of the answers is compared."""


def draw(rng: np.random.Generator) -> Batch:
    """Trajectories of 1 to 5 turns of 1 to 6 tokens, some observed tokens between the turns."""
    batch = []
    for _ in range(TRAJECTORIES):
        turns = int(rng.integers(1, 6))
        tokens = rng.integers(1, 7, turns)
        count = int(tokens.sum())
        behaviour = -rng.exponential(1.0, count) - 0.05
        # Some ratios are far beyond 3, where the dual clip begins.
        near = {n: behaviour + 0.4 * rng.standard_t(4, count) for n in ("logprobs", "proximal")}
        numbers = {n: np.minimum(v, -0.001) for n, v in near.items()}
        numbers |= {n: rng.normal(size=count) for n in ("values", "old_values", "targets")}
        numbers["reference"] = numbers["logprobs"] + 0.4 * rng.normal(size=count)
        numbers["far_reference"] = numbers["logprobs"] + 2.0 * rng.normal(size=count)
        numbers |= {"behaviour": behaviour, "entropies": rng.random(count)}
        batch.append(
            {
                "tokens": tokens.tolist(),
                "observed": [0, *rng.integers(0, 4, turns - 1).tolist()],
                "advantage": float(rng.normal()),
                "divergence": float(rng.exponential(6.0)),
                **{name: value.tolist() for name, value in numbers.items()},
            }
        )
    return batch


def arrays(batch: Batch, name: str) -> list[np.ndarray]:
    return [np.array(one[name]) for one in batch]


def joined(parts: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.concatenate(parts).astype(np.float64))


def answer(batch: Batch, loss: torch.Tensor, leaf: torch.Tensor) -> Answer:
    """The loss and its gradient, one array per trajectory."""
    (gradient,) = torch.autograd.grad(loss, leaf)
    ends = np.cumsum([sum(one["tokens"]) for one in batch])[:-1]
    return {"loss": float(loss.detach()), "gradient": np.split(gradient.numpy(), ends)}


def token_values(batch: Batch, config: LossConfig) -> tuple[dict[str, torch.Tensor], float]:
    """What `policy_loss` reads of each token, and the normaliser."""
    tokens = arrays(batch, "tokens")
    weights, normalisers = aggregation_weights(tokens, config.aggregation, config.aggregation_constant)
    pay = [weight * one["advantage"] for weight, one in zip(weights, batch, strict=True)]
    values = {
        "behaviour": arrays(batch, "behaviour"),
        "reference": arrays(batch, "reference"),
        "positive": [np.maximum(p, 0) for p in pay],
        "negative": [np.minimum(p, 0) for p in pay],
        "weight": weights,
        "count": [np.ones(len(p)) for p in pay],
        "unit": [np.full(len(p), index) for index, p in enumerate(pay)],
    }
    if config.correction != "none":
        values["proximal"] = arrays(batch, "proximal")
        values["correction"] = corrected(batch, config)
    return {name: joined(value) for name, value in values.items()}, float(normalisers.sum())


def corrected(batch: Batch, config: LossConfig) -> list[np.ndarray]:
    return correction_weights(
        arrays(batch, "proximal"),
        arrays(batch, "behaviour"),
        arrays(batch, "tokens"),
        config.correction,
        config.correction_level,
        config.correction_cap,
        config.correction_floor,
    )


def policy(config: LossConfig) -> Callable[[Batch], Answer]:
    """Our policy loss."""

    def ask(batch: Batch) -> Answer:
        values, normaliser = token_values(batch, config)
        leaf = joined(arrays(batch, "logprobs")).requires_grad_()
        output = policy_loss(TokenBatch(leaf, joined(arrays(batch, "entropies")), values), config)
        return answer(batch, output.total / normaliser, leaf)

    return ask


def divergence(form: str, coefficient: float = 1.0, reference: str = "reference") -> Callable[[Batch], Answer]:
    """The divergence alone: without an advantage nothing else pays."""
    config = LossConfig(form="reinforce", kl=form, kl_coefficient=coefficient)
    return lambda batch: policy(config)([{**one, "advantage": 0.0, "reference": one[reference]} for one in batch])


def weights(config: LossConfig) -> Callable[[Batch], Answer]:
    return lambda batch: {"numbers": corrected(batch, config)}


def critic(batch: Batch) -> Answer:
    values, normaliser = token_values(batch, LossConfig())
    values |= {"old_value": joined(arrays(batch, "old_values")), "target": joined(arrays(batch, "targets"))}
    leaf = joined(arrays(batch, "values")).requires_grad_()
    return answer(batch, value_loss(ValueBatch(leaf, values), clip=0.2).total / normaliser, leaf)


def controller(batch: Batch) -> Answer:
    return {"numbers": [np.array([adaptive_kl_coefficient(0.2, one["divergence"], 6.0, 1000, 64)]) for one in batch]}


def preference(batch: Batch) -> Answer:
    """DPO's loss and the gradient of its weighted likelihood; the first half is preferred to the second."""
    ratios = np.array([sum(one["logprobs"]) - sum(one["reference"]) for one in batch])
    chosen, rejected = np.split(ratios, 2)
    terms = dpo_weights(chosen, rejected, beta=0.1)
    paid = np.concatenate([terms.chosen, terms.rejected]) / len(chosen)
    spread = [np.full(sum(one["tokens"]), -weight) for one, weight in zip(batch, paid, strict=True)]
    return {"loss": float(terms.losses.mean()), "gradient": spread}


WIDE = loss_config("dapo")
GSPO = loss_config("gspo")
GRADIENT = ("gradient",)
ROWS = (
    Row("dual_clip, .2/.28", "verl", "vanilla", "vanilla", policy(replace(WIDE, form="dual_clip"))),
    Row("dapo", "verl", "vanilla, clip_ratio_c=1e9", "clip", policy(WIDE)),
    Row(
        "dapo",
        "verl",
        "vanilla",
        "vanilla",
        policy(WIDE),
        "verl's vanilla loss is dual-clipped at 3 unless told not to be",
    ),
    Row(
        "dapo, trajectory_mean",
        "verl",
        "vanilla, seq-mean-token-mean",
        "trajectory_mean",
        policy(replace(WIDE, aggregation="trajectory_mean")),
    ),
    Row(
        "dapo, trajectory_sum",
        "verl",
        "vanilla, seq-mean-token-sum",
        "trajectory_sum",
        policy(replace(WIDE, aggregation="trajectory_sum")),
    ),
    Row(
        "dapo, constant",
        "verl",
        "vanilla, seq-mean-token-sum-norm",
        "constant",
        policy(replace(WIDE, aggregation="constant", aggregation_constant=BUDGET)),
    ),
    Row("gspo", "verl", "gspo, seq-mean-token-mean", "gspo", policy(GSPO)),
    Row(
        "gspo",
        "verl",
        "gspo, token-mean",
        "gspo_token_mean",
        policy(GSPO),
        "the actor's default average is the token mean; the paper's, and ours, is the mean over trajectories",
    ),
    Row(
        "cispo, .1 to 2",
        "verl",
        "cispo",
        "cispo",
        policy(loss_config("cispo", cispo_floor=0.1, cispo_cap=2.0)),
    ),
    Row("sapo", "verl", "sapo", "sapo", policy(loss_config("sapo"))),
    Row(
        "dppo_tv, delta .1, gradient",
        "verl",
        "dppo_tv, clip_ratio_c=1e9",
        "dppo_tv",
        policy(loss_config("dppo_tv", dppo_delta=0.1)),
        parts=GRADIENT,
    ),
    Row(
        "dppo_tv, delta .1, value",
        "verl",
        "dppo_tv, clip_ratio_c=1e9",
        "dppo_tv",
        policy(loss_config("dppo_tv", dppo_delta=0.1)),
        "verl reports sg[r] A log pi, ours r A as in the paper; the gradients are the same",
        ("loss",),
    ),
    Row(
        "reinforce, global_token_mean",
        "verl",
        "gpg",
        "gpg",
        policy(loss_config("reinforce", aggregation="global_token_mean")),
    ),
    Row(
        "truncated_is",
        "verl",
        "vanilla, rollout_is_threshold=2",
        "truncated_is",
        policy(loss_config("truncated_is")),
    ),
    Row("icepop", "verl", "vanilla, rollout_is_threshold='0.5_5.0'", "icepop", policy(loss_config("icepop"))),
    Row(
        "weights of truncated_is",
        "verl",
        "compute_rollout_correction_weights, token",
        "weights_truncate",
        weights(loss_config("truncated_is")),
        parts=("numbers",),
    ),
    Row(
        "weights of icepop",
        "verl",
        "compute_rollout_correction_weights, token",
        "weights_mask",
        weights(loss_config("icepop")),
        parts=("numbers",),
    ),
    Row(
        "weights of truncated_is, trajectory",
        "verl",
        "compute_rollout_correction_weights, sequence",
        "weights_sequence",
        weights(loss_config("truncated_is", correction_level="trajectory")),
        "verl multiplies the ratios of all tokens; ours is their geometric mean, which does not grow with length",
        ("numbers",),
    ),
    *(Row(f"kl {form}", "verl", f"kl_penalty, {form}", form, divergence(form)) for form in ("k1", "k2", "k3")),
    Row(
        "kl k3, far reference",
        "verl",
        "kl_penalty, k3",
        "k3_far",
        divergence("k3", reference="far_reference"),
        "verl cuts k3 at 10; a token beyond (2.6 nats less likely than under the reference) has no gradient there",
    ),
    Row("kl k3_straight_through", "verl", "kl_penalty, k3+", "k3+", divergence("k3_straight_through")),
    Row("value_loss, clip .2", "verl", "compute_value_loss", "value", critic),
    Row(
        "adaptive_kl_coefficient",
        "verl",
        "AdaptiveKLController",
        "controller",
        controller,
        parts=("numbers",),
    ),
    Row("dapo", "TRL", "GRPOTrainer, loss_type='dapo'", "dapo", policy(WIDE)),
    Row("dapo, entropy_bonus", "TRL", "the same, entropy_coef", "entropy", policy(replace(WIDE, entropy_bonus=0.01))),
    Row(
        "grpo",
        "TRL",
        "GRPOTrainer, loss_type='grpo', beta=.04, use_bias_correction_kl=False",
        "grpo",
        policy(loss_config("grpo")),
    ),
    Row(
        "grpo",
        "TRL",
        "GRPOTrainer, loss_type='grpo', beta=.04",
        "grpo_as_is",
        policy(loss_config("grpo")),
        "TRL multiplies k3 by the ratio unless told not to; ours is k3 alone, as in the paper",
    ),
    Row(
        "dr_grpo, .2/.28",
        "TRL",
        "GRPOTrainer, loss_type='dr_grpo'",
        "dr_grpo",
        policy(loss_config("dr_grpo", clip_high=0.28, aggregation_constant=BUDGET)),
    ),
    Row(
        "dual_clip, .2/.28",
        "TRL",
        "GRPOTrainer, delta=3",
        "delta",
        policy(replace(WIDE, form="dual_clip")),
    ),
    Row("gspo", "TRL", "GRPOTrainer, importance_sampling_level='sequence'", "gspo", policy(GSPO)),
    Row(
        "gspo, trajectory_sum",
        "TRL",
        "GRPOTrainer, loss_type='luspo'",
        "luspo",
        policy(replace(GSPO, aggregation="trajectory_sum")),
    ),
    Row("cispo, cap 2", "TRL", "GRPOTrainer, loss_type='cispo'", "cispo", policy(loss_config("cispo", cispo_cap=2.0))),
    Row("sapo", "TRL", "GRPOTrainer, loss_type='sapo'", "sapo", policy(loss_config("sapo"))),
    Row("dpo", "TRL", "DPOTrainer", "dpo", preference),
    Row("dapo", "torchrl", "GRPOLoss, clip_epsilon=(.2, .28)", "grpo", policy(WIDE)),
    Row(
        "dapo, trajectory_mean",
        "torchrl",
        "the same, aggregation='prompt_mean'",
        "prompt_mean",
        policy(replace(WIDE, aggregation="trajectory_mean")),
    ),
    Row(
        "cispo, .1 to 2",
        "torchrl",
        "CISPOLoss",
        "cispo",
        policy(loss_config("cispo", cispo_floor=0.1, cispo_cap=2.0)),
        "torchrl differentiates clip(r) A, so that a token outside has no gradient; CISPO is sg[clip(r)] A log pi",
    ),
    Row(
        "kl k3",
        "torchrl",
        "GRPOLoss, kl_to_ref_coeff",
        "kl_to_ref",
        divergence("k3", 0.04),
        "torchrl divides by all places of the padded batch, ours by the sampled tokens",
    ),
)


def flat(part: float | list[Any]) -> np.ndarray:
    return np.array([part]) if isinstance(part, float) else np.concatenate([np.array(one) for one in part])


def compare(row: Row, batches: list[Batch], answers: list[Answer]) -> dict[str, Any]:
    """The largest difference over all batches, as a share of their largest number (of 1 for a loss below)."""
    largest = 0.0
    for batch, theirs in zip(batches, answers, strict=True):
        own = row.ours(batch)
        for part in row.parts:
            here, there = flat(own[part]), flat(theirs[part])
            scale = max(float(np.abs(there).max()), 1.0 if part == "loss" else 0.0)
            largest = max(largest, float(np.abs(here - there).max()) / scale)
    result = {"loss": row.loss, "library": row.library, "function": row.function, "compared": list(row.parts)}
    return result | {"largest_difference": float(f"{largest:.2g}"), "agrees": largest < SAME, "why": row.why}


def table(rows: list[dict[str, Any]]) -> Table:
    result = Table("ours", "library", "theirs", "largest difference", "why")
    for row in rows:
        cells = (row["loss"], row["library"], row["function"], f"{row['largest_difference']:.1e}", row["why"])
        result.add_row(*map(escape, cells))
    return result


def main(arguments: Arguments) -> None:
    """Compare, write the result and print it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    where = machine()
    rng = np.random.default_rng(arguments.seed)
    batches = [draw(rng) for _ in range(arguments.batches)]
    interpreter = python(arguments.cache)
    rows: list[dict[str, Any]] = []
    for library in dict.fromkeys(row.library for row in ROWS):
        logging.info("asking %s", library)
        answers = ask(interpreter, "losses", library, batches)
        rows += [compare(row, batches, answers[row.key]) for row in ROWS if row.library == library]
    result = {
        "batches": arguments.batches,
        "trajectories_per_batch": TRAJECTORIES,
        "seed": arguments.seed,
        "rows": rows,
        "versions": {"mmgym": version("mmgym"), "torch": torch.__version__, **versions(interpreter)},
        "machine": where,
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    Console().print(table(rows))
    if surprises := [row for row in rows if row["agrees"] == bool(row["why"])]:
        raise SystemExit(f"{len(surprises)} rows are not as they say: {surprises}")


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments))
    except Unavailable as problem:
        raise SystemExit(str(problem)) from problem
