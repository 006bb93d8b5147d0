"""Writes docs/environments.md from the environments themselves, and the pictures of WebNav's sites.

    python docs/make_environments.py

An environment's class docstring is its page, its picture the gallery's (`make_gallery.py`). A test sees that the page
is up to date.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import cv2
import gymnasium as gym
import numpy as np

import mmgym
from mmgym.env import MultimodalEnv
from mmgym.registry import EnvironmentEntry
from mmgym_video.looking import LookingEnv
from mmgym_web.env import WebEnv

DOCS = Path(__file__).parent
SEED, LEVEL, SIZE = 3, 2, 224
SITES = {
    "shop": (3, "/"),
    "bank": (4, "/"),
    "mail": (5, "/"),
    "calendar": (6, "/"),
    "forum": (7, "/"),
    "wiki": (8, "/"),
    "files": (9, "/"),
    "travel": (10, "/map"),
    "home": (11, "/"),
}
"""Seed and path of the picture of each of WebNav's sites."""
HEAD = """\
<!-- Written by docs/make_environments.py from the class docstrings: change those, and run it again. -->
# Environments

`mmgym list` shows what is installed. Every id is made by `gymnasium.make(id, **arguments)` and keeps the contract of
[concepts](concepts.md#environment).
"""


def main() -> None:
    """Write the page and the sites' pictures."""
    folder = DOCS / "images" / "web"
    folder.mkdir(parents=True, exist_ok=True)
    (DOCS / "environments.md").write_text(page())
    for site, (seed, path) in SITES.items():
        picture = cv2.cvtColor(site_picture(site, seed, path), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(folder / f"{site}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def entries() -> list[EnvironmentEntry]:
    """The environments of this project that have a section: those that are no variants of another."""
    return [entry for entry in mmgym.entries() if entry.id.startswith("mmgym/") and not entry.kwargs]


def variants(family: str) -> list[EnvironmentEntry]:
    """The ids of a family that are one of its environments with other arguments."""
    return [entry for entry in mmgym.entries() if entry.family == family and entry.kwargs]


def is_drawn_by_browser(entry: EnvironmentEntry) -> bool:
    """Whether pictures depend on the build of the browser."""
    return entry.entry_point.startswith("mmgym_web")


def page() -> str:
    """The text of docs/environments.md."""
    return "\n".join([HEAD, *map(section, entries()), *map(arguments, (MultimodalEnv, WebEnv, LookingEnv))])


def arguments(base: type) -> str:
    """The arguments of a base class, from its docstring."""
    documentation = inspect.cleandoc(base.__doc__ or "").partition("\nArgs:\n")[2].partition("\n\n")[0]
    said = re.sub(r"(?m)^    (\w[\w, ]*):", lambda found: f"- `{found[1].replace(', ', '`, `')}`:", documentation)
    return f"## Arguments of `{base.__module__}.{base.__name__}`\n\n{re.sub(r'(?m)^ {8}', '  ', said)}\n"


def section(entry: EnvironmentEntry) -> str:
    """One environment: its picture, what it can do, an instance in words, and its docstring one level down."""
    text = ""
    inner = make(entry)
    # An accessibility tree differs from one build of the browser to the next.
    if inner.capabilities.text_twin and not is_drawn_by_browser(entry):
        inner = make(entry, obs_mode="text")
        text = inner.reset(seed=SEED)[0]["text"]
    documentation = inspect.cleandoc(type(inner).__doc__ or "")
    summary, _, rest = documentation.partition("\n")
    abilities = inner.capabilities
    twin = "" if abilities.text_twin else " No text twin: the pixels are the point."
    # What the long form of the puzzles' tests holds random play to, over all levels alike.
    floor = f" Random play wins under {inner.random_below:.0%}." if hasattr(inner, "random_below") else ""
    does = f"Expert: {abilities.expert}. Snapshots: {abilities.snapshot}. Splits: disjoint by {abilities.splits}."
    words = f"{does}{floor}{twin}"
    level = f"The text twin of level {min(LEVEL, inner.levels)}, seed {SEED}:"
    return "\n".join(
        [
            f"## {entry.id}\n",
            f"{summary}\n",
            f"![{summary}]({image_name(entry)})\n",
            f"{words} {level}\n\n```text\n{text}\n```" if text else words,
            rest.replace("\n## ", "\n### "),
            *variant_table(entry),
            "",
        ]
    )


def image_name(entry: EnvironmentEntry) -> str:
    """Where the picture of an environment lies, relative to docs/."""
    return f"images/gallery/{entry.id.rpartition('/')[2]}.png"


def variant_table(entry: EnvironmentEntry) -> list[str]:
    """A table of the ids that are this environment with other arguments."""
    rows = [f"| `{variant.id}` | {variant.summary} |" for variant in variants(entry.family)]
    return ["\n### Ids\n", "| id | task |", "|---|---|", *rows] if rows else []


def site_picture(site: str, seed: int, path: str) -> np.ndarray:
    """A page of one of WebNav's sites, uint8 (480, 640, 3)."""
    from mmgym_web.webnav.env import WebNav

    env = WebNav(width=640, height=480)
    observation, _ = env.reset(seed=seed, options={"level": 3})
    assert env._episode is not None
    observation, *_ = env.step({"name": "goto", "arguments": {"url": env._episode.site(site).url(path)}})
    env.close()
    image: np.ndarray = observation["image"]
    return image


def make(entry: EnvironmentEntry, obs_mode: str = "image") -> mmgym.MultimodalEnv:
    """The environment of an entry."""
    size = {} if is_drawn_by_browser(entry) else {"image_size": SIZE}
    level = min(LEVEL, entry.levels)
    return mmgym.unwrap(gym.make(entry.id, level=level, obs_mode=obs_mode, **size))


if __name__ == "__main__":
    main()
