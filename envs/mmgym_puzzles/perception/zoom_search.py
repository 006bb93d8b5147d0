"""ZoomSearch: read a label that is too small to be read, by zooming in on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Interval, MaxLen

from mmgym.env import Capabilities, Effect
from mmgym.spaces import ToolCall, tool
from mmgym_puzzles.perception.expressions import Expression, Vague, draw_expression, meant, words
from mmgym_puzzles.perception.labels import WHOLE, Lettering, Tag, View, draw_view, inside, tag_box
from mmgym_puzzles.perception.pointing import PointingPuzzle, from_json, to_json, tuples
from mmgym_puzzles.perception.scenes import SHAPES, Kinds, Scene, draw_kinds, look_of, place
from mmgym_puzzles.puzzle import layout_hash

__all__ = ["ZoomSearch"]

MAGNIFICATION = 4
"""How many times larger one zoom shows things at most."""
TRIES = 40
BROAD = ("circle", "square", "heart", "diamond", "house")
"""Shapes that have room for a label in the middle."""
DIGITS = "0123456789"
CLEAR = "ACDEFHJKLMNPRTUVWXY3479"
"""Characters that are not easily taken for one another."""
Edge = Annotated[int, Interval(ge=0, le=4096)]
Labelled = tuple[Scene, tuple[Tag, ...], Expression, str]
"""Things, what they bear, the expression that is asked, and the emblem that is asked (or empty)."""


@dataclass(frozen=True)
class Labels:
    """What scenes, labels and questions to draw."""

    kinds: Kinds
    """What there is."""
    forms: tuple[str, ...]
    """Forms of expressions."""
    candidates: tuple[int, int]
    """Fewest and most things that fit the words before the emblem: 1 where there are no emblems."""
    alphabet: str
    """Characters of labels."""
    length: int
    """Characters in a label."""
    lettering: Lettering
    """How large labels are."""
    turns: int
    """Turns until the episode is truncated."""


LEVELS = {
    1: Labels(Kinds((3, 5), 4, 4, (150, 230), BROAD), ("whole",), (1, 1), DIGITS, 2, Lettering(27_000, 3), 8),
    2: Labels(Kinds((7, 9), 3, 3, (100, 160), BROAD), ("whole", "side"), (1, 1), DIGITS, 2, Lettering(18_000, 4), 10),
    3: Labels(Kinds((10, 13), 3, 4, (80, 130)), ("side", "order"), (1, 1), DIGITS, 3, Lettering(10_000, 8), 14),
    4: Labels(Kinds((14, 18), 3, 3, (72, 110)), ("several",), (2, 3), CLEAR, 3, Lettering(5_600, 14), 24),
    5: Labels(Kinds((19, 23), 3, 3, (66, 96)), ("several_side",), (3, 5), CLEAR, 4, Lettering(2_000, 40), 40),
}


class ZoomSearch(PointingPuzzle):
    """Read a label that is too small to be read, by zooming in on it.

    ## Description
    Things of several colours, shapes and sizes lie on a plain ground, and each bears a small label; from level 4 on
    also a small emblem. The task describes a thing and asks what its label says. In the whole picture labels are grey
    bars: not a single pixel depends on what they say. On levels 4 and 5 several things fit the words, and only the
    emblem, as small as the label, tells which of them is meant.

    ## Action space
    Three tools: `zoom(left, top, right, bottom)` shows a box of the picture at full size; `zoom_out()` shows the whole
    again; `answer(text)` ends the episode. Edges are those of the picture that is shown, in pixels or thousandths
    (`coordinates`). A box is widened to a square, and to a quarter of the picture's side: one zoom magnifies at most 4
    times. A zoom that shows the same again changes nothing.

    ## Observation space
    `task`: the question. `image`: the whole scene or a part of it, uint8 (image_size, image_size, 3). `feedback`: why
    nothing changed. There is no text twin: what labels say is only in the pixels.

    ## Starting state
    Things at random places, random labels, all different, and the whole in view. The split is decided by a hash of the
    things with their sizes, labels and emblems, wherever they lie. The split `ood` has another ground, other shades,
    and white outlines. `options["task"]` can only be `"any"`.

    ## Rewards
    1 for what the label says (term `outcome`; case, spaces and punctuation do not count), else 0.

    ## Episode end
    Terminated by an answer (success if it is right); truncated at the turn limit.

    ## Arguments
    `coordinates`: `"pixels"` or `"thousandths"`. And those of `Puzzle`. The expert answers once the label can be read;
    it takes the fewest calls that show the label.

    | level | things | described by | things that fit | label | zooms | turns |
    |---|---|---|---|---|---|---|
    | 1 | 3-5 | colour and shape | 1 | 2 digits | 1 | 8 |
    | 2 | 7-9 | colour and shape; side | 1 | 2 digits | 1 | 10 |
    | 3 | 10-13 | side; order | 1 | 3 digits | 2 | 14 |
    | 4 | 14-18 | colour, shape; emblem | 2-3 | 3 characters | 2 | 24 |
    | 5 | 19-23 | side; emblem | 3-5 | 4 characters | 3 | 40 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    capabilities = Capabilities(text_twin=False)
    random_below: ClassVar[float] = 0.02
    instruction = (
        "Find the thing that the task describes and read its label. Labels are too small to be read in the whole "
        "picture: zoom in on a box, again if need be, until you can read them; zoom_out shows the whole again. Give "
        "what the label says, and nothing else, with answer; you can answer once. Left of, right of, above and below "
        "compare the middles of things. Only things of the kind that is named are counted in an order."
    )
    view: View
    """What is shown."""
    said: str | None
    """What was answered."""
    _whole: np.ndarray | None
    """The picture of the whole, once it is drawn."""
    _drawn: tuple[View, np.ndarray] | None
    """The view that was drawn last, and its picture."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        scene = from_json([{"shape": "circle", "color": "red", "x": 500, "y": 500, "size": 200}])
        self._begin((scene, (Tag("42"),), ("only", ("kind", "red", "circle")), ""))

    @tool
    def zoom(self, left: Edge, top: Edge, right: Edge, bottom: Edge) -> Effect:
        """Show a box of the picture at full size.

        Args:
            left: its left edge, from the left of the picture that is shown.
            top: its top edge, from the top.
            right: its right edge, from the left.
            bottom: its bottom edge, from the top.
        """
        if left >= right or top >= bottom:
            return Effect(False, "The box has no area: right must be more than left, and bottom more than top.")
        view = self._zoomed(left, top, right, bottom)
        if view == self.view:
            return Effect(False, "That shows the same again." if view[2] > self._nearest() else "It gets no closer.")
        self.view = view
        return Effect(True)

    @tool
    def zoom_out(self) -> Effect:
        """Show the whole picture."""
        if self.view == WHOLE:
            return Effect(False, "The whole picture is shown already.")
        self.view = WHOLE
        return Effect(True)

    @tool
    def answer(self, text: Annotated[str, MaxLen(100)]) -> Effect:
        """Give what the label says. It ends the episode.

        Args:
            text: what it says.
        """
        self.said = text
        return Effect(True)

    @classmethod
    def draw_candidate(cls, rng: np.random.Generator, settings: Labels) -> Labelled | None:
        """Draw things that have no place yet, and what they bear; None where two labels are equal."""
        scene = draw_kinds(rng, settings.kinds)
        letters = (rng.random((len(scene), settings.length)) * len(settings.alphabet)).astype(int).tolist()
        texts = ["".join([settings.alphabet[k] for k in row]) for row in letters]
        if len({*texts}) < len(texts):
            return None
        emblems = [""] * len(scene)
        if settings.candidates[1] > 1:
            emblems = [SHAPES[int(k)] for k in rng.random(len(scene)) * len(SHAPES)]
        return scene, tuple(Tag(text, emblem) for text, emblem in zip(texts, emblems, strict=True)), (), ""

    @classmethod
    def arrange(cls, rng: np.random.Generator, candidate: Labelled, settings: Labels) -> Labelled | None:
        """Place the things and describe one, or None when there is no room or nothing clear to say."""
        tags = candidate[1]
        scene = place(rng, candidate[0], 1.1) or ()
        for _ in range(TRIES if scene else 0):
            expression = draw_expression(rng, scene, settings.forms[int(rng.integers(len(settings.forms)))])
            try:
                found = meant(expression, scene)
            except Vague:
                continue
            if settings.candidates[0] <= len(found) <= settings.candidates[1]:
                emblem = tags[found[int(rng.integers(len(found)))]].emblem
                if sum(tags[k].emblem == emblem for k in found) == 1:
                    return scene, tags, expression, emblem
        return None

    @classmethod
    def candidate_key(cls, instance: Labelled) -> str:
        """Key of the things and what they bear, wherever they lie."""
        scene, tags, *_ = instance
        borne = [(t.shape, t.color, t.size, tag.text, tag.emblem) for t, tag in zip(scene, tags, strict=True)]
        return layout_hash("zoom", sorted(borne))

    def layout_key(self) -> str:
        """Key of the things and what they bear; it decides the split."""
        return self.candidate_key((self.scene, self.tags, self.expression, self.emblem))

    def _begin(self, instance: Labelled) -> None:
        self.scene, self.tags, self.expression, self.emblem = instance
        found = meant(self.expression, self.scene)
        self.target = next(k for k in found if self.tags[k].emblem == self.emblem)
        self.view, self.said = WHOLE, None
        self._whole = self._drawn = None

    def _get_state(self) -> dict[str, Any]:
        return {
            "scene": to_json(self.scene),
            "tags": [[tag.text, tag.emblem] for tag in self.tags],
            "expression": self.expression,
            "emblem": self.emblem,
            "view": list(self.view),
            "said": self.said,
        }

    def _set_state(self, state: dict[str, Any]) -> None:
        tags = tuple(Tag(text, emblem) for text, emblem in state["tags"])
        self._begin((from_json(state["scene"]), tags, tuples(state["expression"]), state["emblem"]))
        self.view, self.said = tuples(state["view"]), state["said"]

    def _task(self) -> str:
        if not self.emblem:
            return f"What does the label on {words(self.expression)} say?"
        several = self.expression[0] == "side"
        bearer = f"{'the one of ' if several else ''}the {words(self.expression, several)}"
        return f"What does the label on {bearer} that bears a small {self.emblem} say?"

    def _is_success(self) -> bool:
        said = "".join(letter for letter in self.said or "" if letter.isalnum())
        return said.upper() == self.tags[self.target].text

    def _is_failure(self) -> bool:
        return self.said is not None and not self._is_success()

    # --- views -------------------------------------------------------------------------------------------------------

    def _nearest(self) -> int:
        """The smallest side of a view: one that so many zooms reach as labels need."""
        side = WHOLE[2]
        while side * self.settings.lettering.zoom > WHOLE[2]:
            side //= MAGNIFICATION
        return side

    def _zoomed(self, *edges: int) -> View:
        """The view of a box of the present view: a square inside it."""
        left, top, side = self.view
        last = 1000 if self.coordinates == "thousandths" else self.image_size
        x0, y0, x1, y1 = (min(edge, last) for edge in edges)
        new = min(side, max(side * max(x1 - x0, y1 - y0) // last, side // MAGNIFICATION, self._nearest()))
        corner = (side * (x0 + x1) // last - new) // 2, (side * (y0 + y1) // last - new) // 2
        return left + min(max(corner[0], 0), side - new), top + min(max(corner[1], 0), side - new), new

    def _box(self, index: int) -> tuple[int, int, int, int]:
        return tag_box(self.scene[index], self.tags[index], self.settings.lettering)

    def _readable(self, index: int) -> bool:
        return self.settings.lettering.legible(self.view) and inside(self._box(index), self.view)

    def _zooms(self, side: int) -> int:
        """Zooms until labels are legible, from a view with this side."""
        count = 0
        while side * self.settings.lettering.zoom > WHOLE[2]:
            side, count = max(side // MAGNIFICATION, self._nearest()), count + 1
        return count

    # --- experts -----------------------------------------------------------------------------------------------------

    def _expert_call(self) -> ToolCall:
        return self._reading(self.target)

    def _reading(self, index: int) -> ToolCall:
        """The next call of one who reads the label of a thing."""
        if self._readable(index):
            return ToolCall("answer", {"text": self.tags[index].text})
        if not inside(self._box(index), self.view):
            return ToolCall("zoom_out")
        left, top, side = self.view
        x0, y0, x1, y1 = self._box(index)
        last = 1000 if self.coordinates == "thousandths" else self.image_size
        reach = max(1, last // MAGNIFICATION)
        edges = []
        for low, high, start in ((x0, x1, left), (y0, y1, top)):
            first = ((low + high - 2 * start) * last // side - reach + 1) // 2
            edges.append(min(max(first, 0), last - reach))
        x, y = edges
        return ToolCall("zoom", {"left": x, "top": y, "right": x + reach, "bottom": y + reach})

    def _expert_steps(self) -> int:
        return self._zooms(WHOLE[2]) + 1

    def _turns_left(self) -> int:
        if inside(self._box(self.target), self.view):
            return self._zooms(self.view[2]) + 1
        return 1 + self._expert_steps()

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """Read the label of a thing of the right shape, of any colour, at any place and with any emblem."""
        alike = [k for k, thing in enumerate(self.scene) if thing.shape == self.scene[self.target].shape]
        return self._reading(alike[int(self.layout_key()[-6:], 16) % len(alike)])

    # --- what is shown -----------------------------------------------------------------------------------------------

    def _image(self) -> np.ndarray:
        if self._drawn is None or self._drawn[0] != self.view:
            self._drawn = self.view, self._drawn_view()
        return self._drawn[1].copy()

    def _drawn_view(self) -> np.ndarray:
        """The picture of what is shown."""
        if self.view == WHOLE and self._whole is not None:
            return self._whole
        look, lettering = look_of(self.split), self.settings.lettering
        picture = draw_view(self.scene, self.tags, lettering, self.view, self.image_size, look)
        if self.view == WHOLE:
            self._whole = picture
        return picture

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        readable = [tag.text for k, tag in enumerate(self.tags) if self._readable(k)]
        asked = [
            ("Is the whole picture shown?", "yes" if self.view == WHOLE else "no"),
            ("How many labels can be read in full?", str(len(readable))),
        ]
        if len(readable) == 1:
            asked.append(("What does the label say that can be read?", readable[0]))
        return [asked[k] for k in rng.permutation(len(asked))]
