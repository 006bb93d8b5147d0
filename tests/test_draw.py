"""Painting and writing on pictures: exact coverage, only where asked, the same bytes at every call."""

import hashlib
import math

import numpy as np
import pytest

from mmgym.draw import arc, blank, disc, draw_text, line, paint, polygon, rectangle, text_width

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def ink(image):
    """Share of the picture that is white."""
    return image.mean() / 255


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (rectangle(0.25, 0.25, 0.75, 0.75, WHITE), 0.25),
        (disc(0.5, 0.5, 0.3, WHITE), math.pi * 0.09),
        (disc(0.5, 0.5, 0.4, WHITE, flatten=0.5), math.pi * 0.08),
        (polygon([(0.1, 0.1), (0.9, 0.1), (0.1, 0.9)], WHITE), 0.32),
        (line(0.2, 0.3, 0.8, 0.7, 0.1, WHITE), 0.1 * math.hypot(0.6, 0.4)),
        (arc(0.5, 0.5, 0.3, 0, math.pi / 2, 0.1, WHITE), math.pi / 2 * 0.3 * 0.1),
    ],
)
def test_a_shape_covers_its_area(shape, area):
    image = blank(160, 160, BLACK)
    paint(image, [shape])
    assert ink(image) == pytest.approx(area, abs=0.004)


def test_a_box_says_where_the_unit_square_lies_and_nothing_else_is_touched():
    image = blank(40, 60, BLACK)
    paint(image, [rectangle(0, 0, 1, 1, WHITE)], (10, 5, 30.5, 15))
    assert (image[5:15, 10:30] == 255).all() and (image[5:15, 30] == 128).all()
    image[5:15, 10:31] = 0
    assert not image.any()


def test_what_lies_outside_is_left_out():
    image = blank(20, 20, BLACK)
    paint(image, [disc(0.5, 0.5, 0.4, WHITE)], (-50, -50, -30, -30))
    assert not image.any()
    paint(image, [rectangle(0, 0, 1, 1, WHITE)], (-10, -10, 10, 10))
    assert (image[:10, :10] == 255).all() and image.sum() == 100 * 3 * 255


def test_later_shapes_lie_over_earlier_ones():
    image = blank(20, 20, BLACK)
    paint(image, [rectangle(0, 0, 1, 1, (9, 8, 7)), rectangle(0, 0, 0.5, 1, (200, 100, 50))])
    assert (image[:, :10] == (200, 100, 50)).all() and (image[:, 10:] == (9, 8, 7)).all()


def test_text_is_where_its_anchor_says():
    for anchor, first in (
        ("left", 50),
        ("center", 50 - text_width("Hill", 20) / 2),
        ("right", 50 - text_width("Hill", 20)),
    ):
        image = blank(40, 100, BLACK)
        draw_text(image, "Hill", 50, 20, 20, WHITE, anchor=anchor)
        columns = np.flatnonzero(image.any(axis=(0, 2)))
        assert abs(columns[0] - first) <= 3 and len(columns) >= 20
        rows = np.flatnonzero(image.any(axis=(1, 2)))
        assert rows[0] >= 10 and rows[-1] <= 30


def test_letters_differ_at_small_sizes_and_bold_is_heavier():
    drawn = set()
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789+-=×÷√♠♥♦♣":  # noqa: RUF001
        image = blank(16, 24, BLACK)
        draw_text(image, letter, 12, 8, 12, WHITE)
        drawn.add(image.tobytes())
    assert len(drawn) == 25 + 26 + 10 + 3 + 3 + 4
    weights = []
    for bold in (False, True):
        image = blank(40, 200, BLACK)
        draw_text(image, "Which way?", 100, 20, 24, WHITE, bold=bold)
        weights.append(ink(image))
    assert weights[1] > 1.2 * weights[0]


def test_text_outside_the_picture_is_left_out_and_an_unknown_letter_is_named():
    image = blank(10, 10, BLACK)
    draw_text(image, "far away", 500, 500, 12, WHITE)
    draw_text(image, "", 5, 5, 12, WHITE)
    assert not image.any() and text_width("", 12) == 0
    with pytest.raises(ValueError, match="漢"):
        draw_text(image, "漢", 5, 5, 12, WHITE)


def test_the_bytes_are_the_same_everywhere():
    image = blank(64, 96, (240, 236, 220))
    paint(image, [disc(0.3, 0.5, 0.25, (200, 30, 40)), line(0.1, 0.9, 0.9, 0.2, 0.03, (20, 60, 160))])
    draw_text(image, "27 × 4", 60, 40, 17, (10, 20, 30), bold=True)  # noqa: RUF001
    assert hashlib.sha256(image.tobytes()).hexdigest()[:16] == "77cc816bd9e2a3b6"
