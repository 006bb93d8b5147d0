"""Compare: pictures that are equally long and equally often each way, of which exactly one thing differs."""

import re
from collections import Counter

import numpy as np
import pytest

from mmgym_puzzles.perception.scenes import SHAPES, plural
from mmgym_video.procedural.families.compare import Compare
from mmgym_video.procedural.family import Setting

SINGULAR = {plural(shape): shape for shape in SHAPES}


def draw(level, seed, duration=120.0):
    return Compare().draw(np.random.default_rng(seed), Setting(level, duration=duration))


def cases(level, kind, count):
    """Instances whose question starts with a word."""
    found = (case for seed in range(100) if (case := draw(level, seed)).question.question.startswith(kind))
    return [case for case, _ in zip(found, range(count), strict=False)]


def way(case, option, time):
    """What a frame shows of the part that an option names, found by its words."""
    facts = case.video.facts(time)
    if option == "which word the display shows":
        return [fact["text"] for fact in facts if fact["what"] == "display"]
    shape = next(SINGULAR.get(word, word) for word in option.split() if SINGULAR.get(word, word) in SHAPES)
    things = [fact for fact in facts if fact.get("shape") == shape]
    if option.startswith("where"):
        return [(fact["x"], fact["y"]) for fact in things]
    if option.startswith("what colour"):
        return [fact["color"] for fact in things]
    return [fact["label"] for fact in things]


def times_in(text):
    return [float(number) for number in re.findall(r"([\d.]+) s\b", text)]


def frames(case):
    return [k / 10 for k in range(int(case.video.duration * 10))]


@pytest.mark.parametrize("level", [1, 3, 5])
def test_exactly_the_answer_differs_between_the_two_times(level):
    for case in cases(level, "Which", 8):
        one, two = times_in(case.question.question)
        different = [o for o in case.question.options if way(case, o, one) != way(case, o, two)]
        assert different == [case.question.answer]


@pytest.mark.parametrize("level", [3, 4])
def test_each_part_is_each_way_in_equally_many_frames(level):
    for case in cases(level, "Which", 3):
        for option in case.question.options:
            counts = Counter(str(way(case, option, time)) for time in frames(case)[::2])
            # What is left over at the end of the video shows nothing at all.
            (_, most), (_, other) = counts.most_common(2)
            assert abs(most - other) <= 8, (option, counts)


@pytest.mark.parametrize("level", [1, 3, 5])
def test_the_most_are_where_counting_finds_them(level):
    for case in cases(level, "At", 6):
        found = re.search(r"the (most|fewest) (\w+) (\w+)\?", case.question.question)
        kind = found[2], SINGULAR[found[3]]
        counts = {}
        for option in case.question.options:
            facts = case.video.facts(times_in(option)[0])
            counts[option] = sum((f.get("color"), f.get("shape")) == kind for f in facts)
        assert len(set(counts.values())) == 4
        assert case.question.answer == (max if found[1] == "most" else min)(counts, key=counts.get)


def test_every_number_of_things_fills_equally_many_frames():
    case = cases(3, "At", 1)[0]
    found = re.search(r"(\w+) (\w+)\?", case.question.question)
    kind = found[1], SINGULAR[found[2]]
    counts = Counter(
        sum((f.get("color"), f.get("shape")) == kind for f in case.video.facts(time)) for time in frames(case)
    )
    counts.pop(0, None)
    assert sorted(counts) == list(range(2, 10)) and len(set(counts.values())) == 1


def test_things_are_told_apart_by_what_distracts():
    case = cases(4, "At", 1)[0]
    found = re.search(r"(\w+) (\w+)\?", case.question.question)
    color, shape = found[1], SINGULAR[found[2]]
    others = {(f["color"] == color, f["shape"] == shape) for time in frames(case)[::50] for f in case.video.facts(time)}
    assert {(True, True), (True, False), (False, True)} == others


def test_all_kinds_of_differences_are_met():
    text = " ".join(option for case in cases(4, "Which", 25) for option in case.question.options)
    for words in ("where the", "what colour", "whether there is", "which word", "which letter", "how many"):
        assert words in text
