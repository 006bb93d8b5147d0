"""Matrices: one choice fits the rules, and the choices alone do not tell which."""

import itertools
from collections import Counter, defaultdict

import numpy as np
import pytest

from mmgym_puzzles.reasoning.matrices import CHOICES, LEVELS, Matrices
from mmgym_puzzles.reasoning.matrix_rules import ATTRIBUTES, LAYOUTS, last_values


def call(name, number):
    return {"name": name, "arguments": {"number": number}}


def matrices(count, split="train", level=None):
    env = Matrices(obs_mode="text")
    for seed in range(count):
        env.reset(seed=seed, options={"level": level or seed % 5 + 1, "split": split})
        yield env


def columns(matrix):
    """Rows of values of each attribute, the last one short."""
    for k, name in enumerate(LAYOUTS[matrix.layout]):
        values = [panel[k] for panel in matrix.panels]
        yield k, name, (values[:3], values[3:6], values[6:])


def solved(rows):
    """Last values that a plain reading of the rows allows: rules written here once more."""
    first, second, (one, two) = rows
    found = set()
    for rule in (
        lambda a, b: a if a == b else None,
        *[lambda a, b, d=d: b + d if b == a + d else None for d in (1, -1, 2, -2)],
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a ^ b,
        lambda a, b: a | b,
        lambda a, b: a & b,
    ):
        if all(rule(row[0], row[1]) == row[2] for row in (first, second)) and rule(one, two) is not None:
            found.add(rule(one, two))
    if set(first) == set(second) and len(set(first)) == 3 and one != two and {one, two} <= set(first):
        found |= set(first) - {one, two}
    return found


@pytest.mark.parametrize("split", ["train", "ood"])
def test_exactly_one_choice_follows_the_rules(split):
    for env in matrices(300, split):
        matrix = env.matrix
        assert len(set(matrix.choices)) == CHOICES
        right = matrix.choices[matrix.answer]
        for k, name, rows in columns(matrix):
            assert last_values(ATTRIBUTES[name], rows) == {right[k]}
            assert right[k] in solved(rows)
        assert sum(panel == right for panel in matrix.choices) == 1


def test_the_choices_halve_by_three_attributes():
    for env in matrices(200):
        values = [Counter(panel[k] for panel in env.matrix.choices) for k in range(len(env.matrix.choices[0]))]
        split = [count for count in values if len(count) == 2]
        assert len(split) == 3 and all(set(count.values()) == {4} for count in split)
        assert all(len(count) in (1, 2) for count in values)


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_one_who_sees_the_choices_alone_stays_at_chance(level):
    """A vote among the choices, and the values that were right most often before, over 700 matrices each."""
    often = defaultdict(Counter)
    for env in itertools.islice(matrices(700, level=level), 700):
        for name, value in zip(LAYOUTS[env.matrix.layout], env.matrix.choices[env.matrix.answer], strict=True):
            often[env.matrix.layout, name][value] += 1
    votes = habits = 0.0
    for env in matrices(700, "test", level):
        choices, names = env.matrix.choices, LAYOUTS[env.matrix.layout]
        counts = [Counter(panel[k] for panel in choices) for k in range(len(names))]
        for which, scores in (
            ("vote", [sum(counts[k][v] for k, v in enumerate(panel)) for panel in choices]),
            ("habit", [sum(often[env.matrix.layout, n][v] for n, v in zip(names, p, strict=True)) for p in choices]),
        ):
            best = [i for i, score in enumerate(scores) if score == max(scores)]
            share = (env.matrix.answer in best) / len(best)
            votes, habits = votes + share * (which == "vote"), habits + share * (which == "habit")
    assert votes / 700 == pytest.approx(1 / CHOICES)
    assert habits / 700 < 0.21


def test_the_right_choice_stands_anywhere():
    places = Counter(env.matrix.answer for env in matrices(400))
    assert len(places) == CHOICES and min(places.values()) > 25


def test_levels_change_more_and_use_harder_rules():
    for level, settings in LEVELS.items():
        rules = Counter()
        for env in matrices(60, level=level):
            changing = [rule for rule in env.matrix.rules if rule != "constant"]
            assert len(changing) == settings.changing and set(changing) <= set(settings.rules)
            rules.update(changing)
        assert len(rules) >= 3


def test_crossing_out_is_a_note_and_choosing_ends():
    env = Matrices(image_size=96)
    before, _ = env.reset(seed=0)
    wrong = (env.matrix.answer + 1) % CHOICES + 1
    observation, *_, info = env.step(call("cross_out", wrong))
    assert info["action_effective"] and not np.array_equal(observation["image"], before["image"])
    observation, *_ = env.step(call("cross_out", wrong))
    assert np.array_equal(observation["image"], before["image"])
    _, reward, terminated, *_ = env.step(call("choose", wrong))
    assert terminated and reward == 0.0
    env.reset(seed=0)
    _, reward, terminated, *_ = env.step(call("choose", env.matrix.answer + 1))
    assert terminated and reward == 1.0


def test_the_text_twin_names_every_panel():
    for env in matrices(40):
        text = env._text()
        assert text.count("\n") == 16 and all(f"choice {k}:" in text for k in range(1, 9))
        assert all(name in text for name in LAYOUTS[env.matrix.layout])
