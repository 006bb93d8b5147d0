"""Pictures: crisp at any size, equal for equal states, distinct for what must be told apart."""

import itertools

import numpy as np
import pytest

from mmgym.draw import Grid, TileSet, disc, rectangle
from mmgym_puzzles.frozen_lake import FrozenLake
from mmgym_puzzles.looks import LAKE, LOOKS, ROOM
from mmgym_puzzles.sokoban import Sokoban

SIZES = [16, 17, 64, 96, 100, 224, 300]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [FrozenLake, Sokoban])
@pytest.mark.parametrize("level", [1, 5])
def test_pictures_of_any_size(kind, level, size):
    env, again = kind(image_size=size, level=level), kind(image_size=size, level=level, split="val")
    first, _ = env.reset(seed=3)
    assert first["image"].shape == (size, size, 3) and first["image"].dtype == np.uint8
    assert env.observation_space.contains(first)
    kept = first["image"].copy()
    again.reset(seed=9)
    for _ in range(4):
        observation, *_, terminated, truncated, _ = env.step(env.expert())
        assert observation["image"] is not first["image"]
        fresh, _ = again.restore(env.snapshot())
        assert (fresh["image"] == observation["image"]).all()
        if terminated or truncated:
            break
    assert (first["image"] == kept).all()
    assert not np.shares_memory(first["image"], observation["image"])


def test_a_picture_may_be_painted_over_without_harm():
    env = FrozenLake(image_size=64)
    observation, _ = env.reset(seed=0)
    expected = observation["image"].copy()
    observation["image"][:] = 0
    assert (env._image() == expected).all()


@pytest.mark.parametrize(("size", "cells"), [(16, 8), (17, 5), (100, 6), (224, 7), (300, 8), (7, 7)])
def test_cells_tile_the_picture_and_differ_by_at_most_one_pixel(size, cells):
    tiles = TileSet({str(k): [rectangle(0, 0, 1, 1, (k, 0, 0))] for k in range(cells * cells)})
    image = Grid(size, cells).fill(tiles, map(str, range(cells * cells)))[:, :, 0].astype(int)
    values, counts = np.unique(image, return_counts=True)
    assert list(values) == list(range(cells * cells))
    small, large = size // cells, -(-size // cells)
    assert set(counts) <= {small * small, small * large, large * large}
    assert (np.diff(image, axis=1) >= 0).all() and (np.diff(image, axis=0) >= 0).all()


@pytest.mark.parametrize("tiles", [LAKE, ROOM])
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("pixels", [16, 28, 56])
def test_tiles_can_be_told_apart(tiles, look, pixels):
    drawn = {name: tiles[look].tile(name, pixels, pixels).astype(int) for name in tiles[look].names}
    for one, other in itertools.combinations(drawn, 2):
        # Mean difference over the tile: a fallen person, the nearest pair, covers a quarter of its hole.
        assert abs(drawn[one] - drawn[other]).mean() > 12, (one, other)


def test_a_disc_is_smooth_and_symmetric():
    tile = TileSet({"disc": [rectangle(0, 0, 1, 1, (0, 0, 0)), disc(0.5, 0.5, 0.4, (255, 255, 255))]}).tile(
        "disc", 20, 20
    )
    assert 0.4**2 * np.pi == pytest.approx(tile.mean() / 255, abs=0.01)
    assert abs(tile.astype(int) - tile[::-1]).max() <= 24 and abs(tile.astype(int) - tile[:, ::-1]).max() <= 24
    assert len(np.unique(tile)) > 5


def test_tiles_are_drawn_once_and_cannot_be_written_to():
    tiles = TileSet({"red": [rectangle(0, 0, 1, 1, (255, 0, 0))]})
    assert tiles.tile("red", 8, 9) is tiles.tile("red", 8, 9) and tiles.tile("red", 8, 9).shape == (8, 9, 3)
    with pytest.raises(ValueError, match="read-only"):
        tiles.tile("red", 8, 9)[:] = 0
    with pytest.raises(KeyError, match="red"):
        tiles.tile("blue", 8, 9)


def test_a_picture_smaller_than_its_cells_is_refused():
    with pytest.raises(ValueError, match="at least the number of cells"):
        Grid(5, 6)
