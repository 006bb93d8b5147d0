"""The base of environments whose instances are a task, drawn from a template in the world of an episode."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mmgym.env import choose
from mmgym.spaces import ToolCall
from mmgym_web.env import Start, WebEnv
from mmgym_web.webnav.kit.changes import met
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Task

__all__ = ["TaskEnv"]


class TaskEnv(WebEnv):
    """Judges a drawn task, and asks its template for the expert's next call.

    A subclass says which tasks there are, and sets `_episode`, `_template` and `_asked` when it begins an instance. The
    episode is WebNav's `Episode`, or another that has its attributes.

    Args:
        task: the template of every episode for which `options["task"]` names no other; ``"any"``: one of the level.
        **arguments: those of `WebEnv`.
    """

    _episode: Any = None
    _template: Any = None
    _asked: Task | None = None

    def __init__(self, *, task: str = "any", **arguments: Any):
        self.task = self._choose_task(task)
        super().__init__(**arguments)

    def _task_names(self) -> Iterable[str]:
        """The names of all templates."""
        raise NotImplementedError

    def _choose_task(self, task: Any) -> str:
        """The asked task's name, or that of the constructor."""
        return self.task if task is None else choose("task", task, ("any", *self._task_names()))

    def _playing(self) -> tuple[Any, Any, Task]:
        """Episode, template and task."""
        assert self._episode is not None and self._template is not None and self._asked is not None
        return self._episode, self._template, self._asked

    def _end_episode(self) -> None:
        """Leave the sites, and let go what they hold."""
        if self._episode is not None:
            self._drop_page()
            self._episode.close()
            self._episode = None

    def close(self) -> None:
        """Close the page and the sites."""
        super().close()
        self._end_episode()

    def _started(self, hosts: tuple[str, ...]) -> Start:
        """How the drawn task starts, with the sites that may be visited."""
        episode, _, asked = self._playing()
        return Start(
            url=episode.site(asked.site).url(asked.start),
            task=asked.instruction,
            server=episode,
            hosts=hosts,
            files=asked.files,
            now=f"{episode.world.now.isoformat()}Z",
            steps=asked.steps,
            turns=3 * asked.steps + 6,
        )

    def _server_state(self) -> Any:
        episode, template, asked = self._playing()
        world = episode.world
        return [world.seed, world.split, world.level, template.name, asked.instruction, episode.state()]

    def _is_success(self) -> bool:
        episode, _, asked = self._playing()
        if not met(asked.expects, episode.changes(), episode.incidental):
            return False
        if asked.page and asked.page != f"{episode.site_at(self.url)}:{self._guide().path}":
            return False
        if asked.infeasible:
            return self._failed is not None
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
        return Guide(self, self._playing()[0])

    def __getstate__(self) -> dict[str, Any]:
        """A pickled environment comes back without page and sites: it must be reset."""
        return {**super().__getstate__(), "_episode": None, "_template": None, "_asked": None}
