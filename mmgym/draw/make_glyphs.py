"""Draws `glyphs.npz`, the letters of `mmgym.draw.text`, from fonts. Needs Pillow; nothing else ever runs it.

    python mmgym/draw/make_glyphs.py DejaVuSans.ttf LiberationSans-Bold.ttf

Both fonts may be embedded and their pictures used freely (Bitstream Vera licence; SIL Open Font License).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ASCII = "".join(map(chr, range(32, 127)))
SYMBOLS = "°±²³·×÷πθαβ−√≈≠≤≥←↑→↓△∠⊥∥♠♣♥♦✓✗"  # noqa: RUF001
SIZE, ROWS, BASELINE = 48, 58, 45


def strip(fonts: list[Path], characters: str) -> tuple[np.ndarray, list[int]]:
    """The characters side by side, uint8 (ROWS, columns), and their edges; a later font stands in for an earlier."""
    loaded = [ImageFont.truetype(str(font), SIZE) for font in fonts]
    blank = [bytes(font.getmask("\U0010fffe")) for font in loaded]
    glyphs, edges = [], [0]
    for character in characters:
        font = next(f for f, none in zip(loaded, blank, strict=True) if bytes(f.getmask(character)) != none)
        width = round(font.getlength(character))
        image = Image.new("L", (width, ROWS))
        ImageDraw.Draw(image).text((0, BASELINE), character, fill=255, font=font, anchor="ls")
        glyphs.append(np.asarray(image))
        edges.append(edges[-1] + width)
    return np.concatenate(glyphs, axis=1), edges


def main() -> None:
    """Write glyphs.npz beside this file."""
    normal, bold = map(Path, sys.argv[1:3])
    stored = {}
    for name, fonts in (("normal", [normal]), ("bold", [bold, normal])):
        pixels, edges = strip(fonts, ASCII + SYMBOLS)
        stored[f"{name}_strip"], stored[f"{name}_edges"] = pixels, np.array(edges)
        stored[f"{name}_characters"] = np.array(ASCII + SYMBOLS)
    np.savez_compressed(Path(__file__).with_name("glyphs.npz"), **stored)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
