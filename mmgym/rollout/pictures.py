"""The pictures of one episode: what its agent sees, and which pictures of the environment that stands for.

They are the same, but for a task with an augmentation (NoisyRollout, arXiv 2504.13055): its agent sees altered
pictures, in later turns too, and its trajectory refers to the clean ones.
"""

from __future__ import annotations

from typing import Any

from mmgym.agent import Response
from mmgym.rollout.augment import augment, augmentation_rng
from mmgym.trajectory import EpisodeTask, ImageRef, ImageStore

__all__ = ["Pictures"]


class Pictures:
    """Shows pictures to the agent of an episode and stores those of its turns.

    Args:
        task: the episode; its `augmentation` and `strength` say whether and how pictures are altered.
        images: where the environment's pictures are kept.
    """

    def __init__(self, task: EpisodeTask, images: ImageStore):
        self._task, self._images = task, images
        self._shown: list[tuple[ImageRef, ImageRef]] = []
        """Of an augmented episode: what was seen and the clean picture, in the order in which they were shown."""

    def show(self, content: list[dict[str, Any]], turn: int) -> list[dict[str, Any]]:
        """The content of a user message as the agent sees it.

        Args:
            content: parts of the message, as the environment gave them; they are left as they are.
            turn: number of answers given so far.
        """
        task = self._task
        if not task.augmented:
            return content
        rng = augmentation_rng(task, turn)
        shown = []
        for part in content:
            if part["type"] == "image":
                clean = part["image"]
                part = {**part, "image": augment(clean, task.augmentation, task.strength, rng)}
                self._shown.append((ImageRef.of(part["image"]), self._images.add(clean)))
            shown.append(part)
        return shown

    def keep(self, response: Response) -> tuple[ImageRef, ...]:
        """Store the pictures that a response refers to; returns what its turn refers to: the clean ones.

        Raises:
            ValueError: when pixels have changed since the agent saw them, or when an agent of an augmented episode
                refers to a picture that it was not shown, or out of order.
        """
        for image, pixels in zip(response.images, response.pixels, strict=True):
            if (ImageRef.of(pixels) if self._task.augmented else self._images.add(pixels)) != image:
                raise ValueError(
                    "the pixels of an image have changed since the agent saw it: observations must stay as they are"
                )
        return self._clean(response.images) if self._task.augmented else response.images

    def _clean(self, seen: tuple[ImageRef, ...]) -> tuple[ImageRef, ...]:
        """The clean pictures of what an agent saw.

        Two pictures may look alike once altered. Contexts show the latest ones, so they are looked up from the end.
        """
        earlier = reversed(self._shown)
        found: list[ImageRef] = []
        for image in reversed(seen):
            clean = next((clean for shown, clean in earlier if shown == image), None)
            if clean is None:
                raise ValueError(
                    "an agent of an augmented episode must refer to images that it was shown, in the order in which it "
                    f"was; image {image.digest} ({image.height} x {image.width}) is not one of them"
                )
            found.append(clean)
        return tuple(reversed(found))
