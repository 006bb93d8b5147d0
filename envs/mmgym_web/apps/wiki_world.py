"""What is in the wiki of a world: pages on rooms, machines and projects, and the history of their edits."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mmgym_web.webnav.kit.world import World

__all__ = ["KINDS", "Edit", "Wiki", "WikiPage", "draw_wiki"]

KINDS: dict[str, dict[str, tuple[str, ...]]] = {
    "rooms": {
        "Seats": ("6", "8", "10", "12", "16", "20", "24"),
        "Floor": ("1", "2", "3", "4", "5"),
        "Screen": ("projector", "large display", "whiteboard", "none"),
        "Cleaning": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    },
    "machines": {
        "Maker": ("Kestrel", "Brandt & Lund", "Ostwerk", "Calder", "Nimbus", "Halloran"),
        "Bought": ("2014", "2016", "2017", "2019", "2021", "2023"),
        "Power": ("400 W", "900 W", "1500 W", "2200 W", "3000 W"),
        "Service": ("weekly", "monthly", "every quarter", "once a year"),
    },
    "projects": {
        "Budget": ("12000 EUR", "18000 EUR", "25000 EUR", "40000 EUR", "65000 EUR", "90000 EUR"),
        "Phase": ("idea", "planning", "building", "testing", "finished"),
        "Deadline": ("15 March", "30 April", "12 June", "1 September", "20 November"),
        "Team size": ("3", "4", "5", "7", "9"),
    },
}
"""Facts of each kind of page, and what they may be. The kind is the folder the page is in."""
_STARTS = (
    "amber", "birch", "blue", "bright", "cedar", "clear", "copper", "crow", "dove", "elder", "falcon", "fern", "flint",
    "frost", "glen", "golden", "green", "grey", "hazel", "heron", "iron", "ivy", "juniper", "lark", "linden", "maple",
    "marsh", "moss", "north", "oak", "opal", "otter", "pine", "raven", "red", "rowan", "sage", "silver", "stone",
)  # fmt: skip
_ENDS = (
    "bank", "bay", "bridge", "brook", "cliff", "cove", "dale", "edge", "fall", "field", "ford", "gate", "grove",
    "hill", "hollow", "lake", "land", "leaf", "light", "mill", "moor", "path", "peak", "point", "pool", "port", "ridge",
    "rise", "road", "rock", "shore", "side", "spring", "tower", "vale", "view", "water", "way", "wood",
)  # fmt: skip
_NOTES = {
    "rooms": ("Please close the windows.", "The key is at the reception.", "Book it a day ahead.", "It has daylight."),
    "machines": ("Switch it off in the evening.", "Only after a briefing.", "Ear protection is needed.", "It is loud."),
    "projects": ("We meet every second week.", "The client visits in spring.", "The plan is in the archive."),
}


@dataclass(frozen=True)
class WikiPage:
    """One page."""

    kind: str
    """Its folder: one of `KINDS`."""
    name: str
    """Its name, with a capital letter."""
    facts: tuple[tuple[str, str], ...]
    """Label and value, in order; the first is the owner."""
    note: str
    """The sentence at its end."""

    @property
    def file(self) -> str:
        """Its file in the repository."""
        return f"{self.kind}/{self.name.lower()}.md"

    @property
    def path(self) -> str:
        """Path of its URL."""
        return f"/{self.kind.capitalize()}/{self.name}"

    @property
    def text(self) -> str:
        """Its Markdown."""
        lines = "\n".join(f"- {label}: {value}" for label, value in self.facts)
        return f"# {self.name}\n\n{lines}\n\n{self.note}\n"

    def fact(self, label: str) -> str:
        """The value of a fact."""
        return dict(self.facts)[label]

    def with_fact(self, label: str, value: str) -> WikiPage:
        """The page with another value of a fact."""
        return replace(self, facts=tuple((name, value if name == label else old) for name, old in self.facts))


@dataclass(frozen=True)
class Edit:
    """One commit of the wiki's history."""

    page: WikiPage
    """The page as it is afterwards."""
    author: int
    """Number of the person who made it, in the world's list."""
    minutes_ago: int
    """When, in minutes before the episode."""
    message: str


@dataclass(frozen=True)
class Wiki:
    """The content of a wiki."""

    pages: tuple[WikiPage, ...]
    """As they are at the start of the episode."""
    edits: tuple[Edit, ...]
    """The whole history, oldest first."""

    def history(self, page: WikiPage) -> list[Edit]:
        """The edits of one page, oldest first."""
        return [edit for edit in self.edits if edit.page.name == page.name]

    @property
    def home(self) -> str:
        """Markdown of the home page: a list of all pages."""
        groups = []
        for kind in KINDS:
            links = "\n".join(f"- [{page.name}]({page.path})" for page in self.pages if page.kind == kind)
            groups.append(f"## {kind.capitalize()}\n\n{links}\n")
        return "# Home\n\nWelcome to our wiki.\n\n" + "\n".join(groups)


def draw_wiki(world: World) -> Wiki:
    """The wiki of a world: two pages of each kind, and up to three more at higher levels; every second was edited."""
    rng = world.rng("wiki")

    def name(rng: np.random.Generator) -> str:
        return f"{rng.choice(_STARTS)}{rng.choice(_ENDS)}".capitalize()

    count = 6 + 2 * ((world.level + 1) // 2)
    names = world.distinct(rng, name, count)
    ages = sorted((int(age) for age in rng.choice(60 * 24 * 60, 2 * count, replace=False) + 60), reverse=True)
    pages, edits = [], []
    for index, title in enumerate(names):
        kind = list(KINDS)[index % len(KINDS)]
        facts = [("Owner", world.people[rng.integers(6)].name)]
        facts += [(label, str(rng.choice(values))) for label, values in KINDS[kind].items()]
        page = WikiPage(kind, title, tuple(facts), str(rng.choice(_NOTES[kind])))
        edits.append(Edit(page, int(rng.integers(6)), ages[index], f"{title} created"))
        if index % 2:
            label = str(rng.choice(list(KINDS[kind])))
            value = str(rng.choice([value for value in KINDS[kind][label] if value != page.fact(label)]))
            page = page.with_fact(label, value)
            edits.append(Edit(page, int(rng.integers(6)), ages[count + index], f"{label} changed"))
        pages.append(page)
    return Wiki(tuple(pages), tuple(sorted(edits, key=lambda edit: -edit.minutes_ago)))
