"""Context policies: which part of a conversation the model reads at each turn, as exact ids."""

from __future__ import annotations

import re

import numpy as np

from mmgym.agent import ChatCodec, Conversation, EncodedPrompt, Message

__all__ = ["Context", "History", "context_window"]

History = list[tuple[Message, np.ndarray]]
"""User messages and the ids sampled after them, as far back as the context reaches."""


def context_window(context: str) -> int | None:
    """The k of ``window(k)``, or None for ``full``; raises ValueError for anything else."""
    if context == "full":
        return None
    match = re.fullmatch(r"window\((\d+)\)", context)
    if not match or int(match[1]) < 1:
        raise ValueError(f"context must be full or window(k) with k at least 1; got {context!r}")
    return int(match[1])


class Context:
    """Builds the prompt of each turn.

    Args:
        codec: the model's codec.
        context: ``full`` (everything since the start) or ``window(k)`` (the last k user messages and the answers
            between them; the system message stays).
    """

    def __init__(self, codec: ChatCodec, context: str = "full"):
        self.codec = codec
        self.window = context_window(context)

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
        pieces = [self.codec.opening([*system, users[0]], conversation.tools)]
        for (_, sampled), user in zip(kept, users[1:], strict=True):
            following = self.codec.extension(user, sampled)
            pieces.append(EncodedPrompt(np.concatenate([sampled, following.ids]), following.images, following.pixels))
        ids = np.concatenate([piece.ids for piece in pieces])
        images = tuple(image for piece in pieces for image in piece.images)
        return EncodedPrompt(ids, images, tuple(pixels for piece in pieces for pixels in piece.pixels)), False

    def remember(self, history: History, conversation: Conversation, sampled: np.ndarray) -> None:
        """Note what was sampled after the last user message."""
        history.append((conversation.messages[-1], sampled))
        if self.window is not None:
            del history[: -self.window]
