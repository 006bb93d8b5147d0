"""A Ray cluster of several nodes on this machine, for the tests of this folder (`make test-ray`)."""

from __future__ import annotations

import contextlib
import os
import signal

import pytest
from short_runs import descendants

pytest.importorskip("ray", reason="Ray is not installed: pip install 'mmgym[ray]'")

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "disabled"  # all of it is on this machine
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
QUICK = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}


class Nodes:
    """A head that holds no actors, one node that stays, and others that come and go.

    Nodes share one machine, so which of them an actor may run on is told by their resources.
    """

    def __init__(self):
        import ray
        from ray.cluster_utils import Cluster

        self._small = {"object_store_memory": 100 * 2**20}
        head = {"num_cpus": 1, "include_dashboard": False, "_system_config": QUICK, **self._small}
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.stays = self.add(place=8)
        ray.init(address=self._cluster.address, log_to_driver=False)

    def add(self, **resources: float):
        """Another node."""
        return self._cluster.add_node(num_cpus=8, resources=resources, **self._small)

    def kill(self, node) -> None:
        """What a node that loses its power does: nothing on it says another word."""
        actors = descendants(node.all_processes["raylet"][0].process.pid)
        self._cluster.remove_node(node, allow_graceful=False)
        for actor in actors:
            with contextlib.suppress(ProcessLookupError):
                os.kill(actor, signal.SIGKILL)

    def close(self) -> None:
        import ray

        ray.shutdown()
        self._cluster.shutdown()


@pytest.fixture(scope="session")
def nodes():
    nodes = Nodes()
    yield nodes
    nodes.close()
