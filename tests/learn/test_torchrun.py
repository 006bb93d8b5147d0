"""Processes that torchrun starts: how they find each other, how they end when one has died, a whole run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from playing import teach_format, tiny
from processes import free_port, start
from sharded_processes import as_torchrun_starts, die_while_writing, work_together, write_at_the_end
from short_runs import ROOT, descendants, gone_within, metrics_of, short_run, write_toml

from mmgym.learn.checkpoint import latest_checkpoint
from mmgym.learn.config import ConfigurationError, TrainConfig, from_mapping
from mmgym.learn.distributed import started_from_outside
from mmgym.learn.preflight import preflight
from mmgym.learn.trainer import train

PATHS = os.pathsep.join(str(ROOT / part) for part in (".", "envs", "agents", "tests"))
ENVIRONMENT = {**os.environ, "PYTHONPATH": PATHS, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}


def start_two(tmp_path: Path, what: str, function: Any = work_together) -> tuple[list[Any], list[Path]]:
    """Two processes as torchrun starts them, and what they say."""
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    logs = [tmp_path / f"{rank}.log" for rank in range(2)]
    environments = [{**where, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2)]
    return [
        start(as_torchrun_starts, (environment, function, what), log)
        for environment, log in zip(environments, logs, strict=True)
    ], logs


def test_processes_of_torchrun_find_each_other(tmp_path):
    processes, logs = start_two(tmp_path, "work")
    for process, log in zip(processes, logs, strict=True):
        process.join(120)
        assert process.exitcode == 0 and log.read_text() == "together\n2\n", log.read_text()


def test_a_failure_is_told_to_those_who_wait(tmp_path):
    processes, logs = start_two(tmp_path, "fail")
    for process in processes:
        process.join(120)
        assert process.exitcode == 1
    assert "ValueError: this one has had enough" in logs[1].read_text()
    assert "mmgym: process 1 on" in logs[0].read_text()
    assert "failed: ValueError: this one has had enough; process 0 ends, too" in logs[0].read_text()


def test_a_process_that_is_silent_is_missed(tmp_path):
    (first, second), logs = start_two(tmp_path, "hang")
    while not all(log.exists() and "together" in log.read_text() for log in logs):
        time.sleep(0.05)
    os.kill(second.pid, signal.SIGSTOP)
    first.join(120)
    second.kill()
    assert first.exitcode == 1 and "process 1 has left no sign of life for 3 s" in logs[0].read_text()


def test_who_is_done_is_not_missed_while_another_writes(tmp_path):
    processes, logs = start_two(tmp_path, str(tmp_path / "export"), write_at_the_end)
    for process, log in zip(processes, logs, strict=True):
        process.join(120)
        assert process.exitcode == 0 and log.read_text() == "written\n", log.read_text()
    assert (tmp_path / "export").is_dir()


def test_a_process_killed_while_it_writes_leaves_the_checkpoint_before(tmp_path):
    folder = tmp_path / "checkpoints"
    processes, logs = start_two(tmp_path, str(folder), die_while_writing)
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [1, -signal.SIGKILL], logs[0].read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["00000001", "00000002.partial"]
    found = latest_checkpoint(folder)
    assert found["number"] == 1 and found["model"]["lm_head.weight"].ndim == 2


def test_how_many_there_are_is_said_once(monkeypatch, tmp_path):
    assert started_from_outside() == 0
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "4"), ("MASTER_ADDR", "here"), ("MASTER_PORT", "1")):
        monkeypatch.setenv(name, value)
    assert started_from_outside() == 4
    for processes in (1, 4):
        preflight(from_mapping(TrainConfig, {"out": str(tmp_path), "processes": processes}))
    with pytest.raises(ConfigurationError, match=r"processes: torchrun has started 4; leave it at 1.*got 2"):
        preflight(from_mapping(TrainConfig, {"out": str(tmp_path), "processes": 2}))


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A checkpoint whose answers are often valid, so that GRPO has something to learn from."""
    folder = tmp_path_factory.mktemp("taught")
    teach_format(tiny(), "qwen3_vl").save(folder)
    return {"checkpoint": str(folder)}


def torchrun(config: Path, log: Path) -> subprocess.Popen[bytes]:
    """A run of two processes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d"]
    command += ["--rdzv-endpoint", "localhost:0", "-m", "mmgym", "train", str(config)]
    with log.open("ab") as file:
        return subprocess.Popen(command, env=ENVIRONMENT, stdout=file, stderr=subprocess.STDOUT)


def finish(config: Path, log: Path) -> None:
    """Run to the end, which must be a good one."""
    process = torchrun(config, log)
    assert process.wait(600) == 0, log.read_text()


def kill_at(lines: int, config: Path, out: Path, log: Path) -> None:
    """Run until that many lines of metrics are there, then kill all processes at once."""
    process = torchrun(config, log)
    deadline = time.monotonic() + 300
    metrics = out / "metrics.jsonl"
    while not metrics.exists() or metrics.read_bytes().count(b"\n") < lines:
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.01)
    children = descendants(process.pid)
    for pid in [process.pid, *children]:
        os.kill(pid, signal.SIGKILL)
    process.wait()
    assert gone_within(children, 10)


@pytest.mark.slow
def test_a_sharded_run_killed_and_started_again_ends_the_same(tmp_path, taught):
    """Critic, reference, replays and all; the checkpoint is a folder, and the export loads."""
    runs = [tmp_path / name for name in ("whole", "killed")]
    configs = []
    for folder in runs:
        folder.mkdir()
        content = short_run(folder / "run", policy=taught, sharding={"mode": "fsdp2"})
        configs.append(write_toml(folder / "run.toml", content))
    finish(configs[0], runs[0] / "log")
    for lines in (8, 16):
        kill_at(lines, configs[1], runs[1] / "run", runs[1] / "log")
    finish(configs[1], runs[1] / "log")
    whole, killed = ({k: v for k, v in latest_checkpoint(f / "run" / "checkpoints").items()} for f in runs)
    assert whole["model"].keys() == killed["model"].keys()
    for name, weight in whole["model"].items():
        assert torch.equal(weight, killed["model"][name]), name
    lines = metrics_of(runs[0] / "run")
    assert lines == metrics_of(runs[1] / "run")
    assert any(line.get("used_groups", 0) > 0 for line in lines), "GRPO had nothing to learn"
    files = [(folder / "run" / "checkpoint" / "model.safetensors").read_bytes() for folder in runs]
    assert files[0] == files[1]


@pytest.mark.slow
def test_two_sharded_processes_train_as_one_whole(tmp_path, taught):
    """The same batch gives the same metrics, but for rounding, in any number of processes."""
    changes: dict[str, Any] = {
        "perception": {"steps": 2, "conversations": 2, "check_every": 2, "held_out": 8},
        "cloning": {"steps": 2, "noise": 0.5, "episodes": 4},
        "grpo": {
            "iterations": 2,
            "groups": 4,
            "group_size": 4,
            "minibatches": 1,
            "algorithm": "grpo",
            "recompute": True,
            "loss": {"kl": "k2", "kl_coefficient": 0.01},
            "kl_target": 0.0,
            "gathering": {},
        },
    }
    (tmp_path / "sharded.log").touch()
    sharded = short_run(tmp_path / "sharded", policy=taught, sharding={"mode": "fsdp2"}) | changes
    finish(write_toml(tmp_path / "sharded.toml", sharded), tmp_path / "sharded.log")
    train(from_mapping(TrainConfig, short_run(tmp_path / "one", policy=taught) | changes))
    ours, theirs = metrics_of(tmp_path / "sharded"), metrics_of(tmp_path / "one")
    assert any(line.get("used_groups", 0) > 0 for line in theirs), "GRPO had nothing to learn"
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.keys() == other.keys()
        for name, value in other.items():
            assert mine[name] == (pytest.approx(value, rel=2e-3, abs=1e-4) if isinstance(value, float) else value), name
