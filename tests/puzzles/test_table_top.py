"""Table-top tasks: mechanics, skills, drawers, small steps, bad input."""

import re

import numpy as np
import pytest

pytest.importorskip("mujoco")
pytest.importorskip("panda3d")

from mmgym_puzzles.table_top.align import Align
from mmgym_puzzles.table_top.drawer import Drawer
from mmgym_puzzles.table_top.place import Place
from mmgym_puzzles.table_top.place_deltas import PlaceDeltas
from mmgym_puzzles.table_top.stack import Stack
from mmgym_puzzles.table_top.things import LOOKS
from mmgym_puzzles.table_top.world import Poses, World

CUBE, BALL, CAN = LOOKS["standard"].kinds
STILL = [10_000, 0, 0, 0]


def world(*things, kinds=None, hand=(2000, 3900, 2200, 0, 840)):
    """A world with cubes whose centres are at these places in millimetres."""
    made = World(tuple(kinds or [CUBE] * len(things)))
    made.load(Poses(list(hand), -1, [[round(v * 10) for v in place] + STILL for place in things], []))
    return made


def centres(made):
    return [[v / 10 for v in pose[:3]] for pose in made.poses().things]


def call(name, *values):
    names = {"pick": "xyz", "place": "xyz", "push": ("x1", "y1", "z1", "x2", "y2", "z2"), "move": ("dx", "dy", "dz")}
    return {"name": name, "arguments": dict(zip(names[name], values, strict=True))}


def test_what_rests_stays_where_it_is():
    made = world((100, 100, 20), (100, 100, 60), (200, 200, 20))
    before = made.poses()
    made.settle()
    assert np.abs(np.array(made.poses().things) - before.things).max() <= 5


def test_a_cube_over_the_edge_of_another_falls():
    made = world((100, 100, 20), (128, 100, 61))
    made.settle()
    assert centres(made)[1][2] < 45


def test_balls_roll_and_come_to_rest_inside_the_walls():
    made = world((200, 200, 20), kinds=[BALL], hand=(2000, 1500, 200, 0, 0))
    made.go(200, 240, 20)
    made.settle()
    x, y, z = centres(made)[0]
    assert y > 255 and abs(x - 200) < 40 and z == pytest.approx(20, abs=1) and y < 400


def test_walls_stop_a_push():
    made = world((200, 370, 20), hand=(2000, 3200, 200, 0, 0))
    assert made.go(200, 345, 20)
    assert not made.go(200, 480, 20)


def test_the_same_start_gives_the_same_end_exactly():
    ends = []
    for _ in range(3):
        made = world((200, 200, 20), (212, 232, 20), (206, 210, 61), hand=(2050, 1500, 200, 0, 0))
        made.go(205, 260, 20)
        made.settle()
        ends.append(made.poses())
    assert ends[0] == ends[1] == ends[2]


def ready(environment, **options):
    env = environment(image_size=32, obs_mode="both")
    env.reset(seed=1, options=options)
    return env


def test_picking_off_the_mark():
    env = ready(Place)
    x, y, z = map(round, env._at(0))
    observation, *_, info = env.step(call("pick", (x + 200) % 400, y, z))
    assert observation["feedback"] == "The fingers closed on nothing." and env.poses.held == -1
    observation, *_ = env.step(call("pick", x + (25 if x < 200 else -25), y + (25 if y < 200 else -25), z))
    assert observation["feedback"] == "Something stopped the gripper on its way down." and env.poses.held == -1
    *_, info = env.step(call("pick", x + 10, y, z))
    assert env.poses.held == 0 and info["action_effective"]


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ([call("place", 100, 100, 20)], "The gripper holds nothing."),
        (["pick", call("pick", 100, 100, 20)], "The gripper already holds something."),
        (["pick", call("push", 100, 100, 20, 200, 100, 20)], "The gripper holds something: place it first."),
        ([call("pick", 500, 100, 20)], "x must be a number from 0 to 400; got 500"),
        ([call("pick", 100, 100, "low")], "z must be a whole number from 0 to 260; got 'low'"),
    ],
)
def test_bad_calls_are_told(calls, said):
    env = ready(Place)
    for action in calls:
        observation, *_, info = env.step(env.expert() if action == "pick" else action)
    assert said in observation["feedback"] and not info["action_effective"]


def test_a_mat_is_missed_by_more_than_the_tolerance():
    env = ready(Place, level=3)
    env.step(env.expert())
    held, (_, x, y) = env.poses.held, env.layout.mats[0]
    assert held == 0
    env.step(call("place", x + env.settings.tolerance + 3, y, 22))
    assert not env._is_placed(0)
    while env.poses.held != 0:
        env.step(env.expert())
    env.step(env.expert())
    assert env._is_placed(0)


def test_the_expert_recovers_from_what_random_play_leaves():
    for environment in (Place, Stack, Align):
        solved = 0
        for seed in range(12):
            env = environment(image_size=32, level=2, max_turns=60)
            env.reset(seed=seed)
            env.action_space.seed(seed)
            for _ in range(4):
                *_, ended, _, info = env.step(env.action_space.sample())
            while not (ended or env.turn >= env.max_turns):
                *_, ended, _, info = env.step(env.expert())
            solved += info["success"]
        assert solved >= 10, environment


def test_a_tower_in_another_order_is_no_success():
    env = ready(Stack, level=2)
    bottom, middle, top = env.layout.goal
    x, y, _ = map(round, env._at(bottom))
    for thing, z in ((top, 62), (middle, 102)):
        a, b, c = map(round, env._at(thing))
        env.step(call("pick", a, b, c))
        *_, info = env.step(call("place", x, y, z))
    assert env._at(middle)[2] == pytest.approx(100, abs=1) and not info["success"]


def test_a_drawer_is_opened_filled_and_closed():
    env = ready(Drawer, level=4)
    assert env.poses.drawers == [0, 0]
    env.step(env.expert())
    assert env.poses.drawers[0] > 900 and env.poses.drawers[1] == 0
    *_, ended, _, info = env.step(env.expert())
    while not ended:
        *_, ended, _, info = env.step(env.expert())
    assert info["success"] and env.poses.drawers[0] <= 100


def test_small_steps_move_the_gripper_by_millimetres():
    env = ready(PlaceDeltas)
    assert {tool.name for tool in env.action_space.tools} == {"move", "grip"}
    before = list(env.poses.hand)
    env.step(call("move", 7, -20, 3))
    assert [a - b for a, b in zip(env.poses.hand, before, strict=True)] == [70, -200, 30, 0, 0]
    for _ in range(8):
        observation, *_ = env.step(call("move", 60, 0, 0))
    assert env.poses.hand[0] == 4000 and "workspace" in observation["feedback"]


def test_looks_of_splits_differ():
    for split, kinds in (("train", {"cube"}), ("ood", {"brick"})):
        env = ready(Stack, split=split, level=1)
        assert {env._kind(k).name for k in range(2)} == kinds


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"control": "voice"}, "control must be one of skills, deltas"),
        ({"preset": "hard"}, "preset must be one of vagen"),
    ],
)
def test_bad_values_name_what_is_allowed(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Stack(**arguments)
