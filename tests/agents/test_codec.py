"""The codec: the opening is the template's own, what follows is appended exactly, and no text is tokenized twice."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playing import WORDS, tiny

from mmgym_agents.codec import TemplateChatCodec, TemplateError
from mmgym_agents.tiny import CHAT_TEMPLATE, build_tokenizer

IMAGE = np.full((64, 64, 3), 90, np.uint8)
WIDE = np.full((64, 128, 3), 30, np.uint8)
TOOLS = [{"type": "function", "function": {"name": "move", "description": "Move.", "parameters": {}}}]


@pytest.fixture(scope="module")
def vlm():
    return tiny()


@pytest.fixture(scope="module")
def codec(vlm):
    return vlm.codec


def user(*parts):
    content = [{"type": "text", "text": p} if isinstance(p, str) else {"type": "image", "image": p} for p in parts]
    return {"role": "user", "content": content}


def system(text):
    return {"role": "system", "content": [{"type": "text", "text": text}]}


def templated(tokenizer, messages, tools=None):
    """Ids by transformers alone, each image placeholder expanded."""
    plain = copy.deepcopy(messages)
    sizes = []
    for message in plain:
        for part in message["content"]:
            if part["type"] == "image":
                image = part.pop("image")
                sizes.append(image.shape[0] * image.shape[1] // 32**2)
    text = tokenizer.apply_chat_template(plain, tools=tools, tokenize=False, add_generation_prompt=True)
    pad = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    sizes = iter(sizes)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return [i for found in ids for i in [found] * (next(sizes) if found == pad else 1)]


def with_template(template, tokenizer=None):
    tokenizer = tokenizer or build_tokenizer()
    tokenizer.chat_template = template
    pad = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    return TemplateChatCodec(tokenizer, pad, lambda image: [pad] * 4)


@pytest.mark.parametrize("tools", [None, TOOLS], ids=["no tools", "tools"])
@pytest.mark.parametrize(
    "messages",
    [
        [user(IMAGE)],
        [user("up", IMAGE, "down", WIDE, IMAGE, "x")],
        [system("Walk to the goal."), user(IMAGE, "left")],
        [user("no image at all")],
    ],
    ids=["image", "many", "system", "text"],
)
def test_the_opening_is_the_templates_own(codec, messages, tools):
    for _ in range(2):  # the second time from memory
        prompt = codec.opening(messages, tools or ())
        assert prompt.ids.tolist() == templated(codec.tokenizer, messages, tools) and prompt.ids.dtype == np.int32
    images = [part["image"] for m in messages for part in m["content"] if part["type"] == "image"]
    assert len(images) == len(prompt.images) == len(prompt.pixels)
    assert all(np.array_equal(a, b) for a, b in zip(images, prompt.pixels, strict=True))
    assert [(i.height, i.width) for i in prompt.images] == [image.shape[:2] for image in images]


def test_tools_are_in_the_opening(codec):
    text = codec.decode(codec.opening([system("Rules."), user(IMAGE)], TOOLS).ids)
    assert '"name": "move"' in text and text.index("Rules.") < text.index("<tools>")


def test_a_conversation_grows_as_the_template_writes_it(codec):
    """Where the answers tokenize as sampled, the appended ids are those of the whole conversation."""
    messages = [system("Rules."), user(IMAGE)]
    ids = codec.opening(messages).ids.tolist()
    for number in range(3):
        answer = f"<action>{WORDS[number]}</action>"
        following = user(WIDE, IMAGE, f"note {number}")
        sampled = codec.answer(answer)
        ids += sampled.tolist() + codec.extension(following, sampled).ids.tolist()
        messages += [{"role": "assistant", "content": [{"type": "text", "text": answer}]}, following]
        assert ids == templated(codec.tokenizer, messages)


def test_an_answer_without_its_end_token_is_closed(codec):
    ended = codec.answer("up")
    cut = ended[:-1]
    after_ended, after_cut = (codec.extension(user(IMAGE), sampled) for sampled in (ended, cut))
    assert ended[-1] == codec.end_ids[0] == codec.tokenizer.eos_token_id
    assert after_cut.ids.tolist() == [int(ended[-1]), *after_ended.ids.tolist()]
    assert codec.decode(ended) == codec.decode(cut) == "up"
    empty = np.zeros(0, np.int32)
    assert codec.extension(user(IMAGE), empty).ids.tolist() == after_cut.ids.tolist()


def test_sampled_ids_stay_as_they_are(codec):
    """Ids that spell a text in an unusual way are not replaced by the usual ones."""
    usual = codec.answer("up")[:-1]
    odd = np.array([codec.tokenizer.convert_tokens_to_ids(letter) for letter in "up"], np.int32)
    assert len(usual) == 1 and len(odd) == 2 and codec.decode(odd) == codec.decode(usual) == "up"
    from mmgym.agent import Conversation
    from mmgym.spaces import Tool, ToolSpace
    from mmgym.trajectory import EpisodeTask
    from mmgym_agents.context import Context

    messages = [user(IMAGE), user(IMAGE)]
    conversation = Conversation(0, EpisodeTask("x", 0), ToolSpace([Tool("go", "")]), messages=messages)
    prompt, extends = Context(codec).prompt(conversation, [(messages[0], odd)], extendable=False)
    start = len(codec.opening(messages[:1]).ids)
    assert not extends and prompt.ids[start : start + 2].tolist() == odd.tolist()


def test_a_sound_is_never_dropped_in_silence(codec):
    sound = {"type": "audio", "audio": np.zeros(80, np.float32), "sampling_rate": 40}
    heard = codec.opening([{"role": "user", "content": [sound, {"type": "text", "text": "go"}]}])
    assert "(Sound of 2.0 s, which you cannot hear.)go" in codec.decode(heard.ids)
    shown = codec.opening([user(IMAGE, "go")])
    assert len(shown.images) == 1 and "Sound" not in codec.decode(shown.ids)


CONTROL = ["<|im_end|>", "<|im_start|>system", "<|image_pad|>", "<|vision_start|>", "<|endoftext|>", "<|video_pad|>"]


@pytest.mark.parametrize("control", CONTROL)
def test_control_tokens_in_texts_are_disarmed(codec, control):
    """An environment's text (it may quote an agent) ends no message and makes no image."""
    texts = [f"a{control}b", control * 3, f"<|{control}|>", f"<|im_<|im_end|>end|>{control}"]
    plain = codec.opening([user(IMAGE, "a")]).ids
    special = {i: (plain == i).sum() for i in codec.tokenizer.added_tokens_decoder}
    for text in texts:
        opening = codec.opening([user(IMAGE, text)])
        following = codec.extension(user(IMAGE, text), codec.answer("up"))
        assert {i: (opening.ids == i).sum() for i in special} == special
        assert (following.ids == codec.placeholder_id).sum() == 4
        assert (following.ids == codec.end_ids[0]).sum() == 1
        assert (codec.answer(text) == codec.end_ids[0]).sum() == 1


def test_a_control_token_in_two_parts_is_disarmed(codec):
    for cut in range(1, len("<|im_end|>")):
        message = user(IMAGE, "a<|im_end|>"[: cut + 1], "<|im_end|>b"[cut:])
        assert (codec.opening([message]).ids == codec.end_ids[0]).sum() == 1


def test_markup_that_answers_use_is_left_alone(codec):
    for text in ("<tool_call>", "<action>up</action>", "<think>", "a < b | c > d"):
        assert text in codec.decode(codec.opening([user(text)]).ids)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec=None), max_size=40))
def test_any_text_can_be_shown_and_said(codec, text):
    prompt = codec.opening([user(IMAGE, text)])
    assert (prompt.ids == codec.placeholder_id).sum() == 4
    assert (prompt.ids == codec.end_ids[0]).sum() == 1
    said = codec.answer(text)
    assert codec.decode(said) == codec._disarm(text)


def test_a_template_that_rewrites_history_is_refused():
    thoughtless = CHAT_TEMPLATE.replace(
        "{{ render(message.content) }}<|im_end|>",
        "{% if message.role == 'assistant' %}{{ render(message.content).split()[-1] }}{% else %}"
        "{{ render(message.content) }}{% endif %}<|im_end|>",
    )
    with pytest.raises(TemplateError, match=r"rewrites earlier turns .* 'Dummy answer.* became '0815.*only appends"):
        with_template(thoughtless)
    counted = CHAT_TEMPLATE.replace(
        "<|im_start|>{{ message.role }}", "<|im_start|>{{ message.role }}{{ messages|length }}"
    )
    with pytest.raises(TemplateError, match="rewrites earlier turns"):
        with_template(counted)


def test_a_template_that_numbers_turns_is_refused():
    numbered = CHAT_TEMPLATE.replace(
        "<|im_start|>{{ message.role }}",
        "<|im_start|>{{ message.role }}{{ loop.index if message.role == 'user' else '' }}",
    )
    with pytest.raises(TemplateError, match="writes equal turns differently"):
        with_template(numbered)


def test_a_template_that_drops_images_is_refused():
    blind = CHAT_TEMPLATE.replace("<|vision_start|><|image_pad|><|vision_end|>", "")
    with pytest.raises(TemplateError, match="wrote 0 placeholders for 1 images"):
        with_template(blind)
    forgetful = CHAT_TEMPLATE.replace("{%- for message in messages -%}", "{%- for message in messages[-1:] -%}")
    with pytest.raises(TemplateError, match="rewrites earlier turns"):
        with_template(forgetful)


def test_images_in_a_role_that_drops_them_are_noticed():
    template = CHAT_TEMPLATE.replace(
        "{{ render(message.content) }}<|im_end|>",
        "{{ message.content[-1].text if message.role == 'tool' else render(message.content) }}<|im_end|>",
    )
    codec = with_template(template)
    message = {**user(IMAGE, "seen"), "role": "tool"}
    with pytest.raises(TemplateError, match=r"wrote 0 placeholders for 1 images.*some roles.*user messages"):
        codec.extension(message, codec.answer("up"))


def test_no_template_and_no_end_token_are_refused():
    with pytest.raises(TemplateError, match="no chat template"):
        with_template(None)
    endless = CHAT_TEMPLATE.replace("<|im_end|>", "")
    with pytest.raises(TemplateError, match="special token"):
        with_template(endless)


def test_long_texts_are_not_remembered(codec):
    before = len(codec._texts), len(codec._ids_of_text)
    codec.opening([user("long " * 2000)])
    assert (len(codec._texts), len(codec._ids_of_text)) == before
