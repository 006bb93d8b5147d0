"""What every family of questions about drawn pictures promises: seen from near, and from afar not by one pixel.

Tests with an amount have a short form, and a long one that is marked slow.
"""

import itertools
import statistics
import time

import numpy as np
import pytest

from mmgym.env import SPLITS
from mmgym.stats import wilson
from mmgym_video.image_qa import PICTURES, TURNS
from mmgym_video.images.catalogue import FAMILIES
from mmgym_video.images.drawing import merged
from mmgym_video.images.expert import Expert
from mmgym_video.images.family import SIDES, Case, Scene, Setting
from mmgym_video.images.marks import angle_of
from mmgym_video.images.view import View, canvas_size
from mmgym_video.instances import build, find_key
from mmgym_video.looking import Shot
from mmgym_video.pictures import fitted
from mmgym_video.question import LETTERS

LEVELS = tuple(SIDES)
every_family = pytest.mark.parametrize("name", FAMILIES)
amounts = pytest.mark.parametrize(
    "amount", [pytest.param("short", id="short"), pytest.param("long", id="long", marks=pytest.mark.slow)]
)


def draw(name, level, seed, split="train"):
    return FAMILIES[name].draw(np.random.default_rng(seed), Setting(level, split))


def instances(name, short, long, amount):
    """(level, split, seed, case) for so many seeds, levels and splits in turn."""
    for seed in range(long if amount == "long" else short):
        level, split = LEVELS[4 * seed % 5], SPLITS[seed % 4]
        yield level, split, seed, draw(name, level, seed, split)


def viewer(scene: Scene, tokens=64, patch=32):
    """The view of a shot, as an agent is shown it."""

    def view(shot):
        angle = angle_of(shot.marks)
        (high, wide), (left, top, right, bottom) = canvas_size(scene.drawing.size, angle), shot.box
        shown = fitted(max(1, round(high * (bottom - top))), max(1, round(wide * (right - left))), tokens, patch)
        return View(scene.drawing.size, shown, shot.box, angle)

    return view


def picture(scene, shot, tokens=64, patch=32):
    """The picture of a shot that is not turned, without what was drawn on it."""
    view = viewer(scene, tokens, patch)(shot)
    return scene.drawing.part(*view.part, *view.shown)


def plan(case: Case, scene: Scene, pictures=20, tokens=64, patch=32):
    return Expert(case, scene, viewer(scene, tokens, patch)).plan((Shot(),), pictures)


def said(case, calls):
    return case.question.options[LETTERS.index(calls[-1].arguments["text"])]


@amounts
@every_family
def test_the_expert_answers_rightly_within_its_budget_whatever_the_right_option_is(name, amount):
    for level, split, seed, case in instances(name, 5, 500, amount):
        right = seed % 4
        calls = plan(case, case.scene(right), PICTURES[level])
        assert said(case, calls) == case.question.options[right], (level, split, seed)
        assert 2 <= len(calls) <= min(6, TURNS[level]), (level, split, seed)


@every_family
@pytest.mark.parametrize(("tokens", "patch"), [(16, 32), (64, 28), (256, 32)])
def test_the_expert_can_read_pictures_of_other_sizes(name, tokens, patch):
    for level, split, seed, case in instances(name, 2, 2, "short"):
        right = case.question.answer_index
        calls = plan(case, case.scene(right), PICTURES[level], tokens, patch)
        assert said(case, calls) == case.question.answer, (level, split, seed)


@amounts
@every_family
def test_no_pixel_of_the_whole_picture_depends_on_the_answer(name, amount):
    for level, split, seed, case in instances(name, 2, 25, amount):
        scenes = [case.scene(right) for right in range(4)]
        for tokens, patch in ((64, 32), (64, 28), (256, 32)) if amount == "long" else ((64, 32), (256, 32)):
            seen = [picture(scene, Shot(), tokens, patch) for scene in scenes]
            assert all(np.array_equal(seen[0], other) for other in seen[1:]), (level, split, seed, tokens)


@amounts
@every_family
def test_the_whole_picture_alone_concludes_nothing(name, amount):
    for level, split, seed, case in instances(name, 1, 50, amount):
        guesses = set()
        for right in range(4):
            scene = case.scene(right)
            guesses.add(case.conclude(scene.drawing.facts(viewer(scene)(Shot()))))
        assert len(guesses) == 1, (level, split, seed, guesses)


@amounts
@every_family
def test_what_the_expert_looks_at_shows_clearly_which_option_is_right(name, amount):
    for level, split, seed, case in instances(name, 1, 25, amount):
        right = case.question.answer_index
        scenes = [case.scene(k) for k in range(4)]
        for other in set(range(4)) - {right}:
            clear = 0
            for look in scenes[right].looks:
                box = _shares(look.box, scenes[right].drawing.size)
                one, two = (picture(scenes[k], Shot(box=box)).astype(int) for k in (right, other))
                clear = max(clear, int((np.abs(one - two).max(axis=2) > 100).sum()))
            assert clear >= 30, (level, split, seed, other, clear)


def _shares(box, size):
    height, width = size
    left, top, right, bottom = box
    return max(0.0, left / width), max(0.0, top / height), min(1.0, right / width), min(1.0, bottom / height)


@amounts
@every_family
def test_further_looks_change_nothing(name, amount):
    for level, split, seed, case in instances(name, 1, 50, amount):
        rng, scene = np.random.default_rng(seed), case.scene(case.question.answer_index)
        expert = Expert(case, scene, viewer(scene))
        shots = [Shot(box=_shares(look.box, scene.drawing.size)) for look in scene.looks]
        shots += [Shot(marks=(("rotate", look.angle),), box=_near(scene, look)) for look in scene.looks if look.angle]
        for _ in range(12):
            left, top = rng.uniform(0, 0.85, 2).tolist()
            shots.append(Shot(box=(left, top, left + 0.15, top + 0.15)))
        facts = [fact for k in rng.permutation(len(shots)) for fact in scene.drawing.facts(viewer(scene)(shots[k]))]
        assert case.conclude(merged([*expert.facts([Shot()]), *facts])) == case.question.answer, (level, split, seed)


def _near(scene, look):
    """The part of the turned picture around a look."""
    whole = viewer(scene)(Shot(marks=(("rotate", look.angle),)))
    left, top, right, bottom = look.box
    corners = whole.to_canvas([(left, top), (right, top), (right, bottom), (left, bottom)]) / whole.part[2:]
    (x0, y0), (x1, y1) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return x0, y0, x1, y1


@amounts
@every_family
def test_any_looks_give_one_of_the_options(name, amount):
    for level, split, seed, case in instances(name, 2, 100, amount):
        rng, scene = np.random.default_rng(seed), case.scene(case.question.answer_index)
        for count in (0, 1, 5, len(scene.drawing.known)):
            some = [scene.drawing.known[k] for k in rng.permutation(len(scene.drawing.known))[:count]]
            assert case.conclude(some) in case.question.options, (level, split, seed, count)


@amounts
@every_family
def test_questions_are_well_formed(name, amount):
    for level, split, seed, case in instances(name, 10, 1000, amount):
        question = case.question
        assert question.kind == "choice" and question.family == name and len(question.options) == 4
        assert question.text().replace("\n", "").isprintable() and question.text().isascii()
        assert len({option.casefold() for option in question.options}) == 4, (level, split, seed)
        assert _is_plain(case.content), f"content must have the same repr everywhere: {case.content!r}"
    assert FAMILIES[name].summary and name == FAMILIES[name].name


def _is_plain(content):
    """Whether this has a repr that neither the process nor the version of numpy changes."""
    if type(content) is tuple:
        return all(_is_plain(part) for part in content)
    return type(content) in (str, int)


@amounts
@every_family
def test_every_place_among_the_options_is_equally_often_right(name, amount):
    count = 2000 if amount == "long" else 200
    questions = [draw(name, 1, 10_000 + seed).question for seed in range(count)]
    places = [question.answer_index for question in questions]
    ranks = [sorted(question.options).index(question.answer) for question in questions]
    for place, found in itertools.product(range(4), (places, ranks)):
        low, high = wilson(found.count(place), len(found), 0.99999)
        assert low <= 0.25 <= high, ("place" if found is places else "rank", place)


@amounts
@every_family
def test_splits_share_no_question(name, amount):
    rng, found = np.random.default_rng(0), {}
    for split in SPLITS:
        setting = Setting(1, split)
        keys = [find_key(rng, FAMILIES[name], setting) for _ in range(200 if amount == "long" else 6)]
        found[split] = {build(FAMILIES[name], setting, key).content for key in keys}
    for one, other in itertools.combinations(SPLITS, 2):
        assert not found[one] & found[other], (one, other)


@amounts
@every_family
def test_there_are_thousands_of_contents_at_the_lowest_level(name, amount):
    count, least = (3_000, 2_000) if amount == "long" else (200, 150)
    assert len({draw(name, 1, seed).content for seed in range(count)}) >= least


@every_family
def test_a_seed_gives_the_same_instance(name):
    for level in (1, 5):
        one, other = draw(name, level, 3), draw(name, level, 3)
        assert (one.question, one.content) == (other.question, other.content)
        assert one.scene(2) == other.scene(2)
        assert draw(name, level, 4).question != one.question


@every_family
def test_the_unusual_split_looks_different(name):
    usual, other = (draw(name, 1, 5, split) for split in ("train", "ood"))
    assert usual.question == other.question
    assert not np.array_equal(picture(usual.scene(0), Shot()), picture(other.scene(0), Shot()))


@pytest.mark.slow
@every_family
def test_drawing_is_cheap(name):
    draws, looks = [], []
    for seed in range(40):
        before = time.process_time()
        case = draw(name, 5, seed)
        scene = case.scene(0)
        between = time.process_time()
        picture(scene, Shot())
        draws.append(between - before)
        looks.append(time.process_time() - between)
    # The lower quartile: what else the machine does only ever adds.
    assert 1000 * statistics.quantiles(draws)[0] < 40.0
    assert 1000 * statistics.quantiles(looks)[0] < 20.0
