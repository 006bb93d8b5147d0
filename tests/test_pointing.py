"""What calls point at: by the names of arguments, and in environments of each kind."""

import gymnasium as gym
import numpy as np
import pytest

import mmgym
from mmgym.doctor import find_chromium
from mmgym.pointing import Pointer, pointers
from mmgym.rollout import Executor, RolloutConfig
from mmgym.spaces import ToolCall
from mmgym.trajectory import EpisodeTask
from mmgym_agents.scripted import scripted_agent


def test_arguments_point_by_their_names():
    assert pointers({"x": 50, "y": 20, "button": "left"}, 200, 100) == (Pointer("point", (0.25, 0.2)),)
    assert pointers({"x": 0, "y": 0, "to_x": 200, "to_y": 50}, 200, 100) == (Pointer("arrow", (0, 0, 1, 0.5)),)
    box = {"left": 0, "top": 250, "right": 500, "bottom": 1000}
    assert pointers(box, 1000, 1000, 2) == (Pointer("box", (0, 0.25, 0.5, 1), 2),)
    assert pointers({"x": 1}, 10, 10) == pointers({"seconds": 1}, 10, 10) == ()


def opened(id, **arguments):
    env = mmgym.unwrap(gym.make(id, disable_env_checker=True, **arguments))
    env.reset(seed=0)
    return env


def test_a_move_on_a_grid_is_an_arrow_from_the_agent_to_the_next_cell():
    env = opened("mmgym/FrozenLake-v0")
    row, column = divmod(env.agent, env.size)
    (arrow,) = env.points_at(ToolCall("move", {"direction": "right"}))
    expected = [(column + 0.5) / env.size, (row + 0.5) / env.size, (column + 1.5) / env.size, (row + 0.5) / env.size]
    assert arrow.kind == "arrow" and arrow.at == pytest.approx(expected)
    assert opened("mmgym/SlidingTiles-v0").points_at(ToolCall("slide", {"direction": "up"})) == ()


def test_a_lamp_is_a_box_around_what_changes_when_it_is_pressed():
    env = opened("mmgym/LightsOut-v0")
    call = env.expert()
    (box,) = env.points_at(call)
    before, size = env._image(), env.image_size
    env.step(call)
    left, top, right, bottom = (round(share * size) for share in box.at)
    changed = (before != env._image()).any(-1)
    assert changed[top:bottom, left:right].mean() > 0.2


@pytest.mark.parametrize("coordinates", ["pixels", "thousandths"])
def test_a_point_is_where_the_dot_is_drawn_whatever_the_unit(coordinates):
    env = opened("mmgym/ReferringPoint-v0", coordinates=coordinates)
    call = next(call for call in [env.expert()] if call.name == "point")
    (point,) = env.points_at(call)
    before = env._image()
    env.step(call)
    rows, columns = np.nonzero((before != env._image()).any(-1))
    middle = np.array([columns.mean(), rows.mean()]) / env.image_size
    assert middle == pytest.approx(point.at, abs=0.02)


@pytest.mark.skipif(find_chromium() is None, reason="no Chromium; `mmgym doctor` says how to get one")
def test_on_a_page_an_element_is_its_box_and_a_cell_its_middle():
    env = opened("mmgym/MiniWoB-click-button-v0", action_mode="elements")
    element = next(element for element in env.elements() if element.number and element.point)
    (box,) = env.points_at(ToolCall("click_element", {"element": element.number}))
    (left, top, right, bottom), (x, y) = box.at, element.point
    assert box.kind == "box" and left < x / env.width < right and top < y / env.height < bottom
    assert env.points_at(ToolCall("click_element", {"element": 900})) == ()
    env.close()
    env = opened("mmgym/MiniWoB-click-button-v0", action_mode="grid")
    (point,) = env.points_at(ToolCall("click_cell", {"cell": "a1"}))
    assert point.at == pytest.approx([0.5 / env.grid[0], 0.5 / env.grid[1]], abs=0.02)
    env.close()


def test_a_zoom_into_a_picture_of_a_video_names_which():
    env = opened("mmgym/VideoQA-v0")
    box = {"left": 0, "top": 0, "right": 500, "bottom": 250}
    assert env.points_at(ToolCall("zoom", {"frame": 2, **box})) == (Pointer("box", (0, 0, 0.5, 0.25), 1),)
    assert env.points_at(ToolCall("zoom", {"frame": 900, **box})) == ()


def test_a_rollout_records_what_the_agent_and_the_expert_point_at():
    tasks = [EpisodeTask("mmgym/FrozenLake-v0", seed, options={"split": "test"}) for seed in (0, 1)]
    with Executor(RolloutConfig(record_observations=True)) as executor:
        rollout = executor.run(tasks, scripted_agent("random"))
    turns = [turn for trajectory in rollout.trajectories for turn in trajectory.turns]
    assert turns and all(len(turn.observed.pointers) == len(turn.observed.expert_pointers) == 1 for turn in turns)
    for turn in turns:
        same = turn.observed.pointers == turn.observed.expert_pointers
        assert same == (turn.calls == turn.observed.expert)
