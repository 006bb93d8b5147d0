"""MiniWoB++ (Liu et al. 2018, arXiv 1802.08802): 130 small tasks on small pages, played in a real browser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from mmgym.env import Capabilities, Effect, choose
from mmgym.rewards import RewardTerms
from mmgym.spaces import ToolCall
from mmgym_web.browser import Action, BrowserFailure, Mouse, Outcome, Page, PageConfig, Press, get_pool
from mmgym_web.browser.inputs import Button
from mmgym_web.env import Start, WebEnv
from mmgym_web.miniwob import (  # noqa: F401 (they fill EXPERTS)
    experts_click,
    experts_drag,
    experts_forms,
    experts_games,
    experts_shapes,
    experts_sites,
    experts_slide,
    experts_time,
)
from mmgym_web.miniwob.experts import EXPERTS, View
from mmgym_web.miniwob.pages import Pages, begin_script, preload_script, status_script, url
from mmgym_web.miniwob.tasks import TASKS, Task
from mmgym_web.probe import PROBE as STATE

__all__ = ["MiniWoB", "MiniWoBTask"]

WIDTH, HEIGHT = 160, 210
"""Size of a task in pixels."""
VIEWPORT = (332, 240)
"""Of the page: scores stand beside the task, and widgets place themselves by its edges. Only the task is drawn."""
WON = 1.0 - 1e-9
"""Raw reward of success. Some pages add tenths up."""
WORN_MS = 1_800_000
"""Virtual milliseconds after which a page is replaced: some tasks show the date, and it must not change."""
WORN_EPISODES = 500
"""Episodes after which a page is replaced."""
ODD_MS = 3
"""Milliseconds on top of each wait: at the very moment at which a page's timer ends, it may have rung or not."""
READY_MS = 203
"""Virtual milliseconds from the call of a page to its first episode, however long the page took to get ready: some
pages run timers from the start."""
TRIES = 100
"""Draws of an instance that is not ambiguous."""


class MiniWoB(WebEnv):
    """A task of MiniWoB++, drawn from those of the level, or one by name.

    ## Description
    130 pages of 160x210 pixels, each with one small task: click, type, choose, drag, read, draw, search, answer a mail.
    They are the pages of the `miniwob` package, unchanged. Time does not press: each page's own limit of 7 to 30
    seconds is off, the clock stands still while the agent thinks and goes on by 103 ms with each call (tasks in which
    things move are played against that clock).

    ## Action space
    Those of `WebEnv`, without the ones for addresses, files and answers: `click`, `move`, `mouse_down`, `mouse_up`,
    `drag`, `hover`, `scroll`, `select`, `type`, `press`, `clear`, `wait`; x from 0 to 159, y from 0 to 209.

    ## Observation space
    `task`: what is asked. `image`: the page, uint8 (210, 160, 3). `text`, the text twin: the accessibility tree; tasks
    that show things which are not in it have none. `feedback`.

    ## Starting state
    The page's own generator with a seed that is made of split and seed, so that no two splits share one; in the split
    `ood` the pages that have a second distribution draw from it. Instances that nobody could tell from another, such as
    two mails of one sender, are drawn again. `options["task"]` names a task.

    ## Rewards
    The page's raw reward, from -1 to 1, once, at the end (term `outcome`); never its decay with time. Success is a raw
    reward of 1 and nothing less: most pages give partial credit, some for wrong answers too. At the turn limit it is
    -1, what a page gives when its time is up: else it would pay to do nothing rather than something wrong.

    ## Episode end
    Terminated when the page says so, or when it was left; truncated at the task's turn limit.

    ## Arguments
    Those of `WebEnv`, and
    - `task`: the name of a task, e.g. `click-button`. The level is then only reported. Without, each episode draws one
      of the tasks of the level that an expert solves.

    Width and height are fixed. The expert has the tools of `action_mode="coordinates"` only.

    ## Version history
    - v0: first version, on the pages of miniwob 1.1.
    """

    capabilities = Capabilities(
        expert="solves", snapshot="replay", splits="seed", text_twin=False, expert_steps="at_least"
    )
    instruction = (
        "You see a small web page. Do what the task says with mouse and keyboard. Click a field before you type."
    )
    without_tools = ("goto", "back", "forward", "upload", "upload_element", "answer", "fail")
    settle_ms = 103.0
    watches_cookies = False

    def __init__(self, *, task: str | None = None, show_address: bool = False, **arguments: Any) -> None:
        self.task = None if task is None else choose("task", task, TASKS)
        if self.task is not None:
            row = TASKS[self.task]
            expert: Literal["solves", "optimal_in_expectation"] = "solves"
            if row.attainable != "always":
                expert = "optimal_in_expectation"
            self.capabilities = replace(self.capabilities, expert=expert, text_twin=row.text_twin)
        if arguments.get("action_mode", "coordinates") != "coordinates":
            self.capabilities = replace(self.capabilities, expert="none")
        self._current: Task = TASKS[self.task or "click-test"]
        self._loaded = ""
        self._cached: set[str] = set()
        self._episodes = 0
        self._held: set[Button] = set()
        self._copied = False
        self._status: list[Any] | None = [False, 0]
        self._instance = ""
        if fixed := {"width", "height"} & set(arguments):
            raise ValueError(
                f"the pages of MiniWoB++ are {WIDTH}x{HEIGHT}: {' and '.join(sorted(fixed))} cannot be given"
            )
        super().__init__(width=WIDTH, height=HEIGHT, show_address=show_address, **arguments)

    def _begin(self, rng: np.random.Generator, task: Any) -> Start:
        name = self.task if task is None else choose("task", task, TASKS)
        if name is None:
            names = [name for name, row in TASKS.items() if row.level == self.level and row.attainable == "always"]
            name = names[int(rng.integers(len(names)))]
        self._current, self._status = TASKS[name], [False, 0]
        return Start(url(name), "", server=Pages(), turns=self._current.turns)

    def _page_config(self) -> PageConfig:
        return replace(super()._page_config(), width=VIEWPORT[0], height=VIEWPORT[1], picture=(WIDTH, HEIGHT))

    def _open(self) -> Outcome:
        page = self._ready_page()
        name, mode = self._current.name, "test" if self.split == "ood" else "default"
        for attempt in range(TRIES):
            self._instance = f"{self.split}-{self._play_seed}-{attempt}"
            asked = page.evaluate(begin_script(self._instance, mode), "main")
            if not self._current.ambiguous or not page.evaluate(self._current.ambiguous, "main"):
                break
        else:
            raise RuntimeError(f"{name}: no clear instance in {TRIES} draws of seed {self._play_seed}")
        outcome = self._act(self.settle_ms)
        self._start = replace(self._start, task=asked)
        if self.capabilities.expert != "none":
            self._start = replace(self._start, steps=len(EXPERTS[name](self._view())))
        return outcome

    def _ready_page(self) -> Page:
        """The task's page, fresh, or played on where its own reset leaves no trace; the mouse is outside the task."""
        page, name = self._page, self._current.name
        worn = self._copied or self._episodes >= WORN_EPISODES or (page is not None and page.elapsed_ms >= WORN_MS)
        if page is None or worn:
            self._drop_page()
            self._page = page = get_pool().open(self._page_config())
            page.limit_s, self._loaded, self._episodes, self._copied = self.time_limit, "", 0, False
            self._cached.clear()
        for button in sorted(self._held):  # a button that is still down, or what it drags, goes with the old episode
            page.mouse("released", *VIEWPORT, button)
        self._held.clear()
        if self._loaded != name or self._current.reload or page.url != url(name):  # a link may have left a fragment
            self._loaded = ""
            if name not in self._cached:  # scripts that come from no cache are late: timers would start at other times
                page.goto(url(name), 20)
                self._cached.add(name)
            called = page.elapsed_ms
            page.goto(url(name), 20)
            for _ in range(100):
                if page.evaluate("typeof core === 'object' && !!core.cover_div", "main"):
                    break
                page.settle(20)
            else:
                raise BrowserFailure("hang", f"{url(name)} does not get ready")
            page.evaluate(preload_script(), "main")
            while not page.evaluate("pictures.every(picture => picture.complete)", "main"):
                page.settle(20)
            page.settle(max(0.0, called + READY_MS - page.elapsed_ms))
            self._loaded = name
        # A click, not only a move: the keyboard scrolls what was clicked last.
        page.click(VIEWPORT[0] - 1, VIEWPORT[1] - 1)
        self._episodes += 1
        return page

    def _act(self, settle_ms: float, *actions: Action) -> Outcome:
        outcome = self._the_page().act(
            actions,
            settle_ms,
            frame_every_ms=self.settle_ms,
            evaluate={"state": STATE},
            evaluate_main={"status": status_script()},
        )
        self._status = outcome.values["status"]
        return outcome

    def _do(self, *actions: Action, settle_ms: float | None = None) -> Effect:
        for action in actions:
            if isinstance(action, Mouse) and action.kind == "pressed":
                self._held.add(action.button)
            # What was copied stays with the page: the next episode gets another one.
            self._copied |= isinstance(action, Press) and action.keys.lower() in ("control+c", "control+x")
        self._take(self._act(self.settle_ms if settle_ms is None else round(settle_ms) + ODD_MS, *actions))
        return Effect()

    def _server_state(self) -> Any:
        return [self._current.name, self._instance, self._status]

    def _is_success(self) -> bool:
        return self._status is not None and self._status[0] and self._status[1] >= WON

    def _is_failure(self) -> bool:
        return self._status is None or bool(self._status[0])

    def _reward_terms(self) -> RewardTerms:
        if self._status is not None and self._status[0]:
            return {"outcome": float(self._status[1])}
        return {"outcome": -1.0 if self._status is None or self.turn >= self.max_turns else 0.0}

    def _view(self) -> View:
        return View(self._current.name, self._start.task, self._the_page())

    def _expert_call(self) -> ToolCall:
        return EXPERTS[self._current.name](self._view())[0]


class MiniWoBTask(MiniWoB):
    """One task of MiniWoB++ (see `MiniWoB`), without levels.

    Args:
        task: the name of the task.
        arguments: those of `MiniWoB`.
    """

    levels = 1

    def __init__(self, *, task: str, **arguments: Any) -> None:
        super().__init__(task=task, **arguments)
