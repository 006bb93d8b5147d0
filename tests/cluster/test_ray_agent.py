"""Replicas on a Ray cluster sample what a local agent samples, with the weights of the time, whatever is lost."""

import numpy as np
import pytest
import torch
from machinery import faulty_tasks
from playing import ROLLOUT, mixed_tasks, tiny
from replicating import Broken, TinyReplica, Unmakeable

from mmgym.rollout import Executor
from mmgym.rollout.ray_actor import RayConfig, RayNeeds
from mmgym.rollout.ray_agent import RayReplicas
from mmgym.rollout.worker import WorkerUnavailable
from mmgym_agents.transformers_agent import Sampling, TransformersAgent

pytestmark = pytest.mark.slow


def replicas_of(vlm, factory=TinyReplica, count=2):
    needs = RayNeeds(cpus=1, resources={"place": 1.0})
    return RayReplicas(factory, vlm.weights, RayConfig(replicas=count, replica=needs, start_seconds=600))


@pytest.fixture(scope="module")
def vlm():
    return tiny()


@pytest.fixture(scope="module")
def replicas(nodes, vlm):
    replicas = replicas_of(vlm)
    yield replicas
    replicas.close()


def play(agent, tasks=None):
    with Executor(ROLLOUT) as executor:
        return executor.run(tasks or mixed_tasks("qwen3_vl"), agent)


def assert_equal(found, expected):
    """The same ids, texts and pictures; log-probabilities up to rounding, for batches are made by arrival."""
    assert found.failed == 0
    for ours, theirs in zip(found.trajectories, expected.trajectories, strict=True):
        assert (ours.status, ours.success, len(ours.turns)) == (theirs.status, theirs.success, len(theirs.turns))
        for one, other in zip(ours.turns, theirs.turns, strict=True):
            assert one.sampled_ids.tolist() == other.sampled_ids.tolist()
            assert one.prompt_ids.tolist() == other.prompt_ids.tolist()
            assert (one.images, one.text, one.extends) == (other.images, other.text, other.extends)
            np.testing.assert_allclose(one.logprobs, other.logprobs, atol=1e-5)
    assert len(found.images) == len(expected.images)


def test_replicas_sample_what_the_local_agent_samples_after_every_update(vlm, replicas):
    local = TransformersAgent(vlm, Sampling(max_new_tokens=6))
    agent = replicas.agent("sampled")
    noise = torch.Generator().manual_seed(0)
    for version in range(3):
        if version:
            with torch.no_grad():
                for parameter in vlm.model.parameters():
                    parameter += 0.02 * torch.randn(parameter.shape, generator=noise)
            local.weights_changed(version)
            agent.weights_changed(version)
        expected, found = play(local), play(agent)
        assert_equal(found, expected)
        assert {turn.version for t in found.trajectories for turn in t.turns} == {version}
        assert found.retried == 0
    assert replicas.lost == 0
    assert all(replica.episodes == 0 for replica in replicas._replicas)


def test_a_replica_killed_in_mid_run_costs_its_episodes_not_the_run(vlm, replicas):
    """They are played again with the weights of the time, and nothing is counted twice."""
    import ray

    agent, asked = replicas.agent("sampled"), []

    class Saboteur:
        async def act(self, conversation):
            asked.append(conversation.key)
            if len(asked) == 10:
                victim = agent._seats[conversation.key].replica
                lost.extend(key for key, seat in agent._seats.items() if seat.replica is victim)
                ray.kill(victim.actor.handle)
            return await agent.act(conversation)

        def end(self, conversation):
            agent.end(conversation)

    lost = []
    expected = play(agent)
    version = expected.trajectories[0].turns[0].version
    found = play(Saboteur())
    assert 0 < found.retried <= len(lost) < 7, "one whose last answer is on its way when it happens is whole"
    assert replicas.lost == 1
    assert_equal(found, expected)
    assert {turn.version for t in found.trajectories for turn in t.turns} == {version}
    assert all(replica.episodes == 0 for replica in replicas._replicas)


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [(Broken, FloatingPointError, "not finite"), (Unmakeable, WorkerUnavailable, "no weights on this node")],
)
def test_what_an_agent_raises_ends_the_run(nodes, vlm, factory, error, message):
    replicas = replicas_of(vlm, factory, count=1)
    with pytest.raises(error, match=message):
        play(replicas.agent("sampled"), faulty_tasks(2))
    replicas.close()
