"""The table-top tasks drawn by MuJoCo's renderer: with a GL library, what it draws; without, what it says."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
from collections import OrderedDict

import numpy as np
import pytest

pytest.importorskip("mujoco")
pytest.importorskip("panda3d")

from mmgym import doctor
from mmgym_puzzles.scene import MissingRenderer
from mmgym_puzzles.table_top import mujoco_gl
from mmgym_puzzles.table_top.drawer import Drawer
from mmgym_puzzles.table_top.mujoco_view import MujocoView
from mmgym_puzzles.table_top.place import Place
from mmgym_puzzles.table_top.stack import Stack
from mmgym_puzzles.table_top.things import LOOKS, look_of
from mmgym_puzzles.table_top.view import View

GL = mujoco_gl.find_gl()
needs_gl = pytest.mark.skipif(GL is None, reason="no EGL or OSMesa here (apt-get install libosmesa6)")


def ready(environment=Place, seed=3, **arguments):
    env = environment(**{"image_size": 128, "renderer": "mujoco", **arguments})
    env.reset(seed=seed)
    return env


def view_of(env, kind=MujocoView, **options):
    return kind(
        env.layout,
        look_of(env.split),
        40 + 2 * env.settings.tolerance,
        env.settings.camera,
        env.settings.grid,
        **options,
    )


def test_only_known_renderers_are_taken():
    with pytest.raises(ValueError, match="renderer must be one of panda3d, mujoco; got 'unreal'"):
        Place(renderer="unreal")


@pytest.mark.parametrize("camera", [2, 5])
def test_the_camera_is_that_of_the_default_view(camera):
    env = Place(level=camera)
    default, other = view_of(env, View), view_of(env)
    for point in [(0, 0, 0), (0.4, 0, 0), (0.0, 0.4, 0), (0.4, 0.4, 0.0), (0.13, 0.27, 0.1), (0.2, 0.2, 0.2)]:
        assert other.pixel_of(point, 224) == pytest.approx(default._scene.pixel_of(point, 224), abs=0.05)


def test_a_view_is_not_pickled():
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(view_of(Place()))


def test_without_a_gl_library_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(mujoco_gl, "_library", lambda *names: None)
    monkeypatch.setattr(mujoco_gl, "_buffers", OrderedDict())
    assert mujoco_gl.find_gl() is None
    with pytest.raises(MissingRenderer, match=r"finds neither EGL nor OSMesa here.*apt-get install.*libosmesa6"):
        ready()


def test_text_needs_no_gl_library(monkeypatch):
    monkeypatch.setattr(mujoco_gl, "_library", lambda *names: None)
    monkeypatch.setattr(mujoco_gl, "_buffers", OrderedDict())
    assert "gripper at" in ready(obs_mode="text")._text()


def test_a_variable_that_names_another_library_is_obeyed_and_told(monkeypatch):
    monkeypatch.setattr(mujoco_gl, "_buffers", OrderedDict())
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    with pytest.raises(MissingRenderer, match="MUJOCO_GL=glfw allows no other"):
        ready()


def test_the_doctor_tells_of_the_libraries(monkeypatch):
    monkeypatch.setattr(doctor.ctypes.util, "find_library", lambda name: "lib" if name == "OSMesa" else None)
    assert doctor._gl().status == "ok" and doctor._gl().detail == "OSMesa"
    monkeypatch.setattr(doctor.ctypes.util, "find_library", lambda name: None)
    assert doctor._gl().status == "missing" and "libosmesa6" in doctor._gl().remedy


@needs_gl
@pytest.mark.parametrize("options", [{}, {"shadows": False}, {"samples": 1}, {"shadows": False, "samples": 1}])
@pytest.mark.parametrize("split", ["train", "ood"])
def test_every_thing_is_where_it_is_and_has_its_colour(split, options):
    env = ready(level=2, split=split)
    view = view_of(env, **options)
    image = view.image(env.poses, 448)
    for k, thing in enumerate(env.layout.things):
        x, y, z = (v / 1000 for v in env._at(k))
        px, py = view.pixel_of((x, y, z + env._kind(k).height * 0.0009), 448)
        seen = np.median(image[int(py) - 2 : int(py) + 3, int(px) - 2 : int(px) + 3].reshape(-1, 3), axis=0)
        name, color = LOOKS[look_of(split)].colors[thing.color]
        nearest = min(LOOKS[look_of(split)].colors, key=lambda known: np.abs(seen - known[1]).sum())
        assert nearest == (name, color), (seen, color)


def test_nothing_of_a_shape_is_left_to_chance():
    scene = view_of(ready(renderer="panda3d")).scene
    assert {geom.category for geom in scene.geoms[: scene.ngeom]} == {1}


@needs_gl
def test_rulers_are_where_the_coordinates_say():
    env = ready(level=1)
    view = view_of(env)
    image = view.image(env.poses, 448).astype(int)
    for x in (0.05, 0.1, 0.15, 0.25, 0.35):
        px, py = view.pixel_of((x, -0.008, 0), 448)
        line = image[round(py), round(px) - 12 : round(px) + 13].sum(axis=1)
        assert abs(int(np.argmin(line)) - 12) <= 1
    px, py = view.pixel_of((0.2, -0.049, 0.0), 448)
    number = image[round(py) - 8 : round(py) + 8, round(px) - 24 : round(px) + 24]
    assert (number.max(axis=2) < 70).sum() > 100


@needs_gl
def test_shadows_are_cast_and_can_be_left_out():
    env = ready(level=1, image_size=224)
    with_shadows, without = (view_of(env, shadows=on).image(env.poses, 224).astype(int) for on in (True, False))
    x, y, _ = (v / 1000 for v in env._at(0))
    px, py = map(int, view_of(env).pixel_of((x + 0.028, y + 0.03, 0), 224))
    spot = np.s_[py - 1 : py + 2, px - 1 : px + 2]
    assert with_shadows[spot].mean() < 0.85 * without[spot].mean()


@needs_gl
def test_edges_are_smooth_unless_told_otherwise():
    env = ready(level=1)
    jagged, smooth, exact = (view_of(env, samples=n).image(env.poses, 90).astype(int) for n in (1, 2, 8))
    assert np.abs(smooth - exact).mean() < 0.7 * np.abs(jagged - exact).mean()


@needs_gl
def test_what_changed_is_seen():
    env = ready(Drawer, level=2, image_size=224)
    before = env._image()
    env.step(env.expert())
    held = env._image()
    assert held.shape == (224, 224, 3) and held.dtype == np.uint8
    assert (np.abs(before.astype(int) - held).max(axis=2) > 40).sum() > 300
    kept = held.copy()
    env.step(env.expert())
    env._image()
    assert np.array_equal(kept, held)  # pictures are fresh arrays


@needs_gl
def test_a_restored_state_gives_the_same_picture():
    env, other = ready(level=3), ready(level=3, seed=9)
    env.step(env.expert())
    other.restore(env.snapshot())
    assert np.array_equal(env._image(), other._image())
    assert np.array_equal(env._image(), copy.deepcopy(env)._image())
    assert np.array_equal(env._image(), pickle.loads(pickle.dumps(env))._image())


@needs_gl
def test_environments_of_all_sizes_take_turns_and_close_alone(monkeypatch):
    monkeypatch.setattr(mujoco_gl, "_KEPT", 2)
    sizes = (32, 128, 96, 128)  # more than buffers are kept
    envs = [ready(Stack, image_size=size) for size in sizes]
    first = [env._image() for env in envs]
    envs[0].close()
    for env, image in reversed(list(zip(envs, first, strict=True))):
        assert image.shape[:2] == (env.image_size,) * 2 and np.array_equal(env._image(), image)
    assert len(mujoco_gl._buffers) == 2


@needs_gl
def test_any_thread_draws():
    env = ready()
    expected, drawn = env._image(), []
    threads = [threading.Thread(target=lambda: drawn.extend(ready()._image() for _ in range(3))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(drawn) == 12 and all(np.array_equal(image, expected) for image in drawn)
    assert np.array_equal(env._image(), expected)


@needs_gl
def test_mujocos_own_renderer_works_beside_it():
    code = (
        "import mujoco, numpy as np\n"
        "from mmgym_puzzles.table_top.place import Place\n"
        "model = mujoco.MjModel.from_xml_string('<mujoco><worldbody><geom size=\"1\"/></worldbody></mujoco>')\n"
        "data = mujoco.MjData(model); mujoco.mj_forward(model, data)\n"
        "theirs = mujoco.Renderer(model, 64, 64); theirs.update_scene(data)\n"
        "env = Place(renderer='mujoco', image_size=64)\n"
        "a, b = theirs.render(), env.reset(seed=1)[0]['image']\n"
        "assert np.array_equal(theirs.render(), a) and np.array_equal(env._image(), b) and a.any() and b.any()\n"
        "print('drawn')\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "MUJOCO_GL": GL}, capture_output=True, text=True, timeout=120
    )
    assert (ran.stdout, ran.returncode) == ("drawn\n", 0), ran.stderr


def _draw_in_worker(env, pipe):
    pipe.send((env._image(), ready()._image()))


@needs_gl
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_draw_the_same(method):
    env = ready()
    expected = env._image()
    context = multiprocessing.get_context(method)
    receive, send = context.Pipe(duplex=False)
    worker = context.Process(target=_draw_in_worker, args=(env, send))
    worker.start()
    assert receive.poll(90), "the worker hangs"
    images = receive.recv()
    worker.join(30)
    assert worker.exitcode == 0 and all(np.array_equal(image, expected) for image in images)
    assert np.array_equal(env._image(), expected)


@needs_gl
def test_a_forked_process_ends_quietly():
    code = (
        "import os, sys\n"
        "from mmgym_puzzles.table_top.place import Place\n"
        "env = Place(renderer='mujoco', image_size=64); env.reset(seed=1)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    env._image()\n"
        "    sys.exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def test_a_fork_that_would_hang_is_refused(monkeypatch):
    monkeypatch.setattr(mujoco_gl, "_buffers", OrderedDict())
    monkeypatch.setattr(mujoco_gl, "_of_parents", [object()])
    monkeypatch.setattr(mujoco_gl, "find_gl", lambda: "egl")
    monkeypatch.setenv("LP_NUM_THREADS", "2")
    monkeypatch.setenv("MESA_SHADER_CACHE_DISABLE", "true")
    with pytest.raises(RuntimeError, match="only with LP_NUM_THREADS=0; or start workers by spawn"):
        ready()
