"""The base of web environments: an isolated browser page, its tools, and time that only the environment advances.

A subclass says what is served and where an episode starts (`_begin`), what the server's state is (`_server_state`), and
when the task is solved (`_is_success`). This class does the rest: observations, tools, feedback, keys, branch points.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import gymnasium as gym
import numpy as np

from mmgym.env import SNAPSHOT_VERSION, Capabilities, Effect, MachineryFailure, MultimodalEnv, choose, whole
from mmgym.spaces import InvalidAction, Parameter, TextSpace, Tool, ToolCall, flag
from mmgym_web import elements
from mmgym_web.browser import (
    Action,
    BrowserFailure,
    CDPError,
    Click,
    NavigationRefused,
    Outcome,
    Page,
    PageConfig,
    get_pool,
    is_allowed,
)
from mmgym_web.cells import cell_names
from mmgym_web.elements import Element
from mmgym_web.probe import PROBE, PROBE_SCRIPT
from mmgym_web.start import Start
from mmgym_web.task_files import TaskFiles
from mmgym_web.tools import ACTION_MODES, BrowserTools, plain, tool_names

__all__ = ["Start", "WebEnv"]

COORDINATES = ("pixels", "thousandths")
"""Units of coordinates: pixels of the picture, or 0 to 1000 of its width and height as Qwen3-VL speaks."""

_WEB = re.compile(r"https?://", re.IGNORECASE)


class WebEnv(BrowserTools, MultimodalEnv):
    """A page in a real Chromium, as a `MultimodalEnv`.

    Observations: ``image`` (the viewport, uint8 (height, width, 3)), ``task`` (what is asked), ``text`` (the text twin:
    the accessibility tree), ``tabs`` (if there are tabs: their titles, and which one is shown), ``url``, ``title``,
    ``feedback``.

    Args:
        width: of the viewport and the picture, 64 to 4096 pixels.
        height: of the viewport and the picture, 64 to 4096 pixels.
        action_mode: how things are pointed at: ``coordinates``, ``elements`` (numbers that are drawn on the picture and
            stand in the text twin), ``both``, or ``grid``: one tool, a click on a cell of a coarse grid.
        coordinates: ``pixels``, or ``thousandths`` of width and height.
        grid: columns and rows of the grid, up to 26 each.
        show_address: whether observations have ``url`` and ``title``.
        tabs: whether links to new windows open tabs, up to 20, with tools to open, show and close them; without, such
            links open in the page. Not with ``grid``.
        time_limit: seconds of real time that the browser may take for one call before it counts as hung.
        level, split, obs_mode, max_turns, max_calls, render_mode: those of `MultimodalEnv`.

    Raises:
        ValueError: for a value that is not allowed; the message names what is.
    """

    capabilities = Capabilities(snapshot="replay", expert_steps="at_least")
    without_tools: ClassVar[tuple[str, ...]] = ()
    """Tools that make no sense here."""
    settle_ms: ClassVar[float] = 253.0
    """Milliseconds of the page's time that pass after each call: none that a timer, or a blinking caret, counts in."""
    watches_cookies: ClassVar[bool] = True
    """Whether cookies are part of the state."""

    _actions: list[Any]
    _answer: str | None
    _failed: str | None
    _seen: tuple[str, str, str]
    _tabs_seen: list[tuple[str, str, str]]
    _shown_tab: int
    _cookies: list[dict[str, Any]]
    _notes: list[str]
    _picture: np.ndarray | None
    _elements: list[Element] | None
    _key: str

    def __init__(
        self,
        *,
        level: int = 1,
        split: str = "train",
        obs_mode: str = "image",
        max_turns: int | None = None,
        max_calls: int = 1,
        render_mode: str | None = None,
        width: int = 640,
        height: int = 480,
        action_mode: str = "coordinates",
        coordinates: str = "pixels",
        grid: tuple[int, int] = (4, 4),
        show_address: bool = True,
        tabs: bool = False,
        time_limit: float = 20.0,
        **unknown: Any,
    ):
        self.width, self.height = whole("width", width, 64, 4096), whole("height", height, 64, 4096)
        if not isinstance(grid, (tuple, list)) or len(grid) != 2 or not all(n in range(1, 27) for n in grid):
            raise ValueError(f"grid must be columns and rows, whole numbers from 1 to 26; got {grid!r}")
        if not isinstance(time_limit, (int, float)) or not time_limit > 0:
            raise ValueError(f"time_limit must be a positive number of seconds; got {time_limit!r}")
        self.action_mode = choose("action_mode", action_mode, ACTION_MODES)
        self.coordinates = choose("coordinates", coordinates, COORDINATES)
        self.grid = (grid[0], grid[1])
        self.show_address, self.tabs = flag("show_address", show_address), flag("tabs", tabs)
        if self.tabs and (action_mode == "grid" or "goto" in self.without_tools):
            raise ValueError("tabs must be False with action_mode='grid', and where there are no addresses to go to")
        self.time_limit = time_limit
        self._page: Page | None = None
        self._folder: TaskFiles | None = None
        self._start = Start("about:blank", "")
        self._forget()
        super().__init__(
            level=level,
            split=split,
            obs_mode=obs_mode,
            max_turns=max_turns,
            max_calls=max_calls,
            render_mode=render_mode,
            **unknown,
        )

    # --- what a subclass defines -------------------------------------------------------------------------------------

    def _begin(self, rng: np.random.Generator, task: Any) -> Start:
        """Draw an instance of `self.level` and `self.split` from `rng`; `task` is ``options["task"]``.

        Raises:
            ValueError: for a task that does not exist, naming those that do.
        """
        raise NotImplementedError

    def _server_state(self) -> Any:
        """The instance and the server's state, JSON-able."""
        raise NotImplementedError

    # --- the contract of MultimodalEnv -------------------------------------------------------------------------------

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Make one turn (see `MultimodalEnv.step`)."""
        result = super().step(action)
        try:
            self._actions.append([plain(call) for call in self.action_space.parse(action)])
        except ValueError as problem:
            self._actions.append(str(problem))
        return result

    def _generate(self, task: Any) -> None:
        self._task_option = task
        self._play_seed = int(self.np_random.integers(2**62))
        self._set_up()

    def _set_up(self) -> None:
        """Begin the instance of `self._play_seed`; a browser that fails gets one more chance."""
        for attempt in (1, 2):
            self._forget()
            self._start = self._begin(np.random.default_rng(self._play_seed), self._task_option)
            try:
                self._take(self._open())
                return
            except (BrowserFailure, CDPError, NavigationRefused) as failure:
                if isinstance(failure, NavigationRefused) and not failure.failed:
                    raise
                self._drop_page()
                if attempt == 2:
                    raise MachineryFailure(str(failure)) from failure

    def _open(self) -> Outcome:
        """Open the first page. A subclass may have a quicker way."""
        self._drop_page()
        self._page = page = get_pool().open(self._page_config())
        page.limit_s = self.time_limit
        page.goto(self._start.url, self.settle_ms)
        return page.act((), 0, evaluate={"state": PROBE}, cookies=self.watches_cookies)

    def _page_config(self) -> PageConfig:
        start = self._start
        if start.files:
            try:
                self._folder = TaskFiles(start.files)
            except OSError as error:
                raise BrowserFailure("disk", f"the task's files cannot be written: {error}") from error
        return PageConfig(
            width=self.width,
            height=self.height,
            seed=self._play_seed % 2**32,
            now=start.now,
            server=start.server,
            allow_hosts=start.live_hosts,
            files=self._folder.path if self._folder else None,
            on_new_tab="tab" if self.tabs else "same",
            script=PROBE_SCRIPT,
        )

    def _turn_limit(self) -> int:
        return self._start.turns

    def _perform(self, call: ToolCall) -> Effect:
        before = self._key
        self._notes = []
        with self._machinery(BrowserFailure, CDPError):
            effect = super()._perform(call)
        notes = [note for note in (effect.feedback, *self._notes) if note]
        return Effect(self._key != before, " ".join(notes))

    def _is_failure(self) -> bool:
        return self._answer is not None or self._failed is not None

    def _get_state(self) -> dict[str, Any]:
        return {
            "server": self._server_state(),
            "page": [self._shown_tab, self._tabs_seen] if self.tabs else list(self._seen),
            "cookies": self._cookies,
            "answer": self._answer,
            "failed": self._failed,
        }

    def state_key(self) -> str:
        """Hash of the task instance, the server's state, URL, DOM, form values, focus, scroll, cookies and storage."""
        return self._key

    def snapshot(self) -> bytes:
        """What is needed to play to this point again: versioned JSON."""
        self._require("snapshot", self.capabilities.snapshot != "none")
        content = {
            "version": SNAPSHOT_VERSION,
            "environment": type(self).__name__,
            "level": self.level,
            "split": self.split,
            "task": self._task_option,
            "seed": self._play_seed,
            "max_turns": self.max_turns,
            "actions": self._actions,
            "random": self.np_random.bit_generator.state,
        }
        return json.dumps(content).encode()

    def restore(self, snapshot: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
        """Play to a snapshot's point again, and return its observation and info.

        Raises:
            ValueError: when the bytes are no snapshot of this environment and version.
        """
        self._require("snapshot", self.capabilities.snapshot != "none")
        content = self._read_snapshot(snapshot, "task", "seed", "actions")
        self.level, self.split = content["level"], content["split"]
        self.turn, self.success, self._terminated, self._feedback = 0, False, False, ""
        self._task_option, self._play_seed = content["task"], content["seed"]
        self._set_up()
        self.max_turns = content["max_turns"]
        self._show()
        for action in content["actions"]:
            played = InvalidAction(action) if isinstance(action, str) else action
            self.step(played[0] if isinstance(played, list) and self.action_space.max_calls == 1 else played)
        self.np_random.bit_generator.state = content["random"]
        return self._show(), self._info(terms={})

    def expert(self) -> ToolCall:
        """The next call of a scripted expert that reads the state, with the tools and units of this environment."""
        return self._adapted(super().expert())

    def close(self) -> None:
        """Close the page; the browser stays for other environments of this process until it ends."""
        self._drop_page()
        super().close()

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of the picture in pixels."""
        return self.height, self.width

    @property
    def files(self) -> dict[str, bytes]:
        """Files that may be uploaded, by name."""
        return self._start.files

    def _observation_parts(self) -> dict[str, gym.Space[Any]]:
        base = super()._observation_parts()
        feedback = base.pop("feedback")
        # The task comes after the picture: a causal model then reads it with the picture seen.
        parts: dict[str, gym.Space[Any]] = {**base, "task": TextSpace()}
        address = {"url": TextSpace(), "title": TextSpace()} if self.show_address else {}
        if self.tabs:
            address = {"tabs": TextSpace(), **address}
        return {**parts, **address, "feedback": feedback}

    def _observe(self) -> dict[str, Any]:
        base = super()._observe()
        feedback = base.pop("feedback")
        observation = {**base, "task": self._start.task}
        address = {"url": self._seen[0][:4096], "title": self._seen[1][:1024]} if self.show_address else {}
        if self.tabs:
            seen = enumerate(self._tabs_seen, 1)
            titles = [f"{number}: {title[:100] or url[:100]}" for number, (url, title, _) in seen]
            if titles:
                titles[self._shown_tab] += " (shown)"
            address = {"tabs": "\n".join(titles), **address}
        return {**observation, **address, "feedback": feedback}

    def _image(self) -> np.ndarray:
        if self._picture is None:
            raise gym.error.ResetNeeded("there is no page yet: call reset() first")
        picture = self._picture.copy()
        return elements.draw_marks(picture, self.elements()) if self.action_mode == "elements" else picture

    def _text(self) -> str:
        return elements.describe(self.elements(), self.action_mode, self._place)

    def _expert_steps(self) -> int:
        return self._start.steps

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        return elements.questions(self.elements(), self._seen[1], self._place, rng)

    def _tools(self) -> list[Tool]:
        wide, high = (1000, 1000) if self.coordinates == "thousandths" else (self.width - 1, self.height - 1)
        limits = {"x": wide, "to_x": wide, "y": high, "to_y": high}
        cells = cell_names(self.grid)

        def narrowed(parameter: Parameter) -> Parameter:
            if parameter.name == "cell":
                return replace(parameter, choices=cells)
            return replace(parameter, high=limits.get(parameter.name, parameter.high))

        return [
            replace(tool, parameters=tuple(map(narrowed, tool.parameters)))
            for name in tool_names(self.action_mode, self.without_tools, self.tabs)
            for tool in [Tool.from_function(getattr(type(self), name))]
        ]

    # --- what tools and experts use ----------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """URL of the page."""
        return self._seen[0]

    def query(self, expression: str) -> Any:
        """A JavaScript expression's JSON value, out of reach of the page's scripts. It must change nothing."""
        with self._machinery(BrowserFailure):
            return self._query(expression)

    def elements(self) -> list[Element]:
        """The page's accessibility tree, with what can be acted on numbered from 1."""
        if self._elements is None:
            with self._machinery(BrowserFailure, CDPError):
                nodes = self._the_page().accessibility()
            self._elements = elements.read(nodes, self.width, self.height)
        return self._elements

    def _do(self, *actions: Action, settle_ms: float | None = None) -> Effect:
        settle = self.settle_ms if settle_ms is None else settle_ms
        self._take(self._the_page().act(actions, settle, evaluate={"state": PROBE}, cookies=self.watches_cookies))
        return Effect()

    def _visit(self, url: str) -> Effect:
        try:
            host = urlsplit(url).hostname if _WEB.match(url) else None
        except ValueError:  # brackets that do not match, letters that pass for a slash
            host = None
        if host not in self._start.hosts and not (host and is_allowed(url, self._start.live_hosts)):
            allowed = (*self._start.hosts, *self._start.live_hosts)
            return Effect(False, f"Refused: only pages of these sites can be opened: {', '.join(allowed)}.")
        try:
            self._the_page().goto(url, self.settle_ms)
        except NavigationRefused as refused:
            self._notes.append(f"Refused: {refused.reason}.")
        return self._do(settle_ms=0)

    def _history(self, way: Literal["back", "forward"]) -> Effect:
        page = self._the_page()
        moved = page.back(self.settle_ms) if way == "back" else page.forward(self.settle_ms)
        if not moved:
            return Effect(False, f"There is no page to go {way} to.")
        return self._do(settle_ms=0)

    def _change_tab(self, change: Literal["new", "switch", "close"], tab: int = 1) -> Effect:
        page = self._the_page()
        try:
            if change == "new":
                page.new_tab()
            elif change == "switch":
                page.switch_tab(tab - 1)
            else:
                page.close_tab()
                del self._tabs_seen[self._shown_tab]
        except ValueError as problem:
            return Effect(False, f"Nothing happened: {problem}.")
        return self._do(settle_ms=0)

    def _query(self, expression: str) -> Any:
        return self._the_page().evaluate(expression)

    def _element(self, number: int) -> Element | None:
        return next((element for element in self.elements() if element.number == number), None)

    def _end(self, answer: str | None, failed: str | None) -> Effect:
        self._answer, self._failed = answer, failed
        self._key = super().state_key()
        return Effect()

    def _put_file(self, x: int, y: int, file: str) -> Effect:
        if file not in self.files:
            offered = ", ".join(sorted(self.files)) or "none"
            return Effect(False, f"There is no file {file!r}; files that may be uploaded: {offered}.")
        self._do(Click(x, y))
        if not self._the_page().choosing_files:
            return Effect(False, "There is no file field here.")
        try:
            self._the_page().set_files(file)
        except (ValueError, CDPError):  # the page took the field away, or asks for a folder
            return Effect(False, "The page did not take the file.")
        return self._do()

    # --- machinery ---------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """A pickled environment comes back without its page: it must be reset."""
        return {**self.__dict__, "_page": None, "_folder": None, "_start": Start("about:blank", ""), "_elements": None}

    def _the_page(self) -> Page:
        if self._page is None:
            raise gym.error.ResetNeeded("there is no page yet: call reset() first")
        return self._page

    @contextlib.contextmanager
    def _machinery(self, *kinds: type[Exception]) -> Iterator[None]:
        """What the browser fails at inside costs the page, and is a failure of the machinery."""
        try:
            yield
        except kinds as failure:
            self._drop_page()
            raise MachineryFailure(str(failure)) from failure

    def _drop_page(self) -> None:
        if self._page is not None:
            page, self._page = self._page, None
            page.close()
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    def _forget(self) -> None:
        self._actions, self._notes, self._cookies = [], [], []
        self._answer = self._failed = None
        self._seen = ("", "", "")
        self._tabs_seen, self._shown_tab = [], 0
        self._picture = self._elements = None
        self._key = ""

    def _take(self, outcome: Outcome) -> None:
        """Take in what the browser shows after an action."""
        if outcome.server_errors:
            address, error = outcome.server_errors[0]
            raise MachineryFailure(f"server: {address}: {type(error).__name__}: {error}") from error
        url, title, digest = outcome.values["state"]
        self._seen, self._picture, self._elements = (url, title, digest), outcome.image, None
        self._cookies = outcome.cookies
        if self.tabs:
            self._see_tabs()
        self._notes += [f"The page said: {dialog.message[:500]!r}." for dialog in outcome.dialogs[:5]]
        self._notes += [f"Refused: {refusal.url[:200]} ({refusal.reason})." for refusal in outcome.refused[:5]]
        self._key = super().state_key()

    def _see_tabs(self) -> None:
        """Tabs that are not shown are as they were when they were left, or opened where several opened at once."""
        page = self._the_page()
        self._shown_tab = page.shown_tab
        for index in range(len(self._tabs_seen), page.tab_count):
            url, title, digest = page.evaluate_tab(index, PROBE)
            self._tabs_seen.append((url, title, digest))
        self._tabs_seen[self._shown_tab] = self._seen
