"""Two environments for the trainer's tests: one that can be learned in seconds, and one whose machinery fails.

Ids are registered when this module is imported: ``gymnasium.make("colours:test/Colours-v0")`` does both.
"""

from typing import Any, ClassVar, Literal

import gymnasium as gym
import numpy as np

from mmgym import Capabilities, Effect, MultimodalEnv, ToolCall, tool
from mmgym.env import SPLITS

COLOURS = "colours:test/Colours-v0"
FAILING = "colours:test/Failing-v0"


class Colours(MultimodalEnv):
    """Red means left, blue means right; one answer. Splits differ by the shade."""

    instruction = "Answer left if the picture is red, right if it is blue."
    capabilities = Capabilities(snapshot="none", text_twin=False)
    levels: ClassVar[int] = 1

    def vocabulary(self) -> list[str]:
        return ["left", "right", "red", "blue", "action"]

    def _generate(self, task: Any) -> None:
        self.colour = ("red", "blue")[int(self.np_random.integers(2))]
        self.shade = 128 + 4 * int(self.np_random.integers(30)) + SPLITS.index(self.split)
        self.answer = ""

    def _turn_limit(self) -> int:
        return 1

    def _get_state(self) -> dict[str, Any]:
        return {"colour": self.colour, "shade": self.shade, "answer": self.answer}

    def _image(self) -> np.ndarray:
        image = np.zeros((self.image_size, self.image_size, 3), np.uint8)
        image[..., 0 if self.colour == "red" else 2] = self.shade
        return image

    def _right_answer(self) -> str:
        return "left" if self.colour == "red" else "right"

    def _is_success(self) -> bool:
        return self.answer == self._right_answer()

    def _is_failure(self) -> bool:
        return bool(self.answer)

    def _expert_call(self) -> ToolCall:
        return ToolCall("say", {"side": self._right_answer()})

    def _expert_steps(self) -> int:
        return 1

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        return [("Which colour?", self.colour)]

    @tool
    def say(self, side: Literal["left", "right"]) -> Effect:
        """Answer.

        Args:
            side: left for red, right for blue.
        """
        self.answer = side
        return Effect()


class Failing(Colours):
    """The machinery fails at seeds that `failing` divides."""

    def __init__(self, failing: int = 2, **arguments: Any):
        super().__init__(**arguments)
        self.failing = failing

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        if seed and seed % self.failing == 0:
            raise KeyError("the simulator lost its state")
        return super().reset(seed=seed, options=options)


for _id, _class in (("test/Colours-v0", "Colours"), ("test/Failing-v0", "Failing")):
    if _id not in gym.registry:
        gym.register(_id, entry_point=f"colours:{_class}")
