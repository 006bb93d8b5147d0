"""What a group plays: environments and levels, drawn by how often they are solved.

A group whose members all fail, or all succeed, teaches nothing; most is learned where about half succeed. The
curriculum keeps a running solve rate of every arm (an environment at a level) and draws arms accordingly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

__all__ = ["Arm", "Curriculum", "CurriculumConfig"]


@dataclass(frozen=True)
class Arm:
    """One thing that a group can play."""

    environment: str
    """Name or id of the environment."""
    level: int | None = None
    """Its level; None where it has none."""
    share: float = 1.0
    """Share of groups beside those of the other arms, before solve rates are looked at."""

    def __post_init__(self) -> None:
        if not 0 < self.share < math.inf:
            raise ValueError(f"share must be above 0; got {self.share}")


@dataclass(frozen=True)
class CurriculumConfig:
    """How arms are drawn."""

    mode: Literal["fixed", "by_solve_rate", "progressive"] = "fixed"
    """``fixed``: by their shares. ``by_solve_rate``: by their shares times how much their solve rate promises.
    ``progressive``: the same among open arms; of each environment the first arm is open, and the next one opens when
    the last open one is solved often enough."""
    low: float = 0.2
    """Solve rate from which an arm promises most; it falls in proportion below, to nothing at 0."""
    high: float = 0.8
    """Solve rate up to which it does; it falls in proportion above, to nothing at 1."""
    floor: float = 0.1
    """Part of the groups that is drawn by the shares alone, so that every (open) arm is still played now and then: what
    was too hard may no longer be, and what was solved may be forgotten."""
    memory: float = 20.0
    """Number of groups over which the running solve rate looks back: each counts (1 - 1 / memory) of the next."""
    threshold: float = 0.7
    """Solve rate at which the next arm opens."""
    least_groups: int = 10
    """Groups of an arm that must have been played before the next one opens."""

    def __post_init__(self) -> None:
        if self.mode not in ("fixed", "by_solve_rate", "progressive"):
            raise ValueError(f"mode must be one of fixed, by_solve_rate, progressive; got {self.mode!r}")
        if not 0 < self.low <= self.high < 1:
            raise ValueError(f"low and high must be 0 < low <= high < 1; got {self.low} and {self.high}")
        if not 0 < self.floor <= 1:
            raise ValueError(f"floor must be above 0 and at most 1; got {self.floor}")
        if not 1 <= self.memory < math.inf:
            raise ValueError(f"memory must be at least 1 group; got {self.memory}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold must be from 0 to 1; got {self.threshold}")
        if self.least_groups < 1:
            raise ValueError(f"least_groups must be at least 1; got {self.least_groups}")


class Curriculum:
    """Draws what the next groups play, and learns from how they went.

    A function of what was recorded, in its order, and of the generator that is given: equal runs draw equal arms.

    Args:
        arms: what can be played; arms of one environment in the order of their difficulty.
        config: how they are drawn.

    Raises:
        ValueError: without arms, or with the same arm twice.
    """

    def __init__(self, arms: Sequence[Arm], config: CurriculumConfig | None = None):
        if not arms:
            raise ValueError("arms must hold at least one arm; got none")
        self.arms = tuple(arms)
        self.config = config or CurriculumConfig()
        self._number = {(arm.environment, arm.level): number for number, arm in enumerate(self.arms)}
        if len(self._number) < len(self.arms):
            raise ValueError(f"every arm must be there once; got {', '.join(_name(arm) for arm in self.arms)}")
        self._solved = [0.0] * len(self.arms)
        self._weight = [0.0] * len(self.arms)
        self._groups = [0] * len(self.arms)
        self._open = [self._is_first(number) for number in range(len(self.arms))]

    def record(self, environment: str, level: int | None, successes: Sequence[bool]) -> None:
        """Note how a whole group went.

        Args:
            environment: what it played.
            level: at which level.
            successes: of each member, whether it succeeded; groups that lost a member are not recorded.

        Raises:
            ValueError: for an arm that is none of this curriculum's, or an empty group.
        """
        number = self._find(environment, level)
        if not successes:
            raise ValueError("successes must hold one entry per member; got none")
        keep = 1 - 1 / self.config.memory
        self._solved[number] = keep * self._solved[number] + sum(map(bool, successes)) / len(successes)
        self._weight[number] = keep * self._weight[number] + 1
        self._groups[number] += 1
        following = self._next(number)
        if following is not None and self._passed(number):
            self._open[following] = True

    def solve_rate(self, environment: str, level: int | None = None) -> float | None:
        """The running share of successes, 0 to 1; None if no group played it yet."""
        return self._rate(self._find(environment, level))

    def weights(self) -> list[float]:
        """The probability of each arm, in the order of `arms`; they add up to 1."""
        progressive = self.config.mode == "progressive"
        shares = [arm.share if self._open[n] or not progressive else 0.0 for n, arm in enumerate(self.arms)]
        if self.config.mode == "fixed":
            return _normalise(shares)
        promises = [share * self._promise(number) for number, share in enumerate(shares)]
        if not sum(promises):
            return _normalise(shares)
        floor = self.config.floor
        pairs = zip(_normalise(shares), _normalise(promises), strict=True)
        return [floor * share + (1 - floor) * promise for share, promise in pairs]

    def draw(self, rng: np.random.Generator) -> Arm:
        """What a group plays. Takes one number from `rng`."""
        bounds = np.cumsum(self.weights())
        number = int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right"))
        return self.arms[min(number, len(self.arms) - 1)]

    def metrics(self) -> dict[str, float]:
        """Solve rate and probability of every arm, as ``solve_rate/<arm>`` (if played) and ``drawn/<arm>``."""
        rates = [(arm, self._rate(number)) for number, arm in enumerate(self.arms)]
        found = {f"solve_rate/{_name(arm)}": rate for arm, rate in rates if rate is not None}
        return found | {f"drawn/{_name(arm)}": p for arm, p in zip(self.arms, self.weights(), strict=True)}

    def state(self) -> dict[str, Any]:
        """All that was learned, as JSON holds it."""
        return {
            "arms": [[arm.environment, arm.level] for arm in self.arms],
            "solved": list(self._solved),
            "weight": list(self._weight),
            "groups": list(self._groups),
            "open": list(self._open),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave.

        Raises:
            ValueError: when it is of other arms.
        """
        ours = [[arm.environment, arm.level] for arm in self.arms]
        if state["arms"] != ours:
            raise ValueError(f"the state is of the arms {state['arms']}; this curriculum has {ours}")
        self._solved, self._weight = list(state["solved"]), list(state["weight"])
        self._groups, self._open = list(state["groups"]), list(state["open"])

    def _find(self, environment: str, level: int | None) -> int:
        if (environment, level) not in self._number:
            known = ", ".join(_name(arm) for arm in self.arms)
            raise ValueError(f"no arm {_name(Arm(environment, level))}; known: {known}")
        return self._number[environment, level]

    def _is_first(self, number: int) -> bool:
        return all(arm.environment != self.arms[number].environment for arm in self.arms[:number])

    def _next(self, number: int) -> int | None:
        environment = self.arms[number].environment
        return next((n for n in range(number + 1, len(self.arms)) if self.arms[n].environment == environment), None)

    def _rate(self, number: int) -> float | None:
        return self._solved[number] / self._weight[number] if self._weight[number] else None

    def _passed(self, number: int) -> bool:
        rate, config = self._rate(number), self.config
        played_enough = self._groups[number] >= config.least_groups
        return self._open[number] and played_enough and rate is not None and rate >= config.threshold

    def _promise(self, number: int) -> float:
        """How much an arm promises, 0 to 1; an arm that was never played promises most."""
        rate = self._rate(number)
        if rate is None:
            return 1.0
        return max(0.0, min(1.0, rate / self.config.low, (1 - rate) / (1 - self.config.high)))


def _name(arm: Arm) -> str:
    return arm.environment if arm.level is None else f"{arm.environment}@{arm.level}"


def _normalise(values: Sequence[float]) -> list[float]:
    total = math.fsum(values)
    return [value / total for value in values]
