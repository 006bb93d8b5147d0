"""What every family of drawn questions promises: exact, found within the budget, not guessed, not told by the bag.

Tests with an amount have a short form, and a long one that is marked slow.
"""

import itertools
import re
from dataclasses import replace

import numpy as np
import pytest

from mmgym.env import SPLITS
from mmgym.stats import wilson
from mmgym_video.instances import build, find_key
from mmgym_video.looking import FRAMES, TURNS
from mmgym_video.pictures import fitted
from mmgym_video.procedural.audio_catalogue import AUDIO_FAMILIES
from mmgym_video.procedural.catalogue import FAMILIES as SILENT_FAMILIES
from mmgym_video.procedural.family import DURATIONS, Setting, Sighting
from mmgym_video.procedural.reader import Reader
from mmgym_video.question import LETTERS

FAMILIES = {**SILENT_FAMILIES, **AUDIO_FAMILIES}
LEVELS = tuple(DURATIONS)
LOOKS = {1: 10, 2: 12, 3: 16, 4: 20, 5: 24}
"""Most looks of the expert, by level."""

every_family = pytest.mark.parametrize("name", FAMILIES)
heard_families = pytest.mark.parametrize("name", AUDIO_FAMILIES)
ordered_families = pytest.mark.parametrize("name", [name for name in FAMILIES if FAMILIES[name].order_sensitive])
amounts = pytest.mark.parametrize(
    "amount", [pytest.param("short", id="short"), pytest.param("long", id="long", marks=pytest.mark.slow)]
)


def draw(name, level, seed, split="train", **setting):
    setting = Setting(level, split, **{"duration": DURATIONS[level], **setting})
    return FAMILIES[name].draw(np.random.default_rng(seed), setting)


def instances(name, short, long, amount):
    """(level, split, seed, case) for all levels, so many seeds each, splits in turn."""
    for level, seed in itertools.product(LEVELS, range(long if amount == "long" else short)):
        split = SPLITS[(level + seed) % len(SPLITS)]
        yield level, split, seed, draw(name, level, seed, split)


def shown_height(case):
    """How high in pixels an agent is shown a part of a frame with the default number of tokens."""

    def height(shot):
        (rows, columns), (left, top, right, bottom) = case.video.size, shot.box
        return fitted(max(1, round(rows * (bottom - top))), max(1, round(columns * (right - left))), 48, 32)[0]

    return height


def reader(case):
    """The expert on a case, who is shown what an agent is."""
    return Reader(case, case.video, shown_height(case), hear=getattr(case.video, "heard", None))


def told(case, deaf=False):
    """What the expert hears and reads."""
    heard = [] if deaf else [(stretch.start, stretch.end) for stretch in case.listens]
    return reader(case).sightings((), heard, [(stretch.start, stretch.end) for stretch in case.reads])


def looked(case, later=0.0, times=()):
    """What the expert sees and hears; at these times, what is shown so many seconds later, as if it were then."""
    height, seen = shown_height(case), told(case)
    for look in case.looks:
        moved = later if any(abs(look.time - time) < 0.1 for time in times) else 0.0
        shown = min(max(look.time + moved, 0.0), case.video.duration)
        facts = case.video.facts(shown, look.box, height(look))
        seen.append(Sighting(case.video.frame_time(look.time), facts, look.box))
    return seen


def watched(case, times):
    """Whole frames at these times."""
    starts = [case.video.frame_time(t) for t in times]
    return [Sighting(start, case.video.facts(start)) for start in starts]


def evenly(case, count=64):
    """Middles of so many equal parts of the video."""
    return [(i + 0.5) / count * case.video.duration for i in range(count)]


def concluded(case, seen):
    return case.conclude(sorted(seen, key=lambda sighting: sighting.time))


def named_times(case):
    """Times that the question and its options name, in seconds."""
    text = " ; ".join([case.question.question, *case.question.options])
    return [float(number) for number in re.findall(r"(\d+(?:\.\d+)?) s\b", text)]


@amounts
@every_family
def test_the_expert_answers_rightly_within_its_budget(name, amount):
    for level, split, seed, case in instances(name, 12, 500, amount):
        plan = Reader(case, case.video, shown_height(case), hear=getattr(case.video, "heard", None)).plan(
            (), FRAMES[level]
        )
        answer = case.question.options[LETTERS.index(plan[-1].arguments["text"])]
        assert answer == case.question.answer, (level, split, seed)
        assert len(plan) <= TURNS[level], (level, split, seed)
        assert len(case.looks) <= LOOKS[level], (level, split, seed)


@amounts
@every_family
def test_evidence_holds_every_look_in_order_and_little_else(name, amount):
    for level, split, seed, case in instances(name, 12, 500, amount):
        evidence, duration = case.question.evidence, case.video.duration
        edges = [edge for interval in evidence for edge in interval]
        assert edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= duration, (level, split, seed)
        assert all(start < end for start, end in evidence), (level, split, seed)
        for look in case.looks:
            assert any(start - 1e-6 <= look.time <= end + 1e-6 for start, end in evidence), (level, split, seed)
        assert level <= 2 or sum(end - start for start, end in evidence) <= duration / 2, (level, split, seed)


@amounts
@every_family
def test_more_frames_than_the_looks_change_nothing(name, amount):
    for level, split, seed, case in instances(name, 3, 100, amount):
        others = np.random.default_rng(seed).uniform(0, case.video.duration, 30)
        assert concluded(case, [*looked(case), *watched(case, others)]) == case.question.answer, (level, split, seed)


@amounts
@every_family
def test_any_frames_give_one_of_the_options(name, amount):
    for level, split, seed, case in instances(name, 2, 100, amount):
        rng = np.random.default_rng(seed)
        looks, film = looked(case), watched(case, np.linspace(0, case.video.duration, 50))
        near = watched(case, [t for interval in case.question.evidence for t in np.linspace(*interval, 12)])
        seen = sorted([*looks, *film, *near], key=lambda sighting: sighting.time)
        for count in (0, 1, 2, 5, 30, len(seen)):
            some = [seen[i] for i in sorted(rng.choice(len(seen), count, replace=False))]
            said = case.conclude(some)
            assert said in case.question.options, (level, split, seed)
            assert case.conclude(some) == said, (level, split, seed)


@amounts
@every_family
def test_half_a_second_beside_a_named_time_nothing_else_is_shown(name, amount):
    for level, split, seed, case in instances(name, 6, 200, amount):
        named = named_times(case)
        for later in (-0.4, 0.4):
            at = [t for t in named if 0 <= t + later <= case.video.duration]
            beside = [Sighting(case.video.frame_time(t), case.video.facts(t + later)) for t in at]
            seen = [*looked(case, later, named), *beside]
            assert concluded(case, seen) == case.question.answer, (level, split, seed, later)


@amounts
@every_family
def test_times_in_the_question_are_short_and_in_the_video(name, amount):
    for level, split, seed, case in instances(name, 12, 500, amount):
        text = " ".join([case.question.question, *case.question.options])
        assert not re.search(r"\d\.\d\d|\de[+-]?\d", text), (level, split, seed, text)
        assert all(0 <= t <= case.video.duration for t in named_times(case)), (level, split, seed, text)


def test_a_stretch_that_the_narration_is_asked_about_is_in_a_video_of_any_length():
    for seed, duration in itertools.product(range(20), (60.9, 61.4, 62.5)):
        case = draw("narrated", 1, seed, duration=duration)
        assert all(0 <= t <= duration for t in named_times(case)), (seed, duration, case.question.question)


def test_the_middle_of_a_part_shows_what_any_named_time_in_it_does():
    family, rng = FAMILIES["moment"], np.random.default_rng(0)
    for seed in range(400):
        level = 1 + seed % 5
        for duration in (DURATIONS[level], float(rng.uniform(30, 2000))):
            case = draw("moment", level, seed, duration=duration, size=(64, 64))
            parts = family.stretches[level] * int(rng.integers(1, 1000 // family.stretches[level] + 1))
            answer = Reader(case, case.video, shown_height(case), parts, in_words=True).plan((), 99)[-1]
            assert answer.arguments["option"] == case.question.answer, (level, seed, duration, parts)


@amounts
@every_family
def test_the_frame_budget_suffices_to_find_the_evidence(name, amount):
    for level, split, seed, case in instances(name, 12, 500, amount):
        if case.listens or case.reads:
            continue  # what is heard or read tells where to look
        times = sorted({*named_times(case), 0.0, case.video.duration})
        for start, end in case.question.evidence:
            if any(start - 1 <= t <= end + 1 for t in named_times(case)):
                continue
            before = max((t for t in times if t <= start + 1e-6), default=0.0)
            after = min((t for t in times if t >= end - 1e-6), default=case.video.duration)
            assert (after - before) / (end - start) <= FRAMES[level], (level, split, seed, case.question.question)


@amounts
@every_family
def test_questions_are_well_formed(name, amount):
    family = FAMILIES[name]
    fewest = set()
    for level, split, seed, case in instances(name, 8, 500, amount):
        question = case.question
        assert question.kind == "choice" and question.family == name, (level, split, seed)
        assert question.text().replace("\n", "").isprintable() and question.text().isascii(), (level, split, seed)
        assert len({option.casefold() for option in question.options}) == len(question.options), (level, split, seed)
        assert len(question.options) >= (2 if family.chance == 0.5 else 4), (level, split, seed)
        assert family.chance >= 1 / len(question.options) - 1e-9, (level, split, seed)
        assert _is_plain(case.content), f"content must have the same repr everywhere: {case.content!r}"
        fewest.add(len(question.options))
    assert family.chance <= max(1 / min(fewest), 0.5)
    assert family.summary and name == family.name and FAMILIES[name] is family


def _is_plain(content):
    """Whether this has a repr that neither the process nor the version of numpy changes."""
    if isinstance(content, tuple):
        return all(_is_plain(part) for part in content)
    return content is None or type(content) in (str, int, float, bool)


@amounts
@every_family
def test_every_place_among_the_options_is_equally_often_right(name, amount):
    levels, count = (LEVELS, 4000) if amount == "long" else ((1,), 200)
    for level in levels:
        questions = [draw(name, level, 10_000 + seed).question for seed in range(count)]
        for options, group in itertools.groupby(sorted(questions, key=_size), key=_size):
            group = list(group)
            places = [question.answer_index for question in group]
            ranks = [sorted(question.options, key=_value).index(question.answer) for question in group]
            lengths = [len(q.answer) for q in group if len({len(option) for option in q.options}) == options]
            for place, found in itertools.product(range(options), (places, ranks)):
                low, high = wilson(found.count(place), len(found), 0.99999)
                assert low <= 1 / options <= high, (level, "place" if found is places else "rank", place)
            longest = sum(length == max(map(len, q.options)) for q, length in zip(_uneven(group), lengths, strict=True))
            if lengths:
                low, high = wilson(longest, len(lengths), 0.99999)
                assert low <= 1 / options <= high, (level, "longest")


def _size(question):
    return len(question.options)


def _uneven(questions):
    return [q for q in questions if len({len(option) for option in q.options}) == len(q.options)]


def _value(option):
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", option)], option


@amounts
@ordered_families
def test_only_in_order_do_the_frames_say_the_answer(name, amount):
    cases = [draw(name, 1, 20_000 + seed) for seed in range(400 if amount == "long" else 40)]
    rng, right, shuffled = np.random.default_rng(0), 0, 0
    for case in cases:
        film = watched(case, evenly(case))
        right += concluded(case, [*film, *told(case)]) == case.question.answer
        order = rng.permutation(len(film))
        other = [replace(film[i], time=sighting.time) for i, sighting in zip(order, film, strict=True)]
        shuffled += concluded(case, [*other, *told(case)]) == case.question.answer
    low, _ = wilson(shuffled, len(cases), 0.9999)
    assert low <= FAMILIES[name].chance, shuffled / len(cases)
    assert right / len(cases) > FAMILIES[name].chance + 0.1


@amounts
@heard_families
def test_sound_or_pictures_alone_do_not_say_the_answer(name, amount):
    cases = [draw(name, 1, 30_000 + seed) for seed in range(400 if amount == "long" else 40)]
    deaf = [concluded(case, [*watched(case, evenly(case)), *told(case, deaf=True)]) for case in cases]
    blind = [concluded(case, told(case)) for case in cases]
    for said in (deaf, blind):
        right = sum(answer == case.question.answer for answer, case in zip(said, cases, strict=True))
        assert wilson(right, len(cases), 0.9999)[0] <= FAMILIES[name].chance, right / len(cases)


@amounts
@every_family
def test_splits_share_no_content(name, amount):
    rng, found = np.random.default_rng(0), {}
    for split in SPLITS:
        setting = Setting(1, split, DURATIONS[1])
        keys = [find_key(rng, FAMILIES[name], setting) for _ in range(1000 if amount == "long" else 6)]
        found[split] = {build(FAMILIES[name], setting, key).content for key in keys}
    for one, other in itertools.combinations(SPLITS, 2):
        assert not found[one] & found[other], (one, other)


@amounts
@every_family
def test_there_are_thousands_of_contents_at_the_lowest_level(name, amount):
    count, least = (10_000, 2_000) if amount == "long" else (200, 150)
    assert len({draw(name, 1, seed).content for seed in range(count)}) >= least


@every_family
def test_a_seed_gives_the_same_instance(name):
    for level in LEVELS:
        one, other = draw(name, level, 3), draw(name, level, 3)
        assert (one.question, one.looks, one.content) == (other.question, other.looks, other.content)
        assert looked(one) == looked(other)
        time = one.looks[0].time
        assert np.array_equal(one.video.frames([time])[0].image, other.video.frames([time])[0].image)
        assert draw(name, level, 4).question != one.question or draw(name, level, 4).content != one.content


@every_family
@pytest.mark.parametrize("size", [(64, 64), (96, 96), (192, 256), (720, 1280), (640, 360)])
def test_any_size_and_length_will_do(name, size):
    for level, duration in [*itertools.product((1, 3, 5), (30.0, 600.0)), (2, 47.3), (4, 47.3)]:
        case = draw(name, level, level, size=size, duration=duration)
        assert case.video.size == size and case.video.duration == duration
        looks = [Sighting(*_full_size(case, look)) for look in case.looks]
        said = concluded(case, [*looks, *told(case)])
        # Text cannot be read in frames of a few pixels.
        assert said == case.question.answer if size[0] >= 192 else said in case.question.options, (level, duration)
        frame = case.video.frames([case.looks[0].time])[0]
        assert frame.image.shape == (*size, 3) and frame.image.dtype == np.uint8
        assert frame.image.std() > 0, "an empty picture"
        for fact in itertools.chain.from_iterable(sighting.facts for sighting in looks):
            assert 0 <= fact.get("x", 50) <= 100 and 0 <= fact.get("y", 50) <= 100, (level, duration, fact)


def _full_size(case, look):
    return case.video.frame_time(look.time), case.video.facts(look.time, look.box), look.box


@every_family
def test_the_unusual_split_looks_different(name):
    usual, other = (draw(name, 1, 5, split) for split in ("train", "ood"))
    time = usual.looks[0].time
    assert not np.array_equal(usual.video.frames([time])[0].image, other.video.frames([time])[0].image)
