"""What the table-top tasks share: the tools, the state, the picture, the words and the questions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Literal

import gymnasium as gym
import numpy as np
from annotated_types import Interval

from mmgym.env import Effect, choose
from mmgym.spaces import TextSpace, Tool, ToolCall, tool
from mmgym_puzzles.puzzle import Puzzle, layout_hash
from mmgym_puzzles.table_top import skills
from mmgym_puzzles.table_top.plan import Move, Plan, reachable
from mmgym_puzzles.table_top.things import LOOKS, REACH, TOP, Layout, Look, Thing, look_of
from mmgym_puzzles.table_top.world import Poses, World

__all__ = ["Table", "TableTop"]

X = Annotated[int, Interval(ge=0, le=REACH)]
Z = Annotated[int, Interval(ge=0, le=TOP)]
D = Annotated[int, Interval(ge=-60, le=60)]
_MOTIONS = ("pick", "place", "push", "move", "grip")
FINEST = 60
"""Millimetres that a call of `move` goes at most along each axis."""


@dataclass(frozen=True)
class Table:
    """What every task's settings have."""

    things: int
    """Things that the task is about."""
    others: int
    """Other things."""
    tolerance: int
    """Millimetres by which a thing may be off its place, along x and along y."""
    opening: int
    """Millimetres between the open fingers."""
    turned: bool
    """Whether things lie turned about the vertical."""
    camera: str
    """``high``, or ``low``, where things hide each other."""
    grid: bool
    """Whether lines are painted on the table."""
    stays: bool
    """Whether the gripper stays above where it worked, and hides what is behind it."""
    turns: int
    """Turns until the episode is truncated."""

    @property
    def apart(self) -> float:
        """Least distance between the centres of things, so that the fingers fit in between."""
        return self.opening / 2 + 8 + 29


class TableTop(Puzzle):
    """Base of the table-top tasks.

    Args:
        renderer: ``panda3d`` (fast, needs no GL library) or ``mujoco`` (shadows and smooth edges, needs EGL or OSMesa).
        **arguments: those of `Puzzle`.
    """

    tools: ClassVar[tuple[str, ...]] = ("pick", "place", "push")
    """Which tools there are: whole motions, or the small steps `move` and `grip`."""
    start: ClassVar[tuple[int, int, int]] = skills.HOME
    """Where the hand is at the start, in millimetres."""
    weak_spread: ClassVar[float] = 13.0
    """Standard deviation, in millimetres, of the weak solver's coordinates."""
    layout: Layout
    poses: Poses

    def __init__(self, *, renderer: str = "panda3d", **arguments: Any) -> None:
        self.renderer = choose("renderer", renderer, ("panda3d", "mujoco"))
        self._worlds: dict[Any, World] = {}
        self._view: Any = None
        super().__init__(**arguments)
        self._begin(self._draw(np.random.default_rng(0), self.settings, self.split))

    # --- what a task defines -----------------------------------------------------------------------------------------

    def _moves(self) -> list[Move]:
        """What is still to be moved where, in order, what the gripper holds first."""
        raise NotImplementedError

    def _task(self) -> str:
        """What the instance asks for, in words."""
        raise NotImplementedError

    # --- tools -------------------------------------------------------------------------------------------------------

    def _tools(self) -> list[Tool]:
        return [t for t in super()._tools() if t.name in self.tools or t.name not in _MOTIONS]

    @tool
    def pick(self, x: X, y: X, z: Z) -> Effect:
        """Grasp the thing whose centre is at a point, and lift it.

        Args:
            x: millimetres to the right.
            y: millimetres away from you.
            z: millimetres above the table.
        """
        if self.poses.held >= 0:
            return Effect(False, "The gripper already holds something.")
        near = min(self._order(), key=lambda k: self._distance(k, x, y, z))
        thing = self._order().index(near) if self._distance(near, x, y, z) < 60 else -1
        world = self._load()
        return self._end(world, skills.pick(world, thing, x, y, z, self.settings.opening))

    @tool
    def place(self, x: X, y: X, z: Z) -> Effect:
        """Take what the gripper holds to a point, its centre there, and let it go.

        Args:
            x: millimetres to the right.
            y: millimetres away from you.
            z: millimetres above the table.
        """
        if self.poses.held < 0:
            return Effect(False, "The gripper holds nothing.")
        world = self._load()
        return self._end(world, skills.place(world, x, y, z))

    @tool
    def push(self, x1: X, y1: X, z1: Z, x2: X, y2: X, z2: Z) -> Effect:
        """Put the closed fingers down at a point and move them straight to another one.

        Args:
            x1: where the push begins, millimetres to the right.
            y1: millimetres away from you.
            z1: millimetres above the table.
            x2: where the push ends, millimetres to the right.
            y2: millimetres away from you.
            z2: millimetres above the table.
        """
        if self.poses.held >= 0:
            return Effect(False, "The gripper holds something: place it first.")
        world = self._load()
        return self._end(world, skills.push(world, (x1, y1, z1), (x2, y2, z2)))

    @tool
    def move(self, dx: D, dy: D, dz: D) -> Effect:
        """Move the gripper in a straight line.

        Args:
            dx: millimetres to the right.
            dy: millimetres away from you.
            dz: millimetres up.
        """
        here = [round(v / 10) for v in self.poses.hand[:3]]
        there = [here[0] + dx, here[1] + dy, here[2] + dz]
        limits = ((0, REACH), (0, REACH), (10, TOP))
        inside = [min(high, max(low, v)) for v, (low, high) in zip(there, limits, strict=True)]
        note = "" if inside == there else "The gripper cannot go further than the workspace."
        world = self._load()
        if not world.go(*inside):
            note = "Something stopped the gripper."
        return self._end(world, note)

    @tool
    def grip(self, fingers: Literal["open", "close"]) -> Effect:
        """Open or close the fingers. What is between them when they close is held until they open.

        Args:
            fingers: what to do.
        """
        world = self._load()
        if fingers == "close":
            if self.poses.held >= 0:
                return Effect(False, "The gripper already holds something.")
            note = "" if world.grasp() >= 0 else "The fingers closed on nothing."
            return self._end(world, note)
        if self.poses.hand[4] >= self.settings.opening * 10:
            return Effect(False, "The fingers are open.")
        world.spread(self.settings.opening)
        return self._end(world, "")

    def _end(self, world: World, note: str) -> Effect:
        """Let everything come to rest, and read off where it is."""
        if "pick" in self.tools and not self.settings.stays:
            skills.go_home(world)
        world.settle()
        order = self._order()
        after = world.poses().reordered([order.index(k) for k in range(len(order))])
        before, self.poses = self.poses, after
        return Effect(after != before, note)

    def _load(self) -> World:
        """The world of the instance's kinds of things, sorted so that few worlds do, everything where it is now."""
        order = self._order()
        key = tuple(self._kind(k) for k in order), len(self.layout.drawers)
        if key not in self._worlds:
            if len(self._worlds) >= 32:
                self._worlds.clear()
            self._worlds[key] = World(*key)
        self._worlds[key].load(self.poses.reordered(order), tuple(x for _, x, _ in self.layout.drawers))
        return self._worlds[key]

    def _order(self) -> list[int]:
        """The things sorted by kind, as the world has them."""
        return sorted(range(len(self.layout.things)), key=lambda k: self.layout.things[k].kind)

    def _distance(self, thing: int, x: float, y: float, z: float) -> float:
        a, b, c = (v / 10 for v in self.poses.things[thing][:3])
        return float(((a - x) ** 2 + (b - y) ** 2 + (c - z) ** 2) ** 0.5)

    # --- instance and state ------------------------------------------------------------------------------------------

    @classmethod
    def candidate_key(cls, instance: Layout) -> str:
        """Key of the whole layout."""
        return layout_hash(cls.__name__, *instance)

    def layout_key(self) -> str:
        """Key of the layout at the start; it decides the split."""
        return self.candidate_key(self.layout)

    @property
    def look(self) -> Look:
        """Kinds and colours of the instance."""
        return LOOKS[look_of(self.split)]

    def _kind(self, thing: int) -> Any:
        return self.look.kinds[self.layout.things[thing].kind]

    def _name(self, thing: int) -> str:
        return f"{self._color(self.layout.things[thing].color)} {self._kind(thing).name}"

    def _color(self, color: int) -> str:
        return self.look.colors[color][0]

    def _begin(self, instance: Layout) -> None:
        self.layout, self._view = instance, None
        things: list[list[int]] = []
        for k, thing in enumerate(instance.things):
            low = things[thing.on][2] / 10 + self._kind(thing.on).height if thing.on >= 0 else 0.0
            half = np.radians(thing.turn) / 2
            z = round((low + self._kind(k).height) * 10)
            turn = [round(float(np.cos(half)) * 1e4), 0, 0, round(float(np.sin(half)) * 1e4)]
            things.append([thing.x * 10, thing.y * 10, z, *turn])
        drawers = [opened * 10 for _, _, opened in instance.drawers]
        self.poses = Poses([*(v * 10 for v in self.start), 0, self.settings.opening * 10], -1, things, drawers)
        self._steps_at_start = self._turns_left()

    def _get_state(self) -> dict[str, Any]:
        return {
            "look": look_of(self.split),
            "layout": [list(map(_plain, part)) for part in self.layout],
            **asdict(self.poses),
        }

    def _set_state(self, state: dict[str, Any]) -> None:
        things, mats, goal, drawers = state["layout"]
        self._begin(
            Layout(
                tuple(Thing(*t) for t in things),
                tuple((m[0], m[1], m[2]) for m in mats),
                tuple(goal),
                tuple((d[0], d[1], d[2]) for d in drawers),
            )
        )
        self.poses = Poses(
            list(state["hand"]), state["held"], [list(t) for t in state["things"]], list(state["drawers"])
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_worlds": {}, "_view": None}

    def _at(self, thing: int) -> tuple[float, float, float]:
        """Where the centre of a thing is, in millimetres."""
        x, y, z = self.poses.things[thing][:3]
        return x / 10, y / 10, z / 10

    # --- expert ------------------------------------------------------------------------------------------------------

    def _expert_steps(self) -> int:
        return self._steps_at_start

    def _turns_left(self) -> int:
        return 2 * len(self._moves()) - (self.poses.held >= 0)

    def _expert_call(self) -> ToolCall:
        moves = self._moves()
        if not moves:
            return ToolCall("pick", {"x": 200, "y": 200, "z": 20})
        thing, x, y, z = moves[0]
        if self.poses.held == thing:
            return ToolCall("place", {"x": x, "y": y, "z": z})
        a, b, c = self._at(thing)
        return ToolCall("pick", {"x": reachable(a), "y": reachable(b), "z": round(min(TOP, max(0, c)))})

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The expert's call with coordinates that are off, as if they were read from the picture by eye."""
        call = self.expert()
        off = {name: value + rng.normal(0, self.weak_spread) for name, value in call.arguments.items()}
        z = {name: value for name, value in call.arguments.items() if name.startswith("z")}
        return ToolCall(call.name, {name: z.get(name, reachable(value)) for name, value in off.items()})

    def _new_plan(self) -> Plan:
        """A plan without moves."""
        count = len(self.layout.things)
        return Plan(
            {k: self._at(k) for k in range(count) if k != self.poses.held},
            [self._kind(k).height for k in range(count)],
            [(float(x), float(y)) for _, x, y in self.layout.mats],
            180 if self.layout.drawers else 360,
        )

    # --- observation -------------------------------------------------------------------------------------------------

    def _observation_parts(self) -> dict[str, gym.Space[Any]]:
        return {"task": TextSpace(), **super()._observation_parts()}

    def _observe(self) -> dict[str, Any]:
        return {"task": self._task(), **super()._observe()}

    def _image(self) -> np.ndarray:
        if self._view is None:
            mat, view = 40 + 2 * self.settings.tolerance, _view_class(self.renderer)
            self._view = view(self.layout, look_of(self.split), mat, self.settings.camera, self.settings.grid)
        image: np.ndarray = self._view.image(self.poses, self.image_size)
        return image

    def _text(self) -> str:
        rows = []
        for k in range(len(self.layout.things)):
            x, y, z = (round(v) for v in self._at(k))
            rows.append(f"{self._name(k)} at x={x} y={y} z={z}" + (", held" if k == self.poses.held else ""))
        rows += [f"{self._color(c)} mat at x={x} y={y}" for c, x, y in self.layout.mats]
        for (color, x, _), opened in zip(self.layout.drawers, self.poses.drawers, strict=True):
            rows.append(f"{self._color(color)} drawer at x={x}, open by {round(opened / 10)}")
        x, y, z = (round(v / 10) for v in self.poses.hand[:3])
        rows.append(f"gripper at x={x} y={y} z={z}, fingers {round(self.poses.hand[4] / 10)} apart")
        return "\n".join(rows)

    def _description(self) -> str:
        order = sorted(range(len(self.layout.things)), key=lambda k: (self._at(k)[0], k))
        return " ".join(" ".join([self._name(k), *map(str, map(_centimetres, self._at(k)[:2]))]) for k in order)

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        count = len(self.layout.things)
        held = self.poses.held
        asked = [("What does the gripper hold?", self._name(held) if held >= 0 else "nothing")]
        k = int(rng.integers(count))
        for axis, value in zip("xy", self._at(k), strict=False):
            nearest = str(10 * _centimetres(value))
            asked.append((f"What is {axis} of the {self._name(k)}, to the nearest 10 millimetres?", nearest))
        if count > 1:
            a, b = (int(v) for v in rng.choice(count, 2, replace=False))
            for word, n, sign in (("further left", 0, -1), ("further away from you", 1, 1), ("higher", 2, 1)):
                apart = sign * (self._at(a)[n] - self._at(b)[n])
                if abs(apart) > 12:
                    names = self._name(a), self._name(b)
                    asked.append(
                        (f"Which is {word}: the {names[0]} or the {names[1]}?", names[0] if apart > 0 else names[1])
                    )
        for (color, _, _), opened in zip(self.layout.drawers, self.poses.drawers, strict=True):
            if not 150 < opened < 500:
                asked.append((f"Is the {self._color(color)} drawer open?", "yes" if opened >= 500 else "no"))
        return [asked[k] for k in rng.permutation(len(asked))]


def _view_class(renderer: str) -> Any:
    """The class that draws, imported when it is first needed."""
    if renderer == "mujoco":
        from mmgym_puzzles.table_top.mujoco_view import MujocoView

        return MujocoView
    from mmgym_puzzles.table_top.view import View

    return View


def _centimetres(value: float) -> int:
    """The nearest whole centimetre to the millimetres that the text twin tells, halves up as people round them."""
    return (round(value) + 5) // 10


def _plain(part: Any) -> Any:
    return list(part) if isinstance(part, tuple) else part
