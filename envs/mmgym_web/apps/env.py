"""The base of environments on real applications: draws a world and a task of the asked split, and judges it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import numpy as np

from mmgym.env import Capabilities, Effect, MachineryFailure
from mmgym.spaces import ToolCall
from mmgym_web.apps.episode import AppEpisode
from mmgym_web.apps.tasks import AppTemplate
from mmgym_web.env import Start
from mmgym_web.webnav.kit.task import Redraw, Task
from mmgym_web.webnav.kit.task_env import TaskEnv
from mmgym_web.webnav.kit.world import World, split_of

__all__ = ["AppEnv"]

_DRAWS = 60
"""Draws of a task in one world before another world is tried."""
_WORLDS = 60


class AppEnv(TaskEnv):
    """A task in a real application. A subclass names the application and its task templates."""

    capabilities = Capabilities(snapshot="replay", expert_steps="at_least")
    episode_class: ClassVar[type[AppEpisode]]
    templates: ClassVar[Sequence[type[AppTemplate[Any]]]]

    def __init__(self, **arguments: Any):
        if arguments.get("action_mode") == "grid":
            raise ValueError("action_mode must be coordinates, elements or both: these tasks need more than clicks")
        super().__init__(**arguments)

    def _task_names(self) -> Iterable[str]:
        return (template.name for template in self.templates)

    def _begin(self, rng: np.random.Generator, task: Any) -> Start:
        task = self._choose_task(task)
        self._end_episode()
        self._episode, self._template, self._asked = self._draw(rng, task)
        self.level = self._template.level
        self._episode.open()
        return self._started((self._episode.host,))

    def _draw(self, rng: np.random.Generator, name: str) -> tuple[AppEpisode, AppTemplate[Any], Task]:
        pool = [t for t in self.templates if (t.level == self.level if name == "any" else t.name == name)]
        for _ in range(_WORLDS):
            template = pool[int(rng.integers(len(pool)))]()
            episode = self.episode_class(World(int(rng.integers(2**62)), self.split, template.level))
            for _ in range(_DRAWS):
                try:
                    asked = template.draw(episode, rng)
                except Redraw:
                    continue
                if split_of(f"{template.name} {asked.instruction}") == self.split:
                    return episode, template, asked
        raise RuntimeError(f"no world of {_WORLDS} has a task {name!r} of split {self.split}")

    def _perform(self, call: ToolCall) -> Effect:
        effect = super()._perform(call)
        # An application that raises shows its own page of errors, as it does to anybody. One that hangs is lost.
        episode = self._playing()[0]
        if episode.hangs:
            raise MachineryFailure(f"application: {episode.errors[-1]}")
        return effect
