"""The processes that learn, as actors of a Ray cluster: started together, and again when one of them is lost.

They find one another as under torchrun (`mmgym.learn.distributed`). A run that lost a process goes on from its last
checkpoint, so its folder must lie where every node finds it.
"""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import replace
from typing import Any

import mmgym
from mmgym.learn.config import ConfigurationError, TrainConfig
from mmgym.learn.preflight import preflight
from mmgym.learn.replicas import with_whole_paths
from mmgym.rollout.ray_actor import Introduced, connect, reason_of

__all__ = ["train_on_ray"]

logger = logging.getLogger(__name__)


def train_on_ray(config: TrainConfig) -> dict[str, Any]:
    """Train in ``config.rollout.ray.learners`` actors; returns the summary.

    Raises:
        ConfigurationError: when the cluster has no room for all learners, or the configuration cannot be run.
        RuntimeError: when learners were lost more often than ``config.rollout.ray.restarts``.
    """
    from ray.exceptions import RayError, RayTaskError

    ray_config = config.rollout.ray
    preflight(_alone(config))
    connect(ray_config)
    for attempt in range(ray_config.restarts + 1):
        try:
            return _attempt(config)
        except RayError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, ConfigurationError):
                raise cause from error
            reason = repr(cause) if isinstance(error, RayTaskError) else reason_of(error)
            if attempt == ray_config.restarts:
                raise RuntimeError(f"learners were lost {attempt + 1} times, the last time: {reason}") from error
            logger.warning("a learner was lost; all start again from the last checkpoint: %s", reason)
    raise AssertionError


def _attempt(config: TrainConfig) -> dict[str, Any]:
    """Start all learners and wait for them; ends them all when one fails."""
    import ray
    from ray.util.placement_group import placement_group, remove_placement_group
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    ray_config = config.rollout.ray
    group = placement_group([ray_config.learner.bundle()] * ray_config.learners, strategy="PACK")
    actors: list[Any] = []
    try:
        if not group.wait(ray_config.start_seconds):
            raise ConfigurationError(
                f"rollout.ray.learners: the cluster has no room for {ray_config.learners} learners, each with "
                f"{ray_config.learner.bundle()}; it has {ray.cluster_resources()}"
            )
        for rank in range(ray_config.learners):
            place = PlacementGroupSchedulingStrategy(group, placement_group_bundle_index=rank)
            options = {**ray_config.learner.options(), "scheduling_strategy": place, "max_restarts": 0}
            actors.append(ray.remote(_Learner).options(**options).remote(mmgym.__version__))
        address, port = ray.get(actors[0].meeting_place.remote())
        together = {"WORLD_SIZE": str(len(actors)), "MASTER_ADDR": address, "MASTER_PORT": str(port)}
        ends = [
            actor.learn.remote(_alone(config), {**together, "RANK": str(rank)}) for rank, actor in enumerate(actors)
        ]
        waiting = list(ends)
        while waiting:
            done, waiting = ray.wait(waiting)
            ray.get(done)  # the first failure ends all: the others may wait for that process for ever
        return ray.get(ends[0])
    finally:
        for actor in actors:
            ray.kill(actor)
        remove_placement_group(group)


def _alone(config: TrainConfig) -> TrainConfig:
    """The run as one of its learners sees it."""
    config = with_whole_paths(config)
    return replace(config, rollout=replace(config.rollout, ray=replace(config.rollout.ray, learners=0)))


class _Learner(Introduced):
    """What runs on a node."""

    def meeting_place(self) -> tuple[str, int]:
        """Address of this node, and a port that nobody uses."""
        import ray

        with socket.socket() as probe:
            probe.bind(("", 0))
            return ray.util.get_node_ip_address(), probe.getsockname()[1]

    def learn(self, config: TrainConfig, environment: dict[str, str]) -> dict[str, Any]:
        """Run one process of the training; Ray shows it its own GPU only, so that is number 0."""
        from mmgym.learn.trainer import train

        os.environ |= {**environment, "LOCAL_RANK": "0"}
        return train(config)
