"""Text to tool calls and back: how a language model writes what it does.

Three formats, each with a parser, its inverse, and the words that explain it to an agent:

``tool_call``  ``<tool_call>{"name": "click", "arguments": {"x": 10, "y": 20}}</tool_call>``, as Qwen models write it,
               with prose around it if they like; or bare JSON objects, as OpenAI-compatible servers return them.
``call``       ``click(x=10, y=20)``, several on lines of their own or separated by ``;``, and nothing else.
``tag``        ``<action>right</action>``: the shortest wording, values in the order of the parameters, several calls
               separated by commas.

A model's text is data: whatever it holds, `parse` returns valid calls or raises ValueError with a message for the
agent, in time linear in the length of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mmgym.spaces import Parameter, Tool, ToolCall, ToolSpace, shorten

__all__ = ["FORMATS", "MAX_CHARACTERS", "check_format", "instructions", "labels", "parse", "render"]

FORMATS = ("tool_call", "call", "tag")
"""Names of the text formats."""

MAX_CHARACTERS = 20_000
"""Longest answer that is read, thinking included; a longer one is refused."""

_MAX_DEPTH = 16
_MAX_DIGITS = 30
_LISTED_LABELS = 32
_STRING = r'"(?:[^"\\]|\\.)*"|' + r"'(?:[^'\\]|\\.)*'"
_WORD = re.compile(r"[^\s,;=<>()\[\]{}\"'\\]+")
_WORDS = re.compile(rf"{_WORD.pattern}(?: {_WORD.pattern})*")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_VALUE = rf"(?P<string>{_STRING})|(?P<word>{_WORD.pattern})"
_CALL_TOKEN = re.compile(_VALUE + r"|(?P<mark>[(),=;])|(?P<line>[ \t\r]*\n\s*)|(?P<space>[ \t\r]+)", re.S)
_TAG_TOKEN = re.compile(_VALUE + r"|(?P<mark>[,=])|(?P<space>\s+)", re.S)
_FENCE = re.compile(r"```[a-z_]*[ \t]*\n(.*)\n[ \t]*```", re.S)


def parse(text: Any, space: ToolSpace, format: str) -> list[ToolCall]:
    """The calls that `text` makes.

    Thinking (all that stands before the last ``</think>``) is skipped.

    Args:
        text: an agent's answer; anything is allowed, only text of at most `MAX_CHARACTERS` can be valid.
        space: the tools that may be called.
        format: one of `FORMATS`.

    Returns:
        1 to ``space.max_calls`` valid calls, in order.

    Raises:
        ValueError: with a message for the agent, when the text makes no valid turn.
    """
    read = _PARSERS[check_format(format)]
    if not isinstance(text, str):
        raise ValueError(f"the answer must be text; got {type(text).__name__}")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"the answer has {len(text)} characters; at most {MAX_CHARACTERS} are read")
    answer = text.rpartition("</think>")[2].strip()
    if answer.startswith("<think>"):
        raise ValueError("the thinking was not closed with </think>, and no action followed")
    if not answer:
        raise ValueError(f"the answer is empty; {_expected(space, format)}")
    try:
        return space.parse(read(answer, space))
    except RecursionError:
        raise ValueError("the answer is nested too deeply") from None


def render(calls: Sequence[ToolCall], space: ToolSpace, format: str) -> str:
    """The text that makes `calls`: ``parse(render(calls, space, format), space, format) == calls``.

    Raises:
        ValueError: when the calls are not a valid turn of `space`, or too long to be read back.
    """
    write = _RENDERERS[check_format(format)]
    text = write(space.parse(list(calls)), space)
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"these calls need {len(text)} characters; at most {MAX_CHARACTERS} are read back")
    return text


def labels(space: ToolSpace) -> list[str]:
    """The wording of every call of a finite space in the format ``tag``, in the order of ``space.calls``."""
    return [_label(call, space) for call in space.calls]


def instructions(space: ToolSpace, format: str) -> str:
    """How to answer, for a system prompt: the tools and the format, with an example."""
    check_format(format)
    example = render([_example(space.tools[0])], space, format)
    if format == "tool_call":
        tools = "\n".join(json.dumps(schema["function"], ensure_ascii=False) for schema in space.schemas())
        how = "Answer with a JSON object with the tool's name and arguments inside <tool_call></tool_call> tags"
        joined = ", each call in tags of its own"
    elif format == "call":
        tools = "\n".join(_signature(tool, format) for tool in space.tools)
        how, joined = "Answer with a call and nothing else", ", each on a line of its own"
    else:
        short = space.is_finite and len(space.calls) <= _LISTED_LABELS
        tools = ", ".join(labels(space)) if short else "\n".join(_signature(tool, format) for tool in space.tools)
        how = "Answer with an action inside <action></action> tags"
        joined = ", separated by commas inside one pair of tags"
    number = "one call" if space.max_calls == 1 else f"1 to {space.max_calls} calls"
    joined = "" if space.max_calls == 1 else joined
    kind = "Actions" if format == "tag" else "Tools"
    separator = " " if "\n" not in tools and format == "tag" else "\n"
    return f"{kind}:{separator}{tools}\n{how}; make {number} per turn{joined}. Example:\n{example}"


def check_format(format: Any) -> str:
    """`format` itself; ValueError naming the known ones if it is none."""
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}; got {shorten(format)}")
    return str(format)


# --- tool_call: JSON -------------------------------------------------------------------------------------------------


def _read_tool_calls(answer: str, space: ToolSpace) -> list[ToolCall]:
    opened, closed = answer.count("<tool_call>"), answer.count("</tool_call>")
    if opened or closed:
        values = list(_tagged_values(answer))
    else:
        fenced = _FENCE.fullmatch(answer)
        values = list(_bare_values(fenced[1] if fenced else answer, space))
    return [_call_from_json(value) for value in values]


def _tagged_values(answer: str) -> Iterator[Any]:
    position, tag, end_tag = 0, "<tool_call>", "</tool_call>"
    while (start := answer.find(tag, position)) >= 0:
        before = position
        value, position = _decode(answer, start + len(tag))
        rest = re.compile(r"\s*").match(answer, position)
        position = rest.end() if rest else position
        if end_tag in answer[before:start]:
            raise ValueError(f"{end_tag} without {tag}")
        if not answer.startswith(end_tag, position):
            raise ValueError(f"{tag} must hold one JSON object and be closed by {end_tag}")
        position += len(end_tag)
        yield value
    if position == 0 or end_tag in answer[position:]:
        raise ValueError(f"{end_tag} without {tag}")


def _bare_values(answer: str, space: ToolSpace) -> Iterator[Any]:
    if answer[:1] not in ("{", "["):
        raise ValueError(f"no tool call found; {_expected(space, 'tool_call')}")
    position = 0
    while position < len(answer):
        value, position = _decode(answer, position)
        yield from value if isinstance(value, list) else [value]
        while position < len(answer) and answer[position] in " \t\r\n;,":
            position += 1


def _call_from_json(value: Any) -> ToolCall:
    if isinstance(value, dict) and isinstance(value.get("function"), dict) and set(value) <= _AROUND_FUNCTION:
        value = value["function"]
    if not isinstance(value, dict) or "name" not in value or set(value) - {"name", "arguments", "id", "type"}:
        raise ValueError(f'a call has the form {{"name": ..., "arguments": {{...}}}}; got {shorten(value)}')
    arguments = value.get("arguments", {})
    if isinstance(arguments, str):
        source = arguments.strip() or "{}"
        arguments, end = _decode(source, 0)
        if end < len(source):
            raise ValueError("the arguments are not one JSON object")
    return ToolCall(value["name"], arguments)


def _decode(text: str, position: int) -> tuple[Any, int]:
    """The JSON value at `position` and where it ends; ValueError for anything else."""
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    try:
        value, end = _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON: {error.msg} at character {error.pos}") from None
    if _deeper_than(value, _MAX_DEPTH):
        raise ValueError("the answer is nested too deeply")
    return value, end


def _deeper_than(value: Any, depth: int) -> bool:
    level = [value]
    while level and depth >= 0:
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        depth -= 1
    return bool(level)


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits is too large")
    return int(digits)


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number that can be used")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, item in pairs:
        if name in value:
            raise ValueError(f"{shorten(name)} is given twice")
        value[name] = item
    return value


_DECODER = json.JSONDecoder(parse_int=_whole, parse_constant=_constant, object_pairs_hook=_object)
_AROUND_FUNCTION = {"function", "id", "type", "index"}


def _write_tool_calls(calls: Sequence[ToolCall], space: ToolSpace) -> str:
    lines = [f'{{"name": {_json(call.name)}, "arguments": {_json(call.arguments)}}}' for call in calls]
    return "\n".join(f"<tool_call>\n{line}\n</tool_call>" for line in lines)


def _json(value: Any) -> str:
    # "<" inside a string is written as an escape: a quoted "</think>" or "</action>" must not end what surrounds it
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (str, bool, int, float)):
        return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
    return "{" + ", ".join(f"{_json(name)}: {_json(item)}" for name, item in value.items()) + "}"


# --- call: click(x=10, y=20) -----------------------------------------------------------------------------------------


def _tokens(pattern: re.Pattern[str], text: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    while position < len(text):
        match = pattern.match(text, position)
        if match is None:
            raise ValueError(f"cannot read {shorten(text[position : position + 20])}; put text in double quotes")
        tokens.append((str(match.lastgroup), match[0]))
        position = match.end()
    return tokens


def _read_calls(answer: str, space: ToolSpace) -> list[ToolCall]:
    fenced = _FENCE.fullmatch(answer)
    tokens = [t for t in _tokens(_CALL_TOKEN, fenced[1].strip() if fenced else answer) if t[0] != "space"]
    calls: list[ToolCall] = []
    position = 0
    while position < len(tokens):
        if calls:
            if tokens[position] != ("mark", ";") and tokens[position][0] != "line":
                raise ValueError(f"write one call per line; {_expected(space, 'call')}")
            while position < len(tokens) and (tokens[position] == ("mark", ";") or tokens[position][0] == "line"):
                position += 1
            if position == len(tokens):
                break
        call, position = _read_call(tokens, position, space)
        calls.append(call)
    return calls


def _read_call(tokens: list[tuple[str, str]], position: int, space: ToolSpace) -> tuple[ToolCall, int]:
    kind, name = tokens[position]
    if kind != "word" or tokens[position + 1 : position + 2] != [("mark", "(")]:
        raise ValueError(f"no call at {shorten(name)}; {_expected(space, 'call')}")
    depth_end = position + 2
    while depth_end < len(tokens) and tokens[depth_end] != ("mark", ")"):
        depth_end += 1
    if depth_end == len(tokens):
        raise ValueError(f"the call of {shorten(name)} is not closed by )")
    inside = [token for token in tokens[position + 2 : depth_end] if token[0] != "line"]
    return _bind(name, _split_on_commas(inside), space, _bare_value), depth_end + 1


def _split_on_commas(tokens: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    if not tokens:
        return []
    groups: list[list[tuple[str, str]]] = [[]]
    for token in tokens:
        if token == ("mark", ","):
            groups.append([])
        else:
            groups[-1].append(token)
    return groups


def _bind(
    name: str, groups: list[list[tuple[str, str]]], space: ToolSpace, convert: Callable[[str, Parameter | None], Any]
) -> ToolCall:
    """The call of tool `name` with one value per group of tokens: ``value`` or ``parameter = value``."""
    tool = next((t for t in space.tools if t.name == name), None)
    parameters = {p.name: p for p in tool.parameters} if tool else {}
    order = list(parameters)
    arguments: dict[str, Any] = {}
    for index, group in enumerate(groups):
        if len(group) == 3 and group[1] == ("mark", "=") and group[0][0] == "word":
            key, token = group[0][1], group[2]
        elif len(group) == 1:
            if tool and index >= len(order):
                raise ValueError(f"too many values for {name}; it takes {', '.join(order) or 'no arguments'}")
            key, token = order[index] if tool else str(index), group[0]
        else:
            raise ValueError(f"cannot read the arguments of {shorten(name)}; put text in double quotes")
        if key in arguments:
            raise ValueError(f"{shorten(key)} is given twice")
        if token[0] not in ("string", "word"):
            raise ValueError(f"{shorten(key)} needs a value; got {shorten(token[1])}")
        arguments[key] = _unquote(token[1]) if token[0] == "string" else convert(token[1], parameters.get(key))
    return ToolCall(name, arguments)


def _bare_value(word: str, parameter: Parameter | None) -> Any:
    if parameter is None or parameter.kind not in ("text", "choice"):
        if word.lower() in ("true", "false"):
            return word.lower() == "true"
        if _INTEGER.fullmatch(word):
            return _whole(word)
        if len(word) <= _MAX_DIGITS and _NUMBER.fullmatch(word):
            return float(word)
    return word


def _unquote(quoted: str) -> str:
    body = quoted[1:-1]
    if quoted[0] == "'":
        body = re.sub(r"\\(.)|\"", lambda m: '\\"' if m[0] == '"' else "'" if m[1] == "'" else m[0], body, flags=re.S)
    try:
        return str(json.loads(f'"{body}"', strict=False))
    except json.JSONDecodeError as error:
        raise ValueError(f"not a valid text: {error.msg} in {shorten(quoted)}") from None


def _write_calls(calls: Sequence[ToolCall], space: ToolSpace) -> str:
    return "\n".join(f"{c.name}({', '.join(f'{k}={_json(v)}' for k, v in c.arguments.items())})" for c in calls)


# --- tag: <action>right</action> -------------------------------------------------------------------------------------


def _read_tag(answer: str, space: ToolSpace) -> list[ToolCall]:
    start, end = answer.find("<action>"), answer.find("</action>")
    if start < 0 or end < start:
        raise ValueError(f"no action found; {_expected(space, 'tag')}")
    body = answer[start + len("<action>") : end]
    if "<action>" in body or "action>" in answer[end + len("</action>") :]:
        raise ValueError("give exactly one <action>...</action>")
    known = _known_labels(space)
    tokens = _tokens(_TAG_TOKEN, body.strip())
    return [_read_label(group, space, known) for group in _split_on_commas(tokens)]


def _read_label(tokens: list[tuple[str, str]], space: ToolSpace, known: dict[str, ToolCall]) -> ToolCall:
    wording = " ".join("".join(text for _, text in tokens).split())
    words = [token for token in tokens if token[0] != "space"]
    if not words:
        raise ValueError(f"an action is empty; {_expected(space, 'tag')}")
    if _is_single_value(space):
        tool, parameter = space.tools[0], space.tools[0].parameters[0]
        if wording in parameter.choices:
            return ToolCall(tool.name, {parameter.name: wording})
        if len(words) > 1 and words[0] == ("word", tool.name):
            words = words[1:]
        name = tool.name
        if parameter.kind == "choice" and all(kind == "word" for kind, _ in words):
            words = [("word", " ".join(text for _, text in words))]
    else:
        name = words[0][1]
        if words[0][0] != "word" or all(name != tool.name for tool in space.tools):
            call = known.get(wording.casefold())
            if call is None:
                raise ValueError(f"unknown action {shorten(wording)}; {_expected(space, 'tag')}")
            return call
        words = words[1:]
    groups: list[list[tuple[str, str]]] = []
    while words:
        size = 3 if words[1:2] == [("mark", "=")] else 1
        groups.append(words[:size])
        words = words[size:]
    call = _bind(name, groups, space, _bare_value)
    return call if space.contains(call) else known.get(wording.casefold(), call)


def _known_labels(space: ToolSpace) -> dict[str, ToolCall]:
    """The calls of a short finite space by case-folded label, where that names one call only."""
    if not space.is_finite or len(space.calls) > _LISTED_LABELS:
        return {}
    folded = [label.casefold() for label in labels(space)]
    return {key: call for key, call in zip(folded, space.calls, strict=True) if folded.count(key) == 1}


def _is_single_value(space: ToolSpace) -> bool:
    return len(space.tools) == 1 and len(space.tools[0].parameters) == 1 and space.tools[0].parameters[0].required


def _label(call: ToolCall, space: ToolSpace) -> str:
    if _is_single_value(space):
        value = call.arguments[space.tools[0].parameters[0].name]
        several_words = space.tools[0].parameters[0].kind == "choice" and _WORDS.fullmatch(value)
        return str(value) if several_words else _tag_value(value)
    tool = next(tool for tool in space.tools if tool.name == call.name)
    words, gap = [call.name], False
    for parameter in tool.parameters:
        if parameter.name not in call.arguments:
            gap = True
            continue
        value = _tag_value(call.arguments[parameter.name])
        words.append(f"{parameter.name}={value}" if gap else value)
    return " ".join(words)


def _tag_value(value: Any) -> str:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else _json(value)


def _write_tag(calls: Sequence[ToolCall], space: ToolSpace) -> str:
    return f"<action>{', '.join(_label(call, space) for call in calls)}</action>"


# --- words for the agent ---------------------------------------------------------------------------------------------


def _expected(space: ToolSpace, format: str) -> str:
    return f"expected for example {' '.join(render([_example(space.tools[0])], space, format).split())}"


def _example(tool: Tool) -> ToolCall:
    return ToolCall(tool.name, {p.name: _example_value(p) for p in tool.parameters if p.required})


def _example_value(parameter: Parameter) -> Any:
    if parameter.kind == "choice":
        return parameter.choices[0]
    if parameter.kind == "boolean":
        return True
    if parameter.kind == "text":
        return "some text"[: parameter.max_length]
    low = parameter.low if parameter.low is not None else min(0, parameter.high or 0)
    high = parameter.high if parameter.high is not None else max(low + 20, 20)
    middle = (low + high) / 2
    return int(middle // 1) if parameter.kind == "integer" else middle


def _signature(tool: Tool, format: str) -> str:
    names = [p.name if p.required else f"[{p.name}]" for p in tool.parameters]
    head = f"{tool.name}({', '.join(names)})" if format == "call" else " ".join([tool.name, *names])
    details = [
        f"{p.name}{'' if p.required else ' (optional)'}: {_allowed(p)}{'; ' + p.description if p.description else ''}"
        for p in tool.parameters
    ]
    return "\n".join([f"- {head}: {tool.description}".rstrip(": "), *(f"    {detail}" for detail in details)])


def _allowed(parameter: Parameter) -> str:
    if parameter.kind == "choice":
        return "one of " + ", ".join(_json(choice) for choice in parameter.choices)
    if parameter.kind == "boolean":
        return "true or false"
    if parameter.kind == "text":
        return f"text in double quotes, at most {parameter.max_length} characters"
    return ("whole number" if parameter.kind == "integer" else "number") + parameter.span()


_PARSERS: dict[str, Callable[[str, ToolSpace], list[ToolCall]]] = {
    "tool_call": _read_tool_calls,
    "call": _read_calls,
    "tag": _read_tag,
}
_RENDERERS: dict[str, Callable[[Sequence[ToolCall], ToolSpace], str]] = {
    "tool_call": _write_tool_calls,
    "call": _write_calls,
    "tag": _write_tag,
}
