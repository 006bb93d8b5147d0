"""A geometry figure in words: what its picture shows and what is written into it, and nothing else.

Radii and the turns of sectors are told by points, and a circle that is fixed by the lines it touches by these lines: as
numbers they would give away what is to be worked out.
"""

from __future__ import annotations

import math

from mmgym_puzzles.reasoning.figures import Figure, Region, at, foot

__all__ = ["in_words"]


def in_words(figure: Figure, grid: bool) -> str:
    """The facts of a figure, one a line.

    Args:
        figure: with its true coordinates.
        grid: whether it is drawn on a grid, where positions can be read.
    """
    facts = [f"straight line through {', '.join(line)}" for line in figure.lines]
    facts += [_circle(figure, center, on) for center, on in figure.circles]
    facts += [f"arc {_ends(figure, center, radius, *span)}" for center, radius, *span in figure.arcs]
    facts += [f"length {names} = {text}" for names, text in figure.lengths]
    facts += [f"angle {names} = {text}" for names, text in figure.angles]
    facts += [f"angle {names} is a right angle" for names in figure.rights]
    facts += [f"{' = '.join(group)}" for group in figure.equal]
    facts += [f"{' is parallel to '.join(group)}" for group in figure.parallel]
    facts += [f"area {names} = {text}" for names, text in figure.areas]
    facts += [
        f"{'shaded' if region.sign > 0 else 'left out of it'}: {_region(figure, region)}" for region in figure.shaded
    ]
    if grid:
        facts += [f"{name} is at ({x:g}, {y:g})" for name, (x, y) in figure.points.items()]
    return "\n".join(facts)


def _circle(figure: Figure, center: str, on: str) -> str:
    """A circle by its centre and the points on it, where these have names, and the lines that it touches."""
    middle, radius = figure.points[center], math.dist(figure.points[center], figure.points[on[0]])
    named, touched = [name for name in on if name.isupper()], []
    for line in figure.lines:
        ends = figure.points[line[0]], figure.points[line[-1]]
        nearest = foot(middle, *ends)
        within = math.isclose(math.dist(ends[0], nearest) + math.dist(nearest, ends[1]), math.dist(*ends))
        if within and math.isclose(math.dist(middle, nearest), radius):
            touched.append(line[0] + line[-1])
    words = ["circle", *([f"with centre {center}"] if center.isupper() else [])]
    words += [f"through {', '.join(named)}"] if named else []
    return " ".join([*words, *([f"touching {', '.join(touched)}"] if touched else [])])


def _ends(figure: Figure, center: str, radius: float, first: float, last: float) -> str:
    """Centre and ends of an arc or a sector."""
    ends = (at(figure.points[center], turn, radius) for turn in (first, last))
    one, other = (min(figure.points, key=lambda name: math.dist(figure.points[name], end)) for end in ends)
    return f"with centre {center} from {one} to {other}"


def _region(figure: Figure, region: Region) -> str:
    if region.corners:
        return region.corners
    if region.span[1] - region.span[0] < 360:
        return f"sector {_ends(figure, region.center, region.radius, *region.span)}"
    middle = figure.points[region.center]
    return next(
        _circle(figure, center, on)
        for center, on in figure.circles
        if center == region.center and math.isclose(math.dist(middle, figure.points[on[0]]), region.radius)
    )
