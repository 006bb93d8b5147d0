"""Sharded weights: the same gradients, steps and checkpoints for any number of processes.

The rows are ragged, only some processes have pictures, some have no rows at all, and they have different numbers of
micro-batches; one process with all rows and whole weights is what they are compared with.
"""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sharded_processes as members
from processes import together
from transformers import AutoModelForImageTextToText

from mmgym.learn.checkpoint import latest_checkpoint
from mmgym.learn.config import ConfigurationError, TrainConfig, to_mapping
from mmgym.learn.distributed import World
from mmgym.learn.preflight import check_same_run
from mmgym.learn.sharding import ShardingConfig, _mesh

WHOLE = {"sharded": False}


@functools.cache
def alone(**spec: Any) -> dict[str, Any]:
    """What one process learns with whole weights."""
    return members.learn(World(), {**spec, **WHOLE})


def deviation(ours: dict[Any, np.ndarray], theirs: dict[Any, np.ndarray]) -> float:
    """The largest difference of each array, as a share of its largest number; the largest of these."""
    assert ours.keys() == theirs.keys()
    return max(
        float(np.abs(ours[name] - theirs[name]).max() / max(np.abs(theirs[name]).max(), 1e-9)) for name in theirs
    )


def assert_equal_learning(found: list[dict[str, Any]], one: dict[str, Any], tolerance: float = 1e-5) -> None:
    """Gradients, metrics, weights after the steps and log-probabilities."""
    assert any(np.abs(gradient).max() > 0.1 for gradient in one["gradients"].values())
    towers = [gradient for name, gradient in one["gradients"].items() if ".visual." in name and "lora" not in name]
    assert not towers or max(np.abs(gradient).max() for gradient in towers) > 1e-3
    for member in found:
        assert deviation(member["gradients"], one["gradients"]) < tolerance
        for ours, theirs in zip(member["metrics"], one["metrics"], strict=True):
            assert ours == pytest.approx(theirs, rel=10 * tolerance, abs=tolerance)
        for name, weight in one["weights"].items():
            np.testing.assert_array_equal(member["weights"][name], found[0]["weights"][name])
            gradient = np.abs(one["gradients"].get(name, np.ones_like(weight)))
            # Adam moves a weight by the sign of its gradient, however small: also where that is but rounding
            sure = gradient > 1e-3 * gradient.max()
            np.testing.assert_allclose(member["weights"][name][sure], weight[sure], rtol=0, atol=1e-5)
    logprobs = {ids: values for member in found for ids, values in member["logprobs"].items()}
    assert deviation(logprobs, one["logprobs"]) < 1e-4


@pytest.mark.parametrize("family", ["qwen3_vl", pytest.param("qwen2_5_vl", marks=pytest.mark.slow)])
def test_two_processes_learn_as_one(family):
    assert_equal_learning(together(members.learn, {"family": family}, 2), alone(family=family))


@pytest.mark.slow
@pytest.mark.parametrize("shard_size", [0, 2])
def test_four_processes_learn_as_one(shard_size):
    """All four hold the weights between them, or two pairs each hold them."""
    found = together(members.learn, {"shard_size": shard_size, "reshard": shard_size == 0}, 4)
    one = alone()
    assert_equal_learning(found, one)
    holders = shard_size or 4
    for kind, whole in enumerate(one["held"]):  # weights, moments
        assert sum(member["held"][kind] for member in found[:holders]) == pytest.approx(whole, rel=1e-3)
        assert max(member["held"][kind] for member in found) < 1.1 * whole / holders


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    [
        {"frozen": ("vision",)},
        {"frozen": ("embeddings",), "layout": "packed"},
        {"lora": True},
        {"checkpoint_layers": "all", "layout": "packed"},
        {"compile": True},
        {"optimizer": "muon"},
    ],
    ids=str,
)
def test_whatever_is_learned(spec):
    assert_equal_learning(together(members.learn, spec, 2), alone(**spec))


@pytest.mark.slow
def test_bfloat16_with_float32_weights():
    """To the precision of bfloat16, as in one process with master weights."""
    spec = {"dtype": "bfloat16", "steps": 1}
    found, one = together(members.learn, spec, 2), alone(**spec)
    for name, gradient in one["gradients"].items():
        assert np.abs(found[0]["gradients"][name] - gradient).max() < 0.1 * np.abs(gradient).max(), name
    norms = [result["metrics"][0]["grad_norm"] for result in (found[0], one)]
    assert norms[0] == pytest.approx(norms[1], rel=0.02)


@pytest.mark.slow
def test_moments_of_one_byte():
    """They are rounded in blocks of numbers, which are others where each process has a part."""
    pytest.importorskip("torchao", reason="make test-eight-bit installs it")
    spec = {"optimizer": "adamw8bit"}
    found, one = together(members.learn, spec, 2), alone(**spec)
    assert deviation(found[0]["gradients"], one["gradients"]) < 1e-5
    start = members.weights(members.learner_of(WHOLE, World())[1])
    for name, weight in one["weights"].items():
        moved = np.linalg.norm(weight - start[name])
        assert np.linalg.norm(found[0]["weights"][name] - weight) < 0.1 * moved or moved < 1e-6, name
        np.testing.assert_array_equal(found[1]["weights"][name], found[0]["weights"][name])


@pytest.mark.slow
def test_a_critic_is_sharded_too():
    found, one = together(members.learn_values, {}, 2), members.learn_values(World(), WHOLE)
    for ours, theirs in zip(found[0]["metrics"], one["metrics"], strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)
    assert one["metrics"][-1]["value_error"] < one["metrics"][0]["value_error"]
    np.testing.assert_allclose(found[0]["head"], one["head"], atol=1e-5)


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"mode must be one of none, fsdp2; got .zero3."):
        ShardingConfig("zero3")
    with pytest.raises(ValueError, match="shard_size must divide the number of processes, 4; got 3"):
        _mesh("cpu", World(0, 4), ShardingConfig("fsdp2", 3))
    config = TrainConfig(out=str(tmp_path), processes=2, sharding=ShardingConfig("fsdp2"))
    saved = json.dumps(to_mapping(config))
    check_same_run(replace(config, processes=4, sharding=ShardingConfig("fsdp2", 2)), saved)
    with pytest.raises(ConfigurationError, match=r"another processes, sharding\.mode"):
        check_same_run(replace(config, processes=4, sharding=ShardingConfig()), saved)


# --- checkpoints ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two processes have learned two steps, written a checkpoint, learned a third step, and exported the model."""
    spec = {"folder": str(tmp_path_factory.mktemp("checkpoints"))}
    return spec, together(members.write, spec, 2)[0]


@pytest.mark.parametrize("size", [1, *(pytest.param(size, marks=pytest.mark.slow) for size in (2, 4))])
def test_a_checkpoint_of_two_goes_on_in_another_number(written, size):
    spec, before = written
    for after in together(members.read, spec, size):
        for ours, theirs in zip(after["moments"], before["moments"], strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert after["note"] == ("a", [1.5])
        exact = {"rel": 0, "abs": 0} if size == 2 else {"rel": 1e-4, "abs": 1e-6}
        assert after["metrics"] == pytest.approx(before["metrics"], **exact)
        assert deviation(after["weights"], before["weights"]) <= (0 if size == 2 else 1e-2)


def test_a_checkpoint_can_be_read_whole(written):
    spec, before = written
    found = latest_checkpoint(Path(spec["folder"]))
    for weight, expected in zip(found["model"].values(), before["moments"], strict=False):
        np.testing.assert_array_equal(weight.numpy(), expected)


def test_a_damaged_checkpoint_is_passed_over(written, tmp_path, caplog):
    folder = Path(written[0]["folder"])
    for name in ("00000001", "00000002"):
        (tmp_path / name).mkdir()
        for file in (folder / "00000002").iterdir():
            (tmp_path / name / file.name).write_bytes(file.read_bytes())
    shard = next((tmp_path / "00000002").glob("__1_*"))
    shard.write_bytes(shard.read_bytes()[:-1])
    (tmp_path / "00000003.partial").mkdir()
    assert latest_checkpoint(tmp_path)["number"] == 2 and "00000002 is damaged" in caplog.text
    manifest = tmp_path / "00000001" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-1])
    assert latest_checkpoint(tmp_path) is None
    manifest.unlink()
    assert latest_checkpoint(tmp_path) is None


def test_the_export_is_a_model_of_transformers(written):
    spec, before = written
    model = AutoModelForImageTextToText.from_pretrained(Path(spec["folder"]) / "export")
    for name, weight in model.state_dict().items():
        np.testing.assert_array_equal(weight.numpy(), before["weights"][name])
