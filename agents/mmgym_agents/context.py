"""Context policies: which part of a conversation the model reads at each turn, as exact ids.

``full``               everything since the start;
``window(k)``          the last k user messages and the answers between them; the system message stays;
``window(k)+summary``  the same, with a text in place of the older turns, written before the first message that is
                       left; ``window(k)+summary(n)`` allows it n characters.

In a full context a turn only adds to what was read. Elsewhere each turn is read anew, and starts a segment. What was
sampled is always in the sequence it was sampled in, so it is trained once; a summary is prompt, and never trained.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial

import numpy as np

from mmgym.agent import ChatCodec, Conversation, EncodedPrompt, Message
from mmgym_agents.summary import DEFAULT_CHARACTERS, MIN_CHARACTERS, Summarise, past_turns, summarise_turns

__all__ = ["Context", "ContextPolicy", "History", "parse_context"]

History = list[tuple[Message, np.ndarray]]
"""User messages and the ids sampled after them, as far back as the context reaches."""


@dataclass(frozen=True)
class ContextPolicy:
    """What the model reads at each turn."""

    window: int | None = None
    """Number of user messages; None for all."""
    summary: int = 0
    """Most characters of the text that stands for older turns; 0 for none."""


def parse_context(context: str) -> ContextPolicy:
    """Read ``full``, ``window(k)``, ``window(k)+summary`` or ``window(k)+summary(n)``.

    Raises:
        ValueError: for anything else, with what is allowed.
    """
    if context == "full":
        return ContextPolicy()
    match = re.fullmatch(r"window\((\d+)\)(?:\+(summary)(?:\((\d+)\))?)?", context, re.ASCII)
    window = int(match[1]) if match else 0
    summary = int(match[3] or DEFAULT_CHARACTERS) if match and match[2] else None
    if window < 1 or (summary is not None and summary < MIN_CHARACTERS):
        raise ValueError(
            "context must be full or window(k), with k at least 1, and +summary or +summary(n) after it for a text of "
            f"at most n characters in place of older turns, n at least {MIN_CHARACTERS}; got {context!r}"
        )
    return ContextPolicy(window, summary or 0)


class Context:
    """Builds the prompt of each turn.

    Args:
        codec: the model's codec.
        context: what is read, in the words of `parse_context`.
        summarise: writes the text for older turns instead of `mmgym_agents.summary.summarise_turns`; its length is
            its own affair.

    Raises:
        ValueError: for an unknown context, or `summarise` for one without a summary.
    """

    def __init__(self, codec: ChatCodec, context: str = "full", summarise: Summarise | None = None):
        policy = parse_context(context)
        if summarise is not None and not policy.summary:
            raise ValueError(f"summarise is for window(k)+summary; the context is {context!r}")
        self.codec = codec
        self.window = policy.window
        self._summarise = summarise
        if policy.summary and summarise is None:
            self._summarise = partial(summarise_turns, characters=policy.summary)

    def prompt(self, conversation: Conversation, history: History, extendable: bool) -> tuple[EncodedPrompt, bool]:
        """What the model has to read for the last user message.

        Args:
            conversation: the conversation so far.
            history: what was read and sampled before; kept by `remember`.
            extendable: whether the caller still holds the sequence so far.

        Returns:
            The new ids and True if they extend the sequence so far, or the whole prompt and False.
        """
        message = conversation.messages[-1]
        if self.window is None and history and extendable:
            return self.codec.extension(message, history[-1][1]), True
        earlier = len(history) if self.window is None else self.window - 1
        kept = history[-earlier:] if earlier else []
        system = [m for m in conversation.messages[:1] if m["role"] == "system"]
        users = [user for user, _ in kept] + [message]
        users[0] = self._with_summary(users[0], conversation, len(kept))
        pieces = [self.codec.opening([*system, users[0]], conversation.tools)]
        for (_, sampled), user in zip(kept, users[1:], strict=True):
            following = self.codec.extension(user, sampled)
            pieces.append(EncodedPrompt(np.concatenate([sampled, following.ids]), following.images, following.pixels))
        ids = np.concatenate([piece.ids for piece in pieces])
        images = tuple(image for piece in pieces for image in piece.images)
        return EncodedPrompt(ids, images, tuple(pixels for piece in pieces for pixels in piece.pixels)), False

    def _with_summary(self, message: Message, conversation: Conversation, kept: int) -> Message:
        """The first message that is read, after a text about the turns before the last `kept` ones."""
        if self._summarise is None:
            return message
        turns = past_turns(conversation)
        older = turns[: len(turns) - kept]
        text = self._summarise(older) if older else ""
        if not text:
            return message
        return {**message, "content": [{"type": "text", "text": f"{text}\n"}, *message["content"]]}

    def remember(self, history: History, conversation: Conversation, sampled: np.ndarray) -> None:
        """Note what was sampled after the last user message."""
        history.append((conversation.messages[-1], sampled))
        if self.window is not None:
            del history[: -self.window]
