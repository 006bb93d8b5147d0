"""How cards look: two decks, drawn once per size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mmgym.draw import Color, Shape, blank, disc, draw_text, paint, polygon, rectangle
from mmgym_puzzles.cards.deck import Card

__all__ = ["LOOKS", "RATIO", "Look", "back_picture", "card_picture"]

RATIO = 1.4
"""Height of a card over its width."""

_SIGNS = "♥♠♦♣"
_LEFT, _MIDDLE, _RIGHT = 0.2, 0.5, 0.8
_ROWS = {2: (_MIDDLE,), 3: (_MIDDLE,)} | {rank: (_LEFT, _RIGHT) for rank in range(4, 11)}
_INNER = {
    8: ((_MIDDLE, 0.3),),
    9: ((_LEFT, 0.37), (_RIGHT, 0.37)),
    10: ((_LEFT, 0.37), (_RIGHT, 0.37), (_MIDDLE, 0.25)),
}
_ALONE = {
    1: ((_MIDDLE, 0.5),),
    3: ((_MIDDLE, 0.5),),
    5: ((_MIDDLE, 0.5),),
    6: ((_LEFT, 0.5), (_RIGHT, 0.5)),
    7: ((_LEFT, 0.5), (_RIGHT, 0.5), (_MIDDLE, 0.31)),
    9: ((_MIDDLE, 0.5),),
}


@dataclass(frozen=True)
class Look:
    """A deck, and the table it lies on."""

    paper: Color
    edge: Color
    inks: tuple[Color, Color, Color, Color]
    """Colours of hearts, spades, diamonds and clubs; darker than the paper."""
    coats: tuple[Color, Color, Color]
    """Colours of the clothes of jack, queen and king."""
    back: tuple[Color, Color]
    table: Color
    letters: Color
    """Colour of what is written on the table."""
    plate: Color
    """Ground of signs on the table."""
    pips: bool
    """As many signs as the card counts, and figures; else one large sign for all."""


LOOKS = {
    "usual": Look(
        paper=(255, 255, 255),
        edge=(60, 60, 60),
        inks=((204, 16, 28), (16, 16, 20), (204, 16, 28), (16, 16, 20)),
        coats=((70, 130, 200), (214, 90, 130), (236, 178, 44)),
        back=((38, 70, 150), (214, 224, 244)),
        table=(38, 104, 74),
        letters=(255, 255, 255),
        plate=(20, 64, 45),
        pips=True,
    ),
    "ood": Look(
        paper=(255, 240, 205),
        edge=(110, 60, 20),
        inks=((196, 30, 50), (40, 36, 44), (24, 84, 190), (14, 122, 60)),
        coats=((200, 200, 190), (200, 200, 190), (200, 200, 190)),
        back=((130, 30, 60), (240, 200, 120)),
        table=(66, 52, 92),
        letters=(255, 236, 170),
        plate=(38, 28, 58),
        pips=False,
    ),
}
"""Looks by name: ``usual``, and ``ood`` with one large sign on a card and a colour for each suit."""


@lru_cache(maxsize=1024)
def card_picture(look: str, card: Card, height: int, width: int) -> np.ndarray:
    """A card, read-only uint8 (height, width, 3)."""
    style = LOOKS[look]
    picture = _empty(style, height, width)
    ink = style.inks[card.suit]
    index = round(0.46 * width)
    _write_tight(picture, card.letter, 0.20 * width, 0.165 * height, index, ink)
    draw_text(picture, _SIGNS[card.suit], 0.20 * width, 0.37 * height, round(0.42 * width), ink)
    middle = picture[round(0.05 * height) : height - round(0.05 * height), round(0.38 * width) : round(0.96 * width)]
    if not style.pips:
        draw_text(middle, _SIGNS[card.suit], middle.shape[1] / 2, 0.62 * middle.shape[0], round(0.95 * width), ink)
    elif card.rank > 10:
        _draw_figure(middle, style, card, ink)
    else:
        _draw_pips(middle, card, ink)
    picture.flags.writeable = False
    return picture


@lru_cache(maxsize=16)
def back_picture(look: str, height: int, width: int) -> np.ndarray:
    """A card that lies face down, read-only uint8 (height, width, 3)."""
    style = LOOKS[look]
    picture = _empty(style, height, width)
    ground, line = style.back
    shapes = [rectangle(0.08, 0.06, 0.92, 0.94, ground)]
    for row in range(5):
        for column in range(3):
            x, y, reach = 0.22 + 0.28 * column, 0.16 + 0.17 * row, 0.1
            shapes.append(polygon([(x - reach, y), (x, y - 0.7 * reach), (x + reach, y), (x, y + 0.7 * reach)], line))
    paint(picture, shapes)
    picture.flags.writeable = False
    return picture


def _empty(style: Look, height: int, width: int) -> np.ndarray:
    picture = blank(height, width, style.table)
    x, y = 1.2 / width, 1.2 / height
    paint(picture, [_rounded(0, 0, 1, 1, 0.09, style.edge), _rounded(x, y, 1 - x, 1 - y, 0.08, style.paper)])
    return picture


def _rounded(left: float, top: float, right: float, bottom: float, reach: float, color: Color) -> Shape:
    """A card's outline with cut corners, `reach` card widths long."""
    x, y = reach, reach / RATIO
    a, b = 0.3 * x, 0.3 * y
    corners = [
        *((left, top + y), (left + a, top + b), (left + x, top)),
        *((right - x, top), (right - a, top + b), (right, top + y)),
        *((right, bottom - y), (right - a, bottom - b), (right - x, bottom)),
        *((left + x, bottom), (left + a, bottom - b), (left, bottom - y)),
    ]
    return polygon(corners, color)


def _write_tight(picture: np.ndarray, text: str, x: float, y: float, height: int, ink: Color) -> None:
    """Write a rank; the two digits of a ten close together."""
    if len(text) == 1:
        draw_text(picture, text, x, y, height, ink, bold=True)
    else:
        draw_text(picture, text[0], x - 0.20 * height, y, height, ink, bold=True)
        draw_text(picture, text[1], x + 0.17 * height, y, height, ink, bold=True)


def _draw_pips(region: np.ndarray, card: Card, ink: Color) -> None:
    height, width = region.shape[:2]
    size = round(width * (1.15 if card.rank == 1 else 0.56 if card.rank < 4 else 0.5))
    upper = [*((x, 0.12) for x in _ROWS.get(card.rank, ())), *_INNER.get(card.rank, ())]
    for x, y in upper:
        draw_text(region, _SIGNS[card.suit], x * width, y * height, size, ink)
    region[:] = np.minimum(region, region[::-1, ::-1])  # the lower half is the upper one, upside down
    for x, y in _ALONE.get(card.rank, ()):
        draw_text(region, _SIGNS[card.suit], x * width, y * height, size, ink)


def _draw_figure(region: np.ndarray, style: Look, card: Card, ink: Color) -> None:
    """A frame with the bust of a jack, queen or king, and once more upside down."""
    coat, skin, gold = style.coats[card.rank - 11], (244, 206, 170), (240, 190, 30)
    hair = {11: (150, 90, 40), 12: (224, 170, 60), 13: (110, 80, 60)}[card.rank]
    paint(region, [rectangle(0, 0, 1, 1, ink), rectangle(0.07, 0.03, 0.93, 0.97, (252, 248, 234))])
    body = polygon([(0.12, 1.0), (0.22, 0.72), (0.5, 0.62), (0.78, 0.72), (0.88, 1.0)], coat)
    seam = polygon([(0.42, 1.0), (0.5, 0.68), (0.58, 1.0)], ink)
    head = [disc(0.5, 0.46, 0.17, skin, 1.2)]
    if card.rank == 11:
        locks = [rectangle(0.29, 0.34, 0.37, 0.60, hair), rectangle(0.63, 0.34, 0.71, 0.60, hair)]
        hat = [polygon([(0.28, 0.36), (0.30, 0.20), (0.72, 0.24), (0.72, 0.36)], ink)]
        hat.append(polygon([(0.66, 0.26), (0.88, 0.06), (0.80, 0.26)], coat))
    elif card.rank == 12:
        locks = [disc(0.5, 0.48, 0.25, hair, 1.15)]
        points = [(0.30, 0.33), (0.24, 0.16), (0.4, 0.24), (0.5, 0.1), (0.6, 0.24), (0.76, 0.16), (0.7, 0.33)]
        hat = [polygon(points, gold)]
        hat += [disc(x, y, 0.045, ink, 1.0) for x, y in ((0.24, 0.15), (0.5, 0.10), (0.76, 0.15))]
    else:
        locks = [polygon([(0.33, 0.48), (0.67, 0.48), (0.62, 0.72), (0.5, 0.78), (0.38, 0.72)], hair)]
        hat = [rectangle(0.30, 0.20, 0.70, 0.34, gold), rectangle(0.27, 0.14, 0.39, 0.26, gold)]
        hat += [rectangle(0.61, 0.14, 0.73, 0.26, gold), rectangle(0.45, 0.08, 0.55, 0.28, gold)]
        hat.append(rectangle(0.30, 0.29, 0.70, 0.34, ink))
    eyes = [disc(x, 0.44, 0.028, (30, 30, 30)) for x in (0.43, 0.57)]
    behind, before = (head, locks) if card.rank == 13 else (locks, head)
    half = region[: region.shape[0] // 2]
    paint(half, [body, seam, *behind, *before, *hat, *eyes], (0, 0.06 * half.shape[0], half.shape[1], half.shape[0]))
    region[-half.shape[0] :] = half[::-1, ::-1]
