"""Families of questions about sight and sound: neither eyes alone, nor ears alone, nor pictures without order suffice.

`test_families.py` holds them to what all families keep; here it is shown why a guess is all that is left.
"""

from collections import Counter

import numpy as np
import pytest

from mmgym_video.procedural.audio_catalogue import AUDIO_FAMILIES
from mmgym_video.procedural.family import DURATIONS, Setting, Sighting

every_family = pytest.mark.parametrize("name", AUDIO_FAMILIES)
LIMIT = {3: 16.3, 4: 18.5, 5: 20.5}
"""Chi-square that one in a thousand samples of a uniform answer exceeds, by degrees of freedom."""


def draw(name, seed, level=1, **setting):
    setting = {"duration": DURATIONS[level], **setting}
    return AUDIO_FAMILIES[name].draw(np.random.default_rng(seed), Setting(level, **setting))


def listened(case):
    return [Sighting(listen.start, case.video.heard(listen.start, listen.end)) for listen in case.listens]


def seen(case, times):
    return [Sighting(case.video.frame_time(time), case.video.facts(time)) for time in times]


def round_of(case):
    """The times of all frames in the stretch that the question names."""
    [listen] = case.listens
    return np.arange(round(10 * listen.start), round(10 * listen.end)) / 10


def symbol(name, facts, option):
    """Whether a frame shows an option."""
    for fact in facts:
        if fact["what"] != "thing":
            continue
        lit = name != "audio_rhythm" or fact["color"] != "black"
        if lit and option in (fact["color"], fact["shape"], f"{fact['color']} {fact['shape']}"):
            return True
    return False


def chi_square(ranks, count):
    expected = len(ranks) / count
    return sum((Counter(ranks)[rank] - expected) ** 2 / expected for rank in range(count))


@every_family
def test_the_answer_follows_from_what_is_heard_and_seen_together(name):
    for level in range(1, 6):
        case = draw(name, 100 + level, level)
        looks = seen(case, [look.time for look in case.looks])
        assert case.conclude([*listened(case), *looks]) == case.question.answer
        assert case.conclude([*listened(case), *seen(case, round_of(case))]) == case.question.answer


@every_family
def test_eyes_alone_and_ears_alone_leave_the_same_guess_whatever_the_answer(name):
    right = Counter()
    for seed in range(80):
        case = draw(name, seed)
        right["deaf"] += case.conclude(seen(case, round_of(case)[::8])) == case.question.answer
        right["blind"] += case.conclude(listened(case)) == case.question.answer
    assert all(6 <= right[sense] <= 35 for sense in ("deaf", "blind")), right


@every_family
def test_the_right_option_is_uniform_in_the_order_in_which_options_are_seen(name):
    ranks = []
    for seed in range(120):
        case = draw(name, seed)
        options = case.question.options
        if options[0].isdigit():
            ranks.append(sorted(options).index(case.question.answer))
            continue
        facts = [case.video.facts(time) for time in round_of(case)[5::8]]
        first = {
            option: next((i for i, found in enumerate(facts) if symbol(name, found, option)), -1) for option in options
        }
        ranks.append(sorted(options, key=lambda option: (first[option], option)).index(case.question.answer))
    assert chi_square(ranks, 4) < LIMIT[3], Counter(ranks)


@every_family
def test_the_right_option_is_uniform_in_the_order_of_the_text(name):
    for level in (1, 5):
        cases = [draw(name, seed, level, duration=240.0) for seed in range(120)]
        count = len(cases[0].question.options)
        places = [case.question.answer_index for case in cases]
        alphabet = [sorted(case.question.options).index(case.question.answer) for case in cases]
        assert chi_square(places, count) < LIMIT[count - 1], Counter(places)
        assert chi_square(alphabet, count) < LIMIT[count - 1], Counter(alphabet)


@pytest.mark.parametrize("name", ["audio_tone", "audio_next", "audio_count", "audio_glide", "audio_rhythm"])
@pytest.mark.parametrize("level", [1, 3, 5])
def test_every_thing_that_may_be_asked_about_is_seen_equally_long(name, level):
    case = draw(name, 7, level)
    frames = [case.video.facts(time) for time in round_of(case)]
    things = {fact["color"] + " " + fact["shape"] for found in frames for fact in found if fact["what"] == "thing"}
    options = sorted(things) if name == "audio_count" else case.question.options
    lengths = {sum(symbol(name, found, option) for found in frames) for option in options}
    assert len(options) >= 4 and len(lengths) == 1 and lengths.pop() > 10


@pytest.mark.parametrize("level", [1, 3, 5])
def test_the_balls_show_the_same_frames_whenever_they_began(level):
    for seed in range(3):
        case = draw("audio_thud", seed, level)
        balls = [
            tuple((fact["color"], fact["x"]) for fact in case.video.facts(time) if fact["what"] == "thing")
            for time in round_of(case)
        ]
        # The frames of one time there and back come again, all equally often.
        bag = Counter(frame for frame in balls if frame)
        periods = min(bag.values())
        assert periods >= 3 and all(count % periods == 0 for count in bag.values())


@pytest.mark.parametrize("level", [1, 3, 5])
def test_every_named_thing_has_every_place_or_colour_equally_long(level):
    kinds = set()
    for seed in range(6):
        case = draw("audio_voice", seed, level)
        moves = "Where" in case.question.question
        bag = Counter(
            (fact["shape"], (fact["x"] > 50, fact["y"] > 50) if moves else fact["color"])
            for time in round_of(case)
            for fact in case.video.facts(time)
        )
        kinds.add(moves)
        assert len(bag) == 16 and len(set(bag.values())) == 1
    assert kinds == {False, True}


@every_family
def test_another_order_of_the_same_pictures_gives_other_answers(name):
    other = 0
    for seed in range(40):
        case = draw(name, seed)
        times = round_of(case)
        moved = np.random.default_rng(seed).permutation(times)
        pictures = [Sighting(float(time), case.video.facts(shown)) for time, shown in zip(times, moved, strict=True)]
        other += case.conclude([*listened(case), *pictures]) != case.question.answer
    assert other >= 15


@every_family
def test_short_videos_and_odd_frames_are_enough(name):
    for level in range(1, 6):
        for setting in ({"duration": 30.0}, {"duration": 47.3}, {"size": (640, 64)}, {"size": (64, 640)}):
            case = draw(name, level, level, **setting)
            looks = seen(case, [look.time for look in case.looks])
            assert case.conclude([*listened(case), *looks]) == case.question.answer
            assert case.listens[0].end <= case.video.duration


def test_rounds_that_are_not_asked_about_have_sounds_of_the_same_kind():
    for name in AUDIO_FAMILIES:
        case = draw(name, 3, level=4)
        [listen] = case.listens
        kinds = {fact["kind"] for fact in case.video.heard(listen.start, listen.end)} - {"chord", "hiss"}
        before = case.video.heard(0.0, listen.start) + case.video.heard(listen.end, case.video.duration)
        assert kinds and kinds <= {fact["kind"] for fact in before}
