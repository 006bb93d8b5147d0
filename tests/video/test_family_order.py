"""Order: one thing at a time, each equally often, and the answer is what a patient watcher would say."""

import re
from collections import Counter

import numpy as np
import pytest

from mmgym_video.procedural.families.order import Order
from mmgym_video.procedural.family import Setting

DURATION = {1: 60.0, 2: 60.0, 3: 120.0, 4: 120.0, 5: 240.0}


def draw(level, seed):
    return Order().draw(np.random.default_rng(seed), Setting(level, duration=DURATION[level]))


def shown(case, time):
    """What a frame shows of the things and words that the question may be about: all but what is always there."""
    facts = case.video.facts(time)
    names = [f"the {fact['color']} {fact['shape']}" for fact in facts if fact["what"] == "thing"]
    return names + [f"the word {fact['text']}" for fact in facts if fact["what"] == "display" and fact["text"]]


def film(case):
    """The frames' names by time, without those that are seen in every frame but the last few."""
    frames = {k / 10: shown(case, k / 10) for k in range(int(case.video.duration * 10))}
    counts = Counter(name for names in frames.values() for name in names)
    wanderers = {name for name, count in counts.items() if count > len(frames) * 0.9}
    return {time: [name for name in names if name not in wanderers] for time, names in frames.items()}


def watched(case):
    """The answer that follows from the question's words and all frames of the stretch that it names."""
    text = case.question.question
    begin, end = (float(number) for number in re.findall(r"([\d.]+) s\b", text)[:2])
    order = list(dict.fromkeys(name for time, names in film(case).items() if begin <= time < end for name in names))
    if found := re.search(r"right (after|before) (.*)\?", text):
        return order[order.index(found[2]) + (1 if found[1] == "after" else -1)]
    if found := re.search(r"these four come: (.*)\?", text):
        return ", ".join(sorted(found[1].split(", "), key=order.index))
    places = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh"]
    word = re.search(r"comes (\w+)\?", text)[1]
    return order[-1] if word == "last" else order[places.index(word)]


@pytest.mark.parametrize("level", DURATION)
def test_the_answer_is_what_the_words_ask_for(level):
    for seed in range(4):
        case = draw(level, seed)
        assert watched(case) == case.question.answer, (seed, case.question.question)


@pytest.mark.parametrize("level", [1, 3])
def test_things_come_one_at_a_time_and_stay_equally_long(level):
    frames = film(draw(level, 1))
    assert max(len(names) for names in frames.values()) == 1
    counts = Counter(name for names in frames.values() for name in names)
    assert len(counts) == {1: 4, 3: 8}[level] and len(set(counts.values())) == 1


def test_all_ways_of_asking_are_met():
    text = " ".join(draw(4, seed).question.question for seed in range(30))
    assert all(words in text for words in ("right after", "right before", "which order"))
    assert {draw(1, seed).question.question.split()[-1] for seed in range(20)} == {"first?", "last?"}


def test_options_come_in_the_same_stretch():
    for seed in range(10):
        case = draw(2, seed)
        names = {name for names in film(case).values() for name in names}
        assert set(case.question.options) <= names
