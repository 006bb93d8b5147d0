"""Tasks in the wiki that end with an answer or with one press: opening, finding, comparing, looking at pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.checks import Answer
from mmgym_web.webnav.kit.changes import Expect
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.sites.wiki.edits import EDITS
from mmgym_web.webnav.sites.wiki.lore import CATEGORIES, MONTHS
from mmgym_web.webnav.sites.wiki.steps import look_at, open_article, pick, say

__all__ = ["TEMPLATES"]


def _article(episode: Episode, rng: np.random.Generator, category: str = "") -> Any:
    rows = episode.site("wiki").rows("SELECT * FROM wiki_pages WHERE ? IN ('', category) ORDER BY id", category)
    return pick(rng, rows)


class WikiOpen(Template):
    """Open an article of a category by its title."""

    name, sites, level = "wiki_open", ("wiki",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An article on the list of its category."""
        row = _article(episode, rng)
        text = say(
            rng,
            "Open the wiki article {title}.",
            "Go to the article {title} in the wiki.",
            "I want to read the wiki's page about {title}. Please open it.",
            title=row["title"],
        )
        return Task(
            "wiki",
            text,
            1,
            f"/pages?category={row['category']}",
            page=f"wiki:/page/{row['id']}",
            milestones=(f"/page/{row['id']}",),
            facts={"page": row["id"], "title": row["title"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Click its link."""
        yield from open_article(g, task.facts["page"], task.facts["title"])


class WikiWatch(Template):
    """Put the article that is shown on the watch list, or take it off."""

    name, sites, level = "wiki_watch", ("wiki",), 1

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """An article that is watched or not."""
        site, on = episode.site("wiki"), bool(rng.integers(2))
        row = pick(
            rng,
            site.rows(
                "SELECT * FROM wiki_pages WHERE (id IN (SELECT page FROM wiki_watched)) = ? ORDER BY id", int(not on)
            ),
        )
        forms = (
            "Put this wiki article, {title}, on my watch list.",
            "I want to keep an eye on {title}: watch this page.",
        )
        if not on:
            forms = (
                "Take this wiki article, {title}, off my watch list.",
                "I have lost interest in {title}: stop watching.",
            )
        return Task(
            "wiki",
            say(rng, *forms, title=row["title"]),
            1,
            f"/page/{row['id']}",
            (Expect("wiki_watched", "insert" if on else "delete", {"page": row["id"]}),),
            milestones=(f"/page/{row['id']}",),
            facts={"page": row["id"]},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Press the button."""
        if not g.at("wiki", f"/page/{task.facts['page']}"):
            yield from g.visit("wiki", f"/page/{task.facts['page']}")
        yield from g.click("#watch")


class _Reading(Template):
    """An article is opened from the list of its category, and something in it answers the question."""

    sites = ("wiki",)
    category = ""
    picture = False
    """Whether the picture is opened in full size."""
    turns = 2

    def question(self, row: Any, episode: Episode, rng: np.random.Generator) -> tuple[str, Answer, str]:
        """The question about an article, its answer, and the selector of what shows it."""
        raise NotImplementedError

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """A question about an article."""
        row = _article(episode, rng, self.category)
        text, answer, shown = self.question(row, episode, rng)
        path = f"/page/{row['id']}/picture" if self.picture else f"/page/{row['id']}"
        return Task(
            "wiki",
            text,
            self.turns,
            f"/pages?category={row['category']}",
            answer=answer,
            milestones=(path,),
            facts={"page": row["id"], "title": row["title"], "path": path, "shown": shown},
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open the article, look, answer."""
        if not g.at("wiki", task.facts["path"]):
            yield from open_article(g, task.facts["page"], task.facts["title"])
            yield from g.visit("wiki", task.facts["path"])
        yield from look_at(g, task.facts["shown"])
        assert task.answer is not None
        yield from g.answer(task.answer.value)


class WikiFact(_Reading):
    """Say what the box of facts of an article says."""

    name, level = "wiki_fact", 2

    def question(self, row: Any, episode: Episode, rng: np.random.Generator) -> tuple[str, Answer, str]:
        """One of its facts."""
        fact = pick(rng, episode.site("wiki").rows("SELECT * FROM wiki_facts WHERE page = ? ORDER BY id", row["id"]))
        name, value = fact["name"], fact["value"]
        short = value.split()[0]
        text = say(
            rng,
            'What does the wiki give as "{name}" of {title}? Answer as it is written there.',
            'Look up {title} in the wiki and answer with its "{name}".',
            'In the wiki, what stands at "{name}" in the box of facts about {title}?',
            name=name,
            title=row["title"],
        )
        also = (short, short.replace(",", "")) if short[0].isdigit() else ()
        return text, Answer(value, also=also), f"#fact{fact['id']}"


class WikiTable(_Reading):
    """Find the row of an article's table with the largest or smallest number."""

    name, level, turns = "wiki_table", 2, 3

    def question(self, row: Any, episode: Episode, rng: np.random.Generator) -> tuple[str, Answer, str]:
        """The row with an extreme value."""
        lines = episode.site("wiki").rows("SELECT * FROM wiki_rows WHERE page = ? ORDER BY id", row["id"])
        at, most = 1 + int(rng.integers(2)), bool(rng.integers(2))
        values = [int(line["abc"[at]].replace(",", "")) for line in lines]
        best = max(values) if most else min(values)
        if values.count(best) != 1:
            raise Redraw("two rows are equal")
        names = row["columns"].split("|")
        text = say(
            rng,
            'In the wiki article {title}, which entry of the table "{table}" has the {word} value of "{column}"?',
            'Look at the table "{table}" in the wiki article {title}. Which row has the {word} number at "{column}"? '
            "Answer with its name.",
            title=row["title"],
            table=row["table_heading"],
            word="largest" if most else "smallest",
            column=names[at],
        )
        return text, Answer(lines[values.index(best)]["a"]), "#table"


class WikiFlag(_Reading):
    """Say the colour of the middle stripe of a town's flag."""

    name, level, pixels, category = "wiki_flag", 2, True, "Towns"

    def question(self, row: Any, episode: Episode, rng: np.random.Generator) -> tuple[str, Answer, str]:
        """The colour."""
        text = say(
            rng,
            "What colour is the middle stripe of the flag of {title}? See the wiki.",
            "Look at the flag of {title} in the wiki. Which colour has the stripe in the middle?",
            title=row["title"],
        )
        text += " (red, blue, green, yellow, white, black, orange or purple)"
        return text, Answer(json.loads(row["figure"])["colours"][1]), "#figure img"


class WikiChart(_Reading):
    """Say in which month of a drawn chart a museum had most or fewest visitors."""

    name, level, pixels, category, picture, turns = "wiki_chart", 2, True, "Museums", True, 3

    def question(self, row: Any, episode: Episode, rng: np.random.Generator) -> tuple[str, Answer, str]:
        """The month."""
        most = bool(rng.integers(2))
        month = MONTHS[json.loads(row["figure"])["high" if most else "low"]]
        text = say(
            rng,
            "In which month does the {title} have {word} visitors? The wiki has a chart.",
            "Find the chart of visitors in the wiki article {title}: which month has {word}?",
            title=row["title"],
            word="the most" if most else "the fewest",
        )
        return text, Answer(month, also=(month[:3],)), "#picture"


class WikiMap(_Reading):
    """Say which town is marked on a river's map."""

    name, level, pixels, category, picture, turns = "wiki_map", 2, True, "Rivers", True, 3

    def question(self, row: Any, episode: Episode, rng: np.random.Generator) -> tuple[str, Answer, str]:
        """The town with a red square, or the first or last on the way down."""
        figure = json.loads(row["figure"])
        which = int(rng.integers(3))
        phrase = ("is marked with a red square", "lies nearest to the top edge", "lies nearest to the sea")[which]
        town = figure["towns"][(figure["marked"], 0, 5)[which]]
        text = say(
            rng,
            "Which town {phrase} on the map of the {title} in the wiki?",
            "Look at the map in the wiki article {title}. Which town {phrase}?",
            title=row["title"],
            phrase=phrase,
        )
        return text, Answer(town), "#picture"


class WikiArches(_Reading):
    """Count the arches of a bridge in its picture."""

    name, level, pixels, category, picture, turns = "wiki_arches", 2, True, "Bridges", True, 3

    def question(self, row: Any, episode: Episode, rng: np.random.Generator) -> tuple[str, Answer, str]:
        """The number of arches: 3 to 9."""
        text = say(
            rng,
            "How many arches does the {title} have in its picture in the wiki?",
            "Count the arches of the {title}; the wiki has a picture of it.",
            title=row["title"],
        )
        return text, Answer(str(json.loads(row["figure"])["count"]), "number"), "#picture"


class WikiCompare(Template):
    """Compare a fact of three articles."""

    name, sites, level = "wiki_compare", ("wiki",), 3

    def draw(self, episode: Episode, rng: np.random.Generator) -> Task:
        """Three articles of a category and a fact with a number."""
        site = episode.site("wiki")
        category = pick(rng, CATEGORIES)
        name = {
            "Towns": "Population",
            "Rivers": "Length",
            "Mountains": "Height",
            "Museums": "Objects",
            "Bridges": "Length",
        }[category]
        found = site.rows(
            "SELECT p.id, p.title, f.id AS fact, f.value FROM wiki_pages p JOIN wiki_facts f ON f.page = p.id"
            " WHERE p.category = ? AND f.name = ? ORDER BY p.id",
            category,
            name,
        )
        rows = [found[int(number)] for number in rng.permutation(len(found))[:3]]
        values = [int(row["value"].split()[0].replace(",", "")) for row in rows]
        most = bool(rng.integers(2))
        best = max(values) if most else min(values)
        if values.count(best) != 1:
            raise Redraw("two articles are equal")
        text = say(
            rng,
            'Compare {a}, {b} and {c} in the wiki: which has the {word} "{name}"?',
            'According to the wiki, which of {a}, {b} and {c} has the {word} value of "{name}"?',
            a=rows[0]["title"],
            b=rows[1]["title"],
            c=rows[2]["title"],
            name=name,
            word="largest" if most else "smallest",
        )
        return Task(
            "wiki",
            text,
            6,
            f"/pages?category={category}",
            answer=Answer(rows[values.index(best)]["title"]),
            milestones=tuple(f"/page/{row['id']}" for row in rows),
            facts={
                "pages": [row["id"] for row in rows],
                "facts": [row["fact"] for row in rows],
                "list": f"/pages?category={category}",
            },
        )

    def guide(self, task: Task, g: Guide) -> Iterator[ToolCall]:
        """Open one after the other, go back in between."""
        here = next((n for n, page in enumerate(task.facts["pages"]) if g.at("wiki", f"/page/{page}")), None)
        if here is not None:
            yield from look_at(g, f"#fact{task.facts['facts'][here]}")
        shown = {
            number for session in g.episode.sessions.get("wiki", {}).values() for number in session.get("seen", ())
        }
        left = [page for page in task.facts["pages"] if page not in shown]
        if not left:
            assert task.answer is not None
            yield from g.answer(task.answer.value)
        elif here is not None:
            yield ToolCall("back")
        elif not g.at("wiki", task.facts["list"]):
            yield from g.visit("wiki", task.facts["list"])
        else:
            yield from g.visit("wiki", f"/page/{left[0]}")


TEMPLATES: tuple[type[Template], ...] = (
    *(WikiOpen, WikiWatch, WikiFact, WikiTable, WikiFlag, WikiChart, WikiMap, WikiArches, WikiCompare),
    *EDITS,
)
