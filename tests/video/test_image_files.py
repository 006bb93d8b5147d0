"""A user's pictures: real photos, what cameras and editors write, and files that are broken or not what they say."""

import json
import struct
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmgym.env import Unsupported
from mmgym.spaces import ToolCall
from mmgym.testing import check_conformance
from mmgym_video.image_qa import ImageQA
from mmgym_video.images.file import PictureError, open_picture

EXIF = {
    orientation: b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    for orientation in range(1, 9)
}


def scene():
    """A picture of which every turn and mirror image is another: RGB."""
    image = np.full((48, 64, 3), 255, np.uint8)
    image[:16, :20] = (255, 0, 0)
    image[30:, 40:] = (0, 160, 0)
    image[20:28, 8:16] = (0, 0, 255)
    return image


def written(path, image, exif=None):
    """Write a picture (RGB or RGBA) with orientation data."""
    order = [2, 1, 0, 3][: image.shape[2]] if image.ndim == 3 else None
    bgr = np.ascontiguousarray(image if order is None else image[..., order])
    if exif is None:
        assert cv2.imwrite(str(path), bgr)
    else:
        data = [np.frombuffer(exif, np.uint8)]
        assert cv2.imwriteWithMetadata(str(path), bgr, [cv2.IMAGE_METADATA_EXIF], data)
    return str(path)


def test_a_photo_that_is_not_ours_works_from_end_to_end(tmp_path):
    installed = find_spec("sklearn")
    assert installed is not None and installed.origin, "the photos come with scikit-learn"
    photos = Path(installed.origin).parent / "datasets" / "images"
    rows = [
        {"id": "1", "video": "china.jpg", "question": "What is it?", "options": ["a temple", "a dog"], "answer": "A"},
        {"id": "2", "video": "flower.jpg", "question": "Which flower?", "kind": "free_text", "answer": "a dahlia"},
    ]
    table = tmp_path / "questions.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    env = ImageQA(questions=str(table), images=str(photos))
    with pytest.raises(Unsupported):
        env.expert()
    for seed in range(4):
        observation, info = env.reset(seed=seed)
        assert "640 x 427 pixels" in observation["task"] and info["expert_steps"] == 0
        photo = cv2.imread(str(photos / env.question.video))[..., ::-1]
        whole = observation["frames"][1]
        assert np.abs(cv2.resize(photo, whole.shape[1::-1], interpolation=cv2.INTER_AREA) - whole.astype(int)).max() < 2
        part = {"picture": 1, "left": 250, "top": 0, "right": 750, "bottom": 500}
        cropped = env.step(ToolCall("crop", part))[0]["frames"][1]
        assert cropped.shape == (224, 320, 3)
        turned = env.step(ToolCall("rotate", {"picture": 1, "degrees": 180}))[0]["frames"][1]
        assert np.abs(turned.astype(int) - np.rot90(whole, 2)).max() <= 1
        snapshot = env.snapshot()
        assert np.array_equal(env.restore(snapshot)[0]["frames"][1], turned)
        *_, terminated, _, info = env.step(ToolCall("answer", {"text": env.question.answer}))
        assert terminated and info["success"]


def test_an_environment_of_files_conforms(tmp_path):
    written(tmp_path / "a.png", scene())
    table = tmp_path / "questions.jsonl"
    row = {"video": "a.png", "question": "Which?", "options": ["x", "y"], "answer": "x"}
    table.write_text(json.dumps(row) + "\n")
    check_conformance(lambda **arguments: ImageQA(questions=str(table), **arguments), seeds=1)


def test_splits_by_image_share_none(tmp_path):
    rows = []
    for number in range(30):
        written(tmp_path / f"{number}.png", scene())
        rows += [{"video": f"{number}.png", "question": "Which?", "options": ["x", "y"], "answer": "x"}] * 2
    table = tmp_path / "questions.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    env, found = ImageQA(questions=str(table), split_by="image"), {}
    for split in ("train", "test"):
        found[split] = set()
        for seed in range(30):
            env.reset(seed=seed, options={"split": split})
            found[split].add(env.question.video)
    assert found["train"] and found["test"] and not found["train"] & found["test"]


def test_a_question_about_something_else_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x")
    table = tmp_path / "questions.jsonl"
    table.write_text(json.dumps({"video": "a.mp4", "question": "?", "options": ["x", "y"], "answer": "x"}) + "\n")
    with pytest.raises(ValueError, match=r"'a.mp4' is no picture; allowed are .jpg, .jpeg, .png"):
        ImageQA(questions=str(table))


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "jpg"])
def test_pictures_are_read_as_they_are(tmp_path, suffix):
    picture = open_picture(written(tmp_path / f"a.{suffix}", scene()))
    assert picture.size == (48, 64) and picture.image.dtype == np.uint8
    assert np.abs(picture.image.astype(int) - scene()).mean() < (6 if suffix in ("jpg", "webp") else 1e-9)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright(tmp_path, suffix, orientation):
    # As a camera stores it that is held so: mirrored or not, and then turned anticlockwise by quarters.
    mirrored, turns = {1: (0, 0), 2: (1, 0), 3: (0, 2), 4: (1, 2), 5: (1, 1), 6: (0, 1), 7: (1, 3), 8: (0, 3)}[
        orientation
    ]
    stored = np.rot90(scene()[:, ::-1] if mirrored else scene(), turns)
    picture = open_picture(written(tmp_path / f"a.{suffix}", np.ascontiguousarray(stored), EXIF[orientation]))
    assert picture.size == (48, 64), orientation
    assert np.abs(picture.image.astype(int) - scene()).mean() < 8, orientation


def test_what_is_transparent_is_white(tmp_path):
    image = np.dstack([scene(), np.full((48, 64), 255, np.uint8)])
    image[:16, :20, 3], image[20:28, 8:16, 3] = 0, 128
    for orientation in (1, 6):
        stored = np.ascontiguousarray(np.rot90(image, 1) if orientation == 6 else image)
        picture = open_picture(written(tmp_path / f"{orientation}.png", stored, EXIF[orientation]))
        assert (picture.image[:16, :20] == 255).all() and (picture.image[40, 50] == (0, 160, 0)).all()
        assert np.abs(picture.image[24, 12].astype(int) - (127, 127, 255)).max() <= 1


def test_grey_and_deep_pictures_become_rgb(tmp_path):
    grey = open_picture(written(tmp_path / "grey.png", scene()[..., 0].copy()))
    assert (grey.image[0, 0] == 255).all() and (grey.image[24, 12] == 0).all()
    deep = open_picture(written(tmp_path / "deep.png", scene().astype(np.uint16) * 257))
    assert np.array_equal(deep.image, scene())
    deep_grey = open_picture(written(tmp_path / "deep_grey.png", scene()[..., 1].astype(np.uint16) * 257))
    assert (deep_grey.image[40, 50] == 160).all()


def test_what_a_file_is_is_told_by_its_content(tmp_path):
    path = written(tmp_path / "a.png", scene())
    (tmp_path / "a.jpg").write_bytes((tmp_path / "a.png").read_bytes())
    assert np.array_equal(open_picture(str(tmp_path / "a.jpg")).image, open_picture(path).image)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_a_file_that_is_cut_off_is_named(tmp_path, suffix, share):
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    path = tmp_path / f"whole.{suffix}"
    data = (written(path, noise), path.read_bytes())[1]
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(data[: int(share * len(data))])
    with pytest.raises(PictureError, match=f"cut.{suffix}: "):
        open_picture(str(cut))


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "a.png"
    written(path, scene())
    data = bytearray(path.read_bytes())
    data[60:-20] = bytes(len(data) - 80)
    path.write_bytes(data)
    with pytest.raises(PictureError, match=r"a\.png: damaged"):
        open_picture(str(path))


def test_a_picture_that_claims_too_much_is_refused_before_it_is_decoded(tmp_path):
    path = tmp_path / "a.png"
    written(path, scene())
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    path.write_bytes(data)
    with pytest.raises(PictureError, match="60000 x 60000 pixels; a picture has from 1 pixel to 100 megapixels"):
        open_picture(str(path))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello, this is no picture")
    (tmp_path / "short.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "folder.png").mkdir()
    for name, message in (
        ("empty.png", "0 bytes"),
        ("text.png", "not a picture: it begins with b'hello, this"),
        ("short.jpg", "short.jpg: "),
        ("folder.png", "not a regular file"),
        ("missing.png", "cannot be read: No such file"),
    ):
        with pytest.raises(PictureError, match=message):
            open_picture(str(tmp_path / name))
