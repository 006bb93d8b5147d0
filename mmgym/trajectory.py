"""What happened in an episode, exactly: the ids that were shown and sampled, and references to the pixels.

A `Trajectory` is a list of `Turn`s. A turn either extends the sequence of the turn before it or starts a new one
(a window moved, a template could not be extended); `segments` cuts a trajectory there. Every sampled token is
trained in exactly one `Segment`, whatever the context policy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from mmgym.pointing import Pointer

__all__ = [
    "EpisodeTask",
    "ImageRef",
    "ImageStore",
    "Observed",
    "Segment",
    "Status",
    "Trajectory",
    "Turn",
    "segments",
]


@dataclass(frozen=True, slots=True)
class ImageRef:
    """The name of an image: a hash of its shape and pixels."""

    digest: str
    height: int
    width: int

    @classmethod
    def of(cls, image: np.ndarray) -> ImageRef:
        """The reference of an image.

        Args:
            image: uint8 array (height, width, 3).

        Raises:
            ValueError: for anything else.
        """
        if not isinstance(image, np.ndarray):
            raise ValueError(f"an image is a uint8 array (height, width, 3); got {type(image).__name__}")
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
            raise ValueError(f"an image is a uint8 array (height, width, 3); got {image.dtype} {image.shape}")
        height, width = image.shape[:2]
        digest = hashlib.sha256(f"{height}x{width}:".encode() + image.tobytes()).hexdigest()[:32]
        return cls(digest, height, width)


class ImageStore:
    """Images by reference; equal pixels are stored once."""

    def __init__(self) -> None:
        self._pixels: dict[str, np.ndarray] = {}

    def add(self, image: np.ndarray) -> ImageRef:
        """Store an image and return its reference.

        Args:
            image: uint8 array (height, width, 3).

        Raises:
            ValueError: for anything else.
        """
        ref = ImageRef.of(image)
        if ref.digest not in self._pixels:
            # a copy: an environment that draws into the same array again must not change what was seen
            self._pixels[ref.digest] = np.array(image, order="C")
        return ref

    def update(self, other: ImageStore) -> None:
        """Store all that another store holds."""
        self._pixels.update(other._pixels)

    def __getitem__(self, ref: ImageRef) -> np.ndarray:
        return self._pixels[ref.digest]

    def __len__(self) -> int:
        return len(self._pixels)


class Status(StrEnum):
    """How an episode ended."""

    TERMINATED = "terminated"
    """The task ended: solved or failed."""
    TRUNCATED = "truncated"
    """A limit ended it: turns, or the length of the model's context."""
    ENV_ERROR = "env_error"
    """The machinery failed. Not the agent's failure: never scored, never trained."""


@dataclass(frozen=True)
class EpisodeTask:
    """Which episode to play."""

    env_id: str
    """Gymnasium id."""
    seed: int
    """Seed of ``reset``: equal seeds are equal instances."""
    kwargs: dict[str, Any] = field(default_factory=dict)
    """Constructor arguments."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options of ``reset``: split, level, task."""
    wrappers: tuple[str, ...] = ()
    """Wrappers to put around the environment, inner first, each as `mmgym.rollout.host.put_on` takes it."""
    group: int = 0
    """Number of the group (one task and seed) within an iteration."""
    member: int = 0
    """Number of the trajectory within its group."""
    noise: int = 0
    """Key of the sampling noise shared by one run and iteration; group, member and turn are added to it."""
    augmentation: str = ""
    """How the pictures that the agent sees are altered (a name in `mmgym.rollout.augment`); empty shows them clean."""
    strength: float = 0.0
    """How much, from 0 (clean) to 1."""
    match: int | None = None
    """Number of the match of which this is one seat (``kwargs["seat"]``): the tasks of a match, one for each seat in
    their order, are played together. None for an episode of one agent."""
    player: str = ""
    """Who plays it: the agent that is run, or where a name is given, another one of that name."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ValueError(f"strength must be from 0 to 1; got {self.strength}")
        if self.strength and not self.augmentation:
            raise ValueError(f"strength {self.strength} needs an augmentation; got none")

    @property
    def augmented(self) -> bool:
        """Whether the agent sees other pictures than those its trajectory refers to."""
        return bool(self.augmentation) and self.strength > 0

    @property
    def seated(self) -> dict[str, Any]:
        """Match and player, where there are any, as the info of the trajectory has them."""
        return {} if self.match is None and not self.player else {"match": self.match, "player": self.player}


@dataclass(slots=True)
class Observed:
    """What a person who looks at an episode sees of a turn: recorded where `RolloutConfig.record_observations` is."""

    images: tuple[ImageRef, ...]
    """The images of the environment's observation, in order, whether or not the agent reads images."""
    text: str
    """Its text."""
    expert: tuple[dict[str, Any], ...] = ()
    """The expert's calls at this point, plain; empty if there is no expert."""
    pointers: tuple[Pointer, ...] = ()
    """What the agent's calls point at."""
    expert_pointers: tuple[Pointer, ...] = ()
    """What the expert's calls point at."""


@dataclass(slots=True)
class Turn:
    """One turn: what was shown, what was sampled, and what came of it."""

    prompt_ids: np.ndarray
    """int32 (n,): the ids shown since the last sampled token, or the whole prompt if the turn starts a sequence."""
    images: tuple[ImageRef, ...]
    """The images of `prompt_ids`, in order; the clean ones, also where the agent saw them augmented."""
    sampled_ids: np.ndarray
    """int32 (m,): the sampled ids, as sampled. Empty for agents without tokens."""
    logprobs: np.ndarray
    """float32 (m,): log-probability of each sampled id under the sampling distribution."""
    extends: bool
    """Whether the ids continue those of the turn before; otherwise they start a new sequence."""
    text: str
    """What the agent said."""
    version: int = 0
    """Version of the weights that sampled."""
    state_key: str = ""
    """`state_key` of the environment when the agent was asked, if recorded."""
    reward: float = 0.0
    terms: dict[str, float] = field(default_factory=dict)
    """Named reward terms of the environment, and ``valid``."""
    feedback: str = ""
    """What the environment said about the action."""
    calls: tuple[dict[str, Any], ...] = ()
    """The calls that were made, plain; empty where the agent's text held none that could be read."""
    usage: dict[str, float] = field(default_factory=dict)
    """What the answer took, as the agent reports it: e.g. ``prompt_tokens``, ``completion_tokens``, ``dollars``."""
    observed: Observed | None = None
    terminated: bool = False
    truncated: bool = False
    seconds_model: float = 0.0
    seconds_env: float = 0.0


@dataclass(slots=True)
class Trajectory:
    """One seat's part of one episode."""

    task: EpisodeTask
    turns: list[Turn] = field(default_factory=list)
    status: Status = Status.TERMINATED
    success: bool = False
    error: str = ""
    """Kind and message of a failure of the machinery; empty otherwise."""
    info: dict[str, Any] = field(default_factory=dict)
    """Level, split and expert_steps of the instance."""
    seat: int = 0
    final_image: ImageRef | None = None
    """What the last step showed (no turn follows it), if it held an image."""

    @property
    def augmented(self) -> float:
        """Strength with which the pictures were altered while sampling; 0 if they were clean.

        Above 0 the log-probabilities of its turns belong to the altered pictures. A learner that reads the clean ones
        cannot find them again: it recomputes what the behaviour would have been.
        """
        return self.task.strength if self.task.augmented else 0.0

    @property
    def episode_return(self) -> float:
        """Sum of the rewards of all turns."""
        return float(sum(turn.reward for turn in self.turns))

    @property
    def sampled_tokens(self) -> int:
        """Number of sampled tokens."""
        return sum(len(turn.sampled_ids) for turn in self.turns)


@dataclass(slots=True)
class Segment:
    """A run of ids that form one sequence, and which of them are trained."""

    ids: np.ndarray
    """int32 (n,)."""
    trained: np.ndarray
    """bool (n,): True at sampled tokens that are trained here."""
    logprobs: np.ndarray
    """float32 (n,): the sampler's log-probability where `trained`, 0 elsewhere."""
    turn: np.ndarray
    """int32 (n,): index of the turn (of the trajectory) a trained token belongs to, -1 elsewhere."""
    images: tuple[ImageRef, ...]
    """The images of the ids, in order."""


def segments(trajectory: Trajectory) -> list[Segment]:
    """Cut a trajectory where a turn does not extend the one before it. A pure function of the turns.

    Raises:
        ValueError: when the first turn extends nothing, or a turn has not one log-probability per sampled id.
    """
    runs: list[list[int]] = []
    for index, turn in enumerate(trajectory.turns):
        if turn.logprobs.shape != turn.sampled_ids.shape:
            counts = f"{len(turn.sampled_ids)} sampled ids and {len(turn.logprobs)} log-probabilities"
            raise ValueError(f"turn {index} has {counts}; expected one each")
        if turn.extends:
            if not runs:
                raise ValueError("the first turn of a trajectory extends nothing, so its first ids are missing")
            runs[-1].append(index)
        else:
            runs.append([index])
    return [_segment(trajectory.turns, run) for run in runs]


def _segment(turns: Sequence[Turn], run: Iterable[int]) -> Segment:
    ids, trained, logprobs, owner = [], [], [], []
    images: list[ImageRef] = []
    for index in run:
        turn = turns[index]
        shown, sampled = len(turn.prompt_ids), len(turn.sampled_ids)
        ids += [turn.prompt_ids, turn.sampled_ids]
        trained += [np.zeros(shown, bool), np.ones(sampled, bool)]
        logprobs += [np.zeros(shown, np.float32), turn.logprobs]
        owner += [np.full(shown, -1, np.int32), np.full(sampled, index, np.int32)]
        images += turn.images
    return Segment(
        np.concatenate(ids).astype(np.int32),
        np.concatenate(trained),
        np.concatenate(logprobs).astype(np.float32),
        np.concatenate(owner),
        tuple(images),
    )
