"""A video drawn on demand: things that move, change colour, come and go, displays, and covers that hide.

Everything is a function of time in closed form, so that a frame of a video of hours costs what a frame of seconds
does. Lengths are thousandths of the frame's height, from its upper left corner. What a frame shows is known exactly
(`Stage.facts`): only what can be seen in it, so that a conclusion from facts is one that the pixels allow.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np

from mmgym.draw import Color, blank, draw_text, text_width
from mmgym_puzzles.perception.scenes import LOOKS, Look, Thing, box_of, draw_thing
from mmgym_video.pictures import WHOLE, Box
from mmgym_video.video import Frame, Subtitle, VideoError

__all__ = ["ALWAYS", "LEGIBLE", "Actor", "Cover", "Display", "Fact", "Stage", "in_words"]

Fact = dict[str, Any]
"""One thing that a frame shows, JSON-able; ``what`` is ``thing``, ``display`` or ``cover``, ``x`` and ``y`` its middle
in hundredths of the frame's width and height."""
Panel = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the frame, right and bottom not included."""
ALWAYS = ((0.0, math.inf),)
LEGIBLE = 10
"""Pixels that a line of text must be high in the picture that is seen to be read."""

_DARK: Color = (28, 34, 40)
_GLOW: Color = (140, 240, 170)
_LETTER: Color = (20, 20, 24)
_PAPER: Color = (255, 255, 255)


@dataclass(frozen=True)
class Actor:
    """A thing that may move, change its colour, come and go."""

    shape: str
    """One of `mmgym_puzzles.perception.scenes.SHAPES`."""
    colors: tuple[tuple[float, str], ...]
    """(from this time in seconds, the colour), in order, the first at 0."""
    path: tuple[tuple[float, float, float], ...]
    """(time, x, y): straight and even between these places, at rest before the first and after the last."""
    size: int = 120
    """Longer side."""
    label: str = ""
    """What is written on it."""
    shown: tuple[tuple[float, float], ...] = ALWAYS
    """When it is there, (from, until), until not included."""

    def color(self, time: float) -> str:
        """Its colour at a time."""
        return self.colors[max(0, bisect.bisect_right(self.colors, time, key=lambda entry: entry[0]) - 1)][1]

    def place(self, time: float) -> tuple[float, float]:
        """Where its middle is at a time."""
        return _along(self.path, time)


@dataclass(frozen=True)
class Display:
    """A screen with one line of text, dark where there is none."""

    texts: tuple[tuple[float, str], ...]
    """(from this time, the text), in order; printable ASCII."""
    x: float
    """Middle."""
    y: float
    """Middle."""
    height: int = 90
    """Height of the line of text."""
    name: str = "display"
    """What it is called; displays of one stage have different names where there are several."""
    shown: tuple[tuple[float, float], ...] = ALWAYS
    """When it is there."""

    def text(self, time: float) -> str:
        """What it reads at a time."""
        before = bisect.bisect_right(self.texts, time, key=lambda entry: entry[0])
        return self.texts[before - 1][1] if before else ""

    @cached_property
    def width(self) -> int:
        """Its width, wide enough for the longest of its texts."""
        widest = max((text_width(text, 100) for _, text in self.texts), default=0)
        return max(2 * self.height, math.ceil(widest * self.height / 100)) + self.height // 2


@dataclass(frozen=True)
class Cover:
    """An opaque box in front of things."""

    left: float
    top: float
    right: float
    bottom: float
    color: Color = (120, 112, 104)
    label: str = ""
    """What is written on it."""
    shown: tuple[tuple[float, float], ...] = ALWAYS
    """When it is there."""
    path: tuple[tuple[float, float, float], ...] = ()
    """(time, x, y): how far it is away from where its edges say, moving as an actor does; empty for one that stays."""

    def moved(self, time: float) -> Cover:
        """The cover as it lies at a time."""
        if not self.path:
            return self
        x, y = _along(self.path, time)
        left, right = self.left + x, self.right + x
        return replace(self, left=left, top=self.top + y, right=right, bottom=self.bottom + y, path=())

    def hides(self, box: tuple[float, float, float, float]) -> bool:
        """Whether a box (left, top, right, bottom) is behind it with all of itself."""
        inside = self.left <= box[0] and self.top <= box[1] and box[2] <= self.right and box[3] <= self.bottom
        return inside


@dataclass(frozen=True)
class Stage:
    """A `mmgym_video.video.Video` that is drawn on demand."""

    duration: float
    actors: tuple[Actor, ...] = ()
    """Later ones are drawn over earlier ones."""
    displays: tuple[Display, ...] = ()
    covers: tuple[Cover, ...] = ()
    """Drawn over actors, under displays."""
    subtitles: tuple[Subtitle, ...] = ()
    fps: float = 10.0
    size: tuple[int, int] = (480, 640)
    look: str = "usual"
    """One of `mmgym_puzzles.perception.scenes.LOOKS`."""
    ground: Color | None = None
    """Colour of the ground, unless the look's."""
    sample_rate: int = field(default=0, init=False)

    @property
    def aspect(self) -> float:
        """Width of the frame in thousandths of its height."""
        return 1000 * self.size[1] / self.size[0]

    def frames(self, times: Sequence[float]) -> list[Frame]:
        """The frames at these times; see `Video.frames`."""
        starts = [self.frame_time(time) for time in times]
        return [Frame(start, self._draw(start)) for start in starts]

    def frame_time(self, time: float) -> float:
        """When the frame that is shown at a time appears.

        Raises:
            ValueError: for a time outside [0, duration].
        """
        if not 0 <= time <= self.duration:
            raise ValueError(f"time must be from 0 to {self.duration:g}; got {time}")
        last = max(0, math.ceil(self.duration * self.fps - 1e-6) - 1)
        return min(math.floor(time * self.fps + 1e-6), last) / self.fps

    def sound(self, start: float, end: float) -> np.ndarray:
        """There is none.

        Raises:
            VideoError: always.
        """
        raise VideoError("this video is silent")

    def close(self) -> None:
        """Nothing is held."""

    def facts(self, time: float, box: Box = WHOLE, height: int = 1000) -> tuple[Fact, ...]:
        """What the frame at a time shows, in drawing order.

        Args:
            time: seconds.
            box: the part of the frame that is seen; things whose middle is outside are left out.
            height: pixels of the picture that is seen, which decide whether text in it can be read; the text of what
                cannot be read is None.
        """
        time = self.frame_time(time)
        pixels = min(height / (box[3] - box[1]), self.size[0]) / 1000
        covers = [cover.moved(time) for cover in self._there(self.covers, time)]
        displays = self._there(self.displays, time)
        actors = self._there(self.actors, time)
        things = [self._thing(actor, time) for actor in actors]
        panels = [self._panel(display) for display in displays]
        found: list[Fact] = []
        for actor, thing, seen in zip(actors, things, self._seen(things, covers, panels), strict=True):
            if seen:
                fact = {"what": "thing", "shape": thing.shape, "color": thing.color, **self._at(thing.x, thing.y)}
                found.append({**fact, "label": _read(actor.label, pixels * actor.size * 0.4)})
        for number, cover in enumerate(covers):
            edges = self._edges(cover)
            if not any(_holds(other, edges) for other in (*map(self._edges, covers[number + 1 :]), *panels)):
                middle = self._at((cover.left + cover.right) / 2, (cover.top + cover.bottom) / 2)
                found.append({"what": "cover", **middle, "label": _read(cover.label, pixels * _label_height(cover))})
        for number, display in enumerate(displays):
            if not any(_holds(other, panels[number]) for other in panels[number + 1 :]):
                fact = {"what": "display", "name": display.name, **self._at(display.x, display.y)}
                found.append({**fact, "text": _read(display.text(time), pixels * display.height)})
        left, top, right, bottom = (100 * edge for edge in box)
        return tuple(fact for fact in found if left <= fact["x"] <= right and top <= fact["y"] <= bottom)

    def _seen(self, things: Sequence[Thing], covers: Sequence[Cover], panels: Sequence[Panel]) -> list[bool]:
        """Of things in the order in which they are drawn: whether the frame would look different without them."""
        boxes = [box_of(thing, self.size[0]) for thing in things]
        panels = [*map(self._edges, covers), *panels]
        seen = []
        for number, (thing, box) in enumerate(zip(things, boxes, strict=True)):
            near = [i for i in range(len(things)) if i == number or _meet(boxes[i], box)]
            above = [panel for panel in panels if _meet(panel, box)]
            if any(cover.hides(_extent(thing)) for cover in covers) or any(_holds(panel, box) for panel in above):
                seen.append(False)
            elif above or near[-1] > number:
                with_it = self._part(box, [things[i] for i in near], above)
                without = self._part(box, [things[i] for i in near if i != number], above)
                seen.append(not np.array_equal(with_it, without))
            else:
                seen.append(True)
        return seen

    def _part(self, box: Panel, things: Sequence[Thing], panels: Sequence[Panel]) -> np.ndarray:
        """A part of a frame with these things and nothing else, under panels."""
        left, top, right, bottom = box
        look: Look = LOOKS[self.look]
        image = blank(bottom - top, right - left, look.ground if self.ground is None else self.ground)
        for thing in things:
            x0, y0, x1, y1 = box_of(thing, self.size[0])
            draw_thing(image, thing, look, (x0 - left, y0 - top, x1 - left, y1 - top))
        for x0, y0, x1, y1 in panels:
            image[max(0, y0 - top) : max(0, y1 - top), max(0, x0 - left) : max(0, x1 - left)] = 0
        return image

    def _edges(self, cover: Cover) -> Panel:
        """Where a cover lies in the frame."""
        scale = self.size[0] / 1000
        left, top, right, bottom = (round(edge * scale) for edge in (cover.left, cover.top, cover.right, cover.bottom))
        return left, top, right, bottom

    def _panel(self, display: Display) -> Panel:
        """Where a display lies in the frame."""
        scale = self.size[0] / 1000
        half = display.width / 2 * scale, display.height * 0.7 * scale
        x, y = display.x * scale, display.y * scale
        return round(x - half[0]), round(y - half[1]), round(x + half[0]), round(y + half[1])

    def _at(self, x: float, y: float) -> dict[str, int]:
        return {"x": round(100 * x / self.aspect), "y": round(y / 10)}

    @staticmethod
    def _there(props: Sequence[Any], time: float) -> list[Any]:
        return [prop for prop in props if any(start <= time < end for start, end in prop.shown)]

    @staticmethod
    def _thing(actor: Actor, time: float) -> Thing:
        x, y = actor.place(time)
        return Thing(actor.shape, actor.color(time), round(x), round(y), actor.size)

    def _draw(self, time: float) -> np.ndarray:
        height, width = self.size
        look: Look = LOOKS[self.look]
        image = _ground(height, width, look.ground if self.ground is None else self.ground).copy()
        scale = height / 1000
        for actor in self._there(self.actors, time):
            thing = self._thing(actor, time)
            draw_thing(image, thing, look, box_of(thing, height))
            if actor.label:
                _write(image, actor.label, thing.x * scale, thing.y * scale, actor.size * 0.4 * scale)
        for cover in (cover.moved(time) for cover in self._there(self.covers, time)):
            corners = self._edges(cover)
            cv2.rectangle(image, (corners[0], corners[1]), (corners[2] - 1, corners[3] - 1), cover.color, -1)
            if cover.label:
                x, y = (cover.left + cover.right) / 2, (cover.top + cover.bottom) / 2
                _write(image, cover.label, x * scale, y * scale, _label_height(cover) * scale)
        for display in self._there(self.displays, time):
            _draw_display(image, display, display.text(time), scale, self._panel(display))
        return image


@lru_cache(maxsize=8)
def _ground(height: int, width: int, color: Color) -> np.ndarray:
    return blank(height, width, color)


def _along(path: Sequence[tuple[float, float, float]], time: float) -> tuple[float, float]:
    """Where on a path of (time, x, y) something is: straight and even between its points, at rest outside of them."""
    after = bisect.bisect_right(path, time, key=lambda entry: entry[0])
    if after == 0 or after == len(path):
        return path[min(after, len(path) - 1)][1:]
    (t0, x0, y0), (t1, x1, y1) = path[after - 1 : after + 1]
    share = (time - t0) / (t1 - t0)
    return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share


def _extent(thing: Thing) -> tuple[float, float, float, float]:
    half = thing.size / 2
    return thing.x - half, thing.y - half, thing.x + half, thing.y + half


def _holds(outer: Panel, inner: Panel) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


def _meet(one: Panel, other: Panel) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _label_height(cover: Cover) -> float:
    return min(100.0, 0.6 * (cover.bottom - cover.top))


def _read(text: str, pixels: float) -> str | None:
    return text if not text or pixels >= LEGIBLE else None


def _write(image: np.ndarray, text: str, x: float, y: float, height: float) -> None:
    """Dark letters on a light patch, which every colour leaves readable."""
    half = (text_width(text, height, bold=True) + height * 0.3) / 2, height / 2
    corners = round(x - half[0]), round(y - half[1]), round(x + half[0]), round(y + half[1])
    cv2.rectangle(image, corners[:2], (corners[2] - 1, corners[3] - 1), _PAPER, -1)
    draw_text(image, text, x, y, height, _LETTER, bold=True)


def _draw_display(image: np.ndarray, display: Display, text: str, scale: float, panel: Panel) -> None:
    cv2.rectangle(image, panel[:2], (panel[2] - 1, panel[3] - 1), _DARK, -1)
    if text:
        draw_text(image, text, display.x * scale, display.y * scale, display.height * scale, _GLOW, bold=True)


def in_words(facts: Sequence[Fact]) -> str:
    """What a frame shows, as a sentence of an agent that cannot see reads it."""
    said = []
    for fact in facts:
        where = f"at ({fact['x']}, {fact['y']})"
        if fact["what"] == "thing":
            label = {None: ", with a label too small to read", "": ""}.get(fact["label"], f", labelled {fact['label']}")
            said.append(f"a {fact['color']} {fact['shape']}{label} {where}")
        elif fact["what"] == "cover":
            label = {None: ", with a label too small to read", "": ""}.get(fact["label"], f", labelled {fact['label']}")
            said.append(f"a cover{label} {where}")
        elif fact["what"] == "display":
            reads = {None: "with text too small to read", "": "dark"}.get(fact["text"], f"that reads {fact['text']}")
            said.append(f"a {fact['name']} {reads} {where}")
        else:
            said.append(str(fact["text"]))
    return "; ".join(said) if said else "nothing but the ground"
