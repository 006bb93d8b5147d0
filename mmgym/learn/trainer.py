"""The trainer: perception questions, behaviour cloning, GRPO, each in steps that can be stopped and resumed exactly.

Everything random is keyed by seed, stage and step, so a checkpoint needs no random state; schedules count steps and
not seconds; evaluations meet the same seeds every time.
"""

from __future__ import annotations

import gc
import json
import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

import mmgym
from mmgym.agent import Policy
from mmgym.env import Unsupported
from mmgym.learn.advantages import needs
from mmgym.learn.asynchronous import RolloutsAhead
from mmgym.learn.build import make_env, make_policy, scripted_agent
from mmgym.learn.checkpoint import latest_checkpoint, save_checkpoint, write_atomically
from mmgym.learn.config import ConfigurationError, TrainConfig, to_mapping
from mmgym.learn.decisions import Decisions
from mmgym.learn.demonstrations import Demonstrations
from mmgym.learn.display import Display
from mmgym.learn.distributed import World, launch, started_from_outside
from mmgym.learn.episodes import noise_key
from mmgym.learn.evaluate import evaluate
from mmgym.learn.improvement import Improvement
from mmgym.learn.learner import Learner, Part, prepare_packing
from mmgym.learn.losses import likelihood_loss
from mmgym.learn.metrics import MetricsLog
from mmgym.learn.optimizers import OptimizerConfig, require_optimizer
from mmgym.learn.packing import supervised_row
from mmgym.learn.perception import Examiner, examine
from mmgym.learn.preflight import check_same_run, preflight
from mmgym.learn.replicas import make_samplers
from mmgym.learn.self_play import seat_environments
from mmgym.learn.sharding import ShardedPolicy
from mmgym.messages import prompt_template
from mmgym.rollout import Executor, Rollout
from mmgym.trajectory import ImageStore

__all__ = ["Trainer", "train"]

logger = logging.getLogger(__name__)
STAGES = ("perception", "cloning", "grpo")


def train(config: TrainConfig) -> dict[str, Any]:
    """Run or resume a training run; returns its summary (also in ``summary.json``).

    Raises:
        ConfigurationError: before anything is written, when the configuration cannot be run, or the folder holds a run
            with another one.
    """
    if config.rollout.ray.learners:
        from mmgym.learn.ray_learners import train_on_ray

        return train_on_ray(config)
    preflight(config)
    return launch(_run, config, config.processes, always_grouped=config.sharding.mode != "none")


def _run(world: World, config: TrainConfig) -> dict[str, Any]:
    try:
        trainer = Trainer(config, world)
    except (ValueError, OSError, ImportError, Unsupported) as error:
        if not world.is_main and not started_from_outside():  # the main process says the same
            raise SystemExit(2) from error
        raise ConfigurationError(str(error)) from error
    return trainer.run()


class Trainer:
    """One process of a training run.

    Args:
        config: the run.
        world: the processes that learn together.
    """

    def __init__(self, config: TrainConfig, world: World):
        torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        self.config, self.world = config, world
        self.folder = Path(config.out)
        for stage in (config.perception, config.cloning, config.grpo, config.grpo.critic):
            require_optimizer(stage.optimizer)
        _take_device(config.policy.device, world)
        self.policy = make_policy(config)
        if config.grpo.layout == "packed":
            prepare_packing(self.policy, config.grpo.layout)
        self.sharded: ShardedPolicy | None = None
        if config.sharding.mode != "none":
            self.sharded = ShardedPolicy(self.policy, world, config.sharding, config.policy.master_weights)
            self.policy = cast(Policy, self.sharded)
        recorded = config.rollout.record_state_keys or "state_keys" in needs(config.grpo.method()[0])
        self.executor = Executor(replace(config.rollout, record_state_keys=recorded))
        self.sampler, self.greedy = make_samplers(config, self.sharded.whole if self.sharded else self.policy)
        self.demonstrations = Demonstrations(config, world, self.policy, self.executor, self.sampler)
        self.environments = seat_environments(config)
        envs = [make_env(environment) for environment in self.environments]
        spaces = [mmgym.unwrap(env).action_space for env in envs]
        for env in envs:
            env.close()
        # Where the model is asked to reason first, answers begin with that and not with a choice.
        reasons = config.policy.thinking or "<think>" in prompt_template(config.rollout.prompt)
        self.decisions = None if reasons else Decisions.of_spaces(spaces, self.policy.codec, config.rollout.format)
        self.examiners = [Examiner(e, config.perception, self.policy) for e in self.environments]
        self.state: dict[str, Any] = {
            "stage": "perception",
            "step": 0,
            "lines": 0,
            "version": 0,
            "episodes": 0,
            "sampled_tokens": 0,
            "seconds": {},
            "summary": {},
        }
        self.learner: Learner | None = None
        self.improvement: Improvement | None = None
        self._saved = 0
        self._cut_off: dict[str, Any] | None = None
        """What learned when the run was cut off, until the stage goes on from it."""
        self._clock = time.perf_counter()

    def run(self) -> dict[str, Any]:
        """Go through the stages from where the last checkpoint left them."""
        self._resume()
        self.world.gather(self._saved)  # nobody writes a checkpoint before everybody has read theirs
        if self.world.is_main:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.folder / "config.json", json.dumps(to_mapping(self.config), indent=2).encode())
        log = MetricsLog(self.folder, self.state["lines"]) if self.world.is_main else None
        gc.freeze()  # libraries and model are here to stay: looking through them took a fifth of a rollout
        with Display(self.config, self.world.is_main) as self.display, self.executor:
            self.log = log
            try:
                while self.state["stage"] in STAGES:
                    self._stage(self.state["stage"])
            finally:
                self._end()
            summary = self._finish()
        for agent in (self.sampler, self.greedy):
            if hasattr(agent, "close"):  # an engine; one that is left behind by an error ends with the process
                agent.close()
        if log:
            log.close()
        return summary

    def _resume(self) -> None:
        """Take up the last checkpoint, if there is one; what is read of it is not kept for longer than it is needed."""
        layout = self.sharded.layout if self.sharded else None
        resumed = latest_checkpoint(self.folder / "checkpoints", self.world, layout)
        if resumed is None:
            return
        check_same_run(self.config, resumed["config"])
        self._check_base(resumed["base"])
        self.policy.load_weights(resumed["model"])
        self.state = resumed["state"]
        self._saved = resumed["number"]
        if resumed["learner"]:
            self._cut_off = {name: resumed[name] for name in ("learner", "improvement")}
        self._weights_changed()

    def _check_base(self, saved: str) -> None:
        """A checkpoint that holds adapters alone fits the weights they were learned on, and no others."""
        ours = self.policy.base_identity()
        if saved != ours:
            raise ConfigurationError(
                f"{self.folder} holds adapters that were learned on other weights (sha256 {saved[:12]}) than those of "
                f"policy.checkpoint now (sha256 {ours[:12]}): give the weights it began with, or another --out"
            )

    # --- stages ----------------------------------------------------------------------------------------------------

    def _begin(self, stage: str) -> None:
        """Make what learns in a stage, as it was where the run was cut off."""
        config = self.config
        optimizer, temperature = self._plan(stage)[1], config.policy.temperature
        self.learner = Learner(
            self.policy,
            optimizer,
            temperature,
            config.grpo.max_tokens,
            self.world,
            self.decisions,
            config.policy.master_weights,
            config.grpo.layout,
            config.grpo.max_image_tokens,
        )
        if stage == "grpo":
            self._weights_changed()  # those that sample elsewhere know nothing of perception
            mixed = (self._mixed_questions, self._mixed_demonstrations)
            ahead = self._rollouts_ahead() if config.grpo.staleness else None
            self.improvement = Improvement(config, self.learner, self.executor, self.sampler, mixed, ahead)
        if self._cut_off:
            self.learner.load_state(self._cut_off["learner"])
            if self.improvement:
                self.improvement.load_state(self._cut_off["improvement"])
            self._cut_off = None

    def _end(self) -> None:
        """Let go of what learns in a stage, and of what plays for it."""
        if self.improvement:
            self.improvement.close()
        self.learner = self.improvement = None

    def _stage(self, stage: str) -> None:
        steps, optimizer = self._plan(stage)
        state = self.state
        self._begin(stage)
        step_once = {"perception": self._perceive, "cloning": self._clone, "grpo": self._improve}[stage]
        interval = self.config.checkpoint_every * (1 if stage == "grpo" else 5)
        while state["step"] < steps:
            values = step_once(state["step"], optimizer.scale(state["step"], steps) * self._annealing(stage))
            state["step"] += 1
            self._note(stage, "train", values)
            done = self._check(stage, state["step"], steps)
            self._tick(stage)
            self.display.update(stage, state["step"], steps, {**values, **state["summary"].get("latest", {})})
            if done:
                break
            if state["step"] % interval == 0:
                self._save()
        if steps:
            self._after(stage)
            self._tick(stage)
        following = [*STAGES, "done"][STAGES.index(stage) + 1]
        state["stage"], state["step"] = following, 0
        self._end()
        self._save()

    def _plan(self, stage: str) -> tuple[int, OptimizerConfig]:
        config = self.config
        return {
            "perception": (config.perception.steps, config.perception.optimizer),
            "cloning": (config.cloning.steps, config.cloning.optimizer),
            "grpo": (config.grpo.iterations, config.grpo.optimizer),
        }[stage]

    def _annealing(self, stage: str) -> float:
        """Learning-rate factor of the steps that follow when perception is good enough."""
        steps = self.config.perception.anneal_steps
        if stage != "perception" or "seen_at" not in self.state or not steps:
            return 1.0
        return max(0.05, 1 - (self.state["step"] - self.state["seen_at"]) / steps)

    def _is_annealed(self, step: int) -> bool:
        return "seen_at" in self.state and step >= self.state["seen_at"] + self.config.perception.anneal_steps

    def _perceive(self, step: int, scale: float) -> dict[str, float]:
        assert self.learner is not None
        return self.learner.step([self._question_part(0, step, 1.0)], scale)

    def _clone(self, step: int, scale: float) -> dict[str, float]:
        assert self.learner is not None
        if self.config.cloning.demonstrator == "self":
            self._weights_changed()
        parts = [self.demonstrations.part(step, 1.0)]
        if self.config.cloning.question_weight:
            parts.append(self._question_part(1, step, self.config.cloning.question_weight))
        return self.learner.step(parts, scale)

    def _improve(self, step: int, scale: float) -> dict[str, float]:
        assert self.improvement is not None
        values = self.improvement.step(step, scale)
        self.state["episodes"] += int(values.pop("episodes"))
        self.state["sampled_tokens"] += int(values["tokens"])
        self.state["version"] += 1
        self._weights_changed()
        self.improvement.begin(step + 1)
        return values

    # --- checks and evaluations ------------------------------------------------------------------------------------

    def _check(self, stage: str, step: int, steps: int) -> bool:
        """Evaluate where it is due; True when the stage may stop early."""
        config = self.config
        if stage == "perception":
            if step % config.perception.check_every == 0 or step == steps or self._is_annealed(step):
                assert self.learner is not None
                values = examine(self.examiners, self.learner, self.world, config.seed)
                self._note(stage, "eval", values)
                self.state["summary"]["perception"] = {"steps": step, **values}
                if values["lowest_recall"] >= config.perception.stop_recall:
                    self.state.setdefault("seen_at", step)
            return self._is_annealed(step)
        every = config.evaluation.every
        if stage == "grpo" and every and (step % every == 0 or step == steps):
            result, rollout = self._evaluate(self.sampler)
            values = {"sampled": result}
            self._note(stage, "eval", values)
            self._keep_samples(rollout, "latest")
            self.state["summary"]["latest"] = {"held_out": values["sampled"]["success"]}
        return False

    def _after(self, stage: str) -> None:
        """The evaluations that follow a stage."""
        if stage == "perception":
            return
        summary, name = self.state["summary"], {"cloning": "cloned", "grpo": "trained"}[stage]
        final = self.config.evaluation
        values = {}
        self._weights_changed()
        ways = {"sampled": self.sampler, **({"greedy": self.greedy} if final.greedy else {})}
        for way, agent in ways.items():
            values[way], rollout = self._evaluate(agent, final.final_split, final.final_episodes)
            if way == "sampled":
                self._keep_samples(rollout, {"cloned": "before", "trained": "after"}[name])
        summary.setdefault("heldout", {})[name] = values
        self._note(stage, "eval", values)
        self._measure_risk(name, self.sampler)
        self._by_environment(name, values["sampled"])
        for task in final.tasks:
            by_task = self._evaluate(self.sampler, final.final_split, final.final_episodes, task=task)[0]
            summary.setdefault("by_task", {}).setdefault(name, {})[task] = by_task

    def _evaluate(
        self, agent: Any, split: str = "", episodes: int = 0, **changes: Any
    ) -> tuple[dict[str, Any], Rollout]:
        config = self.config.evaluation
        started = time.perf_counter()
        result = evaluate(
            agent,
            self.executor,
            self.world,
            self.environments,
            split=split or config.split,
            episodes=episodes or config.episodes,
            noise=noise_key(self.config.seed, 4, 0),
            **changes,
        )
        elapsed = time.perf_counter() - started
        self._spend("evaluation", elapsed)
        self._clock += elapsed
        return result

    def _by_environment(self, name: str, values: dict[str, Any]) -> None:
        """Note the results in each environment of a mixture beside those by kind of task."""
        if "environments" in values:
            self.state["summary"].setdefault("by_task", {}).setdefault(name, {}).update(values["environments"])

    def _measure_risk(self, name: str, agent: Any) -> None:
        """How often an agent loses the episodes of `EvaluationConfig.risk`: they end for good, and unsolved."""
        config, risk = self.config.evaluation, self.config.evaluation.risk
        if not risk:
            return
        changes = {"task": risk.get("task", ""), "kwargs": risk.get("kwargs")}
        values = self._evaluate(agent, config.final_split, config.final_episodes, **changes)[0]
        self.state["summary"].setdefault("risk", {"meaning": risk.get("meaning", "")})[name] = values["lost"]

    def _keep_samples(self, rollout: Rollout, name: str) -> None:
        from mmgym.store import save_trajectories

        if self.world.is_main and self.config.evaluation.samples:
            path = self.folder / "trajectories" / f"{name}.parquet"
            path.parent.mkdir(exist_ok=True)
            save_trajectories(path, rollout.trajectories[: self.config.evaluation.samples], rollout.images)

    def _finish(self) -> dict[str, Any]:
        """Baselines, controls, summary, curve and report."""
        from mmgym.learn.summary import write_summary

        config, summary = self.config.evaluation, self.state["summary"]
        if "baselines" not in summary:
            summary["baselines"], summary["controls"] = {}, {}
            for name, agent in config.baselines.items():
                demonstrator = scripted_agent(agent)
                values = self._evaluate(demonstrator, config.final_split, config.final_episodes)[0]
                summary["baselines"][name] = values
                self._by_environment(name, values)
                if name == config.walker:
                    self._measure_risk(name, demonstrator)
                for task in config.tasks:
                    found = self._evaluate(demonstrator, config.final_split, config.final_episodes, task=task)[0]
                    summary.setdefault("by_task", {}).setdefault(name, {})[task] = found
            for name, control in config.controls.items():
                changes = {"kwargs": control.get("kwargs"), "wrappers": tuple(control.get("wrappers", ()))}
                values = self._evaluate(self.sampler, config.final_split, config.final_episodes, **changes)[0]
                summary["controls"][name] = {**values, "meaning": control.get("meaning", "")}
            self._save()
        if not self.world.is_main:
            return {}
        self.policy.save(self.folder / "checkpoint")
        return write_summary(self.folder, self.config, self.state)

    # --- pieces ----------------------------------------------------------------------------------------------------

    def _question_part(self, stage: int, step: int, weight: float, conversations: int = 0) -> Part:
        """Questions of a step: their loss is the mean over answer tokens, times `weight`."""
        images = ImageStore()
        rows = []
        for index in self.world.share(range(conversations or self.config.perception.conversations)):
            rng = np.random.default_rng([self.config.seed, 8, stage, step, index])
            examiner = self.examiners[index % len(self.examiners)]
            rows.append(supervised_row(examiner.conversation("train", rng, images)))
        tokens = self.world.sum(float(sum(len(row.trained) for row in rows)))
        return Part(rows, images, likelihood_loss, tokens / weight)

    def _mixed_questions(self, number: int) -> list[Part]:
        """The questions that an update of the third stage asks."""
        config = self.config.grpo
        if not config.question_weight:
            return []
        return [self._question_part(2, number, config.question_weight, config.question_conversations)]

    def _mixed_demonstrations(self, number: int) -> list[Part]:
        """The demonstrations that an update of the third stage imitates; those of cloning are not met again."""
        config = self.config
        if not config.grpo.cloning_weight:
            return []
        if config.cloning.demonstrator == "self":
            self._weights_changed()
        return [self.demonstrations.part(config.cloning.steps + number, config.grpo.cloning_weight)]

    def _rollouts_ahead(self) -> RolloutsAhead:
        """What plays while the learner works: with environments of its own, and a copy of the policy."""
        grpo = self.config.grpo
        groups = len(self.world.share(range(grpo.groups))) * (grpo.staleness + 1)
        executor = Executor(self.executor.config)
        policy = self.sharded.whole if self.sharded else self.policy
        return RolloutsAhead(
            executor, policy, lambda copy: make_samplers(self.config, copy)[0], most=groups * grpo.group_size
        )

    def _weights_changed(self) -> None:
        if self.sharded:
            self.sharded.refresh()
        for agent in (self.sampler, self.greedy):
            agent.weights_changed(self.state["version"])

    def _note(self, stage: str, kind: str, values: dict[str, Any]) -> None:
        if self.log:
            self.log.write(stage, kind, self.state["step"], values)
            self.state["lines"] = self.log.count

    def _tick(self, stage: str) -> None:
        now = time.perf_counter()
        self._spend(stage, now - self._clock)
        self._clock = now

    def _spend(self, phase: str, seconds: float) -> None:
        self.state["seconds"][phase] = self.state["seconds"].get(phase, 0.0) + seconds

    def _save(self) -> None:
        self._saved += 1
        content = {
            "number": self._saved,
            "config": json.dumps(to_mapping(self.config), sort_keys=True),
            "state": self.state,
            "model": self.policy.weights(),
            "base": self.policy.base_identity(),
            "learner": self.learner.state() if self.learner else None,
            "improvement": self.improvement.state() if self.improvement else None,  # every process has a part of it
        }
        save_checkpoint(self.folder / "checkpoints", self._saved, content, self.world, sharded=bool(self.sharded))


def _take_device(name: str, world: World) -> None:
    """See that a device can be used; ``cuda`` is a GPU for each process of a machine.

    Raises:
        ValueError: where it cannot.
    """
    if name == "cuda":
        if world.local_rank >= torch.cuda.device_count():
            raise ValueError(f"a GPU for each process of a machine is needed; here are {torch.cuda.device_count()}")
        torch.cuda.set_device(world.local_rank)
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:  # of torch without CUDA the latter
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"policy.device cannot be {name!r} here: {reason}") from error
