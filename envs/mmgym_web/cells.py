"""The cells of the grid that is laid over a page for agents that name places by letter and number."""

from __future__ import annotations

__all__ = ["cell_at", "cell_middle", "cell_names"]


def cell_names(grid: tuple[int, int]) -> tuple[str, ...]:
    """Names of the cells of a grid of (columns, rows), row by row: a1, b1, ..."""
    return tuple(f"{chr(97 + column)}{row + 1}" for row in range(grid[1]) for column in range(grid[0]))


def cell_at(x: int, y: int, grid: tuple[int, int], width: int, height: int) -> str:
    """Name of the cell that holds a pixel."""
    return f"{chr(97 + x * grid[0] // width)}{y * grid[1] // height + 1}"


def cell_middle(cell: str, grid: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """The pixel in the middle of a cell."""
    column, row = ord(cell[0]) - 97, int(cell[1:]) - 1
    return (2 * column + 1) * width // (2 * grid[0]), (2 * row + 1) * height // (2 * grid[1])
