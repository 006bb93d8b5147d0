"""The forum's pictures: members' avatars and photographs of type plates."""

from __future__ import annotations

import cv2
import numpy as np

from mmgym_web.webnav.sites.wiki.figures import PAINTS

__all__ = ["PLATE_LETTERS", "SHAPES", "draw_avatar", "draw_plate"]

SHAPES = ("circle", "triangle", "square", "star", "heart", "cross")
PLATE_LETTERS = "ABCDEFHJKLMNPRTUVWXY"
"""Letters that are told apart easily."""


def draw_avatar(shape: str, colour: str, ground: str) -> bytes:
    """An avatar as a PNG file of 96 pixels: a shape of one colour on another."""
    image = np.zeros((192, 192, 3), np.uint8)
    image[:] = PAINTS[ground]
    paint = PAINTS[colour]
    if shape == "circle":
        cv2.circle(image, (96, 96), 58, paint, -1, cv2.LINE_AA)
    elif shape == "heart":
        cv2.circle(image, (68, 78), 34, paint, -1, cv2.LINE_AA)
        cv2.circle(image, (124, 78), 34, paint, -1, cv2.LINE_AA)
        cv2.fillPoly(image, [np.array([(38, 94), (96, 158), (154, 94), (96, 70)])], paint, cv2.LINE_AA)
    else:
        cv2.fillPoly(image, [_corners(shape)], paint, cv2.LINE_AA)
    small = cv2.resize(image, (96, 96), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", small[..., ::-1])[1].tobytes()


def draw_plate(code: str, tone: int) -> bytes:
    """A photograph of a metal type plate with a number, as a PNG file; `tone` from 0 to 99 sets its colour."""
    image = np.zeros((170, 300, 3), np.uint8)
    image[:] = (70 + tone // 3, 84, 100 - tone // 3)
    for y in range(0, 170, 6):
        cv2.line(image, (0, y), (299, y + tone // 20), (80 + tone // 3, 92, 104 - tone // 3), 1)
    cv2.rectangle(image, (40, 35), (260, 135), (196, 198, 200), -1)
    for x in range(40, 260, 3):
        cv2.line(image, (x, 35), (x, 134), (190 + (x * 7 + tone) % 12,) * 3, 1)
    cv2.rectangle(image, (40, 35), (260, 135), (110, 112, 116), 2)
    for x, y in ((50, 45), (250, 45), (50, 125), (250, 125)):
        cv2.circle(image, (x, y), 4, (120, 122, 126), -1, cv2.LINE_AA)
    cv2.putText(image, "TYPE / SERIAL", (88, 64), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (70, 70, 74), 1, cv2.LINE_AA)
    cv2.line(image, (62, 74), (238, 74), (120, 122, 126), 1)
    width = cv2.getTextSize(code, cv2.FONT_HERSHEY_DUPLEX, 1.0, 2)[0][0]
    cv2.putText(image, code, (150 - width // 2, 112), cv2.FONT_HERSHEY_DUPLEX, 1.0, (32, 32, 36), 2, cv2.LINE_AA)
    return cv2.imencode(".png", image[..., ::-1])[1].tobytes()


def _corners(shape: str) -> np.ndarray:
    if shape == "triangle":
        return np.array([(96, 34), (160, 148), (32, 148)])
    if shape == "square":
        return np.array([(44, 44), (148, 44), (148, 148), (44, 148)])
    if shape == "cross":
        a, b, c, d = 36, 76, 116, 156
        return np.array(
            [(b, a), (c, a), (c, b), (d, b), (d, c), (c, c), (c, d), (b, d), (b, c), (a, c), (a, b), (b, b)]
        )
    if shape == "star":
        angles = np.pi * np.arange(10) / 5 - np.pi / 2
        radii = np.where(np.arange(10) % 2 == 0, 66, 27)
        return np.stack([96 + radii * np.cos(angles), 98 + radii * np.sin(angles)], 1).astype(np.int64)
    raise ValueError(f"a shape must be one of {', '.join(SHAPES)}; got {shape!r}")
