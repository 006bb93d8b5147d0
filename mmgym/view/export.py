"""An episode as a film, GIF or MP4: what was seen at each turn, the action drawn on it and written below."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmgym.doctor import install_command
from mmgym.draw import Color, draw_text, text_width
from mmgym.pointing import Pointer
from mmgym.trajectory import ImageRef, Trajectory, Turn

__all__ = ["FORMATS", "Pictures", "export_episode", "frames"]

Pictures = Callable[[ImageRef], np.ndarray]
"""Gives the pixels of a picture, uint8 (height, width, 3)."""

FORMATS = (".gif", ".mp4")
AGENT, EXPERT, HALO, PAPER = (209, 57, 12), (0, 121, 90), (255, 255, 255), (240, 240, 240)
_LEAST_SIDE = 320
"""Smaller pictures are enlarged by a whole factor."""
_MOST_SIDE = 1280
_MOST_LETTERS = 300
_CAPTION, _LETTERS = 28, 18
"""Height of the line below the pictures and of its text, in pixels."""


def export_episode(
    played: Trajectory, images: Pictures, out: str | Path, seconds: float = 1.0, expert: bool = False
) -> Path:
    """Write an episode as a film.

    Args:
        played: the episode.
        images: gives its pictures, e.g. the ``__getitem__`` of an `ImageStore`.
        out: a file that ends in ``.gif`` (needs Pillow) or ``.mp4`` (needs PyAV).
        seconds: how long each turn is shown.
        expert: whether the expert's moves are drawn, too.

    Raises:
        ValueError: for another ending, or an episode without pictures.
        ImportError: when the package that writes the format is missing, with the command that gets it.
    """
    out = Path(out)
    if out.suffix not in FORMATS:
        raise ValueError(f"a film ends in {' or '.join(FORMATS)}; got {out.name}")
    if not 0 < seconds <= 60:
        raise ValueError(f"seconds of a turn must be above 0 and at most 60; got {seconds}")
    pictures = list(frames(played, images, expert))
    if not pictures:
        raise ValueError("this episode has no pictures")
    out.parent.mkdir(parents=True, exist_ok=True)
    (_write_gif if out.suffix == ".gif" else _write_mp4)(pictures, out, seconds)
    return out


def frames(played: Trajectory, images: Pictures, expert: bool = False) -> Iterator[np.ndarray]:
    """The frames of an episode, all of one size: uint8 (height, width, 3), both even.

    A turn that showed several pictures has a frame for each; the action is drawn on the one that it points at.
    """
    shots = list(_shots(played, expert))
    if not shots:
        return
    height = max(_scaled(ref)[0] for ref, _, _ in shots)
    width = max(_scaled(ref)[1] for ref, _, _ in shots)
    canvas = (height + _CAPTION + (height + _CAPTION) % 2, width + width % 2)
    for ref, pointers, caption in shots:
        picture = _enlarged(images(ref), *_scaled(ref))
        for pointer, color in pointers:
            _draw(picture, pointer, color)
        frame = np.full((*canvas, 3), 24, np.uint8)
        top, left = (height - picture.shape[0]) // 2, (width - picture.shape[1]) // 2
        frame[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        draw_text(frame, _fitting(caption, canvas[1] - 12), 6, height + _CAPTION / 2, _LETTERS, PAPER, anchor="left")
        yield frame


_Shot = tuple[ImageRef, list[tuple[Pointer, Color]], str]


def _shots(played: Trajectory, expert: bool) -> Iterator[_Shot]:
    seen: list[ImageRef] = []
    for number, turn in enumerate(played.turns, 1):
        shown = turn.observed.images if turn.observed else turn.images
        seen += shown
        if not seen:
            continue
        caption = f"{number}: {_said(turn)}"
        drawn: list[tuple[Pointer, Color]] = []
        if turn.observed:
            drawn += [(pointer, EXPERT) for pointer in turn.observed.expert_pointers if expert]
            drawn += [(pointer, AGENT) for pointer in turn.observed.pointers]
        places = list(range(len(seen) - max(1, len(shown)), len(seen)))
        places += [p.image for p, _ in drawn if p.image is not None and p.image < len(seen) and p.image not in places]
        for place in places:
            on_it = [
                (pointer, color)
                for pointer, color in drawn
                if (len(seen) - 1 if pointer.image is None else pointer.image) == place
            ]
            yield seen[place], on_it, caption
    if played.final_image:
        end = "solved" if played.success else "not solved"
        yield played.final_image, [], f"the end: {end}, return {played.episode_return:g}"


def _said(turn: Turn) -> str:
    calls = [f"{c['name']}({', '.join(f'{k}={v!r}' for k, v in c['arguments'].items())})" for c in turn.calls]
    return "; ".join(calls) or " ".join(turn.text.split()) or "nothing"


def _fitting(text: str, width: int) -> str:
    """As much of a text as the width has room for; letters that there is no glyph for are question marks."""
    text = "".join(letter if " " <= letter <= "~" else "?" for letter in text[:_MOST_LETTERS])
    if text_width(text, _LETTERS) <= width:
        return text
    while text and text_width(f"{text}...", _LETTERS) > width:
        text = text[:-1]
    return f"{text}..."


def _scaled(ref: ImageRef) -> tuple[int, int]:
    """Height and width at which a picture is shown."""
    factor = max(1, _LEAST_SIDE // max(ref.height, ref.width))
    share = min(1.0, _MOST_SIDE / max(ref.height, ref.width))
    return round(ref.height * factor * share), round(ref.width * factor * share)


def _enlarged(image: np.ndarray, height: int, width: int) -> np.ndarray:
    how = cv2.INTER_AREA if height < image.shape[0] else cv2.INTER_NEAREST
    return np.ascontiguousarray(cv2.resize(image, (width, height), interpolation=how))


def _draw(picture: np.ndarray, pointer: Pointer, color: Color) -> None:
    height, width = picture.shape[:2]
    at = [round(share * (height if place % 2 else width)) for place, share in enumerate(pointer.at)]
    for shade, thick in ((HALO, 5), (color, 2)):
        if pointer.kind == "point":
            cv2.circle(picture, (at[0], at[1]), max(7, max(height, width) // 34), shade, thick, cv2.LINE_AA)
        elif pointer.kind == "arrow":
            cv2.arrowedLine(picture, (at[0], at[1]), (at[2], at[3]), shade, thick, cv2.LINE_AA, tipLength=0.25)
        else:
            cv2.rectangle(picture, (at[0], at[1]), (at[2], at[3]), shade, thick, cv2.LINE_AA)


def _needed(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise ImportError(f"this film needs {module.partition('.')[0]}: {install_command(extra)}") from missing


def _write_gif(pictures: Sequence[np.ndarray], out: Path, seconds: float) -> None:
    Image = _needed("PIL.Image", "train")
    first, *others = [Image.fromarray(picture) for picture in pictures]
    lengths = [round(1000 * seconds)] * len(others) + [round(2000 * seconds)]
    first.save(out, save_all=True, append_images=others, duration=lengths, loop=0)


def _write_mp4(pictures: Sequence[np.ndarray], out: Path, seconds: float) -> None:
    av = _needed("av", "video")
    with av.open(str(out), "w") as film:
        stream = film.add_stream("libx264", rate=Fraction(1 / seconds).limit_denominator(1000))
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in [*pictures, pictures[-1]]:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode())
