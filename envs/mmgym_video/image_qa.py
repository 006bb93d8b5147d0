"""ImageQA: answer a question about a picture that is too large to be seen whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval

from mmgym.env import Capabilities, Effect, whole
from mmgym.pointing import Pointer, pointers
from mmgym.spaces import ToolCall, tool
from mmgym_video.images.catalogue import FAMILIES
from mmgym_video.images.drawing import Drawing, Fact
from mmgym_video.images.expert import Expert
from mmgym_video.images.marks import Mark, angle_of, draw_marks, drawn, is_crop, points_of, with_angle, zoomed
from mmgym_video.images.sources import DrawnPictures, Instance, PictureFiles, PictureSource
from mmgym_video.images.view import View, canvas_size
from mmgym_video.looking import LookingEnv, Permille, Shot, chosen_families
from mmgym_video.pictures import WHOLE, fitted

__all__ = ["ImageQA"]

PICTURES = {1: 8, 2: 10, 3: 12, 4: 16, 5: 20}
"""Pictures that may be taken in an episode, by level."""
TURNS = {1: 10, 2: 12, 3: 14, 4: 18, 5: 24}
"""Turns, by level."""
LEAST_PIXELS = 128 * 128
"""Pixels that a drawn picture must be allowed to have, or its text could not be read in any part of it."""
MAX_SIDE = 4096
"""Longest side in pixels at which anything is shown: that of the observation space."""
MAX_MARKS = 20
"""Things that can be drawn on one picture."""
Number = Annotated[int, Interval(ge=1)]


class ImageQA(LookingEnv):
    """Answer a question about a picture that is too large to be seen whole.

    ## Description
    A question with its options and the whole picture, small, are shown. The agent zooms, crops, turns the picture and
    draws on it, within a budget of pictures and turns, and then answers once. Pictures are drawn on demand from the
    seed, 2048 to 4096 pixels wide, with exact ground truth; what decides the answer cannot be seen in the whole
    picture: not one of its pixels depends on it (at up to 256 tokens for a picture). With `questions=` they are a
    user's files.

    ## Action space
    Pictures are numbered in the order in which they are shown; a tool makes a new one from any of them. Coordinates are
    thousandths of the picture that is named. `zoom(picture, left, top, right, bottom)` shows a part at the size of any
    picture, enlarged or reduced to `tokens_per_image`. `crop(...)` shows a part pixel by pixel, rounded up to whole
    patches and otherwise never enlarged: a small part makes a small picture, a large one a picture of up to
    `max_crop_tokens`, which counts as one picture for each `tokens_per_image` begun. `rotate(picture, degrees)` shows a
    picture turned anticlockwise, on a canvas that holds all of it. `draw(picture, kind, x1, y1, x2, y2, color)` draws a
    line, a box, a point, or a horizontal or vertical line through the whole; parts of the new picture show it too.
    `note(text)` keeps a note. `answer(text)` gives the letter or the text of an option and ends the episode. What
    cannot be shown is refused, and the feedback says why; it costs the turn.

    `zoom` and `rotate` are the counterparts of DeepEyes' `image_zoom_in_tool` and `image_rotate_tool`; `crop`, `zoom`
    and the kinds of `draw` those of OpenThinkIMG's `Crop`, `ZoomInSubfigure`, `Point`, `DrawHorizontalLineByY` and
    `DrawVerticalLineByX`.

    ## Observation space
    `task`: the question, the picture's size, notes, and what is left of the budgets. `frames`: the new pictures, each
    after its number and what it is (uint8, at most `tokens_per_image` cells of `patch` pixels a side). `text`: what the
    new pictures show, in words (text twin; what is too small or too slanted to be read in the picture is not told).
    `feedback`: what went wrong.

    ## Starting state
    A random instance of one of the families, each as likely; the whole picture is number 1 and costs nothing. The split
    is decided by a hash of what is asked and the options; `ood` has other colours. `options["task"]` is the name of a
    family, or `"any"`.

    | family | what is asked | the expert |
    |---|---|---|
    | label | what the small label on a thing says | zooms |
    | sign | what a sign says that stands askew or upside down | turns, zooms |
    | chart | how high a bar is that has a name, on an axis far away | zooms, draws, zooms |
    | metro | which station lies between two others | zooms |
    | ledger | what amount stands in a row and column | zooms |
    | meter | what the meter of a name shows | zooms |
    | crowd | which figure wears another badge than all others | zooms |
    | ruler | at what number an arrow points | zooms |

    ## Rewards
    1 for the right answer (term `outcome`), else 0; `frame_cost` adds a process term. `info["measures"]` has what
    `mmgym_video.rewards` weighs: `answer` (graded), `frames` (pictures, as the budget counts them), `looks` (calls of
    zoom, crop, rotate and draw), `zooms` (of zoom and crop), `look_errors`, `repeats`. There is no time in a picture:
    `hits`, `grounding` and `evidence` are 0.

    ## Episode end
    Terminated by an answer (success if it is right); truncated at the turn limit.

    ## Arguments
    - `families`: names of the families that are asked; None for all.
    - `questions`: a file of questions about picture files, in mmgym's own format (`video` is the picture's path) or
      another that `format` names; `images`: the folder of the files (PNG, JPEG, WebP, BMP, at most 100 megapixels);
      `broken`: `"refuse"` or `"skip"` broken rows and files that cannot be opened; `split_by`: `"none"`, or `"image"`,
      so that no two splits share a picture. There is no expert and no text twin then, and levels differ in budgets
      alone.
    - `max_crop_tokens`: the most tokens of a crop.
    - and those of `LookingEnv`: `frame_budget`, `tokens_per_image`, `patch`, `repeat_question`, `open_answers`,
      `frame_cost`. Drawn pictures need 16 tokens of 32 pixels a side, or as many pixels in others.

    | level | side | line of text | pictures | turns |
    |---|---|---|---|---|
    | 1 | 2048 | 28 pixels | 8 | 10 |
    | 2 | 2048 | 26 | 10 | 12 |
    | 3 | 2560 | 24 | 12 | 14 |
    | 4 | 3072 | 22 | 16 | 18 |
    | 5 | 4096 | 20 | 20 | 24 |

    ## Version history
    - v0: first version.
    """

    instance: Instance
    all_families: ClassVar[Any] = FAMILIES
    """The families that may be asked, by name."""
    instruction = (
        "Answer the question about the picture. It is larger than it is shown: zoom shows a part of a picture "
        "enlarged, crop a part pixel by pixel, rotate a picture turned anticlockwise, draw a picture with a line, box "
        "or point on it. Each gives a new picture with a number of its own, from which further ones can be made. "
        "Coordinates are thousandths of the width and height of the picture that is named. Pictures and turns are "
        "limited. When you know the answer, give the letter of the option with answer; you can answer once."
    )

    def __init__(
        self,
        *,
        families: Sequence[str] | None = None,
        questions: str | None = None,
        images: str | None = None,
        format: str = "auto",
        broken: str = "refuse",
        split_by: str = "none",
        tokens_per_image: int = 64,
        max_crop_tokens: int = 256,
        **arguments: Any,
    ) -> None:
        self.max_crop_tokens = whole("max_crop_tokens", max_crop_tokens, 1, 4096)
        self.source: PictureSource
        if questions is None:
            if images is not None:
                raise ValueError("images, a folder of files, needs questions, a file of questions about them")
            self.source = DrawnPictures(chosen_families(families, self.all_families))
        else:
            self.source = PictureFiles(questions, images, format, broken, split_by)
            splits: Any = "content" if split_by == "image" else "single"
            self.capabilities = Capabilities(expert="none", splits=splits, questions=False, text_twin=False)
        super().__init__(tokens_per_image=tokens_per_image, **arguments)
        if questions is None and self.tokens_per_image * self.patch**2 < LEAST_PIXELS:
            least = math.ceil(LEAST_PIXELS / self.patch**2)
            raise ValueError(f"tokens_per_image must be at least {least} with patch={self.patch}")
        self._open({})

    # --- tools -------------------------------------------------------------------------------------------------------

    def points_at(self, call: ToolCall) -> tuple[Pointer, ...]:
        """The part of a picture that a call names, or what it draws there."""
        if call.name != "draw":
            return super().points_at(call)
        kind = call.arguments["kind"]
        x1, y1, x2, y2 = (call.arguments.get(name, 0) for name in ("x1", "y1", "x2", "y2"))
        names: dict[str, dict[str, float]] = {
            "line": {"x": x1, "y": y1, "to_x": x2, "to_y": y2},
            "box": {"left": min(x1, x2), "top": min(y1, y2), "right": max(x1, x2), "bottom": max(y1, y2)},
            "point": {"x": x1, "y": y1},
            "horizontal": {"x": 0, "y": y1, "to_x": 1000, "to_y": y1},
            "vertical": {"x": x1, "y": 0, "to_x": x1, "to_y": 1000},
        }
        return pointers(names[kind], 1000, 1000, call.arguments["picture"] - 1)

    @tool
    def zoom(self, picture: Number, left: Permille, top: Permille, right: Permille, bottom: Permille) -> Effect:
        """Show a part of a picture, enlarged.

        Args:
            picture: number of the picture.
            left: left edge of the part, in thousandths of the picture's width.
            top: top edge, in thousandths of its height.
            right: right edge.
            bottom: bottom edge.
        """
        return self._part(picture, (left, top, right, bottom), crop=False)

    @tool
    def crop(self, picture: Number, left: Permille, top: Permille, right: Permille, bottom: Permille) -> Effect:
        """Show a part of a picture pixel by pixel; a large part counts as several pictures, a small one is small.

        Args:
            picture: number of the picture.
            left: left edge of the part, in thousandths of the picture's width.
            top: top edge, in thousandths of its height.
            right: right edge.
            bottom: bottom edge.
        """
        return self._part(picture, (left, top, right, bottom), crop=True)

    @tool
    def rotate(self, picture: Number, degrees: Annotated[int, Interval(ge=-359, le=359)]) -> Effect:
        """Show a picture turned.

        Args:
            picture: number of the picture.
            degrees: by how much it is turned anticlockwise; clockwise if negative.
        """
        if (shot := self._shot(picture)) is None:
            return self._refused(self._no_shot(picture))
        if not degrees:
            return self._refused("Turned by 0 degrees it is the same picture.")
        box, angle = self._view(shot).turned(degrees)
        return self._take_one(Shot(0.0, box, with_angle(shot.marks, angle)))

    @tool
    def draw(
        self,
        picture: Number,
        kind: Literal["line", "box", "point", "horizontal", "vertical"],
        x1: Permille = 0,
        y1: Permille = 0,
        x2: Permille = 0,
        y2: Permille = 0,
        color: Literal["red", "green", "blue", "yellow", "magenta", "black"] = "red",
    ) -> Effect:
        """Show a picture with something drawn on it, in thousandths of its width and height.

        Args:
            picture: number of the picture.
            kind: a line from (x1, y1) to (x2, y2), a box with these corners, a point at (x1, y1), a horizontal line
                through the whole picture at y1, or a vertical one at x1.
            x1: of the first point, or of a vertical line.
            y1: of the first point, or of a horizontal line.
            x2: of the second point of a line or box.
            y2: of that point.
            color: colour of what is drawn.
        """
        if (shot := self._shot(picture)) is None:
            return self._refused(self._no_shot(picture))
        if (kind == "line" and (x1, y1) == (x2, y2)) or (kind == "box" and (x1 == x2 or y1 == y2)):
            return self._refused(f"That {kind} has no extent: from ({x1}, {y1}) to ({x2}, {y2}).")
        if len(drawn(shot.marks)) >= MAX_MARKS:
            return self._refused(f"There are {MAX_MARKS} things drawn on that picture already.")
        mark = self._mark(self._view(shot), kind, color, x1 / 1000, y1 / 1000, x2 / 1000, y2 / 1000)
        return self._take_one(replace(shot, marks=(*shot.marks, mark)))

    @staticmethod
    def _mark(view: View, kind: str, color: str, x1: float, y1: float, x2: float, y2: float) -> Mark:
        """The mark of something drawn on a view, given in shares of what is shown."""
        ends = {
            "line": [(x1, y1), (x2, y2)],
            "box": [(x1, y1), (x2, y1), (x2, y2), (x1, y2)],
            "point": [(x1, y1)],
            "horizontal": [(0, y1), (1, y1)],
            "vertical": [(x1, 0), (x1, 1)],
        }[kind]
        points = view.from_share(ends)
        if kind in ("horizontal", "vertical"):  # through the whole picture, not the part alone
            axis = 0 if kind == "horizontal" else 1
            canvas = view.to_canvas(points)
            canvas[:, axis] = 0, canvas_size(view.size, view.angle)[1 - axis]
            points = view.from_canvas(canvas)
        shares = (points / (view.size[1], view.size[0])).round(6).ravel().tolist()
        return (kind if kind in ("box", "point") else "line", color, *shares)

    def _part(self, number: int, box: tuple[int, int, int, int], crop: bool) -> Effect:
        """Show a part of a picture that was shown, edges in thousandths of it."""
        found = self._part_of(number, *box)
        if isinstance(found, Effect):
            return found
        shot, inner = found
        return self._take_one(Shot(0.0, inner, zoomed(shot.marks, crop)), zooms=1)

    def _take_one(self, shot: Shot, zooms: int = 0) -> Effect:
        """Show a new picture, if the budget allows."""
        cost = self._cost(shot)
        if cost > self.frames_left:
            needs = f"That takes as much as {cost} pictures" if cost > 1 else "That takes 1 picture"
            return self._refused(f"{needs}; {self.frames_left} of {self.frame_budget} are left.")
        self._counts["frames"] += cost - 1
        self.frames_used += cost - 1
        return self._take([shot], zooms=zooms)

    def _cost(self, shot: Shot) -> int:
        """Pictures that a shot counts as."""
        height, width = self._view(shot).shown
        return max(1, math.ceil(height * width / (self.patch**2 * self.tokens_per_image)))

    # --- the instance ------------------------------------------------------------------------------------------------

    @property
    def frame_budget(self) -> int:
        """Pictures that may be taken in the episode."""
        return self._frame_budget_argument or PICTURES[self.level]

    def _turn_limit(self) -> int:
        return TURNS[self.level]

    def _generate(self, task: Any) -> None:
        self._open(self.source.draw(self.np_random, self.level, self.split, "any" if task is None else task))
        self._clear()
        self.shots = (Shot(),)

    def _open(self, state: dict[str, Any]) -> None:
        """Bring up an instance; an empty state stands for one before the first reset."""
        state = state or self.source.draw(np.random.default_rng(0), self.level, self.split, "any")
        self._pose(self.source.open(state), self.source.families)

    # --- what is seen ------------------------------------------------------------------------------------------------

    def _about(self) -> str:
        height, width = self.instance.picture.size
        return f"The whole picture is {width} x {height} pixels large."

    def _view(self, shot: Shot) -> View:
        """Where what a shot shows lies, and how large it is shown."""
        size, angle = self.instance.picture.size, angle_of(shot.marks)
        height, width = canvas_size(size, angle)
        left, top, right, bottom = shot.box
        high, wide = max(1, round(height * (bottom - top))), max(1, round(width * (right - left)))
        rows, columns = self.shown_size(high, wide)
        if is_crop(shot.marks):
            rows, columns = (self.patch * math.ceil(pixels / self.patch) for pixels in (high, wide))
            if rows * columns > self.max_crop_tokens * self.patch**2:
                rows, columns = fitted(high, wide, self.max_crop_tokens, self.patch)
        longest = MAX_SIDE // self.patch * self.patch
        return View(size, (min(rows, longest), min(columns, longest)), shot.box, angle)

    def _picture(self, shot: Shot) -> np.ndarray:
        view, picture = self._view(shot), self.instance.picture
        if view.angle:
            left, top, right, bottom = box = view.around()
            scale = max(view.scale)
            high, wide = max(1, round((bottom - top) * scale)), max(1, round((right - left) * scale))
            upright = picture.part(*box, high, wide)
            image = view.warped(upright, (left, top), (wide / (right - left), high / (bottom - top)))
        else:
            image = picture.part(*view.part, *view.shown)
        draw_marks(image, view, shot.marks)
        return image

    def _caption(self, number: int, shot: Shot) -> str:
        kind = "the whole" if shot.box == WHOLE else "a crop" if is_crop(shot.marks) else "a part"
        turned = f", turned by {angle} degrees" if (angle := angle_of(shot.marks)) else ""
        count = len(drawn(shot.marks))
        marks = f", with {count} mark{'s' * (count > 1)} drawn on it" if count else ""
        return f"Picture {number}, {kind}{turned}{marks}:"

    def _in_words(self, shot: Shot) -> str:
        view = self._view(shot)
        assert isinstance(self.instance.picture, Drawing)
        said = [_fact_in_words(fact, view) for fact in self.instance.picture.facts(view)]
        said += [_mark_in_words(mark, view) for mark in drawn(shot.marks)]
        return "; ".join(said) if said else "nothing but the ground"

    # --- the expert and the questions --------------------------------------------------------------------------------

    def _expert(self) -> Expert:
        assert self.instance.case is not None and self.instance.scene is not None
        return Expert(self.instance.case, self.instance.scene, self._view, self.open_answers)

    def _expert_call(self) -> ToolCall:
        return self._expert().plan(self.shots, self.frames_left)[0]

    def _planned_steps(self) -> int:
        return len(self._expert().plan((Shot(),), self.frame_budget))

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        asked = [("How many pictures are left?", str(self.frames_left))]
        assert isinstance(self.instance.picture, Drawing)
        for number, shot in list(enumerate(self.shots, 1))[self._first_new :]:
            facts = self.instance.picture.facts(self._view(shot))
            readable = [fact for fact in facts if fact.text]
            asked.append((f"How many texts or badges can be made out in picture {number}?", str(len(readable))))
            asked.append((f"By how many degrees is picture {number} turned?", str(angle_of(shot.marks))))
            for fact in readable:
                if sum(other.what == fact.what for other in facts) == 1:
                    asked.append((f"What is on the {fact.what} in picture {number}?", str(fact.text)))
        return [asked[i] for i in rng.permutation(len(asked))]


def _place(view: View, x: float, y: float) -> str:
    """A point of the picture in thousandths of what is shown."""
    across, down = view.to_shown((x, y)) / (view.shown[1], view.shown[0]) * 1000
    return f"({round(float(across))}, {round(float(down))})"


def _fact_in_words(fact: Fact, view: View) -> str:
    where = f"{fact.what} at {_place(view, fact.x, fact.y)}"
    if fact.text is None:
        return f"{where}, too small, slanted or cut off to be read"
    return f"{where}: {fact.text}" if fact.text else where


def _mark_in_words(mark: Mark, view: View) -> str:
    places = [_place(view, x, y) for x, y in points_of(mark, view.size).tolist()]
    return f"a {mark[1]} {mark[0]} drawn at {', '.join(places)}"
