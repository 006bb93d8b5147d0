"""Ledger: a large table of small amounts, and the one in a named row and column is asked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmgym_video.images.drawing import Drawing, Fact, Item, Stroke, Writing, rect
from mmgym_video.images.family import Case, Family, Look, Scene, Setting, near_codes, place_names

__all__ = ["Ledger"]

ROWS = {1: 10, 2: 14, 3: 20, 4: 28, 5: 38}
COLUMNS = {1: 4, 2: 5, 3: 6, 4: 7, 5: 8}
SORTED_TO = 2
"""Level up to which rows are in the order of their names."""
HEADERS = "RENT FOOD WATER POWER TRAVEL POST PAPER REPAIR TAXES WAGES CLOTHS TOOLS".split()


class Ledger(Family):
    """Amounts of other rows and columns, that are alike, are the wrong options. Rows are sorted on low levels only."""

    name = "ledger"
    summary = "What amount stands in a row and column of a large table?"

    def draw(self, rng: np.random.Generator, setting: Setting) -> Case:
        """Draw an instance."""
        level, line, theme = setting.level, setting.line, setting.theme
        rows, columns, high, wide = ROWS[level], COLUMNS[level], setting.side, setting.side * 3 // 4
        names = place_names(rng, rows)
        names = sorted(names) if level <= SORTED_TO else names
        headers = [HEADERS[k] for k in rng.permutation(len(HEADERS))[:columns]]
        row, column = int(rng.integers(rows)), int(rng.integers(columns))
        options = [f"{code[:-2]}.{code[-2:]}" for code in near_codes(rng, "123456789", 5)]
        cells = [(r, c) for r in range(rows) for c in range(columns) if (r, c) != (row, column)]
        beside = [cell for cell in cells if cell[0] == row or cell[1] == column]
        decoys = [beside[k] for k in rng.permutation(len(beside))[:3]]
        amounts = rng.integers(10000, 100000, (rows, columns)).tolist()
        row_high, column_wide, top = 0.94 * high / (rows + 1), 0.94 * wide / (columns + 1.3), 0.03 * high
        left = 0.03 * wide

        def middle(r: int, c: int) -> tuple[float, float]:
            """Middle of a cell; row -1 holds the headers, column -1 the names."""
            x = left + (0.65 if c < 0 else c + 1.8) * column_wide
            return x, top + (r + 1.5) * row_high

        def scene(right: int) -> Scene:
            texts = {(r, c): f"{amounts[r][c] // 100}.{amounts[r][c] % 100:02d}" for r, c in cells}
            texts.update(zip(decoys, [option for option in options if option != options[right]], strict=True))
            texts[row, column] = options[right]
            texts.update({(r, -1): name for r, name in enumerate(names)})
            texts.update({(-1, c): header for c, header in enumerate(headers)})
            items: list[Item] = [rect(0.02 * wide, 0.02 * high, 0.98 * wide, 0.98 * high, theme.paper)]
            for r in range(-1, rows + 1):
                y = top + (r + 1) * row_high
                items.append(Stroke(((left, y), (0.97 * wide, y)), 2, theme.faint))
            facts = []
            for (r, c), text in texts.items():
                x, y = middle(r, c)
                what = "name of a row" if c < 0 else "head of a column" if r < 0 else "amount"
                said = Writing(text, x, y, line, 4 * line, theme.ink, theme.faint, bold=r < 0 or c < 0)
                items.append(said)
                facts.append(said.fact(what))
            looks = []
            for r, c in ((-1, column), (row, -1), (row, column)):
                x, y = middle(r, c)
                looks.append(Look((x - 2.8 * line, y - 0.6 * line, x + 2.8 * line, y + 0.6 * line), line))
            return Scene(Drawing((high, wide), theme.ground, tuple(items), tuple(facts)), tuple(looks))

        def conclude(facts: Sequence[Fact]) -> str:
            down = [fact.y for fact in facts if fact.what == "name of a row" and fact.text == names[row]]
            across = [fact.x for fact in facts if fact.what == "head of a column" and fact.text == headers[column]]
            read = [
                fact.text
                for fact in facts
                if fact.text in options
                and down
                and across
                and abs(fact.y - down[0]) < row_high / 2
                and abs(fact.x - across[0]) < column_wide / 2
            ]
            return str(read[0]) if read else options[0]

        asked = f"What amount stands in the row of {names[row]} in the column {headers[column]}?"
        return self._case(rng, asked, options, scene, conclude, (names[row], headers[column]))
