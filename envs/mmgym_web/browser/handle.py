"""A page as an environment holds it: plain blocking calls, from any one thread at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mmgym_web.browser.accessibility import AccessibilityNode, accessibility_tree
from mmgym_web.browser.cdp import BrowserFailure, BrowserGone
from mmgym_web.browser.chromium import Chromium, describe
from mmgym_web.browser.closures import inner_variables
from mmgym_web.browser.config import Dialog, PageConfig, Raw
from mmgym_web.browser.inputs import Action, Click, Mouse, TypeText
from mmgym_web.browser.network import NavigationRefused, Refusal
from mmgym_web.browser.page import EpisodePage

if TYPE_CHECKING:
    from mmgym_web.browser.pool import Pool

__all__ = ["Outcome", "Page"]

T = TypeVar("T")

World = Literal["isolated", "main"]

MAX_TABS = 20

# Beyond a call's own limit, for closing the page that did not answer.
_GRACE_S = 10.0

# A page takes its time for every key: for so many characters as much as for a call.
_CHARACTERS = 1024


@dataclass(frozen=True)
class Outcome:
    """What one step brought."""

    image: NDArray[np.uint8] | None
    """The picture, uint8 (height, width, 3) RGB, a fresh array; None if none was asked for."""
    url: str
    """Address of the page."""
    title: str
    """Title of the page."""
    values: dict[str, Any] = field(default_factory=dict)
    """Value of each asked expression, by its name."""
    cookies: list[dict[str, Any]] = field(default_factory=list)
    """Cookies of all sites, sorted, if they were asked for."""
    dialogs: list[Dialog] = field(default_factory=list)
    """Dialogs answered since the last step."""
    refused: list[Refusal] = field(default_factory=list)
    """What was refused since the last step."""
    server_errors: list[tuple[str, Exception]] = field(default_factory=list)
    """Address and exception of each request on which the episode's server raised, since the last step."""


class Page:
    """One episode's page. Calls block until the page has answered, and may come from any one thread at a time.

    Every method raises `BrowserFailure` when the machinery fails; the page is gone then, and the next one is healthy.

    Args:
        pool: whose it is.
        browser: the browser it lives in.
        page: the page itself, on the loop's thread.
    """

    def __init__(self, pool: Pool, browser: Chromium, page: EpisodePage) -> None:
        self._pool = pool
        self._browser = browser
        self._page = page
        self._tabs = [page]
        self._closed = False
        self._image: NDArray[np.uint8] | None = None
        self._images: dict[str, NDArray[np.uint8] | None] = {}
        self.limit_s = pool.settings.limit_s
        self.settle_ms = 50.0

    @property
    def config(self) -> PageConfig:
        """What the page was opened with."""
        return self._page.config

    @property
    def url(self) -> str:
        """Address of the document that is shown."""
        return self._page.url

    @property
    def title(self) -> str:
        """Title of the document that is shown."""
        return str(self.evaluate("document.title"))

    @property
    def elapsed_ms(self) -> float:
        """Virtual milliseconds since the page was opened."""
        return self._page.elapsed

    @property
    def refused(self) -> list[Refusal]:
        """Everything that was refused since the page was opened."""
        return list(self._page.refused)

    @property
    def server_errors(self) -> list[tuple[str, Exception]]:
        """Address and exception of each request on which the server raised since the page was opened."""
        return list(self._page.server_errors)

    @property
    def dialogs(self) -> list[Dialog]:
        """Dialogs that were answered since this, or an outcome, last told."""
        found, self._page.dialogs = self._page.dialogs, []
        return found

    def goto(self, url: str, settle_ms: float | None = None) -> None:
        """Visit an address and let the page settle.

        Raises:
            NavigationRefused: for an address that may not be visited; the page stays where it is.
        """
        self._run(self._page.goto(url, self._settle(settle_ms)))

    def back(self, settle_ms: float | None = None) -> bool:
        """Go back in the history; False if there is nothing there."""
        return self._run(self._page.history(-1, self._settle(settle_ms)))

    def forward(self, settle_ms: float | None = None) -> bool:
        """Go forward in the history; False if there is nothing there."""
        return self._run(self._page.history(1, self._settle(settle_ms)))

    def act(
        self,
        actions: Sequence[Action] = (),
        settle_ms: float | None = None,
        *,
        frame_every_ms: float | None = None,
        image: bool = True,
        evaluate: Mapping[str, str] | None = None,
        evaluate_main: Mapping[str, str] | None = None,
        cookies: bool = False,
    ) -> Outcome:
        """One step in one trip: input, time until the page has settled, the picture, then some expressions.

        Args:
            actions: what the hand does, in order.
            settle_ms: virtual milliseconds that pass; None takes `settle_ms` of the page.
            frame_every_ms: virtual milliseconds between frames on the way, for pages that animate frame by frame.
            image: whether a picture is wanted.
            evaluate: JavaScript expressions by name, evaluated in the isolated world after the picture.
            evaluate_main: the same in the world of the page's scripts.
            cookies: whether cookies are wanted.

        Raises:
            ValueError: for a key that does not exist; nothing was done then.
        """
        settle = self._settle(settle_ms)
        wanted = image, dict(evaluate or {}), dict(evaluate_main or {}), cookies
        raw: Raw = self._run(self._act(actions, settle, frame_every_ms, *wanted), self._patience(actions))
        picture = self._decode(raw.png) if image else None
        return Outcome(
            image=picture,
            url=raw.url,
            title=raw.title,
            values=raw.values,
            cookies=raw.cookies,
            dialogs=raw.dialogs,
            refused=raw.refused,
            server_errors=raw.server_errors,
        )

    @property
    def shown_tab(self) -> int:
        """Which tab is shown, from 0. Calls go to it; the clock of the others stands still and catches up."""
        return self._tabs.index(self._page)

    @property
    def tab_count(self) -> int:
        """How many tabs are open."""
        return len(self._tabs)

    def new_tab(self) -> None:
        """Open a blank tab, after all others, and show it.

        Raises:
            ValueError: if there are `MAX_TABS` tabs.
        """
        if len(self._tabs) >= MAX_TABS:
            raise ValueError(f"there are {MAX_TABS} tabs, and no more can be opened")
        self._run(self._open_tab("about:blank"))

    def switch_tab(self, index: int) -> None:
        """Show another tab.

        Args:
            index: from 0, in the order in which they were opened.

        Raises:
            ValueError: if there is no such tab.
        """
        if not 0 <= index < len(self._tabs):
            raise ValueError(f"there is no tab {index + 1}; there are {len(self._tabs)}")
        self._run(self._show_tab(self._tabs[index]))

    def close_tab(self) -> None:
        """Close the shown tab and show the one before it, or the first.

        Raises:
            ValueError: if it is the last one.
        """
        if len(self._tabs) == 1:
            raise ValueError("the last tab cannot be closed")
        self._run(self._close_tab())

    def mouse(
        self,
        kind: Literal["moved", "pressed", "released"],
        x: float,
        y: float,
        button: Literal["left", "middle", "right"] = "left",
        count: int = 1,
    ) -> None:
        """One mouse event, without time passing."""
        self._perform(Mouse(kind, x, y, button, count))

    def click(self, x: float, y: float, button: Literal["left", "middle", "right"] = "left", count: int = 1) -> None:
        """Move there and click `count` times, without time passing."""
        self._perform(Click(x, y, button, count))

    def settle(self, ms: float | None = None, frame_every_ms: float | None = None) -> None:
        """Let virtual milliseconds pass until the page has settled."""
        self._run(self._page.settle(self._settle(ms), frame_every_ms))

    def frame(self) -> NDArray[np.uint8]:
        """The picture, uint8 (height, width, 3) RGB, a fresh array."""
        return self._decode(self._run(self._page.frame()))

    def evaluate(self, expression: str, world: World = "isolated") -> Any:
        """The JSON value of a JavaScript expression.

        Args:
            expression: the expression.
            world: ``"isolated"`` shares the document, but no object, with the page's scripts; ``"main"`` is theirs.

        Raises:
            CDPError: what the expression threw.
        """
        return self._run(self._page.evaluate(expression, world))

    def inner_variables(self, function: str, *names: str) -> list[Any]:
        """The JSON values of variables that only a function of the page's scripts sees.

        Args:
            function: JavaScript expression, in the page's own world, whose value is the function.
            names: names of the variables.

        Raises:
            CDPError: what the expression threw, or if the function holds no such variable.
        """
        return self._run(inner_variables(self._page, function, names))

    def evaluate_tab(self, index: int, expression: str) -> Any:
        """The JSON value of a JavaScript expression in the isolated world of a tab, shown or not; see `evaluate`."""
        return self._run(self._tabs[index].evaluate(expression, "isolated"))

    def cookies(self) -> list[dict[str, Any]]:
        """Cookies of all sites, sorted."""
        return self._run(self._page.cookies())

    def storage(self) -> dict[str, Any]:
        """Local and session storage of the shown document's origin."""
        return self._run(self._page.storage())

    def accessibility(self) -> list[AccessibilityNode]:
        """The accessibility tree in reading order, with boxes in viewport pixels."""
        return self._run(accessibility_tree(self._page))

    @property
    def choosing_files(self) -> bool:
        """Whether the page has opened a file chooser."""
        return self._page.chooser is not None

    def set_files(self, *names: str) -> None:
        """Choose files, named relative to the episode's folder, in the file chooser that the page has opened.

        Raises:
            ValueError: if no chooser is open, or a name is none of the episode's files.
        """
        self._run(self._page.set_files(names))

    def close(self) -> None:
        """Close the page and forget all it stored. Never raises."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(BrowserFailure):
            self._pool.call(self._browser.close_page(self._page), _GRACE_S)

    async def _act(self, actions: Sequence[Action], settle: float, frame_every: float | None, *wanted: Any) -> Raw:
        raw = await self._page.act(actions, settle, frame_every, *wanted)
        while self._page.wanted_tabs:
            urls, self._page.wanted_tabs = self._page.wanted_tabs, []
            for url in urls:
                await self._open_tab(url)
            before, raw = raw, await self._page.act((), 0, None, *wanted)
            raw.dialogs = before.dialogs + raw.dialogs
            raw.refused = before.refused + raw.refused
            raw.server_errors = before.server_errors + raw.server_errors
        return raw

    async def _open_tab(self, url: str) -> None:
        """Open a tab and show it; an address that may not be visited is recorded, and opens none."""
        opener = self._page
        if len(self._tabs) >= MAX_TABS:
            opener.refused.append(Refusal(url, "Popup", f"there are {MAX_TABS} tabs already"))
            return
        tab = await self._browser.open(opener.config, opener)
        try:
            await tab.goto(url, self.settle_ms)
        except NavigationRefused:
            await self._browser.close_tab(tab)
            return
        self._tabs.append(tab)
        self._turn_to(tab)

    async def _show_tab(self, tab: EpisodePage) -> None:
        before = self._page
        if tab is not before:
            if tab.failure is not None:
                raise tab.failure
            self._turn_to(tab)
            await tab.show(before)

    async def _close_tab(self) -> None:
        closed = self._page
        index = self._tabs.index(closed)
        await self._show_tab(self._tabs[index - 1 if index else 1])
        self._tabs.remove(closed)
        await self._browser.close_tab(closed)

    def _turn_to(self, tab: EpisodePage) -> None:
        before, self._page = self._page, tab
        # A picture of the tab may have been taken before; what has not changed since is not drawn again.
        self._images[before.target] = self._image
        self._image = self._images.get(tab.target)

    def _settle(self, ms: float | None) -> float:
        return self.settle_ms if ms is None else ms

    def _perform(self, *actions: Action) -> None:
        self._run(self._page.hands.perform(actions), self._patience(actions))

    def _patience(self, actions: Sequence[Action]) -> float:
        """Seconds in which the page has to answer."""
        typed = sum(len(action.text) for action in actions if isinstance(action, TypeText))
        return self.limit_s * (1 + typed / _CHARACTERS)

    def _run(self, coroutine: Coroutine[Any, Any, T], limit_s: float | None = None) -> T:
        limit_s = self.limit_s if limit_s is None else limit_s
        if self._closed or not self._pool.usable:
            coroutine.close()
            raise BrowserFailure("crash", "the page is closed")
        try:
            return self._pool.call(self._guarded(coroutine, limit_s), limit_s + _GRACE_S)
        except BrowserFailure:
            self._closed = True
            raise

    async def _guarded(self, coroutine: Coroutine[Any, Any, T], limit_s: float) -> T:
        try:
            async with asyncio.timeout(limit_s):
                return await coroutine
        except (BrowserFailure, BrowserGone, TimeoutError) as error:
            failure = self._page.failure or describe(error, limit_s, self._page.waiting_for())
            # What hangs may be the browser's own: the next page gets another one.
            self._browser.retired |= failure.kind == "hang"
            self._page.fail(failure.kind, failure.message)
            await self._browser.close_page(self._page)
            raise failure from error
        except asyncio.CancelledError:  # nobody waits any longer
            self._browser.retired = True
            await self._browser.close_page(self._page)
            raise

    def _decode(self, png: bytes | None) -> NDArray[np.uint8]:
        width, height = self.config.drawn
        if png is not None:
            decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)
            # A browser that draws on its own clock gives the whole viewport.
            if decoded is None or decoded.shape[:2] not in ((height, width), (self.config.height, self.config.width)):
                raise BrowserFailure("crash", "the browser sent a broken picture, or one of another size")
            self._image = np.asarray(decoded[:height, :width], np.uint8)
        elif self._image is None:
            self._image = np.full((height, width, 3), 255, np.uint8)
        # The caller may paint on what it gets.
        return self._image.copy()
