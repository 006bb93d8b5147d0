"""Geometry problems that ask for an area."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from mmgym_puzzles.reasoning.figures import PI, Figure, Point, Problem, Region, at, between
from mmgym_puzzles.reasoning.surds import Surd, whole
from mmgym_puzzles.reasoning.templates import angle, degrees, length, place, template

__all__: list[str] = []

Numbers = Sequence[int]
Drawn = Sequence[float]
ZERO: Point = (0.0, 0.0)
_SINES = {60: Surd.root(Fraction(3, 4)), 90: whole(1), 120: Surd.root(Fraction(3, 4))}


def _alike(*lengths: float, least: float = 0.3) -> None:
    if min(lengths) < least * max(lengths):
        raise ValueError("the figure would be too thin")


@template(1, length(), length())
def rectangle_area(p: Numbers, q: Drawn) -> Problem:
    """A rectangle."""
    _alike(*q)
    points = {"A": ZERO, "B": (q[0], 0.0), "C": (q[0], q[1]), "D": (0.0, q[1])}
    figure = Figure(
        points,
        ("AB", "BC", "CD", "DA"),
        lengths=(("AB", str(p[0])), ("BC", str(p[1]))),
        rights=("DAB", "ABC", "BCD", "CDA"),
        shaded=(Region("ABCD"),),
    )
    return Problem(figure, "area", whole(p[0] * p[1]))


@template(1, length(), length())
def triangle_area(p: Numbers, q: Drawn) -> Problem:
    """A triangle with its height."""
    _alike(*q, least=0.4)
    points = {"A": ZERO, "H": (0.36 * q[0], 0.0), "B": (q[0], 0.0), "C": (0.36 * q[0], q[1])}
    figure = Figure(
        points,
        ("AHB", "BC", "CA", "CH"),
        lengths=(("AB", str(p[0])), ("CH", str(p[1]))),
        rights=("BHC",),
        shaded=(Region("ABC"),),
    )
    return Problem(figure, "area", whole(Fraction(p[0] * p[1], 2)), ("CH",))


@template(1, length(), length(), ood=True)
def parallelogram_area(p: Numbers, q: Drawn) -> Problem:
    """A parallelogram with its height."""
    _alike(*q, least=0.35)
    shift = 0.4 * q[0]
    points = {"A": ZERO, "H": (shift, 0.0), "B": (q[0], 0.0), "C": (q[0] + shift, q[1]), "D": (shift, q[1])}
    figure = Figure(
        points,
        ("AHB", "BC", "CD", "DA", "DH"),
        lengths=(("AB", str(p[0])), ("DH", str(p[1]))),
        rights=("BHD",),
        parallel=(("AB", "DC"), ("AD", "BC")),
        shaded=(Region("ABCD"),),
    )
    return Problem(figure, "area", whole(p[0] * p[1]), ("DH",))


@template(2, length(2, 60))
def circle_area(p: Numbers, q: Drawn) -> Problem:
    """A circle with its radius."""
    points = {"O": ZERO, "A": (q[0], 0.0)}
    figure = Figure(
        points, ("OA",), (("O", "A"),), lengths=(("OA", str(p[0])),), shaded=(Region(center="O", radius=q[0]),)
    )
    return Problem(figure, "area", PI * p[0] ** 2)


@template(2, length(), length(), length(), ood=True)
def trapezium_area(p: Numbers, q: Drawn) -> Problem:
    """A trapezium with its height."""
    _alike(*q, least=0.35)
    if q[0] <= q[1] * 1.2:
        raise ValueError("the base must be longer")
    start = 0.3 * (q[0] - q[1])
    points = {
        "A": ZERO,
        "B": (q[0], 0.0),
        "C": (start + q[1], q[2]),
        "D": (start, q[2]),
        "H": (start + 0.7 * q[1], 0.0),
    }
    points["K"] = (points["H"][0], q[2])
    figure = Figure(
        points,
        ("AHB", "BC", "CKD", "DA", "KH"),
        lengths=(("AB", str(p[0])), ("DC", str(p[1])), ("KH", str(p[2]))),
        rights=("BHK",),
        parallel=(("AB", "DC"),),
        shaded=(Region("ABCD"),),
    )
    return Problem(figure, "area", whole(Fraction((p[0] + p[1]) * p[2], 2)), ("KH",))


@template(3, length(6, 24), length(6, 24), length(2, 18), length(2, 18))
def notched_area(p: Numbers, q: Drawn) -> Problem:
    """A rectangle without one of its corners."""
    _alike(q[0], q[1], least=0.5)
    if not all(0.28 * big < small < 0.68 * big for big, small in ((q[0], q[2]), (q[1], q[3]))):
        raise ValueError("the corner is too large or too small")
    inner = (q[0] - q[2], q[1] - q[3])
    points = {"A": ZERO, "B": (q[0], 0.0), "C": (q[0], inner[1]), "D": inner, "E": (inner[0], q[1]), "F": (0.0, q[1])}
    figure = Figure(
        points,
        ("AB", "BC", "CD", "DE", "EF", "FA"),
        lengths=(("AB", str(p[0])), ("FA", str(p[1])), ("CD", str(p[2])), ("DE", str(p[3]))),
        rights=("FAB", "ABC", "BCD", "DEF", "EFA"),
        shaded=(Region("ABCDEF"),),
    )
    return Problem(figure, "area", whole(p[0] * p[1] - p[2] * p[3]))


@template(3, length(2, 24), angle(30, 150))
def sector_area(p: Numbers, q: Drawn) -> Problem:
    """A sector of a circle."""
    if p[1] % 5:
        raise ValueError("the angle must be a multiple of 5")
    points = {"O": ZERO, "A": at(ZERO, 0, q[0]), "B": at(ZERO, q[1], q[0])}
    figure = Figure(
        points,
        ("OA", "OB"),
        arcs=(("O", q[0], 0.0, float(q[1])),),
        lengths=(("OA", str(p[0])),),
        angles=(("AOB", degrees(p[1])),),
        shaded=(Region(center="O", radius=q[0], span=(0.0, float(q[1]))),),
    )
    return Problem(figure, "area", PI * Fraction(p[1] * p[0] ** 2, 360))


@template(4, length(2, 60))
def square_and_circle(p: Numbers, q: Drawn) -> Problem:
    """What a circle leaves of the square around it."""
    side = q[0]
    points = {
        "A": ZERO,
        "B": (side, 0.0),
        "C": (side, side),
        "D": (0.0, side),
        "O": (side / 2, side / 2),
        "m": (side / 2, 0.0),
    }
    figure = Figure(
        points,
        ("AB", "BC", "CD", "DA"),
        (("O", "m"),),
        lengths=(("AB", str(p[0])),),
        rights=("DAB", "ABC", "BCD", "CDA"),
        equal=(("AB", "BC", "CD", "DA"),),
        shaded=(Region("ABCD"), Region(center="O", radius=side / 2, sign=-1)),
    )
    return Problem(figure, "area", whole(p[0] ** 2) - PI * Fraction(p[0] ** 2, 4))


@template(4, length(3, 24), length(3, 24))
def arched_area(p: Numbers, q: Drawn) -> Problem:
    """A rectangle with half a circle on top."""
    _alike(*q, least=0.4)
    points = {"A": ZERO, "B": (q[0], 0.0), "C": (q[0], q[1]), "D": (0.0, q[1]), "M": (q[0] / 2, q[1])}
    figure = Figure(
        points,
        ("AB", "BC", "DMC", "DA"),
        arcs=(("M", q[0] / 2, 0.0, 180.0),),
        lengths=(("AB", str(p[0])), ("BC", str(p[1]))),
        rights=("DAB", "ABC"),
        equal=(("DM", "MC"),),
        shaded=(Region("ABCD"), Region(center="M", radius=q[0] / 2, span=(0.0, 180.0))),
    )
    return Problem(figure, "area", whole(p[0] * p[1]) + PI * Fraction(p[0] ** 2, 8), ("DMC",))


@template(4, length(4, 24), length(4, 30))
def isosceles_area(p: Numbers, q: Drawn) -> Problem:
    """An isosceles triangle with its sides."""
    if not 0.5 * q[0] < q[1] < 1.7 * q[0]:
        raise ValueError("the triangle would be too thin")
    height = math.sqrt(q[0] ** 2 - q[1] ** 2 / 4)
    points = {"A": ZERO, "B": (q[1], 0.0), "C": (q[1] / 2, height)}
    figure = Figure(
        points,
        ("AB", "BC", "CA"),
        lengths=(("CA", str(p[0])), ("AB", str(p[1]))),
        equal=(("CA", "BC"),),
        shaded=(Region("ABC"),),
    )
    return Problem(figure, "area", Surd.root(p[0] ** 2 - Fraction(p[1] ** 2, 4)) * Fraction(p[1], 2))


@template(4, *[place(0, 8)] * 6, grid=True)
def grid_triangle(p: Numbers, q: Drawn) -> Problem:
    """A triangle on a grid."""
    a, b, c = [(float(q[k]), float(q[k + 1])) for k in (0, 2, 4)]
    double = abs((p[2] - p[0]) * (p[5] - p[1]) - (p[4] - p[0]) * (p[3] - p[1]))
    sides = (math.dist(a, b), math.dist(b, c), math.dist(c, a))
    if min(sides) < 2.5 or double < 2.2 * max(sides):
        raise ValueError("the triangle would be too thin")
    figure = Figure({"A": a, "B": b, "C": c}, ("AB", "BC", "CA"), shaded=(Region("ABC"),))
    return Problem(figure, "area", whole(Fraction(double, 2)))


@template(4, length(5, 30), length(2, 24), ood=True)
def ring_area(p: Numbers, q: Drawn) -> Problem:
    """A ring between two circles."""
    if not 0.4 * q[0] < q[1] < 0.75 * q[0]:
        raise ValueError("the ring would be too thin")
    points = {"O": ZERO, "A": at(ZERO, 25, q[0]), "B": at(ZERO, 200, q[1])}
    figure = Figure(
        points,
        ("OA", "OB"),
        (("O", "A"), ("O", "B")),
        lengths=(("OA", str(p[0])), ("OB", str(p[1]))),
        shaded=(Region(center="O", radius=q[0]), Region(center="O", radius=q[1], sign=-1)),
    )
    return Problem(figure, "area", PI * (p[0] ** 2 - p[1] ** 2))


@template(5, length(2, 40), place(2, 4))
def segment_area(p: Numbers, q: Drawn) -> Problem:
    """The piece that a chord cuts off a circle."""
    turn = 30 * p[1]
    points = {"O": ZERO, "A": at(ZERO, 90 + turn / 2, q[0]), "B": at(ZERO, 90 - turn / 2, q[0])}
    figure = Figure(
        points,
        ("OA", "OB", "AB"),
        (("O", "AB"),),
        lengths=(("OA", str(p[0])),),
        angles=(("AOB", degrees(turn)),),
        shaded=(Region(center="O", radius=q[0], span=(90 - turn / 2, 90 + turn / 2)), Region("OAB", sign=-1)),
    )
    area = PI * Fraction(turn * p[0] ** 2, 360) - _SINES[turn] * Fraction(p[0] ** 2, 2)
    return Problem(figure, "area", area)


@template(5, length(3, 20), length(5, 30), length(3, 24))
def right_trapezium(p: Numbers, q: Drawn) -> Problem:
    """A trapezium with two right angles, from its sides."""
    wide = q[1] - q[0]
    _alike(*q, least=0.3)
    if not 0.3 * q[2] < wide < 0.85 * q[2]:
        raise ValueError("the slanting side is too steep or too flat")
    height = math.sqrt(q[2] ** 2 - wide**2)
    _alike(height, q[1], least=0.35)
    points = {"A": ZERO, "B": (q[1], 0.0), "C": (q[0], height), "D": (0.0, height)}
    figure = Figure(
        points,
        ("AB", "BC", "CD", "DA"),
        lengths=(("DC", str(p[0])), ("AB", str(p[1])), ("BC", str(p[2]))),
        rights=("DAB", "CDA"),
        shaded=(Region("ABCD"),),
    )
    area = Surd.root(p[2] ** 2 - (p[1] - p[0]) ** 2) * Fraction(p[0] + p[1], 2)
    return Problem(figure, "area", area)


@template(5, length(2, 9), length(2, 9), place(4, 60))
def similar_areas(p: Numbers, q: Drawn) -> Problem:
    """What a parallel to the base cuts off a triangle, from the area that is left."""
    _alike(q[0], q[1], least=0.45)
    if q[1] > 1.1 * q[0]:
        raise ValueError("the upper triangle is too small")
    side = q[0] + q[1]
    base = 2 * q[2] * (side / q[0]) ** 2 / (side * math.sin(math.radians(62)))
    if not 0.75 < base / side < 1.5:
        raise ValueError("the triangle would be too thin")
    b, c, a = ZERO, (base, 0.0), at(ZERO, 62, side)
    points = {"A": a, "B": b, "C": c, "D": between(a, b, q[0] / side), "E": between(a, c, q[0] / side)}
    figure = Figure(
        points,
        ("ADB", "AEC", "BC", "DE"),
        lengths=(("AD", str(p[0])), ("DB", str(p[1]))),
        parallel=(("DE", "BC"),),
        shaded=(Region("DBCE"),),
        areas=(("ADE", f"{p[2]} cm²"),),
    )
    return Problem(figure, "area", whole(Fraction(p[2] * ((p[0] + p[1]) ** 2 - p[0] ** 2), p[0] ** 2)))


@template(5, length(2, 60), ood=True)
def circle_around_triangle(p: Numbers, q: Drawn) -> Problem:
    """What an equilateral triangle leaves of the circle around it."""
    points = {"O": ZERO, **{name: at(ZERO, 90 + 120 * k, q[0]) for k, name in enumerate("ABC")}}
    figure = Figure(
        points,
        ("AB", "BC", "CA", "OA"),
        (("O", "ABC"),),
        lengths=(("OA", str(p[0])),),
        equal=(("AB", "BC", "CA"),),
        shaded=(Region(center="O", radius=q[0]), Region("ABC", sign=-1)),
    )
    return Problem(figure, "area", PI * p[0] ** 2 - Surd.root(3) * Fraction(3 * p[0] ** 2, 4))
