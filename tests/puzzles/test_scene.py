"""The engine of scenes: pictures that repeat, in forked processes and threads too, and errors that help."""

import multiprocessing
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("panda3d")

from mmgym_puzzles.scene import Mesh, MissingRenderer, Scene, add_texture, engine


def room():
    scene = Scene()
    scene.add(Mesh().quad([(-3, -3, 0), (3, -3, 0), (3, 6, 0), (-3, 6, 0)], (150, 110, 80), "planks", (6, 9)))
    scene.add(Mesh().box((0, 3, 0.5), (1, 1, 1), (200, 40, 40)).shadow((0, 3, 0.005), (1.8, 1.8)))
    scene.look_at((0, -1.5, 1.4), (0, 3, 0.5))
    return scene


def drawn(_=None):
    return room().image(96)


def test_a_picture_is_the_same_again_and_shows_what_is_there():
    image = drawn()
    assert image.shape == (96, 96, 3) and image.dtype == np.uint8
    assert np.array_equal(image, drawn())
    red, green, blue = image[48, 48].tolist()
    assert red > 2 * max(green, blue)
    x, y = room().pixel_of((0, 3, 0.5), 96)
    assert x == pytest.approx(48) and y == pytest.approx(48)
    assert room().pixel_of((0, -9, 0.5), 96) is None


def test_sizes_take_turns():
    scene = room()
    small, large = scene.image(64), scene.image(128)
    assert np.array_equal(scene.image(64), small) and np.array_equal(scene.image(128), large)


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_forked_process_draws_the_same():
    image = drawn()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert all(np.array_equal(image, other) for other in pool.map(drawn, range(4)))


def test_threads_draw_the_same():
    image = drawn()
    with ThreadPoolExecutor(4) as threads:
        assert all(np.array_equal(image, other) for other in threads.map(drawn, range(40)))


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(engine, "_core", None)
    monkeypatch.setitem(sys.modules, "panda3d.core", None)
    with pytest.raises(MissingRenderer, match=r"pip install 'mmgym\[robot\]'"):
        Scene()


def test_bad_use_is_told():
    with pytest.raises(TypeError, match="build it again"):
        pickle.dumps(room())
    with pytest.raises(ValueError, match="2\\^a"):
        add_texture("odd", np.zeros((5, 4, 3), np.uint8))
    with pytest.raises(KeyError, match="no texture"):
        room().add(Mesh().quad([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], texture="none such"))
