"""Published rewards of GUI agents on transcripts written by hand, each number worked out by the rule as it is coded."""

import math
import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmgym.rewards import combine
from mmgym_web.rewards import GuiEpisode, Step, arpo, can_be_read, gui_r1, turn_specs, ui_r1


def say(actions: str) -> str:
    return f"<think>so</think>\n<answer>{actions}</answer>"


def act(action: str, point: str = "[100, 50]", text: str = "no input text") -> str:
    return say(f"[{{'action': '{action}', 'point': {point}, 'input_text': '{text}'}}]")


BOX, POINT = Step("click", (90, 40, 110, 60)), Step("click", (100, 50))


# --- GUI-R1: .8 accuracy + .2 format ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "step", "reward"),
    [
        (act("click"), BOX, 1.0),
        (act("CLICK"), BOX, 1.0),  # names are compared in lower case
        (act("click", "[110, 50]"), BOX, 0.2),  # on the edge is outside
        (act("click", "[109, 59]"), BOX, 1.0),
        (act("click", "[100, 189]"), POINT, 1.0),  # 139 pixels away
        (act("click", "[100, 190]"), POINT, 0.2),  # 140
        (act("click", "[198, 148]"), POINT, 1.0),  # 138.6 across
        (act("click", "[199, 149]"), POINT, 0.2),  # 140.007
        (act("click"), Step("click"), 0.2),  # a label without a place
        (act("scroll", text="up"), BOX, 0.2),
        (act("scroll", text="up"), Step("scroll", text="UP"), 1.0),
        (act("scroll", text="UP"), Step("scroll", text="up"), 0.8),  # right, but the format wants small letters
        (act("scroll", text="down"), Step("scroll", text="up"), 0.2),
        (act("type", text="red shoes"), Step("type", text="red shoes"), 1.0),
        (act("type", text="red hat"), Step("type", text="red shoes"), 1.0),  # F1 is .5
        (act("type", text="a red hat"), Step("type", text="red shoes"), 0.2),  # .4
        (act("type", text="sho"), Step("type", text="shoes"), 1.0),  # of two words, one in the other
        (act("type", text=""), Step("type", text="shoes"), 0.2),
        (act("type"), Step("type", text="no input text"), 0.8),
        (act("select", text="[Blue]"), Step("select", text="blue"), 1.0),  # brackets go
        (act("press_home"), Step("press_home"), 1.0),
        (act("open_app", text="mail"), Step("open_app", text="maps"), 1.0),  # the name is enough
        (act("open_app"), Step("open_app", text="maps"), 0.8),
        (act("complete", "[-1, -1]"), Step("complete"), 1.0),
        (act("click", "[100.5, 50]"), BOX, 0.0),  # no whole numbers: no point is found either
        (act("click", "['a', 'b']"), Step("click", (-5, -5, 5, 5)), 0.8),  # none is (0, 0)
        (act("click", "'ab'"), BOX, 0.0),
        (act("click", "[100]"), BOX, 0.0),
        (act("click").replace("\n", " so: "), BOX, 0.8),  # something between the tags
        (act("click").replace("<think>so</think>\n", ""), BOX, 0.8),
        (say("{'action': 'click', 'point': [100, 50], 'input_text': ''}"), BOX, 0.8),  # no list
        (say("[{'action': 'click', 'point': [100, 50]}]"), BOX, 0.8),  # no text
        (say("[{'action': 'click', 'point': [100, 50], 'input_text': f()}]"), BOX, 0.8),  # no literal
        (say("['click']"), BOX, 0.0),
        (say("[]"), BOX, 0.2),  # as it is coded
        (say("[{'action': 'click', 'point': [1, 2], 'box': [100, 50], 'input_text': ''}]"), BOX, 1.0),  # the last pair
        (say("'action': 'click', 'point': [100, 50]"), BOX, 0.0),  # no braces
        (say("[{'action': 'click',\n'point': [100, 50],\n'input_text': ''}]"), BOX, 0.2),  # the braces are elsewhere
        (act("click") + act("click", "[0, 0]"), BOX, 1.0),  # the first answer counts
        ("click(100, 50)", BOX, 0.0),
        ("", BOX, 0.0),
    ],
)
def test_gui_r1(said, step, reward):
    assert gui_r1([said], step) == pytest.approx([reward])


COORDINATES = st.lists(
    st.sampled_from(["{", "}", "[1, 2]", "[34,5]", "[7,\n8]", "\n", " ", "x", "[9 9]"]), max_size=9
).map("".join)


@given(COORDINATES)
@example("{[7,\n8]{[1, 2]}")
def test_the_point_of_gui_r1_is_the_one_that_its_expression_finds(text):
    found = re.search(r"\{.*\[(\d+),\s*(\d+)]\s*.*\}", text.strip())
    x, y = (int(found[1]), int(found[2])) if found else (0, 0)
    near = Step("click", (x - 0.5, y - 0.5, x + 0.5, y + 0.5))
    answer = f"<answer>{text}\n'action': 'click'</answer>"
    # the name stands in a line of its own, where it finds no brace
    assert gui_r1([answer], near) == pytest.approx([0.8])


# --- UI-R1: action + coordinate + format ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "step", "reward"),
    [
        (say("[{'action': 'click', 'coordinate': [100, 50]}]"), BOX, 3),
        (say("[{'action': 'click', 'coordinate': [110, 60]}]"), BOX, 3),  # the edge is inside
        (say("[{'action': 'click', 'coordinate': [111, 60]}]"), BOX, 2),
        (say("[{'action': 'click'}]"), BOX, 2),
        (say("[{'action': 'click'}]"), Step("click", (0, 0, 9, 9)), 3),  # no coordinate is (0, 0)
        (say("[{'action': click, 'coordinate': [100, 50]}]"), BOX, 3),  # quotes are not asked for
        (say("[{'action': 'Click', 'coordinate': [100, 50]}]"), BOX, 1),  # capitals are
        (say("[{'action': 'scroll'}]"), Step("scroll"), 3),
        (say("[{'action': 'scroll', 'coordinate': [1, 2]}]"), BOX, 1),
        (say("[{'action': 'click', 'coordinate': [100, 50]}]"), Step("open_app"), 1),
        ("<answer>[{'action': 'click', 'coordinate': [100, 50]}]</answer>", BOX, 2),
        (say("[{'action': 'click', 'coordinate': [3, 4]}, [100, 50]]"), BOX, 2),  # the first pair counts
        ("<think>so</think><answer></answer>", BOX, 1),
        ("'action': 'click'", BOX, 0),
    ],
)
def test_ui_r1(said, step, reward):
    assert ui_r1([said], step) == [reward]


def test_ui_r1_scales_what_was_said_to_the_label():
    said = say("[{'action': 'click', 'coordinate': [50, 100]}]")
    assert ui_r1([said], BOX) == [2]
    assert ui_r1([said], BOX, scale=(2.0, 0.5)) == [3]
    assert ui_r1([said], BOX, scale=(2.219, 0.5)) == [3]  # 110.95 is cut to 110


def test_labels_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="place must be a point"):
        Step("click", (1, 2, 3))
    with pytest.raises(ValueError, match="must be a box"):
        ui_r1([""], POINT)


# --- ARPO: result + .5 format -----------------------------------------------------------------------------------------

CLICK = "Thought: I see it.\nAction: click(start_box='(100,200)')"


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (CLICK, True),
        ("Action: click(start_box='<|box_start|>(1,2)<|box_end|>')", True),
        ("Action: click(start_box='(1,2,3,4)')", True),
        ("Action: click(start_box='(1,2,3)')", False),
        ("Action: click(start_box='(one,two)')", False),
        ("Action: click(start_box='')", False),
        ("Action: click()", False),  # a click needs a place
        ("Action: click", False),
        ("Action: click(100, 200)", False),  # arguments without names are none
        ("Action: click(start_box=(100, 200))", False),
        ("Action: drag(start_box='(1,2)', end_box='(3,4)')", True),
        ("Action: drag(start_box='(1,2)')", True),
        ("Action: scroll(direction='down')", True),
        ("Action: scroll(start_box='(1,2)', direction='down')", True),
        ("Action: hotkey(key='ctrl c')", True),
        ("Action: hotkey(key=3)", False),
        ("Action: wait()", True),
        ("Action: dance(how='slowly')", True),  # an unknown name is no fault
        ("Action: type(content='it's')", True),  # what is typed may hold anything
        ("Action: finished(content='done')", True),
        ("Action: wait()\n\nclick()", True),  # nothing after an end is looked at
        ("Action: hotkey(key='a')\n\nclick()", False),
        ("Action: wait()\n\nclick(", False),  # but all is parsed
        ("Action: click(start_box='(1,2)') and so on", False),
        ("Action: 1 + 1", False),
        ("Action: click(start_box='(1,2)')\n\n" + CLICK, True),  # the last mark counts
        ("Thought: nothing to do.", False),
        ("", False),
        ("Action: " + "(" * 300, False),
        ("Action: hotkey(key='\0')", False),
    ],
)
def test_arpo(said, read):
    assert can_be_read(said) == read
    for result in (0.0, 0.25, 1.0):
        penalty = 0.0 if read else -0.5
        episodes = [GuiEpisode(result, (CLICK, said)), GuiEpisode(result, (said, CLICK)), GuiEpisode(result, ())]
        assert arpo(episodes) == [result + penalty, result, result]


# --- all of them ------------------------------------------------------------------------------------------------------

TEXTS = st.text(max_size=40) | st.lists(
    st.sampled_from(
        [
            "<think>",
            "</think>",
            "<answer>",
            "</answer>",
            "'action': 'click'",
            "[1, 2]",
            "[{",
            "}]",
            "Action:",
            "\\",
            "'",
        ]
    ),
    max_size=12,
).map("".join)


@given(TEXTS)
def test_whatever_is_said_rewards_stay_within_their_bounds(said):
    for step in (BOX, Step("type", text="x")):
        assert all(0 <= reward <= 1 for reward in gui_r1([said], step))
        assert ui_r1([said], step)[0] in (0, 1, 2, 3)
    assert arpo([GuiEpisode(1.0, (said,))])[0] in (0.5, 1.0)


@pytest.mark.parametrize(
    "said",
    [
        "<answer>" * 20_000,
        "<think></think>" * 20_000,
        say("{" * 20_000),
        say("[" * 3000),
        say("-" * 3900 + "1"),
        say("1" + "+1" * 1900),
        say("[1, 2]" * 600),
        "Action: " + "-" * 19_000 + "1",
        "Action: " + "f(" * 5000,
    ],
)
def test_hostile_texts_are_read_in_a_moment(said):
    started = time.thread_time()
    gui_r1([said], BOX), ui_r1([said], BOX), can_be_read(said)
    assert time.thread_time() - started < 5  # seconds of this thread, however busy the machine is


def test_nothing_that_was_said_is_run():
    said = say("[__import__('os').abort()]")
    assert gui_r1([said], BOX) == [0.0]
    assert not can_be_read("Action: click(start_box=__import__('os').abort())")


@pytest.mark.parametrize(
    ("name", "valid", "outcome", "reward"),
    [
        ("outcome", (1, 0), 1, 1),
        ("strict", (1, 0), 1, 1.05),
        ("arpo", (1, 1, 1), 1, 1.5),
        ("arpo", (1, 1, 1), 0, 0.5),
        ("arpo", (1, 0, 1), 1, 1),
        ("arpo", (1,) * 40, 0, 0.5),  # no pay for going on
        ("brisk", (1, 1), 1, 0.98),
        ("brisk", (1,) * 99, 1, 0.7),
        ("brisk", (1,) * 99, 0, 0),
    ],
)
def test_specs_by_name(name, valid, outcome, reward):
    turns = [{"valid": float(v), "outcome": outcome * float(n == len(valid) - 1)} for n, v in enumerate(valid)]
    assert math.fsum(combine(turns, turn_specs[name])) == pytest.approx(reward)
