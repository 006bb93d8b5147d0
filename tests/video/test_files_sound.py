"""The sound and the subtitles of a file are on the clock of its pictures, to the sample."""

from fractions import Fraction

import av
import numpy as np
import pytest
from video.film import Film, add_film, exposed, number_of, picture, shoot, tone

from mmgym_video.files import VideoFile
from mmgym_video.video import Subtitle, VideoError
from mmgym_video.write import write_video

RATE = 16000


def talkie(path, codec="aac", rate=RATE, delay=0.0, layout="mono", seconds=3, begin=0):
    """A film with a click at every half second of its own time and a tone between; sound starts `delay` later.

    On the file's clock the film begins after `begin` seconds.
    """
    with av.open(str(path), "w") as output:
        film = add_film(output, "libx264", Fraction(30), (48, 64), "yuv420p", 12, 0, {})
        sound = output.add_stream(codec, rate=rate, layout=layout)
        for number in range(30 * seconds):
            output.mux(film.encode(exposed(picture(number), number + 30 * begin, Fraction(1, 30))))
        output.mux(film.encode(None))
        format = sound.codec_context.format.name
        samples = clicks(np.arange(round(delay * rate), seconds * rate), rate)
        channels = 2 if layout == "stereo" else 1
        both = np.stack(
            [samples * (2 if k == 0 and channels == 2 else 0 if channels == 2 else 1) for k in range(channels)]
        )
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(both), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, round((delay + begin) * rate), Fraction(1, rate)
        resampler = av.AudioResampler(format=format, layout=layout, rate=rate)
        for piece in resampler.resample(frame):
            output.mux(sound.encode(piece))
        output.mux(sound.encode(None))
    return path


def clicks(at: np.ndarray, rate: int) -> np.ndarray:
    """A soft tone with a loud, short click at every half second."""
    into = at % (rate // 2)
    return (0.2 * tone(at, rate) + np.where(into < rate // 200, 0.4 * np.cos(into), 0)).astype(np.float32)


def lag(heard: np.ndarray, expected: np.ndarray) -> int:
    """Samples by which what is heard comes late."""
    shifts = range(-40, 41)
    scores = [float(np.dot(heard[100:-100], np.roll(expected, shift)[100:-100])) for shift in shifts]
    return shifts[int(np.argmax(scores))]


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [
        *(("a.mp4", "aac", RATE), ("a.mkv", "aac", RATE), ("a.mp4", "aac", 44100), ("a.mkv", "aac", 44100)),
        *(("a.mkv", "pcm_s16le", RATE), ("a.mkv", "flac", RATE), ("a.mkv", "libopus", 48000)),
        ("a.mp4", "libmp3lame", RATE),
    ],
)
def test_sound_is_where_it_was_put_to_the_sample(name, codec, rate, tmp_path):
    # Matroska's time stamps are milliseconds: where the encoder's lead-in is no whole number of them, that is lost.
    blur = rate // 2000 if name != "a.mp4" and rate > RATE else 0
    with VideoFile(talkie(tmp_path / name, codec, rate)) as video:
        assert video.sample_rate == rate
        for start, end in ((0.0, 1.0), (0.9, 2.3), (2.0, 3.0)):
            heard = video.sound(start, end)
            assert heard.dtype == np.float32
            assert heard.shape == (round(end * rate) - round(start * rate),)
            assert np.abs(heard).max() <= 1
            assert abs(lag(heard, clicks(np.arange(round(start * rate), round(end * rate)), rate))) <= blur


@pytest.mark.parametrize(("codec", "rate"), [("aac", RATE), ("pcm_s16le", RATE), ("aac", 44100), ("libopus", 48000)])
def test_a_piece_of_sound_is_the_same_however_it_is_asked_for(codec, rate, tmp_path):
    with VideoFile(talkie(tmp_path / "a.mkv", codec, rate)) as video:
        whole = video.sound(0.0, 3.0)
        for start, end in ((2.9, 3.0), (0.4, 0.45), (1.0, 2.0), (1.23456, 1.9)):
            piece = whole[round(start * rate) : round(end * rate)]
            # Opus settles in for a while after a jump.
            assert np.allclose(video.sound(start, end), piece, atol=0.002 if codec == "libopus" else 0)
        assert video.sound(1.0, 1.0).shape == (0,)


def test_before_the_sound_begins_there_is_silence(tmp_path):
    with VideoFile(talkie(tmp_path / "a.mkv", "pcm_s16le", delay=1.25)) as video:
        heard = video.sound(0.0, 3.0)
        assert not heard[: round(1.25 * RATE)].any()
        assert lag(heard[round(1.25 * RATE) :], clicks(np.arange(round(1.25 * RATE), 3 * RATE), RATE)) == 0


def test_channels_are_averaged(tmp_path):
    with VideoFile(talkie(tmp_path / "a.mkv", "pcm_s16le", layout="stereo")) as video:
        assert np.abs(video.sound(0.0, 3.0) - clicks(np.arange(3 * RATE), RATE)).max() < 1e-3


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_sound_counts_from_the_first_frame_also_where_that_is_not_at_zero(codec, tmp_path):
    path = talkie(tmp_path / "a.mkv", codec, begin=7)
    with av.open(str(path)) as container:
        assert container.streams.video[0].start_time == 7000
    with VideoFile(path) as video:
        assert video.duration == pytest.approx(3.0, abs=2e-3)
        assert number_of(video.frames([1.5])[0].image) == 45
        assert lag(video.sound(0.5, 2.5), clicks(np.arange(RATE // 2, 5 * RATE // 2), RATE)) == 0


def test_a_silent_video_says_so(tmp_path):
    with VideoFile(shoot(tmp_path / "a.mp4")) as video:
        assert video.sample_rate == 0
        with pytest.raises(VideoError, match=r"a\.mp4: has no sound"):
            video.sound(0.0, 1.0)


@pytest.mark.parametrize(("start", "end"), [(-0.1, 1), (1, 0.5), (0, 3.5), (float("nan"), 1), (0, float("nan"))])
def test_bad_spans_of_sound_are_refused(start, end, tmp_path):
    with (
        VideoFile(talkie(tmp_path / "a.mp4")) as video,
        pytest.raises(ValueError, match=r"0 <= start <= end <= 3\.000"),
    ):
        video.sound(start, end)


HEADER = b"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
LINES = [(0.5, 1.25, "one"), (1.5, 2.0, "two, of two\nlines")]


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "subrip"), ("a.mp4", "mov_text")])
def test_subtitles_inside_a_file_are_read(name, codec, tmp_path):
    path = titled(tmp_path / name, codec)
    with VideoFile(path) as video:
        assert len(video.subtitles) == 2
        for line, (start, end, text) in zip(video.subtitles, LINES, strict=True):
            assert (line.start, line.end) == pytest.approx((start, end), abs=2e-3)
            assert line.text == text


def titled(path, codec):
    """A film of two seconds with `LINES`."""
    with av.open(str(path), "w") as output:
        film = add_film(output, "libx264", Fraction(30), (48, 64), "yuv420p", 12, 0, {})
        texts = output.add_stream(codec)
        texts.codec_context.subtitle_header = HEADER
        for number in range(60):
            output.mux(film.encode(exposed(picture(number), number, Fraction(1, 30))))
        output.mux(film.encode(None))
        for start, end, text in LINES:
            data = text.encode()
            packet = av.Packet(len(data).to_bytes(2, "big") + data if codec == "mov_text" else data)
            packet.stream, packet.time_base = texts, Fraction(1, 1000)
            packet.pts = packet.dts = round(1000 * start)
            packet.duration = round(1000 * (end - start))
            output.mux(packet)
    return path


def test_a_film_without_subtitles_has_none_and_given_ones_come_first(tmp_path):
    given = [Subtitle(0.0, 1.0, "given")]
    path = titled(tmp_path / "a.mkv", "subrip")
    with VideoFile(shoot(tmp_path / "b.mp4")) as plain, VideoFile(path, subtitles=given) as video:
        assert plain.subtitles == ()
        assert video.subtitles == tuple(given)


def test_a_written_film_sounds_as_it_did(tmp_path):
    film = Film(75, fps=25.0, sample_rate=RATE)
    with VideoFile(write_video(film, tmp_path / "a.mp4")) as video:
        assert video.sample_rate == RATE
        heard, expected = video.sound(0.0, 3.0), film.sound(0.0, 3.0)
        assert lag(heard, expected) == 0
        quiet = slice(RATE // 5, 4 * RATE // 5)
        assert np.abs(heard[quiet] - expected[quiet]).max() < 0.02
