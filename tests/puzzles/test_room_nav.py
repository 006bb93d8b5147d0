"""RoomNav: its walks, its expert against a search of its own, what is in view against pixels, what words fit."""

import math
from collections import deque

import numpy as np
import pytest

pytest.importorskip("panda3d")

from mmgym_puzzles.first_person.furnishings import COLORS, KINDS
from mmgym_puzzles.first_person.home import Home, Piece, Wall, area_of, gap, ground_of
from mmgym_puzzles.first_person.home_view import HomeView
from mmgym_puzzles.first_person.portals import rooms_seen
from mmgym_puzzles.first_person.room_nav import LEVELS, PRESETS, RoomNav
from mmgym_puzzles.first_person.sight import CLEAR, SEEN, rims, shares
from mmgym_puzzles.first_person.walks import CELL, center
from mmgym_puzzles.grid import cells_of
from mmgym_puzzles.puzzle import split_of

CHAIR, TABLE, SOFA, BED, LAMP, PLANT, SHELF, FRIDGE = range(8)
RED, BLUE, GREEN, YELLOW, WHITE, PURPLE = range(6)


def home(*pieces, rooms=((0, 0, 16, 16),), walls=(), form="kind", start=(7 + 16 * 3, 0)):
    return Home("usual", 0, rooms, walls, pieces, form, start)


def at(column, row, columns=16):
    return column + columns * row


def begun(*pieces, **parts):
    env = RoomNav(obs_mode="text", map=False)
    env.reset(seed=0)
    env._begin(home(*pieces, **parts))
    return env


def calls(rules):
    turns = range(rules.unit, rules.turn + 1, rules.unit)
    moves = [
        ("move", {"direction": d, "steps": s})
        for d in ("forward", "back", "left", "right")
        for s in range(1, rules.stride + 1)
    ]
    return moves + [("rotate", {"direction": d, "degrees": t}) for d in ("left", "right") for t in turns]


def fewest(env):
    """Fewest calls from where `env` stands, by making every call from every pose; `stop` included."""
    start, made = (env.cell, env.heading), calls(env._rules)
    found, queue = {start: 0}, deque([start])
    try:
        while queue:
            pose = queue.popleft()
            env.cell, env.heading = pose
            if env._rules.stop:
                env.stop()
                arrived, env.stopped = env._is_success(), False
            else:
                arrived = env._is_success()
            if arrived:
                return found[pose] + env._rules.stop
            for name, arguments in made:
                env.cell, env.heading = pose
                getattr(env, name)(**arguments)
                after = (env.cell, env.heading)
                if after not in found:
                    found[after] = found[pose] + 1
                    queue.append(after)
    finally:
        env.cell, env.heading = start
    raise AssertionError("the thing cannot be reached")


@pytest.mark.parametrize(
    "settings", [{"level": 1}, {"level": 2}, {"level": 3}, *({"preset": name} for name in PRESETS)]
)
def test_no_way_is_shorter_than_the_experts(settings):
    env = RoomNav(obs_mode="text", max_turns=1000, **settings)
    env.action_space.seed(1)
    for seed in range(1 if env.level == 3 else 2):
        _, info = env.reset(seed=seed)
        assert info["expert_steps"] == fewest(env)
        for _ in range(4 if env.level < 3 else 0):
            call = env.action_space.sample()
            if call.name != "stop":
                env.step(call)
        if not env._terminated:
            assert env._turns_left() == fewest(env)


def test_a_walk_ends_where_something_stands_and_says_what():
    env = begun(Piece(SOFA, RED, 200, 290, 2), start=(at(7, 3), 0))  # the sofa reaches down to y = 247.5
    walked = env.move("forward", 10)
    assert walked.feedback == "Furniture stopped you after 5 steps." and env.cell == at(7, 8)
    assert center(at(7, 9), 16)[1] > 247.5 - 20 > center(at(7, 8), 16)[1]
    blocked = env.move("forward")
    assert blocked.feedback == "Furniture is in the way." and not blocked.effective
    assert env.move("back", 10).feedback == "A wall stopped you after 7 steps." and env.cell == at(7, 1)
    assert env.move("left", 2).feedback == "" and env.cell == at(5, 1)
    env.rotate("right", 45)
    assert env.move("forward", 3).feedback == "" and env.cell == at(8, 4)
    assert env.move("right", 9).feedback == "A wall stopped you after 3 steps." and env.cell == at(11, 1)


def test_doors_let_one_through_and_walls_do_not():
    rooms, wall = ((0, 0, 16, 16), (16, 0, 32, 16)), Wall(True, 16, 0, 16, 6)
    env = begun(Piece(LAMP, RED, 700, 200, 3), rooms=rooms, walls=(wall,), start=(at(10, 7, 32), 2))
    assert env.move("forward", 10).feedback == "" and env.cell == at(20, 7, 32)
    env.cell = at(10, 11, 32)
    assert env.move("forward", 10).feedback == "A wall stopped you after 4 steps."


def test_turns_are_rounded_and_tilts_end():
    env = begun(Piece(BED, RED, 200, 300, 2))
    assert env.rotate("right", 90).feedback == "" and env.heading == 2
    assert env.rotate("left", 130).feedback == "You turned by 135 degrees: turns are multiples of 45."
    assert env.heading == 7
    assert env.rotate("right", 180).effective and env.heading == 3
    assert env.tilt("up").effective and not env.tilt("up").effective and env.tilted == 1
    assert env.tilt("down").effective and env.tilt("down").effective and not env.tilt("down").effective


def test_stopping_needs_nearness_and_sight():
    chair = Piece(CHAIR, RED, 187, 287, 2)
    for cell, heading, success, feedback in (
        (at(7, 6), 0, True, ""),  # 1.25 m before it
        (at(7, 4), 0, False, "The thing is too far away."),
        (at(7, 6), 4, False, "The thing is not in view."),
    ):
        env = begun(chair, start=(cell, heading))
        *_, terminated, _, info = env.step({"name": "stop", "arguments": {}})
        assert terminated and (info["success"], info["feedback"]) == (success, feedback)
    fridge = Piece(FRIDGE, BLUE, 187, 220, 2)  # between
    env = begun(chair, fridge, start=(at(11, 11), 6))
    assert env.stop().feedback == "" and env._is_success()
    lower = begun(Piece(PLANT, RED, 187, 312, 2), fridge, start=(at(7, 6), 0))
    assert lower.stop().feedback == "The thing is not in view."


def test_the_camera_is_levelled_by_stopping():
    env = begun(Piece(CHAIR, RED, 187, 287, 2), start=(at(7, 6), 0))
    env.tilt("up")
    assert env._text().splitlines()[0] == "free steps ahead: 3"  # the chair lies below the picture
    env.stop()
    assert env._is_success() and env.tilted == 0


def test_the_text_says_what_is_in_view_and_where():
    pieces = (Piece(CHAIR, RED, 187, 287, 2), Piece(LAMP, YELLOW, 287, 287, 2), Piece(FRIDGE, BLUE, 40, 60, 1))
    env = begun(*pieces, start=(at(7, 3), 0))
    assert env._text().splitlines() == [
        "red chair: straight ahead, 2.0 m",
        "yellow lamp: 25 degrees right, 2.2 m",
        "free steps ahead: 6",
        "the camera looks ahead",
    ]
    assert env._description() == "4 red-chair yellow-lamp"
    answers = dict(env.questions(np.random.default_rng(0)))
    assert answers["Is a chair in view?"] == "yes" and answers["Is a fridge in view?"] == "no"
    assert answers["What colour is the lamp in view?"] == "yellow"
    assert answers["Is the lamp left or right of the middle of the picture?"] == "right"
    assert answers["Is the thing that the task names in view?"] == "yes"


@pytest.fixture
def no_shadows():
    """Hides the soft shadows of a view, until the test ends: scenes share the meshes that they belong to."""
    hidden = []

    def hide(view):
        for node in view._scene.root.get_children():
            for part in node.get_children():
                if part.has_transparency():
                    part.hide()
                    hidden.append(part)

    yield hide
    for part in hidden:
        part.show()


@pytest.mark.parametrize(("level", "split"), [(1, "train"), (3, "train"), (5, "ood")])
def test_what_is_in_view_is_what_pixels_show(level, split, no_shadows):
    env, rng, shown = RoomNav(level=level, split=split, map=False), np.random.default_rng(level), 0
    for seed in range(3):
        env.reset(seed=seed)
        env._image()
        no_shadows(env._view)
        nodes = list(env._view._scene.root.get_children())[1:]  # without the camera
        shell = len(nodes) - len(env.home.pieces)
        for k, node in enumerate(nodes, 1 - shell):
            k = max(k, 0)
            node.set_texture_off(1)
            node.set_color((8 * k / 255, float(k > 0), 0, 1), 1)  # each piece in a colour of its own
        free = cells_of(env._ground.free)
        for _ in range(10):
            env.cell, env.heading = free[rng.integers(len(free))], int(rng.integers(8))
            env.tilted = int(rng.integers(-1, 2))
            image = env._image().astype(int)
            pose = (env.home, env.cell, env.heading, env.tilted, 80)
            for k, (share, rim) in enumerate(zip(shares(*pose), rims(*pose), strict=True)):
                pixels = ((image[..., 1] > 200) & (abs(image[..., 0] - 8 * (k + 1)) < 4)).sum()
                assert pixels > 30 if share >= SEEN else pixels < 400 or rim, (seed, pose[1:], k, share, rim, pixels)
                shown += share >= CLEAR
    assert shown > 5


def fitting(home):
    """The pieces that the words of a task fit, read off the home anew."""
    look, named = home.look, home.pieces[1] if len(home.pieces) > 1 else None
    kind, color, *_ = home.pieces[0]
    some = [p for p in home.pieces if p.kind == kind and ("colored" not in home.form or p.color == color)]
    if home.form.endswith(("beside", "room")):
        others = [
            p for p in home.pieces if p.kind == named.kind and ("colored" not in home.form or p.color == named.color)
        ]

        def room(piece):
            return next(
                r for r in home.rooms if r[0] * CELL < piece.x < r[2] * CELL and r[1] * CELL < piece.y < r[3] * CELL
            )

        if home.form.endswith("room"):
            return [p for p in some if any(room(p) == room(o) for o in others)]
        gaps = [(min(gap(area_of(look, p), area_of(look, o)) for o in others), p) for p in some]
        assert all(far <= 40 or far >= 110 for far, _ in gaps)
        return [p for far, p in gaps if far <= 40]
    return some


@pytest.mark.parametrize("split", ["train", "ood"])
def test_words_fit_one_thing_alone(split):
    forms = set()
    for settings in [{"level": level} for level in LEVELS] + [{"preset": "vagen"}]:
        env = RoomNav(obs_mode="text", split=split, **settings)
        for seed in range(40):
            observation, _ = env.reset(seed=seed)
            assert fitting(env.home) == [env.home.pieces[0]] and split_of(env.layout_key()) == split
            assert observation["task"].startswith("Go to ") and env.home.look == ("ood" if split == "ood" else "usual")
            forms.add(env.home.form)
    assert forms == {"kind", "use", "colored", "beside", "room", "colored_beside", "colored_room"}


@pytest.mark.parametrize("level", LEVELS)
def test_nothing_overlaps_and_all_lies_in_its_room(level):
    env = RoomNav(obs_mode="text", level=level)
    for seed in range(20):
        env.reset(seed=seed)
        areas = [area_of("usual", piece) for piece in env.home.pieces]
        assert all(gap(one, other) >= 5 for k, one in enumerate(areas) for other in areas[:k])
        for left, lower, right, upper in areas:
            assert any(
                a * CELL < left and b * CELL < lower and right < c * CELL and upper < d * CELL
                for a, b, c, d in env.home.rooms
            )


def test_tasks_say_colours_and_relations():
    pieces = (Piece(CHAIR, RED, 100, 100, 0), Piece(PLANT, BLUE, 170, 100, 0))
    said = {
        "kind": "Go to the chair.",
        "use": "Go to what one person sits on.",
        "colored_beside": "Go to the red chair beside the plant in the blue pot.",
        "room": "Go to the chair in the room with the plant.",
    }
    for form, words in said.items():
        assert begun(*pieces, form=form)._task() == words


def test_the_instruction_of_a_preset_says_how_to_describe():
    said = RoomNav(preset="eb_navigation", obs_mode="text", description_reward=0.1).instruction
    assert "at most 1 m away" in said and RoomNav.description_rule in said and "Then stop" not in said


@pytest.mark.parametrize(("name", "reach", "turns"), [("vagen", 150, 30), ("eb_navigation", 100, 20)])
def test_presets_have_the_peers_numbers(name, reach, turns):
    env = RoomNav(preset=name, obs_mode="text")
    assert {t.name for t in env.action_space.tools} == {"move", "rotate", "tilt"}
    assert not env.action_space.contains({"name": "move", "arguments": {"direction": "left", "steps": 2}})
    assert not env.action_space.contains({"name": "rotate", "arguments": {"direction": "left", "degrees": 45}})

    def away():
        return math.dist(center(env.cell, env.home.columns), env.home.pieces[0][2:4])

    for seed in range(10):
        env.reset(seed=seed)
        assert env.max_turns == turns and env.heading % 2 == 0
        ended = False
        while not ended:
            assert away() > reach
            *_, ended, _, info = env.step(env.expert())
        assert info["success"] and away() <= reach


@pytest.mark.parametrize(
    "call",
    [
        {"name": "move", "arguments": {"direction": "forward", "steps": 11}},
        {"name": "move", "arguments": {"direction": "forward", "steps": 10**30}},
        {"name": "move", "arguments": {"direction": "north"}},
        {"name": "move", "arguments": {"direction": "left", "steps": "2"}},
        {"name": "rotate", "arguments": {"direction": "left", "degrees": float("nan")}},
        {"name": "rotate", "arguments": {"degrees": 90}},
        {"name": "stop", "arguments": {"now": True}},
    ],
)
def test_bad_calls_are_explained(call):
    env = RoomNav(obs_mode="text")
    env.reset(seed=0)
    key = env.state_key()
    *_, info = env.step(call)
    assert not info["action_valid"] and info["feedback"] and env.state_key() == key


def test_the_map_changes_its_corner_alone():
    with_map, without = (RoomNav(map=shown).reset(seed=3)[0]["image"] for shown in (True, False))
    different = (with_map != without).any(axis=2)
    assert different[:84, 140:].any()
    different[:84, 140:] = False
    assert not different.any()


def test_environments_in_one_process_do_not_mix():
    envs = [RoomNav(level=level, image_size=96) for level in (1, 3, 5)]
    alone = [env.reset(seed=2)[0]["image"] for env in envs]
    for env, image in zip(envs, alone, strict=True):
        assert np.array_equal(env._image(), image)


def test_ood_shares_no_kind_and_no_colour():
    assert not set(KINDS["usual"]) & set(KINDS["ood"]) and not set(COLORS["usual"]) & set(COLORS["ood"])


def test_rooms_are_seen_through_doors_only():
    walls = (Wall(True, 16, 0, 16, 6), Wall(True, 32, 0, 16, 6))  # doors in one line through three rooms
    row = home(rooms=((0, 0, 16, 16), (16, 0, 32, 16), (32, 0, 48, 16)), walls=walls)
    assert rooms_seen(row, 4 * CELL, 8 * CELL) == {0, 1, 2}
    assert rooms_seen(row, 15.5 * CELL, 1.5 * CELL) == {0, 1}  # from beside the door one sees a part of the next alone
    assert rooms_seen(row, 24 * CELL, 3 * CELL) == {0, 1, 2}
    shut = row._replace(walls=(walls[0], walls[1]._replace(door=-1)))
    assert rooms_seen(shut, 4 * CELL, 8 * CELL) == {0, 1}


def test_what_is_left_out_cannot_be_seen(no_shadows):
    env, rng = RoomNav(image_size=64, level=5), np.random.default_rng(0)
    for seed in range(6):
        env.reset(seed=seed)
        view, whole = HomeView(env.home, 90), HomeView(env.home, 90)
        whole._show = lambda rooms: None
        for one in (view, whole):  # shadows on the other side of a wall shine through it at the floor
            no_shadows(one)
        for cell in rng.choice(cells_of(ground_of(env.home).free), 20).tolist():
            heading = int(rng.integers(8))
            assert np.array_equal(view.image(cell, heading, 0, 64), whole.image(cell, heading, 0, 64))
