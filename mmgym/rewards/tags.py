"""Reading texts in tags, as published rewards do, in linear time whatever a model wrote."""

from __future__ import annotations

import re

__all__ = ["between", "in_order", "is_framed"]


def between(text: str, start: str, end: str) -> list[str]:
    """What stands between each `start` and the first `end` after it, as ``re.findall`` has it, in linear time."""
    found, position = [], 0
    while (opened := text.find(start, position)) >= 0:
        closed = text.find(end, opened + len(start))
        if closed < 0:
            break
        found.append(text[opened + len(start) : closed])
        position = closed + len(end)
    return found


def in_order(text: str, first: str, *marks: str) -> bool:
    r"""Whether `text` starts with `first`, holds the other marks in this order, and ends with the last of them.

    A space in a mark stands for any white space, or none: ``"</think> <answer>"`` is ``</think>\s*<answer>``. Anything
    may stand between two marks, tags too. Gives what ``re.fullmatch`` gives with ``.*?`` between the marks and DOTALL.
    """
    *inner, last = marks
    opened = _pattern(first).match(text)
    if opened is None:
        return False
    position = opened.end()
    for mark in inner:
        # The first place where a mark can stand leaves the most room for those that follow.
        found = _pattern(mark).search(text, position)
        if found is None:
            return False
        position = found.end()
    return text.endswith(last) and len(text) - len(last) >= position


def is_framed(text: str) -> bool:
    r"""Whether all of `text` is ``<think>.*?</think>\s*<answer>.*?</answer>``."""
    return in_order(text, "<think>", "</think> <answer>", "</answer>")


def _pattern(mark: str) -> re.Pattern[str]:
    return re.compile(r"\s*".join(re.escape(part) for part in mark.split()))
