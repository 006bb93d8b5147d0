"""vLLM in this process: it samples from the weights that learn, after every update, and a stale cache is found."""

import asyncio

import numpy as np
import pytest
from engines import largest_difference, needs_vllm, perturb, sampler, versions, with_engine
from playing import ROLLOUT, drawn, lakes, mixed_tasks, play

from mmgym.learn.learner import GuardError
from mmgym.rollout import Executor
from mmgym_agents.vllm_engine import LocalEngine

pytestmark = needs_vllm
FAMILIES = ("qwen3_vl", "qwen2_5_vl")


@pytest.fixture(scope="module", params=FAMILIES)
def vlm(request):
    vlm = with_engine(request.param)
    vlm.name = request.param
    yield vlm
    vlm._link.close()


@pytest.fixture
def agent(vlm):
    return sampler(vlm)


@pytest.mark.parametrize("context", ["full", "window(2)"])
@pytest.mark.parametrize("prompt", ["minimal", "full"])
def test_the_learner_recomputes_the_engines_log_probabilities(vlm, context, prompt):
    rollout = play(sampler(vlm, context=context), mixed_tasks(vlm.name), prompt=prompt)
    assert largest_difference(vlm, rollout) < 1e-5
    images = [len(turn.images) for trajectory in rollout.trajectories for turn in trajectory.turns]
    assert max(images) > 2 and {trajectory.status for trajectory in rollout.trajectories} <= {"terminated", "truncated"}


def test_it_says_what_the_other_sampler_says(vlm):
    greedy = sampler(vlm, greedy=True)
    engine, vlm.engine = vlm.engine, None
    theirs = play(sampler(vlm, greedy=True), mixed_tasks(vlm.name))
    vlm.engine = engine
    assert drawn(play(greedy, mixed_tasks(vlm.name))) == drawn(theirs)


def test_noise_belongs_to_the_episode(vlm, agent):
    tasks = lakes(vlm.name, 6)
    assert drawn(play(agent, tasks)) == drawn(play(agent, tasks))
    assert drawn(play(agent, tasks[3:])) == drawn(play(agent, tasks))[3:]


def test_images_of_other_sizes_are_resized_as_ours_are(vlm, agent):
    rollout = play(agent, lakes(vlm.name, 4, image_size=100))
    assert largest_difference(vlm, rollout) < 1e-5


def test_more_prompts_than_are_read_in_one_step(vlm, agent):
    rollout = play(agent, lakes(vlm.name, 48, max_turns=1), prompt="full")
    assert sum(len(trajectory.turns[0].prompt_ids) for trajectory in rollout.trajectories) > 3 * 2048
    assert largest_difference(vlm, rollout) < 1e-5


def test_it_follows_three_updates(vlm, agent):
    tasks = mixed_tasks(vlm.name)
    before = drawn(play(agent, tasks))
    for version in (1, 2, 3):
        perturb(vlm)
        agent.weights_changed(version)
        rollout = play(agent, tasks)
        assert versions(rollout) == {version}
        assert largest_difference(vlm, rollout) < 1e-5
        assert 0 < agent.link.sync.difference < 1e-5
    assert drawn(rollout) != before


@pytest.mark.parametrize("kept", ["prefix", "encoder"])
def test_a_cache_that_outlives_an_update_is_found(vlm, agent, kept, monkeypatch):
    tasks = mixed_tasks(vlm.name)
    agent.weights_changed(4)
    play(agent, tasks, prompt="full")
    forget = {name: getattr(vlm._link._engine._engine, f"reset_{name}_cache") for name in ("prefix", "mm", "encoder")}
    monkeypatch.setattr(LocalEngine, "_forget", lambda self: [f() for name, f in forget.items() if name != kept])
    perturb(vlm)
    agent.weights_changed(5)
    with pytest.raises(GuardError, match=r"version 5.*prefix cache.*encoder cache"):
        play(agent, tasks, prompt="full")
    monkeypatch.undo()
    assert largest_difference(vlm, play(agent, tasks, prompt="full")) < 1e-5


@pytest.mark.parametrize("left", ["model.language_model.norm.weight", "model.visual.merger.linear_fc2.weight"])
def test_a_weight_that_is_left_behind_is_found(vlm, agent, left, monkeypatch):
    if left not in dict(vlm.named_weights()):
        left = "model.visual.merger.mlp.2.weight"
    agent.weights_changed(6)
    play(agent, mixed_tasks(vlm.name))
    some = lambda: [(name, weight) for name, weight in vlm.named_weights() if name != left]  # noqa: E731
    monkeypatch.setattr(agent.link.sync, "weights", some)
    perturb(vlm)
    agent.weights_changed(7)
    with pytest.raises(GuardError, match="a weight was left behind"):
        play(agent, mixed_tasks(vlm.name))
    monkeypatch.undo()
    play(agent, mixed_tasks(vlm.name))


def test_weights_that_change_among_answers(vlm, agent):
    """What was asked before is answered by the old weights, what comes after by the new ones."""
    play(agent, lakes(vlm.name, 1))
    link = agent.link
    prompts = list(link.sync._prompts)
    agent.weights_changed(10)
    link.refresh()

    async def ask(count):
        return await asyncio.gather(*(link.answer(prompts[0], 1.0, seed, 16) for seed in range(count)))

    async def both():
        first = asyncio.ensure_future(ask(24))
        await asyncio.sleep(0)  # all of them are asked
        await asyncio.sleep(0)
        agent.weights_changed(11)
        return await first, await ask(4)

    first, second = asyncio.run(both())
    assert {answer.version for answer in first} == {10} and {answer.version for answer in second} == {11}


def test_it_wakes_up_with_the_weights_of_the_time(vlm, agent):
    for level in (1, 2):
        link = agent.link
        object.__setattr__(link.options, "sleep", level)
        agent.weights_changed(20 + level)
        play(agent, lakes(vlm.name, 2))
        agent.rest()
        perturb(vlm)
        agent.weights_changed(30 + level)
        rollout = play(agent, lakes(vlm.name, 4))
        assert versions(rollout) == {30 + level} and largest_difference(vlm, rollout) < 1e-5
        agent.rest()
        assert largest_difference(vlm, play(agent, lakes(vlm.name, 4))) < 1e-5
    object.__setattr__(link.options, "sleep", 0)


def test_a_context_that_is_full_ends_the_episode(vlm, monkeypatch):
    agent = sampler(vlm)
    monkeypatch.setattr(agent.link, "max_context", 60)
    rollout = play(agent, lakes(vlm.name, 3, max_turns=6))
    assert {trajectory.status for trajectory in rollout.trajectories} == {"truncated"}
    assert all(sum(len(t.prompt_ids) + len(t.sampled_ids) for t in one.turns) <= 60 for one in rollout.trajectories)


def test_starting_it_leaves_the_process_as_it_was(vlm):
    import torch

    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    vlm._link.close()
    vlm.__dict__.pop("_link")
    sampler(vlm).link.refresh()
    assert torch.equal(torch.get_rng_state(), before[0]) and np.array_equal(np.random.get_state()[1], before[1])
    torch.set_num_threads(1)
    assert torch.get_num_threads() == 1


def test_an_engine_that_failed_here_ends_the_run(vlm):
    agent = sampler(vlm)
    play(agent, lakes(vlm.name, 1))
    agent.link._engine.close()
    with pytest.raises(RuntimeError, match=r"engine_options.python"), Executor(ROLLOUT) as executor:
        executor.run(lakes(vlm.name, 2), agent)
