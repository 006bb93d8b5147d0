"""What the wiki's task templates and experts share: draws, and ways to a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw

__all__ = ["look_at", "open_article", "pick", "say", "seen"]

T = TypeVar("T")


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """One of `options`.

    Raises:
        Redraw: when there are none.
    """
    if not options:
        raise Redraw("nothing to choose from")
    return options[int(rng.integers(len(options)))]


def say(rng: np.random.Generator, *forms: str, **values: Any) -> str:
    """One of several wordings, with its values put in."""
    return pick(rng, forms).format(**values)


def look_at(g: Guide, selector: str) -> Iterator[ToolCall]:
    """Scroll until an element is in view, so that what it shows has been seen."""
    spot = g.find(selector)
    if spot is not None:
        yield from g.show(spot)


def seen(g: Guide, site: str, number: int) -> bool:
    """Whether the browser has shown this article of the wiki or this thread of the forum."""
    return any(number in session.get("seen", ()) for session in g.episode.sessions.get(site, {}).values())


def open_article(g: Guide, number: int, title: str) -> Iterator[ToolCall]:
    """Go to an article: by a link on the page, else through the wiki's search field."""
    path = f"/page/{number}"
    if g.at("wiki", path):
        return
    link = g.find("main a[href]", href=g.episode.site("wiki").url(path))
    if link is not None:
        yield from g.press_at(link)
    elif g.site != "wiki":
        yield from g.visit(g.site, "/wiki") if g.site == "forum" else g.visit("wiki", "/")
    else:
        yield from g.fill("header input[type=search]", title)
        yield from g.click("header.site button")
