"""The table, its walls, drawers, things and the gripper in MuJoCo's language. Lengths are millimetres here."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from mmgym_puzzles.table_top.things import REACH, Kind

__all__ = ["STEP", "TIP", "MissingPhysics", "compiled", "load_mujoco"]

STEP = 0.005
"""Seconds of a step of the simulation."""
TIP = 8
"""The fingers end this far below the gripper's point."""


class MissingPhysics(ImportError):
    """Raised when MuJoCo is not installed; the message says what installs it."""


def load_mujoco() -> Any:
    """The module ``mujoco``.

    Raises:
        MissingPhysics: when it is not installed.
    """
    try:
        import mujoco
    except ImportError as error:
        raise MissingPhysics("table-top environments need MuJoCo: pip install 'mmgym[robot]'") from error
    return mujoco


@lru_cache(maxsize=256)
def compiled(kinds: tuple[Kind, ...], drawers: int) -> Any:
    """The compiled model, shared by all worlds of a process and never changed."""
    return load_mujoco().MjModel.from_xml_string(_description(kinds, drawers))


# Who can touch whom: things can touch all; the hand all but the table and its walls; the rest nothing of the rest.
_SHELL, _CABINET, _SLIDER = (f'contype="{bit}" conaffinity="0"' for bit in (1, 2, 4))
_LOOSE, _REACHING = 'contype="8" conaffinity="15"', 'contype="0" conaffinity="14"'


def _geom(kind: Kind) -> str:
    size = " ".join(str(part / 1000) for part in kind.half if part)
    rolling = 'condim="6" friction="0.7 0.004 0.004"' if kind.shape != "box" else ""
    return f'<geom type="{kind.shape}" size="{size}" mass="0.06" {_LOOSE} {rolling}/>'


def _box(bounds: tuple[float, float, float, float, float, float], touching: str) -> str:
    """A box from x0 to x1, y0 to y1, z0 to z1 in millimetres."""
    x0, x1, y0, y1, z0, z1 = (part / 1000 for part in bounds)
    half = f"{(x1 - x0) / 2} {(y1 - y0) / 2} {(z1 - z0) / 2}"
    return f'<geom type="box" size="{half}" pos="{(x0 + x1) / 2} {(y0 + y1) / 2} {(z0 + z1) / 2}" {touching}/>'


def _drawer() -> str:
    """A cabinet at the back, and in it a drawer that slides towards the camera, with a bar for a handle."""
    cabinet = [
        (-66, -60, 345, 450, 0, 76), (60, 66, 345, 450, 0, 76), (-66, 66, 345, 450, 76, 84), (-66, 66, 450, 456, 0, 84),
    ]  # fmt: skip
    drawer = [
        (-56, 56, 345, 445, 3, 8), (-56, -50, 345, 445, 8, 52), (50, 56, 345, 445, 8, 52), (-56, 56, 439, 445, 8, 52),
        (-62, 62, 337, 345, 3, 64), (-36, 36, 298, 306, 26, 40), (-36, -28, 306, 337, 28, 38),
        (28, 36, 306, 337, 28, 38),
    ]  # fmt: skip
    joint = '<joint type="slide" axis="0 -1 0" range="0 0.1" limited="true" damping="6" frictionloss="1"/>'
    weight = '<inertial pos="0 0.39 0.03" mass="0.6" diaginertia="0.01 0.01 0.01"/>'
    outside = "".join(_box(bounds, _CABINET) for bounds in cabinet)
    inside = "".join(_box(bounds, _SLIDER) for bounds in drawer)
    return f'<body mocap="true">{outside}<body gravcomp="1">{weight}{joint}{inside}</body></body>'


def _description(kinds: tuple[Kind, ...], drawers: int) -> str:
    """The model in MuJoCo's language."""
    # Walls that are not seen keep things where the gripper, which passes them, can grasp them; they leave room for what
    # it lets go at the edge of its reach, and for drawers.
    left, right, back, high = -31, REACH + 31, REACH + (62 if drawers else 31), 1000
    walls = [
        (left - 20, left, left, back, 0, high), (right, right + 20, left, back, 0, high),
        (left, right, left - 20, left, 0, high), (left, right, back, back + 20, 0, high),
    ]  # fmt: skip
    table = f'<geom type="plane" size="1 1 0.1" {_SHELL}/>' + "".join(_box(wall, _SHELL) for wall in walls)
    fingers = "".join(
        f'<body gravcomp="1"><joint type="slide" axis="{side} 0 0"/>'
        f'<geom type="box" size="0.004 0.008 0.059" pos="{side * 0.004} 0 {0.059 - TIP / 1000}" mass="10" {_REACHING}/>'
        "</body>"
        for side in (-1, 1)
    )
    hand = (
        '<body name="hand" gravcomp="1" sleep="never"><joint type="slide" axis="1 0 0"/>'
        '<joint type="slide" axis="0 1 0"/><joint type="slide" axis="0 0 1"/><joint type="hinge" axis="0 0 1"/>'
        f'<geom type="box" size="0.052 0.014 0.012" pos="0 0 0.122" mass="50" {_REACHING}/>{fingers}</body>'
    )
    things = "".join(f"<body><freejoint/>{_geom(kind)}</body>" for kind in kinds)
    # Nothing falls asleep by itself in the course of a turn; contacts are found from 0.2 mm off.
    return f"""<mujoco><option timestep="{STEP}" cone="elliptic" impratio="4" integrator="implicitfast"
    sleep_tolerance="0"><flag sleep="enable"/></option>
    <default><geom condim="4" friction="0.7 0.004 0.0005" solref="0.012 1.2" solimp="0.95 0.99 0.0005" gap="0.0002"/>
    </default><worldbody>{table}{hand}{_drawer() * drawers}{things}</worldbody></mujoco>"""
