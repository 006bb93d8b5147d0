"""Parts that stay as they are, layers that are computed again, layers that are compiled."""

import numpy as np
import pytest
import torch
from playing import Watched, drawn, lakes, play, tiny

from mmgym.learn.learner import Learner, OptimizerConfig, Part
from mmgym.learn.losses import likelihood_loss
from mmgym.learn.packing import supervised_row
from mmgym.trajectory import segments
from mmgym_agents import layers
from mmgym_agents.layers import arrange_layers
from mmgym_agents.parts import freeze, in_part, parts_of

FAMILIES = ("qwen3_vl", "qwen2_5_vl", "smolvlm", "idefics3", "internvl", "gemma3")
ANY = pytest.mark.parametrize("family", FAMILIES)


def experience(vlm, family, episodes=2):
    """Rows of a policy's own episodes, and their pictures."""
    rollout = play(Watched(vlm, max_new_tokens=3), lakes(family, episodes))
    return [supervised_row(s) for t in rollout.trajectories for s in segments(t)], rollout.images


def gradients(vlm, rows, images):
    learner = Learner(vlm, OptimizerConfig())
    learner.accumulate([Part(rows, images, likelihood_loss, 1.0)])
    return {name: parameter.grad for name, parameter in learner.named_parameters()}


# --- parts ----------------------------------------------------------------------------------------------------------


@ANY
def test_every_parameter_lies_in_vision_or_language(family):
    model = tiny(family).model
    assert parts_of(model) == ["vision", "tower", "connector", "language", "embeddings"]  # the head is tied
    for name, _ in model.named_parameters():
        assert in_part(name, "vision") != in_part(name, "language"), name
        assert in_part(name, "vision") == (in_part(name, "tower") or in_part(name, "connector")), name


@ANY
def test_what_is_frozen_stays_and_the_rest_learns(family):
    vlm = tiny(family)
    rows, images = experience(vlm, family)
    freeze(vlm.model, ("vision", "embeddings"))
    before = {name: value.clone() for name, value in vlm.model.named_parameters()}
    assert not any(layer.requires_grad for layer in vlm.image_features([images[rows[0].images[0]]]).layers)
    Learner(vlm, OptimizerConfig()).step([Part(rows, images, likelihood_loss, 1.0)])
    moved = {name for name, value in vlm.model.named_parameters() if not torch.equal(value, before[name])}
    still = {name for name in before if in_part(name, "vision") or in_part(name, "embeddings")}
    assert moved == set(before) - still


def test_a_copy_shares_what_is_frozen_alone():
    vlm = tiny()
    freeze(vlm.model, ("tower",))
    for name, parameter in vlm.clone().model.named_parameters():
        assert (parameter is vlm.model.get_parameter(name)) == in_part(name, "tower")
    assert not any(parameter.requires_grad for parameter in vlm.reference().model.parameters())
    assert any(parameter.requires_grad for parameter in vlm.model.parameters())


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (
            ("eyes",),
            "no parameter lies in 'eyes'; parts of Qwen3VLForConditionalGeneration are vision, tower, ",
        ),
        (("head",), "no parameter lies in 'head'"),
        (("vision", "language"), "nothing is left to learn; got vision, language"),
    ],
)
def test_parts_that_do_not_exist_are_refused(parts, message):
    with pytest.raises(ValueError, match=message):
        freeze(tiny().model, parts)


# --- layers that are computed again ---------------------------------------------------------------------------------


@ANY
def test_gradients_are_the_same_bit_for_bit_where_layers_are_computed_again(family):
    vlm = tiny(family, layers=3, vision_depth=2)
    rows, images = experience(vlm, family)
    expected = gradients(vlm, rows, images)
    for rule in ("all", "every(2)"):
        other = tiny(family, layers=3, vision_depth=2)
        arrange_layers(other.model, rule)
        found = gradients(other, rows, images)
        for name, gradient in expected.items():
            both = (gradient, found[name])
            assert torch.equal(*both) if gradient is not None else found[name] is None, name


def kept_bytes(vlm):
    """Bytes of different tensors that are kept for a backward pass through the language model."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    weights = {p.untyped_storage().data_ptr() for p in vlm.model.parameters()}
    ids, positions = torch.zeros((4, 200), dtype=torch.long), torch.arange(200).expand(3, 4, 200)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        vlm.family.hidden(ids, positions)
    return sum(storage.nbytes() for pointer, storage in kept.items() if pointer not in weights)


def test_the_more_layers_are_computed_again_the_less_is_kept():
    rules = ("none", "first(1)", "every(3)", "every(2)", "all")
    found = {}
    for rule in rules:
        vlm = tiny(layers=6)
        arrange_layers(vlm.model, rule)
        found[rule] = kept_bytes(vlm)
    sizes = [found[rule] for rule in rules]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == len(rules)
    assert found["all"] < 0.2 * found["none"]
    saved = (found["none"] - found["all"]) / 6
    assert found["none"] - found["every(2)"] == pytest.approx(3 * saved, rel=0.1)


def test_sampling_is_not_touched():
    tasks, plain, other = lakes("qwen3_vl", 3), tiny(), tiny()
    arrange_layers(other.model, "all")
    assert drawn(play(Watched(plain), tasks)) == drawn(play(Watched(other), tasks))


def test_a_copy_computes_its_own_layers_again():
    vlm = tiny()
    rows, images = experience(vlm, "qwen3_vl")
    arrange_layers(vlm.model, "all")
    copy = vlm.clone()
    with torch.no_grad():
        for parameter in copy.model.parameters():
            parameter.mul_(1.1)
    expected = gradients(copy, rows, images)
    assert all(parameter.grad is None for parameter in vlm.model.parameters())
    arranged = {type(layer.forward.__self__): layer for layer in copy.model.modules() if hasattr(layer, "_recomputed")}
    assert arranged and all(layer.forward.__self__ is layer for layer in arranged.values())
    assert any(gradient is not None and gradient.any() for gradient in expected.values())


# --- layers that are compiled ---------------------------------------------------------------------------------------


def close(found, expected):
    for name, gradient in expected.items():
        if gradient is not None:
            assert np.allclose(found[name], gradient, atol=1e-5 * float(gradient.abs().max()) + 1e-9), name


def test_layers_are_traced_once_and_give_the_same(monkeypatch):
    """What is traced is run as it is here: to compile it takes minutes on a CPU."""
    traced = []

    def backend(graph, inputs):
        traced.append(graph)
        return graph.forward

    compile_ = torch.compile
    monkeypatch.setattr(torch, "compile", lambda function, **options: compile_(function, backend=backend, **options))
    layers._compiled.cache_clear()
    torch._dynamo.reset()
    vlm = tiny(layers=3)
    rows, images = experience(vlm, "qwen3_vl", 3)
    expected = gradients(tiny(layers=3), rows, images)
    arrange_layers(vlm.model, "every(2)", compiled=True)
    close(gradients(vlm, rows, images), expected)
    count = len(traced)
    assert count > 1  # the probe, and the layer
    Learner(vlm, OptimizerConfig(), max_tokens=1).accumulate([Part(rows, images, likelihood_loss, 1.0)])
    assert len(traced) <= count + 2, "layers, or lengths, are traced anew"
    layers._compiled.cache_clear()
    torch._dynamo.reset()


def test_where_nothing_can_be_compiled_it_says_so(monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("no working C++ compiler\nand more")

    monkeypatch.setattr(torch, "compile", fail)
    with pytest.raises(ValueError, match=r"policy.compile: nothing can be compiled for cpu here \(no working C\+\+"):
        arrange_layers(tiny().model, "none", compiled=True)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["none", "every(2)"])
def test_compiled_layers_give_the_same_gradients(rule):
    torch._dynamo.reset()
    vlm = tiny()
    rows, images = experience(vlm, "qwen3_vl")
    expected = gradients(vlm, rows, images)
    other = tiny()
    arrange_layers(other.model, rule, compiled=True)
    close(gradients(other, rows, images), expected)
