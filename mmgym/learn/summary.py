"""The end of a run: ``summary.json``, the curve, the report."""

from __future__ import annotations

import json
import logging
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mmgym.learn.checkpoint import write_atomically
from mmgym.learn.config import TrainConfig, to_mapping

__all__ = ["machine", "versions", "write_summary"]

logger = logging.getLogger(__name__)


def machine() -> dict[str, Any]:
    """What the run ran on."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    except OSError:
        pass
    return {"cpu": name, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.release()}"}


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    found = {"python": platform.python_version()}
    for package in ("mmgym", "torch", "transformers", "gymnasium", "numpy", "opencv-python-headless"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def write_summary(folder: Path, config: TrainConfig, state: dict[str, Any]) -> dict[str, Any]:
    """Write ``summary.json``, ``success.png`` and ``report.html`` into the folder of a run."""
    from mmgym.view.curves import plot_curves
    from mmgym.view.report import write_report

    found = {name: value for name, value in state["summary"].items() if name != "latest"}
    seconds = {name: round(value, 1) for name, value in state["seconds"].items()}
    summary = {
        "environment": {"id": " + ".join(e.id for e in config.environments), "kwargs": config.environment.kwargs},
        "seed": config.seed,
        "machine": machine(),
        "versions": versions(),
        "walker": config.evaluation.walker,
        **found,
        **{name: _quoted(Path(path), name) for name, path in config.quote.items()},
        "episodes": state["episodes"],
        "sampled_tokens": state["sampled_tokens"],
        "seconds": {**seconds, "total": round(sum(seconds.values()), 1)},
        "config": to_mapping(config),
    }
    write_atomically(folder / "summary.json", json.dumps(summary, indent=2).encode())
    plot_curves(folder / "metrics.jsonl", folder / "success.png")
    write_report(folder)
    return summary


def _quoted(path: Path, name: str) -> dict[str, Any] | None:
    """The sampled held-out result of another run's summary."""
    if not path.is_file():
        logger.warning("%s: there is no %s to quote", name, path)
        return None
    content = json.loads(path.read_text())
    if "trained" not in content.get("heldout", {}):
        logger.warning("%s: %s holds no result after training to quote", name, path)
        return None
    return {**content["heldout"]["trained"]["sampled"], "seed": content["seed"], "source": path.name}
