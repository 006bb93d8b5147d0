"""The environment around the environment: pictures, named actions and texts of any Gymnasium environment, for a VLM."""

from __future__ import annotations

import hashlib
import json
import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec

from mmgym.env import SPLITS, Capabilities, Effect, MachineryFailure, MultimodalEnv, choose, whole
from mmgym.rewards import RewardTerms
from mmgym.spaces import TextSpace, Tool, ToolCall
from mmgym.wrapped.actions import TOOL
from mmgym.wrapped.inside import Inside, compose_instruction
from mmgym.wrapped.pictures import check_size, fit, rest_of
from mmgym.wrapped.source import Source, turn_limit
from mmgym.wrapped.success import Ending

__all__ = ["ENTRY_POINT", "ID", "Wrapped"]

ID = "mmgym/Wrapped-v0"
"""Gymnasium id; its argument ``env_id`` says what is inside."""

ENTRY_POINT = "mmgym.wrapped:Wrapped"
"""Where the class is found."""

_DEFAULT_TURNS = 1000
"""Turns of an episode where neither the caller nor the environment sets a limit."""

_SEEDS = 2**31 // len(SPLITS)


class Wrapped(MultimodalEnv):
    """A Gymnasium environment with a picture and numbered actions, made one for vision-language models.

    ## Description
    ``mmgym.wrap(gym.make("MiniGrid-Empty-8x8-v0"))``, or, in a configuration or a worker process,
    ``gym.make("mmgym/Wrapped-v0", env_id="minigrid:MiniGrid-Empty-8x8-v0")``. The environment itself is
    ``unwrap(env).inner``; its last info is ``inner_info``, the seed of its episode ``inner_seed``.

    ## Action space
    One tool, ``act``, with the choice ``action``. The names come from the environment where it has them (an enum
    ``unwrapped.actions``, or ``unwrapped.get_action_meanings()``), else they are ``action_0``, ... `MultiDiscrete` has
    one choice per dimension. A turn that cannot be read costs a turn, and the environment inside does not move.

    ## Observation space
    ``image``: the one picture in the observation (a uint8 `Box` (height, width), (height, width, 1) or
    (height, width, 3) of at least 32 pixels a side; smaller arrays encode something), else what `render` returns, which
    may show more than the observation does. Before it, with ``frames > 1``, ``earlier_1`` and so on. ``task``: the
    texts in the observation, such as a mission, where it has any. ``feedback``. Nothing else of it is shown.

    ## Starting state
    As the environment draws it from a seed. The seeds of different splits are never equal (they differ modulo 4), but
    two seeds may draw the same instance, and ``ood`` is of the same kind as the others.

    ## Rewards
    The environment's, unchanged, as the term ``outcome``; or 1 for success and 0 else with ``reward="success"``.

    **Success**, unless `success` says otherwise: where the spec declares a ``reward_threshold``, a total reward of at
    least that (below 0, only where the environment has ended the episode); elsewhere, that the environment ends the
    episode itself with a positive reward larger than every one before it, as a goal looks. An environment of which
    neither is true has no success: say what it is.

    ## Episode end
    The environment terminates or truncates, or `max_turns` are over. An exception inside is a failure of the machinery.

    ## Arguments
    Those of `MultimodalEnv`, without a text twin, and:

    Args:
        env_id: what is inside: an id (``module:id`` imports the module first), an `EnvSpec` or its JSON, an
            environment, or a callable that returns one.
        env_kwargs: arguments for its maker.
        actions: names of the actions, as {name: number} (of some or all), as a list of all names, or for
            `MultiDiscrete` as {dimension: either}; None for the environment's own.
        picture: where the picture comes from: ``"observation"``, ``"render"``, the name of an entry of the
            observation, or None as described above.
        frames: how many pictures an observation shows, the newest last: those of the last steps.
        max_repeat: with more than 1, ``act`` takes an optional ``repeat``: the same action up to so many times.
        success: a total reward that is enough, a callable from `Ending` to bool (also as ``"module:function"``), or
            None as described above.
        reward: ``"environment"`` or ``"success"``.
        instruction: the rules and the goal in words; None composes them of what the environment says about itself.
        levels: for each level its arguments beside `env_kwargs`, or another id or callable; None for a single level.
        reset_options: the environment's options for `reset`.
        state_key: a callable from the environment inside to a JSON-able value that tells its states apart (also as
            ``"module:function"``); None takes all of the observation and the picture.
        expert: a callable from the environment inside to the action to take, a name or a number (also as
            ``"module:function"``); None for no expert.
        deterministic: whether seed and actions decide everything, which snapshots by replay need; None asks the spec.
        image_size: None for the picture as it is; a number for a square of that side with black bars; (height, width).
        settings: the arguments of `MultimodalEnv`.

    Raises:
        TypeError: when there is no environment, its actions are not numbered, or it is mmgym's already.
        ValueError: for a value that is not allowed, or an environment without a picture; the message says what to do.

    ## Version history
    v0: first version.
    """

    levels: ClassVar[int] = 1

    def __init__(
        self,
        *,
        env_id: Any = None,
        env_kwargs: Mapping[str, Any] | None = None,
        actions: Any = None,
        picture: str | None = None,
        frames: int = 1,
        max_repeat: int = 1,
        success: float | str | Callable[[Ending], bool] | None = None,
        reward: Literal["environment", "success"] = "environment",
        instruction: str | None = None,
        levels: Sequence[Any] | None = None,
        reset_options: Mapping[str, Any] | None = None,
        state_key: str | Callable[[gym.Env[Any, Any]], Any] | None = None,
        expert: str | Callable[[gym.Env[Any, Any]], Any] | None = None,
        deterministic: bool | None = None,
        image_size: int | tuple[int, int] | None = None,
        **settings: Any,
    ):
        if env_id is None:
            raise ValueError(f'{ID} needs env_id, such as "CartPole-v1" or "minigrid:MiniGrid-Empty-8x8-v0"')
        self._source = Source(env_id, env_kwargs)
        self._arguments: dict[str, Any] = {
            **{"env_id": self._source.portable(), "env_kwargs": env_kwargs, "actions": actions, "picture": picture},
            **{"frames": frames, "max_repeat": max_repeat, "success": success, "reward": reward},
            **{"instruction": instruction, "levels": levels, "reset_options": reset_options, "state_key": state_key},
            **{"expert": expert, "deterministic": deterministic, "image_size": image_size, **settings},
        }
        self._names, self._wanted_picture = actions, picture
        self._frames, self._max_repeat = whole("frames", frames), whole("max_repeat", max_repeat)
        self._success, self._key, self._expert = _function(success), _function(state_key), _function(expert)
        for name, function in (("state_key", self._key), ("expert", self._expert)):
            if function is not None and not callable(function):
                raise ValueError(f'{name} must be a callable or "module:function"; got {function!r}')
        self._pays_success = choose("reward", reward, ("environment", "success")) == "success"
        self._reset_options = None if reset_options is None else dict(reset_options)
        self._size = check_size(image_size)
        self._levels = [{}] if levels is None else list(levels)
        if not self._levels:
            raise ValueError("levels must hold the arguments of at least one level; got none")
        self.levels = len(self._levels)  # type: ignore[misc]
        self._inside: dict[int, Inside] = {}
        first = self._first = self._enter(1)
        spec = first.env.spec
        if deterministic is None:
            deterministic = spec is None or not spec.nondeterministic
        self.capabilities = Capabilities(
            expert="none" if expert is None else "optimal_in_expectation",
            snapshot="replay" if deterministic else "none",
            splits="seed",
            questions=False,
            text_twin=False,
            deterministic=deterministic,
            order_sensitive=frames > 1,
        )
        self.instruction = instruction or compose_instruction(first, self._frames)
        self.metadata = {**self.metadata, "render_fps": first.env.metadata.get("render_fps") or 4}
        super().__init__(image_size=image_size if isinstance(image_size, int) else 224, **settings)
        self.image_size = max(self.image_shape)
        self._current = first
        self._begun = False
        self._broken = False
        self.inner_seed = 0
        self.inner_info: dict[str, Any] = {}
        self._pictures: deque[np.ndarray] = deque(maxlen=self._frames)

    # --- what is inside ----------------------------------------------------------------------------------------------

    @property
    def inner(self) -> gym.Env[Any, Any]:
        """The environment inside, of the current level."""
        return self._current.env

    def _enter(self, level: int) -> Inside:
        """The environment of a level, made at its first use and kept."""
        if level not in self._inside:
            wanted = self._levels[level - 1]
            source, more = (self._source, wanted) if isinstance(wanted, Mapping) else (Source(wanted), {})
            env = source.make(self._wanted_picture, more)
            try:
                inside = Inside.of(
                    env, self._names, self._wanted_picture, self._size, self._success, self._reset_options
                )
                self._check_level_fits(level, inside)
            except Exception:
                env.close()
                raise
            self._inside[level] = inside
        return self._inside[level]

    def _check_level_fits(self, level: int, inside: Inside) -> None:
        if level == 1:
            return
        for what, ours, first in (
            ("actions", list(inside.actions.choices.items()), list(self._first.actions.choices.items())),
            ("size of the picture (give image_size)", inside.shape, self._first.shape),
            ("texts in the observation", bool(inside.texts), bool(self._first.texts)),
        ):
            if ours != first:
                raise ValueError(f"level {level} must have the {what} of level 1: {first}; it has {ours}")

    # --- the contract ------------------------------------------------------------------------------------------------

    def _tools(self) -> list[Tool]:
        return [self._first.actions.tool(self._max_repeat)]

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of the picture in pixels."""
        return self._first.shape

    def _observation_parts(self) -> dict[str, gym.Space[Any]]:
        parts = super()._observation_parts()
        image = parts.pop("image")
        shown: dict[str, gym.Space[Any]] = {f"earlier_{ago}": image for ago in range(self._frames - 1, 0, -1)}
        shown["image"] = image
        if self._first.texts:
            shown["task"] = TextSpace()
        return {**shown, **parts}

    def _observe(self) -> dict[str, Any]:
        oldest_first = [picture.copy() for picture in self._pictures]
        names = [name for name in self.observation_space.spaces if name not in ("task", "feedback")]
        shown: dict[str, Any] = dict(zip(names, oldest_first, strict=True))
        if self._first.texts:
            shown["task"] = self._task_text
        return {**shown, "feedback": self._feedback}

    def _image(self) -> np.ndarray:
        return self._pictures[-1].copy()

    def _generate(self, task: Any) -> None:
        choose("task", "any" if task is None else task, ["any"])
        if self._broken:
            self.close()
        seed = int(self.np_random.integers(_SEEDS)) * len(SPLITS) + SPLITS.index(self.split)
        self._begin(seed)

    def _turn_limit(self) -> int:
        return turn_limit(self.inner) or _DEFAULT_TURNS

    def _begin(self, seed: int) -> None:
        """Start the episode of a seed inside."""
        self._current = self._enter(self.level)
        self.inner_seed, self._turn_reward = seed, 0.0
        self._played: list[int | list[int]] = []
        self._rewards: list[float] = []
        self._ended, self._cut = False, False
        self._pictures.clear()
        try:
            self._seen, self.inner_info = self.inner.reset(seed=seed, options=self._reset_options)
        except Exception as error:
            self._broken = True
            raise MachineryFailure(f"{self.inner} cannot be reset: {type(error).__name__}: {error}") from error
        self._begun = True
        self._look()

    def _look(self) -> None:
        """Take the picture of the current state, and the rest of the observation."""
        try:
            self._raw = self._current.source.take(self.inner, self._seen)
            self._rest = rest_of(self._seen, self._current.source)
            texts = {name: str(self._seen[name]) for name in self._current.texts}
        except Exception as error:
            self._broken = True
            raise MachineryFailure(f"{self.inner} shows nothing: {type(error).__name__}: {error}") from error
        self._task_text = "\n".join(
            texts.values() if len(texts) == 1 else (f"{n}: {text}" for n, text in texts.items())
        )
        picture = fit(self._raw, self._size)
        if picture.shape[:2] != self.image_shape:
            raise MachineryFailure(
                f"{self.inner} shows pictures of {self.image_shape} and of {picture.shape[:2]}: give image_size"
            )
        self._pictures.append(picture)
        while len(self._pictures) < self._frames:
            self._pictures.append(picture)

    def _advance(self, number: int | list[int]) -> bool:
        """One step inside; returns whether the episode is over there."""
        try:
            step = self.inner.step(self._current.actions.native(number))
            self._seen, reward, self._ended, self._cut, self.inner_info = step
            reward, self._ended, self._cut = float(reward), bool(self._ended), bool(self._cut)
        except Exception as error:
            self._broken = True
            raise MachineryFailure(f"{self.inner} failed: {type(error).__name__}: {error}") from error
        if not math.isfinite(reward):
            raise MachineryFailure(f"{self.inner} gave the reward {reward}")
        self._played.append(number)
        self._rewards.append(reward)
        self._turn_reward += reward
        return self._ended or self._cut

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Make one turn: see `MultimodalEnv.step`."""
        self._turn_reward = 0.0
        observation, reward, terminated, truncated, info = super().step(action)
        if truncated and not info["error"] and self._judge():
            self.success = True  # such as a pole that was kept up to the end
            terms = self._reward_terms()
            info = self._info(terms, info["action_valid"], info["action_effective"])
            reward = float(sum(terms.values()))
        return observation, reward, terminated, truncated, info

    def _perform(self, call: ToolCall) -> Effect:
        if self._cut:  # by an earlier call of this turn
            return Effect(False)
        number, over = self._current.actions.number(call.arguments), False
        before = self._telling()
        for _ in range(int(call.arguments.get("repeat", 1))):
            over = self._advance(number)
            if over:
                break
            if self._frames > 1:
                self._look()
        if over or self._frames == 1:
            self._look()
        if over:
            self.max_turns = self.turn  # truncated, unless it terminated
        return Effect(_differ(before, self._telling()))

    def _telling(self) -> tuple[Any, ...]:
        """What tells the current state from another."""
        if self._key is not None:
            return (json.dumps(self._key(self.inner), sort_keys=True).encode(),)
        return self._rest, self._raw

    def _is_success(self) -> bool:
        return self._ended and self._judge()

    def _is_failure(self) -> bool:
        return self._ended

    def _judge(self) -> bool:
        ending = Ending(tuple(self._rewards), self._ended, self._cut, self.inner_info, self.inner)
        return bool(self._current.is_success(ending))

    def _reward_terms(self) -> RewardTerms:
        return {"outcome": float(self.success) if self._pays_success else self._turn_reward}

    def _expert_call(self) -> ToolCall:
        assert self._expert is not None
        return ToolCall(TOOL, self._current.actions.arguments(self._expert(self.inner)))

    # --- states: a seed and the actions since ------------------------------------------------------------------------

    def state_key(self) -> str:
        """Hash of what tells the states apart: all of the observation and the picture, or the caller's `state_key`.

        States that look the same and differ in something hidden have one key.
        """
        digest = hashlib.blake2b(
            json.dumps([self.level, self._current.identity], sort_keys=True).encode(), digest_size=16
        )
        for part in self._telling():
            digest.update(part)
        return digest.hexdigest()

    def _get_state(self) -> dict[str, Any]:
        return {
            **self._current.identity,
            "seed": self.inner_seed,
            "options": self._reset_options,
            "actions": self._played,
            "key": self.state_key(),
        }

    def _set_state(self, state: dict[str, Any]) -> None:
        self._begin(state["seed"])
        for done, number in enumerate(state["actions"], start=1):
            self._advance(number)
            if done > len(state["actions"]) - self._frames:
                self._look()
        self._turn_reward = 0.0
        if self.state_key() != state["key"]:
            raise MachineryFailure(
                f"{self.inner} came to another state when its {len(state['actions'])} actions were played again: "
                "seed and actions do not decide everything, so give deterministic=False"
            )

    def _read_snapshot(self, snapshot: bytes, *needed: str) -> dict[str, Any]:
        content = super()._read_snapshot(snapshot, *needed)
        level, state = content["level"], content["state"]
        ours = self._enter(level).identity if level in range(1, self.levels + 1) else {"levels": self.levels}
        theirs = {name: state.get(name) for name in ours}
        if theirs != ours:
            raise ValueError(f"snapshot of {theirs} at level {level} cannot be restored here; expected {ours}")
        return content

    def close(self) -> None:
        """Close the environments inside; the next episode gets new ones where they can be made again."""
        for inside in self._inside.values():
            inside.env.close()
        self._inside.clear()
        self._broken = False

    # --- copies -------------------------------------------------------------------------------------------------------

    def made_of(self) -> EnvSpec | None:
        """The spec that makes an equal environment, or None when an argument cannot be written as JSON."""
        try:
            kwargs = json.loads(json.dumps({k: v for k, v in self._arguments.items() if v is not None}))
        except TypeError:
            return None
        return EnvSpec(ID, entry_point=ENTRY_POINT, kwargs=kwargs)

    def __reduce__(self) -> Any:
        replayable = self._begun and not self._broken and self.capabilities.snapshot == "replay"
        state = {"snapshot": self.snapshot() if replayable else None, "space": self.action_space, "spec": self.spec}
        return _revive, (type(self), self._arguments), state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.action_space, self.spec = state["space"], state["spec"]
        if state["snapshot"] is not None:
            self.restore(state["snapshot"])


def _revive(kind: type[Wrapped], arguments: dict[str, Any]) -> Wrapped:
    return kind(**arguments)


def _differ(before: tuple[Any, ...], after: tuple[Any, ...]) -> bool:
    # a short part comes before the picture, which is compared only if that is equal
    pairs = zip(before, after, strict=True)
    return any(not (a == b if isinstance(a, bytes) else np.array_equal(a, b)) for a, b in pairs)


def _function(value: Any) -> Any:
    """`value`, or what it names as ``module:function``."""
    if not isinstance(value, str):
        return value
    from mmgym.rollout.host import load_attribute  # it is the executor's: `import mmgym` stays light without it

    return load_attribute(value)
