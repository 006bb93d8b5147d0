"""Metro: a plan of coloured lines with small names of stations; which station lies between two others is asked."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from mmgym_puzzles.perception.scenes import COLORS
from mmgym_video.images.drawing import Drawing, Fact, Item, Stroke, Writing, disc, rect
from mmgym_video.images.family import Case, Family, Look, Scene, Setting, around, place_names

__all__ = ["Metro"]

LINES = {1: 2, 2: 3, 3: 4, 4: 5, 5: 6}
NODES = {1: 7, 2: 8, 3: 9, 4: 11, 5: 13}
"""Places for stations a side, by level."""

Node = tuple[int, int]


class Metro(Family):
    """Stations of one line are options; each line runs across the plan from left to right or from top to bottom."""

    name = "metro"
    summary = "Which station lies between two others of a line?"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level, side, line, theme = setting.level, setting.side, setting.line, setting.theme
        colors = [COLORS[k] for k in rng.permutation(len(COLORS)) if COLORS[k] != "yellow"][: LINES[level]]
        routes, first = _draw_routes(rng, LINES[level], NODES[level])
        stations: dict[Node, list[str]] = {}
        for color, route in zip(colors, routes, strict=True):
            for node in route:
                stations.setdefault(node, []).append(color)
        pitch, color = side / (NODES[level] + 0.4), colors[0]
        names = place_names(rng, len(stations))
        ends, options = names[:2], names[2:6]
        asked = [routes[0][first], routes[0][first + 2], routes[0][first + 1]]
        others = [node for node in routes[0] if node not in asked]
        others = [others[k] for k in rng.permutation(len(others))]
        rest = [node for node in stations if node not in asked and node not in others]
        nodes = [*asked, *others, *[rest[k] for k in rng.permutation(len(rest))]]

        def place(node: Node) -> tuple[float, float]:
            return (node[0] + 0.5) * pitch, (node[1] + 0.7) * pitch

        def scene(right: int) -> Scene:
            order = [*ends, options[right], *[option for option in options if option != options[right]], *names[6:]]
            said = dict(zip(nodes, order, strict=True))
            items: list[Item] = [rect(0.01 * side, 0.01 * side, 0.99 * side, 0.99 * side, theme.paper)]
            for shade, route in zip(colors, routes, strict=True):
                items.append(Stroke(tuple(map(place, route)), 0.011 * side, theme.shades[shade]))
            facts = []
            for node, lines in stations.items():
                (x, y), room = place(node), 0.85 * pitch
                items.append(disc(x, y, 0.009 * side, theme.paper, theme.ink))
                x, y = x + 0.06 * pitch, y - 0.011 * side - 0.6 * line
                text = Writing(said[node], x, y, line, min(room, 4.4 * line), theme.ink, theme.faint)
                items.append(rect(*around(x, y, text.width + 6, 0.85 * line), theme.paper, least=line))
                items.append(text)
                facts.append(text.fact(f"station of the {' and '.join(lines)} line"))
            looks = []
            for node in asked:
                x, y = place(node)
                looks.append(
                    Look(around(x + 0.06 * pitch, y - 0.011 * side - 0.6 * line, 5.4 * line, 1.2 * line), line)
                )
            return Scene(Drawing((side, side), theme.ground, tuple(items), tuple(facts)), tuple(looks))

        def conclude(facts: Sequence[Fact]) -> str:
            found = {fact.text: (fact.x, fact.y) for fact in facts if fact.text}
            if ends[0] not in found or ends[1] not in found:
                return options[0]
            middle = np.mean([found[ends[0]], found[ends[1]]], axis=0)
            near = [
                text for text in options if text in found and float(np.hypot(*(found[text] - middle))) < 0.1 * pitch
            ]
            return near[0] if near else options[0]

        question = f"Which station of the {color} line lies between {ends[0]} and {ends[1]}?"
        return self._case(rng, question, options, scene, conclude, tuple(ends))


def _draw_routes(rng: np.random.Generator, count: int, nodes: int) -> tuple[list[list[Node]], int]:
    """Routes on a grid of places, of at least six stations each, and where in the first three lie in a row.

    The three, the first of which is at that index, are stations of the first route alone.
    """
    while True:
        routes: list[list[Node]] = []
        starts = {True: rng.permutation(nodes).tolist(), False: rng.permutation(nodes).tolist()}
        for number in range(count):
            down = number % 2 == 1
            route = _draw_route(rng, starts[down][number], nodes)
            routes.append([(b, a) for a, b in route] if down else route)
        edges = [frozenset(edge) for route in routes for edge in itertools.pairwise(route)]
        if len(set(edges)) < len(edges):
            continue
        elsewhere = {node for route in routes[1:] for node in route}
        fits = [k for k in range(len(routes[0]) - 2) if _in_a_row(routes[0][k : k + 3], elsewhere)]
        if fits:
            return routes, fits[int(rng.integers(len(fits)))]


def _draw_route(rng: np.random.Generator, start: int, nodes: int) -> list[Node]:
    """A route from one side to the other that keeps its direction for some steps and turns by an eighth."""
    place, slope, route = start, 0, []
    for step in range(nodes):
        route.append((step, place))
        if rng.random() < 0.35:
            slope = int(np.clip(slope + rng.integers(-1, 2), -1, 1))
        if not 0 <= place + slope < nodes:
            slope = 0
        place += slope
    return route


def _in_a_row(three: Sequence[Node], elsewhere: set[Node]) -> bool:
    (a, b), (c, d), (e, f) = three
    return (c - a, d - b) == (e - c, f - d) and not elsewhere & set(three)
