"""One row of a questions file: its fields by name, each checked when it is read.

Adapters ask for what they need (`row.text("question")`), and what is missing or of the wrong type is refused with a
message that names the field, what it holds and what is allowed.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Row", "RowError", "Source", "check_plain"]

_DEEPEST = 50


class RowError(ValueError):
    """A row that cannot be used; the message says what is wrong and what is allowed."""


@dataclass(frozen=True)
class Source:
    """The file that rows come from."""

    path: Path
    textual: bool = False
    """Whether its cells are all text (CSV), so that numbers and lists are written as text."""
    _read: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def stem(self) -> str:
        """The file's name without its extension; some releases keep the task in it."""
        return self.path.stem

    def beside(self, name: str) -> Any:
        """What the JSON file `name` beside this one holds, read once; None without such a file.

        Raises:
            RowError: when it cannot be read as JSON.
        """
        if name not in self._read:
            path = self.path.parent / name
            try:
                self._read[name] = json.loads(path.read_text("utf-8-sig")) if path.is_file() else None
            except (OSError, ValueError, RecursionError) as error:
                raise RowError(f"{name} beside it cannot be read as JSON: {error}") from None
        return self._read[name]


@dataclass(frozen=True)
class Row:
    """One row, with its fields by name. A field that is null, or an empty cell of a CSV file, counts as missing."""

    fields: Mapping[str, Any]
    number: int
    """Line or row that it stands in, from 1."""
    source: Source

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self._value(name) is not None

    def text(self, name: str, strip: bool = True) -> str:
        """A text that is not blank; `strip` cuts the white space around it."""
        value = self._needed(name, "a text")
        if not isinstance(value, str):
            raise RowError(f"{name} must be a text; got {reprlib.repr(value)}")
        _check_unicode(name, value)
        if not value.strip():
            raise RowError(f"{name} must not be blank")
        return value.strip() if strip else value

    def label(self, name: str) -> str:
        """A text or an integer, as text: for identifiers."""
        value = self._value(name)
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else self.text(name)

    def answer(self, name: str) -> Any:
        """An answer of any type. Many test splits are published without answers, and the message says so."""
        value = self._value(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            raise RowError(f"no answer: {name} is missing or empty, and a question without an answer cannot be scored")
        return value

    def answer_text(self, name: str, strip: bool = True) -> str:
        """An answer that is a text, or a finite number, which is turned into text."""
        value = self.answer(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.number_of(name)
            return repr(value)
        return self.text(name, strip)

    def number_of(self, name: str) -> float:
        """A finite number."""
        return _number(name, self._needed(name, "a number"), self.source.textual)

    def integer(self, name: str) -> int:
        """A whole number."""
        number = self.number_of(name)
        if not number.is_integer():
            raise RowError(f"{name} must be a whole number; got {number}")
        return int(number)

    def texts(self, name: str, strip: bool = True) -> list[str]:
        """A list of texts that are not blank; an empty list is allowed."""
        value = self._listed(name, self._needed(name, "a list of texts"))
        named = {f"{name}[{index}]": one for index, one in enumerate(value)}
        return [Row(named, self.number, self.source).text(one, strip) for one in named]

    def intervals(self, name: str) -> tuple[tuple[float, float], ...]:
        """A list of pairs (start, end) in seconds, 0 <= start <= end; an empty one where the field is missing."""
        if not self.has(name):
            return ()
        return tuple(self._pair(name, pair) for pair in self._listed(name, self._value(name)))

    def interval(self, name: str) -> tuple[float, float] | None:
        """One pair (start, end) in seconds, 0 <= start <= end; None where the field is missing."""
        return self._pair(name, self._listed(name, self._value(name))) if self.has(name) else None

    def tags(self, *names: str) -> dict[str, Any]:
        """Those of the fields that are there, as they are."""
        kept = {name: self._value(name) for name in names if self.has(name)}
        check_plain(kept)
        return kept

    def _value(self, name: str) -> Any:
        value = self.fields.get(name)
        return None if self.source.textual and value == "" else value

    def _needed(self, name: str, what: str) -> Any:
        value = self._value(name)
        if value is None:
            raise RowError(f"{name} is missing; it must be {what}")
        return value

    def _listed(self, name: str, value: Any) -> list[Any]:
        if self.source.textual and isinstance(value, str):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise RowError(f"{name} must be a list, in JSON; got {reprlib.repr(value)}") from None
        if not isinstance(value, list):
            raise RowError(f"{name} must be a list; got {reprlib.repr(value)}")
        return value

    def _pair(self, name: str, pair: Any) -> tuple[float, float]:
        if not isinstance(pair, list) or len(pair) != 2:
            raise RowError(f"{name} must hold pairs [start, end] in seconds; got {reprlib.repr(pair)}")
        start, end = (_number(name, one, False) for one in pair)
        if not 0 <= start <= end:
            raise RowError(f"{name} must hold pairs with 0 <= start <= end; got [{start}, {end}]")
        return start, end


def _number(name: str, value: Any, textual: bool) -> float:
    if (isinstance(value, int | float) and not isinstance(value, bool)) or (textual and isinstance(value, str)):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
        if math.isfinite(number):
            return number
    raise RowError(f"{name} must be a finite number; got {reprlib.repr(value)}")


def check_plain(value: Any, place: str = "", depth: int = 0) -> None:
    """Check that a value can be written as JSON and read back: plain types, finite numbers, valid Unicode.

    Raises:
        RowError: naming where it does not hold.
    """
    here = place or "the row"
    if depth > _DEEPEST:
        raise RowError(f"values are nested more than {_DEEPEST} deep")
    if isinstance(value, str):
        _check_unicode(here, value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise RowError(f"{here} is {value}; numbers must be finite")
    elif isinstance(value, Mapping):
        if twice := getattr(value, "twice", None):
            raise RowError(f"the key {twice} stands twice in {here}; keys must differ")
        for key, one in value.items():
            if not isinstance(key, str):
                raise RowError(f"keys must be texts; got {reprlib.repr(key)} in {here}")
            _check_unicode("a key", key)
            check_plain(one, f"{place}.{key}" if place else key, depth + 1)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            check_plain(one, f"{place}[{index}]", depth + 1)
    elif value is not None and not isinstance(value, bool | int):
        raise RowError(f"{here} must be of a type that JSON knows; got {type(value).__name__}")


def _check_unicode(name: str, text: str) -> None:
    if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        raise RowError(f"{name} holds half of a surrogate pair, which is no character: {text[:60]!a}")
