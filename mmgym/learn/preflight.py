"""What can be known to fail is found before a run starts, not hours later: names, options, an older run in the way."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import mmgym
from mmgym.env import Unsupported
from mmgym.learn.build import make_env, make_reward
from mmgym.learn.checkpoint import has_checkpoints
from mmgym.learn.config import ConfigurationError, EnvironmentConfig, TrainConfig, differences, to_mapping
from mmgym.learn.distributed import started_from_outside
from mmgym.learn.perception import pose
from mmgym.learn.self_play import seats_of
from mmgym.rewards import terms_of
from mmgym.rollout.host import load_attribute
from mmgym.spaces import InvalidAction

__all__ = ["check_same_run", "preflight"]

_MAY_DIFFER = ("out", "quote", "sharding.shard_size", "sharding.reshard")


def preflight(config: TrainConfig) -> None:
    """Make and reset every environment that the run will meet, and look up every name. Writes nothing.

    Raises:
        ConfigurationError: naming the field and what is allowed.
    """
    with _blame("grpo.staleness"):
        own = {"python", "addresses"} & set(config.policy.engine_options)
        if config.grpo.staleness and config.policy.engine != "transformers" and not own:
            raise ValueError(
                "what plays ahead has an engine beside that of evaluations, and a process holds only one: set "
                "policy.engine_options.python or addresses"
            )
    folder = Path(config.out)
    with _blame("processes"):
        started = started_from_outside()
        if started and config.processes not in (1, started):
            raise ValueError(f"torchrun has started {started}; leave it at 1, or say the same; got {config.processes}")
    with _blame("out"):
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{folder} is not a folder")
        noted = folder / "config.json"
        if noted.is_file() and has_checkpoints(folder / "checkpoints"):
            check_same_run(config, noted.read_text())
    for number, mixed in enumerate(config.mixture):
        with _blame(f"mixture[{number}]"):
            other = make_env(mixed)
            for task in mixed.tasks or [""]:
                _reset(other, "train", task)
            for split in (config.evaluation.split, config.evaluation.final_split):
                _reset(other, split)
            other.close()
    with _blame("self_play.enabled"):
        if config.self_play.enabled and not any(map(seats_of, config.environments)):
            raise ValueError("none of the environments has several seats; the arena's have")
    environment, evaluation = config.environment, config.evaluation
    with _blame("environment"):
        env = make_env(environment)
        for task in environment.tasks or [""]:
            _reset(env, "train", task)
    for name, split in (("split", evaluation.split), ("final_split", evaluation.final_split)):
        with _blame(f"evaluation.{name}"):
            _reset(env, split)
    env.close()
    for each in config.environments:
        _check_played(config, each)
    with _blame("grpo.gathering.levels"):
        for each in config.environments if config.grpo.gathering.levels else ():
            levelled = make_env(each)
            for level in config.grpo.gathering.levels:
                levelled.reset(seed=0, options={"split": "train", "level": level})
            levelled.close()
    with _blame("grpo.reward"):
        make_reward(config.grpo)
    for each in config.environments if config.grpo.iterations else ():
        _check_reward(config, each)
    _check_questions(config)


def check_same_run(config: TrainConfig, saved: str) -> None:
    """A folder holds one run.

    Args:
        config: the run that is wanted.
        saved: JSON of the configuration of the run that is there.

    Raises:
        ConfigurationError: naming the fields that differ.
    """
    ours = json.loads(json.dumps(to_mapping(config)))
    free = _MAY_DIFFER if config.sharding.mode == "none" else (*_MAY_DIFFER, "processes")
    changed = [
        name for name in differences(ours, json.loads(saved)) if not {name, name.split(".")[0]}.intersection(free)
    ]
    if changed:
        raise ConfigurationError(
            f"{config.out} holds a run with another {', '.join(changed)}: give another --out, or remove the folder"
        )


def _check_played(config: TrainConfig, environment: EnvironmentConfig) -> None:
    """What is measured and shown in an environment: in a mixture all of it in each of them."""
    evaluation, where = config.evaluation, f" in {environment.id}" if config.mixture else ""
    env = make_env(environment)
    with _blame(f"evaluation.tasks{where}"):
        for task in evaluation.tasks:
            _reset(env, evaluation.final_split, task)
    changes = {f"evaluation.controls.{name}": control for name, control in evaluation.controls.items()}
    if evaluation.risk:
        changes["evaluation.risk"] = evaluation.risk
    for field, change in changes.items():
        with _blame(f"{field}{where}"):
            changed = make_env(environment, change.get("kwargs"), change.get("wrappers", ()))
            _reset(changed, evaluation.final_split, change.get("task", ""))
            changed.close()
    names = {f"evaluation.baselines.{name}": agent for name, agent in evaluation.baselines.items()}
    shown = config.cloning.steps or (config.grpo.iterations and config.grpo.cloning_weight)
    if shown and _is_scripted(config):
        names["cloning.demonstrator"] = config.cloning.demonstrator
    for field, agent in names.items():
        with _blame(f"{field}{where}"):
            _check_scripted(agent, mmgym.unwrap(env).capabilities.expert)
    env.close()


def _check_reward(config: TrainConfig, environment: EnvironmentConfig) -> None:
    """See that an environment reports every term that the reward reads."""
    spec = make_reward(config.grpo)
    with _blame(f"grpo.reward{f' in {environment.id}' if config.mixture else ''}"):
        env = make_env(environment)
        _reset(env, "train")
        info = env.step(InvalidAction("nothing is done"))[4]  # terms are the same in every turn
        env.close()
        spec.check([*terms_of(info), "turns", *(["overlong"] if spec.overlong else [])])


def _check_questions(config: TrainConfig) -> None:
    weights = (
        config.cloning.question_weight * config.cloning.steps,
        config.grpo.question_weight * config.grpo.iterations,
    )
    if not config.perception.steps and not any(weights):
        return
    for number, environment in enumerate(config.environments):
        with _blame(f"mixture[{number - 1}]" if number else "perception"):
            env = make_env(environment, environment.perception_kwargs)
            for split in ("train", "val"):
                _reset(env, split)
                pose(env, environment.questions, np.random.default_rng(0))
            env.close()


def _is_scripted(config: TrainConfig) -> bool:
    return config.cloning.demonstrator != "self" and not config.cloning.trajectories


def _check_scripted(name: str, expert: str) -> None:
    if name == "expert" and expert == "none":
        raise ValueError("this environment has no expert; take random or module:function")
    if name not in ("random", "expert"):
        try:
            load_attribute(name)
        except ValueError as error:
            raise ValueError(f"expected random, expert or module:function; {error}") from error


def _reset(env: gym.Env[Any, Any], split: str, task: str = "") -> None:
    env.reset(seed=0, options={"split": split} | ({"task": task} if task else {}))


@contextlib.contextmanager
def _blame(field: str) -> Iterator[None]:
    """Turn what a wrong value raises into a `ConfigurationError` that names the field."""
    try:
        yield
    except ConfigurationError:
        raise
    except (ValueError, TypeError, ImportError, Unsupported, gym.error.Error) as error:
        raise ConfigurationError(f"{field}: {error}") from error
