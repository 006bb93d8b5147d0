"""Direction: every motion would fit backwards as well, and any two moments of it say which way it went."""

import re
from dataclasses import replace

import numpy as np
import pytest

from mmgym_video.procedural.families.direction import Direction
from mmgym_video.procedural.family import Setting, Sighting

OPPOSITE = {
    "left": "right",
    "up": "down",
    "clockwise": "anticlockwise",
    "towards": "away from",
    "higher": "lower",
}
OPPOSITE |= {other: one for one, other in OPPOSITE.items()}
SEEDS = range(40)


def draw(seed, level=3, duration=600.0):
    return Direction().draw(np.random.default_rng(seed), Setting(level, duration=duration))


def seen(case, times):
    return [Sighting(t, case.video.facts(t)) for t in times]


def frames(interval):
    return [k / 10 for k in range(round(interval[0] * 10), round(interval[1] * 10))]


def turned(option):
    """The option with both ways the other way round."""
    words = "|".join(sorted(OPPOSITE, key=len, reverse=True))
    return re.sub(rf"\b({words})\b", lambda found: OPPOSITE[found[0]], option)


def moving(case, interval):
    """The middle of what is asked about, or its number, in each frame of an interval."""
    facts = [case.video.facts(t) for t in frames(interval)]
    asked = re.findall(r"the (\w+) (\w+)(?= and| go)", case.question.question)
    for color, shape in asked:
        found = [[f for f in all_of if (f.get("color"), f.get("shape")) == (color, shape)] for all_of in facts]
        if all(found):
            return [(things[0]["x"], things[0]["y"]) for things in found]
    return [tuple(int(f["text"]) for f in all_of if f["what"] == "display") for all_of in facts]


def test_the_frames_of_a_straight_motion_are_those_of_the_way_back():
    straight = 0
    for seed in SEEDS:
        case = draw(seed)
        for interval in case.question.evidence:
            places = np.array(moving(case, interval))
            sums = places + places[::-1]
            if "round" not in case.question.answer:
                assert np.ptp(sums, axis=0).max() <= 2, (seed, "to the rounding of hundredths")
                straight += 1
    assert straight > 20


def test_played_backwards_the_answer_is_the_opposite():
    for seed in SEEDS:
        case = draw(seed)
        film = [sighting for interval in case.question.evidence for sighting in seen(case, frames(interval)[::10])]
        assert case.conclude(film) == case.question.answer
        times = [sighting.time for sighting in film]
        back = [replace(sighting, time=t) for sighting, t in zip(reversed(film), times, strict=True)]
        assert case.conclude(back) == turned(case.question.answer) != case.question.answer


def test_any_two_moments_of_each_motion_suffice():
    rng = np.random.default_rng(0)
    for seed in SEEDS:
        case = draw(seed)
        times = []
        for start, end in case.question.evidence:
            first = rng.uniform(start, end - 0.45 * (end - start))
            times += [first, rng.uniform(first + 0.4 * (end - start), end - 0.1)]
        assert case.conclude(seen(case, [round(t, 1) for t in times])) == case.question.answer, seed


def test_options_are_the_four_pairs_of_ways():
    case = draw(0)
    for option in case.question.options:
        assert turned(option) in case.question.options
    assert len({option.split(", ")[0] for option in case.question.options}) == 2
    assert len({option.split(", ")[1] for option in case.question.options}) == 2


@pytest.mark.parametrize(
    ("level", "words"), [(1, {"left", "right", "up", "down"}), (4, {"clockwise", "away", "towards", "higher"})]
)
def test_levels_know_their_kinds_of_motion(level, words):
    assert words <= set(" ".join(draw(seed, level).question.answer for seed in SEEDS).replace(",", "").split())


def test_at_a_short_video_every_motion_can_still_be_seen():
    for seed in range(5):
        case = draw(seed, level=5, duration=30.0)
        assert all(end - start >= 1.5 - 1e-6 for start, end in case.question.evidence)
