"""The pictures that are attached to messages, drawn with OpenCV: posters, till receipts, tags and charts.

What they say is nowhere else. Each is made from a small dict, which the database keeps: its ``kind`` and its contents.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

__all__ = ["MONTHS", "draw"]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Months as a chart names them, whatever the language of the site."""

_INKS = ((158, 42, 43), (24, 78, 119), (45, 106, 79), (106, 60, 150), (176, 91, 12), (20, 20, 20))
_PAPERS = ((253, 246, 227), (236, 244, 250), (240, 248, 238), (250, 238, 244), (255, 255, 255))
_PLAIN, _BOLD, _SERIF = cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX


def draw(spec: dict[str, Any]) -> np.ndarray:
    """The picture of a spec: uint8 RGB, about 420 x 300 pixels.

    Raises:
        ValueError: for an unknown kind.
    """
    makers = {"poster": _poster, "receipt": _receipt, "badge": _badge, "chart": _chart}
    if spec["kind"] not in makers:
        raise ValueError(f"the kind of a picture must be one of {', '.join(makers)}; got {spec['kind']!r}")
    return makers[spec["kind"]](spec)


def _sheet(height: int, width: int, colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), colour, dtype=np.uint8)


def _write(
    picture: np.ndarray, text: str, x: int, y: int, scale: float, ink: tuple[int, int, int], font: int = _PLAIN,
    align: str = "middle", thick: int = 1,
) -> None:  # fmt: skip
    """Write with the baseline at `y`; `x` is the text's left end, middle or right end."""
    (width, _), _ = cv2.getTextSize(text, font, scale, thick)
    left = {"left": x, "middle": x - width // 2, "right": x - width}[align]
    cv2.putText(picture, text, (left, y), font, scale, ink, thick, cv2.LINE_AA)


def _photograph(sheet: np.ndarray, look: int, height: int, width: int) -> np.ndarray:
    """A sheet lying a little askew on a table, as a telephone sees it."""
    tables = ((112, 86, 66), (88, 96, 104), (134, 118, 96), (70, 84, 78))
    table = _sheet(height, width, tables[look % 4])
    for row in range(0, height, 22):
        cv2.line(table, (0, row), (width, row + look % 9 - 4), [int(c * 0.88) for c in tables[look % 4]], 2)
    margin, tilt = 14, look % 13 - 6
    corners = [
        (margin + tilt, margin), (width - margin, margin + tilt), (width - margin - tilt, height - margin),
        (margin, height - margin - tilt),
    ]  # fmt: skip
    h, w = sheet.shape[:2]
    source = np.array([(0, 0), (w, 0), (w, h), (0, h)], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(source, np.array(corners, dtype=np.float32))
    cv2.warpPerspective(sheet, matrix, (width, height), dst=table, borderMode=cv2.BORDER_TRANSPARENT)
    return table


def _poster(spec: dict[str, Any]) -> np.ndarray:
    look = spec["look"]
    paper, ink = _PAPERS[look % 5], _INKS[look % 6]
    sheet = _sheet(280, 400, paper)
    cv2.rectangle(sheet, (0, 0), (400, 78), ink, -1)
    for k in range(9):
        cv2.circle(sheet, (22 + 45 * k, 250), 14 + (look >> k) % 3 * 4, _INKS[(look + k) % 6], -1, cv2.LINE_AA)
    _write(sheet, spec["title"], 200, 51, min(1.1, 19 / len(spec["title"])), paper, _SERIF)
    _write(sheet, spec["day"], 200, 122, 0.95, ink, _BOLD)
    _write(sheet, f"at {spec['time']}", 200, 172, 1.35, ink, _BOLD, thick=2)
    _write(sheet, spec["place"], 200, 212, 0.85, (50, 50, 50))
    return _photograph(sheet, look, 310, 440)


def _receipt(spec: dict[str, Any]) -> np.ndarray:
    sheet = _sheet(330, 260, (250, 249, 244))
    ink = (45, 45, 52)
    _write(sheet, spec["shop"], 130, 38, min(0.75, 12 / len(spec["shop"])), ink, _BOLD)
    cv2.line(sheet, (18, 56), (242, 56), ink, 1)
    for k, (item, cents) in enumerate(spec["items"]):
        y = 84 + 28 * k
        _write(sheet, item, 20, y, 0.52, ink, align="left")
        _write(sheet, f"{cents / 100:.2f}", 240, y, 0.52, ink, align="right")
    y = 92 + 28 * len(spec["items"])
    cv2.line(sheet, (18, y - 12), (242, y - 12), ink, 1)
    _write(sheet, "TOTAL", 20, y + 16, 0.68, ink, _BOLD, "left")
    _write(sheet, f"{sum(cents for _, cents in spec['items']) / 100:.2f}", 240, y + 16, 0.68, ink, _BOLD, "right")
    x = 30
    for k in range(44):  # the bar code at its foot
        bar = 1 + (spec["look"] * (k + 3) >> k % 7) % 3
        cv2.rectangle(sheet, (x, 284), (x + bar - 1, 314), ink, -1)
        x += bar + 2
    return _photograph(sheet, spec["look"], 370, 320)


def _badge(spec: dict[str, Any]) -> np.ndarray:
    look = spec["look"]
    ink, paper = _INKS[look % 6], _PAPERS[look % 5]
    sheet = _sheet(190, 330, ink)
    cv2.rectangle(sheet, (12, 12), (317, 177), paper, -1)
    cv2.circle(sheet, (38, 38), 13, ink, -1, cv2.LINE_AA)
    cv2.circle(sheet, (38, 38), 8, (90, 90, 90), -1, cv2.LINE_AA)
    _write(sheet, spec["title"], 175, 52, min(0.8, 14 / len(spec["title"])), (60, 60, 60))
    _write(sheet, spec["code"], 165, 132, 1.9, ink, _BOLD, thick=2)
    return _photograph(sheet, look, 230, 370)


def _chart(spec: dict[str, Any]) -> np.ndarray:
    look, values = spec["look"], spec["values"]
    sheet, ink = _sheet(280, 460, (255, 255, 255)), (70, 70, 78)
    _write(sheet, spec["title"], 230, 26, 0.62, ink, _BOLD)
    for k in range(6):
        y = 240 - 36 * k
        cv2.line(sheet, (48, y), (450, y), (222, 222, 228), 1)
        _write(sheet, str(20 * k), 42, y + 5, 0.42, ink, align="right")
    for k, value in enumerate(values):
        x = 54 + 33 * k
        cv2.rectangle(sheet, (x, 240 - round(1.8 * value)), (x + 22, 240), _INKS[look % 5], -1)
        _write(sheet, MONTHS[k], x + 11, 260, 0.4, ink)
    cv2.line(sheet, (48, 240), (450, 240), ink, 1)
    return sheet
