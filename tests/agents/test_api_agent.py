"""What holds for every protocol: options, keys, what a failure means, how fast is asked."""

import asyncio
import json

import numpy as np
import pytest

from mmgym.formats import MAX_CHARACTERS
from mmgym.spaces import Parameter, Tool, ToolCall, ToolSpace
from mmgym_agents.api_agent import _action, _Line, _text
from mmgym_agents.api_endpoint import Busy, Call, Refused, Reply, TooLong, encoded, failure
from mmgym_agents.api_options import APIOptions
from mmgym_agents.named import make_agent

SOMEWHERE = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": ""}, "model must name the endpoint's model"),
        ({"modell": "m"}, "there is no field options.modell; fields here: model, base_url"),
        ({"retries": -1}, "retries must be at least 0; got -1"),
        ({"timeout": 0}, "timeout must be above 0; got 0"),
        ({"base_url": "localhost:8000"}, "base_url must start with http"),
        ({"base_url": "https://me:secret@host"}, "and hold no password"),
        ({"temperature": -1}, "temperature must be a number from 0 on; got -1"),
        ({"thinking": "hard"}, "thinking must be true, false or one of minimal, low"),
        ({"tool_choice": "none"}, "tool_choice must be auto or required"),
        ({"context": "window(0)"}, "context must be full or window"),
        ({"prices": {"inputs": 1}}, "prices must be a table of input, output, cached, cache_write"),
        ({"prices": {"input": 1}}, "prices must hold input and output"),
        ({"prices": {"input": 1, "output": -1}}, "prices must be from 0 on"),
        ({"key_variable": "NO_SUCH_KEY"}, "the environment variable NO_SUCH_KEY must hold the key of the endpoint"),
        ({"base_url": ""}, "the environment variable OPENAI_API_KEY must hold the key of the endpoint"),
    ],
)
def test_wrong_options_are_named(options, message, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ValueError, match=message):
        make_agent("openai", **{"model": "m", "base_url": SOMEWHERE, **options})


@pytest.mark.parametrize("end", ["\n", "\r\n", " "])
def test_a_key_is_read_without_what_stands_around_it(end, monkeypatch):
    monkeypatch.setenv("A_KEY", f"sk-1{end}")
    assert APIOptions(model="m", key_variable="A_KEY").key("") == "sk-1"


@pytest.mark.parametrize("inside", ["\n", "\r", " ", "\N{EN DASH}"])
def test_a_key_that_no_header_can_hold_is_refused_and_not_shown(inside, monkeypatch):
    monkeypatch.setenv("A_KEY", f"sk{inside}1")
    with pytest.raises(ValueError, match="variable A_KEY must hold the key of the endpoint and nothing else") as told:
        make_agent("openai", model="m", base_url=SOMEWHERE, key_variable="A_KEY")
    assert f"sk{inside}1" not in str(told.value)


def test_agents_are_named_with_what_they_need(monkeypatch):
    with pytest.raises(ValueError, match=r"agent must be one of random, weak, .*openai, anthropic, gemini.*got 'gpt'"):
        make_agent("gpt")
    monkeypatch.setattr("mmgym_agents.named.missing_packages", lambda extra: ["openai"])
    with pytest.raises(ImportError, match=r"agent openai needs openai: .*\[api\]"):
        make_agent("openai", model="m")


@pytest.mark.parametrize(
    ("status", "message", "headers", "kind", "wait"),
    [
        (400, '{"code": "context_length_exceeded"}', {}, TooLong, None),
        (400, "This model's maximum context length is 2048 tokens.", {}, TooLong, None),
        (413, "", {}, TooLong, None),
        (400, "unknown parameter", {}, Refused, None),
        (401, "wrong key", {"retry-after": "1"}, Refused, None),
        (429, '{"code": "insufficient_quota"}', {}, Refused, None),
        (400, "Your credit balance is too low.", {}, Refused, None),
        (429, 'check your plan and billing details {"retryDelay": "18s"}', {}, Busy, 18.0),
        (429, "slow down", {}, Busy, None),
        (429, "slow down", {"retry-after": "7"}, Busy, 7.0),
        (429, "slow down", {"retry-after": "7", "retry-after-ms": "1500"}, Busy, 1.5),
        (429, "slow down", {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, Busy, 0.0),
        (429, "slow down", {"retry-after": "soon"}, Busy, None),
        (429, "come back tomorrow", {"retry-after": "86400"}, Refused, None),
        (429, '{"@type": "RetryInfo", "retryDelay": "2.5s"}', {}, Busy, 2.5),
        (529, "overloaded", {}, Busy, None),
        (503, "<html>", {}, Busy, None),
    ],
)
def test_failures_are_told_apart(status, message, headers, kind, wait):
    found = failure(status, message, headers)
    assert type(found) is kind and str(found) == f"status {status}: {message}"
    assert getattr(found, "retry_after", None) == wait
    assert getattr(found, "final", False) == (kind is Refused and message != "unknown parameter")


def test_no_more_is_asked_than_the_limits_allow():
    async def turns(line, tokens):
        await line.turn(tokens)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(line.turn(tokens), 0.02)

    async def run():
        loop = asyncio.get_running_loop()
        await turns(_Line(loop, None, APIOptions("m", requests_per_minute=1)), 0)
        await turns(_Line(loop, None, APIOptions("m", requests_per_minute=600)), 0)  # one in 0.1 s
        await turns(_Line(loop, None, APIOptions("m", tokens_per_minute=100)), 60)
        paused = _Line(loop, None, APIOptions("m"))
        await paused.turn(1e9)
        paused.pause(60)
        paused.pause(1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(paused.turn(0), 0.02)

    asyncio.run(run())


def test_prices_tell_apart_what_is_new_cached_and_written():
    usage = {"prompt_tokens": 100, "cached_tokens": 60, "cache_write_tokens": 10, "completion_tokens": 5}
    assert APIOptions("m").dollars(usage) == 0
    assert APIOptions("m", prices={"input": 2.0, "output": 10.0}).dollars(usage) == pytest.approx(250e-6)
    prices = {"input": 2.0, "output": 10.0, "cached": 0.5, "cache_write": 4.0}
    assert APIOptions("m", prices=prices).dollars(usage) == pytest.approx((30 * 2 + 60 * 0.5 + 10 * 4 + 50) / 1e6)


@pytest.mark.parametrize(
    "text", ["a </think> b", "write <tool_call> here", "</tool_call>", "<answer>up</answer>", "漢" * 4096, "<" * 4096]
)
def test_an_argument_is_text_whatever_it_holds(text):
    arguments = json.dumps({"text": text}, ensure_ascii=False)
    space = ToolSpace([Tool("type", "Type.", (Parameter("text", "text"),))])
    action = _action(Reply("", None, (Call("1", "type", arguments),)), space)
    assert action == ToolCall("type", {"text": text})


def test_reasoning_gives_way_to_the_answer():
    call = Call("1", "move", '{"direction": "up"}')
    text = _text(Reply("so:", None, (call,), "hm " * MAX_CHARACTERS))
    assert len(text) < MAX_CHARACTERS and text.startswith("<think>\nhm hm ")
    thought, answer = text.split(" [...]\n</think>\n\nso:\n")
    assert json.loads(answer.strip().removeprefix("<tool_call>").removesuffix("</tool_call>")) == {
        "name": "move",
        "arguments": {"direction": "up"},
    }
    assert len(thought) > MAX_CHARACTERS - 300


def test_sounds_are_sent_as_files():
    import base64
    import io
    import wave

    (part,) = encoded([{"type": "audio", "audio": np.float32([0, 1, -1, 2]), "sampling_rate": 8000}])
    with wave.open(io.BytesIO(base64.b64decode(part["wav"]))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        assert np.frombuffer(file.readframes(9), "<i2").tolist() == [0, 32767, -32767, 32767]
