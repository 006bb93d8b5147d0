"""One library that reads frames of files, in a process with its own packages: answers lines of JSON with lines of JSON.

    PYTHON benchmarks/video_peers/read.py pyav
    {"file": "a.mp4", "numbers": [3, 40], "fps": 30.0}
    {"open": 0.01, "read": 0.02, "again": null, "shown": [3, 40]}

Each reads the frames of these numbers (rising) as RGB arrays of the file's size by the best way that its documentation
gives, on all cores at hand. What is timed is opening the file and reading the frames; then, for ours, reading them
again. What the frames show is read off their blocks (see `benchmarks.video`) and returned: speed at the price of
showing other frames is seen.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

import numpy as np

CORES = len(os.sched_getaffinity(0))
BITS = 11
"""Blocks along the top of a picture."""
GRABBED = 16
"""Frames that OpenCV passes over one by one rather than jump."""

Reader = Callable[[Sequence[int], float], Sequence[Any]]


def mmgym(file: str) -> Reader:
    """Ours, with an empty cache; nothing is decoded ahead."""
    from mmgym_video.files import VideoFile

    video = VideoFile(file, prefetch=False, cache_bytes=2**30)

    def read(numbers: Sequence[int], fps: float) -> Sequence[Any]:
        return [frame.image for frame in video.frames([number / fps for number in numbers])]

    return read


def pyav(file: str) -> Reader:
    """PyAV's plain seek: to the key frame before a time, then decoding up to it; frames in a row without a jump."""
    container: Any = import_module("av").open(file)
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"

    def read(numbers: Sequence[int], fps: float) -> Sequence[Any]:
        images, last = [], -2
        frames: Iterator[Any] = iter(())
        begin = stream.start_time or 0
        for number in numbers:
            wanted = begin + round(number / fps / stream.time_base)
            if number != last + 1:
                container.seek(wanted, stream=stream)
                frames = container.decode(stream)
            frame = next(frame for frame in frames if frame.pts >= wanted)
            images.append(frame.to_ndarray(format="rgb24"))
            last = number
        return images

    return read


def opencv(file: str) -> Reader:
    """OpenCV: a jump to a frame's number, or passing over a few."""
    import cv2

    capture = cv2.VideoCapture(file, cv2.CAP_FFMPEG)

    def read(numbers: Sequence[int], fps: float) -> Sequence[Any]:
        images, at = [], 0
        for number in numbers:
            if not 0 <= number - at <= GRABBED:
                capture.set(cv2.CAP_PROP_POS_FRAMES, number)
            else:
                for _ in range(number - at):
                    capture.grab()
            images.append(cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB))
            at = number + 1
        return images

    return read


def decord(file: str) -> Reader:
    """decord: a batch of numbers."""
    video = import_module("decord").VideoReader(file, num_threads=CORES)
    return lambda numbers, fps: video.get_batch(list(numbers)).asnumpy()


def torchcodec(file: str, mode: str = "exact") -> Reader:
    """TorchCodec: a batch of numbers."""
    decoders = import_module("torchcodec.decoders")
    video = decoders.VideoDecoder(file, dimension_order="NHWC", num_ffmpeg_threads=CORES, seek_mode=mode)
    return lambda numbers, fps: video.get_frames_at(list(numbers)).data.numpy()


def torchcodec_approximate(file: str) -> Reader:
    """TorchCodec, which trusts the header for the times of frames in place of reading all packets."""
    return torchcodec(file, "approximate")


READERS: dict[str, Callable[[str], Reader]] = {
    reader.__name__: reader for reader in (mmgym, pyav, opencv, decord, torchcodec, torchcodec_approximate)
}


def shown(image: np.ndarray) -> int:
    """The number that a picture shows in blocks along its top."""
    height, width = image.shape[:2]
    row = np.asarray(image)[height // 32].mean(axis=1)
    return sum(int(row[int((bit + 0.5) * width / BITS)] > 127) << (BITS - 1 - bit) for bit in range(BITS))


def answer(name: str, job: dict[str, Any]) -> dict[str, Any]:
    """Read once, and say how long that took."""
    begin = time.perf_counter()
    read = READERS[name](job["file"])
    opened = time.perf_counter()
    images = read(job["numbers"], job["fps"])
    done = time.perf_counter()
    again = None
    if name == "mmgym":
        read(job["numbers"], job["fps"])
        again = time.perf_counter() - done
    if any(image.dtype != np.uint8 for image in images):
        raise TypeError(f"{name} gives no uint8")
    return {"open": opened - begin, "read": done - opened, "again": again, "shown": [shown(image) for image in images]}


def main() -> None:
    """Answer until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=sorted(READERS))
    name = parser.parse_args().name
    print(json.dumps({"ready": name}), flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(name, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
