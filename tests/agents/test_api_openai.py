"""An agent behind chat completions, against a server that checks every request; alone, and in a benchmark."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest
from api_servers import OpenAIModel, Server, checked, expert_moves
from openai.types.chat import ChatCompletionMessage

from mmgym.bench.run import BenchConfig, bench, tasks
from mmgym.cli import main
from mmgym.registry import Suite, SuiteEntry
from mmgym.rollout import Executor, RolloutConfig
from mmgym.trajectory import Status
from mmgym_agents.api_agent import EndpointError
from mmgym_agents.api_openai import _reply
from mmgym_agents.named import make_agent

LAKE = "mmgym/FrozenLake-v0"
TASKS = tasks(Suite("lake", 0, (SuiteEntry(LAKE, (1, 2, 3, 4, 5)),)), episodes=2)
LOST = (0, {}, None)
TIMES = ("seconds_model", "seconds_env", "shard", "row")


@pytest.fixture(scope="module")
def moves():
    return expert_moves(TASKS)


@pytest.fixture(scope="module")
def whole(moves, tmp_path_factory):
    """The records of a run that nothing disturbed."""
    with Server(OpenAIModel(moves)) as server:
        return bench(in_bench(server, tmp_path_factory.mktemp("whole")))


def play(model, asked=TASKS[:4], format="native", **options):
    with Server(model) as server:
        agent = make_agent("openai", model="scripted", base_url=f"{server.url}/v1", **options)
        with Executor(RolloutConfig(format=format, live=4)) as executor:
            return executor.run(asked, agent).trajectories, server, agent


def in_bench(server, out, **options):
    options = {"model": "scripted", "base_url": f"{server.url}/v1", **options}
    rollout = RolloutConfig(format="native", lockstep=False, live=2)
    return BenchConfig("openai", options, LAKE, 2, out=str(out), rollout=rollout)


def rows(records):
    """The records without times and places on disk."""
    return [{name: value for name, value in asdict(record).items() if name not in TIMES} for record in records]


def test_the_servers_can_tell_a_wrong_request():
    from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

    def asked(message, **more):
        checked(CompletionCreateParamsNonStreaming, {"model": "m", "messages": [message], **more})

    picture = {"type": "image_url", "image_url": {"url": "data:"}}
    asked({"role": "user", "content": [picture]}, seed=1)
    with pytest.raises(AssertionError):
        asked({"role": "tool", "tool_call_id": "c", "content": [picture]})
    with pytest.raises(AssertionError):
        asked({"role": "user", "content": [picture | {"detail": "high"}]})
    with pytest.raises(AssertionError):
        asked({"role": "user", "content": "hello"}, sead=1)


@pytest.mark.parametrize("format", ["native", "tool_call"])
def test_pictures_arrive_to_the_pixel_and_calls_come_back(moves, format):
    prices = {"input": 2, "output": 10, "cached": 0.5}
    trajectories, server, agent = play(OpenAIModel(moves, native=format == "native"), format=format, prices=prices)
    assert all(t.success and len(t.turns) == t.info["expert_steps"] for t in trajectories)
    turns = sum(len(t.turns) for t in trajectories)
    assert len(server.requests) == turns
    dollars = (40 * 2 + 60 * 0.5 + 10 * 10) / 1e6
    first = trajectories[0].turns[0]
    assert first.usage == {
        "prompt_tokens": 100,
        "completion_tokens": 10,
        "cached_tokens": 60,
        "cache_write_tokens": 0,
        "reasoning_tokens": 4,
        "dollars": pytest.approx(dollars),
        "requests": 1,
        "retries": 0,
    }
    assert agent.spent["dollars"] == pytest.approx(dollars * turns) and agent.spent["requests"] == turns
    assert first.calls[0]["name"] == "move" and first.text.startswith("<tool_call>")
    system = server.requests[0]["messages"][0]["content"]
    assert ("tools" in server.requests[0]) == (format == "native") != ("<tool_call>" in system)


def test_what_a_model_writes_instead_of_a_call_costs_the_turn_and_nothing_else(moves):
    wrong = iter(
        ['{"direction": ', '["up"]', '{"direction": "north"}', '{"direction": "up", "far": 1e999}', "9" * 5000]
    )

    def spoilt(body):
        (call,) = body["choices"][0]["message"]["tool_calls"]
        if (written := next(wrong, None)) is not None:
            call["function"] = {"name": "move" if len(written) < 5000 else "mo ve", "arguments": written}
        else:
            body["choices"][0]["message"]["tool_calls"] *= 2
        return body

    model = OpenAIModel(moves, change=spoilt)
    (trajectory,), _, _ = play(model, TASKS[:1])
    said = [turn.feedback for turn in trajectory.turns]
    assert trajectory.status is Status.TRUNCATED and all(turn.terms["valid"] == 0 for turn in trajectory.turns)
    assert "not valid JSON" in said[0] and "give one call; got 2" in said[-1] and len(set(said)) >= 5


def test_answers_of_odd_servers_are_read_or_asked_for_again(moves):
    left = ["object", "untyped", "tokens", "message", "error"]

    def odd(body):
        trouble = left.pop() if left else ""
        message = body["choices"][0]["message"]
        if trouble == "object":
            function = message["tool_calls"][0]["function"]
            function["arguments"] = json.loads(function["arguments"])
        elif trouble == "untyped":
            del message["tool_calls"][0]["type"]
        elif trouble == "tokens":
            body["usage"] |= {"prompt_tokens": None, "completion_tokens": None}
        elif trouble == "message":
            body["choices"][0]["message"] = None
        elif trouble == "error":
            body["choices"][0]["message"] = {"role": "assistant", "content": ""}
            body["choices"][0]["error"] = {"code": 502, "message": "what is behind the gateway broke off"}
        return body

    cut = [(200, {}, b'{"id": "c", "choi'), (200, {}, b"")]
    (trajectory,), _, asked = play(OpenAIModel(moves, storms=cut, change=odd), TASKS[1:2])
    assert trajectory.success and len(trajectory.turns) == trajectory.info["expert_steps"]
    assert not left and asked.spent["retries"] == 4
    assert trajectory.turns[0].usage["prompt_tokens"] == 0


def test_an_answer_in_parts_and_a_call_of_nothing_are_read():
    parts = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "go "}, {"type": "text", "text": "up"}]
    call = {"id": "c", "type": "function", "function": {"name": None, "arguments": "{}"}}
    reply = _reply(ChatCompletionMessage.construct(role="assistant", content=parts, tool_calls=[call]), None)
    assert reply.text == reply.raw["content"] == "go up" and [made.name for made in reply.calls] == [""]


def test_half_a_letter_in_an_answer_costs_no_more_than_its_turn(moves):
    left = [{"content": "\ud83d"}, {"arguments": '{"direction": "\ud83d"}'}, {"reasoning_content": "\ud83d"}]

    def halved(body):
        message = body["choices"][0]["message"]
        trouble = left.pop() if left else {}
        if "content" in trouble:
            del message["tool_calls"]
        elif "arguments" in trouble:
            message["tool_calls"][0]["function"] |= trouble
            trouble = {}
        message |= trouble
        return body

    (trajectory,), server, _ = play(OpenAIModel(moves, change=halved), TASKS[:1])
    assert trajectory.success and not left and "\ud83d" in trajectory.turns[2].text
    answers = [m for m in server.requests[-1]["messages"] if m["role"] == "assistant"]
    assert answers[2]["content"] == "\N{REPLACEMENT CHARACTER}"


def test_several_calls_a_turn_are_offered_where_the_environment_takes_them(moves):
    many = [replace(TASKS[0], kwargs={"max_calls": 3})]

    def three(body):
        (call,) = body["choices"][0]["message"]["tool_calls"]
        body["choices"][0]["message"]["tool_calls"] = [{**call, "id": f"{call['id']}.{n}"} for n in range(3)]
        return body

    (trajectory,), server, _ = play(OpenAIModel(moves, change=three), many)
    assert [len(turn.calls) for turn in trajectory.turns] == [3] * len(trajectory.turns)
    assert server.requests[0]["parallel_tool_calls"] is True


def test_the_context_reaches_as_far_as_it_is_asked_to(moves):
    _, server, _ = play(OpenAIModel(moves), TASKS[8:9], context="window(3)+summary", pictures=2)
    longest = max(server.requests, key=lambda request: len(str(request["messages"])))["messages"]
    users = [message["content"] for message in longest if message["role"] == "user"]
    assert len(users) == 3 and users[0][0]["text"].startswith("Earlier turns:\n1. <tool_call>")
    kinds = [[part["type"] for part in content if part.get("text", "(").startswith("(")] for content in users]
    assert kinds == [["text"], ["image_url"], ["image_url"]] and "no longer shown" in users[0][1]["text"]
    assert longest[1]["role"] == "user" and longest[2]["role"] == "assistant" and longest[3]["role"] == "tool"


@pytest.mark.parametrize(
    ("thinking", "field", "value"),
    [(True, "chat_template_kwargs", {"enable_thinking": True}), ("high", "reasoning_effort", "high")],
)
def test_thinking_is_asked_for_and_kept_apart_from_the_answer(moves, thinking, field, value):
    def thought(body):
        body["choices"][0]["message"]["reasoning_content"] = "</think> <tool_call>" * 2000
        return body

    model = OpenAIModel(moves, native=False, fields=("chat_template_kwargs", "top_k"), change=thought)
    trajectories, server, _ = play(model, format="tool_call", thinking=thinking, temperature=0.5, extra={"top_k": 3})
    assert all(t.success for t in trajectories)
    assert trajectories[0].turns[0].text.startswith("<think>\n</think>")
    request = server.requests[0]
    assert request[field] == value and request["top_k"] == 3 and request["temperature"] == 0.5
    seeds = [request["seed"] for request in server.requests]
    assert len(set(seeds)) == len(seeds) and "reasoning" not in str(server.requests[-1]["messages"])


def test_a_storm_of_refusals_and_lost_connections_passes(moves):
    busy = (429, {"retry-after-ms": "5"}, {"error": {"message": "slow down"}})
    down = (503, {"retry-after": "0.005"}, {"error": {"message": "starting"}})
    model = OpenAIModel(moves, storms=[busy, down, None, LOST, busy, busy, None, down] * 3)
    trajectories, server, agent = play(model, retries=18)  # all of them may meet the same request
    assert all(t.success for t in trajectories)
    assert agent.spent["retries"] == 18 and len(server.requests) == agent.spent["requests"]


def test_a_key_goes_to_its_own_endpoint_only(moves, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-vendor")
    _, server, _ = play(OpenAIModel(moves), TASKS[:1])
    assert {headers["authorization"] for headers in server.headers} == {"Bearer none"}


def test_the_command_benchmarks_it_and_the_key_is_nowhere(moves, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    with Server(OpenAIModel(moves)) as server:
        options = {"model": "scripted", "base_url": f"{server.url}/v1", "key_variable": "MY_KEY"}
        options["prices"] = {"input": 1, "output": 1}
        command = ["bench", "--agent", "openai", "--options", json.dumps(options), "--suite", LAKE, "--episodes", "2"]
        command += ["--format", "native", "--live", "3", "--out", str(tmp_path / "run")]
        assert main([*command, "--max-dollars", "1", "--no-report"]) == 0
        assert "openai on mmgym/FrozenLake-v0: 10 of 10 episodes" in capsys.readouterr().out
        assert {headers["authorization"] for headers in server.headers} == {"Bearer sk-very-secret"}
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"very-secret" not in path.read_bytes()
    lines = [json.loads(line) for line in (tmp_path / "run" / "episodes.jsonl").read_text().splitlines()]
    assert all(line["success"] and line["turns"] == line["expert_steps"] for line in lines)
    assert lines[0]["usage"]["prompt_tokens"] == 100 * lines[0]["turns"] == 100 * lines[0]["tools"]["move"]


_BENCH = "import json, sys\nfrom mmgym.bench import run\nrun._SHARD = 1\nfrom test_api_openai import *\n"
_BENCH += "run.bench(in_bench(type('S', (), {'url': sys.argv[1]}), sys.argv[2]))\n"


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_to_the_same_rows(moves, whole, tmp_path):
    with Server(OpenAIModel(moves)) as server:
        lines = tmp_path / "killed" / "episodes.jsonl"
        here = os.path.dirname(__file__)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([here, os.environ["PYTHONPATH"]])}
        process = subprocess.Popen([sys.executable, "-c", _BENCH, server.url, str(lines.parent)], env=environment)
        while process.poll() is None and not (lines.is_file() and lines.read_bytes().count(b"\n") >= 4):
            time.sleep(0.005)
        assert process.poll() is None, "the run was over before it could be killed"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        before = len(server.requests)
        resumed = bench(in_bench(server, lines.parent))
        assert 4 <= lines.read_text().count("\n") <= 10 and len(server.requests) > before
    assert rows(resumed) == rows(whole) and all(record.success for record in whole)


def test_a_server_that_dies_ends_the_run_which_goes_on_when_it_is_back(moves, whole, tmp_path, monkeypatch):
    monkeypatch.setattr("mmgym_agents.api_agent._GIVE_UP", 2)
    model = OpenAIModel(moves, storms=[None] * 40 + [LOST] * 4)
    with Server(model) as server:
        config = in_bench(server, tmp_path / "run", retries=0)
        with pytest.raises(EndpointError, match=r"scripted did not answer \(1 requests\): Connection error"):
            bench(config)
        lines = (tmp_path / "run" / "episodes.jsonl").read_text().splitlines()
        assert 0 < len(lines) < 10, "episodes that had ended are written"
        model.storms = iter(())
        resumed = bench(replace(config, relaunch=True))
    assert rows(resumed) == rows(whole)


def test_one_request_that_fails_for_good_spoils_its_episode_only(moves):
    odd = (400, {}, {"error": {"message": "this picture is not allowed"}})
    trajectories, _, _ = play(OpenAIModel(moves, storms=[None] * 5 + [odd] + [None] * 99))
    assert all(t.success for t in trajectories)
    storms = [None] * 5 + [odd, odd]
    with (
        Executor(RolloutConfig(format="native", live=1)) as executor,
        Server(OpenAIModel(moves, storms=storms)) as server,
    ):
        agent = make_agent("openai", model="scripted", base_url=f"{server.url}/v1")
        ended = executor.run(TASKS[4:7], agent).trajectories
    assert sum(t.status is Status.ENV_ERROR and "not allowed" in t.error for t in ended) == 1
    assert sum(t.success for t in ended) == 2


def test_no_episode_begins_beyond_the_budget(moves, tmp_path):
    with Server(OpenAIModel(moves)) as server:
        config = in_bench(server, tmp_path / "run", prices={"input": 1e4, "output": 0})
        with pytest.raises(ValueError, match="max_dollars needs an agent behind an API that is given prices"):
            bench(replace(in_bench(server, tmp_path / "other"), max_dollars=1.0))
        some = bench(replace(config, max_dollars=5.0))
        spent = sum(record.usage["dollars"] for record in some)
        assert spent >= 5 and len(some) < 10
        assert bench(replace(config, max_dollars=spent)) == some, "what was spent before counts"
        assert len(bench(replace(config, max_tokens=1e9))) == 10


def test_a_prompt_is_recorded_with_a_digest(moves, tmp_path):
    mine = tmp_path / "mine.md"
    mine.write_text("Play to win.\n{instruction}")
    with Server(OpenAIModel(moves)) as server:
        config = in_bench(server, tmp_path / "run")
        config = replace(config, rollout=replace(config.rollout, prompt=str(mine)), episodes=1)
        bench(config)
        assert server.requests[0]["messages"][0]["content"].startswith("Play to win.\n")
        about = json.loads((tmp_path / "run" / "bench.json").read_text())
        assert about["prompt"].startswith(f"{mine} sha256:")
        from mmgym.messages import prompt_template

        mine.write_text("Play to lose.\n{instruction}")
        prompt_template.cache_clear()
        with pytest.raises(ValueError, match="another prompt"):
            bench(config)
