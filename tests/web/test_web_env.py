"""Tools, feedback, units, modes and failures of `WebEnv`, on pages of a few lines in a real browser."""

import os
import signal

import gymnasium as gym
import numpy as np
import pytest
from pages import Pages, begun, page

import mmgym
from mmgym import ToolCall
from mmgym_web.browser import get_pool

FORM = page(
    """<button style="position:absolute;left:10px;top:10px;width:100px;height:40px" onclick="document.title='done'">Go
    </button><input aria-label="Name" style="position:absolute;left:10px;top:70px;width:100px;height:20px">
    <select aria-label="Size" style="position:absolute;left:10px;top:100px"><option>S<option>M</select>
    <a href="/next" style="position:absolute;left:10px;top:140px">Next</a>
    <a href="http://elsewhere.test/" style="position:absolute;left:100px;top:140px">Away</a>
    <button style="position:absolute;left:10px;top:170px" onclick="alert('Hello there')">Talk</button>
    <div style="position:absolute;top:900px">bottom</div>"""
)


def call(env, name, **arguments):
    observation, reward, terminated, _, info = env.step(ToolCall(name, arguments))
    assert not info["error"], info["error"]
    return observation, reward, terminated, info


def test_every_tool_by_coordinates():
    with begun({"/": FORM, "/next": page("two", "second")}) as env:
        assert call(env, "click", x=60, y=80)[3]["action_effective"]
        call(env, "type", text="Ada é 1")
        assert env.query("document.querySelector('input').value") == "Ada é 1"
        call(env, "clear")
        assert env.query("document.querySelector('input').value") == ""
        call(env, "select", x=20, y=108, option="m")
        assert env.query("document.querySelector('select').value") == "M"
        assert "no such option; options: S, M" in call(env, "select", x=20, y=108, option="XL")[3]["feedback"]
        assert "no select element" in call(env, "select", x=300, y=200, option="M")[3]["feedback"]
        call(env, "scroll", x=160, y=120, dy=300)
        assert env.query("scrollY") == 300
        call(env, "press", keys="Home")
        call(env, "scroll", x=160, y=120, dy=-2000)
        assert "Hello there" in call(env, "click", x=20, y=178)[3]["feedback"]
        assert call(env, "click", x=20, y=148)[0]["title"] == "second"
        assert call(env, "back")[0]["title"] == "start"
        assert call(env, "forward")[0]["url"] == "http://site.test/next"
        assert "no page to go forward" in call(env, "forward")[3]["feedback"]
        assert call(env, "goto", url="site.test/")[0]["url"] == "http://site.test/"
        assert not call(env, "hover", x=300, y=230)[2] and not call(env, "wait", seconds=2)[2]
        observation, reward, terminated, info = call(env, "click", x=60, y=30)
        assert reward == 1.0 and terminated and info["success"] and observation["title"] == "done"


@pytest.mark.parametrize(
    "url",
    [
        "javascript:document.title='done'", "JavaScript:document.title='done'", " javascript:document.title='done'",
        "file:///etc/hostname", "data:text/html,<title>done</title>", "view-source:http://site.test/",
        "chrome://version", "about:blank", "devtools://devtools/bundled/inspector.html", "http://elsewhere.test/",
        "http://127.0.0.1/", "http://site.test.elsewhere.test/", "ftp://site.test/", "blob:http://site.test/x",
        "http://site.test@elsewhere.test/", "//elsewhere.test/", "",
    ],
)  # fmt: skip
def test_addresses_out_of_the_task_are_refused(shared, url):
    observation, reward, _, info = call(shared, "goto", url=url)
    assert "Refused" in info["feedback"] and "site.test" in info["feedback"]
    assert observation["url"] == "http://site.test/" and observation["title"] == "start" and not reward
    assert not info["action_effective"]


@pytest.fixture(scope="module")
def shared():
    with begun({"/": FORM}) as env:
        yield env


def test_a_link_out_of_the_task_leads_nowhere():
    with begun({"/": FORM}) as env:
        observation, *_, info = call(env, "click", x=110, y=148)
        assert observation["url"] == "http://site.test/" and "elsewhere.test" in info["feedback"]


def test_clicks_outside_the_viewport_are_invalid_and_explained(shared):
    *_, info = shared.step({"name": "click", "arguments": {"x": 320, "y": 5}})
    assert not info["action_valid"] and "from 0 to 319" in info["feedback"]


def test_bad_keys_are_explained(shared):
    assert "is no key" in call(shared, "press", keys="Hyper+q")[3]["feedback"]


def test_thousandths_are_of_width_and_height():
    with begun({"/": FORM}, coordinates="thousandths") as env:
        assert call(env, "click", x=round(1000 * 60 / 320), y=round(1000 * 30 / 240))[2]


def test_cells_of_a_grid():
    with begun({"/": FORM}, action_mode="grid", grid=(4, 4)) as env:
        assert env.action_space.is_finite and len(env.action_space.calls) == 16
        assert call(env, "click_cell", cell="a1")[2]


def test_elements_are_numbered_marked_and_reachable():
    with begun({"/": FORM}, action_mode="elements", obs_mode="both") as env:
        observation = env._observe()
        numbers = {element.name: element.number for element in env.elements() if element.number}
        assert f"[{numbers['Go']}] button 'Go'" in observation["text"]
        assert (observation["image"] != env._picture).any(), "no marks on the picture"
        call(env, "fill_element", element=numbers["Name"], text="Bela")
        call(env, "fill_element", element=numbers["Name"], text="Ada")
        assert env.query("document.querySelector('input').value") == "Ada"
        call(env, "select_element", element=numbers["Size"], option="M")
        assert env.query("document.querySelector('select').value") == "M"
        assert "no element 99" in call(env, "click_element", element=99)[3]["feedback"]
        assert "takes no text" in call(env, "fill_element", element=numbers["Talk"], text="x")[3]["feedback"]
        assert call(env, "click_element", element=numbers["Go"])[2]


def test_a_file_of_the_task_is_uploaded_and_no_other():
    body = """<form method=post enctype=multipart/form-data action=/up><input type=file name=f style="position:absolute;
    left:0;top:0;width:200px;height:30px"><button style="position:absolute;left:0;top:50px">Send</button></form>"""
    with begun({"/": page(body), "/up": page("", "done")}, files={"note.txt": b"\x00hello\xff" * 5000}) as env:
        refused = call(env, "upload", x=20, y=15, file="../../etc/passwd")[3]["feedback"]
        assert "note.txt" in refused
        assert "no file field" in call(env, "upload", x=300, y=200, file="note.txt")[3]["feedback"]
        assert call(env, "upload", x=20, y=15, file="note.txt")[3]["action_effective"]
        assert call(env, "click", x=20, y=58)[2]
        sent = env.server.asked[-1]
        assert sent.method == "POST" and b"\x00hello\xff" * 5000 in sent.body and b'filename="note.txt"' in sent.body


def test_every_executed_call_is_in_the_declared_space(shared, monkeypatch):
    performed = []
    monkeypatch.setattr(Pages, "_perform", lambda self, call: performed.append(call) or mmgym.Effect(False))
    rng = np.random.default_rng(0)
    shared.action_space.seed(0)
    for _ in range(200):
        action = shared.action_space.sample().as_dict()
        if rng.random() < 0.5:
            for name in action["arguments"]:
                action["arguments"][name] = rng.choice([-1, 1e9, 5000])
        shared.turn = 0
        shared.step(action)
    assert 50 < len(performed) < 200
    assert all(shared.action_space.contains(call) for call in performed)


def test_a_killed_browser_ends_the_episode_without_reward_and_the_next_is_healthy():
    with begun({"/": FORM}) as env:
        for pid in get_pool().pids():
            os.kill(pid, signal.SIGKILL)
        observation, reward, terminated, truncated, info = env.step(ToolCall("click", {"x": 60, "y": 30}))
        assert (reward, terminated, truncated) == (0.0, False, True) and info["error"] and not info["success"]
        assert env.observation_space.contains(observation) and observation["title"] == "start"
        with pytest.raises(gym.error.ResetNeeded):
            env.step(ToolCall("click", {"x": 60, "y": 30}))
        env.reset(seed=0)
        assert call(env, "click", x=60, y=30)[2]


def test_a_page_that_never_ends_is_a_failure_of_the_machinery():
    busy = page("<button style='width:90px;height:90px' onclick='for(;;);'>x</button>")
    with begun({"/": busy}, time_limit=1.5) as env:
        *_, truncated, info = env.step(ToolCall("click", {"x": 20, "y": 20}))
        assert truncated and "hang" in info["error"]
        env.reset(seed=0)
        assert not call(env, "click", x=300, y=200)[2]


def test_arguments_are_checked():
    for arguments, said in (
        ({"width": 10}, "64 to 4096"), ({"action_mode": "thoughts"}, "coordinates, elements"),
        ({"grid": (0, 3)}, "1 to 26"), ({"coordinates": "feet"}, "pixels, thousandths"),
        ({"time_limit": 0}, "positive"), ({"grid": 4}, "grid must be columns and rows"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            Pages({}, **arguments)
