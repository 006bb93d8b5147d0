"""Tiny models that play FrozenLake and picture albums, for the tests of agents."""

from __future__ import annotations

from typing import Any

import numpy as np
from machinery import ALBUM

from mmgym.agent import Conversation, Response
from mmgym.learn.learner import Learner, OptimizerConfig, Part
from mmgym.learn.losses import likelihood_loss
from mmgym.learn.packing import supervised_row
from mmgym.rollout import Executor, Rollout, RolloutConfig
from mmgym.trajectory import EpisodeTask, segments
from mmgym_agents.scripted import Demonstrator, RandomAgent
from mmgym_agents.tiny import TinyConfig, build_tiny_vlm
from mmgym_agents.transformers_agent import Sampling, TransformersAgent
from mmgym_agents.vlm import VLM

LAKE = "mmgym/FrozenLake-v0"
ROLLOUT = RolloutConfig(format="tag", prompt="minimal")
WORDS = ("up", "down", "left", "right", "Turn", "these", "pictures", "The", "answer", "no", "is", "not", "action")


def side(family: str) -> int:
    """A side of images that needs no resize."""
    return 56 if family == "qwen2_5_vl" else 64


def tiny(family: str = "qwen3_vl", **changes: Any) -> VLM:
    """A tiny model with random weights."""
    shape: dict[str, Any] = {"patch_size": 14, "image_size": 56} if family == "qwen2_5_vl" else {}
    return build_tiny_vlm(TinyConfig(**{"family": family, "seed": 3, **shape, **changes}), WORDS)


def lakes(family: str, count: int, **changes: Any) -> list[EpisodeTask]:
    """Lakes with two holes, one group each."""
    kwargs = {"preset": "two_holes", "image_size": side(family), "max_turns": 4, **changes}
    return [EpisodeTask(LAKE, seed, kwargs=kwargs, group=seed, noise=7) for seed in range(count)]


def mixed_tasks(family: str) -> list[EpisodeTask]:
    """Episodes of different length: lakes, slippery ones among them, groups of equal seeds, and albums."""
    size = side(family)
    lake = {"preset": "two_holes", "image_size": size}
    tasks = [
        EpisodeTask(LAKE, 11, kwargs={**lake, "max_turns": 3}, group=0, member=0),
        EpisodeTask(LAKE, 11, kwargs={**lake, "max_turns": 3}, group=0, member=1),
        EpisodeTask(LAKE, 12, kwargs={**lake, "max_turns": 5, "obs_mode": "both"}, group=1),
        EpisodeTask(LAKE, 13, kwargs={**lake, "is_slippery": True, "max_turns": 6}, group=2),
        EpisodeTask(LAKE, 14, kwargs={**lake, "is_slippery": True, "max_turns": 1}, group=3),
        EpisodeTask(ALBUM, 15, kwargs={"image_size": size, "max_turns": 4}, group=4),
        EpisodeTask(ALBUM, 16, kwargs={"image_size": size, "max_turns": 2}, group=5),
    ]
    return tasks


def teach_format(vlm: VLM, family: str, steps: int = 20, walker: Any = None, episodes: int = 6) -> VLM:
    """Clone random walkers, or another agent, for a moment, so that some answers are valid."""
    with Executor(ROLLOUT) as executor:
        walker = Demonstrator(walker or RandomAgent(), vlm.codec, "tag", "window(1)")
        rollout = executor.run(lakes(family, episodes), walker)
    rows = [supervised_row(segment) for t in rollout.trajectories for segment in segments(t)]
    learner = Learner(vlm, OptimizerConfig(lr=1e-2, warmup_steps=5))
    part = Part(rows, rollout.images, likelihood_loss, float(sum(len(row.trained) for row in rows)))
    for _ in range(steps):
        learner.step([part])
    return vlm


class Watched:
    """A sampler whose conversations and responses are kept."""

    def __init__(self, vlm: VLM, **sampling: Any):
        self.agent = TransformersAgent(vlm, Sampling(**{"max_new_tokens": 6, **sampling}))
        self.conversations: dict[int, Conversation] = {}
        self.batches: list[list[int]] = []

    def act_batch(self, conversations: Any) -> list[Response]:
        self.batches.append([conversation.key for conversation in conversations])
        self.conversations.update({conversation.key: conversation for conversation in conversations})
        return self.agent.act_batch(conversations)

    def end(self, conversation: Conversation) -> None:
        self.agent.end(conversation)


def play(agent: Any, tasks: list[EpisodeTask], **config: Any) -> Rollout:
    """Play in this process."""
    with Executor(RolloutConfig(**{"format": "tag", "prompt": "minimal", **config})) as executor:
        return executor.run(tasks, agent)


def drawn(rollout: Rollout) -> list[list[list[int]]]:
    """The sampled ids of every turn of every episode."""
    return [[turn.sampled_ids.tolist() for turn in t.turns] for t in rollout.trajectories]


def assert_equal_draws(ours: Rollout, theirs: Rollout, tolerance: float = 1e-5) -> None:
    """Equal ids, and log-probabilities within the tolerance."""
    assert drawn(ours) == drawn(theirs)
    for a, b in zip(ours.trajectories, theirs.trajectories, strict=True):
        for mine, other in zip(a.turns, b.turns, strict=True):
            assert np.abs(mine.logprobs - other.logprobs).max() <= tolerance
