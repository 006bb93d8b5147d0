"""Drawing with numpy and OpenCV: pictures that are the same bytes on every machine."""

from mmgym.draw.tiles import Color, Grid, Shape, TileSet, disc, polygon, rectangle

__all__ = ["Color", "Grid", "Shape", "TileSet", "disc", "polygon", "rectangle"]
