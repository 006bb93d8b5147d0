"""What a step is asked to learn from, and the ways to learn it."""

from __future__ import annotations

from dataclasses import dataclass

from mmgym.plan.shape import ModelShape

__all__ = ["VARIANTS", "Variant", "Workload", "WorkloadTokens"]


@dataclass(frozen=True)
class Workload:
    """The trajectories of one optimizer step."""

    trajectories: int = 128
    """All of them, over all GPUs."""
    turns: int = 10
    """Turns of a trajectory, each with one image."""
    width: int = 1280
    """Of an image, in pixels."""
    height: int = 720
    """Of an image, in pixels."""
    prompt: int = 100
    """Tokens of text that are read in a turn."""
    answer: int = 150
    """Tokens that are sampled in a turn, and trained."""

    def __post_init__(self) -> None:
        for name in ("trajectories", "turns", "width", "height", "answer"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")
        if self.prompt < 0:
            raise ValueError(f"prompt must be at least 0; got {self.prompt}")

    def tokens(self, shape: ModelShape, window: int) -> WorkloadTokens:
        """What a model reads of it.

        Args:
            shape: the model.
            window: turns that each turn is read with, itself among them; at least `turns` for all.
        """
        image = shape.image_tokens(self.width, self.height)
        turn = image + self.prompt + self.answer
        whole = window >= self.turns
        rows = [self.turns * turn] if whole else [min(i, window) * turn for i in range(1, self.turns + 1)]
        return WorkloadTokens(
            turn=turn,
            rows=[length for length in rows for _ in range(self.trajectories)],
            trained=self.trajectories * self.turns * self.answer,
            images=self.trajectories * self.turns,
            tokens_of_image=image,
        )


@dataclass(frozen=True)
class WorkloadTokens:
    """Tokens of a step."""

    turn: int
    """Of a turn."""
    rows: list[int]
    """Of each row."""
    trained: int
    images: int
    """Distinct images."""
    tokens_of_image: int

    @property
    def total(self) -> int:
        """Of all rows."""
        return sum(self.rows)

    @property
    def pairs(self) -> float:
        """Pairs of a query and a key in causal attention."""
        return sum(length * length / 2 for length in self.rows)


@dataclass(frozen=True)
class Variant:
    """A way to learn."""

    name: str
    lora: bool = False
    """Adapters on the language model's linear layers; all else is frozen."""
    frozen_vision: bool = False
    """The tower stays as it is: its features are computed once, without a backward pass."""
    checkpointing: bool = True
    """Every layer keeps its input only, and is run again in the backward pass."""

    @property
    def kind(self) -> str:
        """What learns: ``full``, ``frozen`` (all but the tower) or ``lora``."""
        return "lora" if self.lora else "frozen" if self.frozen_vision else "full"


VARIANTS = tuple(
    Variant(f"{name}{', checkpointed' if checkpointing else ''}", lora, frozen, checkpointing)
    for name, lora, frozen in (("full", False, False), ("full, frozen tower", False, True), ("LoRA", True, True))
    for checkpointing in (False, True)
)
"""What `mmgym plan` compares."""
