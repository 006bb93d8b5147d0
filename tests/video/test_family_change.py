"""Change: every state equally long in every stretch, and the answer is what a patient watcher would say."""

import re
from collections import Counter

import numpy as np
import pytest

from mmgym_video.procedural.families.change import Change
from mmgym_video.procedural.family import Setting

DURATION = {1: 60.0, 2: 120.0, 3: 120.0, 4: 240.0, 5: 240.0}


def draw(level, seed):
    return Change().draw(np.random.default_rng(seed), Setting(level, duration=DURATION[level]))


def states(case):
    """The state of what is asked about by time, found by the question's words."""
    text = case.question.question
    found = {}
    for time in (k / 10 for k in range(int(case.video.duration * 10))):
        for fact in case.video.facts(time):
            if "word on the display" in text and fact["what"] == "display" and fact["text"]:
                found[time] = fact["text"]
            elif "colour of the" in text and fact.get("shape") == re.search(r"colour of the (\w+)", text)[1]:
                found[time] = fact["color"]
            elif "labelled" in text and fact["what"] == "thing" and fact["label"] == re.search(r"led (\w)", text)[1]:
                found[time] = fact["shape"]
    return found


def stretch(case):
    return [float(number) for number in re.findall(r"([\d.]+) s\b", case.question.question)[:2]]


def watched(case):
    """The answer that follows from the question's words and all frames of the stretch that it names."""
    text, (begin, end) = case.question.question, stretch(case)
    order = list(dict.fromkeys(state for time, state in states(case).items() if begin <= time < end))
    if found := re.search(r"between (\w+) and (\w+)\?", text):
        place = order.index(found[1]) + 1
        assert order[place + 1] == found[2]
        return order[place]
    if found := re.search(r"(right|two changes) (after|before) (\w+)\?", text):
        return order[order.index(found[3]) + (1 if found[1] == "right" else 2) * (1 if found[2] == "after" else -1)]
    if found := re.search(r"that comes (\w+)\?", text):
        return order[["first", "second", "third", "fourth", "fifth"].index(found[1])]
    return order[0] if text.endswith("at first?") else order[-1]


@pytest.mark.parametrize("level", DURATION)
def test_the_answer_is_what_the_words_ask_for(level):
    for seed in range(4):
        case = draw(level, seed)
        assert watched(case) == case.question.answer, (seed, case.question.question)


@pytest.mark.parametrize("level", [1, 3, 5])
def test_every_state_fills_equally_much_of_every_stretch(level):
    case = draw(level, 2)
    found, (begin, end) = states(case), stretch(case)
    whole = Counter(found.values())
    part = Counter(state for time, state in found.items() if begin <= time < end)
    assert len(whole) == len(part) == 8
    assert len(set(whole.values())) == len(set(part.values())) == 1
    runs = sum(round(time + 0.1, 1) not in found or found[round(time + 0.1, 1)] != found[time] for time in found)
    assert runs == 8 * round(case.video.duration / (end - begin)), "each once in a stretch"


def test_all_things_and_all_ways_of_asking_are_met():
    texts = [draw(level, seed).question.question for level in (1, 4) for seed in range(40)]
    for words in ("colour of the", "shape of the thing labelled", "word on the display", "at first?", "in the end?"):
        assert any(words in text for text in texts), words
    for words in ("right after", "right before", "two changes", "between", "that comes"):
        assert any(words in text for text in texts), words


def test_options_are_states_of_the_same_thing_that_the_question_does_not_name():
    for seed in range(8):
        case = draw(4, seed)
        assert set(case.question.options) <= set(states(case).values())
        assert not set(case.question.options) & set(re.findall(r"\w+", case.question.question.split(", what is")[1]))
