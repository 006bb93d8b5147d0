"""Table-top tasks: mechanics, skills, drawers, small steps, bad input."""

import itertools
import re

import numpy as np
import pytest

pytest.importorskip("mujoco")
pytest.importorskip("panda3d")

from mmgym_puzzles.table_top import skills
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


def test_what_nothing_touches_stays_exactly_where_it_is():
    made = world((100, 100, 20), (100, 100, 60), (200, 200, 20), hand=(2000, 1500, 200, 0, 0))
    before = made.poses()
    assert made.go(200, 240, 20)
    made.settle()
    after = made.poses()
    assert after.things[:2] == before.things[:2] and after.things[2][1] > 2600


def test_a_push_moves_a_cube_ahead_of_the_fingers_and_lets_it_stop_there():
    made = world((200, 200, 20), hand=(2000, 1500, 200, 0, 0))
    assert made.go(200, 240, 20)
    made.settle()
    x, y, z = centres(made)[0]
    assert x == pytest.approx(200, abs=1) and 268 <= y <= 285 and z == pytest.approx(20, abs=0.5)


def test_pushing_the_lower_cube_brings_the_upper_one_down():
    made = world((100, 200, 20), (100, 200, 60), hand=(1000, 1500, 200, 0, 0))
    assert made.go(100, 330, 20)
    made.settle()
    (_, y, _), (_, _, z) = centres(made)
    assert y > 350 and z < 62


@pytest.mark.parametrize("kind", [CUBE, BALL, CAN])
def test_a_hand_that_comes_down_on_a_thing_stops_and_leaves_it_on_the_table(kind):
    made = world((200, 200, kind.height), kinds=[kind])
    assert made.go(240, 200, 220) and not made.go(240, 200, 20)
    assert made.hand[2] > 0.035
    assert made.go(240, 200, 220)
    made.settle()
    assert centres(made)[0][2] == pytest.approx(kind.height, abs=0.5)


def test_a_hand_goes_without_simulation_where_it_touches_nothing():
    made = world((100, 100, 20), (300, 100, 20))
    made._step = None  # would raise
    assert made.go(200, 100, 220) and made.go(200, 100, 12) and made.go(200, 300, 12)
    made.settle()


def test_what_fingers_press_from_both_sides_is_held_and_falls_when_they_open():
    made = world((206, 200, 20))
    assert made.go(200, 200, 220) and made.go(200, 200, 20) and made.grasp() == 0
    assert made.go(200, 200, 120)
    (x, _, z), opening = centres(made)[0], made.opening
    assert opening == pytest.approx(0.04, abs=0.002) and abs(x - 200) < 3 and z == pytest.approx(120, abs=3)
    made.spread(84)
    made.settle()
    assert centres(made)[0][2] == pytest.approx(20, abs=0.5)


def test_upright_cans_with_tilts_that_are_rounding_errors_stay_upright():
    # MuJoCo 4.0 takes some such tilts for several degrees
    made = world((212, 114, 25), kinds=[CAN])
    made._set(np.array([0.212, 0.114, 0.025, 0.0]), 0.084)
    made._qpos[9:13] = [0.9723817478759541, -2.176504707540575e-16, 1.930661185459356e-15, 0.2333960933642724]
    made._quiet = 0
    made.settle()
    assert centres(made)[0] == pytest.approx([212, 114, 25], abs=0.2)


def test_balls_roll_and_come_to_rest_inside_the_walls():
    made = world((200, 200, 20), kinds=[BALL], hand=(2000, 1500, 200, 0, 0))
    made.go(200, 240, 20)
    made.settle()
    x, y, z = centres(made)[0]
    assert y > 255 and abs(x - 200) < 40 and z == pytest.approx(20, abs=1) and y < 420


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


def test_answers_round_the_millimetres_that_the_text_tells_halves_up():
    env = ready(Place)
    name = env._name(0)
    for tenths in range(0, 4001, 25):
        env.poses.things[0][:2] = tenths, 4000 - tenths
        told = re.search(rf"{name} at x=(\d+) y=(\d+)", env._text())
        wanted = [(int(millimetres) + 5) // 10 for millimetres in told.groups()]
        asked = dict(env.questions(np.random.default_rng(0)))
        found = [asked[f"What is {axis} of the {name}, to the nearest 10 millimetres?"] for axis in "xy"]
        assert found == [str(10 * centimetres) for centimetres in wanted], told
        assert env._description() == f"{name} {wanted[0]} {wanted[1]}"


@pytest.mark.parametrize("environment", [Align, Drawer, Place, PlaceDeltas, Stack])
def test_the_expert_recovers_from_what_random_play_leaves(environment):
    env = environment(obs_mode="text", max_turns=110)
    for seed in range(25):
        env.reset(seed=seed, options={"level": seed % 5 + 1})
        env.action_space.seed(seed)
        ended = False
        while not (ended or env.turn >= env.max_turns):
            *_, ended, _, info = env.step(env.action_space.sample() if env.turn < 6 else env.expert())
        assert info["success"], seed


@pytest.mark.parametrize("environment", [Align, Drawer, Place, PlaceDeltas, Stack])
def test_a_snapshot_goes_on_to_the_last_bit_in_an_environment_that_simulated_something_else(environment):
    env, other = environment(image_size=32), environment(image_size=32)
    for seed in range(6):
        env.reset(seed=seed, options={"level": seed % 5 + 1})
        env.action_space.seed(seed)
        for _ in range(2):
            env.step(env.action_space.sample())
        other.reset(seed=seed + 100)
        other.step(other.expert())
        other.restore(env.snapshot())
        for turn in range(5):
            action = env.action_space.sample() if turn % 2 else env.expert()
            (seen, *rest), (again, *same) = env.step(action), other.step(action)
            assert rest == same and env._get_state() == other._get_state()
            assert (seen["image"] == again["image"]).all()
            if rest[1] or rest[2]:
                break


def test_a_cube_let_go_over_the_edge_of_another_falls():
    env = ready(Stack)
    bottom, top = env.layout.goal
    env.step(env.expert())
    x, y, z = map(round, env._at(bottom))
    *_, info = env.step(call("place", x + (26 if x < 200 else -26), y, z + 42))
    assert env.poses.held == -1 and env._at(top)[2] < 50 and not info["success"]


def test_what_is_held_and_gets_caught_is_let_go():
    made = World((CUBE,), 1)
    # in a drawer that is half open, partly below the top of the cabinet
    made.load(Poses([2000, 3900, 2200, 0, 840], -1, [[2000, 3320, 280, *STILL]], [600]), (200,))
    assert skills.pick(made, 0, 200, 332, 28, 84) == "What the gripper held got caught and fell."
    made.settle()
    assert made.held == -1 and made.hand[2] == pytest.approx(0.22) and centres(made)[0][2] < 40


@pytest.mark.parametrize("environment", [Align, Drawer, Place, PlaceDeltas, Stack])
def test_pictures_show_every_thing_in_its_colour(environment):
    for level, split in itertools.product((1, 4), ("train", "ood")):
        env = environment(image_size=224)
        pixels = env.reset(seed=3, options={"level": level, "split": split})[0]["image"].reshape(-1, 3).astype(int)
        for thing in env.layout.things:
            tone = np.array(env.look.colors[thing.color][1])
            # lit from one side: the colour, between about half as bright and as it is
            shades = np.linspace(0.5, 1.0, 26)[:, None] * tone
            seen = (np.abs(pixels[:, None] - shades).max(2) <= 6).any(1).sum()
            assert seen >= 25, (environment, level, split, env.look.colors[thing.color])


def test_only_what_changed_is_drawn_again_and_nothing_is_shared():
    env = ready(Place)
    first = env._image()
    first[:] = 0
    again = env._image()
    assert again.any()
    env.step(call("place", 100, 100, 20))  # holds nothing: nothing changes
    assert (env._image() == again).all()
    env.step(env.expert())
    moved = env._image()
    fresh = ready(Place)
    fresh.restore(env.snapshot())
    assert (moved != again).any() and (fresh._image() == moved).all()


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
        ({"renderer": "paper"}, "renderer must be one of panda3d, mujoco"),
        ({"preset": "hard"}, "preset must be one of vagen"),
    ],
)
def test_bad_values_name_what_is_allowed(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Stack(**arguments)
