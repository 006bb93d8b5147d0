"""The mechanics: a gripper that moves as it is told, and things, walls and drawers that obey MuJoCo.

Between turns everything rests, and all that is kept are poses rounded to whole numbers (`Poses`). A turn starts from
those alone, so a restored state goes on exactly as the original does. The hand's own path is prescribed; a thing that
both fingers press from opposite sides goes with the hand until they open. All else (pushing, falling, rolling,
toppling, sliding of drawers) is simulated in steps of `STEP` seconds until it rests. Two things make that fast: while
all else rests and the hand touches nothing, it moves without simulation, only looked at for contacts; and what nothing
has touched yet sleeps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mmgym.env import MachineryFailure
from mmgym_puzzles.table_top.model import STEP, TIP, compiled, load_mujoco
from mmgym_puzzles.table_top.things import Kind

__all__ = ["WIDEST", "Poses", "World"]

WIDEST = 84
"""Millimetres between the fingers when they are wide open."""
QUIET = 6
"""Steps in a row without motion after which things are taken to rest."""
MAX_SETTLE = 400
"""Steps after which things are taken to rest, whatever they do."""
_SLOW = 0.005
"""Metres a second up to which things do not move; a radian a second counts as `_RIM` metres a second."""
_RIM = 0.05
_FINGERS = 0.003
"""Metres by which the fingers open or close in a step, at most; a third of it when they come upon something."""
_CREEP, _PACE, _GAIN = 0.0005, 0.003, 0.0003
"""Metres a step of the hand when it comes upon something and at the end of its way, at most, and what it gains in a
step: things are neither knocked away nor slide on far."""
_BLOCKED = -0.0026
"""Contacts deeper than this, in metres, stop the hand."""
_TOUCHED = -0.0002
"""What the hand comes upon is touched from here on; things that rest on each other are no deeper than that."""
_CHEST = 0.09
"""A height above all drawers, in metres."""
_HAND = 6
"""Degrees of freedom of the hand: x, y, z, its turn and two fingers."""
_NOTHING, _GRIPPER = -1, -2


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

    def reordered(self, order: list[int]) -> Poses:
        """The same with the things in another order: first the one whose number is `order[0]`, and so on."""
        held = order.index(self.held) if self.held >= 0 else self.held
        return Poses(self.hand, held, [self.things[k] for k in order], self.drawers)


class World:
    """A table with things of these kinds, drawers, and a gripper. It cannot be pickled.

    Places are x, y, z in millimetres, turns are radians about the vertical.

    Args:
        kinds: the kinds of the things, in order.
        drawers: how many drawers there are.

    Raises:
        MissingPhysics: when MuJoCo is not installed.
    """

    def __init__(self, kinds: tuple[Kind, ...], drawers: int = 0):
        self._mujoco = load_mujoco()
        self.kinds = kinds
        self._model = compiled(kinds, drawers)
        self._data = self._mujoco.MjData(self._model)
        self._qpos, self._qvel = self._data.qpos, self._data.qvel
        self._first, self._first_tree = _HAND + drawers, 1 + drawers
        self._owner, self._side = self._owners()
        self._tree = [int(self._model.body_treeid[body]) for body in self._model.geom_bodyid]
        cylinders = [self._first + 7 * k for k, kind in enumerate(kinds) if kind.shape == "cylinder"]
        self._tilts = np.array([start + part for start in cylinders for part in (4, 5)], int)
        self._radius = [math.hypot(*kind.half) / 1000 for kind in kinds]
        self._pace = np.array([1.0] * drawers + [1.0, 1.0, 1.0, _RIM, _RIM, _RIM] * len(kinds)) ** 2
        self.hand = np.zeros(4)
        """x, y, z in metres and the turn."""
        self.opening = 0.0
        """Metres between the fingers."""
        self.held = _NOTHING
        self._grip = (0.0, 0.0, 0.0), np.array([1.0, 0, 0, 0])
        self._quiet = QUIET
        self._highest: float | None = None
        self._clear: bool | None = None
        self._loaded = Poses([], _NOTHING, [], [])

    def _owners(self) -> tuple[list[int], list[int]]:
        """For each geom: the thing it belongs to, or else the gripper or nothing; and 1 or 2 for the two fingers."""
        model = self._model
        hand = self._mujoco.mj_name2id(model, self._mujoco.mjtObj.mjOBJ_BODY, "hand")
        owner, side = [], []
        for body in model.geom_bodyid.tolist():
            thing = body - (model.nbody - len(self.kinds))
            owner.append(thing if thing >= 0 else _GRIPPER if hand <= body <= hand + 2 else _NOTHING)
            side.append(body - hand if hand < body <= hand + 2 else 0)
        return owner, side

    # --- state -------------------------------------------------------------------------------------------------------

    def load(self, poses: Poses, drawers: tuple[int, ...] = ()) -> None:
        """Put everything where `poses` say, at rest, with the middles of the drawers at these x."""
        mujoco, model, data = self._mujoco, self._model, self._data
        mujoco.mj_resetData(model, data)
        self._loaded, self._quiet, self.held = poses, QUIET, _NOTHING
        self._highest = self._clear = None
        self.hand = np.array([*(v / 1e4 for v in poses.hand[:3]), math.radians(poses.hand[3] / 100)])
        self.opening = poses.hand[4] / 1e4
        self._qpos[_HAND : self._first] = [v / 1e4 for v in poses.drawers]
        for k, x in enumerate(drawers):
            data.mocap_pos[k] = x / 1000, 0, 0
        if poses.things:
            table = np.array(poses.things) / 1e4
            table[:, 3:] /= np.linalg.norm(table[:, 3:], axis=1, keepdims=True)
            self._qpos[self._first :] = table.ravel()
        if poses.held >= 0:
            self._take(poses.held)
        self._set(self.hand, self.opening)
        for stage in (mujoco.mj_kinematics, mujoco.mj_comPos, mujoco.mj_makeM, mujoco.mj_factorM, mujoco.mj_collision):
            stage(model, data)
        self._send_to_sleep()

    def _send_to_sleep(self) -> None:
        """Let everything but the hand and what it holds sleep, together with what it touches, until it is touched."""
        data, tree = self._data, self._tree
        held = self._first_tree + self.held if self.held >= 0 else _NOTHING
        island = list(range(self._model.ntree))
        for one, other in {(tree[a], tree[b]) for a, b in data.contact.geom.tolist()}:
            if one > 0 < other and island[one] != island[other] and held not in (one, other):
                island = [island[one] if i == island[other] else i for i in island]
        following, awake = list(data.tree_asleep), [1] * len(island)
        last: dict[int, int] = {}
        for k in reversed(range(len(island))):
            if k != held:  # a ring through each island: every tree names the next one, the last the first
                following[k] = last.get(island[k], island.index(island[k]))
                last[island[k]], awake[k] = k, 0
        awake[0] = 1  # the hand never sleeps; that it wakes makes MuJoCo take note of all that changed here
        data.tree_asleep[:], data.tree_awake[:] = following, awake
        self._mujoco.mj_forward(self._model, data)

    def poses(self) -> Poses:
        """Where everything is now. What was not touched since `load` is exactly where it was.

        Raises:
            MachineryFailure: when the simulation became unstable.
        """
        if self._data.warning.number.any():
            raise MachineryFailure("MuJoCo's simulation became unstable")
        hand = [round(float(v) * 1e4) for v in self.hand[:3]]
        hand += [round(math.degrees(float(self.hand[3])) * 100) % 18000, round(float(self.opening) * 1e4)]
        asleep = self._data.tree_asleep[self._first_tree :].tolist()
        things = []
        for k, kept in enumerate(self._loaded.things):
            if asleep[k] >= 0 or (k == self.held == self._loaded.held and hand == self._loaded.hand):
                things.append(list(kept))
                continue
            x, y, z, *turn = self._qpos[self._first + 7 * k : self._first + 7 * k + 7].tolist()
            size = math.copysign(math.hypot(*turn), next(part for part in turn if abs(part) > 0.02))
            things.append([round(v * 1e4) for v in (x, y, z, *(part / size for part in turn))])
        drawers = [min(1000, max(0, round(float(v) * 1e4))) for v in self._qpos[_HAND : self._first]]
        return Poses(hand, self.held, things, drawers)

    def _place(self, thing: int) -> tuple[np.ndarray, np.ndarray]:
        start = self._first + 7 * thing
        return self._qpos[start : start + 3], self._qpos[start + 3 : start + 7]

    def _take(self, thing: int) -> None:
        """Let a thing go with the hand from here on, and remember where in the hand it is."""
        place, turn = self._place(thing)
        x, y, z = (float(v) for v in place - self.hand[:3])
        self._grip = (*_rotated(x, y, -float(self.hand[3])), z), np.round(_turned(turn, -float(self.hand[3])), 9)
        self.held = thing

    def _set(self, hand: np.ndarray, opening: float) -> None:
        """Put the hand somewhere, with what it holds."""
        self.hand, self.opening = hand, opening
        self._qpos[:4] = hand
        self._qpos[4:6] = opening / 2
        if self.held >= 0:
            x, y = _rotated(*self._grip[0][:2], float(hand[3]))
            place, turn = self._place(self.held)
            place[:] = hand[0] + x, hand[1] + y, hand[2] + self._grip[0][2]
            turn[:] = _turned(self._grip[1], float(hand[3]))

    # --- motion ------------------------------------------------------------------------------------------------------

    def _step(self, hand: np.ndarray, opening: float) -> None:
        """One step of the simulation, in which the hand and the fingers go where they are told."""
        velocity, start = self._qvel, self._first + 6 * self.held
        velocity[:4] = (hand - self.hand) / STEP
        velocity[4:6] = (opening - self.opening) / (2 * STEP)
        if self.held >= 0:
            velocity[start : start + 6] = [*velocity[:3], 0, 0, 0]
        self._straighten()
        self._mujoco.mj_step(self._model, self._data)
        if self.held >= 0:
            velocity[start : start + 6] = 0
        self._set(hand, opening)
        moving = velocity[_HAND:]
        self._quiet = self._quiet + 1 if float((moving * moving) @ self._pace) < _SLOW**2 else 0
        self._highest = self._clear = None

    def _straighten(self) -> None:
        """Take tilts of cylinders that are mere rounding errors away: MuJoCo finds contacts that are none for them."""
        if len(self._tilts):
            tilts = self._qpos[self._tilts]
            tilts[np.abs(tilts) < 1e-8] = 0
            self._qpos[self._tilts] = tilts

    def _contacts(self, reach: float = 1.0) -> Iterator[tuple[int, int, float, int]]:
        """Contacts of the gripper and what it holds that are closer than `reach` metres.

        Each is the gripper's geom, the thing or `_NOTHING`, the distance and the contact's number.
        """
        if not self._data.ncon:
            return
        contact, owner, held = self._data.contact, self._owner, self.held
        for number, distance in enumerate(contact.dist.tolist()):
            if distance >= reach:
                continue
            one, other = contact.geom[number].tolist()
            a, b = owner[one], owner[other]
            if a == _GRIPPER or a == held >= 0:
                if b != _GRIPPER and not b == held >= 0:
                    yield one, b, distance, number
            elif b == _GRIPPER or b == held >= 0:
                yield other, a, distance, number

    def _jam(self) -> float:
        """Contacts of the gripper and what it holds that are deeper than this, in metres, stop a motion from here."""
        deepest = min((distance for _, _, distance, _ in self._contacts(_BLOCKED)), default=0.0)
        return min(_BLOCKED, deepest - _CREEP)  # out of where it got jammed it may go

    def _is_deeper(self, limit: float) -> bool:
        distances = self._data.contact.dist
        return len(distances) > 0 and distances.min() < limit and any(True for _ in self._contacts(limit))

    def _touches(self) -> bool:
        """Whether the gripper, or what it holds, touches a thing or is in the way of anything else."""
        if self._lowest(float(self.hand[2])) > self._top():
            return False
        self._mujoco.mj_kinematics(self._model, self._data)
        self._mujoco.mj_collision(self._model, self._data)
        return any(thing >= 0 or distance < _TOUCHED for _, thing, distance, _ in self._contacts())

    def _lowest(self, z: float) -> float:
        """The height of nothing that the hand at this height has and holds is below this one."""
        return z - TIP / 1000 if self.held < 0 else z + min(-TIP / 1000, self._grip[0][2] - self._radius[self.held])

    def _top(self) -> float:
        """A height above everything but the gripper."""
        if self._highest is None:
            self._highest = _CHEST if self._first > _HAND else 0.0
            for k in range(len(self.kinds)):
                if k != self.held:
                    self._highest = max(self._highest, float(self._place(k)[0][2]) + self._radius[k])
        return self._highest

    def _rests(self) -> bool:
        """Whether nothing moves by itself and the hand touches nothing, so that it needs no simulation to move."""
        if self._quiet >= QUIET and self._clear is None:
            self._clear = not self._touches()
        return self._quiet >= QUIET and bool(self._clear)

    def _glide(self, hand: np.ndarray, opening: float) -> bool:
        """Move without simulation if nothing is touched there; whether it was so."""
        before = self.hand, self.opening
        self._set(hand, opening)
        if self._touches():
            self._set(*before)
            return False
        return True

    def is_free(self, x: float, y: float, z: float, turn: float, opening: float) -> bool:
        """Whether the gripper, and what it holds, would touch nothing there."""
        before = self.hand, self.opening
        self._set(np.array([x / 1000, y / 1000, z / 1000, turn]), opening / 1000)
        free = not self._touches()
        self._set(*before)
        return free

    def go(self, x: float, y: float, z: float, turn: float | None = None) -> bool:
        """Move the hand in a straight line; False where something that does not give way stopped it."""
        start = self.hand
        way = np.array([x / 1000, y / 1000, z / 1000, start[3] if turn is None else turn]) - start
        dx, dy, dz, dturn = np.abs(way).tolist()
        length = max(dx, dy, dz, dturn * _RIM, 1e-9)
        # Fingers are 8 mm thick and 16 mm deep; they and all things are higher than 20 mm: nothing is leapt over.
        widest = 1 / max(1, math.ceil(max(dx / 0.006, dy / 0.006, dz / 0.015, dturn / 0.1)))
        done, pace, look = 0.0, _CREEP, widest
        jam = self._jam()
        while done < 1:
            if self._rests():
                ahead = min(1.0, done + look)
                if (over := self._lowest(float(self.hand[2])) - self._top()) > 0:
                    # Nothing is as high as this: on to the end, or down to where something is.
                    ahead = 1.0 if over + way[2] * (1 - done) > 0 else max(ahead, done - over / float(way[2]))
                if self._glide(start + way * ahead, self.opening):
                    done, pace = ahead, _CREEP
                    continue
                if look * length > _CREEP:
                    look = max(look / 2, _CREEP / length)
                    continue
            done, look = min(1.0, done + pace / length), widest
            pace = min(_PACE, pace + _GAIN, max(_CREEP, (1 - done) * length / 6))
            self._step(start + way * done, self.opening)
            if self._is_deeper(jam):
                while done > 0 and self._is_deeper(_TOUCHED):
                    done = max(0.0, done - _PACE / length)
                    self._step(start + way * done, self.opening)
                return False
        return True

    def grasp(self) -> int:
        """Close the fingers; the thing that both press from opposite sides is held. -1 if there is none."""
        pace = _FINGERS / 3
        while self.opening > 0:
            if self._rests() and any(self._glide(self.hand, max(0.0, self.opening - p)) for p in (_FINGERS, pace)):
                continue
            before = self.opening
            self._step(self.hand, max(0.0, before - pace))
            pace = min(_FINGERS, pace + _FINGERS / 10)
            if pressed := self._pressed():
                thing = min(pressed)
                self._set(self.hand, max(self.opening, self.width(thing, float(self.hand[3])) / 1000))
                self._take(thing)
                return thing
            if any(thing < 0 for _, thing, _, _ in self._contacts(_BLOCKED)):
                self._step(self.hand, before)
                break
        return _NOTHING

    def _pressed(self) -> set[int]:
        """Things that both fingers touch, along the direction in which they close."""
        c, s = math.cos(self.hand[3]), math.sin(self.hand[3])
        touched: tuple[set[int], ...] = (set(), set(), set())
        for geom, thing, _, number in self._contacts():
            normal = self._data.contact.frame[number]
            if thing >= 0 and abs(c * normal[0] + s * normal[1]) > 0.7:
                touched[self._side[geom]].add(thing)
        return touched[1] & touched[2]

    def spread(self, opening: float) -> None:
        """Open or close the fingers, millimetres between them, until something stops them; what was held is let go."""
        if self.held >= 0:
            self.held, self._quiet = _NOTHING, 0
            self._highest = self._clear = None
        goal, jam = opening / 1000, self._jam()
        while abs(goal - self.opening) > 1e-9:
            before = self.opening
            following = before + min(_FINGERS, max(-_FINGERS, goal - before))
            if not (self._rests() and self._glide(self.hand, following)):
                self._step(self.hand, following)
                if self._is_deeper(jam):
                    self._step(self.hand, before)
                    return

    def settle(self) -> None:
        """Simulate until everything rests, for at most `MAX_SETTLE` steps."""
        for _ in range(MAX_SETTLE):
            if self._quiet >= QUIET:
                return
            self._step(self.hand, self.opening)

    # --- shapes ------------------------------------------------------------------------------------------------------

    def width(self, thing: int, turn: float) -> float:
        """How wide a thing is along the fingers' direction when the hand is turned so, in millimetres."""
        kind = self.kinds[thing]
        along = np.array([math.cos(turn), math.sin(turn), 0.0]) @ self._axes(self._place(thing)[1]).T
        if kind.shape == "box":
            return 2 * float(np.abs(along) @ np.array(kind.half))
        if kind.shape == "sphere":
            return 2 * kind.half[0]
        axis = abs(float(along[2]))
        return 2 * (kind.half[1] * axis + kind.half[0] * math.sqrt(max(0.0, 1 - axis * axis)))

    def turns(self, thing: int) -> list[float]:
        """Turns of the hand, from 0 to pi, in which the fingers fit the faces of a thing; the narrowest first."""
        turn = 0.0 if self.kinds[thing].shape == "sphere" else self._square(self._place(thing)[1])
        return sorted((turn, turn + math.pi / 2), key=lambda angle: round(self.width(thing, angle)))

    def square_turns(self) -> list[float]:
        """Turns of the hand in which what it holds is square to the table."""
        turn = -self._square(self._grip[1]) % (math.pi / 2) if self.kinds[self.held].shape == "box" else 0.0
        return [turn, turn + math.pi / 2]

    def offset(self, turn: float) -> tuple[float, float, float]:
        """From the hand, turned so, to the centre of what it holds, in millimetres."""
        x, y, z = self._grip[0]
        x, y = _rotated(x, y, turn)
        return x * 1000, y * 1000, z * 1000

    def _axes(self, quaternion: np.ndarray) -> np.ndarray:
        """The directions of a thing's own axes, one in each row."""
        matrix = np.zeros(9)
        self._mujoco.mju_quat2Mat(matrix, quaternion)
        return matrix.reshape(3, 3).T

    def _square(self, quaternion: np.ndarray) -> float:
        """The turn, from 0 to below pi / 2, of that axis of a thing that lies flattest."""
        axes = self._axes(quaternion)
        lying = axes[int(np.argmin(np.abs(axes[:, 2])))]
        turn = math.atan2(lying[1], lying[0]) % (math.pi / 2)
        return 0.0 if turn > math.pi / 2 - 1e-3 else turn


def _rotated(x: float, y: float, turn: float) -> tuple[float, float]:
    c, s = math.cos(turn), math.sin(turn)
    return c * x - s * y, s * x + c * y


def _turned(quaternion: np.ndarray, turn: float) -> np.ndarray:
    """A quaternion turned about the vertical."""
    c, s = math.cos(turn / 2), math.sin(turn / 2)
    w, x, y, z = quaternion.tolist()
    return np.array([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w])
