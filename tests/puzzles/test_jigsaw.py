"""Jigsaw: its rules, the fewest calls against a search of all orders, pieces that can be told apart."""

import itertools

import numpy as np
import pytest

from mmgym_puzzles.imagery.jigsaw import LARGEST, LEVELS, Jigsaw
from mmgym_puzzles.imagery.pictures import LOOKS, draw_picture
from mmgym_puzzles.search import distances_to


def swap(row, column, other_row, other_column):
    places = {"row": row, "column": column, "other_row": other_row, "other_column": other_column}
    return {"name": "swap", "arguments": places}


def rotate(row, column, degrees):
    return {"name": "rotate", "arguments": {"row": row, "column": column, "degrees": degrees}}


def place(env, order, turned):
    env._begin((1, round(len(order) ** 0.5), tuple(order), tuple(turned)))


def test_fewest_calls_are_those_of_a_search_of_all_arrangements():
    def neighbors(state):
        order, turned = state
        for one, other in itertools.combinations(range(4), 2):
            where = list(range(4))
            where[one], where[other] = other, one
            yield tuple(order[k] for k in where), tuple(turned[k] for k in where)
        for k in range(4):
            for more in (1, 2, 3):
                yield order, (*turned[:k], (turned[k] + more) % 4, *turned[k + 1 :])

    distances = distances_to([((0, 1, 2, 3), (0, 0, 0, 0))], neighbors)
    assert len(distances) == 24 * 256
    env = Jigsaw(image_size=32)
    for (order, turned), distance in distances.items():
        place(env, order, turned)
        assert env._turns_left() == distance


@pytest.mark.parametrize("level", LEVELS)
def test_pictures_are_cut_as_the_level_says_and_put_together_by_the_expert(level):
    env, settings = Jigsaw(level=level, image_size=96), LEVELS[level]
    for seed in range(10):
        _, info = env.reset(seed=seed)
        turned = sum(map(bool, env.turned))
        assert env.side == settings.side and settings.turned[0] <= turned <= settings.turned[1]
        assert settings.swaps[0] <= info["expert_steps"] - turned <= settings.swaps[1]
        assert info["expert_steps"] < settings.turns
        for _ in range(info["expert_steps"]):
            assert not info["success"]
            *_, info = env.step(env.expert())
        assert info["success"]
        place(env, range(settings.side**2), [0] * settings.side**2)
        env.picture = env._start[0]
        assert env.expert().name == "rotate"  # of a whole picture too, the expert says something valid


def test_a_whole_picture_looks_like_the_picture_and_turns_go_clockwise():
    env = Jigsaw(image_size=240)
    place(env, range(4), [0, 0, 0, 1])
    picture, image = draw_picture(1, "usual", 220), env._image()
    assert (image[15:125, 15:125] == picture[:110, :110]).all()
    assert (image[127:237, 127:237] == np.rot90(picture[110:, 110:], -1)).all()
    *_, info = env.step(rotate(2, 2, "270"))
    assert info["success"] and (env._image()[127:237, 127:237] == picture[110:, 110:]).all()


def test_a_swap_takes_the_turn_of_each_piece_along():
    env = Jigsaw(image_size=32)
    env.reset(seed=0)
    place(env, [1, 0, 2, 3], [1, 0, 0, 0])
    env.step(swap(1, 1, 1, 2))
    assert env.order == [0, 1, 2, 3] and env.turned == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (swap(1, 1, 3, 1), "from 1 to 2"),
        (rotate(1, LARGEST, "90"), "from 1 to 2"),
        (swap(2, 1, 2, 1), "the same"),
        (rotate(1, 1, "45"), "degrees"),
        (swap(0, 1, 10**30, 1), "row"),
    ],
)
def test_calls_that_do_nothing_are_told(call, said):
    env = Jigsaw(image_size=32)
    env.reset(seed=0)
    before = env.state_key()
    observation, *_, info = env.step(call)
    assert said in observation["feedback"] and not info["action_effective"] and env.state_key() == before


@pytest.mark.slow
@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("side", [2, 3, 4, 5])
def test_no_two_pieces_look_alike_whichever_way_they_are_turned(look, side):
    piece = 200 // side
    for number in range(12):
        picture = draw_picture(number, look, piece * side).astype(int)
        spans = [slice(k * piece, (k + 1) * piece) for k in range(side)]
        pieces = [np.rot90(picture[r, c], k) for r, c in itertools.product(spans, spans) for k in range(4)]
        for one, other in itertools.combinations(pieces, 2):
            assert abs(one - other).max() >= 3


def test_questions_are_answered_from_the_state():
    env = Jigsaw(image_size=32)
    place(env, [1, 0, 2, 3], [0, 0, 0, 2])
    answers = dict(env.questions(np.random.default_rng(0)))
    assert sorted(answers.values()) == ["1", "1", "1 2", "2:0 1:0 3:0 4:180"]
