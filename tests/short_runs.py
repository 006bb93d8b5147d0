"""The shortest training run that goes through all stages, and what of it must not depend on when it was killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from mmgym.learn.checkpoint import latest_checkpoint

ROOT = Path(__file__).resolve().parent.parent
TIMES = ("seconds_rollout", "seconds_update", "tokens_per_second")


def short_run(out: Path, **changes: Any) -> dict[str, Any]:
    """A configuration; `changes` are merged into its tables."""
    content: dict[str, Any] = {
        "out": str(out),
        "seed": 3,  # its only instance of training is won now and then: some groups fail whole, and get an old success
        "checkpoint_every": 1,
        "environment": {
            "kwargs": {"preset": "two_holes", "image_size": 64, "max_turns": 4},
            "tasks": {"any": 0.5, "risky": 0.5},
        },
        "policy": {"max_new_tokens": 6},
        "rollout": {"format": "tag", "prompt": "minimal"},
        "perception": {"steps": 7, "conversations": 2, "check_every": 3, "held_out": 8, "stop_recall": 2.0},
        "cloning": {"steps": 3, "noise": 0.5, "episodes": 4},
        "grpo": {
            "iterations": 4,
            "groups": 2,
            "group_size": 4,
            "question_weight": 0.1,
            "cloning_weight": 0.1,
            # all that a run remembers beside the weights: critic, reference, its weight, solve rates, old successes
            "algorithm": "ppo",
            "critic": {"warmup": 1},
            "recompute": True,
            "loss": {"entropy_bonus": 0.05, "kl": "k2", "kl_coefficient": 0.01, "correction": "truncate"},
            "kl_target": 0.001,
            "kl_horizon": 100.0,
            "gathering": {
                "pool": 1,
                "rounds": 2,
                "replay": 1,
                "levels": [1, 2],
                "curriculum": {"mode": "by_solve_rate"},
                "augmented": 1,
            },
        },
        "evaluation": {"episodes": 4, "every": 2, "final_episodes": 4, "samples": 2, "baselines": {"random": "random"}},
    }
    content["perception"]["optimizer"] = {"name": "muon", "lr": 1e-4, "muon_lr": 1e-4}
    content["cloning"]["optimizer"] = {"name": "muon", "lr": 1e-3, "muon_lr": 1e-3}
    for name, change in changes.items():
        content[name] = {**content.get(name, {}), **change} if isinstance(change, dict) else change
    return content


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(part)}" for name, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def write_toml(path: Path, content: dict[str, Any]) -> Path:
    """Write a configuration; returns its path."""
    path.write_text("".join(f"{name} = {toml(value)}\n" for name, value in content.items()))
    return path


class Starter:
    """Starts ``mmgym train`` without its imports' seconds, and kills it."""

    def __init__(self) -> None:
        paths = [str(ROOT), str(ROOT / "envs"), str(ROOT / "agents"), str(ROOT / "tests")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
        command = [sys.executable, str(ROOT / "tests" / "forking.py")]
        self._server = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.pid = 0

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait(30)

    def start(self, *arguments: str, log: Path) -> None:
        self._server.stdin.write(json.dumps([str(log), ["train", *arguments]]) + "\n")
        self._server.stdin.flush()
        self.pid = int(self._server.stdout.readline())

    def wait(self) -> int:
        return int(self._server.stdout.readline())

    def kill(self) -> int:
        """Kill the run; its exit status is 0 if it had come to its end before."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        return self.wait()

    def run(self, *arguments: str, log: Path) -> None:
        """Run to the end, which must be a good one."""
        self.start(*arguments, log=log)
        status = self.wait()
        assert status == 0, log.read_text()

    def run_until(self, lines: int, *arguments: str, out: Path, log: Path, pause: float = 0.0) -> None:
        """Run until `lines` lines of metrics are there and `pause` seconds have gone by, then kill."""
        before = (out / "metrics.jsonl").stat().st_ino if (out / "metrics.jsonl").exists() else 0
        self.start(*arguments, log=log)
        deadline = time.monotonic() + 120
        while not _reached(out / "metrics.jsonl", lines, before):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.005)
        time.sleep(pause)
        self.kill()


def _reached(metrics: Path, lines: int, before: int) -> bool:
    """Whether this run (it writes the file anew) has written that many lines."""
    return metrics.exists() and metrics.stat().st_ino != before and metrics.read_bytes().count(b"\n") >= lines


def descendants(pid: int) -> list[int]:
    """Processes that a process has started, and theirs."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    children = [int(word) for word in path.read_text().split()] if path.exists() else []
    return children + [found for child in children for found in descendants(child)]


def gone_within(pids: list[int], seconds: float) -> bool:
    """Whether all processes have ended by then."""
    deadline = time.monotonic() + seconds
    while any(_lives(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def metrics_of(out: Path) -> list[dict[str, Any]]:
    """The lines of metrics, without times."""
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]


def summary_of(out: Path) -> dict[str, Any]:
    """The summary, without times and the folder's name."""
    summary = json.loads((out / "summary.json").read_text())
    del summary["seconds"], summary["config"]["out"]
    return summary


def assert_equal_ends(out: Path, reference: Path) -> None:
    """Byte-equal weights, equal metrics and summary."""
    ours, theirs = (latest_checkpoint(folder / "checkpoints") for folder in (out, reference))
    assert ours is not None and theirs is not None and ours["model"].keys() == theirs["model"].keys()
    for name, weight in theirs["model"].items():
        assert torch.equal(weight, ours["model"][name]), name
    assert (out / "checkpoint/model.safetensors").read_bytes() == (
        reference / "checkpoint/model.safetensors"
    ).read_bytes()
    assert metrics_of(out) == metrics_of(reference)
    assert summary_of(out) == summary_of(reference)
