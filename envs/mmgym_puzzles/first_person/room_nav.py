"""RoomNav: walk through furnished rooms, seen from within, to the thing that is described."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from mmgym.env import Effect
from mmgym.spaces import Parameter, Tool, ToolCall, tool
from mmgym_puzzles.first_person.furnish import Inventory, Rooms, Walk, draw_inventory, place
from mmgym_puzzles.first_person.furnishings import COLORS, KINDS, named
from mmgym_puzzles.first_person.home import Home, Piece, area_of, from_json, ground_of, phrase, to_json
from mmgym_puzzles.first_person.home_view import HomeView, MapView
from mmgym_puzzles.first_person.sight import CLEAR, SEEN, doors_in_view, goals_in_view, rims, shares
from mmgym_puzzles.first_person.walks import CELL, HEADINGS, Ground, center, distance_of, search
from mmgym_puzzles.grid import cells_of
from mmgym_puzzles.perception.asked import AskedPuzzle
from mmgym_puzzles.puzzle import layout_hash
from mmgym_puzzles.scene.engine import panda

__all__ = ["RoomNav"]

SIDES = {"forward": 0, "right": 2, "back": 4, "left": 6}
"""Where a move leads, in eighths of a turn clockwise from the heading."""
OPEN = 5
"""Steps that are free ahead at the start: nobody begins before a wall."""
GLANCES = 6
"""Starts that are drawn until one sees something; the last counts anyway."""
COUNTED = 4
"""Steps ahead that descriptions and questions count up to."""
STRIDE = 10
"""Most steps of one call."""
MAP_HEADINGS = ("up", "upper right", "right", "lower right", "down", "lower left", "left", "upper left")
"""Headings on the map."""
LEVELS = {
    1: Rooms(1, (14, 17), (4, 5), ("kind",), 0, (2, 5), 20, map=True),
    2: Rooms(1, (18, 22), (7, 9), ("colored", "colored", "use"), 2, (3, 8), 30, map=True),
    3: Rooms(2, (15, 19), (10, 12), ("colored",), 2, (4, 10), 50),
    4: Rooms(3, (15, 18), (14, 16), ("beside", "room"), 3, (5, 14), 80),
    5: Rooms(4, (15, 18), (18, 21), ("colored_beside", "colored_room"), 6, (7, 20), 120),
}
_PEERS = Walk(stop=False, unit=90, turn=90, stride=1, view=100)
_ROOM = Rooms(1, (16, 24), (8, 10), ("kind", "use", "colored", "beside"), 2, (4, 15), 30, walk=_PEERS)
PRESETS = {"vagen": _ROOM, "eb_navigation": replace(_ROOM, turns=20, walk=replace(_PEERS, reach=100))}


class RoomNav(AskedPuzzle):
    """Walk through furnished rooms, seen from within, to the thing that is described.

    ## Description
    One to four rooms with furniture of several kinds and colours, joined by doors. One stands in them, with the eye
    1.4 m above the floor, and looks around. The task names a thing: by its kind, by what it is for, by its colour, by
    what it stands beside (40 cm or less away; the like of it stand 1.1 m or more from what is named) or by what stands
    in the same room. What is named fits exactly one thing. "In view" has one meaning everywhere: of nine points of a
    thing's box at least five are in the picture, with no wall and no other thing's box between.

    ## Action space
    Four tools. `move(direction, steps)`: walk 1 to 10 steps of 25 cm (35 cm when looking along a diagonal) forward,
    back, left or right, without turning; walls and furniture end the walk. `rotate(direction, degrees)`: turn left or
    right by 45 to 180 degrees, rounded to a multiple of 45. `tilt(direction)`: tilt the camera up or down by 30
    degrees. `stop()`: say that one is there; it levels the camera and ends the episode. The presets have no `stop`.

    ## Observation space
    `task`: where to go. `image`: the view, uint8 (image_size, image_size, 3), with a map in the corner on levels 1 and
    2: floors white, walls dark, furniture as blocks of its colour, oneself a blue arrow. `text`, the text twin: what is
    in view, with direction and distance, doors included, how far one can walk ahead, and the map if there is one.
    `feedback`: what stopped a walk, how a turn was rounded, what was wrong when one stopped.

    ## Starting state
    Rooms and furniture at random places, and a pose from which the shortest way has the level's number of calls. The
    split is decided by a hash of the rooms, of what stands in each, and of the description. The split `ood` has kinds
    of furniture, colours, walls and floors of its own. `options["task"]` can only be `"any"`.

    ## Rewards
    1 for stopping with the middle of the thing at most 1.5 m away (VAGEN's number) and the thing in view, with the
    camera level (term `outcome`), else 0. With the presets 1 for coming near enough.

    ## Episode end
    Terminated by `stop` (success if the right thing is near and in view), with the presets as soon as one is near
    enough; truncated at the turn limit.

    ## Arguments
    map: whether the picture has a map; None takes the level's. Then those of `Puzzle`. The picture needs Panda3D
    (`pip install 'mmgym[robot]'`); the text twin does not. The expert knows the whole home and needs the fewest calls,
    found by search over all cells and headings; `expert_steps` is therefore a lower bound for an agent that must
    search. The weak solver knows the home too, but takes any thing of the right kind for the one that is described,
    and makes a random call of seven.

    | level | rooms | pieces | described by | others of the kind | fewest calls | map | turns |
    |---|---|---|---|---|---|---|---|
    | 1 | 1 | 4-5 | kind | 0 | 2-5 | yes | 20 |
    | 2 | 1 | 7-9 | colour and kind; use | 2 (use: 0) | 3-8 | yes | 30 |
    | 3 | 2 | 10-12 | colour and kind | 2 | 4-10 | no | 50 |
    | 4 | 3 | 14-16 | kind and what is beside it or in its room | 3 | 5-14 | no | 80 |
    | 5 | 4 | 18-21 | colour and kind, and colour and kind of what is beside it or in its room | 6 | 7-20 | no | 120 |

    Presets with the numbers of two benchmarks in AI2-THOR: steps of 25 cm one at a time, turns of 90 degrees, a field
    of view of 100 degrees, no `stop`. `vagen` (Navigation of VAGEN, arXiv 2510.16907): success within 1.5 m, 30 calls;
    its turns of up to five calls are `max_calls=5, max_turns=6`, its reward of 10 is 1 here. `eb_navigation`
    (EB-Navigation of EmbodiedBench, arXiv 2502.09560): success within 1 m, 20 calls.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    random_below: ClassVar[float] = 0.05
    weak_noise: ClassVar[float] = 1 / 7
    instruction = (
        "You stand in a furnished home and see what is ahead of you. Go to the thing that the task names. A step is 25 "
        "cm, or 35 cm when you look along a diagonal. Walls and furniture stop you. You are there when its middle is "
        "at most 1.5 m away and you see it. Then stop: you can stop once. If there is a map in the corner, the blue "
        "arrow is you, pointing where you look, and furniture is drawn as blocks of its colour."
    )
    description_rule = (
        f"First say how many steps are free ahead, {COUNTED} at most. Then, from left to right, name each thing in "
        "view by colour and kind, such as red-chair."
    )
    cell: int
    """The cell where one stands."""
    heading: int
    """Where one looks: a number of `walks.HEADINGS`."""
    tilted: int
    """Tilt of the camera: -1 down, 0 level, 1 up."""
    stopped: bool
    """Whether one has said that one is there."""

    def __init__(self, *, map: bool | None = None, **arguments: Any) -> None:
        self.map = map
        super().__init__(**arguments)
        if not self._rules.stop:
            near = f"{self._rules.reach / 100:g} m"
            told = (
                "You stand in a furnished room and see what is ahead of you. Go to the thing that the task names: you "
                f"are there when its middle is at most {near} away. A step is 25 cm. Walls and furniture stop you."
            )
            self.instruction = self.instruction.replace(type(self).instruction, told)
        if self.obs_mode != "text":
            panda()  # a missing renderer is told here
        self._view: HomeView | None = None
        self._map_view: MapView | None = None
        self._begin(Home("usual", 0, ((0, 0, 16, 16),), (), (Piece(0, 0, 200, 350, 2),), "kind", (7 + 16 * 3, 0)))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_view": None, "_map_view": None}

    @property
    def _rules(self) -> Walk:
        """How one walks: the same at all levels."""
        return Walk() if self.preset is None else PRESETS[self.preset].walk

    def _tools(self) -> list[Tool]:
        limits = {"steps": (1, self._rules.stride), "degrees": (self._rules.unit, self._rules.turn)}

        def narrowed(parameter: Parameter) -> Parameter:
            low, high = limits.get(parameter.name, (parameter.low, parameter.high))
            return replace(parameter, low=low, high=high)

        kept = [t for t in super()._tools() if self._rules.stop or t.name != "stop"]
        return [replace(t, parameters=tuple(map(narrowed, t.parameters))) for t in kept]

    @tool
    def move(
        self,
        direction: Literal["forward", "back", "left", "right"],
        steps: Annotated[int, Interval(ge=1, le=STRIDE)] = 1,
    ) -> Effect:
        """Walk without turning.

        Args:
            direction: which way, as you look.
            steps: how many steps of 25 cm.
        """
        way = (self.heading + SIDES[direction]) % 8
        made = 0
        for cell in self._ground.walk(self.cell, way, steps):
            self.cell, made = cell, made + 1
            if not self._rules.stop and self._is_success():
                return Effect(True)
        if made == steps:
            return Effect(True)
        what = self._obstacle(way)
        return Effect(made > 0, f"{what} stopped you after {made} steps." if made else f"{what} is in the way.")

    @tool
    def rotate(
        self, direction: Literal["left", "right"], degrees: Annotated[int, Interval(ge=45, le=180)] = 90
    ) -> Effect:
        """Turn where you stand.

        Args:
            direction: which way.
            degrees: how far.
        """
        unit = self._rules.unit
        eighths = (2 * degrees + unit) // (2 * unit) * (unit // 45)
        self.heading = (self.heading + (eighths if direction == "right" else -eighths)) % 8
        turned = f"You turned by {45 * eighths} degrees: turns are multiples of {unit}."
        return Effect(True, "" if 45 * eighths == degrees else turned)

    @tool
    def tilt(self, direction: Literal["up", "down"]) -> Effect:
        """Tilt the camera by 30 degrees.

        Args:
            direction: which way.
        """
        tilted = self.tilted + (1 if direction == "up" else -1)
        if abs(tilted) > 1:
            return Effect(False, f"The camera looks {direction} as far as it can.")
        self.tilted = tilted
        return Effect(True)

    @tool
    def stop(self) -> Effect:
        """Say that you are there. It ends the episode."""
        self.stopped, self.tilted = True, 0
        if self._is_success():
            return Effect(True)
        near = self._away(self.home.pieces[0]) <= self._rules.reach
        return Effect(True, "The thing is not in view." if near else "The thing is too far away.")

    def _obstacle(self, way: int) -> str:
        """What is in the way of a step."""
        ground = self._ground
        ways = (way,) if way % 2 == 0 else (way, way - 1, (way + 1) % 8)
        ahead = sum(1 << (self.cell + ground.offsets[w]) for w in ways)
        pieces = (ground.covered(area_of(self.home.look, piece)) for piece in self.home.pieces)
        return "Furniture" if any(ahead & covered for covered in pieces) else "A wall"

    @classmethod
    def _draw(cls, rng: np.random.Generator, settings: Any, split: str) -> Any:
        return super()._draw(rng, replace(settings, look="ood") if split == "ood" else settings, split)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Rooms) -> Inventory:
        """Draw rooms, and furniture that has no place yet."""
        return draw_inventory(rng, settings)

    @classmethod
    def arrange(cls, rng: np.random.Generator, candidate: Inventory, settings: Rooms) -> Home | None:
        """Place the furniture and draw a start, or None where there is no room or no way of the wanted length."""
        pieces = place(rng, candidate)
        if pieces is None:
            return None
        style = int(rng.integers(1 << 16))
        home = Home(candidate.look, style, candidate.rooms, candidate.walls, pieces, candidate.form, (0, 0))
        ground, found = _ways(home, settings.walk)
        fewest, most = settings.calls
        starts = [
            (heading, cells)
            for calls in range(fewest - settings.walk.stop, min(most - settings.walk.stop + 1, len(found)))
            for heading in range(len(HEADINGS))
            if (cells := found[calls][heading] & ground.clear(heading, OPEN))
        ]
        if not starts:
            return None
        for _ in range(GLANCES):
            heading, mask = starts[int(rng.integers(len(starts)))]
            within = cells_of(mask)
            cell = within[int(rng.integers(len(within)))]
            if max(shares(home, cell, heading, 0, settings.walk.view)) >= CLEAR:
                break
        return home._replace(start=(cell, heading))

    @classmethod
    def candidate_key(cls, instance: Inventory | Home) -> str:
        """Key of the rooms, of what stands in each, and of the description."""
        if isinstance(instance, Inventory):
            things = [(item.kind, item.color, item.room) for item in instance.items]
        else:
            things = [(piece.kind, piece.color, _room_of(instance, piece)) for piece in instance.pieces]
        said = (instance.look, instance.form, things[:2], sorted(things), instance.rooms, instance.walls)
        return layout_hash("home", said)

    def layout_key(self) -> str:
        """Key of the home; it decides the split."""
        return self.candidate_key(self.home)

    def _begin(self, instance: Home) -> None:
        self.home = instance
        (self.cell, self.heading), self.tilted, self.stopped = instance.start, 0, False
        self._ground, self._found = _ways(instance, self._rules)
        self._has_map = self.settings.map if self.map is None else self.map
        self._view = self._map_view = None

    def _get_state(self) -> dict[str, Any]:
        pose = [self.cell, self.heading, self.tilted]
        return {"home": to_json(self.home), "map": self._has_map, "pose": pose, "stopped": self.stopped}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin(from_json(state["home"]))
        self._has_map, self.stopped = state["map"], state["stopped"]
        self.cell, self.heading, self.tilted = state["pose"]

    def _task(self) -> str:
        return f"Go to {phrase(self.home)}."

    def _is_success(self) -> bool:
        there = bool(self._found[0][self.heading] >> self.cell & 1)
        return there and (self.stopped or not self._rules.stop)

    def _is_failure(self) -> bool:
        return self.stopped and not self._is_success()

    def _expert_call(self) -> ToolCall:
        return self._call_towards(self._found)

    def _call_towards(self, found: list[list[int]]) -> ToolCall:
        """The first call of a shortest way to the goals of a search."""
        left = distance_of(found, self.cell, self.heading)
        if not left:
            return ToolCall("stop") if self._rules.stop else ToolCall("rotate", {"direction": "left", "degrees": 90})
        for direction, side in SIDES.items():
            for steps, cell in enumerate(self._ground.walk(self.cell, (self.heading + side) % 8, self._rules.stride)):
                if found[left - 1][self.heading] >> cell & 1:
                    return ToolCall("move", {"direction": direction, "steps": steps + 1})
        eighths = next(t for t in _turns(self._rules) if found[left - 1][(self.heading + t) % 8] >> self.cell & 1)
        way, amount = ("right", eighths) if eighths <= 4 else ("left", 8 - eighths)
        return ToolCall("rotate", {"direction": way, "degrees": 45 * amount})

    def _expert_steps(self) -> int:
        calls = distance_of(self._found, *self.home.start)
        return (calls or 0) + self._rules.stop

    def _turns_left(self) -> int | None:
        if self.stopped:
            return 0 if self._is_success() else None
        calls = distance_of(self._found, self.cell, self.heading)
        return None if calls is None else calls + self._rules.stop

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """To a thing of the target's kind, always the same in an episode, and a random call now and then."""
        if rng.random() < self.weak_noise:
            return self.action_space.parse(self.action_space.draw(rng))[0]
        alike = [k for k, piece in enumerate(self.home.pieces) if piece.kind == self.home.pieces[0].kind]
        taken = alike[self.home.style % len(alike)]
        pieces = list(self.home.pieces)
        pieces[0], pieces[taken] = pieces[taken], pieces[0]
        _, found = _ways(self.home._replace(pieces=tuple(pieces)), self._rules)
        return self._call_towards(found)

    def _image(self) -> np.ndarray:
        if self._view is None:
            self._view = HomeView(self.home, self._rules.view)
            self._map_view = MapView(self.home, self.image_size * 3 // 8) if self._has_map else None
        image = self._view.image(self.cell, self.heading, self.tilted, self.image_size)
        if self._map_view is not None:
            self._map_view.put(image, self.cell, self.heading)
        return image

    def _seen(self) -> list[Piece]:
        """What is in view, from left to right."""
        counts = shares(self.home, self.cell, self.heading, self.tilted, self._rules.view)
        seen = [piece for piece, count in zip(self.home.pieces, counts, strict=True) if count >= SEEN]
        return sorted(seen, key=lambda piece: self._angle(piece.x, piece.y))

    def _name(self, piece: Piece) -> str:
        return named(self.home.look, piece.kind, piece.color)

    def _away(self, piece: Piece) -> float:
        """Centimetres to the middle of a piece."""
        return math.hypot(*self._to(piece.x, piece.y))

    def _to(self, x: float, y: float) -> tuple[float, float]:
        here = center(self.cell, self.home.columns)
        return x - here[0], y - here[1]

    def _angle(self, x: float, y: float) -> int:
        """Degrees to the right of the heading, from -180 to 179, rounded to fives."""
        right, up = self._to(x, y)
        degrees = math.degrees(math.atan2(right, up)) - 45 * self.heading
        return 5 * round(((degrees + 180) % 360 - 180) / 5)

    def _place(self, x: float, y: float) -> str:
        angle = self._angle(x, y)
        side = "straight ahead" if angle == 0 else f"{abs(angle)} degrees {'right' if angle > 0 else 'left'}"
        return f"{side}, {math.hypot(*self._to(x, y)) / 100:.1f} m"

    def _free(self) -> int:
        return len(self._ground.walk(self.cell, self.heading, COUNTED))

    def _text(self) -> str:
        lines = [f"{self._name(piece)}: {self._place(piece.x, piece.y)}" for piece in self._seen()]
        doors = doors_in_view(self.home, self.cell, self.heading, self.tilted, self._rules.view)
        lines += [f"door: {self._place(*door)}" for door in doors]
        free = len(self._ground.walk(self.cell, self.heading, STRIDE))
        lines.append(f"free steps ahead: {free}{' or more' if free == STRIDE else ''}")
        lines.append(f"the camera looks {('down', 'ahead', 'up')[self.tilted + 1]}")
        return "\n".join([*lines, *(self._map_text() if self._has_map else [])])

    def _map_text(self) -> list[str]:
        """What the map shows, in metres from its lower left corner."""
        x, y = center(self.cell, self.home.columns)
        lines = [f"map: you at x={x / 100:.1f} y={y / 100:.1f}, looking {MAP_HEADINGS[self.heading]}"]
        for room in self.home.rooms:
            left, lower, right, upper = (edge * CELL / 100 for edge in room)
            lines.append(f"room from x={left:.1f} y={lower:.1f} to x={right:.1f} y={upper:.1f}")
        for piece in self.home.pieces:
            color = list(COLORS[self.home.look])[piece.color]
            lines.append(f"{color} block at x={piece.x / 100:.1f} y={piece.y / 100:.1f}")
        return lines

    def _description(self) -> str:
        kinds, colors = list(KINDS[self.home.look]), list(COLORS[self.home.look])
        return " ".join([str(self._free()), *(f"{colors[p.color]}-{kinds[p.kind]}" for p in self._seen())])

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        asked = [
            (f"How many steps can you walk straight ahead, counted up to {COUNTED}?", str(self._free())),
            ("Does the camera look up, ahead or down?", ("down", "ahead", "up")[self.tilted + 1]),
        ]
        if self._has_map:
            asked.append(("Which way do you look on the map?", MAP_HEADINGS[self.heading]))
        # Only what is seen well or not at all is asked for: a rim of a thing is neither.
        pose = (self.home, self.cell, self.heading, self.tilted, self._rules.view)
        seen = list(zip(self.home.pieces, shares(*pose), rims(*pose), strict=True))
        if seen[0][1] >= CLEAR or not seen[0][2]:
            asked.append(("Is the thing that the task names in view?", "yes" if seen[0][1] else "no"))
        for kind, name in enumerate(KINDS[self.home.look]):
            some = [(piece, share) for piece, share, shown in seen if piece.kind == kind and shown]
            if not some or max(share for _, share in some) >= CLEAR:
                asked.append((f"Is a {name} in view?", "yes" if some else "no"))
            if len(some) == 1 and some[0][1] >= CLEAR:
                piece = some[0][0]
                asked.append((f"What colour is the {name} in view?", list(COLORS[self.home.look])[piece.color]))
                if abs(angle := self._angle(piece.x, piece.y)) >= 10:
                    side = "left" if angle < 0 else "right"
                    asked.append((f"Is the {name} left or right of the middle of the picture?", side))
        return [asked[k] for k in rng.permutation(len(asked))]


def _room_of(home: Home, piece: Piece) -> int:
    """Number of the room where a piece stands."""
    column, row = piece.x / CELL, piece.y / CELL
    return next(k for k, (a, b, c, d) in enumerate(home.rooms) if a < column < c and b < row < d)


def _turns(rules: Walk) -> list[int]:
    """What one call may add to the heading, in eighths."""
    unit, most = rules.unit // 45, rules.turn // 45
    return [turn for turn in range(unit, 8, unit) if min(turn, 8 - turn) <= most]


def _ways(home: Home, rules: Walk) -> tuple[Ground, list[list[int]]]:
    """Where one can walk, and what `search` finds: the poses by their fewest calls to one where one has arrived."""
    return _searched(home._replace(style=0, start=(0, 0)), rules)


@lru_cache(maxsize=1024)
def _searched(home: Home, rules: Walk) -> tuple[Ground, list[list[int]]]:
    ground, target = ground_of(home), home.pieces[0]
    middle, columns, reach = (target.x, target.y), home.columns, rules.reach
    square = ground.covered((target.x - reach, target.y - reach, target.x + reach, target.y + reach))
    near = [cell for cell in cells_of(ground.free & square) if math.dist(center(cell, columns), middle) <= reach]
    if rules.stop:
        goals = goals_in_view(home, near, rules.view) if near else [0] * len(HEADINGS)
    else:
        arrived = sum(1 << cell for cell in near)
        goals = [arrived if heading % (rules.unit // 45) == 0 else 0 for heading in range(len(HEADINGS))]
    return ground, search(ground, goals, rules.stride, _turns(rules)) or [goals]
