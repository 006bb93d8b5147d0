"""The expert of drawn pictures: it knows where to look, looks there with the tools, and concludes from what it saw."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from mmgym.spaces import ToolCall
from mmgym_video.images.drawing import Drawing, Fact, merged
from mmgym_video.images.family import Case, Look, Scene
from mmgym_video.images.marks import Mark, angle_of, drawn, zoomed
from mmgym_video.images.view import View
from mmgym_video.looking import Shot
from mmgym_video.procedural.stage import LEGIBLE
from mmgym_video.question import LETTERS

__all__ = ["Expert", "level_mark"]

COLOR = "red"
"""Colour of the lines that the expert draws."""
MARGINS = (0.03, 0.02, 0.01, 0.003)
"""What is looked at around a part, as a share of the canvas: the first that leaves it large."""
LARGE = 1.6
"""How many times larger than barely legible a part is shown if it can be."""


class Expert:
    """An expert on one case.

    Args:
        case: the instance.
        scene: its picture.
        view: the view of a shot, as it is shown.
        in_words: whether the answer is given in words, not as an option's letter.
    """

    def __init__(self, case: Case, scene: Scene, view: Callable[[Shot], View], in_words: bool = False):
        self.case, self.scene, self.view, self.in_words = case, scene, view, in_words

    @property
    def drawing(self) -> Drawing:
        """The picture."""
        return self.scene.drawing

    def plan(self, shots: Sequence[Shot], pictures: int) -> list[ToolCall]:
        """The calls that remain, the answer last.

        Args:
            shots: what was shown so far, the whole picture first.
            pictures: how many more may be taken; what would be more is left out, and the answer may then be a guess.
        """
        shots, calls = list(shots), []
        while pictures > 0 and (looks := [look for look in self.scene.looks if not self._seen(look, shots)]):
            call, shot = self._next(looks, shots)
            if shot in shots:
                break  # what cannot be made out in so few pixels is not looked at twice
            calls.append(call)
            shots.append(shot)
            pictures -= 1
        said = self.case.conclude(self.facts(shots))
        if not self.in_words:
            said = LETTERS[self.case.question.options.index(said)]
        return [*calls, ToolCall("answer", {"text": said})]

    def facts(self, shots: Sequence[Shot]) -> tuple[Fact, ...]:
        """What was seen in all of these shots together."""
        return merged([fact for shot in shots for fact in self.drawing.facts(self.view(shot))])

    def _marks(self, look: Look) -> tuple[Mark, ...]:
        """The marks of the whole picture that a look is a part of."""
        marks: tuple[Mark, ...] = (("rotate", look.angle),) if look.angle else ()
        return marks if look.level is None else (*marks, level_mark(self._permille(look), COLOR))

    def _permille(self, look: Look) -> int:
        assert look.level is not None
        return round(1000 * look.level / self.drawing.size[0])

    def _seen(self, look: Look, shots: Sequence[Shot]) -> bool:
        """Whether a look was had, in whatever shot."""
        marks = self._marks(look)
        return any(
            angle_of(shot.marks) == angle_of(marks)
            and set(drawn(marks)) <= set(drawn(shot.marks))
            and self._shows(shot, [look])
            for shot in shots
        )

    def _shows(self, shot: Shot, looks: Sequence[Look], large: float = 1.0) -> bool:
        """Whether a shot shows all of the parts, so many times larger than barely legible."""
        view = self.view(shot)
        need = min(look.height for look in looks)
        return need * min(view.scale) >= large * LEGIBLE and all(view.holds(_corners(look)) for look in looks)

    def _next(self, looks: Sequence[Look], shots: Sequence[Shot]) -> tuple[ToolCall, Shot]:
        """The call that serves the first of the looks, or prepares for it, and what it shows."""
        marks = self._marks(looks[0])
        base = Shot(marks=marks)
        if base not in shots:
            if looks[0].angle:
                return ToolCall("rotate", {"picture": 1, "degrees": _signed(looks[0].angle)}), base
            line = {"picture": 1, "kind": "horizontal", "y1": self._permille(looks[0]), "color": COLOR}
            return ToolCall("draw", line), base
        together = [looks[0]]
        for look in looks[1:]:
            if self._marks(look) == marks and self._shows(self._part(marks, [*together, look]), [*together, look]):
                together.append(look)
        wide = (self._part(marks, together, margin) for margin in MARGINS)
        shot = next((part for part in wide if self._shows(part, together, LARGE)), self._part(marks, together))
        left, top, right, bottom = (round(1000 * edge) for edge in shot.box)
        box = {"left": left, "top": top, "right": right, "bottom": bottom}
        return ToolCall("zoom", {"picture": shots.index(base) + 1, **box}), shot

    def _part(self, marks: tuple[Mark, ...], looks: Sequence[Look], margin: float = MARGINS[-1]) -> Shot:
        """The shot of a part that holds some looks, with a margin, its edges whole thousandths."""
        whole = self.view(Shot(marks=marks))
        points = [whole.to_canvas(_corners(look)) for look in looks]
        width, height = whole.part[2], whole.part[3]
        x, y = ([float(value) for corners in points for value in corners[:, axis]] for axis in (0, 1))
        left, right = _span(min(x) / width - margin, max(x) / width + margin)
        top, bottom = _span(min(y) / height - margin, max(y) / height + margin)
        return Shot(box=(left, top, right, bottom), marks=zoomed(marks))


def level_mark(permille: int, color: str) -> Mark:
    """The mark of a horizontal line across the whole picture."""
    return ("line", color, 0.0, permille / 1000, 1.0, permille / 1000)


def _corners(look: Look) -> list[tuple[float, float]]:
    left, top, right, bottom = look.box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def _span(low: float, high: float) -> tuple[float, float]:
    """Edges in whole thousandths, a little further out, and far enough apart to be looked at."""
    first, last = max(0, math.floor(1000 * low)), min(1000, math.ceil(1000 * high))
    while last - first < 11:
        first, last = max(0, first - 1), min(1000, last + 1)
    return first / 1000, last / 1000


def _signed(angle: int) -> int:
    """An angle from -179 to 180."""
    return angle - 360 if angle > 180 else angle
