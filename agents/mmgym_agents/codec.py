"""Conversation <-> token ids, exactly, by the model's own chat template.

The opening is rendered by the template. What follows an answer is found once, by rendering a dummy conversation and
keeping what stands after the dummy's answer; the sampled ids themselves are appended as they are and never
tokenized again. A template that cannot be extended that way is refused when the codec is built.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
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
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_REMEMBERED = 4096
"""How many rendered texts are kept, and how long they may be."""


class TemplateError(ValueError):
    """The chat template cannot be extended turn by turn without changing what stood before."""


class TemplateChatCodec:
    """A `mmgym.agent.ChatCodec` made of a tokenizer with a chat template.

    Args:
        tokenizer: a transformers tokenizer with a chat template.
        image_token_id: id of the image placeholder in the template's output.
        image_tokens: number of placeholders that an image takes.

    Raises:
        TemplateError: without a template, or when it drops an image, or when an earlier turn changes as the
            conversation grows.
    """

    def __init__(self, tokenizer: Any, image_token_id: int, image_tokens: Callable[[ImageRef], int]):
        if not getattr(tokenizer, "chat_template", None):
            raise TemplateError("the tokenizer has no chat template")
        self.tokenizer = tokenizer
        self.image_token_id = image_token_id
        self.image_tokens = image_tokens
        self._ids_of_text: dict[str, list[int]] = {}
        self._texts: dict[Any, str] = {}
        added = {str(t) for t in tokenizer.added_tokens_decoder.values() if t.special or str(t).startswith("<|")}
        control = sorted({*tokenizer.all_special_tokens, *added}, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, control)) or r"(?!)")
        self._check_template()
        self.end_ids = self._end_ids(self._suffix(_DUMMY_QUESTION))

    def opening(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]] = ()) -> EncodedPrompt:
        """Encode messages by the template, up to where the assistant speaks."""
        key = ("opening", _structure(messages), repr(tools) if tools else "")
        text = self._texts.get(key)
        if text is None:
            text = self._render(self._plain(messages), tools)
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
        return np.array([*self._tokenize(self._disarm(text)), self.end_ids[0]], np.int32)

    def decode(self, sampled_ids: np.ndarray) -> str:
        """The text of sampled ids, without the end token."""
        ids = [int(i) for i in sampled_ids]
        if ids and ids[-1] in self.end_ids:
            ids = ids[:-1]
        return self.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def _render(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]] = ()) -> str:
        return self.tokenizer.apply_chat_template(
            list(messages), tools=list(tools) or None, tokenize=False, add_generation_prompt=True
        )

    def _check_template(self) -> None:
        """Grow a dummy conversation and see that nothing changes before its end, and that every image is there."""
        answer = {"role": "assistant", "content": [{"type": "text", "text": _DUMMY_ANSWER}]}
        messages = [_DUMMY_QUESTION]
        before, suffixes = "", []
        for images in (1, 2, 3):
            text = self._render(messages)
            if not text.startswith(before):
                raise TemplateError(_rewrites("rewrites earlier turns", before, text))
            suffixes.append(text[len(before) :])
            self._check_images(self._tokenize(text), images)
            before = text + _DUMMY_ANSWER
            messages += [answer, _DUMMY_QUESTION]
        if suffixes[1] != suffixes[2]:
            raise TemplateError(_rewrites("writes equal turns differently", suffixes[1], suffixes[2]))

    def _suffix(self, message: Message) -> str:
        """What the template writes after an answer when `message` comes next."""
        before = self._render([_DUMMY_QUESTION]) + _DUMMY_ANSWER
        answer = {"role": "assistant", "content": [{"type": "text", "text": _DUMMY_ANSWER}]}
        whole = self._render([_DUMMY_QUESTION, answer, message])
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
        found = list(ids).count(self.image_token_id)
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
            expanded += [i] * self.image_tokens(next(remaining)) if i == self.image_token_id else [i]
        return EncodedPrompt(np.array(expanded, np.int32), images, pixels)


def _without_pixels(part: dict[str, Any]) -> dict[str, Any]:
    """The part as a template of a model with eyes and no ears can write it: nothing is left out in silence."""
    if part["type"] == "audio":
        seconds = len(part["audio"]) / part["sampling_rate"]
        return {"type": "text", "text": f"(Sound of {seconds:.1f} s, which you cannot hear.)"}
    return {"type": "image"} if part["type"] == "image" else part


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
