"""A new environment in one file: a row of lamps, switch on the dark ones. Run it to hold it to the contract."""

from itertools import combinations
from typing import Annotated, Any

import numpy as np
from annotated_types import Interval

from mmgym import Capabilities, Effect, MultimodalEnv, ToolCall, tool
from mmgym.env import SPLITS, choose
from mmgym.testing import check_conformance


class Lamps(MultimodalEnv):
    """Six lamps, as many of them dark as the level says. Split by content: by the sum of the dark lamps' numbers."""

    instruction = "Six lamps, numbered 0 to 5 from the left. Switch on every dark lamp."
    capabilities = Capabilities(questions=False)
    dark: list[int]

    @tool
    def switch(self, lamp: Annotated[int, Interval(ge=0, le=5)]) -> Effect:
        """Switch a lamp on, or off again."""
        self.dark = sorted({*self.dark} ^ {lamp})
        return Effect()

    def _generate(self, task: Any) -> None:
        choose("task", "any" if task is None else task, ["any"])
        instances = [s for s in combinations(range(6), self.level) if SPLITS[sum(s) % len(SPLITS)] == self.split]
        self.start = self.dark = list(instances[self.np_random.integers(len(instances))])

    def _turn_limit(self) -> int:
        return 2 * self.level + 2

    def _get_state(self) -> dict[str, Any]:
        return {"start": self.start, "dark": self.dark}

    def _set_state(self, state: dict[str, Any]) -> None:
        self.start, self.dark = state["start"], state["dark"]

    def _image(self) -> np.ndarray:
        lamps = np.array([[30, 30, 60] if lamp in self.dark else [255, 215, 90] for lamp in range(6)], np.uint8)
        return np.repeat(lamps[np.arange(self.image_size) * 6 // self.image_size][None], self.image_size, axis=0)

    def _text(self) -> str:
        return " ".join("dark" if lamp in self.dark else "lit" for lamp in range(6))

    def _is_success(self) -> bool:
        return not self.dark

    def _expert_call(self) -> ToolCall:
        return ToolCall("switch", {"lamp": self.dark[0]})

    def _expert_steps(self) -> int:
        return len(self.start)


if __name__ == "__main__":
    check_conformance(Lamps)
