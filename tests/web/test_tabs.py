"""Tabs of one episode: opened by links, scripts and tools; one clock, one set of cookies, one state."""

import numpy as np
import pytest
from pages import Pages, page

from mmgym import ToolCall
from mmgym_web.browser import Click, PageConfig, get_pool

LINK = "<a href={} target=_blank style='position:absolute;left:0;top:{}px;width:200px;height:40px'>x</a>"
SITE = {
    "/": page(
        LINK.format("/two", 0) + LINK.format("http://elsewhere.test/", 50) + "<button style='position:absolute;left:0;"
        "top:100px' onclick=\"window.open('/three'); window.open('/two')\">Both</button><script>"
        "document.cookie = 'a=1'; setInterval(() => document.body.dataset.at = Date.now(), 100)</script>"
    ),
    "/two": page("<h1>Two</h1><script>document.title += ' ' + document.cookie; window.at = Date.now()</script>", "two"),
    "/three": page("<h1>Three</h1>", "three"),
}


def play(env, *calls):
    """Play calls; the last observation and info."""
    for name, arguments in calls:
        observation, _, _, _, info = env.step(ToolCall(name, arguments))
        assert not info["error"], info["error"]
    return observation, info


@pytest.fixture
def env():
    env = Pages(SITE, tabs=True)
    env.reset(seed=0)
    yield env
    env.close()


def test_links_and_tools_open_show_and_close_tabs(env):
    names = list(env.observation_space.spaces)
    assert names.index("tabs") == names.index("url") - 1
    observation, _ = play(env, ("click", {"x": 20, "y": 20}))
    assert observation["tabs"] == "1: start\n2: two a=1 (shown)" and observation["url"] == "http://site.test/two"
    first = play(env, ("switch_tab", {"tab": 1}))[0]
    assert first["tabs"] == "1: start (shown)\n2: two a=1" and first["url"] == "http://site.test/"
    assert not np.array_equal(first["image"], observation["image"])
    assert np.array_equal(play(env, ("switch_tab", {"tab": 2}))[0]["image"], observation["image"])
    observation, _ = play(env, ("new_tab", {}), ("goto", {"url": "http://site.test/three"}))
    assert observation["tabs"] == "1: start\n2: two a=1\n3: three (shown)"
    observation, _ = play(env, ("close_tab", {}))
    assert observation["tabs"] == "1: start\n2: two a=1 (shown)"
    assert "no tab 7" in play(env, ("switch_tab", {"tab": 7}))[1]["feedback"]
    observation, info = play(env, ("close_tab", {}), ("close_tab", {}))
    assert observation["tabs"] == "1: start (shown)" and "last tab" in info["feedback"]


def test_a_script_may_open_two_and_a_refused_address_opens_none(env):
    observation, _ = play(env, ("click", {"x": 20, "y": 110}))
    assert observation["tabs"] == "1: start\n2: three\n3: two a=1 (shown)"
    observation, info = play(env, ("switch_tab", {"tab": 1}), ("click", {"x": 20, "y": 70}))
    assert "elsewhere.test" in info["feedback"] and observation["tabs"].startswith("1: start (shown)")


def test_the_state_covers_all_tabs(env):
    keys = [env.state_key()]
    for name, arguments in (("click", {"x": 20, "y": 20}), ("switch_tab", {"tab": 1}), ("switch_tab", {"tab": 2})):
        play(env, (name, arguments))
        keys.append(env.state_key())
    assert len(set(keys)) == 4
    snapshot = env.snapshot()
    other = Pages(SITE, tabs=True)
    other.restore(snapshot)
    assert other.state_key() == keys[-1]
    other.close()


def test_tabs_have_one_clock():
    env = Pages(SITE, tabs=True)
    env.reset(seed=0)
    play(env, ("wait", {"seconds": 3}), ("click", {"x": 20, "y": 20}))
    opened = env.query("Date.now()")
    play(env, ("wait", {"seconds": 2}), ("switch_tab", {"tab": 1}))
    ahead = env.query("Date.now()") - opened
    assert 2000 <= ahead <= 2500
    assert 0 <= env.query("Date.now() - Number(document.body.dataset.at)") <= 100, "its timers have caught up"
    env.close()


def test_no_more_than_twenty():
    page = get_pool().open(PageConfig(width=100, height=100, on_new_tab="tab"))
    for _ in range(19):
        page.new_tab()
    with pytest.raises(ValueError, match="20 tabs"):
        page.new_tab()
    assert page.tab_count == 20 and page.shown_tab == 19
    page.switch_tab(3)
    assert page.act([Click(5, 5)]).url == "about:blank"
    page.close()
    assert not get_pool()._all()[0].pages or page._page.target not in get_pool()._all()[0].pages


def test_without_tabs_there_are_no_tools_for_them():
    env = Pages(SITE)
    assert "new_tab" not in [tool.name for tool in env.action_space.tools]
    assert "tabs" not in env.observation_space.spaces
    with pytest.raises(ValueError, match="tabs must be False"):
        Pages(SITE, tabs=True, action_mode="grid")
