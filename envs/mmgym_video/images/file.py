"""Pictures from files: decoded by OpenCV within limits, upright, without transparency, as 8-bit RGB.

What a file is, is told by its first bytes and never by its name, and its size by its header before anything is decoded:
a small file can claim to be a picture of many gigabytes.
"""

from __future__ import annotations

import stat
import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmgym_video.pictures import crop

__all__ = ["MAX_BYTES", "MAX_PIXELS", "SUFFIXES", "PictureError", "PictureFile", "open_picture"]

MAX_PIXELS = 100_000_000
"""Pixels that a picture may have."""
MAX_BYTES = 512 * 2**20
"""Bytes that a file may have."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
"""Ends of the names of picture files."""
_ALLOWED = "a PNG, JPEG, WebP or BMP file"
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""JPEG markers that are followed by the picture's size."""
_TURNS = {2: (0, True), 3: (2, False), 4: (2, True), 5: (3, True), 6: (3, False), 7: (1, True), 8: (1, False)}
"""By EXIF orientation: quarter turns anticlockwise that make the picture upright, and whether it is then mirrored."""


class PictureError(ValueError):
    """A picture that cannot be used; the message names the file and says what is wrong with it."""


class PictureFile:
    """A picture that was decoded.

    Args:
        image: uint8 (height, width, 3), RGB; never written to.
    """

    def __init__(self, image: np.ndarray):
        self.image = image
        self.size = (int(image.shape[0]), int(image.shape[1]))

    def part(self, left: float, top: float, right: float, bottom: float, height: int, width: int) -> np.ndarray:
        """A part of it at a height and width; see `mmgym_video.images.drawing.Picture`."""
        rows, columns = self.size
        return crop(self.image, (left / columns, top / rows, right / columns, bottom / rows), height, width)


@lru_cache(maxsize=2)
def open_picture(path: str) -> PictureFile:
    """Decode a file; the last two are remembered.

    Raises:
        PictureError: when it is missing, too large, no picture, damaged or cut off.
    """
    data = _read(Path(path))
    try:
        kind, height, width = _header(data)
    except (IndexError, struct.error):
        kind, height, width = "", 0, 0
    if not kind:
        raise PictureError(f"{path}: not a picture: it begins with {data[:12]!r}; allowed is {_ALLOWED}")
    if not height or not width or height * width > MAX_PIXELS:
        raise PictureError(
            f"{path}: {width} x {height} pixels; a picture has from 1 pixel to {MAX_PIXELS // 10**6} megapixels"
        )
    if not _whole(kind, data):
        raise PictureError(f"{path}: the file is cut off before the end of the picture")
    image = _decode(kind, data)
    if image is None:
        raise PictureError(f"{path}: damaged: it cannot be decoded as {kind}")
    image.flags.writeable = False
    return PictureFile(image)


def _read(path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise PictureError(f"{path}: not a regular file; allowed is {_ALLOWED}")
        if not 0 < found.st_size <= MAX_BYTES:
            raise PictureError(f"{path}: {found.st_size} bytes; a file has 1 to {MAX_BYTES} bytes")
        return path.read_bytes()
    except PictureError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise PictureError(f"{path}: cannot be read: {reason}") from None


def _header(data: bytes) -> tuple[str, int, int]:
    """Kind, height and width of a picture, from its header; an empty kind for something else."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        width, height = struct.unpack(">II", data[16:24])
        return "PNG", height, width
    if data.startswith(b"\xff\xd8\xff"):
        return ("JPEG", *_jpeg_size(data))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ("WebP", *_webp_size(data))
    if data.startswith(b"BM"):
        width, height = struct.unpack("<ii", data[18:26])
        return "BMP", abs(height), max(0, width)
    return "", 0, 0


def _jpeg_size(data: bytes) -> tuple[int, int]:
    place = 2
    while place < len(data):
        while data[place] == 0xFF:
            place += 1
        marker, length = data[place], int.from_bytes(data[place + 1 : place + 3], "big")
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", data[place + 4 : place + 8])
            return height, width
        if length < 2 or marker == 0xDA:
            break
        place += 1 + length
    return 0, 0


def _webp_size(data: bytes) -> tuple[int, int]:
    chunk = data[12:16]
    if chunk == b"VP8X":
        return 1 + int.from_bytes(data[27:30], "little"), 1 + int.from_bytes(data[24:27], "little")
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return height & 0x3FFF, width & 0x3FFF
    return 0, 0


def _whole(kind: str, data: bytes) -> bool:
    """Whether the end of the picture is there: decoders fill up with grey what is missing."""
    if kind == "PNG":
        return b"IEND" in data
    if kind == "JPEG":
        return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda")
    if kind == "WebP":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return True


def _decode(kind: str, data: bytes) -> np.ndarray | None:
    buffer = np.frombuffer(data, np.uint8)
    try:
        if kind in ("JPEG", "BMP"):
            image = cv2.imdecode(buffer, cv2.IMREAD_COLOR_RGB)
            return None if image is None else np.asarray(image)
        image, kinds, values = cv2.imdecodeWithMetadata(buffer, flags=cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    exif = [bytes(v) for k, v in zip(kinds, values, strict=True) if k == cv2.IMAGE_METADATA_EXIF]
    decoded: Any = image  # None for a damaged file, whatever OpenCV's types say
    return None if decoded is None else _upright(_flat(decoded), _orientation(exif[0]) if exif else 1)


def _flat(image: np.ndarray) -> np.ndarray:
    """A decoded picture (grey, BGR or BGRA of 8 or 16 bits) as RGB of 8 bits, over white where it is transparent."""
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.ndim == 2 or image.shape[2] == 1:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB))
    rgb = np.ascontiguousarray(image[..., 2::-1])
    if image.shape[2] == 4:
        for first in range(0, len(rgb), 256):  # some rows at a time: the products take four times the picture's memory
            rows = slice(first, first + 256)
            cover = image[rows, :, 3:].astype(np.uint32)
            rgb[rows] = (rgb[rows] * cover + 255 * (255 - cover) + 127) // 255
    return rgb


def _orientation(exif: bytes) -> int:
    """The orientation that EXIF data states, from 1 (upright) to 8; 1 where it states none."""
    start = exif.find(b"II*\0")
    order = "<"
    if start < 0:
        start, order = exif.find(b"MM\0*"), ">"
    if start < 0:
        return 1
    try:
        first = start + struct.unpack_from(order + "I", exif, start + 4)[0]
        for entry in range(struct.unpack_from(order + "H", exif, first)[0]):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, first + 2 + 12 * entry)
            if tag == 0x0112 and kind == 3:
                return int(value)
    except struct.error:
        pass
    return 1


def _upright(image: np.ndarray, orientation: int) -> np.ndarray:
    turns, mirrored = _TURNS.get(orientation, (0, False))
    turned = np.rot90(image, turns)
    return np.ascontiguousarray(turned[:, ::-1] if mirrored else turned)
