"""The tiny model: an ordinary checkpoint folder, seeded, whose parts agree with transformers' own."""

import hashlib
import json
from functools import cache

import numpy as np
import pytest
import torch
from class_references import REFERENCES
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import WORDS, side, tiny
from transformers import (
    AutoImageProcessor,
    AutoModelForImageTextToText,
    AutoTokenizer,
    Gemma3ForConditionalGeneration,
    Idefics3ForConditionalGeneration,
    InternVLForConditionalGeneration,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2_5_VLForConditionalGeneration,
    Qwen3VLForConditionalGeneration,
    SmolVLMForConditionalGeneration,
)

import mmgym
from mmgym_agents.codec import TemplateError
from mmgym_agents.factory import make_policy
from mmgym_agents.families import family_of
from mmgym_agents.tiny import TinyConfig, build_tiny_vlm, build_tokenizer
from mmgym_agents.vlm import VLM

QWEN = {"qwen3_vl": Qwen3VLForConditionalGeneration, "qwen2_5_vl": Qwen2_5_VLForConditionalGeneration}
FAMILIES = {
    **QWEN,
    "smolvlm": SmolVLMForConditionalGeneration,
    "idefics3": Idefics3ForConditionalGeneration,
    "internvl": InternVLForConditionalGeneration,
    "gemma3": Gemma3ForConditionalGeneration,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A function of the name of a family to the name, the model, and the folder it was saved to."""

    @cache
    def save(family):
        vlm = tiny(family)
        path = tmp_path_factory.mktemp(family)
        vlm.save(path)
        return family, vlm, path

    return save


@pytest.fixture(params=FAMILIES)
def saved(request, folder):
    return folder(request.param)


@pytest.fixture(params=QWEN)
def saved_qwen(request, folder):
    return folder(request.param)


def pictures(family, count, rng=None):
    rng = rng or np.random.default_rng(0)
    return [rng.integers(0, 256, (side(family), side(family), 3)).astype(np.uint8) for _ in range(count)]


def logits_of(model, vlm, family, images):
    """Logits of transformers' plain forward on an opening with the images."""
    content = [{"type": "image", "image": image} for image in images] + [{"type": "text", "text": "up or down"}]
    prompt = vlm.codec.opening([{"role": "user", "content": content}])
    return REFERENCES[family](vlm).forward(model, torch.from_numpy(prompt.ids.astype(np.int64))[None], images)


def test_the_auto_classes_load_the_folder(saved):
    family, vlm, path = saved
    model = AutoModelForImageTextToText.from_pretrained(path)
    assert type(model) is FAMILIES[family] is type(vlm.model)
    tokenizer = AutoTokenizer.from_pretrained(path)
    text = "<|im_start|>user\nup <action>left</action>"
    assert tokenizer(text)["input_ids"] == vlm.tokenizer(text)["input_ids"]
    assert tokenizer.chat_template == vlm.tokenizer.chat_template
    assert tokenizer.eos_token == vlm.tokenizer.eos_token == {"gemma3": "<eos>"}.get(family, REFERENCES[family].end)
    processor = AutoImageProcessor.from_pretrained(path, backend="pil")
    images = pictures(family, 2)
    assert torch.equal(
        processor(images=images, return_tensors="pt")["pixel_values"],
        vlm.image_processor(images=images, return_tensors="pt")["pixel_values"],
    )
    before, after = (
        logits_of(vlm.model, vlm, family, images),
        logits_of(model.eval(), VLM.load(path), family, images),
    )
    assert torch.allclose(before, after, atol=1e-5)
    assert all(
        torch.equal(a, b) for a, b in zip(vlm.model.state_dict().values(), model.state_dict().values(), strict=True)
    )


def test_logits_are_equal_after_a_round_trip(saved):
    family, vlm, path = saved
    again = VLM.load(path)
    images = pictures(family, 2)
    assert torch.equal(logits_of(vlm.model, vlm, family, images), logits_of(again.model, again, family, images))
    assert again.max_context == vlm.max_context == 4096
    assert again.codec.end_ids == vlm.codec.end_ids and again.family.banned_ids == vlm.family.banned_ids


def test_the_auto_processor_loads_the_folder(saved_qwen):
    pytest.importorskip("torchvision", reason="AutoProcessor of Qwen-VL models needs torchvision; nothing here does")
    from transformers import AutoProcessor

    family, vlm, path = saved_qwen
    processor = AutoProcessor.from_pretrained(path)
    images = pictures(family, 1)
    prompt = vlm.codec.opening([{"role": "user", "content": [{"type": "image", "image": images[0]}]}])
    text = "<|im_start|>user\n<|vision_start|><|image_pad|><|vision_end|><|im_end|>\n<|im_start|>assistant\n"
    assert processor(text=[text], images=images)["input_ids"][0] == prompt.ids.tolist()


def test_a_template_beside_the_processor_is_found(tmp_path):
    """Where older folders keep it."""
    vlm = tiny("smolvlm")
    vlm.save(tmp_path)
    (tmp_path / "chat_template.jinja").rename(tmp_path / "gone")
    with pytest.raises(TemplateError, match="no chat template"):
        VLM.load(tmp_path)
    (tmp_path / "chat_template.json").write_text(json.dumps({"chat_template": vlm.tokenizer.chat_template}))
    assert VLM.load(tmp_path).codec.answer("up").tolist() == vlm.codec.answer("up").tolist()


def digest(folder):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir()) if path.is_file()
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_equal_seeds_give_equal_bytes(family, tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        torch.manual_seed(len(name) + seed)  # the global generator must not matter
        torch.rand(seed)
        tiny(family, seed=seed).save(tmp_path / name)
    first, second, third = (digest(tmp_path / name) for name in "abc")
    assert first == second and "model.safetensors" in first
    assert {name for name in first if first[name] != third[name]} == {"model.safetensors"}


def test_words_are_single_tokens():
    env = mmgym.unwrap(__import__("gymnasium").make("mmgym/FrozenLake-v0", preset="two_holes"))
    tokenizer = build_tokenizer([*WORDS, *env.words])
    for word in {*WORDS, *env.words, "user", "assistant"}:
        if word.isalpha():
            assert len(tokenizer(word)["input_ids"]) == 1, word
            assert len(tokenizer(" " + word)["input_ids"]) == 1, word
    for token in ("<tool_call>", "</action>", "<think>", "<|image_pad|>"):
        assert len(tokenizer(token)["input_ids"]) == 1
    assert len(tokenizer("<action>up</action>")["input_ids"]) == 3


TOKENIZERS = [build_tokenizer(WORDS, family) for family in ("qwen3_vl", "smolvlm", "internvl", "gemma3")]


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_read_and_written_back(text):
    for tokenizer in TOKENIZERS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text
        assert all(0 <= i < len(tokenizer) for i in ids)


@pytest.mark.parametrize("shape", [(64, 64), (56, 56), (112, 56), (50, 70), (33, 31), (64, 96), (20, 200)])
@pytest.mark.parametrize("family", QWEN)
def test_patches_are_those_of_the_models_own_processor(family, shape):
    """Whether or not the size is a multiple of a token's cell."""
    vlm = tiny(family)
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 256, (*shape, 3)).astype(np.uint8) for _ in range(2)]
    patches, grids = vlm.family._patches(images)
    own = vlm.image_processor(images=images, return_tensors="pt")
    assert torch.equal(grids, own["image_grid_thw"])
    assert torch.allclose(patches, own["pixel_values"], atol=1e-6)
    assert vlm.family.grid(*shape) == tuple(grids[0, 1:].tolist())
    features = vlm.image_features(images)
    assert features.sizes.tolist() == [int(grid.prod()) // 4 for grid in grids]
    assert all(len(layer) == features.sizes.sum() for layer in features.layers)


def test_vision_in_one_batch_equals_transformers(saved_qwen):
    """For images of one size, and of several; also the gradient."""
    family, vlm, path = saved_qwen
    twin = AutoModelForImageTextToText.from_pretrained(path).eval()
    rng = np.random.default_rng(2)
    cell = side(family) // 2
    several = [
        rng.integers(0, 256, (h * cell, w * cell, 3)).astype(np.uint8) for h, w in ((2, 2), (1, 3), (2, 2), (3, 2))
    ]
    for images in (pictures(family, 5), several, several[:1]):
        seen = vlm.image_processor(images=images, return_tensors="pt")
        ours = vlm.image_features(images).layers
        theirs = twin.model.visual(seen["pixel_values"], grid_thw=seen["image_grid_thw"], return_dict=True)
        expected = [theirs.pooler_output, *(theirs.deepstack_features if family == "qwen3_vl" else [])]
        assert len(ours) == len(expected) == (2 if family == "qwen3_vl" else 1)
        for mine, other in zip(ours, expected, strict=True):
            assert (mine - other).abs().max() < 5e-6 * max(1.0, float(other.detach().abs().max()))
        gradients = []
        for model, layers in ((vlm.model, ours), (twin, expected)):
            weight = model.model.visual.blocks[0].attn.qkv.weight
            (gradient,) = torch.autograd.grad(sum(layer.square().mean() for layer in layers), weight)
            gradients.append(gradient)
        assert (gradients[0] - gradients[1]).abs().max() < 1e-5 * max(1.0, float(gradients[1].abs().max()))


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_seen_matters_from_the_first_step(family):
    vlm = tiny(family)
    one, other = (vlm.image_features([image]).layers for image in pictures(family, 2))
    for a, b in zip(one, other, strict=True):
        assert (a - b).abs().mean() > 0.05 * a.abs().mean() > 0
    sum(layer.square().mean() for layer in one).backward()
    seen = [p for name, p in vlm.model.named_parameters() if p.grad is not None and p.ndim > 1]
    assert seen and all(parameter.grad.abs().max() > 0 for parameter in seen)


def test_features_can_be_taken_and_joined():
    vlm = tiny()
    images = pictures("qwen3_vl", 3)
    together = vlm.image_features(images)
    apart = vlm.image_features(images[:1]).extend(vlm.image_features(images[1:]))
    assert together.sizes.tolist() == apart.sizes.tolist() == [4, 4, 4]
    for a, b in zip(together.take([2, 0, 2]), apart.take([2, 0, 2]), strict=True):
        assert a.shape[0] == 12 and torch.equal(a[:4], a[8:]) and torch.allclose(a, b, atol=1e-6)
    assert all(len(layer) == 0 for layer in together.take([]))


def test_an_unknown_model_class_names_those_there_are():
    config = LlamaConfig(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, vocab_size=16)
    with pytest.raises(ValueError, match=r"LlamaForCausalLM.*Qwen2_5_VLFor.*Qwen3VLFor"):
        family_of(LlamaForCausalLM(config), None, None)


def test_a_processor_of_another_model_is_refused():
    ours, other = tiny("qwen3_vl"), tiny("qwen2_5_vl")
    with pytest.raises(ValueError, match="patch_size is 16 in the model's configuration and 14 in its image processor"):
        VLM(ours.model, ours.tokenizer, other.image_processor)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "llama"}, "family must be one of qwen3_vl, .*, gemma3; got 'llama'"),
        ({"tiles_per_side": 2}, "tiles_per_side must be 1, or more for smolvlm, .*; got 2 for qwen3_vl"),
        ({"tiles_per_side": 0, "family": "internvl"}, "tiles_per_side .* got 0"),
        ({"sliding_window": 0, "family": "gemma3"}, "sliding_window must be at least 1; got 0"),
        ({"image_size": 70}, "image_size must be a multiple of patch_size .* = 32; got 70"),
        ({"hidden_size": 60, "heads": 7}, "hidden_size"),
        ({"vision_hidden_size": 50}, "vision_hidden_size"),
    ],
)
def test_a_wrong_shape_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        TinyConfig(**change)


def test_a_missing_folder_and_an_unknown_field_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no config.json"):
        VLM.load(tmp_path)
    arguments = {"words": (), "image_size": 64, "seed": 0, "dtype": "float32", "device": "cpu"}
    with pytest.raises(ValueError, match=r"no field policy.tiny.width; fields here: family, hidden_size"):
        make_policy(checkpoint="", tiny={"width": 3}, **arguments)
    build_tiny_vlm(TinyConfig(hidden_size=32)).save(tmp_path)
    loaded = make_policy(checkpoint=str(tmp_path), tiny={}, **arguments)
    assert loaded.model.config.get_text_config().hidden_size == 32
