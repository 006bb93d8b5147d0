"""Icons without text, each from some twenty numbers: the pictures of the hardest level."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from mmgym_puzzles.generation.svg_pictures import GROUNDS, Frame, Picture, Pictures, Sketch

__all__ = ["ICONS", "draw_icon", "frame_icon"]


def frame_icon(rng: np.random.Generator) -> Frame:
    """Which icon to draw, and how it lies."""
    ground = GROUNDS[int(rng.integers(len(GROUNDS)))]
    side, corner = int(rng.integers(38, 44)), int(rng.integers(0, 22))
    shift_x, shift_y, turn = (int(k) for k in rng.integers((-4, -4, -10), (5, 5, 11)))
    which = int(rng.integers(len(ICONS)))
    return Frame(ground, (which, side, corner, shift_x, shift_y, turn), (which, shift_x, shift_y, turn))


def draw_icon(rng: np.random.Generator, frame: Frame, settings: Pictures) -> Picture:
    """An icon on a badge, with small ornaments around it, all together shifted and turned a little."""
    sketch = Sketch(rng, frame.ground)
    which, side, corner, shift_x, shift_y, turn = frame.numbers
    # Stems are always green, and pupils and tires black: they must be seen on the badge.
    badge = next(color for color in iter(sketch.color, "") if color not in ("black", "green"))
    if corner < 6:
        sketch.add("disc", f'circle cx="50" cy="50" r="{side + corner - 3}"', badge)
    else:
        at = f'x="{50 - side}" y="{50 - side}" width="{2 * side}" height="{2 * side}" rx="{corner}"'
        sketch.add("tile", f"rect {at}", badge)
    subject = tuple(ICONS)[which]
    ICONS[subject](sketch)
    color, start = sketch.color(), 2 * math.pi * float(rng.random())
    count = sketch.between(*settings.shapes)
    for k in range(count):
        angle = start + 2 * math.pi * k / count
        x, y = round(50 + 36 * math.cos(angle)), round(50 + 36 * math.sin(angle))
        sketch.add("dot", f'circle cx="{x}" cy="{y}" r="{sketch.between(2, 3)}"', color)
    transform = f"translate({shift_x} {shift_y}) rotate({turn} 50 50)"
    return Picture(frame, subject, transform, tuple(sketch.parts))


def _house(s: Sketch) -> None:
    left, right = s.between(28, 34), s.between(66, 72)
    eaves, floor, peak = s.between(45, 50), s.between(70, 76), s.between(22, 28)
    s.add("chimney", f'rect x="{right - 12}" y="{peak + 2}" width="6" height="16"', s.color())
    s.add("wall", f'rect x="{left}" y="{eaves}" width="{right - left}" height="{floor - eaves}"', s.color())
    s.add("roof", f'polygon points="{left - 5},{eaves} 50,{peak} {right + 5},{eaves}"', s.color())
    s.add("door", f'rect x="{left + 5}" y="{floor - 16}" width="9" height="16"', s.color())
    x, y = right - 17, eaves + 6
    s.add("window", f'rect x="{x}" y="{y}" width="11" height="10"', s.color(), ' stroke="{black}" stroke-width="1.5"')
    s.stroke("bars", f'path d="M{x + 5.5} {y} v10 M{x} {y + 5} h11"', "black", 1)


def _boat(s: Sketch) -> None:
    deck, sea, mast = s.between(57, 61), s.between(70, 74), s.between(46, 52)
    s.stroke("mast", f'line x1="{mast}" y1="{s.between(20, 24)}" x2="{mast}" y2="{deck}"', s.color(), 2.5)
    s.add("sail", f'path d="M{mast + 3} 24 Q {s.between(70, 78)} 40 {mast + 4} {deck - 5} Z"', s.color())
    s.add("jib", f'polygon points="{mast - 3},28 {mast - 3},{deck - 5} {s.between(29, 33)},{deck - 5}"', s.color())
    s.add(
        "hull", f'polygon points="24,{deck} 76,{deck} {s.between(64, 68)},{sea} {s.between(32, 36)},{sea}"', s.color()
    )
    wave = f'path d="M20 {sea + 3} q 7.5 -6 15 0 t 15 0 t 15 0 t 15 0"'
    s.stroke("wave", wave, s.color(), 3, ' stroke-linecap="round"')


def _tree(s: Sketch) -> None:
    base, crown = s.between(72, 76), s.color()
    s.add("hill", f'ellipse cx="50" cy="{base}" rx="{s.between(26, 32)}" ry="6"', s.color())
    s.add("trunk", f'path d="M46 {base} L47 50 L53 50 L54 {base} Z"', s.color())
    for x, y, r in ((50, 36, 14), (38, 47, 11), (62, 47, 11)):
        s.add(
            "crown", f'circle cx="{x + s.between(-2, 2)}" cy="{y + s.between(-2, 2)}" r="{r + s.between(-1, 2)}"', crown
        )
    fruit = s.color()
    for x, y in ((45, 34), (56, 40), (38, 48), (62, 49)):
        s.add("fruit", f'circle cx="{x + s.between(-2, 2)}" cy="{y + s.between(-2, 2)}" r="2.5"', fruit)


def _flower(s: Sketch) -> None:
    x, y, petals = s.between(47, 53), s.between(36, 40), s.between(5, 8)
    s.stroke("stem", f'path d="M{x} {y} Q {s.between(42, 58)} 60 50 78"', "green", 3)
    s.add("leaf", f'path d="M50 70 Q {s.between(58, 64)} 56 72 {s.between(58, 62)} Q 66 72 50 70 Z"', "green")
    color, far, r = s.color(), s.between(11, 13), s.between(5, 7)
    for k in range(petals):
        turn = f' transform="rotate({round(360 * k / petals)} {x} {y})"'
        s.add("petal", f'ellipse cx="{x}" cy="{y - far}" rx="{r}" ry="{r + 2}"', color, turn)
    s.add("heart", f'circle cx="{x}" cy="{y}" r="{s.between(6, 8)}"', s.color())


def _face(s: Sketch) -> None:
    r, dark = s.between(24, 28), "black"
    s.add("face", f'circle cx="50" cy="50" r="{r}"', s.color(), f' stroke="{{{dark}}}" stroke-width="2"')
    apart, up, eye = s.between(8, 11), s.between(41, 45), s.between(4, 5)
    white, blush = s.color(), s.color()
    for side in (-1, 1):
        s.add("eye", f'ellipse cx="{50 + side * apart}" cy="{up}" rx="{eye}" ry="{eye + 1}"', white)
        s.add("pupil", f'circle cx="{50 + side * apart + s.between(-1, 1)}" cy="{up + 1}" r="2"', dark)
        s.add("cheek", f'circle cx="{50 + side * (r - 8)}" cy="55" r="3.5"', blush)
    bend = s.between(64, 74)
    s.stroke("mouth", f'path d="M39 58 Q 50 {bend} 61 58"', dark, 3, ' stroke-linecap="round"')


def _car(s: Sketch) -> None:
    top, belt, floor = s.between(34, 38), s.between(47, 50), s.between(63, 66)
    body, glass, tire, hub = s.color(), s.color(), "black", s.color()
    s.add("cabin", f'path d="M34 {belt} L{s.between(39, 42)} {top} H{s.between(58, 61)} L68 {belt} Z"', body)
    s.add(
        "body",
        f'rect x="{s.between(19, 22)}" y="{belt}" width="{s.between(57, 61)}" height="{floor - belt}" rx="5"',
        body,
    )
    s.add("window", f'polygon points="39,{belt} 43,{top + 3} 49,{top + 3} 49,{belt}"', glass)
    s.add("window", f'polygon points="52,{belt} 52,{top + 3} 58,{top + 3} 63,{belt}"', glass)
    for x in (s.between(32, 36), s.between(64, 68)):
        s.add("tire", f'circle cx="{x}" cy="{floor}" r="8"', tire)
        s.add("hub", f'circle cx="{x}" cy="{floor}" r="3.5"', hub)
    s.add("lamp", f'circle cx="76" cy="{belt + 6}" r="2.5"', s.color())


def _rocket(s: Sketch) -> None:
    half, top, base = s.between(9, 12), s.between(18, 22), s.between(62, 66)
    fin, flame = s.color(), s.color()
    s.add("flame", f'path d="M{50 - half + 3} {base} Q 50 {s.between(80, 92)} {50 + half - 3} {base} Z"', flame)
    s.add("fin", f'polygon points="{50 - half},{base - 16} {50 - half - 10},{base + 4} {50 - half},{base}"', fin)
    s.add("fin", f'polygon points="{50 + half},{base - 16} {50 + half + 10},{base + 4} {50 + half},{base}"', fin)
    hull = f"M{50 - half} {base} V 40 Q {50 - half} 28 50 {top} Q {50 + half} 28 {50 + half} 40 V {base} Z"
    s.add("hull", f'path d="{hull}"', s.color())
    rim = f' stroke="{{{s.color()}}}" stroke-width="2"'
    s.add("window", f'circle cx="50" cy="{s.between(40, 44)}" r="{s.between(4, 6)}"', s.color(), rim)
    s.stroke("stripe", f'line x1="{50 - half}" y1="{base - 8}" x2="{50 + half}" y2="{base - 8}"', s.color(), 3)


def _fish(s: Sketch) -> None:
    y, rx, ry = s.between(46, 54), s.between(19, 22), s.between(11, 14)
    fin = s.color()
    s.add("tail", f'polygon points="{48 + rx - 6},{y} 80,{y - s.between(9, 13)} 76,{y} 80,{y + s.between(9, 13)}"', fin)
    s.add("fin", f'path d="M40 {y - ry + 2} Q 50 {y - ry - s.between(8, 14)} 60 {y - ry + 4} Z"', fin)
    s.add("body", f'ellipse cx="48" cy="{y}" rx="{rx}" ry="{ry}"', s.color())
    band = s.color()
    for x in (48, 57):
        s.stroke("band", f'path d="M{x} {y - ry + 2} Q {x + 4} {y} {x} {y + ry - 2}"', band, 3)
    s.add("eye", f'circle cx="{s.between(34, 38)}" cy="{y - 3}" r="3.5"', "white")
    s.add("pupil", f'circle cx="36" cy="{y - 3}" r="1.8"', "black")


def _mug(s: Sketch) -> None:
    left, right, top, base = s.between(30, 33), s.between(58, 62), s.between(40, 44), s.between(70, 74)
    color = s.color()
    handle = f'path d="M{right} {top + 6} C {s.between(74, 78)} {top + 4} 76 {base - 6} {right} {base - 8}"'
    s.stroke("handle", handle, color, 4)
    base_line = f"V{base - 6} Q {right} {base} {right - 6} {base} H{left + 6} Q {left} {base} {left} {base - 6}"
    s.add("cup", f'path d="M{left} {top} H{right} {base_line} Z"', color)
    s.add("tea", f'ellipse cx="{(left + right) / 2:g}" cy="{top}" rx="{(right - left) / 2:g}" ry="3.5"', s.color())
    s.stroke("stripe", f'path d="M{left} {s.between(52, 56)} H{right}"', s.color(), s.between(3, 5))
    steam = s.color()
    for x in (40, 51):
        s.stroke("steam", f'path d="M{x} 35 q -4 -4 0 -7 t 0 -7"', steam, 2.5, ' stroke-linecap="round"')


def _robot(s: Sketch) -> None:
    top, chin, half = s.between(30, 34), s.between(52, 55), s.between(14, 17)
    metal, eye = s.color(), s.color()
    s.stroke("antenna", f'line x1="50" y1="{top}" x2="50" y2="{top - 9}"', metal, 2)
    s.add("bulb", f'circle cx="50" cy="{top - 10}" r="{s.between(3, 4)}"', s.color())
    s.add("head", f'rect x="{50 - half}" y="{top}" width="{2 * half}" height="{chin - top}" rx="4"', metal)
    apart = s.between(6, 8)
    for side in (-1, 1):
        s.add("eye", f'circle cx="{50 + side * apart}" cy="{top + 8}" r="{s.between(3, 4)}"', eye)
    s.stroke("mouth", f'path d="M42 {chin - 6} h16"', "black", 2.5)
    s.add("body", f'rect x="{50 - half - 3}" y="{chin + 3}" width="{2 * half + 6}" height="20" rx="3"', s.color())
    for k in range(3):
        s.add("knob", f'circle cx="{42 + 8 * k}" cy="{chin + 13}" r="2.5"', s.color())


ICONS: dict[str, Callable[[Sketch], None]] = {
    "house": _house,
    "boat": _boat,
    "tree": _tree,
    "flower": _flower,
    "face": _face,
    "car": _car,
    "rocket": _rocket,
    "fish": _fish,
    "mug": _mug,
    "robot": _robot,
}
"""Draws each icon by the name of what it shows."""
