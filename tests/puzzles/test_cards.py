"""Games of numbers and cards: RL4VLM's reward tables, hands and lines, splits, words and pictures."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

import mmgym
from mmgym_puzzles import PLUGIN
from mmgym_puzzles.cards.blackjack import Blackjack
from mmgym_puzzles.cards.deck import DECK, Card, from_names
from mmgym_puzzles.cards.ez_points import EZPoints
from mmgym_puzzles.cards.faces import LOOKS, card_picture
from mmgym_puzzles.cards.formula import exactly
from mmgym_puzzles.cards.formula_game import Hand
from mmgym_puzzles.cards.number_line import Line, NumberLine
from mmgym_puzzles.cards.points_24 import LEVELS, Points24
from mmgym_puzzles.cards.solver import fewest_brackets, solutions
from mmgym_puzzles.puzzle import split_of

KINDS = (Blackjack, EZPoints, NumberLine, Points24)
BAD = {"name": "fly", "arguments": {}}


def write(symbol):
    return {"name": "write", "arguments": {"symbol": symbol}}


def move(direction):
    return {"name": "move", "arguments": {"direction": direction}}


def start(kind, instance, **arguments):
    env = kind(image_size=32, **arguments)
    env.reset(seed=0)
    env._begin(instance)
    return env


def transcript(env, calls):
    """The reward of every turn, and how the last one ended."""
    rewards = []
    for call in calls:
        _, reward, terminated, truncated, info = env.step(call)
        assert info["reward_terms"] == {"outcome": reward}
        rewards.append(reward)
        if terminated or truncated:
            return rewards, "terminated" if terminated else "truncated"
    return rewards, "goes on"


# --- RL4VLM's tables -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "target", "moves", "rewards", "end"),
    [
        (1, 4, "right right right", [0, 0, 1], "terminated"),
        (4, 3, "left", [1], "terminated"),
        (1, 4, "left right right right right", [-1, 0, 0, 0, 1], "terminated"),
        (0, 3, "left left right", [-1, -1, 0], "goes on"),  # the end of the line: no nearer
        (5, 4, "right left", [-1, 1], "terminated"),
        (0, 5, "left " * 12, [-1] * 10, "truncated"),
        (0, 5, "right left " * 6, [0, -1] * 5, "truncated"),
        (0, 5, "right " * 5, [0, 0, 0, 0, 1], "terminated"),
    ],
)
def test_number_line_pays_by_rl4vlms_table(at, target, moves, rewards, end):
    env = start(NumberLine, Line(0, 1, 6, tuple(range(6)), at, target), preset="rl4vlm")
    assert transcript(env, map(move, moves.split())) == (rewards, end)
    assert env.success == (end == "terminated")


EZ_CASES = [
    ("KH 2S", "10 + 2 =", [0, 0, 0, 10]),
    ("KH 2S", "2 + 10 =", [0, 0, 0, 10]),
    ("KH 2S", "2 * 10 =", [0, 0, 0, -1]),
    ("KH 2S", "=", [-1]),
    ("KH 2S", "10 =", [0, -1]),  # a card is left
    ("KH 2S", "3 10 + 2 =", [-1, 0, 0, 0, 10]),  # a card that is not there, and on
    ("KH 2S", "10 10 + 2 =", [0, -1, 0, 0, 10]),
    ("KH 2S", "10 2 =", [0, 0, -1]),  # reads 102
    ("KH 2S", "10 + 2 + =", [0, 0, 0, 0, -1]),
    ("KH 2S", "10 + + 2 =", [0, 0, 0, 0, 10]),  # a sign before a number
    ("KH 2S", "+ 10 + 2 =", [0, 0, 0, 0, 10]),
    ("KH 2S", "10 * * 2 =", [0, 0, 0, 0, -1]),  # reads 10 ** 2
    ("6H 6S", "6 + 6 =", [0, 0, 0, 10]),
    ("6H 6S", "6 + 6 6 =", [0, 0, 0, -1, 10]),
    ("6H 2D", "6 * 2 =", [0, 0, 0, 10]),
    ("QH 2D", "10 + 2 + + +", [0, 0, 0, 0, 0, 0]),
    ("QH 2D", "10 + 2 + + + = =", [0, 0, 0, 0, 0, 0, -1]),  # too long
    ("QH 2D", "3 3 3 3 3 3 10", [-1] * 7),
    ("QH 2D", "3 3 10 + 2 =", [-1, -1, 0, 0, 0, 10]),
    ("QH 2D", "3 3 3 10 + 2 =", [-1, -1, -1, 0, 0, 0, -1]),  # right, but too late
]


@pytest.mark.parametrize(("cards", "symbols", "rewards"), EZ_CASES)
def test_ez_points_pays_by_rl4vlms_table(cards, symbols, rewards):
    env = start(EZPoints, Hand(from_names(cards.split()), 12), preset="rl4vlm")
    paid, end = transcript(env, map(write, symbols.split()))
    assert paid == rewards
    too_long = len(rewards) == 7
    assert end == ("truncated" if too_long else "terminated" if symbols.endswith("=") else "goes on")
    assert env.success == (10 in rewards)


POINTS_CASES = [
    ("4H 6S AD AC", "4 * 6 * 1 * 1 =", [0] * 7 + [10]),
    ("4H 6S AD AC", "4 * 6 =", [0, 0, 0, -1]),  # cards are left
    ("4H 6S AD AC", "( 4 + 1 - 1 ) * 6 =", [0] * 9 + [10]),
    ("4H 6S AD AC", "( 4 + 1 - 1 * 6 =", [0] * 8 + [-1]),
    ("2H 4S AD AC", "2 4 * 1 * 1 =", [0] * 6 + [10]),  # reads 24 * 1 * 1
    ("2H 4S AD AC", "2 5 4 * 1 * 1 =", [0, -1, 0, 0, 0, 0, 0, -1]),  # a blank parts 2 and 4
    ("JH 4S 6D 2C", "10 / / 4 * 6 * 2 =", [0] * 8 + [10]),  # 10 // 4 is 2
    ("JH 4S 6D 2C", "10 / 4 * 6 * 2 =", [0] * 7 + [-1]),
    ("3H 3S 3D AC", "3 * * 3 - 3 * 1 =", [0] * 8 + [10]),  # 3 ** 3 is 27
    ("3H 3S 8D 8C", "8 / ( 3 - 8 / 3 ) =", [0] * 9 + [-1]),  # rounded quotients, as there
    ("AH 5S 5D 5C", "5 * ( 5 - 1 / 5 ) =", [0] * 9 + [10]),
    ("5H 5S 6D 4C", "6 * 4 / ( 5 - 5 ) =", [0] * 9 + [-1]),
    ("2H 3S 4D AC", "2 ( 3 ) + 4 - 1 =", [0] * 8 + [-1]),
    ("2H 3S 4D AC", "( ) =", [0, 0, -1]),
    ("10H JS QD KC", "10 * * 10 * * 10 * * 10 =", [0] * 10 + [-1]),  # and at once
    ("2H 3S 4D AC", "( " * 21 + "=", [0] * 21 + [-1]),
    ("2H 3S 4D AC", "( " * 21, [0] * 21),
    ("2H 3S 4D AC", "9 " * 22, [-1] * 22),
    ("2H 3S 4D AC", "9 " * 13 + "1 * 2 * 3 * 4 =", [-1] * 13 + [0] * 7 + [10]),
    ("2H 3S 4D AC", "9 " * 14 + "1 * 2 * 3 * 4 =", [-1] * 14 + [0] * 7 + [-1]),
]


@pytest.mark.parametrize(("cards", "symbols", "rewards"), POINTS_CASES)
def test_points_24_pays_by_rl4vlms_table(cards, symbols, rewards):
    env = start(Points24, Hand(from_names(cards.split()), 24), preset="rl4vlm")
    paid, end = transcript(env, map(write, symbols.split()))
    assert paid == rewards
    too_long = len(rewards) == 22
    assert end == ("truncated" if too_long else "terminated" if symbols.endswith("=") else "goes on")
    assert env.success == (10 in rewards)


def test_invalid_calls_are_paid_as_the_presets_say_and_change_nothing():
    for kind, pay in ((NumberLine, -1.0), (EZPoints, -1.0), (Points24, -1.0), (Blackjack, 0.0)):
        env = kind(preset="rl4vlm", image_size=32)
        env.reset(seed=3)
        key = env.state_key()
        _, reward, terminated, _, info = env.step(BAD)
        assert (reward, terminated, env.state_key()) == (pay, False, key) and not info["action_valid"]


def test_presets_have_rl4vlms_actions_pictures_and_texts():
    numbers = [str(k) for k in range(1, 11)]
    for kind, symbols in ((EZPoints, [*numbers, *"+*="]), (Points24, [*numbers, *"+-*/()="])):
        calls = kind(preset="rl4vlm").action_space.calls
        assert [call.arguments["symbol"] for call in calls] == symbols
    assert [c.arguments["direction"] for c in NumberLine(preset="rl4vlm").action_space.calls] == ["left", "right"]
    assert [c.name for c in Blackjack(preset="rl4vlm").action_space.calls] == ["hit", "stand"]
    for kind in KINDS:
        assert kind(preset="rl4vlm").reset(seed=0)[0]["image"].shape == (300, 300, 3)
        assert kind(preset="rl4vlm", image_size=64).reset(seed=0)[0]["image"].shape == (64, 64, 3)
    env = start(NumberLine, Line(0, 1, 6, tuple(range(6)), 1, 4), preset="rl4vlm")
    assert env._text() == "Target number: 4. Current number: 1"
    env = start(EZPoints, Hand(from_names(["QH", "2S"]), 12), preset="rl4vlm")
    env.step(write("10"))
    env.step(write("+"))
    assert env._text() == "Cards: ['HQ', 'S2']. Numbers: [10, 2]. Current formula: 10+."
    env = start(Points24, Hand(from_names(["10H", "2S", "KC", "AD"]), 24), preset="rl4vlm")
    assert env._text() == "Cards: ['HT', 'S2', 'CK', 'DA']. Numbers: [10, 2, 10, 1]. Current formula: ."


def test_presets_deal_as_rl4vlm_does():
    lines, pairs, hands = set(), set(), set()
    for seed, split in itertools.product(range(150), mmgym.SPLITS):
        env = NumberLine(preset="rl4vlm", obs_mode="text", image_size=16)
        env.reset(seed=seed, options={"split": split})
        lines.add((env.line.start, env.line.target))
        env = EZPoints(preset="rl4vlm", obs_mode="text", image_size=16)
        env.reset(seed=seed, options={"split": split})
        pairs.add(env.hand.numbers)
        assert env.hand.target == 12 and {exactly(f) for f in env.solver(env.hand.numbers, 12)} == {12}
    assert lines == {(one, other) for one in range(6) for other in range(6) if one != other}
    assert pairs == {(2, 10), (3, 9), (4, 8), (5, 7), (6, 6), (2, 6), (3, 4)}
    env = Points24(preset="rl4vlm", obs_mode="text", image_size=16)
    for seed in range(60):
        env.reset(seed=seed)
        hands.add(env.hand.numbers)
        assert len(env.hand.cards) == 4 and env.hand.target == 24 and max(env.hand.numbers) <= 10
        total = 0.0
        while not env.success:
            total += env.step(env.expert())[1]
        assert total == 10 and env.turn == env._expert_steps()
    assert len(hands) > 30


def test_a_hand_that_only_fractions_solve_is_not_dealt_under_the_preset():
    hand = Hand(from_names(["3H", "3S", "8D", "8C"]), 24)
    rng = np.random.default_rng(0)
    assert Points24._aim(rng, hand, Points24.preset_settings["rl4vlm"]) is None
    assert Points24._aim(rng, hand, LEVELS[3]) == hand


def test_the_presets_expert_keeps_to_the_game_where_joined_cards_win_in_fewer_calls():
    hand = Hand(from_names("3H 4S 5D 8C".split()), 24)
    env = start(Points24, hand, preset="rl4vlm")
    assert transcript(env, map(write, "5 8 - 3 4 =".split())) == ([0] * 5 + [10], "terminated")
    env = start(Points24, hand, preset="rl4vlm")
    while not env.success:
        env.step(env.expert())
    assert exactly(env.formula) == 24
    assert env.turn == len(solutions(hand.numbers, 24)[0]) + 1 > 6
    assert "joined cards" in Points24.__doc__  # what the class says of its expert


# --- the games -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_hands_of_points_24_are_as_the_table_says(level):
    env, settings = Points24(level=level, image_size=16, obs_mode="text"), LEVELS[level]
    for seed in range(6):
        env.reset(seed=seed, options={"split": mmgym.SPLITS[seed % 4]})
        hand = env.hand
        assert len(set(hand.cards)) == settings.cards and settings.target[0] <= hand.target <= settings.target[1]
        assert max(card.rank for card in hand.cards) <= settings.highest
        assert fewest_brackets(hand.numbers, hand.target) == settings.brackets
        assert env._expert_steps() == len(solutions(hand.numbers, hand.target)[0]) + 1


@pytest.mark.parametrize(("kind", "levels"), [(EZPoints, (1, 3, 5)), (Points24, (1, 3, 5))])
def test_after_a_false_start_the_expert_needs_the_turns_it_says(kind, levels):
    for seed, level in enumerate(levels * 3):
        env = kind(level=level, image_size=16, obs_mode="text", max_turns=200)
        env.reset(seed=seed)
        env.action_space.seed(seed)
        for _ in range(8):
            call = env.action_space.sample()
            if call.name != "submit":
                env.step(call)
        before, left = env.turn, env._turns_left()
        while not env.success:
            env.step(env.expert())
        assert env.turn - before == left


def test_a_whole_other_solution_is_as_good():
    env = start(Points24, Hand(from_names(["4H", "6S", "AD", "AC"]), 24))
    for symbol in "( 1 * 4 ) * 6 / 1".split():
        env.step(write(symbol))
    assert env._turns_left() is not None
    *_, info = env.step({"name": "submit", "arguments": {}})
    assert info["success"] and info["feedback"] == "The formula makes 24."


@pytest.mark.parametrize(
    ("symbols", "said"),
    [("4 * 6", "Not every card was used."), ("4 * 6 + 1 1", "The formula has no value: 1 is out of place."),
     ("4 * 6 + 1 + 1", "The formula makes 26."), ("4 / 6 + 1 + 1", "The formula makes 8/3."),
     ("4 / ( 1 - 1 ) + 6", "The formula has no value: division by zero.")],
)  # fmt: skip
def test_a_wrong_formula_ends_the_game_and_says_what_it_makes(symbols, said):
    env = start(Points24, Hand(from_names(["4H", "6S", "AD", "AC"]), 24))
    for symbol in symbols.split():
        env.step(write(symbol))
    _, reward, terminated, _, info = env.step({"name": "submit", "arguments": {}})
    assert (reward, terminated, info["success"], info["feedback"]) == (0.0, True, False, said)


def test_what_cannot_be_written_says_so():
    env = start(Points24, Hand(from_names(["4H", "6S", "AD", "AC"]), 24), max_turns=100)
    said = [env.step(call)[4] for call in (write("7"), {"name": "undo"}, {"name": "clear"}, write("4"), write("4"))]
    assert [info["feedback"] for info in said] == [
        "This card is not there, or used up.",
        "The formula is empty.",
        "The formula is empty.",
        "",
        "This card is not there, or used up.",
    ]
    for _ in range(25):
        *_, info = env.step(write("("))
    assert info["feedback"] == "The formula is full: undo something." and len(env.formula) == 21
    for symbol in ("=", "14", "eval", "", 4, None, "٤", "4 "):
        *_, info = env.step(write(symbol))
        assert not info["action_valid"] and info["feedback"]
    env.step({"name": "clear"})
    assert env.formula == []


def test_faces_count_as_the_picture_says():
    cards = from_names(["JH", "QS", "KD", "AC"])
    assert Hand(cards, 24).numbers == (1, 10, 10, 10) and Hand(cards, 24, "rank").numbers == (1, 11, 12, 13)
    assert "J counts 11" in start(Points24, Hand(cards, 24, "rank"))._text()


def test_splits_go_by_what_the_cards_count():
    one, other = from_names(["KH", "2S", "3D", "AC"]), from_names(["AH", "3S", "10D", "2C"])
    assert Points24.candidate_key(Hand(one, 24)) == Points24.candidate_key(Hand(other, 36))
    assert Points24.candidate_key(Hand(one, 24)) != Points24.candidate_key(Hand(one, 24, "rank"))
    assert EZPoints.candidate_key(Hand(one, 24)) == EZPoints.candidate_key(Hand(other, 24))
    classic = [(10, 2), (9, 3), (8, 4), (7, 5), (6, 6), (6, 2), (4, 3)]
    owners = [split_of(EZPoints.candidate_key(Hand((Card(a, 0), Card(b, 1)), 12))) for a, b in classic]
    assert set(owners) == set(mmgym.SPLITS) and owners.count("train") == 4


def test_each_split_of_rl4vlms_line_goes_both_ways():
    """With 15 ways between its numbers, a split may else hold ways to the left alone: always left would solve it."""
    owners = {split: set() for split in mmgym.SPLITS}
    for start, target in itertools.permutations(range(6), 2):
        owners[split_of(NumberLine.candidate_key(Line(0, 1, 6, (), start, target)))].add((start, target))
    assert all(found == {way[::-1] for way in found} for found in owners.values())
    assert {split: len(found) for split, found in owners.items()} == {"train": 22, "val": 2, "test": 4, "ood": 2}


def test_hands_of_no_two_splits_count_the_same():
    found = {split: set() for split in mmgym.SPLITS}
    env = Points24(image_size=16, obs_mode="text")
    for seed in range(240):
        split = mmgym.SPLITS[seed % 4]
        env.reset(seed=seed, options={"split": split, "level": 1 + seed // 4 % 4})
        found[split].add(env.hand.numbers)
    for one, other in itertools.combinations(mmgym.SPLITS, 2):
        assert not found[one] & found[other]


def test_a_number_line_leads_where_its_numbers_say():
    for level, seed in itertools.product(range(1, 6), range(12)):
        env = NumberLine(level=level, image_size=16, obs_mode="text")
        text = env.reset(seed=seed)[0]["text"].splitlines()
        ticks = text[0].removeprefix("Ticks from left to right: ").split()
        known = {k: int(label) for k, label in enumerate(ticks) if label != "?"}
        (a, one), *_, (b, other) = known.items()
        at = int(text[1].split()[5]) - 1
        step = Fraction(other - one, b - a)
        assert all(value == one + step * (k - a) for k, value in known.items())
        goal = a + (int(text[2].removeprefix("Target: ")) - one) / step
        assert goal.denominator == 1 and 0 <= goal < len(ticks)
        for _ in range(abs(int(goal) - at)):
            *_, info = env.step(move("right" if goal > at else "left"))
        assert info["success"]


def test_level_2_and_up_allow_the_mistakes_they_promise():
    env = NumberLine(level=5, image_size=16, obs_mode="text")
    env.reset(seed=4)
    towards = env.expert().arguments["direction"]
    away = {"left": "right", "right": "left"}[towards]
    for direction in (towards, away, towards, away):
        env.step(move(direction))
    ended = False
    while not ended:
        *_, terminated, truncated, info = env.step(move(towards))
        ended = terminated or truncated
    assert info["success"] and env.turn == env.max_turns
    env.reset(seed=4)
    for direction in (towards, away) * 3 + (towards,) * 60:
        *_, terminated, truncated, info = env.step(move(direction))
        if terminated or truncated:
            break
    assert truncated and not info["success"]


# --- words and pictures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_says_what_the_class_is(kind):
    entry = next(e for e in PLUGIN.environments if e.entry_point == f"{kind.__module__}:{kind.__name__}")
    assert entry.presets == tuple(kind.preset_settings) and entry.family == "cards"
    assert entry.tools == tuple(tool.name for tool in kind().action_space.tools)


@pytest.mark.parametrize("kind", [EZPoints, Points24, Blackjack])
def test_answers_and_actions_are_in_the_vocabulary(kind):
    known = set(kind.vocabulary())
    for seed in range(20):
        env = kind(level=1 + seed % 5, image_size=16, obs_mode="text")
        env.reset(seed=seed)
        asked = env.questions(np.random.default_rng(seed))
        assert {text for text, _ in asked} == set(kind.question_texts) <= known
        for text, answer in asked:
            free = text in ("What is the target?", "Look around.") and kind in (EZPoints, Points24)
            assert free or set(answer.split()) <= known, (text, answer)


def test_all_cards_look_different_at_every_size():
    for look, width in itertools.product(LOOKS, (14, 48)):
        pictures = {card_picture(look, card, round(1.4 * width), width).tobytes() for card in DECK}
        assert len(pictures) == 52


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_bit_by_bit_is_what_is_drawn_at_once(kind):
    for seed in range(6):
        env, fresh = (kind(level=1 + seed % 5, image_size=64) for _ in range(2))
        env.reset(seed=seed)
        env.action_space.seed(seed)
        for _ in range(12):
            observation, *_, terminated, truncated, _ = env.step(env.action_space.sample())
            drawn, _ = fresh.restore(env.snapshot())
            assert np.array_equal(drawn["image"], observation["image"])
            if terminated or truncated:
                break


@pytest.mark.parametrize("kind", KINDS)
def test_ood_has_a_look_of_its_own(kind):
    env = kind(image_size=96)
    grounds = {s: env.reset(seed=1, options={"split": s})[0]["image"][-1, -1].tolist() for s in mmgym.SPLITS}
    assert grounds["train"] == grounds["val"] == grounds["test"] != grounds["ood"]
