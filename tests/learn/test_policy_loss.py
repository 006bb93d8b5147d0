"""Every policy loss against its paper in loops, and its gradient however trajectories are cut, merged and dealt out."""

import dataclasses
import math
from itertools import pairwise, product

import numpy as np
import pytest
import torch
from policy_loss_reference import reference_loss

from mmgym.learn.aggregation import AGGREGATIONS, aggregation_weights
from mmgym.learn.corrections import correction_weights
from mmgym.learn.forms import FORMS
from mmgym.learn.kl import KL_FORMS
from mmgym.learn.loss_config import LOSSES, LossConfig, loss_config
from mmgym.learn.losses import SUMMED, TokenBatch, policy_loss
from mmgym.learn.ratios import LEVELS, level_log_ratios

WORDS = 7
TIGHT = {
    "clip_low": 0.05,
    "clip_high": 0.08,
    "dual_clip": 1.2,
    "cispo_floor": 0.9,
    "cispo_cap": 1.15,
    "dppo_delta": 0.02,
}
"""Limits that bind on the made-up ratios, so that both sides of each are met."""


class Bigrams(torch.nn.Module):
    """The smallest language model: the next word depends on the last one, so that any cut leaves it the same."""

    def __init__(self, seed=0, scale=1.0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.table = torch.nn.Parameter(scale * torch.randn(WORDS, WORDS, generator=generator, dtype=torch.float64))

    def forward(self, before, words):
        """Log-probabilities and entropies of words after others."""
        distribution = torch.log_softmax(self.table[before], -1)
        return distribution.gather(1, words[:, None])[:, 0], -(distribution.exp() * distribution).sum(-1)


def made_up(seed=0, count=4):
    """Ragged trajectories of silent and spoken turns, sampled by a model near the current one."""
    rng = np.random.default_rng(seed)
    model = Bigrams()
    shifted = Bigrams()
    with torch.no_grad():
        shifted.table += torch.from_numpy(0.25 * rng.normal(size=(WORDS, WORDS)))
    trajectories = []
    for index in range(count):
        turns = np.append(rng.integers(0, 5, rng.integers(1, 4)), 1 + index % 3)
        before, words = (torch.from_numpy(rng.integers(0, WORDS, turns.sum())) for _ in range(2))
        with torch.no_grad():
            behaviour = shifted(before, words)[0].numpy() + 0.1 * rng.normal(size=len(words))
            proximal = behaviour + 0.2 * rng.normal(size=len(words))
            reference = shifted(before, words)[0].numpy() + 0.3
        advantages = rng.normal(size=len(words))
        trajectories.append(
            {
                "turns": turns,
                "before": before,
                "words": words,
                "behaviour": behaviour,
                "proximal": proximal,
                "reference": reference,
                "advantages": advantages,
            }
        )
    return model, trajectories


def noted(model, trajectories, config):
    """Per trajectory the values of its tokens, and the normaliser of the step."""
    tokens = [t["turns"] for t in trajectories]
    weights, normalisers = aggregation_weights(tokens, config.aggregation, config.aggregation_constant)
    with torch.no_grad():
        current = [model(t["before"], t["words"])[0].numpy() for t in trajectories]
    corrected = config.correction != "none"
    old = [t["proximal" if corrected else "behaviour"] for t in trajectories]
    log_ratios = level_log_ratios(current, old, tokens, config.ratio)
    values = []
    for number, t in enumerate(trajectories):
        pay = weights[number] * t["advantages"]
        owner = np.repeat(np.arange(len(t["turns"])), t["turns"])
        values.append(
            {
                "behaviour": t["behaviour"],
                "reference": t["reference"],
                "positive": np.maximum(pay, 0),
                "negative": np.minimum(pay, 0),
                "weight": weights[number],
                "count": np.ones(len(pay)),
                "unit": 100.0 * number + (owner if config.ratio == "turn" else 0),
                "log_ratio": log_ratios[number],
                "turn": owner,
            }
        )
        if corrected:
            values[-1]["proximal"] = t["proximal"]
    if corrected:
        settings = (config.correction, config.correction_level, config.correction_cap, config.correction_floor)
        found = correction_weights(
            [t["proximal"] for t in trajectories], [t["behaviour"] for t in trajectories], tokens, *settings
        )
        for value, weight in zip(values, found, strict=True):
            value["correction"] = weight.astype(np.float64)
    return values, float(normalisers.sum())


def gradient(model, batches, config, normaliser):
    """Loss and gradient of a step; each batch is a list of (before, words, values)."""
    model.zero_grad()
    total = 0.0
    for rows in batches:
        before, words = (torch.cat([row[i] for row in rows]) for i in (0, 1))
        values = {
            n: torch.from_numpy(np.concatenate([np.broadcast_to(r[2][n], len(r[1])) for r in rows])) for n in rows[0][2]
        }
        output = policy_loss(TokenBatch(*model(before, words), values), config)
        (output.total / normaliser).backward()
        total += float(output.total.detach()) / normaliser
    return total, model.table.grad.clone()


def whole_rows(trajectories, values, drop=("log_ratio", "turn")):
    """One row per trajectory; the ratio comes from its unit."""
    return [
        (t["before"], t["words"], {n: v for n, v in value.items() if n not in drop})
        for t, value in zip(trajectories, values, strict=True)
    ]


def expected(model, trajectories, config, joint=False):
    """Loss and gradient of the loops."""
    model.zero_grad()
    whole = []
    for t in trajectories:
        logprobs, entropy = model(t["before"], t["words"])
        numbers = {name: torch.from_numpy(t[name]) for name in ("behaviour", "proximal", "reference")}
        whole.append({**t, **numbers, "logprobs": logprobs, "entropy": entropy})
    loss = reference_loss(whole, config, joint)
    loss.backward()
    return float(loss.detach()), model.table.grad.clone()


@pytest.mark.parametrize(
    ("form", "level", "aggregation"),
    [*product(FORMS, LEVELS, ["turn_mean"]), *product(["clip"], LEVELS, AGGREGATIONS)],
)
def test_each_form_level_and_average_as_in_its_paper(form, level, aggregation):
    model, trajectories = made_up()
    config = LossConfig(form=form, ratio=level, aggregation=aggregation, entropy_bonus=0.01, **TIGHT)
    loss, reference = expected(model, trajectories, config)
    values, normaliser = noted(model, trajectories, config)
    found, gradients = gradient(model, [whole_rows(trajectories, values)], config, normaliser)
    assert found == pytest.approx(loss, rel=1e-9)
    assert (gradients - reference).abs().max() < 1e-9
    assert reference.abs().max() > 1e-4


GAINS = {
    # at probabilities .2, .5, .8 of tokens sampled with .5: the slopes by log pi for A = 1, for A = -1; 0 if held back
    "clip": ([0.4, 1.0, 0.0], [0.0, -1.0, -1.6]),
    "dual_clip": ([0.4, 1.0, 0.0], [0.0, -1.0, 0.0]),
    "cispo": ([0.9, 1.0, 1.15], [-0.9, -1.0, -1.15]),
    "dppo_tv": ([0.4, 1.0, 0.0], [0.0, -1.0, -1.6]),
    "reinforce": ([1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]),
}


@pytest.mark.parametrize("form", GAINS)
def test_slopes_by_hand_on_both_sides_of_every_limit(form):
    for sign, expected in zip((1.0, -1.0), GAINS[form], strict=True):
        leaf = torch.log(torch.tensor([0.2, 0.5, 0.8], dtype=torch.float64)).requires_grad_()
        pay = torch.full((3,), sign, dtype=torch.float64)
        values = {n: torch.ones(3) for n in SUMMED} | {
            "behaviour": torch.full((3,), math.log(0.5), dtype=torch.float64)
        }
        values |= {"positive": pay.clamp(min=0), "negative": pay.clamp(max=0)}
        (-policy_loss(TokenBatch(leaf, torch.zeros(3), values), LossConfig(form=form, **TIGHT)).total).backward()
        assert leaf.grad.tolist() == pytest.approx(expected), sign


@pytest.mark.parametrize("form", ["clip", "dual_clip", "sapo"])
@pytest.mark.parametrize(("level", "aggregation"), [("turn", "turn_mean"), ("trajectory", "trajectory_mean")])
def test_ratios_of_units_are_functions_of_all_their_tokens(form, level, aggregation):
    """GSPO's own objective, differentiated through the geometric mean, and the same for turns."""
    model, trajectories = made_up(seed=6)
    for number, t in enumerate(trajectories):
        sign = 1.0 if number % 2 else -1.0
        per_turn = sign * (1.0 + np.arange(len(t["turns"])) * (level == "turn"))
        t["advantages"] = np.repeat(per_turn, t["turns"])
    config = LossConfig(form=form, ratio=level, aggregation=aggregation, **TIGHT)
    loss, reference = expected(model, trajectories, config, joint=True)
    values, normaliser = noted(model, trajectories, config)
    found, gradients = gradient(model, [whole_rows(trajectories, values)], config, normaliser)
    assert found == pytest.approx(loss, rel=1e-9)
    assert (gradients - reference).abs().max() < 1e-9
    assert reference.abs().max() > 1e-4


@pytest.mark.parametrize(("form", "level", "aggregation"), list(product(FORMS, LEVELS, AGGREGATIONS)))
def test_any_cut_gives_the_same_gradient(form, level, aggregation):
    """Trajectories cut into rows at random turns, rows dealt to random micro-batches: not a bit more than rounding."""
    model, trajectories = made_up(seed=1)
    config = LossConfig(
        form=form, ratio=level, aggregation=aggregation, entropy_bonus=0.01, kl="k3", kl_coefficient=0.1, **TIGHT
    )
    values, normaliser = noted(model, trajectories, config)
    loss, reference = gradient(model, [whole_rows(trajectories, values)], config, normaliser)
    rng = np.random.default_rng(0)
    for _ in range(3):
        rows = []
        for t, value in zip(trajectories, values, strict=True):
            cuts = np.flatnonzero(np.diff(value["turn"])) + 1
            edges = [0, *(cut for cut in cuts if rng.random() < 0.6), len(t["words"])]
            for start, end in pairwise(edges):
                piece = slice(start, end)
                cut = {n: np.broadcast_to(v, len(t["words"]))[piece] for n, v in value.items()}
                rows.append((t["before"][piece], t["words"][piece], cut))
        if level == "turn":  # turns stay whole, so that their ratio needs no first pass
            rows = [(b, w, {n: v for n, v in value.items() if n != "log_ratio"}) for b, w, value in rows]
        batch = rng.integers(0, 4, len(rows))
        batches = [[rows[i] for i in np.flatnonzero(batch == b)] for b in np.unique(batch)]
        found, gradients = gradient(model, batches, config, normaliser)
        assert len(rows) > len(trajectories)
        assert found == pytest.approx(loss, rel=1e-9)
        assert (gradients - reference).abs().max() < 1e-9


@pytest.mark.parametrize(("form", "level"), list(product(FORMS, LEVELS)))
def test_merged_copies_give_the_same_gradient(form, level):
    """Copies with advantages of both signs, in one row with sums or each in its own."""
    model, trajectories = made_up(seed=2, count=2)
    rng = np.random.default_rng(0)
    copies = [{**t, "advantages": rng.normal(size=len(t["words"]))} for t in trajectories for _ in range(3)]
    config = LossConfig(
        form=form, ratio=level, aggregation="turn_mean", entropy_bonus=0.1, kl="k2", kl_coefficient=0.1, **TIGHT
    )
    values, normaliser = noted(model, copies, config)
    rows = whole_rows(copies, values)
    loss, reference = gradient(model, [rows], config, normaliser)
    merged = []
    for index in range(0, len(rows), 3):
        summed = {n: sum(rows[index + k][2][n] for k in range(3)) for n in SUMMED}
        merged.append((*rows[index][:2], {**rows[index][2], **summed}))
    found, gradients = gradient(model, [merged], config, normaliser)
    assert found == pytest.approx(loss, rel=1e-9)
    assert (gradients - reference).abs().max() < 1e-9


@pytest.mark.parametrize(("form", "level", "kind"), list(product(("clip", "reinforce"), LEVELS, ("truncate", "mask"))))
def test_corrected_losses_as_in_their_papers(form, level, kind):
    model, trajectories = made_up(seed=3)
    config = LossConfig(
        form=form, correction=kind, correction_level=level, correction_cap=1.05, correction_floor=0.9, **TIGHT
    )
    loss, reference = expected(model, trajectories, config)
    values, normaliser = noted(model, trajectories, config)
    found, gradients = gradient(model, [whole_rows(trajectories, values)], config, normaliser)
    # the weights are float32
    assert found == pytest.approx(loss, rel=1e-5, abs=1e-7)
    assert (gradients - reference).abs().max() < 1e-6


@pytest.mark.parametrize("kl", KL_FORMS)
def test_divergence_in_the_loss(kl):
    model, trajectories = made_up(seed=4)
    config = LossConfig(kl=kl, kl_coefficient=0.3, aggregation="trajectory_mean")
    loss, reference = expected(model, trajectories, config)
    values, normaliser = noted(model, trajectories, config)
    rows = [whole_rows(trajectories, values)]
    found, gradients = gradient(model, rows, config, normaliser)
    assert (gradients - reference).abs().max() < 1e-9
    if kl == "k3_straight_through":
        loss = expected(model, trajectories, dataclasses.replace(config, kl="k3"))[0]
    assert found == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_named_losses_as_in_their_papers(name):
    model, trajectories = made_up(seed=5)
    config = LOSSES[name]
    loss, reference = expected(model, trajectories, config)
    values, normaliser = noted(model, trajectories, config)
    found, gradients = gradient(model, [whole_rows(trajectories, values)], config, normaliser)
    assert found == pytest.approx(loss, rel=1e-5, abs=1e-9)
    assert (gradients - reference).abs().max() < 1e-6 * max(1.0, float(reference.abs().max()))


def test_metrics_by_hand():
    behaviour = torch.tensor([-1.0, -1.0, -2.0, -2.0])
    logprobs = torch.tensor([-0.5, -1.5, -2.0, -1.0])
    proximal = behaviour + torch.tensor([0.0, 0.0, 0.5, 2.0])
    values = {
        "behaviour": behaviour,
        "proximal": proximal,
        "reference": logprobs - torch.tensor([0.0, 0.0, 1.0, 0.0]),
        "positive": torch.tensor([1.0, 0.0, 1.0, 0.0]),
        "negative": torch.tensor([0.0, -1.0, 0.0, -1.0]),
        "count": torch.tensor([1.0, 2.0, 1.0, 1.0]),
        "weight": torch.ones(4),
        "correction": torch.tensor([1.0, 1.0, math.exp(0.5), 0.0]),
    }
    config = loss_config("icepop")
    metrics = {
        n: float(v) for n, v in policy_loss(TokenBatch(logprobs, torch.arange(4.0), values), config).metrics.items()
    }
    ratios = [math.exp(0.5), math.exp(-0.5), math.exp(-0.5), math.exp(-1.0)]
    importance = [ratios[0], ratios[1], 1.0, 0.0]
    count = [1, 2, 1, 1]
    behaviour_kl = [math.exp(d) - 1 - d for d in (0.5, -0.5, 0.0, 1.0)]
    assert metrics == pytest.approx(
        {
            "tokens": 5.0,
            "clip_fraction": 1 + 2 + 0 + 1,
            "ratio": sum(r * c for r, c in zip(ratios, count, strict=True)),
            "kl": sum(k * c for k, c in zip(behaviour_kl, count, strict=True)),
            "entropy": 0 + 2 * 1 + 2 + 3,
            "importance": sum(w * c for w, c in zip(importance, count, strict=True)),
            "importance_squared": sum(w * w * c for w, c in zip(importance, count, strict=True)),
            "kl_reference": math.exp(-1) + 1 - 1,
            "mismatch_kl": (math.exp(0.5) - 1 - 0.5) + (math.exp(2) - 1 - 2),
            "correction": 1 + 2 + math.exp(0.5),
            "masked": 1.0,
            "max_logprob_difference": 1.0,
        },
        rel=1e-5,
    )


def test_a_coefficient_replaces_the_configured_one():
    model, trajectories = made_up()
    values, normaliser = noted(model, trajectories, LossConfig())
    row = whole_rows(trajectories, values)[0]
    batch = TokenBatch(
        *model(row[0], row[1]), {n: torch.from_numpy(np.broadcast_to(v, len(row[1])).copy()) for n, v in row[2].items()}
    )
    config = LossConfig(kl="k2", kl_coefficient=0.1)
    losses = [float(policy_loss(batch, config, c).total.detach()) for c in (None, 0.1, 0.0, 0.2)]
    assert losses[0] == losses[1]
    assert losses[3] - losses[1] == pytest.approx(losses[1] - losses[2])
    assert losses[1] != losses[2]
    assert losses[2] == pytest.approx(float(policy_loss(batch, LossConfig()).total.detach()))
    assert normaliser > 0


@pytest.mark.parametrize("form", FORMS)
def test_far_ratios_stay_finite(form):
    """A token that became a hundred nats likelier or less likely spoils nothing, least of all where it pays 0."""
    leaf = torch.tensor([-0.1, -120.0], requires_grad=True)
    values = {n: torch.zeros(2) for n in SUMMED} | {"behaviour": torch.tensor([-120.0, -0.1])}
    values["negative"][1] = -1.0
    output = policy_loss(TokenBatch(leaf, torch.zeros(2), values), LossConfig(form=form))
    output.total.backward()
    assert torch.isfinite(output.total)
    assert torch.isfinite(leaf.grad).all()
    assert leaf.grad[0] == 0
    assert float(output.metrics["max_logprob_difference"]) == pytest.approx(119.9)


def test_no_tokens_no_loss():
    values = {n: torch.zeros(0) for n in ("behaviour", "unit", *SUMMED)}
    output = policy_loss(TokenBatch(torch.zeros(0), torch.zeros(0), values), loss_config("gspo"))
    assert float(output.total) == 0
    assert all(float(value) == 0 for value in output.metrics.values())


def test_what_is_not_a_number_is_not_hidden():
    values = {n: torch.ones(1) for n in ("behaviour", *SUMMED)}
    batch = TokenBatch(torch.tensor([math.nan]), torch.zeros(1), values)
    assert all(math.isnan(float(policy_loss(batch, LossConfig(form=form)).total)) for form in FORMS)


@pytest.mark.parametrize(
    ("missing", "config"),
    [
        ("behaviour", LossConfig()),
        ("weight", LossConfig()),
        ("unit", loss_config("gspo")),
        ("unit", loss_config("turn_ratio")),
        ("reference", loss_config("grpo")),
        ("proximal", loss_config("icepop")),
        ("correction", loss_config("decoupled_ppo")),
    ],
)
def test_a_missing_value_is_named(missing, config):
    names = {"behaviour", "unit", "reference", "proximal", "correction", *SUMMED} - {missing}
    batch = TokenBatch(torch.zeros(1), torch.zeros(1), {n: torch.ones(1) for n in names})
    with pytest.raises(ValueError, match=f"'{missing}'"):
        policy_loss(batch, config)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ratio", "word"),
        ("form", "ppo"),
        ("kl", "k4"),
        ("clip_low", 1.5),
        ("clip_low", -0.1),
        ("clip_high", math.inf),
        ("cispo_cap", 0.5),
        ("cispo_floor", 2.0),
        ("sapo_positive", 0.0),
        ("sapo_negative", -1.0),
        ("dppo_delta", 0.0),
        ("entropy_bonus", -1.0),
        ("kl_coefficient", 0.1),
        ("aggregation", "mean"),
        ("aggregation_constant", 0.0),
        ("correction", "clip"),
        ("correction_level", "group"),
        ("correction_cap", 0.5),
        ("correction_floor", 1.5),
    ],
)
def test_a_wrong_setting_is_named(field, value):
    with pytest.raises(ValueError, match=field):
        LossConfig(**{field: value})


def test_settings_that_do_nothing_together_are_refused():
    with pytest.raises(ValueError, match="go together"):
        LossConfig(kl="k3")
    with pytest.raises(ValueError, match="dual_clip must be above"):
        loss_config("dual_clip", dual_clip=1.1)
    with pytest.raises(ValueError, match="there is no loss 'grop'"):
        loss_config("grop")
