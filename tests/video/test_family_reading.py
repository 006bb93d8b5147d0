"""What is particular to small displays: only a part of the frame, made larger, can be read."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from mmgym_video.procedural.families.reading import NATIVE, Reading
from mmgym_video.procedural.family import DURATIONS, Setting, Sighting

SHOWN = 192
"""Height of a picture as an agent sees it."""


def draw(level, seed, **setting):
    return Reading().draw(np.random.default_rng(seed), Setting(level, **{"duration": DURATIONS[level], **setting}))


def sighted(case, look, height=SHOWN):
    return Sighting(case.video.frame_time(look.time), case.video.facts(look.time, look.box, height), look.box)


@pytest.mark.parametrize("level", DURATIONS)
def test_whole_frames_say_nothing_from_the_third_level_on(level):
    right = 0
    for seed in range(40):
        case = draw(level, seed)
        whole, _ = (sighted(case, look) for look in case.looks)
        read = [fact["text"] for fact in whole.facts if fact["what"] == "display"]
        assert all(text is None for text in read) == (level >= 3), seed
        right += case.conclude([whole]) == case.question.answer
    assert right == 40 if level < 3 else right < 22


def test_the_part_holds_the_thing_and_its_display_whole():
    for size, level, seed in product([(480, 640), (480, 480), (640, 360), (720, 1280)], DURATIONS, range(6)):
        case = draw(level, seed, size=size)
        whole, part = (sighted(case, look) for look in case.looks)
        assert case.conclude([whole, part]) == case.question.answer, (size, level, seed)
        left, top, right, bottom = case.looks[1].box
        name = case.question.question.split(" of the ")[1].split(" read at ")[0]
        (thing,) = [actor for actor in case.video.actors if f"{actor.colors[0][1]} {actor.shape}" == name]
        x, y = thing.path[0][1:]
        display = min(case.video.displays, key=lambda d: (round(abs(d.y - y)), d.x if d.x > x else np.inf))
        edges = x - thing.size / 2, x + thing.size / 2, display.x - display.width / 2, display.x + display.width / 2
        assert edges == tuple(sorted(edges)), (size, level, seed)
        assert left <= edges[0] / case.video.aspect and edges[-1] / case.video.aspect <= right, (size, level, seed)
        assert top <= (y - thing.size / 2) / 1000 and (y + thing.size / 2) / 1000 <= bottom, (size, level, seed)


def test_letters_are_high_enough_in_the_frames_of_the_video():
    for level, seed in product(DURATIONS, range(4)):
        for size in [(480, 640), (96, 96), (1280, 720)]:
            case = draw(level, seed, size=size)
            assert all(round(d.height * size[0] / 1000) >= NATIVE for d in case.video.displays), (size, level, seed)


@pytest.mark.parametrize("duration", [30.0, 47.3, 180.0])
def test_every_display_shows_each_text_equally_long(duration):
    for level, seed in product(DURATIONS, range(2)):
        case = draw(level, seed, duration=duration)
        times = np.arange(int(10 * duration)) / 10
        for display in case.video.displays:
            frames = Counter(display.text(time) for time in times)
            dark = frames.pop("", 0)
            assert sorted(frames) == sorted(case.question.options), (level, seed)
            assert len(set(frames.values())) == 1 and dark < 48, (level, seed)


def test_displays_disagree_at_the_time_that_is_asked_about():
    disagree = 0
    for seed in range(20):
        case = draw(4, seed)
        disagree += len({display.text(case.looks[0].time) for display in case.video.displays}) > 1
    assert disagree >= 18


def test_the_options_of_higher_levels_differ_in_a_sign_or_two():
    for seed in range(20):
        options = draw(3, seed).question.options
        least = min(
            sum(a != b for a, b in zip(one, other, strict=True)) for one in options for other in options if one != other
        )
        assert least == 1


def test_units_do_not_overlap():
    for level, seed, size in product(DURATIONS, range(6), [(480, 640), (96, 96), (640, 360)]):
        case = draw(level, seed, size=size)
        boxes = [
            (d.x - d.width / 2, d.y - 0.7 * d.height, d.x + d.width / 2, d.y + 0.7 * d.height)
            for d in case.video.displays
        ]
        boxes += [
            (x - a.size / 2, y - a.size / 2, x + a.size / 2, y + a.size / 2)
            for a in case.video.actors
            for _, x, y in a.path
        ]
        assert all(b[0] >= 0 and b[1] >= 0 and b[2] <= case.video.aspect and b[3] <= 1000 for b in boxes), (level, seed)
        for i, one in enumerate(boxes):
            for other in boxes[:i]:
                apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
                assert apart, (level, seed, size)
