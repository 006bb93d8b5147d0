"""The benchmark example: everybody on the same episodes, a model from a checkpoint folder among them."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "benchmark_agent.py"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmark_agent", EXAMPLE)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_agents_side_by_side(benchmark, tmp_path, capsys):
    benchmark.main(benchmark.Args(episodes=30, json=tmp_path / "new" / "results.json"))
    content = json.loads((tmp_path / "new" / "results.json").read_text())
    results = content["results"]
    assert results["random"]["success"] < 0.5 < results["expert"]["success"] == 1.0
    for e in results.values():
        assert e["low"] <= e["success"] <= e["high"] and e["episodes"] == 30 and e["failed"] == 0
    assert content["args"]["split"] == "test"
    printed = capsys.readouterr().out
    assert "straight_walker" in printed and "100.0%" in printed


def test_a_checkpoint_plays(benchmark, tmp_path):
    tiny = pytest.importorskip("mmgym_agents.tiny")
    tiny.build_tiny_vlm(tiny.TinyConfig(image_size=64), ["up"]).save(tmp_path / "checkpoint")
    trained = {
        "policy": {"max_new_tokens": 3, "context": "window(1)"},
        "rollout": {"format": "tag", "prompt": "minimal"},
    }
    (tmp_path / "summary.json").write_text(json.dumps({"config": trained}))
    arguments = {"episodes": 4, "agents": ["expert"], "checkpoint": tmp_path / "checkpoint"}
    benchmark.main(benchmark.Args(**arguments, json=tmp_path / "results.json", format="call"))
    content = json.loads((tmp_path / "results.json").read_text())
    assert content["results"][str(tmp_path / "checkpoint")]["episodes"] == 4
    how = {name: content["args"][name] for name in ("max_new_tokens", "context", "format", "prompt")}
    assert how == {"max_new_tokens": 3, "context": "window(1)", "format": "call", "prompt": "minimal"}


def test_an_unknown_environment_is_named(benchmark):
    with pytest.raises(ValueError, match="did you mean mmgym/FrozenLake-v0"):
        benchmark.main(benchmark.Args(env="mmgym/FrozenLak-v0"))
