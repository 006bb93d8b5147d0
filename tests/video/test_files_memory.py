"""What is kept, shared and thrown away: the cache, looking ahead, threads, processes, closing."""

import gc
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from video.film import number_of, shoot

from mmgym_video.files import VideoFile
from mmgym_video.files.cache import FrameCache

FRAME = 48 * 64 * 3


@pytest.fixture
def path(tmp_path):
    return shoot(tmp_path / "film.mp4", times=list(range(120)), b_frames=2)


def numbers(video, which):
    return [number_of(frame.image) for frame in video.frames([k / 30 for k in which])]


def decoded(video):
    """Counts the frames that a file's decoder gives from now on."""
    given = []
    decode = video._decoder.decode

    def counting(frames, *, parallel=True):
        for step in decode(frames, parallel=parallel):
            if step is not None:
                given.append(step[0])
            yield step

    video._decoder.decode = counting
    return given


def settle(video):
    """Wait until nothing is decoded ahead any more."""
    for thread in list(video._ahead):
        thread.join(60)


def test_a_frame_that_was_shown_is_not_decoded_again(path):
    with VideoFile(path, prefetch=False) as video:
        first = video.frames([1.0, 2.0])
        given = decoded(video)
        again = video.frames([2.0, 1.0])
        assert given == []
        assert [frame.time for frame in again] == [2.0, 1.0]
        assert again[1].image is first[0].image


def test_cached_prefetched_and_fresh_frames_have_the_same_pixels(path):
    looks = [[20], [23], [26], [29], [80, 10], [83, 13], [86, 16], [29], [26]]
    with VideoFile(path, cache_bytes=0, prefetch=False, threads=1) as fresh, VideoFile(path) as video:
        for look in looks:
            times = [k / 30 for k in look]
            shown = video.frames(times)
            settle(video)
            for one, other in zip(shown, fresh.frames(times), strict=True):
                assert one.time == other.time
                assert np.array_equal(one.image, other.image)


def test_the_cache_lets_go_of_what_was_used_longest_ago():
    cache = FrameCache(3 * FRAME)
    images = [np.zeros((48, 64, 3), np.uint8) for _ in range(4)]
    for k in range(3):
        cache.put("a", k, images[k])
    assert cache.get("a", 0) is images[0]
    cache.put("a", 3, images[3])
    assert [cache.get("a", k) is not None for k in range(4)] == [True, False, True, True]
    assert cache.bytes == 3 * FRAME
    cache.put("a", 9, np.zeros((480, 64, 3), np.uint8))
    assert cache.get("a", 9) is None
    assert cache.bytes == 3 * FRAME


def test_files_with_the_same_bound_keep_to_it_together(path, tmp_path):
    other = shoot(tmp_path / "other.mp4")
    bound = 10 * FRAME + 1
    with VideoFile(path, cache_bytes=bound) as a, VideoFile(other, cache_bytes=bound) as b:
        assert a._cache is b._cache
        numbers(a, range(8))
        numbers(b, range(8))
        assert a._cache.bytes == 10 * FRAME
        given = decoded(b)
        numbers(b, range(8))
        assert given == []


def test_two_that_look_at_the_same_file_share_its_frames(path):
    with VideoFile(path, prefetch=False) as a, VideoFile(path, prefetch=False) as b:
        numbers(a, [3, 50])
        given = decoded(b)
        assert numbers(b, [50, 3]) == [50, 3]
        assert given == []


def test_another_film_under_the_same_name_is_not_taken_for_the_first(path, tmp_path):
    with VideoFile(path) as first:
        assert numbers(first, [40]) == [40]
        other = shoot(tmp_path / "other.mp4", times=list(range(0, 120, 2)))
        other.replace(path)
        with VideoFile(path) as second:
            assert numbers(second, [40]) == [20]


def test_closing_lets_go_of_frames_and_refuses_more(path):
    bound = 50 * FRAME + 2
    a, b = VideoFile(path, cache_bytes=bound), VideoFile(path, cache_bytes=bound)
    cache = a._cache
    numbers(a, [3])
    a.close()
    a.close()
    assert cache.bytes == FRAME
    b.close()
    assert cache.bytes == 0
    with pytest.raises(ValueError, match=r"film\.mp4: closed"):
        a.frames([0.0])
    with pytest.raises(ValueError, match=r"film\.mp4: closed"):
        _ = b.duration


def test_a_file_that_is_forgotten_leaves_no_frames(path, tmp_path):
    bound = 50 * FRAME + 3
    forgotten = VideoFile(path, cache_bytes=bound, prefetch=False)
    cache = forgotten._cache
    numbers(forgotten, [3, 4])
    del forgotten
    gc.collect()
    with VideoFile(shoot(tmp_path / "other.mp4"), cache_bytes=bound) as other:
        numbers(other, [1])
        assert cache.bytes == FRAME


def test_a_steady_pace_is_decoded_ahead(path):
    with VideoFile(path) as video:
        assert numbers(video, [10]) == [10]
        settle(video)
        assert numbers(video, [14]) == [14]
        settle(video)
        given = decoded(video)
        assert numbers(video, [18]) == [18]
        settle(video)
        assert numbers(video, [22]) == [22]
        assert given == [video._decoder.locate(k / 30) for k in (22,)]


def test_looks_without_a_pace_are_not_decoded_ahead(path):
    with VideoFile(path) as video:
        for look in ([60], [20], [30, 40], [5]):
            numbers(video, look)
            assert not video._ahead


def test_whoever_asks_does_not_wait_for_what_is_decoded_ahead(path):
    with VideoFile(path) as video:
        steps = threading.Semaphore(0)
        reached = threading.Event()
        decode = video._decoder.decode

        def slow(frames, *, parallel=True):
            for step in decode(frames, parallel=parallel):
                if not parallel:
                    reached.set()
                    steps.acquire(timeout=60)
                yield step

        video._decoder.decode = slow
        numbers(video, [10, 11])
        numbers(video, [50, 51])
        assert reached.wait(60)
        asking = threading.Thread(target=numbers, args=(video, [3]))
        turns = video._turns
        asking.start()
        while video._turns == turns:
            time.sleep(0.001)
        steps.release()
        asking.join(60)
        assert not asking.is_alive()
        settle(video)
        assert video._cache.get(video._file, video._decoder.locate(90 / 30)) is None


def test_what_was_decoded_ahead_is_left_in_turn_when_somebody_asks(path):
    with VideoFile(path, prefetch=False) as video:
        numbers(video, [0])
        held, put, release = [], video._cache.put, video._decoder.index.release

        def asked(*frame):
            put(*frame)
            video._turns += 1

        def released():
            held.append(video._lock.locked())
            release()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(video._cache, "put", asked)
            patch.setattr(video._decoder.index, "release", released)
            video._decode_ahead([1.0, 2.0], video._turns)
        assert held == [True] and numbers(video, [60]) == [60]


def test_decoding_ahead_past_the_end_is_no_error(path):
    with VideoFile(path) as video:
        assert numbers(video, [80]) == [80]
        assert numbers(video, [110]) == [110]
        settle(video)
        assert numbers(video, [119]) == [119]


def test_several_threads_may_look_at_once(path):
    wrong = []
    with VideoFile(path, cache_bytes=5 * FRAME) as video:

        def look(seed):
            rng = np.random.default_rng(seed)
            for _ in range(15):
                which = rng.integers(0, 120, 3).tolist()
                if numbers(video, which) != which:
                    wrong.append(which)

        threads = [threading.Thread(target=look, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in threads)
    assert wrong == []


def test_a_pickled_file_is_opened_again(path):
    from mmgym_video.video import Subtitle

    lines = (Subtitle(0.0, 1.0, "hello"),)
    with (
        VideoFile(path, cache_bytes=7 * FRAME, threads=1, subtitles=lines) as video,
        pickle.loads(pickle.dumps(video)) as copy,
    ):
        assert numbers(copy, [33]) == numbers(video, [33]) == [33]
        assert copy.subtitles == lines
        assert copy._cache is video._cache


def test_a_forked_process_goes_on_with_a_file_of_its_own(path):
    with VideoFile(path, threads=2) as video:
        numbers(video, [10, 11, 12])
        numbers(video, [30, 31, 32])
        context = multiprocessing.get_context("fork")
        answers = context.Queue()
        child = context.Process(target=lambda: answers.put(numbers(video, [100, 12, 50])))
        child.start()
        assert answers.get(timeout=120) == [100, 12, 50]
        child.join(60)
        assert child.exitcode == 0
        assert numbers(video, [60, 13]) == [60, 13]


def test_a_fork_that_ends_as_a_program_does_does_not_hang(path):
    script = f"""
import os
from mmgym_video.files import VideoFile
video = VideoFile({str(path)!r}, threads=2)
video.frames([1.0]); video.frames([1.1])
if os.fork():
    raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
assert len(video.frames([0.5, 2.0])) == 2
del video
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=120)


def test_a_fork_never_frees_what_a_decoder_had_given(path):
    script = f"""
import gc, os
from mmgym_video.files import VideoFile
class Given:  # in a ring, as PyAV's frames may be: freeing them takes a lock that a thread of the parent may hold
    def __init__(self): self.ring = self
    def __del__(self): freed.append(os.getpid())
freed, video = [], VideoFile({str(path)!r})
gc.collect(); gc.disable()
Given()
if os.fork():
    raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
gc.collect()
assert freed == []
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=120)


def test_a_program_that_ends_while_frames_are_decoded_ahead_ends_well(path):
    script = f"""
from mmgym_video.files import VideoFile
video = VideoFile({str(path)!r})
video.frames([k / 30 for k in range(0, 40)]); video.frames([k / 30 for k in range(40, 80)])
"""
    result = subprocess.run([sys.executable, "-c", script], check=True, timeout=120, capture_output=True, text=True)
    assert result.stderr == ""


def test_opening_and_leaving_early_with_several_threads_never_hangs(path):
    for k in range(40):
        video = VideoFile(path, threads=4, prefetch=False)
        numbers(video, [k])
        if k % 2:
            video.close()


def resident() -> int:
    """Bytes of memory that this process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads /proc")
def test_two_hours_of_video_stay_within_the_cache(tmp_path):
    hours = long_film(tmp_path, seconds=7200)
    bound = 4 * 2**20
    with VideoFile(hours, cache_bytes=bound) as video:
        assert video.duration == pytest.approx(7200)
        rng = np.random.default_rng(0)
        for _ in range(30):
            video.frames(rng.uniform(0, 7200, 8).tolist())
        settle(video)
        before = resident()
        for _ in range(80):
            video.frames(rng.uniform(0, 7200, 8).tolist())
        settle(video)
        # 640 frames of 150 kB were decoded, 97 MB.
        assert video._cache.bytes <= bound
        assert resident() - before < bound + 16 * 2**20


def long_film(folder, seconds: int):
    """A film of that length from one of ten seconds that is repeated."""
    short = shoot(folder / "short.mp4", times=list(range(100)), base=Fraction(1, 10), size=(176, 288), gop=10)
    with av.open(str(short)) as source, av.open(str(folder / "long.mp4"), "w") as target:
        stream = source.streams.video[0]
        packets = [(bytes(p), p.pts, p.dts, p.is_keyframe, p.duration) for p in source.demux(stream) if p.size]
        output = target.add_stream_from_template(stream)
        for turn in range(seconds // 10):
            for data, pts, dts, key, duration in packets:
                packet = av.Packet(data)
                packet.pts, packet.dts = pts + turn * stream.duration, dts + turn * stream.duration
                packet.duration, packet.time_base, packet.stream = duration, stream.time_base, output
                packet.is_keyframe = key
                target.mux(packet)
    return folder / "long.mp4"
