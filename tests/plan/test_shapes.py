"""What is counted on the meta device is what real models take."""

import functools

import pytest
import torch
from tiny_shapes import reading
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from mmgym.learn.learner import Learner
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.learn.policy_config import LoraConfig
from mmgym.plan.count import Counter, saved_bytes
from mmgym.plan.memory import LOGIT_BYTES, Training, per_patch, per_token, trained_parameters
from mmgym.plan.workload import Variant
from mmgym_agents.adapters import add_adapters
from mmgym_agents.layers import arrange_layers
from mmgym_agents.shapes import KNOWN, build_on_meta, read_config, read_shape, shape_of

FAMILIES = ("qwen2_5_vl", "qwen3_vl")
KEPT = Variant("full", checkpointing=False)


@functools.cache
def published(name):
    return read_shape(name)


def test_parameters_are_the_published_ones():
    models = {name: build_on_meta(read_config(name), torch.bfloat16) for name in KNOWN}
    assert {name: sum(p.numel() for p in model.parameters()) for name, model in models.items()} == {
        "qwen2.5-vl-3b": 3_754_622_976,
        "qwen2.5-vl-7b": 8_292_166_656,
        "qwen3-vl-4b": 4_437_815_808,
        "qwen3-vl-8b": 8_767_123_696,
    }


@pytest.mark.parametrize("name", ["qwen2.5-vl-3b", "qwen3-vl-8b"])
def test_parameters_by_hand(name):
    text = read_config(name).get_text_config()
    width, wide = text.hidden_size, text.intermediate_size
    head = getattr(text, "head_dim", None) or width // text.num_attention_heads
    queries, keys = text.num_attention_heads * head, text.num_key_value_heads * head
    products = 2 * width * queries + 2 * width * keys + 3 * width * wide
    biases = queries + 2 * keys if name.startswith("qwen2.5") else 0
    norms = 2 * width + (2 * head if name.startswith("qwen3") else 0)
    body = text.num_hidden_layers * (products + biases + norms) + width
    tables = text.vocab_size * width * (1 if text.tie_word_embeddings else 2)
    shape = published(name)
    assert shape.parameters - shape.vision_parameters == body + tables
    assert sum(piece.count * piece.parameters for piece in shape.text) == body
    assert shape.text_flops == 2 * text.num_hidden_layers * products
    assert shape.kv_bytes == 2 * 2 * keys * text.num_hidden_layers


@pytest.mark.parametrize(
    ("name", "body", "position", "head", "vision", "tokens"),
    [("qwen2.5-vl-3b", 5.55, 0.295, 0.62, 5.1, 1196), ("qwen3-vl-4b", 7.27, 0.59, 0.78, 2.6, 900)],
)
def test_operations_of_published_shapes(name, body, position, head, vision, tokens):
    shape = published(name)
    assert shape.text_flops == pytest.approx(body * 1e9, rel=0.02)
    assert shape.text_attention == pytest.approx(position * 1e6, rel=0.02)
    assert shape.head_flops == pytest.approx(head * 1e9, rel=0.02)
    assert shape.vision_flops == pytest.approx(vision * 1e9, rel=0.03)
    assert shape.image_tokens(1280, 720) == pytest.approx(tokens, rel=0.03)


@pytest.mark.parametrize("family", FAMILIES)
def test_operations_are_those_that_torch_counts(family):
    r = reading(family, "wide")
    # torch knows no formula for the fused attention of a CPU: scores are made
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as tower:
        layers = r.policy.image_features(r.images).layers
    of_image = r.patches // len(r.images)
    keys = of_image * r.shape.vision_attention + min(r.shape.vision_window, of_image) * r.shape.vision_window_attention
    vision = r.patches * (sum(piece.count * piece.flops for piece in r.shape.vision) + keys)
    assert tower.get_total_flops() == pytest.approx(vision, rel=0.02)
    where = torch.arange(1, r.ids.shape[1])
    rows = torch.zeros_like(where)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as forward:
        logits = r.policy.logits(r.policy.token_hidden(r.ids, r.positions, layers, rows, where))
    with FlopCounterMode(display=False) as backward:
        logits.logsumexp(-1).sum().backward()
    count = r.ids.shape[1]
    # torch counts all pairs of a query and a key, and half of them are in the future
    body = count * (r.shape.text_flops + count * r.shape.text_attention)
    head = len(where) * r.shape.head_flops
    assert forward.get_total_flops() == pytest.approx(body + head, rel=0.02)
    pixels = r.patches * r.shape.vision[0].flops  # they take no gradient
    assert backward.get_total_flops() == pytest.approx(2 * (body + head + vision) - pixels, rel=0.02)


def kept_of_text(r, features):
    """Bytes for a token that autograd keeps of the language model."""
    weights, last = list(r.policy.model.parameters()), torch.tensor([r.ids.shape[1] - 1])
    rows = torch.zeros_like(last)
    kept, _ = saved_bytes(lambda: r.policy.token_hidden(r.ids, r.positions, features, rows, last), (), weights)
    return kept / r.ids.shape[1]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("size", "dtype"),
    [
        ("narrow", "bfloat16"),
        pytest.param("wide", "float32", marks=pytest.mark.slow),
        pytest.param("deep", "bfloat16", marks=pytest.mark.slow),
    ],
)
def test_activations_are_those_that_autograd_keeps(family, size, dtype):
    r = reading(family, size, dtype=dtype)
    model, shape = r.policy.model, r.shape
    kept, features = saved_bytes(lambda: r.policy.image_features(r.images), (), model.parameters())
    assert kept / r.patches == pytest.approx(sum(piece.count * piece.saved for piece in shape.vision), rel=0.15)
    leaves = [layer.detach().requires_grad_() for layer in features.layers]
    layer, norm = shape.text
    whole = layer.count * layer.saved + norm.saved
    assert kept_of_text(r, leaves) == pytest.approx(whole, rel=0.15)
    arrange_layers(model, "all")
    checkpointed = kept_of_text(r, leaves)
    assert checkpointed == pytest.approx(layer.count * layer.boundary + norm.saved, rel=0.15)
    arrange_layers(model, "first(1)")
    one = checkpointed + (layer.count - 1) * (layer.saved - layer.boundary)
    assert kept_of_text(r, leaves) == pytest.approx(one, rel=0.15)


@pytest.mark.parametrize("family", FAMILIES)
def test_adapters_are_those_that_peft_makes(family):
    r = reading(family, "deep")
    add_adapters(r.policy.model, LoraConfig(rank=4), seed=0)
    lora, training = Variant("LoRA", lora=True, frozen_vision=True, checkpointing=False), Training(lora_rank=4)
    learned = sum(p.numel() for p in r.policy.model.parameters() if p.requires_grad)
    assert learned == trained_parameters(r.shape, lora, training)
    layer, norm = r.shape.adapted_text
    more = 3 * layer.count * layer.linear_layers * r.shape.bytes_per_weight
    with torch.no_grad():
        features = r.policy.image_features(r.images).layers
    assert kept_of_text(r, features) == pytest.approx(layer.count * layer.saved + norm.saved + more, rel=0.15)
    assert layer.saved < r.shape.text[0].saved


def test_bytes_of_a_logit():
    r = reading("qwen3_vl", "narrow")
    learner = Learner(r.policy, OptimizerConfig())
    hidden = torch.randn(400, r.policy.hidden_size, requires_grad=True)
    targets = torch.randint(7, 200, (400,))
    with Counter([*r.policy.model.parameters(), hidden]) as counter:
        logprobs, entropy = learner._by_chunks(learner._score, hidden, targets)
        (logprobs + entropy).sum().backward()
    assert counter.peak == pytest.approx(400 * r.shape.vocabulary_size * LOGIT_BYTES, rel=0.15)


@pytest.mark.parametrize("family", FAMILIES)
def test_peak_of_a_step_is_what_is_alive(family):
    r = reading(family, "wide", images=6, text=100)
    model = r.policy.model
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    there = [*model.parameters(), *(p.grad for p in model.parameters()), *model.buffers()]
    with Counter(there) as tower:
        layers = r.policy.image_features(r.images).layers
        torch.autograd.backward(layers, [torch.ones_like(layer) for layer in layers])
    # the gradient of a weight is made, then added
    largest = 4 * max(parameter.numel() for parameter in model.parameters())
    assert tower.peak == pytest.approx(r.patches * per_patch(r.shape, KEPT).total, rel=0.25, abs=largest)
    features = [layer.detach().requires_grad_() for layer in layers]
    last = torch.tensor([r.ids.shape[1] - 1])
    del layers
    with Counter([*there, *features]) as body:
        hidden = r.policy.token_hidden(r.ids, r.positions, features, torch.zeros_like(last), last)
        hidden.sum().backward()
    expected = r.ids.shape[1] * per_token(r.shape, KEPT, Training()).total
    assert body.peak == pytest.approx(expected, rel=0.25, abs=largest)


def test_unknown_models_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"qwen2\.5-vl-3b.*got 'nope'"):
        read_config("nope")
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ValueError, match=r"qwen2_5_vl, qwen3_vl.*'gpt2'"):
        read_config(str(tmp_path))
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(ValueError, match="not JSON"):
        read_config(str(tmp_path))


def test_a_checkpoint_folder_has_the_shape_of_its_model(tmp_path):
    r = reading("qwen3_vl", "narrow")
    r.policy.model.config.save_pretrained(tmp_path)
    shape = read_shape(str(tmp_path), "float32")
    assert shape.parameters == sum(p.numel() for p in r.policy.model.parameters())
    assert shape == shape_of(r.policy.model.config, tmp_path.name, "float32")
    assert all(p.is_meta for p in build_on_meta(read_config(str(tmp_path)), torch.float32).parameters())
