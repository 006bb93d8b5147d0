"""The wiki's pictures: flags, maps, charts and views, drawn from a few numbers."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from mmgym_web.webnav.sites.wiki.lore import MONTHS

__all__ = ["PAINTS", "draw_figure"]

PAINTS = {
    "red": (204, 43, 43), "blue": (33, 84, 190), "green": (34, 139, 64), "yellow": (245, 205, 35),
    "white": (250, 250, 250), "black": (25, 25, 25), "orange": (240, 130, 30), "purple": (128, 60, 160),
}  # fmt: skip
"""Red, green and blue of the colours that pictures use, by name."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_INK = (60, 60, 60)
_SKIES = (98, 104, 110, 14, 166)
"""Hues of the sky (of 180): by day, in the evening, in the morning."""


def draw_figure(figure: dict[str, Any]) -> bytes:
    """A figure of an article as a PNG file.

    Raises:
        ValueError: for an unknown kind of figure.
    """
    if figure["kind"] == "flag":
        image = _flag(figure["colours"], figure["upright"])
    elif figure["kind"] == "map":
        image = _map(figure)
    elif figure["kind"] == "bars":
        image = _bars(figure["values"])
    elif figure["kind"] == "peaks":
        image = _peaks(figure["heights"], figure["hue"])
    elif figure["kind"] == "arches":
        image = _arches(figure["count"], figure["hue"])
    else:
        raise ValueError(f"a figure must be one of flag, map, bars, peaks, arches; got {figure['kind']!r}")
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def _flag(colours: list[str], upright: bool) -> np.ndarray:
    image = np.zeros((150, 240, 3), np.uint8)
    for number, colour in enumerate(colours):
        if upright:
            image[:, 80 * number : 80 * number + 80] = PAINTS[colour]
        else:
            image[50 * number : 50 * number + 50] = PAINTS[colour]
    shade = 1 - 0.1 * np.sin(np.linspace(0, 3 * np.pi, 240))[None, :, None] ** 2
    image = (image * shade).astype(np.uint8)
    cv2.rectangle(image, (0, 0), (239, 149), (120, 120, 120), 1)
    return image


def _map(figure: dict[str, Any]) -> np.ndarray:
    image = np.full((300, 360, 3), (226, 236, 208), np.uint8)
    cv2.rectangle(image, (0, 268), (359, 299), (150, 196, 226), -1)
    heights = np.linspace(0, 275, 8)
    across = [130 + bend for bend in figure["bends"]]
    ys = np.linspace(0, 275, 60)
    xs = np.interp(ys, heights, across)
    xs = np.convolve(np.pad(xs, 4, "edge"), np.ones(9) / 9, "valid")
    course = np.stack([xs, ys], 1).astype(np.int32)
    cv2.polylines(image, [course], False, (110, 165, 215), 7, cv2.LINE_AA)
    for number, (town, right) in enumerate(zip(figure["towns"], figure["sides"], strict=True)):
        y = 22 + number * 42
        x = int(np.interp(y, ys, xs)) + (16 if right else -16)
        if number == figure["marked"]:
            cv2.rectangle(image, (x - 6, y - 6), (x + 6, y + 6), PAINTS["red"], -1)
        else:
            cv2.circle(image, (x, y), 5, _INK, -1, cv2.LINE_AA)
        width = cv2.getTextSize(town, _FONT, 0.45, 1)[0][0]
        at = (x + 11, y + 5) if right else (x - 11 - width, y + 5)
        cv2.putText(image, town, at, _FONT, 0.45, (30, 30, 30), 1, cv2.LINE_AA)
    return image


def _bars(values: list[int]) -> np.ndarray:
    image = np.full((190, 300, 3), 255, np.uint8)
    for tick in range(0, 101, 25):
        y = 160 - int(tick * 1.4)
        cv2.line(image, (28, y), (296, y), (222, 222, 222), 1)
        cv2.putText(image, str(tick), (3, y + 4), _FONT, 0.33, _INK, 1, cv2.LINE_AA)
    for number, value in enumerate(values):
        x = 32 + number * 22
        cv2.rectangle(image, (x, 160 - int(value * 1.4)), (x + 14, 160), (64, 120, 180), -1)
        cv2.putText(image, MONTHS[number][:3], (x - 4, 175), _FONT, 0.32, _INK, 1, cv2.LINE_AA)
    return image


def _sky(height: int, width: int, hue: int) -> np.ndarray:
    hue = _SKIES[hue % len(_SKIES)]
    top = np.array([hue, 60, 225], np.float32)
    column = np.stack([top * (1 - part) + np.array([hue, 12, 250], np.float32) * part
                       for part in np.linspace(0, 1, height)])  # fmt: skip
    sky = np.repeat(column[:, None], width, 1).astype(np.uint8)
    return np.asarray(cv2.cvtColor(sky, cv2.COLOR_HSV2RGB))


def _peaks(heights: list[int], hue: int) -> np.ndarray:
    image = _sky(170, 280, hue)
    for layer, (base, tone) in enumerate(((95, (150, 165, 190)), (120, (100, 125, 135)), (145, (60, 95, 75)))):
        points = [(0, 169)]
        for number in range(8):
            rise = heights[(number + 3 * layer) % len(heights)] * (70 - 18 * layer) // 100
            points.append((number * 40, base - rise))
        points.append((279, 169))
        cv2.fillPoly(image, [np.array(points, np.int32)], tone, cv2.LINE_AA)
    return image


def _arches(count: int, hue: int) -> np.ndarray:
    image = _sky(160, 300, hue)
    image[118:] = (96, 150, 185)
    stone, span = (150, 136, 118), 300 / count
    cv2.rectangle(image, (0, 52), (299, 130), stone, -1)
    cv2.rectangle(image, (0, 44), (299, 54), (120, 108, 94), -1)
    for number in range(count):
        centre, half = int(span * (number + 0.5)), int(span * 0.38)
        opening = image[118:131, centre - half : centre + half]
        opening[:] = (96, 150, 185)
        cv2.rectangle(image, (centre - half, 92), (centre + half, 118), (214, 226, 232), -1)
        cv2.ellipse(image, (centre, 92), (half, 30), 0, 180, 360, (214, 226, 232), -1, cv2.LINE_AA)
    for y in range(124, 160, 9):
        cv2.line(image, (10 + y % 40, y), (90 + y % 70, y), (128, 176, 205), 1, cv2.LINE_AA)
        cv2.line(image, (170 + y % 30, y), (260 + y % 35, y), (128, 176, 205), 1, cv2.LINE_AA)
    return image
