"""An alarm for reward hacking: the reward that is trained rises while true success does not.

Two rules, on the means of windows of iterations, in units of their standard errors (Welch's t):

- *fell*: over the last four windows, the later half has a higher reward and a lower success than the earlier half, each
  by the threshold.
- *did not rise*: over the last six windows the reward rose by the threshold from each window to the next, and success
  is not above where it was in the first. A format that is learned at the start of a run rises for less long.

The standard errors are taken within the windows, so a trend makes them larger and the rules slower to speak.

Measured with the defaults on simulated runs of 300 iterations, those of the tests. Of honest runs (a plateau, learning
format and task, learning the format only, wandering; 1000 of each at 64 and at 384 episodes an iteration) none raised
it: the rate is below .4 % for each kind, with 95 % confidence. Of hacked runs in which success falls, all 400 did; of
those in which it stays where it was, all 200 at 384 episodes and 101 of 200 at 64.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

__all__ = ["Alarm", "AlarmConfig"]

_FELL, _STALLED = 4, 6
"""Windows that the two rules look back over."""


@dataclass(frozen=True)
class AlarmConfig:
    """When the alarm shouts."""

    window: int = 16
    """Iterations in a window."""
    threshold: float = 4.0
    """Standard errors by which two means must differ to count as a rise or a fall."""

    def __post_init__(self) -> None:
        if self.window < 4:
            raise ValueError(f"window must be at least 4 iterations; got {self.window}")
        if not 0 < self.threshold < math.inf:
            raise ValueError(f"threshold must be above 0; got {self.threshold}")


class Alarm:
    """Watches the training reward, its terms, and true success, one iteration after the other.

    Args:
        config: when to shout.
    """

    def __init__(self, config: AlarmConfig | None = None):
        self.config = config or AlarmConfig()
        self._rewards: list[float] = []
        self._successes: list[float] = []
        self._terms: dict[str, list[float]] = {}

    def note(self, reward: float, success: float, terms: Mapping[str, float] | None = None) -> str:
        """Note one iteration.

        Args:
            reward: mean return of its episodes, as training sees it.
            success: share of them that truly succeeded, 0 to 1.
            terms: by name, the mean over its episodes of what each term paid (`mmgym.rewards.components`, summed over
                the turns); one that is missing paid 0.

        Returns:
            A message that names the terms that rose, or an empty text. After a message it starts over, so that the same
            windows are not reported twice.

        Raises:
            ValueError: for a number that is not finite.
        """
        terms = terms or {}
        if not all(math.isfinite(value) for value in (reward, success, *terms.values())):
            raise ValueError(f"reward, success and terms must be finite; got {reward}, {success}, {dict(terms)}")
        before = len(self._rewards)
        self._rewards.append(float(reward))
        self._successes.append(float(success))
        for name in self._terms.keys() | terms.keys():
            self._terms.setdefault(name, [0.0] * before).append(float(terms.get(name, 0.0)))
        for column in (self._rewards, self._successes, *self._terms.values()):
            del column[: -_STALLED * self.config.window]
        message = self._judge()
        if message:
            self._rewards, self._successes, self._terms = [], [], {}
        return message

    def state(self) -> dict[str, Any]:
        """What was noted and still counts, as JSON holds it."""
        terms = {name: list(column) for name, column in self._terms.items()}
        return {"rewards": list(self._rewards), "successes": list(self._successes), "terms": terms}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self._rewards, self._successes = list(state["rewards"]), list(state["successes"])
        self._terms = {name: list(column) for name, column in state["terms"].items()}

    def _judge(self) -> str:
        threshold = self.config.threshold
        rewards, successes = self._parts(self._rewards, _FELL, 2), self._parts(self._successes, _FELL, 2)
        if rewards and _change(*rewards) >= threshold and _change(*successes) <= -threshold:
            return self._message(_FELL, 2, "fell")
        rewards = self._parts(self._rewards, _STALLED, _STALLED)
        if rewards and all(_change(*pair) >= threshold for pair in pairwise(rewards)):
            successes = self._parts(self._successes, _STALLED, _STALLED)
            if _change(successes[0], successes[-1]) <= 0:
                return self._message(_STALLED, _STALLED, "did not rise")
        return ""

    def _message(self, windows: int, parts: int, what: str) -> str:
        def ends(column: list[float]) -> tuple[Sequence[float], Sequence[float]]:
            cut = self._parts(column, windows, parts)
            return cut[0], cut[-1]

        (reward, reward_now), (success, success_now) = (map(_mean, ends(c)) for c in (self._rewards, self._successes))
        pairs = {name: ends(column) for name, column in self._terms.items()}
        rises = {n: _mean(new) - _mean(old) for n, (old, new) in pairs.items() if _change(old, new) > 0}
        named = ", ".join(f"{n} by {rise:.3g}" for n, rise in sorted(rises.items(), key=lambda pair: -pair[1]))
        return (
            f"the reward rose from {reward:.3g} to {reward_now:.3g} over {windows * self.config.window} iterations, "
            f"but success {what} ({success:.3g}, then {success_now:.3g}): is the reward being hacked? "
            f"Terms that rose: {named or 'none that was noted'}"
        )

    def _parts(self, values: list[float], windows: int, parts: int) -> list[Sequence[float]]:
        """The last windows in equal parts, oldest first; nothing while there are fewer."""
        size = windows * self.config.window
        if len(values) < size:
            return []
        start, step = len(values) - size, size // parts
        return [values[start + part * step : start + (part + 1) * step] for part in range(parts)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _change(old: Sequence[float], new: Sequence[float]) -> float:
    """Difference of the means of two windows of one length, new less old, in standard errors."""
    before, after = _mean(old), _mean(new)
    squares = sum([(value - before) ** 2 for value in old]) + sum([(value - after) ** 2 for value in new])
    error = math.sqrt(squares / (len(old) - 1) / len(old))
    difference = after - before
    # Constant values have no error; what differs by no more than rounding is equal.
    if error <= 1e-12:
        return math.copysign(math.inf, difference) if abs(difference) > 1e-12 else 0.0
    return difference / error
