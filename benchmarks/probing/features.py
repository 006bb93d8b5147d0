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
from mmgym_video.procedural.reader import Reader
from mmgym_video.procedural.sound import KINDS as SOUNDS
from mmgym_video.procedural.stage import Fact
from mmgym_video.question import Question
from mmgym_video.video import Subtitle

__all__ = ["KINDS", "Instance", "describe", "worded"]

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
    words = _words(case.question)
    wording = _wording(case.question, case.video.duration, case.video.subtitles)
    known = {"blind": [wording]}
    if (is_told := bool(case.listens or case.reads)) or set(kinds) != {"blind"}:
        film = _Film(case, frames)
        straight = [*range(frames)]
        told = [_sounds(film), film.concluded([])] if is_told else []
        known["blind"] += told
        if {"shuffled", "ordered"} & set(kinds):
            known["shuffled"] = [wording, *told, *_without_order(film, rng)]
            known["ordered"] = [*known["shuffled"], film.in_order(straight), film.concluded(straight)]
        if "muted" in kinds:
            seen = [film.as_bag(), film.in_order(straight), film.concluded(straight, deaf=True)]
            known["muted"] = [wording, *seen]
    codes = _codes(case.question)
    return {
        kind: Instance(words, codes, _beside_the_others(np.hstack(known[kind])), case.question.answer_index)
        for kind in kinds
    }


def worded(question: Question) -> Instance:
    """One question, a choice, as its wording alone tells it."""
    rows = _beside_the_others(_wording(question))
    return Instance(_words(question), _codes(question), rows, question.answer_index)


# --- everything but the pixels ----------------------------------------------------------------------------------------


def _tokens(text: str) -> list[str]:
    return re.findall(r"[a-z]+|\d+(?:\.\d+)?", text.casefold())


def _codes(question: Question) -> tuple[int, ...]:
    return tuple(zlib.crc32(option.encode()) % CODES for option in question.options)


def _words(question: Question) -> tuple[tuple[str, ...], ...]:
    """Words and pairs of each option, alone, with its position, and with each word and pair of the question."""
    asked = _tokens(question.question)
    context = [*asked, *(f"{a} {b}" for a, b in itertools.pairwise(asked))]
    found = []
    for position, option in enumerate(question.options):
        tokens = _tokens(option)
        own = [option, *tokens, *(f"{a} {b}" for a, b in itertools.pairwise(tokens))]
        crossed = [f"{word}|{mine}" for word in context for mine in (option, *tokens[:6])]
        said = (f"#{position}", *own, *(f"#{position}|{word}" for word in own), *crossed)
        found.append(tuple(dict.fromkeys(said)))
    return tuple(found)


def _number(text: str) -> float:
    found = re.search(r"\d+(?:\.\d+)?", text)
    return float(found[0]) if found else 0.0


def _times(question: Question, duration: float) -> list[float]:
    """The first four times that the question names, in seconds; 0 for those it does not."""
    named = [float(text) for text in re.findall(r"(\d+(?:\.\d+)?) s\b", question.question)]
    return [min(time, duration) for time in (*named, 0.0, 0.0, 0.0, 0.0)][:4]


def _wording(question: Question, duration: float = 0.0, subtitles: Sequence[Subtitle] = ()) -> Rows:
    options = question.options
    values = np.array([_number(option) for option in options])
    lengths = np.array([len(option) for option in options])
    tokens = [set(_tokens(option)) for option in options]
    asked = set(_tokens(question.question))
    times, said = _times(question, duration), [set(_tokens(line.text)) for line in subtitles]
    within = [times[0] <= line.start <= (times[1] or times[0]) for line in subtitles]
    shared = [*times, _number(question.question), duration, len(question.question), len(options), len(said)]
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
        reader = Reader(case, case.video, lambda shot: 1000, hear=getattr(case.video, "heard", None))
        heard, read = ([(part.start, part.end) for part in parts] for parts in (case.listens, case.reads))
        self.heard, self.read = reader.sightings((), heard), reader.sightings((), (), read)
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
        there = ~np.isnan(self.places[..., 0])
        names = [frozenset(_tokens(" ".join(str(part) for part in key[1:] if part))) for key in index]
        items = [_items(option) for option in case.question.options]
        asked = frozenset(_tokens(case.question.question))
        shared = [len(asked & name) for name in names]
        fitting = [[0 < count == max(shared) for count in shared]]
        full = [[item[0] <= name for name in names] for item in items]
        some = [[bool(frozenset().union(*item) & name) for name in names] for item in items]
        self.asked = _Shown(self.places, there, fitting)
        self.named = [_Shown(self.places, there, rows) for rows in (full, some)]
        self.parts = [_Shown(self.places, there, [[p <= name for name in names] for p in item]) for item in items]
        self.seen = there

    def concluded(self, order: Sequence[int], deaf: bool = False) -> Rows:
        """(options, 1): whether each is the answer that follows from frames in an order (or none), and what is told."""
        seen = [Sighting(time, self.facts[i]) for time, i in zip(self.times, order, strict=False)]
        told = self.read if deaf else [*self.heard, *self.read]
        said = self.case.conclude(sorted([*seen, *told], key=lambda sighting: sighting.time))
        return np.array([[option == said] for option in self.case.question.options], float)

    def as_bag(self) -> Rows:
        """How often what each option names is there, where, and with what."""
        with_asked = self.asked.count[0] > 0
        per_frame = self.asked.count[0]
        share = with_asked.mean() * self.case.video.duration
        totals = [with_asked.sum(), per_frame.sum(), per_frame.max(), self.seen.any(0).sum(), share]
        columns = []
        for named in self.named:
            shown = named.count > 0
            both = shown & with_asked
            apart = np.where(both, np.abs(named.middle - self.asked.middle).sum(-1), np.nan)
            rivals = (self.named[0].count.sum(0) - self.named[0].count > 0) & shown
            columns += [shown.sum(1), named.count.sum(1), named.kinds, both.sum(1), rivals.sum(1)]
            columns += [_mean(apart), np.nan_to_num(np.fmin.reduce(apart, axis=1), nan=-1.0)]
            columns += [part for axis in (0, 1) for part in _mean_and_spread(named.middle[..., axis])]
        columns += [*np.array([self._ties(parts) for parts in self.parts]).T]
        values = np.array([_number(option) for option in self.case.question.options])
        columns += [values - total for total in totals]
        shared = [*totals, (~self.seen.any(1)).sum(), self.places.shape[1]]
        return np.column_stack([*columns, *(np.full(len(values), total) for total in shared)]).astype(float)

    @staticmethod
    def _ties(parts: _Shown) -> list[float]:
        """In how many frames neighbours in the order that an option states are together, and how far apart they are."""
        together = ((parts.count[:-1] > 0) & (parts.count[1:] > 0)).sum()
        where = np.column_stack([_mean(parts.middle[..., axis]) for axis in (0, 1)])
        return [float(together), float(np.abs(np.diff(where, axis=0)).sum())]

    def in_order(self, order: Sequence[int]) -> Rows:
        """What is in force at the times that the question names, what comes first and last, and how things move."""
        times = np.array(self.times)
        named = [time for time in _times(self.case.question, self.case.video.duration) if time]
        stretch = (times >= named[0]) & (times < named[1]) if len(named) > 1 else np.ones(len(times), bool)
        shown = self.named[0].count[:, order] > 0
        at = [int(np.abs(times - time).argmin()) for time in (named * 2 or [0.0, 0.0])[:2]]
        columns = [shown[:, i] for i in at]
        for where in (shown, shown & stretch):
            first, last, count = _ends(where)
            columns += [first, last, count, (where * np.arange(len(times))).sum(1) / np.maximum(count, 1)]
        agreement = []
        for parts in self.parts:
            first, _, count = _ends((parts.count[:, order] > 0) & stretch)
            starts = first[count > 0]
            agreement.append(np.triu(np.sign(starts[None] - starts[:, None])).sum())
        places = self.asked.middle[0][order][stretch]
        moves = np.nan_to_num(np.diff(places, axis=0))
        spokes = np.nan_to_num(places - [_mean(self.asked.middle[..., axis])[0] for axis in (0, 1)])
        turns = (spokes[:-1, 0] * spokes[1:, 1] - spokes[:-1, 1] * spokes[1:, 0]).sum()
        shared = [*moves.sum(0), *np.abs(moves).sum(0), turns]
        return np.column_stack([*columns, agreement, *(np.full(len(shown), total) for total in shared)]).astype(float)


class _Shown:
    """In which frames things are, and where.

    Args:
        places: (frames, things, 2), NaN where a thing is not.
        there: (frames, things).
        rows: which of the things each row is about.
    """

    def __init__(self, places: np.ndarray, there: np.ndarray, rows: Sequence[Sequence[bool]]):
        which = np.array(rows, float).reshape(len(rows), there.shape[1])
        self.kinds = which.sum(1)
        self.count = which @ there.T
        """(rows, frames): how many of the things are there."""
        total = np.tensordot(which, np.nan_to_num(places), ([1], [1]))
        self.middle = np.where(self.count[..., None] > 0, total / np.maximum(self.count, 1)[..., None], np.nan)
        """(rows, frames, 2): their middle; NaN where none is."""


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean along the last axis of what is not NaN; -1 where all is."""
    count = (~np.isnan(values)).sum(-1)
    return np.where(count > 0, np.nansum(values, -1) / np.maximum(count, 1), -1.0)


def _mean_and_spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = _mean(values)
    return mean, np.sqrt(np.maximum(_mean((values - mean[:, None]) ** 2), 0.0))


def _ends(where: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First and last index in each row that holds (-1 where none does), and how many do."""
    count = where.sum(1)
    last = where.shape[1] - 1 - where[:, ::-1].argmax(1)
    return np.where(count > 0, where.argmax(1), -1), np.where(count > 0, last, -1), count


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
