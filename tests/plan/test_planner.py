"""What fits, and how long it takes at least, by hand."""

import itertools
import json
import math
from dataclasses import replace

import pytest

from mmgym import cli
from mmgym.plan import VARIANTS, Gpu, ModelShape, Piece, Training, Variant, Workload, find_gpu, plan, plan_variant
from mmgym.plan.memory import Activations, fixed, head, per_patch, per_token, trained_parameters
from mmgym.plan.roofline import seconds, step_work

LAYER = Piece(
    name="layer",
    count=10,
    parameters=1000,
    flops=2000.0,
    saved=100.0,
    boundary=10.0,
    peak=150.0,
    inference_peak=40.0,
    forward_moved=300.0,
    backward_moved=500.0,
    is_layer=True,
    linear_widths=70,
    linear_layers=7,
)
NORM = replace(
    LAYER,
    name="norm",
    count=1,
    parameters=10,
    flops=0.0,
    saved=20.0,
    peak=60.0,
    is_layer=False,
    linear_widths=0,
    linear_layers=0,
)
BLOCK = replace(LAYER, name="block", count=5, parameters=200, flops=400.0)
SHAPE = ModelShape(
    name="toy",
    parameters=13_010,
    vision_parameters=1000,
    text=(LAYER, NORM),
    adapted_text=(replace(LAYER, saved=80.0), NORM),
    vision=(BLOCK,),
    hidden_size=16,
    vocabulary_size=125,
    feature_layers=2,
    text_attention=64.0,
    vision_attention=32.0,
    vision_window_attention=0.0,
    vision_window=0,
    patch_size=10,
    merge_size=2,
    kv_bytes=0,
    bytes_per_weight=2,
)
WORKLOAD = Workload(trajectories=4, turns=3, width=40, height=40, prompt=2, answer=4)
"""A turn is 4 image tokens and 6 others: rows of 30."""
FULL, FULL_AGAIN, FROZEN, _, LORA, _ = VARIANTS
TRAINING = Training(reserve=0.0, max_logits=1000)
LITTLE = replace(TRAINING, max_logits=10)
"""Logits that take no room beside a layer."""


def gpu_of(size: float) -> Gpu:
    return Gpu("toy", size / 2**30, tflops=1e-6, tb_per_s=1e-6, link_gb_per_s=1e-3)


def test_tokens_of_a_workload():
    whole, window = WORKLOAD.tokens(SHAPE, 3), WORKLOAD.tokens(SHAPE, 2)
    assert (whole.turn, whole.trained, whole.images, whole.tokens_of_image) == (10, 48, 12, 4)
    assert whole.rows == [30] * 4 and whole.pairs == 4 * 30 * 30 / 2
    assert window.total == 4 * (10 + 20 + 20)


def test_memory_by_hand():
    tokens = WORKLOAD.tokens(SHAPE, 3)
    always = fixed(SHAPE, FULL, TRAINING, tokens)
    assert (always.weights, always.gradients, always.optimizer) == (26_020, 52_040, 13_010 * 12)
    assert always.features == 12 * 4 * 16 * 2 * (2 + 4)  # images, tokens, width, layers, bytes with those of gradients
    assert always.gathered == always.engine == 0
    assert head(SHAPE, TRAINING, tokens) == 1000 * 22
    assert head(SHAPE, replace(TRAINING, max_logits=10**9), tokens) == 48 * 125 * 22
    frozen = fixed(SHAPE, FROZEN, TRAINING, tokens)
    assert frozen.features == always.features / 3 and frozen.optimizer == 12_010 * 12
    assert trained_parameters(SHAPE, LORA, TRAINING) == 16 * 70 * 10
    plain = fixed(SHAPE, FULL, replace(TRAINING, master_weights=False, optimizer="adamw8bit"), tokens)
    assert plain.gradients == 26_020 and plain.optimizer == pytest.approx(13_010 * 2.03)
    assert fixed(SHAPE, FULL, replace(TRAINING, master_weights=False), tokens).optimizer == 13_010 * 4
    shared = fixed(SHAPE, FULL, replace(TRAINING, world=4, engine_gib=1.0), tokens)
    assert shared.weights == 26_020 / 4 and shared.gathered == 2 * 1000 * 2 and shared.engine == 2**30
    assert per_token(SHAPE, FULL, TRAINING) == Activations(10 * 100 + 20, 50)
    assert per_token(SHAPE, FULL_AGAIN, TRAINING) == Activations(10 * 10 + 20, 150)
    assert per_token(SHAPE, LORA, TRAINING) == Activations(10 * 80 + 20 + 15 * 7 * 10 * 2, 70)
    assert per_patch(SHAPE, FULL) == Activations(500, 50)
    assert per_patch(SHAPE, FROZEN) == Activations(0, 40 + 2 * 10)


def test_what_fits_by_hand():
    tokens = WORKLOAD.tokens(SHAPE, 3)
    always = fixed(SHAPE, FULL, LITTLE, tokens).total
    found = plan_variant(SHAPE, gpu_of(always + 65 * 1070), WORKLOAD, LITTLE, FULL)
    assert (found.max_tokens, found.window, found.micro_batches) == (65, 3, 2)
    assert found.images_per_pass == 65 * 1070 // (16 * 550) == 7  # of 12: the tower runs again and keeps nothing
    assert found.tower_kept == 0 and found.tower_peak == 7 * 16 * 550
    assert found.work.recomputed == step_work(SHAPE, FULL, LITTLE, tokens, 2, vision_passes=2).recomputed
    assert found.peak(60) == always + 60 * 1070 and found.peak(0) == always + found.tower_peak
    kept = 12 * 16 * 500
    roomy = plan_variant(SHAPE, gpu_of(always + kept + 30 * 1070), WORKLOAD, LITTLE, FULL)
    assert (roomy.max_tokens, roomy.images_per_pass, roomy.tower_kept) == (30, 12, kept)
    tight = plan_variant(SHAPE, gpu_of(always + kept + 29 * 1070), WORKLOAD, LITTLE, FULL)
    assert (tight.images_per_pass, tight.tower_kept) == (11, 0) and tight.max_tokens == 29 + kept // 1070
    narrow = plan_variant(SHAPE, gpu_of(always + 25 * 1070), WORKLOAD, LITTLE, FULL)
    assert narrow.window == 2 and narrow.fits
    assert narrow.micro_batches == 2 + 8  # rows of one turn two at a time, those of two turns alone
    nothing = plan_variant(SHAPE, gpu_of(always + 9 * 1070), WORKLOAD, LITTLE, FULL)
    assert not nothing.fits and nothing.work is None and math.isnan(nothing.seconds)
    shared = replace(LITTLE, world=2)
    alike = fixed(SHAPE, FULL, shared, tokens).total
    assert plan_variant(SHAPE, gpu_of(alike + 6 * 16 * 550), WORKLOAD, shared, FULL).images_per_pass == 6
    assert not plan_variant(SHAPE, gpu_of(alike + 6 * 16 * 550 - 1), WORKLOAD, shared, FULL).fits  # in one pass only
    wide = plan_variant(SHAPE, gpu_of(always + 65 * 1070), WORKLOAD, TRAINING, FULL)
    assert wide.max_tokens == (65 * 1070 - 22_000) // 1020  # logits beside what is kept
    assert wide.peak(40) == always + 40 * 1020 + 22_000
    assert not plan_variant(SHAPE, gpu_of(1000), WORKLOAD, LITTLE, FULL).fits


def test_operations_by_hand():
    tokens = WORKLOAD.tokens(SHAPE, 3)
    text, head = 120 * 20_000 + 1800 * 64, 48 * 2 * 16 * 125
    vision = 12 * 16 * (5 * 400 + 16 * 32)
    full = step_work(SHAPE, FULL, TRAINING, tokens)
    assert (full.text, full.vision) == (3 * (text + head), 3 * vision)
    assert full.recomputed == head  # 48 x 125 logits are more than 1000
    assert step_work(SHAPE, FULL, replace(TRAINING, max_logits=6000), tokens).recomputed == 0
    again = step_work(SHAPE, FULL_AGAIN, TRAINING, tokens, vision_passes=2)
    assert again.recomputed == text + head + 2 * vision and again.model_flops == full.model_flops
    frozen = step_work(SHAPE, FROZEN, TRAINING, tokens, vision_passes=9)
    assert frozen.vision == vision and frozen.recomputed == head
    assert step_work(SHAPE, FROZEN, TRAINING, tokens, cached=True).vision == 0
    lora = step_work(SHAPE, LORA, TRAINING, tokens)
    adapters = 6 * trained_parameters(SHAPE, LORA, TRAINING) * 120
    assert lora.text == 2 * 120 * 20_000 + 3 * 1800 * 64 + adapters + 2 * head
    assert full.moved == 120 * 11 * 800 + 12 * 16 * 5 * 800
    assert full.optimizer_moved == 13_010 * (2 * 12 + 4 + 2)


def test_seconds_by_hand():
    work = step_work(SHAPE, FULL, TRAINING, WORKLOAD.tokens(SHAPE, 3))
    gpu = gpu_of(0)
    computed, updated = (work.model_flops + work.recomputed) / 1e6, work.optimizer_moved / 1e6
    assert seconds(work, gpu) == pytest.approx(computed + updated)
    assert seconds(work, gpu, element_wise=True) == pytest.approx(computed + work.moved / 1e6 + updated)
    assert math.isnan(seconds(work, Gpu("unknown", 80.0)))
    spread = step_work(SHAPE, FULL, replace(TRAINING, world=2), WORKLOAD.tokens(SHAPE, 3), micro_batches=2)
    assert spread.sent == 2 * 0.5 * 2 * 3 * 13_010 and spread.text == work.text / 2
    slow = replace(gpu, link_gb_per_s=1e-6)
    assert seconds(spread, slow) == pytest.approx(spread.sent / 1e3 + spread.optimizer_moved / 1e6)
    assert seconds(spread, gpu) == pytest.approx(computed / 2 + updated / 2)


def test_more_memory_and_more_gpus_fit_more():
    sizes = [plan(SHAPE, gpu_of(size), WORKLOAD, TRAINING) for size in (3e5, 5e5, 1e6)]
    for smaller, larger in itertools.pairwise(sizes):
        assert all(a.max_tokens <= b.max_tokens for a, b in zip(smaller, larger, strict=True))
    assert sizes[0][0].max_tokens < sizes[0][1].max_tokens  # checkpointed
    alone, shared = (plan(SHAPE, gpu_of(5e5), WORKLOAD, replace(TRAINING, world=n))[0] for n in (1, 4))
    assert shared.max_tokens > alone.max_tokens


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: find_gpu("h1000"), "h200"),
        (lambda: find_gpu("0GB"), "80GB"),
        (lambda: find_gpu("80GB", tflops=-1), "negative"),
        (lambda: Workload(turns=0), "turns must be at least 1"),
        (lambda: Workload(prompt=-1), "prompt"),
        (lambda: Training(optimizer="sgd"), "adamw8bit"),
        (lambda: Training(world=0), "world"),
        (lambda: Training(reserve=1.0), "reserve"),
        (lambda: Training(engine_gib=-1.0), "engine_gib"),
    ],
)
def test_wrong_values_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_gpus_by_name_and_size():
    assert find_gpu("80 GB").gib == 80 and not find_gpu("80gb").tflops
    assert find_gpu("H200").measured and not find_gpu("h100").measured
    given = find_gpu("h100", tflops=600.0)
    assert (given.tflops, given.tb_per_s, given.link_gb_per_s) == (600.0, 3.35, 450.0)


def test_command_line(monkeypatch, capsys):
    monkeypatch.setattr("mmgym_agents.shapes.read_shape", lambda model, dtype: SHAPE)
    monkeypatch.setenv("COLUMNS", "200")
    small = ["--turns", "3", "--image", "40x40", "--prompt", "2", "--answer", "4", "--trajectories", "4"]
    assert cli.main(["plan", "--model", "toy", "--gpu", "h200", *small]) == 0
    out = capsys.readouterr().out
    assert "4 trajectories x 3 turns x (4 image + 2 prompt + 4 trained tokens) = 120 tokens" in out
    assert out.count("all turns") == len(VARIANTS) and "roofline s" in out
    assert cli.main(["plan", "--model", "toy", "--gpu", "1GB", "--variant", "lora", "--json", *small]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [found["variant"]["name"] for found in content["plans"]] == ["LoRA", "LoRA, checkpointed"]
    assert all(found["fits"] and found["seconds"] is None for found in content["plans"])
    for wrong, allowed in ((["--gpu", "h1000"], "h100"), (["--gpu", "h100", "--image", "big"], "1280x720")):
        assert cli.main(["plan", "--model", "toy", *wrong]) == 2
        assert allowed in (err := capsys.readouterr().err) and err.count("\n") == 1


def test_one_name_for_each_variant():
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS)
    assert {variant.kind for variant in VARIANTS} == {"full", "frozen", "lora"}
    assert Variant("x").kind == "full"
