"""The pool of browsers of this process.

One thread runs an event loop and speaks to all browsers. A pool belongs to the process that made it: a forked child
gets its own.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import logging
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from mmgym_web.browser.cdp import BrowserFailure, BrowserGone
from mmgym_web.browser.chromium import Chromium, PoolSettings, describe
from mmgym_web.browser.config import PageConfig
from mmgym_web.browser.handle import Page
from mmgym_web.browser.page import EpisodePage
from mmgym_web.browser.process import sweep, tree_memory

__all__ = ["Pool", "close_pool", "get_pool"]

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Pool:
    """Browsers of one process and the thread that speaks to them. Use `get_pool`, or make one for other settings.

    Args:
        settings: how browsers are kept.
    """

    def __init__(self, settings: PoolSettings | None = None) -> None:
        self.settings = settings or PoolSettings()
        self.pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="browser-pool", daemon=True)
        self._thread.start()
        self._browsers: dict[tuple[str, ...], Chromium] = {}
        self._retired: list[Chromium] = []
        self._starting: dict[tuple[str, ...], asyncio.Lock] = {}
        self._closed = False
        sweep()

    def open(self, config: PageConfig | None = None) -> Page:
        """Open a page.

        Raises:
            BrowserFailure: if no browser can be had; what it says tells how to get one.
        """
        config = config or PageConfig()
        browser, page = self.call(self._open(config), self.settings.limit_s + 60)
        return Page(self, browser, page)

    @property
    def usable(self) -> bool:
        """Whether calls are answered: not after `close`, nor in a forked child."""
        return self.pid == os.getpid() and self._thread.is_alive()

    def pids(self) -> list[int]:
        """Process ids of the running browsers."""
        return [browser.process.pid for browser in self._all() if browser.process.alive()]

    def memory(self) -> int:
        """Proportional set size of all browsers with their children, in bytes."""
        return sum(sum(tree_memory(pid).values()) for pid in self.pids())

    def close(self) -> None:
        """End every browser and the thread. Pages of this pool fail from now on."""
        if self._closed or self.pid != os.getpid():
            return
        self._closed = True
        with contextlib.suppress(BrowserFailure):
            self.call(self._stop(), 15)
        for browser in self._all():
            browser.process.stop_now()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        if not self._thread.is_alive():
            self._loop.close()

    def call(self, coroutine: Coroutine[Any, Any, T], limit_s: float) -> T:
        """Run a coroutine on the loop's thread and wait for it.

        Raises:
            BrowserFailure: of kind ``"hang"`` if it takes longer than `limit_s` wall-clock seconds.
        """
        if not self.usable:
            coroutine.close()
            raise BrowserFailure("crash", "this pool is closed, or belongs to another process")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(limit_s)
        except concurrent.futures.TimeoutError as error:
            if future.done():
                raise
            future.cancel()
            raise BrowserFailure("hang", f"the browser's thread did not answer within {limit_s:g} s") from error

    def _all(self) -> list[Chromium]:
        return [*self._browsers.values(), *self._retired]

    async def _open(self, config: PageConfig) -> tuple[Chromium, EpisodePage]:
        key = tuple(sorted(config.allow_hosts))
        for attempt in range(3):
            browser = await self._browser(key)
            try:
                async with asyncio.timeout(self.settings.limit_s):
                    return browser, await browser.open(config)
            except (BrowserGone, TimeoutError) as error:
                browser.fail("crash", "the browser died")
                if attempt == 2:
                    raise describe(error, self.settings.limit_s) from error
        raise AssertionError

    async def _browser(self, key: tuple[str, ...]) -> Chromium:
        async with self._starting.setdefault(key, asyncio.Lock()):
            browser = self._browsers.get(key)
            if browser is not None and browser.healthy():
                return browser
            if browser is not None:
                browser.retired = True
                self._retired.append(self._browsers.pop(key))
            for old in [old for old in self._retired if not old.pages or not old.process.alive()]:
                self._retired.remove(old)
                await old.stop()
            browser = self._browsers[key] = await Chromium.start(self.settings, key)
            return browser

    async def _stop(self) -> None:
        browsers = self._all()
        self._browsers.clear()
        self._retired.clear()
        await asyncio.gather(*(browser.stop() for browser in browsers))


_pool: Pool | None = None
_pool_lock = threading.Lock()


def get_pool() -> Pool:
    """The pool of this process, made on first use and closed at exit."""
    global _pool, _pool_lock
    with _pool_lock:
        if _pool is None or _pool.pid != os.getpid():
            _pool = Pool()
        return _pool


def close_pool() -> None:
    """End this process's browsers; the next `get_pool` starts anew."""
    global _pool
    with _pool_lock:
        pool, _pool = _pool, None
    if pool is not None:
        pool.close()


def _after_fork() -> None:
    global _pool, _pool_lock
    _pool_lock = threading.Lock()
    if _pool is not None:
        # The parent's browsers must see the end of their pipes when the parent dies, though this child lives on.
        for browser in _pool._all():
            browser.process.connection.disown()
        _pool = None


atexit.register(close_pool)
os.register_at_fork(after_in_child=_after_fork)
