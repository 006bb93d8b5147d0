"""MiniWoB++'s pages, from the `miniwob` package, served inside this process, and what is done to them.

The pages stay as they are. They come with a content security policy that runs their own scripts and no other: one page
(`terminal`) puts what is typed into it on the page as HTML, and a line with an event handler would be a way to end the
episode with any reward.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import re
from functools import cache
from pathlib import Path

from mmgym_web.messages import Request, Response
from mmgym_web.serve import StaticFolder

__all__ = ["HOST", "Pages", "begin_script", "preload_script", "status_script", "url"]

HOST = "miniwob.test"
"""The host on which the pages are."""
TIMELESS = 10**9
"""Milliseconds of an episode, in place of each page's own 7 to 30 seconds: the turn limit ends an episode."""

_INLINE = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


def url(task: str) -> str:
    """Address of a task's page."""
    return f"http://{HOST}/miniwob/{task}.html"


@cache
def folder() -> Path:
    """The folder of the pages.

    Raises:
        ModuleNotFoundError: when the package is not installed, with the command that installs it.
    """
    found = importlib.util.find_spec("miniwob")  # found, not imported: its import takes selenium with it
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("MiniWoB++'s pages are not installed: pip install miniwob (or mmgym[web])")
    return Path(next(iter(found.submodule_search_locations)), "html")


class Pages:
    """A server of the pages; it has no state."""

    def __init__(self) -> None:
        self._files = StaticFolder(folder())

    async def answer(self, request: Request) -> Response | None:
        """The file named by the path; a page with its policy."""
        if not request.url.startswith(f"http://{HOST}/"):
            return None
        response = await self._files.answer(request)
        if response is None or response.status != 200:
            return response
        if not request.url.partition("?")[0].endswith(".html"):
            # The browser may keep libraries and pictures, for pages that are loaded anew for each episode.
            return Response(200, [*response.headers, ("Cache-Control", "max-age=86400")], response.body)
        return Response(200, [*response.headers, ("Content-Security-Policy", _policy(response.body))], response.body)


@cache
def _policy(page: bytes) -> str:
    # A browser hashes a script after it has made its line ends plain.
    scripts = (script.replace(b"\r\n", b"\n").replace(b"\r", b"\n") for script in _INLINE.findall(page))
    hashes = sorted({base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts})
    own = " ".join(f"'sha256-{digest}'" for digest in hashes)
    # jscolor and d3 make functions of their own texts, hence unsafe-eval; it opens nothing to what an agent types.
    return (
        f"script-src 'self' 'unsafe-eval' {own}; object-src 'none'; frame-src 'none'; worker-src 'none'; "
        "base-uri 'none'; form-action 'self'"
    )


def begin_script(seed: str, mode: str) -> str:
    """The expression that begins an episode, on a fresh page or one that was played on; its value is what is asked.

    It undoes what the page's own reset leaves: focus, timers, marks of clicks, scores. At the end of an episode no new
    one is offered: a double click would otherwise start it, and hide the outcome of the first.

    Args:
        seed: seed of the instance.
        mode: ``default`` or ``test``: some tasks draw from another distribution in ``test``.
    """
    return f"""(() => {{
      document.activeElement && document.activeElement.blur();
      for (let k = setTimeout(() => {{}}, 0); k > lastOfLoad; k--) clearTimeout(k);
      document.querySelectorAll('[data-tampered]').forEach(e => e.removeAttribute('data-tampered'));
      document.getElementById('reward-display').innerHTML = core.DISPLAY_HTML;
      core.wob_latest = '-';
      core.wob_scores = [];
      WOB_EPISODE_ID = 0;
      core.EPISODE_MAX_TIME = {TIMELESS};
      core.startEpisode = () => {{}};
      core.setDataMode({mode!r});
      Math.seedrandom({seed!r});
      core.startEpisodeReal();
      core.clearTimer();
      const asked = core.getUtterance();
      return typeof asked === 'string' ? asked : asked.utterance;
    }})()"""


def preload_script() -> str:
    """The expression that fetches the pictures a page's own styles may show later, and tells the page's timers apart.

    Some icons change under the mouse. Before the other picture is there they have no size, and a click goes through.
    Timers that a page starts as it loads, such as the one that turns a cube, are for all of its episodes.
    """
    return """(() => {
      window.lastOfLoad = setTimeout(() => {}, 0);
      window.pictures = [...document.querySelectorAll('style')].flatMap(
        style => [...style.textContent.matchAll(/url\\(["']?(.*?)["']?\\)/g)].map(found => {
          const picture = new Image();
          picture.src = found[1];
          return picture;
        }));
      return true;
    })()"""


def status_script() -> str:
    """The expression that reads the outcome: done, raw reward; null on a page that was loaded anew by itself."""
    return (
        f"typeof core === 'object' && core.EPISODE_MAX_TIME === {TIMELESS} "
        "? [WOB_DONE_GLOBAL, WOB_RAW_REWARD_GLOBAL] : null"
    )
