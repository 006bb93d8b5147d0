"""Web environments in a real browser. Only the table of ids: the environments are imported when they are made."""

from mmgym.registry import EnvironmentEntry, Plugin
from mmgym_web.miniwob.tasks import TASKS

__all__ = ["PLUGIN"]

_POINT = ("click", "move", "mouse_down", "mouse_up", "drag", "hover", "scroll", "select")
_KEYS = ("type", "press", "clear")
_PAGE = (*_POINT, "upload", *_KEYS, "goto", "back", "forward", "wait", "answer", "fail")

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
        ),
        EnvironmentEntry(
            id="mmgym/Web-v0",
            entry_point="mmgym_web.any_site.env:AnySite",
            family="site",
            summary="Your own site: an application, a folder or a live address, with tasks from a file.",
            tools=_PAGE,
        ),
        EnvironmentEntry(
            id="mmgym/Roundup-v0",
            entry_point="mmgym_web.apps.roundup:Roundup",
            family="application",
            summary="Do a task in Roundup, a real issue tracker.",
            tools=_PAGE,
        ),
        EnvironmentEntry(
            id="mmgym/OtterWiki-v0",
            entry_point="mmgym_web.apps.otterwiki:OtterWiki",
            family="application",
            summary="Do a task in An Otter Wiki, a real wiki.",
            tools=_PAGE,
        ),
        EnvironmentEntry(
            id="mmgym/MiniWoB-v0",
            entry_point="mmgym_web.miniwob.env:MiniWoB",
            family="miniwob",
            summary="MiniWoB++: small tasks on one page each; task= names one.",
            tools=(*_POINT, *_KEYS, "wait"),
        ),
        *(
            EnvironmentEntry(
                id=f"mmgym/MiniWoB-{task.name}-v0",
                entry_point="mmgym_web.miniwob.env:MiniWoBTask",
                family="miniwob",
                summary=task.summary,
                tools=(*_POINT, *_KEYS, "wait"),
                levels=1,
                kwargs={"task": task.name},
            )
            for task in TASKS.values()
        ),
    ),
)
