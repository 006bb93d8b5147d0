"""What every puzzle shares: settings by level or preset, instances by split, and process rewards read off the state."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Mapping
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from annotated_types import MaxLen

from mmgym.env import Effect, MultimodalEnv, choose, whole
from mmgym.rewards import RewardTerms
from mmgym.spaces import Tool, ToolCall, number, tool

__all__ = ["MAX_DRAWS", "Puzzle", "agreement", "draw_once", "layout_hash", "split_of"]

MAX_DRAWS = 200_000
"""Draws after which a puzzle gives up looking for an instance of a split."""

_SHARES = (("train", 0.70), ("val", 0.10), ("test", 0.15), ("ood", 0.05))
_DESCRIBING = ("describe", "predict")


def split_of(key: str) -> str:
    """The split that owns the layouts with this hexadecimal key: train .70, val .10, test .15, ood .05 of all keys."""
    place = int(key[:8], 16) / 2**32
    for split, share in _SHARES:
        if place < share:
            return split
        place -= share
    return _SHARES[-1][0]


def layout_hash(*parts: object) -> str:
    """A hexadecimal key of 32 digits for the content of a layout."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


_Drawn = TypeVar("_Drawn")
_drawn: dict[Hashable, tuple[Any, Any]] = {}


def draw_once(draw: Callable[..., _Drawn], rng: np.random.Generator, *settings: Hashable) -> _Drawn:
    """``draw(rng, *settings)``, remembered: the members of a group start from the same seed again and again.

    The generator is left as drawing leaves it. What is drawn must never be changed.
    """
    before = rng.bit_generator.state
    key = (
        draw.__module__,
        draw.__qualname__,
        before["state"]["state"],
        before["state"]["inc"],
        before["has_uint32"],
        before["uinteger"],
        settings,
    )
    if key not in _drawn:
        if len(_drawn) >= 4096:
            _drawn.clear()
        _drawn[key] = (draw(rng, *settings), rng.bit_generator.state)
    drawn, rng.bit_generator.state = _drawn[key]
    return drawn


def agreement(said: str, true: str) -> float:
    """Share of the words of a description that are right at their place, from 0 to 1; case does not count.

    Words too many or too few are wrong ones.
    """
    one, other = said.casefold().split(), true.casefold().split()
    longer = max(len(one), len(other))
    return sum(a == b for a, b in zip(one, other, strict=False)) / longer if longer else 1.0


class Puzzle(MultimodalEnv):
    """Base of the puzzles: a `MultimodalEnv` whose instances come from settings and are split by content.

    A subclass sets `level_settings` (and `preset_settings`), draws candidates (`draw_candidate`, `candidate_key`),
    begins an episode on one (`_begin`), and gives what `MultimodalEnv` asks for. Settings are hashable (frozen
    dataclasses) and have ``turns``, the turn limit.

    Args:
        preset: the name of a preset. It stands instead of the level, which is then only reported.
        progress_reward: weight of the term ``progress``: what a turn adds to the potential
            -(turns the expert still needs) / (turns it needs from the start), which is 0 at the end of every episode.
            The terms of an episode therefore sum to `progress_reward` whatever the agent does, and the optimal policy
            stays what it is (Ng et al. 1999); they tell turns apart, for methods that credit each turn.
        description_reward: weight of the terms ``description`` and ``prediction``, each of which adds up to at most
            that over an episode. Above 0 there are two more tools, `describe` and `predict`, which cost no call: what
            they say is held against the true state by rule (the share of right words, `agreement`), the description
            against what was shown before the turn, the prediction against what the turn leads to. The first of each
            counts in a turn, and as many turns as the expert needs from the start are paid, alike: there is nothing to
            be gained by describing on and on.
        **arguments: those of `MultimodalEnv`.
    """

    level_settings: ClassVar[Mapping[int, Any]]
    """Settings by level."""
    preset_settings: ClassVar[Mapping[str, Any]] = {}
    """Settings by preset."""
    built: ClassVar[tuple[str, ...]] = ("preset",)
    format_rewards: ClassVar[Mapping[str, float]] = {}
    """By preset: what a turn whose action can be read is paid (term ``format``), where the preset's source does so."""
    random_below: ClassVar[float] = 0.05
    """What the success of uniformly random calls stays under, over all levels alike."""
    weak_noise: ClassVar[float] = 0.3
    """Share of random calls of the weak solver, unless `weak_call` is overridden."""
    description_rule: ClassVar[str] = ""
    """How to word a description, for the instruction; empty where states are not described."""

    def __init__(
        self,
        *,
        preset: str | None = None,
        progress_reward: float = 0.0,
        description_reward: float = 0.0,
        **arguments: Any,
    ) -> None:
        self.preset = None if preset is None else choose("preset", preset, self.preset_settings)
        self.progress_reward = number("progress_reward", progress_reward)
        self.description_reward = number("description_reward", description_reward)
        if description_reward and not self.description_rule:
            raise ValueError(f"description_reward must be 0: states of {type(self).__name__} are not described")
        if description_reward:
            said = "In each turn you may first describe what you see and predict what follows, besides what you do."
            self.instruction = f"{type(self).instruction} {said} {self.description_rule}"
            self._most_acts = whole("max_calls", arguments.get("max_calls", 1))
            arguments["max_calls"] = self._most_acts + len(_DESCRIBING)
        super().__init__(**arguments)
        self._potential_before = 0.0
        self._true_words, self._acts_left = "", 0
        self._described: float | None = None
        self._predicted: str | None = None

    @property
    def settings(self) -> Any:
        """Settings of the current instance: the preset's, or else the level's."""
        return self.level_settings[self.level] if self.preset is None else self.preset_settings[self.preset]

    # --- what a subclass defines -------------------------------------------------------------------------------------

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Any) -> Any:
        """Draw an instance from `rng`, or None if this draw gives none. It must be hashable or never changed."""
        raise NotImplementedError

    @classmethod
    def candidate_key(cls, instance: Any) -> str:
        """Hexadecimal key of an instance's content (`layout_hash`), which decides its split."""
        raise NotImplementedError

    def _begin(self, instance: Any) -> None:
        """Start an episode on an instance."""
        raise NotImplementedError

    def _turns_left(self) -> int | None:
        """Turns the expert needs from the current state; None where it cannot be solved any more."""
        raise NotImplementedError

    def _description(self) -> str:
        """The current state in the words that `description_rule` asks for."""
        raise NotImplementedError

    def layout_key(self) -> str:
        """Hexadecimal key of the current instance's content; it decides the split."""
        raise NotImplementedError

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _generate(self, task: Any) -> None:
        choose("task", "any" if task is None else task, ("any",))
        self._begin(draw_once(type(self)._draw, self.np_random, self.settings, self.split))

    @classmethod
    def _draw(cls, rng: np.random.Generator, settings: Any, split: str) -> Any:
        for _ in range(MAX_DRAWS):
            candidate = cls.draw_candidate(rng, settings)
            if candidate is not None and split_of(cls.candidate_key(candidate)) == split:
                return candidate
        raise RuntimeError(f"no instance of {cls.__name__} for split {split!r} found with {settings}")

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The next call of a fixed weak solver, a baseline that gets worse as levels get harder.

        The expert's, replaced by a random one with probability `weak_noise`.
        """
        if rng.random() < self.weak_noise:
            return self.action_space.parse(self.action_space.draw(rng))[0]
        return self.expert()

    def _turn_limit(self) -> int:
        return int(self.settings.turns)

    def _tools(self) -> list[Tool]:
        return [t for t in super()._tools() if self.description_reward or t.name not in _DESCRIBING]

    @tool
    def describe(self, seen: Annotated[str, MaxLen(2000)]) -> Effect:
        """Say what you see. It costs no call.

        Args:
            seen: the description.
        """
        self._described = agreement(seen, self._true_words) if self._described is None else self._described
        return Effect(False)

    @tool
    def predict(self, seen: Annotated[str, MaxLen(2000)]) -> Effect:
        """Say what you will see after this turn. It costs no call.

        Args:
            seen: the description of what will be seen.
        """
        self._predicted = seen if self._predicted is None else self._predicted
        return Effect(False)

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Make one turn; see `MultimodalEnv.step`."""
        self._potential_before = self._potential()
        if self.description_reward:
            self._true_words, self._acts_left = self._description(), self._most_acts
            self._described = self._predicted = None
        return super().step(action)

    def _perform(self, call: ToolCall) -> Effect:
        if self.description_reward and call.name not in _DESCRIBING:
            if not self._acts_left:
                return Effect(False, f"Besides {' and '.join(_DESCRIBING)}, a turn has {self._most_acts} at most.")
            self._acts_left -= 1
        return super()._perform(call)

    def _potential(self) -> float:
        if not self.progress_reward or self._terminated or self.turn >= self.max_turns:
            return 0.0
        left, needed = self._turns_left(), max(1, self._expert_steps())
        return -2.0 if left is None else -min(2.0, left / needed)

    def _reward_terms(self) -> RewardTerms:
        terms = super()._reward_terms()
        if self.preset is not None and self.preset in self.format_rewards:
            terms["format"] = self.format_rewards[self.preset] * self._valid
        if self.progress_reward:
            terms["progress"] = self.progress_reward * (self._potential() - self._potential_before)
        if self.description_reward:
            needed = max(1, self._expert_steps())
            share = self.description_reward / needed if self.turn <= needed else 0.0
            foreseen = 0.0 if self._predicted is None else agreement(self._predicted, self._description())
            terms["description"], terms["prediction"] = share * (self._described or 0.0), share * foreseen
        return terms
