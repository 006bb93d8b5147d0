"""BlocksWorld: stack lettered blocks as the goal, which is only drawn, shows."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from mmgym.draw import Color, blank, draw_text
from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.puzzle import Puzzle, layout_hash
from mmgym_puzzles.search import plan

__all__ = ["BlocksWorld"]

Block = Literal["A", "B", "C", "D", "E", "F", "G", "H"]
LETTERS = "ABCDEFGH"
MOST_PLACES = 4
Stacks = tuple[str, ...]
"""The letters at every place, from the table up."""
Move = tuple[str, int]
"""The block and the place it goes to, from 0."""


@dataclass(frozen=True)
class Stacking:
    """What stacks to draw."""

    blocks: int
    """Number of blocks."""
    places: int
    """Places on the table."""
    moves: tuple[int, int]
    """Fewest and most moves of the shortest solution."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Stacking(blocks=3, places=3, moves=(2, 3), turns=9),
    2: Stacking(blocks=4, places=3, moves=(4, 5), turns=11),
    3: Stacking(blocks=5, places=3, moves=(7, 8), turns=16),
    4: Stacking(blocks=6, places=4, moves=(8, 10), turns=17),
    5: Stacking(blocks=7, places=4, moves=(10, 12), turns=20),
}


class BlocksWorld(Puzzle):
    """Stack lettered blocks as the goal, which is only drawn, shows.

    ## Description
    Coloured blocks with letters stand in stacks on the numbered places of a table, seen from the front. Beside it a
    second table shows how they shall stand. Only the top block of a stack can be moved, to the top of another stack or
    to an empty place. The puzzle is solved when both tables are alike, place by place.

    ## Action space
    One tool: `move(block, place)`: a letter from A to H, and a place counted from 1 at the left. A block that another
    lies on, or that is not there, changes nothing; nor does a place that does not exist or where the block is already.

    ## Observation space
    `image`: the table as it is (NOW) at the left, the goal (GOAL) at the right, uint8 (image_size, image_size, 3).
    `text`, the text twin: the blocks of every place from the table up, of both tables. `feedback`: why a call changed
    nothing.

    ## Starting state
    Letters, stacks and goal are drawn uniformly, and redrawn until the shortest solution has the level's length. The
    split is decided by a hash of stacks and goal that is equal whatever the letters are and in whichever order the
    places are. The split `ood` has colours of its own, and the goal at the left. `options["task"]` can only be `"any"`.

    ## Rewards
    1 when the stacks are those of the goal (term `outcome`), else 0.

    ## Episode end
    Terminated when the goal is reached (success); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The expert needs the fewest moves, by A*. Its estimate, never too high: one move for every block
    that is not in its place on blocks that are in theirs, and one more where it must go out of the way first, because
    its goal is at the place where it is, or above a block that is under it now.

    | level | blocks | places | fewest moves | turns |
    |---|---|---|---|---|
    | 1 | 3 | 3 | 2-3 | 9 |
    | 2 | 4 | 3 | 4-5 | 11 |
    | 3 | 5 | 3 | 7-8 | 16 |
    | 4 | 6 | 4 | 8-10 | 17 |
    | 5 | 7 | 4 | 10-12 | 20 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    random_below: ClassVar[float] = 0.05
    weak_noise: ClassVar[float] = 0.4
    instruction = (
        "You see two tables from the front, with stacks of lettered blocks at numbered places. The table titled NOW is "
        "yours; the one titled GOAL shows how the blocks shall stand. Move one block at a time, always the top one of "
        "a stack, onto another stack or to an empty place, until both tables are alike, place by place."
    )
    description_rule = (
        "For every place of the table NOW, from left to right, say its number and the letters of its blocks from the "
        "table up; then the word goal, and the same for the table GOAL."
    )
    question_texts = (
        *(f"Which place is block {letter} at now?" for letter in LETTERS),
        *(f"Which place is block {letter} at in the goal?" for letter in LETTERS),
        *(f"What is block {letter} on now?" for letter in LETTERS),
        *(f"What is block {letter} on in the goal?" for letter in LETTERS),
        *(f"Which block is on top at place {place} now?" for place in range(1, MOST_PLACES + 1)),
        *(f"How many blocks are at place {place} now?" for place in range(1, MOST_PLACES + 1)),
        "Which blocks can be moved?",
        "What stands where, now and in the goal?",
    )
    words = ("table", "none", "goal", *LETTERS, *map(str, range(len(LETTERS) + 1)))
    notes = ("There is no such block.", "There is no such place.", "Another block lies on it.", "It is there already.")
    stacks: Stacks
    """The table as it is."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin((("AB", "", ""), ("", "BA", "")))

    @classmethod
    def vocabulary(cls) -> list[str]:
        """What an agent needs to say or read, without repetition: words first, then whole questions and feedback."""
        return list(dict.fromkeys([*cls.words, *cls.question_texts, *cls.notes]))

    @tool
    def move(self, block: Block, place: Annotated[int, Interval(ge=1, le=MOST_PLACES)]) -> Effect:
        """Move the top block of a stack.

        Args:
            block: the letter on it.
            place: where it goes, counted from the left, from 1.
        """
        origin = next((k for k, stack in enumerate(self.stacks) if block in stack), None)
        if origin is None:
            return Effect(False, "There is no such block.")
        if place > len(self.stacks):
            return Effect(False, "There is no such place.")
        if self.stacks[origin][-1] != block:
            return Effect(False, "Another block lies on it.")
        if origin == place - 1:
            return Effect(False, "It is there already.")
        self.stacks = _moved(self.stacks, origin, place - 1)
        return Effect(True)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Stacking) -> tuple[Stacks, Stacks] | None:
        """Draw stacks and a goal, or None when the goal is surely farther away than wanted."""
        letters = [LETTERS[k] for k in rng.permutation(len(LETTERS))[: settings.blocks].tolist()]
        start, goal = (_stacked(rng, letters, settings.places) for _ in range(2))
        return (start, goal) if _estimate(start, goal) <= settings.moves[1] else None

    @classmethod
    def _draw(cls, rng: np.random.Generator, settings: Stacking, split: str) -> tuple[Stacks, Stacks]:
        fewest, most = settings.moves
        while True:  # solved once the split is known, for solving takes longest
            start, goal = super()._draw(rng, settings, split)
            if fewest <= _solution(start, goal)[start][0] <= most:
                return start, goal

    @classmethod
    def candidate_key(cls, instance: tuple[Stacks, Stacks]) -> str:
        """Key of stacks and goal, equal for other letters and for places in another order."""
        forms = []
        for order in itertools.permutations(range(len(instance[0]))):
            now, goal = ("|".join(stacks[k] for k in order) for stacks in instance)
            names = str.maketrans(dict(zip(now.replace("|", ""), LETTERS, strict=False)))
            forms.append((now.translate(names), goal.translate(names)))
        return layout_hash("blocks", min(forms))

    def layout_key(self) -> str:
        """Key of the stacks at the start and the goal; it decides the split."""
        return self.candidate_key((self._start, self.goal))

    def _begin(self, instance: tuple[Stacks, Stacks]) -> None:
        self._start, self.goal = instance
        self.stacks = self._start
        self._background: np.ndarray | None = None

    def _get_state(self) -> dict[str, Any]:
        return {"start": list(self._start), "goal": list(self.goal), "stacks": list(self.stacks)}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin((tuple(state["start"]), tuple(state["goal"])))
        self.stacks = tuple(state["stacks"])

    def _is_success(self) -> bool:
        return self.stacks == self.goal

    def _ahead(self) -> tuple[int, Move | None]:
        """Moves left and the next one: along the solution from the start, and from elsewhere one of its own."""
        known = _solution(self._start, self.goal)
        return known[self.stacks] if self.stacks in known else _solution(self.stacks, self.goal)[self.stacks]

    def _expert_call(self) -> ToolCall:
        block, place = self._ahead()[1] or (self.goal[-1] or "A", 0)  # at the goal, where nothing is left to do
        return ToolCall("move", {"block": block[-1], "place": place + 1})

    def _expert_steps(self) -> int:
        return _solution(self._start, self.goal)[self._start][0]

    def _turns_left(self) -> int:
        return self._ahead()[0]

    def _image(self) -> np.ndarray:
        swapped = self.split == "ood"
        look, half = LOOKS["ood" if swapped else "usual"], self.image_size // 2
        now, goal = (half, 0) if swapped else (0, half)
        if self._background is None:
            self._background = blank(self.image_size, self.image_size, look.wall)
            for left, title in ((now, "NOW"), (goal, "GOAL")):
                _table(self._background, look, left, title, len(self.goal))
            self._background[:, half - max(1, half // 112) : half + max(1, half // 112)] = look.line
            _stand(self._background, look, goal, self.goal)
        image = self._background.copy()
        _stand(image, look, now, self.stacks)
        return image

    def _text(self) -> str:
        lines = []
        for title, stacks in (("now", self.stacks), ("goal", self.goal)):
            lines.append(title)
            lines += [" ".join([f"{place + 1}:", *stack]) for place, stack in enumerate(stacks)]
        return "\n".join([*lines, "places from left to right, blocks from the table up"])

    def _description(self) -> str:
        now, goal = (
            " ".join(" ".join([str(place + 1), *stack]) for place, stack in enumerate(stacks))
            for stacks in (self.stacks, self.goal)
        )
        return f"{now} goal {goal}"

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        letters = sorted("".join(self.stacks))
        letter, place = letters[rng.integers(len(letters))], int(rng.integers(len(self.stacks)))
        stack = self.stacks[place]
        asked = [
            (f"Which block is on top at place {place + 1} now?", stack[-1:] or "none"),
            (f"How many blocks are at place {place + 1} now?", str(len(stack))),
            ("Which blocks can be moved?", " ".join(stack[-1] for stack in self.stacks if stack)),
            ("What stands where, now and in the goal?", self._description()),
        ]
        for when, stacks in (("now", self.stacks), ("in the goal", self.goal)):
            at = next(k for k, stack in enumerate(stacks) if letter in stack)
            below = stacks[at][: stacks[at].index(letter)]
            asked.append((f"Which place is block {letter} at {when}?", str(at + 1)))
            asked.append((f"What is block {letter} on {when}?", below[-1:] or "table"))
        return [asked[k] for k in rng.permutation(len(asked))]


# --- drawing stacks, and solving -------------------------------------------------------------------------------------


def _stacked(rng: np.random.Generator, letters: list[str], places: int) -> Stacks:
    """The letters in stacks, every arrangement with the same chance."""
    marks = [*letters, *"|" * (places - 1)]
    return tuple("".join(marks[k] for k in rng.permutation(len(marks)).tolist()).split("|"))


def _moved(stacks: Stacks, origin: int, target: int) -> Stacks:
    after = list(stacks)
    after[origin], after[target] = stacks[origin][:-1], stacks[target] + stacks[origin][-1]
    return tuple(after)


def _moves(stacks: Stacks) -> list[tuple[Move, Stacks]]:
    places = range(len(stacks))
    return [((stacks[a][-1], b), _moved(stacks, a, b)) for a in places if stacks[a] for b in places if a != b]


def _estimate(stacks: Stacks, goal: Stacks) -> int:
    """Moves that are surely needed; a move lessens it by at most 1."""
    needed = 0
    under = {letter: stack[:k] for stack in goal for k, letter in enumerate(stack)}
    for stack, wanted in zip(stacks, goal, strict=True):
        right = 0
        while right < min(len(stack), len(wanted)) and stack[right] == wanted[right]:
            right += 1
        for k in range(right, len(stack)):
            letter = stack[k]
            needed += 1 + (letter in wanted or any(other in under[letter] for other in stack[right:k]))
    return needed


@lru_cache(maxsize=4096)
def _solution(stacks: Stacks, goal: Stacks) -> dict[Stacks, tuple[int, Move | None]]:
    """Every state of a shortest solution, with the moves left and the next one."""
    found = plan(stacks, _moves, lambda state: state == goal, lambda state: _estimate(state, goal))
    return found or {}


# --- looks -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """How tables are drawn."""

    wall: Color
    line: Color
    wood: Color
    ink: Color
    letter: Color
    blocks: tuple[Color, ...]
    """The colour of every letter."""


LOOKS = {
    "usual": Look(
        wall=(244, 244, 238), line=(120, 120, 124), wood=(150, 104, 62), ink=(40, 40, 48), letter=(10, 10, 14),
        blocks=(
            (238, 96, 88), (106, 176, 246), (250, 212, 70), (112, 196, 104),
            (240, 158, 72), (196, 148, 232), (102, 210, 206), (244, 166, 198),
        ),
    ),
    "ood": Look(
        wall=(30, 34, 52), line=(150, 156, 180), wood=(92, 110, 132), ink=(232, 234, 244), letter=(255, 255, 255),
        blocks=(
            (40, 112, 64), (152, 52, 112), (44, 84, 168), (160, 92, 24),
            (104, 60, 168), (20, 124, 136), (164, 44, 48), (96, 100, 40),
        ),
    ),
}  # fmt: skip


def _slots(side: int, places: int) -> tuple[int, int, list[int], int]:
    """Width and height of a block, the left edge of every place within its half, the height of the table's top."""
    half = side // 2
    slot = (half - half // 14) // places
    width = slot - max(1, slot // 9)
    top = side - side // 9
    height = min(width, (top - side // 9) // (len(LETTERS) - 1))
    return width, height, [half // 28 + k * slot + (slot - width) // 2 for k in range(places)], top


def _table(image: np.ndarray, look: Look, left: int, title: str, places: int) -> None:
    """Draw an empty table with its title and the numbers of its places."""
    side, (width, _, edges, top) = len(image), _slots(len(image), places)
    half = side // 2
    draw_text(image, title, left + half / 2, side / 18, side / 11, look.ink, bold=True)
    image[top : top + max(2, side // 56), left + half // 40 : left + half - half // 40] = look.wood
    for place, edge in enumerate(edges):
        draw_text(image, str(place + 1), left + edge + width / 2, side - side / 22, side / 12, look.ink, bold=True)


def _stand(image: np.ndarray, look: Look, left: int, stacks: Stacks) -> None:
    """Draw the stacks onto a table."""
    width, height, edges, top = _slots(len(image), len(stacks))
    for edge, stack in zip(edges, stacks, strict=True):
        for k, letter in enumerate(stack):
            row = top - (k + 1) * height
            image[row : row + height, left + edge : left + edge + width] = _block(look, letter, width, height)


@lru_cache(maxsize=256)
def _block(look: Look, letter: str, width: int, height: int) -> np.ndarray:
    """The picture of a block with its letter, read-only."""
    color = look.blocks[LETTERS.index(letter)]
    red, green, blue = color
    image = blank(height, width, (red // 2, green // 2, blue // 2))
    edge = max(1, height // 16)
    image[edge : height - edge, edge : width - edge] = color
    draw_text(image, letter, width / 2, height / 2, height * 1.05, look.letter, bold=True)
    image.flags.writeable = False
    return image
