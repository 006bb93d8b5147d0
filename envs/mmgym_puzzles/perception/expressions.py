"""Referring expressions: descriptions of things in a scene by colour, shape, size, place and order.

An expression is a nested tuple. Sets of things:
``("kind", color, shape)``, where the colour may be empty and the shape ``thing``;
``("side", "left" | "right" | "above" | "below", set, one)``: those of a set on one side of a thing.
Single things:
``("only", set)``; ``("extreme", "smallest" | "largest", set)``; ``("nearest", set, one)``;
``("order", k, "left" | "right" | "top" | "bottom", set)``: the k-th from there.

Their meanings are exact. Middles are compared; what a person could see in two ways has no meaning here (`Vague`): near
ties, or "the" for several.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np

from mmgym_puzzles.perception.scenes import Scene, Thing, plural

__all__ = ["DIRECTIONS", "FORMS", "Expression", "Vague", "draw_expression", "meant", "member_of", "members", "words"]

Expression = tuple[Any, ...]

DIRECTIONS = ("left", "right", "above", "below")
"""Sides of a thing."""
_ENDS = {"left": "leftmost", "right": "rightmost", "top": "topmost", "bottom": "bottommost"}
_ORDINALS = ("", "", "second", "third", "fourth", "fifth")
_SIDE_GAP = 35
"""Thousandths of the picture by which middles must differ to be left, right, above or below."""
_ORDER_GAP = 40
"""Thousandths of the picture by which things must be apart to be put in order."""
_RATIO = 1.25
"""How many times larger, or farther, the next must be."""


class Vague(ValueError):
    """Raised for an expression that has no exact meaning in a scene."""


def members(expression: Expression, scene: Scene) -> list[int]:
    """Indices of the things in a set, in order.

    Raises:
        Vague: where it is not clear whether something belongs to the set.
    """
    if expression[0] == "kind":
        _, color, shape = expression
        if not color:
            return [k for k, thing in enumerate(scene) if shape in ("thing", thing.shape)]
        return [k for k, thing in enumerate(scene) if thing.color == color and shape in ("thing", thing.shape)]
    _, direction, inner, one = expression
    anchor = member_of(one, scene)
    others = [k for k in members(inner, scene) if k != anchor]
    along = {"left": -1, "right": 1, "above": -1, "below": 1}[direction]
    across = [along * (_along(scene[k], direction) - _along(scene[anchor], direction)) for k in others]
    if any(abs(distance) < _SIDE_GAP for distance in across):
        raise Vague("something is neither clearly on that side nor clearly on the other")
    return [k for k, distance in zip(others, across, strict=True) if distance > 0]


def member_of(expression: Expression, scene: Scene) -> int:
    """Index of the single thing that an expression means.

    Raises:
        Vague: where it means none, several, or one that is hardly more fitting than another.
    """
    form, *rest = expression
    if form == "only":
        found = members(rest[0], scene)
        if len(found) != 1:
            raise Vague(f"{len(found)} things fit")
        return found[0]
    if form == "extreme":

        def size(k: int) -> int:
            return scene[k].size

        found = sorted(members(rest[1], scene), key=size, reverse=rest[0] == "largest")
        if _shape(rest[1]) == "thing":
            raise Vague("sizes of different shapes cannot be told apart")
        if len(found) < 2 or max(map(size, found[:2])) < _RATIO * min(map(size, found[:2])):
            raise Vague("sizes are too close")
        return found[0]
    if form == "nearest":
        anchor = member_of(rest[1], scene)

        def away(k: int) -> float:
            return _distance(scene[k], scene[anchor])

        found = sorted((k for k in members(rest[0], scene) if k != anchor), key=away)
        if len(found) < 2 or away(found[1]) < _RATIO * away(found[0]):
            raise Vague("distances are too close")
        return found[0]
    number, end, inner = rest
    found = sorted(members(inner, scene), key=lambda k: _along(scene[k], end), reverse=end in ("right", "bottom"))
    places = [_along(scene[k], end) for k in found]
    if len(found) <= number or any(abs(a - b) < _ORDER_GAP for a, b in pairwise(places[: number + 1])):
        raise Vague("too few, or too close in order")
    return found[number - 1]


def meant(expression: Expression, scene: Scene) -> list[int]:
    """Indices of the things that an expression of either sort means, in order.

    Raises:
        Vague: as `members` and `member_of`.
    """
    return members(expression, scene) if expression[0] in ("kind", "side") else [member_of(expression, scene)]


@lru_cache(maxsize=4096)
def words(expression: Expression, several: bool = False) -> str:
    """An expression in English: a set without article, a single thing with ``the``."""
    form, *rest = expression
    if form == "kind":
        return f"{rest[0]} {plural(rest[1]) if several else rest[1]}".strip()
    if form == "side":
        direction, inner, one = rest
        side = f"{direction} of" if direction in ("left", "right") else direction
        return f"{words(inner, several)} {side} {words(one)}"
    if form == "only":
        return f"the {words(rest[0])}"
    inner = rest[0] if form == "nearest" else rest[-1]
    plain = inner[0] == "kind"
    if form == "nearest":
        head = f"the {words(inner)}" if plain else f"the one of the {words(inner, True)} that is"
        return f"{head} nearest to {words(rest[1])}"
    if form == "extreme" or rest[0] == 1:
        which = rest[0] if form == "extreme" else _ENDS[rest[1]]
        return f"the {which} {words(inner)}" if plain else f"the {which} of the {words(inner, True)}"
    if plain:
        return f"the {_ORDINALS[rest[0]]} {words(inner)} from the {rest[1]}"
    return f"the {_ORDINALS[rest[0]]} from the {rest[1]} of the {words(inner, True)}"


def draw_expression(rng: np.random.Generator, scene: Scene, form: str) -> Expression:
    """Draw an expression of one of the `FORMS` for a thing, or a set of things, of a scene; it may be vague."""
    return _DRAWERS[form](rng, scene)


def _shape(expression: Expression) -> str:
    """The shape that all things of a set have, or ``thing``."""
    return str(expression[2] if expression[0] == "kind" else _shape(expression[2]))


def _along(thing: Thing, direction: str) -> int:
    return thing.x if direction in ("left", "right") else thing.y


def _distance(one: Thing, other: Thing) -> float:
    return float(((one.x - other.x) ** 2 + (one.y - other.y) ** 2) ** 0.5)


def _pick(rng: np.random.Generator, options: Any) -> Any:
    return options[int(rng.integers(len(options)))]


def _whole(rng: np.random.Generator, scene: Scene) -> Expression:
    thing = _pick(rng, scene)
    return ("only", ("kind", thing.color, thing.shape))


def _some_kind(rng: np.random.Generator, scene: Scene, shaped: bool = False) -> Expression:
    """A kind of which there are at least two: with a shape where sizes are to be compared."""
    thing = _pick(rng, scene)
    kinds = [("kind", thing.color, thing.shape), ("kind", "", thing.shape)]
    kinds = kinds if shaped else [*kinds, ("kind", thing.color, "thing")]
    several = [kind for kind in kinds if len(members(kind, scene)) > 1]
    return _pick(rng, several) if several else ("kind", "", "thing")


def _part(rng: np.random.Generator, scene: Scene) -> Expression:
    thing = _pick(rng, scene)
    return ("only", _pick(rng, [("kind", "", thing.shape), ("kind", thing.color, "thing")]))


def _extreme(rng: np.random.Generator, scene: Scene) -> Expression:
    kind = _some_kind(rng, scene, shaped=True)
    return ("extreme", _pick(rng, ("smallest", "largest")), kind)


def _side(rng: np.random.Generator, scene: Scene) -> Expression:
    return ("only", _side_set(rng, scene))


def _side_set(rng: np.random.Generator, scene: Scene, shaped: bool = False) -> Expression:
    return ("side", _pick(rng, DIRECTIONS), _some_kind(rng, scene, shaped), _whole(rng, scene))


def _order(rng: np.random.Generator, scene: Scene) -> Expression:
    return ("order", int(rng.integers(1, 5)), _pick(rng, tuple(_ENDS)), _some_kind(rng, scene))


def _nearest(rng: np.random.Generator, scene: Scene) -> Expression:
    return ("nearest", _some_kind(rng, scene), _whole(rng, scene))


def _order_side(rng: np.random.Generator, scene: Scene) -> Expression:
    return ("order", int(rng.integers(1, 4)), _pick(rng, tuple(_ENDS)), _side_set(rng, scene))


def _extreme_side(rng: np.random.Generator, scene: Scene) -> Expression:
    return ("extreme", _pick(rng, ("smallest", "largest")), _side_set(rng, scene, shaped=True))


def _nearest_side(rng: np.random.Generator, scene: Scene) -> Expression:
    return ("nearest", _side_set(rng, scene), _whole(rng, scene))


def _nearest_found(rng: np.random.Generator, scene: Scene) -> Expression:
    return ("nearest", _some_kind(rng, scene), _pick(rng, (_extreme, _order))(rng, scene))


_DRAWERS: dict[str, Callable[[np.random.Generator, Scene], Expression]] = {
    "whole": _whole,
    "part": _part,
    "extreme": _extreme,
    "side": _side,
    "order": _order,
    "nearest": _nearest,
    "order_side": _order_side,
    "extreme_side": _extreme_side,
    "nearest_side": _nearest_side,
    "nearest_found": _nearest_found,
    "several": _some_kind,
    "several_side": _side_set,
}
FORMS = tuple(_DRAWERS)
"""Names of the forms of expressions, from the simplest; the last two mean sets."""
