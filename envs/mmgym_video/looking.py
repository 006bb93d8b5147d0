"""What every environment here shares: an agent that may look a little at a time, within budgets, and answers once.

What is shown are *shots*: parts of pictures, numbered in the order in which they are shown. A subclass says what a
shot's picture is, and has the tools that take new ones; this base has the question, the budgets, notes, the answer,
what a turn measured, and the state.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import gymnasium as gym
import numpy as np
from annotated_types import Interval, MaxLen

from mmgym.env import Effect, MultimodalEnv, choose, whole
from mmgym.parts import PartsSpace
from mmgym.pointing import Pointer, pointers
from mmgym.rewards import RewardTerms
from mmgym.spaces import TextSpace, ToolCall, flag, number, tool
from mmgym_video.pictures import WHOLE, Box, contact_sheet, fitted, inner_box
from mmgym_video.question import LETTERS, Question
from mmgym_video.scoring import coverage, is_correct, option_index, score, temporal_iou

__all__ = ["FRAMES", "TURNS", "LookingEnv", "Shot", "chosen_families"]

FRAMES = {1: 16, 2: 24, 3: 32, 4: 48, 5: 64}
"""Pictures that may be taken in an episode, by level."""
TURNS = {1: 12, 2: 16, 3: 20, 4: 30, 5: 40}
"""Turns, by level."""
MAX_NOTES = 20
"""Notes that are kept."""
SMALLEST_BOX = 0.01
"""Smallest side of a part that can be looked at, as a share of the whole picture's."""

_OF_THESE = re.compile(r"\b(?:of these|the following)\b", re.IGNORECASE)
"""In a question that cannot be answered by who does not know its options."""

Permille = Annotated[int, Interval(ge=0, le=1000)]


@dataclass(frozen=True)
class Shot:
    """One picture that was shown."""

    time: float = 0.0
    """When its frame appears, in seconds; 0 for a picture that is no frame."""
    box: Box = WHOLE
    """The part that is shown."""
    marks: tuple[tuple[Any, ...], ...] = ()
    """What else was done to it, e.g. rotated: names and numbers, JSON-able."""


class LookingEnv(MultimodalEnv):
    """Base of the environments in which an agent answers a question by looking.

    Args:
        frame_budget: pictures that may be taken in an episode, whatever the preview shows; None takes the level's.
        tokens_per_image: the most tokens that a picture takes, at `patch` by `patch` pixels each.
        patch: side of the square of pixels that becomes one token: 32 for Qwen3-VL, 28 for Qwen2.5-VL.
        repeat_question: whether every observation repeats the question; else only the first one has it.
        open_answers: whether questions are asked without their options; one that asks which "of these" it is names
            them in words.
        grounding_reward: weight of the term ``grounding_reward``: what a turn adds to the temporal IoU between the
            moments that were asked for and the evidence.
        frame_cost: what each picture costs (term ``frame_cost``).
        **arguments: those of `MultimodalEnv`.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 1}
    instance: Any
    """What is asked about, with its `state`, `question` and `case`."""
    question: Question
    """What is asked."""
    shots: tuple[Shot, ...]
    """What was shown, number 1 first."""
    requested: tuple[tuple[float, float], ...]
    """Stretches of the video that were asked for, (start, end) in seconds."""
    _steps: int | None
    """Turns the expert needs from the start, once that was asked."""
    notes: tuple[str, ...]
    """Notes that were kept."""
    said: str | None
    """What was answered."""
    frames_used: int
    """Pictures that were taken."""

    def __init__(
        self,
        *,
        frame_budget: int | None = None,
        tokens_per_image: int = 48,
        patch: int = 32,
        repeat_question: bool = True,
        open_answers: bool = False,
        grounding_reward: float = 0.0,
        frame_cost: float = 0.0,
        image_size: int = 448,
        **arguments: Any,
    ) -> None:
        self.tokens_per_image = whole("tokens_per_image", tokens_per_image, 1, 4096)
        self.patch = whole("patch", patch, 8, 4096)
        self._frame_budget_argument = None if frame_budget is None else whole("frame_budget", frame_budget)
        self.grounding_reward = number("grounding_reward", grounding_reward)
        self.frame_cost = number("frame_cost", frame_cost)
        self.repeat_question = flag("repeat_question", repeat_question)
        self.open_answers = flag("open_answers", open_answers)
        super().__init__(image_size=image_size, **arguments)
        self._clear()

    # --- what a subclass defines -------------------------------------------------------------------------------------

    def _picture(self, shot: Shot) -> np.ndarray:
        """The picture of a shot, at the size that an agent sees: a fresh uint8 array (height, width, 3)."""
        raise NotImplementedError

    def _in_words(self, shot: Shot) -> str:
        """What a shot shows, for the text twin."""
        raise NotImplementedError

    def _caption(self, number: int, shot: Shot) -> str:
        """What is written before a picture."""
        raise NotImplementedError

    def _moments(self, shot: Shot) -> Sequence[tuple[float, float]]:
        """The stretches of the video that a shot shows, (start, end) in seconds."""
        return ((shot.time, shot.time),)

    def _about(self) -> str:
        """What an agent has to know of what is asked about, e.g. how long a video is; empty for nothing."""
        return ""

    def _open(self, state: dict[str, Any]) -> None:
        """Bring up an instance, and nothing looked at of it; an empty state stands for one before the first reset.

        It sets `instance` and, by `_pose`, the question.
        """
        raise NotImplementedError

    def _planned_steps(self) -> int:
        """Turns the expert needs from the start."""
        raise NotImplementedError

    def _instance_state(self) -> dict[str, Any]:
        """What `_set_instance` takes to bring back what is asked about, JSON-able."""
        return dict(self.instance.state)

    def _set_instance(self, state: dict[str, Any]) -> None:
        self._open(state)

    # --- tools -------------------------------------------------------------------------------------------------------

    @tool
    def note(self, text: Annotated[str, MaxLen(500)]) -> Effect:
        """Keep a note; all notes are shown in every turn.

        Args:
            text: what to keep.
        """
        if not text.strip():
            return Effect(False, "An empty note is not kept.")
        if len(self.notes) >= MAX_NOTES:
            return Effect(False, f"There are {MAX_NOTES} notes already; no more are kept.")
        self.notes = (*self.notes, text.strip())
        return Effect(True)

    @tool
    def answer(self, text: Annotated[str, MaxLen(2000)]) -> Effect:
        """Give the answer. It ends the episode.

        Args:
            text: the letter or the text of an option; a number or words where there are no options.
        """
        if self.question.options and option_index(self.question, text) is None:
            letters = LETTERS[: len(self.question.options)]
            return Effect(
                False, f"That names none of the options, or several: answer with one of {', '.join(letters)}."
            )
        self.said = text
        return Effect(True)

    def points_at(self, call: ToolCall) -> tuple[Pointer, ...]:
        """The part of a picture that a call names."""
        number = call.arguments.get("picture", call.arguments.get("frame"))
        if number is None or self._shot(number) is None:
            return ()
        return pointers(call.arguments, 1000, 1000, number - 1)

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The calls of one who looks where the expert does, and then guesses in two questions of five."""
        call = self.expert()
        if call.name not in ("answer", "choose") or rng.random() >= 0.4:
            return call
        guess = str(rng.choice(self.question.options)) if self.question.options else "none"
        return ToolCall(call.name, dict.fromkeys(call.arguments, guess))

    def _zoom(self, number: int, left: int, top: int, right: int, bottom: int) -> Effect:
        """Take a part of a picture that was shown, edges in thousandths of that picture."""
        found = self._part_of(number, left, top, right, bottom)
        if isinstance(found, Effect):
            return found
        shot, box = found
        return self._take([Shot(shot.time, box, shot.marks)], zooms=1)

    def _part_of(self, number: int, left: int, top: int, right: int, bottom: int) -> tuple[Shot, Box] | Effect:
        """A shot, and the part of its picture that lies between these edges of it; or the refusal."""
        if (shot := self._shot(number)) is None:
            return self._refused(self._no_shot(number))
        if left >= right or top >= bottom:
            return self._refused(f"The box has no area: {left} to {right} across, {top} to {bottom} down.")
        inner = inner_box(shot.box, (left / 1000, top / 1000, right / 1000, bottom / 1000))
        x0, y0, x1, y1 = (round(edge, 9) for edge in inner)  # a part that is reached in two ways is one part
        if x1 - x0 < SMALLEST_BOX or y1 - y0 < SMALLEST_BOX:
            return self._refused("That box is smaller than a hundredth of the picture's side.")
        return shot, (x0, y0, x1, y1)

    def _shot(self, number: int) -> Shot | None:
        return self.shots[number - 1] if 1 <= number <= len(self.shots) else None

    def _no_shot(self, number: int) -> str:
        shown = f"1 to {len(self.shots)}" if self.shots else "none yet"
        return f"There is no picture {number}; shown so far: {shown}."

    def _take(self, shots: Sequence[Shot], asked: Sequence[tuple[float, float]] = (), zooms: int = 0) -> Effect:
        """Show new pictures, if the budget allows.

        Args:
            shots: what to show.
            asked: stretches of the video that were asked for, (start, end) in seconds.
            zooms: how many of the calls of this turn this adds to those that zoom.
        """
        if len(shots) > self.frames_left:
            needs = f"That takes {len(shots)} picture{'s' * (len(shots) > 1)}"
            return self._refused(f"{needs}; {self.frames_left} of {self.frame_budget} are left.")
        seen, evidence = {shot for shot in self.shots}, self.question.evidence
        self._counts["looks"] += 1
        self._counts["zooms"] += zooms
        self._counts["frames"] += len(shots)
        self._counts["hits"] += sum(
            any(since <= end and start <= until for since, until in self._moments(shot) for start, end in evidence)
            for shot in shots
        )
        self._counts["repeats"] += all(shot in seen for shot in shots)
        self.shots = (*self.shots, *shots)
        self.requested = (*self.requested, *asked)
        self.frames_used += len(shots)
        return Effect(True)

    def _refused(self, why: str) -> Effect:
        """A look that cannot be had."""
        self._counts["looks"] += 1
        self._counts["look_errors"] += 1
        return Effect(False, why)

    # --- the episode -------------------------------------------------------------------------------------------------

    def _clear(self) -> None:
        """Start an episode in which nothing was looked at."""
        self.shots, self.requested, self.notes = (), (), ()
        self.said = None
        self.frames_used = 0
        self._first_new = 0
        self._start_turn()

    def _start_turn(self) -> None:
        self._counts = dict.fromkeys(("looks", "zooms", "frames", "hits", "repeats", "look_errors"), 0)
        self._grounding_before, self._evidence_before = self._grounding(), self._evidence()

    def _pose(self, instance: Any, families: Mapping[str, Any]) -> None:
        """Take up an instance, and ask its question, without its options if that is wanted."""
        self.instance, self._steps = instance, None
        question: Question = instance.question
        if self.open_answers and question.options:
            kind: Any = families[question.family].open_kind if question.family in families else "ocr"
            text = question.question
            if _OF_THESE.search(text):
                text = f"{text} ({'; '.join(question.options)})"
            question = replace(question, question=text, options=(), kind=kind)
        self.question = question

    def _expert_steps(self) -> int:
        if self._steps is None:
            self._steps = self._planned_steps() if self.capabilities.expert != "none" else 0
        return self._steps

    def __getstate__(self) -> dict[str, Any]:
        """All but what is asked about, which is opened again where it is unpickled."""
        kept = {name: value for name, value in vars(self).items() if name not in ("instance", "video")}
        return {**kept, "_opened": self.instance.state}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = dict(state)
        opened = kept.pop("_opened")
        vars(self).update(kept)
        self._open(opened)
        vars(self).update(kept)

    @property
    def frame_budget(self) -> int:
        """Pictures that may be taken in the episode."""
        return self._frame_budget_argument or FRAMES[self.level]

    @property
    def frames_left(self) -> int:
        """Pictures that may still be taken."""
        return self.frame_budget - self.frames_used

    def _turn_limit(self) -> int:
        return TURNS[self.level]

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Make one turn; see `MultimodalEnv.step`."""
        if not self._terminated and self.turn < self.max_turns:
            self._first_new = len(self.shots)
            self._start_turn()
        return super().step(action)

    def _is_success(self) -> bool:
        return self.said is not None and is_correct(self.question, self.said)

    def _is_failure(self) -> bool:
        return self.said is not None and not self._is_success()

    def _grounding(self) -> float:
        return temporal_iou(self.requested, self.question.evidence) if self.requested else 0.0

    def _evidence(self) -> float:
        return coverage(self.requested, self.question.evidence) if self.requested else 0.0

    def _reward_terms(self) -> RewardTerms:
        terms = super()._reward_terms()
        if self.grounding_reward:
            terms["grounding_reward"] = self.grounding_reward * (self._grounding() - self._grounding_before)
        if self.frame_cost:
            terms["frame_cost"] = -self.frame_cost * self._counts["frames"]
        return terms

    def _measures(self) -> dict[str, float]:
        """What the turn was.

        The graded answer, looking calls, pictures, those of them in the evidence (``hits``), and what the turn added
        to the temporal IoU with the evidence and to the share of it that was asked for.
        """
        return {
            "answer": 0.0 if self.said is None else score(self.question, self.said),
            **{name: float(count) for name, count in self._counts.items()},
            "grounding": self._grounding() - self._grounding_before,
            "evidence": self._evidence() - self._evidence_before,
        }

    # --- what is seen ------------------------------------------------------------------------------------------------

    def _observation_parts(self) -> dict[str, gym.Space[Any]]:
        parts: dict[str, gym.Space[Any]] = {"task": TextSpace()}
        if self.obs_mode != "text":
            parts["frames"] = PartsSpace()
        if self.obs_mode != "image":
            parts["text"] = TextSpace(2**20)
        return {**parts, "feedback": TextSpace()}

    def _observe(self) -> dict[str, Any]:
        new = list(enumerate(self.shots, 1))[self._first_new :]
        observation: dict[str, Any] = {"task": self._task()}
        if self.obs_mode != "text":
            parts: list[Any] = []
            for number, shot in new:
                parts += [self._caption(number, shot), self._picture(shot)]
            observation["frames"] = tuple(parts)
        if self.obs_mode != "image":
            lines = [f"{self._caption(number, shot)} {self._in_words(shot)}." for number, shot in new]
            observation["text"] = "\n".join(lines) or "No new picture."
        return {**observation, "feedback": self._feedback}

    def _task(self) -> str:
        lines = []
        if self.repeat_question or self.turn == 0:
            lines += [self.question.text(), self._about()]
        lines += [f"Note {number}: {text}" for number, text in enumerate(self.notes, 1)]
        lines.append(f"Pictures left: {self.frames_left}. Turns left: {self.max_turns - self.turn}.")
        return "\n".join(line for line in lines if line)

    def shown_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width at which a picture of this height and width is shown."""
        return fitted(height, width, self.tokens_per_image, self.patch)

    def _image(self) -> np.ndarray:
        """What was shown last, on one sheet."""
        new = list(enumerate(self.shots, 1))[self._first_new :] or list(enumerate(self.shots, 1))[-1:]
        pictures = [self._picture(shot) for _, shot in new]
        return contact_sheet(pictures, [self._caption(*item) for item in new], *self.image_shape)

    # --- state -------------------------------------------------------------------------------------------------------

    def _get_state(self) -> dict[str, Any]:
        return {
            "instance": self._instance_state(),
            "shots": [[shot.time, list(shot.box), [list(mark) for mark in shot.marks]] for shot in self.shots],
            "requested": [list(interval) for interval in self.requested],
            "notes": list(self.notes),
            "said": self.said,
            "frames_used": self.frames_used,
            "first_new": self._first_new,
            "counts": dict(self._counts),
            "before": [self._grounding_before, self._evidence_before],
        }

    def state_key(self) -> str:
        """Hash of the instance, and of what was seen, noted and said; not of what is new in the last turn."""
        state = self._get_state()
        for budget in ("frames_used", "first_new", "counts", "before"):
            del state[budget]
        content = json.dumps([type(self).__name__, self.level, state], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def _set_state(self, state: dict[str, Any]) -> None:
        self._set_instance(state["instance"])
        self._clear()
        self.shots = tuple(
            Shot(time, tuple(box), tuple(tuple(mark) for mark in marks)) for time, box, marks in state["shots"]
        )
        self.requested = tuple((start, end) for start, end in state["requested"])
        self.notes, self.said = tuple(state["notes"]), state["said"]
        self.frames_used, self._first_new = state["frames_used"], state["first_new"]
        self._counts = dict(state["counts"])
        self._grounding_before, self._evidence_before = state["before"]


def chosen_families(names: Sequence[str] | None, families: Mapping[str, Any]) -> list[Any]:
    """The families of these names; all for None.

    Raises:
        ValueError: for a name that does not exist, or none at all, naming those that do.
    """
    chosen = [families[choose("families", name, families)] for name in (families if names is None else names)]
    if not chosen:
        raise ValueError(f"families must be some of {', '.join(families)}, or None; got {names!r}")
    return chosen
