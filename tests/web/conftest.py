"""Lets the web tests import their helpers by name, and gives tests of the browser layer a pool and pages."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from served import SITE, FixedPages

from mmgym_web.browser import PageConfig, Pool, PoolSettings


@pytest.fixture(scope="module")
def pool():
    pool = Pool(PoolSettings(limit_s=10, watch_s=0.2, memory_limit_mb=500))
    yield pool
    pool.close()


@pytest.fixture
def visit(pool):
    opened = []

    def visit(pages, path="/", **config):
        server = FixedPages({"/": pages} if isinstance(pages, str) else pages)
        page = pool.open(PageConfig(width=320, height=240, server=server, **config))
        opened.append(page)
        page.server = server
        page.goto(SITE + path)
        return page

    yield visit
    for page in opened:
        page.close()
