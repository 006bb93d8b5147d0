"""Reading a layout that an agent wrote as JSON; what is wrong with it is told with line and column, or by entry."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from mmgym_puzzles.generation.rooms import TURN, Place

__all__ = ["LayoutError", "read_layout", "write_layout"]

_KEYS = ("name", "x", "y", "angle")


class LayoutError(ValueError):
    """A layout that is not taken over; the message says where and why."""


def write_layout(places: dict[str, Place]) -> str:
    """A layout as JSON, one piece a line."""
    rows = [json.dumps({"name": name, **place._asdict()}) for name, place in places.items()]
    return "[" + ",\n ".join(rows) + "]"


def read_layout(text: str, names: Collection[str], width: int, depth: int) -> dict[str, Place]:
    """Places by name.

    Args:
        text: a JSON list of objects with ``name``, ``x``, ``y`` and ``angle``.
        names: names that are allowed.
        width: largest x.
        depth: largest y.

    Raises:
        LayoutError: for anything else.
    """
    try:
        entries = json.loads(text, parse_constant=_refuse, parse_int=_number)
    except json.JSONDecodeError as error:
        raise LayoutError(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise LayoutError("the brackets lie too deep in one another") from error
    if not isinstance(entries, list):
        raise LayoutError('the layout must be a list such as [{"name": "sofa", "x": 200, "y": 50, "angle": 180}]')
    places: dict[str, Place] = {}
    for number, entry in enumerate(entries, 1):
        try:
            name, place = _entry(entry, names, width, depth)
        except LayoutError as error:
            raise LayoutError(f"entry {number}: {error}") from error
        if name in places:
            raise LayoutError(f"entry {number}: the {name} has a place already")
        places[name] = place
    return places


def _refuse(constant: str) -> Any:
    raise LayoutError(f"{constant} is no number of JSON")


def _number(digits: str) -> int:
    if len(digits) > 9:
        raise LayoutError(f"the number {digits[:9]}... is too large")
    return int(digits)


def _entry(entry: Any, names: Collection[str], width: int, depth: int) -> tuple[str, Place]:
    if not isinstance(entry, dict) or set(entry) != set(_KEYS):
        raise LayoutError(f"each entry must be an object with exactly {', '.join(_KEYS)}")
    name = entry["name"]
    if not isinstance(name, str) or name not in names:
        raise LayoutError(f"name must be one of {', '.join(names)}")
    values = {}
    for key, most in (("x", width), ("y", depth), ("angle", 360 - TURN)):
        value = entry[key]
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise LayoutError(f"{key} must be a whole number from 0 to {most}")
        values[key] = value
    if values["angle"] % TURN:
        raise LayoutError(f"angle must be a multiple of {TURN}")
    return name, Place(**values)
