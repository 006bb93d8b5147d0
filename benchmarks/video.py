"""How fast frames of a file are read, beside PyAV's plain seek, OpenCV, decord and TorchCodec; and in how much memory.

The files are H.264 at 640x360 and 1280x720, of 60 s and 30 min (the 60 s repeated), with a key frame every 15 and every
250 frames: texture that moves, things that move over it, and the frame's number in blocks along the top. Every library
reads the same frames of the same file in the same round: one at random, 8 and 32 evenly spread, a clip of 2 s. It has a
process of its own; rounds alternate between them, so that whatever else the machine does falls on all alike.

*cold* is opening the file and reading; *read* is reading alone, right after opening; *warm* is reading the same frames
again, which only ours has a cache for: its ratio is to the fastest other library's *read*. A library that showed other
frames than asked for is reported with the share that was right.

    python benchmarks/video.py                         # below 15 minutes on two cores that do nothing else
    python benchmarks/video.py --seconds 5 --hours 0   # a quick look

decord and TorchCodec have virtual environments below `.bench/`, made once; TorchCodec borrows our torch, and needs
FFmpeg's libraries (Debian: ffmpeg). One that cannot be installed or run is reported as such. The files, 1 GB, stay in
runs/bench-video/.
"""

from __future__ import annotations

import json
import logging
import math
import os
import random
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import tyro

from benchmarks.peers import ROOT, Unavailable, install, machine
from benchmarks.video_peers.read import BITS
from mmgym_video.files import VideoFile
from mmgym_video.video import Frame, Subtitle, VideoError
from mmgym_video.write import write_video

FPS, SECONDS, REPEATS = 30.0, 60, 30
SIZES = ((360, 640), (720, 1280))
GROUPS = (15, 250)
TASKS = ("1 frame", "8 frames", "32 frames", "clip of 2 s")
REQUIREMENTS = {"decord": ("decord2==3.4.0",), "torchcodec": ("--no-deps", "torchcodec==0.13.0")}
PEERS = ("pyav", "opencv", "decord", "torchcodec", "torchcodec_approximate")
SCRIPT = "benchmarks/video_peers/read.py"
MEMORY_LOOKS, MEMORY_FRAMES, MEMORY_CACHE = 60, 32, 64 * 2**20


@dataclass(frozen=True)
class Arguments:
    """Options of the benchmark."""

    seconds: float = 20.0
    """Seconds that each cell is measured for, all libraries together, once each has had its fewest rounds."""
    fewest: int = 5
    """Rounds of a cell at least."""
    most: int = 40
    """Rounds of a cell at most."""
    hours: int = 2
    """Length of the video that memory is measured on; 0 leaves it out."""
    seed: int = 0
    """Seed of the frames that are asked for."""
    files: Path = Path("runs/bench-video")
    """Where the files are made and kept."""
    output: Path = Path(__file__).parent / "results" / "video.json"
    """Where the result is written."""


class Scene:
    """Moving texture under moving discs; the number of each frame in blocks along the top, for one minute."""

    subtitles: tuple[Subtitle, ...] = ()
    sample_rate = 0
    fps = FPS

    def __init__(self, size: tuple[int, int], seed: int) -> None:
        self.size, self.duration = size, float(SECONDS)
        height, width = size
        rng = np.random.default_rng(seed)
        ground = np.full((2 * height, 2 * width, 3), 128, np.float32)
        for cell in (4, 8, 16, 32, 64, 128):
            noise = rng.normal(0, 3 * math.sqrt(cell), (2 * height // cell + 2, 2 * width // cell + 2, 3))
            ground += cv2.resize(noise.astype(np.float32), (2 * width, 2 * height), interpolation=cv2.INTER_CUBIC)
        self.ground = ground.clip(0, 255).astype(np.uint8)
        self.discs = [
            (rng.uniform(0, 1, 2), rng.uniform(-0.15, 0.15, 2), int(rng.integers(height // 20, height // 6)), rng)
            for _ in range(12)
        ]
        self.colors = rng.integers(0, 256, (len(self.discs), 3)).tolist()

    def frames(self, times: Sequence[float]) -> list[Frame]:
        """The frames at these times, drawn."""
        return [Frame(time, self._draw(round(time * FPS))) for time in times]

    def _draw(self, number: int) -> np.ndarray:
        (height, width), time = self.size, number / FPS
        left, top = int(width / 2 * (1 + math.sin(time / 7))), int(height / 2 * (1 + math.cos(time / 11)))
        image = self.ground[top : top + height, left : left + width].copy()
        for (start, speed, radius, _), color in zip(self.discs, self.colors, strict=True):
            x, y = ((start + speed * time) % 1 * (width, height)).astype(int)
            cv2.circle(image, (int(x), int(y)), radius, color, -1, cv2.LINE_AA)
        for bit in range(BITS):
            block = slice(bit * width // BITS, (bit + 1) * width // BITS)
            image[: height // 16, block] = 255 if number >> (BITS - 1 - bit) & 1 else 0
        return image

    def sound(self, start: float, end: float) -> np.ndarray:
        """There is none."""
        raise VideoError("the scene is silent")

    def close(self) -> None:
        """Nothing is held."""


def repeat(source: Path, target: Path, times: int) -> Path:
    """A file that shows another so many times, made of its packets."""
    part = target.with_suffix(".part")
    with (
        av.open(str(source)) as read,
        av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as write,
    ):
        stream = read.streams.video[0]
        output = write.add_stream_from_template(stream)
        for turn in range(times):
            read.seek(0, stream=stream)
            for packet in read.demux(stream):
                if packet.dts is None or packet.pts is None:
                    continue
                packet.pts += turn * (stream.duration or 0)
                packet.dts += turn * (stream.duration or 0)
                packet.stream = output
                write.mux(packet)
    os.replace(part, target)
    return target


def make(arguments: Arguments) -> dict[str, tuple[Path, int]]:
    """The files and how many frames they have, by what they are."""
    arguments.files.mkdir(parents=True, exist_ok=True)
    files = {}
    for size in SIZES:
        for group in GROUPS:
            short = arguments.files / f"{size[1]}x{size[0]}_gop{group}.mp4"
            if not short.exists():
                logging.info("writing %s", short.name)
                write_video(Scene(size, arguments.seed), short, gop=group, crf=26)
            long = short.with_stem(f"{short.stem}_30min")
            if not long.exists():
                repeat(short, long, REPEATS)
            for path, count in ((short, 1), (long, REPEATS)):
                name = f"{size[1]}x{size[0]}, {count * SECONDS} s, key frame every {group}"
                files[name] = (path, round(count * SECONDS * FPS))
    return files


class Library:
    """A process that reads frames with one library."""

    def __init__(self, name: str) -> None:
        self.name = name
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "envs")))}
        python = sys.executable
        kind = name.partition("_")[0]
        if kind in REQUIREMENTS:
            python = str(install(kind, REQUIREMENTS[kind]))
            # Without ours, but for torch, which TorchCodec is built on.
            environment["PYTHONPATH"] = sysconfig.get_paths()["purelib"] if kind == "torchcodec" else ""
        self.process = subprocess.Popen(
            [python, SCRIPT, name],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Unavailable(f"{self.name} could not be run")
        found: dict[str, Any] = json.loads(line)
        return found

    def read(self, file: Path, numbers: Sequence[int]) -> dict[str, Any]:
        """Open the file, read the frames, and say how long that took."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"file": str(file.resolve()), "numbers": list(numbers), "fps": FPS}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)


def ask(task: str, count: int, rng: random.Random) -> list[int]:
    """Numbers of frames, rising."""
    if task == "1 frame":
        return [rng.randrange(count)]
    if task == "clip of 2 s":
        first = rng.randrange(count - round(2 * FPS))
        return list(range(first, first + round(2 * FPS)))
    number = int(task.split()[0])
    shift = rng.random()
    return [int((k + shift) * count / number) for k in range(number)]


def measure(
    libraries: dict[str, Library], file: Path, count: int, task: str, arguments: Arguments, missing: dict[str, str]
) -> dict[str, Any]:
    """One cell: what each library took, and our ratios to the others."""
    rng = random.Random(f"{arguments.seed} {file.name} {task}")
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in libraries}
    begin = time.perf_counter()
    for round_ in range(arguments.most):
        if round_ >= arguments.fewest and time.perf_counter() - begin > arguments.seconds:
            break
        numbers = ask(task, count, rng)
        names = list(libraries)
        # Each is first as often as the others.
        for name in names[round_ % len(names) :] + names[: round_ % len(names)]:
            try:
                found = libraries[name].read(file, numbers)
            except (Unavailable, OSError) as problem:
                missing[name] = str(problem)
                libraries.pop(name)
                taken.pop(name)
                continue
            found["right"] = sum(a == b % (SECONDS * round(FPS)) for a, b in zip(found["shown"], numbers, strict=True))
            found["right"] /= len(numbers)
            taken[name].append(found)
    return row(taken)


def row(taken: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What is written of one cell: medians in milliseconds, and ratios to ours within the same round."""
    cold = {name: [found["open"] + found["read"] for found in rounds] for name, rounds in taken.items()}
    read = {name: [found["read"] for found in rounds] for name, rounds in taken.items()}
    ours = cold["mmgym"]
    result: dict[str, Any] = {"rounds": len(ours)}
    for name, rounds in taken.items():
        result[name] = {
            "cold_ms": round(1e3 * statistics.median(cold[name]), 2),
            "read_ms": round(1e3 * statistics.median(read[name]), 2),
        }
        if name != "mmgym":
            result[name]["times_ours"] = round(
                statistics.median(a / b for a, b in zip(cold[name], ours, strict=True)), 3
            )
        right = statistics.fmean(found["right"] for found in rounds)
        if right < 1:
            result[name]["right"] = round(right, 3)
    warm = statistics.median(found["again"] for found in taken["mmgym"])
    result["mmgym"]["warm_ms"] = round(1e3 * warm, 3)
    # A library that shows other frames than those asked for has not done the same work.
    others = [name for name in taken if name != "mmgym" and "right" not in result[name]]
    result["fastest_other"] = min(others, key=lambda name: float(result[name]["cold_ms"]))
    result["fastest_other_times_ours"] = min(result[name]["times_ours"] for name in others)
    result["warm_times_faster"] = round(min(statistics.median(read[name]) for name in others) / warm, 1)
    return result


def memory(arguments: Arguments, source: Path) -> dict[str, Any]:
    """How much a process grows while frames from all over a long video are read through a small cache."""
    path = arguments.files / f"{source.stem}_{arguments.hours}h.mp4"
    if not path.exists():
        repeat(source, path, arguments.hours * 3600 // SECONDS)
    rng = np.random.default_rng(arguments.seed)
    with VideoFile(path, cache_bytes=MEMORY_CACHE) as video:
        begin = time.perf_counter()
        duration = video.duration
        opened = time.perf_counter() - begin
        before, grown = resident(), []
        for _ in range(MEMORY_LOOKS):
            video.frames(np.sort(rng.uniform(0, duration, MEMORY_FRAMES)).tolist())
            grown.append(resident() - before)
    height, width = SIZES[0]
    return {
        "file": f"{path.name}, {path.stat().st_size / 2**20:.0f} MiB",
        "seconds_until_its_length_is_known": round(opened, 3),
        "frames_read": MEMORY_LOOKS * MEMORY_FRAMES,
        "their_pixels_mib": round(MEMORY_LOOKS * MEMORY_FRAMES * height * width * 3 / 2**20),
        "cache_mib": MEMORY_CACHE // 2**20,
        "one_look_mib": round(MEMORY_FRAMES * height * width * 3 / 2**20),
        "growth_mib_after_a_third": round(grown[MEMORY_LOOKS // 3] / 2**20),
        "growth_mib_at_the_end": round(grown[-1] / 2**20),
    }


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main(arguments: Arguments) -> None:
    """Measure and write the result."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    where = machine()
    files = make(arguments)
    libraries: dict[str, Library] = {}
    missing: dict[str, str] = {}
    for name in ("mmgym", *PEERS):
        try:
            libraries[name] = Library(name)
            # What a library does once, as importing its parts, is not part of a round.
            libraries[name].read(next(iter(files.values()))[0], [0])
        except (Unavailable, OSError) as problem:
            missing[name] = str(problem)
            libraries.pop(name, None)
    cells: dict[str, Any] = {}
    for what, (file, count) in files.items():
        for task in TASKS:
            cell = cells[f"{what}: {task}"] = measure(libraries, file, count, task, arguments, missing)
            times = "  ".join(f"{name} {cell[name]['times_ours']:.2f}x" for name in libraries if name != "mmgym")
            logging.info("%-58s %9.1f ms  %s", f"{what}: {task}", cell["mmgym"]["cold_ms"], times)
            # A run that is cut off leaves what it has measured.
            save(arguments, where, missing, cells, None)
    for library in libraries.values():
        library.close()
    grown = memory(arguments, files[next(iter(files))][0]) if arguments.hours else None
    result = save(arguments, where, missing, cells, grown)
    logging.info("geometric means: %s", result["geometric_mean_times_ours"])
    logging.info(
        "the fastest other at least %.2f times as long; warm at least %.0f times faster",
        result["least_times_ours_of_the_fastest_other"],
        result["least_warm_times_faster"],
    )


def save(
    arguments: Arguments, where: dict[str, Any], missing: dict[str, str], cells: dict[str, Any], grown: Any
) -> dict[str, Any]:
    """Write what has been measured; means are over the cells in which a library showed the frames asked for."""
    means = {}
    for name in PEERS:
        ratios = [cell[name]["times_ours"] for cell in cells.values() if "right" not in cell.get(name, {"right": 0})]
        if ratios:
            means[name] = round(statistics.geometric_mean(ratios), 3)
    result = {
        "what": "time of opening a file and reading frames as RGB arrays; times_ours: how many times as long as ours; "
        "right: share of the frames that are those asked for, where it is not 1 (such cells do not count)",
        "machine": where,
        "versions": {name: version(name) for name in ("av", "opencv-python-headless", "numpy", "torch")}
        | {name: requirements[-1].partition("==")[2] for name, requirements in REQUIREMENTS.items()},
        "seed": arguments.seed,
        "missing": missing,
        "geometric_mean_times_ours": means,
        "least_times_ours_of_the_fastest_other": min(cell["fastest_other_times_ours"] for cell in cells.values()),
        "least_warm_times_faster": min(cell["warm_times_faster"] for cell in cells.values()),
        "memory": grown,
        "cells": cells,
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    return result


if __name__ == "__main__":
    main(tyro.cli(Arguments))
