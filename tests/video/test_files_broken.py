"""What is wrong with a file is said, with its name; nothing in it or in its name leads anywhere else."""

import logging
import os
import socket
import threading

import av
import numpy as np
import pytest
from video.film import Film, number_of, shoot, tone

from mmgym_video.files import VideoFile
from mmgym_video.video import VideoError
from mmgym_video.write import write_video


def refused(path) -> str:
    with pytest.raises(VideoError) as caught:
        VideoFile(path)
    message = str(caught.value)
    assert os.path.basename(str(path)) in message
    return message


def test_a_missing_file_is_named(tmp_path):
    assert "No such file" in refused(tmp_path / "nowhere.mp4")


def test_a_folder_is_no_video(tmp_path):
    assert "a folder; a video is the path of a local file" in refused(tmp_path)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    assert "not a regular file" in refused(tmp_path / "pipe.mp4")


def test_an_empty_file_is_no_video(tmp_path):
    (tmp_path / "empty.mp4").touch()
    assert "empty (0 bytes); a video is one of mp4, " in refused(tmp_path / "empty.mp4")


def test_text_under_the_name_of_a_video_is_told_by_its_first_bytes(tmp_path):
    (tmp_path / "notes.mp4").write_text("dear diary")
    assert "not a video: it begins with b'dear diary'" in refused(tmp_path / "notes.mp4")


@pytest.mark.parametrize(
    "head",
    [
        *(b"\0\0\0\x20ftypisom", b"\x1a\x45\xdf\xa3", b"RIFF\0\0\0\0AVI ", b"\0\0\1\xba", b"\0\0\1\xb3"),
        *(b"FLV\x01", b"OggS", b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", b"GIF89a", b"\x47"),
    ],
)
def test_noise_behind_the_first_bytes_of_a_container_is_refused(head, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, 20_000, np.uint8).tobytes()
    packets = noise if head != b"\x47" else b"".join(noise[i : i + 187] + b"\x47" for i in range(0, 18_700, 187))
    (tmp_path / "noise.mp4").write_bytes(head + packets)
    refused(tmp_path / "noise.mp4")


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.gif", "gif")])
def test_pictures_beyond_the_largest_size_are_not_decoded(name, codec, tmp_path, monkeypatch):
    from mmgym_video.files import opening

    path = shoot(tmp_path / name, codec, pixels="rgb8" if codec == "gif" else "yuv420p")
    for most, fits in ((48 * 64 + 10_000, True), (48 * 64 - 1, False)):
        monkeypatch.setattr(opening, "MAX_PIXELS", most)
        try:
            with VideoFile(path, cache_bytes=0) as video:
                video.frames([0.5])
        except VideoError:
            assert not fits
        else:
            assert fits


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "song.mp4"), "w") as output:
        add_sound(output)
    assert "it has only sound" in refused(tmp_path / "song.mp4")


def test_the_cover_of_a_song_is_no_video(tmp_path):
    with av.open(str(tmp_path / "song.mp4"), "w") as output:
        cover = output.add_stream("mjpeg")
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8)).reformat(format="yuvj420p")
        packets = cover.encode(frame) + cover.encode(None)
        add_sound(output)
        output.mux(packets)
    assert "it has only sound" in refused(tmp_path / "song.mp4")


def add_sound(output) -> None:
    stream = output.add_stream("aac", rate=16000, layout="mono")
    frame = av.AudioFrame.from_ndarray(tone(np.arange(16000), 16000)[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 16000, 0
    output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def test_a_file_cut_off_before_its_index_is_refused(tmp_path):
    whole = shoot(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    assert "cut off before its index" in refused(tmp_path / "half.mp4")


@pytest.mark.parametrize("share", [0.35, 0.7, 0.97])
def test_a_cut_off_file_says_where_it_ends_and_shows_what_it_has(share, tmp_path, caplog):
    whole = write_video(Film(120), tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: int(share * len(whole))])
    with VideoFile(tmp_path / "cut.mp4") as video:
        with caplog.at_level(logging.WARNING, "mmgym_video"):
            end = video.duration
        assert 120 * (share - 0.25) / 30 < end < 3.99
        assert f"cut off or damaged: it ends at {end:.3f} s, not at 4.000 s" in caplog.text
        last = round(end * 30) - 1
        assert [number_of(frame.image) for frame in video.frames([end, 0.5, (last - 3) / 30])] == [last, 15, last - 3]
        with pytest.raises(ValueError, match=rf"\[0, {end:.3f}\], where the file is cut off; got 3\.99"):
            video.frames([3.99])


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.flv"])
def test_a_cut_off_stream_shows_what_it_has(name, tmp_path):
    whole = shoot(tmp_path / f"whole_{name}", times=list(range(100))).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with VideoFile(tmp_path / name) as video:
        last = round(video.duration * 30) - 1
        assert 20 < last < 80
        assert [number_of(frame.image) for frame in video.frames([0.5, (last - 1) / 30])] == [15, last - 1]
        with pytest.raises(ValueError, match="time must be in"):
            video.frames([3.2])


def test_damage_in_the_middle_is_an_error_with_its_time_and_never_another_picture(tmp_path):
    path = write_video(Film(120), tmp_path / "film.mp4", gop=30)
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        spots = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    position, size = spots[75]
    data[position : position + size] = bytes(255 - byte for byte in data[position : position + size])
    path.write_bytes(data)
    with VideoFile(path, cache_bytes=0) as video:
        assert [number_of(f.image) for f in video.frames([74 / 30, 90 / 30, 20 / 30])] == [74, 90, 20]
        for times in ([75 / 30], [89 / 30], [10 / 30, 75 / 30, 100 / 30]):
            with pytest.raises(VideoError, match=r"film\.mp4: damaged: it cannot be decoded at 2\.[59]"):
                video.frames(times)
        assert [number_of(f.image) for f in video.frames([119 / 30, 0.0])] == [119, 0]


@pytest.mark.parametrize("name", ["http://127.0.0.1:{port}/a.mp4", "tcp://127.0.0.1:{port}", "concat:{file}", "a\0b"])
def test_a_path_is_a_path_whatever_it_looks_like(name, tmp_path):
    file = shoot(tmp_path / "film.mp4")
    with listening() as (port, calls):
        with pytest.raises(VideoError, match="a video is the path of a local file"):
            VideoFile(name.format(port=port, file=file))
        assert calls == []


def test_a_file_may_have_the_name_of_a_protocol(tmp_path, monkeypatch):
    shoot(tmp_path / "film.mp4").rename(tmp_path / "concat:film.mp4")
    monkeypatch.chdir(tmp_path)
    with VideoFile("concat:film.mp4") as video:
        assert number_of(video.frames([0.5])[0].image) == 15


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile 'http://127.0.0.1:{port}/a.mp4'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n",
        '<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:{port}/</BaseURL></MPD>',
    ],
)
def test_a_playlist_under_the_name_of_a_video_leads_nowhere(text, tmp_path):
    with listening() as (port, calls):
        (tmp_path / "list.mp4").write_text(text.format(port=port))
        assert "not a video" in refused(tmp_path / "list.mp4")
        assert calls == []


def test_only_files_can_be_reached_from_a_container(tmp_path):
    from mmgym_video.files.opening import check, open_container

    path, format = check(shoot(tmp_path / "film.mp4"))
    with open_container(path, format, lean=True) as container:
        assert container.options["protocol_whitelist"] == "file"
        assert container.format.name.startswith("mov")


class listening:
    """A port of this machine, and what calls it."""

    def __enter__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.calls: list[object] = []
        threading.Thread(target=self.answer, daemon=True).start()
        return self.server.getsockname()[1], self.calls

    def answer(self) -> None:
        try:
            while True:
                connection, address = self.server.accept()
                self.calls.append(address)
                connection.close()
        except OSError:
            return

    def __exit__(self, *_) -> None:
        self.server.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backend": "ffmpeg"}, "backend must be one of auto, pyav, torchcodec, opencv; got 'ffmpeg'"),
        ({"cache_bytes": -1}, "cache_bytes must be >= 0; got -1"),
        ({"threads": 0}, "threads must be >= 1; got 0"),
    ],
)
def test_bad_arguments_are_named(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        VideoFile(tmp_path / "a.mp4", **arguments)


def test_a_missing_backend_says_what_to_install_and_what_there_is(tmp_path, monkeypatch):
    from mmgym_video.files import decoders

    path = shoot(tmp_path / "film.mp4")
    find = decoders.find_spec
    monkeypatch.setattr(decoders, "find_spec", lambda name: None if name in ("av", "torchcodec") else find(name))
    with pytest.raises(
        ImportError, match=r"'pyav' needs the package av \(pip install 'mmgym\[video\]'\); at hand: opencv"
    ):
        VideoFile(path, backend="pyav")
    with VideoFile(path) as video:
        assert type(video._decoder).__name__ == "OpencvDecoder"
        assert number_of(video.frames([0.5])[0].image) == 15
