"""Agents behind Anthropic's messages and Gemini, against servers that check every request."""

import itertools
import json

import pytest
from anthropic.types import Message
from api_servers import Server, expert_moves
from api_vendor_servers import THOUGHT, AnthropicModel, GeminiModel

from mmgym.bench.run import tasks
from mmgym.registry import Suite, SuiteEntry
from mmgym.rollout import Executor, RolloutConfig
from mmgym.trajectory import Status
from mmgym_agents.api_agent import EndpointError
from mmgym_agents.api_anthropic import _reply
from mmgym_agents.api_endpoint import sendable
from mmgym_agents.named import make_agent

TASKS = tasks(Suite("lake", 0, (SuiteEntry("mmgym/FrozenLake-v0", (1,)),)), episodes=2)
VENDORS = {"anthropic": AnthropicModel, "gemini": GeminiModel}
OVERLOADED = {
    "anthropic": (
        529,
        {"retry-after": "0.01"},
        {"type": "error", "error": {"type": "overloaded_error", "message": "."}},
    ),
    "gemini": (
        429,
        {},
        {
            "error": {
                "code": 429,
                "message": "slower",
                "status": "RESOURCE_EXHAUSTED",
                "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.01s"}],
            }
        },
    ),
}
TOO_LONG = {
    "anthropic": {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}},
    "gemini": {
        "error": {
            "code": 400,
            "status": "INVALID_ARGUMENT",
            "message": "The input token count (9) exceeds the maximum number of tokens allowed (8).",
        }
    },
}
REFUSED = {
    "anthropic": (401, {}, {"type": "error", "error": {"type": "authentication_error", "message": "bad key sk-1"}}),
    "gemini": (403, {}, {"error": {"code": 403, "message": "bad key sk-1", "status": "PERMISSION_DENIED"}}),
}


@pytest.fixture(scope="module")
def moves():
    return expert_moves(TASKS)


def play(vendor, model, **options):
    with Server(model) as server:
        asked = make_agent(vendor, model="scripted", base_url=server.url, **options)
        with Executor(RolloutConfig(format="native", live=2)) as executor:
            return executor.run(TASKS, asked).trajectories, server, asked


@pytest.mark.parametrize("vendor", VENDORS)
def test_pictures_arrive_calls_come_back_and_thinking_goes_back_as_it_came(vendor, moves):
    trajectories, server, asked = play(vendor, VENDORS[vendor](moves), thinking=True, max_tokens=2048)
    assert all(t.success and len(t.turns) == t.info["expert_steps"] for t in trajectories)
    first = trajectories[0].turns[0]
    assert first.text.startswith(f"<think>\n{THOUGHT}\n</think>\n\n<tool_call>") and first.calls[0]["name"] == "move"
    assert first.usage["prompt_tokens"] == 100 and first.usage["completion_tokens"] == 10
    assert first.usage["cached_tokens"] == 60 and first.usage["reasoning_tokens"] == 4
    assert len(server.requests) == asked.spent["requests"] == sum(len(t.turns) for t in trajectories)


@pytest.mark.parametrize("vendor", VENDORS)
def test_an_overloaded_endpoint_is_asked_again(vendor, moves):
    trajectories, _, asked = play(vendor, VENDORS[vendor](moves, [OVERLOADED[vendor]] * 3))
    assert all(t.success for t in trajectories) and asked.spent["retries"] == 3


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'{"candidates": [{"con', b'{"error": {"code": 503}}', b"[1]"])
def test_an_answer_that_is_none_is_asked_for_again(vendor, body, moves):
    trajectories, _, asked = play(vendor, VENDORS[vendor](moves, [None, (200, {}, body)]))
    assert all(t.success and all(turn.calls for turn in t.turns) for t in trajectories)
    assert asked.spent["retries"] == 1


def test_answers_that_are_not_as_published_are_asked_for_again_and_a_blocked_prompt_is_an_answer(moves):
    wrong = {
        "candidates": [{"content": {"role": "model", "parts": [{"functionCall": {"name": "move", "args": "up"}}]}}]
    }
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}}
    trajectories, _, asked = play("gemini", GeminiModel(moves, [(200, {}, wrong), (200, {}, blocked)]))
    turns = [turn for t in trajectories for turn in t.turns]
    assert asked.spent["retries"] == 1 and sum(not turn.calls for turn in turns) == 1


def test_half_a_letter_goes_back_as_the_mark_for_one_that_is_missing():
    thought, call = (
        {"thinking": "a\ud83d", "signature": "s"},
        {"id": "1", "name": "type", "input": {"\ud83d": ["\ud83d"]}},
    )
    content = [{"type": "thinking", **thought}, {"type": "tool_use", **call}]
    body = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": content, "stop_reason": None}
    reply = _reply(Message.model_validate({**body, "usage": {"input_tokens": 1, "output_tokens": 1}}))
    assert sendable(reply.raw) == json.loads(json.dumps(content).replace("\\ud83d", "\\ufffd"))


def test_an_answer_without_its_tokens_is_read():
    body = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    assert _reply(Message.construct(**body)).usage == {}
    assert set(_reply(Message.construct(**body, usage={})).usage.values()) == {0}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_prompt_that_is_too_long_ends_the_episode(vendor, moves):
    troubles = itertools.chain([None], itertools.repeat((400, {}, TOO_LONG[vendor])))  # one answer solves no episode
    trajectories, _, _ = play(vendor, VENDORS[vendor](moves, troubles))
    assert {t.status for t in trajectories} == {Status.TRUNCATED}
    assert sum(len(t.turns) for t in trajectories) == 1


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_wrong_key_ends_the_run_and_is_not_shown(vendor, moves, monkeypatch):
    monkeypatch.setenv("A_KEY", "sk-1")
    with pytest.raises(
        EndpointError, match=r"scripted did not answer \(1 requests\): status 40[13]: .*bad key \[key\]"
    ):
        play(vendor, VENDORS[vendor](moves, itertools.repeat(REFUSED[vendor])), key_variable="A_KEY")


def test_what_a_protocol_does_not_have_is_refused():
    with pytest.raises(ValueError, match="max_tokens must be at least 1"):
        make_agent("anthropic", model="m", base_url="http://127.0.0.1:1", max_tokens=0)
    with pytest.raises(ValueError, match=r"options.temperature: this protocol has none"):
        make_agent("anthropic", model="m", base_url="http://127.0.0.1:1", temperature=1)


def test_an_answer_that_ends_in_its_thinking_can_be_followed():
    def reply(*kinds):
        blocks = {
            "thinking": {"type": "thinking", "thinking": "hm", "signature": "s"},
            "text": {"type": "text", "text": "so"},
        }
        return _reply(
            Message.model_validate(
                {
                    "id": "m",
                    "type": "message",
                    "role": "assistant",
                    "model": "m",
                    "content": [blocks[kind] for kind in kinds],
                    "stop_reason": "max_tokens",
                    "usage": {"input_tokens": 1, "output_tokens": 1},
                }
            )
        )

    assert [getattr(block, "type", "") or block["type"] for block in reply("thinking").raw] == ["thinking", "text"]
    assert len(reply("thinking", "text").raw) == 2 and len(reply("text", "thinking").raw) == 3
    assert reply().raw == [{"type": "text", "text": "(no answer)"}]
