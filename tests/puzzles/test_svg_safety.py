"""What an agent can write as SVG: nothing of it raises, hangs, reads a file or opens a connection."""

import socket
import time

import pytest

from mmgym_puzzles.generation.svg import SVG
from mmgym_puzzles.generation.svg_colors import read_color
from mmgym_puzzles.generation.svg_document import MAX_CHARACTERS, MAX_DEPTH, MAX_ELEMENTS
from mmgym_puzzles.generation.svg_paths import read_path
from mmgym_puzzles.generation.svg_renderer import draw, read_svg
from mmgym_puzzles.generation.svg_values import SvgError, read_length, read_points, read_transform

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
LAUGHS = "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 10))


def svg(body):
    return f"{HEAD}{body}</svg>"


REFUSED = {
    "billion laughs": (f'<!DOCTYPE svg [<!ENTITY l0 "ha">{LAUGHS}]><svg><title>&l9;</title></svg>', "document types"),
    "external entity": ('<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>', "document types"),
    "external DTD": ('<!DOCTYPE svg PUBLIC "-//W3C//DTD" "http://127.0.0.1/svg.dtd"><svg/>', "document types"),
    "parameter entity": ('<!DOCTYPE svg [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]><svg/>', "document types"),
    "stylesheet": ('<?xml-stylesheet href="http://127.0.0.1/a.css"?><svg/>', "processing instructions"),
    "undefined entity": (svg("<title>&nbsp;</title>"), "undefined entity"),
    "file image": (svg('<image href="file:///etc/passwd"/>'), "<image>: this element is not allowed"),
    "http use": (svg('<use href="http://127.0.0.1/a.svg#b"/>'), "<use>"),
    "data URI": (svg('<image href="data:image/png;base64,AAAA"/>'), "<image>"),
    "link on a shape": (svg('<rect href="http://127.0.0.1/"/>'), "attribute 'href' is not allowed"),
    "xlink on a shape": (svg('<rect xlink:href="file:///etc/passwd"/>'), "'xlink:href'"),
    "script": (svg("<script>alert(1)</script>"), "<script>"),
    "event handler": (svg('<rect onload="alert(1)"/>'), "'onload'"),
    "foreign object": (svg("<foreignObject/>"), "<foreignObject>"),
    "style sheet": (svg("<style>@import url(http://127.0.0.1/)</style>"), "<style>"),
    "style with a link": (svg('<rect style="fill:url(http://127.0.0.1/)"/>'), "a colour is a name"),
    "other style": (svg('<rect style="background:red"/>'), "style 'background' is not allowed"),
    "paint server": (svg('<rect width="9" height="9" fill="url(#a)"/>'), "a colour is a name"),
    "animation": (svg('<rect><animate attributeName="x"/></rect>'), "<animate>"),
    "text": (svg('<text x="5">hello</text>'), "<text>"),
    "loose text": (svg("hello"), "text is not drawn"),
    "nested svg": (svg("<svg/>"), "outermost"),
    "another root": ("<html/>", "<html>"),
    "another namespace": ('<svg xmlns="http://www.w3.org/1999/xhtml"/>', "xmlns must be"),
    "prefixed element": ('<s:svg xmlns:s="http://www.w3.org/2000/svg"/>', "<s:svg>"),
    "two roots": ("<svg/><svg/>", "junk after document element"),
    "nothing": ("", "no element found"),
    "spaces": (" \n ", "no element found"),
    "no XML": ("a circle, please", "line 1, column 1: syntax error"),
    "unclosed": (f"{HEAD}\n<g>", "line 2"),
    "huge viewBox": ('<svg viewBox="0 0 1e308 1e308"/>', "must lie between"),
    "empty viewBox": ('<svg viewBox="0 0 0 0"/>', "viewBox"),
    "viewBox of NaN": ('<svg viewBox="0 0 nan nan"/>', "viewBox"),
    "huge width": ('<svg width="1e9" height="1e9"/>', "must lie between"),
    "1e308": (svg('<circle cx="1e308" cy="5" r="2"/>'), "<circle>: cx must lie between"),
    "1e999": (svg('<circle cx="1e999" cy="5" r="2"/>'), "cx must lie between"),
    "NaN": (svg('<circle cx="NaN" cy="5" r="2"/>'), "cx must be a number; got 'NaN'"),
    "infinity": (svg('<circle cx="inf" cy="5" r="2"/>'), "cx must be a number"),
    "other digits": (svg('<circle cx="٣" cy="5" r="2"/>'), "cx must be a number"),
    "an underscore": (svg('<circle cx="1_0" cy="5" r="2"/>'), "cx must be a number"),
    "long number": (svg(f'<circle cx="{"1" * 5000}" r="2"/>'), "cx must be a number"),
    "percentage": (svg('<rect width="100%" height="9"/>'), "width must be a number"),
    "negative radius": (svg('<circle r="-2"/>'), "r must be at least 0"),
    "large matrices": (svg('<g transform="scale(1e5) scale(1e5) scale(1e5)"/>'), "too large"),
    "unknown transform": (svg('<g transform="warp(1)"/>'), "warp"),
    "path without M": (svg('<path d="L 3 4"/>'), "must begin with M"),
    "path cut short": (svg('<path d="M 3"/>'), "number 2 is missing"),
    "path of words": (svg('<path d="M 0 0 X 3 4"/>'), "no command 'X'"),
    "odd points": (svg('<polygon points="1 2 3"/>'), "even count"),
    "many elements": (svg("<g/>" * MAX_ELEMENTS), f"more than {MAX_ELEMENTS}"),
    "deep nesting": (svg("<g>" * 5000), f"more than {MAX_DEPTH} deep"),
    "ten million characters": ("<svg>" + "a" * 10_000_000, f"at most {MAX_CHARACTERS}"),
    "a lone surrogate": (svg("<title>\ud800</title>"), "UTF-8"),
    "a null": (svg("<title>\x00</title>"), "not well-formed"),
    "many points": (
        svg(f'<path stroke="red" stroke-linejoin="round" d="M0 0{"h1" * 6000}"/>'),
        "more than 100000 points",
    ),
    "much to fill": (svg('<rect width="100" height="100"/>' * 250), "too long to draw"),
    "slow zigzag": (svg(f'<path d="M0 0{"L0 0 9 99" * 1500}"/>'), "too long to draw"),
    "slow groups": (svg('<g opacity=".5"><path d="M0 0H99V99H0Z"/></g>' * 120), None),
    "slow strokes": (svg(f'<path stroke="red" stroke-width="500" d="M0 0{"L0 0 9 9" * 1000}"/>'), "too long to draw"),
}


@pytest.fixture(autouse=True)
def no_connections(monkeypatch):
    def refuse(*parts, **named):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)


@pytest.mark.parametrize("name", REFUSED)
def test_hostile_documents_are_refused_at_once_with_a_reason(name):
    document, reason = REFUSED[name]
    started = time.thread_time()
    try:
        drawing = read_svg(document)
    except SvgError as error:
        assert reason is not None and reason in str(error), str(error)
        assert len(str(error)) < 500
    else:
        assert reason is None, "it was not refused"
        draw(drawing, 224)
    assert time.thread_time() - started < 2  # seconds of this thread, however busy the machine is


BLANKS = " " * 60_000


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (read_transform, f"{BLANKS}("),
        (read_transform, f"{BLANKS},{BLANKS}("),
        (read_transform, f"rotate{BLANKS}1"),
        (read_transform, f"rotate({BLANKS}!)"),
        (read_transform, f"{'a' * 60_000}!"),
        (read_transform, f"{'rotate(1)' * 2000}{BLANKS}"),
        (lambda text: read_path(text, 100_000), f"M{BLANKS}!"),
        (lambda text: read_path(text, 100_000), f"M0 0{'h1' * 20_000}{',' * 60_000}"),
        (lambda text: read_points(text, "points"), f"1{BLANKS},{BLANKS}!"),
        (lambda text: read_points(text, "points"), "1" * 60_000),
        (lambda text: read_length(text, "x"), f"{BLANKS}1{BLANKS}!"),
        (read_color, f"rgb({BLANKS}1{BLANKS}!"),
    ],
)
def test_long_texts_are_read_in_time_that_grows_with_their_length(read, text):
    """Were it to grow with the square, each of these would take many seconds."""
    started = time.thread_time()
    try:
        read(text)
    except ValueError as error:
        assert len(str(error)) < 500
    assert time.thread_time() - started < 2


def test_nothing_is_read_from_disk(monkeypatch):
    def refuse(*parts, **named):
        raise AssertionError("a file was opened")

    monkeypatch.setattr("builtins.open", refuse)
    for document, _ in REFUSED.values():
        try:
            read_svg(document)
        except SvgError:
            continue


@pytest.mark.parametrize("name", REFUSED)
def test_the_environment_survives_them_and_pays_nothing(name):
    env = SVG(image_size=32, similarity_reward=1.0)
    env.reset(seed=0)
    key = env.state_key()
    document, reason = REFUSED[name]
    observation, reward, terminated, _, info = env.step({"name": "draw", "arguments": {"svg": document}})
    assert observation["image"].shape == (32, 64, 3) and not terminated
    if reason is not None:
        assert reward == 0.0 and observation["feedback"] and not info["action_effective"] and env.state_key() == key


def test_refusals_name_line_column_and_element():
    with pytest.raises(SvgError, match=r"^line 3, column 5, <circle>: r must be a number; got 'big'$"):
        read_svg(f'{HEAD}\n<g>\n    <circle r="big"/>\n</g></svg>')
    with pytest.raises(SvgError, match=r"^line 2, column 1, <blink>: this element is not allowed; allowed: circle"):
        read_svg(f"{HEAD}\n<blink/></svg>")


def test_limits_do_not_depend_on_the_size_of_the_picture():
    document = svg('<rect width="100" height="100" opacity=".5"/>' * 300)
    for size in (16, 512):
        env = SVG(image_size=size)
        env.reset(seed=0)
        assert "elements" in env.step({"name": "draw", "arguments": {"svg": document}})[0]["feedback"]
