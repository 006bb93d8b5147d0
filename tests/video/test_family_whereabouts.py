"""Whereabouts: one in each room, everybody everywhere equally long, and the answer is what a watcher would say."""

import re
from collections import Counter

import numpy as np
import pytest

from mmgym_video.procedural.families.whereabouts import Whereabouts
from mmgym_video.procedural.family import Setting

LEVELS = (1, 2, 3, 4, 5)


def draw(level, seed, size=(480, 640)):
    return Whereabouts().draw(np.random.default_rng(seed), Setting(level, duration=64.0, size=size))


def rooms(case, time):
    """Who is in which room in a frame, by name: the nearest sign above says the room."""
    facts = case.video.facts(time)
    signs = [fact for fact in facts if fact["what"] == "display"]
    found = {}
    for fact in facts:
        if fact["what"] == "thing":
            above = [sign for sign in signs if sign["y"] < fact["y"]]
            if above:
                sign = min(above, key=lambda sign: (abs(sign["x"] - fact["x"]) > 25, fact["y"] - sign["y"]))
                label = fact["label"]
                name = f"the {fact['shape']} labelled {label}" if label else f"the {fact['color']} {fact['shape']}"
                found.setdefault(name, sign["text"])
    return found


def people(case):
    """Those whom the instance is about: whom the content names."""
    return case.content[1]


def watched(case):
    """The answer that follows from the question's words and the frames."""
    text = case.question.question
    times = [float(number) for number in re.findall(r"([\d.]+) s\b", text)]
    who = next((name for name in people(case) if name in text), None)
    room = next((word for word in re.findall(r"\b[A-Z]{3,}\b", text)), None)
    if text.startswith("In which room"):
        return rooms(case, times[0])[who]
    if text.startswith("Who is"):
        return next(name for name in people(case) if rooms(case, times[0]).get(name) == room)
    if text.startswith("At which"):
        when = {option: float(re.search(r"([\d.]+) s", option)[1]) for option in case.question.options}
        return next(option for option, time in when.items() if rooms(case, time)[who] == room)
    film = [rooms(case, t) for t in np.arange(times[0], times[1], 0.5).round(1)]
    if "four rooms" in text:
        return ", ".join(dict.fromkeys(frame[who] for frame in film))
    order = list(dict.fromkeys(name for frame in film for name in people(case) if frame.get(name) == room))
    if "right before" in text:
        place = order.index(re.search(r"right before (.*), and", text)[1])
        return f"{order[place - 1]}, and before that {order[place - 2]}"
    return ", ".join(order)


@pytest.mark.parametrize("level", LEVELS)
def test_the_answer_is_what_the_words_ask_for(level):
    for seed in range(8):
        case = draw(level, seed)
        assert watched(case) == case.question.answer, (seed, case.question.question)


@pytest.mark.parametrize("level", [1, 3, 5])
def test_everybody_is_everywhere_equally_long_and_nobody_shares_a_room(level):
    case = draw(level, 1)
    pairs = Counter()
    for time in (k / 10 for k in range(640)):
        where = {name: room for name, room in rooms(case, time).items() if name in people(case)}
        assert len(set(where.values())) == 4
        pairs.update(where.items())
    assert len(pairs) == 16 and set(pairs.values()) == {40 * 4}


def test_whoever_strolls_stays_in_the_room_until_the_cut():
    case = draw(2, 4)
    frames = [rooms(case, k / 10) for k in range(640)]
    changes = {k for k in range(1, 640) for name in people(case) if frames[k][name] != frames[k - 1][name]}
    assert changes <= {k for k in range(640) if k % 80 == 0}


def test_all_ways_of_asking_are_met():
    texts = " ".join(draw(level, seed).question.question for level in (2, 4) for seed in range(30))
    for words in ("In which room", "Who is", "At which", "the four rooms", "are the four", "right before"):
        assert words in texts, words


def test_on_high_levels_nobody_is_known_by_colour_or_shape_alone():
    for level in (3, 5):
        names = people(draw(level, 0))
        assert len({name.split()[-1] for name in names}) < 4 or len({name.split()[1] for name in names}) < 4
        assert len(set(names)) == 4


def test_where_letters_cannot_be_read_colours_tell_them_apart():
    assert all("labelled" in name for name in people(draw(5, 0)))
    assert not any("labelled" in name for name in people(draw(5, 0, size=(64, 64))))
