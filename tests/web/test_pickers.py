"""Drop-down lists in the page: what mouse and keyboard do with them, and what a page's scripts see."""

import pytest
from pages import begun, page

from mmgym import ToolCall

LIST = page(
    """<select style="position:absolute;left:20px;top:20px;width:80px" onchange="document.title = 'now ' + value">
    <option>one<option>two<option disabled>three<option>four</select>
    <input type=date style="position:absolute;left:20px;top:200px"><div style="height:900px">"""
)


def do(env, name, **arguments):
    observation, *_, info = env.step(ToolCall(name, arguments))
    assert not info["error"], info["error"]
    return observation


def test_a_list_opens_is_seen_and_chosen_from_by_mouse():
    with begun({"/": LIST}) as env:
        before = env._picture
        opened = do(env, "click", x=50, y=28)["image"]
        assert (opened[45:130, 20:100] != before[45:130, 20:100]).any(), "no list to be seen"
        assert do(env, "click", x=50, y=73)["title"] == "now two"
        assert (env._picture[60:130] == before[60:130]).all(), "the list is still there"


def test_a_disabled_option_is_not_chosen_and_a_click_beside_closes():
    with begun({"/": LIST}) as env:
        do(env, "click", x=50, y=28)
        assert do(env, "click", x=50, y=93)["title"] == "start"
        do(env, "click", x=250, y=100)
        assert env.query("document.querySelector('select').value") == "one"


@pytest.mark.parametrize("keys, title", [(("ArrowDown", "Enter"), "now two"), (("f", "Enter"), "now four")])
def test_a_list_by_keyboard(keys, title):
    with begun({"/": LIST}) as env:
        do(env, "press", keys="Tab")
        do(env, "press", keys="Space")
        for key in keys:
            observation = do(env, "press", keys=key)
        assert observation["title"] == title


def test_escape_closes_without_choosing_and_arrows_choose_on_a_closed_list():
    with begun({"/": LIST}) as env:
        do(env, "click", x=50, y=28)
        do(env, "press", keys="ArrowDown")
        assert do(env, "press", keys="Escape")["title"] == "start"
        assert do(env, "press", keys="ArrowDown")["title"] == "now two"


def test_scrolling_with_an_open_list_and_a_date_field_hang_nothing():
    with begun({"/": LIST}) as env:
        do(env, "click", x=50, y=28)
        do(env, "scroll", x=160, y=150, dy=100)
        do(env, "scroll", x=160, y=150, dy=-100)
        for x in range(25, 180, 15):
            do(env, "click", x=x, y=208)
        do(env, "press", keys="F4")
        do(env, "press", keys="Alt+ArrowDown")
