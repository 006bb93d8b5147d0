"""Experts for tasks on shapes: pointing at them, counting them, geometry, pie menus."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmgym.spaces import ToolCall
from mmgym_web.miniwob.experts import Plan, View, expert, wait
from mmgym_web.miniwob.tasks import RIGHT_ANGLES

# The shapes of shapes.js with what a description may say of them.
_SHAPES = """all('#area_svg > *').map(e => {
  const tag = e.tagName, size = {text: parseFloat(e.getAttribute('font-size')), rect: +e.getAttribute('width'),
    circle: 2 * e.getAttribute('r'), polygon: e.getBBox().width}[tag];
  const name = {rect: 'rectangle', circle: 'circle', polygon: 'triangle'}[tag] || e.textContent;
  const kind = tag !== 'text' ? 'shape' : /[0-9]/.test(name) ? 'digit' : 'letter';
  return {e, size: size > 15 ? 'large' : 'small', color: e.getAttribute('fill'), name, kind};
}).filter(s => (!size || s.size === size) && (!color || s.color === color)
  && (noun === 'item' || noun === s.name || noun === s.kind))"""


@expert("grid-coordinate")
def grid_coordinate(view: View) -> Plan:
    """Click a point of a grid."""
    (point,) = view.words(r"(\(-?\d,-?\d\))")
    return view.click("document.getElementById(point)", point=point)


def _described(description: str) -> dict[str, Any]:
    *adjectives, noun = description.split()
    sizes = [word for word in adjectives if word in ("large", "small")]
    colors = [word for word in adjectives if word not in sizes]
    return {"size": "".join(sizes), "color": "".join(colors), "noun": noun}


@expert("click-shape")
def click_shape(view: View) -> Plan:
    """Click a shape that fits a description."""
    (description,) = view.words(r"Click on a (.*)")
    return view.click(f"({_SHAPES}).map(s => s.e).find(at)", **_described(description))


@expert("count-shape")
def count_shape(view: View) -> Plan:
    """Count the shapes that fit a description."""
    (description,) = view.words(r"How many (.*)s are there")
    total = view.read(f"({_SHAPES}).length", **_described(description))
    return view.click("all('#count-buttons button').find(e => text(e) === total)", total=str(total))


@expert("identify-shape")
def identify_shape(view: View) -> Plan:
    """Say what a figure is."""
    kind = view.read(f"(s => s.kind === 'shape' ? s.name : s.kind)(({_SHAPES})[0])", size="", color="", noun="item")
    return view.click("one(`[data-type=${kind}]`)", kind=kind)


@expert("count-sides")
def count_sides(view: View) -> Plan:
    """Count the sides of a polygon: the strongest harmonic of its outline's distance from the centre."""
    outline = """(canvas => {
      const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      const sums = [3, 4, 5, 6, 7].map(n => ({n, c: 0, s: 0}));
      for (let i = 3; i < data.length; i += 4) if (data[i]) {
        const x = (i >> 2) % canvas.width + .5 - 75, y = Math.floor((i >> 2) / canvas.width) + .5 - 50;
        const angle = Math.atan2(y, x), weight = data[i] * (Math.hypot(x, y) - 30);
        for (const k of sums) { k.c += weight * Math.cos(k.n * angle); k.s += weight * Math.sin(k.n * angle); }
      }
      return sums.sort((a, b) => Math.hypot(b.c, b.s) - Math.hypot(a.c, a.s))[0].n;
    })(one('#c'))"""
    return view.click("one(`[data-sides='${sides}']`)", sides=view.read(outline))


@expert("find-midpoint")
def find_midpoint(view: View) -> Plan:
    """Click midway between two points."""
    (x0, y0), (x1, y1) = view.read(f"all('.black-circle').map({_CENTER})")
    x, y = round((x0 + x1) / 2), round((y0 + y1) / 2)
    done = view.read(_BLUE_CIRCLE) == [x, y]
    return view.submit() if done else [_click_in_graph(x, y), *view.submit()]


@expert("right-angle")
def right_angle(view: View) -> Plan:
    """Make a right angle."""
    points = view.read(RIGHT_ANGLES)
    done = view.read(_BLUE_CIRCLE) in points
    return view.submit() if done else [_click_in_graph(*points[len(points) // 2]), *view.submit()]


_CENTER = "(e => [e.cx.baseVal.value, e.cy.baseVal.value])"
_BLUE_CIRCLE = f"one('#blue-circle') ? {_CENTER}(one('#blue-circle')) : null"
"""The point that was clicked last."""


def _click_in_graph(x: int, y: int) -> ToolCall:
    return ToolCall("click", {"x": x, "y": y + 50})  # the page takes the height of the task's text for 50


@expert("circle-center")
def circle_center(view: View) -> Plan:
    """Click a circle's centre. The page measures half a pixel off, so that every pixel misses it."""
    center = view.read(f"{_CENTER}(one('.black-circle'))")
    done = view.read(_BLUE_CIRCLE) == center
    return view.submit() if done else [_click_in_graph(*center), *view.submit()]


@expert("bisect-angle")
def bisect_angle(view: View) -> Plan:
    """Halve an angle as exactly as a pixel can."""
    (vertex, *ends) = view.read(f"[one('.init-blue'), ...all('.init-black')].map({_CENTER})")
    legs = np.array(ends) - vertex
    points = np.stack(np.meshgrid(np.arange(150), np.arange(120)), -1).reshape(-1, 2)
    points = points[(points != vertex).any(1)]
    off = np.array([_angles(points - vertex, leg) for leg in legs]).max(0) - _angles(legs[:1], legs[1])[0] / 2
    best = points[off < off.min() + 1e-9].tolist()
    done = view.read(_BLUE_CIRCLE) in best
    return view.submit() if done else [_click_in_graph(*best[len(best) // 2]), *view.submit()]


def _angles(arms: NDArray[np.int64], leg: NDArray[np.int64]) -> NDArray[np.float64]:
    """Angles between arms, (n, 2), and a leg, (2,), in radians."""
    across = arms[:, 0] * leg[1] - arms[:, 1] * leg[0]
    angles: NDArray[np.float64] = np.abs(np.arctan2(across, arms @ leg))
    return angles


@expert("click-pie", "click-pie-nodelay")
def click_pie(view: View) -> Plan:
    """Open a pie menu and click an item."""
    (name,) = view.words(r'labeled "(.*)"')
    item = "all('#divWheel text').find(e => /-title-/.test(e.id) && e.textContent === name)"
    if view.read("text(one('#wheelnav-divWheel-spreadertitle')) === '+'"):
        return [*view.click("one('#wheelnav-divWheel-spreader')"), wait(2.0)]
    opening = view.read(f"({item}).getBoundingClientRect().height < 20", name=name)
    return [wait(1.0), wait(1.0)] if opening else view.click(item, name=name)
