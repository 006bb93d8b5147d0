"""A web environment of a few hand-written pages, for tests."""

import contextlib
from urllib.parse import urlsplit

from mmgym.spaces import ToolCall
from mmgym_web.env import Start, WebEnv
from mmgym_web.messages import Response


class PageServer:
    """Serves HTML by path; remembers what was asked."""

    def __init__(self, pages):
        self.pages, self.asked = pages, []

    async def answer(self, request):
        parts = urlsplit(request.url)
        if parts.hostname != "site.test":
            return None
        self.asked.append(request)
        html = self.pages.get(parts.path)
        if html is None:
            return Response(404, [("content-type", "text/html")], b"nothing here")
        return Response(200, [("content-type", "text/html; charset=utf-8")], html.encode())


class Pages(WebEnv):
    """Starts at / of ``http://site.test``; solved when the page's title is "done"."""

    levels = 1
    instruction = "Make the title say done."

    def __init__(self, pages, files=None, **arguments):
        super().__init__(**{"width": 320, "height": 240, **arguments})
        self.server, self._offered = PageServer(pages), files or {}

    def _begin(self, rng, task):
        return Start("http://site.test/", "Do it.", self.server, hosts=("site.test",), files=self._offered, turns=50)

    def _server_state(self):
        return [self._play_seed, len(self.server.asked)]

    def _is_success(self):
        return self._seen[1] == "done"


def page(body, title="start"):
    return f"<!doctype html><title>{title}</title><body style='margin:0'>{body}"


@contextlib.contextmanager
def begun(pages, **arguments):
    """An environment of these pages after its reset."""
    env = Pages(pages, **arguments)
    try:
        env.reset(seed=0)
        yield env
    finally:
        env.close()


def earn_nothing(env, name, **arguments):
    """Observation and info of a call that must not solve the task."""
    env.turn = 0
    observation, reward, terminated, _, info = env.step(ToolCall(name, arguments))
    assert not info["error"], info["error"]
    assert reward == 0.0 and not terminated and not info["success"]
    return observation, info
