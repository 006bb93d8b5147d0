"""Agents of a user's own that are not what an agent must be: each is told what it lacks."""

import json

import pytest

from mmgym.agent import Response
from mmgym.bench.run import BenchConfig, bench
from mmgym.rollout import Executor, RolloutConfig
from mmgym.trajectory import EpisodeTask
from mmgym_agents.named import make_agent

TASKS = [EpisodeTask("mmgym/FrozenLake-v0", 0, {"preset": "two_holes"})]


class Mute:
    def end(self, conversation):
        """Nothing is kept."""


class Endless:
    async def act(self, conversation):
        return Response("")


class Hasty(Mute):
    def act(self, conversation):
        return Response("")


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (json.JSONDecoder(), "JSONDecoder is no mmgym.agent.Agent: it has no method act or act_batch and no end"),
        (Mute(), "Mute is no .*: it has no method act or act_batch$"),
        (Endless(), "Endless is no .*: it has no method end$"),
    ],
)
def test_what_is_no_agent_is_told_what_it_lacks(agent, said):
    with Executor(RolloutConfig()) as executor, pytest.raises(ValueError, match=said):
        executor.run(TASKS, agent)


def test_an_agent_that_does_not_wait_is_told_to():
    with Executor(RolloutConfig()) as executor, pytest.raises(TypeError, match=r"Hasty.act must be a coroutine"):
        executor.run(TASKS, Hasty())


def test_a_benchmark_of_what_is_no_agent_says_so(tmp_path):
    with pytest.raises(ValueError, match="JSONDecoder is no"):
        bench(BenchConfig(agent="json:JSONDecoder", suite="mmgym/FrozenLake-v0", out=str(tmp_path / "run")))


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("expert", {"nope": 1}, "got an unexpected keyword argument 'nope'; options here: none"),
        ("checkpoint", {}, "missing a required argument: 'path'; options here: path, temperature, "),
        ("checkpoint", {"path": "x", "tempo": 1}, "got an unexpected keyword argument 'tempo'; options here: path,"),
    ],
)
def test_an_option_that_is_not_taken_is_named_with_those_that_are(name, options, said):
    with pytest.raises(ValueError, match=f"agent '{name}' does not take these options: {said}"):
        make_agent(name, **options)
