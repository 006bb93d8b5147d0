"""Writes docs/gallery.md and its pictures: what every environment looks like, at every level.

    python docs/make_gallery.py            # all, and images/puzzles.png, which shows every puzzle once
    python docs/make_gallery.py Jigsaw     # those whose id holds this word

A puzzle has one strip: the first observation at levels 1 to 5, and one of the split `ood` at its last level. An
environment in a browser has one picture. What is shown is drawn from a seed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import gymnasium as gym
import numpy as np

import mmgym
from mmgym.registry import EnvironmentEntry

DOCS = Path(__file__).parent
FOLDER = DOCS / "images" / "gallery"
SEED, SIZE, GAP = 5, 224, 6
TILE, COLUMNS = 128, 11
"""Side of a puzzle in the overview, in pixels, and how many stand side by side."""
HEAD = """\
<!-- Written by docs/make_gallery.py: run it again after a change. -->
# Gallery

What every environment shows at the start of an episode: levels 1 to 5 from left to right, then the split `ood` at the
last level. The ids are described in [environments](environments.md).
"""


def main(words: list[str]) -> None:
    """Write the page, and the pictures of the environments whose id holds one of `words`, or of all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for entry in entries():
        if not words or any(word in entry.id for word in words):
            save(picture(entry), DOCS / name(entry))
    (DOCS / "gallery.md").write_text(page())
    if not words:
        save(overview(), DOCS / "images" / "puzzles.png")


def save(picture: np.ndarray, path: Path) -> None:
    """Write a picture, uint8 (height, width, 3)."""
    cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9])


def entries() -> list[EnvironmentEntry]:
    """The environments of this project that are no variants of another."""
    return [entry for entry in mmgym.entries() if entry.id.startswith("mmgym/") and not entry.kwargs]


def page() -> str:
    """The text of docs/gallery.md."""
    parts = [HEAD]
    shown = entries()
    for family in sorted({entry.family for entry in shown}):
        parts.append(f"## {family.replace('_', ' ')}\n")
        for entry in (entry for entry in shown if entry.family == family):
            parts.append(f"### {entry.id}\n\n{entry.summary}\n\n![{entry.summary}]({name(entry)})\n")
    return "\n".join(parts)


def name(entry: EnvironmentEntry) -> str:
    """Where the picture of an environment lies, relative to docs/."""
    return f"images/gallery/{entry.id.rpartition('/')[2]}.png"


def picture(entry: EnvironmentEntry) -> np.ndarray:
    """The strip of an environment: uint8 (height, width, 3)."""
    cases = [(level, "train") for level in range(1, entry.levels + 1)] + [(entry.levels, "ood")]
    size = {"image_size": SIZE}
    if entry.entry_point.startswith("mmgym_web"):
        cases, size = [(min(2, entry.levels), "train")], {}
    env = gym.make(entry.id, disable_env_checker=True, render_mode="rgb_array", **size)
    shown = []
    for level, split in cases:
        observation, _ = env.reset(seed=SEED, options={"level": level, "split": split})
        # several pictures at once are shown on one sheet
        shown.append(observation["image"] if "image" in observation else env.render())
    env.close()
    gap = np.full((shown[0].shape[0], GAP, 3), 255, np.uint8)
    return np.concatenate([part for image in shown for part in (image, gap)][:-1], axis=1)


def overview() -> np.ndarray:
    """Every puzzle at level 2, side by side: uint8 (height, width, 3)."""
    shown = [entry for entry in entries() if entry.entry_point.startswith("mmgym_puzzles")]
    shown.sort(key=lambda entry: (entry.family, entry.id))
    rows = -(-len(shown) // COLUMNS)
    picture = np.full((rows * (TILE + GAP) - GAP, COLUMNS * (TILE + GAP) - GAP, 3), 255, np.uint8)
    for k, entry in enumerate(shown):
        env = gym.make(entry.id, disable_env_checker=True, image_size=SIZE)
        image = env.reset(seed=SEED, options={"level": 2})[0]["image"]
        env.close()
        height, width = (TILE * side // max(image.shape) for side in image.shape[:2])
        top = k // COLUMNS * (TILE + GAP) + (TILE - height) // 2
        left = k % COLUMNS * (TILE + GAP)
        picture[top : top + height, left : left + width] = cv2.resize(
            image, (width, height), None, 0, 0, cv2.INTER_AREA
        )
    return picture


if __name__ == "__main__":
    main(sys.argv[1:])
