"""Playing an environment in a terminal: by hand, at random, or by the scripted expert.

A terminal shows no pixels, so what is seen goes to PNG files: one per turn, and ``now.png``, which an image viewer
that reloads its file shows as the game goes on. A mistyped action costs a human no turn: it is asked for again.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from rich.console import Console
from rich.markup import escape

from mmgym import formats, registry, wrapped
from mmgym.env import MultimodalEnv, unwrap
from mmgym.spaces import ToolSpace

__all__ = ["PlaySummary", "open_environment", "parse_typed", "play"]


@dataclass(frozen=True)
class PlaySummary:
    """What came of the episodes that were played to their end."""

    episodes: int
    """Number of episodes."""
    successes: int
    """How many of them ended with ``info["success"]``."""
    turns: int
    """Turns in all of them."""
    total_reward: float
    """Sum of their rewards."""
    images: int
    """PNG files written, ``now.png`` apart."""


def open_environment(
    env_id: str,
    *,
    preset: str | None = None,
    level: int | None = None,
    split: str | None = None,
    task: str | None = None,
    human: bool = False,
) -> gym.Env[Any, Any]:
    """Make an environment, and reset it once so that every argument is checked before the first turn.

    Args:
        env_id: a registered id, such as ``mmgym/FrozenLake-v0``, or any of Gymnasium's, which is wrapped; ``module:id``
            imports the module first.
        preset: one of the presets of the id; None for none.
        level: difficulty; None takes the environment's default.
        split: split; None takes the environment's default.
        task: kind of instance, handed to `reset`; None for any.
        human: whether to show the text twin beside the picture, where there is one.

    Raises:
        LookupError: for an unknown id, naming near matches.
        ValueError: for a preset, level, split or task that does not exist, naming what does.
        ImportError: when a package that the environment needs is not installed.
    """
    module, _, name = env_id.rpartition(":")
    if module:
        importlib.import_module(module)
    foreign = name in gym.registry and name not in {entry.id for entry in registry.entries()}
    presets = () if foreign else registry.entry(name).presets
    if preset is not None and preset not in presets:
        raise ValueError(f"preset must be one of {', '.join(presets) or '(this id has none)'}; got {preset!r}")
    given = {"preset": preset, "level": level, "split": split}
    arguments: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if foreign:
        return _open_foreign(name, arguments, task)
    env = gym.make(name, disable_env_checker=True, **arguments)
    if human and unwrap(env).capabilities.text_twin:
        env.close()
        env = gym.make(name, disable_env_checker=True, obs_mode="both", **arguments)
    env.reset(seed=0, options=_options(task))
    return env


def _open_foreign(env_id: str, arguments: dict[str, Any], task: str | None) -> gym.Env[Any, Any]:
    try:
        env: gym.Env[Any, Any] = gym.make(wrapped.ID, disable_env_checker=True, env_id=env_id, **arguments)
        env.reset(seed=0, options=_options(task))
    except (TypeError, gym.error.Error) as problem:
        raise ValueError(f"{env_id} cannot be wrapped: {problem}") from problem
    return env


def play(
    env: gym.Env[Any, Any],
    agent: Literal["human", "random", "expert"],
    *,
    seed: int = 0,
    episodes: int = 1,
    task: str | None = None,
    save: Path | None = None,
    console: Console | None = None,
    ask: Callable[[str], str] | None = None,
) -> PlaySummary:
    """Play episodes with seeds `seed`, ``seed + 1``, ... and print each turn.

    Args:
        env: an mmgym environment, possibly wrapped; closed at the end.
        agent: who plays.
        seed: seed of the first episode, and of the random agent.
        episodes: number of episodes.
        task: kind of instance, handed to `reset`; None for any.
        save: folder for the images that were seen; None saves none.
        console: where to print; None takes the terminal.
        ask: reads a line from the human, given a prompt; None takes the console's.

    Returns:
        What came of the episodes; one that the human left is not counted.
    """
    console = console or Console()
    ask = ask or (lambda prompt: console.input(escape(prompt)))
    recorder = _Recorder(save)
    inner = unwrap(env)
    env.action_space.seed(seed)
    ended, successes, turns, total = 0, 0, 0, 0.0
    if agent == "human":
        console.print(escape(_rules(inner)))
    for episode in range(episodes):
        observation, info = env.reset(seed=seed + episode, options=_options(task))
        console.print(f"[bold]episode {episode + 1} of {episodes}[/], seed {seed + episode}, level {info['level']}")
        recorder.save(observation, episode, 0)
        episode_reward, done = 0.0, False
        while not done:
            _show(observation, console)
            action = _ask_human(inner, ask, console) if agent == "human" else _scripted(inner, agent)
            if action is None:
                break
            observation, reward, terminated, truncated, info = env.step(action)
            done = terminated or truncated
            episode_reward += float(reward)
            recorder.save(observation, episode, inner.turn)
            console.print(f"turn {inner.turn}: [bold]{escape(_describe(inner, action))}[/]  reward {float(reward):g}")
        if not done:
            break
        _show(observation, console)
        outcome = "[green]success[/]" if info["success"] else "[red]no success[/]"
        console.print(f"{outcome} after {inner.turn} turns, reward {episode_reward:g}")
        ended, successes = ended + 1, successes + int(info["success"])
        turns, total = turns + inner.turn, total + episode_reward
    env.close()
    summary = PlaySummary(ended, successes, turns, total, recorder.count)
    console.print(f"{successes} of {ended} episodes succeeded, mean reward {total / max(ended, 1):g}")
    if save is not None:
        console.print(f"{recorder.count} images in {save}", markup=False, soft_wrap=True)
    return summary


def parse_typed(line: str, space: ToolSpace) -> Any:
    """The action a person typed: ``move(direction=up)``, ``<action>up</action>``, a JSON call, or just ``up``.

    Raises:
        ValueError: when it is no valid action, saying what is.
    """
    text = line.strip()
    if text.startswith(("{", "<tool_call>")):
        calls = formats.parse(text, space, "tool_call")
    elif re.match(r"\w+\s*\(", text):
        calls = formats.parse(text, space, "call")
    else:
        calls = formats.parse(text if text.startswith("<") else f"<action>{text}</action>", space, "tag")
    return calls[0] if space.max_calls == 1 and len(calls) == 1 else calls


def _ask_human(env: MultimodalEnv, ask: Callable[[str], str], console: Console) -> Any:
    while True:
        try:
            line = ask("action (q quits): ")
        except (EOFError, KeyboardInterrupt):
            return None
        if line.strip().lower() in ("q", "quit"):
            return None
        try:
            action = parse_typed(line, env.action_space)
            env.action_space.parse(action)
        except ValueError as problem:
            console.print(escape(str(problem)), style="yellow")
            continue
        return action


def _scripted(env: MultimodalEnv, agent: str) -> Any:
    return env.expert() if agent == "expert" else env.action_space.sample()


def _describe(env: MultimodalEnv, action: Any) -> str:
    return formats.render(env.action_space.parse(action), env.action_space, "call").replace("\n", "; ")


def _rules(env: MultimodalEnv) -> str:
    tools = [
        f"  {tool.name}({', '.join(p.name for p in tool.parameters)})  {tool.description}"
        for tool in env.action_space.tools
    ]
    return "\n".join([env.instruction, "Tools:", *tools])


def _show(observation: dict[str, Any], console: Console) -> None:
    for entry in observation.values():
        for part in entry if isinstance(entry, tuple) else [entry]:
            if isinstance(part, str) and part:
                console.print(part, markup=False, highlight=False)


def _options(task: str | None) -> dict[str, Any]:
    return {} if task is None else {"task": task}


class _Recorder:
    """Writes the images of observations as PNG files."""

    def __init__(self, folder: Path | None):
        self.folder = folder
        self.count = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def save(self, observation: dict[str, Any], episode: int, turn: int) -> None:
        if self.folder is None:
            return
        for name, part in observation.items():
            images = part if isinstance(part, (list, tuple)) else [part]
            images = [image for image in images if isinstance(image, np.ndarray) and image.ndim == 3]
            for index, image in enumerate(images):
                suffix = f"_{index:03d}" if len(images) > 1 else ""
                self._write(f"episode{episode:03d}_turn{turn:03d}_{name}{suffix}.png", image)
                self._write("now.png", image)
                self.count += 1

    def _write(self, name: str, image: np.ndarray) -> None:
        import cv2

        assert self.folder is not None
        if not cv2.imwrite(str(self.folder / name), cv2.cvtColor(image, cv2.COLOR_RGB2BGR)):
            raise OSError(f"cannot write {self.folder / name}")
