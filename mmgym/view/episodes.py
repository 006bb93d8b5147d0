"""An episode as the page shows it: plain data, cut to what a person reads, its pictures named by their digests."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mmgym.bench.records import Record
from mmgym.pointing import Pointer
from mmgym.trajectory import ImageRef, Status, Trajectory, Turn
from mmgym.view.sources import TokenText

__all__ = ["MAX_TEXT", "MAX_TOKENS", "episode", "outcome", "pictures_of", "to_json"]

MAX_TEXT = 4000
"""Longest text of a turn on the page, in characters; the rest is counted."""
MAX_TOKENS = 400
"""Most sampled tokens of a turn on the page; the rest is counted."""


def outcome(record: Record) -> str:
    """How an episode ended: ``solved``, ``failed``, ``out of turns`` or ``machinery failed``."""
    if record.failed:
        return "machinery failed"
    if record.success:
        return "solved"
    return "out of turns" if record.status == Status.TRUNCATED.value else "failed"


def episode(played: Trajectory, tokens: TokenText | None = None) -> dict[str, Any]:
    """An episode, JSON-able but for numbers that are not finite.

    Args:
        played: what happened.
        tokens: the text of a token id; None shows ids.
    """
    seen: list[ImageRef] = []
    turns = []
    for turn in played.turns:
        shown = _shown(turn)
        seen += shown
        turns.append(_turn(turn, shown, seen, tokens))
    refs = dict.fromkeys([*seen, *([played.final_image] if played.final_image else [])])
    return {
        "turns": turns,
        "final": played.final_image.digest if played.final_image else None,
        "error": _cut(played.error),
        "sizes": {ref.digest: [ref.width, ref.height] for ref in refs},
    }


def pictures_of(episodes: Iterable[Mapping[str, Any]]) -> list[str]:
    """The digests of the pictures of some episodes, each once."""
    return list(dict.fromkeys(digest for one in episodes for digest in one["sizes"]))


def to_json(value: Any) -> str:
    """JSON in ASCII that can stand in a page: no ``<`` in it, and null for numbers that are not finite."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:  # rare, and looking at every number takes longer than all the rest
        text = json.dumps(_finite(value), allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _turn(turn: Turn, shown: Sequence[ImageRef], seen: Sequence[ImageRef], tokens: TokenText | None) -> dict[str, Any]:
    observed = turn.observed
    return {
        "images": [ref.digest for ref in shown],
        "read": _cut(observed.text) if observed else "",
        "said": _cut(turn.text),
        "calls": list(turn.calls),
        "expert": list(observed.expert) if observed else [],
        "pointers": _pointers(observed.pointers if observed else (), seen),
        "expertPointers": _pointers(observed.expert_pointers if observed else (), seen),
        "tokens": _tokens(turn, tokens),
        "moreTokens": max(0, len(turn.sampled_ids) - MAX_TOKENS),
        "promptTokens": len(turn.prompt_ids),
        "reward": turn.reward,
        "terms": turn.terms,
        "feedback": _cut(turn.feedback),
        "usage": turn.usage,
        "version": turn.version,
        "seconds": [turn.seconds_model, turn.seconds_env],
    }


def _shown(turn: Turn) -> Sequence[ImageRef]:
    return turn.observed.images if turn.observed else turn.images


def _pointers(pointers: Sequence[Pointer], seen: Sequence[ImageRef]) -> list[dict[str, Any]]:
    """Pointers with the digests of their pictures; without those to pictures that were never shown."""
    numbers = [len(seen) - 1 if pointer.image is None else pointer.image for pointer in pointers]
    return [
        {**pointer.as_dict(), "image": seen[number].digest}
        for pointer, number in zip(pointers, numbers, strict=True)
        if 0 <= number < len(seen)
    ]


def _tokens(turn: Turn, text_of: TokenText | None) -> list[list[Any]]:
    """Text and log-probability of each sampled token."""
    ids = turn.sampled_ids[:MAX_TOKENS].tolist()
    logprobs = np.round(turn.logprobs[:MAX_TOKENS].astype(np.float64), 4).tolist()
    return [[text_of(i) if text_of else f"#{i}", logprob] for i, logprob in zip(ids, logprobs, strict=True)]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} … and {len(text) - MAX_TEXT:,} more characters"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
