"""What the benchmarks share: peers, each with its own packages and process, and on what machine it is measured."""

from __future__ import annotations

import logging
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["CACHE", "ROOT", "Unavailable", "install", "machine", "run"]

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(".bench")
"""Where the virtual environments are kept, from the root of the repository."""
TIMEOUT = 900
"""Seconds after which an installation or a script is given up."""


class Unavailable(RuntimeError):
    """Raised when something cannot be installed or run, with the reason."""


def run(command: list[str], what: str) -> str:
    """Run a command at the root of the repository and return what it printed."""
    # A session of its own: when time is up, the browsers and drivers that it started end with it.
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        output, errors = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Unavailable(f"{what}: not done after {TIMEOUT} s") from None
    if process.returncode:
        lines = errors.strip().splitlines() or ["without a message"]
        # Results are committed: they name no path of this machine.
        raise Unavailable(f"{what}: {lines[-1].replace(str(ROOT), '.').replace(str(Path.home()), '~')}")
    return output


def install(name: str, requirements: Sequence[str], cache: Path = CACHE) -> Path:
    """The Python of a virtual environment, made when it is missing or its requirements have changed."""
    folder = (ROOT / cache / name).resolve()
    python, stamp = folder / "bin" / "python", folder / "requirements.txt"
    wanted = "\n".join(requirements) + "\n"
    if not stamp.is_file() or stamp.read_text() != wanted:
        logging.info("installing %s", ", ".join(requirements))
        run([sys.executable, "-m", "venv", "--clear", str(folder)], "no virtual environment")
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, *requirements], "could not be installed")
        stamp.write_text(wanted)
    return python


def machine() -> dict[str, Any]:
    """On what this is measured; the load, taken at the start, tells whether others were at work."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "load_at_start": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }
