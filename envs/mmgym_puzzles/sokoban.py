"""Sokoban: push every box onto a target."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from mmgym.env import Capabilities, Effect, choose
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.grid import DIRECTIONS, Direction, GridPuzzle, cells_of, neighbors, where
from mmgym_puzzles.looks import ROOM
from mmgym_puzzles.puzzle import draw_once
from mmgym_puzzles.sokoban_rooms import LEVELS, PRESETS, Room, SolutionTable, draw_room, solutions

__all__ = ["Sokoban"]


class Sokoban(GridPuzzle):
    """Push every box onto a target.

    ## Description
    The room is a square grid with walls around it and in it, boxes on its floor and as many marked targets. A person
    walks through it and pushes a box by walking against it. Boxes cannot be pulled, and no two can be pushed at once,
    so a careless push can make the room unsolvable. Nothing says so: the episode goes on to its turn limit.

    ## Action space
    One tool: `move(direction)` with direction `"up"`, `"down"`, `"left"` or `"right"`. `max_calls=3` allows
    turns of up to three moves, as VAGEN's.

    ## Observation space
    `image`: the whole room seen from above, uint8 (image_size, image_size, 3); a box on a target changes its colour.
    `text`, the text twin: one letter per cell and a legend. `feedback`: that a wall is in the way or a box does not
    move.

    ## Starting state
    The floor is carved by a random walk, targets are drawn on it, and the cells of boxes and person are drawn from all
    those whose optimal solution has the wanted number of moves. The split is decided by a hash of walls, targets and
    boxes, without the person, equal for rotated and mirrored rooms: no layout of a held-out split, in any orientation,
    occurs in train, whatever the level or preset. The split `ood` also has colours that no other split uses.
    `options["task"]` can only be `"any"`.

    ## Rewards
    1 when the last box is on a target (term `outcome`), else 0. The presets `vagen` and `vagen_two_boxes` also pay 0.1
    for each turn whose action can be read (term `format`), as VAGEN does; nothing stops an agent from stalling for it.

    ## Episode end
    Terminated when every box is on a target (success); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`.

    The expert solves every room in the fewest moves, pushes and steps counted alike, and goes on doing so from every
    position that can still be solved. Where none can, it makes some possible move.

    | level | size, with border | boxes | fewest moves | turns |
    |---|---|---|---|---|
    | 1 | 6 | 1 | 2-6 | 20 |
    | 2 | 6 | 1 | 7-15 | 40 |
    | 3 | 7 | 2 | 12-30 | 60 |
    | 4 | 8 | 2 | 20-40 | 80 |
    | 5 | 8 | 3 | 28-60 | 120 |

    ## Presets
    - `vagen`: VAGEN's Sokoban (arXiv 2510.16907): size 6, one box, at least 5 moves, 100 turns.
    - `vagen_two_boxes`: the same with two boxes.

    ## Version history
    - v0: first version.
    """

    capabilities = Capabilities(expert="solves")
    instruction = (
        "You see a room from above, a square grid. Walk the person, one cell at a time, and push every box onto a "
        "target. Boxes can only be pushed, one at a time."
    )
    level_settings = LEVELS
    preset_settings = PRESETS
    format_rewards: ClassVar[dict[str, float]] = {"vagen": 0.1, "vagen_two_boxes": 0.1}
    description_rule = (
        "Name, in this order, what is up, down, left and right of the person (floor, wall, target, box or stored); "
        "with one box also its direction from the person (up, down or same, then left, right or same), and that of "
        "the target from the box."
    )
    random_below: ClassVar[float] = 0.2
    tile_sets = ROOM
    letters: ClassVar[dict[str, str]] = {
        "agent": "A",
        "agent on target": "P",
        "box": "B",
        "stored": "S",
        "target": "T",
        "wall": "#",
        "floor": ".",
    }
    question_texts = (
        *(f"What is {direction}?" for direction in DIRECTIONS),
        "Is the box up or down?",
        "Is the box left or right?",
        "Is the target up or down from the box?",
        "Is the target left or right from the box?",
        "How many boxes are stored?",
        "Which row?",
        "Which column?",
        "What is on the map?",
        "Look around.",
    )
    words = (*DIRECTIONS, "same", "floor", "wall", "target", "box", "stored", "agent", *map(str, range(9)))
    notes = ("A wall is in the way.", "The box does not move.")
    room: Room
    """The current room, as it was at the start."""
    agent: int
    """Cell of the person."""
    boxes: int
    """Mask of the boxes' cells: bit c stands for cell c."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        floor = 1 << 7 | 1 << 8 | 1 << 9
        self._place(Room(6, (1 << 36) - 1 & ~floor, 1 << 9, 1 << 8, 7), 7, 1 << 8)

    @tool
    def move(self, direction: Direction) -> Effect:
        """Move the person one cell, pushing a box that stands there.

        Args:
            direction: where to go.
        """
        steps = neighbors(self.size)[direction]
        target = steps[self.agent]
        if self.room.walls >> target & 1:
            return Effect(False, "A wall is in the way.")
        if self.boxes >> target & 1:
            beyond = steps[target]
            if (self.room.walls | self.boxes) >> beyond & 1:
                return Effect(False, "The box does not move.")
            self.boxes ^= 1 << target | 1 << beyond
        self.agent = target
        return Effect(True)

    def _walker(self) -> int:
        return self.agent

    def layout_key(self) -> str:
        """Key of walls, targets and starting boxes; equal for rotated and mirrored rooms. It decides the split."""
        return self.room.key()

    def _place(self, room: Room, agent: int, boxes: int) -> None:
        self.room, self.agent, self.boxes, self.size = room, agent, boxes, room.size
        self._new_instance()

    def _generate(self, task: Any) -> None:
        choose("task", "any" if task is None else task, ("any",))
        room = draw_once(draw_room, self.np_random, self.settings, self.split)
        self._place(room, room.agent, room.boxes)

    def _turn_limit(self) -> int:
        return (self.settings).turns

    def _get_state(self) -> dict[str, Any]:
        room = self.room
        return {
            "size": room.size,
            "walls": f"{room.walls:x}",
            "targets": f"{room.targets:x}",
            "start": [room.agent, f"{room.boxes:x}"],
            "agent": self.agent,
            "boxes": f"{self.boxes:x}",
        }

    def _set_state(self, state: dict[str, Any]) -> None:
        agent, boxes = state["start"]
        room = Room(state["size"], int(state["walls"], 16), int(state["targets"], 16), int(boxes, 16), agent)
        self._place(room, state["agent"], int(state["boxes"], 16))

    def _is_success(self) -> bool:
        return self.boxes == self.room.targets

    def _solutions(self) -> SolutionTable:
        return solutions(self.room.size, self.room.walls, self.room.targets)

    def _expert_call(self) -> ToolCall:
        return ToolCall("move", {"direction": self._solutions().best_direction(self.agent, self.boxes)})

    def _expert_steps(self) -> int:
        return self._solutions().length(self.room.agent, self.room.boxes) or 0

    def _turns_left(self) -> int | None:
        return self._solutions().length(self.agent, self.boxes)

    def _still_tiles(self) -> list[str]:
        walls, targets = self.room.walls, self.room.targets
        cells = range(self.size * self.size)
        return ["wall" if walls >> c & 1 else "target" if targets >> c & 1 else "floor" for c in cells]

    def _moving_tiles(self) -> list[tuple[int, str]]:
        targets = self.room.targets
        moving = [(cell, "stored" if targets >> cell & 1 else "box") for cell in cells_of(self.boxes)]
        moving.append((self.agent, "agent on target" if targets >> self.agent & 1 else "agent"))
        return moving

    def _description(self) -> str:
        return " ".join(self._around(self._all_tiles()).values())

    def _around(self, seen: list[str]) -> dict[str, str]:
        asked = {f"What is {direction}?": seen[neighbors(self.size)[direction][self.agent]] for direction in DIRECTIONS}
        if self.boxes.bit_count() == 1:  # with more, "the box" would name none of them
            box, target = cells_of(self.boxes)[0], cells_of(self.room.targets)[0]
            asked["Is the box up or down?"], asked["Is the box left or right?"] = where(self.agent, box, self.size)
            vertical, horizontal = where(box, target, self.size)
            asked["Is the target up or down from the box?"] = vertical
            asked["Is the target left or right from the box?"] = horizontal
        return asked

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        seen = self._all_tiles()
        asked = self._around(seen)
        asked["Look around."] = " ".join(asked.values())
        asked["How many boxes are stored?"] = str((self.boxes & self.room.targets).bit_count())
        asked["Which row?"] = str(self.agent // self.size + 1)
        asked["Which column?"] = str(self.agent % self.size + 1)
        seen[self.agent] = "agent"
        asked["What is on the map?"] = " ".join(seen)
        questions = list(asked.items())
        return [questions[k] for k in rng.permutation(len(questions))]
