"""What is particular to questions of how many times something happened."""

import re
from itertools import product

import numpy as np
import pytest

from mmgym_video.looking import FRAMES
from mmgym_video.procedural.families.count import Count
from mmgym_video.procedural.family import DURATIONS, Setting, Sighting
from mmgym_video.procedural.kinds import SOLID


def draw(level, seed, duration=None):
    return Count().draw(np.random.default_rng(seed), Setting(level, duration=duration or DURATIONS[level]))


def named(case):
    """The stretch that the question names, in seconds."""
    words = case.question.question.split()
    return float(words[1]), float(words[4])


def counted(case):
    """Colour and shape of what the question is about."""
    text = case.question.question
    turned = re.search(r"the circle turn (\w+)", text)
    return (turned[1], "circle") if turned else re.search(r"a (\w+) (\w+) (?:appear|pass by)", text).groups()


def watched(case, times):
    return [Sighting(start, case.video.facts(start)) for start in map(case.video.frame_time, times)]


@pytest.mark.parametrize("level", DURATIONS)
def test_even_samples_within_the_budget_count_rightly_whenever_they_start(level):
    for seed, phase in product(range(6), (0.0, 0.5, 0.99)):
        case = draw(level, seed)
        start, end = named(case)
        step = (end - start) / FRAMES[level]
        times = start + step * (np.arange(FRAMES[level]) + phase)
        assert case.conclude(watched(case, times.tolist())) == case.question.answer, (seed, phase)


@pytest.mark.parametrize("duration", [30.0, 60.0])
def test_every_frame_of_the_stretch_gives_the_same_count(duration):
    for seed in range(4):
        case = draw(5, seed, duration)
        start, end = named(case)
        assert case.conclude(watched(case, np.arange(start, end, 0.1).tolist())) == case.question.answer, seed


def test_nothing_changes_near_the_limits_of_the_stretch():
    for level, seed in product(DURATIONS, range(6)):
        case = draw(level, seed)
        for limit in named(case):
            near = watched(case, [limit - 0.5, limit, limit + 0.5])
            found = [[(f["color"], f["x"], f["y"]) for f in s.facts if f["shape"] in SOLID] for s in near]
            assert found[0] == found[1] == found[2], (level, seed)


def test_what_is_counted_happens_outside_of_the_stretch_too():
    outside = 0
    for seed in range(20):
        case = draw(3, seed)
        start, end = named(case)
        kind = counted(case)
        times = [*np.arange(start - 30, start, 1.0), *np.arange(end, end + 30, 1.0)]
        seen = watched(case, [time for time in times if 0 <= time <= case.video.duration])
        outside += any(kind == (fact["color"], fact["shape"]) for sighting in seen for fact in sighting.facts)
    assert outside >= 15
