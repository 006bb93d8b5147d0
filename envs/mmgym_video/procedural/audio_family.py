"""What families of questions about sight and sound share: rounds, of which one is asked about.

A round is a stretch of the video in which things are seen and sounds heard. All rounds of a video are drawn alike and
independently, so that what is seen and heard in the others makes wrong answers plausible, and tells nothing. Between
the rounds there is nothing but noises.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mmgym_video.procedural.family import Case, Family, Listen, Look, Setting, Sighting, pick_times
from mmgym_video.procedural.sound import Sound, SoundTrack
from mmgym_video.procedural.sound_stage import SoundStage
from mmgym_video.procedural.stage import Actor, Cover, Fact
from mmgym_video.question import Question

__all__ = ["MARGIN", "AudioFamily", "Round", "cell_starts", "draw_pitches", "draw_place", "nearest_things", "sounds_of"]

ROUNDS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}
"""Rounds of a video, by level; fewer in a short one."""
SECONDS = {1: 40, 2: 50, 3: 60, 4: 80, 5: 100}
"""Length of a round, by level."""
NOISES = {1: 0, 2: 4, 3: 12, 4: 24, 5: 48}
"""Sounds that no question is about, by level; fewer in a short video."""
HUM = {1: 0.0, 2: 0.005, 3: 0.01, 4: 0.02, 5: 0.04}
"""Loudness of the noise that is heard all the time, by level."""
SEMITONES = {1: 12, 2: 7, 3: 5, 4: 4, 5: 3}
"""How far the pitches of a round are apart, by level."""
LOWEST_PITCH = 262.0
MARGIN = 0.5
"""The question names a stretch that begins so many seconds before the round, and ends as much later."""


@dataclass(frozen=True)
class Round:
    """A stretch of a video, and a question about it."""

    actors: tuple[Actor, ...]
    """Things, which are there in this stretch alone."""
    sounds: tuple[Sound, ...]
    """What is heard. Sounds of one kind do not overlap."""
    question: str
    answer: str
    options: tuple[str, ...]
    """In random order."""
    evidence: tuple[tuple[float, float], ...]
    looks: tuple[Look, ...]
    conclude: Callable[[Sequence[Sighting]], str | None]
    """The answer that follows from what was seen and heard; anything else where none follows."""
    content: Hashable
    """As of a `Case`."""
    covers: tuple[Cover, ...] = ()


class AudioFamily(Family):
    """A kind of question that needs the sound, the pictures, and their times."""

    order_sensitive = True
    audio_needed = True
    needs_speech: ClassVar[bool] = False
    """Whether a voice is heard, which takes the extra ``speech``."""
    noises: ClassVar[tuple[str, ...]] = ("chord", "hiss")
    """Kinds of sounds that no question is about, none of them to be taken for one that is asked about."""

    def length(self, setting: Setting) -> float:
        """Length of a round in seconds."""
        return float(min(SECONDS[setting.level], math.floor(setting.duration)) - 2 * MARGIN)

    @abstractmethod
    def rounds(self, rng: np.random.Generator, setting: Setting, starts: Sequence[float]) -> list[Round]:
        """The rounds that begin at these times (seconds), alike in what is asked."""

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        named = self.length(setting) + 2 * MARGIN
        count = min(ROUNDS[setting.level], int(setting.duration // math.ceil(named)))
        starts = [math.floor(t) for t in pick_times(rng, count, 0.0, setting.duration, math.ceil(named))]
        rounds = self.rounds(rng, setting, [start + MARGIN for start in starts])
        asked = int(rng.integers(count))
        chosen, start, end = rounds[asked], starts[asked], round(starts[asked] + named, 1)
        sounds = [sound for one in rounds for sound in one.sounds] + _noises(rng, setting, self.noises)
        stage = SoundStage(
            setting.duration,
            actors=tuple(actor for one in rounds for actor in one.actors),
            covers=tuple(cover for one in rounds for cover in one.covers),
            size=setting.size,
            look=setting.look,
            track=SoundTrack(
                tuple(sorted(sounds, key=lambda sound: sound.start)),
                HUM[setting.level],
                int(rng.integers(2**31)),
                setting.look,
            ),
        )
        question = Question(
            id=self.name,
            video=self.name,
            question=f"Between {start} s and {end:g} s of the video: {chosen.question}",
            answer=chosen.answer,
            options=chosen.options,
            evidence=chosen.evidence,
            family=self.name,
        )

        def conclude(seen: Sequence[Sighting]) -> str:
            found = chosen.conclude(seen)
            return found if found in chosen.options else chosen.options[0]

        return Case(stage, question, chosen.looks, conclude, chosen.content, (Listen(start, end),))


def _noises(rng: np.random.Generator, setting: Setting, kinds: Sequence[str]) -> list[Sound]:
    """Sounds all over the video that mean nothing."""
    count = min(NOISES[setting.level], int(setting.duration // 12))
    starts = pick_times(rng, count, 0.0, setting.duration, 1.5)
    lengths, which = rng.uniform(0.6, 1.4, count).tolist(), rng.integers(len(kinds), size=count).tolist()
    pitches = (LOWEST_PITCH * 2 ** rng.uniform(0, 2, count)).tolist()
    return [
        Sound(kinds[number], start, length, pitch if kinds[number] == "chord" else 0.0, loudness=0.2)
        for start, length, number, pitch in zip(starts, lengths, which, pitches, strict=True)
    ]


def draw_pitches(rng: np.random.Generator, setting: Setting, count: int) -> list[float]:
    """Pitches in Hz, from low to high, as far apart as the level says."""
    lowest = LOWEST_PITCH * 2 ** (int(rng.integers(12)) / 12)
    return [round(lowest * 2 ** (number * SEMITONES[setting.level] / 12), 1) for number in range(count)]


def cell_starts(start: float, length: float, count: int) -> tuple[list[float], float]:
    """Starts of `count` equal cells from `start` on, and how long each is: tenths of seconds, as frames are."""
    cell = math.floor(10 * length / count + 1e-6) / 10
    return [round(start + number * cell, 1) for number in range(count)], cell


def draw_place(rng: np.random.Generator, setting: Setting, size: int) -> tuple[float, float]:
    """A place where a thing of a size is whole in the frame."""
    width, half = 1000 * setting.size[1] / setting.size[0], size / 2 + 20
    x = rng.uniform(half, width - half) if width > 2 * half else width / 2
    return round(x, 1), round(rng.uniform(half, 1000 - half), 1)


def sounds_of(seen: Sequence[Sighting], kind: str, start: float, end: float) -> list[Fact]:
    """Sounds of a kind that were heard in a stretch, in order: the longest of what was heard twice.

    Args:
        seen: what was seen and heard.
        kind: the kind.
        start: of the stretch, in seconds; a sound that begins before it is left out.
        end: of the stretch; a sound that ends after it is left out.
    """
    facts = [f for s in seen for f in s.facts if f["what"] == "sound" and f["kind"] == kind]
    facts = [fact for fact in facts if start <= fact["start"] and fact["end"] <= end]
    found: list[Fact] = []
    for fact in sorted(facts, key=lambda fact: fact["start"] - fact["end"]):
        if all(fact["end"] <= other["start"] or other["end"] <= fact["start"] for other in found):
            found.append(fact)
    return sorted(found, key=lambda fact: fact["start"])


def nearest_things(seen: Sequence[Sighting], time: float) -> list[Fact]:
    """The things in the frame that was seen nearest to a time, of those with any."""
    frames = [(abs(s.time - time), [f for f in s.facts if f["what"] == "thing"]) for s in seen]
    return min(((away, facts) for away, facts in frames if facts), key=lambda one: one[0], default=(0.0, []))[1]
