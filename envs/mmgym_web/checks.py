"""Answers that can be checked: typed, tolerant of how a thing is written, and of nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Answer", "same_text"]

_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?")


def _fold(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .!\"'`")


def same_text(a: str, b: str) -> bool:
    """Whether two texts are equal but for case, spacing, and quotes and full stops around them."""
    return _fold(a) == _fold(b)


@dataclass(frozen=True)
class Answer:
    """What an agent has to answer.

    Raises:
        ValueError: for an unknown kind, or a number that is none.
    """

    value: str
    """The right answer; the entries of a ``set`` are separated by semicolons."""
    kind: Literal["text", "number", "set"] = "text"
    """``text``: `same_text`; ``number``: the only number in the answer, within `tolerance`; ``set``: the same texts in
    any order, separated by commas or semicolons."""
    tolerance: float = 0.0
    """Largest difference of a number."""
    also: tuple[str, ...] = ()
    """Other texts that are right as well."""

    def __post_init__(self) -> None:
        if self.kind not in ("text", "number", "set"):
            raise ValueError(f"the kind of an answer must be one of text, number, set; got {self.kind!r}")
        if self.kind == "number" and _number(self.value) is None:
            raise ValueError(f"the right answer must be a number; got {self.value!r}")

    def accepts(self, given: str) -> bool:
        """Whether an answer is right."""
        if self.kind == "number":
            number, wanted = _number(given), _number(self.value)
            return number is not None and wanted is not None and abs(number - wanted) <= self.tolerance + 1e-9
        if self.kind == "set":
            return _entries(given) == _entries(self.value)
        return any(same_text(given, right) for right in (self.value, *self.also))


def _number(text: str) -> float | None:
    found = _NUMBER.findall(text)
    return float(found[0].replace(",", "")) if len(found) == 1 else None


def _entries(text: str) -> list[str]:
    parts = text.split(";") if ";" in text else text.split(",")
    return sorted(_fold(part) for part in parts if part.strip())
