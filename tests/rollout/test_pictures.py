"""What an agent sees and what its trajectory refers to, where the two differ."""

import numpy as np
import pytest
from machinery import FAULTY, BatchSpeaker

from mmgym.agent import Response
from mmgym.rollout import Executor
from mmgym.rollout.augment import AUGMENTATIONS
from mmgym.rollout.pictures import Pictures
from mmgym.trajectory import EpisodeTask, ImageRef, ImageStore

RNG = np.random.default_rng(0)
CLEAN = [RNG.integers(0, 256, (8, 8, 3), np.uint8) for _ in range(5)]


def parts(*images):
    return [{"type": "text", "text": "look"}, *({"type": "image", "image": image} for image in images)]


def answer(pixels):
    return Response("", images=tuple(map(ImageRef.of, pixels)), pixels=tuple(pixels))


def shown(pictures, *turns):
    """The pixels that an agent is shown over some turns."""
    contents = [pictures.show(parts(*images), turn) for turn, images in enumerate(turns)]
    return [part["image"] for content in contents for part in content if part["type"] == "image"]


@pytest.mark.parametrize("changes", [{}, {"augmentation": "shift", "strength": 0.0}])
def test_clean_episodes_see_what_the_environment_shows(changes):
    images = ImageStore()
    pictures = Pictures(EpisodeTask("x", 0, **changes), images)
    content = parts(*CLEAN[:2])
    assert pictures.show(content, 0) is content and len(images) == 0
    assert pictures.keep(answer(CLEAN[:2])) == tuple(map(ImageRef.of, CLEAN[:2]))
    assert len(images) == 2


def test_altered_pictures_stand_for_clean_ones():
    images = ImageStore()
    pictures = Pictures(EpisodeTask("x", 0, augmentation="gaussian_noise", strength=0.5), images)
    content = parts(*CLEAN[:2])
    seen = pictures.show(content, 0)
    assert [part["image"] is image for part, image in zip(content[1:], CLEAN[:2], strict=True)] == [True, True]
    assert seen[0] == content[0] and not np.array_equal(seen[1]["image"], CLEAN[0])
    assert pictures.keep(answer([seen[1]["image"], seen[2]["image"]])) == tuple(map(ImageRef.of, CLEAN[:2]))
    assert len(images) == 2 and np.array_equal(images[ImageRef.of(CLEAN[1])], CLEAN[1])


@pytest.mark.parametrize("last", range(6))
def test_pictures_that_look_alike_stand_for_the_latest(monkeypatch, last):
    monkeypatch.setitem(AUGMENTATIONS, "dark", lambda image, strength, rng: np.zeros_like(image))
    pictures = Pictures(EpisodeTask("x", 0, augmentation="dark", strength=1.0), ImageStore())
    seen = shown(pictures, CLEAN[:2], CLEAN[2:3], CLEAN[3:])
    kept = pictures.keep(answer(seen[len(seen) - last :]))
    assert kept == tuple(map(ImageRef.of, CLEAN[5 - last :]))


def test_what_was_not_shown_is_refused():
    pictures = Pictures(EpisodeTask("x", 0, augmentation="shift", strength=1.0), ImageStore())
    seen = shown(pictures, CLEAN[:2])
    assert pictures.keep(answer(seen[:1])) == (ImageRef.of(CLEAN[0]),)
    for wrong in (seen[::-1], [np.zeros((8, 8, 3), np.uint8)], [*seen, seen[0]]):
        with pytest.raises(ValueError, match="must refer to images that it was shown, in the order"):
            pictures.keep(answer(wrong))
    response = answer(seen)
    seen[0][:] = 9
    with pytest.raises(ValueError, match="pixels of an image have changed"):
        pictures.keep(response)


def test_an_unknown_augmentation_ends_the_run():
    task = EpisodeTask(FAULTY, 0, kwargs={"image_size": 32}, augmentation="blur", strength=0.5)
    with Executor() as executor, pytest.raises(ValueError, match=r"augmentation must be one of .*; got 'blur'"):
        executor.run([task], BatchSpeaker("x"))
