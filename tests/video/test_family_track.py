"""What is particular to the shell game: its frames without their order leave every option equally likely."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise, permutations, product

import numpy as np
import pytest

from mmgym_video.procedural.families.track import CUE, FPS, PLACES, REST, Track, orders_by_outcome
from mmgym_video.procedural.family import DURATIONS, Setting, Sighting
from mmgym_video.procedural.kinds import OTHERS, Kind
from mmgym_video.procedural.shell_game import Game, Row, moved
from mmgym_video.procedural.stage import Actor, Cover, Stage

SWAPS = ((0, 1), (1, 2), (2, 3), (0, 3))


def ends_from(start):
    return lambda order: moved(start, order)


def film(order, start=1):
    """Every frame of a short game as bytes, and what the frames show."""
    setting = Setting(1, duration=30.0, size=(60, 80))
    row = Row(setting, 4, 487.3, 3.1)
    things, boxes = row.play(Game((Kind("red", "star"),), (start,), order), 10, 12, 130)
    stage = Stage(15.0, tuple(things), covers=tuple(boxes), size=setting.size)
    times = np.arange(150) / FPS
    return [frame.image.tobytes() for frame in stage.frames(times)], [stage.facts(time) for time in times], row


def test_orders_of_the_same_swaps_have_the_same_frames_and_facts_but_other_ends():
    found = orders_by_outcome(np.random.default_rng(0), SWAPS, ends_from(1), range(4))
    films = {end: film(order) for end, order in found.items()}
    assert sorted(films) == [0, 1, 2, 3]
    bags = [Counter(frames) for frames, _, _ in films.values()]
    told = [Counter(map(str, facts)) for _, facts, _ in films.values()]
    assert all(bag == bags[0] for bag in bags) and all(one == told[0] for one in told)
    assert len({tuple(frames) for frames, _, _ in films.values()}) == 4


def test_the_order_of_swaps_is_read_off_the_frames():
    for order in list(permutations(SWAPS))[::5]:
        _, facts, row = film(order)
        pairs = [pair for i, shown in enumerate(facts) if (pair := row.swapped(Sighting(i / FPS, shown)))]
        assert [pair for i, pair in enumerate(pairs) if i == 0 or pair != pairs[i - 1]] == list(order)


def test_every_outcome_is_found_with_an_order_of_all_the_swaps():
    every = {order for order in permutations(SWAPS) if all(a != b for a, b in pairwise(order))}
    for seed, start in product(range(5), range(4)):
        found = orders_by_outcome(np.random.default_rng(seed), SWAPS, ends_from(start), range(4))
        assert found and all(order in every and moved(start, order) == end for end, order in found.items())


def test_an_outcome_that_no_order_has_is_not_found():
    assert orders_by_outcome(np.random.default_rng(0), [(2, 3), (0, 1)], ends_from(0), (0, 1)) is None


@pytest.mark.parametrize("level", DURATIONS)
def test_even_samples_of_each_swap_lead_to_the_answer(level):
    for seed in range(4):
        case = Track().draw(np.random.default_rng(seed), Setting(level, duration=DURATIONS[level]))
        ((start, end),) = case.question.evidence
        times = np.arange(start, end, (case.looks[2].time - case.looks[1].time) / 3).tolist()
        seen = [Sighting(case.video.frame_time(time), case.video.facts(time)) for time in times]
        assert case.conclude(seen) == case.question.answer, seed


def test_things_are_seen_at_the_start_of_a_game_alone_and_boxes_never_leave_the_frame():
    for level, seed in product(DURATIONS, range(3)):
        case = Track().draw(np.random.default_rng(seed), Setting(level, duration=DURATIONS[level]))
        start, end = case.question.evidence[0]
        for time in np.arange(start, end, 0.3):
            facts = case.video.facts(time)
            boxes = [fact for fact in facts if fact["what"] == "cover"]
            hidden = [f for f in facts if f["what"] == "thing" and f["shape"] not in OTHERS]
            assert len(boxes) == PLACES[level] and all(5 < box["y"] < 95 for box in boxes), (level, seed)
            assert bool(hidden) == (time < start + CUE / FPS - 0.3) or time < start + CUE / FPS, (level, seed, time)


def test_a_game_squeezed_into_half_a_minute_rests_between_its_swaps():
    case = Track().draw(np.random.default_rng(0), Setting(5, duration=30.0))
    steps = [b.time - a.time for a, b in pairwise(case.looks[1:])]
    assert min(steps) > REST / FPS and len({round(step, 6) for step in steps}) == 1


def test_a_cover_on_a_path_is_drawn_as_one_that_stands_where_it_is():
    moving = Cover(100, 200, 300, 400, path=((1.0, 0.0, 0.0), (3.0, 100.0, -50.0)))
    still = replace(moving, left=150, top=175, right=350, bottom=375, path=())
    thing = Actor("star", ((0.0, "red"),), ((0.0, 250.0, 275.0),), 120)
    one, other = (Stage(5.0, (thing,), covers=(cover,), size=(120, 160)) for cover in (moving, still))
    assert np.array_equal(one.frames([2.0])[0].image, other.frames([2.0])[0].image)
    assert one.facts(2.0) == other.facts(2.0)
    assert [fact["what"] for fact in one.facts(2.0)] == ["cover"]
    assert [fact["what"] for fact in one.facts(4.0)] == ["thing", "cover"]
    assert moving.moved(0.0) == replace(moving, path=()) and still.moved(2.0) is still
