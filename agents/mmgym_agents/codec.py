"""Conversation <-> token ids, exactly, by the model's own chat template.

The opening is rendered by the template. What follows an answer is found once, by rendering a dummy conversation and
keeping what stands after the dummy's answer; the sampled ids themselves are appended as they are and never
tokenized again. A template that cannot be extended that way is refused when the codec is built. One exception: where
a template would leave earlier thinking out, it stays as it was sampled.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from mmgym.agent import EncodedPrompt, Message
from mmgym.trajectory import ImageRef, ImageStore

__all__ = ["TemplateChatCodec", "TemplateError"]

_DUMMY_QUESTION: Message = {
    "role": "user",
    "content": [{"type": "image"}, {"type": "text", "text": "Dummy question"}],
}
_DUMMY_ANSWER = "Dummy answer 0815"
_THINK = (
    "Think before you answer: write your reasoning inside <think></think> tags. "
    "Only what follows </think> is read as your answer."
)
_OPENED_THINKING = re.compile(r"<think>\s*(?:</think>\s*)?\Z")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_REMEMBERED = 4096
"""How many rendered texts are kept, and how long they may be."""


class TemplateError(ValueError):
    """The chat template cannot be extended turn by turn without changing what stood before."""


class TemplateChatCodec:
    """A `mmgym.agent.ChatCodec` made of a tokenizer with a chat template.

    Args:
        tokenizer: a transformers tokenizer with a chat template.
        placeholder_id: id of what the template writes for an image.
        image_ids: the ids that stand for an image, in place of its placeholder.
        surround: text that the model's own processor writes before and after each image.
        control_ids: ids beside the tokenizer's special ones that no message may contain.

    Raises:
        TemplateError: without a template, or when it drops an image, or when an earlier turn changes as the
            conversation grows.
    """

    def __init__(
        self,
        tokenizer: Any,
        placeholder_id: int,
        image_ids: Callable[[ImageRef], Sequence[int]],
        surround: str = "",
        control_ids: Iterable[int] = (),
    ):
        if not getattr(tokenizer, "chat_template", None):
            raise TemplateError("the tokenizer has no chat template")
        self.tokenizer = tokenizer
        self.placeholder_id = placeholder_id
        self.image_ids = image_ids
        self._placeholder = tokenizer.convert_ids_to_tokens(placeholder_id)
        self._surrounded = f"{surround}{self._placeholder}{surround}"
        self._lead = ""
        self.thinking = False
        self._ids_of_text: dict[str, list[int]] = {}
        self._texts: dict[Any, str] = {}
        added = {str(t) for t in tokenizer.added_tokens_decoder.values() if t.special or str(t).startswith("<|")}
        added |= set(tokenizer.convert_ids_to_tokens(list(control_ids)))
        control = sorted({*tokenizer.all_special_tokens, *added}, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, control)) or r"(?!)")
        self._check_template()
        self.end_ids = self._end_ids(self._suffix(_DUMMY_QUESTION))

    def with_thinking(self, thinking: bool) -> TemplateChatCodec:
        """This codec with thinking on or off (it is off when a codec is built).

        When on, the system message ends with the request to reason inside ``<think></think>`` before each answer;
        where there is no system message, there is one with the request alone. A template that has a variable
        ``enable_thinking`` is given it either way.

        Raises:
            TemplateError: when the template cannot be extended in this mode.
        """
        if thinking == self.thinking:
            return self
        other = copy.copy(self)
        other.thinking, other._texts = thinking, {}
        other._check_template()
        other.end_ids = other._end_ids(other._suffix(_DUMMY_QUESTION))
        return other

    def opening(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]] = ()) -> EncodedPrompt:
        """Encode messages by the template, up to where the assistant speaks."""
        messages = _asked_to_think(messages) if self.thinking else messages
        key = ("opening", _structure(messages), repr(tools) if tools else "")
        text = self._texts.get(key)
        if text is None:
            plain = self._plain(messages)
            text = self._render(plain, tools)
            if tools and text == self._render(plain):
                raise TemplateError("this chat template does not write tools: explain them in the system message")
            self._remember(self._texts, key, text)
        return self._encode(text, messages)

    def extension(self, message: Message, sampled_ids: np.ndarray) -> EncodedPrompt:
        """Encode what follows an answer: its end token if it was not sampled, and the next user message."""
        ended = len(sampled_ids) > 0 and int(sampled_ids[-1]) in self.end_ids
        key = ("extension", _structure([message]))
        text = self._texts.get(key)
        if text is None:
            text = self._suffix(self._plain([message])[0])
            self._remember(self._texts, key, text)
        prompt = self._encode(text, [message])
        return EncodedPrompt(prompt.ids[1:], prompt.images, prompt.pixels) if ended else prompt

    def answer(self, text: str) -> np.ndarray:
        """The ids of an answer and its end token, int32 (n,)."""
        return np.array([*self._tokenize(self._lead + self._disarm(text)), self.end_ids[0]], np.int32)

    def decode(self, sampled_ids: np.ndarray) -> str:
        """The text of sampled ids, without the end token and the space that the template writes before an answer."""
        ids = [int(i) for i in sampled_ids]
        if ids and ids[-1] in self.end_ids:
            ids = ids[:-1]
        text = self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text.removeprefix(self._lead)

    def _render(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]] = ()) -> str:
        mode = {"enable_thinking": self.thinking} if "enable_thinking" in str(self.tokenizer.chat_template) else {}
        text = self.tokenizer.apply_chat_template(
            list(messages), tools=list(tools) or None, tokenize=False, add_generation_prompt=True, **mode
        )
        return text.replace(self._placeholder, self._surrounded)

    def _check_template(self) -> None:
        """Grow a dummy conversation and see that nothing changes before its end, and that every image is there."""
        answer = {"role": "assistant", "content": [{"type": "text", "text": _DUMMY_ANSWER}]}
        messages = [_DUMMY_QUESTION]
        asked, suffixes = "", []
        for images in (1, 2, 3):
            text = self._render(messages)
            asked = _as_kept(asked, text)
            if images == 2 and text.startswith(asked):
                # the space before an answer is sampled where the generation prompt leaves it out
                answered = text[len(asked) :]
                self._lead = answered[: len(answered) - len(answered.lstrip())]
            before = asked + self._lead + _DUMMY_ANSWER if images > 1 else ""
            if not text.startswith(before):
                raise TemplateError(_rewrites("rewrites earlier turns", before, text))
            suffixes.append(text[len(before) :])
            self._check_images(self._tokenize(text), images)
            asked = text
            messages += [answer, _DUMMY_QUESTION]
        if suffixes[1] != suffixes[2]:
            raise TemplateError(_rewrites("writes equal turns differently", suffixes[1], suffixes[2]))

    def _suffix(self, message: Message) -> str:
        """What the template writes after an answer when `message` comes next."""
        answer = {"role": "assistant", "content": [{"type": "text", "text": _DUMMY_ANSWER}]}
        whole = self._render([_DUMMY_QUESTION, answer, message])
        before = _as_kept(self._render([_DUMMY_QUESTION]), whole) + self._lead + _DUMMY_ANSWER
        if not whole.startswith(before):
            raise TemplateError(_rewrites("rewrites earlier turns", before, whole))
        return whole[len(before) :]

    def _end_ids(self, suffix: str) -> list[int]:
        first = self._tokenize(suffix)[0]
        if first not in self.tokenizer.all_special_ids and first not in self.tokenizer.added_tokens_decoder:
            raise TemplateError("this chat template does not end an answer with a special token")
        eos = self.tokenizer.eos_token_id
        return [first] + ([eos] if eos is not None and eos != first else [])

    def _plain(self, messages: Sequence[Message]) -> list[Message]:
        """The messages as the template sees them: images as placeholders, no control tokens in anybody's text."""
        plain = copy.deepcopy([{**m, "content": [_without_pixels(part) for part in m["content"]]} for m in messages])
        for message in plain:
            before = ""
            for part in message["content"]:
                if part["type"] != "text":
                    before = ""
                    continue
                text = self._disarm(part["text"])
                if self._control.search(before + text):  # a control token whose halves are in two parts
                    text = " " + text
                part["text"] = text
                before += text
        return plain

    def _disarm(self, text: str) -> str:
        """Text in which no control token is left, nor a lone surrogate, which no tokenizer can read."""
        return self._control.sub(lambda match: f"{match[0][0]} {match[0][1:]}", _SURROGATES.sub("\ufffd", text))

    def _tokenize(self, text: str) -> list[int]:
        ids = self._ids_of_text.get(text)
        if ids is None:
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            self._remember(self._ids_of_text, text, ids)
        return ids

    @staticmethod
    def _remember(memory: dict[Any, Any], key: Any, value: Any) -> None:
        if len(value) > _REMEMBERED:
            return
        if len(memory) >= _REMEMBERED:
            memory.clear()
        memory[key] = value

    def _check_images(self, ids: Sequence[int], images: int) -> None:
        found = list(ids).count(self.placeholder_id)
        if found != images:
            raise TemplateError(
                f"the chat template wrote {found} placeholders for {images} images: it may drop those of some roles, "
                "or all but the last (images belong in user messages)"
            )

    def _encode(self, text: str, messages: Sequence[Message]) -> EncodedPrompt:
        pixels = tuple(part["image"] for m in messages for part in m["content"] if part["type"] == "image")
        store = ImageStore()
        images = tuple(store.add(image) for image in pixels)
        ids = self._tokenize(text)
        self._check_images(ids, len(images))
        expanded: list[int] = []
        remaining = iter(images)
        for i in ids:
            expanded += self.image_ids(next(remaining)) if i == self.placeholder_id else [i]
        return EncodedPrompt(np.array(expanded, np.int32), images, pixels)


def _without_pixels(part: dict[str, Any]) -> dict[str, Any]:
    """The part as a template of a model with eyes and no ears can write it: nothing is left out in silence."""
    if part["type"] == "audio":
        seconds = len(part["audio"]) / part["sampling_rate"]
        return {"type": "text", "text": f"(Sound of {seconds:.1f} s, which you cannot hear.)"}
    return {"type": "image"} if part["type"] == "image" else part


def _asked_to_think(messages: Sequence[Message]) -> list[Message]:
    """The messages with the request to reason at the end of the system message."""
    request = {"type": "text", "text": _THINK}
    if messages[0]["role"] != "system":
        return [{"role": "system", "content": [request]}, *messages]
    content = [*messages[0]["content"], {**request, "text": f"\n\n{_THINK}"}]
    return [{**messages[0], "content": content}, *messages[1:]]


def _as_kept(prompt: str, whole: str) -> str:
    """`prompt` as it stands in `whole`.

    Templates of thinking models open (or open and close) the thinking where the assistant speaks, and leave that out
    of earlier turns. Ids are never rewritten, so in a sequence it stays, as does all that was sampled after it.
    """
    return prompt if whole.startswith(prompt) else _OPENED_THINKING.sub("", prompt)


def _structure(messages: Sequence[Message]) -> tuple[Any, ...]:
    """What of the messages decides the rendered text: roles, texts, and where images stand."""
    return tuple((m["role"], tuple(_without_pixels(part).get("text") for part in m["content"])) for m in messages)


def _rewrites(what: str, expected: str, found: str) -> str:
    """The message of a `TemplateError`, with the place where the texts part."""
    common = next((i for i, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), len(found))
    place = f"{expected[common : common + 40]!r} became {found[common : common + 40]!r}"
    return (
        f"this chat template {what} as a conversation grows, so ids cannot be appended exactly: {place}. "
        "Set tokenizer.chat_template to one that only appends"
    )
