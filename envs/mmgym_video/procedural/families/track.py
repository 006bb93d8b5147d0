"""Track: things are hidden under boxes, the boxes swap places two at a time, and where things end up is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

import numpy as np

from mmgym_video.procedural.family import Case, Family, Look, Setting, Sighting, pick_times, shuffled
from mmgym_video.procedural.kinds import OTHERS, draw_kinds, draw_still
from mmgym_video.procedural.shell_game import CUE, FPS, REST, Game, Pair, Row, moved
from mmgym_video.procedural.stage import Stage
from mmgym_video.question import Question

__all__ = ["Track"]

PLACES = {1: 4, 2: 4, 3: 5, 4: 5, 5: 6}
"""Boxes in the row, by level."""
THINGS = {1: 1, 2: 2, 3: 3, 4: 3, 5: 4}
"""Things under them where one is asked for; four where what is under a box is asked."""
SWAPS = {1: 4, 2: 6, 3: 9, 4: 13, 5: 18}
SWAP = {1: 30, 2: 30, 3: 26, 4: 22, 5: 22}
"""Frames of a swap, where the video is long enough."""
GAMES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 2}
"""Games in the video, if there is room for them; one is asked about."""
AFTER = 10
"""Frames for which the boxes stay after the last swap and its rest."""
TRIES = 60
"""Orders that are tried before other swaps are drawn."""
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")


class Track(Family):
    """A shell game with four to six boxes.

    The frames without their times show where each thing starts and which swaps there are, but not their order. For
    each option there is an order of the same swaps that leads to it, and one of these orders was taken at random, so
    whoever has those frames alone must hold every option for equally likely.
    """

    name = "track"
    summary = "Where is a thing after boxes have swapped places, or what is under a box?"
    order_sensitive = True
    open_kind = "ocr"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level, count, swaps = setting.level, PLACES[setting.level], SWAPS[setting.level]
        where = bool(rng.random() < 0.5)
        game, options, place = _draw_game(rng, level, where)
        swap = min(SWAP[level], int(FPS * setting.duration - CUE - AFTER - 20) // swaps - REST)
        length = CUE + swaps * (swap + REST) + AFTER
        number = max(1, min(GAMES[level], int(FPS * (setting.duration - 2) / (1.2 * length))))
        starts = [int(FPS * t) for t in pick_times(rng, number, 1, setting.duration - 1, length / FPS)]
        asked = int(rng.integers(number))
        row = Row(setting, count, float(rng.uniform(420, 580)), float(rng.uniform(-9, 9)))
        games = [game if i == asked else _deal(rng, level, THINGS[level]) for i in range(number)]
        props = [row.play(one, start, swap, length) for one, start in zip(games, starts, strict=True)]
        reach = row.lift + row.side / 2
        still = draw_still(rng, setting, level, OTHERS, (row.y - reach, row.y + reach))
        stage = Stage(
            setting.duration,
            actors=(*still, *(thing for things, _ in props for thing in things)),
            covers=tuple(box for _, boxes in props for box in boxes),
            size=setting.size,
            look=setting.look,
        )
        begin, end = starts[asked] / FPS - 0.5, (starts[asked] + length - AFTER // 2) / FPS
        if where:
            query = f"Which box, counted from the left, is the {game.things[0].name} under at the end?"
            answer = ORDINALS[moved(game.starts[0], game.order)]
        else:
            query = f"What is under the {ORDINALS[place]} box from the left at the end?"
            answer = game.things[_thing_at(game.starts, place, game.order)].name
        question = Question(
            id=self.name,
            video=self.name,
            question=f"Between {begin:g} s and {end:g} s boxes hide what is under them and swap places, two at a time. "
            + query,
            answer=answer,
            options=shuffled(rng, options),
            evidence=((starts[asked] / FPS, (starts[asked] + length - AFTER) / FPS),),
            family=self.name,
        )

        def conclude(seen: Sequence[Sighting]) -> str:
            found = [sighting for sighting in seen if begin <= sighting.time < end]
            pairs = [pair for sighting in found if (pair := row.swapped(sighting))]
            order = [pair for i, pair in enumerate(pairs) if i == 0 or pair != pairs[i - 1]]
            starts = {kind: row.place(kind, found) for kind in game.things}
            ends = {kind: moved(start, order) for kind, start in starts.items() if start is not None}
            if where:
                said = ORDINALS[ends.get(game.things[0], 0)]
            else:
                said = next((kind.name for kind, at in ends.items() if at == place), "")
            return said if said in options else question.options[0]

        first = starts[asked] + CUE
        looks = (first - CUE * 2 // 3, *(first + number * (swap + REST) + swap * 3 // 10 for number in range(swaps)))
        content = (place, tuple(kind.name for kind in game.things), game.starts, game.order)
        return Case(stage, question, tuple(Look(frame / FPS) for frame in looks), conclude, content)


def _draw_game(rng: np.random.Generator, level: int, where: bool) -> tuple[Game, list[str], int]:
    """A game, the options, and the place that is asked about (-1 where a thing is)."""
    count = PLACES[level]
    while True:
        game = _deal(rng, level, THINGS[level] if where else 4)
        if where:
            place = -1
            wanted = sorted(rng.permutation(count)[:4].tolist())
            outcome = _end_of(game.starts[0])
            options = [ORDINALS[at] for at in wanted]
        else:
            place = int(rng.integers(count))
            wanted = [0, 1, 2, 3]
            outcome = _occupant_of(game.starts, place)
            options = [kind.name for kind in game.things]
        found = orders_by_outcome(rng, game.order, outcome, wanted)
        if found:
            order = found[wanted[int(rng.integers(4))]]
            return Game(game.things, game.starts, order), options, place


def _deal(rng: np.random.Generator, level: int, things: int) -> Game:
    """Things, where they start, and swaps; no swap undoes the one before it."""
    count = PLACES[level]
    every = [(left, right) for left in range(count) for right in range(left + 1, count)]
    kinds = draw_kinds(rng, things, colors=8 if level < 4 else 2)
    starts = rng.permutation(count)[:things].tolist()
    while True:
        order = [every[i % len(every)] for i in rng.permutation(2 * len(every))[: SWAPS[level]].tolist()]
        if all(pair != after for pair, after in pairwise(order)):
            return Game(tuple(kinds), tuple(starts), tuple(order))


def _end_of(start: int) -> Callable[[Sequence[Pair]], int]:
    return lambda order: moved(start, order)


def _occupant_of(starts: Sequence[int], place: int) -> Callable[[Sequence[Pair]], int]:
    return lambda order: _thing_at(starts, place, order)


def _thing_at(starts: Sequence[int], place: int, order: Sequence[Pair]) -> int:
    """Index of the thing that ends at a place, -1 for none."""
    start = moved(place, order[::-1])
    return starts.index(start) if start in starts else -1


def orders_by_outcome(
    rng: np.random.Generator, swaps: Sequence[Pair], outcome: Callable[[Sequence[Pair]], int], wanted: Collection[int]
) -> dict[int, tuple[Pair, ...]] | None:
    """For every outcome that is wanted an order of the same swaps that has it, or None where some were not found.

    In none of them a swap comes twice in a row, so that two looks at one are not taken for two of them.

    Args:
        rng: what is random.
        swaps: in any order.
        outcome: of an order.
        wanted: outcomes.
    """
    found: dict[int, tuple[Pair, ...]] = {}
    orders = rng.permuted(np.tile(np.arange(len(swaps)), (TRIES, 1)), axis=1)
    codes = np.array([left * len(ORDINALS) + right for left, right in swaps])[orders]
    for row in orders[(codes[:, 1:] != codes[:, :-1]).all(axis=1)].tolist():
        order = tuple(swaps[i] for i in row)
        found.setdefault(outcome(order), order)
        if all(one in found for one in wanted):
            return found
    return None
