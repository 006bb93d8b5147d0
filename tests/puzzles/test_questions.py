"""Questions: every answer checked by an independent reading of the text twin."""

import numpy as np
import pytest
from reading import MOVES, find, grid

from mmgym_puzzles.frozen_lake import FrozenLake
from mmgym_puzzles.sokoban import Sokoban

LAKE_WORDS = {".": "ice", "O": "hole", "G": "goal", "A": "agent", "V": "agent", "X": "agent"}
ROOM_WORDS = {"#": "wall", ".": "floor", "T": "target", "B": "box", "S": "stored", "A": "agent", "P": "agent"}


def vertical(one, other):
    return "same" if one[0] == other[0] else "up" if other[0] < one[0] else "down"


def horizontal(one, other):
    return "same" if one[1] == other[1] else "left" if other[1] < one[1] else "right"


def common_answers(rows, agent, words):
    answers = {"Which row?": str(agent[0] + 1), "Which column?": str(agent[1] + 1)}
    for direction, (down, right) in MOVES.items():
        r, c = agent[0] + down, agent[1] + right
        inside = 0 <= r < len(rows) and 0 <= c < len(rows)
        answers[f"What is {direction}?"] = words[rows[r][c]] if inside else "wall"
    answers["What is on the map?"] = " ".join(words[letter] for row in rows for letter in row)
    return answers


def look_around(answers, *more):
    return " ".join(answers[text] for text in [*(f"What is {direction}?" for direction in MOVES), *more])


def lake_answers(rows):
    agent, goal = find(rows, "AVX")[0], find(rows, "GV")[0]
    answers = common_answers(rows, agent, LAKE_WORDS)
    answers["Is the goal up or down?"] = vertical(agent, goal)
    answers["Is the goal left or right?"] = horizontal(agent, goal)
    answers["Look around."] = look_around(answers, "Is the goal up or down?", "Is the goal left or right?")
    return answers


def room_answers(rows):
    agent, boxes = find(rows, "AP")[0], find(rows, "BS")
    answers = common_answers(rows, agent, ROOM_WORDS)
    answers["How many boxes are stored?"] = str(len(find(rows, "S")))
    answers["Look around."] = look_around(answers)
    if len(boxes) == 1:
        target = find(rows, "TSP")[0]
        answers["Is the box up or down?"] = vertical(agent, boxes[0])
        answers["Is the box left or right?"] = horizontal(agent, boxes[0])
        answers["Is the target up or down from the box?"] = vertical(boxes[0], target)
        answers["Is the target left or right from the box?"] = horizontal(boxes[0], target)
        relations = ["Is the box up or down?", "Is the box left or right?"]
        relations += ["Is the target up or down from the box?", "Is the target left or right from the box?"]
        answers["Look around."] = look_around(answers, *relations)
    return answers


CASES = [
    *((FrozenLake, {"level": level}, lake_answers) for level in (1, 3, 5)),
    *((FrozenLake, {"preset": preset}, lake_answers) for preset in ("vagen_slippery", "two_holes", "many_holes")),
    *((Sokoban, {"level": level}, room_answers) for level in (1, 2, 3, 5)),
]


@pytest.mark.parametrize(("kind", "arguments", "read"), CASES)
def test_answers_are_what_the_text_twin_shows(kind, arguments, read):
    env, rng = kind(obs_mode="text", image_size=16, **arguments), np.random.default_rng(0)
    vocabulary = set(kind.vocabulary())
    for seed in range(25):
        observation, _ = env.reset(seed=seed)
        env.action_space.seed(seed)
        ended = False
        while not ended:
            questions = env.questions(rng)
            assert dict(questions) == read(grid(observation["text"])) and len(dict(questions)) == len(questions)
            for text, answer in questions:
                assert text in kind.question_texts and text in vocabulary
                assert set(answer.split()) <= vocabulary
            observation, _, terminated, truncated, info = env.step(env.action_space.sample())
            ended = terminated or truncated
            for note in kind.notes:
                info["feedback"] = info["feedback"].replace(note, "").strip()
            assert info["feedback"] == ""
        assert dict(env.questions(rng)) == read(grid(observation["text"]))


@pytest.mark.parametrize("kind", [FrozenLake, Sokoban])
def test_every_question_is_posed_and_only_the_generator_orders_them(kind):
    env = kind()
    env.reset(seed=0)
    first = env.questions(np.random.default_rng(1))
    assert {text for text, _ in first} == set(kind.question_texts)
    assert env.questions(np.random.default_rng(1)) == first
    orders = {tuple(text for text, _ in env.questions(np.random.default_rng(k))) for k in range(20)}
    assert len(orders) > 10


@pytest.mark.parametrize("kind", [FrozenLake, Sokoban])
def test_the_vocabulary_has_what_an_action_says_and_no_word_twice(kind):
    vocabulary = kind.vocabulary()
    assert len(set(vocabulary)) == len(vocabulary)
    assert {"up", "down", "left", "right"} <= set(vocabulary)
