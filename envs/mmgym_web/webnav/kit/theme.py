"""How a site looks: colours, fonts, shapes and layout, drawn anew in each world so that nothing can be learnt by heart.

A theme becomes CSS variables and a few classes on ``<body>``, which ``base.css`` understands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["HELD_OUT_PALETTES", "PALETTES", "Theme", "draw_theme"]

# background, surface, ink, muted ink, accent, ink on accent, line
PALETTES = (
    ("#f6f7f9", "#ffffff", "#1d2433", "#5d6779", "#2257d6", "#ffffff", "#dde2ea"),
    ("#faf7f2", "#ffffff", "#2b2622", "#756a60", "#b4491f", "#ffffff", "#e8e0d5"),
    ("#f2f7f4", "#ffffff", "#16291f", "#56695e", "#0f7a4d", "#ffffff", "#d7e5dc"),
    ("#f7f5fb", "#ffffff", "#251f33", "#6b6480", "#6a3fc4", "#ffffff", "#e3deee"),
    ("#f3f8fa", "#ffffff", "#12303a", "#4f6a74", "#0a768b", "#ffffff", "#d3e3e8"),
    ("#ffffff", "#f7f7f7", "#111111", "#666666", "#111111", "#ffffff", "#e2e2e2"),
    ("#fdf6f6", "#ffffff", "#331c20", "#7c6266", "#b3243f", "#ffffff", "#eddbde"),
    ("#f8f8f3", "#ffffff", "#2a2c1d", "#6b6e58", "#5d6b12", "#ffffff", "#e2e4d3"),
)
HELD_OUT_PALETTES = (
    ("#14171f", "#1d222d", "#e8ecf4", "#98a2b5", "#6ea8fe", "#0c1220", "#323a4a"),
    ("#1b1614", "#26201d", "#f3e9e2", "#b3a398", "#f0a35e", "#231509", "#40362f"),
    ("#fff8dc", "#fffdf2", "#3a2f10", "#7d7048", "#8f6000", "#ffffff", "#eadfb6"),
)
_FONTS = ("Open Sans", "Roboto", "Liberation Sans")
_HELD_OUT_FONTS = ("Roboto Slab", "Liberation Serif")


@dataclass(frozen=True)
class Theme:
    """One look."""

    colours: tuple[str, ...]
    """Background, surface, ink, muted ink, accent, ink on accent, line: as ``#rrggbb``."""
    font: str
    """Font family; shipped with the package."""
    size: int
    """Base font size in CSS pixels."""
    radius: int
    """Corner radius in CSS pixels."""
    menu: str
    """Where the site's menu stands: ``top``, ``left`` or (held out) ``right``."""
    buttons: str
    """``filled``, ``outline`` or ``pill``."""
    lists: str
    """``table`` or ``cards``: how lists of things are laid out, where a page offers both."""
    flip: bool
    """Whether two-column pages and rows of buttons are mirrored."""

    @property
    def css(self) -> str:
        """The CSS variables."""
        names = ("background", "surface", "ink", "muted", "accent", "on-accent", "line")
        colours = "".join(f"--{name}:{value};" for name, value in zip(names, self.colours, strict=True))
        return f":root{{{colours}--font:'{self.font}';--size:{self.size}px;--radius:{self.radius}px}}"

    @property
    def classes(self) -> str:
        """Classes of ``<body>``."""
        flip = " flip" if self.flip else ""
        return f"menu-{self.menu} buttons-{self.buttons} lists-{self.lists}{flip}"


def draw_theme(rng: np.random.Generator, held_out: bool = False) -> Theme:
    """A theme; `held_out` draws palettes, fonts and menus that no other split uses."""
    palettes, fonts = (HELD_OUT_PALETTES, _HELD_OUT_FONTS) if held_out else (PALETTES, _FONTS)
    return Theme(
        colours=palettes[rng.integers(len(palettes))],
        font=fonts[rng.integers(len(fonts))],
        size=int(rng.integers(13, 16)),
        radius=int(rng.choice([0, 3, 6, 10])),
        menu="right" if held_out and rng.random() < 0.5 else ("top", "left")[rng.integers(2)],
        buttons=("filled", "outline", "pill")[rng.integers(3)],
        lists=("table", "cards")[rng.integers(2)],
        flip=bool(rng.integers(2)),
    )
