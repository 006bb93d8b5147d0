"""How a page's pictures are made: by frames that we issue (headless shell), or by capture (any Chromium)."""

from __future__ import annotations

import asyncio
import base64
from typing import Protocol

from mmgym_web.browser.cdp import Session

__all__ = ["BeginFrames", "CaptureFrames", "Frames"]

_PATIENCE = 2.5
"""Seconds after which a capture is asked for again: now and then a browser never answers one."""


class Frames(Protocol):
    """Makes the frames of one browser's pages."""

    issued: bool
    """Whether a frame happens only when `draw` is called."""

    async def draw(self, session: Session, ticks: float, image: bool) -> bytes | None:
        """Let the page draw.

        Args:
            session: the page's.
            ticks: time of the frame in milliseconds of the page's monotonic clock; must grow.
            image: whether a picture is wanted.

        Returns:
            The picture as PNG; None if none was wanted or nothing has changed since the last one.
        """
        ...


class BeginFrames:
    """Frames issued by us, one at a time in a browser: two at once crash its GPU process."""

    issued = True

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def draw(self, session: Session, ticks: float, image: bool) -> bytes | None:
        """See `Frames.draw`."""
        wanted = {"screenshot": {"format": "png", "optimizeForSpeed": True}} if image else {}
        async with self._one_at_a_time:
            result = await session.send(
                "HeadlessExperimental.beginFrame", frameTimeTicks=ticks, interval=16.0, **wanted
            )
        data = result.get("screenshotData")
        return base64.b64decode(data) if data else None


class CaptureFrames:
    """Pictures of whatever the browser draws on its own clock."""

    issued = False

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()

    async def draw(self, session: Session, ticks: float, image: bool) -> bytes | None:
        """See `Frames.draw`."""
        if not image:
            return None
        async with self._one_at_a_time:
            while True:
                try:
                    async with asyncio.timeout(_PATIENCE):
                        result = await session.send("Page.captureScreenshot", format="png", optimizeForSpeed=True)
                    return base64.b64decode(result["data"])
                except TimeoutError:
                    continue  # the page's own limit ends this
