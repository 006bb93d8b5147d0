"""A real Chromium that notes what a page says and asks for, and runs to look at."""

import os

import pytest
from viewed_runs import HOSTILE, write_run

from mmgym.doctor import find_chromium


@pytest.fixture(scope="module")
def chromium():
    """A browser for the tests of a file: as long as it is there its event loop runs, and others cannot."""
    found = find_chromium()
    if found is None:
        pytest.skip("no Chromium; `mmgym doctor` says how to get one")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = started.chromium.launch(executable_path=str(found), args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium):
    """A fresh page; when the test ends, nothing may have gone wrong in it, nor been asked for from outside."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: page.said.append(f"error: {error}"))
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    context.close()
    assert not page.said, page.said
    outside = [url for url in page.asked if not url.startswith(("file:///", "data:", "http://127.0.0.1:"))]
    assert not outside, outside


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Folders of two agents: one solves all but level 2 of seed 7 and samples tokens, the other solves seed 5 alone."""
    folder = tmp_path_factory.mktemp("runs")
    clever = write_run(folder / "clever", "clever", lambda level, seed: (level, seed) != (2, 7), said=HOSTILE, ids=True)
    dull = write_run(folder / "dull", "<b>dull</b>", lambda level, seed: seed == 5, said="I give up")
    return [clever, dull]
