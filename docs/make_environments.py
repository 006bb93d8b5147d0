"""Writes docs/environments.md and its pictures from the environments themselves; a test sees that they are up to date.

    python docs/make_environments.py

An environment's class docstring is its page. What a picture shows is drawn from a seed, so it changes only when the
environment does.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import cv2
import gymnasium as gym
import numpy as np

import mmgym
from mmgym.registry import EnvironmentEntry

DOCS = Path(__file__).parent
SEED, LEVEL, SIZE = 3, 2, 224
HEAD = """\
<!-- Written by docs/make_environments.py from the class docstrings: change those, and run it again. -->
# Environments

`mmgym list` shows what is installed. Every id is made by `gymnasium.make(id, **arguments)` and keeps the contract of
[concepts](concepts.md#environment).
"""


def main() -> None:
    """Write the page and the pictures."""
    (DOCS / "images").mkdir(exist_ok=True)
    (DOCS / "environments.md").write_text(page())
    for entry in entries():
        drawn = cv2.cvtColor(picture(entry), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(DOCS / image_name(entry)), drawn, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def entries() -> list[EnvironmentEntry]:
    """The environments of this project; others may be installed beside them."""
    return [entry for entry in mmgym.entries() if entry.id.startswith("mmgym/")]


def page() -> str:
    """The text of docs/environments.md."""
    return "\n".join([HEAD, *map(section, entries())])


def section(entry: EnvironmentEntry) -> str:
    """One environment: a picture, the same instance in words, what it can do, and its docstring one level down."""
    inner = make(entry, obs_mode="both")
    observation, _ = inner.reset(seed=SEED)
    documentation = inspect.cleandoc(type(inner).__doc__ or "")
    summary, _, rest = documentation.partition("\n")
    abilities = inner.capabilities
    words = f"Expert: {abilities.expert}. Snapshots: {abilities.snapshot}. Splits: disjoint by {abilities.splits}."
    return "\n".join(
        [
            f"## {entry.id}\n",
            f"{summary}\n",
            f"![{summary}]({image_name(entry)})\n",
            f"Level {LEVEL}, seed {SEED}. {words} The same instance as its text twin:\n",
            f"```text\n{observation['text']}\n```",
            rest.replace("\n## ", "\n### "),
            "",
        ]
    )


def image_name(entry: EnvironmentEntry) -> str:
    """Where the picture of an environment lies, relative to docs/."""
    return f"images/{entry.id.rpartition('/')[2]}.png"


def picture(entry: EnvironmentEntry) -> np.ndarray:
    """The first observation of an instance, uint8 (SIZE, SIZE, 3)."""
    return make(entry).reset(seed=SEED)[0]["image"]


def make(entry: EnvironmentEntry, obs_mode: str = "image") -> mmgym.MultimodalEnv:
    """The environment of an entry."""
    return mmgym.unwrap(gym.make(entry.id, level=LEVEL, image_size=SIZE, obs_mode=obs_mode))


if __name__ == "__main__":
    main()
