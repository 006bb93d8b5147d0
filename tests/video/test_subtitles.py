"""Subtitles: every kind of file gives plain lines in order; what cannot be read is named by file and line."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmgym_video.subtitles import SubtitleError, between, read_subtitles
from mmgym_video.video import Subtitle, VideoError

SRT = """1
00:00:04,000 --> 00:00:06,500
<font color="white" size=".72c">second &amp; last,
on two lines</font>

2
00:00:01,000 --> 00:00:02,250
{\\an8}<i>first</i>

"""
VTT = """WEBVTT Kind: captions; Language: en

NOTE
a remark 00:09 that is not shown

STYLE
::cue { color: red }

intro
00:01.000 --> 00:02.250 align:start position:0%
<v Ann><c.colorE5E5E5>fi</c><00:00:01.500>rst

NOTE another

second
01:00:04.000 --> 01:00:06.500
second &lt;3
"""
ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:04.00,0:00:06.50,Default,,0,0,0,,second{\\i1}, with\\Na comma
Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,not shown
Dialogue: 0,0:00:01.00,0:00:02.25,Default,,0,0,0,,{\\pos(1,2)}first
Dialogue: 0,0:00:01.00,0:00:02.25,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}
"""


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_subrip_gives_plain_lines_in_order(tmp_path):
    assert read_subtitles(write(tmp_path / "a.srt", SRT)) == (
        Subtitle(1.0, 2.25, "first"),
        Subtitle(4.0, 6.5, "second & last, on two lines"),
    )


PLAIN = {
    "a < b and c > d": "a < b and c > d",
    "{x} is a set, {} is empty": "{x} is a set, {} is empty",
    "x <y> z, <T> f(), <unknown tag>": "x <y> z, <T> f(), <unknown tag>",
    "<B>bold</B> <i>and</i> <font color=red>red</FONT>": "bold and red",
    "{\\an8}top {\\i1}of{\\i0}\\Nit": "top of it",
    "one<br>two<br/>three": "one two three",
    "1 &lt; 2": "1 < 2",
}


@pytest.mark.parametrize("text", PLAIN)
@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".json"])
def test_only_known_markup_is_left_out(tmp_path, suffix, text):
    cue = "00:00:01.000 --> 00:00:02.000"
    files = {
        ".srt": f"1\n{cue}\n{text}\n\n",
        ".vtt": f"WEBVTT\n\n{cue}\n{text}\n",
        ".json": json.dumps([{"timestamp": [1, 2], "text": text}]),
    }
    (line,) = read_subtitles(write(tmp_path / f"a{suffix}", files[suffix]))
    assert line == Subtitle(1.0, 2.0, PLAIN[text])


def test_webvtt_leaves_out_notes_styles_and_names_of_cues(tmp_path):
    assert read_subtitles(write(tmp_path / "a.vtt", VTT)) == (
        Subtitle(1.0, 2.25, "first"),
        Subtitle(3604.0, 3606.5, "second <3"),
    )


def test_ass_leaves_out_comments_and_drawings(tmp_path):
    assert read_subtitles(write(tmp_path / "a.ass", ASS)) == (
        Subtitle(1.0, 2.25, "first"),
        Subtitle(4.0, 6.5, "second, with a comma"),
    )


def test_json_with_clock_times(tmp_path):
    rows = [
        {"start": "00:00:04.000", "end": "00:00:06.5", "line": "second"},
        {"start": "00:00:01", "end": "00:00:02.250", "line": "first"},
    ]
    expected = (Subtitle(1.0, 2.25, "first"), Subtitle(4.0, 6.5, "second"))
    assert read_subtitles(write(tmp_path / "a.json", json.dumps(rows))) == expected


def test_json_with_timestamps_whose_end_may_be_missing(tmp_path):
    rows = [
        {"timestamp": [4, None], "text": "last"},
        {"timestamp": [1.5, None], "text": "until the next"},
        {"timestamp": [0.5, 1.0], "text": "first"},
    ]
    assert read_subtitles(write(tmp_path / "a.json", json.dumps(rows))) == (
        Subtitle(0.5, 1.0, "first"),
        Subtitle(1.5, 4.0, "until the next"),
        Subtitle(4.0, 7.0, "last"),
    )


def test_an_offset_moves_the_times_and_cuts_what_lies_before_the_video(tmp_path):
    path = write(tmp_path / "a.srt", SRT)
    assert [(one.start, one.end) for one in read_subtitles(path, 2.0)] == [(0.0, 0.25), (2.0, 4.5)]
    assert [(one.start, one.end) for one in read_subtitles(path, 2.25)] == [(1.75, 4.25)]


@pytest.mark.parametrize("offset", [float("nan"), float("inf")])
def test_an_offset_must_be_finite(tmp_path, offset):
    with pytest.raises(ValueError, match="offset must be a finite number"):
        read_subtitles(write(tmp_path / "a.srt", SRT), offset)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_encodings_and_line_ends(tmp_path, encoding, ends):
    text = "1\n00:00:01,000 --> 00:00:02,000\nnaïve café €\n".replace("\n", ends)
    (line,) = read_subtitles(write(tmp_path / "a.srt", text.encode(encoding)))
    assert line == Subtitle(1.0, 2.0, "naïve café €")


@pytest.mark.parametrize("suffix", [".srt", ".vtt", ".ass", ".json"])
def test_an_empty_file_has_no_subtitles(tmp_path, suffix):
    assert read_subtitles(write(tmp_path / f"a{suffix}", "\ufeff\r\n ")) == ()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.srt", SRT.replace("00:00:01,000", "00:00:x1,000"), r"a\.srt:7: must be like '00:00:01,000 --> "),
        ("a.srt", SRT.replace("00:00:02,250", "02,250"), r"a\.srt:7: must be like"),
        (
            "a.srt",
            SRT.replace("00:00:06,500", "00:00:03,999"),
            r"a\.srt:2: must not end before it starts; got 4 to 3.999",
        ),
        ("a.srt", "no subtitles here", r"a\.srt: holds text, but no subtitle of the kind \.srt"),
        ("a.vtt", VTT.replace("01:00:04.000", "01:00:04,000"), r"a\.vtt:16: must be like '00:01\.000 --> "),
        ("a.vtt", VTT.replace("01:00:06.500", "00:06.500"), r"a\.vtt:16: must not end before it starts"),
        ("a.ass", ASS.replace("0:00:06.50", "soon"), r"a\.ass:10: must be like 'Dialogue: layer,0:00:01\.00"),
        ("a.ass", ASS.replace("0:00:02.25", "0:00:00.25"), r"a\.ass:12: must not end before it starts"),
        ("a.ass", "Dialogue: 1", r"a\.ass:1: must be like"),
        ("a.json", '[\n{"start": 1,}]', r"a\.json:2: not JSON"),
        ("a.json", "{}", r"a\.json: must hold a list of subtitles; got dict"),
        ("a.json", "[" * 100_000, r"a\.json: not JSON"),
        ("a.json", "[7]", r"a\.json row 1: must be an object; got 7"),
        ("a.json", '[{"timestamp": [1], "text": "x"}]', r"row 1: timestamp must be \[start, end\] in seconds"),
        ("a.json", '[{"timestamp": [2, 1], "text": "x"}]', r"row 1: must not end before it starts"),
        ("a.json", '[{"timestamp": [NaN, 1], "text": "x"}]', r"row 1: times must be 'hh:mm:ss\.mmm' or seconds from 0"),
        ("a.json", '[{"start": "1 s", "end": 2, "line": "x"}]', r"row 1: times must be .*; got '1 s'"),
        ("a.json", '[{"start": 1, "end": 2}]', r"row 1: must hold a text, as line"),
        ("a.srt", b"\x00\x01binary", r"a\.srt: is neither text in UTF-8 nor"),
        ("a.txt", SRT, r"a\.txt: subtitles must be one of \.srt, \.vtt, \.ass, \.ssa, \.json"),
    ],
)
def test_what_cannot_be_read_is_named_by_file_and_line(tmp_path, name, content, message):
    with pytest.raises(SubtitleError, match=message):
        read_subtitles(write(tmp_path / name, content))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(VideoError, match=r"none\.srt: cannot be read: No such file"):
        read_subtitles(tmp_path / "none.srt")


def test_an_arrow_in_what_is_said_is_no_time(tmp_path):
    text = "1\n00:00:01,000 --> 00:00:02,000\nA --> B\n"
    assert read_subtitles(write(tmp_path / "a.srt", text))[0].text == "A --> B"


@pytest.mark.parametrize(
    ("start", "end", "texts"),
    [
        (0, 1, ""),
        (0, 2, "a"),
        (3, 5, "ab"),
        (4, 4, "b"),
        (4, 5, "b"),
        (7, 7, "c"),
        (6.5, 7.5, "c"),
        (7.1, 9, ""),
        (0, 9, "abc"),
    ],
)
def test_between_gives_what_is_shown_in_that_time(start, end, texts):
    lines = (Subtitle(2, 4, "a"), Subtitle(4, 6, "b"), Subtitle(7, 7, "c"))
    assert "".join(one.text for one in between(lines, start, end)) == texts


STAMPS = [
    "00:00:01,000",
    "00:01.000",
    " --> ",
    "Dialogue: 0,0:00:01.00,0:00:02.00,D,,0,0,0,,",
    "{",
    "\\p1",
    "<i>",
    "NOTE",
]
HEADS = ["\n", "\n\n", "WEBVTT", "[Events]\n", "Format: Start, End\n", "[Script Info]\n"]
FRAGMENTS = st.sampled_from([*STAMPS, *HEADS, "[", '{"start": 1, "end": 2, "line": "x"}', "]", "é"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.lists(FRAGMENTS | st.text(max_size=4), max_size=12).map(
        lambda parts: "".join(parts).encode("utf-8", "replace")
    )
    | st.binary(max_size=60),
    suffix=st.sampled_from([".srt", ".vtt", ".ass", ".ssa", ".json"]),
)
def test_any_file_gives_ordered_lines_or_an_error_of_its_own(tmp_path, content, suffix):
    try:
        lines = read_subtitles(write(tmp_path / f"a{suffix}", content))
    except SubtitleError:
        return
    assert list(lines) == sorted(lines, key=lambda one: (one.start, one.end))
    assert all(0 <= one.start <= one.end and one.text == " ".join(one.text.split()) != "" for one in lines)
