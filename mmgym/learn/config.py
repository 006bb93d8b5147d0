"""The configuration of a training run: one frozen dataclass per part, a default that works for every field."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

from tyro.constructors import PrimitiveConstructorSpec

from mmgym.env import choose
from mmgym.learn.advantages import AdvantageConfig, needs
from mmgym.learn.algorithms import ALGORITHMS
from mmgym.learn.critic import CriticConfig
from mmgym.learn.experience import AlarmConfig, CurriculumConfig
from mmgym.learn.loss_config import LossConfig
from mmgym.learn.mapping import JSON, Table, at_least, differences, from_mapping, only, read_file, share
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.learn.policy_config import PolicyConfig
from mmgym.learn.self_play import SelfPlayConfig
from mmgym.learn.sharding import ShardingConfig
from mmgym.rollout import RolloutConfig
from mmgym.rollout.augment import check_augmentation

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


@dataclass(frozen=True)
class EnvironmentConfig:
    """Which environment is learned."""

    id: str = "mmgym/FrozenLake-v0"
    """Gymnasium id."""
    kwargs: Table = field(default_factory=dict)
    """Constructor arguments, e.g. preset, level, image_size."""
    tasks: Annotated[dict[str, float], JSON] = field(default_factory=dict)
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
        """A short name, e.g. ``FrozenLake``, or of one seat ``GuideWalker/walker``."""
        name = re.sub(r"-v\d+$", "", self.id.rpartition("/")[2])
        return f"{name}/{self.kwargs['seat']}" if "seat" in self.kwargs else name


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
        at_least(self, 0, "steps", "pool", "stop_recall")
        at_least(self, 1, "conversations", "pictures", "check_every", "held_out")


@dataclass(frozen=True)
class CloningConfig:
    """The second stage: behaviour cloning of a scripted policy, questions mixed in."""

    steps: int = 0
    """Optimizer steps; 0 skips the stage."""
    demonstrator: str = "expert"
    """Whom to clone: ``expert``, ``random``, or ``module:function``; ``self`` clones the successes of the policy itself
    (rejection sampling)."""
    trajectories: str = ""
    """A file of trajectories (`mmgym.store`) with token ids to clone in place of a demonstrator."""
    noise: float = 0.0
    """Share of turns in which the demonstrator makes a random move."""
    episodes: int = 48
    """Demonstrations in a step."""
    pool: int = 0
    """Number of steps whose demonstrations are imitated again and again, for environments that are slow to play; 0
    plays fresh ones always, as ``self`` needs."""
    question_weight: float = 1.0
    """Weight of the perception questions that are mixed in (as many as in a perception step); 0 for none."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)

    def __post_init__(self) -> None:
        at_least(self, 0, "steps", "pool", "question_weight")
        if self.demonstrator == "self" and self.pool and not self.trajectories:
            raise ValueError(
                f"pool must be 0 with demonstrator self; got {self.pool}: no checkpoint holds what the policy played, "
                "and a resumed run would play it again with other weights"
            )
        at_least(self, 1, "episodes")
        share(self, "noise")


@dataclass(frozen=True)
class GatheringConfig:
    """Which episodes the third stage plays and learns from."""

    pool: int = 0
    """Number of instances that are played again and again; 0 draws fresh ones always."""
    rounds: int = 1
    """How often groups may be played for an update: as long as fewer than `GrpoConfig.groups` of them have unequal
    returns, others are played (dynamic sampling, DAPO). Returns decide whatever the estimator: groups that differ in
    their turns or terms alone are replaced too."""
    replay: int = 0
    """Successes that are kept of each instance, for groups in which nobody succeeds (ARPO); 0 for none. It needs a
    `pool`, and a correction where a policy loss learns from them."""
    levels: tuple[int, ...] = ()
    """Levels that groups are drawn from, easy ones first; empty leaves the level to the environment's arguments."""
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    """How levels and environments are drawn."""
    augmented: int = 0
    """Members of each group that see altered pictures (NoisyRollout); the update uses the clean ones. A policy
    loss needs `GrpoConfig.recompute` for it."""
    augmentation: str = "gaussian_noise"
    """How pictures are altered, a name of `mmgym.rollout.augment.AUGMENTATIONS`."""
    strength: float = 0.5
    """How much at first, from 0 to 1; it falls to nothing over the stage."""

    def __post_init__(self) -> None:
        at_least(self, 0, "pool", "replay", "augmented")
        at_least(self, 1, "rounds")
        share(self, "strength")
        check_augmentation(self.augmentation)
        if len(set(self.levels)) < len(self.levels) or any(level < 1 for level in self.levels):
            raise ValueError(f"levels must be different whole numbers from 1; got {list(self.levels)}")
        if self.replay and not self.pool:
            raise ValueError("replay needs a pool: an instance that never comes again cannot be replayed")


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
    epochs: int = 1
    """How often an iteration learns from its trajectories."""
    algorithm: str = "grpo"
    """Estimator of advantages and loss, a name of `mmgym.learn.algorithms.ALGORITHMS`."""
    advantage: Table = field(default_factory=dict)
    """Fields of `mmgym.learn.advantages.AdvantageConfig` that differ from the algorithm's."""
    loss: Table = field(default_factory=dict)
    """Fields of `mmgym.learn.loss_config.LossConfig` that differ from the algorithm's. The entropy is that of the
    choice between valid actions where those can be listed and no reasoning is asked for, else of all tokens."""
    keep_equal: bool = False
    """Learn from groups in which every advantage is 0, too: they count in means, and in what a reference or an entropy
    bonus adds. Without, such groups are left out, as DAPO does; other groups always count with all their members."""
    recompute: bool = False
    """Take ratios to the learner's own log-probabilities before the update instead of the sampler's: one more pass,
    which corrections need."""
    kl_target: float = 0.0
    """Divergence from the reference, in nats a token, that its weight is moved to keep; 0 leaves the weight alone."""
    kl_horizon: float = 10000.0
    """Episodes in which that weight may change by a fifth, about."""
    cloning_weight: float = 0.0
    """Weight of demonstrations (as `CloningConfig` makes them) mixed into each update; 0 for none."""
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
    """Largest micro-batch of any stage, in tokens, padding included."""
    max_image_tokens: int = 16_384
    """Most tokens of images that the vision tower reads at once, in all stages. A tower that learns from more in a step
    runs again in the backward pass, so many at a time."""
    layout: str = "padded"
    """How rows lie in a micro-batch, in all stages: ``padded`` (side by side), ``packed`` (end to end, for models that
    are exact so), or ``auto`` (packed where the model can be)."""
    guard_logprobs: float = 1e-3
    """Largest difference between sampler's and learner's log-probabilities before an update; else training ends."""
    staleness: int = 0
    """Most iterations by which the weights that sampled a token may be older than those that learn from it. 0 plays and
    learns in turn, exactly; above, episodes are played while the learner works."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    critic: CriticConfig = field(default_factory=CriticConfig)
    """The critic of ``ppo`` and ``bilevel_gae``."""
    gathering: GatheringConfig = field(default_factory=GatheringConfig)
    """Which episodes are played and learned from."""
    alarm: AlarmConfig = field(default_factory=AlarmConfig)
    """When to shout because reward and success part."""
    preference_beta: float = 0.0
    """Above 0: in place of the policy loss, DPO on the best and the worst trajectory of each group, with this beta. It
    goes with no critic, divergence, correction or entropy bonus, and needs no correction for what is replayed."""

    def __post_init__(self) -> None:
        if self.group_size < 2:
            raise ValueError(f"group_size must be at least 2 (a group of one has no advantage); got {self.group_size}")
        at_least(self, 0, "iterations", "validity_reward", "question_weight", "cloning_weight", "guard_logprobs")
        at_least(self, 0, "kl_target", "preference_beta", "staleness")
        at_least(self, 1, "groups", "minibatches", "epochs", "rows_per_minibatch", "max_tokens", "kl_horizon")
        at_least(self, 1, "max_image_tokens")
        choose("layout", self.layout, ("padded", "packed", "auto"))
        advantage, loss = self.method()
        if self.gathering.augmented >= self.group_size:
            raise ValueError(
                f"gathering.augmented must be below group_size = {self.group_size}; got {self.gathering.augmented}"
            )
        if "values" in needs(advantage) and 0 < self.iterations <= self.critic.warmup:
            raise ValueError(
                f"critic.warmup must be below iterations = {self.iterations}, else the critic alone learns; "
                f"got {self.critic.warmup}"
            )
        if self.preference_beta:
            self._check_preferences(advantage, loss)
        else:
            self._check_policy_loss(loss)

    def _check_policy_loss(self, loss: LossConfig) -> None:
        """What a ratio to the policy that sampled asks for."""
        if loss.correction != "none" and not self.recompute:
            raise ValueError(f"loss.correction {loss.correction!r} needs recompute = true")
        if self.gathering.replay and loss.correction == "none":
            raise ValueError("gathering.replay needs loss.correction: what is replayed was sampled by earlier weights")
        if self.gathering.augmented and not self.recompute:
            raise ValueError(
                "gathering.augmented needs recompute = true: the update does not see what was sampled from"
            )
        if self.gathering.augmented and loss.form == "dppo_tv":
            raise ValueError(
                "gathering.augmented does not go with loss.form dppo_tv: it compares the probability of each token "
                "with the sampler's, which saw other pictures"
            )
        if self.staleness and loss.correction == "none":
            if self.recompute:
                raise ValueError(
                    "staleness with recompute = true needs loss.correction: ratios to the weights before the update "
                    "say nothing of the older ones that sampled"
                )
            if loss.form == "reinforce":
                raise ValueError(
                    "staleness with loss.form reinforce, which has no ratio, needs recompute = true and loss.correction"
                )
        if self.kl_target and loss.kl == "none":
            raise ValueError("kl_target needs a divergence to control: set loss.kl and loss.kl_coefficient")

    def _check_preferences(self, advantage: AdvantageConfig, loss: LossConfig) -> None:
        """DPO has a divergence of its own and no policy loss: what only belongs to one would do nothing."""
        idle = {
            "loss.correction": loss.correction != "none",
            "loss.kl": loss.kl != "none",
            "loss.entropy_bonus": loss.entropy_bonus > 0,
            "kl_target": self.kl_target > 0,
            f"the critic of {advantage.name}": "values" in needs(advantage),
        }
        if found := [name for name, given in idle.items() if given]:
            raise ValueError(
                f"preference_beta takes the place of the policy loss, so that {', '.join(found)} would do nothing: "
                "leave it out, or set preference_beta = 0"
            )

    def method(self) -> tuple[AdvantageConfig, LossConfig]:
        """Estimator and loss: those of the algorithm with the changes.

        Raises:
            ValueError: for a name or a field that does not exist, or a value that is not allowed.
        """
        advantage, loss = ALGORITHMS[choose("algorithm", self.algorithm, ALGORITHMS)]
        return (
            from_mapping(AdvantageConfig, {**asdict(advantage), **self.advantage}, "advantage"),
            from_mapping(LossConfig, {**asdict(loss), **self.loss}, "loss"),
        )


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
    greedy: bool = True
    """Play these also with the likeliest token always; else sampled alone."""
    baselines: Annotated[dict[str, str], JSON] = field(default_factory=lambda: {"random": "random", "expert": "expert"})
    """Agents to compare with, by name: ``random``, ``expert`` or ``module:function``."""
    walker: str = ""
    """Name of the baseline that is drawn as the bar to beat."""
    tasks: tuple[str, ...] = ()
    """Values of ``options["task"]`` that are reported apart in the end."""
    controls: Annotated[dict[str, dict[str, Any]], JSON] = field(default_factory=dict)
    """Controls on the final weights, by name: ``{"kwargs": ..., "wrappers": [...], "meaning": ...}``."""
    risk: Table = field(default_factory=dict)
    """Episodes whose share of losses is reported, before and after and for the walker: ``{"task": ..., "kwargs": ...,
    "meaning": ...}``."""
    samples: int = 8
    """Trajectories kept for the report, before and after."""

    def __post_init__(self) -> None:
        at_least(self, 0, "every", "samples")
        at_least(self, 1, "episodes", "final_episodes")
        for name, control in self.controls.items():
            only(f"controls.{name}", control, ("kwargs", "wrappers", "meaning"))
        only("risk", self.risk, ("task", "kwargs", "meaning"))
        if self.walker and self.walker not in self.baselines:
            names = ", ".join(self.baselines) or "none"
            raise ValueError(f"walker must be the name of a baseline ({names}), or empty; got {self.walker!r}")


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
    """Processes that learn as one, all on this machine; under torchrun, which starts them, 1. Results are exact for a
    given number."""
    threads: int = 1
    """Threads of torch in each process."""
    checkpoint_every: int = 20
    """GRPO iterations (and 5 times as many steps of the other stages) between two checkpoints."""
    environment: EnvironmentConfig = field(default_factory=EnvironmentConfig)
    mixture: Annotated[tuple[MixedEnvironment, ...], _MIXTURE] = ()
    """Further environments that are learned in the same run, their ids all different; every stage deals with all of
    them. On the command line a JSON list of objects with the fields of `MixedEnvironment`."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    sharding: ShardingConfig = field(default_factory=ShardingConfig)
    """How the weights are spread over the processes."""
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    perception: PerceptionConfig = field(default_factory=PerceptionConfig)
    cloning: CloningConfig = field(default_factory=CloningConfig)
    self_play: SelfPlayConfig = field(default_factory=SelfPlayConfig)
    """Matches in which the policy takes every seat of an environment that has several."""
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    quote: Annotated[dict[str, str], JSON] = field(default_factory=dict)
    """Results of other runs to quote in the summary: name -> summary.json of that run."""

    def __post_init__(self) -> None:
        at_least(self, 1, "processes", "threads", "checkpoint_every")
        at_least(self, 0, "seed")
        self._check_self_play()
        names = [environment.id for environment in self.environments]
        if len(set(names)) < len(names):
            raise ValueError(
                f"mixture: the ids must differ from one another and environment.id; got {', '.join(names)}"
            )

    def _check_self_play(self) -> None:
        if not self.self_play.enabled:
            return
        gathering, past = self.grpo.gathering, self.self_play.past > 0
        apart = {
            "self_play does not go with grpo.staleness": self.grpo.staleness > 0,
            "self_play does not go with grpo.gathering.rounds": gathering.rounds > 1,
            "self_play does not go with grpo.gathering.replay": gathering.replay > 0,
            "self_play does not go with grpo.gathering.augmented": gathering.augmented > 0,
            "self_play.past does not go with credit team": past and self.self_play.credit == "team",
            "self_play.past does not go with sharding.mode": past and self.sharding.mode != "none",
            "self_play.past does not go with rollout.ray.replicas": past and self.rollout.ray.replicas > 0,
            "self_play.past does not go with policy.engine": past and self.policy.engine != "transformers",
        }
        if found := [words for words, given in apart.items() if given]:
            raise ValueError(f"{found[0]}: leave that at its default")
        if any("seat" in environment.kwargs for environment in (self.environment, *self.mixture)):
            raise ValueError("self_play takes every seat of an environment: leave its argument seat out")

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
    return from_mapping(TrainConfig, read_file(Path(path)))


def to_mapping(config: TrainConfig) -> dict[str, Any]:
    """The inverse of `from_mapping`, JSON-able."""
    return asdict(config)
