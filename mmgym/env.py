"""The contract of an environment: a Gymnasium environment whose observations a vision-language model can read.

A subclass says what is particular to it: its instance (`_generate`), its state (`_get_state`, `_set_state`), its
picture and text, its tools, and when it is solved. This base class does the rest, the same way everywhere: options
and their errors, validation of actions, feedback, the turn limit, `info`, snapshots and state keys.
"""

from __future__ import annotations

import difflib
import hashlib
import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import gymnasium as gym
import numpy as np

from mmgym.parts import as_picture
from mmgym.pointing import Pointer
from mmgym.rewards import RewardTerms
from mmgym.spaces import TextSpace, Tool, ToolCall, ToolSpace, whole
from mmgym.table import Table

__all__ = [
    "SPLITS",
    "Capabilities",
    "Effect",
    "MachineryFailure",
    "MultimodalEnv",
    "Unsupported",
    "choose",
    "unwrap",
    "whole",
]

SPLITS = ("train", "val", "test", "ood")
"""The splits. No two of them share an instance; ``ood`` differs from the others in kind as well."""

OBS_MODES = ("image", "text", "both")
SNAPSHOT_VERSION = 1
_MANY = 30
"""Names that an error still lists."""


class Unsupported(RuntimeError):
    """Raised when something is asked of an environment that it does not declare in its `Capabilities`."""


class MachineryFailure(RuntimeError):
    """Raised inside an environment when its machinery fails (a browser, a simulator), which is not the agent's doing.

    `MultimodalEnv.step` turns it into the end of the episode: reward 0, ``truncated``, and ``info["error"]``.
    """


@dataclass(frozen=True)
class Capabilities:
    """What an environment can do. Conformance tests hold every environment to what it declares."""

    expert: Literal["solves", "optimal_in_expectation", "none"] = "solves"
    """Whether `MultimodalEnv.expert` wins every instance, is the best policy where none can, or is missing."""
    expert_steps: Literal["exact", "at_least"] = "exact"
    """Whether ``info["expert_steps"]`` is what the expert takes, or a lower bound (it may have to scroll as well)."""
    snapshot: Literal["state", "replay", "none"] = "state"
    """How `MultimodalEnv.snapshot` works."""
    splits: Literal["content", "seed", "single"] = "content"
    """Whether splits are disjoint by content, by seed only, or there is one."""
    questions: bool = True
    """Whether `MultimodalEnv.questions` is there."""
    text_twin: bool = True
    """Whether ``obs_mode="text"`` is there."""
    deterministic: bool = True
    """Whether equal seeds and actions give equal observations."""
    order_sensitive: bool = False
    """Whether the order of several images matters to the answer."""
    alone: bool = True
    """Whether nothing changes but by valid calls: False where others move at the same time."""
    audio_needed: bool = False
    """Whether the answer needs the sound."""


@dataclass(frozen=True)
class Effect:
    """What a tool's method returns."""

    effective: bool = True
    """Whether the call changed the state."""
    feedback: str = ""
    """What the agent is told in the next observation."""


class MultimodalEnv(gym.Env[dict[str, Any], Any]):
    """Base class of every mmgym environment.

    Observations are a `Dict` whose entries, in order, are the parts of the message an agent sees: ``image`` (uint8,
    height x width x 3, unless ``obs_mode="text"``), ``text`` (the text twin, unless ``obs_mode="image"``) and
    ``feedback`` (what the last action did wrong; often empty).

    Args:
        level: default difficulty, from 1 (easiest) to `levels`.
        split: default split, one of `SPLITS`.
        obs_mode: ``"image"``, ``"text"`` or ``"both"``.
        image_size: side of the square image in pixels.
        max_turns: turns until the episode is truncated; None takes the environment's own limit for the instance.
        max_calls: the largest number of tool calls in one turn.
        render_mode: None or ``"rgb_array"``.

    Raises:
        ValueError: for a value that is not allowed; the message names what is.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 4}
    capabilities: Capabilities = Capabilities()
    """What the environment can do; an instance may replace its class's, before ``super().__init__``."""
    levels: ClassVar[int] = 5
    """Number of difficulty levels."""
    built: ClassVar[tuple[str, ...]] = ()
    """Attributes set by the constructor that a snapshot is good for alone: what decides how a state goes on."""
    instruction: str = ""
    """The rules and the goal, in words, for the agent's system prompt. Holds nothing of an instance."""
    action_space: ToolSpace
    observation_space: gym.spaces.Dict

    def __init__(
        self,
        *,
        level: int = 1,
        split: str = "train",
        obs_mode: str = "image",
        image_size: int = 224,
        max_turns: int | None = None,
        max_calls: int = 1,
        render_mode: str | None = None,
        **unknown: Any,
    ):
        if unknown:
            raise TypeError(
                f"{type(self).__name__} takes no argument {', '.join(map(repr, unknown))}; "
                f"allowed: {', '.join(_arguments(type(self)))}"
            )
        self._default_level = self._check_level(level)
        self._default_split = choose("split", split, SPLITS)
        self.obs_mode = choose("obs_mode", obs_mode, OBS_MODES)
        if obs_mode != "image" and not self.capabilities.text_twin:
            raise Unsupported(f"{type(self).__name__} has no text twin: what it asks is only in the pixels")
        self.image_size = whole("image_size", image_size, 16, 4096)
        self._max_turns_argument = None if max_turns is None else whole("max_turns", max_turns)
        self.render_mode = (
            None if render_mode is None else choose("render_mode", render_mode, self.metadata["render_modes"])
        )
        self.action_space = ToolSpace(self._tools(), max_calls)
        self.observation_space = gym.spaces.Dict(self._observation_parts(), sort_keys=False)
        self.level, self.split = self._default_level, self._default_split
        self.max_turns = max_turns or 1
        self.turn = 0
        self.success = False
        self._terminated = False
        self._valid = True
        self._feedback = ""
        self._shown: dict[str, Any] = {}

    # --- what a subclass defines -------------------------------------------------------------------------------------

    def _generate(self, task: Any) -> None:
        """Draw an instance of `self.level` and `self.split` from `self.np_random`; `task` is ``options["task"]``."""
        raise NotImplementedError

    def _turn_limit(self) -> int:
        """Turns allowed for the current instance."""
        raise NotImplementedError

    def _get_state(self) -> dict[str, Any]:
        """The instance and its Markov state as JSON-able values: no random state, no counters."""
        raise NotImplementedError

    def _set_state(self, state: dict[str, Any]) -> None:
        """The inverse of `_get_state`."""
        raise NotImplementedError

    def _image(self) -> np.ndarray:
        """The picture of the current state: a fresh uint8 array (image_size, image_size, 3)."""
        raise NotImplementedError

    def _text(self) -> str:
        """The text twin of the picture."""
        raise Unsupported(f"{type(self).__name__} has no text twin")

    def _miss(self) -> None:
        """Let a turn pass in which the agent gave no valid call: nothing happens, unless others move meanwhile."""

    def _perform(self, call: ToolCall) -> Effect:
        """Carry out one valid call: the method of that name, unless a subclass has more to do around it."""
        effect: Effect = getattr(self, call.name)(**call.arguments)
        return effect

    def _is_success(self) -> bool:
        """Whether the task is solved in the current state."""
        raise NotImplementedError

    def _is_failure(self) -> bool:
        """Whether the episode has ended without success, for good."""
        return False

    def _reward_terms(self) -> RewardTerms:
        """The reward of the turn just made, by name. The outcome alone unless a subclass adds process terms.

        `self._valid` says whether the turn's action could be read.
        """
        return {"outcome": float(self.success)}

    def _measures(self) -> dict[str, float]:
        """What the turn just made measured, by name, always the same names: worth nothing until a `RewardSpec` says so.

        On a reset, and for a turn in which nothing could be done, the values are those of no action.
        """
        return {}

    def _expert_call(self) -> ToolCall:
        """The expert's next call, read off the state."""
        raise Unsupported(f"{type(self).__name__} has no expert")

    def _expert_steps(self) -> int:
        """Turns the expert needs from the initial state; 0 without an expert."""
        return 0

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        raise Unsupported(f"{type(self).__name__} poses no questions")

    # --- Gymnasium ---------------------------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode; its content is drawn from the seed alone.

        Args:
            seed: seed of everything random in the episode.
            options: ``split``, ``level`` and ``task`` override the constructor's.

        Raises:
            ValueError: for another option, or a split, level or task that does not exist, naming those that do.
        """
        if "action_space" not in vars(self):
            raise TypeError(f"{type(self).__name__}.__init__ must call super().__init__(**arguments)")
        super().reset(seed=seed)
        options = {} if options is None else options
        if not isinstance(options, Mapping) or not set(options) <= {"level", "split", "task"}:
            raise ValueError(f"options must be a dict with any of level, split and task; got {options!r}")
        self.level = self._check_level(options.get("level", self._default_level))
        self.split = choose("split", options.get("split", self._default_split), SPLITS)
        self.turn, self.success, self._terminated, self._feedback = 0, False, False, ""
        self._generate(options.get("task"))
        self.max_turns = self._max_turns_argument or self._turn_limit()
        return self._show(), self._info(terms={})

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Make one turn of 1 to k calls, in order, until the episode ends.

        An action outside the action space is never an exception: it costs the turn, ``info["action_valid"]`` is
        False and the next observation says what was wrong.
        """
        if self._terminated or self.turn >= self.max_turns:
            raise gym.error.ResetNeeded("the episode has ended: call reset() first")
        self.turn += 1
        effective, valid, notes = False, True, []
        try:
            calls = self.action_space.parse(action)
        except ValueError as problem:
            calls, valid, notes = [], False, [str(problem)]
        try:
            if not valid:
                self._miss()
                self.success = self._is_success()
                self._terminated = self.success or self._is_failure()
            for call in calls:
                effect = self._perform(call)
                if not isinstance(effect, Effect):
                    raise TypeError(f"{type(self).__name__}.{call.name} must return an Effect; got {effect!r}")
                effective |= effect.effective
                if effect.feedback:
                    notes.append(effect.feedback)
                self.success = self._is_success()
                self._terminated = self.success or self._is_failure()
                if self._terminated:
                    break
            self._feedback = " ".join(notes)
            observation = self._show()
        except MachineryFailure as failure:
            return self._fail(failure)
        self._valid = valid
        terms = self._reward_terms()
        truncated = not self._terminated and self.turn >= self.max_turns
        info = self._info(terms=terms, valid=valid, effective=effective)
        try:
            reward = float(sum(terms.values()))
        except TypeError as error:
            raise TypeError(f"{type(self).__name__}._reward_terms must return numbers by name; got {terms}") from error
        return observation, reward, self._terminated, truncated, info

    def render(self) -> np.ndarray | None:
        """The picture of the current state, or None without a render mode."""
        return self._image() if self.render_mode == "rgb_array" else None

    # --- beyond Gymnasium --------------------------------------------------------------------------------------------

    def state_key(self) -> str:
        """Hash of the task instance and its Markov state, without random state, turn count and budgets."""
        content = json.dumps(
            [type(self).__name__, self.level, self._get_state()], sort_keys=True, separators=(",", ":")
        )
        return hashlib.sha256(content.encode()).hexdigest()[:32]

    def snapshot(self) -> bytes:
        """A branch point as versioned JSON: after `restore`, what follows is what would have followed."""
        self._require("snapshot", self.capabilities.snapshot != "none")
        content = {
            "version": SNAPSHOT_VERSION,
            "environment": type(self).__name__,
            "built": self._built(),
            "level": self.level,
            "split": self.split,
            "turn": self.turn,
            "max_turns": self.max_turns,
            "success": self.success,
            "terminated": self._terminated,
            "feedback": self._feedback,
            "random": self.np_random.bit_generator.state,
            "state": self._get_state(),
        }
        return json.dumps(content).encode()

    def restore(self, snapshot: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
        """Go back to a snapshot and return its observation and info.

        Raises:
            ValueError: when the bytes are no snapshot of this environment, built alike, and version.
        """
        self._require("snapshot", self.capabilities.snapshot != "none")
        content = self._read_snapshot(snapshot, "turn", "success", "terminated", "feedback", "state")
        self.level, self.split = self._check_level(content["level"]), choose("split", content["split"], SPLITS)
        self.turn, self.max_turns = content["turn"], content["max_turns"]
        self.success, self._terminated = content["success"], content["terminated"]
        self._feedback = content["feedback"]
        self.np_random.bit_generator.state = content["random"]
        try:
            self._set_state(content["state"])
        except (LookupError, TypeError) as error:
            raise ValueError(f"not a whole snapshot of {type(self).__name__}: its state lacks {error}") from error
        return self._show(), self._info(terms={})

    def _read_snapshot(self, snapshot: bytes, *needed: str) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(snapshot)
            kind, version = content["environment"], content["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError("not a snapshot: expected the bytes that snapshot() returned") from error
        if kind != type(self).__name__ or version != SNAPSHOT_VERSION:
            wanted = f"{type(self).__name__} version {SNAPSHOT_VERSION}"
            raise ValueError(f"snapshot of {kind} version {version} cannot be restored here; expected {wanted}")
        if missing := {"level", "split", "max_turns", "random", *needed} - set(content):
            raise ValueError(f"not a whole snapshot of {kind}: it lacks {', '.join(sorted(missing))}")
        ours = self._built()
        if (theirs := content.get("built", ours)) != ours:  # older ones do not say
            raise ValueError(f"snapshot of {kind} with {theirs} cannot be restored here; expected {ours}")
        return content

    def _built(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.built}

    @property
    def seats(self) -> tuple[str, ...]:
        """Names of the seats that agents can take together, each the constructor's `seat`; empty for one agent."""
        return ()

    def table(self, envs: Sequence[gym.Env[Any, Any]]) -> Table:
        """A match that several agents play.

        Args:
            envs: an environment for each of the `seats`, in their order, with their wrappers.

        Raises:
            Unsupported: for an environment of one agent.
            ValueError: for other environments.
        """
        raise Unsupported(f"{type(self).__name__} has one seat: it is not played by several agents")

    def expert(self) -> ToolCall:
        """The next call of a scripted expert that reads the state."""
        self._require("expert", self.capabilities.expert != "none")
        return self._expert_call()

    def points_at(self, call: ToolCall) -> tuple[Pointer, ...]:
        """What a valid call points at in the pictures shown so far, for who watches; nothing unless a subclass says."""
        return ()

    def questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        """Questions about what the observation shows, each with its exact answer, drawn and ordered by `rng`."""
        self._require("questions", self.capabilities.questions)
        return self._questions(rng)

    # --- machinery ---------------------------------------------------------------------------------------------------

    def _tools(self) -> list[Tool]:
        names = [name for name in dir(type(self)) if getattr(getattr(type(self), name), "__mmgym_tool__", False)]
        return [Tool.from_function(getattr(type(self), name)) for name in names]

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of the picture in pixels."""
        return self.image_size, self.image_size

    def _observation_parts(self) -> dict[str, gym.Space[Any]]:
        parts: dict[str, gym.Space[Any]] = {}
        if self.obs_mode != "text":
            parts["image"] = gym.spaces.Box(0, 255, (*self.image_shape, 3), np.uint8)
        if self.obs_mode != "image":
            parts["text"] = TextSpace()
        parts["feedback"] = TextSpace()
        return parts

    def _observe(self) -> dict[str, Any]:
        observation: dict[str, Any] = {}
        if self.obs_mode != "text":
            observation["image"] = as_picture(f"{type(self).__name__}._image", self._image(), self.image_shape)
        if self.obs_mode != "image":
            observation["text"] = self._text()
        observation["feedback"] = self._feedback
        return observation

    def _show(self) -> dict[str, Any]:
        self._shown = self._observe()
        return dict(self._shown)

    def _fail(self, failure: MachineryFailure) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """End the episode because the machinery failed: what was shown last once more, and the error in the info."""
        self.success, self._terminated, self.max_turns = False, False, self.turn
        shown: dict[str, Any] = {
            name: np.copy(part) if isinstance(part, np.ndarray) else part for name, part in self._shown.items()
        }
        self._feedback = shown.get("feedback", "")
        terms = dict.fromkeys(self._reward_terms(), 0.0)
        return shown, 0.0, False, True, self._info(terms, error=str(failure))

    def _info(self, terms: RewardTerms, valid: bool = True, effective: bool = False, error: str = "") -> dict[str, Any]:
        return {
            "success": self.success,
            "reward_terms": dict(terms),
            "measures": self._measures(),
            "action_valid": valid,
            "action_effective": effective,
            "feedback": self._feedback,
            "error": error,
            "level": self.level,
            "split": self.split,
            "expert_steps": self._expert_steps(),
        }

    def _check_level(self, level: Any) -> int:
        return whole("level", level, 1, self.levels)

    def _require(self, what: str, declared: bool) -> None:
        if not declared:
            raise Unsupported(f"{type(self).__name__} declares no {what}")


def unwrap(env: gym.Env[Any, Any]) -> MultimodalEnv:
    """The mmgym environment inside any wrappers (Gymnasium's wrappers forward no attributes).

    Raises:
        TypeError: when there is none.
    """
    inner = env.unwrapped
    if not isinstance(inner, MultimodalEnv):
        raise TypeError(f"{type(inner).__name__} is no mmgym environment (a subclass of mmgym.MultimodalEnv)")
    return inner


def choose(name: str, value: Any, allowed: Iterable[str]) -> Any:
    """`value` if it is among `allowed`; else a ValueError that names field, value and what is allowed.

    Of many names, it says how many there are and which come closest.
    """
    names = list(allowed)
    if isinstance(value, str) and value in names:
        return value
    listed = f"one of {', '.join(names)}"
    if len(names) > _MANY:
        close = difflib.get_close_matches(str(value), names, 5, 0) or names[:5]
        listed = f"one of {len(names)} names, such as {', '.join(close)}"
    raise ValueError(f"{name} must be {listed}; got {value!r}")


def _arguments(kind: type) -> list[str]:
    """Keyword arguments of a class's constructor and those that it passes them on to."""
    makers = [vars(base)["__init__"] for base in kind.__mro__ if "__init__" in vars(base) and base is not object]
    named = (parameter for maker in makers for parameter in inspect.signature(maker).parameters.values())
    return sorted({parameter.name for parameter in named if parameter.kind is parameter.KEYWORD_ONLY})
