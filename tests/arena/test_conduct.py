"""What happens to who gives no valid call, falls silent or fails.

The match goes on, and what others earned is theirs.
"""

import gymnasium as gym
import numpy as np
import pytest

from mmgym.env import unwrap
from mmgym.rollout.host import load_attribute
from mmgym.spaces import InvalidAction, ToolCall
from mmgym.wrappers.without_tools import WithoutTools
from mmgym_arena import RULES
from mmgym_arena.boards.tic_tac_toe import TicTacToe
from mmgym_arena.cards.rock_paper_scissors import RockPaperScissors
from mmgym_arena.match import MAX_STRIKES, Match
from mmgym_arena.worlds.coin_dilemma import CoinDilemma
from mmgym_arena.worlds.guide_walker import GuideWalker


def begin(game):
    return Match.begin(game, np.random.default_rng(0))


def place(cell):
    return ToolCall("place", {"column": cell[0], "row": int(cell[1])})


@pytest.mark.parametrize(
    "action", [None, "a1", InvalidAction("no"), ToolCall("fly"), {"name": "place"}, place("a9"), [place("a1")] * 2, 7]
)
def test_in_turn_who_gives_no_valid_call_is_told_and_asked_again(action):
    match = begin(TicTacToe())
    before = match.state
    match.play({0: action})
    assert match.state == before and match.movers == (0,) and match.strikes == [1, 0]
    assert match.last[0].feedback and not match.last[0].valid
    match.play({0: place("a1")})
    assert match.movers == (1,) and match.strikes == [1, 0] and match.last[0].valid


def test_a_move_against_the_rules_is_a_strike_too():
    match = begin(TicTacToe())
    match.play({0: place("b2")})
    match.play({1: place("b2")})
    assert match.movers == (1,) and match.strikes == [0, 1] and match.last[1].feedback == "b2 is taken."
    assert match.last[1].valid, "it could be read, so it is no mistake of format"


def test_too_many_strikes_forfeit_the_match_and_the_other_wins():
    match = begin(TicTacToe())
    match.play({0: place("b2")})
    for _ in range(MAX_STRIKES + 1):
        assert match.movers == (1,)
        match.play({1: None})
    assert match.terminated and not match.truncated and match.movers == ()
    assert match.scores() == (1.0, -1.0) and match.solved(0) and not match.solved(1)
    assert match.last[1].earned == -1.0 and match.last[0].earned == 1.0
    with pytest.raises(RuntimeError, match="over"):
        match.play({1: None})


def test_no_forfeit_is_cheaper_than_playing_on():
    """A deal of poker can lose two chips, so a quitter loses two a deal: breaking the rules saves nothing."""
    rng = np.random.default_rng(0)
    for name, rules in RULES.items():
        game = load_attribute(rules)(1)
        if game.kind != "competitive":
            continue
        for _ in range(30):
            match = Match.begin(game, rng)
            while match.movers:
                match.play({seat: game.random(match.state, seat, rng) for seat in match.movers})
            assert game.forfeit(match.state, 0)[0] <= match.scores()[0], name
            assert sum(game.forfeit(match.state, 0)) == 0


def test_who_forfeits_a_common_task_takes_nothing_from_the_other():
    match = begin(GuideWalker())
    for _ in range(MAX_STRIKES + 1):
        match.play({0: None})
    assert match.terminated and match.scores() == (0.0, 0.0) and not match.solved(0) and not match.solved(1)


def test_where_all_move_at_once_a_silent_seat_does_nothing():
    match = begin(CoinDilemma())
    match.play({0: ToolCall("move", {"direction": "stay"})})
    assert match.state.turn == 1 and match.strikes == [0, 0] and not match.last[1].valid
    rounds = begin(RockPaperScissors())
    rounds.play({0: ToolCall("show", {"sign": "rock"}), 1: "paper!"})
    assert rounds.scores()[0] == pytest.approx(1 / 5) and rounds.last[1].earned == pytest.approx(-1 / 5)


def test_turns_run_out_for_everyone():
    match = Match.begin(GuideWalker(), np.random.default_rng(0), max_turns=2)
    for _ in range(2):
        match.play({0: ToolCall("tell", {"word": "stay"})})
        match.play({1: ToolCall("move", {"direction": "stay"})})
    assert match.truncated and not match.terminated and match.movers == ()


def test_a_match_is_written_and_read():
    match = begin(TicTacToe())
    match.play({0: place("a1")})
    match.play({1: None})
    again = Match.from_json(match.game, match.to_json())
    assert (again.state, again.turns, again.strikes, again.movers) == (match.state, [1, 1], [0, 1], (1,))


def failing(game, state, seat, rng):
    raise RuntimeError("out of memory")


def silent(game, state, seat, rng):
    return None


@pytest.mark.parametrize("other", [failing, silent])
def test_an_opponent_that_fails_or_is_silent_forfeits_and_the_episode_stays_valid(other):
    env = gym.make("mmgym/TicTacToe-v0", seat="first", others=other)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(unwrap(env).expert())
    assert terminated and not truncated and reward == 1.0 and info["success"] and info["error"] == ""


@pytest.mark.parametrize(
    ("name", "seat", "reward"),
    [("TicTacToe", "second", 1.0), ("KuhnPoker", "second", 2.0), ("GuideWalker", "walker", 0.0)],
)
@pytest.mark.parametrize("action", ["expert", "nonsense"])
def test_an_opponent_that_forfeits_before_the_first_turn_ends_the_match_with_it(name, seat, reward, action):
    env = gym.make(f"mmgym/{name}-v0", seat=seat, others=silent)
    env.reset(seed=0)
    _, paid, terminated, truncated, info = env.step(unwrap(env).expert() if action == "expert" else action)
    assert terminated and not truncated and paid == reward and info["success"] == (reward > 0)
    assert unwrap(env).match.turns == [MAX_STRIKES + 1, 0]


def test_the_seats_own_invalid_turns_count_and_end_in_a_forfeit():
    env = gym.make("mmgym/TicTacToe-v0", seat="first", others="random")
    env.reset(seed=0)
    for turn in range(MAX_STRIKES + 1):
        _, reward, terminated, _, info = env.step("nonsense")
        assert not info["action_valid"] and info["feedback"]
        assert terminated == (turn == MAX_STRIKES)
    assert reward == -1.0 and not info["success"]


def test_time_passes_for_a_silent_seat_where_all_move_at_once():
    env = gym.make("mmgym/RockPaperScissors-v0", seat="left", others="random")
    env.reset(seed=0)
    rewards = [env.step("nonsense")[1] for _ in range(5)]
    assert rewards == pytest.approx([-0.2] * 5)


def test_what_a_wrapper_adds_to_the_instruction_stays_with_every_seat():
    env = WithoutTools(gym.make("mmgym/TwoRooms-v0"), ["put"])
    said = set()
    for seed in range(8):
        env.reset(seed=seed)
        said.add(unwrap(env).instruction)
        assert unwrap(env).instruction.endswith("Not available: put.")
    assert len(said) == 2
