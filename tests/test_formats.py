"""Text to calls and back: the three formats, round trips, and a model's garbage."""

import json
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy import Corridor, Page

from mmgym.formats import FORMATS, MAX_CHARACTERS, instructions, labels, parse, render
from mmgym.spaces import Parameter, Tool, ToolCall, ToolSpace
from mmgym.wrappers import TextAction

RIGHT = ToolCall("move", {"direction": "right"})
LEFT = ToolCall("move", {"direction": "left"})
CORRIDOR = ToolSpace(Corridor().action_space.tools, max_calls=3)
PAGE = ToolSpace(Page().action_space.tools, max_calls=3)
CLICK = ToolCall("click", {"x": 10, "y": 0.5})


@pytest.mark.parametrize(
    "text, format, space, expected",
    [
        ('<tool_call>\n{"name": "move", "arguments": {"direction": "right"}}\n</tool_call>', "tool_call", CORRIDOR,
         [RIGHT]),
        ('I go.\n<tool_call>{"name":"move","arguments":{"direction":"right"}}</tool_call><tool_call>{"name": "move", '
         '"arguments": {"direction": "left"}}</tool_call> Done.', "tool_call", CORRIDOR, [RIGHT, LEFT]),
        ('{"name": "click", "arguments": "{\\"x\\": 10, \\"y\\": 0.5}"}', "tool_call", PAGE, [CLICK]),
        ('```json\n{"name": "click", "arguments": {"x": 10, "y": 0.5}}\n```', "tool_call", PAGE, [CLICK]),
        ('[{"id": "1", "type": "function", "function": {"name": "wait", "arguments": ""}}]', "tool_call", PAGE,
         [ToolCall("wait")]),
        ('{"name": "wait"}\n{"name": "wait"}', "tool_call", PAGE, [ToolCall("wait")] * 2),
        ('<think>a <tool_call> perhaps</think>{"name": "wait"}', "tool_call", PAGE, [ToolCall("wait")]),
        ("click(x=10, y=0.5)", "call", PAGE, [CLICK]),
        ("click(10, 0.5); wait()\nwait( )\n", "call", PAGE, [CLICK, ToolCall("wait"), ToolCall("wait")]),
        ("thinking ...</think>\n\n```\nmove(direction=right)\n```", "call", CORRIDOR, [RIGHT]),
        ("write(text='it\\'s \"ok\", (yes)')", "call", PAGE, [ToolCall("write", {"text": 'it\'s "ok", (yes)'})]),
        ("click(\n  x=1,\n  y=0,\n  button='double left',\n  hold=true\n)", "call", PAGE,
         [ToolCall("click", {"x": 1, "y": 0, "button": "double left", "hold": True})]),
        ("<action>right</action>", "tag", CORRIDOR, [RIGHT]),
        ("<think>hm</think> so: <action> Right , LEFT,move right </action>", "tag", CORRIDOR, [RIGHT, LEFT, RIGHT]),
        ("<action>click 10 0.5</action>", "tag", PAGE, [CLICK]),
        ('<action>click 10 0.5 hold=true, write "a, b", wait</action>', "tag", PAGE,
         [ToolCall("click", {"x": 10, "y": 0.5, "hold": True}), ToolCall("write", {"text": "a, b"}), ToolCall("wait")]),
        ("<action>write 7</action>", "tag", PAGE, [ToolCall("write", {"text": "7"})]),
    ],
)  # fmt: skip
def test_texts_are_read(text, format, space, expected):
    assert parse(text, space, format) == expected


@pytest.mark.parametrize(
    "text, format, complaint",
    [
        ("", "tag", "empty"),
        ("<think>I wonder", "tag", "not closed"),
        ("right", "tag", "no action found"),
        ("<action>right", "tag", "no action found"),
        ("<action>up</action>", "tag", "direction must be one of left, right; got 'up'"),
        ("<action>right</action><action>left</action>", "tag", "exactly one"),
        ("<action>right,,left</action>", "tag", "empty"),
        ("<action>left,left,left,left</action>", "tag", "1 to 3 calls; got 4"),
        ('{"name": "move", "arguments": {"direction": "right"', "tool_call", "not valid JSON"),
        ('<tool_call>{"name": "move", "arguments": {"direction": "right"}}', "tool_call", "closed by"),
        ('{"name": "move"}</tool_call>', "tool_call", "without <tool_call>"),
        ('{"tool": "move"}', "tool_call", "a call has the form"),
        ('{"function": {"name": "move"}, "junk": 1}', "tool_call", "a call has the form"),
        ('{"name": "move", "name": "move"}', "tool_call", "'name' is given twice"),
        ('{"name": "move", "arguments": {"direction": "up", "direction": "right"}}', "tool_call", "is given twice"),
        ('</tool_call><tool_call>{"name": "move"}</tool_call>', "tool_call", "without <tool_call>"),
        ('{"name": "move", "arguments": {"direction": NaN}}', "tool_call", "NaN"),
        ('{"name": "move", "arguments": {"direction": ' + "9" * 5000 + "}}", "tool_call", "5000 digits"),
        ('{"name": "move", "arguments": "{} {}"}', "tool_call", "not one JSON object"),
        ("[" * 19000, "tool_call", "nested too deeply"),
        ("[" * 50 + "]" * 50, "tool_call", "nested too deeply"),
        ('{"name": "jump"}', "tool_call", "unknown tool 'jump'; tools: move"),
        ("I move right", "tool_call", "no tool call found"),
        ("I move right", "call", "no call at 'I'"),
        ("move(direction='right'", "call", "not closed"),
        ("move(direction='right)", "call", "cannot read"),
        ("move(direction=right) move(direction=left)", "call", "one call per line"),
        ("move(right, direction=left)", "call", "given twice"),
        ("move(right, left)", "call", "too many values"),
        ("move(direction=)", "call", "cannot read the arguments"),
        ("move(direction=f(x))", "call", "cannot read the arguments"),
        ("__import__('os').system('true')", "call", "one call per line"),
        ("__import__('os')", "call", "unknown tool '__import__'"),
        ("\x00", "call", "no call at"),
        ("x" * (MAX_CHARACTERS + 1), "tag", "at most 20000"),
    ],
)
def test_wrong_texts_are_explained(text, format, complaint):
    with pytest.raises(ValueError) as caught:
        parse(text, CORRIDOR, format)
    message = str(caught.value)
    assert complaint in message
    assert len(message) < 400 and message.encode()


def test_unknown_formats_are_refused():
    for attempt in (
        lambda: parse("x", CORRIDOR, "xml"),
        lambda: render([RIGHT], CORRIDOR, "xml"),
        lambda: instructions(CORRIDOR, "xml"),
        lambda: TextAction(Corridor(), "xml"),
    ):
        with pytest.raises(ValueError, match="format must be one of tool_call, call, tag; got 'xml'"):
            attempt()


def test_render_is_what_the_formats_say():
    assert render([CLICK], PAGE, "tool_call") == (
        '<tool_call>\n{"name": "click", "arguments": {"x": 10, "y": 0.5}}\n</tool_call>'
    )
    assert render([CLICK, ToolCall("wait")], PAGE, "call") == "click(x=10, y=0.5)\nwait()"
    assert render([CLICK, ToolCall("wait")], PAGE, "tag") == "<action>click 10 0.5, wait</action>"
    assert render([RIGHT, LEFT], CORRIDOR, "tag") == "<action>right, left</action>"
    with pytest.raises(ValueError, match="needs x"):
        render([ToolCall("click", {})], PAGE, "call")


def test_labels_are_short_and_distinct():
    assert labels(CORRIDOR) == ["left", "right"]
    turn = Tool("turn", "", (Parameter("way", "choice", choices=("turn left", "a,b", "Up", "up")),))
    single = ToolSpace([turn])
    assert labels(single) == ["turn left", '"a,b"', "Up", "up"]
    several = ToolSpace([turn, Tool("stop", "")])
    assert labels(several) == ['turn "turn left"', 'turn "a,b"', "turn Up", "turn up", "stop"]
    for space in (single, several):
        for label, call in zip(labels(space), space.calls, strict=True):
            assert parse(f"<action>{label}</action>", space, "tag") == [call]
    with pytest.raises(ValueError, match="must be one of"):
        parse("<action>UP</action>", single, "tag")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("space", [CORRIDOR, PAGE, ToolSpace(CORRIDOR.tools)], ids=["corridor", "page", "one call"])
def test_instructions_name_every_tool_and_their_example_is_valid(space, format):
    text = instructions(space, format)
    example = text.partition("Example:\n")[2]
    assert parse(example, space, format)
    for tool in space.tools:
        for word in [p.name for p in tool.parameters] if format != "tag" or not space.is_finite else ["left", "right"]:
            assert word in text
    assert ("1 to 3" in text) == (space.max_calls == 3)


words = st.text(max_size=30).filter(lambda text: not Parameter("t", "text", max_length=40).problem(text))
clicks = st.fixed_dictionaries(
    {"x": st.integers(0, 999), "y": st.floats(0, 1) | st.integers(0, 1)},
    optional={"button": st.sampled_from(["left", "right", "double left"]), "hold": st.booleans()},
)
calls_of_page = st.lists(
    st.builds(ToolCall, st.just("click"), clicks)
    | st.builds(ToolCall, st.just("write"), st.fixed_dictionaries({"text": words}))
    | st.just(ToolCall("wait")),
    min_size=1,
    max_size=3,
)
awkward = st.sampled_from(
    ["</think>", "</action>", "</tool_call>", "<tool_call>", '"', "\\", "'", ",", ";", "=", "(", "\n", "true", "1", ""]
)


@settings(max_examples=200, deadline=None)
@given(calls_of_page, st.sampled_from(FORMATS))
def test_what_is_rendered_is_read_back(calls, format):
    assert parse(render(calls, PAGE, format), PAGE, format) == calls


@settings(max_examples=200, deadline=None)
@given(st.lists(awkward, max_size=4).map("".join), st.sampled_from(FORMATS))
def test_texts_that_look_like_format_are_read_back(text, format):
    space = ToolSpace([Tool("write", "", (Parameter("text", "text"),))])
    call = [ToolCall("write", {"text": text})]
    assert parse(f"<think>Now.</think>\n{render(call, space, format)}", space, format) == call


FRAGMENTS = [
    "<tool_call>", "</tool_call>", "<action>", "</action>", "<think>", "</think>", '{"name": "click", "arguments": {',
    '"x": 10', '"y": 0.5', '"name"', '"arguments"', ":", ",", "}", "{", "[", "]", "}}", "click(", "click", "write",
    "x=10", "y=", "0.5", ")", "(", ";", "=", "\n", " ", '"', "'", "\\", "\\u", "\\ud800", "```", "```json\n", "NaN",
    "Infinity", "-", "1e999", "9" * 400, "null", "true", "\x00", "\x1b[2J", "\ud800", "\u202e", "🙂", "[" * 300,
    "wait", '{"name": "wait"}', "wait()", "<action>wait</action>", "__class__", "../..", "%s", "{0}", "\u2028",
    "\uff11\uff12",
    '<action>write "', '"</action>', '<tool_call>{"name": "write", "arguments": {"text": "', '"}}</tool_call>',
    'write("', '")', "<action>click 1 ",
]  # fmt: skip


def take_turn(env: TextAction, text: str) -> bool:
    """Write `text`: it must cost one turn and be explained unless it is valid. Returns whether it was."""
    if env.unwrapped.turn in (0, env.unwrapped.max_turns) or env.unwrapped.success:
        env.reset(seed=0)
    turn = env.unwrapped.turn
    observation, _, _, _, info = env.step(text)
    assert env.unwrapped.turn == turn + 1
    assert len(observation["feedback"]) < 500 and observation["feedback"].encode() is not None
    try:
        parse(text, env.tools, env.format)
    except ValueError as problem:
        assert not info["action_valid"] and info["feedback"] == str(problem)
        return False
    assert info["action_valid"]
    return True


@pytest.fixture(scope="module", params=FORMATS)
def page(request) -> TextAction:
    return TextAction(Page(image_size=16, max_turns=1000), request.param)


def test_thousands_of_texts_made_of_pieces_never_raise(page):
    rng = random.Random(page.format)
    valid = sum(
        take_turn(page, "".join(rng.choices(FRAGMENTS, k=rng.randrange(rng.choice((3, 12)))))) for _ in range(4000)
    )
    assert 5 < valid < 2000, "the pieces should at times make a call, or the test reaches the parsers' first lines only"


def test_valid_answers_with_one_change_never_raise(page):
    rng = random.Random(page.format)
    for seed in range(2000):
        page.tools.seed(seed)
        text = list(render([page.tools.sample()], page.tools, page.format))
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(text) + 1)
            text[at : at + rng.randrange(3)] = rng.choice(["", rng.choice(FRAGMENTS), chr(rng.randrange(0x3000))])
        take_turn(page, "".join(text))


garbage = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=()), max_size=80),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "arguments", "x"]), inner),
        max_leaves=9,
    ).map(json.dumps),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage)
def test_no_text_raises_or_passes_unseen(page, text):
    take_turn(page, text)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "piece",
    ["<tool_call>", "</tool_call>", "<action>", "</think>", '"', "'", "\\", "(", "[", "{", '{"a":', "a", "a ", "a,",
     "a(", "a();", " ", "\n", "\n ", "```\n", "=", "9", "0.", "1e", "\x00", '"a" ', "<action>a</action>", "[],",
     '{"name":"wait"}', "<tool_call>{}</tool_call>"],
)  # fmt: skip
def test_long_texts_are_read_in_no_time(piece, format):
    text = (piece * MAX_CHARACTERS)[: MAX_CHARACTERS - 40]
    started = time.process_time()
    around = ("{}", "<action>{}</action>", "<tool_call>{}</tool_call>", "wait({})", "```\n{}\n```")
    for whole in (frame.replace("{}", text) for frame in around):
        for space in (PAGE, CORRIDOR):
            try:
                parse(whole, space, format)
            except ValueError as problem:
                assert len(str(problem)) < 500
    assert time.process_time() - started < 2


def test_a_hundred_kilobytes_are_refused_unread():
    with pytest.raises(ValueError, match="100000 characters"):
        parse("<action>right</action>" + " " * 99_978, CORRIDOR, "tag")


def test_wide_finite_spaces_are_read_by_position():
    space = ToolSpace([Tool("put", "", (Parameter("x", "integer", low=0, high=50), Parameter("colour", "choice",
                      choices=("Red", "blue"))))])  # fmt: skip
    assert space.is_finite and parse("<action>put 49 Red</action>", space, "tag")[0].arguments["x"] == 49
    assert len(labels(space)) == 102
