"""Every example runs as a user runs it: in a process of its own, in an empty folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from examples.train_gpu import CONFIG
from mmgym.learn.preflight import preflight
from mmgym.store import load_trajectories

ROOT = Path(__file__).resolve().parent.parent


def run_example(name: str, *arguments: str, cwd: Path, seconds: float = 120) -> str:
    """Run an example and return what it printed; fails the test with its error otherwise."""
    paths = [str(ROOT), str(ROOT / "envs"), str(ROOT / "agents")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    command = [sys.executable, str(ROOT / "examples" / name), *arguments]
    result = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=seconds)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("env_id", ["mmgym/FrozenLake-v0", "mmgym/Sokoban-v0"])
def test_quickstart(env_id, tmp_path):
    out = run_example("quickstart.py", "--env", env_id, cwd=tmp_path)
    assert "success: True" in out
    assert "'action_valid': False" in out
    pictures = list((tmp_path / "runs" / "quickstart").glob("*.png"))
    assert len(pictures) >= 3 and all(picture.stat().st_size > 0 for picture in pictures)


def test_train_grpo(tmp_path):
    small = "--warm-up 30 --questions 1 --demonstrations 4 --iterations 2 --groups 2 --group-size 8 --eval-episodes 8"
    out = run_example("train_grpo.py", *small.split(), "--out", "run", cwd=tmp_path)
    assert "grpo 2" in out  # with an update: some episodes were better than others
    assert "clip_fraction" in out
    results = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    before, after = (next(r for r in results if r["name"] == name) for name in ("before", "trained"))
    assert before["episodes"] == after["episodes"] == 8 and after["low"] <= after["success"] <= after["high"]
    trajectories, _ = load_trajectories(tmp_path / "run" / "trained.parquet")
    assert len(trajectories) == 8 and all(t.sampled_tokens for t in trajectories)
    assert (tmp_path / "run" / "checkpoint" / "config.json").is_file()


@pytest.mark.slow
def test_train_mixture(tmp_path):
    small = (
        "--processes 1 --perception.steps 2 --perception.conversations 4 --perception.held-out 8 --cloning.steps 1 "
        "--cloning.episodes 4 --grpo.iterations 1 --grpo.groups 3 --grpo.group-size 2 --evaluation.episodes 3 "
        "--evaluation.final-episodes 3 --evaluation.samples 1 --out run"
    )
    out = run_example("train_mixture.py", *small.split(), cwd=tmp_path)
    for name in ("FrozenLake", "LightsOut", "Maze2D"):
        assert f"cloned, {name}: " in out and f"trained, {name}: " in out
    assert (tmp_path / "run" / "success.png").is_file()


@pytest.mark.slow
def test_train_video(tmp_path):
    small = (
        "--processes 1 --perception.steps 2 --perception.conversations 4 --perception.held-out 8 --cloning.steps 2 "
        "--cloning.episodes 4 --grpo.iterations 1 --grpo.groups 2 --grpo.group-size 2 --evaluation.episodes 3 "
        "--evaluation.final-episodes 3 --evaluation.samples 1 --out run "
        "--grpo.reward mmgym_video.rewards:turn_specs:grounded"
    )
    out = run_example("train_video.py", *small.split(), cwd=tmp_path)
    assert "cloned: " in out and "trained: " in out and "are in the evidence" in out
    assert (tmp_path / "run" / "success.png").is_file()


@pytest.mark.parametrize(
    "game, title",
    [pytest.param("connect_four", "ConnectFour", marks=pytest.mark.slow), ("guide_walker", "GuideWalker")],
)
def test_train_selfplay(tmp_path, game, title):
    small = (
        "--processes 1 --perception.steps 2 --perception.conversations 4 --perception.held-out 8 --cloning.steps 1 "
        "--cloning.episodes 2 --grpo.iterations 2 --grpo.groups 2 --grpo.group-size 2 --evaluation.episodes 2 "
        "--evaluation.every 1 --evaluation.final-episodes 2 --evaluation.samples 1 --out run"
    )
    out = run_example("train_selfplay.py", game, *small.split(), cwd=tmp_path)
    assert f"cloned, {title}/" in out and f"trained, {title}/" in out
    assert "the checkpoint of iteration 0 " in out and "the checkpoint of iteration 2 " in out
    found = json.loads((tmp_path / "run" / "selfplay.json").read_text())["players"]
    if game == "connect_four":
        assert set(found) == {"0", "2", "random", "weak", "expert"}
        assert found["expert"]["value"] > found["random"]["value"]
    else:
        assert [one["episodes"] for one in found.values()] == [2, 2]
    assert (tmp_path / "run" / "selfplay.png").is_file()


def test_train_gpu_is_well_configured(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    preflight(CONFIG)
    assert {environment.name for environment in CONFIG.environments} == {"FrozenLake", "Sokoban", "Maze3D", "VideoQA"}
    assert CONFIG.policy.device == "cuda" and CONFIG.grpo.layout == "packed"


@pytest.mark.slow
def test_train_gpu(tmp_path):
    """Its configuration is for a GPU; here all but the sizes, the device and the type of the weights."""
    shape = '{"patch_size": 8, "vision_hidden_size": 64}'
    small = (
        "--policy.device cpu --policy.dtype float32 --policy.max-new-tokens 4 --rollout.workers 1 --perception.steps 2 "
        "--perception.conversations 4 --perception.held-out 8 --cloning.steps 1 --cloning.episodes 4 "
        "--grpo.iterations 1 --grpo.groups 4 --grpo.group-size 2 --grpo.question-conversations 4 "
        "--evaluation.every 0 --evaluation.final-episodes 4 --evaluation.samples 1 --evaluation.baselines {} --out run"
    )
    out = run_example("train_gpu.py", *small.split(), "--policy.tiny", shape, cwd=tmp_path, seconds=400)
    for name in ("FrozenLake", "Sokoban", "Maze3D", "VideoQA"):
        assert f"cloned, {name}: " in out and f"trained, {name}: " in out


def test_new_environment(tmp_path):
    run_example("new_environment.py", cwd=tmp_path)
    assert (ROOT / "examples" / "new_environment.py").read_text().count("\n") < 60


def test_wrap_environment(tmp_path):
    out = run_example("wrap_environment.py", cwd=tmp_path)
    assert "actions: left, right, forward, pickup, drop, toggle, done" in out
    assert "seen: earlier_1, image, feedback" in out
    assert "example/DoorKey-v0 keeps the contract" in out
    assert len(list((tmp_path / "runs" / "wrap_environment").glob("*.png"))) == 3
