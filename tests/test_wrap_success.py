"""Success of wrapped environments: what a goal looks like, thresholds, and rules of one's own."""

import gymnasium as gym
import pytest
from test_wrap import act, put_all, shelf

import mmgym
from mmgym.wrapped import Ending
from mmgym.wrapped.success import reached_goal


def ending(*rewards, terminated=True):
    return Ending(rewards, terminated, False, {}, None)


def test_what_looks_like_a_goal():
    assert reached_goal(ending(0.0, 0.0, 0.7)) and reached_goal(ending(-1.0, -1.0, 20.0)) and reached_goal(ending(1.0))
    assert not reached_goal(ending(0.0, 0.0, 0.0)) and not reached_goal(ending(0.0, -1.0))
    assert not reached_goal(ending(1.0, 1.0, 1.0)), "surviving a turn is no goal"
    assert not reached_goal(ending(0.0, 1.0, terminated=False)) and not reached_goal(ending())


def test_success_by_the_goal_and_by_the_threshold_of_the_spec():
    assert put_all(shelf())[-1][4]["success"]
    lost = put_all(shelf(inside={"fault": "lose"}))[-1]
    assert lost[2] and not lost[4]["success"]
    env = mmgym.wrap(gym.make("test/Nets-v0"), actions=["take", "wait", "put"])
    env.reset(seed=0, options={})
    for call in [act("wait")] * 7:  # 1.5 is paid at the end, but not enough is left of it
        env.step(call)
    done = False
    while not done:
        _, _, done, _, info = env.step(act("put"))
    assert not info["success"] and put_all(env)[-1][4]["success"]
    assert "0.25 or more in an episode is a success" in env.instruction


def test_a_pole_kept_up_to_the_end_is_a_success():
    env = mmgym.wrap(gym.make("CartPole-v1", max_episode_steps=5), success=5.0, reward="success")
    env.reset(seed=0)
    turns = [env.step(act(f"action_{turn % 2}")) for turn in range(5)]
    assert [turn[1] for turn in turns] == [0.0, 0.0, 0.0, 0.0, 1.0]
    *_, terminated, truncated, info = turns[-1]
    assert truncated and not terminated and info["success"] and info["reward_terms"] == {"outcome": 1.0}
    fallen = mmgym.wrap(gym.make("CartPole-v1"))
    fallen.reset(seed=0)
    done = False
    while not done:
        _, reward, done, _, info = fallen.step(act("action_0"))
    assert reward == 1.0 and not info["success"]


def test_a_threshold_below_zero_is_not_reached_by_doing_nothing():
    env = mmgym.wrap(gym.make("MountainCar-v0"), max_turns=5)
    assert env.unwrapped._current.enough == -110.0
    for action in ("nothing that can be read", act("action_1")):
        env.reset(seed=0)
        infos = [env.step(action)[-1] for _ in range(5)]
        assert not any(info["success"] for info in infos)
    fast = mmgym.wrap(gym.make("MountainCar-v0", max_episode_steps=5))
    fast.reset(seed=0)
    assert [fast.step(act("action_1"))[-1]["success"] for _ in range(5)] == [False] * 4 + [True]


def test_success_of_ones_own():
    assert put_all(shelf(success="foreign:has_five"))[-1][4]["success"]
    assert put_all(shelf(success=lambda end: end.total > 100))[-1][4]["success"] is False
    with pytest.raises(ValueError, match="cannot be loaded"):
        shelf(success="foreign:nonesuch")
    for name, value in (("success", True), ("success", {}), ("expert", 3), ("reward", "both")):
        with pytest.raises(ValueError, match=f"{name} must be"):
            shelf(**{name: value})
