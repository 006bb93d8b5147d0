"""The virtual environment of other libraries for learning, with which advantages and losses are compared.

One environment serves both comparisons. verl wants an older tensordict than torchrl, and packages for serving models
that no function compared here needs: it is installed without what it asks for, beside what its import needs.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.peers import CACHE, install, run

__all__ = ["ask", "python", "versions"]

REQUIREMENTS = (
    "torch==2.13.0",
    "transformers==5.10.4",
    "trl==1.16.0",
    "torchrl==0.14.0",
    "gymnasium==1.4.0",
    "ray==2.60.0",
    "omegaconf==2.3.1",
    "hydra-core==1.3.8",
    "codetiming==1.4.0",
    "dill==0.4.1",
    "peft==0.21.2",
    "torchdata==0.11.0",
)
"""With what they ask for. A build of torch without CUDA is enough."""
ALONE = ("verl==0.9.1",)
"""Without what they ask for."""


def python(cache: Path = CACHE) -> Path:
    """The interpreter of the environment, which is built when it is missing or its requirements have changed.

    Raises:
        Unavailable: when something cannot be installed.
    """
    interpreter = install("learners", REQUIREMENTS, cache)
    stamp = interpreter.parent.parent / "alone.txt"
    wanted = "\n".join(ALONE) + "\n"
    if not stamp.is_file() or stamp.read_text() != wanted:
        pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        run([*pip, *ALONE], "could not be installed")
        stamp.write_text(wanted)
    return interpreter


def versions(interpreter: Path) -> dict[str, str]:
    """The versions of the libraries that are compared."""
    code = (
        "import importlib.metadata as m, json;"
        "print(json.dumps({name: m.version(name) for name in ('verl', 'trl', 'torchrl', 'torch', 'transformers')}))"
    )
    return json.loads(run([str(interpreter), "-c", code], "does not start"))


def ask(interpreter: Path, what: str, library: str, batches: list[Any]) -> dict[str, Any]:
    """The answers of a library to all batches.

    Args:
        interpreter: what `python` gave.
        what: ``estimators`` or ``losses``, the script beside this file that asks.
        library: its name.
        batches: as JSON holds them.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "batches.json"
        file.write_text(json.dumps(batches))
        command = [str(interpreter), "-m", f"benchmarks.learner_peers.{what}", library.lower(), str(file)]
        found: dict[str, Any] = json.loads(run(command, library).splitlines()[-1])
        return found
