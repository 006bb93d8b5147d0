"""The picture of who is busy when: a bar of the day for each person."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

__all__ = ["busy_picture", "png"]

_LEFT, _HOUR, _ROW, _TOP = 118, 34, 36, 30
_FIRST, _LAST = 9, 18


def busy_picture(people: Sequence[tuple[str, Sequence[tuple[int, int]]]], colour: tuple[int, int, int]) -> np.ndarray:
    """Bars of a day from 9 to 18: uint8 RGB (height, 440, 3).

    Args:
        people: name, and beginnings and ends of meetings in minutes after midnight.
        colour: RGB colour of a meeting.
    """
    height = _TOP + _ROW * len(people) + 8
    picture = np.full((height, _LEFT + _HOUR * (_LAST - _FIRST) + 16, 3), 255, dtype=np.uint8)
    ink = (60, 60, 66)
    for hour in range(_FIRST, _LAST + 1):
        x = _LEFT + _HOUR * (hour - _FIRST)
        cv2.line(picture, (x, _TOP - 4), (x, height - 6), (214, 214, 220), 1)
        cv2.putText(
            picture, str(hour), (x - 4 * len(str(hour)), 18), cv2.FONT_HERSHEY_SIMPLEX, 0.42, ink, 1, cv2.LINE_AA
        )
    for k, (name, meetings) in enumerate(people):
        y = _TOP + _ROW * k
        scale = min(0.46, 6.2 / max(1, len(name)))
        cv2.putText(picture, name, (6, y + 20), cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 1, cv2.LINE_AA)
        for start, end in meetings:
            left, right = (_LEFT + _HOUR * (minute - 60 * _FIRST) // 60 for minute in (start, end))
            cv2.rectangle(picture, (left, y + 3), (right, y + _ROW - 9), colour, -1)
            cv2.rectangle(picture, (left, y + 3), (right, y + _ROW - 9), (255, 255, 255), 1)
    return picture


def png(picture: np.ndarray) -> bytes:
    """A picture as a PNG file."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
