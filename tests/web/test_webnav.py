"""WebNav as an environment: which tasks are drawn, and what is said where none fits."""

import pytest

from mmgym.env import Unsupported
from mmgym_web.apps.roundup import Roundup
from mmgym_web.miniwob.env import MiniWoB
from mmgym_web.webnav.env import WebNav


def test_a_task_of_the_constructor_is_drawn_with_its_own_level_unless_another_is_asked_for():
    env = WebNav(task="home_switch_on", level=4, width=96, height=96)
    assert "lamp" in env.reset(seed=1)[0]["task"] and env.level == 1
    _, info = env.reset(seed=1, options={"task": "home_switch_two"})
    assert info["level"] == 2 and env.restore(env.snapshot())[1]["level"] == 2
    assert not env.capabilities.text_twin
    env.close()


def test_a_grid_is_given_only_what_its_clicks_can_solve():
    env = WebNav(action_mode="grid", grid=(3, 3), width=96, height=96)
    for seed in range(6):
        env.reset(seed=seed, options={"level": 1 + seed % 2})
        while not env.success:
            assert not env.step(env.expert())[3]
    with pytest.raises(Unsupported, match="'shop_price' needs more than the clicks"):
        env.reset(options={"task": "shop_price"})
    env.close()


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ({"task": "shop_prise"}, {}, ValueError, "task must be one of 163 names, such as shop_price, .*'shop_prise'"),
        (
            {"task": "shop_price", "site": "bank"},
            {},
            ValueError,
            "needs site='any', or .*: shop; got 'bank'",
        ),
        ({"site": "bank"}, {"task": "shop_price"}, ValueError, "'shop_price' needs site='any'"),
        ({"site": "home", "level": 4}, {}, ValueError, "no task of level 4 fits site='home'.*: 1, 2"),
        ({"site": "home", "obs_mode": "text"}, {}, ValueError, "obs_mode='text'; levels with such tasks: none"),
        ({"obs_mode": "text"}, {"task": "home_switch_on"}, Unsupported, "'home_switch_on' has no text twin"),
    ],
)
def test_where_no_task_fits_the_error_says_what_does(arguments, options, error, message):
    with pytest.raises(error, match=message):
        WebNav(**arguments).reset(seed=0, options=options)


def test_what_cannot_be_set_is_refused():
    with pytest.raises(ValueError, match="160x210: width cannot be given"):
        MiniWoB(width=300)
    with pytest.raises(ValueError, match="action_mode must be coordinates, elements or both"):
        Roundup(action_mode="grid")
