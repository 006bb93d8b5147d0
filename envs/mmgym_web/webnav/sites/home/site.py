"""The wall panel: lamps of different colours and shapes on a grid; a press switches one on or off."""

from __future__ import annotations

from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import Site, page

__all__ = ["COLOURS", "COLUMNS", "ROWS", "SHAPES", "Home"]

COLUMNS, ROWS = 3, 3
COLOURS = {
    "red": "#e02424",
    "yellow": "#f2c200",
    "green": "#1f9d4d",
    "blue": "#1f5fe0",
    "purple": "#9333cf",
    "orange": "#f07818",
}
SHAPES = ("round", "square", "pointed")


class Home(Site):
    """A wall panel with lamps."""

    name: ClassVar[str] = "home"
    title: ClassVar[str] = "House panel"
    schema: ClassVar[str] = """
        CREATE TABLE home_lamps (id INTEGER PRIMARY KEY, place INTEGER, colour TEXT, shape TEXT, is_on INTEGER);
    """

    def populate(self) -> None:
        """Five or six lamps, each of its own colour, at drawn places; one or two are on."""
        rng = self.world.rng("home", "lamps")
        count = int(rng.integers(5, 7))
        places = rng.permutation(COLUMNS * ROWS)[:count]
        colours = rng.permutation(list(COLOURS))[:count]
        lit = rng.permutation(count)[: int(rng.integers(1, 3))]
        self.insert(
            "home_lamps",
            [
                {
                    "place": int(place),
                    "colour": str(colour),
                    "shape": SHAPES[int(rng.integers(len(SHAPES)))],
                    "is_on": int(index in lit),
                }
                for index, (place, colour) in enumerate(zip(places, colours, strict=True))
            ],
        )

    @page("/")
    async def panel(self, request: Request) -> Response:
        """All lamps."""
        lamps = {lamp["place"]: lamp for lamp in self.rows("SELECT * FROM home_lamps")}
        places = [lamps.get(place) for place in range(COLUMNS * ROWS)]
        return self.render("panel.html", request, places=places, columns=COLUMNS, rows=ROWS, colours=COLOURS)

    @page("/lamps/{id:int}", "POST")
    async def switch(self, request: Request) -> Response:
        """Switch a lamp on or off."""
        lamp = self.row("SELECT id FROM home_lamps WHERE id = ?", request.path_params["id"])
        self.run("UPDATE home_lamps SET is_on = 1 - is_on WHERE id = ?", lamp["id"])
        return self.redirect("/")
