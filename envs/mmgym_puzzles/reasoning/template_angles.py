"""Geometry problems that ask for an angle."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from mmgym_puzzles.reasoning.figures import Figure, Point, Problem, at, triangle
from mmgym_puzzles.reasoning.surds import whole
from mmgym_puzzles.reasoning.templates import angle, degrees, template

__all__: list[str] = []

Numbers = Sequence[int]
Drawn = Sequence[float]
ZERO: Point = (0.0, 0.0)
RADIUS = 6.0


def _angle(figure: Figure, answer: int | Fraction) -> Problem:
    if not 10 <= answer <= 170:
        raise ValueError("the angle asked for is too small or too large")
    return Problem(figure, "angle", whole(answer))


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError("the figure would be too thin")
    return value


def _crossing(one: Point, direction: float, other: Point, other_direction: float) -> Point:
    """Where two rays meet."""
    a, b = math.radians(direction), math.radians(other_direction)
    turn = math.cos(a) * math.sin(b) - math.sin(a) * math.cos(b)
    if abs(turn) < 0.05:
        raise ValueError("the rays do not meet")
    dx, dy = other[0] - one[0], other[1] - one[1]
    way = (dx * math.sin(b) - dy * math.cos(b)) / turn
    other_way = (dx * math.sin(a) - dy * math.cos(a)) / turn
    _within(min(way, other_way), 3.0, 40.0)
    return at(one, direction, way)


@template(1, angle(25, 110), angle(25, 110))
def angle_sum(p: Numbers, q: Drawn) -> Problem:
    """The third angle of a triangle."""
    _within(180 - q[0] - q[1], 20, 120)
    a, b, c = triangle(10, q[0], q[1])
    angles = (("CAB", degrees(p[0])), ("ABC", degrees(p[1])), ("BCA", "x"))
    figure = Figure({"A": a, "B": b, "C": c}, ("AB", "BC", "CA"), angles=angles)
    return _angle(figure, 180 - p[0] - p[1])


@template(1, angle(25, 155))
def straight_angle(p: Numbers, q: Drawn) -> Problem:
    """Two angles along a straight line."""
    points = {"A": (-6.0, 0.0), "O": ZERO, "B": (6.0, 0.0), "C": at(ZERO, q[0], 6)}
    figure = Figure(points, ("AOB", "OC"), angles=(("BOC", degrees(p[0])), ("COA", "x")))
    return _angle(figure, 180 - p[0])


@template(1, angle(60, 165), angle(60, 165))
def around_point(p: Numbers, q: Drawn) -> Problem:
    """Three angles around a point."""
    _within(360 - q[0] - q[1], 50, 165)
    points = {"O": ZERO, "A": at(ZERO, 0, 6), "B": at(ZERO, q[0], 6), "C": at(ZERO, q[0] + q[1], 6)}
    angles = (("AOB", degrees(p[0])), ("BOC", degrees(p[1])), ("COA", "x"))
    return _angle(Figure(points, ("OA", "OB", "OC"), angles=angles), 360 - p[0] - p[1])


@template(1, angle(20, 70))
def right_complement(p: Numbers, q: Drawn) -> Problem:
    """The other acute angle of a right triangle."""
    points = {"C": ZERO, "A": (8.0, 0.0), "B": (0.0, 8 * math.tan(math.radians(_within(q[0], 20, 70))))}
    angles = (("CAB", degrees(p[0])), ("ABC", "x"))
    return _angle(Figure(points, ("AB", "BC", "CA"), angles=angles, rights=("BCA",)), 90 - p[0])


@template(1, angle(60, 130), angle(60, 130), angle(60, 130), ood=True)
def quadrilateral_sum(p: Numbers, q: Drawn) -> Problem:
    """The fourth angle of a quadrilateral."""
    last = _within(360 - sum(q), 55, 150)
    a, b, d = ZERO, (9.0, 0.0), at(ZERO, q[0], 7)
    points = {"A": a, "B": b, "C": _crossing(b, 180 - q[1], d, q[0] + 180 + last), "D": d}
    angles = (("DAB", degrees(p[0])), ("ABC", degrees(p[1])), ("BCD", degrees(p[2])), ("CDA", "x"))
    return _angle(Figure(points, ("AB", "BC", "CD", "DA"), angles=angles), 360 - sum(p))


@template(2, angle(30, 130))
def isosceles_base(p: Numbers, q: Drawn) -> Problem:
    """A base angle of an isosceles triangle."""
    a, b, c = triangle(9, 90 - q[0] / 2, 90 - q[0] / 2)
    figure = Figure(
        {"A": a, "B": b, "C": c},
        ("AB", "BC", "CA"),
        angles=(("BCA", degrees(p[0])), ("CAB", "x")),
        equal=(("AC", "BC"),),
    )
    return _angle(figure, Fraction(180 - p[0], 2))


@template(2, angle(25, 75))
def isosceles_apex(p: Numbers, q: Drawn) -> Problem:
    """The angle between the equal sides of a triangle."""
    a, b, c = triangle(9, _within(q[0], 25, 75), q[0])
    figure = Figure(
        {"P": a, "Q": b, "R": c},
        ("PQ", "QR", "RP"),
        angles=(("RPQ", degrees(p[0])), ("QRP", "x")),
        equal=(("PR", "QR"),),
    )
    return _angle(figure, 180 - 2 * p[0])


def _parallels(slope: float) -> tuple[dict[str, Point], tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Two parallel lines and one across: AEB below, CFD above, GFEH across."""
    shift = 5 / math.tan(math.radians(_within(slope, 35, 145)))
    e, f = (-shift / 2, 0.0), (shift / 2, 5.0)
    points = {"A": (-8.0, 0.0), "E": e, "B": (8.0, 0.0), "C": (-8.0, 5.0), "F": f, "D": (8.0, 5.0)}
    points |= {"G": at(f, slope, 3.5), "H": at(e, slope + 180, 3.5)}
    return points, ("AEB", "CFD", "GFEH"), (("AB", "CD"),)


@template(2, angle(35, 145))
def co_interior(p: Numbers, q: Drawn) -> Problem:
    """Two angles between parallel lines, on the same side."""
    points, lines, parallel = _parallels(q[0])
    angles = (("BEF", degrees(p[0])), ("DFE", "x"))
    return _angle(Figure(points, lines, angles=angles, parallel=parallel), 180 - p[0])


@template(2, angle(35, 145))
def corresponding(p: Numbers, q: Drawn) -> Problem:
    """An angle at one of two parallel lines, from one at the other."""
    points, lines, parallel = _parallels(q[0])
    angles = (("DFG", degrees(p[0])), ("AEF", "x"))
    return _angle(Figure(points, lines, angles=angles, parallel=parallel), 180 - p[0])


@template(2, angle(30, 90), angle(30, 90))
def exterior_angle(p: Numbers, q: Drawn) -> Problem:
    """An outer angle of a triangle."""
    a, b, c = triangle(7, q[0], _within(180 - q[0] - q[1], 30, 120))
    figure = Figure(
        {"A": a, "B": b, "C": c, "D": (11.5, 0.0)},
        ("ABD", "BC", "CA"),
        angles=(("CAB", degrees(p[0])), ("BCA", degrees(p[1])), ("CBD", "x")),
    )
    return _angle(figure, p[0] + p[1])


@template(2, angle(90, 150), angle(35, 80), ood=True)
def exterior_back(p: Numbers, q: Drawn) -> Problem:
    """An inner angle of a triangle, from an outer one."""
    other = _within(q[0] - q[1], 30, 90)
    a, b, c = triangle(7, q[1], 180 - q[0])
    figure = Figure(
        {"K": a, "L": b, "M": c, "N": (11.5, 0.0)},
        ("KLN", "LM", "MK"),
        angles=(("MLN", degrees(p[0])), ("MKL", degrees(p[1])), ("KML", "x")),
    )
    return _angle(figure, p[0] - p[1] if other else 0)


@template(3, angle(60, 160))
def inscribed_angle(p: Numbers, q: Drawn) -> Problem:
    """The angle at the circle over a chord, from the one at the centre."""
    points = {
        "O": ZERO,
        "A": at(ZERO, -90 - q[0] / 2, RADIUS),
        "B": at(ZERO, -90 + q[0] / 2, RADIUS),
        "C": at(ZERO, 78, RADIUS),
    }
    angles = (("AOB", degrees(p[0])), ("ACB", "x"))
    return _angle(Figure(points, ("OA", "OB", "CA", "CB"), (("O", "ABC"),), angles=angles), Fraction(p[0], 2))


@template(3, angle(20, 70))
def thales(p: Numbers, q: Drawn) -> Problem:
    """An angle of a triangle over a diameter."""
    points = {"O": ZERO, "A": (-RADIUS, 0.0), "B": (RADIUS, 0.0), "C": at(ZERO, 2 * _within(q[0], 20, 70), RADIUS)}
    angles = (("CAB", degrees(p[0])), ("ABC", "x"))
    return _angle(Figure(points, ("AOB", "BC", "CA"), (("O", "ABC"),), angles=angles), 90 - p[0])


@template(3, angle(65, 115), angle(65, 115), ood=True)
def cyclic_quadrilateral(p: Numbers, q: Drawn) -> Problem:
    """An angle of a quadrilateral in a circle, from the one opposite to it."""
    low, high = max(40.0, 2 * q[0] + 2 * q[1] - 310), min(2 * q[0], 2 * q[1]) - 40
    third = _within((low + high) / 2, low, high)  # the arc CD; the inscribed angles settle the others
    turns = [100.0, 360 - 2 * q[0] - 2 * q[1] + third, 2 * q[0] - third, third]
    names = {name: at(ZERO, sum(turns[: k + 1]), RADIUS) for k, name in enumerate("ABCD")}
    angles = (("DAB", degrees(p[0])), ("ABC", degrees(p[1])), ("BCD", "x"))
    return _angle(Figure({"O": ZERO, **names}, ("AB", "BC", "CD", "DA"), (("O", "ABCD"),), angles=angles), 180 - p[0])


@template(4, angle(20, 60))
def inscribed_radii(p: Numbers, q: Drawn) -> Problem:
    """The angle at the circle, from one between a radius and a chord."""
    half = 90 - _within(q[0], 20, 60)
    points = {
        "O": ZERO,
        "A": at(ZERO, -90 - half, RADIUS),
        "B": at(ZERO, -90 + half, RADIUS),
        "C": at(ZERO, 75, RADIUS),
    }
    angles = (("OAB", degrees(p[0])), ("ACB", "x"))
    return _angle(Figure(points, ("OA", "OB", "AB", "CA", "CB"), (("O", "ABC"),), angles=angles), 90 - p[0])


def _tangents(opening: float) -> dict[str, Point]:
    """A circle around ZERO with tangents from P touching it at A and B, and C behind."""
    half = math.radians(_within(opening, 35, 100) / 2)
    p = (0.0, -RADIUS / math.sin(half))
    names = {
        "A": at(ZERO, -180 + opening / 2, RADIUS),
        "B": at(ZERO, -opening / 2, RADIUS),
        "C": at(ZERO, 70, RADIUS),
    }
    return {"O": ZERO, "P": p, **names}


@template(4, angle(35, 100), ood=True)
def two_tangents(p: Numbers, q: Drawn) -> Problem:
    """The angle between two radii, from the one between the tangents at their ends."""
    points = {name: point for name, point in _tangents(q[0]).items() if name != "C"}
    figure = Figure(
        points,
        ("PA", "PB", "OA", "OB"),
        (("O", "AB"),),
        angles=(("APB", degrees(p[0])), ("AOB", "x")),
        rights=("OAP", "PBO"),
    )
    return _angle(figure, 180 - p[0])


@template(5, angle(35, 100))
def tangents_inscribed(p: Numbers, q: Drawn) -> Problem:
    """The angle at a circle, from the one between two tangents."""
    figure = Figure(
        _tangents(q[0]),
        ("PA", "PB", "OA", "OB", "CA", "CB"),
        (("O", "ABC"),),
        angles=(("APB", degrees(p[0])), ("ACB", "x")),
        rights=("OAP", "PBO"),
    )
    return _angle(figure, 90 - Fraction(p[0], 2))


@template(4, angle(35, 75))
def parallel_isosceles(p: Numbers, q: Drawn) -> Problem:
    """The apex of an isosceles triangle between parallel lines."""
    a, b, c = triangle(8, _within(q[0], 35, 75), q[0])
    points = {"A": a, "B": b, "C": c, "D": (c[0] - 6, c[1]), "E": (c[0] + 6, c[1]), "F": (-3.0, 0.0), "G": (11.0, 0.0)}
    figure = Figure(
        points,
        ("FABG", "DCE", "AC", "BC"),
        angles=(("DCA", degrees(p[0])), ("ACB", "x")),
        equal=(("AC", "BC"),),
        parallel=(("FG", "DE"),),
    )
    return _angle(figure, 180 - 2 * p[0])
