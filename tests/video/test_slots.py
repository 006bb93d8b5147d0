"""Slots of time and what is built on them: equal to the frame, cut hard, orders and places that give nothing away."""

from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest

from mmgym_video.procedural.family import Setting
from mmgym_video.procedural.orders import near_orders, nearest_order, ordinal
from mmgym_video.procedural.places import grid, text_height
from mmgym_video.procedural.slots import MARGIN, draw_cut_wanderers, equal_slots, inside, joined, last_frame, parts_of
from mmgym_video.procedural.stage import LEGIBLE, Display, Stage


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("duration", [30.0, 47.3, 61.27, 180.0, 7200.0])
def test_slots_have_equally_many_frames_and_nearly_fill_the_video(duration):
    slots = equal_slots(duration, 16, shortest=1.5, least=8)
    stage = Stage(duration)
    frames = [stage.frame_time(k / 10) for k in range(int(duration * 10))]
    counts = {sum(start <= t < end for t in frames) for start, end in slots}
    assert len(slots) == 16 and len(counts) == 1
    assert all(before[1] == after[0] for before, after in pairwise(slots))
    assert slots[0][0] == 0 and 0 <= duration - slots[-1][1] < 1.6


def test_slots_get_fewer_where_the_video_is_short_and_never_too_few():
    assert len(equal_slots(30, 64, shortest=3, least=8)) == 8
    with pytest.raises(ValueError, match="at least 24 s"):
        equal_slots(20, 64, shortest=3, least=8)


@pytest.mark.parametrize(("share", "step"), [(0.3, 1), (0.95, 1), (0.5, 5), (0.01, 1)])
def test_parts_are_equally_long_and_keep_away_from_the_ends_of_their_slots(share, step):
    slots = equal_slots(61.3, 16, shortest=3, least=8)
    parts = parts_of(rng(), slots, share, step)
    lengths = {round((end - start) * 10) for start, end in parts}
    assert len(lengths) == 1 and lengths.pop() % step == 0
    for (begin, until), (start, end) in zip(parts, slots, strict=True):
        assert begin + 1e-9 >= start + MARGIN / 10 - 1e-6 and until <= end - MARGIN / 10 + 1e-6


def test_a_time_inside_a_slot_is_on_the_grid_and_away_from_its_ends():
    times = [inside(rng(seed), (3.7, 5.5)) for seed in range(200)]
    assert min(times) == 4.2 and max(times) == 5.0
    assert all(t == round(t, 1) for t in times)


def test_intervals_that_touch_are_one():
    assert joined([(4, 5), (0, 1), (1, 2), (1.5, 3)]) == ((0, 3), (4, 5))


def test_wanderers_go_on_within_a_slot_and_start_anew_in_the_next():
    slots = equal_slots(60, 8, shortest=3, least=8)
    actors = draw_cut_wanderers(rng(), Setting(), slots, 40, shapes=["star"])

    def moved(actor, before, after):
        return np.hypot(*np.subtract(actor.place(before), actor.place(after)))

    inner = [moved(actor, slot[1] - 0.2, last_frame(slot)) for actor in actors for slot in slots]
    cut = [moved(actor, last_frame(one), two[0]) for actor in actors for one, two in pairwise(slots)]
    assert max(inner) < 25, "no jump within a slot"
    assert np.mean(cut) > 300, "as far as any two places"
    assert {actor.shape for actor in actors} == {"star"}


def test_each_of_four_near_orders_gives_the_same_four():
    for seed in range(20):
        found = near_orders(rng(seed), "abcd")
        assert len(set(found)) == 4 and tuple("abcd") in found
        alike = {frozenset(near_orders(rng(other), found[2])) for other in range(30)}
        assert frozenset(found) in alike
    with pytest.raises(ValueError, match="4 things"):
        near_orders(rng(), "abc")


def test_the_given_order_is_anywhere_among_the_four():
    places = Counter(near_orders(rng(seed), "abcd").index(tuple("abcd")) for seed in range(400))
    assert set(places) == {0, 1, 2, 3} and min(places.values()) > 60


def test_the_order_that_was_seen_is_found_among_all():
    orders = {"".join(order): order for order in permutations("abcd")}
    assert nearest_order(orders, "xcacbdd") == "cabd"
    assert nearest_order({"ab": "ab", "ba": "ba"}, "b") == "ab", "the first where nothing is known"


def test_places_in_an_order_have_words():
    assert [ordinal(n) for n in (1, 3, 8)] == ["first", "third", "eighth"]


@pytest.mark.parametrize("width", [562, 1000, 1778])
def test_cells_of_a_grid_are_apart_and_inside(width):
    cells, side = grid(rng(), width, 17, 100, 980)
    assert len(set(cells)) >= 17
    assert all(side / 2 <= x <= width - side / 2 and 100 + side / 2 <= y <= 980 - side / 2 for x, y in cells)
    apart = [max(abs(a - c), abs(b - d)) for i, (a, b) in enumerate(cells) for c, d in cells[:i]]
    assert min(apart) >= side - 1e-6


@pytest.mark.parametrize("size", [(64, 64), (96, 96), (480, 640), (1280, 720)])
def test_text_is_high_enough_to_be_read_and_fits(size):
    height = text_height(Setting(size=size), 70, 6)
    assert height >= 70 and height * size[0] / 1000 >= LEGIBLE
    assert Display(((0.0, "WINDOW"),), 0, 0, height).width <= 1000 * size[1] / size[0]
