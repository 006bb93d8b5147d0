"""What can be known of a Ray cluster without one: what a configuration allows, and what is said where Ray misses."""

import sys
from pathlib import Path

import pytest

from mmgym.learn.config import TrainConfig, from_mapping
from mmgym.learn.replicas import with_whole_paths
from mmgym.rollout import Executor, RolloutConfig
from mmgym.rollout.ray_actor import RayConfig, RayNeeds


def test_what_a_configuration_allows():
    table = {
        "executor": "ray",
        "workers": 2,
        "ray": {"replicas": 1, "worker": {"cpus": 0.25, "resources": {"browser": 1.0}}},
    }
    config = from_mapping(TrainConfig, {"rollout": table}).rollout
    assert config.ray.worker.options() == {"num_cpus": 0.25, "num_gpus": 0.0, "resources": {"browser": 1.0}}
    assert config.ray.worker.bundle() == {"CPU": 0.25, "browser": 1.0}
    for wrong, message in (
        ({"executor": "dask"}, "executor must be local or ray; got 'dask'"),
        ({"executor": "ray"}, "executor ray needs workers"),
        ({"ray": {"replicas": 2}}, "need executor ray; got local"),
        ({"ray": {"learners": 2}}, "need executor ray; got local"),
        ({"ray": {"worker": {"gpu": 1}}}, "there is no field rollout.ray.worker.gpu"),
    ):
        with pytest.raises(ValueError, match=message):
            from_mapping(TrainConfig, {"rollout": wrong})
    with pytest.raises(ValueError, match="browser must not be negative; got -1"):
        RayNeeds(resources={"browser": -1})
    with pytest.raises(ValueError, match="restarts must not be negative; got -2"):
        RayConfig(restarts=-2)


def test_another_working_directory_finds_every_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine.md", "env.toml", "minimal"):
        Path(name).write_text("{instruction}")
    ray = {"runtime_env": "env.toml"}
    whole = with_whole_paths(from_mapping(TrainConfig, {"rollout": {"prompt": "mine.md", "ray": ray}}))
    assert whole.rollout.prompt == str(tmp_path / "mine.md")
    assert whole.rollout.ray.runtime_env == str(tmp_path / "env.toml")
    assert with_whole_paths(from_mapping(TrainConfig, {"rollout": {"prompt": "minimal"}})).rollout.prompt == "minimal"


def test_the_short_option(monkeypatch):
    from mmgym.learn import main

    seen = []
    monkeypatch.setattr(main, "train", lambda config: seen.append(config) or {})
    monkeypatch.setattr(main, "_show", lambda config, summary: None)
    for arguments in (["--executor", "ray"], ["--executor=ray"], ["--rollout.executor", "ray"]):
        assert main.main([*arguments, "--rollout.workers", "3", "--rollout.ray.worker.resources", "browser", "1"]) == 0
    assert [config.rollout.executor for config in seen] == ["ray"] * 3
    assert seen[0].rollout.ray.worker.resources == {"browser": 1.0}


def test_where_ray_is_missing_the_command_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install 'mmgym\[ray\]'"):
        Executor(RolloutConfig(executor="ray", workers=1))
