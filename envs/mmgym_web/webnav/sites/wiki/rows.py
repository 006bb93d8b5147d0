"""What stands in the wiki at the start: the articles, their past, discussions, and what others are about to save."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.wiki.lore import Article, Picker, draw_lore

__all__ = ["Row", "draw_rows"]

Row = dict[str, Any]

_CLAIMS = (
    "Nobody really believes that it exists.",
    "My uncle owns all of it.",
    "It is made entirely of cheese.",
    "Everything above is wrong, trust me.",
    "Come and buy my old car here.",
    "It was moved here last week by helicopter.",
)
_ADDED = (
    "A plaque recalls the event.",
    "Old photographs show it.",
    "Schools often come for a day.",
    "A footpath leads there.",
    "It was restored with donations.",
    "Details are in the county archive.",
)
_COMMENTS = ("typo", "new source", "wording", "added a sentence", "from the county archive", "links")
_TOPICS = (
    ("A better picture?", "The picture is small. Does anybody have a newer one?"),
    ("Sources", "Where do these numbers come from? A source would be good."),
    ("Too short", "The text could be longer. I will look for books."),
    ("Spelling of the name", "I have seen other spellings of the name on old maps."),
)


def draw_rows(world: World) -> dict[str, list[Row]]:
    """The rows of all tables of the wiki, by the table's name."""
    articles, p = draw_lore(world), Picker(world.rng("wiki", "rows"))
    people = [person.name for person in world.others]
    pages = [
        {
            "id": article.id,
            "title": article.title,
            "category": article.category,
            "lead": article.lead,
            "protected": int(p.below(7) == 0),
            "redirect": None,
            "table_heading": article.table,
            "columns": "|".join(article.columns),
            "figure": json.dumps(article.figure),
            "caption": article.caption,
        }
        for article in articles
    ]
    sections, revisions = list[Row](), list[Row]()
    for article in articles:
        _add_past(world, p, people, article, sections, revisions)
    revisions.sort(key=lambda revision: (revision["at"], revision["page"]))
    numbers = p.shuffled(range(1, len(articles) + 1))
    return {
        "wiki_pages": pages,
        "wiki_facts": [
            {"page": article.id, "name": name, "value": value}
            for article in articles
            for name, value in p.shuffled(article.facts)
        ],
        "wiki_rows": [{"page": article.id, "a": a, "b": b, "c": c} for article in articles for a, b, c in article.rows],
        "wiki_sections": sections,
        "wiki_revisions": revisions,
        "wiki_watched": [{"page": number} for number in sorted(numbers[:4])],
        "wiki_topics": [
            {"page": number, "at": _ago(world, p, 0, 90), "author": p.pick(people), "title": title, "body": body}
            for number in numbers[4:16]
            for title, body in p.shuffled(_TOPICS)[: 1 + p.below(2)]
        ],
        "wiki_pending": [
            {
                "section": 2 * number,
                "author": p.pick(people),
                "body": f"{sections[2 * number - 1]['body']} {added}",
            }
            for number, added in zip(numbers[16:24], p.shuffled(_ADDED) * 2, strict=False)
        ],
    }


def _add_past(
    world: World, p: Picker, people: list[str], article: Article, sections: list[Row], revisions: list[Row]
) -> None:
    """Add the sections of an article as they stand, and the changes that led there."""

    def revise(part: str, before: str, after: str, comment: str, days: int) -> None:
        revisions.append(
            {
                "page": article.id,
                "at": _ago(world, p, days, days + 1),
                "author": p.pick(people),
                "part": part,
                "before": before,
                "after": after,
                "comment": comment,
            }
        )

    revise("lead", "", article.lead, "first version", 300 + p.below(500))
    for number, (heading, text) in enumerate(article.sections):
        part, body = f"section:{len(sections) + 1}", text
        if p.below(2):
            shorter = text.rsplit(". ", 1)[0] + "."
            revise(part, shorter, text, p.pick(_COMMENTS), 60 + p.below(200))
        # The first section of every other article has been spoilt: there is something to undo.
        if number == 0 and p.below(2):
            body = f"{text} {p.pick(_CLAIMS)}"
            revise(part, text, body, p.pick(("", "improved")), 1 + p.below(20))
        sections.append({"page": article.id, "heading": heading, "body": body})


def _ago(world: World, p: Picker, earliest: int, latest: int) -> str:
    """A time so many days ago."""
    minutes = 60 + 1440 * earliest + p.below(1440 * (latest - earliest))
    return (world.now - dt.timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M")
