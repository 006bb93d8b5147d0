"""What is particular to questions of how long something lasted."""

from itertools import pairwise, product

import numpy as np
import pytest

from mmgym_video.looking import FRAMES
from mmgym_video.procedural.families.length import EDGE, SHORTEST, STRETCH, Length
from mmgym_video.procedural.family import DURATIONS, Setting, Sighting


def draw(level, seed):
    return Length().draw(np.random.default_rng(seed), Setting(level, duration=DURATIONS[level]))


def named(case):
    """The stretch that the question names, in seconds."""
    words = case.question.question.split()
    return float(words[1]), float(words[4])


def watched(case, times):
    return [Sighting(start, case.video.facts(start)) for start in map(case.video.frame_time, times)]


def shown(case, sighting):
    """What a frame shows of what the question names."""
    text = case.question.question
    names = [(f"{fact['color']} {fact['shape']}", fact["shape"]) for fact in sighting.facts]
    return [name for name, shape in names if name in text or (shape == "circle" and "is the circle" in text)]


def test_it_lasts_for_exactly_the_seconds_of_the_answer():
    for level, seed in product((1, 3, 5), range(8)):
        case = draw(level, seed)
        ((start, end),) = case.question.evidence
        seen = watched(case, np.arange(round(10 * start), round(10 * end)) / 10)
        changes = [s.time for before, s in pairwise(seen) if shown(case, before) != shown(case, s)]
        assert len(changes) == 2, (level, seed)
        assert changes[1] - changes[0] == pytest.approx(float(case.question.answer)), (level, seed)
        assert case.conclude(seen) == case.question.answer, (level, seed)


@pytest.mark.parametrize("level", DURATIONS)
def test_scanning_and_halving_finds_it_within_the_budget(level):
    for seed in range(8):
        case = draw(level, seed)
        start, end = named(case)
        step = SHORTEST[level][0] * 0.95
        times = np.arange(start, end, step).tolist()
        seen = watched(case, times)
        states = [shown(case, sighting) for sighting in seen]
        edges = [i for i in range(1, len(seen)) if states[i] != states[i - 1]]
        for low, high, before in [(times[i - 1], times[i], states[i - 1]) for i in edges]:
            while high - low > 0.9:
                middle = (low + high) / 2
                (found,) = watched(case, [middle])
                seen.append(found)
                low, high = (middle, high) if shown(case, found) == before else (low, middle)
        assert len(seen) <= FRAMES[level], seed
        assert case.conclude(sorted(seen, key=lambda s: s.time)) == case.question.answer, seed


def test_the_stretch_has_the_length_of_its_level():
    for level in DURATIONS:
        start, end = named(draw(level, 0))
        assert end - start == pytest.approx(STRETCH[level] - 2 * EDGE)
