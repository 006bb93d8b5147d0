"""Low-rank adapters: they alone learn, are saved and come back; without them the model is what it was."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from iterations import alternate, config_of, equal, trainer_of, weights
from playing import Watched, drawn, lakes, play, teach_format, tiny

from mmgym.learn.checkpoint import latest_checkpoint
from mmgym.learn.config import ConfigurationError
from mmgym.learn.distributed import World
from mmgym.learn.learner import Learner, OptimizerConfig, Part
from mmgym.learn.losses import likelihood_loss
from mmgym.learn.packing import supervised_row
from mmgym.learn.policy_config import LoraConfig, PolicyConfig
from mmgym.learn.trainer import Trainer
from mmgym.trajectory import segments
from mmgym_agents.adapters import add_adapters, merged_weights
from mmgym_agents.parts import freeze, in_part
from mmgym_agents.vlm import VLM

FAMILIES = ("qwen3_vl", "qwen2_5_vl", "smolvlm", "idefics3", "internvl", "gemma3")


def adapted(family="qwen3_vl", **lora):
    vlm = tiny(family)
    add_adapters(vlm.model, LoraConfig(**{"rank": 4, **lora}), seed=1)
    return vlm


@cache
def experience(family="qwen3_vl"):
    """Rows of a policy's own episodes, and their pictures."""
    rollout = play(Watched(tiny(family), max_new_tokens=3), lakes(family, 3))
    return [supervised_row(s) for t in rollout.trajectories for s in segments(t)], rollout.images


def logprobs(vlm, family="qwen3_vl"):
    return np.concatenate(Learner(vlm, OptimizerConfig()).logprobs(*experience(family)))


def learn(vlm, family="qwen3_vl", steps=3):
    learner = Learner(vlm, OptimizerConfig(lr=1e-2, warmup_steps=0))
    rows, images = experience(family)
    part = Part(rows, images, likelihood_loss, float(sum(len(row.trained) for row in rows)))
    return [learner.step([part])["loss"] for _ in range(steps)]


@pytest.mark.parametrize(
    "family", [pytest.param(family, marks=[pytest.mark.slow] * (family in FAMILIES[2:])) for family in FAMILIES]
)
def test_adapters_alone_learn_and_off_the_model_is_what_it_was(family):
    plain, vlm = tiny(family), adapted(family, targets=("language", "vision"))
    before = logprobs(plain, family)
    assert np.array_equal(logprobs(vlm, family), before), "at first they change nothing"
    reference = vlm.reference()
    found = learn(vlm, family)
    assert found[-1] < found[0]
    assert not np.array_equal(logprobs(vlm, family), before)
    assert np.array_equal(logprobs(reference, family), before)
    shapes = {name: value for name, value in plain.model.named_parameters()}
    for name, parameter in vlm.model.named_parameters():
        assert parameter.requires_grad == (".lora_" in name)
        if not parameter.requires_grad:
            assert torch.equal(parameter, shapes[name.replace(".base_layer", "")]), name
            assert parameter is reference.model.get_parameter(name), "a reference takes no second copy of the weights"


def test_a_reference_of_adapters_that_have_learned_keeps_a_copy_of_them():
    vlm = adapted()
    learn(vlm)
    reference, before = vlm.reference(), logprobs(vlm)
    learn(vlm)
    assert np.array_equal(logprobs(reference), before) and not np.array_equal(logprobs(vlm), before)
    fresh = adapted().reference()
    fresh.load_weights(reference.weights())
    assert np.array_equal(logprobs(fresh), before)
    reference.load_weights(adapted().weights())
    assert np.array_equal(logprobs(reference), logprobs(tiny()))


def test_a_copy_learns_its_own_adapters():
    vlm = adapted()
    other, before = vlm.clone(), logprobs(vlm)
    learn(other)
    assert np.array_equal(logprobs(vlm), before) and not np.array_equal(logprobs(other), before)
    for name, parameter in other.model.named_parameters():
        assert (parameter is vlm.model.get_parameter(name)) == (".lora_" not in name)


def test_the_sampler_sees_the_adapters():
    vlm, tasks = adapted(), lakes("qwen3_vl", 3)
    before = drawn(play(Watched(vlm), tasks))
    learn(vlm, steps=6)
    rollout = play(Watched(vlm), tasks)
    assert drawn(rollout) != before
    rows = [supervised_row(s) for t in rollout.trajectories for s in segments(t)]
    seen = Learner(vlm, OptimizerConfig()).logprobs(rows, rollout.images)
    said = [s.logprobs[s.trained] for t in rollout.trajectories for s in segments(t)]
    assert np.abs(np.concatenate(seen) - np.concatenate(said)).max() < 1e-4


@pytest.mark.parametrize("family", ["qwen3_vl", "idefics3", "gemma3"])
def test_a_folder_has_the_merged_model_and_the_adapter(family, tmp_path):
    vlm = adapted(family, targets=("language", "vision"))
    learn(vlm, family)
    after = logprobs(vlm, family)
    vlm.save(tmp_path)
    merged = VLM.load(tmp_path)
    assert set(merged.model.state_dict()) == set(tiny(family).model.state_dict())
    assert np.abs(logprobs(merged, family) - after).max() < 1e-4
    by_transformers, by_peft = tiny(family), tiny(family)
    by_transformers.model.load_adapter(str(tmp_path / "adapter"))
    import peft  # seconds: here alone

    peft.PeftModel.from_pretrained(by_peft.model, tmp_path / "adapter")  # puts it into the model that it is given
    for other in (by_transformers, by_peft):
        assert np.array_equal(logprobs(other, family), after)
    assert np.array_equal(logprobs(vlm, family), after), "saving changes nothing"


def test_merged_weights_share_what_adapters_do_not_change():
    vlm = adapted(targets=("q_proj",))
    learn(vlm)
    whole = merged_weights(vlm.model)
    for name, weight in tiny().model.state_dict().items():
        assert torch.equal(whole[name], weight) != ("q_proj" in name), name


def test_targets_are_parts_or_layers_and_never_frozen_ones():
    kinds = {"q_proj": 2, "model.language_model.layers.1": 7, "connector": 4, "language": 14}
    for target, count in kinds.items():
        found = [name for name, _ in adapted(targets=(target,)).model.named_parameters() if ".lora_A." in name]
        assert len(found) == count, target
    vlm = tiny()
    freeze(vlm.model, ("connector", "model.language_model.layers.0"))
    add_adapters(vlm.model, LoraConfig(rank=2, targets=("language", "vision")), 0)
    found = [name for name, parameter in vlm.model.named_parameters() if parameter.requires_grad]
    assert any("layers.1." in name for name in found) and any(in_part(name, "tower") for name in found)
    assert not any("layers.0." in name or in_part(name, "connector") for name in found)
    with pytest.raises(ValueError, match=r"lies in 'head'; allowed are parts \(vision, .*\) and layers \(down_proj, "):
        adapted(targets=("head",))


# --- in a run -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    folder = tmp_path_factory.mktemp("taught")
    teach_format(tiny(), "qwen3_vl", steps=5).save(folder)
    return folder


def run_of(folder, taught, **policy):
    kl = {"kl": "k2", "kl_coefficient": 0.1}
    config = config_of(folder, algorithm="ppo", critic={"warmup": 0}, recompute=True, loss=kl, guard_logprobs=1.0)
    changed = {"lora": LoraConfig(rank=4), "checkpoint": str(taught), **policy}
    return replace(config, policy=replace(config.policy, **changed))


def iterate(trainer, step):
    alternate(trainer)
    assert trainer._improve(step, 1.0)["grad_norm"] > 0


def stop_and_resume(config):
    """A trainer that is stopped after an iteration, and the one that goes on from its checkpoint."""
    first = trainer_of(config)
    iterate(first, 0)
    first.state.update(stage="grpo", step=1)
    first._save()
    second = Trainer(config, World())

    def stage(name):
        second.state["stage"] = "done"

    second._stage, second._finish = stage, dict
    second.run()
    second._begin("grpo")
    return first, second


@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.slow), "bfloat16"])
def test_a_run_goes_on_byte_by_byte_from_adapters_alone(taught, dtype, tmp_path):
    config = run_of(tmp_path, taught, dtype=dtype, frozen=("vision",), checkpoint_layers="all")
    first, second = stop_and_resume(config)
    saved = latest_checkpoint(tmp_path / "run" / "checkpoints")
    for held in (saved["model"], saved["improvement"]["reference"], saved["improvement"]["critic"]["model"]):
        assert held and all(".lora_" in name for name in held)
    assert equal(weights(first), weights(second))
    for trainer in (first, second):
        iterate(trainer, 1)
    assert equal(weights(first), weights(second))
    critics = [trainer.improvement.critic.policy.weights() for trainer in (first, second)]
    assert equal(*critics)


def test_adapters_of_other_weights_are_refused(taught, tmp_path):
    config = run_of(tmp_path, taught)
    trainer = trainer_of(config)
    trainer._save()
    tiny(seed=4).save(taught.parent / "other")
    content = {path: path.read_bytes() for path in taught.iterdir() if path.is_file()}
    for path in (taught.parent / "other").iterdir():
        if path.is_file():
            (taught / path.name).write_bytes(path.read_bytes())
    try:
        with pytest.raises(ConfigurationError, match="holds adapters that were learned on other weights"):
            Trainer(config, World()).run()
    finally:
        for path, data in content.items():
            path.write_bytes(data)


def test_settings_that_make_no_sense_are_refused():
    for changed, message in (
        ({"rank": -1}, "rank must be at least 0; got -1"),
        ({"alpha": 0}, "alpha must be at least 1; got 0"),
        ({"targets": ()}, "targets must name at least one part"),
    ):
        with pytest.raises(ValueError, match=message):
            LoraConfig(**changed)
    for changed, message in (
        ({"dtype": "float16"}, "dtype must be one of float32, bfloat16; got 'float16'"),
        ({"checkpoint_layers": "every(0)"}, r"checkpoint_layers must be none, all, every\(k\) or first\(k\)"),
        ({"checkpoint_layers": "some"}, r"checkpoint_layers must be none, all, every\(k\) or first\(k\)"),
    ):
        with pytest.raises(ValueError, match=message):
            PolicyConfig(**changed)
