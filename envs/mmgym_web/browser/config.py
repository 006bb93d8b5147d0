"""What an episode asks of its page, and what one trip to the page brings back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from mmgym_web.browser.network import Refusal
from mmgym_web.messages import Server

__all__ = ["LOCALE", "Dialog", "PageConfig", "Raw"]

LOCALE = "en-US"
"""Language of dates and numbers, and of the ``Accept-Language`` header."""


@dataclass(frozen=True)
class PageConfig:
    """An episode's page."""

    width: int = 640
    """Viewport width in CSS pixels."""
    height: int = 480
    """Viewport height in CSS pixels."""
    picture: tuple[int, int] | None = None
    """Width and height of the part of the viewport, from its top left corner, that is drawn; None: all of it."""
    seed: int = 0
    """Seed of the page's `Math.random` and `crypto`."""
    now: str = "2026-03-02T09:00:00Z"
    """ISO time at which the episode's clock starts."""
    server: Server | None = None
    """Plays the episode's sites."""
    allow_hosts: tuple[str, ...] = ()
    """Hosts that may really be reached (see `is_allowed`); empty keeps the page off the network."""
    on_new_tab: Literal["same", "refuse", "tab"] = "same"
    """What a link to a new tab or window does: opens in the same page, nothing (recorded as refused), or a tab."""
    files: Path | None = None
    """The folder from which files may be uploaded."""
    script: str = ""
    """JavaScript that runs once in the isolated world of each document, before anything is evaluated there."""

    def __post_init__(self) -> None:
        """Check the fields.

        Raises:
            ValueError: naming the field, the value and what is allowed.
        """
        for name in ("width", "height"):
            if not 16 <= getattr(self, name) <= 4096:
                raise ValueError(f"{name} must be from 16 to 4096 pixels; got {getattr(self, name)}")
        if self.picture is not None and not (
            1 <= self.picture[0] <= self.width and 1 <= self.picture[1] <= self.height
        ):
            raise ValueError(f"picture must lie in the viewport of {self.width}x{self.height}; got {self.picture}")
        if self.on_new_tab not in ("same", "refuse", "tab"):
            raise ValueError(f"on_new_tab must be 'same', 'refuse' or 'tab'; got {self.on_new_tab!r}")
        datetime.fromisoformat(self.now)

    @property
    def drawn(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return self.picture or (self.width, self.height)


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
    cookies: list[dict[str, Any]] = field(default_factory=list)
    dialogs: list[Dialog] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    server_errors: list[tuple[str, Exception]] = field(default_factory=list)
