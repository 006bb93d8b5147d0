"""Matchstick: move match sticks so that an equation holds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval

from mmgym.env import Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.imagery.stick_drawing import laying, place_tile
from mmgym_puzzles.imagery.stick_equations import (
    SLOTS,
    Slot,
    masks_of,
    mended,
    moved,
    reading,
    slots_of,
    solutions,
)
from mmgym_puzzles.imagery.stick_sums import Sums, draw_equation
from mmgym_puzzles.perception.asked import AskedPuzzle
from mmgym_puzzles.puzzle import layout_hash

__all__ = ["Matchstick"]

MOST_PLACES = 12
MOST_STICKS = 3
GLANCES = 40
"""Moves that the weak solver looks at in a turn."""
Place = Annotated[int, Interval(ge=1, le=MOST_PLACES)]
Laid = tuple[str, int]
"""The equation at the start, and how many sticks are to be moved."""


LEVELS = {
    1: Sums(sticks=1, operators=("+", "-"), largest=20, factor=1, turns=10),
    2: Sums(sticks=1, operators=("+-", "-+", "x+", "x-", "+x"), largest=60, factor=12, turns=14),
    3: Sums(sticks=2, operators=("+", "-", "x"), largest=60, factor=12, turns=7),
    4: Sums(sticks=2, operators=("+-", "-+", "x+", "x-", "+x"), largest=60, factor=12, turns=10),
    5: Sums(sticks=3, operators=("+-", "-+", "x+", "x-", "+x"), largest=99, factor=19, turns=11),
}
PRESETS = {
    "visgym_easy": Sums(sticks=1, operators=("+", "-", "x", "+x"), largest=99, factor=20, turns=20),
    "visgym_hard": Sums(sticks=2, operators=("+", "-", "x", "+x"), largest=99, factor=20, turns=30),
}


NO_STICK = "There is no stick."
NO_ROOM = "There is a stick already."
FIXED = "The sticks of = stay."
NOTHING_MOVED = "There is nothing to take back."


def _sticks(count: int) -> str:
    return "1 stick" if count == 1 else f"{count} sticks"


def _task(sticks: int) -> str:
    return f"Move {_sticks(sticks)} so that the equation holds."


def _too_many(sticks: int) -> str:
    return f"Only {_sticks(sticks)} may be moved: move a moved one, or undo."


def _no_place(places: int) -> str:
    return f"There is no such place: they go from 1 to {places}."


def _no_slot(symbol: str) -> str:
    kind = "a digit" if symbol.isdigit() else "an operator"
    return f"In a place for {kind} sticks lie at {', '.join(slots_of(symbol))}."


class Matchstick(AskedPuzzle):
    """Move match sticks so that an equation holds.

    ## Description
    An equation of digits, plus, minus, times and equals is laid with match sticks, and does not hold. So many sticks
    as the task says are to be moved, no more. Every place of the equation has a number beneath; sticks that were moved
    have heads of another colour.

    ## Action space
    Two tools: `move(place, stick, to_place, to_stick)` lays one stick elsewhere, in the same place or another;
    `undo()` takes the last move back. In a place for a digit sticks lie at top, upper_left, upper_right, middle,
    lower_left, lower_right and bottom; in a place for an operator at middle, upright, rising and falling. Any free
    slot will do, whatever symbol comes out. Nothing changes where no stick lies, where one lies already, with the
    sticks of =, and when more sticks would then lie elsewhere than may be moved; a moved stick may be moved on or back.

    ## Observation space
    `task`: how many sticks may be moved. `image`: the sticks, uint8 (image_size, image_size, 3); long equations are
    broken into rows. `text`, the text twin: the equation as it reads, and which sticks lie at every place.
    `feedback`: why nothing changed.

    ## Starting state
    An equation that holds, with numbers drawn uniformly, in which sticks are moved at random until it is another
    readable one that does not hold; redrawn if fewer sticks than the level says would mend it. The split is decided by
    a hash of the equation. In the split `ood` the symbols are slanted, in colours of their own. `options["task"]` can
    only be `"any"`.

    ## Rewards
    1 when the equation holds (term `outcome`), else 0. An equation holds when every place for a digit shows a digit and
    every place for an operator an operator, laid as at the start, no number of several digits begins with 0, and both
    sides are worth the same, x before + and -. Any such equation counts.

    ## Episode end
    Terminated when the equation holds (success); truncated at the turn limit.

    ## Arguments
    Those of `Puzzle`. The expert finds every equation within reach by exhaustive search, and takes the fewest moves to
    the nearest, after mistakes too (then a move that takes a stick back counts like any other). The weak solver looks
    at 40 of the possible moves in a turn, takes one that leads towards the nearest solution if it is among them, and
    else any.

    | level | sticks | left side | numbers | factors | turns |
    |---|---|---|---|---|---|
    | 1 | 1 | two numbers, + or - | 0-20 | none | 10 |
    | 2 | 1 | three numbers, +, - and x | 0-60 | 2-12 | 14 |
    | 3 | 2 | two numbers, +, - or x | 0-60 | 2-12 | 7 |
    | 4 | 2 | three numbers, +, - and x | 0-60 | 2-12 | 10 |
    | 5 | 3 | three numbers, +, - and x | 0-99 | 2-19 | 11 |

    Presets with the numbers of VisGym's matchstick equations, but without its division: `visgym_easy` (1 stick, 20
    turns) and `visgym_hard` (2 sticks, 30 turns). Numbers go to 99, factors to 20. There a move must leave two symbols
    behind and an agent says when it is done; here it may leave anything and the episode ends by itself.

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    preset_settings = PRESETS
    random_below: ClassVar[float] = 0.02
    instruction = (
        "You see an equation laid with match sticks; it does not hold. Move as many sticks as the task says so that it "
        "holds. The numbers beneath count the places from left to right, row by row. In a place for a digit sticks lie "
        "at top, upper_left, upper_right, middle, lower_left, lower_right and bottom: 1 is upper_right and "
        "lower_right, 7 has top as well, 6 has its top and 9 its bottom. In a place for an operator they lie at middle "
        "(a minus), middle and upright (a plus), or rising and falling (times). The sticks of = stay. Every place must "
        "show a symbol of its kind, and x goes before + and -. Moved sticks have heads of another colour and may be "
        "moved again."
    )
    description_rule = (
        "Say what every place shows, in order: a digit, +, -, x or =, and ? where the sticks form no symbol."
    )
    question_texts = (
        "What does the equation read?",
        "How many places are there?",
        "How many sticks were moved?",
        *(f"How many sticks lie at place {place}?" for place in range(1, MOST_PLACES + 1)),
        *(f"What does place {place} show?" for place in range(1, MOST_PLACES + 1)),
        *(f"Is there a stick at {slot} of place {place}?" for slot in SLOTS for place in range(1, MOST_PLACES + 1)),
    )
    words = (*SLOTS, *map(str, range(MOST_PLACES + 1)), "+", "-", "x", "=", "?", "yes", "no")
    notes = (
        NO_STICK,
        NO_ROOM,
        FIXED,
        NOTHING_MOVED,
        *map(_no_slot, "0+"),
        *map(_no_place, range(5, MOST_PLACES)),
        *map(_too_many, range(1, MOST_STICKS + 1)),
    )
    sticks: int
    """How many sticks may be moved."""
    lying: list[int]
    """The sticks at every place, as masks."""
    history: list[tuple[int, int, int, int]]
    """The moves so far: place and slot, to place and slot, counted from 0."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._begin(("6+4=4", 1))

    @classmethod
    def vocabulary(cls) -> list[str]:
        """What an agent needs to say or read, without repetition: words, then whole questions, feedback and tasks."""
        tasks = map(_task, range(1, MOST_STICKS + 1))
        return list(dict.fromkeys([*cls.words, *cls.question_texts, *cls.notes, *tasks]))

    @tool
    def move(self, place: Place, stick: Slot, to_place: Place, to_stick: Slot) -> Effect:
        """Move one stick.

        Args:
            place: number of the place it is taken from.
            stick: where in that place it lies.
            to_place: number of the place it is laid at.
            to_stick: where in that place.
        """
        if max(place, to_place) > len(self.lying):
            return Effect(False, _no_place(len(self.lying)))
        ends = ((place - 1, SLOTS.index(stick)), (to_place - 1, SLOTS.index(to_stick)))
        for (at, _), name in zip(ends, (stick, to_stick), strict=True):
            if self.start[at] == "=":
                return Effect(False, FIXED)
            if name not in slots_of(self.start[at]):
                return Effect(False, _no_slot(self.start[at]))
        (at, slot), (to, to_slot) = ends
        if not self.lying[at] >> slot & 1:
            return Effect(False, NO_STICK)
        if self.lying[to] >> to_slot & 1:
            return Effect(False, NO_ROOM)
        change = (at, slot, to, to_slot)
        self._carry(change)
        if moved(self._laid, self.lying) > self.sticks:
            self._carry((to, to_slot, at, slot))
            return Effect(False, _too_many(self.sticks))
        self.history.append(change)
        return Effect(True)

    @tool
    def undo(self) -> Effect:
        """Take the last move back."""
        if not self.history:
            return Effect(False, NOTHING_MOVED)
        at, slot, to, to_slot = self.history.pop()
        self._carry((to, to_slot, at, slot))
        return Effect(True)

    def _carry(self, change: tuple[int, int, int, int]) -> None:
        at, slot, to, to_slot = change
        self.lying[at] ^= 1 << slot
        self.lying[to] ^= 1 << to_slot

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Sums) -> Laid | None:
        """Draw an equation that holds and move sticks in it, or None when nothing readable came out."""
        equation = draw_equation(rng, settings)
        return None if equation is None else (equation, settings.sticks)

    @classmethod
    def arrange(cls, rng: np.random.Generator, candidate: Laid, settings: Sums) -> Laid | None:
        """The equation itself, or None when fewer sticks mend it."""
        equation, sticks = candidate
        return None if sticks > 1 and solutions(masks_of(equation), sticks - 1) else candidate

    @classmethod
    def candidate_key(cls, instance: Laid) -> str:
        """Key of the equation."""
        return layout_hash("matchstick", instance[0])

    def layout_key(self) -> str:
        """Key of the equation at the start; it decides the split."""
        return self.candidate_key((self.start, self.sticks))

    def _begin(self, instance: Laid) -> None:
        self.start, self.sticks = instance
        self._laid = masks_of(self.start)
        self.lying, self.history = list(self._laid), []
        self._canvas: np.ndarray | None = None

    def _get_state(self) -> dict[str, Any]:
        history = [list(change) for change in self.history]
        return {"start": self.start, "sticks": self.sticks, "lying": list(self.lying), "history": history}

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin((state["start"], state["sticks"]))
        self.lying = list(state["lying"])
        self.history = [(at, slot, to, to_slot) for at, slot, to, to_slot in state["history"]]

    def _task(self) -> str:
        return _task(self.sticks)

    def _is_success(self) -> bool:
        return mended(self._laid, self.lying)

    def _nearest(self) -> tuple[int, ...]:
        """The equation within reach that takes the fewest moves from here."""
        return min(solutions(self._laid, self.sticks), key=lambda masks: (moved(self.lying, masks), masks))

    def _turns_left(self) -> int:
        return moved(self.lying, self._nearest())

    def _expert_steps(self) -> int:
        return self.sticks

    def _expert_call(self) -> ToolCall:
        target = self._nearest()
        taken = _slots(now & ~then for now, then in zip(self.lying, target, strict=True))
        laid = _slots(then & ~now for now, then in zip(self.lying, target, strict=True))
        if not taken:
            return ToolCall("undo")
        # Sticks that were moved go first, and back to where sticks lay: so no more are elsewhere on the way than at
        # both ends.
        (at, slot) = min(taken, key=lambda end: self._laid[end[0]] >> end[1] & 1)
        (to, to_slot) = max(laid, key=lambda end: self._laid[end[0]] >> end[1] & 1)
        return _call(at, slot, to, to_slot)

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """Of 40 possible moves one that leads towards the nearest solution, if there is one, else any of them."""
        kinds = [sum(1 << SLOTS.index(slot) for slot in slots_of(symbol)) for symbol in self.start]
        full = moved(self._laid, self.lying) == self.sticks
        taken = _slots(
            now & kind & ~(before if full else 0)
            for now, kind, before in zip(self.lying, kinds, self._laid, strict=True)
        )
        free = _slots(kind & ~now for now, kind in zip(self.lying, kinds, strict=True))
        picks = zip(
            rng.integers(len(taken), size=GLANCES).tolist(), rng.integers(len(free), size=GLANCES).tolist(), strict=True
        )
        glanced = [(*taken[one], *free[other]) for one, other in picks]
        target = self._nearest()
        for at, slot, to, to_slot in glanced:
            if not target[at] >> slot & 1 and target[to] >> to_slot & 1:
                return _call(at, slot, to, to_slot)
        return _call(*glanced[0])

    def _image(self) -> np.ndarray:
        look = "ood" if self.split == "ood" else "usual"
        places = laying(self.start, self.image_size, look)
        if self._canvas is None:
            self._canvas, self._drawn = places.background.copy(), [-1] * len(self.lying)
        for at, mask in enumerate(self.lying):
            if mask != self._drawn[at]:
                tile = place_tile(self.start[at], mask, mask & ~self._laid[at], places.width, look)
                left, top = places.corners[at]
                fits = self._canvas[top : top + tile.shape[0], left : left + tile.shape[1]]
                fits[:] = tile[: fits.shape[0], : fits.shape[1]]
                self._drawn[at] = mask
        return self._canvas.copy()

    def _text(self) -> str:
        lines = [f"reads {self._description()}"]
        for at, symbol in enumerate(reading(self.lying)):
            names = [SLOTS[slot] for _, slot in _slots([self.lying[at]])] if symbol != "=" else ["two that stay"]
            lines.append(f"place {at + 1} shows {symbol}: {', '.join(names) or 'nothing'}")
        return "\n".join([*lines, f"moved sticks: {moved(self._laid, self.lying)}"])

    def _description(self) -> str:
        return " ".join(reading(self.lying))

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        symbols = reading(self.lying)
        counted, shown, asked = (int(at) for at in rng.integers(len(symbols), size=3))
        slots = slots_of(self.start[asked])
        questions = [
            ("What does the equation read?", self._description()),
            ("How many places are there?", str(len(symbols))),
            ("How many sticks were moved?", str(moved(self._laid, self.lying))),
            (f"How many sticks lie at place {counted + 1}?", str(self.lying[counted].bit_count())),
            (f"What does place {shown + 1} show?", symbols[shown]),
        ]
        if slots:
            slot = slots[rng.integers(len(slots))]
            there = self.lying[asked] >> SLOTS.index(slot) & 1
            questions.append((f"Is there a stick at {slot} of place {asked + 1}?", "yes" if there else "no"))
        return [questions[k] for k in rng.permutation(len(questions))]


def _slots(masks: Iterable[int]) -> list[tuple[int, int]]:
    """The place and slot of every stick in these masks."""
    return [(at, slot) for at, mask in enumerate(masks) for slot in range(len(SLOTS)) if mask >> slot & 1]


def _call(at: int, slot: int, to: int, to_slot: int) -> ToolCall:
    ends = {"place": at + 1, "stick": SLOTS[slot], "to_place": to + 1, "to_stick": SLOTS[to_slot]}
    return ToolCall("move", ends)
