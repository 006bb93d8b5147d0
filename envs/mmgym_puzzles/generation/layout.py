"""Layout3D: furnish a room so that everything that is asked for holds."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import gymnasium as gym
import numpy as np
from annotated_types import Interval, MaxLen

from mmgym.env import Effect, choose
from mmgym.rewards import RewardTerms
from mmgym.spaces import TextSpace, Tool, ToolCall, flag, number, tool
from mmgym_puzzles.generation.furnishing import LEVELS, Rooms, draw_room, furnish
from mmgym_puzzles.generation.layout_instance import Furnished, fewest_moves, fits, from_json, task_of, to_json
from mmgym_puzzles.generation.layout_json import LayoutError, read_layout, write_layout
from mmgym_puzzles.generation.layout_plan import Plan
from mmgym_puzzles.generation.layout_rules import Rule, holds, sentence, stacks
from mmgym_puzzles.generation.rooms import KINDS, TURN, Place, Room, collisions, is_inside
from mmgym_puzzles.puzzle import MAX_DRAWS, Puzzle, layout_hash, split_of

__all__ = ["Layout3D"]

Name = Literal[
    "bed", "sofa", "wardrobe", "piano", "desk", "cabinet", "bookcase", "table",
    "armchair", "nightstand", "chair", "plant", "television", "computer", "lamp", "vase",
]  # fmt: skip
_TOOLS = {"pieces": ("place", "remove", "submit"), "json": ("place_all", "submit")}
_VIEWS = ("top", "perspective")
_LOOKS = {0: "up", 90: "right", 180: "down", 270: "left"}


class Layout3D(Puzzle):
    """Furnish a room so that everything that is asked for holds.

    ## Description
    The plan of a room, with its door, its window and some furniture that stays where it is. Further pieces are to be
    placed so that all rules hold: which wall a piece stands against, what it faces, what it stands beside, in front of
    or on, how near or far it is. Nothing may overlap, lie outside the room or stand in the square before the door;
    only what is to stand on a piece may overlap it.

    ## Action space
    With `action="pieces"` (the default) three tools: `place(name, x, y, angle)` puts or moves one piece, with its
    middle at x and y in centimetres from the upper left corner of the room, looking at an angle in degrees clockwise
    from up (0 up, 90 right, 180 down, 270 left), a multiple of 15; `remove(name)` takes one away; `submit()` ends the
    episode. With `action="json"` two: `place_all(layout)` places several pieces at once, a JSON list of objects with
    name, x, y and angle, and `submit()`. A layout that cannot be read changes nothing; the feedback says where it is
    wrong.

    ## Observation space
    `task`: the size of the room, the pieces to place with their sizes, and the rules. `image`: the room, uint8
    (image_size, image_size, 3); pieces that overlap or stand where they must not have a red outline (`ood`: orange).
    `text`, the text twin: walls, door, window and what stands where. `feedback`: why a call changed nothing.

    ## Starting state
    A room of 360 to 560 cm, furnished at random piece by piece, of which all but the first one or two are taken away;
    so every room can be furnished. The split is decided by a hash of the room's sides, door and window. The split `ood`
    is drawn as a blueprint. `options["task"]` can only be `"any"`.

    ## Rewards
    1 for submitting a layout in which everything holds (term `outcome`), else 0. With `constraint_reward` above 0
    there is the term `constraints`: when a layout is submitted, that weight times the mean of three shares, of the
    pieces to place those inside the room (`in_bounds`) and those that collide with nothing (`collision_free`), and of
    the rules those that hold (`relations`), as LayoutVLM (arXiv 2412.02193) scores layouts; a piece not placed counts
    for none of them.

    ## Episode end
    Terminated by `submit` (success if everything holds); truncated at the turn limit.

    ## Arguments
    `action`: `"pieces"` or `"json"`. `view`: `"top"`, the plan, or `"perspective"`, the room in three dimensions
    (needs Panda3D: `mmgym[robot]`). `hints`: whether the feedback tells, after each change, which rules do not hold
    yet. `constraint_reward`: see above. And those of `Puzzle`. The expert puts each piece where it stood in the layout
    that the room was made of, and leaves those that are well placed: as few calls as possible among layouts in which
    every piece stays or goes there.

    | level | to place | there already | on others | further rules | angles | turns |
    |---|---|---|---|---|---|---|
    | 1 | 2 | 1 | 0 | 0 | right | 8 |
    | 2 | 3 | 1 | 1 | 0 | right | 10 |
    | 3 | 4 | 2 | 1 | 1 | right | 14 |
    | 4 | 6 | 2 | 2 | 2 | any | 18 |
    | 5 | 8 | 2 | 3 | 4 | any | 24 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    random_below: ClassVar[float] = 0.01
    instruction = (
        "You see a room and are told which furniture to place in it and what must hold. Places are centimetres from "
        "the room's upper left corner, x to the right and y down, and name the middle of a piece. Angles are degrees "
        "clockwise from up: a piece at 0 looks up, at 90 right, at 180 down, at 270 left; its back is on the other "
        "side. Width is along its front. Nothing may overlap, lie outside the room or stand in the square before the "
        "door, except that a piece may stand on the one that it is to stand on. Submit when everything holds: you can "
        "submit once."
    )
    description_rule = (
        "Name every piece in the room with the quarter its middle is in, such as sofa:upper-left, in order of the "
        "alphabet."
    )
    places: dict[str, Place]
    """Where each piece that was placed stands, by name."""
    submitted: bool
    """Whether the layout was submitted."""
    _wrong: set[str] | None = None
    """Pieces that collide in the current layout, once they were looked for."""
    _moves: list[str] | None = None
    """Pieces that the expert would still place, once it was asked."""
    _picture: np.ndarray | None = None
    """The picture of the current layout, once it is drawn."""
    _plan: Plan | None = None
    _view_of_room: Any = None
    """The `layout_view.View`, where the view is in perspective."""

    def __init__(
        self,
        *,
        action: str = "pieces",
        view: str = "top",
        hints: bool = False,
        constraint_reward: float = 0.0,
        **arguments: Any,
    ) -> None:
        self.action = choose("action", action, _TOOLS)
        self.view = choose("view", view, _VIEWS)
        self.hints = flag("hints", hints)
        self.constraint_reward = number("constraint_reward", constraint_reward)
        super().__init__(**arguments)
        room = Room(400, 400, ("lower", 100), ("upper", 200), 0)
        rule = Rule("before", "chair", "desk", 0)
        self._begin(Furnished(room, (("desk", Place(200, 34, 180)),), (("chair", Place(200, 110, 0)),), (rule,)))

    def _tools(self) -> list[Tool]:
        hidden = {name for names in _TOOLS.values() for name in names} - set(_TOOLS[self.action])
        return [tool for tool in super()._tools() if tool.name not in hidden]

    @tool
    def place(
        self,
        name: Name,
        x: Annotated[int, Interval(ge=0, le=600)],
        y: Annotated[int, Interval(ge=0, le=600)],
        angle: Annotated[int, Interval(ge=0, le=345)],
    ) -> Effect:
        """Put a piece somewhere, or move it there.

        Args:
            name: which piece.
            x: its middle, in centimetres from the left wall.
            y: its middle, in centimetres from the upper wall.
            angle: where it looks, in degrees clockwise from up; a multiple of 15.
        """
        if problem := self._problem(name):
            return Effect(False, problem)
        if x > self.room.width or y > self.room.depth:
            return Effect(False, f"The room is {self.room.width} cm wide and {self.room.depth} cm deep.")
        if angle % TURN:
            return Effect(False, f"The angle must be a multiple of {TURN}.")
        return self._change({**self.places, name: Place(x, y, angle)})

    @tool
    def remove(self, name: Name) -> Effect:
        """Take a piece away again.

        Args:
            name: which piece.
        """
        if problem := self._problem(name):
            return Effect(False, problem)
        return self._change({other: place for other, place in self.places.items() if other != name})

    @tool
    def place_all(self, layout: Annotated[str, MaxLen(4000)]) -> Effect:
        """Put several pieces somewhere at once; others stay where they are.

        Args:
            layout: a JSON list of objects with name, x, y and angle.
        """
        try:
            places = read_layout(layout, list(self.home), self.room.width, self.room.depth)
        except LayoutError as error:
            return Effect(False, f"The layout was not taken over. {error}.")
        return self._change({**self.places, **places})

    @tool
    def submit(self) -> Effect:
        """Say that everything holds. It ends the episode."""
        self.submitted = True
        return Effect(True)

    def _problem(self, name: str) -> str:
        if name in self.fixed:
            return f"The {name} stays where it is."
        return "" if name in self.home else f"There is no {name} to place."

    def _change(self, places: dict[str, Place]) -> Effect:
        if places == self.places:
            return Effect(False, "Nothing has changed.")
        self.places, self._wrong, self._moves, self._picture = places, None, None, None
        return Effect(True, self._broken() if self.hints else "")

    def _broken(self) -> str:
        """What does not hold, in words."""
        everything = self._everything()
        broken = [sentence(rule) for rule in self.rules if not holds(rule, self.room, everything)]
        wrong = sorted(self._colliding())
        told = [f"Overlapping or out of place: {', '.join(wrong)}."] if wrong else []
        return " ".join([*told, f"Not yet: {' '.join(broken)}" if broken else "All rules hold."])

    @classmethod
    def _draw(cls, rng: np.random.Generator, settings: Rooms, split: str) -> Furnished:
        # The room decides the split, so only one of the wanted split is furnished.
        for _ in range(MAX_DRAWS):
            room = draw_room(rng)
            furnished = furnish(rng, room, settings) if split_of(cls._room_key(room)) == split else None
            if furnished is not None:
                return furnished
        raise RuntimeError(f"no instance of {cls.__name__} for split {split!r} found with {settings}")

    @staticmethod
    def _room_key(room: Room) -> str:
        return layout_hash("layout", *room[:4])

    @classmethod
    def candidate_key(cls, instance: Furnished) -> str:
        """Key of the empty room: its sides, its door and its window."""
        return cls._room_key(instance.room)

    def layout_key(self) -> str:
        """Key of the empty room; it decides the split."""
        return self.candidate_key(self.instance)

    def _begin(self, instance: Furnished) -> None:
        self.instance = instance
        self.room, self.rules = instance.room, instance.rules
        self.fixed, self.home = dict(instance.fixed), dict(instance.home)
        self._stacked = stacks(instance.rules)
        self.places, self.submitted = {}, False
        self._wrong = self._moves = self._plan = self._view_of_room = self._picture = None
        self._asked = ""

    def _everything(self) -> dict[str, Place]:
        return {**self.fixed, **self.places}

    def _colliding(self) -> set[str]:
        if self._wrong is None:
            self._wrong = collisions(self.room, self._everything(), self._stacked)
        return self._wrong

    def measured(self) -> dict[str, float]:
        """Shares of the pieces to place that lie in the room and that collide with nothing, and of the rules kept."""
        everything, count = self._everything(), len(self.home)
        inside = [name for name, place in self.places.items() if is_inside(self.room, KINDS[name], place)]
        free = [name for name in self.places if name not in self._colliding()]
        kept = [rule for rule in self.rules if holds(rule, self.room, everything)]
        shares = {"in_bounds": len(inside) / count, "collision_free": len(free) / count}
        return {**shares, "relations": len(kept) / len(self.rules)}

    def _get_state(self) -> dict[str, Any]:
        places = {name: list(self.places[name]) for name in sorted(self.places)}
        return {**to_json(self.instance), "places": places, "submitted": self.submitted}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin(from_json(state))
        self.places = {name: Place(*place) for name, place in state["places"].items()}
        self.submitted = state["submitted"]

    def _observation_parts(self) -> dict[str, gym.Space[Any]]:
        return {"task": TextSpace(), **super()._observation_parts()}

    def _observe(self) -> dict[str, Any]:
        self._asked = self._asked or task_of(self.instance)
        return {"task": self._asked, **super()._observe()}

    def _is_success(self) -> bool:
        return self.submitted and fits(self.instance, self.places)

    def _is_failure(self) -> bool:
        return self.submitted and not self._is_success()

    def _reward_terms(self) -> RewardTerms:
        terms = super()._reward_terms()
        if self.constraint_reward:
            shares = self.measured()
            terms["constraints"] = self.constraint_reward * sum(shares.values()) / len(shares) * self.submitted
        return terms

    def _to_move(self) -> list[str]:
        if self._moves is None:
            self._moves = fewest_moves(self.instance, self.places)
        return self._moves

    def _expert_call(self) -> ToolCall:
        moved = self._to_move()
        if not moved:
            return ToolCall("submit")
        if self.action == "json":
            return ToolCall("place_all", {"layout": write_layout({name: self.home[name] for name in moved})})
        return ToolCall("place", {"name": moved[0], **self.home[moved[0]]._asdict()})

    def _expert_steps(self) -> int:
        return 2 if self.action == "json" else len(self.home) + 1

    def _turns_left(self) -> int | None:
        if self.submitted:
            return 0 if self._is_success() else None
        moved = len(self._to_move())
        return 1 + (min(moved, 1) if self.action == "json" else moved)

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """One who places each piece where the expert would, but some centimetres off, and submits when all stand."""
        left = [name for name in self.home if name not in self.places]
        if not left:
            return ToolCall("submit")
        put = {}
        for name in left:
            x, y, angle = self.home[name]
            off_x, off_y = (round(float(part)) for part in rng.normal(0, 4.0, 2))
            x, y = min(max(x + off_x, 0), self.room.width), min(max(y + off_y, 0), self.room.depth)
            put[name] = Place(x, y, angle)
        if self.action == "json":
            return ToolCall("place_all", {"layout": write_layout(put)})
        return ToolCall("place", {"name": left[0], **put[left[0]]._asdict()})

    def _image(self) -> np.ndarray:
        if self._picture is None:
            self._picture = self._draw_picture()
        return self._picture.copy()

    def _draw_picture(self) -> np.ndarray:
        look = "ood" if self.split == "ood" else "usual"
        if self.view == "perspective":
            from mmgym_puzzles.generation.layout_view import View

            if self._view_of_room is None:
                self._view_of_room = View(self.room, look)
            picture: np.ndarray = self._view_of_room.image(self._everything(), self._colliding(), self.image_size)
            return picture
        if self._plan is None:
            self._plan = Plan(self.room, self.image_size, look)
        return self._plan.image(self._everything(), self._colliding())

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_view_of_room": None}

    def _text(self) -> str:
        room = self.room
        along = {"upper": "x", "lower": "x", "left": "y", "right": "y"}
        rows = [f"room: {room.width} cm wide, {room.depth} cm deep"]
        rows += [
            f"{what}: {wall} wall, middle at {along[wall]}={at}"
            for what, (wall, at) in (("door", room.door), ("window", room.window))
        ]
        everything = self._everything()
        for name in sorted(everything):
            x, y, angle = everything[name]
            note = " (stays)" if name in self.fixed else ""
            wrong = " (overlaps or out of place)" if name in self._colliding() else ""
            rows.append(f"{name}: x={x} y={y} angle={angle}{note}{wrong}")
        return "\n".join(rows)

    def _description(self) -> str:
        words = []
        for name, place in sorted(self._everything().items()):
            vertical = "upper" if 2 * place.y < self.room.depth else "lower"
            words.append(f"{name}:{vertical}-{'left' if 2 * place.x < self.room.width else 'right'}")
        return " ".join(words)

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        everything = self._everything()
        name = sorted(everything)[int(rng.integers(len(everything)))]
        asked = [
            ("In which wall is the door?", self.room.door[0]),
            ("In which wall is the window?", self.room.window[0]),
            ("Which pieces stand in the room?", ", ".join(sorted(everything))),
            ("Does any piece overlap another or stand out of place?", "yes" if self._colliding() else "no"),
            ("Which piece stands in which quarter of the room?", self._description()),
        ]
        if everything[name].angle in _LOOKS:
            asked.append((f"Which way does the {name} face?", _LOOKS[everything[name].angle]))
        return [asked[k] for k in rng.permutation(len(asked))]
