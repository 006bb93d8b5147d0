"""Drawing with numpy and OpenCV: pictures that are the same bytes on every machine."""

from mmgym.draw.paint import blank, paint
from mmgym.draw.shapes import Color, Shape, arc, disc, line, polygon, rectangle
from mmgym.draw.text import draw_text, text_width
from mmgym.draw.tiles import Grid, TileSet

__all__ = [
    "Color",
    "Grid",
    "Shape",
    "TileSet",
    "arc",
    "blank",
    "disc",
    "draw_text",
    "line",
    "paint",
    "polygon",
    "rectangle",
    "text_width",
]
