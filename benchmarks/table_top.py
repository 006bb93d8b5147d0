"""Steps per second of the table-top tasks: the default renderer, and MuJoCo's beside its own bare render loop.

The bare loop draws the scene that the environment has just shown, with the same model, in a buffer of the same size and
with the same shadows, and reads its pixels; nothing moves, and there is no physics in it. The ratio that counts is that
of the expert's calls: random ones often change nothing, and then nothing is drawn again. Rounds alternate between all
environments and both renderers, so that whatever else the machine does falls on all of them alike; ratios are medians
over rounds. Where no GL library is installed, the default renderer is measured alone.

    python benchmarks/table_top.py --image-size 224 --rounds 7
"""

from __future__ import annotations

import collections
import importlib
import json
import logging
import statistics
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tyro

from benchmarks.peers import machine
from benchmarks.puzzles import Timing
from benchmarks.puzzles import measure as measure_random
from mmgym_puzzles.table_top.align import Align
from mmgym_puzzles.table_top.drawer import Drawer
from mmgym_puzzles.table_top.mujoco_gl import find_gl, load_mujoco
from mmgym_puzzles.table_top.mujoco_view import assets
from mmgym_puzzles.table_top.place import Place
from mmgym_puzzles.table_top.place_deltas import PlaceDeltas
from mmgym_puzzles.table_top.stack import Stack
from mmgym_puzzles.table_top.table_top import TableTop

KINDS: tuple[type[TableTop], ...] = (Align, Drawer, Place, PlaceDeltas, Stack)


@dataclass(frozen=True)
class Arguments:
    """Options of the benchmark."""

    image_size: int = 224
    """Side of the observed image in pixels."""
    levels: tuple[int, ...] = (1, 3, 5)
    """Levels that are measured."""
    steps: int = 200
    """Steps with the default renderer per environment, kind of action and round."""
    mujoco_steps: int = 40
    """Steps with MuJoCo's renderer, and pictures of the bare loop."""
    rounds: int = 7
    """Rounds."""
    seed: int = 0
    """Seed of resets and actions."""
    output: Path = Path(__file__).parent / "results" / "table_top.json"
    """Where the result is written."""


class BareLoop:
    """MuJoCo's renderer with nothing around it.

    Args:
        view: the `MujocoView` whose scene is drawn.
        size: side of the environment's picture in pixels.
    """

    def __init__(self, view: Any, size: int):
        self._mujoco = load_mujoco()
        self._context = importlib.import_module(f"mujoco.{find_gl()}").GLContext(16, 16)
        self._context.make_current()
        side, model = size * view.samples_at(size), assets()
        model.vis.global_.offwidth = model.vis.global_.offheight = side
        model.vis.quality.offsamples, model.vis.quality.shadowsize = 0, view.shadow
        self._buffer = self._mujoco.MjrContext(model, self._mujoco.mjtFontScale.mjFONTSCALE_50)
        self._mujoco.mjr_setBuffer(self._mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._buffer)
        self._frame = self._mujoco.MjrRect(0, 0, side, side)
        self._pixels = np.empty((side, side, 3), np.uint8)

    def seconds(self, scene: Any, pictures: int) -> float:
        """Wall-clock time of so many pictures."""
        self._context.make_current()
        begin = time.perf_counter()
        for _ in range(pictures):
            self._mujoco.mjr_render(self._frame, scene, self._buffer)
            self._mujoco.mjr_readPixels(self._pixels, None, self._frame, self._buffer)
        return time.perf_counter() - begin

    def close(self) -> None:
        """Free the buffer and its context."""
        self._context.make_current()
        self._buffer.free()
        self._context.free()


def measure_expert(env: TableTop, steps: int, seed: int, timing: Timing) -> None:
    """One round of the expert's calls; finding them is not timed."""
    env.reset(seed=seed)
    spent = 0.0
    for _ in range(steps):
        call = env.expert()
        begin = time.perf_counter()
        _, _, terminated, truncated, _ = env.step(call)
        spent += time.perf_counter() - begin
        if terminated or truncated:
            env.reset()
    timing.rates.append(steps / spent)


def measure_mujoco(env: TableTop, pictures: int, bare: BareLoop, row: dict[str, Timing]) -> None:
    """One round of pictures of a state that does not change, and of the bare loop with the same scene."""
    view: Any = env._view
    spent = 0.0
    for _ in range(pictures):
        view.forget()
        begin = time.perf_counter()
        view.image(env.poses, env.image_size)
        spent += time.perf_counter() - begin
    row["mujoco pictures"].rates.append(pictures / spent)
    row["mujoco bare"].rates.append(pictures / bare.seconds(view.scene, pictures))


def make(kind: type[TableTop], level: int, renderer: str, arguments: Arguments) -> TableTop:
    """An environment that has drawn once."""
    env = kind(level=level, renderer=renderer, image_size=arguments.image_size)
    observation, _ = env.reset(seed=arguments.seed)
    assert observation["image"].shape == (arguments.image_size, arguments.image_size, 3)
    env.action_space.seed(arguments.seed)
    return env


def measure(arguments: Arguments) -> dict[str, dict[str, Timing]]:
    """Rates by environment and what was measured."""
    renderers = ["panda3d"] + ["mujoco"] * (find_gl() is not None)
    envs = {
        (f"{kind.__name__} level {level}", renderer): make(kind, level, renderer, arguments)
        for kind in KINDS
        for level in arguments.levels
        for renderer in renderers
    }
    bare = BareLoop(_a_view(envs), arguments.image_size) if "mujoco" in renderers else None
    rows: dict[str, dict[str, Timing]] = {name: collections.defaultdict(lambda: Timing([], [])) for name, _ in envs}
    for round_ in range(arguments.rounds):
        logging.info("round %d of %d", round_ + 1, arguments.rounds)
        for (name, renderer), env in envs.items():
            steps = arguments.steps if renderer == "panda3d" else arguments.mujoco_steps
            seed = arguments.seed + 1000 * round_
            measure_random(env, steps, seed, rows[name][f"{renderer} random"])
            measure_expert(env, steps, seed, rows[name][f"{renderer} expert"])
            if bare is not None and renderer == "mujoco":
                measure_mujoco(env, steps, bare, rows[name])
    if bare is not None:
        bare.close()
    return rows


def _a_view(envs: dict[tuple[str, str], TableTop]) -> Any:
    return next(env._view for (_, renderer), env in envs.items() if renderer == "mujoco")


def summary(row: dict[str, Timing]) -> dict[str, float]:
    """What is written of one environment."""
    found = {
        f"{what.replace(' ', '_')}_per_second": round(statistics.median(timing.rates), 1)
        for what, timing in row.items()
    }
    if "mujoco bare" in row:
        for what in ("random", "expert", "pictures"):
            ratios = [a / b for a, b in zip(row[f"mujoco {what}"].rates, row["mujoco bare"].rates, strict=True)]
            found[f"mujoco_{what}_ratio_to_bare"] = round(statistics.median(ratios), 2)
    for renderer in ("panda3d", "mujoco"):
        if f"{renderer} random" in row:
            resets = row[f"{renderer} random"].resets
            found[f"{renderer}_reset_milliseconds"] = round(1e3 * statistics.median(resets), 3)
    return found


def main(arguments: Arguments) -> None:
    """Measure and write the result."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("OpenGL").setLevel(logging.WARNING)
    cv2.setNumThreads(1)
    where = machine()
    rows = {name: summary(row) for name, row in measure(arguments).items()}
    result = {
        "what": "steps per second with an RGB observation, random calls and the expert's; resets apart",
        "image_size": arguments.image_size,
        "steps_per_round": {"panda3d": arguments.steps, "mujoco": arguments.mujoco_steps},
        "rounds": arguments.rounds,
        "seed": arguments.seed,
        "gl": find_gl(),
        "environments": rows,
        "machine": where,
        "versions": {
            name: version(name) for name in ("gymnasium", "mujoco", "numpy", "opencv-python-headless", "panda3d")
        },
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    for name, row in rows.items():
        line = f"{name:20s} panda3d {row['panda3d_random_per_second']:6.0f} {row['panda3d_expert_per_second']:6.0f}"
        if "mujoco_bare_per_second" in row:
            line += f"   mujoco {row['mujoco_random_per_second']:5.0f} {row['mujoco_expert_per_second']:5.0f}"
            line += f"   bare {row['mujoco_bare_per_second']:5.0f}"
            line += f"   {row['mujoco_random_ratio_to_bare']:.2f} {row['mujoco_expert_ratio_to_bare']:.2f}"
        logging.info(line)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
