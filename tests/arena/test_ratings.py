"""Best responses, ratings and cross-play, against what theory and another library say."""

import numpy as np
import pytest

from mmgym.env import Unsupported
from mmgym.rollout import Executor, RolloutConfig
from mmgym.spaces import ToolCall
from mmgym.trajectory import EpisodeTask
from mmgym_agents.scripted import scripted_agent
from mmgym_arena.best_response import best_response_value, counted, expected_scores, exploitability, uniform
from mmgym_arena.boards.tic_tac_toe import TicTacToe
from mmgym_arena.cards.kuhn_poker import KuhnPoker
from mmgym_arena.cards.rock_paper_scissors import RockPaperScissors
from mmgym_arena.ratings import Meeting, cross_play, play_match, ratings
from mmgym_arena.seat import PLAYERS, seen_key
from mmgym_arena.worlds.guide_walker import GuideWalker


def equilibrium(game, state, seat):
    bold = game.boldness(state.decks[state.number][seat], state.done)
    faced = state.done[-1:] == ("bet",)
    return [(ToolCall("call" if faced else "bet"), bold), (ToolCall("fold" if faced else "check"), 1 - bold)]


def best(game, state, seat):
    moves = game.best(state)
    return [(game.call_of(move), 1 / len(moves)) for move in moves]


def always_rock(game, state, seat):
    return [(ToolCall("show", {"sign": "rock"}), 1.0)]


def test_the_poker_equilibrium_cannot_be_exploited():
    game = KuhnPoker(1)
    assert expected_scores(game, [equilibrium] * 2) == pytest.approx((-1 / 18, 1 / 18))
    assert exploitability(game, [equilibrium] * 2) == pytest.approx(0, abs=1e-12)


def test_what_uniform_poker_loses():
    """The best responses win 0.5 and 0.41667 chips: OpenSpiel's NashConv of uniform play is 0.91667 as well."""
    game = KuhnPoker(1)
    assert best_response_value(game, 0, [uniform] * 2) == pytest.approx(0.5)
    assert best_response_value(game, 1, [uniform] * 2) == pytest.approx(0.41667, abs=1e-5)
    assert exploitability(game, [uniform] * 2) == pytest.approx(0.91667, abs=1e-5)


def test_the_response_sees_no_more_than_its_seat():
    """One that saw the other's card would win more."""
    game = KuhnPoker(1)

    class Cheat(KuhnPoker):
        def seen(self, state, seat):
            return list(state)

    assert best_response_value(Cheat(1), 1, [uniform] * 2) > best_response_value(game, 1, [uniform] * 2) + 0.05


def test_perfect_play_of_a_board_cannot_be_beaten():
    assert best_response_value(TicTacToe(1), 1, [best, best]) == pytest.approx(0, abs=1e-9)


def test_where_both_move_at_once():
    game = RockPaperScissors(1)
    game.rounds = 2
    assert exploitability(game, [uniform] * 2) == pytest.approx(0)
    assert best_response_value(game, 1, [always_rock, uniform]) == pytest.approx(1)


def test_games_that_begin_in_too_many_ways_say_so():
    with pytest.raises(Unsupported, match="too many ways"):
        exploitability(GuideWalker(1), [uniform] * 2)


def test_ratings_are_those_of_a_logistic_regression():
    rng = np.random.default_rng(0)
    names = ["a", "b", "c", "d"]
    strength = dict(zip(names, (0.0, 0.5, 1.0, 2.0), strict=True))
    meetings, rows, results = [], [], []
    for _ in range(600):
        one, other = rng.choice(names, 2, replace=False).tolist()
        won = float(rng.random() < 1 / (1 + np.exp(strength[other] - strength[one])))
        meetings.append(Meeting(one, other, won))
        rows.append([(name == one) * 1.0 - (name == other) for name in names[1:]])
        results.append(won)
    found = ratings(meetings, draws=50)
    import statsmodels.api as sm  # seconds: here alone

    fitted = sm.Logit(np.array(results), np.array(rows)).fit(disp=0).params
    ours = [(found[name].value - found["a"].value) * np.log(10) / 400 for name in names[1:]]
    assert ours == pytest.approx(fitted.tolist(), abs=0.03), "but for the prior of one match each"
    assert list(found) == ["d", "c", "b", "a"]
    assert all(rating.low < rating.value < rating.high for rating in found.values())


def test_who_wins_everything_stays_finite_and_draws_are_half_a_win():
    found = ratings([Meeting("a", "b", 1)] * 20, draws=20)
    assert 1500 < found["a"].value < 3000 and found["a"].value - 1500 == pytest.approx(1500 - found["b"].value)
    drawn = ratings([Meeting("a", "b", 0.5)] * 4, draws=5)
    assert drawn["a"].value == pytest.approx(1500) and drawn["a"].matches == 4


@pytest.mark.parametrize("wrong", [[], [Meeting("a", "a", 1)], [Meeting("a", "b", 0.3)]])
def test_what_is_no_match_is_refused(wrong):
    with pytest.raises(ValueError, match="match"):
        ratings(wrong)


def test_the_better_player_is_rated_higher():
    rng = np.random.default_rng(1)
    meetings = []
    for number in range(12):
        one, other = ("expert", "random") if number % 2 else ("random", "expert")
        score = play_match(TicTacToe(2), (PLAYERS[one], PLAYERS[other]), rng).scores()[0]
        meetings.append(Meeting(one, other, (score + 1) / 2))
    assert next(iter(ratings(meetings, draws=20))) == "expert"


def test_a_convention_of_ones_own_does_not_transfer():
    """Two that have agreed to mean the opposite of what they say understand each other, and nobody else."""
    turned = {"up": "down", "down": "up", "left": "right", "right": "left", "stay": "stay"}

    def contrary(game, state, seat, rng):
        call = game.expert(state, seat, rng)
        (name,) = call.arguments
        return ToolCall(call.name, {name: turned[call.arguments[name]]})

    found = cross_play(lambda: GuideWalker(1), {"plain": PLAYERS["expert"], "contrary": contrary}, 6)
    assert found["plain", "plain"] == found["contrary", "contrary"] == 1
    assert max(found["plain", "contrary"], found["contrary", "plain"]) < 0.5


def test_a_policy_is_counted_from_what_it_played():
    tasks = [
        EpisodeTask("mmgym/KuhnPoker-v0", n, kwargs={"seat": seat, "image_size": 32}, group=2 * n + place, match=n)
        for n in range(40)
        for place, seat in enumerate(KuhnPoker.seats)
    ]
    with Executor(RolloutConfig(record_state_keys=True)) as executor:
        played = executor.run(tasks, scripted_agent("random")).trajectories
    game, policy = KuhnPoker(1), counted(played)
    for state, _ in game.starts():
        key = seen_key(game, state, 0)
        turns = [turn for one in played for turn in one.turns if turn.state_key == key and not turn.feedback]
        names = [turn.calls[0]["name"] for turn in turns]
        assert len(names) > 5
        assert {call.name: share for call, share in policy(game, state, 0)} == {
            name: names.count(name) / len(names) for name in ("bet", "check")
        }
        assert counted([])(game, state, 0) == uniform(game, state, 0)
