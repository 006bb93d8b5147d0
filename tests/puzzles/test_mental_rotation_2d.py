"""MentalRotation2D: turns and flips in the picture, the fewest calls against a search, figures without symmetry."""

import itertools

import numpy as np
import pytest

from mmgym_puzzles.imagery.mental_rotation_2d import BOX, LEVELS, PRESETS, MentalRotation2D
from mmgym_puzzles.imagery.polyominoes import grow, grow_almost_symmetric, same_figure_key
from mmgym_puzzles.imagery.turning import Disc, pack, pack_color, unpack
from mmgym_puzzles.search import distances_to

HOOK = ((0, 0, 0), (0, 1, 1), (1, 0, 0), (2, 0, 0))
FLIP, SUBMIT = {"name": "flip"}, {"name": "submit"}


def rotate(degrees):
    return {"name": "rotate", "arguments": {"degrees": degrees}}


def place(env, shown, target, degrees, mirrored):
    env._begin((shown, target, degrees, mirrored))


def discs(image):
    """The squares around target and copy in a usual picture of 224 pixels."""
    half = int(0.575 * 224) // 2
    return [image[at - half : at + half, at - half : at + half].astype(int) for at in (66, 158)]


def off(one, other):
    """How different two pictures are in their round part, 0 for equal, 255 at most."""
    side = len(one)
    across = np.arange(side) - (side - 1) / 2
    inside = across[:, None] ** 2 + across[None] ** 2 < (side / 2 - 5) ** 2
    return np.abs(one - other)[inside].mean()


def test_fewest_calls_are_those_of_a_search_of_all_ways_to_lie():
    env = MentalRotation2D(level=3, image_size=32)
    env.reset(seed=0)
    goals = [(d, False) for d in range(360) if min((d - 50) % 360, (50 - d) % 360) <= LEVELS[3].tolerance]

    def before(state):
        degrees, mirrored = state
        return [(-degrees % 360, not mirrored), *((other, mirrored) for other in range(360))]

    distances = distances_to(goals, before)
    assert len(distances) == 720
    for (degrees, mirrored), distance in distances.items():
        place(env, HOOK, 50, degrees, mirrored)
        assert env._turns_left() == env._expert_steps() == distance + 1
        assert (env.expert().name == "submit") == (distance == 0)


def test_a_turn_goes_clockwise_and_a_flip_mirrors_the_copy_as_it_lies():
    env = MentalRotation2D()
    env.reset(seed=0)
    for shown, degrees in itertools.product((7, HOOK), (0, 33, 200)):
        place(env, shown, 10, degrees, False)
        target, first = discs(env._image())
        env.rotate(90)
        assert off(discs(env._image())[1], np.rot90(first, -1)) < 1
        env.rotate(-90)
        env.flip()
        flipped = discs(env._image())
        assert off(flipped[1], first[:, ::-1]) < 1 < off(flipped[1], first)
        assert off(flipped[0], target) == 0


def test_a_solved_copy_looks_exactly_like_the_target():
    for level, split in itertools.product(LEVELS, ("train", "test")):
        env = MentalRotation2D(level=level)
        env.reset(seed=level, options={"split": split})
        image = None
        while env.expert().name != "submit":
            observation, *_ = env.step(env.expert())
            image = observation["image"]
        one, other = discs(image)
        assert off(one, other) == 0


@pytest.mark.parametrize("level", LEVELS)
def test_every_other_way_to_lie_looks_different(level):
    env = MentalRotation2D(level=level)
    for seed in range(4):
        env.reset(seed=seed)
        place(env, env.shown, 20, 20, False)
        right = discs(env._image())[1]
        for degrees, mirrored in itertools.product(range(0, 360, 15), (False, True)):
            if mirrored or degrees:
                place(env, env.shown, 20, 20 + degrees, mirrored)
                assert off(discs(env._image())[1], right) > 1.5, (seed, degrees, mirrored)


def ways(cells):
    """Sets of cells, turned and mirrored, moved to the corner."""
    found = []
    for swap, down, right in itertools.product((False, True), (1, -1), (1, -1)):
        moved = [((c, r) if swap else (r, c)) for r, c in cells]
        moved = [(down * r, right * c) for r, c in moved]
        top, left = min(r for r, _ in moved), min(c for _, c in moved)
        found.append(frozenset((r - top, c - left) for r, c in moved))
    return found


def test_figures_are_connected_fit_the_box_and_have_no_symmetry():
    rng, keys = np.random.default_rng(0), set()
    for _ in range(300):
        figure = grow(rng, 9, BOX, False)
        if figure is None:
            continue
        cells = [(row, column) for row, column, _ in figure]
        assert len(set(cells)) == 9 and max(map(max, cells)) < BOX and min(map(min, cells)) == 0
        assert len(set(ways(cells))) == 8
        reached = {cells[0]}
        for _ in cells:
            reached |= {c for c in cells if any(abs(c[0] - r) + abs(c[1] - s) == 1 for r, s in reached)}
        assert reached == set(cells)
        for way in ways(cells):
            assert same_figure_key(tuple(sorted((*cell, 0) for cell in way))) == same_figure_key(figure)
        keys.add(same_figure_key(figure))
    assert len(keys) > 100


def test_one_square_keeps_an_almost_symmetric_figure_from_half_a_turn_or_a_mirror():
    rng, kinds = np.random.default_rng(1), set()
    for _ in range(300):
        figure = grow_almost_symmetric(rng, 12, BOX)
        if figure is None:
            continue
        cells = {(row, column) for row, column, _ in figure}
        assert 10 <= len(cells) <= 12 and len(set(ways(cells))) == 8
        moves = list(itertools.product(range(-BOX, 2 * BOX), repeat=2))
        turned = max(len(cells & {(a - r, b - c) for r, c in cells}) for a, b in moves)
        mirrored = max(len(cells & {(a + r, b - c) for r, c in cells}) for a, b in moves)
        assert len(cells) - 1 in (turned, mirrored)
        kinds.add(turned == len(cells) - 1)
    assert len(kinds) == 2


def test_squares_of_two_colours_are_told_apart_by_the_key():
    other = ((0, 0, 1), (0, 1, 0), (1, 0, 0), (2, 0, 0))
    assert same_figure_key(HOOK) != same_figure_key(other)


def test_a_packed_picture_comes_back_and_an_even_disc_stays_as_it_is():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    assert (unpack(pack(picture)) == picture).all() and pack(picture)[3, 5] == pack_color(picture[3, 5].tolist())
    color = (255, 1, 128)
    disc = Disc(np.full((40, 40), pack_color(color), np.uint32))
    for degrees, mirrored in ((0, False), (77, True), (359, False)):
        assert set(disc.turned(degrees, mirrored).tolist()) == {pack_color(color)}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (rotate(0), "0 degrees"),
        (rotate(181), "from -180 to 180"),
        (rotate(10**40), "at most 15 digits"),
        (rotate("ninety"), "whole number"),
        (rotate(float("nan")), "whole number"),
        ({"name": "flip", "arguments": {"axis": "x"}}, "no arguments"),
    ],
)
def test_calls_that_do_nothing_are_told(call, said):
    env = MentalRotation2D(image_size=32)
    env.reset(seed=0)
    before = env.state_key()
    observation, *_, info = env.step(call)
    assert said in observation["feedback"] and not info["action_effective"] and env.state_key() == before


@pytest.mark.parametrize(
    ("degrees", "mirrored", "success"),
    [
        (30, False, True),
        (40, False, True),
        (20, False, True),
        (41, False, False),
        (19, False, False),
        (30, True, False),
    ],
)
def test_a_submitted_copy_must_be_within_the_tolerance_and_not_mirrored(degrees, mirrored, success):
    env = MentalRotation2D(level=3, image_size=32)
    env.reset(seed=0)
    place(env, HOOK, 30, degrees, mirrored)
    _, reward, terminated, _, info = env.step(SUBMIT)
    assert terminated and info["success"] == success and reward == success


def test_a_flip_and_the_turn_after_it():
    env = MentalRotation2D(level=3, image_size=32)
    env.reset(seed=0)
    place(env, HOOK, 100, 25, True)
    assert env.expert().name == "flip" and env._description() == "mirrored 120"  # 125 to the nearest 15
    env.step(FLIP)
    assert (env.degrees, env.mirrored, env._description()) == (335, False, "plain 120")
    env.step(rotate(125))
    assert env._turns_left() == 1 and env._description() == "plain 0"


def test_presets_have_the_tolerances_of_visgym():
    assert {name: preset.tolerance for name, preset in PRESETS.items()} == {"visgym_easy": 10, "visgym_hard": 5}
    for name in PRESETS:
        env = MentalRotation2D(preset=name, image_size=32)
        for seed in range(20):
            env.reset(seed=seed)
            assert env.max_turns == 20 and env.target == 0 and not env.mirrored and isinstance(env.shown, int)
            assert str(PRESETS[name].tolerance) in env._task() and "is not mirrored" in env._task()


def test_questions_are_answered_from_the_state():
    env = MentalRotation2D(level=3, image_size=32)
    env.reset(seed=0)
    place(env, HOOK, 100, 330, False)
    answers = dict(env.questions(np.random.default_rng(0)))
    assert answers == {
        "Does your copy lie like the target, within the tolerance?": "no",
        "Is your copy mirrored or plain?": "plain",
        "By how many degrees clockwise must your copy be turned, to the nearest 15?": "135",
        "Which way round is it shorter to turn your copy?": "clockwise",
        "Of how many squares is the figure made?": "4",
        "How does your copy lie?": "plain 135",
    }
    place(env, HOOK, 100, 330, True)
    assert len(env.questions(np.random.default_rng(0))) == 4


@pytest.mark.parametrize("size", [16, 33, 96, 225])
@pytest.mark.parametrize("split", ["train", "ood"])
def test_pictures_of_any_size(size, split):
    for level in LEVELS:
        image = MentalRotation2D(image_size=size, level=level, split=split).reset(seed=level)[0]["image"]
        assert image.shape == (size, size, 3) and image.std() > 5
