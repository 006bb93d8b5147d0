"""The configuration of a training run: one frozen dataclass per part, a default that works for every field."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from mmgym.learn.learner import OptimizerConfig
from mmgym.rollout import RolloutConfig

__all__ = [
    "CloningConfig",
    "EnvironmentConfig",
    "EvaluationConfig",
    "GrpoConfig",
    "PerceptionConfig",
    "PolicyConfig",
    "TrainConfig",
    "from_mapping",
    "read_config",
    "to_mapping",
]


@dataclass(frozen=True)
class EnvironmentConfig:
    """Which environment is learned."""

    id: str = "mmgym/FrozenLake-v0"
    """Gymnasium id."""
    kwargs: dict[str, Any] = field(default_factory=dict)
    """Constructor arguments, e.g. preset, level, image_size."""
    tasks: dict[str, float] = field(default_factory=dict)
    """Share of training groups by ``options["task"]``; empty leaves the option out."""
    wrappers: tuple[str, ...] = ()
    """Wrappers around the environment while training and evaluating, each ``module:Class``."""


@dataclass(frozen=True)
class PolicyConfig:
    """Which model learns."""

    factory: str = "mmgym_agents.factory:make_policy"
    """``module:function`` that makes the policy from the fields below."""
    checkpoint: str = ""
    """A checkpoint folder to start from; empty builds a tiny model with random weights."""
    tiny: dict[str, Any] = field(default_factory=dict)
    """Fields of `mmgym_agents.tiny.TinyConfig` for the tiny model."""
    context: str = "full"
    """What the model reads at each turn: ``full`` or ``window(k)``."""
    temperature: float = 1.0
    """Temperature of sampling."""
    max_new_tokens: int = 8
    """Longest answer, in tokens."""
    dtype: str = "float32"
    """Type of the weights."""
    device: str = "cpu"
    """Where they are."""


@dataclass(frozen=True)
class PerceptionConfig:
    """The first stage: supervised questions about what a picture shows (`MultimodalEnv.questions`), no advice."""

    steps: int = 0
    """Most optimizer steps; 0 skips the stage."""
    conversations: int = 16
    """Conversations in a step."""
    pictures: int = 2
    """Pictures in a conversation."""
    questions: tuple[str, ...] = ()
    """Texts of the questions that are asked; empty asks one drawn at random about each picture."""
    kwargs: dict[str, Any] = field(default_factory=dict)
    """Constructor arguments that differ from the environment's while asking."""
    stop_recall: float = 0.98
    """Stop when the recall of every answer word is this high on held-out pictures (val split)."""
    check_every: int = 50
    """Steps between two checks."""
    held_out: int = 256
    """Pictures of a check."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)


@dataclass(frozen=True)
class CloningConfig:
    """The second stage: behaviour cloning of a scripted policy, questions mixed in."""

    steps: int = 0
    """Optimizer steps; 0 skips the stage."""
    demonstrator: str = "expert"
    """Whom to clone: ``expert``, ``random``, or ``module:function``."""
    noise: float = 0.0
    """Share of turns in which the demonstrator makes a random move."""
    episodes: int = 48
    """Demonstrations in a step."""
    question_weight: float = 1.0
    """Weight of the perception questions that are mixed in (as many as in a perception step); 0 for none."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)


@dataclass(frozen=True)
class GrpoConfig:
    """The third stage: trajectory-level GRPO."""

    iterations: int = 0
    """Iterations of rollout and update; 0 skips the stage."""
    groups: int = 24
    """Groups in an iteration; the trajectories of a group play the same task and seed."""
    group_size: int = 16
    """Trajectories in a group."""
    minibatches: int = 4
    """Optimizer steps in an iteration; the trajectories are dealt out to them."""
    clip_low: float = 0.2
    """How far the probability ratio may fall below 1."""
    clip_high: float = 0.28
    """How far it may rise above 1."""
    normalise: bool = True
    """Divide advantages by the group's standard deviation (GRPO), or not (Dr.GRPO)."""
    entropy_bonus: float = 0.0
    """Weight of the entropy of sampled tokens."""
    validity_reward: float = 0.1
    """Reward for the share of valid turns, at most this much in an episode; the outcome is worth 1."""
    question_weight: float = 0.0
    """Weight of perception questions mixed into each update; 0 for none."""
    max_tokens: int = 16384
    """Largest padded micro-batch, in tokens."""
    guard_logprobs: float = 1e-3
    """Largest difference between sampler's and learner's log-probabilities before an update; beyond it training stops."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)

    def __post_init__(self) -> None:
        if self.group_size < 2:
            raise ValueError(f"group_size must be at least 2 (a group of one has no advantage); got {self.group_size}")
        if self.groups < 1 or self.minibatches < 1:
            raise ValueError(f"groups and minibatches must be at least 1; got {self.groups}, {self.minibatches}")


@dataclass(frozen=True)
class EvaluationConfig:
    """Held-out episodes."""

    split: str = "val"
    """Split of the evaluations during training."""
    episodes: int = 200
    """Episodes of each of them."""
    every: int = 20
    """GRPO iterations between two evaluations; 0 for none."""
    final_split: str = "test"
    """Split of the evaluations after cloning and after GRPO."""
    final_episodes: int = 500
    """Episodes of each of them."""
    baselines: dict[str, str] = field(default_factory=lambda: {"random": "random", "expert": "expert"})
    """Agents to compare with, by name: ``random``, ``expert`` or ``module:function``."""
    walker: str = ""
    """Name of the baseline that is drawn as the bar to beat."""
    tasks: tuple[str, ...] = ()
    """Values of ``options["task"]`` that are reported apart in the end."""
    controls: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Controls on the final weights, by name: ``{"kwargs": ..., "wrappers": [...], "meaning": ...}``."""
    samples: int = 8
    """Trajectories kept for the report, before and after."""


@dataclass(frozen=True)
class TrainConfig:
    """A training run."""

    out: str = "runs/train"
    """Folder of the run. A run that was stopped goes on from its last checkpoint."""
    seed: int = 0
    """Seed of weights, tasks and sampling."""
    processes: int = 1
    """Processes that learn as one. Results are exact for a given number."""
    threads: int = 1
    """Threads of torch in each process."""
    checkpoint_every: int = 20
    """GRPO iterations (and 5 times as many steps of the other stages) between two checkpoints."""
    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    perception: PerceptionConfig = field(default_factory=PerceptionConfig)
    cloning: CloningConfig = field(default_factory=CloningConfig)
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    quote: dict[str, str] = field(default_factory=dict)
    """Results of other runs to quote in the summary: name -> summary.json of that run."""

    def __post_init__(self) -> None:
        for name in ("processes", "threads", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1; got {getattr(self, name)}")


def read_config(path: str | Path) -> TrainConfig:
    """Read a TOML or YAML file whose tables are the fields of `TrainConfig`.

    Raises:
        ValueError: for another kind of file, or a field that does not exist, naming those that do.
    """
    path = Path(path)
    if path.suffix == ".toml":
        content = tomllib.loads(path.read_text())
    elif path.suffix in (".yaml", ".yml"):
        import yaml

        content = yaml.safe_load(path.read_text()) or {}
    else:
        raise ValueError(f"a configuration is a .toml, .yaml or .yml file; got {path}")
    return from_mapping(TrainConfig, content)


def from_mapping(kind: type[Any], content: Any, where: str = "") -> Any:
    """Build a dataclass from nested plain values.

    Raises:
        ValueError: naming the field, what came and what is allowed.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"{where or 'the configuration'} must be a table; got {content!r}")
    known = {f.name: f for f in fields(kind)}
    values = {}
    for name, value in content.items():
        full = f"{where}.{name}" if where else name
        if name not in known:
            raise ValueError(f"there is no field {full}; fields here: {', '.join(known)}")
        factory = known[name].default_factory
        default = factory() if callable(factory) else known[name].default
        values[name] = _convert(value, default, full)
    return kind(**values)


def _convert(value: Any, default: Any, where: str) -> Any:
    if is_dataclass(default):
        return from_mapping(type(default), value, where)
    if isinstance(default, tuple) and isinstance(value, (list, tuple)):
        return tuple(value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(default):
        raise ValueError(f"{where} must be of type {type(default).__name__}; got {value!r}")
    return value


def to_mapping(config: TrainConfig) -> dict[str, Any]:
    """The inverse of `from_mapping`, JSON-able."""
    return asdict(config)
