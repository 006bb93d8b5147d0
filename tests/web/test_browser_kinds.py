"""Other browsers and real networks: a full Chromium, and hosts that may really be reached."""

import contextlib
import http.server
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from pages import Pages as PagesEnv
from pages import page as html
from served import SITE, FixedPages

import mmgym_web.env
from mmgym import ToolCall
from mmgym.doctor import CHROMIUM_PATHS, find_chromium
from mmgym_web.browser import (
    BrowserFailure,
    Click,
    Mouse,
    NavigationRefused,
    PageConfig,
    Pool,
    PoolSettings,
)

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium; `mmgym doctor` says how to get one")

FULL = next((path for path in CHROMIUM_PATHS if Path(path).is_file() and "shell" not in path), None)


def test_a_full_chromium_is_driven_by_captures(visit):
    pool = Pool(PoolSettings(frames="capture"))
    moved = FixedPages({"/": "<body bgcolor=red onmousemove='document.title=1'>"})
    try:
        for attempt in range(3):
            page = pool.open(PageConfig(width=320, height=240, server=moved))
            try:
                page.goto(SITE)
                outcome = page.act([Mouse("moved", 50, 50)])
                break
            except BrowserFailure as failure:  # on a busy machine a browser may never answer: the next page has another
                assert failure.kind == "hang" and attempt < 2
        assert outcome.title == "1" and tuple(outcome.image[100, 100]) == (255, 0, 0)
    finally:
        pool.close()


FORM = html(
    """<form action=/two><input name=a style='position:absolute;left:0;top:0'><button style='position:absolute;left:0;
    top:40px'>Go</button></form><script>document.cookie = 'at=' + Date.now() + Math.random();
    setTimeout(() => document.body.append('late'), 100)</script>"""
)
CALLS = [("click", {"x": 10, "y": 10}), ("type", {"text": "ab"}), ("click", {"x": 10, "y": 50}), ("back", {}),
         ("scroll", {"x": 100, "y": 100, "dy": 50}), ("goto", {"url": "http://elsewhere.test/"})]  # fmt: skip


@pytest.mark.skipif(FULL is None, reason="no full Chromium beside the headless shell: apt-get install chromium")
def test_a_full_chromium_gives_the_same_states(monkeypatch):
    said = []
    for executable in (str(find_chromium()), FULL):
        monkeypatch.setenv("MMGYM_CHROMIUM", executable)
        pool = Pool()
        monkeypatch.setattr(mmgym_web.env, "get_pool", lambda pool=pool: pool)
        env = PagesEnv({"/": FORM, "/two": html("<p style='height:900px'>two", "two")})
        try:
            env.reset(seed=0)
            keys = [env.state_key()]
            for name, arguments in CALLS:
                observation, reward, *_, info = env.step(ToolCall(name, arguments))
                assert not info["error"]
                keys.append((env.state_key(), reward, observation["url"], info["feedback"]))
            said.append(keys)
            assert np.ptp(observation["image"]) > 0
        finally:
            env.close()
            pool.close()
    assert said[0] == said[1]


class LiveSite(http.server.BaseHTTPRequestHandler):
    """A real server: pages named after their paths, some of them slow, endless or leading away."""

    def log_message(self, *arguments):
        """Say nothing."""

    def do_GET(self):
        """Answer."""
        away = {"/away": "http://elsewhere.test/", "/alias": f"http://localhost:{self.server.server_port}/"}
        if self.path in away:
            self.send_response(302)
            self.send_header("location", away[self.path])
            self.end_headers()
            return
        time.sleep({"/slow": 0.3, "/stuck": 20.0}.get(self.path, 0))
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(f"<title>{self.path}</title><a href=/next style='display:block'>next</a>".encode())
            for _ in range(40 if self.path == "/endless" else 0):
                self.wfile.write(b" " * 2000)
                time.sleep(0.25)


def test_allowed_hosts_are_really_reached_and_no_others(monkeypatch):
    monkeypatch.setattr("mmgym_web.browser.page.NETWORK_REST_S", 1.5)
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), LiveSite)
    site.daemon_threads = True
    threading.Thread(target=site.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{site.server_port}"
    pool = Pool(PoolSettings(limit_s=5))
    try:
        page = pool.open(PageConfig(width=320, height=240, allow_hosts=(f"127.0.0.1:{site.server_port}",)))
        page.goto(f"{address}/")
        assert page.act([Click(20, 15)]).url == f"{address}/next" and page.back()
        for path in ("/away", "/alias"):
            with pytest.raises(NavigationRefused, match="none of this episode's sites"):
                page.goto(address + path)
            assert page.url == f"{address}/" and page.refused[-1].kind == "Document"
        page.goto(f"{address}/slow")
        assert page.title == "/slow"
        page.goto(f"{address}/endless")
        assert page.act([Click(20, 15)]).title == "/next"
        with pytest.raises(BrowserFailure, match="hang"):
            page.goto(f"{address}/stuck")
        page = pool.open(PageConfig(width=320, height=240, allow_hosts=(f"127.0.0.1:{site.server_port}",)))
        page.goto(f"{address}/again")
        assert page.title == "/again"
    finally:
        pool.close()
        site.shutdown()
        site.server_close()
