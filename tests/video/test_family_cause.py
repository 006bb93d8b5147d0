"""What is particular to questions of what hit what: backwards, a meeting has the same frames and the other answer."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from mmgym_video.procedural.families.cause import Cause
from mmgym_video.procedural.family import DURATIONS, Setting, Sighting
from mmgym_video.procedural.kinds import Kind
from mmgym_video.procedural.meetings import Ground, collide, switch
from mmgym_video.procedural.stage import Stage

RED, BLUE = Kind("red", "star"), Kind("blue", "heart")
GROUND = Ground(x=611.3, y=402.7, run=301.9, size=120, start=20, frames=60)


def film(actors):
    """Every frame of a video of these actors, as bytes."""
    stage = Stage(10.0, actors=tuple(actors), size=(120, 160))
    return [frame.image.tobytes() for frame in stage.frames(np.arange(100) / 10)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (collide(RED, BLUE, GROUND, True), collide(RED, BLUE, GROUND, False)),
        (switch(RED, ("green", "pink"), GROUND, True), switch(RED, ("pink", "green"), GROUND, True)),
        (switch(RED, ("green", "pink"), GROUND, False), switch(RED, ("pink", "green"), GROUND, False)),
    ],
    ids=["collision", "switch from the left", "switch from the right"],
)
def test_a_meeting_that_goes_the_other_way_has_the_same_frames_backwards(one, other):
    one, other = film(one), film(other)
    assert one[20:80] == other[20:80][::-1] != other[20:80]
    assert Counter(one) == Counter(other)


def test_the_struck_thing_rests_until_it_is_touched_and_the_striker_afterwards():
    left, right = collide(RED, BLUE, GROUND, forward=True)
    times = np.arange(20, 80) / 10
    gaps = [right.place(time)[0] - left.place(time)[0] for time in times]
    assert min(gaps) >= GROUND.size
    assert len({right.place(time) for time in times[:30]}) == 1 == len({left.place(time) for time in times[30:]})
    assert left.place(times[0])[0] < left.place(times[29])[0] and right.place(times[30])[0] < right.place(times[-1])[0]


def test_the_same_frames_in_another_order_lead_to_each_option():
    for level, seed in product(DURATIONS, range(12)):
        case = Cause().draw(np.random.default_rng(seed), Setting(level, duration=DURATIONS[level]))
        meetings = [np.arange(round(10 * start), round(10 * end)) for start, end in case.question.evidence]
        right, told = _answer(case), set()
        for other in range(4):
            # backwards go the meeting that went the way that is asked for, and another one
            turned = {right, other} if other != right else set()
            seen = []
            for number, frames in enumerate(meetings):
                shown = frames[::-1] if number in turned else frames
                pairs = zip(frames[::9].tolist(), shown[::9].tolist(), strict=True)
                seen += [Sighting(when / 10, case.video.facts(what / 10)) for when, what in pairs]
            told.add(case.conclude(sorted(seen, key=lambda sighting: sighting.time)))
        assert told == set(case.question.options), (level, seed)


def _answer(case):
    """Which of the meetings is the answer's."""
    color, shape = case.question.answer.split()
    looks = [look.time for look in case.looks]
    there = [any((f["color"], f["shape"]) == (color, shape) for f in case.video.facts(time)) for time in looks]
    assert sum(there) == 2
    return there.index(True) // 2
