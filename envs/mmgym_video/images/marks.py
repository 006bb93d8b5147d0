"""What was done to a picture that is shown: turned, cropped, drawn upon; kept as the marks of a shot, JSON-able.

Marks are ``("rotate", degrees)``, ``("crop",)``, and drawn ones: ``("line", colour, x1, y1, x2, y2)``,
``("box", colour, x1, y1, ..., x4, y4)`` and ``("point", colour, x, y)``, their points as shares of the whole picture
before it is turned, so that whatever is shown next shows them where they belong.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from mmgym_video.images.view import View

__all__ = ["COLORS", "Mark", "angle_of", "draw_marks", "drawn", "is_crop", "points_of", "with_angle", "zoomed"]

Mark = tuple[Any, ...]
COLORS = {
    "red": (230, 20, 30),
    "green": (10, 160, 60),
    "blue": (20, 70, 240),
    "yellow": (255, 215, 0),
    "magenta": (225, 0, 200),
    "black": (0, 0, 0),
}
"""Colours that can be drawn in, by name."""
_HALO = (255, 255, 255)


def angle_of(marks: tuple[Mark, ...]) -> int:
    """Degrees by which a picture is turned anticlockwise."""
    return next((int(mark[1]) for mark in marks if mark[0] == "rotate"), 0)


def is_crop(marks: tuple[Mark, ...]) -> bool:
    """Whether a picture is shown in its own pixels."""
    return ("crop",) in marks


def drawn(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    """The marks that are drawn."""
    return tuple(mark for mark in marks if mark[0] not in ("rotate", "crop"))


def zoomed(marks: tuple[Mark, ...], crop: bool = False) -> tuple[Mark, ...]:
    """The marks of a part of a picture with these marks: zoomed in on, or cropped."""
    return with_angle(marks, angle_of(marks)) + ((("crop",),) if crop else ())


def with_angle(marks: tuple[Mark, ...], angle: int) -> tuple[Mark, ...]:
    """The marks with the picture turned by so many degrees in all, and no longer cropped."""
    return ((("rotate", angle),) if angle else ()) + drawn(marks)


def points_of(mark: Mark, size: tuple[int, int]) -> np.ndarray:
    """Points of a drawn mark in pixels of the whole picture of this height and width, (points, 2)."""
    return np.array(mark[2:], float).reshape(-1, 2) * (size[1], size[0])


def draw_marks(image: np.ndarray, view: View, marks: tuple[Mark, ...]) -> None:
    """Draw marks onto a picture that is shown, in place, each with a light rim that any ground leaves visible."""
    thick = max(2, round(min(image.shape[:2]) / 100))
    for mark in drawn(marks):
        color = COLORS[mark[1]]
        points = np.rint(np.clip(view.to_shown(points_of(mark, view.size)), -1e6, 1e6)).astype(np.int32)
        if mark[0] == "point":
            x, y = points[0].tolist()
            cv2.circle(image, (x, y), 2 * thick + 2, _HALO, -1)
            cv2.circle(image, (x, y), 2 * thick, color, -1)
            continue
        for width, shade in ((thick + 2, _HALO), (thick, color)):
            cv2.polylines(image, [points], mark[0] == "box", shade, width)
