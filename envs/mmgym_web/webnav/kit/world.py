"""The world behind the sites of one episode: who lives there, what day it is, and how its sites look.

Everything comes from the seed. Texts that tell instances apart (names of people, products, documents) are drawn until
they belong to the asked split (`split_of`), so no name of a held-out split ever occurs in training.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mmgym_web.webnav.kit.theme import Theme, draw_theme
from mmgym_web.webnav.kit.words import CITIES, FIRST_NAMES, JOBS, LAST_NAMES, STREETS

__all__ = ["Person", "World", "split_of"]

_SHARES = (("train", 14), ("val", 16), ("test", 18), ("ood", 20))
"""Which of 20 equal parts of all texts belong to which split: those below the number."""


def split_of(text: str) -> str:
    """The split a text belongs to: 70 % train, 10 % each val, test and ood, by its hash."""
    part = int.from_bytes(hashlib.sha256(text.casefold().encode()).digest()[:4], "big") % 20
    return next(name for name, end in _SHARES if part < end)


@dataclass(frozen=True)
class Person:
    """Somebody in the world."""

    first: str
    last: str
    email: str
    phone: str
    street: str
    city: str
    job: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"


@dataclass(frozen=True)
class World:
    """One world. Equal seeds and splits give equal worlds.

    Args:
        seed: seed of everything in it.
        split: the split whose texts, languages and themes are used.
        level: the difficulty, 1 to 5, for sites that hold more at higher levels.
    """

    seed: int
    split: str = "train"
    level: int = 1

    def rng(self, *names: Any) -> np.random.Generator:
        """A generator for one purpose, named by `names`: equal names give equal draws, other names independent ones."""
        key = hashlib.sha256(repr((self.seed, self.split, self.level, names)).encode()).digest()
        return np.random.default_rng(list(key))

    @cached_property
    def now(self) -> dt.datetime:
        """The frozen moment of the episode (UTC, a weekday morning in 2026)."""
        rng = self.rng("now")
        day = dt.date(2026, 1, 5) + dt.timedelta(weeks=int(rng.integers(0, 48)), days=int(rng.integers(0, 5)))
        return dt.datetime.combine(day, dt.time(int(rng.integers(8, 11)), int(rng.integers(0, 4)) * 15))

    @cached_property
    def town(self) -> str:
        """A made-up town; the sites' hosts end with it."""
        rng = self.rng("town")
        starts, ends = (
            ("har", "win", "elm", "oak", "lin", "mar", "sel", "fen"),
            ("bury", "ford", "wick", "mouth", "ham"),
        )
        return f"{starts[rng.integers(len(starts))]}{ends[rng.integers(len(ends))]}"

    @cached_property
    def language(self) -> str:
        """Language of the labels: English, and German or French in the split ``ood``."""
        return "en" if self.split != "ood" else ("de", "fr")[self.rng("language").integers(2)]

    @cached_property
    def people(self) -> tuple[Person, ...]:
        """Fourteen people with distinct first and last names."""
        rng, people = self.rng("people"), list[Person]()
        while len(people) < 14:
            first, last = str(rng.choice(FIRST_NAMES)), str(rng.choice(LAST_NAMES))
            taken = any(first == p.first or last == p.last for p in people)
            if taken or split_of(f"{first} {last}") != self.split:
                continue
            people.append(
                Person(
                    first,
                    last,
                    f"{first}.{last}@{self.town}.test".lower(),
                    f"0{rng.integers(20, 99)} {rng.integers(100, 999)} {rng.integers(1000, 9999)}",
                    f"{rng.integers(1, 99)} {rng.choice(STREETS)}",
                    str(rng.choice(CITIES)),
                    str(rng.choice(JOBS)),
                )
            )
        return tuple(people)

    @property
    def me(self) -> Person:
        """Whose accounts the agent uses: logged in everywhere."""
        return self.people[0]

    @property
    def others(self) -> tuple[Person, ...]:
        """Everybody else."""
        return self.people[1:]

    def theme(self, site: str) -> Theme:
        """How a site looks in this world."""
        return draw_theme(self.rng("theme", site), held_out=self.split == "ood")

    def distinct(self, rng: np.random.Generator, draw: Callable[[np.random.Generator], str], count: int) -> list[str]:
        """`count` different texts of this world's split, drawn by `draw` until they belong.

        Raises:
            ValueError: when `draw` does not know that many (give it ten times as many as are needed).
        """
        found: dict[str, None] = {}
        for _ in range(400 * count):
            text = draw(rng)
            if split_of(text) == self.split:
                found[text] = None
                if len(found) == count:
                    return list(found)
        raise ValueError(
            f"only {len(found)} of {count} distinct texts of split {self.split!r}; widen what is drawn from"
        )
