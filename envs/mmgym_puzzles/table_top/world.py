"""The mechanics: a gripper that moves as it is told, and things, walls and drawers that obey MuJoCo.

Between turns everything rests, and all that is kept are poses rounded to whole numbers (`Poses`). A simulation starts
from those alone, so a restored state goes on exactly as the original does. The hand's own path is prescribed; a thing
that both fingers touch when they close goes with the hand until they open. All else (pushing, falling, rolling,
toppling, sliding of drawers) is simulated in steps of `STEP` seconds until it rests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmgym_puzzles.table_top.things import REACH, Kind

__all__ = ["GENTLE", "TRAVEL", "MissingPhysics", "Poses", "World"]

STEP = 0.005
SPEED = 0.5
"""Metres a second of the hand."""
GENTLE = 0.2
"""Metres a second of a push: what is pushed does not slide on far."""
TRAVEL = 220
"""Height in millimetres at which the hand crosses the table."""
TIP = 8
"""The fingers end this far below the gripper's point."""
WIDEST = 84
"""Millimetres between the fingers when they are wide open."""
MAX_SETTLE = 400
"""Steps after which things are taken to rest."""
_BLOCKED = -0.0018
_HAND = 6


class MissingPhysics(ImportError):
    """Raised when MuJoCo is not installed; the message says what installs it."""


@dataclass
class Poses:
    """Where everything is, in tenths of a millimetre, hundredths of a degree and ten-thousandths: whole numbers."""

    hand: list[int]
    """x, y, z of the point between the finger tips, its turn about the vertical, the opening."""
    held: int
    """The thing that the gripper holds, or -1."""
    things: list[list[int]]
    """x, y, z of the centre and the orientation as a quaternion, for each thing."""
    drawers: list[int]
    """By how much each drawer is open."""


def _mujoco() -> Any:
    try:
        import mujoco
    except ImportError as error:
        raise MissingPhysics("table-top environments need MuJoCo: pip install 'mmgym[robot]'") from error
    return mujoco


def _geom(kind: Kind) -> str:
    size = " ".join(str(part / 1000) for part in kind.half if part)
    rolling = 'condim="6" friction="0.7 0.004 0.004"' if kind.shape != "box" else ""
    return f'<geom type="{kind.shape}" size="{size}" mass="0.06" contype="3" conaffinity="3" {rolling}/>'


def _drawer(x: int) -> str:
    """A drawer that slides towards the camera out of a cabinet at the back, with a bar for a handle."""
    left, right = x - 66, x + 66

    def box(x0: float, x1: float, y0: float, y1: float, z0: float, z1: float) -> str:
        size = f"{(x1 - x0) / 2000} {(y1 - y0) / 2000} {(z1 - z0) / 2000}"
        return f'<geom type="box" size="{size}" pos="{(x0 + x1) / 2000} {(y0 + y1) / 2000} {(z0 + z1) / 2000}"/>'

    cabinet = box(left, left + 6, 345, 450, 0, 76) + box(right - 6, right, 345, 450, 0, 76)
    cabinet += box(left, right, 345, 450, 76, 84) + box(left, right, 450, 456, 0, 84)
    inside = box(x - 56, x + 56, 345, 445, 3, 8) + box(x - 56, x - 50, 345, 445, 8, 52)
    inside += box(x + 50, x + 56, 345, 445, 8, 52) + box(x - 56, x + 56, 439, 445, 8, 52)
    inside += box(x - 62, x + 62, 337, 345, 3, 64)
    handle = box(x - 36, x + 36, 298, 306, 26, 40) + box(x - 36, x - 28, 306, 337, 28, 38)
    handle += box(x + 28, x + 36, 306, 337, 28, 38)
    joint = '<joint type="slide" axis="0 -1 0" range="0 0.1" limited="true" damping="6" frictionloss="1"/>'
    weight = f'<inertial pos="{x / 1000} 0.39 0.03" mass="0.6" diaginertia="0.01 0.01 0.01"/>'
    return f'{cabinet}<body gravcomp="1">{weight}{joint}{inside}{handle}</body>'


class World:
    """A table with things of these kinds, drawers at these x, and a gripper.

    Args:
        kinds: the kinds of the things, in order.
        drawers: x of the middle of each drawer, in millimetres.

    Raises:
        MissingPhysics: when MuJoCo is not installed.
    """

    def __init__(self, kinds: tuple[Kind, ...], drawers: tuple[int, ...] = ()):
        self._mujoco = _mujoco()
        self.kinds = kinds
        self._model = self._mujoco.MjModel.from_xml_string(_description(kinds, drawers))
        self._data = self._mujoco.MjData(self._model)
        self._first = _HAND + len(drawers)
        self._drawers = len(drawers)
        body = self._model.geom_bodyid
        self._thing_of = np.full(self._model.ngeom, -1)
        for k in range(len(kinds)):
            self._thing_of[body == self._model.nbody - len(kinds) + k] = k
        hand = self._mujoco.mj_name2id(self._model, self._mujoco.mjtObj.mjOBJ_BODY, "hand")
        self._finger_of = np.zeros(self._model.ngeom, int)
        for offset in range(3):
            self._finger_of[body == hand + offset] = offset + 1
        self.hand = np.zeros(4)
        self.opening = 0.0
        self.held = -1
        self._grip = (np.zeros(3), np.array([1.0, 0, 0, 0]))

    # --- state -------------------------------------------------------------------------------------------------------

    def load(self, poses: Poses) -> None:
        """Put everything where `poses` say, at rest."""
        data = self._data
        self._mujoco.mj_resetData(self._model, data)
        self.hand = np.array([*(v / 1e4 for v in poses.hand[:3]), math.radians(poses.hand[3] / 100)])
        self.opening = poses.hand[4] / 1e4
        data.qpos[_HAND : self._first] = [v / 1e4 for v in poses.drawers]
        for k, pose in enumerate(poses.things):
            q = np.array(pose[3:]) / 1e4
            data.qpos[self._first + 7 * k : self._first + 7 * k + 7] = [
                *(v / 1e4 for v in pose[:3]),
                *(q / np.linalg.norm(q)),
            ]
        self.held = poses.held
        if self.held >= 0:
            self._take(self.held)
        self._place_hand()

    def poses(self) -> Poses:
        """Where everything is now."""
        data = self._data
        if self.held >= 0:
            self._carry(np.zeros(4))
        things = []
        for k in range(len(self.kinds)):
            pose = data.qpos[self._first + 7 * k : self._first + 7 * k + 7]
            q = pose[3:] if pose[3 + int(np.argmax(np.abs(pose[3:]) > 0.02))] >= 0 else -pose[3:]
            things.append([int(v) for v in np.rint([*(pose[:3] * 1e4), *(q * 1e4)])])
        hand = [round(float(v) * 1e4) for v in self.hand[:3]]
        turn = round(math.degrees(float(self.hand[3])) * 100) % 18000
        drawers = [min(1000, max(0, round(float(v) * 1e4))) for v in data.qpos[_HAND : self._first]]
        return Poses([*hand, turn, round(float(self.opening) * 1e4)], self.held, things, drawers)

    def _place(self, thing: int) -> tuple[np.ndarray, np.ndarray]:
        start = self._first + 7 * thing
        return self._data.qpos[start : start + 3], self._data.qpos[start + 3 : start + 7]

    def _take(self, thing: int) -> None:
        """Remember where a thing is in the hand."""
        place, turn = self._place(thing)
        c, s = math.cos(self.hand[3]), math.sin(self.hand[3])
        x, y, z = place - self.hand[:3]
        self._grip = (np.array([c * x + s * y, c * y - s * x, z]), _turned(turn, -self.hand[3]))
        self.held = thing

    def _carry(self, speed: np.ndarray) -> None:
        place, turn = self._place(self.held)
        c, s = math.cos(self.hand[3]), math.sin(self.hand[3])
        x, y, z = self._grip[0]
        place[:] = self.hand[:3] + np.array([c * x - s * y, s * x + c * y, z])
        turn[:] = _turned(self._grip[1], self.hand[3])
        start = _HAND + self._drawers + 6 * self.held
        self._data.qvel[start : start + 6] = [*speed[:3], 0, 0, 0]

    def _place_hand(self) -> None:
        self._data.qpos[:4] = self.hand
        self._data.qpos[4] = self._data.qpos[5] = self.opening / 2
        self._data.qvel[:_HAND] = 0

    # --- motion ------------------------------------------------------------------------------------------------------

    def _step(self, hand: np.ndarray, opening: float) -> None:
        """One step in which the hand and the fingers go where they are told."""
        data, speed = self._data, (hand - self.hand) / STEP
        self._place_hand()
        data.qvel[:4] = speed
        data.qvel[4] = data.qvel[5] = (opening - self.opening) / 2 / STEP
        if self.held >= 0:
            self._carry(speed)
        self._mujoco.mj_step(self._model, data)
        self.hand, self.opening = hand, opening

    def _touched(self) -> list[tuple[int, int, float]]:
        """Contacts of the gripper and what it holds: finger (0 for what it holds), thing or -1, distance in metres."""
        count = self._data.ncon
        if not count:
            return []
        pairs, distances = self._data.contact.geom[:count], self._data.contact.dist[:count]
        found = []
        for (one, other), distance in zip(pairs.tolist(), distances.tolist(), strict=True):
            for a, b in ((one, other), (other, one)):
                mine = self._finger_of[a] > 0 or (self.held >= 0 and self._thing_of[a] == self.held)
                theirs = self._finger_of[b] > 0 or (self.held >= 0 and self._thing_of[b] == self.held)
                if mine and not theirs:
                    found.append((int(self._finger_of[a]), int(self._thing_of[b]), distance))
        return found

    def is_free(self, hand: np.ndarray, opening: float) -> bool:
        """Whether the gripper, and what it holds, would touch nothing there, with some millimetres to spare."""
        before, width = self.hand, self.opening
        self.hand, self.opening = hand, opening + 0.005
        self._place_hand()
        if self.held >= 0:
            self._carry(np.zeros(4))
        self._mujoco.mj_kinematics(self._model, self._data)
        self._mujoco.mj_comPos(self._model, self._data)
        self._mujoco.mj_collision(self._model, self._data)
        free = all(distance > -0.0002 for _, _, distance in self._touched())
        self.hand, self.opening = before, width
        self._place_hand()
        if self.held >= 0:
            self._carry(np.zeros(4))
        return free

    def _is_far(self, to: np.ndarray) -> bool:
        """Whether nothing can be touched on the straight way."""
        low, high = np.minimum(self.hand[:3], to[:3]), np.maximum(self.hand[:3], to[:3])
        bottom = low[2] - (0.045 if self.held >= 0 else 0.012)
        if self._drawers and high[1] > 0.12 and bottom < 0.09:
            return False
        for k in range(len(self.kinds)):
            x, y, z = self._place(k)[0]
            inside = low[0] - 0.1 < x < high[0] + 0.1 and low[1] - 0.1 < y < high[1] + 0.1
            if k != self.held and inside and z + 0.036 > bottom:
                return False
        return bottom > 0.002 or self.held < 0

    def is_far(self, x: float, y: float, z: float) -> bool:
        """Whether nothing can be touched on the straight way to a point, in millimetres."""
        return self._is_far(np.array([x / 1000, y / 1000, z / 1000]))

    def jump(self, x: float, y: float, z: float) -> None:
        """Put the hand somewhere at once, in millimetres, with what it holds."""
        self.hand = np.array([x / 1000, y / 1000, z / 1000, self.hand[3]])
        if self.held >= 0:
            self._carry(np.zeros(4))

    def square(self, thing: int) -> list[float]:
        """Turns of the hand in which a held thing is square to the table."""
        matrix = np.zeros(9)
        self._mujoco.mju_quat2Mat(matrix, _turned(self._grip[1], 0.0))
        axes = matrix.reshape(3, 3).T
        lying = axes[int(np.argmin(np.abs(axes[:, 2])))]
        turn = 0.0
        if self.kinds[thing].shape == "box":
            turn = -math.atan2(lying[1], lying[0]) % (math.pi / 2)
        if turn > math.pi / 2 - 1e-3:
            turn = 0.0
        return [turn, turn + math.pi / 2]

    def offset(self, turn: float) -> tuple[float, float, float]:
        """From the hand, turned so, to the centre of what it holds, in metres."""
        c, s = math.cos(turn), math.sin(turn)
        x, y, z = self._grip[0]
        return c * x - s * y, s * x + c * y, float(z)

    def go(self, x: float, y: float, z: float, turn: float | None = None, speed: float = SPEED) -> bool:
        """Move the hand in a straight line, in millimetres; False where it was stopped by something."""
        to = np.array([x / 1000, y / 1000, z / 1000, self.hand[3] if turn is None else turn])
        if self._is_far(to):
            self.hand = to
            if self.held >= 0:
                self._carry(np.zeros(4))
            return True
        start = self.hand
        steps = max(1, math.ceil(float(np.abs(to - start)[:3].max()) / (SPEED * STEP)))
        for k in range(1, steps + 1):
            before = self.hand
            self._step(start + (to - start) * (k / steps), self.opening)
            if any(distance < _BLOCKED for _, _, distance in self._touched()):
                back = before - (to - start) / steps
                self._step(back, self.opening)
                return False
        return True

    def grasp(self) -> int:
        """Close the fingers; the thing between them that both touch is held. -1 if there is none."""
        while self.opening > 0:
            self._step(self.hand, max(0.0, self.opening - 0.6 * STEP))
            touched = self._touched()
            left, right = ({thing for finger, thing, _ in touched if finger == side and thing >= 0} for side in (2, 3))
            if both := left & right:
                thing = min(both)
                self.opening = max(self.opening, self.width(thing, float(self.hand[3])) / 1000)
                self._take(thing)
                return thing
        return -1

    def spread(self, opening: float) -> None:
        """Open or close the fingers, in millimetres between them; what was held is let go."""
        self.held = -1
        goal = opening / 1000
        while abs(goal - self.opening) > 1e-9:
            reach = 0.6 * STEP
            self._step(self.hand, self.opening + min(reach, max(-reach, goal - self.opening)))

    def settle(self) -> None:
        """Simulate until everything rests, for at most `MAX_SETTLE` steps."""
        quiet = 0
        first, held = _HAND, self.held
        for _ in range(MAX_SETTLE):
            self._step(self.hand, self.opening)
            speed = np.abs(self._data.qvel[first:])
            if held >= 0:
                speed[self._drawers + 6 * held : self._drawers + 6 * held + 6] = 0
            # turning is compared at the rim of a thing
            quiet = quiet + 1 if not speed.size or float(speed.max()) < 0.02 else 0
            if quiet == 6:
                return

    def width(self, thing: int, turn: float) -> float:
        """How wide a thing is along the fingers' direction when the hand is turned so, in millimetres."""
        kind, (_, quaternion) = self.kinds[thing], self._place(thing)
        matrix = np.zeros(9)
        self._mujoco.mju_quat2Mat(matrix, quaternion)
        along = np.array([math.cos(turn), math.sin(turn), 0.0]) @ matrix.reshape(3, 3)
        if kind.shape == "box":
            return 2 * float(np.abs(along) @ np.array(kind.half))
        if kind.shape == "sphere":
            return 2 * kind.half[0]
        axis = abs(float(along[2]))
        return 2 * (kind.half[1] * axis + kind.half[0] * math.sqrt(max(0.0, 1 - axis * axis)))

    def turns(self, thing: int) -> list[float]:
        """Turns of the hand, from 0 to pi, in which the fingers fit the faces of a thing; the narrowest first."""
        if self.kinds[thing].shape == "sphere":
            return [0.0, math.pi / 2]
        matrix = np.zeros(9)
        self._mujoco.mju_quat2Mat(matrix, self._place(thing)[1])
        axes = matrix.reshape(3, 3).T
        lying = axes[int(np.argmin(np.abs(axes[:, 2])))]
        turn = math.atan2(lying[1], lying[0]) % (math.pi / 2)
        if turn > math.pi / 2 - 1e-3:
            turn = 0.0
        both = [turn, turn + math.pi / 2]
        return sorted(both, key=lambda angle: round(self.width(thing, angle)))


def _turned(quaternion: np.ndarray, turn: float) -> np.ndarray:
    """A quaternion turned about the vertical."""
    c, s = math.cos(turn / 2), math.sin(turn / 2)
    w, x, y, z = quaternion
    return np.array([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w])


def _description(kinds: tuple[Kind, ...], drawers: tuple[int, ...]) -> str:
    """The model in MuJoCo's language."""
    near, far = -0.012, REACH / 1000 + 0.012
    middle, half = REACH / 2000, REACH / 2000 + 0.03
    walls = "".join(
        f'<geom type="box" size="{sx} {sy} 0.05" pos="{px} {py} 0.05" contype="2" conaffinity="2"/>'
        for sx, sy, px, py in (
            (0.01, half, near - 0.01, middle),
            (0.01, half, far + 0.01, middle),
            (half, 0.01, middle, near - 0.01),
            (half, 0.01, middle, far + 0.06),
        )
    )
    things = "".join(f"<body><freejoint/>{_geom(kind)}</body>" for kind in kinds)
    fingers = "".join(
        f'<body name="{name}" gravcomp="1"><joint type="slide" axis="{side} 0 0"/>'
        f'<geom type="box" size="0.004 0.008 0.059" pos="{side * 0.004} 0 {0.059 - TIP / 1000}" mass="10"/></body>'
        for name, side in (("left", -1), ("right", 1))
    )
    boxes = "".join(map(_drawer, drawers))
    return f"""<mujoco><option timestep="{STEP}" cone="elliptic" impratio="4" integrator="implicitfast"/>
    <default><geom condim="4" friction="0.7 0.004 0.0005" solref="0.012 1.2" solimp="0.95 0.99 0.0005"/></default>
    <worldbody><geom type="plane" size="1 1 0.1"/>{walls}
    <body name="hand" gravcomp="1"><joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 1 0"/>
    <joint type="slide" axis="0 0 1"/><joint type="hinge" axis="0 0 1"/>
    <geom type="box" size="0.052 0.014 0.012" pos="0 0 0.122" mass="50"/>{fingers}</body>{boxes}{things}</worldbody>
    <contact><exclude body1="left" body2="right"/></contact></mujoco>"""
