"""A text in place of turns that are no longer read: what was done in them, and what came back.

No model writes it. Each turn is one line, made of what is known exactly: the answer without its thinking, and the
environment's feedback, both shortened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmgym.agent import Conversation

__all__ = ["DEFAULT_CHARACTERS", "MIN_CHARACTERS", "PastTurn", "Summarise", "past_turns", "summarise_turns"]

DEFAULT_CHARACTERS = 600
"""Longest summary where none is named."""
MIN_CHARACTERS = 240
"""Shortest allowed limit: the heading, the count of what was left out and any one line fit into it."""

_PART_CHARACTERS = 96
_HEADING = "Earlier turns:"


@dataclass(frozen=True, slots=True)
class PastTurn:
    """A turn of which the model no longer reads the messages."""

    number: int
    """Of the turn in the episode, from 1."""
    answer: str
    """What the agent said, in full."""
    feedback: str = ""
    """What the environment said about it; often empty."""


Summarise = Callable[[Sequence[PastTurn]], str]
"""Turns, oldest first, to the text that stands for them; an empty text shows nothing."""


def past_turns(conversation: Conversation) -> list[PastTurn]:
    """The answered turns of a conversation, oldest first."""
    answers = [
        "".join(part["text"] for part in message["content"] if part["type"] == "text")
        for message in conversation.messages
        if message["role"] == "assistant"
    ]
    said = [*conversation.feedback, *[""] * len(answers)]
    return [PastTurn(number + 1, answer, said[number]) for number, answer in enumerate(answers)]


def summarise_turns(turns: Sequence[PastTurn], characters: int = DEFAULT_CHARACTERS) -> str:
    """One line for each turn, as many of the latest as fit, and a count of those that do not.

    Args:
        turns: what to tell, oldest first.
        characters: most characters of the text.

    Raises:
        ValueError: for a limit below `MIN_CHARACTERS`.
    """
    if characters < MIN_CHARACTERS:
        raise ValueError(f"a summary needs at least {MIN_CHARACTERS} characters; got {characters}")
    if not turns:
        return ""
    lines = [_line(turn) for turn in turns]
    for left_out in range(len(lines)):
        counted = [f"({left_out} left out)"] if left_out else []
        text = "\n".join([_HEADING, *counted, *lines[left_out:]])
        if len(text) <= characters:
            break
    return text


def _line(turn: PastTurn) -> str:
    done = _shortened(turn.answer.rpartition("</think>")[2]) or "(nothing)"
    said = _shortened(turn.feedback)
    return f"{turn.number}. {done}" + (f" - {said}" if said else "")


def _shortened(text: str) -> str:
    """`text` on one line of at most `_PART_CHARACTERS`."""
    line = " ".join(text.split())
    return line if len(line) <= _PART_CHARACTERS else f"{line[: _PART_CHARACTERS - 3]}..."
