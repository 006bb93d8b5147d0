"""How an episode of a web environment begins."""

from __future__ import annotations

from dataclasses import dataclass, field

from mmgym_web.messages import Server

__all__ = ["Start"]


@dataclass(frozen=True)
class Start:
    """How an episode begins."""

    url: str
    """The first page."""
    task: str
    """What the agent is asked, in words."""
    server: Server | None = None
    """Plays the sites; None when they are on the network."""
    hosts: tuple[str, ...] = ()
    """Hosts that the agent may visit by address."""
    live_hosts: tuple[str, ...] = ()
    """Hosts that may be reached over the network."""
    files: dict[str, bytes] = field(default_factory=dict)
    """Files that may be uploaded, by name."""
    now: str = "2026-03-02T09:00:00Z"
    """The page's clock at the start."""
    steps: int = 0
    """The fewest turns an expert needs; 0 without an expert."""
    turns: int = 20
    """Turns until the episode is truncated."""
