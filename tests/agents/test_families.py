"""Model families: images become the ids and features that the class's own code makes of them, or are refused."""

import copy
from functools import cache

import numpy as np
import pytest
import torch
from class_references import REFERENCES, pictures_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from playing import WORDS, Watched, assert_equal_draws, mixed_tasks, play, tiny
from transformers.image_utils import SizeDict
from transformers.models.smolvlm.processing_smolvlm import get_image_prompt_string

from mmgym.trajectory import ImageStore
from mmgym_agents.cache import RoomyCache
from mmgym_agents.codec import TemplateError
from mmgym_agents.vlm import VLM

MODELS = {
    "smolvlm": {},
    "smolvlm, split": {"tiles_per_side": 3},
    "idefics3, split": {"tiles_per_side": 2},
    "internvl": {},
    "internvl, tiles": {"tiles_per_side": 3},
    "gemma3": {"sliding_window": 24},
}
ANY = pytest.mark.parametrize("name", MODELS)


@cache
def model(name):
    """A model to look at; nobody changes it."""
    return tiny(name.split(",")[0], **MODELS.get(name, {}))


def reference_of(name):
    return REFERENCES[name.split(",")[0]](model(name))


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def user(*parts):
    content = [{"type": "text", "text": p} if isinstance(p, str) else {"type": "image", "image": p} for p in parts]
    return {"role": "user", "content": content}


SIZES = st.tuples(st.integers(20, 260), st.integers(20, 260))
TEXTS = st.text(st.sampled_from("ab :<\n"), min_size=1, max_size=6)


@ANY
@settings(max_examples=12, deadline=None)
@given(st.lists(SIZES | TEXTS, min_size=1, max_size=4))
@example([(64, 64)])
@example([(64, 64), (128, 130), "\n\na\n", (260, 20)])
@example(["\n", (193, 64), "a\n", (64, 193), "\n"])
def test_ids_are_those_of_the_classs_own_processor(name, parts):
    """Images of any size and number, newlines beside them, which tokenizers like to join."""
    vlm, reference = model(name), reference_of(name)
    system = {"role": "system", "content": [{"type": "text", "text": "Rules."}]}
    message = user(*(part if isinstance(part, str) else picture(*part) for part in parts))
    images = pictures_of([message])
    prompt = vlm.codec.opening([system, message])
    expected = reference.encode(reference.begin + reference.prompt([system, message]), images)
    assert prompt.ids.tolist() == expected["input_ids"][0].tolist()
    counted = sum(map(vlm.image_tokens, prompt.images))
    assert counted == int((prompt.ids == vlm.image_token_id()).sum())
    assert counted == (vlm.image_features(images).sizes.sum() if images else 0)


@ANY
def test_a_conversation_grows_as_the_template_writes_it(name):
    """Where the answers tokenize as sampled, the appended ids are those of the whole conversation."""
    vlm, reference = model(name), reference_of(name)
    messages = [user(picture(64, 64), "go")]
    ids = vlm.codec.opening(messages).ids.tolist()
    for number in range(3):
        answer = f"{WORDS[number]} <action>{WORDS[number]}</action>"
        sampled = vlm.codec.answer(answer)
        assert vlm.codec.decode(sampled) == vlm.codec.decode(sampled[:-1]) == answer
        following = user(picture(64, 130, number), picture(70, 64), f"note {number}")
        ids += sampled.tolist() + vlm.codec.extension(following, sampled).ids.tolist()
        messages += [{"role": "assistant", "content": [{"type": "text", "text": answer}]}, following]
        text = vlm.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        assert ids == reference.encode(text, pictures_of(messages))["input_ids"][0].tolist()


@settings(max_examples=60, deadline=None)
@given(SIZES, st.sampled_from([{"longest_edge": 70}, {"longest_edge": 150}, {"height": 70, "width": 130}]))
@example((60, 45), {"longest_edge": 150})
def test_frames_are_counted_as_they_are_cut(size, resized):
    """Also where the processor resizes to something that is not a whole number of frames."""
    vlm = model("idefics3, resized otherwise")
    vlm.image_processor.do_image_splitting, vlm.image_processor.size = True, SizeDict(**resized)
    seen = vlm.image_processor(images=[picture(*size)], return_row_col_info=True)
    assert vlm.family.grid(*size) == (seen["rows"][0][0], seen["cols"][0][0])


@pytest.mark.parametrize("shape", [(64, 64), (64, 65), (65, 64), (300, 20), (20, 300), (128, 128), (100, 70)])
def test_smolvlm_writes_images_as_its_own_processor(shape):
    for name in ("smolvlm", "smolvlm, split"):
        vlm = model(name)
        seen = vlm.image_processor(images=[picture(*shape)], return_row_col_info=True)
        names = "<fake_token_around_image>", "<image>", "<global-img>"
        text = get_image_prompt_string(seen["rows"][0][0], seen["cols"][0][0], 4, *names)
        ids = vlm.family.image_ids(ImageStore().add(picture(*shape)))
        assert list(ids) == vlm.tokenizer(text, add_special_tokens=False)["input_ids"]


@ANY
def test_features_are_those_of_the_classs_own_forward(name):
    """Together or one by one, and so is their gradient."""
    vlm, reference = model(name), reference_of(name)
    images = [picture(64, 64), picture(150, 70, 1), picture(64, 64, 2), picture(40, 200, 3)]
    together = vlm.image_features(images)
    assert len(together.layers) == 1 and together.layers[0].shape == (together.sizes.sum(), vlm.hidden_size)
    twin = copy.deepcopy(vlm.model)
    parts = []
    for image in images:
        seen = reference.encode(reference.image, [image])
        seen = {key: value for key, value in seen.items() if key.startswith("pixel")}
        output = twin.get_image_features(**seen, return_dict=True).pooler_output
        parts.append((torch.cat(list(output)) if isinstance(output, list) else output).reshape(-1, vlm.hidden_size))
    assert together.sizes.tolist() == [len(part) for part in parts]
    expected = torch.cat(parts)
    assert (together.layers[0] - expected).abs().max() < 1e-5 * max(1.0, float(expected.detach().abs().max()))
    gradients = []
    for network, features in ((vlm.model, together.layers[0]), (twin, expected)):
        weight = next(p for key, p in network.named_parameters() if "vision" in key and "q_proj.weight" in key)
        gradients.append(torch.autograd.grad(features.square().mean(), weight)[0])
    assert gradients[1].abs().max() > 0
    assert (gradients[0] - gradients[1]).abs().max() < 1e-5 * max(1.0, float(gradients[1].abs().max()))


def test_a_frame_that_is_zero_after_normalization_is_an_image_all_the_same():
    vlm = tiny("smolvlm")
    vlm.image_processor.image_mean = [0.0, 0.0, 0.0]
    features = vlm.image_features([np.zeros((64, 64, 3), np.uint8), picture(64, 64)])
    assert features.sizes.tolist() == [4, 4] and bool(features.layers[0].isfinite().all())


@pytest.mark.parametrize("window", [5, 9, 1000])
def test_masks_of_gemma3_are_counted_in_tokens(window):
    """In the second of two padded blocks, against the rule told token by token for the sequence without padding."""
    family = tiny("gemma3", sliding_window=window).family
    soft = family.image_token_id
    blocks = [[[20, 21], [22, soft, soft, soft, 23, soft, soft]], [[20, 21, 24, 25, soft, soft, 26], [27, soft, soft]]]
    first, second = (max(len(row[i]) for row in blocks) for i in range(2))
    ids = torch.tensor([row[1] + [0] * (second - len(row[1])) for row in blocks])
    slots = [
        [*range(len(row[0])), *(first + i for i in range(len(row[1])))] for row in blocks
    ]  # where each token of a sequence lies
    mask = torch.zeros(2, first + second, dtype=torch.long)
    for row, used in enumerate(slots):
        mask[row, used] = 1
    cache = RoomyCache(2, 0)
    for layer in range(2):
        cache.update(torch.zeros(2, 2, first, 16), torch.zeros(2, 2, first, 16), layer)
    found = family._mask(ids, cache, mask)
    for row, (before, after) in enumerate(blocks):
        sequence = before + after
        for query in range(len(before), len(sequence)):
            for kind, reach in (("full_attention", 10**9), ("sliding_attention", window)):
                expected = set()
                for key in range(len(sequence)):
                    low, high = min(query, key), max(query, key)
                    one_image = all(token == soft for token in sequence[low : high + 1])
                    if (key <= query or one_image) and query - key < reach:
                        expected.add(slots[row][key])
                seen = found[kind][row, 0, slots[row][query] - first]
                assert set(seen.nonzero()[:, 0].tolist()) == expected


@pytest.mark.parametrize("name", ["smolvlm", "gemma3"])
def test_draws_do_not_depend_on_how_batches_are_made(name):
    tasks = mixed_tasks(name)[2:6]
    expected = play(Watched(model(name)), tasks)
    assert_equal_draws(play(Watched(model(name)), tasks, live=3), expected)


@ANY
def test_what_only_images_bring_is_never_sampled_nor_written(name):
    vlm, reference = model(name), reference_of(name)
    banned = vlm.tokenizer.convert_tokens_to_ids(list(reference.banned))
    logits = vlm.family.logits(torch.randn(3, vlm.hidden_size))
    assert sorted(banned) == vlm.family.banned_ids
    assert torch.isneginf(logits).sum(0).nonzero()[:, 0].tolist() == sorted(banned)
    plain = vlm.codec.opening([user(picture(64, 64), "a")]).ids
    for token in (*reference.banned, reference.end):
        ids = vlm.codec.opening([user(picture(64, 64), f"a{token}b")]).ids
        assert [int((ids == i).sum()) for i in banned] == [int((plain == i).sum()) for i in banned]
        assert (vlm.codec.answer(token) == vlm.codec.end_ids[0]).sum() == 1


@pytest.mark.parametrize("name", ["qwen3_vl", *MODELS])
def test_a_clone_shares_nothing_that_learns(name):
    vlm = model(name)
    other = vlm.clone()
    storages = {p.untyped_storage().data_ptr() for p in vlm.model.parameters()}
    assert type(other.family) is type(vlm.family) and other.family.model is other.model
    assert not storages & {p.untyped_storage().data_ptr() for p in other.model.parameters()}
    message = [user(picture(64, 64), "go")]
    before = hidden_of(vlm, message)
    assert torch.equal(before, hidden_of(other, message))
    with torch.no_grad():
        for parameter in other.model.parameters():
            parameter.mul_(1.5)
    assert torch.equal(before, hidden_of(vlm, message)) and not torch.equal(before, hidden_of(other, message))


def inputs_of(vlm, messages):
    prompt = vlm.codec.opening(messages)
    ids = torch.from_numpy(prompt.ids.astype(np.int64))[None]
    positions = torch.from_numpy(vlm.positions(prompt.ids, prompt.images).copy())[:, None]
    features = vlm.image_features(prompt.pixels)
    return ids, positions, features.take(range(len(prompt.images)))


def hidden_of(vlm, messages):
    with torch.no_grad():
        return vlm.family.hidden(*inputs_of(vlm, messages))


@pytest.mark.parametrize("name", ["qwen3_vl", *MODELS])
def test_hidden_states_are_those_that_predict(name):
    vlm = model(name)
    inputs = inputs_of(vlm, [user(picture(64, 64), "go up")])
    columns = torch.tensor([1, 3, inputs[0].shape[1] - 1])
    rows = torch.zeros_like(columns)
    hidden = vlm.token_hidden(*inputs, rows, columns)
    assert hidden.shape == (3, vlm.hidden_size) and hidden.requires_grad
    logits = vlm.model.lm_head(vlm.family.hidden(*inputs))[0]
    for token, column in zip(vlm.logits(hidden), columns.tolist(), strict=True):
        free = [i for i in range(len(token)) if i not in vlm.family.banned_ids]
        assert torch.allclose(token[free], logits[column - 1][free], atol=1e-5)


def edited(network=None, processor=None, tokenizer=None, template=None):
    """A function that makes a model anew with a change."""

    def make(name):
        vlm = tiny(name)
        (network or (lambda _: None))(vlm.model)
        (processor or (lambda _: None))(vlm.image_processor)
        (tokenizer or (lambda _: None))(vlm.tokenizer)
        if template:
            vlm.tokenizer.chat_template = template(vlm.tokenizer.chat_template)
        return VLM(vlm.model, vlm.tokenizer, vlm.image_processor)

    return make


def set_config(name, value, part=None):
    return lambda network: setattr(getattr(network.config, part) if part else network.config, name, value)


def set_to(**values):
    def change(thing):
        for name, value in values.items():
            setattr(thing, name, value)

    return change


def without(token):
    """A tokenizer that does not know the token."""

    def change(tokenizer):
        vocabulary = {word: i for word, i in tokenizer.get_vocab().items() if word != token}
        tokenizer.get_vocab = lambda: vocabulary

    return change


REFUSED = [
    (
        "smolvlm",
        edited(processor=set_to(max_image_size={"longest_edge": 32})),
        "image_size is 64 .* max_image_size = 32",
    ),
    ("smolvlm", edited(network=set_config("scale_factor", 3)), "scale_factor 3 .* does not divide the 4 patches"),
    ("smolvlm", edited(processor=set_to(do_resize=False)), "do_resize is off in the image processor"),
    ("smolvlm", edited(tokenizer=without("<global-img>")), "SmolVLMFor.* needs a token '<global-img>'"),
    ("idefics3", edited(network=set_config("image_token_id", 3)), "image_token_id is 3 .* and 4 in its tokenizer"),
    ("internvl", edited(processor=set_to(size={"height": 32, "width": 64})), r"image_size is \(64, 64\) .* \(32, 64\)"),
    ("internvl", edited(network=set_config("image_seq_length", 256)), "image_seq_length is 256 .* 2 tokens a side"),
    ("internvl", edited(network=set_config("downsample_ratio", 1 / 3)), "image_seq_length is 4 .* a side"),
    ("internvl", edited(tokenizer=without("</img>")), "needs a token '</img>', which its tokenizer does not have"),
    ("internvl", edited(network=set_config("image_token_id", 6)), "image_token_id is 6 .* and 5 in its tokenizer"),
    (
        "internvl",
        edited(network=set_config("layer_types", ["full_attention", "sliding_attention"], "text_config")),
        r"language model \(qwen2\) has sliding-window layers",
    ),
    ("smolvlm", edited(network=set_config("sliding_window", 8, "text_config")), "has sliding-window layers"),
    ("qwen3_vl", edited(network=set_config("sliding_window", 8, "text_config")), "has sliding-window layers"),
    ("smolvlm", edited(network=set_config("rope_parameters", {"rope_type": "longrope"}, "text_config")), "longrope"),
    ("gemma3", edited(network=lambda network: network.set_attn_implementation("eager")), "'sdpa': .* got 'eager'"),
    ("gemma3", edited(processor=set_to(do_pan_and_scan=True)), "do_pan_and_scan writes sentences"),
    ("gemma3", edited(processor=set_to(size={"height": 32, "width": 32})), "image_size is 64 .* 32 x 32"),
    (
        "gemma3",
        edited(network=set_config("use_bidirectional_attention", True, "text_config")),
        "use_bidirectional_attention lets text see what comes later",
    ),
    ("gemma3", edited(network=set_config("mm_tokens_per_image", 9)), "mm_tokens_per_image is 9 .* makes 4 tokens"),
    ("gemma3", edited(network=set_config("boi_token_index", 10**6)), "boi_token_id is 1000000, which its tokenizer"),
]


@pytest.mark.parametrize(
    ("name", "make", "message"), REFUSED, ids=[f"{name}-{i}" for i, (name, *_) in enumerate(REFUSED)]
)
def test_what_cannot_be_exact_is_refused(name, make, message):
    assert edited()(name).codec.end_ids, "unchanged it must be taken"
    with pytest.raises(ValueError, match=message):
        make(name)


@pytest.mark.parametrize("name", ["smolvlm", "idefics3", "internvl", "gemma3", "qwen3_vl"])
def test_a_processor_of_another_class_is_refused(name):
    other = tiny("gemma3" if name == "internvl" else "internvl")
    vlm = tiny(name)
    with pytest.raises(ValueError, match=r"needs \w+Pil, the image processor that runs without torchvision; got \w+"):
        VLM(vlm.model, vlm.tokenizer, other.image_processor)


@pytest.mark.parametrize("name", ["smolvlm", "internvl", "gemma3"])
def test_templates_that_cannot_be_exact_are_refused(name):
    placeholder = REFERENCES[name](model(name)).image.strip()
    with pytest.raises(TemplateError, match="wrote 0 placeholders for 1 images"):
        edited(template=lambda text: text.replace(placeholder, ""))(name)
    with pytest.raises(TemplateError, match="rewrites earlier turns"):
        edited(
            template=lambda text: text.replace(
                "{%- for message in messages -%}", "{%- for message in messages[-1:] -%}"
            )
        )(name)


@pytest.mark.parametrize("name", ["smolvlm", "gemma3"])
def test_tools_that_a_template_drops_are_noticed(name):
    tools = [{"type": "function", "function": {"name": "move", "description": "Move.", "parameters": {}}}]
    with pytest.raises(TemplateError, match="does not write tools: explain them in the system message"):
        model(name).codec.opening([user(picture(64, 64), "go")], tools)
