"""Every game passes PettingZoo's own tests, as an AEC and as a parallel environment.

Ours follow where theirs are short.
"""

import contextlib
import io
import warnings
from functools import partial
from types import SimpleNamespace

import numpy as np
import pettingzoo
import pytest
from gymnasium.utils.env_checker import data_equivalence
from pettingzoo import test as zoo

from mmgym_arena import RULES
from mmgym_arena.multi import ArenaAECEnv, ArenaParallelEnv

GAMES = sorted(RULES)
SMALL = 48


def aec(name, **arguments):
    return pettingzoo.make("aec", f"mmgym/{name}-v0", image_size=SMALL, **arguments)


def parallel(name, **arguments):
    return pettingzoo.make("parallel", f"mmgym/{name}-v0", image_size=SMALL, **arguments)


@pytest.fixture(autouse=True)
def quiet():
    """PettingZoo's tests print, and warn of observations that are no arrays."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("name", GAMES)
def test_their_tests_of_the_interface(name):
    zoo.api_test(aec(name), num_cycles=30)
    zoo.parallel_api_test(parallel(name), num_cycles=20)


@pytest.mark.parametrize("name", GAMES)
def test_their_tests_of_seeds_and_rendering(name):
    zoo.seed_test(lambda: aec(name), num_cycles=10)
    zoo.parallel_seed_test(lambda: parallel(name), num_cycles=10)
    zoo.render_test(lambda **arguments: aec(name, **arguments))


@pytest.mark.parametrize("name", ["CoinDilemma", "Harvest", "RockPaperScissors", "TwoRooms"])
def test_their_test_of_the_length(name):
    """Where all seats move at once and no match ends before its fourth cycle. Where they move in turn it cannot apply.

    It counts a step of the parallel environment as a turn of every seat: there a cycle of ours has two steps.
    """
    zoo.max_cycles_test(SimpleNamespace(parallel_env=partial(parallel, name), env=partial(aec, name)))


@pytest.mark.parametrize("name", GAMES)
def test_equal_seeds_and_actions_give_equal_matches(name):
    """Twenty steps of legal moves; PettingZoo 1.27's own test looks at one."""
    first, second = parallel(name, obs_mode="both"), parallel(name, obs_mode="both")
    for episode in range(2):
        seen, also = first.reset(seed=episode), second.reset(seed=episode)
        assert data_equivalence(seen, also)
        for space in (first.action_space, second.action_space):
            for number, agent in enumerate(first.possible_agents):
                space(agent).seed(number)
        shown = seen[0]
        for _ in range(20):
            if not first.agents:
                break
            masks = {agent: shown[agent].get("action_mask") for agent in first.agents}
            actions = {agent: first.action_space(agent).sample(mask=masks[agent]) for agent in first.agents}
            assert actions == {agent: second.action_space(agent).sample(mask=masks[agent]) for agent in first.agents}
            seen, also = first.step(actions), second.step(actions)
            assert data_equivalence(seen, also)
            shown = seen[0]


@pytest.mark.parametrize("name", sorted(set(GAMES) - {"RockPaperScissors"}))
def test_seeds_and_splits_draw_different_matches(name):
    env = parallel(name)
    starts = {repr(env.reset(seed=seed, options={"level": 3})) + repr(env.match.state) for seed in range(8)}
    assert len(starts) > 4
    drawn = []
    for split in ("train", "test"):
        env.reset(seed=3, options={"level": 3, "split": split})
        drawn.append(env.match.state)
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize("name", GAMES)
def test_agents_leave_when_the_match_ends(name):
    env = parallel(name, max_cycles=3)
    shown, _ = env.reset(seed=3)
    for agent in env.agents:
        assert env.observation_space(agent).contains(shown[agent])
    for _ in range(12):
        before = list(env.agents)
        shown, rewards, terminated, truncated, infos = env.step({})
        assert set(shown) == set(rewards) == set(terminated) == set(truncated) == set(infos) == set(before)
        if not env.agents:
            break
    assert not env.agents and all(terminated[agent] or truncated[agent] for agent in before)
    assert env.step({}) == ({}, {}, {}, {}, {})


def test_unknown_options_change_nothing_and_bad_values_are_refused(caplog):
    env = parallel("TicTacToe")
    with caplog.at_level("INFO"):
        env.reset(seed=0, options={"options": 1})
    assert "'options' is unknown" in caplog.text
    with pytest.raises(ValueError, match="level must be a whole number from 1 to 3"):
        env.reset(options={"level": 9})
    with pytest.raises(ValueError, match="split must be one of train, val, test, ood"):
        env.reset(options={"split": "exam"})
    for wrong in (
        {"level": 0},
        {"image_size": 3},
        {"obs_mode": "smell"},
        {"render_mode": "braille"},
        {"max_cycles": 0},
    ):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ArenaAECEnv(RULES["TicTacToe"], **wrong)


def test_both_interfaces_play_the_same_match():
    both = parallel("CoinDilemma"), aec("CoinDilemma")
    shown, _ = both[0].reset(seed=4)
    both[1].reset(seed=4)
    rng = np.random.default_rng(0)
    while both[0].agents:
        ways = rng.choice(["up", "down", "left", "right", "stay"], 2).tolist()
        actions = {
            agent: {"name": "move", "arguments": {"direction": way}}
            for agent, way in zip(both[0].agents, ways, strict=True)
        }
        shown, rewards, terminated, *_ = both[0].step(actions)
        for agent in list(actions):
            assert both[1].agent_selection == agent
            both[1].step(actions[agent])
        assert both[1].rewards == rewards and both[1].terminations == terminated
        for agent in shown:
            assert data_equivalence(both[1].observe(agent), shown[agent])


def test_what_all_see_is_the_state():
    env = parallel("GuideWalker")
    env.reset(seed=0)
    assert env.state().shape == (SMALL, 2 * SMALL, 3) and env.state().dtype == np.uint8


def test_third_parties_may_bring_their_rules():
    from mmgym_arena.boards.tic_tac_toe import TicTacToe

    env = ArenaParallelEnv(TicTacToe, image_size=SMALL)
    env.reset(seed=0)
    assert env.agents == ["first_0", "second_1"]
