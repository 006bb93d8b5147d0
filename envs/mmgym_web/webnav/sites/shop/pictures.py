"""What the shop draws: its goods, size charts and stars, as SVG. What they show stands nowhere in the pages' text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from mmgym_web.webnav.sites.shop.drawings import DRAWINGS

__all__ = ["draw_product", "draw_size_chart", "draw_stars"]

_WOOD, _METAL = "#b98a5a", "#8d949e"
_BACKDROPS = (("#e9eef3", "#c3ccd6"), ("#efe9e1", "#d3c7b6"), ("#e6efea", "#bccdc3"), ("#eeeaf2", "#cdc4d8"))


def _mix(colour: str, other: int, share: float) -> str:
    parts = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(part * (1 - share) + other * share):02x}" for part in parts)


def draw_product(kind: str, colour: str, backdrop: int) -> str:
    """A picture of a thing, 200x200, in a colour given as ``#rrggbb``, before one of four backdrops (0-3)."""
    dark = _mix(colour, 0, 0.28) if colour != "#26282e" else "#0c0d10"
    fills = {"c": colour, "d": dark, "l": _mix(colour, 255, 0.22), "wood": _WOOD, "metal": _METAL}
    inner, outer = _BACKDROPS[backdrop]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200"><defs><radialGradient id="g">'
        f'<stop offset="0" stop-color="{inner}"/><stop offset="1" stop-color="{outer}"/></radialGradient></defs>'
        '<rect width="200" height="200" fill="url(#g)"/>'
        '<ellipse cx="100" cy="172" rx="66" ry="9" fill="#000" opacity=".16"/>'
        f"{DRAWINGS[kind].format(**fills)}</svg>"
    )


def draw_stars(stars: int) -> str:
    """One to five filled stars of five, 100x20."""
    shape = "M10 1.5l2.6 5.6 6 .7-4.5 4.1 1.2 6L10 14.9 4.7 17.9l1.2-6L1.4 7.8l6-.7Z"
    drawn = "".join(
        f'<path transform="translate({20 * i} 0)" d="{shape}" fill="{"#e8a400" if i < stars else "#c9ccd1"}"/>'
        for i in range(5)
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 20">{drawn}</svg>'


def draw_size_chart(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as a picture, 360 wide: heads above rows of texts."""
    lines = [heads, *rows]
    cells = list[str]()
    for y, line in enumerate(lines):
        fill = "#3c4454" if y == 0 else ("#ffffff", "#eef1f5")[y % 2]
        cells.append(f'<rect y="{26 * y}" width="360" height="26" fill="{fill}"/>')
        for x, text in enumerate(line):
            ink, weight = ("#ffffff", 700) if y == 0 else ("#20242c", 700 if x == 0 else 400)
            cells.append(
                f'<text x="{20 + x * 115}" y="{26 * y + 18}" fill="{ink}" font-weight="{weight}">{escape(text)}</text>'
            )
    height = 26 * len(lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 {height}" width="360" height="{height}" '
        f'font-family="Liberation Sans, sans-serif" font-size="14">{"".join(cells)}</svg>'
    )
