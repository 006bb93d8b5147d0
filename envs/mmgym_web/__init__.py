"""Web environments in a real browser. Only the table of ids: the environments are imported when they are made."""

from mmgym.registry import EnvironmentEntry, Plugin

__all__ = ["PLUGIN"]

_POINT = ("click", "move", "mouse_down", "mouse_up", "drag", "hover", "scroll", "select", "upload")
_PAGE = ("type", "press", "clear", "goto", "back", "forward", "wait", "answer", "fail")

PLUGIN = Plugin(
    name="web",
    extra="web",
    environments=(
        EnvironmentEntry(
            id="mmgym/WebNav-v0",
            entry_point="mmgym_web.webnav.env:WebNav",
            family="webnav",
            summary="Do a task on a procedural web of eight sites, from pixels, in a real Chromium.",
            tools=(*_POINT, *_PAGE),
        ),
    ),
)
