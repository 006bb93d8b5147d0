"""The games: what theory says of them, experts that play by it, and states that are complete."""

import itertools

import gymnasium as gym
import numpy as np
import pytest

import mmgym
from mmgym.rollout.host import load_attribute
from mmgym_arena import RULES
from mmgym_arena.boards.board import BoardState
from mmgym_arena.boards.connect_four import ConnectFour, _Bits, _position
from mmgym_arena.boards.hex import Hex
from mmgym_arena.boards.tic_tac_toe import TicTacToe
from mmgym_arena.cards.kuhn_poker import Deal, KuhnPoker
from mmgym_arena.match import Match
from mmgym_arena.scripted import legal
from mmgym_arena.search import best_moves, value
from mmgym_arena.worlds.guide_walker import GuideWalker, Maze

GAMES = [(load_attribute(rules), level) for rules in RULES.values() for level in (1, 2, 3)]
IDS = [f"{game.__name__}-{level}" for game, level in GAMES]


def brute(game, state):
    over = game.worth(state)
    return over if over is not None else max(-brute(game, game.after(state, move)) for move in game.moves(state))


def play(game, players, rng, most=10**6):
    match = Match.begin(game, rng)
    while match.movers and sum(match.turns) < most:
        match.play({seat: getattr(game, players[seat])(match.state, seat, rng) for seat in match.movers})
    return match


def test_search_finds_what_trying_everything_finds():
    game, rng = TicTacToe(3), np.random.default_rng(0)
    for _ in range(15):
        state = game.empty()
        for _ in range(4):
            moves = game.moves(state)
            state = game.after(state, moves[rng.integers(len(moves))])
        if game.worth(state) is not None:
            continue
        exact = {move: -brute(game, game.after(state, move)) for move in game.moves(state)}
        best = best_moves(game, state)
        assert best and all(exact[move] == max(exact.values()) for move in best)
        assert round(value(game, state)) == max(exact.values())


def test_known_values():
    assert value(TicTacToe(), TicTacToe().empty()) == 0
    assert value(Hex(1), Hex(1).empty()) > 0.9, "the first wins"


def test_the_bits_of_connect_four_are_its_letters():
    game, rng = ConnectFour(1), np.random.default_rng(1)
    bits = _Bits(game.rows, game.columns)
    for _ in range(30):
        state = game.empty()
        while True:
            position = _position(state, game.rows, game.columns)
            assert bits.worth(position) == game.worth(state)
            if game.worth(state) is not None:
                break
            moves = game.moves(state)
            assert sorted(bits.moves(position)) == sorted(moves)
            move = moves[rng.integers(len(moves))]
            state = game.after(state, move)
            assert bits.after(position, move) == _position(state, game.rows, game.columns)


def test_hex_has_one_winner_on_every_full_board():
    game, rng = Hex(1), np.random.default_rng(2)
    for _ in range(40):
        cells = rng.permutation(9)
        board = "".join("x" if cell in cells[:5] else "o" for cell in range(9))
        ends = [game.distance(board, seat) for seat in (0, 1)]
        assert sorted(ends) == [0, np.inf]


def test_the_poker_equilibrium_is_worth_a_minus_eighteenth_and_cannot_be_beaten():
    game = KuhnPoker(1)

    def expected(policies):
        """Chips of the first seat, over all deals and chances; a policy is card, done -> share of bold answers."""

        def walk(state, chance):
            movers = game.movers(state)
            if not movers:
                return chance * state.chips[0]
            (seat,) = movers
            bold = policies[seat](state.decks[0][seat], state.done)
            faced = state.done[-1:] == ("bet",)
            total = 0.0
            for name, share in (("call" if faced else "bet", bold), ("fold" if faced else "check", 1 - bold)):
                if share:
                    done = game.play(state, {seat: next(c for c in game.calls(seat) if c.name == name)})
                    total += walk(done, chance * share)
            return total

        deals = list(itertools.permutations(range(3), 2))
        return sum(walk(Deal((cards,), 0, (), (0, 0), ()), 1 / len(deals)) for cards in deals)

    assert expected([game.boldness, game.boldness]) == pytest.approx(-1 / 18)
    situations = {0: [(), ("check", "bet")], 1: [("check",), ("bet",)]}
    for seat in (0, 1):
        values = []
        for bold in itertools.product((0.0, 1.0), repeat=6):
            answers = dict(zip(itertools.product(range(3), situations[seat]), bold, strict=True))

            def pure(card, done, answers=answers):
                return answers[card, done]

            policies = [pure, game.boldness] if seat == 0 else [game.boldness, pure]
            values.append(expected(policies) * (1 if seat == 0 else -1))
        assert max(values) == pytest.approx(-1 / 18 if seat == 0 else 1 / 18), "no answer wins more against it"


def test_the_poker_expert_plays_the_equilibrium():
    game, rng = KuhnPoker(1), np.random.default_rng(0)
    state = Deal(((0, 2),), 0, (), (0, 0), ())
    share = np.mean([game.expert(state, 0, rng).name == "bet" for _ in range(2000)])
    assert share == pytest.approx(1 / 3, abs=0.04)


def test_perfect_players_draw_and_beat_random_ones():
    rng = np.random.default_rng(3)
    for _ in range(3):
        assert play(TicTacToe(), ("expert", "expert"), rng).scores() == (0.0, 0.0)
        assert play(TicTacToe(), ("expert", "random"), rng).scores()[0] >= 0
        assert play(Hex(1), ("expert", "random"), rng).solved(0)


@pytest.mark.parametrize("name", ["GuideWalker", "TwoRooms"])
def test_experts_solve_every_common_task(name):
    rng = np.random.default_rng(4)
    for level in (1, 2, 3):
        for _ in range(20):
            assert play(load_attribute(RULES[name])(level), ("expert", "expert"), rng).solved(0)


@pytest.mark.parametrize("name", ["CoinDilemma", "Harvest"])
def test_in_a_dilemma_sparing_is_better_for_both_and_taking_for_one(name):
    rng = np.random.default_rng(5)
    game = load_attribute(RULES[name])(1)

    def mean(players, seat):
        return np.mean([play(game, players, rng).scores()[seat] for _ in range(40)])

    together = mean(("expert", "expert"), 0)
    assert together > mean(("weak", "weak"), 0)
    assert mean(("expert", "weak"), 1) > mean(("expert", "weak"), 0)


@pytest.mark.parametrize(("kind", "level"), GAMES, ids=IDS)
def test_matches_of_random_and_expert_players_end_and_are_written(kind, level):
    game, rng = kind(level), np.random.default_rng(level)
    for players, most in ((("random", "random"), 40), (("expert", "weak"), 4)):
        match = play(game, players, rng, most)
        content = match.to_json()
        assert Match.from_json(game, content).state == match.state
        assert match.strikes == [0, 0], "scripted players keep to the rules"
        for seat in range(len(game.seats)):
            picture = game.picture(match.state, seat, 64)
            assert picture.shape == (64, 64, 3) and picture.dtype == np.uint8
            assert game.text(match.state, seat)
            for question, answer in game.questions(match.state, seat, rng):
                assert question.endswith("?") and answer


@pytest.mark.parametrize(("kind", "level"), GAMES, ids=IDS)
def test_what_is_hidden_is_neither_seen_nor_drawn(kind, level):
    """Two states that a seat cannot tell apart look the same to it, in pixels and in words."""
    game = kind(level)
    by_view = {}
    for seed in range(60):
        state = game.start(np.random.default_rng(seed))
        for seat in range(len(game.seats)):
            key = (seat, repr(game.seen(state, seat)))
            views = (game.text(state, seat), game.picture(state, seat, 48).tobytes())
            assert by_view.setdefault(key, views) == views


@pytest.mark.parametrize(("kind", "level"), GAMES, ids=IDS)
def test_words_tell_what_the_picture_shows_and_no_more(kind, level):
    """Equal pictures have equal words, and equal words equal pictures."""
    words, pictures = {}, {}
    for seed in range(6):
        rng = np.random.default_rng(seed)
        match = Match.begin(kind(level), rng)
        while True:
            for seat in range(len(match.game.seats)):
                told = match.game.text(match.state, seat)
                shown = match.game.picture(match.state, seat, 96).tobytes()
                assert words.setdefault((seat, shown), told) == told
                assert pictures.setdefault((seat, told), shown) == shown
            if not match.movers:
                break
            player = match.game.random if seed % 2 else match.game.weak
            match.play({seat: player(match.state, seat, rng) for seat in match.movers})


@pytest.mark.parametrize("kind", [load_attribute(RULES[name]) for name in ("Breakthrough", "ConnectFour", "Hex")])
def test_masks_allow_what_is_not_refused(kind):
    game, rng = kind(2), np.random.default_rng(0)
    state = game.start(rng)
    for _ in range(6):
        allowed = [not game.refusal(state, state.mover, call) for call in game.calls(state.mover)]
        assert game.mask(state, state.mover).tolist() == allowed
        legal = game.legal(state, state.mover)
        state = game.play(state, {state.mover: legal[rng.integers(len(legal))]})


def test_moves_off_a_small_board_are_refused():
    game = Hex(1)
    state = game.empty()
    refused = [game.refusal(state, 0, call) for call in game.calls(0)]
    assert sum(not reason for reason in refused) == 9 and "columns a to c and the rows 1 to 3" in refused[-1]


def test_the_last_move_is_marked():
    game = TicTacToe()
    marked = game.picture(BoardState("x........", 1, 0), 0, 96)
    assert not np.array_equal(marked, game.picture(BoardState("x........", 1, -1), 0, 96))


def test_both_seats_of_guide_walker_are_asked_about_the_walker():
    state = Maze(("#####", "#...#", "#.#.#", "#.#.#", "#####"), (3, 1), (3, 3), 0, "", True)
    asked = [dict(GuideWalker(1).questions(state, seat, np.random.default_rng(0))) for seat in (0, 1)]
    assert [one["What is next to the walker?"] for one in asked] == ["up floor, down wall, left wall, right wall"] * 2
    sides = [one["On which side of the walker is the flag?"] for one in asked]
    assert sides == ["right", "none is seen"]
    above = dict(GuideWalker(1).questions(state._replace(goal=(1, 3)), 0, np.random.default_rng(0)))
    assert above["On which side of the walker is the flag?"] == "up right"


def test_a_player_that_knows_the_rules_makes_calls_that_are_allowed():
    env = gym.make("mmgym/ConnectFour-v0", seat="first", others="random", image_size=64)
    rng = np.random.default_rng(0)
    for seed in range(3):
        env.reset(seed=seed)
        terminated = False
        while not terminated:
            *_, terminated, truncated, info = env.step(legal(mmgym.unwrap(env), rng))
            assert info["action_valid"] and not truncated
