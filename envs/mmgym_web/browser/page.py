"""One episode's page: an isolated context, its own clock, its network answered by the episode's server.

Everything here runs on the pool's loop thread; environments hold the facade `mmgym_web.browser.pool.Page`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from mmgym_web.browser.cdp import BrowserFailure, CDPError, Session
from mmgym_web.browser.config import LOCALE, PageConfig, Raw
from mmgym_web.browser.events import COMMIT_LIMIT, PageEvents
from mmgym_web.browser.frames import Frames
from mmgym_web.browser.hands import Hands
from mmgym_web.browser.inputs import Action, key_events
from mmgym_web.browser.network import NavigationRefused, Refusal, check_address
from mmgym_web.browser.pickers import PICKER_SCRIPT
from mmgym_web.browser.scripts import episode_script

__all__ = ["EpisodePage"]

T = TypeVar("T")

Asked = tuple[dict[str, str], dict[str, str]]
"""Expressions by name: for the isolated world, and for the page's own."""
Answers = list[tuple[str, asyncio.Future[Any]]]
"""What was asked, and the answers to come."""

ROUNDS = 10
NETWORK_REST_S = 5.0
HELD_FRAME_S = 3.0
FIRST_FRAME_S = 1.0

STARVATION = 10_000

# Tells when the page does its part in the next frame. That a listener comes and goes has the page hand over a new state
# to be drawn; without one, what was scrolled into view in the frame before may still be blank.
_ANNOUNCE = """new Promise(resolve => requestAnimationFrame(() => {
  const listener = () => {};
  addEventListener('pointerrawupdate', listener);
  removeEventListener('pointerrawupdate', listener);
  resolve(0);
}))"""


class EpisodePage(PageEvents):
    """A page in a context of its own. Make one with `open`.

    Args:
        root: the browser's session.
        session: the page's session.
        context: id of the browser context.
        target: id of the page's target.
        frames: makes the pictures.
        config: the episode's.
        opener: the page beside which this one is a tab, with the same context and clock.
    """

    def __init__(
        self,
        root: Session,
        session: Session,
        context: str,
        target: str,
        frames: Frames,
        config: PageConfig,
        opener: EpisodePage | None = None,
    ) -> None:
        super().__init__(session, config, opener)
        self.root = root
        self.context = context
        self.target = target
        self.frames = frames
        self.hands = Hands(self)
        self.elapsed: float = opener.elapsed if opener else 0.0
        self._in_frame: asyncio.Future[Any] | None = None
        self._unrest = -1  # the load, counted by commits, that did not stop fetching
        self._ticks_base = 0.0
        self._last_ticks = 0.0
        self._recorded: tuple[int, int] = opener._recorded if opener else (0, 0)

    async def prepare(self) -> None:
        """Put clock, network and scripts in place; the page must not have loaded anything yet."""
        self.session.connection.listen(self.session.identifier, self._event)
        config, send = self.config, self.session.send
        start = datetime.fromisoformat(config.now).timestamp() + self.elapsed / 1000
        settings = [
            send("Emulation.setVirtualTimePolicy", policy="pause", initialVirtualTime=start),
            send("Page.enable"),
            send("Page.getFrameTree"),
            send("Network.enable"),
            send("Inspector.enable"),
            send("Log.enable"),
            self.guard.watch(self.session),
            send("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True),
            send(
                "Emulation.setDeviceMetricsOverride",
                width=config.width,
                height=config.height,
                deviceScaleFactor=1,
                mobile=False,
                dontSetVisibleSize=self.frames.issued and config.picture is not None,
            ),
            send("Emulation.setLocaleOverride", locale=LOCALE),
            send("Emulation.setTimezoneOverride", timezoneId="UTC"),
            send("Emulation.setFocusEmulationEnabled", enabled=True),
            send("Page.setInterceptFileChooserDialog", enabled=True),
            send("Input.setInterceptDrags", enabled=True),
            send("Page.addScriptToEvaluateOnNewDocument", source=episode_script(config.seed)),
        ]
        clock, _, tree, *_ = await asyncio.gather(*settings)
        self._last_ticks = clock["virtualTimeTicksBase"]
        self._ticks_base = self._last_ticks - self.elapsed
        self.frame_id = tree["frameTree"]["frame"]["id"]

    async def goto(self, url: str, settle_ms: float) -> None:
        """Visit an address and let it settle.

        Raises:
            NavigationRefused: for an address that may not be visited; the page stays where it is.
        """
        try:
            url = check_address(url)
        except NavigationRefused as error:
            self.refused.append(Refusal(error.url, "Navigation", error.reason))
            raise
        await self._navigate(url)
        await self._rest(settle_ms)

    async def history(self, step: int, settle_ms: float) -> bool:
        """Go back (-1) or forward (1) in the page's history; False if there is nothing there."""
        history = await self.session.send("Page.getNavigationHistory")
        index = history["currentIndex"] + step
        # The first entry is the blank page on which every episode starts.
        if not 1 <= index < len(history["entries"]):
            return False
        before = self._commits
        await self.session.send("Page.navigateToHistoryEntry", entryId=history["entries"][index]["id"])
        await self._until_committed(before)
        await self._rest(settle_ms)
        return True

    async def settle(self, ms: float, frame_every: float | None = None) -> None:
        """Grant virtual time until the page has settled.

        Args:
            ms: virtual milliseconds; granted again after each page load that begins in them (at most `ROUNDS` times).
            frame_every: virtual milliseconds between frames on the way; None draws none but the last.
        """
        limit = self._commits + COMMIT_LIMIT
        for _ in range(ROUNDS):
            before = self._commits
            left = ms
            while left > 0:
                slice_ms = min(left, frame_every or left)
                left -= slice_ms
                if left <= 0:
                    self._announce_frame()
                await self._grant(slice_ms, limit)
                if left > 0:
                    await self._draw(image=False)
            if self._new_tab is not None:
                url, self._new_tab = self._new_tab, None
                try:
                    await self._navigate(check_address(url))
                except NavigationRefused as error:
                    self.refused.append(Refusal(error.url, "Popup", error.reason))
            elif self._commits == before and (not self._loading or self._unrest == before):
                return
        await self._halt()

    def _announce_frame(self) -> None:
        """Have the page tell when it does its part in the next frame: what is asked after that knows all of it.

        Must be sent before time passes, so that it has arrived before the frame. A document that is new keeps silent.
        """
        self._in_frame = None
        if self.frames.issued and self._world is not None:
            self._in_frame = self._ask(_ANNOUNCE, self._world, await_promise=True)

    async def show(self, before: EpisodePage) -> None:
        """Be the tab that is shown, after another one: catch up with the time that passed there."""
        self._recorded = before._recorded
        if self.elapsed < before.elapsed:
            await self._rest(before.elapsed - self.elapsed)

    def waiting_for(self) -> str:
        """What the page has not answered, in words for an error message."""
        found = self.session.connection.pending(self.session.identifier)
        if self._budget is not None and (not self._budget.done() or self._budget.cancelled()):
            found.append("virtual time to pass" + (" (a document is loading)" if self._loading else ""))
        return ", ".join(dict.fromkeys(found)) or "an event"

    async def frame(self) -> bytes | None:
        """Draw; the picture as PNG, or None if nothing has changed since the last one."""
        return await self._draw(image=True)

    async def act(
        self,
        actions: Sequence[Action],
        settle_ms: float,
        frame_every: float | None,
        image: bool,
        isolated: dict[str, str],
        main: dict[str, str],
        cookies: bool = False,
    ) -> Raw:
        """One step: input, time, picture, then what the caller wants to know, in one trip."""
        self._dialog_count = 0
        title = {"": "document.title"}
        # The title is the page's own word in either world: it goes along with what is asked for anyway.
        in_main = bool(main) and not isolated
        asked = ({}, title | main) if in_main else (title | isolated, main)
        raw = Raw()
        await self.hands.perform(actions)
        for _ in range(ROUNDS):
            before = self._commits
            await self.settle(settle_ms, frame_every)
            raw.values, png, raw.cookies = await self._look(asked, image, cookies)
            raw.png = png or raw.png
            # What the page does in its frame's callbacks may start a load or open a window as well.
            if self._commits == before or not (self._loading or self._new_tab):
                break
        raw.title = str(raw.values.pop(""))
        raw.url = self.url
        self.hands.touched = False
        self.collect(raw)
        return raw

    async def _look(self, asked: Asked, image: bool, cookies: bool) -> tuple[dict[str, Any], bytes | None, list[Any]]:
        """Draw a frame; as soon as the page's part in it is done, and while the picture is made, ask."""
        in_frame, self._in_frame = self._in_frame, None
        early: list[Answers] = []
        jar: list[asyncio.Future[Any]] = []

        def ask(told: asyncio.Future[Any]) -> None:
            if not told.cancelled() and told.exception() is None and self._world is not None:
                early.append(self._send_all(asked, self._world))
                if cookies:
                    jar.append(self._send_for_cookies())

        if in_frame is not None:
            in_frame.add_done_callback(ask)
        png = await self._draw(image)
        if in_frame is not None:
            in_frame.remove_done_callback(ask)
        values = await self._while_loading(lambda: self._values(asked, early.pop() if early else None))
        found = _cookies(await (jar[0] if jar else self._send_for_cookies())) if cookies else []
        return values, png, found

    def collect(self, raw: Raw) -> None:
        """Move what was recorded since the last time into an outcome."""
        raw.dialogs, self.dialogs = self.dialogs, []
        raw.refused = self.refused[self._recorded[0] :]
        raw.server_errors = self.server_errors[self._recorded[1] :]
        self._recorded = len(self.refused), len(self.server_errors)

    async def _while_loading(self, ask: Callable[[], Awaitable[T]]) -> T:
        for _ in range(ROUNDS):
            try:
                return await ask()
            except CDPError as error:
                # A load that was under way has replaced the document between two messages.
                if "Cannot find context" not in str(error) and "context was destroyed" not in str(error):
                    raise
                self._world = None
        raise BrowserFailure("storm", "the page loads itself again and again")

    async def _values(self, asked: Asked, answers: Answers | None = None) -> dict[str, Any]:
        if answers is None:
            answers = self._send_all(asked, await self._isolated_world() if asked[0] else None)
        values = [_value(expression, await answer) for expression, answer in answers]
        return dict(zip([*asked[0], *asked[1]], itertools.chain.from_iterable(values), strict=True))

    def _send_all(self, asked: Asked, world: int | None) -> Answers:
        sent = [(_together(found), where) for found, where in ((asked[0], world), (asked[1], None)) if found]
        return [(expression, self._ask(expression, where)) for expression, where in sent]

    async def evaluate(self, expression: str, world: str) -> Any:
        """The JSON value of a JavaScript expression.

        Args:
            expression: the expression.
            world: ``"isolated"``, which shares the document but no object with the page's scripts, or ``"main"``.

        Raises:
            CDPError: what the expression threw.
        """

        async def ask() -> Any:
            context = await self._isolated_world() if world == "isolated" else None
            return _value(expression, await self._ask(expression, context))

        return await self._while_loading(ask)

    async def storage(self) -> dict[str, Any]:
        """Local and session storage of the document's own origin, by key."""
        expression = """(() => {
            const dump = (area) => { try { return Object.fromEntries(Object.entries(area())); } catch { return {}; } };
            return {local: dump(() => localStorage), session: dump(() => sessionStorage)};
        })()"""
        found: dict[str, Any] = await self.evaluate(expression, "isolated")
        return found

    async def cookies(self) -> list[dict[str, Any]]:
        """Cookies of all sites, sorted, with the fields name, value, domain, path, expires, httpOnly, secure."""
        return _cookies(await self._send_for_cookies())

    def _send_for_cookies(self) -> asyncio.Future[Any]:
        return self.root.send("Storage.getCookies", browserContextId=self.context)

    async def set_files(self, names: Sequence[str]) -> None:
        """Choose files in the file chooser that the page has opened.

        Raises:
            ValueError: if no chooser is open, or a name is none of the episode's files.
        """
        if self.chooser is None:
            raise ValueError("no file chooser is open: click the page's file field first")
        paths = [self._upload(name) for name in names]
        if len(paths) > 1 and self.chooser.get("mode") != "selectMultiple":
            raise ValueError("this field takes one file")
        await self.session.send(
            "DOM.setFileInputFiles", files=[str(path) for path in paths], backendNodeId=self.chooser["backendNodeId"]
        )
        self.uploads.update({path.name: path for path in paths})
        self.chooser = None

    def close(self) -> None:
        """Let go of sessions and server; the browser disposes of the context."""
        self.guard.close()
        for identifier in [self.session.identifier, *self._children]:
            self.session.connection.drop(identifier)

    async def draw_for_input(self, future: asyncio.Future[Any]) -> None:
        """Issue frames until an input event is acknowledged: moves and wheels are handled with a frame."""
        while self.frames.issued and not future.done():
            await self._draw(image=False)
        await future

    def _upload(self, name: str) -> Path:
        folder = self.config.files
        if folder is None:
            raise ValueError("this episode has no files to upload")
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            allowed = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
            raise ValueError(f"no file {name!r}; there are {', '.join(allowed) or 'none'}")
        return path

    async def _navigate(self, url: str) -> None:
        before, known = self._commits, len(self.refused)
        for attempt in range(2):
            try:
                result = await self.session.send("Page.navigate", url=url)
            except CDPError as error:
                raise NavigationRefused(url, str(error)) from error
            if "errorText" not in result:
                break
            refused = [refusal.reason for refusal in self.refused[known:] if refusal.kind == "Document"]
            # Chromium now and then takes a navigation down with one that was aborted just before.
            if refused or attempt or result["errorText"] != "net::ERR_ABORTED":
                raise NavigationRefused(url, refused[-1] if refused else result["errorText"])
            await asyncio.sleep(0.05)
        if "loaderId" in result:
            await self._until_committed(before)

    async def _grant(self, ms: float, commit_limit: int) -> None:
        if self.failure is not None:
            raise self.failure
        self._budget = asyncio.get_running_loop().create_future()
        self._commit_limit = commit_limit
        self.session.post(
            "Emulation.setVirtualTimePolicy",
            policy="pauseIfNetworkFetchesPending",
            budget=ms,
            maxVirtualTimeTaskStarvationCount=STARVATION,
        )
        if self.config.allow_hosts:
            await self._live_budget(ms)
        else:
            await self._budget
        self.elapsed += ms
        if self._commits >= commit_limit:
            await self._halt()

    async def _live_budget(self, ms: float) -> None:
        """A page of the real network may never stop fetching: after a while, time goes on without it."""
        assert self._budget is not None
        patience = NETWORK_REST_S if self._unrest != self._commits else NETWORK_REST_S / 10
        done, _ = await asyncio.wait([self._budget], timeout=patience)
        if not done:
            self._unrest = self._commits
            self.session.post("Emulation.setVirtualTimePolicy", policy="advance", budget=ms)
        await self._budget

    async def _halt(self) -> None:
        """Stop a page that loads itself again and again."""
        with contextlib.suppress(CDPError):  # the browser has stopped it already: a redirect to what it never opens
            await self.session.send("Page.stopLoading")
        await self.session.send("Emulation.setVirtualTimePolicy", policy="pause")
        self._loading = False

    async def _rest(self, ms: float) -> None:
        await self.settle(ms)
        if self.frames.issued:
            await self._while_loading(self._draw_first)

    async def _draw_first(self) -> None:
        """Draw until the document has done its part: it takes no input before, and frames pass by a new process.

        It does its part once: the next frame is issued only when it has not.
        """
        world, clock = await self._isolated_world(), asyncio.get_running_loop().time
        await self._ask("requestAnimationFrame(() => globalThis.drawn = true)", world)
        end = clock() + FIRST_FRAME_S  # a document that loads itself again and again is never drawn
        drawn = False
        while not drawn and clock() < end:
            await self._draw(image=False)
            drawn = _value("drawn", await self._ask("globalThis.drawn", world)) is True

    async def _until_committed(self, before: int) -> None:
        if self._commits == before:
            self._committed = asyncio.get_running_loop().create_future()
            await self._committed

    async def _draw(self, image: bool) -> bytes | None:
        # A frame is dropped, and its answer never comes, unless its time is later than the last one's.
        self._last_ticks = max(self._ticks_base + self.elapsed, self._last_ticks + 0.01)
        if not self.hands.holding and not self.hands.touched:
            return await self.frames.draw(self.session, self._last_ticks, image)
        # Where the browser has opened a list after all (in a frame, where `PICKER_SCRIPT` is not), no frame comes until
        # it is closed. A scroll bar that is held there (see `Hands`) is let go as well, but the page may stay stuck.
        rescue = asyncio.get_running_loop().call_later(HELD_FRAME_S, self._let_go)
        try:
            return await self.frames.draw(self.session, self._last_ticks, image)
        finally:
            rescue.cancel()

    def _let_go(self) -> None:
        self.hands.let_go()
        for event in key_events("Escape"):  # acknowledged when frames come again
            self.session.post("Input.dispatchKeyEvent", **event)

    async def _isolated_world(self) -> int:
        if self._world is None:
            made = await self.session.send("Page.createIsolatedWorld", frameId=self.frame_id, worldName="isolated")
            self._world = int(made["executionContextId"])
            # Scripts for new documents would not do: they wait for the page's first own script, which may never come.
            for script in (PICKER_SCRIPT, self.config.script):
                self.session.post("Runtime.evaluate", expression=script, contextId=self._world)
        return self._world

    def _ask(self, expression: str, context: int | None, await_promise: bool = False) -> asyncio.Future[Any]:
        where = {} if context is None else {"contextId": context}
        return self.session.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=await_promise, **where
        )


def _value(expression: str, result: dict[str, Any]) -> Any:
    thrown = result.get("exceptionDetails")
    if thrown:
        said = thrown.get("exception", {}).get("description") or thrown.get("text")
        raise CDPError(f"{said} in {expression[:200]}")
    return result["result"].get("value")


def _cookies(found: dict[str, Any]) -> list[dict[str, Any]]:
    fields = ("name", "value", "domain", "path", "expires", "httpOnly", "secure")
    cookies = [{name: cookie.get(name) for name in fields} for cookie in found["cookies"]]
    return sorted(cookies, key=lambda cookie: (cookie["domain"], cookie["path"], cookie["name"]))


def _together(expressions: dict[str, str]) -> str:
    # The line ends an expression that ends in a comment.
    return "[" + ",".join(f"({expression}\n)" for expression in expressions.values()) + "]"
