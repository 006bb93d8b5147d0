"""What several processes do together in the tests of sharding; importable in forked processes."""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tiny_rows import policy_rows, random_segments, tiny_policy

from mmgym.learn import distributed, sharded_checkpoint
from mmgym.learn.checkpoint import latest_checkpoint, save_checkpoint
from mmgym.learn.critic import Critic, CriticConfig
from mmgym.learn.distributed import World
from mmgym.learn.learner import Learner, Part
from mmgym.learn.loss_config import LossConfig
from mmgym.learn.losses import likelihood_loss, policy_loss
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.learn.packing import Row, supervised_row
from mmgym.learn.policy_config import LoraConfig
from mmgym.learn.sharding import ShardedPolicy, ShardingConfig, full_state_dict, whole_tensor
from mmgym.learn.value_loss import value_loss
from mmgym.trajectory import ImageStore, Segment
from mmgym_agents.adapters import add_adapters
from mmgym_agents.layers import arrange_layers
from mmgym_agents.parts import freeze
from mmgym_agents.vlm import VLM

PATIENCE = 3.0
"""Seconds without a sign of life after which processes that torchrun starts give each other up."""


def policy_of(spec: dict[str, Any]) -> VLM:
    """The tiny policy that a test asks for."""
    policy = tiny_policy(spec.get("family", "qwen3_vl"))
    policy.model.to(getattr(torch, spec.get("dtype", "float32")))
    freeze(policy.model, spec.get("frozen", ()))
    if spec.get("lora"):
        add_adapters(policy.model, LoraConfig(rank=4), 1)
    arrange_layers(policy.model, spec.get("checkpoint_layers", "none"), spec.get("compile", False))
    return policy


def text_segment(policy: VLM, rng: np.random.Generator) -> Segment:
    """A conversation without a picture."""
    prompt = policy.codec.opening([{"role": "user", "content": [{"type": "text", "text": "up or down"}]}])
    said = np.append(rng.integers(7, 263, rng.integers(1, 5)), policy.codec.end_ids[0]).astype(np.int32)
    trained = np.concatenate([np.zeros(len(prompt.ids), bool), np.ones(len(said), bool)])
    logprobs = np.where(trained, -5.0, 0).astype(np.float32)
    return Segment(np.concatenate([prompt.ids, said]), trained, logprobs, np.where(trained, 0, -1), ())


def parts_of(policy: VLM, world: World) -> list[Part]:
    """A policy loss on ragged rows and a likelihood on a few; the same rows in all, however many processes.

    The last process has no picture, and of more than two it has nothing. The second part is the first process's alone.
    """
    images, rng = ImageStore(), np.random.default_rng(5)
    pictured = random_segments(policy, images, [3, 1, 2, 1, 2], rng)
    written = [text_segment(policy, rng) for _ in range(2)]
    advantages = [rng.normal(size=int(s.trained.sum())).astype(np.float32) for s in [*pictured, *written]]
    rows = policy_rows([*pictured, *written], advantages)
    if world.size > 1:
        sighted = max(1, world.size - 1)
        mine = rows[:5][world.rank :: sighted] if world.rank < sighted else []
        mine += rows[5:] if world.rank == min(1, world.size - 1) else []
    else:
        mine = rows
    loss = functools.partial(policy_loss, config=LossConfig(entropy_bonus=0.05))
    few = [supervised_row(pictured[1]), supervised_row(written[0])]
    return [
        Part(mine, images, loss, float(sum(len(row.trained) for row in rows))),
        Part(few if world.is_main else [], images, likelihood_loss, float(sum(len(row.trained) for row in few))),
    ]


def learner_of(spec: dict[str, Any], world: World) -> tuple[VLM, Learner]:
    """A learner with small micro-batches, sharded unless the test says otherwise; and the policy as it began."""
    policy = policy_of(spec)
    whole = policy
    if spec.get("sharded", True):
        config = ShardingConfig("fsdp2", spec.get("shard_size", 0), spec.get("reshard", True))
        policy = ShardedPolicy(policy, world, config)
    optimizer = OptimizerConfig(spec.get("optimizer", "adamw"), warmup_steps=1)
    learner = Learner(policy, optimizer, 1.0, spec.get("max_tokens", 96), world, layout=spec.get("layout", "padded"))
    return whole, learner


def gradients(learner: Learner, parts: list[Part]) -> dict[str, np.ndarray]:
    """The gradient of each parameter, whole."""
    learner.accumulate(parts)
    found = {name: whole_tensor(parameter.grad).numpy() for name, parameter in learner.named_parameters()}
    for optimizer in learner.optimizers:
        optimizer.zero_grad(set_to_none=True)
    return found


def weights(learner: Learner) -> dict[str, np.ndarray]:
    """Each weight, whole."""
    return {name: weight.float().clone().numpy() for name, weight in full_state_dict(learner.policy)}


def held(tensors: Any) -> int:
    """How many numbers this process holds of nested tensors."""
    if isinstance(tensors, torch.Tensor):
        return int(getattr(tensors, "to_local", lambda: tensors)().numel())
    parts = tensors.values() if isinstance(tensors, dict) else tensors
    return sum(held(part) for part in parts if not isinstance(part, (str, float)))


def learn(world: World, spec: dict[str, Any]) -> dict[str, Any]:
    """Gradients, the metrics of some steps, weights and log-probabilities after them."""
    policy, learner = learner_of(spec, world)
    parts = parts_of(policy, world)
    first = gradients(learner, parts)
    metrics = [learner.step(parts) for _ in range(spec.get("steps", 2))]
    mine = learner.logprobs(parts[0].rows, parts[0].images)
    return {
        "gradients": first,
        "metrics": metrics,
        "weights": weights(learner),
        "held": [held(learner.named_parameters()), sum(held(o.state_dict()["state"]) for o in learner.optimizers)],
        "logprobs": {row.ids.tobytes(): own for row, own in zip(parts[0].rows, mine, strict=True)},
    }


def value_parts(policy: VLM, world: World) -> list[Part]:
    """Rows for a critic."""
    part = parts_of(policy, world)[0]
    rows = []
    for row in part.rows:
        ones = np.ones(len(row.trained), np.float32)
        values = {"old_value": 0 * ones, "target": ones, "weight": ones, "count": ones}
        rows.append(Row(row.ids, row.trained, row.images, values))
    return [Part(rows, part.images, functools.partial(value_loss, clip=1.0), part.normaliser)]


def learn_values(world: World, spec: dict[str, Any]) -> dict[str, Any]:
    """What a critic learns, and that the policy does not change."""
    policy, learner = learner_of(spec, world)
    critic = Critic(learner.policy, CriticConfig(), spec.get("max_tokens", 96), world)
    parts = value_parts(policy, world)
    metrics = [critic.step(parts) for _ in range(3)]
    return {"metrics": metrics, "weights": weights(critic), "head": whole_tensor(critic.head.weight).detach().numpy()}


def write(world: World, spec: dict[str, Any]) -> dict[str, Any]:
    """Two steps, a checkpoint, a third step, an export."""
    policy, learner = learner_of(spec, world)
    parts = parts_of(policy, world)
    for _ in range(2):
        learner.step(parts)
    content = {"number": 2, "model": learner.policy.weights(), "learner": learner.state(), "note": ("a", [1.5])}
    save_checkpoint(Path(spec["folder"]), 2, content, world, sharded=True)
    moments = state_of(learner)
    metrics = learner.step(parts)
    learner.sharded.refresh()
    if world.is_main:
        learner.sharded.save(Path(spec["folder"]) / "export")
    return {"moments": moments, "metrics": metrics, "weights": weights(learner)}


def read(world: World, spec: dict[str, Any]) -> dict[str, Any]:
    """Read the checkpoint and go on."""
    policy, learner = learner_of(spec, world)
    found = latest_checkpoint(Path(spec["folder"]), world, learner.sharded.layout)
    learner.policy.load_weights(found["model"])
    learner.load_state(found["learner"])
    moments = state_of(learner)
    metrics = learner.step(parts_of(policy, world))
    return {"moments": moments, "metrics": metrics, "weights": weights(learner), "note": found["note"]}


def state_of(learner: Learner) -> list[np.ndarray]:
    """All weights and moments, whole."""
    found = list(weights(learner).values())
    for optimizer in learner.optimizers:
        for state in optimizer.state_dict()["state"].values():
            found += [whole_tensor(value).float().clone().numpy() for value in state.values()]
    return found


def as_torchrun_starts(environment: dict[str, str], function: Callable[[World, str], Any], argument: str) -> None:
    """One of several processes that torchrun has started."""
    torch.set_num_threads(1)
    os.environ.update(environment)
    distributed.Watch = functools.partial(distributed.Watch, every=0.2, patience=PATIENCE)
    print(distributed.launch(function, argument, 1), flush=True)


def work_together(world: World, what: str) -> int:
    """The second process does not end well unless it is to ``work``."""
    assert world.gather(world.rank) == [0, 1]
    print("together", flush=True)
    if what == "fail" and world.rank == 1:
        raise ValueError("this one has had enough")
    if what != "work":
        time.sleep(600)
    return sum(world.gather(world.local_rank)) * 2


def write_at_the_end(world: World, folder: str) -> str:
    """The first process writes for longer than a sign of life may take; the second has nothing left to do."""
    if world.is_main:
        time.sleep(1.5 * PATIENCE)
        Path(folder).mkdir()
    return "written"


def die_while_writing(world: World, folder: str) -> None:
    """The second process is killed when its part of the second checkpoint is on disk."""
    _, learner = learner_of({"folder": folder}, world)
    for number in (1, 2):
        if number == 2 and world.rank == 1:
            sharded_checkpoint._digest = lambda path: os.kill(os.getpid(), signal.SIGKILL)
        content = {"number": number, "model": learner.policy.weights()}
        save_checkpoint(Path(folder), number, content, world, sharded=True)
