"""Whole runs whose episodes a vLLM engine plays, in this process and in one of its own, killed on the way."""

import json
import sys

import pytest
from engines import SMALL, needs_vllm
from short_runs import metrics_of, short_run

from mmgym.learn.config import TrainConfig, from_mapping
from mmgym.learn.trainer import train
from mmgym_agents.vllm_agent import VLLMAgent

pytestmark = needs_vllm


def config(out, engine_options=None, **grpo):
    run = short_run(out)
    plain = {"iterations": 3, "groups": 4, "group_size": 4, "guard_logprobs": 1e-3, "keep_equal": True}
    run["grpo"] = {**plain, **grpo}
    run["perception"]["steps"], run["cloning"]["steps"] = 2, 2
    options = {"vllm": SMALL, "max_context": 1024, "tolerance": 1e-4, **(engine_options or {})}
    run["policy"] |= {"tiny": {"heads": 2}, "engine": "vllm", "engine_options": options}
    return from_mapping(TrainConfig, run)


def improvements(out):
    return [line for line in metrics_of(out) if (line["stage"], line["kind"]) == ("grpo", "train")]


def test_a_run_in_this_process(tmp_path):
    summary = train(config(tmp_path / "run", {"sleep": 1}))
    lines = improvements(tmp_path / "run")
    assert len(lines) == 3 and all(0 < line["sampler_difference"] < 1e-4 for line in lines)
    assert summary["episodes"] == 3 * 16 and summary["heldout"]["trained"]["sampled"]["episodes"] == 4


def test_a_run_whose_engine_is_killed(tmp_path, monkeypatch):
    """It finishes; every group counts once, and what was lost is reported."""
    act, killed = VLLMAgent.act, []

    async def kill_once(self, conversation):
        response = await act(self, conversation)
        if not killed and response.version == 2 and conversation.task.options["split"] == "train":
            killed.append(self.link._engine.process.kill())
        return response

    monkeypatch.setattr(VLLMAgent, "act", kill_once)
    summary = train(config(tmp_path / "run", {"python": sys.executable}, iterations=5))
    lines = improvements(tmp_path / "run")
    assert len(killed) == 1 and summary["episodes"] == 5 * 16
    assert [line["retried"] > 0 for line in lines] == [False, False, True, False, False]
    assert all(line["env_errors"] == 0 and 0 < line["sampler_difference"] < 1e-4 for line in lines)
    assert all(line["used_groups"] == 1 for line in lines)


def test_a_run_that_plays_ahead(tmp_path):
    train(config(tmp_path / "run", {"python": sys.executable}, staleness=1))
    lines = improvements(tmp_path / "run")
    found = [line["sampler_difference"] for line in lines]  # 0 where nothing is left to be played by the newest weights
    assert len(lines) == 3 and max(found) < 1e-4 and found[0] > 0
    assert max(line["staleness_max"] for line in lines) <= 1


def test_a_run_with_adapters(tmp_path):
    pytest.importorskip("peft")
    run = config(tmp_path / "run")
    object.__setattr__(run.policy, "lora", type(run.policy.lora)(rank=4))
    train(run)
    assert all(0 < line["sampler_difference"] < 1e-4 for line in improvements(tmp_path / "run"))
    assert json.loads((tmp_path / "run/summary.json").read_text())["episodes"] == 48
