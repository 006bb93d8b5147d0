"""Web environments in a real browser. Only the table of ids: the environments are imported when they are made."""

from mmgym.registry import EnvironmentEntry, Plugin, Suite, SuiteEntry
from mmgym_web.miniwob.entries import ENTRIES

__all__ = ["PLUGIN"]

_POINT = ("click", "move", "mouse_down", "mouse_up", "drag", "hover", "scroll", "select", "upload")
_PAGE = (*_POINT, "type", "press", "clear", "goto", "back", "forward", "wait", "answer", "fail")
_NAV = "mmgym/WebNav-v0"
_APPS = ("mmgym/Roundup-v0", "mmgym/OtterWiki-v0")
_MIXTURE = "mmgym/MiniWoB-v0"
_SINGLE = tuple(entry.id for entry in ENTRIES if entry.id != _MIXTURE)
_NAV_LEVELS = (1, 2, 3, 4, 5)

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
    suites=(
        Suite("smoke", 1, (SuiteEntry(_MIXTURE, (1,), episodes=4),)),
        Suite("core", 1, (SuiteEntry(_NAV, (1, 3), episodes=25), SuiteEntry(_MIXTURE, (1, 3), episodes=25))),
        Suite(
            "web",
            1,
            (
                SuiteEntry(_NAV, _NAV_LEVELS, episodes=20),
                SuiteEntry(_MIXTURE, (1, 3, 5), episodes=20),
                *(SuiteEntry(id, (1, 3), episodes=10) for id in _APPS),
            ),
            "the procedural web, two real applications, small tasks",
        ),
        Suite("miniwob", 1, tuple(SuiteEntry(id, episodes=5) for id in _SINGLE), "every task of MiniWoB++, five times"),
        Suite(
            "full",
            1,
            (
                SuiteEntry(_NAV, _NAV_LEVELS, episodes=50),
                *(SuiteEntry(id, (1, 2, 3, 4, 5), episodes=20) for id in _APPS),
                *(SuiteEntry(id, episodes=5) for id in _SINGLE),
            ),
        ),
    ),
)
