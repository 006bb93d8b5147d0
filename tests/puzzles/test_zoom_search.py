"""ZoomSearch: what cannot be seen from afar, what can from near, and the fewest calls to get there."""

from dataclasses import replace

import numpy as np
import pytest

from mmgym.spaces import ToolCall
from mmgym_puzzles.perception.labels import WHOLE, Tag
from mmgym_puzzles.perception.scenes import SHAPES
from mmgym_puzzles.perception.zoom_search import LEVELS, ZoomSearch


def zoom(left, top, right, bottom):
    return {"name": "zoom", "arguments": {"left": left, "top": top, "right": right, "bottom": bottom}}


def answer(text):
    return {"name": "answer", "arguments": {"text": text}}


OUT = {"name": "zoom_out"}


def look_closely(env):
    """Make the expert's calls up to its answer; return the picture."""
    while (call := env.expert()).name != "answer":
        observation, *_ = env.step(call)
    return observation["image"]


def changed(env, index):
    """The instance with another label and emblem on one thing."""
    text = env.tags[index].text
    other = ("1" if text[0] != "1" else "2") + text[1:]
    emblem = env.tags[index].emblem
    used = {tag.emblem for tag in env.tags}
    new = emblem and next((shape for shape in SHAPES if shape not in used), SHAPES[0])
    tags = (*env.tags[:index], Tag(other, emblem if index == env.target else new), *env.tags[index + 1 :])
    return env.scene, tags, env.expression, env.emblem


@pytest.mark.parametrize("size", [96, 224, 512])
@pytest.mark.parametrize("level", LEVELS)
def test_not_a_pixel_of_the_whole_picture_tells_what_labels_say(level, size):
    env, twin = ZoomSearch(level=level, image_size=size), ZoomSearch(level=level, image_size=size)
    for seed in range(6):
        first = env.reset(seed=seed)[0]["image"]
        twin.reset(seed=seed)
        twin._begin(changed(env, env.target))
        assert np.array_equal(twin._image(), first) and twin.state_key() != env.state_key()
        near = look_closely(env)
        twin.view = env.view
        assert (twin._image() != near).any(axis=2).sum() >= 8
        other = (env.target + 1) % len(env.scene)
        env.reset(seed=seed)
        twin._begin(changed(env, other))
        assert np.array_equal(twin._image(), first)


@pytest.mark.parametrize("level", LEVELS)
def test_emblems_are_only_seen_from_near(level):
    env = ZoomSearch(level=level)
    env.reset(seed=1)
    assert bool(env.emblem) == (level >= 4)
    if env.emblem:
        first = env._image()
        near, tags = look_closely(env), env.tags
        env.tags = tuple(replace(tag, emblem="circle" if tag.emblem != "circle" else "star") for tag in tags)
        env._whole = env._drawn = None
        assert (env._image() != near).any()
        env.view = WHOLE
        assert np.array_equal(env._image(), first)


@pytest.mark.parametrize("level", LEVELS)
def test_a_partial_zoom_is_not_enough(level):
    env, twin = ZoomSearch(level=level), ZoomSearch(level=level)
    lettering = LEVELS[level].lettering
    env.reset(seed=2), twin.reset(seed=2)
    twin._begin(changed(env, env.target))
    assert not lettering.legible((0, 0, WHOLE[2] // lettering.zoom + 1))
    for _ in range(env._expert_steps() - 2):
        env.step(env.expert())
        twin.view = env.view
        assert np.array_equal(env._image(), twin._image())


def test_letters_are_large_enough_to_be_read():
    for level, settings in LEVELS.items():
        env = ZoomSearch(level=level)
        env.reset(seed=0)
        look_closely(env)
        assert 224 * settings.lettering.height / env.view[2] >= 15, level


def test_the_experts_calls_are_the_fewest():
    """From any view, no shorter sequence of quarter-size zooms around the label, and ways out, makes it readable."""
    env, rng = ZoomSearch(level=3, max_turns=100), np.random.default_rng(0)

    def fewest(view, limit=5):
        ahead, seen = [view], {view}
        for count in range(limit):
            if any(readable(v) for v in ahead):
                return count
            following = []
            for v in ahead:
                env.view = v
                call = env._reading(env.target)
                options = [WHOLE]
                if call.name == "zoom":
                    options.append(env._zoomed(*call.arguments.values()))
                following += [o for o in options if o not in seen]
                seen.update(options)
            ahead = following
        raise AssertionError("never readable")

    def readable(view):
        env.view = view
        return env._readable(env.target)

    for seed in range(20):
        env.reset(seed=seed)
        for _ in range(rng.integers(0, 4)):
            edges = sorted(rng.integers(0, 225, 2).tolist()), sorted(rng.integers(0, 225, 2).tolist())
            env.step(zoom(edges[0][0], edges[1][0], edges[0][1], edges[1][1]))
        view, needed = env.view, env._turns_left()
        assert needed == fewest(view) + 1
        env.view = view
        for left in range(needed, 0, -1):
            assert env._turns_left() == left and not env.success
            env.step(env.expert())
        assert env.success


def test_views_stay_inside_the_one_before_and_get_no_closer_than_needed():
    rng = np.random.default_rng(0)
    for level in LEVELS:
        env = ZoomSearch(level=level, max_turns=10_000)
        env.reset(seed=0)
        for _ in range(200):
            left, top, side = env.view
            box = rng.integers(0, 225, 4).tolist()
            *_, info = env.step(zoom(*box))
            if box[0] < box[2] and box[1] < box[3]:
                x, y, new = env.view
                assert left <= x and x + new <= left + side and top <= y and y + new <= top + side
                assert new >= max(side // 4, env._nearest())
            assert info["action_effective"] == (env.view != (left, top, side))
            if rng.random() < 0.2:
                env.step(OUT)


def test_calls_that_change_nothing_say_so():
    env = ZoomSearch(level=1)
    env.reset(seed=0)
    for call, said in [
        (zoom(0, 0, 224, 224), "That shows the same again."),
        (zoom(50, 0, 20, 224), "no area"),
        (OUT, "The whole picture is shown already."),
    ]:
        observation, *_, info = env.step(call)
        assert said in observation["feedback"] and not info["action_effective"]
    env.step(zoom(0, 0, 20, 20))
    assert env.step(zoom(0, 0, 20, 20))[0]["feedback"] == "It gets no closer."


@pytest.mark.parametrize("decorate", [str.lower, lambda text: f' "{text}." ', lambda text: " ".join(text)])
def test_case_spaces_and_punctuation_do_not_count(decorate):
    env = ZoomSearch(level=5)
    env.reset(seed=0)
    assert env.step(answer(decorate(env.tags[env.target].text)))[-1]["success"]


@pytest.mark.parametrize("text", ["", "\u00e9\u4e2d", "the label", "99999"])
def test_other_answers_fail(text):
    env = ZoomSearch(level=1)
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(answer(text))
    assert terminated and not info["success"] and reward == 0.0


def test_levels_fit_their_questions():
    for level, settings in LEVELS.items():
        env = ZoomSearch(level=level, image_size=64)
        for seed in range(30):
            _, info = env.reset(seed=seed)
            assert len({tag.text for tag in env.tags}) == len(env.scene)
            assert all(len(tag.text) == settings.length for tag in env.tags)
            assert info["expert_steps"] == {1: 2, 2: 2, 3: 3, 4: 3, 5: 4}[level]


@pytest.mark.parametrize("size", [32, 64, 100, 224, 400])
@pytest.mark.parametrize("coordinates", ["pixels", "thousandths"])
def test_the_expert_reads_at_every_size(size, coordinates):
    env = ZoomSearch(image_size=size, coordinates=coordinates)
    for seed in range(25):
        _, info = env.reset(seed=seed, options={"level": seed % 5 + 1})
        turns = 0
        while not env.success:
            call = env.expert()
            assert isinstance(call, ToolCall) and env.action_space.contains(call)
            env.step(call)
            turns += 1
        assert turns == info["expert_steps"]
