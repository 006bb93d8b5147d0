"""Matchstick: how sticks read, the search against every move there is, budgets and undo, and what is drawn."""

import re

import numpy as np
import pytest

from mmgym_puzzles.imagery.matchstick import LEVELS, MOST_PLACES, PRESETS, Matchstick
from mmgym_puzzles.imagery.stick_equations import (
    EQUALS,
    MASKS,
    SLOTS,
    holds,
    masks_of,
    mended,
    moved,
    reading,
    slots_of,
    solutions,
)
from mmgym_puzzles.search import distances_to


def move(place, stick, to_place, to_stick):
    ends = {"place": place, "stick": stick, "to_place": to_place, "to_stick": to_stick}
    return {"name": "move", "arguments": ends}


UNDO = {"name": "undo", "arguments": {}}


def lay(equation, sticks, **arguments):
    env = Matchstick(**{"image_size": 32, "max_turns": 1000, **arguments})
    env.reset(seed=0)
    env._begin((equation, sticks))
    return env


BITS = EQUALS.bit_length()


def joined(masks):
    """Masks as one number, the first place lowest."""
    return sum(mask << BITS * at for at, mask in enumerate(masks))


def parted(sticks, places):
    return tuple(sticks >> BITS * at & (1 << BITS) - 1 for at in range(places))


def mover(start, most):
    """What one move leads to, from and to joined masks, with at most so many sticks elsewhere than at the start."""
    kinds = [slots_of(symbol) for symbol in reading(start)]
    ends = [1 << BITS * at + SLOTS.index(name) for at, names in enumerate(kinds) for name in names]
    first = joined(start)

    def moves(sticks):
        free = [end for end in ends if not sticks & end]
        for stick in ends:
            if sticks & stick:
                for end in free:
                    after = sticks ^ stick ^ end
                    if (after & ~first).bit_count() <= most:
                        yield after

    return moves


@pytest.mark.parametrize(
    ("equation", "true"),
    [
        ("6+4=10", True),
        ("6+4=4", False),
        ("2+3x4=14", True),  # not 20
        ("2x3-4=2", True),
        ("9-12+3=0", True),
        ("1-2=3-4", True),
        ("12=4x3", True),
        ("07=7", False),  # no 0 in front
        ("10-10=0", True),
        ("3=3=3", False),
        ("3+=3", False),
        ("-3=-3", False),
        ("7", False),
        ("", False),
        ("=", False),
        ("?=?", False),
    ],
)
def test_what_holds(equation, true):
    assert holds(list(equation)) is true


def test_symbols_are_those_of_a_calculator():
    assert [MASKS[digit].bit_count() for digit in "0123456789"] == [6, 2, 5, 5, 4, 5, 6, 3, 7, 6]
    assert [MASKS[symbol].bit_count() for symbol in "+-x="] == [2, 1, 2, 2]
    assert len(set(MASKS.values())) == len(MASKS) == 14
    assert MASKS["8"] & ~MASKS["6"] == 1 << SLOTS.index("upper_right")
    assert MASKS["8"] & ~MASKS["9"] == 1 << SLOTS.index("lower_left")
    assert MASKS["7"] & ~MASKS["1"] == 1 << SLOTS.index("top")
    for symbol, mask in MASKS.items():
        lying = {SLOTS[k] for k in range(len(SLOTS)) if mask >> k & 1}
        assert lying <= set(slots_of(symbol)) and (symbol == "=" or mask < EQUALS)
    assert reading([*masks_of("0+9=x"), 0, 1, EQUALS >> 1]) == [*"0+9=x", "?", "?", "?"]


@pytest.mark.parametrize(
    ("equation", "sticks"), [("6+4=4", 1), ("5-1=2", 1), ("16+3=13", 1), ("1-7=1", 2), ("1x4=1", 2), ("7-7=7", 2)]
)
def test_the_search_finds_what_trying_every_move_finds(equation, sticks):
    start = masks_of(equation)
    reached = distances_to([joined(start)], mover(start, sticks))
    parts = ((parted(masks, len(start)), far) for masks, far in reached.items() if far <= sticks)
    wanted = {masks: far for masks, far in parts if holds(reading(masks))}
    found = solutions(start, sticks)
    assert found
    assert set(found) == set(wanted) and len(found) == len(set(found))
    fewest = [moved(start, masks) for masks in found]
    assert fewest == [wanted[masks] for masks in found] == sorted(fewest)


@pytest.mark.parametrize(("equation", "sticks"), [("6+4=4", 1), ("1-7=1", 2), ("1x4=1", 2)])
def test_no_way_is_shorter_than_the_experts_from_anywhere(equation, sticks):
    start = masks_of(equation)
    states = distances_to([joined(start)], mover(start, sticks))
    goals = [masks for masks in states if holds(reading(parted(masks, len(start))))]
    far = distances_to(goals, mover(start, sticks))
    assert far.keys() == states.keys() and far[joined(start)] == sticks
    env, rng = lay(equation, sticks), np.random.default_rng(0)
    some = rng.permutation(len(far))[:250].tolist()
    for masks, distance in (list(far.items())[k] for k in some):
        env._begin((equation, sticks))
        env.lying, env.turn, env._terminated = list(parted(masks, len(start))), 0, False
        assert env._turns_left() == distance
        for left in range(distance, 0, -1):
            *_, terminated, _, info = env.step(env.expert())
            assert info["action_effective"] and terminated == (left == 1)


def test_every_solution_counts():
    for call in (move(1, "middle", 1, "upper_right"), move(2, "upright", 1, "upper_right")):
        env = lay("6+4=4", 1)
        *_, terminated, _, info = env.step(call)
        assert terminated and info["success"]
    assert reading(env.lying) == list("8-4=4")


def test_a_minus_in_the_place_of_a_digit_does_not_count():
    env = lay("17-10=110", 2)
    env.step(move(8, "upper_right", 7, "top"))
    *_, terminated, _, info = env.step(move(8, "lower_right", 8, "middle"))
    assert reading(env.lying) == list("17-10=7-0") and holds(reading(env.lying))
    assert not terminated and not info["success"] and not mended(env._laid, env.lying)
    while not terminated:
        left = env._turns_left()
        *_, terminated, _, info = env.step(env.expert())
        assert info["success"] == terminated == (left == 1)
    assert reading(env.lying) == list("11x10=110") and mended(env._laid, env.lying)


@pytest.mark.parametrize(
    "arguments", [*({"level": level} for level in LEVELS), *({"preset": name} for name in PRESETS)]
)
def test_equations_are_as_the_settings_say(arguments):
    env = Matchstick(image_size=32, **arguments)
    signs = set()
    for seed in range(40):
        _, info = env.reset(seed=seed, options={"split": "ood" if seed % 4 == 0 else "train"})
        settings, symbols = env.settings, list(env.start)
        signs |= set(symbols) & set("+-x")
        assert reading(env.lying) == symbols and not holds(symbols) and len(symbols) <= MOST_PLACES
        assert info["expert_steps"] == env._turns_left() == settings.sticks == env.sticks < settings.turns
        assert not any(moved(env._laid, masks) < env.sticks for masks in solutions(env._laid, env.sticks))
        numbers = re.split(r"[-+x]", env.start.partition("=")[0])
        assert len(numbers) in {len(operators) + 1 for operators in settings.operators}
        assert symbols.count(
            "="
        ) == 1 and env._task() == f"Move {env.sticks} stick{'s' * (env.sticks > 1)} so that " + ("the equation holds.")
    assert {"+", "-"} <= signs


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (move(6, "top", 1, "middle"), "from 1 to 5"),
        (move(1, "top", 12, "middle"), "from 1 to 5"),
        (move(4, "middle", 1, "upper_right"), "= stay"),
        (move(1, "top", 4, "middle"), "= stay"),
        (move(1, "upright", 1, "upper_right"), "a digit sticks lie at top"),
        (move(1, "top", 2, "top"), "an operator sticks lie at middle, upright"),
        (move(1, "upper_right", 3, "top"), "no stick"),
        (move(1, "top", 1, "bottom"), "a stick already"),
        (move(1, "top", 1, "top"), "a stick already"),
        (move(0, "top", 1, "top"), "place"),
        (move(10**40, "top", 1, "top"), "place"),
        (move(1, "the top", 1, "top"), "stick"),
        (move("1", "top", float("nan"), None), "place"),
        (UNDO, "nothing to take back"),
    ],
)
def test_calls_that_do_nothing_are_told(call, said):
    env = lay("6+4=4", 1)
    before = env.state_key()
    observation, *_, info = env.step(call)
    assert said in observation["feedback"] and not info["action_effective"] and env.state_key() == before


def test_no_more_sticks_move_than_may_but_a_moved_one_goes_on_and_back():
    env = lay("6+4=4", 1)
    env.step(move(1, "top", 3, "top"))
    observation, *_, info = env.step(move(1, "bottom", 3, "bottom"))
    assert "Only 1 stick may be moved" in observation["feedback"] and not info["action_effective"]
    assert env.step(move(3, "top", 5, "top"))[-1]["action_effective"]
    assert env.step(move(5, "top", 1, "top"))[-1]["action_effective"]
    assert env.lying == list(masks_of("6+4=4")) and moved(env._laid, env.lying) == 0
    assert env.step(move(1, "bottom", 3, "bottom"))[-1]["action_effective"]


def test_undo_takes_back_move_after_move():
    env, rng = lay("12+34=49", 2), np.random.default_rng(3)
    kept = []
    while len(kept) < 12:
        key = env.state_key()
        call = env.weak_call(rng)
        after = lay("12+34=49", 2)
        after.restore(env.snapshot())
        if not after.step(call)[2]:
            env.step(call)
            assert env.state_key() == after.state_key() != key
            kept.append(key)
    while kept:
        assert env.step(UNDO)[-1]["action_effective"] and env.state_key() == kept.pop()
    assert "nothing" in env.step(UNDO)[0]["feedback"]


def test_a_snapshot_keeps_the_history():
    env, other = lay("6+4=4", 1), Matchstick(image_size=32)
    env.step(move(1, "top", 3, "top"))
    other.restore(env.snapshot())
    other.step(UNDO)
    assert other.lying == list(masks_of("6+4=4")) and other.layout_key() == env.layout_key()


def test_sticks_are_drawn_where_they_lie_and_moved_ones_have_another_head():
    env = lay("6+4=4", 1, image_size=224)
    before = env._image()
    env.step(move(1, "top", 3, "top"))
    after = env._image()
    changed = (before != after).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert 0 < changed.mean() < 0.05 and rows.max() < 112 and columns.max() < 224
    blue = (after.astype(int) - before)[..., 2].max()
    assert blue > 100
    fresh = Matchstick(image_size=224)
    fresh.restore(env.snapshot())
    assert (fresh._image() == after).all()
    env.step(UNDO)
    assert (env._image() == before).all()


@pytest.mark.parametrize("size", [16, 96, 224])
def test_every_place_shows_and_the_looks_share_no_colour(size):
    tables = []
    for split in ("train", "ood"):
        env = Matchstick(image_size=size, level=5, split=split)
        observation, _ = env.reset(seed=1)
        tables.append({tuple(color) for color in observation["image"][[0, -1]].reshape(-1, 3).tolist()})
        blank = np.array(observation["image"][0, 0])
        assert ((observation["image"] != blank).any(axis=-1)).mean() > 0.02
    assert not tables[0] & tables[1]


def test_answers_are_what_the_text_twin_shows():
    env, rng = Matchstick(level=4, image_size=16, obs_mode="text"), np.random.default_rng(0)
    vocabulary, asked = set(Matchstick.vocabulary()), set()
    for seed in range(30):
        observation, _ = env.reset(seed=seed)
        assert observation["task"] in vocabulary
        for _ in range(3):
            first, *places, last = observation["text"].split("\n")
            shown = [re.fullmatch(r"place (\d+) shows (.): (.*)", line).groups() for line in places]
            symbols = [symbol for _, symbol, _ in shown]
            assert [int(number) for number, *_ in shown] == list(range(1, len(shown) + 1))
            assert first == "reads " + " ".join(symbols) == "reads " + env._description()
            sticks = [[] if names == "nothing" else names.split(", ") for *_, names in shown]
            for question, answer in env.questions(rng):
                asked.add(re.sub(r"\d+", "N", question))
                assert question in vocabulary and set(answer.split()) <= vocabulary
                numbers = [int(number) for number in re.findall(r"\d+", question)]
                if "read" in question:
                    assert answer == " ".join(symbols)
                elif "places" in question:
                    assert answer == str(len(shown))
                elif "moved" in question:
                    assert last == f"moved sticks: {answer}"
                elif "lie at" in question:
                    lie = sticks[numbers[0] - 1]
                    assert answer == str(2 if lie == ["two that stay"] else len(lie))
                elif "show" in question:
                    assert answer == symbols[numbers[0] - 1]
                else:
                    slot = question.split(" at ")[1].split(" of ")[0]
                    assert answer == ("yes" if slot in sticks[numbers[0] - 1] else "no")
            observation, _, terminated, _, info = env.step(env.weak_call(rng))
            assert info["feedback"] in vocabulary | {""}
            if terminated:
                break
    assert len(asked) == 5 + len(SLOTS)


def test_all_feedback_is_in_the_vocabulary():
    vocabulary = set(Matchstick.vocabulary()) | {""}
    for level in LEVELS:
        env = Matchstick(level=level, image_size=16, obs_mode="text", max_turns=10_000)
        env.reset(seed=level)
        env.action_space.seed(level)
        for _ in range(700):
            _, _, terminated, _, info = env.step(env.action_space.sample())
            assert info["feedback"] in vocabulary
            if terminated:
                env.reset()
