"""FrozenLake: cross a frozen lake to the goal without falling into a hole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from mmgym.env import Capabilities, Effect, choose
from mmgym.spaces import ToolCall, flag, tool
from mmgym_puzzles.frozen_lake_maps import LEVELS, PRESETS, SLIPS, TASKS, LakeMap, draw_map, slippery_policy
from mmgym_puzzles.grid import DIRECTIONS, OUTSIDE, Direction, GridPuzzle, neighbors, where
from mmgym_puzzles.looks import LAKE
from mmgym_puzzles.puzzle import draw_once

__all__ = ["FrozenLake"]

SLIPPERY = (
    "The ice is slippery: the person goes where it was told with probability 1/3, and to either side with probability "
    "1/3 each."
)
"""What the instruction adds where it is."""


class FrozenLake(GridPuzzle):
    """Cross a frozen lake to the goal without falling into a hole.

    ## Description
    The lake is a square grid of ice with holes in it. A person stands on the ice and a flag marks the goal. The agent
    moves the person from cell to cell; the edge of the lake is a wall. The lake is Gymnasium's FrozenLake, drawn anew
    in each episode: start, goal and holes are anywhere, and a way around the holes always exists.

    ## Action space
    One tool: `move(direction)` with direction `"up"`, `"down"`, `"left"` or `"right"`. On slippery ice the person goes
    where it was told with probability 1/3, and to either side with probability 1/3 each. `max_calls=3` allows
    turns of up to three moves, as VAGEN's.

    ## Observation space
    `image`: the whole lake seen from above, uint8 (image_size, image_size, 3). `text`, the text twin: one letter per
    cell and a legend. `feedback`: that a wall is in the way, that the person slipped or fell.

    ## Starting state
    Start, goal and holes are distinct cells drawn uniformly from the seed, then redrawn until the map is of the asked
    split, level and task. The split is decided by a hash of size, goal and holes, without the start, equal for rotated
    and mirrored maps: no layout of a held-out split, in any orientation, occurs in train, whatever the level or preset.
    The split `ood` also has colours that no other split uses.

    `options["task"]` asks for maps by what happens to a walker that goes straight to the goal (every move comes nearer
    as the crow flies) and sees no holes: `"risky"`, some such walks fall; `"detour"`, all fall; `"safe"`, none falls;
    `"brink"`, some fall with their first move; `"any"`, the default.

    ## Rewards
    1 on reaching the goal (term `outcome`), else 0. The presets `vagen` and `vagen_slippery` also pay 0.02 for each
    turn whose action can be read (term `format`), as VAGEN does.

    ## Episode end
    Terminated at the goal (success) or in a hole; truncated at the turn limit, which the tables below give.

    ## Arguments
    Those of `MultimodalEnv`, and
    - `preset`: one of the presets below. It stands instead of the level, which is then only reported.
    - `is_slippery`: makes the ice slippery at any level or preset, which the instruction then says. The turn limit is
      then 25 times the size. The expert maximises the probability of success within the turns left, by value iteration
      over single moves, and `expert_steps` is the length of the shortest way, a lower bound.
    - `hide_holes`: paints the holes over with ice in picture, text and answers, while the dynamics stay: a control that
      shows whether an agent sees them.

    | level | size | holes | shortest way | turns |
    |---|---|---|---|---|
    | 1 | 4 | 2-3 | 2-8 | 16 |
    | 2 | 5 | 5-6 | 3-10 | 20 |
    | 3 | 6 | 9-10 | 5-15 | 30 |
    | 4 | 7 | 14-15 | 7-20 | 40 |
    | 5 | 8 | 20-22 | 9-25 | 50 |

    ## Presets
    - `vagen`: VAGEN's FrozenLake (arXiv 2510.16907): size 4, each cell a hole with probability .2, random start and
      goal, 20 turns.
    - `vagen_slippery`: the same on slippery ice, 100 turns.
    - `two_holes`: size 4, exactly two holes (1,680 layouts), 2 to 7 moves to the goal, 8 turns.
    - `many_holes`: size 4, 2 to 6 holes, 16 turns: for questions about what is seen.

    ## Version history
    - v0: first version.
    """

    capabilities = Capabilities(expert="solves")
    instruction = (
        "You see a frozen lake from above, a square grid. Move the person to the flag, one cell at a time. "
        "The dark circles are holes: whoever steps into one falls in and loses."
    )
    level_settings = LEVELS
    preset_settings = PRESETS
    format_rewards: ClassVar[dict[str, float]] = {"vagen": 0.02, "vagen_slippery": 0.02}
    random_below: ClassVar[float] = 0.1
    description_rule = (
        "Name, in this order, what is up, down, left and right of the person (ice, hole, wall or goal), whether the "
        "goal is up, down or same, and whether it is left, right or same: six words."
    )
    built = ("preset", "is_slippery")
    tile_sets = LAKE
    letters: ClassVar[dict[str, str]] = {
        "agent": "A",
        "goal": "G",
        "hole": "O",
        "ice": ".",
        "agent at goal": "V",
        "agent in hole": "X",
    }
    question_texts = (
        *(f"What is {direction}?" for direction in DIRECTIONS),
        "Is the goal up or down?",
        "Is the goal left or right?",
        "Which row?",
        "Which column?",
        "What is on the map?",
        "Look around.",
    )
    words = (*DIRECTIONS, "same", "ice", "hole", "wall", "goal", "agent", *map(str, range(1, 9)))
    notes = ("A wall is in the way.", "You slipped.", "You fell into a hole.")
    lake: LakeMap
    """The current map."""
    agent: int
    """Cell of the person."""

    def __init__(
        self, *, preset: str | None = None, is_slippery: bool = False, hide_holes: bool = False, **arguments: Any
    ) -> None:
        # in a tuple: what cannot be hashed is no preset either, and is refused below
        self.is_slippery = flag("is_slippery", is_slippery) or (preset in tuple(PRESETS) and PRESETS[preset].slippery)
        self.hide_holes = flag("hide_holes", hide_holes)
        if self.is_slippery:
            self.capabilities = replace(type(self).capabilities, expert="optimal_in_expectation")
        super().__init__(preset=preset, **arguments)
        if self.is_slippery:
            self.instruction = f"{self.instruction} {SLIPPERY}"
        self.lake = LakeMap(4, 0, 15, ())
        self._place(self.lake, 0)

    @tool
    def move(self, direction: Direction) -> Effect:
        """Move the person one cell.

        Args:
            direction: where to go.
        """
        actual: str = SLIPS[direction][self.np_random.integers(3)] if self.is_slippery else direction
        notes = ["You slipped."] if actual != direction else []
        target = neighbors(self.size)[actual][self.agent]
        if target == OUTSIDE:
            return Effect(False, " ".join([*notes, "A wall is in the way."]))
        self.agent = target
        if target in self._holes:
            notes.append("You fell into a hole.")
        return Effect(True, " ".join(notes))

    def _walker(self) -> int:
        return self.agent

    def layout_key(self) -> str:
        """Key of size, goal and holes, without the start; equal for rotated and mirrored maps. It decides the split."""
        return self.lake.key()

    def _place(self, lake: LakeMap, agent: int) -> None:
        self.lake, self.agent, self.size = lake, agent, lake.size
        self._holes: frozenset[int] = frozenset(lake.holes)
        self._policy: np.ndarray | None = None
        self._new_instance()

    def _generate(self, task: Any) -> None:
        task = choose("task", "any" if task is None else task, TASKS)
        lake = draw_once(draw_map, self.np_random, self.settings, self.split, task)
        self._place(lake, lake.start)

    def _turn_limit(self) -> int:
        settings = self.settings
        return 25 * settings.size if self.is_slippery else settings.turns

    def _get_state(self) -> dict[str, Any]:
        start, goal, holes = self.lake.start, self.lake.goal, list(self.lake.holes)
        return {"size": self.size, "start": start, "goal": goal, "holes": holes, "agent": self.agent}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._place(LakeMap(state["size"], state["start"], state["goal"], tuple(state["holes"])), state["agent"])

    def _is_success(self) -> bool:
        return self.agent == self.lake.goal

    def _is_failure(self) -> bool:
        return self.agent in self._holes

    def _expert_call(self) -> ToolCall:
        if self.is_slippery:
            if self._policy is None or len(self._policy) <= self.max_turns:
                self._policy = slippery_policy(self.lake, self.max_turns)
            return ToolCall("move", {"direction": DIRECTIONS[self._policy[self.max_turns - self.turn, self.agent]]})
        distances = self.lake.distances
        for direction in DIRECTIONS:
            other = neighbors(self.size)[direction][self.agent]
            if other != OUTSIDE and distances[other] == distances[self.agent] - 1 and other not in self._holes:
                return ToolCall("move", {"direction": direction})
        return ToolCall("move", {"direction": "up"})  # at the goal or in a hole, where nothing is left to do

    def _expert_steps(self) -> int:
        return self.lake.way

    def _turns_left(self) -> int | None:
        left = self.lake.distances[self.agent]
        return None if left < 0 or self.agent in self._holes else left

    def _still_tiles(self) -> list[str]:
        names = ["ice"] * (self.size * self.size)
        if not self.hide_holes:
            for hole in self.lake.holes:
                names[hole] = "hole"
        names[self.lake.goal] = "goal"
        return names

    def _moving_tiles(self) -> list[tuple[int, str]]:
        if self.agent == self.lake.goal:
            return [(self.agent, "agent at goal")]
        fallen = self.agent in self._holes and not self.hide_holes
        return [(self.agent, "agent in hole" if fallen else "agent")]

    def _description(self) -> str:
        return " ".join(self._around(self._still_tiles()))

    def _around(self, seen: list[str]) -> list[str]:
        sides = [neighbors(self.size)[direction][self.agent] for direction in DIRECTIONS]
        answers = ["wall" if side == OUTSIDE else seen[side] for side in sides]
        return [*answers, *where(self.agent, self.lake.goal, self.size)]

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        seen = self._still_tiles()
        answers = self._around(seen)
        answers += [str(self.agent // self.size + 1), str(self.agent % self.size + 1)]
        seen[self.agent] = "agent"
        answers.append(" ".join(seen))
        answers.append(" ".join(answers[:6]))
        return [(self.question_texts[k], answers[k]) for k in rng.permutation(len(answers))]
