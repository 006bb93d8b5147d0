"""Training on a Ray cluster: with environments there, with samplers there, and with learners there that are lost."""

import dataclasses
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from iterations import alternate, config_of, equal, trainer_of, weights
from short_runs import metrics_of

from mmgym.learn.checkpoint import latest_checkpoint
from mmgym.learn.trainer import train
from mmgym.rollout.ray_actor import RayConfig, RayNeeds

pytestmark = pytest.mark.slow

PLACE = RayNeeds(cpus=1, resources={"place": 1.0})


def on(config, **changes):
    """The run with other ways to play."""
    return dataclasses.replace(config, rollout=dataclasses.replace(config.rollout, workers=2, **changes))


def iterate(config, count=2):
    """Weights and metrics after some iterations."""
    trainer = trainer_of(config)
    alternate(trainer)
    with trainer.executor:
        values = [trainer._improve(step, 1.0) for step in range(count)]
    return weights(trainer), values


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    return iterate(on(config_of(tmp_path_factory.mktemp("local"))))


def test_environments_on_the_cluster_change_no_bit(nodes, local, tmp_path):
    found, values = iterate(on(config_of(tmp_path), executor="ray", ray=RayConfig(worker=PLACE, start_seconds=600)))
    assert any(one.get("grad_norm", 0) > 0 for one in values)
    assert equal(found, local[0])


def test_samplers_on_the_cluster_follow_the_learner(nodes, local, tmp_path):
    ray = RayConfig(worker=PLACE, replicas=2, replica=PLACE, start_seconds=600)
    found, values = iterate(on(config_of(tmp_path, recompute=True), executor="ray", ray=ray))
    assert all(one["sampler_difference"] < 1e-5 for one in values)
    for name, weight in local[0].items():
        torch.testing.assert_close(found[name], weight, atol=1e-3, rtol=0, msg=name)


def test_samplers_on_the_cluster_play_ahead_of_the_learner(nodes, tmp_path):
    config = config_of(tmp_path, staleness=1)
    ray = RayConfig(worker=PLACE, replicas=1, replica=PLACE, start_seconds=600)
    config = dataclasses.replace(config, grpo=dataclasses.replace(config.grpo, iterations=3))
    summary = train(on(config, executor="ray", ray=ray))
    lines = [line for line in metrics_of(tmp_path / "run") if (line["stage"], line["kind"]) == ("grpo", "train")]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert summary["episodes"] == 3 * 18 and not any(line["env_errors"] for line in lines)
    assert max(line["staleness_max"] for line in lines) <= 1


def test_a_node_of_a_learner_is_lost_and_the_run_goes_on_from_its_checkpoint(nodes, tmp_path, caplog):
    extra = nodes.add(learn=1)
    nodes.add(learn=1)
    config = config_of(tmp_path)
    grpo = dataclasses.replace(config.grpo, iterations=6)
    ray = RayConfig(worker=PLACE, learners=2, learner=RayNeeds(resources={"learn": 1.0}), start_seconds=600)
    config = on(dataclasses.replace(config, grpo=grpo, checkpoint_every=1), executor="ray", ray=ray)
    folder = tmp_path / "run"
    with ThreadPoolExecutor(1) as thread:  # nodes are made in the main thread only
        run = thread.submit(train, config)
        while not any((folder / "checkpoints").glob("*2.pt")):
            assert not run.done(), run.result()
            time.sleep(0.05)
        nodes.add(learn=1)
        nodes.kill(extra)
        summary = run.result()
    assert "a learner was lost" in caplog.text
    steps = [line["step"] for line in metrics_of(folder) if (line["stage"], line["kind"]) == ("grpo", "train")]
    assert steps == list(range(1, 7))
    assert latest_checkpoint(folder / "checkpoints")["state"]["version"] == 6
    assert summary["heldout"] == json.loads((folder / "summary.json").read_text())["heldout"]
