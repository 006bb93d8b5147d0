"""The base of environments on real applications: draws a world and a task of the asked split, and judges it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np

from mmgym.env import Capabilities, Effect, MachineryFailure, choose
from mmgym.spaces import ToolCall
from mmgym_web.apps.episode import AppEpisode
from mmgym_web.apps.tasks import AppTemplate
from mmgym_web.env import Start, WebEnv
from mmgym_web.webnav.kit.changes import met
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw, Task
from mmgym_web.webnav.kit.world import World, split_of

__all__ = ["AppEnv"]

_DRAWS = 60
"""Draws of a task in one world before another world is tried."""
_WORLDS = 60


class AppEnv(WebEnv):
    """A task in a real application. A subclass names the application and its task templates."""

    capabilities = Capabilities(snapshot="replay", expert_steps="at_least")
    episode_class: ClassVar[type[AppEpisode]]
    templates: ClassVar[Sequence[type[AppTemplate[Any]]]]

    def __init__(self, **arguments: Any):
        super().__init__(**arguments)
        self._episode: AppEpisode | None = None
        self._template: AppTemplate[Any] | None = None
        self._asked: Task | None = None

    def _begin(self, rng: np.random.Generator, task: Any) -> Start:
        choose("task", "any" if task is None else task, ["any", *(template.name for template in self.templates)])
        self._end_episode()
        self._episode, self._template, self._asked = self._draw(rng, "any" if task is None else task)
        self._episode.open()
        return Start(
            url=self._episode.site(self._episode.name).url(self._asked.start),
            task=self._asked.instruction,
            server=self._episode,
            hosts=(self._episode.host,),
            files=self._asked.files,
            now=f"{self._episode.world.now.isoformat()}Z",
            steps=self._asked.steps,
            turns=3 * self._asked.steps + 6,
        )

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

    def _server_state(self) -> Any:
        episode, template, asked = self._playing()
        return [episode.world.seed, self.split, template.level, template.name, asked.instruction, episode.state()]

    def _perform(self, call: ToolCall) -> Effect:
        effect = super()._perform(call)
        # An application that raises shows its own page of errors, as it does to anybody. One that hangs is lost.
        hung = [error for error in self._playing()[0].errors if error.startswith("TimeoutError")]
        if hung:
            raise MachineryFailure(f"application: {hung[0]}")
        return effect

    def _is_success(self) -> bool:
        episode, _, asked = self._playing()
        if not met(asked.expects, episode.changes(), frozenset()):
            return False
        if asked.page and asked.page != f"{episode.site_at(self.url)}:{self._guide().path}":
            return False
        if asked.answer is not None:
            return self._answer is not None and asked.answer.accepts(self._answer)
        return self._failed is None

    def _expert_call(self) -> ToolCall:
        _, template, asked = self._playing()
        try:
            call = next(template.guide(asked, self._guide()), None)
        except LookupError:  # a page on which nothing of the task can be done: back to the start
            return ToolCall("goto", {"url": self._start.url})
        return call or ToolCall("fail", {"reason": "this can no longer be done"})

    def _guide(self) -> Guide:
        # `AppEpisode` has what a guide asks of an episode, but for the database that only WebNav's templates read.
        return Guide(self, cast(Any, self._playing()[0]))

    def _playing(self) -> tuple[AppEpisode, AppTemplate[Any], Task]:
        assert self._episode is not None and self._template is not None and self._asked is not None
        return self._episode, self._template, self._asked

    def _end_episode(self) -> None:
        if self._episode is not None:
            self._drop_page()
            self._episode.close()
            self._episode = None

    def close(self) -> None:
        """Close the page and remove the application's data."""
        super().close()
        self._end_episode()

    def __getstate__(self) -> dict[str, Any]:
        """A pickled environment comes back without page and application: it must be reset."""
        return {**super().__getstate__(), "_episode": None, "_template": None, "_asked": None}
