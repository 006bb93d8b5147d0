"""What is known of a question without seeing its video in order, as numbers and words for each of its options.

- ``blind``: everything but the pixels: wording, positions, lengths, numbers and times named, subtitles, what is heard.
- ``shuffled``: as well the frames without their times, as facts: what is in how many of them, where, and with what;
  what the family's own conclusion says of random orders, and of the order that is guessed from what moves.
- ``muted``: as well the frames in order, but nothing that is heard.
- ``ordered``: everything: the control that shows that a probe can see and hear at all.

Each option has features of its own, and their differences from the mean over the question's options: right is the one
that a classifier finds likeliest.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.probing.seriation import seriate
from mmgym_video.procedural.family import Case, Sighting
from mmgym_video.procedural.sound import KINDS as SOUNDS
from mmgym_video.procedural.stage import Fact

__all__ = ["KINDS", "Instance", "describe"]

KINDS = ("blind", "shuffled", "ordered", "muted")
ORDERS = 8
"""Random orders of the frames that are concluded from."""
CODES = 64
"""Options are told apart by so many codes."""
Rows = np.ndarray
"""Float (options, features)."""


@dataclass(frozen=True)
class Instance:
    """What a classifier is given of one question."""

    words: tuple[tuple[str, ...], ...]
    """For each option: names of what holds for it."""
    codes: tuple[int, ...]
    """For each option: a number below `CODES` that stands for its text."""
    numbers: np.ndarray
    """float32 (options, features)."""
    right: int
    """Index of the right option."""


def describe(case: Case, kinds: Sequence[str], frames: int, rng: np.random.Generator) -> dict[str, Instance]:
    """One question as each of the kinds of probes knows it.

    Args:
        case: video and question, a choice.
        kinds: some of `KINDS`.
        frames: how many frames are known, at even distances.
        rng: orders them where their order must not be known.
    """
    words, wording = _words(case), _wording(case)
    known = {"blind": [wording]}
    if case.listens or set(kinds) - {"blind"}:
        film = _Film(case, frames)
        straight = list(range(frames))
        heard = [_sounds(film), film.concluded([])] if film.heard else []
        known["blind"] += heard
        known["shuffled"] = [wording, *heard, *_without_order(film, rng)]
        known["ordered"] = [*known["shuffled"], film.in_order(straight), film.concluded(straight)]
        seen = [film.as_bag(), film.in_order(straight), film.concluded(straight, deaf=True)]
        known["muted"] = [wording, *seen]
    codes = tuple(zlib.crc32(option.encode()) % CODES for option in case.question.options)
    return {
        kind: Instance(words, codes, _beside_the_others(np.hstack(known[kind])), case.question.answer_index)
        for kind in kinds
    }


# --- everything but the pixels ----------------------------------------------------------------------------------------


def _tokens(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+(?:\.\d+)?", text.casefold())


def _words(case: Case) -> tuple[tuple[str, ...], ...]:
    """Words and pairs of each option, alone, with its position, and with each word and pair of the question."""
    asked = _tokens(case.question.question)
    context = [*asked, *(f"{a} {b}" for a, b in itertools.pairwise(asked))]
    found = []
    for position, option in enumerate(case.question.options):
        tokens = _tokens(option)
        own = [option, *tokens, *(f"{a} {b}" for a, b in itertools.pairwise(tokens))]
        crossed = [f"{word}|{mine}" for word in context for mine in (option, *tokens[:6])]
        found.append((f"#{position}", *own, *(f"#{position}|{word}" for word in own), *crossed))
    return tuple(found)


def _number(text: str) -> float:
    found = re.search(r"\d+(?:\.\d+)?", text)
    return float(found[0]) if found else 0.0


def _times(case: Case) -> list[float]:
    """The first four times that the question names, in seconds; 0 for those it does not."""
    named = [float(text) for text in re.findall(r"(\d+(?:\.\d+)?) s\b", case.question.question)]
    return [min(time, case.video.duration) for time in (*named, 0.0, 0.0, 0.0, 0.0)][:4]


def _wording(case: Case) -> Rows:
    question, options = case.question, case.question.options
    values = np.array([_number(option) for option in options])
    lengths = np.array([len(option) for option in options])
    tokens = [set(_tokens(option)) for option in options]
    asked = set(_tokens(question.question))
    times, said = _times(case), [set(_tokens(line.text)) for line in case.video.subtitles]
    within = [times[0] <= line.start <= (times[1] or times[0]) for line in case.video.subtitles]
    shared = [*times, _number(question.question), case.video.duration, len(question.question), len(options), len(said)]
    rows = []
    for i, option in enumerate(options):
        gaps = np.abs(np.delete(values, i) - values[i])
        others = [other for j, other in enumerate(tokens) if j != i]
        lines = [tokens[i] <= line for line in said]
        rows.append(
            [
                *shared,
                i,
                lengths[i],
                (lengths < lengths[i]).sum(),
                (lengths > lengths[i]).sum(),
                len(tokens[i]),
                values[i],
                (values < values[i]).sum(),
                (values > values[i]).sum(),
                gaps.min(),
                gaps.max(),
                options.index(min(options)) == i,
                sorted(options).index(option),
                len(tokens[i] & asked),
                sum(len(tokens[i] & other) for other in others),
                sum(bool(tokens[i] & other) for other in others),
                sum(lines),
                sum(line and inside for line, inside in zip(lines, within, strict=True)),
            ]
        )
    return np.array(rows, float)


# --- frames -----------------------------------------------------------------------------------------------------------


class _Film:
    """Frames of a video at even distances, as what is seen where, and which of it each option and the question name.

    Args:
        case: video and question.
        frames: how many.
    """

    def __init__(self, case: Case, frames: int):
        self.case = case
        duration = case.video.duration
        hear = getattr(case.video, "heard", None)
        self.heard = [Sighting(listen.start, hear(listen.start, listen.end)) for listen in case.listens] if hear else []
        self.times = [case.video.frame_time((i + 0.5) / frames * duration) for i in range(frames)]
        self.facts = [case.video.facts(time) for time in self.times]
        index: dict[tuple[object, ...], int] = {}
        rows: list[tuple[int, int, float, float]] = []
        for number, facts in enumerate(self.facts):
            twins: dict[tuple[object, ...], int] = {}
            for fact in facts:
                said = _said(fact)
                twins[said] = twins.get(said, 0) + 1
                key = index.setdefault((twins[said], *said), len(index))
                rows.append((number, key, fact.get("x", 50), fact.get("y", 50)))
        self.places = np.full((frames, len(index), 2), np.nan)
        for number, key, x, y in rows:
            self.places[number, key] = x, y
        self.there = ~np.isnan(self.places[..., 0])
        names = [frozenset(_tokens(" ".join(str(part) for part in key[1:] if part))) for key in index]
        self.items = [_items(option) for option in case.question.options]
        asked = frozenset(_tokens(case.question.question))
        sharing = [len(asked & name) for name in names]
        best = max(sharing, default=0)
        self.asked = np.array([count > 0 and count == best for count in sharing], bool)
        self.full = np.array([[item[0] <= name for name in names] for item in self.items], bool)
        self.any = np.array([[bool(set().union(*item) & name) for name in names] for item in self.items], bool)
        self.steps = [np.array([[part <= name for name in names] for part in item], bool) for item in self.items]

    def concluded(self, order: Sequence[int], deaf: bool = False) -> Rows:
        """(options, 1): whether each is the answer that follows from frames in an order (or none), and the sound."""
        seen = [Sighting(time, self.facts[i]) for time, i in zip(self.times, order, strict=False)]
        heard = [] if deaf else self.heard
        said = self.case.conclude(sorted([*seen, *heard], key=lambda sighting: sighting.time))
        return np.array([[option == said] for option in self.case.question.options], float)

    def as_bag(self) -> Rows:
        """How often what each option names is there, where, and with what."""
        frames, asked = len(self.times), self.there & self.asked
        with_asked = asked.any(1)
        middle = _mean_place(self.places, asked)
        value = np.array([_number(option) for option in self.case.question.options])
        totals = [with_asked.sum(), asked.sum(), asked.sum(1).max(initial=0), self.there.any(0).sum()]
        share = with_asked.mean() * self.case.video.duration
        rows = []
        for number in range(len(self.items)):
            row: list[float] = []
            for named in (self.full[number], self.any[number]):
                mine = self.there & named
                shown = mine.any(1)
                place = _mean_place(self.places, mine)
                apart = np.abs(place - middle).sum(1)
                both = shown & with_asked
                others = [k for k in range(len(self.items)) if k != number]
                rivals = (self.there & self.full[others].any(0) & ~named).any(1)
                row += [shown.sum(), mine.sum(), named.sum(), both.sum(), (shown & rivals).sum()]
                row += [apart[both].mean() if both.any() else -1.0, apart[both].min() if both.any() else -1.0]
                row += _spread(place[shown])
            row += self._ties(number)
            row += [value[number] - total for total in (*totals, share)]
            rows.append(row)
        shared = [*totals, share, frames - self.there.any(1).sum(), self.places.shape[1]]
        return np.array([[*row, *shared] for row in rows], float)

    def _ties(self, number: int) -> list[float]:
        """How near each other, and in how many frames together, neighbours in the order that an option states are."""
        parts = self.steps[number]
        if len(parts) < 2:
            return [0.0, 0.0]
        together, apart = [], []
        for one, other in itertools.pairwise(parts):
            first, second = self.there & one, self.there & other
            together.append((first.any(1) & second.any(1)).sum())
            gap = _all_mean(self.places, first) - _all_mean(self.places, second)
            apart.append(float(np.abs(gap).sum()))
        return [float(np.sum(together)), float(np.mean(apart))]

    def in_order(self, order: Sequence[int]) -> Rows:
        """What is in force at the times that the question names, what comes first and last, and how things move."""
        places, there, times = self.places[list(order)], self.there[list(order)], np.array(self.times)
        named = [time for time in _times(self.case) if time]
        stretch = (times >= named[0]) & (times < named[1]) if len(named) > 1 else np.ones(len(times), bool)
        at = [int(np.abs(times - time).argmin()) for time in named[:2]]
        asked = _mean_place(places, there & self.asked)
        moves = np.nan_to_num(np.diff(asked[stretch], axis=0))
        turns = np.nan_to_num(np.cross(*_paired(asked[stretch] - _all_mean(places, there & self.asked))))
        shared = [*moves.sum(0), *np.abs(moves).sum(0), turns.sum()]
        rows = []
        for number in range(len(self.items)):
            shown = (there & self.full[number]).any(1)
            row = [float(shown[i]) for i in at] + [0.0] * (2 - len(at))
            for where in (shown, shown & stretch):
                found = np.flatnonzero(where)
                row += [found[0], found[-1], found.mean(), len(found)] if len(found) else [-1.0, -1.0, -1.0, 0.0]
            firsts = [np.flatnonzero((there & part).any(1) & stretch) for part in self.steps[number]]
            starts = [found[0] for found in firsts if len(found)]
            row.append(sum(a < b for a, b in itertools.combinations(starts, 2)) - len(starts) * (len(starts) - 1) / 4)
            rows.append([*row, *shared])
        return np.array(rows, float)


def _sounds(film: _Film) -> Rows:
    """How many sounds are heard, of which kinds and pitches, and whether a word says what an option does."""
    facts = [fact for sighting in film.heard for fact in sighting.facts]
    kinds = [sum(fact["kind"] == kind for fact in facts) for kind in SOUNDS]
    pitches = [fact["pitch"] for fact in facts if fact["pitch"]] or [0.0]
    rising = sum(np.sign(fact["to"] - fact["pitch"]) for fact in facts)
    starts = [fact["start"] - film.heard[0].time for fact in facts] or [0.0]
    shared = [*kinds, min(pitches), max(pitches), pitches[0], pitches[-1], rising, starts[0], starts[-1]]
    spoken = [set(_tokens(fact["text"] or "")) for fact in facts]
    rows = []
    for option in film.case.question.options:
        said = sum(bool(words & set(_tokens(option))) for words in spoken)
        rows.append([said, *(_number(option) - count for count in kinds), *shared])
    return np.array(rows, float)


def _said(fact: Fact) -> tuple[object, ...]:
    """A fact but for its place."""
    return tuple(value for name, value in sorted(fact.items()) if name not in ("x", "y"))


def _items(option: str) -> list[frozenset[str]]:
    """The words of an option; of one that states an order, those of each of its parts."""
    parts = [part for part in re.split(r",|->|>|\bthen\b|\band\b|;", option) if _tokens(part)]
    return [frozenset(_tokens(part)) for part in parts] or [frozenset([option])]


def _mean_place(places: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(frames, 2): the middle of those things that are there; NaN where none is."""
    count = there.sum(1)
    total = np.where(there[..., None], places, 0.0).sum(1)
    return np.where(count[:, None] > 0, total / np.maximum(count, 1)[:, None], np.nan)


def _all_mean(places: np.ndarray, there: np.ndarray) -> np.ndarray:
    return np.where(there[..., None], places, 0.0).sum((0, 1)) / max(1, there.sum())


def _paired(places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    padded = np.pad(places, ((0, 0), (0, 1)))
    return padded[:-1], padded[1:]


def _spread(places: np.ndarray) -> list[float]:
    if not len(places):
        return [-1.0] * 4
    return [*places.mean(0), *places.std(0)]


def _without_order(film: _Film, rng: np.random.Generator) -> list[Rows]:
    """All that can be known of frames whose order is not."""
    count = len(film.times)
    random = np.mean([film.concluded(rng.permutation(count).tolist()) for _ in range(ORDERS)], axis=0)
    bag = rng.permutation(count)
    guessed = bag[seriate(film.places[bag])].tolist()
    # Which end is the beginning is not known: what holds in both directions, in one, in none.
    one, other = (_both(film, order) for order in (guessed, guessed[::-1]))
    return [film.as_bag(), random, np.minimum(one, other), np.maximum(one, other)]


def _both(film: _Film, order: Sequence[int]) -> Rows:
    return np.hstack([film.in_order(order), film.concluded(order)])


def _beside_the_others(rows: Rows) -> Rows:
    return np.hstack([rows, rows - rows.mean(0)]).astype(np.float32)
