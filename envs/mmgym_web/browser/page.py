"""One episode's page: an isolated context, its own clock, its network answered by the episode's server.

Everything here runs on the pool's loop thread; environments hold the facade `mmgym_web.browser.pool.Page`.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from mmgym_web.browser.cdp import BrowserFailure, CDPError, Session
from mmgym_web.browser.frames import Frames
from mmgym_web.browser.hands import Hands
from mmgym_web.browser.inputs import Action
from mmgym_web.browser.network import NavigationRefused, NetworkGuard, Refusal, Server, check_address
from mmgym_web.browser.scripts import episode_script

__all__ = ["Dialog", "EpisodePage", "PageConfig", "Raw"]

T = TypeVar("T")

DIALOG_LIMIT = 20
ROUNDS = 10
COMMIT_LIMIT = 20
STARVATION = 10_000


@dataclass(frozen=True)
class PageConfig:
    """An episode's page."""

    width: int = 640
    """Viewport width in CSS pixels."""
    height: int = 480
    """Viewport height in CSS pixels."""
    seed: int = 0
    """Seed of the page's `Math.random` and `crypto`."""
    now: str = "2026-03-02T09:00:00Z"
    """ISO time at which the episode's clock starts."""
    server: Server | None = None
    """Plays the episode's sites."""
    allow_hosts: tuple[str, ...] = ()
    """Hosts that may really be reached; empty keeps the page off the network."""
    on_new_tab: Literal["same", "refuse"] = "same"
    """What a link to a new tab or window does: opens in the same page, or nothing (recorded as refused)."""
    files: Path | None = None
    """The folder from which files may be uploaded."""
    locale: str = "en-US"
    """Language of dates and numbers, and of the ``Accept-Language`` header."""
    timezone: str = "UTC"
    """Time zone of the page's clock."""
    javascript_clock: bool = True
    """Whether `performance.now`, `timeStamp` and frame times are derived from the virtual `Date`."""

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: naming the field, the value and what is allowed.
        """
        for name in ("width", "height"):
            if not 16 <= getattr(self, name) <= 4096:
                raise ValueError(f"{name} must be from 16 to 4096 pixels; got {getattr(self, name)}")
        if self.on_new_tab not in ("same", "refuse"):
            raise ValueError(f"on_new_tab must be 'same' or 'refuse'; got {self.on_new_tab!r}")
        datetime.fromisoformat(self.now)


@dataclass(frozen=True)
class Dialog:
    """A dialog that the page opened, and that was answered for the agent."""

    kind: str
    """``alert``, ``confirm``, ``prompt`` or ``beforeunload``."""
    message: str
    accepted: bool
    """Alerts, confirmations and leaving are accepted, prompts dismissed."""


@dataclass
class Raw:
    """What one trip to the page brought, before the picture is decoded."""

    png: bytes | None = None
    url: str = ""
    title: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    dialogs: list[Dialog] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    server_errors: list[tuple[str, Exception]] = field(default_factory=list)


class EpisodePage:
    """A page in a context of its own. Make one with `open`.

    Args:
        root: the browser's session.
        session: the page's session.
        context: id of the browser context.
        target: id of the page's target.
        frames: makes the pictures.
        config: the episode's.
    """

    def __init__(
        self, root: Session, session: Session, context: str, target: str, frames: Frames, config: PageConfig
    ) -> None:
        self.root = root
        self.session = session
        self.context = context
        self.target = target
        self.frames = frames
        self.config = config
        self.failure: BrowserFailure | None = None
        self.crash_reason = ("crash", "the page's process died")
        self.url = "about:blank"
        self.frame_id = ""
        self.dialogs: list[Dialog] = []
        self.refused: list[Refusal] = []
        self.server_errors: list[tuple[str, Exception]] = []
        self.chooser: dict[str, Any] | None = None
        self.hands = Hands(self)
        self.uploads: dict[str, Path] = {}
        self.guard = NetworkGuard(
            config.server, config.allow_hosts, self.uploads, self.refused.append, self._server_failed
        )
        self.elapsed = 0.0
        self._ticks_base = 0.0
        self._last_ticks = 0.0
        self._budget: asyncio.Future[None] | None = None
        self._loading = False
        self._commits = 0
        self._commit_limit = COMMIT_LIMIT
        self._committed: asyncio.Future[None] | None = None
        self._world: int | None = None
        self._dialog_count = 0
        self._new_tab: str | None = None
        self._recorded = (0, 0)
        self._last_good = "about:blank"
        self._children: dict[str, Session] = {}
        self._pending: dict[str, str] = {}
        self._aborted: set[str] = set()

    async def prepare(self) -> None:
        """Put clock, network and scripts in place; the page must not have loaded anything yet."""
        self.session.connection.listen(self.session.identifier, self._event)
        config, send = self.config, self.session.send
        start = datetime.fromisoformat(config.now).timestamp()
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
            ),
            send("Emulation.setLocaleOverride", locale=config.locale),
            send("Emulation.setTimezoneOverride", timezoneId=config.timezone),
            send("Emulation.setFocusEmulationEnabled", enabled=True),
            send("Page.setInterceptFileChooserDialog", enabled=True),
            send("Input.setInterceptDrags", enabled=True),
            send("Page.addScriptToEvaluateOnNewDocument", source=episode_script(config.seed, config.javascript_clock)),
        ]
        clock, _, tree, *_ = await asyncio.gather(*settings)
        self._ticks_base = self._last_ticks = clock["virtualTimeTicksBase"]
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

    async def reload(self, settle_ms: float) -> None:
        """Load the page again."""
        before = self._commits
        await self.session.send("Page.reload")
        await self._until_committed(before)
        await self._rest(settle_ms)

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
                await self._grant(slice_ms, limit)
                left -= slice_ms
                if left > 0:
                    await self._draw(image=False)
            if self._new_tab is not None:
                url, self._new_tab = self._new_tab, None
                try:
                    await self._navigate(check_address(url))
                except NavigationRefused as error:
                    self.refused.append(Refusal(error.url, "Popup", error.reason))
            elif self._commits == before and not self._loading:
                return
        await self._halt()

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
    ) -> Raw:
        """One step: input, time, picture, then what the caller wants to know, in one trip."""
        self._dialog_count = 0
        raw = Raw()
        await self.hands.perform(actions)
        for _ in range(ROUNDS):
            before = self._commits
            await self.settle(settle_ms, frame_every)
            if image or self.frames.issued:
                raw.png = await self._draw(image) or raw.png
            # What the page does in its frame's callbacks may start a load or open a window as well.
            if self._commits == before or not (self._loading or self._new_tab):
                break
        title = {"": "document.title"}
        # The title is the page's own word in either world: it goes along with what is asked for anyway.
        in_main = bool(main) and not isolated
        raw.values = await self.evaluate_all({} if in_main else title | isolated, title | main if in_main else main)
        raw.title = str(raw.values.pop(""))
        raw.url = self.url
        self.collect(raw)
        return raw

    def collect(self, raw: Raw) -> None:
        """Move what was recorded since the last time into an outcome."""
        raw.dialogs, self.dialogs = self.dialogs, []
        raw.refused = self.refused[self._recorded[0] :]
        raw.server_errors = self.server_errors[self._recorded[1] :]
        self._recorded = len(self.refused), len(self.server_errors)

    async def evaluate_all(self, isolated: dict[str, str], main: dict[str, str]) -> dict[str, Any]:
        """Values of several expressions, in one round trip where the page has not changed."""
        return await self._while_loading(lambda: self._evaluate_all(isolated, main))

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

    async def _evaluate_all(self, isolated: dict[str, str], main: dict[str, str]) -> dict[str, Any]:
        sent = []
        if isolated:
            sent.append(self._evaluate(_together(isolated), await self._isolated_world()))
        if main:
            sent.append(self._evaluate(_together(main), None))
        values = await asyncio.gather(*sent) if len(sent) > 1 else [await sent[0]] if sent else []
        return dict(zip([*isolated, *main], itertools.chain.from_iterable(values), strict=True))

    async def evaluate(self, expression: str, world: str, await_promise: bool = False) -> Any:
        """The JSON value of a JavaScript expression.

        Args:
            expression: the expression.
            world: ``"isolated"``, which shares the document but no object with the page's scripts, or ``"main"``.
            await_promise: whether to wait for a promise (virtual time stands still meanwhile).

        Raises:
            CDPError: what the expression threw.
        """

        async def ask() -> Any:
            context = await self._isolated_world() if world == "isolated" else None
            return await self._evaluate(expression, context, await_promise)

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
        found = await self.root.send("Storage.getCookies", browserContextId=self.context)
        fields = ("name", "value", "domain", "path", "expires", "httpOnly", "secure")
        cookies = [{name: cookie.get(name) for name in fields} for cookie in found["cookies"]]
        return sorted(cookies, key=lambda cookie: (cookie["domain"], cookie["path"], cookie["name"]))

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

    def fail(self, kind: str, message: str) -> None:
        """Give the page up: what waits on it ends with a `BrowserFailure`."""
        if self.failure is None:
            self.failure = BrowserFailure(kind, message)
        for future in (self._budget, self._committed):
            if future is not None and not future.done():
                future.set_exception(self.failure)
                future.exception()
        self.session.connection.drop(self.session.identifier)

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
        before = self._commits
        try:
            result = await self.session.send("Page.navigate", url=url)
        except CDPError as error:
            raise NavigationRefused(url, str(error)) from error
        if "errorText" in result:
            reason = result["errorText"]
            if self.refused and self.refused[-1].kind == "Document":
                reason = self.refused[-1].reason
            raise NavigationRefused(url, reason)
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
        await self._budget
        self.elapsed += ms
        if self._commits >= commit_limit:
            await self._halt()

    async def _halt(self) -> None:
        """Stop a page that loads itself again and again."""
        await asyncio.gather(
            self.session.send("Page.stopLoading"), self.session.send("Emulation.setVirtualTimePolicy", policy="pause")
        )
        self._loading = False

    async def _rest(self, ms: float) -> None:
        await self.settle(ms)
        # A page takes no input before it has been drawn once.
        await self._draw(image=False)

    async def _until_committed(self, before: int) -> None:
        if self._commits == before:
            self._committed = asyncio.get_running_loop().create_future()
            await self._committed

    async def _draw(self, image: bool) -> bytes | None:
        # A frame is dropped, and its answer never comes, unless its time is later than the last one's.
        self._last_ticks = max(self._ticks_base + self.elapsed, self._last_ticks + 0.01)
        return await self.frames.draw(self.session, self._last_ticks, image)

    async def _isolated_world(self) -> int:
        if self._world is None:
            made = await self.session.send("Page.createIsolatedWorld", frameId=self.frame_id, worldName="isolated")
            self._world = int(made["executionContextId"])
        return self._world

    async def _evaluate(self, expression: str, context: int | None, await_promise: bool = False) -> Any:
        where = {} if context is None else {"contextId": context}
        result = await self.session.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=await_promise, **where
        )
        thrown = result.get("exceptionDetails")
        if thrown:
            said = thrown.get("exception", {}).get("description") or thrown.get("text")
            raise CDPError(f"{said} in {expression[:200]}")
        return result["result"].get("value")

    def _server_failed(self, url: str, error: Exception) -> None:
        self.server_errors.append((url, error))

    def _event(self, message: dict[str, Any]) -> None:
        handler = _EVENTS.get(message["method"])
        if handler is not None:
            handler(self, message["params"])

    def _request_paused(self, params: dict[str, Any]) -> None:
        self.guard.paused(self.session, params, params["frameId"] == self.frame_id)

    def _budget_expired(self, params: dict[str, Any]) -> None:
        if self._budget is not None and not self._budget.done():
            self._budget.set_result(None)

    def _started_loading(self, params: dict[str, Any]) -> None:
        if params["frameId"] == self.frame_id:
            self._loading = True

    def _stopped_loading(self, params: dict[str, Any]) -> None:
        if params["frameId"] == self.frame_id:
            self._loading = False
        if self._pending.get(params["frameId"]) in self._aborted:
            # The engine holds virtual time for a load that ends without a document, until loading is stopped.
            self._aborted.discard(self._pending.pop(params["frameId"]))
            self.session.post("Page.stopLoading")

    def _started_navigating(self, params: dict[str, Any]) -> None:
        if params["navigationType"] != "sameDocument":
            self._pending[params["frameId"]] = params["loaderId"]

    def _requested_navigation(self, params: dict[str, Any]) -> None:
        url, where = params["url"], params["disposition"]
        if where == "download":
            self.refused.append(Refusal(url, "Download", "downloads are not kept"))
        elif where == "currentTab" and not url.startswith(("http://", "https://", "about:", "javascript:", "blob:")):
            self.refused.append(Refusal(url, "Navigation", f"{url.partition(':')[0]}: addresses are not opened"))
        elif where == "currentTab" and params["frameId"] == self.frame_id and not url.startswith("javascript:"):
            # A form is sent some tasks after it was submitted, by which time a budget may have been spent.
            self._loading = True

    def _logged(self, params: dict[str, Any]) -> None:
        text = params["entry"]["text"]
        if text.startswith("Not allowed to"):
            self.refused.append(Refusal(text.rpartition(": ")[2], "Navigation", text))

    def _loading_failed(self, params: dict[str, Any]) -> None:
        if params["type"] == "Document":
            self._aborted.add(params["requestId"])

    def _navigated(self, params: dict[str, Any]) -> None:
        frame = params["frame"]
        self._pending.pop(frame["id"], None)
        if "parentId" in frame:
            return
        self._aborted.clear()
        self.frame_id = frame["id"]
        self.url = frame["url"] + frame.get("urlFragment", "")
        self._world = None
        self.chooser = None
        self._commits += 1
        if self._committed is not None and not self._committed.done():
            self._committed.set_result(None)
        if self._commits >= self._commit_limit:
            self._budget_expired({})
        if self.url.startswith(("http://", "https://", "about:blank")):
            self._last_good = self.url
        else:
            self.refused.append(Refusal(self.url[:200], "Navigation", "only http:// and https:// pages are shown"))
            self._new_tab = self._last_good

    def _moved_within(self, params: dict[str, Any]) -> None:
        if params["frameId"] == self.frame_id:
            self.url = params["url"]

    def _dialog(self, params: dict[str, Any]) -> None:
        accepted = params["type"] != "prompt"
        self.dialogs.append(Dialog(params["type"], params["message"], accepted))
        self._dialog_count += 1
        if self._dialog_count > DIALOG_LIMIT:
            self.fail("storm", f"more than {DIALOG_LIMIT} dialogs in one step")
            return
        self.session.post("Page.handleJavaScriptDialog", accept=accepted)

    def _window_opened(self, params: dict[str, Any]) -> None:
        if self.config.on_new_tab == "same" and params["url"]:
            self._new_tab = params["url"]
        else:
            self.refused.append(Refusal(params["url"], "Popup", "new tabs and windows are not opened"))

    def _socket_created(self, params: dict[str, Any]) -> None:
        host = params["url"].split("://", 1)[-1].split("/", 1)[0].split(":", 1)[0]
        if not self.guard.allows(host):
            self.refused.append(Refusal(params["url"], "WebSocket", "web sockets are not opened"))

    def _chooser_opened(self, params: dict[str, Any]) -> None:
        self.chooser = params

    def _crashed(self, params: dict[str, Any]) -> None:
        self.fail(*self.crash_reason)

    def _drag_intercepted(self, params: dict[str, Any]) -> None:
        self.hands.drag = params["data"]

    def _attached(self, params: dict[str, Any]) -> None:
        session = Session(self.session.connection, params["sessionId"])
        if params["targetInfo"]["type"] == "page":
            return  # a new window: the browser closes it
        self._children[session.identifier] = session

        def event(message: dict[str, Any]) -> None:
            if message["method"] == "Fetch.requestPaused":
                self.guard.paused(session, message["params"], main_frame=False)

        session.connection.listen(session.identifier, event)
        session.post("Network.enable")
        session.post("Fetch.enable", patterns=[{"urlPattern": "*"}])
        session.post("Runtime.evaluate", expression=episode_script(self.config.seed, self.config.javascript_clock))
        session.post("Runtime.runIfWaitingForDebugger")

    def _detached(self, params: dict[str, Any]) -> None:
        if self._children.pop(params["sessionId"], None) is not None:
            self.session.connection.drop(params["sessionId"])


def _together(expressions: dict[str, str]) -> str:
    # The line ends an expression that ends in a comment.
    return "[" + ",".join(f"({expression}\n)" for expression in expressions.values()) + "]"


_EVENTS = {
    "Fetch.requestPaused": EpisodePage._request_paused,
    "Emulation.virtualTimeBudgetExpired": EpisodePage._budget_expired,
    "Page.frameStartedLoading": EpisodePage._started_loading,
    "Page.frameStartedNavigating": EpisodePage._started_navigating,
    "Page.frameRequestedNavigation": EpisodePage._requested_navigation,
    "Log.entryAdded": EpisodePage._logged,
    "Network.loadingFailed": EpisodePage._loading_failed,
    "Page.frameStoppedLoading": EpisodePage._stopped_loading,
    "Page.frameNavigated": EpisodePage._navigated,
    "Page.navigatedWithinDocument": EpisodePage._moved_within,
    "Page.javascriptDialogOpening": EpisodePage._dialog,
    "Page.windowOpen": EpisodePage._window_opened,
    "Page.fileChooserOpened": EpisodePage._chooser_opened,
    "Network.webSocketCreated": EpisodePage._socket_created,
    "Input.dragIntercepted": EpisodePage._drag_intercepted,
    "Inspector.targetCrashed": EpisodePage._crashed,
    "Target.attachedToTarget": EpisodePage._attached,
    "Target.detachedFromTarget": EpisodePage._detached,
}
