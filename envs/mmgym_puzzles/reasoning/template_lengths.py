"""Geometry problems that ask for a length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from mmgym_puzzles.reasoning.figures import Figure, Point, Problem, at, between, foot
from mmgym_puzzles.reasoning.surds import Surd, whole
from mmgym_puzzles.reasoning.templates import angle, length, place, template

__all__: list[str] = []

Numbers = Sequence[int]
Drawn = Sequence[float]
ZERO: Point = (0.0, 0.0)


def _leg(hypotenuse: float, leg: float, least: float = 0.35) -> float:
    """The other leg of a right triangle, at least a share of the hypotenuse."""
    if leg >= hypotenuse or (other := math.sqrt(hypotenuse**2 - leg**2)) < least * hypotenuse:
        raise ValueError("the triangle would be too thin")
    return other


def _alike(*lengths: float) -> None:
    if min(lengths) < 0.3 * max(lengths):
        raise ValueError("the figure would be too thin")


@template(1, length(), length())
def perimeter_side(p: Numbers, q: Drawn) -> Problem:
    """The side of a rectangle that is left of another."""
    if p[0] - p[1] < 2 or not 0.25 * q[0] < q[1] < 0.75 * q[0]:
        raise ValueError("one side must be well longer than the other")
    points = {"A": ZERO, "M": (q[1], 0.0), "B": (q[0], 0.0), "C": (q[0], 0.6 * q[0]), "D": (0.0, 0.6 * q[0])}
    lengths = (("DC", str(p[0])), ("AM", str(p[1])), ("MB", "x"))
    figure = Figure(points, ("AMB", "BC", "CD", "DA"), lengths=lengths, rights=("BCD", "CDA", "DAB"))
    return Problem(figure, "length", whole(p[0] - p[1]))


@template(2, length(), length())
def hypotenuse(p: Numbers, q: Drawn) -> Problem:
    """The longest side of a right triangle."""
    _alike(*q)
    points = {"C": ZERO, "A": (q[0], 0.0), "B": (0.0, q[1])}
    lengths = (("CA", str(p[0])), ("CB", str(p[1])), ("AB", "x"))
    return Problem(
        Figure(points, ("AB", "BC", "CA"), lengths=lengths, rights=("BCA",)), "length", Surd.root(p[0] ** 2 + p[1] ** 2)
    )


@template(2, length(), length(5, 30))
def leg(p: Numbers, q: Drawn) -> Problem:
    """A leg of a right triangle."""
    points = {"C": ZERO, "A": (q[0], 0.0), "B": (0.0, _leg(q[1], q[0]))}
    lengths = (("CA", str(p[0])), ("AB", str(p[1])), ("CB", "x"))
    return Problem(
        Figure(points, ("AB", "BC", "CA"), lengths=lengths, rights=("BCA",)), "length", Surd.root(p[1] ** 2 - p[0] ** 2)
    )


@template(3, length(2, 12), length(2, 12), length(2, 14))
def similar_parallel(p: Numbers, q: Drawn) -> Problem:
    """The base of a triangle, from a line parallel to it."""
    base = q[2] * (q[0] + q[1]) / q[0]
    _alike(*q)
    if not 0.5 < base / (q[0] + q[1]) < 1.6:
        raise ValueError("the triangle would be too thin")
    b, c = ZERO, (base, 0.0)
    a = at(b, 62, q[0] + q[1])
    share = q[0] / (q[0] + q[1])
    points = {"A": a, "B": b, "C": c, "D": between(a, b, share), "E": between(a, c, share)}
    lengths = (("AD", str(p[0])), ("DB", str(p[1])), ("DE", str(p[2])), ("BC", "x"))
    figure = Figure(points, ("ADB", "AEC", "BC", "DE"), lengths=lengths, parallel=(("DE", "BC"),))
    return Problem(figure, "length", whole(Fraction(p[2] * (p[0] + p[1]), p[0])))


@template(3, length(3, 20), length(6, 40))
def tangent_length(p: Numbers, q: Drawn) -> Problem:
    """The length of a tangent to a circle."""
    _leg(q[1], q[0], 0.45)
    _alike(*q)
    points = {"O": ZERO, "P": (q[1], 0.0), "T": at(ZERO, math.degrees(math.acos(q[0] / q[1])), q[0])}
    lengths = (("OT", str(p[0])), ("OP", str(p[1])), ("TP", "x"))
    figure = Figure(points, ("OT", "OP", "TP"), (("O", "T"),), lengths=lengths, rights=("OTP",))
    return Problem(figure, "length", Surd.root(p[1] ** 2 - p[0] ** 2))


@template(3, length(6, 30), length(3, 20), ood=True)
def chord_distance(p: Numbers, q: Drawn) -> Problem:
    """The radius of a circle, from a chord and its distance from the centre."""
    _alike(q[0] / 2, q[1])
    points = {"O": ZERO, "M": (0.0, -q[1]), "A": (-q[0] / 2, -q[1]), "B": (q[0] / 2, -q[1])}
    lengths = (("AB", str(p[0])), ("OM", str(p[1])), ("OA", "x"))
    figure = Figure(
        points, ("AMB", "OM", "OA"), (("O", "AB"),), lengths=lengths, rights=("OMB",), equal=(("AM", "MB"),)
    )
    return Problem(figure, "length", Surd.root(Fraction(p[0] ** 2, 4) + p[1] ** 2))


@template(4, length(), length())
def altitude(p: Numbers, q: Drawn) -> Problem:
    """The altitude on the longest side of a right triangle."""
    _alike(*q)
    a, b = (q[0], 0.0), (0.0, q[1])
    points = {"C": ZERO, "A": a, "B": b, "H": foot(ZERO, a, b)}
    lengths = (("CA", str(p[0])), ("CB", str(p[1])), ("CH", "x"))
    figure = Figure(points, ("AHB", "BC", "CA", "CH"), lengths=lengths, rights=("BCA", "AHC"))
    return Problem(figure, "length", whole(p[0] * p[1]) / Surd.root(p[0] ** 2 + p[1] ** 2))


@template(4, length(2, 14), length(2, 14), length(2, 14))
def chords(p: Numbers, q: Drawn) -> Problem:
    """A part of one of two chords that cross."""
    rest = q[0] * q[1] / q[2]
    _alike(*q, rest)
    c, d = at(ZERO, 250, q[2]), at(ZERO, 70, rest)
    points = {"A": (-q[0], 0.0), "E": ZERO, "B": (q[1], 0.0), "C": c, "D": d}
    x = (q[1] - q[0]) / 2
    # The centre is over the middle of AB, equally far from A and C.
    y = ((c[0] - x) ** 2 + c[1] ** 2 - (q[0] + x) ** 2) / (2 * c[1])
    lengths = (("AE", str(p[0])), ("EB", str(p[1])), ("CE", str(p[2])), ("ED", "x"))
    figure = Figure({**points, "o": (x, y)}, ("AEB", "CED"), (("o", "ABCD"),), lengths=lengths)
    return Problem(figure, "length", whole(Fraction(p[0] * p[1], p[2])))


@template(4, length(5, 25), length(3, 20), length(3, 20))
def shared_height(p: Numbers, q: Drawn) -> Problem:
    """A side of a triangle, from the other and the parts of the base under the height."""
    height = _leg(q[0], q[1], 0.45)
    _alike(*q, height)
    points = {"A": (-q[1], 0.0), "H": ZERO, "B": (q[2], 0.0), "C": (0.0, height)}
    lengths = (("AC", str(p[0])), ("AH", str(p[1])), ("HB", str(p[2])), ("CB", "x"))
    figure = Figure(points, ("AHB", "BC", "CA", "CH"), lengths=lengths, rights=("CHB",))
    return Problem(figure, "length", Surd.root(p[0] ** 2 - p[1] ** 2 + p[2] ** 2))


@template(4, length(4, 24), angle(1, 2), ood=True)
def special_triangle(p: Numbers, q: Drawn) -> Problem:
    """The side opposite an angle of 30 or 60 degrees, from the longest side."""
    known = 30 * p[1]
    turn = 30.0 * p[1] + (0 if q[1] == p[1] else 6 * (1 if p[1] == 1 else -1))
    points = {
        "C": ZERO,
        "A": (q[0] * math.cos(math.radians(turn)), 0.0),
        "B": (0.0, q[0] * math.sin(math.radians(turn))),
    }
    figure = Figure(
        points,
        ("AB", "BC", "CA"),
        lengths=(("AB", str(p[0])), ("BC", "x")),
        angles=(("CAB", f"{known}°"),),
        rights=("BCA",),
    )
    return Problem(figure, "length", whole(Fraction(p[0], 2)) * (Surd.root(3) if p[1] == 2 else whole(1)))


@template(5, length(3, 16), length(3, 16), length(3, 16))
def two_right_triangles(p: Numbers, q: Drawn) -> Problem:
    """The last side of two right triangles that lean on each other."""
    _alike(*q)
    b, a, c = ZERO, (0.0, q[0]), (q[1], 0.0)
    across = math.degrees(math.atan2(q[0], -q[1]))
    points = {"A": a, "B": b, "C": c, "D": at(c, across - 90, q[2])}
    lengths = (("AB", str(p[0])), ("BC", str(p[1])), ("CD", str(p[2])), ("AD", "x"))
    figure = Figure(points, ("AB", "BC", "AC", "CD", "AD"), lengths=lengths, rights=("ABC", "ACD"))
    return Problem(figure, "length", Surd.root(p[0] ** 2 + p[1] ** 2 + p[2] ** 2))


@template(5, *[place(0, 8)] * 6, grid=True)
def grid_median(p: Numbers, q: Drawn) -> Problem:
    """The length of a median, on a grid."""
    a, b, c = [(float(q[k]), float(q[k + 1])) for k in (0, 2, 4)]
    m = between(a, b)
    h = foot(c, a, b) if a != b else c
    if math.dist(a, b) < 3.5 or math.dist(c, h) < 2 or min(math.dist(a, c), math.dist(b, c)) < 2.5:
        raise ValueError("the points are too close")
    answer = Surd.root(Fraction((2 * p[4] - p[0] - p[2]) ** 2 + (2 * p[5] - p[1] - p[3]) ** 2, 4))
    figure = Figure(
        {"A": a, "B": b, "C": c, "M": m},
        ("AMB", "BC", "CA", "CM"),
        lengths=(("CM", "x"),),
        equal=(("AM", "MB"),),
    )
    return Problem(figure, "length", answer)


@template(5, length(4, 24), length(4, 24), ood=True)
def inradius(p: Numbers, q: Drawn) -> Problem:
    """The radius of the circle in a right triangle."""
    _alike(q[0] * 0.6, q[1] * 0.6, min(q))
    if min(q) < 0.5 * max(q):
        raise ValueError("the triangle would be too thin")
    r = (q[0] + q[1] - math.hypot(*q)) / 2
    points = {"C": ZERO, "A": (q[0], 0.0), "B": (0.0, q[1]), "O": (r, r), "T": (r, 0.0)}
    lengths = (("CB", str(p[1])), ("CA", str(p[0])), ("OT", "x"))
    figure = Figure(points, ("AB", "BC", "CTA", "OT"), (("O", "T"),), lengths=lengths, rights=("BCA", "ATO"))
    return Problem(figure, "length", (whole(p[0] + p[1]) - Surd.root(p[0] ** 2 + p[1] ** 2)) / 2)
