"""ReferringPoint: descriptions read by an independent reader, its rewards, its units."""

import re

import numpy as np
import pytest

from mmgym_puzzles.perception.expressions import FORMS, Vague, draw_expression, member_of, members, words
from mmgym_puzzles.perception.referring_point import LEVELS, ReferringPoint
from mmgym_puzzles.perception.scenes import Thing, box_of, things_at

ORDINALS = {"leftmost": 1, "rightmost": 1, "topmost": 1, "bottommost": 1, "second": 2, "third": 3, "fourth": 4}
LINE = re.compile(r"(\w+) (\w+): left=(\d+) top=(\d+) right=(\d+) bottom=(\d+)")


def point(x, y):
    return {"name": "point", "arguments": {"x": x, "y": y}}


def things_of(text):
    """Colour, shape, middle and size of the things in a text twin."""
    found = []
    for color, shape, *numbers in LINE.findall(text):
        left, top, right, bottom = map(int, numbers)
        found.append((color, shape, (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)))
    return found


def read_set(text, things):
    """The things that words without article mean."""
    if side := re.match(r"(.+?) (left of|right of|above|below) (the .+)$", text):
        (anchor,) = read_one(side[3], things)
        axis, sign = {"left of": (2, -1), "right of": (2, 1), "above": (3, -1), "below": (3, 1)}[side[2]]
        inner = [t for t in read_set(side[1], things) if t is not anchor]
        return [t for t in inner if sign * (t[axis] - anchor[axis]) > 0]
    *color, shape = text.split()
    shape = {"crosses": "cross"}.get(shape, shape.removesuffix("s") if shape != "cross" else shape)
    return [t for t in things if t[0] in (color or [t[0]]) and shape in ("thing", t[1])]


def read_one(text, things):
    """The things, hopefully one, that words with article mean."""
    if nearest := re.match(r"the (?:one of the )?(.+?)(?: that is)? nearest to (the .+)$", text):
        (anchor,) = read_one(nearest[2], things)
        others = [t for t in read_set(nearest[1], things) if t is not anchor]
        return [min(others, key=lambda t: (t[2] - anchor[2]) ** 2 + (t[3] - anchor[3]) ** 2)]
    if extreme := re.match(r"the (smallest|largest) (?:of the )?(.+)$", text):
        return [(min if extreme[1] == "smallest" else max)(read_set(extreme[2], things), key=lambda t: t[4])]
    order = re.match(r"the (left|right|top|bottom)most (?:of the )?(.+)$", text)
    if order:
        number, end, inner = 1, order[1], order[2]
    elif order := re.match(r"the (second|third|fourth) from the (\w+) of the (.+)$", text):
        number, end, inner = ORDINALS[order[1]], order[2], order[3]
    elif order := re.match(r"the (second|third|fourth) (.+) from the (\w+)$", text):
        number, end, inner = ORDINALS[order[1]], order[3], order[2]
    else:
        return read_set(text.removeprefix("the "), things)
    axis, sign = {"left": (2, 1), "right": (2, -1), "top": (3, 1), "bottom": (3, -1)}[end]
    return [sorted(read_set(inner, things), key=lambda t: sign * t[axis])[number - 1]]


@pytest.mark.parametrize("level", LEVELS)
def test_a_reader_who_knows_english_finds_the_thing(level):
    env = ReferringPoint(level=level, obs_mode="text", image_size=1000)
    forms = set()
    for seed in range(150):
        observation, _ = env.reset(seed=seed)
        things = things_of(observation["text"])
        described = observation["task"].removeprefix("Point at ").removesuffix(".")
        (found,) = read_one(described, things)
        assert things.index(found) == env.target, (seed, described)
        forms.add(env.expression[0])
    assert forms


def test_what_a_person_could_see_in_two_ways_is_vague():
    close = (
        Thing("star", "red", 500, 100, 100),
        Thing("star", "red", 510, 900, 110),
        Thing("fish", "blue", 490, 500, 90),
    )
    stars, fish = ("kind", "red", "star"), ("only", ("kind", "blue", "fish"))
    for expression in [
        ("only", stars),
        ("only", ("side", "left", stars, fish)),
        ("extreme", "smallest", stars),
        ("extreme", "smallest", ("kind", "", "thing")),
        ("order", 1, "left", stars),
        ("nearest", stars, fish),
        ("order", 3, "top", stars),
    ]:
        with pytest.raises(Vague):
            member_of(expression, close)
    assert member_of(("only", ("side", "above", stars, fish)), close) == 0
    assert member_of(("order", 1, "bottom", stars), close) == 1
    assert members(("kind", "", "thing"), close) == [0, 1, 2]


def test_every_form_is_put_in_words():
    env, rng = ReferringPoint(level=5), np.random.default_rng(0)
    env.reset(seed=0)
    for form in FORMS:
        said = {words(draw_expression(rng, env.scene, form)) for _ in range(20)}
        assert len(said) > 1 and all("  " not in text for text in said)
        assert all(text.startswith("the ") != form.startswith("several") for text in said)


def submitted(env, call):
    env.step(call)
    return env.step({"name": "submit"})


def test_the_dot_may_move_until_it_is_submitted():
    env = ReferringPoint(level=2)
    first = env.reset(seed=0)[0]["image"]
    observation, *_, info = env.step({"name": "submit"})
    assert not info["action_effective"] and observation["feedback"] == "There is no dot yet: point first."
    shown = env.step(point(100, 60))[0]["image"]
    changed = np.argwhere((shown != first).any(axis=2))
    assert len(changed) and np.abs(changed - (60, 100)).max() <= 5
    observation, *_, info = env.step(point(100, 60))
    assert not info["action_effective"] and observation["feedback"] == "The dot is there already."
    _, reward, terminated, _, info = submitted(env, env.expert())
    assert terminated and info["success"] and reward == 1.0


def test_another_thing_is_a_failure():
    env = ReferringPoint(level=2)
    env.reset(seed=0)
    other = next(k for k in range(len(env.scene)) if k != env.target)
    _, reward, terminated, _, info = submitted(env, env._point_at(other))
    assert terminated and not info["success"] and reward == 0.0


def test_only_the_thing_itself_counts_not_its_box():
    env = ReferringPoint(level=1)
    for seed in range(200):
        env.reset(seed=seed)
        if env.scene[env.target].shape == "star":
            break
    left, top, _, _ = box_of(env.scene[env.target], 224)
    assert things_at(env.scene, 224, left, top) is None
    assert not submitted(env, point(left, top))[-1]["success"]


def test_distance_is_a_term_of_its_own():
    env = ReferringPoint(level=1, distance_reward=0.5)
    env.reset(seed=1)
    assert env.step(env.expert())[-1]["reward_terms"] == {"outcome": 0.0, "distance": 0.0}
    _, reward, *_, info = env.step(env.expert())
    assert info["reward_terms"] == {"outcome": 1.0, "distance": 0.5} and reward == 1.5
    env.reset(seed=1)
    left, top, right, bottom = box_of(env.scene[env.target], 224)
    x = right - 1 + 30 if right + 30 < 224 else left - 30
    *_, info = submitted(env, point(x, (top + bottom) // 2))
    assert info["reward_terms"] == {"outcome": 0.0, "distance": pytest.approx(0.25)}


def test_the_preset_uses_no_words_for_places():
    env = ReferringPoint(preset="visgym", obs_mode="text")
    for seed in range(40):
        task = env.reset(seed=seed)[0]["task"]
        assert env.max_turns == 50 and not re.search("left|right|top|bottom|above|below|nearest", task)


@pytest.mark.parametrize("size", [64, 224, 512])
def test_thousandths_hit_as_pixels_do(size):
    env = ReferringPoint(level=5, coordinates="thousandths", image_size=size)
    for seed in range(20):
        env.reset(seed=seed)
        assert submitted(env, env.expert())[-1]["success"]


@pytest.mark.parametrize(
    "arguments", [{"distance_reward": -1}, {"near": 60}, {"far": float("nan")}, {"coordinates": "mm"}]
)
def test_bad_arguments_name_what_is_allowed(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        ReferringPoint(**arguments)
