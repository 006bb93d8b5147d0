"""Divergence from a reference policy: estimates from sampled tokens, as losses, and the control of their weight.

With d = log pi - log pi_ref at a token sampled from pi: k1 = d, k2 = d^2 / 2, k3 = exp(-d) + d - 1. The means of k1 and
k3 are the divergence KL(pi, pi_ref). What counts in a loss is the gradient: that of k2, d times the gradient of log pi,
has the gradient of the divergence as its mean; that of k1 has the mean 0, whatever the reference is; that of k3 has the
gradient of the other divergence, KL(pi_ref, pi).
"""

from __future__ import annotations

import math

import torch

from mmgym.learn.ratios import LARGEST

__all__ = ["KL_FORMS", "adaptive_kl_coefficient", "kl_terms"]

KL_FORMS = ("k1", "k2", "k3", "k3_straight_through")
"""``k3_straight_through`` has the value of k3 and the gradient of k2."""


def kl_terms(logprobs: torch.Tensor, reference: torch.Tensor, form: str) -> torch.Tensor:
    """The estimate at each token, with gradient.

    Args:
        logprobs: (tokens,), log-probability under the current weights, with gradient.
        reference: (tokens,), log-probability under the reference.
        form: one of `KL_FORMS`.

    Returns:
        (tokens,).

    Raises:
        ValueError: for another form.
    """
    if form not in KL_FORMS:
        raise ValueError(f"the form of the divergence must be one of {', '.join(KL_FORMS)}; got {form!r}")
    difference = logprobs - reference
    if form == "k1":
        return difference
    k2 = difference**2 / 2
    if form == "k2":
        return k2
    k3 = (-difference).clamp(max=LARGEST).exp() + difference - 1
    return k3 if form == "k3" else k2 + (k3 - k2).detach()


def adaptive_kl_coefficient(
    coefficient: float, measured: float, target: float, horizon: float, episodes: float
) -> float:
    """The weight of the divergence in the next step (arXiv 1909.08593, section 2.2).

    beta (1 + e n / horizon) with e = clip(measured / target - 1, -.2, .2), for n episodes since the last call.

    Args:
        coefficient: the present weight beta, above 0.
        measured: mean divergence of the step, in nats (per token or per episode, as `target`).
        target: divergence that is aimed at, above 0.
        horizon: number of episodes in which the weight may change by a factor of about exp(.2), above 0.
        episodes: episodes of the step, from 0 to `horizon`.

    Raises:
        ValueError: for a value that is not allowed.
    """
    for name, value in (("coefficient", coefficient), ("target", target), ("horizon", horizon)):
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be above 0; got {value}")
    if not 0 <= episodes <= horizon:
        raise ValueError(f"episodes must be from 0 to horizon = {horizon:g}; got {episodes}")
    if not math.isfinite(measured):
        raise ValueError(f"the measured divergence must be finite; got {measured}")
    error = min(max(measured / target - 1, -0.2), 0.2)
    return coefficient * (1 + error * episodes / horizon)
