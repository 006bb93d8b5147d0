"""Perception questions as rows to learn from: pictures, exact questions and answers, no advice what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np

import mmgym
from mmgym.agent import Policy
from mmgym.learn.config import EnvironmentConfig, PerceptionConfig
from mmgym.messages import observation_content, user_message
from mmgym.rollout.host import load_attribute
from mmgym.trajectory import ImageStore, Segment

__all__ = ["Examiner", "count_words"]


class Examiner:
    """Poses an environment's questions about itself.

    Args:
        environment: the environment.
        config: which questions.
        policy: whose codec encodes them.
    """

    def __init__(self, environment: EnvironmentConfig, config: PerceptionConfig, policy: Policy):
        arguments = {**environment.kwargs, **config.kwargs}
        env: gym.Env[Any, Any] = gym.make(environment.id, disable_env_checker=True, **arguments)
        for wrapper in environment.wrappers:
            env = load_attribute(wrapper)(env)
        self.env, self.config, self.policy = env, config, policy

    def conversation(self, split: str, rng: np.random.Generator, images: ImageStore) -> Segment:
        """A conversation about `pictures` fresh pictures of a split."""
        codec = self.policy.codec
        ids: list[np.ndarray] = []
        trained: list[np.ndarray] = []
        refs = []
        said = np.zeros(0, np.int32)
        for _ in range(self.config.pictures):
            observation, _ = self.env.reset(seed=int(rng.integers(2**31)), options={"split": split})
            for number, (question, answer) in enumerate(self._questions(rng)):
                shown = observation_content(self.env.observation_space, observation) if number == 0 else []
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

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        posed = mmgym.unwrap(self.env).questions(rng)
        if not self.config.questions:
            return [posed[rng.integers(len(posed))]]
        by_text = dict(posed)
        missing = [question for question in self.config.questions if question not in by_text]
        if missing:
            raise ValueError(f"the environment does not ask {missing[0]!r}; it asks: {' | '.join(sorted(by_text))}")
        return [(question, by_text[question]) for question in self.config.questions]


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
