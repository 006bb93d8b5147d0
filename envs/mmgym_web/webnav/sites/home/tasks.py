"""Tasks at the wall panel. Which lamp is which is only in the pixels: to a screen reader they are all lamps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide, Place
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.home.site import COLOURS

__all__ = ["TEMPLATES"]

_CENTRES = """[...document.querySelectorAll('main > *')].map(e => e.getBoundingClientRect()).map(
  b => [Math.floor((b.left + b.right) / 2), Math.floor((b.top + b.bottom) / 2)])"""
"""The centre of each of the panel's places, in their order."""


class _Lamps(Template):
    """Switch lamps at the panel."""

    sites: ClassVar[tuple[str, ...]] = ("home",)
    pixels: ClassVar[bool] = True
    clicks: ClassVar[bool] = True

    def task(self, episode: Episode, instruction: str, lamps: list[Any], is_on: int) -> Task:
        """The task to give some lamps a state."""
        lamps = [lamp for lamp in lamps if lamp["is_on"] != is_on]
        layout = [tuple(row)[1:] for row in episode.db.execute("SELECT * FROM home_lamps ORDER BY place")]
        return Task(
            site="home",
            instruction=instruction,
            steps=len(lamps),
            expects=tuple(Expect("home_lamps", "update", {"id": lamp["id"]}, {"is_on": is_on}) for lamp in lamps),
            content=repr((sorted(lamp["place"] for lamp in lamps), layout)),
            facts={"lamps": [lamp["id"] for lamp in lamps], "is_on": is_on},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Undo what is wrong, then switch what is left."""
        yield from g.visit("home", "/")
        for change in g.changes:
            if change.after["id"] not in task.facts["lamps"]:
                yield from g.click(f"form[action='/lamps/{change.after['id']}'] button")
        for lamp in task.facts["lamps"]:
            is_on = g.db.execute("SELECT is_on FROM home_lamps WHERE id = ?", (lamp,)).fetchone()[0]
            if is_on != task.facts["is_on"]:
                yield from g.click(f"form[action='/lamps/{lamp}'] button")

    def questions(self, task: Task, g: Guide, place: Place) -> list[tuple[str, str]]:
        """What is where, where is what, and what the task speaks of."""
        centres = g.page.query(_CENTRES) if g.at("home", "/") else []
        lamps = {row["place"]: row for row in g.db.execute("SELECT * FROM home_lamps")}
        asked, seen, where = [], [], dict.fromkeys(COLOURS, "nowhere")
        for index, (x, y) in enumerate(centres):
            at = place(x, y)
            colour = lamps[index]["colour"] if index in lamps else "nothing"
            seen.append(colour)
            asked.append((f"Which colour is at {at}?", colour))
            if index in lamps:
                where[colour] = at
                asked.append((f"Is {colour} on?", "yes" if lamps[index]["is_on"] else "no"))
        asked += [(f"Where is {colour}?", at) for colour, at in where.items()]
        named = [colour for colour in COLOURS if re.search(rf"\b{colour}\b", task.instruction)]
        asked.append(("Which colours does the task name?", " ".join(named) or "none"))
        return [*asked, ("Which colours are there?", " ".join(seen) or "none")]


class SwitchOn(_Lamps):
    """Switch on the lamp of a colour."""

    name: ClassVar[str] = "home_switch_on"
    level: ClassVar[int] = 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A lamp that is off."""
        dark = list(episode.db.execute("SELECT * FROM home_lamps WHERE is_on = 0"))
        lamp = dark[rng.integers(len(dark))]
        asked = ("Switch on the {} lamp.", "Turn the {} lamp on.", "Please put on the {} lamp.")[rng.integers(3)]
        return self.task(episode, asked.format(lamp["colour"]), [lamp], 1)


class SwitchShape(_Lamps):
    """Switch on the one lamp of a shape."""

    name: ClassVar[str] = "home_switch_shape"
    level: ClassVar[int] = 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A lamp that is off, and the only one of its shape."""
        found = list(episode.db.execute("SELECT * FROM home_lamps GROUP BY shape HAVING count(*) = 1 AND is_on = 0"))
        if not found:
            raise Redraw
        lamp = found[rng.integers(len(found))]
        return self.task(episode, f"Switch on the {lamp['shape']} lamp.", [lamp], 1)


class SwitchTwo(_Lamps):
    """Switch on two lamps."""

    name: ClassVar[str] = "home_switch_two"
    level: ClassVar[int] = 2

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Two lamps that are off."""
        dark = list(episode.db.execute("SELECT * FROM home_lamps WHERE is_on = 0"))
        one, two = (dark[index] for index in rng.permutation(len(dark))[:2])
        return self.task(episode, f"Switch on the {one['colour']} and the {two['colour']} lamp.", [one, two], 1)


class AllButOne(_Lamps):
    """Switch on all lamps but one."""

    name: ClassVar[str] = "home_all_but_one"
    level: ClassVar[int] = 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """The one that stays off is off."""
        lamps = list(episode.db.execute("SELECT * FROM home_lamps"))
        wanted = [lamps[index] for index in rng.permutation(len(lamps))[: len(lamps) - 1]]
        if any(lamp["is_on"] for lamp in lamps if lamp not in wanted):
            raise Redraw
        left = next(lamp["colour"] for lamp in lamps if lamp not in wanted)
        return self.task(episode, f"Every lamp but the {left} one shall be on.", wanted, 1)


TEMPLATES = (SwitchOn, SwitchShape, SwitchTwo, AllButOne)
