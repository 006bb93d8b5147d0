"""Tools, calls and spaces: declaration, validation, sampling."""

import copy
import pickle
from typing import Annotated, Literal

import numpy as np
import pytest
from annotated_types import Interval, MaxLen
from toy import Corridor, Page

from mmgym.spaces import MAX_NUMBER, InvalidAction, Parameter, TextSpace, Tool, ToolCall, ToolSpace, shorten

LEFT = ToolCall("move", {"direction": "left"})


def make_space(max_calls: int = 1) -> ToolSpace:
    return ToolSpace(Corridor().action_space.tools, max_calls)


def declared(
    x: Annotated[int, Interval(ge=0, le=9)], text: Annotated[str, MaxLen(5)], side: Literal["a", "b"] = "a"
) -> None:
    """Do a thing.

    Args:
        x: pixels from the left,
            counted from 0.
        text: what to write.
    """


def test_a_tool_is_read_off_its_declaration():
    tool = Tool.from_function(declared)
    assert tool.name == "declared" and tool.description == "Do a thing."
    x, text, side = tool.parameters
    assert (x.kind, x.low, x.high, x.description) == ("integer", 0, 9, "pixels from the left, counted from 0.")
    assert (text.kind, text.max_length, text.required) == ("text", 5, True)
    assert (side.kind, side.choices, side.required) == ("choice", ("a", "b"), False)
    schema = tool.schema()["function"]["parameters"]
    assert schema["required"] == ["x", "text"] and not schema["additionalProperties"]
    assert schema["properties"]["x"] == {
        "type": "integer",
        "description": "pixels from the left, counted from 0.",
        "minimum": 0,
        "maximum": 9,
    }
    assert schema["properties"]["side"]["enum"] == ["a", "b"]


@pytest.mark.parametrize("hint", [list[int], Literal[1, 2], dict, None])
def test_other_annotations_are_refused(hint):
    with pytest.raises(TypeError):
        Parameter.from_annotation("x", hint, "", True)


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ({"x": 3, "text": "ok"}, ""),
        ({"x": np.int64(3), "text": ""}, ""),
        ({"x": 10, "text": "ok"}, "from 0 to 9"),
        ({"x": True, "text": "ok"}, "whole number"),
        ({"x": 3.0, "text": "ok"}, "whole number"),
        ({"x": 10**400, "text": "ok"}, "x must be"),
        ({"x": 3, "text": "123456"}, "at most 5"),
        ({"x": 3, "text": "a\x00"}, "control characters"),
        ({"x": 3, "text": "\udc80"}, "surrogates"),
        ({"x": 3, "text": "ok", "side": "c"}, "one of a, b"),
        ({"x": 3}, "needs text"),
        ({"x": 3, "text": "ok", "z": 1}, "no parameter 'z'"),
        ([3], "must be an object"),
    ],
)
def test_arguments_are_checked_with_a_reason(arguments, complaint):
    message = Tool.from_function(declared).problem(arguments)
    assert complaint in message and bool(message) == bool(complaint)


def test_open_numbers_stay_within_what_json_can_carry():
    whole, number = Parameter("n", "integer"), Parameter("n", "number")
    assert not whole.problem(MAX_NUMBER) and whole.problem(MAX_NUMBER + 1)
    assert not number.problem(1e300) and number.problem(float("nan")) and number.problem(float("inf"))
    assert number.problem(10**400)


def test_the_space_takes_calls_and_equal_dicts():
    space = make_space()
    assert space.parse(LEFT) == space.parse(LEFT.as_dict()) == space.parse([LEFT]) == [LEFT]
    assert LEFT in space and InvalidAction("unreadable") not in space and None not in space
    with pytest.raises(ValueError, match="unreadable"):
        space.parse(InvalidAction("unreadable"))
    with pytest.raises(ValueError, match="unknown tool 'jump'; tools: move"):
        space.parse({"name": "jump"})


def test_turns_of_several_calls_are_counted():
    space = make_space(3)
    assert [LEFT] * 3 in space and [LEFT] * 4 not in space and [] not in space
    assert all(len(space.sample()) in (1, 2, 3) for _ in range(20))
    assert all(turn in space for turn in (space.sample() for _ in range(50)))


def test_sampling_follows_seed_mask_and_probability():
    space, twin = make_space(), make_space()
    space.seed(1), twin.seed(1)
    assert [space.sample() for _ in range(20)] == [twin.sample() for _ in range(20)]
    assert {space.sample(mask=np.array([1, 0], np.int8)).arguments["direction"] for _ in range(20)} == {"left"}
    assert {space.sample(probability=np.array([0.0, 1.0])).arguments["direction"] for _ in range(20)} == {"right"}
    page = Page().action_space
    assert {page.sample(mask={"click": False, "write": False}).name for _ in range(20)} == {"wait"}
    with pytest.raises(ValueError, match="2 non-negative"):
        space.sample(mask=np.zeros(2, np.int8))


def test_finite_spaces_list_their_calls():
    space = make_space()
    assert space.calls == [LEFT, ToolCall("move", {"direction": "right"})]
    with pytest.raises(ValueError, match="cannot be listed"):
        _ = Page().action_space.calls


def test_spaces_compare_copy_pickle_and_travel_as_json():
    for space in (make_space(), make_space(2), Page().action_space, TextSpace(9)):
        assert space == copy.deepcopy(space) == pickle.loads(pickle.dumps(space))
    assert make_space() != make_space(2) and TextSpace(9) != TextSpace(8) and make_space() != TextSpace(9)
    space = make_space()
    turns = [space.sample() for _ in range(3)]
    assert space.from_jsonable(space.to_jsonable(turns)) == turns


@pytest.mark.parametrize("tools, max_calls", [((), 1), (Corridor().action_space.tools * 2, 1), (None, 0)])
def test_bad_tool_spaces_are_refused(tools, max_calls):
    with pytest.raises(ValueError, match=r"at least one, with distinct names|a whole number from 1"):
        ToolSpace(Corridor().action_space.tools if tools is None else tools, max_calls)


def test_text_space_takes_any_text_up_to_its_length():
    space = TextSpace(8)
    assert "é 漢🙂\n!" in space and "" in space and "123456789" not in space and 3 not in space
    assert all(space.sample() in space for _ in range(50))


def test_shorten_survives_anything():
    deep: list = []
    for _ in range(10000):
        deep = [deep]
    for value in (deep, 10**6000, "\ud800" * 99, "x" * 10**6, {"a": deep}):
        text = shorten(value)
        assert len(text) <= 60 and text.encode()


def test_a_turn_drawn_by_a_generator_leaves_the_space_alone():
    space, other = make_space(), make_space()
    space.seed(3), other.seed(3)
    drawn = space.draw(np.random.default_rng(1))
    assert space.contains(drawn) and drawn == space.draw(np.random.default_rng(1))
    assert [space.sample() for _ in range(5)] == [other.sample() for _ in range(5)]
