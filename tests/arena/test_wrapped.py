"""Three of PettingZoo's own games become arenas, and pass its tests as such."""

import contextlib
import io
import warnings

import numpy as np
import pettingzoo
import pytest
from pettingzoo import test as zoo
from pettingzoo.utils import parallel_to_aec

from mmgym_arena import RULES
from mmgym_arena.multi import ArenaParallelEnv
from mmgym_arena.wrapped import VisualArena

pytest.importorskip("pygame", reason="PettingZoo's own games draw with pygame")

SIZE = 64


def classic(name, **arguments):
    return pettingzoo.make("aec", f"classic/{name}", **{"render_mode": "rgb_array", **arguments})


COLUMNS = [f"column {number}" for number in range(1, 8)]
GAMES = {
    "connect_four": lambda: VisualArena(classic("connect_four-v3"), "Four in a row win.", COLUMNS, SIZE),
    "tictactoe": lambda: VisualArena(classic("tictactoe-v3"), "Three in a row win.", image_size=SIZE),
    "rps": lambda: VisualArena(classic("rps-v2", max_cycles=4), "Beat it.", ["rock", "paper", "scissors"], SIZE),
}


@pytest.fixture(params=GAMES)
def make(request):
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield GAMES[request.param]


def test_their_tests(make):
    zoo.api_test(make(), num_cycles=20)
    zoo.seed_test(make, num_cycles=4)


def test_pictures_change_with_what_is_done(make):
    env = make()
    env.reset(seed=0)
    first = env.last()[0]["image"]
    assert first.shape == (SIZE, SIZE, 3) and first.dtype == np.uint8 and first.std() > 5
    for agent in env.agent_iter(4):
        observation, _, terminated, truncated, _ = env.last()
        over = terminated or truncated
        env.step(None if over else env.action_space(agent).sample(observation.get("action_mask")))
    assert not np.array_equal(first, env.observe(env.possible_agents[0])["image"])


def test_what_is_no_valid_action_is_explained_asked_again_and_ends_it_at_last(make):
    env = make()
    env.reset(seed=0)
    agent = env.agent_selection
    for strike in range(4):
        assert env.agent_selection == agent and not env.truncations[agent], strike
        env.step("nonsense")
        assert "not a tool call" in env.observe(agent)["feedback"]
    assert all(env.truncations.values())
    for _ in env.possible_agents:
        env.step(None)
    assert not env.agents


def test_what_the_mask_forbids_is_explained():
    env = GAMES["tictactoe"]()
    env.reset(seed=0)
    call = {"name": "act", "arguments": {"action": "4"}}
    env.step(call)
    second = env.agent_selection
    env.step(call)
    assert env.agent_selection == second and env.observe(second)["feedback"] == "4 is not possible now."


@pytest.mark.parametrize(
    ("arguments", "actions", "said"),
    [
        ({"render_mode": None}, None, "render_mode='rgb_array'"),
        ({}, ["a", "b"], "9 actions, which need as many"),
        ({}, ["a"] * 9, "9 actions, which need as many"),
    ],
)
def test_what_cannot_be_wrapped_is_refused(arguments, actions, said):
    with pytest.raises(ValueError, match=said):
        VisualArena(classic("tictactoe-v3", **arguments), "x", actions)


def test_only_numbered_actions_are_named():
    env = parallel_to_aec(ArenaParallelEnv(RULES["CoinDilemma"], render_mode="rgb_array"))
    with pytest.raises(ValueError, match="must be Discrete"):
        VisualArena(env, "x")
