"""SVG: write the code of a picture."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, ClassVar

import cv2
import numpy as np
from annotated_types import MaxLen

from mmgym.draw import blank, draw_text
from mmgym.env import Capabilities, Effect
from mmgym.rewards import RewardTerms
from mmgym.spaces import ToolCall, flag, number, tool
from mmgym_puzzles.generation import similarity
from mmgym_puzzles.generation.svg_document import MAX_CHARACTERS
from mmgym_puzzles.generation.svg_icons import draw_icon, frame_icon
from mmgym_puzzles.generation.svg_pictures import (
    LEVELS,
    Frame,
    Part,
    Picture,
    Pictures,
    draw_shapes,
    frame_shapes,
    svg_of,
)
from mmgym_puzzles.generation.svg_renderer import draw, read_svg
from mmgym_puzzles.generation.svg_values import SvgError
from mmgym_puzzles.puzzle import MAX_DRAWS, Puzzle, layout_hash, split_of

__all__ = ["SVG"]

_MAT, _INK, _FRAME = (228, 230, 234), (52, 56, 66), (120, 124, 134)
_LARGE_NUMBER = re.compile(r'(?<=[ ",MLCQHVT])\d\d(?=[ ",])')


class SVG(Puzzle):
    """Write the code of a picture.

    ## Description
    A picture of flat shapes is shown. It is to be drawn again in SVG, in the units of a viewBox from 0 to 100. Each
    drawing is shown beside the target. A drawing that is alike enough ends the episode: the best one counts, as the
    agent should lose nothing by trying to mend what it has, the number of drawings is limited anyway, and a turn that
    only submits would tell nothing new.

    ## Action space
    One tool: `draw(svg)`. Allowed are the elements svg, g, rect, circle, ellipse, line, polyline, polygon, path (all
    commands), title and desc, with fill, stroke, opacity and transform; text, images, gradients, scripts, links,
    document types and entities are not. A document has at most 16,384 characters and 256 elements. One that is not
    allowed changes nothing; the feedback says why, with line, column and element.

    ## Observation space
    `image`: the target on the left, the last drawing on the right, uint8 (image_size, 2 x image_size, 3), with ticks
    every ten units. `feedback`: how alike the drawing is, or what is wrong with the code. There is no text twin: a
    text that tells the picture would be the answer.

    ## Starting state
    A target, drawn at random: loose shapes on a ground, or at level 5 one of ten icons, from ten to fifty random
    numbers. Nothing is drawn yet. The split is decided by a hash of the ground and of where the first shape lies,
    or of the icon and how it lies. The split `ood` has colours and dark grounds of its own.
    `options["task"]` can only be `"any"`.

    ## Rewards
    1 for the drawing that reaches the level's similarity (term `outcome`), else 0. With `similarity_reward` above 0
    there is the term `similarity`: that weight times what a drawing adds to the best similarity so far. The
    similarity is the weighted mean of `pixels` (.4), `ssim` (.3) and `edges` (.3), each from 0 to 1 and normalised so
    that no picture of one colour scores above 0; see `similarity.Target.terms` for formulas and sources. It is
    measured at 128 pixels whatever `image_size` is.

    ## Episode end
    Terminated when a drawing reaches the similarity that is asked for (success); truncated at the turn limit.

    ## Arguments
    `score_feedback`: whether the feedback tells the similarity of each drawing, by term. `similarity_reward`: see
    above. `weights`: what each term of the similarity counts. `perceptual`: a function of target and drawing, uint8
    (128, 128, 3), the larger the more alike (a DINO or DreamSim score, say), which is normalised likewise and counts
    as the term `perceptual` with its weight (1 without one). And those of `Puzzle`. The expert writes the code that
    the target was made of.

    | level | pictures | outlines | turned | see-through | similarity | turns |
    |---|---|---|---|---|---|---|
    | 1 | 1-2 flat shapes | none | none | none | .75 | 3 |
    | 2 | 3-4 flat shapes | none | none | none | .78 | 3 |
    | 3 | 5-6 overlapping shapes and lines | half | none | none | .80 | 4 |
    | 4 | 7-8 overlapping shapes, lines and curves | half | .6 | .4 | .80 | 4 |
    | 5 | icons of 9-20 parts | some | all | none | .90 | 5 |

    ## Version history
    - v0: first version.
    """

    level_settings = LEVELS
    capabilities = Capabilities(text_twin=False)
    random_below: ClassVar[float] = 0.01
    instruction = (
        'You see a picture. Draw it again: write SVG with viewBox="0 0 100 100", x to the right and y down. Use rect, '
        "circle, ellipse, line, polyline, polygon, path and g with fill, stroke, opacity and transform, and begin with "
        "a rect for the ground. No text, images, gradients or links. Your drawing is shown on the right of the target; "
        "you have a few drawings, and the best one counts."
    )
    description_rule = "Name the shapes from back to front, each as colour and kind."
    drawn: str
    """Code of the last drawing; empty before the first."""
    best: float
    """The best similarity so far."""
    _panels: np.ndarray | None = None
    """Both panels, the second one empty."""
    _own_panel: np.ndarray | None = None

    def __init__(
        self,
        *,
        score_feedback: bool = True,
        similarity_reward: float = 0.0,
        weights: Mapping[str, float] | None = None,
        perceptual: similarity.Perceptual | None = None,
        **arguments: Any,
    ) -> None:
        self.similarity_reward = number("similarity_reward", similarity_reward)
        self.score_feedback, self.perceptual = flag("score_feedback", score_feedback), perceptual
        terms = [*similarity.WEIGHTS, *(["perceptual"] if perceptual is not None else [])]
        self.weights = {name: similarity.WEIGHTS.get(name, 1.0) for name in terms} if weights is None else dict(weights)
        values = list(self.weights.values())
        if not set(self.weights) <= set(terms) or not all(0 <= v < math.inf for v in values) or not sum(values):
            raise ValueError(f"weights must be numbers from 0, not all 0, for {', '.join(terms)}; got {weights!r}")
        super().__init__(**arguments)
        shape = Part("red", "circle", '<circle cx="50" cy="50" r="30" fill="{red}"/>')
        self._begin(Picture(Frame("paper", (1, 50, 50, 30), (50, 50)), "", "", (shape,)))

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of the picture in pixels: two panels side by side."""
        return self.image_size, 2 * self.image_size

    @tool
    def draw(self, svg: Annotated[str, MaxLen(MAX_CHARACTERS)]) -> Effect:
        """Draw the picture.

        Args:
            svg: a whole SVG document.
        """
        try:
            drawing = read_svg(svg)
        except SvgError as error:
            return Effect(False, f"Not drawn. {error}.")
        if svg == self.drawn:
            return Effect(False, "This is the drawing that you have already.")
        self.drawn, self._own_panel = svg, None
        terms = self._measure().terms(draw(drawing, similarity.SIDE))
        self.best = max(self.best, terms["similarity"])
        if not self.score_feedback:
            return Effect(True)
        parts = ", ".join(f"{name} {value:.2f}" for name, value in terms.items() if name != "similarity")
        wanted = self.settings.threshold
        return Effect(True, f"Similarity {terms['similarity']:.2f} of {wanted:.2f} that are asked for ({parts}).")

    @classmethod
    def _draw(cls, rng: np.random.Generator, settings: Pictures, split: str) -> Picture:
        icon = settings.kinds == ("icon",)
        for _ in range(MAX_DRAWS):
            frame = frame_icon(rng) if icon else frame_shapes(rng, settings)
            if split_of(cls._frame_key(frame)) == split:
                picture = (draw_icon if icon else draw_shapes)(rng, frame, settings)
                if picture is not None:
                    return picture
        raise RuntimeError(f"no instance of {cls.__name__} for split {split!r} found with {settings}")

    @classmethod
    def _frame_key(cls, frame: Frame) -> str:
        return layout_hash("svg", frame.ground, frame.key)

    @classmethod
    def candidate_key(cls, instance: Picture) -> str:
        """Key of the ground, and of where the first shape lies, or of the icon and how it lies."""
        return cls._frame_key(instance.frame)

    def layout_key(self) -> str:
        """Key of the target; it decides the split."""
        return self.candidate_key(self.picture)

    def _begin(self, instance: Picture) -> None:
        self.picture = instance
        self.drawn, self.best, self._best_before = "", 0.0, 0.0
        self._target: similarity.Target | None = None
        self._panels = None
        self._own_panel = None

    def _code(self) -> str:
        return svg_of(self.picture, "ood" if self.split == "ood" else "usual")

    def _measure(self) -> similarity.Target:
        if self._target is None:
            picture = draw(read_svg(self._code()), similarity.SIDE)
            self._target = similarity.Target(picture, self.perceptual, self.weights)
        return self._target

    def measured(self) -> dict[str, float]:
        """The terms of the last drawing's similarity, and the whole; empty before the first drawing."""
        return self._measure().terms(draw(read_svg(self.drawn), similarity.SIDE)) if self.drawn else {}

    def _get_state(self) -> dict[str, Any]:
        frame, subject, transform, parts = self.picture
        picture = {"ground": frame.ground, "numbers": list(frame.numbers), "key": list(frame.key)}
        picture |= {"subject": subject, "transform": transform, "parts": [list(part) for part in parts]}
        return {"picture": picture, "drawn": self.drawn, "best": self.best}

    def _set_state(self, state: dict[str, Any]) -> None:
        picture = state["picture"]
        parts = tuple(Part(*part) for part in picture["parts"])
        frame = Frame(picture["ground"], tuple(picture["numbers"]), tuple(picture["key"]))
        self._begin(Picture(frame, picture["subject"], picture["transform"], parts))
        self.drawn, self.best = state["drawn"], state["best"]

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Make one turn; see `MultimodalEnv.step`."""
        self._best_before = self.best
        return super().step(action)

    def _reward_terms(self) -> RewardTerms:
        terms = super()._reward_terms()
        if self.similarity_reward:
            terms["similarity"] = self.similarity_reward * (self.best - self._best_before)
        return terms

    def _is_success(self) -> bool:
        return bool(self.best >= self.settings.threshold)

    def _expert_call(self) -> ToolCall:
        return ToolCall("draw", {"svg": self._code()})

    def _expert_steps(self) -> int:
        return 1

    def _turns_left(self) -> int:
        return 0 if self._is_success() else 1

    def weak_call(self, rng: np.random.Generator) -> ToolCall:
        """The target's code as drawn by one who overlooks one part in sixteen and misplaces every number a little."""

        def near(found: re.Match[str]) -> str:
            return str(int(found.group()) + round(float(rng.normal(0, 1.3))))

        lines = self._code().split("\n")
        kept = [line for k, line in enumerate(lines) if k < 2 or line.startswith(("<g", "</")) or rng.random() > 0.06]
        return ToolCall("draw", {"svg": "\n".join([kept[0], *(_LARGE_NUMBER.sub(near, line) for line in kept[1:])])})

    def _image(self) -> np.ndarray:
        size = self.image_size
        head, foot = max(2, size // 11), max(1, size // 28)
        side = size - head - foot
        left = (size - side) // 2
        if self._panels is None:
            self._panels = _mat(size, head, side, left).copy()
            self._panels[head : head + side, left : left + side] = draw(read_svg(self._code()), side)
        if self.drawn and self._own_panel is None:
            self._own_panel = draw(read_svg(self.drawn), side)
        image = self._panels.copy()
        if self._own_panel is not None:
            image[head : head + side, size + left : size + left + side] = self._own_panel
        return image

    def _description(self) -> str:
        return " ".join(f"{part.color} {part.word}" for part in self.picture.parts)

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        parts = self.picture.parts
        color = parts[int(rng.integers(len(parts)))].color if rng.random() < 0.5 else "purple"
        used = {name for part in parts for name in re.findall(r"{(\w+)}", part.markup)}
        asked = [(f"Is there anything {color} in the target?", "yes" if color in used else "no")]
        asked.append(("Is there a drawing yet?", "yes" if self.drawn else "no"))
        if self.picture.subject:
            asked.append(("What does the target show?", self.picture.subject))
        else:
            asked.append(("How many shapes are in the target?", str(len(parts))))
            asked.append(("Name the shapes from back to front.", self._description()))
        return [asked[k] for k in rng.permutation(len(asked))]


@lru_cache(maxsize=8)
def _mat(size: int, head: int, side: int, left: int) -> np.ndarray:
    """Two framed panels with ticks, the second one empty."""
    image = blank(size, 2 * size, _MAT)
    tick = max(1, head // 6)
    for start, name in ((left, "target"), (size + left, "drawing")):
        image[head - 1 : head + side + 1, start - 1 : start + side + 1] = _FRAME
        image[head : head + side, start : start + side] = 246
        draw_text(image, name, start + side / 2, head * 0.42, max(4, head * 0.8), _INK, bold=True)
        for k in range(11):
            reach = tick * 2 if k % 5 == 0 else tick
            at = k * (side - 1) // 10
            image[head + at, start - 1 - reach : start - 1] = _FRAME
            image[head - 1 - reach : head - 1, start + at] = _FRAME
    empty = image[head : head + side, size + left : size + left + side]
    for corner in range(-side, side, max(4, side // 12)):
        cv2.line(empty, (corner, side), (corner + side, 0), (232, 233, 236), max(1, side // 90))
    return image
