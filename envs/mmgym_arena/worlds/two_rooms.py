"""TwoRooms: one robot has the boxes, the other knows which are wanted and where; a hatch joins their rooms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from mmgym.draw import Color, Shape, TileSet, disc, polygon, rectangle
from mmgym.spaces import Parameter, Tool, ToolCall
from mmgym_arena.game import Calls
from mmgym_arena.worlds.world import DIRECTIONS, Cell, GridWorld, move_tool, person, steps_to

__all__ = ["TwoRooms"]

COLORS: dict[str, Color] = {
    "red": (214, 48, 40), "blue": (38, 84, 200), "green": (30, 140, 60), "yellow": (240, 190, 20),
}  # fmt: skip
"""Colours of boxes and places."""
_SETTINGS = ((3, 2, 1, 30), (3, 3, 2, 60), (4, 4, 3, 100))
"""Cells a side of a room, boxes, places, and turns of each robot, by level."""
LONGEST = 80
"""Longest message, in characters."""

_FLOOR = [rectangle(0, 0, 1, 1, (206, 198, 180)), rectangle(0.02, 0.02, 0.98, 0.98, (240, 236, 226))]
_COATS: tuple[Color, Color] = (120, 60, 160), (20, 130, 130)


def _box(color: Color, left: float = 0.16, top: float = 0.16, side: float = 0.68) -> list[Shape]:
    dark: Color = (color[0] // 2, color[1] // 2, color[2] // 2)
    right, bottom, rim = left + side, top + side, 0.12 * side
    return [
        rectangle(left, top, right, bottom, dark),
        rectangle(left + rim, top + rim, right - rim, bottom - rim, color),
        polygon(
            [
                (left, top),
                (left + rim, top),
                (right, bottom - rim),
                (right, bottom),
                (right - rim, bottom),
                (left, top + rim),
            ],
            dark,
        ),
    ]


def _tiles() -> TileSet:
    wall = [rectangle(0, 0, 1, 1, (70, 48, 46)), rectangle(0.06, 0.06, 0.94, 0.94, (112, 78, 70))]
    hatch = [*wall, rectangle(0.02, 0.12, 0.98, 0.88, (250, 246, 236))]
    tiles: dict[str, list[Shape]] = {"floor": _FLOOR, "wall": wall, "hatch": hatch}
    for color, rgb in COLORS.items():
        place = [disc(0.5, 0.5, 0.42, rgb), disc(0.5, 0.5, 0.30, (240, 236, 226))]
        tiles[f"{color} box"] = _FLOOR + _box(rgb)
        tiles[f"hatch with the {color} box"] = hatch + _box(rgb)
        tiles[f"{color} place"] = _FLOOR + place
        tiles[f"{color} place with its box"] = _FLOOR + place + _box(rgb, 0.28, 0.28, 0.44)
        tiles[f"you with the {color} box"] = _FLOOR + person(_COATS[0]) + _box(rgb, 0.34, 0.46, 0.32)
    tiles["you"] = _FLOOR + person(_COATS[0])
    tiles["you on a place"] = [*_FLOOR, disc(0.5, 0.5, 0.42, (150, 150, 150)), *person(_COATS[0])]
    return TileSet(tiles)


class Rooms(NamedTuple):
    """Where everything is. Each room has cells (row, column) of its own; the hatch is between the two."""

    hatch: int
    """The row of the hatch: to the right of the left room's last column, to the left of the right room's first."""
    robots: tuple[Cell, Cell]
    carried: tuple[str, str]
    """The colour of the box that each robot carries; empty for none."""
    boxes: tuple[tuple[str, int, Cell], ...]
    """Boxes that stand on the floor: colour, room, cell."""
    in_hatch: str
    places: tuple[tuple[str, Cell], ...]
    """Places in the right room that still wait for their box."""
    filled: tuple[tuple[str, Cell], ...]
    """Places that have it."""
    said: tuple[str, str]
    """What each has said last."""
    fresh: tuple[bool, bool]
    """Whether each has something new to hear."""
    turn: int


class TwoRooms(GridWorld):
    """Two robots in two rooms that neither sees whole. Boxes are in the left one, their places in the right one.

    The sender, in the left room, sees the boxes and not the places; the receiver sees the places and not the boxes. A
    box goes through the hatch, which holds one. Both move at once and may speak, up to 80 characters a turn. They win
    together when every place has the box of its colour. Rooms of 3 x 3, 3 x 3 and 4 x 4 cells with 2, 3 and 4 boxes of
    which 1, 2 and 3 are wanted, by level; a box that is not wanted and sits in the hatch blocks it.
    """

    seats = ("sender", "receiver")
    kind = "cooperative"
    state = Rooms
    tiles = _tiles()
    letters: ClassVar[dict[str, str]] = {
        "floor": ".", "wall": "#", "hatch": "=", "you": "@", "you on a place": "%",
        **{f"{color} box": color[0] for color in COLORS},
        **{f"{color} place": color[0].upper() for color in COLORS},
        **{f"{color} place with its box": digit for color, digit in zip(COLORS, "1234", strict=True)},
        **{f"hatch with the {color} box": sign for color, sign in zip(COLORS, "5678", strict=True)},
        **{f"you with the {color} box": sign for color, sign in zip(COLORS, "$&*+", strict=True)},
    }  # fmt: skip

    def __init__(self, level: int = 1):
        super().__init__(level)
        self.size, self.boxes, self.places, self.turns = _SETTINGS[level - 1]

    def instruction(self, seat: int) -> str:
        """The rules."""
        common = (
            "Two robots work in two rooms that a hatch joins; each sees its own room alone. move steps to a free cell; "
            "move against a box, with empty hands, picks it up; move against the hatch puts the box in that you carry, "
            "or takes out the one that lies there. put sets a box on a free cell beside you. say tells the other "
            "something. "
        )
        if seat == 0:
            return common + "You are the sender: the boxes are in your room. Send those that the receiver needs."
        return (
            common
            + "You are the receiver: your room has places for boxes, each for one colour; step onto a place with its "
            "box and it stays there. Fill every place."
        )

    def tools(self, seat: int) -> tuple[Tool, ...]:
        """Move, put, say."""
        text = Parameter("text", "text", f"what the other hears, at most {LONGEST} characters", max_length=LONGEST)
        beside = Parameter("direction", "choice", "where to", choices=tuple(DIRECTIONS))
        return (
            move_tool("Step to the next cell, take a box that is there, use the hatch, or stay."),
            Tool("put", "Set the box that you carry on a free cell beside you.", (beside,)),
            Tool("say", "Tell the other robot something.", (text,)),
        )

    def start(self, rng: np.random.Generator) -> Rooms:
        """Boxes in the left room, places in the right one, robots on other cells; the cell at the hatch stays free."""
        hatch = int(rng.integers(self.size))
        colors = [list(COLORS)[k] for k in rng.permutation(len(COLORS))[: self.boxes]]
        while True:
            left = [divmod(cell, self.size) for cell in rng.permutation(self.size**2).tolist()]
            right = [divmod(cell, self.size) for cell in rng.permutation(self.size**2).tolist()]
            left = [cell for cell in left if cell != (hatch, self.size - 1)]
            right = [cell for cell in right if cell != (hatch, 0)]
            boxes, places = left[: self.boxes], right[: self.places]
            if not (self._is_open(boxes, (hatch, self.size - 1)) and self._is_open(places, (hatch, 0))):
                continue
            return Rooms(
                hatch,
                (left[self.boxes], right[self.places]),
                ("", ""),
                tuple((color, 0, cell) for color, cell in zip(colors, boxes, strict=True)),
                "",
                tuple(zip(colors[: self.places], places, strict=True)),
                (),
                ("", ""),
                (False, False),
                0,
            )

    def _is_open(self, taken: list[Cell], door: Cell) -> bool:
        """Whether the cells that are not taken hang together and reach all that are: nobody can be shut in."""
        every = [divmod(cell, self.size) for cell in range(self.size**2)]
        return all(
            cell == door or steps_to(cell, [door], lambda near: near in every and near not in taken) for cell in every
        )

    def movers(self, state: Rooms) -> tuple[int, ...]:
        """Both."""
        return (0, 1) if state.places and state.turn < self.turns else ()

    def refusal(self, state: Rooms, seat: int, call: ToolCall) -> str:
        """Boxes that are not there cannot be put anywhere; anything may be tried else."""
        if call.name == "put" and not state.carried[seat]:
            return "You carry no box."
        return ""

    def play(self, state: Rooms, calls: Calls) -> Rooms:
        """The sender acts, then the receiver; what is said is heard by both in their next turn."""
        for seat in (0, 1):
            call = calls[seat]
            if call is not None and call.name != "say":
                state = self._act(state, seat, call)
        heard = [
            call.arguments["text"] if call is not None and call.name == "say" else "" for call in (calls[0], calls[1])
        ]
        said = (heard[0] or state.said[0], heard[1] or state.said[1])
        return state._replace(said=said, fresh=(bool(heard[1]), bool(heard[0])), turn=state.turn + 1)

    def _act(self, state: Rooms, seat: int, call: ToolCall) -> Rooms:
        down, right = DIRECTIONS.get(call.arguments["direction"], (0, 0))
        row, column = state.robots[seat]
        there = (row + down, column + right)
        if not (down or right):
            return state
        carried = state.carried[seat]
        if self._is_hatch(state, seat, there):
            if call.name == "put" or bool(carried) == bool(state.in_hatch):
                return state
            return state._replace(in_hatch=carried, carried=_set(state.carried, seat, state.in_hatch))
        if not (0 <= there[0] < self.size and 0 <= there[1] < self.size):
            return state
        box = next((box for box in state.boxes if box[1:] == (seat, there)), None)
        filled = seat == 1 and any(cell == there for _, cell in state.filled)
        if call.name == "put":
            if box or filled or not carried or (seat == 1 and any(cell == there for _, cell in state.places)):
                return state
            boxes = (*state.boxes, (carried, seat, there))
            return state._replace(boxes=boxes, carried=_set(state.carried, seat, ""))
        if filled:
            return state
        if box:
            if carried:
                return state
            boxes = tuple(other for other in state.boxes if other != box)
            return state._replace(boxes=boxes, carried=_set(state.carried, seat, box[0]))
        state = state._replace(robots=_set(state.robots, seat, there))
        if seat == 1 and carried and (carried, there) in state.places:
            # The box stays, and the robot steps back: a filled place is walked around.
            places = tuple(place for place in state.places if place != (carried, there))
            return state._replace(
                places=places,
                filled=(*state.filled, (carried, there)),
                carried=_set(state.carried, 1, ""),
                robots=_set(state.robots, 1, (row, column)),
            )
        return state

    def _is_hatch(self, state: Rooms, seat: int, cell: Cell) -> bool:
        return cell == (state.hatch, self.size if seat == 0 else -1)

    def scores(self, state: Rooms) -> tuple[float, ...]:
        """Share of places that are filled, for both."""
        share = len(state.filled) / self.places
        return share, share

    def solved(self, state: Rooms, seat: int) -> bool:
        """Whether every place has its box."""
        return not state.places

    def turn_limit(self) -> int:
        """As many as are played."""
        return self.turns

    def messages(self, state: Rooms, seat: int) -> str:
        """What the other has just said."""
        return f"The {self.seats[1 - seat]} says: {state.said[1 - seat]}" if state.fresh[seat] else ""

    # --- experts -----------------------------------------------------------------------------------------------------

    def expert(self, state: Rooms, seat: int, rng: np.random.Generator) -> ToolCall:
        """The receiver asks for the next box and places it; the sender sends what it was asked for, nothing unasked."""
        return self._sends(state) if seat == 0 else self._receives(state)

    def _sends(self, state: Rooms) -> ToolCall:
        wanted = next((color for color in COLORS if color in state.said[1].casefold()), "")
        carried, robot = state.carried[0], state.robots[0]
        door = (state.hatch, self.size - 1)
        if state.in_hatch:
            if state.in_hatch == wanted or carried or not wanted:
                return self._put_away(state, 0) if carried and carried != wanted else _move("stay")
            return _move("right") if robot == door else self._walk(state, 0, [door])  # takes back what nobody wants
        if carried:
            if carried != wanted:
                return self._put_away(state, 0)
            return _move("right") if robot == door else self._walk(state, 0, [door])
        goals = [cell for color, room, cell in state.boxes if room == 0 and color == wanted]
        return self._walk(state, 0, goals) if goals else _move("stay")

    def _receives(self, state: Rooms) -> ToolCall:
        carried, robot, door = state.carried[1], state.robots[1], (state.hatch, 0)
        goals = [cell for color, cell in state.places if color == carried]
        if carried and goals:
            return self._walk(state, 1, goals)
        if carried:
            if state.in_hatch:
                return self._put_away(state, 1)
            return _move("left") if robot == door else self._walk(state, 1, [door])
        here = [cell for color, room, cell in state.boxes if room == 1 and any(color == c for c, _ in state.places)]
        if here:
            return self._walk(state, 1, here)
        wanted = state.places[0][0]
        if any(color == state.in_hatch for color, _ in state.places):
            return _move("left") if robot == door else self._walk(state, 1, [door])
        if wanted not in state.said[1].casefold() or state.in_hatch:
            return ToolCall("say", {"text": f"Please send the {wanted} box."})
        return _move("stay") if robot == door else self._walk(state, 1, [door])

    def _walk(self, state: Rooms, seat: int, goals: list[Cell]) -> ToolCall:
        ways = steps_to(state.robots[seat], goals, self._free(state, seat))
        return _move(ways[0] if ways else "stay")

    def _put_away(self, state: Rooms, seat: int) -> ToolCall:
        row, column = state.robots[seat]
        free = self._free(state, seat)
        door = (state.hatch, self.size - 1 if seat == 0 else 0)
        for way, (down, right) in DIRECTIONS.items():
            cell = (row + down, column + right)
            if free(cell) and cell != door and not (seat == 1 and any(cell == place for _, place in state.places)):
                return ToolCall("put", {"direction": way})
        return _move("stay")

    def _free(self, state: Rooms, seat: int) -> Callable[[Cell], bool]:
        taken = {cell for _, room, cell in state.boxes if room == seat}
        if seat == 1:
            taken |= {cell for _, cell in state.filled}
        return lambda cell: 0 <= cell[0] < self.size and 0 <= cell[1] < self.size and cell not in taken

    def random(self, state: Rooms, seat: int, rng: np.random.Generator) -> ToolCall:
        """A step, a box put down, or a colour named."""
        kind = rng.integers(6)
        if kind == 0:
            return ToolCall("say", {"text": f"Please send the {list(COLORS)[rng.integers(len(COLORS))]} box."})
        way = list(DIRECTIONS)[rng.integers(4)]
        return ToolCall("put", {"direction": way}) if kind == 1 and state.carried[seat] else _move(way)

    # --- what is seen ------------------------------------------------------------------------------------------------

    def seen(self, state: Rooms, seat: int) -> list[object]:
        """One room, the hatch, what is carried and what was said."""
        heard = state.said[1 - seat] if state.fresh[seat] else ""
        return [self.cells(state, seat), state.carried[seat], heard, state.said[seat]]

    def cells(self, state: Rooms, seat: int) -> list[list[str]]:
        """The room with its walls, the hatch at the side."""
        rows = [["wall"] * (self.size + 2) for _ in range(self.size + 2)]
        for row in range(self.size):
            for column in range(self.size):
                rows[row + 1][column + 1] = "floor"
        hatch = f"hatch with the {state.in_hatch} box" if state.in_hatch else "hatch"
        rows[state.hatch + 1][self.size + 1 if seat == 0 else 0] = hatch
        for color, room, (row, column) in state.boxes:
            if room == seat:
                rows[row + 1][column + 1] = f"{color} box"
        if seat == 1:
            for color, (row, column) in state.places:
                rows[row + 1][column + 1] = f"{color} place"
            for color, (row, column) in state.filled:
                rows[row + 1][column + 1] = f"{color} place with its box"
        row, column = state.robots[seat]
        on_place = seat == 1 and any(cell == state.robots[1] for _, cell in state.places)
        carried = state.carried[seat]
        rows[row + 1][column + 1] = (
            f"you with the {carried} box" if carried else "you on a place" if on_place else "you"
        )
        return rows


def _move(way: str) -> ToolCall:
    return ToolCall("move", {"direction": way})


def _set(pair: tuple[Any, Any], seat: int, value: Any) -> tuple[Any, Any]:
    return (value, pair[1]) if seat == 0 else (pair[0], value)
