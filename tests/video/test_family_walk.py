"""The family ``walk``: a frame shows its room and nothing of the order, and its facts are what its pixels show."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from mmgym_puzzles.perception.scenes import COLORS, LOOKS
from mmgym_video.procedural.families.walk import NAMES, RoomWalk
from mmgym_video.procedural.family import DURATIONS, Case, Setting, Sighting
from mmgym_video.procedural.stage import in_words
from mmgym_video.procedural.walk import SEEN, WALLS_SEEN, WAYS, Visit, Walk
from mmgym_video.procedural.walk_view import Eye, Place, Room, draw_view

KITCHEN = Room("KITCHEN", "blue", "circle", "yellow", 0, 0)
CHAPEL = Room("CHAPEL", "red", "circle", "green", 2, 1)
SMALL = (48, 64)


def draw(seed: int, level: int = 1, size: tuple[int, int] = SMALL, split: str = "train") -> Case:
    return RoomWalk().draw(np.random.default_rng(seed), Setting(level, split, DURATIONS[level], size))


def looked(case: Case, video: Walk, height: int = 192) -> list[Sighting]:
    return [Sighting(video.frame_time(look.time), video.facts(look.time, height=height)) for look in case.looks]


def all_frames(video: Walk, start: float = 0.0, end: float | None = None) -> list[bytes]:
    first, last = round(start * 10), round((video.duration if end is None else end) * 10)
    return [frame.image.tobytes() for frame in video.frames([step / 10 for step in range(first, last)])]


def one_way(way: int, size: tuple[int, int] = (96, 128), frames: int = 100, **look: object) -> Walk:
    return Walk(frames / 10, (KITCHEN,), (Visit(0, way),), frames, size=size, **look)


def test_rooms_can_change_places_without_a_trace_in_the_bag_of_frames() -> None:
    rooms = (KITCHEN, CHAPEL, Room("OFFICE", "pink", "star", "black", 1, 2))
    visits = (Visit(0, 3), Visit(1, 0), Visit(2, 4))
    walk = Walk(10.0, rooms, visits, 32, size=SMALL)
    turned = replace(walk, visits=visits[::-1])
    assert all_frames(walk) != all_frames(turned)
    assert Counter(all_frames(walk)) == Counter(all_frames(turned))


@pytest.mark.parametrize("level", [1, 3, 5])
def test_every_option_is_the_answer_to_an_order_of_the_same_frames(level: int) -> None:
    for seed in range(12):
        case = draw(seed, level)
        walk = case.video
        assert isinstance(walk, Walk)
        assert case.conclude(looked(case, walk, 1000)) == case.question.answer
        target = next(
            number
            for number in (round(look.time * 10) // walk.cycle for look in case.looks)
            if answers(walk.rooms[walk.visits[number].room], case.question.answer)
        )
        count = len(walk.rooms)
        round_asked = range(target - target % count, target - target % count + count)
        reached = set()
        for other in round_asked:
            swapped = list(walk.visits)
            swapped[target], swapped[other] = swapped[other], swapped[target]
            reached.add(case.conclude(looked(case, replace(walk, visits=tuple(swapped)), 1000)))
        assert set(case.question.options) <= reached


def answers(room: Room, answer: str) -> bool:
    return answer in (room.name.lower(), room.walls, f"{room.color} {room.shape}")


def test_a_visit_begins_and_ends_in_a_hall_that_is_the_same_whatever_the_room() -> None:
    for way in range(len(WAYS)):
        kitchen = Walk(10.0, (KITCHEN,), (Visit(0, way),), 100, size=SMALL)
        chapel = replace(kitchen, rooms=(CHAPEL,))
        for start, end in ((0.0, 1.5), (8.6, 10.0)):
            assert all_frames(kitchen, start, end) == all_frames(chapel, start, end)
        assert all_frames(kitchen, 2.0, 7.5) != all_frames(chapel, 2.0, 7.5)
        assert {fact["what"] for t in (0.0, 1.4, 8.7, 9.9) for fact in kitchen.facts(t)} == {"hall"}


def test_the_walk_goes_on_smoothly_from_one_visit_to_the_next() -> None:
    rooms = (KITCHEN, CHAPEL)
    for way in range(len(WAYS)):
        walk = Walk(40.0, rooms, (Visit(0, way), Visit(1, 0)), 200, size=SMALL)
        images = [frame.image.astype(int) for frame in walk.frames([step / 10 for step in range(170, 230)])]
        steps = [float(np.abs(b - a).mean()) for a, b in pairwise(images)]
        assert max(steps[25:35]) < 12, "no cut where a visit ends"


@pytest.mark.parametrize("level", [1, 5])
@pytest.mark.parametrize("size", [(64, 64), (96, 96), (192, 256), (720, 1280), (640, 360)])
def test_what_is_asked_is_seen_for_as_long_as_promised(level: int, size: tuple[int, int]) -> None:
    drawn = draw(0, level, size).video
    assert isinstance(drawn, Walk)
    for way in range(len(WAYS)):
        for name in ("BEDROOM", "LAUNDRY", "TAVERN"):
            room = replace(KITCHEN, name=name)
            walk = replace(drawn, rooms=(room,), visits=(Visit(0, way),), cycle=100, duration=10.0)
            for share in np.linspace(*SEEN, 5):
                facts = {fact["what"]: fact for fact in walk.facts(10 * share, height=max(192, size[0]))}
                assert facts["display"]["text"] == name
                assert (facts["picture"]["color"], facts["picture"]["shape"]) == ("yellow", "circle")
            for share in np.linspace(*WALLS_SEEN, 7):
                assert any(fact.get("text") == "blue walls" for fact in walk.facts(10 * share, height=192))


@pytest.mark.parametrize("size", [(64, 64), (96, 96)])
def test_signs_in_tiny_frames_are_large_enough_to_be_read(size: tuple[int, int]) -> None:
    for seed in range(30):
        case = draw(seed, 1, size)
        assert isinstance(case.video, Walk)
        assert case.conclude(looked(case, case.video, size[0])) == case.question.answer


@pytest.mark.parametrize("look", ["usual", "ood"])
def test_the_picture_is_where_the_facts_say_and_has_their_color(look: str) -> None:
    found = 0
    for way in range(len(WAYS)):
        walk = one_way(way, (192, 256), look=look)
        for step in range(0, 100, 4):
            for fact in walk.facts(step / 10):
                if fact["what"] == "picture":
                    image = walk.frames([step / 10])[0].image
                    pixel = image[round(fact["y"] * 1.92), round(fact["x"] * 2.56)].astype(int)
                    assert np.abs(pixel - LOOKS[look].shades["yellow"]).max() < 12
                    found += 1
    assert found > 6 * 8


def test_walls_that_the_facts_tell_fill_a_fair_part_of_the_frame() -> None:
    """Red and blue rooms are told by what is strongest in the pixels, hall and floors being grey or brown."""
    for way in range(len(WAYS)):
        walk = Walk(10.0, (KITCHEN,), (Visit(0, way),), 100, size=(96, 128))
        for step in range(0, 100, 2):
            pixels = walk.frames([step / 10])[0].image.astype(int)
            blue = float((pixels[..., 2] > pixels[..., 0] + 40).mean())
            told = any(fact["what"] == "walls" for fact in walk.facts(step / 10))
            assert blue > 0.02 if told else blue < 0.2, (way, step)


def test_a_closed_shutter_hides_the_room_and_an_open_one_does_not() -> None:
    place = Place(KITCHEN, "ahead", "left")
    closed = draw_view(place, Eye(0.0, -0.5, (0.0, 1.0), True, 0.0), (96, 128)).astype(int)
    opened = draw_view(place, Eye(0.0, -0.5, (0.0, 1.0), True, 1.0), (96, 128)).astype(int)
    shares = [float((image[..., 2] > image[..., 0] + 40).mean()) for image in (closed, opened)]
    assert shares[0] == 0 < 0.1 < shares[1]


def test_facts_of_a_part_are_inside_it_and_zooming_makes_a_sign_readable() -> None:
    walk = one_way(0, (480, 640), sign=0.12, picture=0.26)
    whole = {fact["what"]: fact for fact in walk.facts(5.0, height=60)}
    assert whole["display"]["text"] is None
    upper = walk.facts(5.0, (0.2, 0.0, 0.8, 0.4), 60)
    assert [fact["text"] for fact in upper if fact["what"] == "display"] == ["KITCHEN"]
    assert not [fact for fact in upper if fact["what"] == "picture"]
    lower = walk.facts(5.0, (0.0, 0.5, 1.0, 1.0), 192)
    assert not [fact for fact in lower if fact["what"] == "display"]
    for box, facts in (((0.2, 0.0, 0.8, 0.4), upper), ((0.0, 0.5, 1.0, 1.0), lower)):
        for fact in facts:
            assert 100 * box[0] <= fact["x"] <= 100 * box[2]
            assert 100 * box[1] <= fact["y"] <= 100 * box[3]


def test_facts_can_be_said_in_words() -> None:
    said = in_words(one_way(0).facts(5.0))
    assert "blue walls" in said
    assert "a sign that reads KITCHEN" in said
    assert "a picture of a yellow circle" in said
    assert in_words(one_way(0).facts(0.0)) == "a hall"


def test_frames_are_the_same_bytes_again_and_in_any_order() -> None:
    walk = draw(3).video
    times = [41.3, 2.0, 41.3, 17.7]
    images = [frame.image for frame in walk.frames(times)]
    assert np.array_equal(images[0], images[2])
    again = [frame.image for frame in walk.frames(times[::-1])]
    assert all(np.array_equal(a, b) for a, b in zip(images, again[::-1], strict=True))
    assert images[0].shape == (48, 64, 3)
    assert images[0].dtype == np.uint8


@pytest.mark.parametrize("size", [(33, 57), (64, 64), (17, 90), (90, 17)])
def test_frames_of_any_size_are_drawn(size: tuple[int, int]) -> None:
    walk = one_way(2, size)
    shapes = {frame.image.shape for frame in walk.frames([step / 2 for step in range(20)])}
    assert shapes == {(*size, 3)}


def test_rooms_of_an_instance_differ_in_all_that_is_asked() -> None:
    for level in (1, 4):
        for seed in range(50):
            walk = draw(seed, level).video
            assert isinstance(walk, Walk)
            for values in zip(*((r.name, r.walls, (r.shape, r.color)) for r in walk.rooms), strict=True):
                assert len(set(values)) == len(walk.rooms)


def test_each_round_passes_each_room_once() -> None:
    walk = draw(0, 5).video
    assert isinstance(walk, Walk)
    count = len(walk.rooms)
    for first in range(0, len(walk.visits), count):
        assert sorted(visit.room for visit in walk.visits[first : first + count]) == list(range(count))
    assert len(walk.visits) >= 10 * count


def test_names_and_colors_are_no_parts_of_each_other() -> None:
    for words in (NAMES, COLORS):
        assert not [(a, b) for a in words for b in words if a != b and a in b]


def test_a_video_too_short_for_its_rooms_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 s"):
        RoomWalk().draw(np.random.default_rng(0), Setting(5, "train", 10.0))


def test_a_place_whose_way_out_is_where_the_sign_hangs_is_refused() -> None:
    with pytest.raises(ValueError, match="different walls"):
        Place(KITCHEN, "left", "left")
