"""What an agent reads: observations and instructions as chat messages.

Messages are the plain dictionaries that chat templates of transformers take: ``{"role": ..., "content": [parts]}``,
where a part is ``{"type": "text", "text": str}``, ``{"type": "image", "image": uint8 array (height, width, 3)}`` or
``{"type": "audio", "audio": float32 array (samples,), "sampling_rate": int}``.
Images that an environment returns go into a user message: most chat templates drop images in tool messages silently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from mmgym.formats import check_format, instructions
from mmgym.parts import AudioSpace, PartsSpace
from mmgym.spaces import TextSpace, ToolSpace

__all__ = [
    "NATIVE",
    "PROMPTS",
    "check_observation_space",
    "is_image",
    "is_image_sequence",
    "observation_content",
    "opening",
    "prompt_template",
    "user_message",
]

Part = dict[str, Any]
"""One part of a message's content."""
Message = dict[str, Any]
"""One chat message."""

HIDDEN = ("action_mask",)
"""Entries of an observation that no agent sees."""
PROMPTS = ("full", "think", "minimal")
"""Prompts by name: the files of ``mmgym/prompts``, and ``minimal``, which is none."""
NATIVE = "native"
"""In place of a text format: the agent is given the tools' schemas, for its own protocol or chat template."""


def is_image(space: gym.Space[Any]) -> bool:
    """Whether elements of `space` are images: a uint8 `Box` of shape (height, width, 3)."""
    return (
        isinstance(space, gym.spaces.Box)
        and space.dtype == np.uint8
        and len(space.shape) == 3
        and space.shape[2] == 3
        and min(space.shape) > 0
    )


def is_image_sequence(space: gym.Space[Any]) -> bool:
    """Whether elements of `space` are several images: a `gymnasium.spaces.Sequence` of images."""
    return isinstance(space, gym.spaces.Sequence) and is_image(space.feature_space)


def check_observation_space(space: Any) -> gym.spaces.Dict:
    """`space`, after a check that every entry of an observation can be shown; to be called before an episode begins.

    Raises:
        TypeError: for a space that is no `Dict`, or an entry that is neither image, images, text, parts, sound nor
            hidden.
    """
    allowed = "a uint8 Box (height, width, 3), a Sequence of them, a TextSpace, a PartsSpace or an AudioSpace"
    if not isinstance(space, gym.spaces.Dict):
        raise TypeError(f"observations must be a gymnasium.spaces.Dict of {allowed}; got {space!r}")
    for name, part in space.spaces.items():
        known = is_image(part) or is_image_sequence(part) or isinstance(part, (TextSpace, PartsSpace, AudioSpace))
        if name not in HIDDEN and not known:
            raise TypeError(f"observation entry {name!r} cannot be shown to an agent: expected {allowed}; got {part!r}")
    return space


def observation_content(space: gym.Space[Any], observation: Mapping[str, Any]) -> list[Part]:
    """The parts of the message that shows `observation`, in the order of `space`.

    Empty texts and sounds are left out, hidden entries too. Images are passed on as they are, not copied.

    Raises:
        TypeError: when the space has an entry that cannot be shown (see `check_observation_space`).
        ValueError: when the observation lacks an entry of the space.
    """
    parts = check_observation_space(space).spaces
    missing = [name for name in parts if name not in observation]
    if missing:
        raise ValueError(f"the observation lacks {', '.join(missing)}; it holds {', '.join(observation)}")
    content: list[Part] = []
    for name, part in parts.items():
        if name in HIDDEN:
            continue
        value = observation[name]
        if isinstance(part, AudioSpace):
            content += [{"type": "audio", "audio": value, "sampling_rate": part.sample_rate}] if len(value) else []
        else:
            single = isinstance(part, TextSpace) or is_image(part)
            content += [_part(shown) for shown in ([value] if single else value) if not isinstance(shown, str) or shown]
    return content


def _part(shown: Any) -> Part:
    return {"type": "text", "text": shown} if isinstance(shown, str) else {"type": "image", "image": shown}


def opening(instruction: str, space: ToolSpace, format: str, prompt: str = "full") -> list[Message]:
    """The messages before the first observation.

    Args:
        instruction: the rules and the goal, e.g. ``unwrap(env).instruction``.
        space: the tools.
        format: how the agent writes calls, one of `mmgym.formats.FORMATS`; `NATIVE` does not explain the tools.
        prompt: what the system message says, one of `PROMPTS` or a file (see `prompt_template`); ``"minimal"`` gives
            none, for an agent that was trained to know both.

    Raises:
        ValueError: for an unknown format or prompt, naming the known ones.
    """
    if format != NATIVE:
        check_format(format)
    template = prompt_template(prompt)
    if not template:
        return []
    fields = {"instruction": instruction.strip(), "tools": "" if format == NATIVE else instructions(space, format)}
    text = re.sub(r"\{(instruction|tools)\}", lambda found: fields[found[1]], template).strip()
    return [{"role": "system", "content": [{"type": "text", "text": text}]}]


@lru_cache
def prompt_template(prompt: str) -> str:
    """The text of a prompt, with ``{instruction}`` and ``{tools}`` where these go; empty for ``minimal``.

    Args:
        prompt: one of `PROMPTS`, or the path of a file that ends in ``.md`` or ``.txt``.

    Raises:
        ValueError: for anything else, or a file that does not say where the instruction goes.
    """
    if prompt == "minimal":
        return ""
    if prompt in PROMPTS:
        from importlib import resources

        return resources.files("mmgym").joinpath("prompts", f"{prompt}.md").read_text()
    if not str(prompt).endswith((".md", ".txt")):
        raise ValueError(f"prompt must be {', '.join(PROMPTS)}, or a file .md or .txt; got {prompt!r}")
    if not Path(prompt).is_file():
        raise ValueError(f"prompt must be {', '.join(PROMPTS)}, or a file; there is no {prompt}")
    text = Path(prompt).read_text()
    if "{instruction}" not in text:
        raise ValueError(f"{prompt} must hold {{instruction}}, where the rules and the goal go")
    return text


def user_message(content: list[Part]) -> Message:
    """The user message with this content."""
    return {"role": "user", "content": list(content)}
