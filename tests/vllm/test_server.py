"""vLLM in a process of its own: the same answers over the wire, and what its death costs."""

import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from engines import SMALL, largest_difference, needs_vllm, perturb, sampler, versions, with_engine
from playing import drawn, lakes, mixed_tasks, play
from short_runs import gone_within

from mmgym_agents.vllm_client import connect
from mmgym_agents.vllm_requests import EngineDied
from mmgym_agents.vllm_wire import TOKEN

pytestmark = needs_vllm


@pytest.fixture(scope="module")
def vlm():
    vlm = with_engine(python=sys.executable)
    yield vlm
    vlm._link.close()


def process_of(agent):
    return agent.link._engine.process


def test_it_answers_over_the_wire_and_follows_updates(vlm):
    agent, tasks = sampler(vlm), mixed_tasks("qwen3_vl")
    for version in (0, 1, 2, 3):
        if version:
            perturb(vlm)
            agent.weights_changed(version)
        rollout = play(agent, tasks)
        assert versions(rollout) == {version} and largest_difference(vlm, rollout) < 1e-5
    assert drawn(play(agent, tasks)) == drawn(rollout)
    assert 0 < agent.link.sync.difference < 1e-5


def test_killed_in_mid_run_it_costs_its_episodes_only(vlm):
    agent, tasks = sampler(vlm), mixed_tasks("qwen3_vl")
    perturb(vlm)
    agent.weights_changed(4)
    expected = drawn(play(agent, tasks))
    lost = agent.link.lost
    answered = []
    act = agent.act

    async def kill_at_the_fifth(conversation):
        answered.append(await act(conversation))
        if len(answered) == 5:
            process_of(agent).send_signal(signal.SIGKILL)
        return answered[-1]

    agent.act = kill_at_the_fifth
    rollout = play(agent, tasks)
    assert agent.link.lost == lost + 1
    assert rollout.retried > 0 and rollout.failed == 0
    assert drawn(rollout) == expected  # each episode once, by the weights of the time
    assert versions(rollout) == {4} and largest_difference(vlm, rollout) < 1e-5


def test_one_that_hangs_is_given_up(vlm):
    agent, tasks = sampler(vlm), lakes("qwen3_vl", 3)
    play(agent, tasks)
    engine = agent.link._engine
    engine._timeout = 2.0
    engine.process.send_signal(signal.SIGSTOP)
    rollout = play(agent, tasks)
    assert rollout.retried > 0 and rollout.failed == 0
    assert not engine.alive and gone_within([engine.process.pid], 5)


def test_lost_while_it_takes_weights(vlm):
    agent, tasks = sampler(vlm), lakes("qwen3_vl", 3)
    play(agent, tasks)
    perturb(vlm)
    agent.weights_changed(9)
    process_of(agent).kill()
    rollout = play(agent, tasks)
    assert rollout.failed == 0 and versions(rollout) == {9} and largest_difference(vlm, rollout) < 1e-5


def test_engines_that_are_lost_again_and_again_end_the_run(vlm):
    agent = sampler(vlm)
    play(agent, lakes("qwen3_vl", 1))
    process_of(agent).kill()
    object.__setattr__(agent.link.options, "restarts", 0)
    with pytest.raises(RuntimeError, match=r"engine_options.restarts"):
        play(agent, lakes("qwen3_vl", 2))
    object.__setattr__(agent.link.options, "restarts", 10)


@pytest.fixture(scope="module")
def server(vlm, tmp_path_factory):
    """A server that somebody else runs, with other weights; its address."""
    folder = tmp_path_factory.mktemp("server")
    other = with_engine()
    perturb(other)
    other.save(folder)
    settings = json.dumps({"max_context": 1024, "vllm": SMALL})
    command = [sys.executable, "-m", "mmgym_agents.vllm_server", "--model", str(folder), "--settings", settings]
    process = subprocess.Popen(
        [*command, "--address", "127.0.0.1:0", "--with-parent"],
        env={**os.environ, TOKEN: "0123456789abcdef"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    host, port = json.loads(process.stdout.readline())["address"]
    yield f"{host}:{port}", process
    process.kill()
    process.wait()


def test_a_server_elsewhere_is_given_the_weights_first(server, monkeypatch):
    monkeypatch.setenv(TOKEN, "0123456789abcdef")
    vlm = with_engine(addresses=[server[0]])
    agent = sampler(vlm)
    assert largest_difference(vlm, play(agent, mixed_tasks("qwen3_vl"))) < 1e-5
    agent.close()


def test_it_lets_nobody_in_without_the_token(server, monkeypatch):
    monkeypatch.setenv(TOKEN, "another token of some length")
    with pytest.raises(RuntimeError, match="does not know the token"):
        connect(server[0], 5, 5)


def test_what_is_wrong_with_a_request_is_said_and_costs_nothing_else(server, monkeypatch):
    monkeypatch.setenv(TOKEN, "0123456789abcdef")
    agent = sampler(with_engine(addresses=[server[0]]))
    play(agent, lakes("qwen3_vl", 1))
    engine, link = agent.link._engine, agent.link
    good = link._request(link.sync._prompts[0], 1.0, 0, 4)
    bad = [
        type(good)(**{**vars(good), "ids": np.tile(good.ids, 400)}),
        type(good)(**{**vars(good), "expanded": good.expanded + 1}),
        type(good)(**{**vars(good), "ids": np.append(good.ids, 10**6)}),
    ]
    futures = [engine.ask(request) for request in (*bad, good)]
    for future in futures[:-1]:
        with pytest.raises((ValueError, RuntimeError), match=r".{10}"):
            future.result(60)
    assert len(futures[-1].result(60).ids) > 0 and engine.alive
    agent.close()


def test_weights_that_come_through_by_halves_end_it(server, monkeypatch):
    monkeypatch.setenv(TOKEN, "0123456789abcdef")
    address, process = server
    engine = connect(address, 30, 5)

    def half():
        engine._channel.send({"number": 1, "kind": "weights", "count": 2, "version": 1})
        engine._channel.close()

    threading.Thread(target=half).start()
    process.wait(60)
    with pytest.raises(EngineDied):
        engine.load_weights([], 2)
    engine.close()
