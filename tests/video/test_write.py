"""A written file is H.264 that says what it is, and shows frame by frame what was to be shown."""

from fractions import Fraction

import av
import numpy as np
import pytest
from video.film import Film, number_of, sequence

from mmgym_video.files import VideoFile
from mmgym_video.video import VideoError
from mmgym_video.write import write_video


def test_every_frame_is_in_the_file_at_its_time(tmp_path):
    path = write_video(Film(100, fps=24.0), tmp_path / "film.mp4")
    shown = sequence(path)
    assert [number_of(image) for _, image in shown] == list(range(100))
    assert [time for time, _ in shown] == pytest.approx([k / 24 for k in range(100)])
    with VideoFile(path) as video:
        assert (video.duration, video.fps, video.size) == (pytest.approx(100 / 24), 24.0, (48, 64))
        assert video.sample_rate == 0


def test_pictures_come_back_nearly_as_they_were(tmp_path):
    film = Film(10, size=(96, 128))
    with VideoFile(write_video(film, tmp_path / "film.mp4", crf=10)) as video:
        for before, after in zip(film.frames([0.0, 0.2]), video.frames([0.0, 0.2]), strict=True):
            assert np.abs(before.image.astype(int) - after.image).mean() < 12
        plain = Film(10, size=(96, 128))
        plain.frames = lambda times: [type(f)(f.time, np.full_like(f.image, (200, 40, 90))) for f in film.frames(times)]
        with VideoFile(write_video(plain, tmp_path / "plain.mp4")) as video:
            assert np.abs(video.frames([0.1])[0].image.astype(int) - (200, 40, 90)).max() <= 3


def test_key_frames_come_as_often_as_was_said_and_nothing_is_reordered(tmp_path):
    for gop in (10, 30):
        with av.open(str(write_video(Film(70), tmp_path / "film.mp4", gop=gop))) as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
        assert [k for k, packet in enumerate(packets) if packet.is_keyframe] == list(range(0, 70, gop))
        assert [packet.pts for packet in packets] == [packet.dts for packet in packets]


def test_frames_may_be_reordered(tmp_path):
    path = write_video(Film(60), tmp_path / "film.mp4", b_frames=2)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert any(packet.pts != packet.dts for packet in packets)
    assert [number_of(image) for _, image in sequence(path)] == list(range(60))


def test_the_file_is_h264_tagged_as_bt709_with_its_index_in_front(tmp_path):
    path = write_video(Film(10), tmp_path / "film.mp4")
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (1, 1, 1, 1)
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("fps", "rate"), [(29.97, Fraction(2997, 100)), (30000 / 1001, Fraction(30000, 1001)), (2.5, 2.5)]
)
def test_rates_of_frames_are_exact(fps, rate, tmp_path):
    path = write_video(Film(20, fps=fps), tmp_path / "film.mp4")
    with av.open(str(path)) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(float(rate), rel=1e-6)
    with VideoFile(path) as video:
        assert [number_of(frame.image) for frame in video.frames([k / fps for k in range(20)])] == list(range(20))


def test_another_rate_than_the_films_own_takes_the_frame_that_is_shown_then(tmp_path):
    path = write_video(Film(60, fps=30.0), tmp_path / "film.mp4", fps=12)
    assert [number_of(image) for _, image in sequence(path)] == [int(k * 2.5 + 1e-6) for k in range(24)]


@pytest.mark.parametrize("size", [(49, 64), (48, 65), (33, 47)])
def test_odd_sizes_are_kept(size, tmp_path):
    with VideoFile(write_video(Film(12, size=size), tmp_path / "film.mp4")) as video:
        assert video.size == size
        assert number_of(video.frames([10 / 30])[0].image) == 10


def test_a_file_can_be_written_again_from_a_file(tmp_path):
    first = write_video(Film(45, sample_rate=16000), tmp_path / "first.mp4")
    with VideoFile(first) as video:
        second = write_video(video, tmp_path / "second.mp4", b_frames=2)
    assert [number_of(image) for _, image in sequence(second)] == list(range(45))
    with VideoFile(second) as copy:
        assert copy.duration == pytest.approx(1.5)
        assert copy.sample_rate == 16000


def test_the_same_film_gives_the_same_bytes(tmp_path):
    film = Film(30, sample_rate=16000)
    assert write_video(film, tmp_path / "a.mp4").read_bytes() == write_video(film, tmp_path / "b.mp4").read_bytes()


def test_a_film_that_fails_half_way_leaves_nothing_and_what_was_there_stays(tmp_path):
    path = write_video(Film(10), tmp_path / "film.mp4")
    before = path.read_bytes()
    film = Film(10)

    def broken(times):
        raise VideoError("no more")

    film.frames = broken
    with pytest.raises(VideoError, match="no more"):
        write_video(film, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("film.avi", {}, "must end with .mp4; got 'film.avi'"),
        ("film.mp4", {"fps": 0}, r"fps must be in \(0, 1000\]; got 0"),
        ("film.mp4", {"fps": float("nan")}, "fps must be in"),
        ("film.mp4", {"gop": 0}, "gop must be >= 1, b_frames 0 to 16, crf 0 to 51; got 0, 0, 20"),
        ("film.mp4", {"preset": "best"}, "preset must be one of ultrafast, .*; got 'best'"),
    ],
)
def test_bad_arguments_are_named(name, arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_video(Film(3), tmp_path / name, **arguments)


def test_a_rate_of_sound_that_aac_has_not_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"sound's rate must be one of .*; got 12345"):
        write_video(Film(3, sample_rate=12345), tmp_path / "film.mp4")
