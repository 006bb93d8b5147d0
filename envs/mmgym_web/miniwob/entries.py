"""The ids of MiniWoB++: one for the mixture, one for each task. Imports nothing heavy."""

from __future__ import annotations

from mmgym.registry import EnvironmentEntry
from mmgym_web.miniwob.tasks import TASKS

__all__ = ["ENTRIES"]

_TOOLS = (
    *("click", "move", "mouse_down", "mouse_up", "drag", "hover", "scroll", "select"),
    *("type", "press", "clear", "wait"),
)

ENTRIES = (
    EnvironmentEntry(
        id="mmgym/MiniWoB-v0",
        entry_point="mmgym_web.miniwob.env:MiniWoB",
        family="miniwob",
        summary="MiniWoB++: small tasks on small pages in a real Chromium, mixed by level.",
        tools=_TOOLS,
        image=(210, 160),
    ),
    *(
        EnvironmentEntry(
            id=f"mmgym/MiniWoB-{name}-v0",
            entry_point="mmgym_web.miniwob.env:MiniWoBTask",
            family="miniwob",
            summary=f"MiniWoB++: {task.summary}",
            tools=_TOOLS,
            image=(210, 160),
            levels=1,
            kwargs={"task": name},
        )
        for name, task in TASKS.items()
    ),
)
"""Rows for the plug-in's table."""
