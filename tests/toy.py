"""Two small environments for tests: a corridor with a goal, and a page with open arguments."""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval, MaxLen

from mmgym import Capabilities, Effect, MultimodalEnv, ToolCall, tool
from mmgym.env import SPLITS, choose

CELLS = 12


class Corridor(MultimodalEnv):
    """Walk along 12 cells to the goal. Splits differ by the pair of start and goal."""

    instruction = "Walk to the red cell."
    levels: ClassVar[int] = 2

    def _generate(self, task: Any) -> None:
        choose("task", "any" if task is None else task, ["any"])
        wanted = SPLITS.index(self.split)
        pairs = [(s, g) for s in range(CELLS) for g in range(CELLS) if s != g and (s + g) % 4 == wanted]
        self.position, self.goal = pairs[self.np_random.integers(len(pairs))]

    def _turn_limit(self) -> int:
        return 2 * CELLS

    def _get_state(self) -> dict[str, Any]:
        return {"position": self.position, "goal": self.goal}

    def _set_state(self, state: dict[str, Any]) -> None:
        self.position, self.goal = state["position"], state["goal"]

    def _image(self) -> np.ndarray:
        image = np.full((self.image_size, self.image_size, 3), 255, np.uint8)
        width = self.image_size / CELLS
        for cell, colour in ((self.goal, (255, 0, 0)), (self.position, (0, 0, 255))):
            image[:, int(cell * width) : int((cell + 1) * width)] = colour
        return image

    def _text(self) -> str:
        return "".join("A" if c == self.position else "G" if c == self.goal else "." for c in range(CELLS))

    def _is_success(self) -> bool:
        return bool(self.position == self.goal)

    def _expert_call(self) -> ToolCall:
        return ToolCall("move", {"direction": "right" if self.goal > self.position else "left"})

    def _expert_steps(self) -> int:
        return abs(self.goal - self.position)

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        return [("Is the red cell left or right of you?", "right" if self.goal > self.position else "left")]

    @tool
    def move(self, direction: Literal["left", "right"]) -> Effect:
        """Move one cell.

        Args:
            direction: where to go.
        """
        wanted = self.position + (1 if direction == "right" else -1)
        if not 0 <= wanted < CELLS:
            return Effect(False, "There is a wall.")
        self.position = wanted
        return Effect()


class Page(MultimodalEnv):
    """Click at a spot, then type a word: tools with open arguments, and nothing that is optional to declare."""

    instruction = "Click anywhere, then type the word ok."
    capabilities = Capabilities(expert="none", snapshot="none", questions=False, text_twin=False, splits="seed")
    levels: ClassVar[int] = 1

    def _generate(self, task: Any) -> None:
        choose("task", "any" if task is None else task, ["any"])
        self.clicks: list[list[int]] = []
        self.word = ""
        self.colour = int(self.np_random.integers(200))

    def _turn_limit(self) -> int:
        return 10

    def _get_state(self) -> dict[str, Any]:
        return {"clicks": self.clicks, "word": self.word, "colour": self.colour}

    def _image(self) -> np.ndarray:
        image = np.full((self.image_size, self.image_size, 3), self.colour, np.uint8)
        image[:4] = 255
        return image

    def _is_success(self) -> bool:
        return bool(self.clicks) and self.word == "ok"

    @tool
    def click(
        self,
        x: Annotated[int, Interval(ge=0, le=999)],
        y: Annotated[float, Interval(ge=0, le=1)],
        button: Literal["left", "right", "double left"] = "left",
        hold: bool = False,
    ) -> Effect:
        """Click."""
        self.clicks.append([x, int(1000 * y)])
        return Effect()

    @tool
    def write(self, text: Annotated[str, MaxLen(40)]) -> Effect:
        """Write a text."""
        if text == self.word:
            return Effect(False)
        self.word = text
        return Effect()

    @tool
    def wait(self) -> Effect:
        """Do nothing."""
        return Effect(False)
