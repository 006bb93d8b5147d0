"""What runs on a Ray cluster: joining it, and actors that are started, waited for and replaced.

Ray restarts nothing by itself here: who lost an actor knows what that costs, and starts another on a node that lives.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mmgym
from mmgym.rollout.worker import WorkerUnavailable

__all__ = ["Actor", "Introduced", "RayConfig", "RayNeeds", "connect", "node_lives", "reason_of"]


@dataclass(frozen=True)
class RayNeeds:
    """What Ray reserves for an actor, on a node that has it."""

    cpus: float = 1.0
    """Processor cores; several light environments may share one."""
    gpus: float = 0.0
    """GPUs."""
    resources: dict[str, float] = field(default_factory=dict)
    """Other resources, by the names that the nodes were started with."""

    def __post_init__(self) -> None:
        for name, value in {"cpus": self.cpus, "gpus": self.gpus, **self.resources}.items():
            if value < 0:
                raise ValueError(f"{name} must not be negative; got {value}")

    def options(self) -> dict[str, Any]:
        """As Ray takes them."""
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, "resources": self.resources}

    def bundle(self) -> dict[str, float]:
        """As a placement group takes them."""
        return {name: value for name, value in {"CPU": self.cpus, "GPU": self.gpus, **self.resources}.items() if value}


@dataclass(frozen=True)
class RayConfig:
    """A Ray cluster, and what runs on it with ``executor = "ray"``: workers, and where asked for all the rest."""

    address: str = ""
    """Address of the cluster; empty takes the one that ``RAY_ADDRESS`` names or this machine is part of, else starts
    Ray on this machine, as ``local`` always does."""
    runtime_env: str = ""
    """A TOML or YAML file with Ray's runtime environment: packages, variables and files that every node gets."""
    start_seconds: float = 300.0
    """Seconds that an actor may take to find a node and start there; after that the others do its work."""
    worker: RayNeeds = field(default_factory=RayNeeds)
    """What each of the `RolloutConfig.workers` needs."""
    replicas: int = 0
    """Copies of the policy that sample on the cluster, for each process that learns; 0 samples where it learns."""
    replica: RayNeeds = field(default_factory=RayNeeds)
    """What each of them needs."""
    answer_seconds: float = 600.0
    """Seconds that a replica may take for an answer before it is replaced."""
    learners: int = 0
    """Processes that learn as one, each in an actor; 0 learns in the process that was started."""
    learner: RayNeeds = field(default_factory=RayNeeds)
    """What each of them needs."""
    restarts: int = 3
    """How often learners are started again from the last checkpoint when one of them is lost."""

    def __post_init__(self) -> None:
        for name in ("start_seconds", "replicas", "answer_seconds", "learners", "restarts"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative; got {getattr(self, name)}")


def connect(config: RayConfig) -> None:
    """Join the cluster, unless this process is in one.

    Raises:
        ImportError: where Ray is not installed, with the command that gets it.
        OSError: when there is no cluster at the address.
        ValueError: for a runtime environment that cannot be read.
    """
    try:
        import ray
    except ImportError as error:
        raise ImportError(f"rollout.executor = ray needs Ray: pip install 'mmgym[ray]' ({error})") from error
    if ray.is_initialized():
        return
    from mmgym.learn.mapping import read_file

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # where Ray is started here: it sends nothing anywhere
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what Ray will do anyway, without its warning
    environment = read_file(Path(config.runtime_env)) if config.runtime_env else None
    ray.init(address=config.address or None, runtime_env=environment, log_to_driver=False)


def reason_of(error: Exception) -> str:
    """What Ray says of a loss, in one line; the rest of its report is about itself."""
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    return lines[-1].partition(". ")[0].strip() if lines else type(error).__name__


def node_lives(node: str) -> bool:
    """Whether Ray believes that a node is there.

    Args:
        node: its id, hexadecimal.
    """
    import ray

    return any(found["Alive"] for found in ray.nodes() if found["NodeID"] == node)


class Introduced:
    """Base of what runs in an actor. Its process's children end with it, however it ends.

    Args:
        version: version of mmgym of the process that started it; others are refused.
    """

    def __init__(self, version: str):
        if version != mmgym.__version__:
            raise RuntimeError(f"this node has mmgym {mmgym.__version__}, the learner's has {version}")
        _end_children_with_this_process()

    def introduce(self) -> str:
        """The id of the node, hexadecimal."""
        import ray

        return ray.get_runtime_context().get_node_id()


class Actor:
    """One place on the cluster.

    Args:
        make: starts an actor of a class that is `Introduced` and returns its handle.
        start_seconds: seconds it may take to find a node and start there.
    """

    def __init__(self, make: Callable[[], Any], start_seconds: float):
        self._make, self._start_seconds = make, start_seconds
        self.handle: Any = None
        self.node = ""
        """Id of the node where it runs, hexadecimal; empty while it does not."""
        self._introduced: Future[str] | None = None
        self._deadline: float | None = None

    @property
    def running(self) -> bool:
        """Whether it runs, as far as is known."""
        found = self._introduced
        if not self.node and found is not None and found.done() and found.exception() is None:
            self.node, self._deadline = found.result(), None
        return bool(self.node)

    def start(self) -> None:
        """Start it, if nobody has: it comes up by and by. What could not start is tried again after a while."""
        failed = self._introduced is not None and self._introduced.done() and not self.running
        if failed and time.monotonic() > (self._deadline or 0.0):
            self.kill()
            self._deadline = None
        if self._introduced is None:
            self._start()

    async def up(self) -> None:
        """Wait until it runs. Where it was waited for in vain, it is only looked at: it comes when there is room.

        What could not start is tried again after `start_seconds`.

        Raises:
            WorkerUnavailable: when there is no room for it in time, or it cannot start.
        """
        from ray.exceptions import RayActorError, RayError

        while not self.running:
            introduced = self._introduced or self._start()
            deadline = self._deadline or 0.0
            try:
                if introduced.done():
                    introduced.result()
                else:
                    await asyncio.wait_for(_shielded(introduced), max(deadline - time.monotonic(), 0))
            except TimeoutError as error:
                raise WorkerUnavailable(f"no node had room for it within {self._start_seconds:g} s") from error
            except RayError as error:
                lost = isinstance(error, RayActorError) and not error.actor_init_failed
                late = time.monotonic() > deadline
                if introduced is self._introduced and (lost or late):  # else somebody else has started another
                    self.kill()
                    self._deadline = None if late else deadline
                if not lost or late:
                    raise WorkerUnavailable(f"it cannot be started: {reason_of(error)}") from error

    def kill(self) -> None:
        """End it; the next `up` starts another."""
        if self.handle is not None:
            import ray

            ray.kill(self.handle)
        self.handle, self._introduced, self.node = None, None, ""

    def _start(self) -> Future[str]:
        self.handle = self._make()
        self._introduced = self.handle.introduce.remote().future()
        if self._deadline is None:
            self._deadline = time.monotonic() + self._start_seconds
        return self._introduced


async def _shielded(future: Future[str]) -> str:
    """The result of a future of another thread, which goes on when nobody waits for it any more."""
    return await asyncio.shield(asyncio.wrap_future(future))


def _end_children_with_this_process() -> None:
    """A browser or a server that an environment started would outlive a worker that Ray kills."""
    if os.getpgid(0) != os.getpid():
        os.setpgid(0, 0)
    reads, _ = os.pipe()  # nobody writes: it ends when this process does
    script = ["/bin/sh", "-c", 'read -r _; kill -KILL -- "-$1"', "sh", str(os.getpid())]
    subprocess.Popen(script, stdin=reads, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    os.close(reads)
