"""vLLM's own server behind the agents that speak vendors' protocols: it answers what the model itself answers."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace

import pytest
from engines import needs_vllm
from playing import ROLLOUT, lakes, play, teach_format, tiny

from mmgym.trajectory import Status
from mmgym_agents.named import make_agent
from mmgym_agents.scripted import ExpertAgent
from mmgym_agents.transformers_agent import Sampling, TransformersAgent

pytestmark = needs_vllm

CPU = {"VLLM_CPU_KVCACHE_SPACE": "1", "TORCH_COMPILE_DISABLE": "1", "VLLM_NO_USAGE_STATS": "1"}


@pytest.fixture(scope="module")
def vlm():
    """A model that looks: its likeliest move is not the same on all lakes."""
    return teach_format(tiny("qwen3_vl", heads=2), "qwen3_vl", 60, ExpertAgent(), 16)


@pytest.fixture(scope="module")
def server(vlm, tmp_path_factory):
    """Its address."""
    folder = tmp_path_factory.mktemp("served")
    vlm.save(folder / "model")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(folder / "model")]
    command += ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", "tiny", "--dtype", "float32"]
    command += ["--max-model-len", "1024", "--enforce-eager", "--limit-mm-per-prompt", '{"image": 3, "video": 0}']
    command += ["--enable-auto-tool-choice", "--tool-call-parser", "hermes"]
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **CPU}, start_new_session=True
        )
    try:
        _wait(process, f"http://127.0.0.1:{port}/health", folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _wait(process, url, log):
    for _ in range(600):
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.5)
    raise TimeoutError(log.read_text()[-3000:])


def words(rollout):
    """What was written, turn by turn."""
    return [[turn.text for turn in trajectory.turns] for trajectory in rollout.trajectories]


@pytest.mark.parametrize(
    ("name", "path", "options"),
    [("openai", "/v1", {"temperature": 0}), ("anthropic", "", {"extra": {"temperature": 0}})],
)
def test_it_says_what_the_model_says(vlm, server, name, path, options):
    """The likeliest words of each turn, so template, pictures and context arrived as they are."""
    tasks = lakes("qwen3_vl", 8)
    own = play(TransformersAgent(vlm, Sampling(max_new_tokens=6, greedy=True, context="window(2)")), tasks)
    agent = make_agent(name, model="tiny", base_url=server + path, max_tokens=6, context="window(2)", **options)
    asked = play(agent, tasks, live=4, lockstep=False)
    assert words(asked) == words(own) and len({text for episode in words(own) for text in episode}) > 1
    assert agent.spent["requests"] == sum(map(len, words(own))) and agent.spent["prompt_tokens"] > 0


def test_schemas_of_tools_are_taken(server):
    """What comes back is no call: a model of this size makes none."""
    agent = make_agent("openai", model="tiny", base_url=f"{server}/v1", max_tokens=6, pictures=3)
    rollout = play(agent, lakes("qwen3_vl", 4), format="native", prompt=ROLLOUT.prompt)
    assert rollout.failed == 0 and agent.spent["requests"] >= 4


def test_more_pictures_than_it_takes_are_an_error_of_the_machinery(server):
    tasks = [replace(task, kwargs={**task.kwargs, "max_turns": 5}) for task in lakes("qwen3_vl", 1)]
    agent = make_agent("openai", model="tiny", base_url=f"{server}/v1", max_tokens=1, context="full")
    (trajectory,) = play(agent, tasks).trajectories
    assert trajectory.status is Status.ENV_ERROR and "At most 3 image(s)" in trajectory.error
    agent = make_agent("openai", model="tiny", base_url=f"{server}/v1", max_tokens=1, context="full", pictures=3)
    (trajectory,) = play(agent, tasks).trajectories
    assert trajectory.status is Status.TRUNCATED and len(trajectory.turns) == 5
