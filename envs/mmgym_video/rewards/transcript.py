"""An episode as the published rewards read it: what the model wrote, and what came back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mmgym.formats import parse
from mmgym.spaces import ToolSpace
from mmgym.trajectory import Trajectory
from mmgym_video.question import Question

__all__ = ["Exchange", "Transcript", "read_json_call"]


@dataclass(frozen=True)
class Exchange:
    """One turn: what the model wrote, and what the tools said to it."""

    said: str
    """The model's text, thinking included. Calls are JSON in ``<tool_call>`` tags, the answer is in ``<answer>`` tags
    (FrameThinker: in ``<action>`` tags)."""
    reply: str = ""
    """The text that came back."""
    images: int = 0
    """Number of pictures that came back."""
    failed: bool = False
    """Whether a tool was called and refused the call, or the call could not be read."""
    tokens: int = 0
    """Number of tokens that were sampled for `said`."""


@dataclass(frozen=True)
class Transcript:
    """One whole episode of one question."""

    question: Question
    exchanges: tuple[Exchange, ...]
    is_video: bool = True
    """Whether the question is about a video; else about pictures."""
    total_frames: int = 0
    """Number of frames of the video, for rewards that count in frames (FrameThinker); 0 if it does not matter."""

    @property
    def text(self) -> str:
        """All that the model wrote."""
        return "".join(exchange.said for exchange in self.exchanges)

    @property
    def tokens(self) -> int:
        """Number of tokens that were sampled."""
        return sum(exchange.tokens for exchange in self.exchanges)

    @classmethod
    def from_trajectory(
        cls,
        question: Question,
        trajectory: Trajectory,
        space: ToolSpace,
        format: str,
        is_video: bool = True,
        total_frames: int = 0,
    ) -> Transcript:
        """Read an episode of mmgym as the papers would have written it.

        The call of `answer` becomes text in ``<answer>`` tags. Where calls are written without ``<tool_call>`` tags
        they are put into them, and what stood around them goes; a text that makes no valid call stays as it is.

        Args:
            question: what the episode asked.
            trajectory: the episode; its turns' terms must be those of the environments of this package.
            space: the tools of the environment.
            format: the text format in which the agent wrote its calls, one of `mmgym.formats.FORMATS`.
            is_video: whether the question is about a video.
            total_frames: number of frames of the video.
        """
        exchanges = [
            Exchange(
                said=_published(turn.text, space, format),
                reply=turn.feedback,
                images=round(turn.terms.get("frames", 0.0)),
                failed=turn.terms.get("look_errors", 0.0) > 0 or turn.terms.get("valid", 1.0) <= 0,
                tokens=len(turn.sampled_ids),
            )
            for turn in trajectory.turns
        ]
        return cls(question, tuple(exchanges), is_video, total_frames)


def read_json_call(text: str) -> tuple[str, dict[str, Any]] | None:
    """Name and arguments of a call written as JSON; None for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    arguments = value.get("arguments", {})
    return (value["name"], arguments) if isinstance(arguments, dict) else None


def _published(text: str, space: ToolSpace, format: str) -> str:
    thinking, mark, action = text.rpartition("</think>")
    if "<tool_call>" in action:
        return thinking + mark + _tag_answers(action)
    try:
        calls = parse(text, space, format)
    except ValueError:
        return text
    return thinking + mark + "".join(_write(call.name, dict(call.arguments)) for call in calls)


def _tag_answers(text: str) -> str:
    """The text with calls of `answer` put into ``<answer>`` tags."""
    before, *parts = text.split("<tool_call>")
    pieces = [before]
    for part in parts:
        body, closed, rest = part.partition("</tool_call>")
        call = read_json_call(body) if closed else None
        pieces.append(_write(*call) + rest if call and call[0] == "answer" else f"<tool_call>{part}")
    return "".join(pieces)


def _write(name: str, arguments: dict[str, Any]) -> str:
    if name == "answer":
        return f"<answer>{next(iter(arguments.values()), '')}</answer>"
    return f"<tool_call>{json.dumps({'name': name, 'arguments': arguments}, ensure_ascii=False)}</tool_call>"
