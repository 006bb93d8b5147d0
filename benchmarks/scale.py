"""How episodes per second grow with workers, up to 1,000, and what stops them: `python benchmarks/scale.py`.

Latencies are recorded first: two environments, the demo's model by batch size, what messages cost the driver over
pipes and over Ray. Then the real executor plays with environments and models that only take that time, in virtual time
(`benchmarks/scaling`). Some points are also played in real time, with worker processes, to see how far off that is.
A quarter of an hour on two cores; writes benchmarks/results/scale.json and the figure of docs/ray.md.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import tyro
from rich import print

from benchmarks.peers import ROOT, machine
from benchmarks.scaling.recording import Echo, record_batches, record_environment, record_messages
from benchmarks.scaling.simulation import Latencies, Setting, simulate
from mmgym.learn.summary import versions
from mmgym.rollout import Executor, RolloutConfig
from mmgym.trajectory import EpisodeTask, ImageStore, Trajectory

WORKERS = (1, 4, 16, 64, 256, 1000)
REPLICAS = (1, 8, 64)
ENVIRONMENTS: dict[str, tuple[str, dict[str, Any], int, int]] = {
    "FrozenLake": ("mmgym/FrozenLake-v0", {"preset": "two_holes", "image_size": 64}, 100, 64),
    "WebNav": ("mmgym/WebNav-v0", {"level": 3}, 20, 512),
}
"""Id, arguments, episodes that are recorded, and side of the square pictures with which messages are measured."""
SLOW_STEP = 0.1
"""Seconds of a step of the environment that is played in real time."""


@dataclass(frozen=True)
class Args:
    """Options."""

    record: bool = True
    """Record latencies; otherwise those are taken that the results hold."""
    requests: int = 480
    """Requests of each measurement of messages."""
    out: Path = Path("benchmarks/results/scale.json")
    """Where the results go."""
    figure: Path = Path("docs/images/scale.png")
    """Where the figure goes."""


class Slow(gym.Wrapper[Any, Any, Any, Any]):
    """An environment whose resets and steps take as long as a browser's."""

    def reset(self, **options: Any) -> Any:
        """Wait, and reset."""
        time.sleep(SLOW_STEP)
        return super().reset(**options)

    def step(self, action: Any) -> Any:
        """Wait, and step."""
        time.sleep(SLOW_STEP)
        return super().step(action)


def record(requests: int) -> dict[str, Any]:
    """All latencies and costs."""
    import ray

    sizes = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    found: dict[str, Any] = {"batches": {str(size): seconds for size, seconds in record_batches(sizes).items()}}
    ray.init("local", num_cpus=4, object_store_memory=200 * 2**20, include_dashboard=False, log_to_driver=False)
    for name, (env_id, kwargs, episodes, side) in ENVIRONMENTS.items():
        found[name] = record_environment(env_id, kwargs, episodes, noise=0.0 if name == "WebNav" else 0.3)
        found[name]["messages"] = {"picture": [side, side], **record_messages(side, requests)}
        print(name, found[name]["messages"])
    ray.shutdown()
    return found


def latencies_of(recorded: dict[str, Any], name: str) -> Latencies:
    """Those of an environment, with everything on Ray."""
    own, batches = recorded[name], {int(size): seconds for size, seconds in recorded["batches"].items()}
    height, width = own["picture"]
    messages = own["messages"]
    return Latencies(
        own["reset"], own["step"], own["turns"], (height, width), batches, messages["ray"], messages["replica"]
    )


def curves(recorded: dict[str, Any]) -> list[dict[str, Any]]:
    """Every setting, once with the driver's own time and once without."""
    rows = []
    for name in ENVIRONMENTS:
        latencies = latencies_of(recorded, name)
        for replicas in REPLICAS:
            for workers in WORKERS:
                row: dict[str, Any] = {"environment": name, "workers": workers, "replicas": replicas}
                ideal = simulate(latencies, Setting(workers, replicas, driver=False))
                row |= simulate(latencies, Setting(workers, replicas))
                row["episodes_per_second_without_driver"] = ideal["episodes_per_second"]
                if replicas == REPLICAS[-1]:
                    pipes = recorded[name]["messages"]["local"]
                    cheap = simulate(replace(latencies, message=pipes, answer=pipes), Setting(workers, replicas))
                    row["episodes_per_second_over_pipes"] = cheap["episodes_per_second"]
                shares = {part: row[f"{part}_busy"] for part in ("workers", "replicas", "driver")}
                row["busiest"] = max(shares, key=lambda part: shares[part])
                rows.append({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()})
                print(rows[-1])
    return rows


def check(workers: int) -> dict[str, Any]:
    """The same in real time and in virtual time: worker processes with a slow environment, and an agent at once."""
    turns, episodes = 5, 6 * workers
    kwargs = {"preset": "two_holes", "image_size": 64, "max_turns": turns}
    tasks = [
        EpisodeTask("mmgym/FrozenLake-v0", seed, kwargs=kwargs, wrappers=("benchmarks.scale:Slow",))
        for seed in range(episodes)
    ]
    ended: list[float] = []

    def note(key: int, trajectory: Trajectory, images: ImageStore) -> bool:
        ended.append(time.perf_counter())
        return False

    config = RolloutConfig(workers=workers, lockstep=False, format="tag", prompt="minimal", timeout=600.0)
    with Executor(config) as executor:
        executor.run(tasks[:workers], Echo())  # starts the processes
        rollout = executor.run(tasks, Echo(), note)
    first, last = ended[workers], ended[-1 - workers]
    real = (episodes - 2 * workers - 1) / (last - first)
    counts = [len(trajectory.turns) for trajectory in rollout.trajectories]
    waits = [SLOW_STEP, SLOW_STEP]
    latencies = Latencies(waits, waits, counts, (64, 64), {1: 1e-6}, 0.0, 0.0)
    simulated = simulate(latencies, Setting(workers, workers))["episodes_per_second"]
    return {"workers": workers, "real": round(real, 3), "simulated": round(simulated, 3)}


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Episodes per second over workers, an environment in each panel."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(ENVIRONMENTS), figsize=(10, 4), constrained_layout=True)
    for axis, name in zip(axes, ENVIRONMENTS, strict=True):
        for replicas, colour in zip(REPLICAS, ("tab:blue", "tab:orange", "tab:green"), strict=True):
            own = [row for row in rows if row["environment"] == name and row["replicas"] == replicas]
            count = [row["workers"] for row in own]
            label = f"{replicas} replica{'s' if replicas > 1 else ''}"
            axis.plot(count, [row["episodes_per_second"] for row in own], "o-", color=colour, label=label)
            ideal = [row["episodes_per_second_without_driver"] for row in own]
            axis.plot(count, ideal, ":", color=colour)
        pipes = [row["episodes_per_second_over_pipes"] for row in own]
        axis.plot(count, pipes, "--", color=colour, label="the same, messages as cheap as over pipes")
        axis.set(xscale="log", yscale="log", xlabel="workers", ylabel="episodes per second", title=name)
        axis.grid(alpha=0.3)
        axis.legend(title="dotted: were the driver free")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main(args: Args) -> None:
    """Record, simulate, check, write."""
    paths = [str(ROOT), str(ROOT / "envs"), str(ROOT / "agents")]
    os.environ["PYTHONPATH"] = os.pathsep.join(paths)  # actors are started elsewhere
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_AUTH_MODE"] = "disabled"  # all of it is on this machine
    result: dict[str, Any] = {
        "machine": machine(),
        "versions": {**versions(), "ray": importlib.metadata.version("ray")},
        "seed": 0,
    }
    if args.record:
        result["recorded"] = record(args.requests)
        args.out.write_text(json.dumps(result, indent=1) + "\n")
    else:
        result = json.loads(args.out.read_text())
    result["curves"] = curves(result["recorded"])
    draw(result["curves"], args.figure)
    result["checks"] = [check(workers) for workers in (1, 2, 4)]
    args.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Args, description=__doc__))
