"""Perception questions as rows to learn from: pictures, exact questions and answers, no advice what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

import mmgym
from mmgym.agent import Policy
from mmgym.learn.build import make_env
from mmgym.learn.config import MixedEnvironment, PerceptionConfig
from mmgym.learn.distributed import World
from mmgym.learn.learner import Learner
from mmgym.learn.packing import supervised_row
from mmgym.messages import observation_content, user_message
from mmgym.trajectory import ImageStore, Segment

__all__ = ["Examiner", "count_words", "examine", "pose", "recalls"]

_FEWEST = 5
"""A word that was asked for less often says nothing about recall."""


class Examiner:
    """Poses an environment's questions about itself.

    Args:
        environment: the environment, and which questions.
        config: how many.
        policy: whose codec encodes them.
    """

    def __init__(self, environment: MixedEnvironment, config: PerceptionConfig, policy: Policy):
        self.env, self.config, self.policy = make_env(environment, environment.perception_kwargs), config, policy
        self.name, self.questions = environment.name, environment.questions
        self._pool: dict[tuple[str, int], tuple[list[dict[str, Any]], list[tuple[str, str]]]] = {}

    def conversation(self, split: str, rng: np.random.Generator, images: ImageStore) -> Segment:
        """A conversation about `pictures` fresh pictures of a split."""
        codec = self.policy.codec
        ids: list[np.ndarray] = []
        trained: list[np.ndarray] = []
        refs = []
        said = np.zeros(0, np.int32)
        for _ in range(self.config.pictures):
            content, posed = self._picture(split, rng)
            for number, (question, answer) in enumerate(posed):
                shown = content if number == 0 else []
                message = user_message([*shown, {"type": "text", "text": question}])
                prompt = codec.extension(message, said) if len(said) else codec.opening([message])
                said = codec.answer(answer)
                for pixels in prompt.pixels:
                    refs.append(images.add(pixels))
                ids += [prompt.ids, said]
                trained += [np.zeros(len(prompt.ids), bool), np.ones(len(said), bool)]
        mask = np.concatenate(trained)
        nothing = np.zeros(len(mask), np.float32)
        return Segment(np.concatenate(ids), mask, nothing, np.zeros(len(mask), np.int32), tuple(refs))

    def _picture(self, split: str, rng: np.random.Generator) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
        """The content that shows a picture, and the questions about it; fresh, or one of the pool."""
        seed = int(rng.integers(self.config.pool or 2**31))
        if (split, seed) in self._pool:
            return self._pool[split, seed]
        observation, _ = self.env.reset(seed=seed, options={"split": split})
        posed = pose(self.env, self.questions, np.random.default_rng(seed) if self.config.pool else rng)
        picture = observation_content(self.env.observation_space, observation), posed
        if self.config.pool:
            self._pool[split, seed] = picture
        return picture


def pose(env: gym.Env[Any, Any], wanted: Sequence[str], rng: np.random.Generator) -> list[tuple[str, str]]:
    """Questions about the state an environment is in, with their answers.

    Args:
        env: the environment.
        wanted: texts of questions; if empty, one is drawn at random.
        rng: what is random.

    Raises:
        ValueError: for a question that the environment does not ask, naming those it does.
    """
    posed = mmgym.unwrap(env).questions(rng)
    if not wanted:
        return [posed[rng.integers(len(posed))]]
    by_text = dict(posed)
    missing = [question for question in wanted if question not in by_text]
    if missing:
        raise ValueError(f"the environment does not ask {missing[0]!r}; it asks: {' | '.join(sorted(by_text))}")
    return [(question, by_text[question]) for question in wanted]


def examine(examiners: Sequence[Examiner], learner: Learner, world: World, seed: int) -> dict[str, Any]:
    """How well the policy answers on held-out pictures (val split), the same ones every time.

    With several environments the pictures are shared among them, and their values stand by name under
    ``environments``; ``accuracy`` and ``lowest_recall`` are then the lowest of theirs.

    Returns:
        ``accuracy`` over answer tokens, ``lowest_recall``, and ``recall`` by word (see `recalls`).
    """
    found = {examiner.name: _examine(examiner, len(examiners), learner, world, seed) for examiner in examiners}
    if len(found) == 1:
        return next(iter(found.values()))
    lowest = {name: min(values[name] for values in found.values()) for name in ("accuracy", "lowest_recall")}
    return {**lowest, "environments": found}


def _examine(examiner: Examiner, among: int, learner: Learner, world: World, seed: int) -> dict[str, Any]:
    config, images = examiner.config, ImageStore()
    share = world.share(range(max(1, config.held_out // config.pictures // among)))
    asked = [examiner.conversation("val", np.random.default_rng([seed, 9, index]), images) for index in share]
    predicted = learner.predictions([supervised_row(segment) for segment in asked], images)
    counts: dict[int, tuple[int, int]] = {}
    for part in world.gather(count_words(asked, predicted)):
        for token, (seen, right) in part.items():
            before = counts.get(token, (0, 0))
            counts[token] = (before[0] + seen, before[1] + right)
    accuracy = sum(right for _, right in counts.values()) / sum(seen for seen, _ in counts.values())
    by_token = recalls(counts)
    recall = {examiner.policy.codec.decode(np.array([token])).strip(): value for token, value in by_token.items()}
    return {"accuracy": accuracy, "lowest_recall": min(by_token.values()), "recall": recall}


def recalls(counts: dict[int, tuple[int, int]]) -> dict[int, float]:
    """The share of right predictions of each token that was asked for often enough; of all where none was."""
    often = {token: pair for token, pair in counts.items() if pair[0] >= _FEWEST} or counts
    return {token: right / seen for token, (seen, right) in sorted(often.items())}


def count_words(segments: Sequence[Segment], predicted: Sequence[np.ndarray]) -> dict[int, tuple[int, int]]:
    """How often each answer token was asked for, and how often it was predicted right, by id.

    Args:
        segments: conversations.
        predicted: per conversation the likeliest id at each trained token, given what stands before it.
    """
    counts: dict[int, tuple[int, int]] = {}
    for segment, guesses in zip(segments, predicted, strict=True):
        for true, guess in zip(segment.ids[segment.trained].tolist(), guesses.tolist(), strict=True):
            seen, right = counts.get(true, (0, 0))
            counts[true] = (seen + 1, right + int(true == guess))
    return counts
