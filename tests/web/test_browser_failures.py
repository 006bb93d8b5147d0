"""Failures of the browser layer end well: endless pages, crashes, kills, limits of memory, pages and age."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from served import FixedPages
from test_browser import ANIMATED

from mmgym.doctor import find_chromium
from mmgym_web import folders
from mmgym_web.browser import BrowserFailure, Click, PageConfig, Pool, PoolSettings, TypeText
from mmgym_web.browser.process import PREFIX, process_tree, sweep, tree_memory_estimate

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium; `mmgym doctor` says how to get one")


ENDLESS = {
    "timers": "<script>setInterval(() => document.title++, 0)</script>",
    "reloads": "<script>setTimeout(() => location.reload(), 1)</script>",
    "refresh": "<meta http-equiv=refresh content=0>",
    "messages": "<script>const c = new MessageChannel(); c.port1.onmessage = () => c.port2.postMessage(1);"
    "c.port2.postMessage(1)</script>",
    "frames": "<script>requestAnimationFrame(function next() {requestAnimationFrame(next)})</script>",
    "promises": "<script>(async () => {for (;;) await new Promise(done => setTimeout(done, 0))})()</script>",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_page_that_never_rests_is_left_at_its_budget(visit, name):
    page = visit(ENDLESS[name])
    assert page.act([Click(10, 10)]).image.shape == (240, 320, 3)


@pytest.mark.parametrize(
    ("kind", "script"),
    [
        ("hang", "while (true);"),
        ("hang", "requestAnimationFrame(() => {while (true);})"),
        ("storm", "while (true) alert(1)"),
        ("memory", "window.kept = []; setInterval(() => kept.push(new Uint8Array(3e7).fill(1)), 1)"),
    ],
)
def test_a_page_that_fails_ends_alone(pool, visit, kind, script):
    neighbour = visit("<title>Neighbour</title>")
    page = visit(f'<body onclick="{script}">')
    page.limit_s = 1 if kind == "hang" else 30
    with pytest.raises(BrowserFailure) as failure:
        for _ in range(100):
            page.act([Click(100, 100)], 200)
    assert failure.value.kind == kind
    assert neighbour.act([Click(5, 5)]).title == "Neighbour"
    assert visit("<title>Next</title>").act().title == "Next"


def test_a_long_text_is_given_the_time_of_its_keys(visit, monkeypatch):
    page, given = visit("<textarea autofocus></textarea>"), []
    call = page._pool.call
    monkeypatch.setattr(page._pool, "call", lambda task, limit_s: given.append(limit_s) or call(task, limit_s))
    page.act([Click(20, 20)])
    page.act([TypeText("ab" * 512), TypeText("c" * 512)])
    assert given == [pytest.approx(page.limit_s + 10), pytest.approx(2.5 * page.limit_s + 10)]
    assert page.evaluate("document.querySelector('textarea').value.length") == 1536
    monkeypatch.setattr(page._page.session.connection, "pending", lambda session: ["Input.dispatchKeyEvent"] * 8192)
    assert page._page.waiting_for().count("Input.dispatchKeyEvent") == 1


def test_a_page_that_nobody_waits_for_is_closed(pool, visit, monkeypatch):
    page = visit('<body onclick="while (true);">')
    page.limit_s = 20
    monkeypatch.setattr("mmgym_web.browser.handle._GRACE_S", 1 - page.limit_s)
    with pytest.raises(BrowserFailure, match="did not answer within 1 s"):
        page.act([Click(100, 100)], 200)
    monkeypatch.undo()
    assert visit("<title>Next</title>").act().title == "Next"
    deadline = time.monotonic() + 30
    while (left := page._page in page._browser.pages.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert page._browser.retired and not left


def test_each_page_may_take_its_share_of_memory():
    pool = Pool(PoolSettings(memory_limit_mb=400, page_memory_mb=200, watch_s=0.05))
    try:
        pages = [pool.open(PageConfig(server=FixedPages({"/": "<title>Large</title>"}))) for _ in range(4)]
        for page in pages:
            page.goto("http://site.test/")
        estimate, memory = tree_memory_estimate(pool.pids()[0]), pool.memory()
        assert memory / 2 < estimate < 1.5 * memory + _mapped(pool.pids()[0])  # others map the same
        for page in pages:
            page.evaluate("window.kept = new Uint8Array(1e8).fill(1), 0", "main")
        assert pool.memory() > 500 << 20  # more than one page may
        time.sleep(0.5)  # the watcher looks again
        assert [page.act().title for page in pages] == ["Large"] * 4
    finally:
        pool.close()


def _mapped(pid):
    """Bytes of files that the process maps of a family that maps most."""
    found = [Path(f"/proc/{member}/status").read_text() for member in [pid, *process_tree(pid)]]
    return max(int(text.split("RssFile:")[1].split()[0]) << 10 for text in found if "RssFile:" in text)


def test_a_killed_renderer_or_browser_costs_its_pages_only(pool, visit):
    page = visit("<title>One</title>")
    os.kill(pool.pids()[-1], signal.SIGKILL)
    with pytest.raises(BrowserFailure, match="crash"):
        page.act()
    page = visit("<title>Two</title>")
    assert page.act().title == "Two"
    for pid in process_tree(pool.pids()[-1]):
        if b"--type=renderer" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    with pytest.raises(BrowserFailure, match="crash"):
        page.act()
    with pytest.raises(BrowserFailure, match="closed"):
        page.act()
    assert visit("<title>Three</title>").act().title == "Three"


def test_threads_share_a_browser(pool, visit):
    pages = [visit(f"<title>{number}</title>{ANIMATED}") for number in range(4)]
    said = []

    def play(number):
        for _ in range(5):
            said.append((number, pages[number].act([Click(50, 50)]).title))

    threads = [threading.Thread(target=play, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(said) == [(number, str(number)) for number in range(4) for _ in range(5)]


CHILD = """
import sys, time
sys.path[:0] = sys.argv[1:]
from mmgym_web.browser import get_pool
page = get_pool().open()
print(get_pool().pids()[0], get_pool()._all()[0].process.folder, flush=True)
time.sleep(60)
"""


def test_nothing_is_left_after_the_parent_is_killed(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", CHILD, *sys.path], stdout=subprocess.PIPE, text=True)
    pid, folder = parent.stdout.readline().split()
    family = [int(pid), *process_tree(int(pid))]
    parent.kill()
    parent.wait()
    assert _all_end(family)
    assert PREFIX in folder
    sweep()
    assert not Path(folder).exists()


def test_a_folder_that_is_swept_before_it_is_locked_is_made_again(monkeypatch):
    lock, prefix = folders.fcntl.flock, f"{PREFIX}test-"

    def late(descriptor, how):
        monkeypatch.setattr(folders.fcntl, "flock", lock)
        for found in folders.abandoned_folders(prefix):
            folders.remove_folder(*found)
            swept.append(found[0])
        lock(descriptor, how)

    swept = []
    monkeypatch.setattr(folders.fcntl, "flock", late)
    folder, held = folders.make_folder(prefix)
    assert len(swept) == 1 and swept != [folder] and (folder / "lock").exists()
    assert not list(folders.abandoned_folders(prefix))
    folders.remove_folder(folder, held)


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _all_end(pids):
    """Whether processes end soon: one that was killed may take a moment on a busy machine."""
    deadline = time.monotonic() + 5
    while any(_runs(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(_runs(pid) for pid in pids)


def test_a_pool_closes_clean():
    pool = Pool()
    page = pool.open()
    folder = pool._all()[0].process.folder
    family = [pool.pids()[0], *process_tree(pool.pids()[0])]
    pool.close()
    assert not folder.exists() and _all_end(family)
    with pytest.raises(BrowserFailure, match="closed"):
        page.act()


@pytest.mark.parametrize("limit", [{"max_pages": 3}, {"max_age_s": 0.3}])
def test_a_browser_is_replaced_after_its_pages_or_its_time(limit):
    pool = Pool(PoolSettings(**limit))
    try:
        first = pool.open()
        old = pool.pids()[0]
        for _ in range(2):
            pool.open().close()
        time.sleep(0.3)
        second = pool.open()
        assert pool.pids()[0] != old and old in pool.pids(), "the old one serves the page that it has"
        assert first.act().url == second.act().url == "about:blank"
        first.close()
        pool.open().close()
        assert old not in pool.pids() and not _runs(old)
    finally:
        pool.close()


@pytest.mark.slow
def test_memory_stays_flat():
    pool = Pool()
    try:
        sizes = []
        for number in range(60):
            page = pool.open(PageConfig(width=320, height=240, server=FixedPages({"/": ANIMATED})))
            page.goto("http://site.test/")
            page.act([Click(50, 50)])
            page.close()
            if number in (19, 59):
                sizes.append(pool.memory() >> 20)
        assert sizes[1] < sizes[0] + 60, sizes
    finally:
        pool.close()
