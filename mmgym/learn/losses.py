"""Losses: what each token pays. Pure functions from a small dataclass of tensors to a sum over tokens.

Every loss returns a plain sum; the learner divides it by the normaliser of the whole optimizer step, so that the
gradient does not depend on how the step was cut into micro-batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from mmgym.learn.forms import FORMS, FormInput, Gain
from mmgym.learn.kl import kl_terms
from mmgym.learn.loss_config import LossConfig
from mmgym.learn.ratios import ratio_with_gradient, unit_means

__all__ = ["SUMMED", "LossOutput", "TokenBatch", "likelihood_loss", "policy_loss"]

SUMMED = ("positive", "negative", "count", "weight")
"""Values that are added up where rows with equal ids are merged. All others but ``unit`` must be equal in such rows."""


@dataclass
class TokenBatch:
    """The trained tokens of a micro-batch; every tensor is float32 (tokens,)."""

    logprobs: torch.Tensor
    """Log-probability under the current weights, with gradient."""
    entropy: torch.Tensor
    """Entropy of the current distribution at each token, with gradient."""
    values: dict[str, torch.Tensor]
    """What was noted of each token when its row was made (see `mmgym.learn.packing`)."""

    def value(self, name: str, why: str) -> torch.Tensor:
        """One of the values.

        Raises:
            ValueError: where it is missing, with what needs it.
        """
        if name not in self.values:
            raise ValueError(f"{why} needs the value {name!r} of each token; the batch has {', '.join(self.values)}")
        return self.values[name]


@dataclass
class LossOutput:
    """A sum over tokens, and sums to be reported."""

    total: torch.Tensor
    metrics: dict[str, torch.Tensor]
    """Sums over tokens; divided by ``tokens`` where it is among them, they are means over what was sampled. Names
    starting with ``max_`` are maxima."""


def policy_loss(batch: TokenBatch, config: LossConfig, kl_coefficient: float | None = None) -> LossOutput:
    """A policy-gradient loss.

    A token pays - correction (gain_positive(r) positive + gain_negative(r) negative) - entropy_bonus weight entropy
    + kl_coefficient weight divergence, with the gains of the form (`mmgym.learn.forms`) and the ratio r at its level.
    Rows that were sampled several times are merged: every form is linear in the size of the advantage, so that the sums
    of the positive and of the negative ones give the exact loss.

    Args:
        batch: with values ``behaviour`` (log-probability when sampled), ``positive`` and ``negative`` (weight of the
            aggregation x positive or negative part of the advantage, summed over merged copies), ``count`` (copies) and
            ``weight`` (weights of the aggregation, summed); and as the configuration asks,
            ``proximal`` (log-probability before the update: the ratio is then taken to it),
            ``unit`` (number of the token's turn or trajectory in the micro-batch) or ``log_ratio`` (of its unit, where
            a unit is spread over several rows), ``reference`` (log-probability under the reference) and ``correction``
            (`mmgym.learn.corrections`).
        config: the loss.
        kl_coefficient: replaces that of the configuration (adaptive control).

    Returns:
        The sum over tokens, and as metrics sums over sampled tokens: ``tokens`` (their number), ``clip_fraction``
        (those that the form holds back), ``ratio`` (at its level), ``kl`` (k3 estimate of KL(behaviour, current)),
        ``entropy``, ``importance`` and ``importance_squared`` (correction x ratio: the effective share of the samples
        is (importance / tokens)^2 / (importance_squared / tokens)), ``max_logprob_difference`` (current to behaviour);
        where the values are there, ``kl_reference`` (k3), ``mismatch_kl`` (k3 estimate of KL(behaviour, proximal)),
        ``correction`` and ``masked`` (those of weight 0).

    Raises:
        ValueError: where a value is missing.
    """
    behaviour = batch.value("behaviour", "a policy loss")
    old = batch.values.get("proximal", behaviour)
    positive, negative, count, weight = (batch.value(name, "a policy loss") for name in SUMMED)
    ratio = ratio_with_gradient(_log_ratio(batch, old, config.ratio), batch.logprobs)
    gain = FORMS[config.form](FormInput(ratio, batch.logprobs, behaviour), config)
    pay = gain.positive * positive + gain.negative * negative
    if config.correction != "none":
        batch.value("proximal", f"correction {config.correction!r}")
        pay = pay * batch.value("correction", f"correction {config.correction!r}")
    total = -pay.sum()
    if config.entropy_bonus:
        total = total - config.entropy_bonus * (batch.entropy * weight).sum()
    if config.kl != "none":
        scale = config.kl_coefficient if kl_coefficient is None else kl_coefficient
        reference = batch.value("reference", f"kl {config.kl!r}")
        total = total + scale * (kl_terms(batch.logprobs, reference, config.kl) * weight).sum()
    return LossOutput(total, _metrics(batch, config, ratio, gain, count))


def _log_ratio(batch: TokenBatch, old: torch.Tensor, level: str) -> torch.Tensor:
    """The log-ratio of each token's unit, without gradient."""
    difference = batch.logprobs.detach() - old
    if level == "token":
        return difference
    if "log_ratio" in batch.values:
        return batch.values["log_ratio"]
    return unit_means(difference, batch.value("unit", f"ratio {level!r}, where there is no 'log_ratio',"))


@torch.no_grad()
def _metrics(
    batch: TokenBatch, config: LossConfig, ratio: torch.Tensor, gain: Gain, count: torch.Tensor
) -> dict[str, torch.Tensor]:
    values, logprobs = batch.values, batch.logprobs
    difference = logprobs - values["behaviour"]
    limited = (gain.positive_limited & (values["positive"] > 0)) | (gain.negative_limited & (values["negative"] < 0))
    importance = ratio * values["correction"] if config.correction != "none" else ratio
    sums = {
        "clip_fraction": limited,
        "ratio": ratio,
        "kl": kl_terms(values["behaviour"], logprobs, "k3"),
        "entropy": batch.entropy,
        "importance": importance,
        "importance_squared": importance**2,
    }
    if "reference" in values:
        sums["kl_reference"] = kl_terms(logprobs, values["reference"], "k3")
    if "proximal" in values:
        sums["mismatch_kl"] = kl_terms(values["behaviour"], values["proximal"], "k3")
    if config.correction != "none":
        sums["correction"], sums["masked"] = values["correction"], values["correction"] == 0
    metrics = {name: (value * count).sum() for name, value in sums.items()}
    largest = difference.abs().max() if len(difference) else difference.sum()
    return {"tokens": count.sum(), **metrics, "max_logprob_difference": largest}


def likelihood_loss(batch: TokenBatch) -> LossOutput:
    """Weighted negative log-likelihood, per token: - weight * log pi.

    Args:
        batch: with value ``weight`` (below 0 for what should become less likely, as in a preference pair).
    """
    weight = batch.value("weight", "a likelihood loss")
    with torch.no_grad():
        metrics = {"negative_logprob": -(batch.logprobs * weight).sum()}
    return LossOutput(-(batch.logprobs * weight).sum(), metrics)
