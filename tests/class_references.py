"""What each class's own template, processor and forward make of a conversation, without the code under test.

Chats are written down by hand, ids and pixels come from the processor of the class, where it runs without
torchvision, and logits from the class's own forward on those pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import Gemma3Processor, Idefics3Processor, InternVLProcessor


class _InternVLWithoutVideo(InternVLProcessor):
    """The class's processor without its part for video, which alone needs torchvision."""

    def check_argument_for_proper_class(self, argument_name: str, argument: Any) -> Any:
        return argument and super().check_argument_for_proper_class(argument_name, argument)


class Reference:
    """ChatML as the Qwen-VL classes write it; their processors need torchvision, so placeholders are counted here."""

    begin, end, image = "", "<|im_end|>", "<|vision_start|><|image_pad|><|vision_end|>"
    banned: tuple[str, ...] = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")

    def __init__(self, vlm: Any):
        self.vlm, self.tokenizer = vlm, vlm.tokenizer

    def parts(self, message: Any) -> str:
        return "".join(self.image if part["type"] == "image" else part["text"] for part in message["content"])

    def prompt(self, messages: Any) -> str:
        """System and user messages, up to where the assistant speaks."""
        turns = (f"<|im_start|>{m['role']}\n{self.parts(m)}<|im_end|>\n" for m in messages)
        return "".join(turns) + "<|im_start|>assistant\n"

    def encode(self, text: str, images: list[np.ndarray]) -> dict[str, torch.Tensor]:
        """Ids int64 (1, n) of a text, and what the model reads of its images."""
        pad = self.tokenizer.convert_tokens_to_ids("<|image_pad|>")
        seen = self.vlm.image_processor(images=images, return_tensors="pt") if images else {}
        sizes = iter(seen["image_grid_thw"].prod(-1).tolist() if images else [])
        merge = self.vlm.image_processor.merge_size**2
        ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        ids = [i for found in ids for i in [found] * (next(sizes) // merge if found == pad else 1)]
        return {"input_ids": torch.tensor([ids]), **seen}

    def forward(self, twin: Any, ids: torch.Tensor, images: list[np.ndarray]) -> torch.Tensor:
        """Logits (n, vocabulary) of the class's own forward, what may not be sampled at minus infinity."""
        seen = self.encode(self.image * len(images), images)
        extra = self.extra(ids, twin, seen)
        seen = {name: value for name, value in seen.items() if name.startswith(("pixel", "image_grid"))}
        with torch.no_grad():
            logits = twin(input_ids=ids, **seen, **extra).logits[0].float()
        logits[:, self.tokenizer.convert_tokens_to_ids(list(self.banned))] = -torch.inf
        return logits

    def extra(self, ids: torch.Tensor, twin: Any, seen: Any) -> dict[str, torch.Tensor]:
        kinds = (ids == twin.config.image_token_id).int()
        positions, _ = twin.model.get_rope_index(ids, mm_token_type_ids=kinds, image_grid_thw=seen["image_grid_thw"])
        return {"mm_token_type_ids": kinds, "position_ids": positions}


class InternVLReference(Reference):
    image = "<IMG_CONTEXT>\n"
    banned = ("<img>", "</img>", "<IMG_CONTEXT>", "<video>")

    def encode(self, text: str, images: list[np.ndarray]) -> dict[str, torch.Tensor]:
        processor = _InternVLWithoutVideo(self.vlm.image_processor, self.tokenizer, None, image_seq_length=4)
        return processor(text=[text], images=images or None, return_tensors="pt", add_special_tokens=False)

    def extra(self, ids: torch.Tensor, twin: Any, seen: Any) -> dict[str, torch.Tensor]:
        return {}


class Idefics3Reference(Reference):
    """Also for SmolVLM: its processor writes the same, and needs a package for video that nothing else does."""

    begin, end, image = "<|im_start|>", "<end_of_utterance>", "<image>"
    banned = (
        *("<fake_token_around_image>", "<image>", "<global-img>"),
        *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
    )

    def prompt(self, messages: Any) -> str:
        text = ""
        for message in messages:
            colon = ":" if message["content"][0]["type"] == "image" else ": "
            text += message["role"].capitalize() + colon + self.parts(message) + "<end_of_utterance>\n"
        return text + "Assistant:"

    def encode(self, text: str, images: list[np.ndarray]) -> dict[str, torch.Tensor]:
        processor = Idefics3Processor(self.vlm.image_processor, self.tokenizer, image_seq_len=4)
        return processor(
            text=[text], images=[images] if images else None, return_tensors="pt", add_special_tokens=False
        )

    def extra(self, ids: torch.Tensor, twin: Any, seen: Any) -> dict[str, torch.Tensor]:
        return {}


class Gemma3Reference(Reference):
    begin, end, image = "<bos>", "<end_of_turn>", "<start_of_image>"
    banned = ("<start_of_image>", "<end_of_image>", "<image_soft_token>")

    def parts(self, message: Any) -> str:
        return "".join(self.image if part["type"] == "image" else part["text"].strip() for part in message["content"])

    def prompt(self, messages: Any) -> str:
        rules = "".join(m["content"][0]["text"] + "\n\n" for m in messages if m["role"] == "system")
        return f"<start_of_turn>user\n{rules}{self.parts(messages[-1])}<end_of_turn>\n<start_of_turn>model\n"

    def encode(self, text: str, images: list[np.ndarray]) -> dict[str, torch.Tensor]:
        processor = Gemma3Processor(self.vlm.image_processor, self.tokenizer, image_seq_length=4)
        return processor(
            text=[text], images=[images] if images else None, return_tensors="pt", add_special_tokens=False
        )

    def extra(self, ids: torch.Tensor, twin: Any, seen: Any) -> dict[str, torch.Tensor]:
        return {"token_type_ids": (ids == twin.config.image_token_id).int()}


REFERENCES: dict[str, type[Reference]] = {
    "qwen3_vl": Reference,
    "qwen2_5_vl": Reference,
    "smolvlm": Idefics3Reference,
    "idefics3": Idefics3Reference,
    "internvl": InternVLReference,
    "gemma3": Gemma3Reference,
}


def pictures_of(messages: Any) -> list[np.ndarray]:
    return [part["image"] for message in messages for part in message["content"] if part["type"] == "image"]


def expected_ids(vlm: Any, family: str, messages: Any, answers: Any) -> list[int]:
    """Ids of user messages with the sampled answers between them: each answer closed if it was not."""
    reference = REFERENCES[family](vlm)
    end = vlm.tokenizer.convert_tokens_to_ids(reference.end)
    other_end = vlm.tokenizer.eos_token_id
    system = [m for m in messages if m["role"] == "system"]
    users = [m for m in messages if m["role"] == "user"]
    ids: list[int] = []
    for index, user in enumerate(users):
        text = reference.prompt([user] if index else [*system, user])
        if index and ids[-1] not in (end, other_end):
            ids.append(end)
        text = ("\n" if index else reference.begin) + text
        ids += reference.encode(text, pictures_of([user]))["input_ids"][0].tolist()
        if index < len(answers):
            ids += answers[index].tolist()
    return ids
