"""The configuration of a training run: one frozen dataclass per part, a default that works for every field."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from tyro.constructors import PrimitiveConstructorSpec

from mmgym.learn.learner import OptimizerConfig
from mmgym.rollout import RolloutConfig

__all__ = [
    "CloningConfig",
    "ConfigurationError",
    "EnvironmentConfig",
    "EvaluationConfig",
    "GrpoConfig",
    "MixedEnvironment",
    "PerceptionConfig",
    "PolicyConfig",
    "TrainConfig",
    "differences",
    "from_mapping",
    "read_config",
    "to_mapping",
]


class ConfigurationError(ValueError):
    """A configuration that cannot be run; the message says what is allowed."""


def _read_table(words: list[str]) -> dict[str, Any]:
    table = json.loads(words[0])
    if not isinstance(table, dict):
        raise ValueError(f'expected a JSON object such as {{"level": 1}}; got {words[0]}')
    return table


_JSON = PrimitiveConstructorSpec(
    nargs=1,
    metavar="JSON",
    instance_from_str=_read_table,
    is_instance=lambda value: isinstance(value, dict),
    str_from_instance=lambda value: [json.dumps(value)],
)
Table = Annotated[dict[str, Any], _JSON]
"""Names and values of any kind: a table in a file, a JSON object on the command line."""


def _at_least(config: Any, least: float, *names: str) -> None:
    for name in names:
        if not least <= getattr(config, name) < math.inf:
            raise ValueError(f"{name} must be at least {least:g}; got {getattr(config, name)}")


def _only(where: str, table: Any, known: tuple[str, ...]) -> None:
    if not isinstance(table, Mapping) or set(table) - set(known):
        raise ValueError(f"{where} must be a table of {', '.join(known)}; got {table!r}")


def _share(config: Any, *names: str) -> None:
    for name in names:
        if not 0 <= getattr(config, name) <= 1:
            raise ValueError(f"{name} must be from 0 to 1; got {getattr(config, name)}")


@dataclass(frozen=True)
class EnvironmentConfig:
    """Which environment is learned."""

    id: str = "mmgym/FrozenLake-v0"
    """Gymnasium id."""
    kwargs: Table = field(default_factory=dict)
    """Constructor arguments, e.g. preset, level, image_size."""
    tasks: Annotated[dict[str, float], _JSON] = field(default_factory=dict)
    """Share of training groups by ``options["task"]``; empty leaves the option out."""
    wrappers: tuple[str, ...] = ()
    """Wrappers around the environment while training and evaluating, each ``module:Class``."""

    def __post_init__(self) -> None:
        shares = list(self.tasks.values())
        numbers = all(isinstance(share, (int, float)) for share in shares)
        if shares and not (numbers and min(shares) >= 0 and 0 < sum(shares) < math.inf):
            raise ValueError(f"tasks must be shares, none negative and not all 0; got {self.tasks}")


@dataclass(frozen=True)
class MixedEnvironment(EnvironmentConfig):
    """One of several environments that are learned in one run."""

    share: float = 1.0
    """Its share of training groups, beside those of the others; that of `TrainConfig.environment` is 1."""
    questions: tuple[str, ...] = ()
    """As `PerceptionConfig.questions`."""
    perception_kwargs: Table = field(default_factory=dict)
    """As `PerceptionConfig.kwargs`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.share < math.inf:
            raise ValueError(f"share must be above 0; got {self.share}")

    @property
    def name(self) -> str:
        """A short name, e.g. ``FrozenLake``."""
        return re.sub(r"-v\d+$", "", self.id.rpartition("/")[2])


@dataclass(frozen=True)
class PolicyConfig:
    """Which model learns."""

    factory: str = "mmgym_agents.factory:make_policy"
    """``module:function`` that makes the policy from the fields below."""
    checkpoint: str = ""
    """A checkpoint folder to start from; empty builds a tiny model with random weights."""
    tiny: Table = field(default_factory=dict)
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

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"temperature must be above 0; got {self.temperature}")
        _at_least(self, 1, "max_new_tokens")


@dataclass(frozen=True)
class PerceptionConfig:
    """The first stage: supervised questions about what a picture shows (`MultimodalEnv.questions`), no advice."""

    steps: int = 0
    """Most optimizer steps; 0 skips the stage."""
    conversations: int = 16
    """Conversations in a step."""
    pictures: int = 2
    """Pictures in a conversation."""
    pool: int = 0
    """Number of pictures that are asked about again and again, for environments that are slow to reset; 0 draws fresh
    ones always."""
    questions: tuple[str, ...] = ()
    """Texts of the questions that are asked; empty asks one drawn at random about each picture."""
    kwargs: Table = field(default_factory=dict)
    """Constructor arguments that differ from the environment's while asking."""
    stop_recall: float = 0.95
    """Recall of every answer word on held-out pictures (val split) at which the stage comes to its end."""
    anneal_steps: int = 80
    """Steps that follow then, over which the learning rate falls to a twentieth."""
    check_every: int = 50
    """Steps between two checks."""
    held_out: int = 400
    """Pictures of a check."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)

    def __post_init__(self) -> None:
        _at_least(self, 0, "steps", "pool", "stop_recall")
        _at_least(self, 1, "conversations", "pictures", "check_every", "held_out")


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
    pool: int = 0
    """Number of steps whose demonstrations are imitated again and again, for environments that are slow to play; 0
    plays fresh ones always."""
    question_weight: float = 1.0
    """Weight of the perception questions that are mixed in (as many as in a perception step); 0 for none."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)

    def __post_init__(self) -> None:
        _at_least(self, 0, "steps", "pool", "question_weight")
        _at_least(self, 1, "episodes")
        _share(self, "noise")


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
    """Most optimizer steps in an iteration; the trajectories are dealt out to them."""
    rows_per_minibatch: int = 16
    """Fewest distinct trajectories in an optimizer step, on average; with fewer there are fewer steps."""
    clip_low: float = 0.2
    """How far the probability ratio may fall below 1."""
    clip_high: float = 0.28
    """How far it may rise above 1."""
    normalise: bool = True
    """Divide advantages by the group's standard deviation (GRPO), or not (Dr.GRPO)."""
    entropy_bonus: float = 0.0
    """Weight of the entropy of the choice between valid actions where those can be listed, else of all tokens."""
    reward: str = ""
    """What an episode is worth: ``module:NAME`` of a `mmgym.RewardSpec`, or ``module:NAME:key`` of one in a table;
    empty for the outcome, which is worth 1, and `validity_reward`."""
    validity_reward: float = 0.1
    """Reward for the share of valid turns, at most this much in an episode."""
    question_weight: float = 0.0
    """Weight of perception questions mixed into each update; 0 for none."""
    question_conversations: int = 8
    """Conversations of them in each optimizer step."""
    max_tokens: int = 1536
    """Largest padded micro-batch, in tokens."""
    guard_logprobs: float = 1e-3
    """Largest difference between sampler's and learner's log-probabilities before an update; else training ends."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)

    def __post_init__(self) -> None:
        if self.group_size < 2:
            raise ValueError(f"group_size must be at least 2 (a group of one has no advantage); got {self.group_size}")
        _at_least(self, 0, "iterations", "clip_high", "validity_reward", "question_weight", "guard_logprobs")
        _at_least(self, 1, "groups", "minibatches", "rows_per_minibatch", "max_tokens")
        _share(self, "clip_low")
        if not math.isfinite(self.entropy_bonus):
            raise ValueError(f"entropy_bonus must be finite; got {self.entropy_bonus}")


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
    baselines: Annotated[dict[str, str], _JSON] = field(
        default_factory=lambda: {"random": "random", "expert": "expert"}
    )
    """Agents to compare with, by name: ``random``, ``expert`` or ``module:function``."""
    walker: str = ""
    """Name of the baseline that is drawn as the bar to beat."""
    tasks: tuple[str, ...] = ()
    """Values of ``options["task"]`` that are reported apart in the end."""
    controls: Annotated[dict[str, dict[str, Any]], _JSON] = field(default_factory=dict)
    """Controls on the final weights, by name: ``{"kwargs": ..., "wrappers": [...], "meaning": ...}``."""
    risk: Table = field(default_factory=dict)
    """Episodes whose share of losses is reported, before and after and for the walker: ``{"task": ..., "kwargs": ...,
    "meaning": ...}``."""
    samples: int = 8
    """Trajectories kept for the report, before and after."""

    def __post_init__(self) -> None:
        _at_least(self, 0, "every", "samples")
        _at_least(self, 1, "episodes", "final_episodes")
        for name, control in self.controls.items():
            _only(f"controls.{name}", control, ("kwargs", "wrappers", "meaning"))
        _only("risk", self.risk, ("task", "kwargs", "meaning"))


def _read_mixture(words: list[str]) -> tuple[MixedEnvironment, ...]:
    rows = json.loads(words[0])
    if not isinstance(rows, list):
        raise ValueError(f'expected a JSON list such as [{{"id": "mmgym/LightsOut-v0"}}]; got {words[0]}')
    return tuple(from_mapping(MixedEnvironment, row, "mixture") for row in rows)


_MIXTURE = PrimitiveConstructorSpec(
    nargs=1,
    metavar="JSON",
    instance_from_str=_read_mixture,
    is_instance=lambda value: isinstance(value, tuple),
    str_from_instance=lambda value: [json.dumps([asdict(row) for row in value])],
)


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
    mixture: Annotated[tuple[MixedEnvironment, ...], _MIXTURE] = ()
    """Further environments that are learned in the same run, their ids all different; every stage deals with all of
    them. On the command line a JSON list of objects with the fields of `MixedEnvironment`."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    perception: PerceptionConfig = field(default_factory=PerceptionConfig)
    cloning: CloningConfig = field(default_factory=CloningConfig)
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    quote: Annotated[dict[str, str], _JSON] = field(default_factory=dict)
    """Results of other runs to quote in the summary: name -> summary.json of that run."""

    def __post_init__(self) -> None:
        _at_least(self, 1, "processes", "threads", "checkpoint_every")
        _at_least(self, 0, "seed")
        names = [environment.name for environment in self.environments]
        if len(set(names)) < len(names):
            raise ValueError(
                f"mixture: the ids must differ from one another and environment.id; got {', '.join(names)}"
            )

    @property
    def environments(self) -> tuple[MixedEnvironment, ...]:
        """All environments that are learned, the first one with the questions of `perception`."""
        first = {f.name: getattr(self.environment, f.name) for f in fields(self.environment)}
        asked = {"questions": self.perception.questions, "perception_kwargs": self.perception.kwargs}
        return (MixedEnvironment(**{**asked, **first}), *self.mixture)


def read_config(path: str | Path) -> TrainConfig:
    """Read a TOML or YAML file whose tables are the fields of `TrainConfig`.

    Raises:
        ValueError: for another kind of file, one that is not well formed, a field that does not exist (naming those
            that do), or a value that is not allowed.
    """
    path = Path(path)
    if path.suffix == ".toml":
        content = tomllib.loads(path.read_text())
    elif path.suffix in (".yaml", ".yml"):
        content = _read_yaml(path.read_text())
    else:
        raise ValueError(f"a configuration is a .toml, .yaml or .yml file; got {path}")
    return from_mapping(TrainConfig, content)


def _read_yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML 1.1 takes 1e-3 for a word; everybody means the number."""

    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
    )
    try:
        content = yaml.load(text, Loader)  # a SafeLoader: plain values only
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    return {} if content is None else content


def from_mapping(kind: type[Any], content: Any, where: str = "") -> Any:
    """Build a dataclass from nested plain values.

    Raises:
        ValueError: naming the field, what came and what is allowed.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"{where or 'the configuration'} must be a table; got {content!r}")
    known = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    values = {}
    for name, value in content.items():
        full = f"{where}.{name}" if where else name
        if name not in names:
            raise ValueError(f"there is no field {full}; fields here: {', '.join(names)}")
        values[name] = _convert(value, known[name], full)
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}" if where else str(error)) from error


def _convert(value: Any, kind: Any, where: str) -> Any:
    """The value as `kind`, which is what a field is declared as."""
    if isinstance(kind, type) and is_dataclass(kind):
        return from_mapping(kind, value, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where} must be a list; got {value!r}")
        return tuple(_convert(part, arguments[0], f"{where}[{index}]") for index, part in enumerate(value))
    if origin is dict:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise ValueError(f"{where} must be a table with names; got {value!r}")
        return {name: _convert(part, arguments[1], f"{where}.{name}") for name, part in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{where} must be of type {kind.__name__}; got {value!r}")
    return value


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """The dotted names under which two nested mappings differ."""
    if not (isinstance(ours, Mapping) and isinstance(theirs, Mapping)):
        return [] if ours == theirs else [where]
    missing = object()
    return [
        name
        for key in {**theirs, **ours}
        for name in differences(ours.get(key, missing), theirs.get(key, missing), f"{where}.{key}" if where else key)
    ]


def to_mapping(config: TrainConfig) -> dict[str, Any]:
    """The inverse of `from_mapping`, JSON-able."""
    return asdict(config)
