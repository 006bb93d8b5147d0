"""What experts are written with: each step yields a call only while it is still needed.

An expert is a generator over the present state; only the first call it yields is made, then it is asked anew. So it
recovers from whatever happened in between, and a step that is done yields nothing:

    def guide(self, task, g):
        yield from g.visit("shop", f"/product/{task.facts['id']}")
        yield from g.choose("select[name=size]", "M")
        yield from g.fill("input[name=quantity]", "2")
        yield from g.click("button", "Add to cart")
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from mmgym.spaces import ToolCall
from mmgym_web.checks import same_text
from mmgym_web.elements import Place
from mmgym_web.webnav.kit.changes import RowChange
from mmgym_web.webnav.kit.episode import Episode

__all__ = ["Guide", "PageView", "Place", "Spot"]

_FIND = """(() => {
  const wanted = %s, found = [];
  for (const e of document.querySelectorAll(wanted.selector)) {
    const text = (e.innerText || e.value || e.getAttribute('aria-label') || '').replace(/\\s+/g, ' ').trim();
    if (wanted.text !== null && text.toLowerCase() !== wanted.text.toLowerCase()) continue;
    if (wanted.href !== null && e.href !== wanted.href) continue;
    const boxes = e.getClientRects();
    if (!boxes.length || getComputedStyle(e).visibility === 'hidden') continue;
    const b = boxes[0];
    const inside = Math.min(b.right, innerWidth) > Math.max(b.left, 0);
    const x = Math.floor((Math.max(b.left, 0) + Math.min(b.right, innerWidth)) / 2);
    const y = Math.floor((b.top + b.bottom) / 2);
    const shown = inside && y >= 1 && y < innerHeight - 1;
    const hit = shown ? document.elementFromPoint(x, y) : null;
    const value = e.type === 'checkbox' || e.type === 'radio' ? '' : String(e.value === undefined ? '' : e.value);
    const option = e.tagName === 'SELECT' && e.selectedIndex >= 0 ? e.options[e.selectedIndex].label.trim() : '';
    found.push({x, y, shown: !!hit && (e === hit || e.contains(hit) || hit.contains(e)), text, value, option,
      checked: !!e.checked, disabled: !!e.disabled, focused: document.activeElement === e, href: e.href || ''});
  }
  return {width: innerWidth, height: innerHeight, top: scrollY, bottom: document.documentElement.scrollHeight, found};
})()"""


class PageView(Protocol):
    """What an expert may look at in the browser."""

    @property
    def url(self) -> str:
        """The page's URL."""

    def query(self, expression: str) -> Any:
        """A JavaScript expression's JSON value, evaluated out of reach of the page's scripts; changes nothing."""


@dataclass(frozen=True)
class Spot:
    """An element as it stands on the page."""

    x: int
    y: int
    shown: bool
    """Whether its middle is in the viewport and nothing covers it."""
    text: str
    value: str
    option: str
    """Label of the chosen option of a select element."""
    checked: bool
    disabled: bool
    focused: bool
    href: str


class Guide:
    """The steps of an expert.

    Args:
        page: the page.
        episode: the sites and their state.
    """

    def __init__(self, page: PageView, episode: Episode):
        self.page, self.episode, self.world = page, episode, episode.world

    @property
    def db(self) -> sqlite3.Connection:
        """The sites' database, to read."""
        return self.episode.db

    @property
    def changes(self) -> list[RowChange]:
        """What has changed in it since the start."""
        return self.episode.changes()

    @property
    def site(self) -> str:
        """Name of the site that is shown."""
        return self.episode.site_at(self.page.url)

    @property
    def path(self) -> str:
        """Path and query of the page."""
        parts = urlsplit(self.page.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def t(self, label: str, **values: Any) -> str:
        """A label of the site that is shown, in the world's language."""
        return self.episode.site(self.site).t(label, **values) if self.site else label

    def find(self, selector: str, text: str | None = None, href: str | None = None) -> Spot | None:
        """The first laid-out element that matches: CSS selector, its whole text (in the world's language), its URL."""
        return next(iter(self.find_all(selector, text, href)), None)

    def find_all(self, selector: str, text: str | None = None, href: str | None = None) -> list[Spot]:
        """All laid-out elements that match, those in view first."""
        wanted = {"selector": selector, "text": None if text is None else self.t(text), "href": href}
        self._view = self.page.query(_FIND % json.dumps(wanted))
        return sorted((Spot(**spot) for spot in self._view["found"]), key=lambda spot: not spot.shown)

    def at(self, site: str, path: str) -> bool:
        """Whether the page of this site and path (with query) is shown."""
        return self.site == site and self.path == path

    def visit(self, site: str, path: str) -> Iterator[ToolCall]:
        """Go to a page: by a link to it if there is one, else by its address."""
        if self.at(site, path):
            return
        url = self.episode.site(site).url(path)
        link = self.find("a[href]", href=url)
        yield from self.press_at(link) if link else iter([ToolCall("goto", {"url": url})])

    def click(self, selector: str, text: str | None = None) -> Iterator[ToolCall]:
        """Click an element, after scrolling to it. Put a condition before it: it does not know when it is done.

        Raises:
            LookupError: when there is no such element.
        """
        yield from self.press_at(self._get(selector, text))

    def press_at(self, spot: Spot) -> Iterator[ToolCall]:
        """Click a spot, after scrolling to it."""
        yield from self.show(spot)
        yield ToolCall("click", {"x": spot.x, "y": spot.y})

    def show(self, spot: Spot) -> Iterator[ToolCall]:
        """Scroll until a spot is in view."""
        if not spot.shown:
            width, height = self._view["width"], self._view["height"]
            middle = height // 2
            distance = max(-2000, min(2000, spot.y - middle)) or 1
            yield ToolCall("scroll", {"x": width // 2, "y": middle, "dx": 0, "dy": distance})

    def fill(self, selector: str, value: str) -> Iterator[ToolCall]:
        """Make a text field hold `value`."""
        spot = self._get(selector)
        if spot.value == value:
            return
        if not spot.focused:
            yield from self.press_at(spot)
        elif spot.value:
            yield ToolCall("clear")
        else:
            yield ToolCall("type", {"text": value})

    def choose(self, selector: str, label: str) -> Iterator[ToolCall]:
        """Choose an option of a select element by its label (in the world's language)."""
        spot = self._get(selector)
        if not same_text(spot.option, self.t(label)):
            yield from self.show(spot)
            yield ToolCall("select", {"x": spot.x, "y": spot.y, "option": self.t(label)})

    def check(self, selector: str, on: bool = True, text: str | None = None) -> Iterator[ToolCall]:
        """Tick a box or radio button, or untick a box."""
        spot = self._get(selector, text)
        if spot.checked != on:
            yield from self.press_at(spot)

    def answer(self, text: str) -> Iterator[ToolCall]:
        """Answer, which ends the episode."""
        yield ToolCall("answer", {"text": text})

    def fail(self, reason: str) -> Iterator[ToolCall]:
        """Say that it cannot be done, which ends the episode."""
        yield ToolCall("fail", {"reason": reason})

    def _get(self, selector: str, text: str | None = None) -> Spot:
        spot = self.find(selector, text)
        if spot is None:
            wanted = selector if text is None else f"{selector} with the text {self.t(text)!r}"
            raise LookupError(f"no {wanted} on {self.page.url}")
        return spot
