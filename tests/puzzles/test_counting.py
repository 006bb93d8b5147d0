"""Counting: the answer against the pixels, its marks, its units, its presets."""

import numpy as np
import pytest

from mmgym_puzzles.perception.counting import LEVELS, MOST_MARKS, PRESETS, Counting
from mmgym_puzzles.perception.scenes import Thing, box_of, draw_scene, inner_pixel, inventory, look_of, place, things_at


def call(name, **arguments):
    return {"name": name, "arguments": arguments}


@pytest.mark.parametrize("arguments", [*({"level": k} for k in LEVELS), *({"preset": p} for p in PRESETS)])
def test_counts_are_as_promised_and_nothing_is_hidden(arguments):
    env = Counting(image_size=224, **arguments)
    crowd = env.settings
    for seed in range(8):
        env.reset(seed=seed)
        asked = [t for t in env.scene if (t.shape, t.color) == (env.shape, env.color)]
        assert crowd.targets[0] <= len(asked) <= crowd.targets[1]
        assert crowd.others[0] <= len(env.scene) - len(asked) <= crowd.others[1]
        assert f"{env.color} {env.shape}"[:-1] in observation_task(env)
        for index, thing in enumerate(env.scene):
            seen, alone = visible(env.scene, index, thing)
            assert seen >= 0.3 * alone, (seed, thing)


def observation_task(env):
    return env._observe()["task"]


def visible(scene, index, thing):
    left, top, right, bottom = box_of(thing, 224)
    pixels = [(x, y) for x in range(left, right, 2) for y in range(top, bottom, 2)]
    seen = sum(things_at(scene, 224, x, y) == index for x, y in pixels)
    return seen, sum(things_at((thing,), 224, x, y) == 0 for x, y in pixels)


def test_the_text_twin_and_the_answer_agree():
    env = Counting(obs_mode="text", level=4)
    for seed in range(40):
        observation, _ = env.reset(seed=seed)
        lines = observation["text"].splitlines()
        count = sum(line.startswith(f"{env.color} {env.shape}:") for line in lines)
        *_, info = env.step(call("answer", number=count))
        assert info["success"]


def test_colours_in_the_picture_are_those_of_the_things():
    for split in ("train", "ood"):
        env = Counting(level=1)
        env.reset(seed=3, options={"split": split})
        image, shades = env._image(), look_of(split).shades
        for index, thing in enumerate(env.scene):
            x, y = inner_pixel(env.scene, 224, index)
            assert tuple(image[y, x]) == shades[thing.color]


def test_one_count_and_one_answer():
    env = Counting(level=2)
    env.reset(seed=0)
    right = len(env._targets())
    _, reward, terminated, _, info = env.step(call("answer", number=right + 1))
    assert terminated and not info["success"] and reward == 0.0
    env.reset(seed=0)
    _, reward, terminated, _, info = env.step(call("answer", number=right))
    assert terminated and info["success"] and reward == 1.0


def test_marks_are_drawn_and_taken_back():
    env = Counting(level=1)
    first = env.reset(seed=0)[0]["image"]
    key = env.state_key()
    shown, *_, info = env.step(call("mark", x=20, y=30))
    assert info["action_effective"] and env.state_key() != key
    changed = np.argwhere((shown["image"] != first).any(axis=2))
    assert len(changed) and np.abs(changed - (30, 20)).max() <= 5
    shown, *_, info = env.step(call("mark", x=20, y=30))
    assert not info["action_effective"] and shown["feedback"] == "There is a mark already."
    shown, *_ = env.step(call("undo"))
    assert np.array_equal(shown["image"], first) and env.state_key() == key
    shown, *_, info = env.step(call("undo"))
    assert not info["action_effective"] and shown["feedback"] == "There is no mark."


def test_there_is_an_end_to_marks():
    env = Counting(max_turns=100)
    env.reset(seed=0)
    for k in range(MOST_MARKS):
        assert env.step(call("mark", x=k, y=k))[-1]["action_effective"]
    assert not env.step(call("mark", x=100, y=0))[-1]["action_effective"]


def test_thousandths_are_of_the_pictures_side():
    env, other = Counting(coordinates="thousandths"), Counting()
    env.reset(seed=0), other.reset(seed=0)
    one = env.step(call("mark", x=500, y=1000))[0]["image"]
    assert np.array_equal(one, other.step(call("mark", x=112, y=223))[0]["image"])
    assert not other.step(call("mark", x=224, y=0))[-1]["action_valid"]


@pytest.mark.parametrize("coordinates", ["pixels", "thousandths"])
def test_an_expert_that_marks_puts_one_mark_on_each(coordinates):
    env = Counting(level=3, expert_marks=True, coordinates=coordinates)
    for seed in range(5):
        _, info = env.reset(seed=seed)
        targets, turns = env._targets(), 0
        while not env.success:
            env.step(env.expert())
            turns += 1
        assert turns == info["expert_steps"] == len(targets) + 1
        assert [things_at(env.scene, 224, x, y) for x, y in env.marks] == targets


def test_places_keep_their_distance_and_what_there_is():
    scene = tuple(Thing("circle", "red", 0, 0, 100) for _ in range(12))
    placed = place(np.random.default_rng(0), scene, 1.2)
    assert inventory(placed) == inventory(scene)
    gaps = [np.hypot(a.x - b.x, a.y - b.y) for k, a in enumerate(placed) for b in placed[:k]]
    assert min(gaps) >= 120
    assert place(np.random.default_rng(0), scene * 10, 1.2) is None


def test_scenes_are_drawn_to_the_pixel_of_their_boxes():
    look = look_of("train")
    for shape in ("circle", "heart", "fish", "triangle"):
        thing = Thing(shape, "red", 430, 560, 200)
        rows, columns = np.nonzero((draw_scene((thing,), 224, look) != look.ground).any(axis=2))
        assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == box_of(thing, 224)
