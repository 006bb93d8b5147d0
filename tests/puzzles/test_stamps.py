"""What is drawn once and laid down often: the same bytes as when it is painted anew."""

import itertools

import cv2
import numpy as np
import pytest

from mmgym.draw import paint
from mmgym_puzzles.perception.dots import DOT, draw_dot, reach_of
from mmgym_puzzles.perception.labels import _averaged
from mmgym_puzzles.perception.scenes import COLORS, LOOKS
from mmgym_puzzles.stamps import Stamp, coverage


@pytest.mark.parametrize("height, width", [(1, 1), (1, 9), (7, 3), (40, 56)])
def test_a_stamp_mixes_by_the_share_of_each_pixel_that_is_covered(height, width):
    rng = np.random.default_rng(height)
    corners = [rng.integers(0, 4 * (width, height)[k % 2], (2, 5)).T.astype(np.int32) for k in range(2)]
    points = np.zeros((4 * height, 4 * width), np.uint8)
    for outline in corners:
        cv2.fillPoly(points, [outline], 1)
    cover = points.reshape(height, 4, width, 4).sum(axis=(1, 3))
    assert np.array_equal(coverage(height, width, corners), cover)
    region, color = rng.integers(0, 256, (height, width, 3), dtype=np.uint8), np.array([255, 0, 77])
    wanted = np.floor((region * (16.0 - cover[..., None]) + color * cover[..., None]) / 16 + 0.5)
    Stamp.of(cover, tuple(color.tolist())).press(region)
    assert np.array_equal(region, wanted)


@pytest.mark.parametrize("size", [16, 61, 96, 224])
def test_dots_are_painted_to_the_byte_also_at_the_edges(size):
    ground = np.random.default_rng(size).integers(0, 256, (size, size, 3), dtype=np.uint8)
    near = sorted({*range(7), *range(size // 2, size // 2 + 3), *range(size - 7, size)})
    for x, y in itertools.product(near, near):
        stamped, painted, reach = ground.copy(), ground.copy(), reach_of(size)
        draw_dot(stamped, (x, y))
        paint(painted, DOT, (x + 0.5 - reach, y + 0.5 - reach, x + 0.5 + reach, y + 0.5 + reach))
        assert np.array_equal(stamped, painted), (x, y)


@pytest.mark.parametrize("look", LOOKS.values())
def test_a_view_is_the_mean_of_four_points_a_pixel(look):
    canvas = np.random.default_rng(0).integers(0, 6 + len(COLORS), (32, 32), dtype=np.uint8)
    fixed = [look.stripe, look.ground, look.edge, (255, 255, 255), (20, 20, 24), (150, 150, 154)]
    colors = np.array(fixed + [look.shades[name] for name in COLORS])[canvas]
    mean = colors.reshape(16, 2, 16, 2, 3).mean(axis=(1, 3))
    assert np.array_equal(_averaged(canvas, look), np.floor(mean + 0.5))
