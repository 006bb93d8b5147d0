"""Layout3D: geometry against an independent one, rules by hand, instances, the expert, what agents write."""

import importlib.util
import itertools
import json
import math

import numpy as np
import pytest

from mmgym_puzzles.generation.furnishing import LEVELS, draw_room, furnish
from mmgym_puzzles.generation.layout import Layout3D, Name
from mmgym_puzzles.generation.layout_instance import Furnished, fits
from mmgym_puzzles.generation.layout_json import LayoutError, read_layout, write_layout
from mmgym_puzzles.generation.layout_rules import RULES, Rule, holds, sentence, stacks
from mmgym_puzzles.generation.rooms import KINDS, Kind, Place, Room, collisions, door_zone, is_inside, overlap

ROOM = Room(400, 300, ("lower", 100), ("upper", 200), 0)


def place(name, x, y, angle):
    return {"name": "place", "arguments": {"name": name, "x": x, "y": y, "angle": angle}}


def corners(kind, at):
    turn = math.radians(at.angle)
    (ax, ay), (bx, by) = (math.cos(turn), math.sin(turn)), (math.sin(turn), -math.cos(turn))
    halves = [(kind.width * i / 2, kind.depth * j / 2) for i, j in ((1, 1), (1, -1), (-1, -1), (-1, 1))]
    return [(at.x + p * ax + q * bx, at.y + p * ay + q * by) for p, q in halves]


def shared_area(kind, at, other_kind, other):
    """By clipping one outline at each side of the other."""
    region, sides = corners(kind, at), corners(other_kind, other)
    for (ax, ay), (bx, by) in itertools.pairwise([*sides, sides[0]]):
        clipped = []
        away = [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for x, y in region]
        for k, (x, y) in enumerate(region):
            (px, py), before, now = region[k - 1], away[k - 1], away[k]
            if before * now < 0:
                share = before / (before - now)
                clipped.append((px + share * (x - px), py + share * (y - py)))
            if now >= 0:
                clipped.append((x, y))
        region = clipped
    return abs(sum(a * d - b * c for (a, b), (c, d) in itertools.pairwise([*region, *region[:1]]))) / 2


def draw_places(rng):
    names = list(KINDS)
    for _ in range(1500):
        one, other = (KINDS[names[rng.integers(len(names))]] for _ in range(2))
        yield one, other, *(Place(*map(int, rng.integers(0, 250, 2)), int(rng.integers(24)) * 15) for _ in range(2))


def test_overlaps_are_those_of_an_independent_geometry():
    found = 0
    for kind, other_kind, at, other in draw_places(np.random.default_rng(0)):
        area = shared_area(kind, at, other_kind, other)
        assert overlap(kind, at, other_kind, other) == overlap(other_kind, other, kind, at)
        if area == 0 or area > 0.01:  # between, the independent one may round
            assert overlap(kind, at, other_kind, other) == (area > 0), (kind, at, other_kind, other, area)
            found += area > 0
    assert 300 < found < 1200


def test_touching_is_no_overlap_and_one_centimetre_less_is():
    square = Kind(50, 50, 50)
    assert not overlap(square, Place(100, 100, 0), square, Place(150, 100, 90))
    assert overlap(square, Place(100, 100, 0), square, Place(149, 100, 270))
    # turned by 45 degrees, half a diagonal is 35.36 cm
    assert overlap(square, Place(100, 100, 45), square, Place(160, 100, 0))
    assert not overlap(square, Place(100, 100, 45), square, Place(161, 100, 0))


def test_bounds_are_those_of_the_corners():
    rng = np.random.default_rng(1)
    for kind, _, at, other in draw_places(rng):
        at = Place(at.x * 400 // 250, other.y * 300 // 250, at.angle)
        xs, ys = zip(*corners(kind, at), strict=True)
        room_left = min(min(xs), ROOM.width - max(xs), min(ys), ROOM.depth - max(ys))
        if abs(room_left) > 1e-2:
            assert is_inside(ROOM, kind, at) == (room_left > 0)


@pytest.mark.parametrize(
    ("kind", "piece", "other", "amount", "at", "other_at", "kept"),
    [
        ("against", "sofa", "upper", 0, Place(200, 43, 180), None, True),
        ("against", "sofa", "upper", 0, Place(200, 52, 180), None, True),
        ("against", "sofa", "upper", 0, Place(200, 53, 180), None, False),  # 10.5 cm from the wall
        ("against", "sofa", "upper", 0, Place(200, 43, 0), None, False),  # its front to the wall
        ("against", "sofa", "left", 0, Place(43, 150, 90), None, True),
        ("wall", "sofa", "", 0, Place(357, 150, 270), None, True),
        ("wall", "sofa", "", 0, Place(200, 150, 270), None, False),
        ("window", "desk", "", 0, Place(260, 34, 180), None, True),
        ("window", "desk", "", 0, Place(261, 34, 180), None, False),
        ("corner", "plant", "", 0, Place(47, 47, 45), None, True),
        ("corner", "plant", "", 0, Place(48, 30, 0), None, False),
        ("on", "lamp", "nightstand", 0, Place(110, 108, 0), Place(100, 100, 0), True),
        ("on", "lamp", "nightstand", 0, Place(111, 108, 0), Place(100, 100, 0), False),
        ("beside", "nightstand", "bed", 0, Place(124, 20, 0), Place(20, 20, 0), True),
        ("beside", "nightstand", "bed", 0, Place(123, 20, 0), Place(20, 20, 0), False),  # they overlap
        ("beside", "nightstand", "bed", 0, Place(165, 20, 0), Place(20, 20, 0), False),  # too far
        ("before", "table", "sofa", 0, Place(200, 200, 0), Place(200, 43, 180), True),
        ("before", "table", "sofa", 0, Place(200, 206, 0), Place(200, 43, 180), False),  # 90.5 cm
        ("before", "table", "sofa", 0, Place(200, 10, 0), Place(200, 143, 180), False),  # behind it
        ("facing", "chair", "desk", 0, Place(100, 200, 0), Place(136, 100, 0), True),
        ("facing", "chair", "desk", 0, Place(100, 200, 0), Place(137, 100, 0), False),  # 20.3 degrees
        ("facing", "chair", "desk", 0, Place(100, 200, 180), Place(100, 100, 0), False),
        ("near", "plant", "bed", 50, Place(30, 40, 0), Place(0, 0, 0), True),
        ("near", "plant", "bed", 49, Place(30, 40, 0), Place(0, 0, 0), False),
        ("far", "plant", "bed", 50, Place(30, 40, 0), Place(0, 0, 0), True),
        ("far", "plant", "bed", 51, Place(30, 40, 0), Place(0, 0, 0), False),
    ],
)
def test_rules_by_hand(kind, piece, other, amount, at, other_at, kept):
    rule = Rule(kind, piece, other, amount)
    places = {piece: at} if other_at is None else {piece: at, other: other_at}
    assert holds(rule, ROOM, places) == kept
    assert not holds(rule, ROOM, {})
    assert sentence(rule).endswith(".") and piece in sentence(rule)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_rules_between_pieces_do_not_depend_on_how_the_room_is_turned(turn):
    rng = np.random.default_rng(turn)
    c, s = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[turn]
    for kind in ("on", "beside", "before", "facing", "near", "far"):
        for _ in range(150):
            at, other = (Place(*map(int, rng.integers(-120, 120, 2)), int(rng.integers(24)) * 15) for _ in range(2))
            rule = Rule(kind, "lamp", "table", 90)
            spun = [Place(c * p.x - s * p.y, s * p.x + c * p.y, (p.angle + turn) % 360) for p in (at, other)]
            one, two = ({"lamp": a, "table": b} for a, b in ((at, other), spun))
            assert holds(rule, ROOM, one) == holds(rule, ROOM, two)


@pytest.mark.parametrize("level", LEVELS)
def test_furnished_rooms_are_as_promised(level):
    settings, kinds = LEVELS[level], set()
    for seed in range(150):
        rng = np.random.default_rng(seed)
        made = None
        while made is None:
            made = furnish(rng, draw_room(rng), settings)
        everything = dict([*made.fixed, *made.home])
        assert (len(made.fixed), len(made.home)) == (settings.fixed, settings.pieces)
        assert len(everything) == settings.fixed + settings.pieces
        assert not collisions(made.room, everything, stacks(made.rules))
        assert all(holds(rule, made.room, everything) for rule in made.rules)
        assert len(stacks(made.rules)) == settings.small
        movable = {name for name, _ in made.home}
        assert all({rule.piece, rule.other} & movable for rule in made.rules)
        assert movable <= {name for rule in made.rules for name in (rule.piece, rule.other)}
        assert settings.oblique or all(p.angle % 90 == 0 for p in everything.values())
        kinds |= {rule.kind for rule in made.rules}
    assert level < 4 or kinds == set(RULES)


def test_door_zones_lie_in_the_room():
    for wall, middle in itertools.product(("upper", "right", "lower", "left"), (60, 140, 220)):
        kind, at = door_zone(Room(360, 300, (wall, middle), ("upper", 150), 0))
        assert is_inside(Room(360, 300, ("upper", 100), ("left", 100), 0), kind, at)


def play_out(env):
    turns, ended = 0, False
    while not ended:
        *_, terminated, truncated, info = env.step(env.expert())
        turns, ended = turns + 1, terminated or truncated
    return turns, info


@pytest.mark.parametrize("action", ["pieces", "json"])
def test_the_expert_mends_any_layout_in_the_fewest_calls(action):
    env, rng = Layout3D(level=4, max_turns=100, action=action), np.random.default_rng(0)
    kept = 0
    for seed in range(25):
        env.reset(seed=seed)
        names = list(env.home)
        for name in names:
            if rng.random() < 0.7:
                x, y, angle = env.home[name]
                step = int(rng.integers(-30, 31)) * int(rng.integers(2))
                env._change({**env.places, name: Place(min(max(x + step, 0), 360), y, angle)})
        fewest = next(
            count
            for count in range(len(names) + 1)
            if any(
                set(env.places) | set(moved) == set(names)
                and fits(env.instance, {**env.places, **{name: env.home[name] for name in moved}})
                for moved in itertools.combinations(names, count)
            )
        )
        kept += sum(env.places.get(name) not in (None, env.home[name]) for name in names) > 0 and fewest < len(names)
        left = env._turns_left()
        assert left == 1 + (min(fewest, 1) if action == "json" else fewest)
        turns, info = play_out(env)
        assert turns == left and info["success"]
    assert kept > 5


def test_submitting_too_early_fails_for_good():
    env = Layout3D()
    env.reset(seed=0)
    *_, terminated, _, info = env.step({"name": "submit", "arguments": {}})
    assert terminated and not info["success"] and env._turns_left() is None


def test_overlaps_are_seen_told_and_not_allowed():
    env = Layout3D(hints=True, obs_mode="both", constraint_reward=0.5, max_turns=20)
    env.reset(seed=0)
    while len(env.places) < len(env.home):
        *_, info = env.step(env.expert())
    assert info["feedback"] == "All rules hold."
    name, blocked = next(iter(env.home)), next(iter(env.fixed.values()))
    before = env._image()
    observation, *_ = env.step(place(name, blocked.x, blocked.y, 0))
    assert "Overlapping or out of place" in observation["feedback"] and "overlaps" in observation["text"]
    red = (observation["image"] == (226, 20, 40)).all(axis=2).sum()
    assert red > 20 > (before == (226, 20, 40)).all(axis=2).sum()
    assert env.measured()["collision_free"] < 1 == env.measured()["in_bounds"]
    _, reward, terminated, _, info = env.step({"name": "submit", "arguments": {}})
    assert terminated and not info["success"] and 0 < reward < 0.5


def test_the_constraint_term_pays_in_full_for_a_whole_layout():
    env = Layout3D(level=3, constraint_reward=0.5)
    env.reset(seed=1)
    _, info = play_out(env)
    assert info["reward_terms"] == {"outcome": 1.0, "constraints": 0.5}


def test_calls_that_do_nothing_say_why():
    env = Layout3D(max_turns=50)
    env.reset(seed=0)
    mine, fixed = next(iter(env.home)), next(iter(env.fixed))
    absent = next(name for name in KINDS if name not in env.home and name not in env.fixed)
    wide = env.room.width
    for call, note in (
        (place(fixed, 100, 100, 0), f"The {fixed} stays where it is."),
        (place(absent, 100, 100, 0), f"There is no {absent} to place."),
        (place(mine, 100, 100, 10), "The angle must be a multiple of 15."),
        (place(mine, 600, 100, 0), f"The room is {wide} cm wide"),
        ({"name": "remove", "arguments": {"name": mine}}, "Nothing has changed."),
        (place("throne", 100, 100, 0), "name must be one of bed"),
        (place(mine, 1e308, 100, 0), "x must be a whole number"),
    ):
        observation, *_, info = env.step(call)
        assert note in observation["feedback"] and not info["action_effective"], (call, observation["feedback"])
    assert env.step(place(mine, 100, 100, 0))[4]["action_effective"]
    assert not env.step(place(mine, 100, 100, 0))[4]["action_effective"]
    assert env.step({"name": "remove", "arguments": {"name": mine}})[4]["action_effective"] and not env.places


def test_the_picture_does_not_depend_on_the_order_of_placing():
    one, other = Layout3D(level=5), Layout3D(level=5)
    for env, names in ((one, list), (other, reversed)):
        env.reset(seed=3)
        for name in names(list(env.home)):
            env.step(place(name, *env.home[name]))
    assert one.state_key() == other.state_key()
    assert (one._image() == other._image()).all() and one._text() == other._text()


JSON = {
    "nothing": ("", "line 1, column 1"),
    "a word": ("sofa", "line 1, column 1"),
    "a missing comma": ('[{"name": "sofa"\n "x": 3}]', "line 2, column 2"),
    "an object": ('{"sofa": 1}', "must be a list"),
    "a number": ("[3]", "entry 1: each entry must be an object"),
    "a missing key": ('[{"name": "sofa", "x": 1, "y": 2}]', "exactly name, x, y, angle"),
    "another key": ('[{"name": "sofa", "x": 1, "y": 2, "angle": 0, "z": 1}]', "exactly name, x, y, angle"),
    "another name": ('[{"name": "throne", "x": 1, "y": 2, "angle": 0}]', "name must be one of sofa, lamp"),
    "a list as name": ('[{"name": [], "x": 1, "y": 2, "angle": 0}]', "name must be one of"),
    "a text as number": ('[{"name": "sofa", "x": "1", "y": 2, "angle": 0}]', "x must be a whole number from 0 to 400"),
    "a fraction": ('[{"name": "sofa", "x": 1.5, "y": 2, "angle": 0}]', "x must be"),
    "true": ('[{"name": "sofa", "x": true, "y": 2, "angle": 0}]', "x must be"),
    "outside": ('[{"name": "sofa", "x": 1, "y": 301, "angle": 0}]', "y must be a whole number from 0 to 300"),
    "an odd angle": ('[{"name": "sofa", "x": 1, "y": 2, "angle": 7}]', "multiple of 15"),
    "twice": (
        '[{"name": "sofa", "x": 1, "y": 2, "angle": 0}, {"name": "sofa", "x": 1, "y": 2, "angle": 0}]',
        "entry 2",
    ),
    "NaN": ('[{"name": "sofa", "x": NaN, "y": 2, "angle": 0}]', "NaN"),
    "infinity": ('[{"name": "sofa", "x": 1e999, "y": 2, "angle": 0}]', "x must be"),
    "many digits": ('[{"name": "sofa", "x": ' + "9" * 3900 + ', "y": 2, "angle": 0}]', "too large"),
    "deep brackets": ("[" * 100_000, ""),
    "a lone surrogate": ('["\\ud800"]', "entry 1"),
}


@pytest.mark.parametrize("name", JSON)
def test_malformed_json_is_told_where(name):
    text, message = JSON[name]
    with pytest.raises(LayoutError) as raised:
        read_layout(text, ["sofa", "lamp"], 400, 300)
    assert message in str(raised.value)
    env = Layout3D(action="json")
    env.reset(seed=0)
    observation, *_, info = env.step({"name": "place_all", "arguments": {"layout": text[:4000]}})
    assert observation["feedback"] and not info["action_effective"] and not env.places


def test_layouts_are_read_as_they_are_written():
    places = {"sofa": Place(1, 2, 30), "lamp": Place(3, 4, 0)}
    assert read_layout(write_layout(places), list(places), 400, 300) == places
    assert json.loads(write_layout(places))[0] == {"name": "sofa", "x": 1, "y": 2, "angle": 30}


def test_tools_follow_the_argument():
    names = {action: [t.name for t in Layout3D(action=action).action_space.tools] for action in ("pieces", "json")}
    assert names == {"pieces": ["place", "remove", "submit"], "json": ["place_all", "submit"]}
    assert set(Name.__args__) == set(KINDS)


def test_a_room_in_which_nothing_can_move_is_still_shown():
    env = Layout3D()
    env._begin(Furnished(ROOM, (("sofa", Place(200, 43, 180)),), (("vase", Place(40, 200, 0)),), ()))
    assert env._image().shape == (224, 224, 3)


@pytest.mark.skipif(importlib.util.find_spec("panda3d") is None, reason="needs Panda3D")
def test_the_perspective_view_shows_what_stands_where():
    env, other = (Layout3D(view="perspective", level=3, image_size=96) for _ in range(2))
    pictures = [env.reset(seed=2)[0]["image"]]
    while len(env.places) < len(env.home):
        pictures.append(env.step(env.expert())[0]["image"])
    for before, after in itertools.pairwise(pictures):
        assert after.shape == (96, 96, 3) and (before != after).any()
    other.restore(env.snapshot())
    assert (other._image() == pictures[-1]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"action": "voice"}, "pieces, json"),
        ({"view": "side"}, "top, perspective"),
        ({"constraint_reward": -1}, "constraint_reward must be a number from 0"),
    ],
)
def test_bad_values_name_what_is_allowed(arguments, message):
    with pytest.raises(ValueError, match=message):
        Layout3D(**arguments)
