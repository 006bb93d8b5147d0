"""Blackjack: its rules by hand-dealt cards, and the best play against known numbers, Gymnasium, and plain recursion."""

from functools import cache

import gymnasium as gym
import numpy as np
import pytest

from mmgym_puzzles.cards.blackjack import LEVELS, Blackjack, Deal
from mmgym_puzzles.cards.blackjack_policy import Match, after_hand, best, chances, dealer_ends, hand_values, match_value
from mmgym_puzzles.cards.deck import Card, from_names

FULL = tuple(range(1, 14))
CLASSIC = Match(FULL, 17, False)
UPS = tuple((value, value == 1) for value in range(1, 11))


def dealt(player, dealer, later, rules=CLASSIC, **arguments):
    """A game whose cards are laid down beforehand."""
    env = Blackjack(image_size=32, obs_mode="both", **arguments)
    env.reset(seed=0)
    env._begin(Deal(rules, from_names(player.split()), from_names(dealer.split())))
    cards = iter(from_names(later.split()))
    env._next_card = lambda: next(cards)
    return env


CASES = [  # player, dealer, cards to come, calls, rewards by RL4VLM's table
    ("KH 9S", "7D", "10C", "stand", [1]),  # 19 against 17
    ("KH 7S", "9D", "10C", "stand", [-1]),
    ("KH 8S", "9D", "9C", "stand", [0]),
    ("KH 6S", "9D", "10C", "hit", [-1]),  # 26
    ("KH 6S", "9D", "5C 10C", "hit stand", [0, 1]),  # 21 against 19
    ("KH 6S", "9D", "5C 10C", "hit hit", [0, -1]),  # hitting at 21 is allowed
    ("KH 2S", "6D", "10C 6H", "stand", [1]),  # the dealer has 22
    ("KH 8S", "6D", "AC", "stand", [1]),  # it stands on a soft 17
    ("KH 6S", "6D", "AC", "stand", [-1]),
    ("AH KS", "9D", "10C", "stand", [1]),  # a natural pays no more
    ("AH KS", "7D", "7C 7H", "stand", [0]),  # and does not beat another 21
    ("AH 5S", "9D", "10C 10H", "hit stand", [0, -1]),  # the ace becomes 1: 16 against 19
    ("AH AS", "5D", "9C 10H AC 2D 10S", "hit stand", [0, 1]),  # 21 against 5 + 10 + 1 + 2 = 18
    ("2H 2S", "AD", "KC", "stand", [-1]),
]


@pytest.mark.parametrize(("player", "dealer", "later", "calls", "rewards"), CASES)
def test_hands_are_paid_by_rl4vlms_table(player, dealer, later, calls, rewards):
    env = dealt(player, dealer, later, preset="rl4vlm")
    paid = []
    for call in calls.split():
        _, reward, terminated, truncated, info = env.step({"name": call})
        paid.append(reward)
    assert paid == rewards and terminated and not truncated
    assert info["success"] == (rewards[-1] == 1) and info["reward_terms"] == {"outcome": rewards[-1]}
    plain = dealt(player, dealer, later, level=2)
    for call in calls.split():
        _, reward, *_ = plain.step({"name": call})
    assert reward == float(rewards[-1] == 1)


def test_the_presets_text_is_rl4vlms():
    env = dealt("KH 10S", "AD", "", preset="rl4vlm")
    assert env._text() == "Dealer's card: A. Player's cards: K, 10."


def test_a_match_ends_when_it_is_decided():
    env = dealt("KH 9S", "7D", "10C  KD QD 8H 10H  ", level=4)
    *_, terminated, _, info = env.step({"name": "stand"})
    assert not terminated and env.lead == 1 and info["feedback"] == "You have 19, the dealer 17: won."
    assert "Hand 2 of 3, lead 1, goal 2" in env._text() and info["reward_terms"] == {"outcome": 0.0}
    _, reward, terminated, _, info = env.step({"name": "stand"})
    assert terminated and info["success"] and reward == 1.0 and env.lead == 2
    env = dealt("KH 7S", "9D", "10C 5D 5H 5C", level=4)
    *_, terminated, _, info = env.step({"name": "stand"})  # lost: two hands can still bring a lead of 1 only
    assert terminated and not info["success"]


def test_the_dealers_rules():
    stands, draws = Match(FULL, 17, False), Match(FULL, 17, True)
    assert dealer_ends(stands, (7, True))[17] == 1.0  # ace and six
    assert dealer_ends(draws, (7, True))[17] < 0.4 and dealer_ends(draws, (8, True))[18] == 1.0
    assert dealer_ends(draws, (17, False))[17] == dealer_ends(draws, (17, True))[17] == 1.0
    assert dealer_ends(Match(FULL, 13, False), (13, False))[13] == 1.0
    for rules in (stands, draws, Match((2, 5, 10, 11), 18, True)):
        for up in UPS:
            assert sum(dealer_ends(rules, up)) == pytest.approx(1.0, abs=1e-12)
    # chance of a bust by the card that is seen, as tabulated for an infinite pack (the dealer stands on every 17)
    busts = [dealer_ends(stands, up)[0] for up in UPS]
    known = [0.1153, 0.3536, 0.3739, 0.3945, 0.4164, 0.4232, 0.2623, 0.2447, 0.2284, 0.2121]
    assert np.allclose(busts, known, atol=2e-3)


def test_the_best_play_is_the_known_one():
    """Sutton and Barto, figure 5.2, where hitting and standing are the only choices."""
    standing, hitting = hand_values(CLASSIC, UPS, (1.0, 0.0, -1.0))
    hits = hitting > standing
    for place, (up, _) in enumerate(UPS):
        hard = {total for total in range(4, 22) if hits[place, total, 0]}
        assert hard == set(range(4, 17 if up in (1, *range(7, 11)) else 13 if up in (2, 3) else 12))
        soft = {total + 10 for total in range(2, 12) if hits[place, total, 1]}
        assert soft == set(range(12, 19 if up in (1, 9, 10) else 18))


def test_the_value_is_what_gymnasiums_own_game_gives():
    env = gym.make("Blackjack-v1", natural=False, sab=False).unwrapped
    standing, hitting = hand_values(CLASSIC, UPS, (1.0, 0.0, -1.0))
    chance = chances(FULL)
    worth = np.maximum(standing, hitting)
    value = sum(
        chance[up] * chance[a] * chance[b] * worth[up - 1, a + b, int(1 in (a, b))]
        for up in range(1, 11)
        for a in range(1, 11)
        for b in range(1, 11)
    )
    assert value == pytest.approx(-0.0466, abs=5e-4)
    env.reset(seed=1)
    rewards = []
    for _ in range(12_000):
        (total, up, soft), _ = env.reset()
        ended = False
        while not ended:
            hard = total - 10 * soft
            hit = hitting[up - 1, hard, int(soft)] > standing[up - 1, hard, int(soft)]
            (total, up, soft), reward, ended, _, _ = env.step(int(hit))
        rewards.append(reward)
    assert np.mean(rewards) == pytest.approx(value, abs=4 * np.std(rewards) / len(rewards) ** 0.5)


def plain_match(rules, hands, goal):
    """The chance of success by plain recursion over every card, hand after hand."""
    chance = {v: p for v, p in enumerate(chances(rules.ranks)) if p}

    @cache
    def dealer(cards, mine):
        total, ace = sum(cards), 1 in cards
        counts = total + 10 if ace and total <= 11 else total
        if total > 21:
            return {1: 1.0}
        if counts > rules.stands or (counts == rules.stands and not (rules.hits_soft and counts != total)):
            return {(mine > counts) - (mine < counts): 1.0}
        found = {1: 0.0, 0: 0.0, -1: 0.0}
        for value, p in chance.items():
            for result, q in dealer(tuple(sorted((*cards, value))), mine).items():
                found[result] += p * q
        return found

    @cache
    def play(cards, up, lead, left):
        total = sum(cards)
        if total > 21:
            return match(lead - 1, left - 1)
        mine = total + 10 if 1 in cards and total <= 11 else total
        standing = sum(p * match(lead + result, left - 1) for result, p in dealer((up,), mine).items())
        hitting = sum(p * play(tuple(sorted((*cards, value))), up, lead, left) for value, p in chance.items())
        return max(standing, hitting)

    @cache
    def match(lead, left):
        if not left or lead >= goal:
            return float(lead >= goal)
        return sum(
            chance[up] * chance[a] * chance[b] * play(tuple(sorted((a, b))), up, lead, left)
            for up in chance
            for a in chance
            for b in chance
        )

    return match(0, hands)


@pytest.mark.parametrize(
    ("rules", "hands", "goal"),
    [(Match((1, 5, 10, 12), 17, True), 3, 2), (Match((4, 6, 9), 16, False), 4, 2), (Match((1, 7, 9), 18, True), 2, 1)],
)
def test_a_match_is_worth_what_plain_recursion_says(rules, hands, goal):
    assert match_value(rules, 0, hands, goal) == pytest.approx(plain_match(rules, hands, goal), abs=1e-12)


def test_the_last_hand_is_played_for_what_is_needed():
    # one hand ahead is needed: a draw is worth no more than a loss, so the best play risks more
    assert after_hand(CLASSIC, 0, 1, 1) == (1.0, 0.0, 0.0)
    assert after_hand(CLASSIC, 1, 1, 1) == (1.0, 1.0, 0.0)  # one ahead: a draw is enough
    assert match_value(CLASSIC, 0, 1, 1) == pytest.approx(0.4316, abs=5e-4)
    assert match_value(CLASSIC, -1, 1, 1) == 0.0 and match_value(CLASSIC, 1, 0, 1) == 1.0


def test_the_expert_wins_as_often_as_it_should():
    env = Blackjack(level=4, image_size=16, obs_mode="text")
    wins, chance = [], []
    for seed in range(500):
        env.reset(seed=seed)
        standing, hitting = (
            v[0, sum(min(c.rank, 10) for c in env.player), int(any(c.rank == 1 for c in env.player))]
            for v in hand_values(
                env.deal.rules,
                ((min(env.dealer[0].rank, 10), env.dealer[0].rank == 1),),
                after_hand(env.deal.rules, 0, 3, 2),
            )
        )
        chance.append(max(standing, hitting))
        while not env.over:
            env.step(env.expert())
        wins.append(env.success)
    spread = np.sqrt(np.mean(np.array(chance) * (1 - np.array(chance))) / len(chance))
    assert np.mean(wins) == pytest.approx(np.mean(chance), abs=3.5 * spread)


def test_tables_are_as_the_levels_say():
    for level, table in LEVELS.items():
        env = Blackjack(level=level, image_size=16, obs_mode="text")
        for seed in range(10):
            env.reset(seed=seed)
            rules = env.deal.rules
            assert len(rules.ranks) == 13 - table.missing and table.stands[0] <= rules.stands <= table.stands[1]
            assert all(card.rank in rules.ranks for card in (*env.player, *env.dealer))
            assert len(env.dealer) == 1 + table.open and (table.soft or not rules.hits_soft)
            assert ("a hidden card" in env._text()) == (not table.open)


def test_later_cards_come_from_the_generator_that_a_snapshot_holds():
    env, other = Blackjack(level=3, image_size=32), Blackjack(level=3, image_size=32)
    other.reset(seed=77)
    env.reset(seed=5)
    env.step({"name": "stand"})
    shot, key = env.snapshot(), env.state_key()
    runs = []
    for game in (env, other):
        game.restore(shot)
        run = []
        while not game.over:
            observation, *_ = game.step(game.expert())
            run.append((game.state_key(), observation["image"].tobytes()))
        runs.append(run)
    assert runs[0] == runs[1]
    env.restore(shot)
    env.np_random.random()
    assert env.state_key() == key  # what is not turned up yet is no part of the state
    ends = set()
    for _ in range(12):
        env.restore(shot)
        env.np_random.bit_generator.advance(len(ends) + 1)
        env.step({"name": "stand"})
        ends.add(env.state_key())
    assert len(ends) > 1


def test_an_ace_counts_eleven_where_it_can():
    assert [best(total) for total in ((11, True), (12, True), (12, False), (21, False))] == [21, 12, 12, 21]
    env = dealt("AH 6S", "AD", "", level=2)
    answers = dict(env.questions(np.random.default_rng(0)))
    assert answers["What is your total?"] == "17" and answers["Is your total soft or hard?"] == "soft"
    assert answers["Look around."] == "17 soft 11 0"
    assert Card(1, 0).word == "A:hearts" and answers["Which cards do you hold?"] == "A:hearts 6:spades"
