"""RockPaperScissors: both show a sign at once, round after round, with the last rounds on the table."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from mmgym.draw import Color, Shape, blank, disc, draw_text, line, paint, polygon, rectangle
from mmgym.spaces import Parameter, Tool, ToolCall
from mmgym_arena.game import Calls, Game

__all__ = ["SIGNS", "RockPaperScissors", "copycat"]

SIGNS = ("rock", "paper", "scissors")
"""Each is beaten by the next one."""
_SETTINGS = ((5, 5), (10, 5), (20, 3))
"""Rounds and how many of the last ones are shown, by level."""
_GROUND: Color = (244, 240, 230)
_INK: Color = (52, 48, 44)


class Rounds(NamedTuple):
    """What both have shown so far."""

    shown: tuple[tuple[int, int], ...]
    """For each round the signs of both seats, as numbers in `SIGNS`; -1 for none."""


class RockPaperScissors(Game):
    """Rock, paper, scissors over 5, 10 or 20 rounds, the last five (three at level 3) of which are on the table.

    A sign beats another for one point. Who shows none loses the round.
    """

    seats = ("left", "right")
    kind = "competitive"
    state = Rounds
    value: ClassVar[str] = "0; all three signs equally often"

    def __init__(self, level: int = 1):
        super().__init__(level)
        self.rounds, self.memory = _SETTINGS[level - 1]

    def instruction(self, seat: int) -> str:
        """The rules."""
        return (
            f"You play rock, paper, scissors over {self.rounds} rounds. In each round both players show a sign at the "
            "same time: rock beats scissors, scissors beat paper, paper beats rock. You see the last rounds, yours in "
            "the upper row. Win more rounds than the other player."
        )

    def tools(self, seat: int) -> tuple[Tool, ...]:
        """Show a sign."""
        return (Tool("show", "Show a sign.", (Parameter("sign", "choice", "what to show", choices=SIGNS),)),)

    def start(self, rng: np.random.Generator) -> Rounds:
        """Nothing was shown yet."""
        return Rounds(())

    def starts(self) -> list[tuple[Rounds, float]]:
        """There is one."""
        return [(Rounds(()), 1.0)]

    def movers(self, state: Rounds) -> tuple[int, ...]:
        """Both."""
        return (0, 1) if len(state.shown) < self.rounds else ()

    def refusal(self, state: Rounds, seat: int, call: ToolCall) -> str:
        """Every sign may be shown."""
        return ""

    def play(self, state: Rounds, calls: Calls) -> Rounds:
        """One more round."""
        signs = [-1 if call is None else SIGNS.index(call.arguments["sign"]) for call in (calls[0], calls[1])]
        return Rounds((*state.shown, (signs[0], signs[1])))

    def scores(self, state: Rounds) -> tuple[float, ...]:
        """Rounds won less rounds lost, as a share of all."""
        ahead = sum(_winner(*signs) for signs in state.shown) / self.rounds
        return ahead, -ahead

    def solved(self, state: Rounds, seat: int) -> bool:
        """Whether all rounds are played and more of them are won than lost."""
        return not self.movers(state) and self.scores(state)[seat] > 0

    def turn_limit(self) -> int:
        """A turn a round."""
        return self.rounds

    def expert(self, state: Rounds, seat: int, rng: np.random.Generator) -> ToolCall:
        """All signs equally often: no other can win against it in the long run."""
        return self.random(state, seat, rng)

    def _visible(self, state: Rounds) -> tuple[tuple[int, int], ...]:
        return state.shown[-self.memory :]

    def seen(self, state: Rounds, seat: int) -> list[object]:
        """The last rounds, how many there were, and who is ahead."""
        rows = [[signs[seat], signs[1 - seat]] for signs in self._visible(state)]
        return [rows, len(state.shown), sum(_winner(*signs) for signs in state.shown) * (1 - 2 * seat)]

    def text(self, state: Rounds, seat: int) -> str:
        """The last rounds, oldest first."""
        names = (*SIGNS, "nothing")
        rows = [f"you {names[signs[seat]]}, other {names[signs[1 - seat]]}" for signs in self._visible(state)]
        ahead = sum(_winner(*signs) for signs in state.shown) * (1 - 2 * seat)
        return "\n".join([f"{len(state.shown)} of {self.rounds} rounds. You are {ahead:+d}.", *rows])

    def picture(self, state: Rounds, seat: int, size: int) -> np.ndarray:
        """Two rows of signs, the newest at the right, winners on green."""
        image = blank(size, size, _GROUND)
        ahead = sum(_winner(*signs) for signs in state.shown) * (1 - 2 * seat)
        draw_text(
            image,
            f"round {min(len(state.shown) + 1, self.rounds)} of {self.rounds}",
            0.05 * size,
            0.07 * size,
            0.09 * size,
            _INK,
            anchor="left",
            bold=True,
        )
        draw_text(image, f"{ahead:+d}", 0.95 * size, 0.07 * size, 0.09 * size, _INK, anchor="right", bold=True)
        for word, middle in (("you", 0.20), ("other", 0.62)):
            draw_text(image, word, 0.05 * size, middle * size, 0.075 * size, _INK, anchor="left")
        side = 0.92 * size / self.memory
        for k, signs in enumerate(self._visible(state)):
            for whose, top in ((seat, 0.26), (1 - seat, 0.68)):
                left = 0.04 * size + k * side
                box = (left + 0.03 * side, top * size, left + 0.97 * side, top * size + min(0.94 * side, 0.28 * size))
                won = _winner(*signs) * (1 - 2 * whose) > 0
                paint(image, _sign(signs[whose], (202, 232, 196) if won else (226, 220, 206)), box)
        return image

    def questions(self, state: Rounds, seat: int, rng: np.random.Generator) -> list[tuple[str, str]]:
        """What was shown last, and the score."""
        ahead = sum(_winner(*signs) for signs in state.shown) * (1 - 2 * seat)
        asked = [("How many rounds are you ahead?", f"{ahead:+d}")]
        if state.shown:
            names = (*SIGNS, "nothing")
            asked.append(("What did the other player show last?", names[state.shown[-1][1 - seat]]))
            asked.append(("What did you show last?", names[state.shown[-1][seat]]))
        return [asked[k] for k in rng.permutation(len(asked))]


def copycat(game: Game, state: Rounds, seat: int, rng: np.random.Generator) -> ToolCall:
    """A player that can be seen through: three times in four it shows what would have beaten the other's last sign."""
    last = state.shown[-1][1 - seat] if state.shown else 2
    sign = (last + 1) % 3 if rng.random() < 0.75 else int(rng.integers(3))
    return ToolCall("show", {"sign": SIGNS[sign]})


def _winner(first: int, second: int) -> int:
    """1 if the first sign wins, -1 if the second does, else 0."""
    if first == second:
        return 0
    if -1 in (first, second):
        return 1 if second == -1 else -1
    return 1 if (first - second) % 3 == 1 else -1


def _sign(sign: int, ground: Color) -> list[Shape]:
    field = [rectangle(0, 0, 1, 1, ground)]
    if sign == 0:
        stone = [(0.22, 0.62), (0.30, 0.34), (0.52, 0.24), (0.74, 0.36), (0.82, 0.62), (0.66, 0.78), (0.36, 0.78)]
        return [
            *field,
            polygon(stone, (104, 104, 112)),
            polygon([(0.34, 0.40), (0.52, 0.31), (0.48, 0.46)], (150, 150, 158)),
        ]
    if sign == 1:
        lines = [line(0.34, y, 0.66, y, 0.035, (150, 160, 190)) for y in (0.34, 0.46, 0.58, 0.70)]
        return [
            *field,
            rectangle(0.26, 0.18, 0.74, 0.84, (120, 130, 160)),
            rectangle(0.285, 0.205, 0.715, 0.815, (255, 255, 255)),
            *lines,
        ]
    if sign == 2:
        blue, steel = (36, 92, 196), (92, 96, 104)
        rings = [disc(x, 0.74, 0.13, blue) for x in (0.32, 0.68)] + [disc(x, 0.74, 0.07, ground) for x in (0.32, 0.68)]
        return [
            *field,
            line(0.36, 0.66, 0.66, 0.16, 0.08, steel),
            line(0.64, 0.66, 0.34, 0.16, 0.08, steel),
            *rings,
            disc(0.5, 0.43, 0.04, blue),
        ]
    return [*field, line(0.3, 0.5, 0.7, 0.5, 0.06, (150, 60, 50))]
