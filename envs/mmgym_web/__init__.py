"""Web environments in a real browser. Only the table of ids: the environments are imported when they are made."""

from mmgym.registry import EnvironmentEntry, Plugin
from mmgym_web.miniwob.entries import ENTRIES

__all__ = ["PLUGIN"]

_POINT = ("click", "move", "mouse_down", "mouse_up", "drag", "hover", "scroll", "select", "upload")
_PAGE = (*_POINT, "type", "press", "clear", "goto", "back", "forward", "wait", "answer", "fail")

PLUGIN = Plugin(
    name="web",
    extra="web",
    environments=(
        EnvironmentEntry(
            id="mmgym/WebNav-v0",
            entry_point="mmgym_web.webnav.env:WebNav",
            family="webnav",
            summary="Do a task on a procedural web of nine sites, from pixels, in a real Chromium.",
            tools=_PAGE,
            image=(480, 640),
        ),
        EnvironmentEntry(
            id="mmgym/Web-v0",
            entry_point="mmgym_web.any_site.env:AnySite",
            family="site",
            summary="Your own site: an application, a folder or a live address, with tasks from a file.",
            tools=_PAGE,
            image=(480, 640),
        ),
        EnvironmentEntry(
            id="mmgym/Roundup-v0",
            entry_point="mmgym_web.apps.roundup:Roundup",
            family="application",
            summary="Do a task in Roundup, a real issue tracker.",
            tools=_PAGE,
            image=(480, 640),
        ),
        EnvironmentEntry(
            id="mmgym/OtterWiki-v0",
            entry_point="mmgym_web.apps.otterwiki:OtterWiki",
            family="application",
            summary="Do a task in An Otter Wiki, a real wiki.",
            tools=_PAGE,
            image=(480, 640),
        ),
        *ENTRIES,
    ),
)
