"""One Chromium with its pages: opens them in contexts of their own, closes them, and notices what fails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass
from typing import Any

from mmgym_web.browser.cdp import BrowserFailure, BrowserGone, CDPError, Session
from mmgym_web.browser.config import LOCALE, PageConfig
from mmgym_web.browser.frames import BeginFrames, CaptureFrames, Frames
from mmgym_web.browser.network import Refusal
from mmgym_web.browser.page import EpisodePage
from mmgym_web.browser.process import ChromiumProcess, ProcessSettings, tree_memory, tree_memory_estimate

__all__ = ["Chromium", "PoolSettings"]

_CLOSE_LIMIT_S = 3.0


@dataclass(frozen=True)
class PoolSettings:
    """How browsers are kept."""

    limit_s: float = 10.0
    """Wall-clock seconds within which one call must end; a page that takes longer hangs."""
    memory_limit_mb: int = 2048
    """Memory (proportional set size) of a browser with one page; beyond it the largest page is killed."""
    page_memory_mb: int = 32
    """By how much each further page raises the limit."""
    watch_s: float = 1.0
    """Wall-clock seconds between two looks at memory."""
    max_pages: int = 1000
    """Pages after which a browser is replaced."""
    max_age_s: float = 3600.0
    """Wall-clock seconds after which a browser is replaced."""
    frames: str = "auto"
    """See `ProcessSettings.frames`."""

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: naming the field, the value and what is allowed.
        """
        for name in ("limit_s", "memory_limit_mb", "watch_s", "max_pages", "max_age_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0; got {getattr(self, name)}")
        if self.page_memory_mb < 0:
            raise ValueError(f"page_memory_mb must be at least 0; got {self.page_memory_mb}")


class Chromium:
    """A browser and its pages. Make one with `start`; all methods belong to the loop's thread.

    Args:
        process: the running browser.
        settings: how it is kept.
    """

    def __init__(self, process: ChromiumProcess, settings: PoolSettings) -> None:
        self.process = process
        self.settings = settings
        self.root: Session = process.connection.root
        self.frames: Frames = BeginFrames() if process.begin_frames else CaptureFrames()
        self.pages: dict[str, EpisodePage] = {}
        self.opened = 0
        self.retired = False
        self._user_agent = ""
        self._sessions: dict[str, asyncio.Future[str]] = {}
        self._opening = 0
        self._watcher: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, settings: PoolSettings, allow_hosts: tuple[str, ...]) -> Chromium:
        """Start a browser.

        Raises:
            BrowserFailure: if it does not start.
        """
        process = await ChromiumProcess.start(ProcessSettings(frames=settings.frames, allow_hosts=allow_hosts))
        self = cls(process, settings)
        self.root.connection.listen("", self._event)
        self.root.connection.closed.add_done_callback(lambda _: self._died())
        await asyncio.gather(
            self.root.send(
                "Target.setAutoAttach",
                autoAttach=True,
                waitForDebuggerOnStart=True,
                flatten=True,
                filter=[{"type": "page"}, {"type": "service_worker"}, {"type": "shared_worker"}, {"exclude": True}],
            ),
            self.root.send("Target.setDiscoverTargets", discover=True, filter=[{"type": "page"}]),
        )
        version = await self.root.send("Browser.getVersion")
        self._user_agent = version["userAgent"].replace("HeadlessChrome", "Chrome")
        self._watcher = asyncio.get_running_loop().create_task(self._watch())
        return self

    def healthy(self) -> bool:
        """Whether new pages may be opened in it."""
        if self.retired or not self.process.alive():
            return False
        old = time.monotonic() - self.process.started > self.settings.max_age_s
        return not old and self.opened < self.settings.max_pages

    async def open(self, config: PageConfig, opener: EpisodePage | None = None) -> EpisodePage:
        """Open a page in a context of its own, or a tab beside another page, in its context.

        Raises:
            BrowserGone: if the browser died.
        """
        self.opened += 1
        settings = []
        if opener is not None:
            context = opener.context
        else:
            made = await self.root.send("Target.createBrowserContext", disposeOnDetach=True)
            context = made["browserContextId"]
            settings = [
                self.root.send(
                    "Browser.setDownloadBehavior", behavior="deny", browserContextId=context, eventsEnabled=True
                ),
                self.root.send("Browser.grantPermissions", permissions=[], browserContextId=context),
            ]
        # The window is what is drawn; the page is laid out for its viewport (see `EpisodePage.prepare`).
        width, height = config.drawn
        self._opening += 1
        try:
            target = await self.root.send(
                "Target.createTarget",
                url="about:blank",
                browserContextId=context,
                enableBeginFrameControl=self.frames.issued,
                width=width,
                height=height,
            )
            identifier = target["targetId"]
            session = Session(self.root.connection, await self._session_of(identifier))
        finally:
            self._opening -= 1
            if not self._opening:
                self._close_strays()
        page = EpisodePage(self.root, session, context, identifier, self.frames, config, opener)
        self.pages[identifier] = page
        try:
            session.post("Emulation.setUserAgentOverride", userAgent=self._user_agent, acceptLanguage=LOCALE)
            await asyncio.gather(page.prepare(), session.send("Runtime.runIfWaitingForDebugger"), *settings)
        except BaseException:
            await self.close_page(page)
            raise
        return page

    async def close_tab(self, page: EpisodePage) -> None:
        """Close one of several tabs; what its context stored stays."""
        self.pages.pop(page.target, None)
        page.close()
        with contextlib.suppress(CDPError):  # a crashed tab is gone already
            await self.root.send("Target.closeTarget", targetId=page.target)

    async def close_page(self, page: EpisodePage) -> None:
        """Dispose of a page with its tabs and all that its context stored; kills a browser that does not answer."""
        page.close()
        for tab in [tab for tab in self.pages.values() if tab.context == page.context]:
            del self.pages[tab.target]
            tab.close()
        try:
            async with asyncio.timeout(_CLOSE_LIMIT_S):
                await self.root.send("Target.disposeBrowserContext", browserContextId=page.context)
        except CDPError:
            pass  # a crashed page took its context along
        except (BrowserGone, TimeoutError):
            self.fail("crash", "the browser did not answer")
        if self.retired and not self.pages:
            await self.stop()

    def fail(self, kind: str, message: str) -> None:
        """Give the browser up: every page in it fails."""
        for page in list(self.pages.values()):
            page.fail(kind, message)
        self.process.kill()

    async def stop(self) -> None:
        """End the process and remove what it left."""
        self.retired = True
        if self._watcher is not None:
            self._watcher.cancel()
        for page in list(self.pages.values()):
            page.fail("crash", "the browser was stopped")
        self.pages.clear()
        await self.process.stop()

    def _died(self) -> None:
        self.retired = True
        for page in list(self.pages.values()):
            kind, message = page.crash_reason
            page.fail(kind, message if kind == "memory" else "the browser died")

    async def _session_of(self, target: str) -> str:
        if target not in self._sessions:
            self._sessions[target] = asyncio.get_running_loop().create_future()
        try:
            return await self._sessions[target]
        finally:
            self._sessions.pop(target, None)

    def _event(self, message: dict[str, Any]) -> None:
        method, params = message["method"], message["params"]
        if method == "Target.attachedToTarget":
            self._attached(params["targetInfo"], params["sessionId"])
        elif method in ("Target.detachedFromTarget", "Target.targetDestroyed", "Target.targetCrashed"):
            page = self.pages.get(params.get("targetId", ""))
            if page is not None:
                page.fail(*page.crash_reason)
        elif method == "Browser.downloadWillBegin":
            for page in self.pages.values():
                if page.frame_id == params["frameId"]:
                    page.refused.append(Refusal(params["url"], "Download", "downloads are not kept"))

    def _attached(self, target: dict[str, Any], session: str) -> None:
        if target["type"] == "page" and "openerId" not in target and not target.get("openerFrameId"):
            future = self._sessions.get(target["targetId"])
            if future is None:
                future = self._sessions[target["targetId"]] = asyncio.get_running_loop().create_future()
            if not future.done():
                future.set_result(session)
            if not self._opening:
                self._close_strays()
            return
        self._close_other(target["targetId"], session)

    def _close_strays(self) -> None:
        """Close the windows that nobody here has asked for: clicks with a modifier open some that name no opener."""
        for identifier, future in self._sessions.items():
            if future.done() and not future.cancelled():
                self._close_other(identifier, future.result())
        self._sessions.clear()

    def _close_other(self, identifier: str, session: str) -> None:
        """Close a window that a page opened, or a worker that would outlive it, before it runs."""
        other = Session(self.root.connection, session)
        other.post("Fetch.enable", patterns=[{"urlPattern": "*"}])
        # A page's script stands still in window.open() until the new window may go on.
        other.post("Runtime.runIfWaitingForDebugger")
        self.root.post("Target.closeTarget", targetId=identifier)

    async def _watch(self) -> None:
        """Kill the largest page when the browser takes too much memory."""
        settings = self.settings
        while True:
            await asyncio.sleep(settings.watch_s)
            if not self.pages:
                continue
            limit = (settings.memory_limit_mb + settings.page_memory_mb * (len(self.pages) - 1)) << 20
            # To look closely takes milliseconds for every page, of the browser's time as well.
            if await asyncio.to_thread(tree_memory_estimate, self.process.pid) < 0.75 * limit:
                continue
            sizes = await asyncio.to_thread(tree_memory, self.process.pid)
            total = sum(sizes.values())
            if total <= limit:
                continue
            sizes.pop(self.process.pid, None)
            if not sizes:
                continue
            largest = max(sizes, key=lambda pid: sizes[pid])
            message = f"the browser took {total >> 20} MB, more than the limit of {limit >> 20}"
            for page in self.pages.values():
                page.crash_reason = ("memory", message)
            self.retired = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(largest, signal.SIGKILL)


def describe(error: BaseException, limit_s: float, waiting_for: str = "") -> BrowserFailure:
    """The failure behind an error of a call to a page."""
    if isinstance(error, BrowserFailure):
        return error
    if isinstance(error, TimeoutError):
        what = f" (waiting for {waiting_for})" if waiting_for else ""
        return BrowserFailure("hang", f"the page did not answer within {limit_s:g} s{what}")
    return BrowserFailure("crash", str(error))
