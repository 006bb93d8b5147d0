"""Any site: a user's own application, folder or live address as an environment."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import numpy as np

from mmgym.env import Capabilities, Effect, MachineryFailure, choose
from mmgym.spaces import ToolCall
from mmgym_web.any_site.checks import DomCheck, Visit, find_object, holds
from mmgym_web.any_site.sources import is_factory, load_app, make_app, serve_app
from mmgym_web.any_site.tasks import SiteTask, load_tasks
from mmgym_web.browser import CDPError, Outcome, host_and_ports, is_allowed
from mmgym_web.env import Start, WebEnv
from mmgym_web.messages import Server
from mmgym_web.serve import AsgiServer, HostRouter, StaticFolder, WsgiServer

__all__ = ["AnySite"]

_DEMO = Path(__file__).parent / "demo"
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


class AnySite(WebEnv):
    """Your own site as an environment: a web application, a folder of files, or a live address.

    ## Description
    Give the site and a file of tasks; the environment does the rest: an isolated page in a real Chromium per episode,
    time that stands still between actions, screenshots, accessibility tree, tools, rewards.

        gym.make("mmgym/Web-v0", app="my_shop:make_app", tasks="tasks.jsonl")
        gym.make("mmgym/Web-v0", folder="site/", tasks="tasks.jsonl")
        gym.make("mmgym/Web-v0", url="https://example.org", tasks="tasks.jsonl")

    A task is one line of JSON:

        {"id": "cart", "start": "/", "instruction": "Put a red mug into the cart.",
         "checks": [{"dom": ".cart li", "contains": "red mug", "count": 1}]}

    An application runs inside this process: no port, no second process. Without a site, a small one that comes with the
    package is served, with its own tasks.

    ## Action space
    Tools of a mouse, a keyboard and a browser, see `mmgym_web.env.WebEnv`.

    ## Observation space
    That of `mmgym_web.env.WebEnv`: `task`, `image`, `text` (the accessibility tree), `url`, `title`, `feedback`.

    ## Starting state
    A task of the asked level and split, drawn from the seed; or the one that `options["task"]` names. Tasks without a
    `split` belong to all of them, and if no task has one, the splits are all the same (declared as `single`).

    ## Tasks
    Fields: `id`, `start` (a path, or a URL), `instruction`, `checks`; and optionally `level` (1 to 5), `split`, `turns`
    (20), `files` (that may be uploaded: paths beside the file of tasks). A mistake in the file raises `TaskFileError`
    with line, field and what is allowed. Checks, all of which must hold:
    - `{"url": "/cart*"}`: a glob for path and query, or for the whole URL if it does not begin with `/`;
      `{"url_regex": "..."}`: a regular expression, searched in the URL.
    - `{"dom": "css selector"}` with any of `text`, `contains`, `value`, `checked`, `visible`, and `count`.
    - `{"answer": "42", "type": "number", "tolerance": 0.5}`: what `answer(text)` must say; `type` is `text`, `number`,
      `choice` (with `choices`) or `set`; `also` lists other right answers.
    - `{"python": "module:function"}`: a function that gets a `mmgym_web.any_site.checks.Visit` and returns True or
      False. A visit has `url: str`; `query(javascript) -> Any`, an expression's JSON value; `find(selector) ->
      list[Look]`, what matches, each with `text`, `value`, `checked`, `visible`; `answer: str | None`; and `app`, the
      application, to look into its database. If it raises, the episode ends with `info["error"]`.

    ## Rewards
    1 when all checks hold (term `outcome`), else 0.

    ## Episode end
    Terminated with success as soon as all checks hold; a task with an `answer` ends with `answer(text)`. Truncated at
    the task's `turns`. An application that raises or hangs ends the episode with `info["error"]`.

    ## Arguments
    Those of `mmgym_web.env.WebEnv`, and
    - `app`: an ASGI or WSGI application, or a function that makes one, or `"module:name"` of either. A function is
      called for every episode, with `seed=` if it takes one: then every episode starts afresh, and can be replayed.
    - `reset`: for an application that is used again: `"module:function"` or a function, called before every episode
      with `app` and `seed`. Without it and without a factory, the environment is not deterministic and declares so.
    - `folder`: a folder of files.
    - `url`: a live address. `allow_hosts` lists what may be reached: `example.org`, `*.example.org` (its subdomains),
      `localhost:8000`; without a port, 80 and 443. By default the address's own host and port alone. Such an
      environment is not deterministic and has no snapshots.
    - `tasks`: path of a JSON-lines file, or a list of dicts.
    - `host`: the name under which `app` or `folder` is served.
    - `answer_limit`: seconds that the application may take for one answer.

    ## Version history
    - v0: first version.
    """

    capabilities = Capabilities(expert="none", snapshot="replay", splits="single", expert_steps="at_least")
    instruction = (
        "You use a web browser. You see the page and are told what to do. Work with mouse and keyboard: click a field "
        "before you type into it, scroll to see more. If you are asked something, find it out and give the answer "
        "alone with answer(text)."
    )

    def __init__(
        self,
        *,
        app: Any = None,
        folder: str | Path | None = None,
        url: str | None = None,
        tasks: str | Path | Iterable[Mapping[str, Any]] | None = None,
        allow_hosts: Iterable[str] = (),
        reset: Any = None,
        host: str = "site.test",
        answer_limit: float = 10.0,
        **arguments: Any,
    ):
        given = [name for name, value in (("app", app), ("folder", folder), ("url", url)) if value is not None]
        if len(given) > 1:
            raise ValueError(f"give one of app, folder and url; got {' and '.join(given)}")
        if given and tasks is None:
            raise ValueError("tasks must be the path of a JSON-lines file, or a list of dicts; got None")
        if allow_hosts and url is None:
            raise ValueError("allow_hosts is for a live url; an app or a folder reaches no network")
        if reset is not None and app is None:
            raise ValueError("reset is for an app; there is none")
        if not _HOST.fullmatch(host):
            raise ValueError(f"host must be a name such as site.test; got {host!r}")
        if not isinstance(answer_limit, (int, float)) or not answer_limit > 0:
            raise ValueError(f"answer_limit must be a positive number of seconds; got {answer_limit!r}")
        self._site_folder = _DEMO if not given else folder
        self._app = None if app is None else load_app(app)
        self._reset = find_object(reset) if isinstance(reset, str) else reset
        self._live = None if url is None else _check_url(url)
        self._hosts = tuple(allow_hosts) or (() if url is None else (urlsplit(url).netloc.rpartition("@")[2],))
        for entry in self._hosts:
            host_and_ports(entry)
        self._host, self._limit = host, answer_limit
        self.tasks: tuple[SiteTask, ...] = load_tasks(_DEMO / "tasks.jsonl" if tasks is None else tasks)
        self.levels = max(task.level for task in self.tasks)  # type: ignore[misc]
        again = self._live is None and (app is None or reset is not None or is_factory(self._app))
        self.capabilities = replace(
            type(self).capabilities,
            deterministic=again,
            snapshot="replay" if again else "none",
            splits="content" if any(task.split for task in self.tasks) else "single",
        )
        if self._site_folder is not None:
            StaticFolder(self._site_folder)  # raises now if there is none
        for task in self.tasks:
            if not is_allowed(self._address(task), self._hosts if self._live else (host,)):
                raise task.wrong("start", f"a path, or an address of {', '.join(self._hosts) or host}", task.start)
        super().__init__(**arguments)
        self._asked: SiteTask | None = None
        self._server: Server | None = None
        self._running: Any = None

    def _begin(self, rng: np.random.Generator, task: Any) -> Start:
        self._asked = asked = self._choose_task(rng, task)
        self._stop()
        if self._live is None:
            self._server = HostRouter({self._host: self._serve(int(rng.integers(2**31)))})
        return Start(
            url=self._address(asked),
            task=asked.instruction,
            server=self._server,
            hosts=() if self._live else (self._host,),
            live_hosts=self._hosts,
            files=asked.files,
            turns=asked.turns,
        )

    def _address(self, task: SiteTask) -> str:
        return urljoin(self._live or f"http://{self._host}/", task.start)

    def _choose_task(self, rng: np.random.Generator, name: Any) -> SiteTask:
        if name is not None:
            names = {task.id: task for task in self.tasks}
            return names[choose("task", name, list(names))]
        fitting = [t for t in self.tasks if t.level == self.level and t.split in ("", self.split)]
        if not fitting:
            there = sorted({(task.level, task.split or "any split") for task in self.tasks})
            listed = ", ".join(f"level {level} ({split})" for level, split in there)
            raise ValueError(f"there is no task of level {self.level} and split {self.split}; there are: {listed}")
        return fitting[int(rng.integers(len(fitting)))]

    def _serve(self, seed: int) -> Server:
        if self._site_folder is not None:
            return StaticFolder(self._site_folder)
        self._running = make_app(self._app, seed)
        if self._reset is not None:
            self._reset(app=self._running, seed=seed)
        return serve_app(self._running, self._limit)

    def _server_state(self) -> Any:
        return None if self._asked is None else [self._asked.id, self._asked.start, self._asked.instruction]

    def _perform(self, call: ToolCall) -> Effect:
        effect = super()._perform(call)
        if errors := getattr(self._application_server(), "errors", []):
            raise MachineryFailure(f"application: {errors[0]}")
        return effect

    def _open(self) -> Outcome:
        outcome = super()._open()
        assert self._asked is not None
        for number, check in enumerate(self._asked.checks):
            if isinstance(check, DomCheck):
                selector = json.dumps(check.selector)
                try:  # the page knows best what a selector is
                    self._query(f"document.createDocumentFragment().querySelector({selector})")
                except CDPError as error:
                    raise self._asked.wrong(f"checks[{number}].dom", "a CSS selector", check.selector) from error
        status = self._query("performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0")
        if status >= 400:
            warnings.warn(f"{self._asked.where}: the page on which it starts answered {status}", stacklevel=2)
        return outcome

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Start an episode (see `MultimodalEnv.reset`); warns of a task that is solved from the start."""
        result = super().reset(seed=seed, options=options)
        if self._asked is not None and self._is_success():
            warnings.warn(f"{self._asked.where}: all checks hold before anything is done", stacklevel=2)
        return result

    def _is_success(self) -> bool:
        asked = self._asked
        if asked is None or self._failed is not None or (asked.asks and self._answer is None):
            return False
        try:
            return holds(asked.checks, Visit(self.url, self.query, self._answer, self._running))
        except MachineryFailure:
            raise
        except Exception as error:  # a check of the user's may raise anything: no fault of the agent's
            raise MachineryFailure(f"check of {asked.where}: {type(error).__name__}: {error}") from error

    def _application_server(self) -> Server | None:
        return self._server.sites[self._host] if isinstance(self._server, HostRouter) else None

    def _stop(self) -> None:
        server, self._server, self._running = self._application_server(), None, None
        if isinstance(server, (AsgiServer, WsgiServer)):
            self._drop_page()
            server.close()

    def close(self) -> None:
        """Close the page and end the application."""
        super().close()
        self._stop()

    def __getstate__(self) -> dict[str, Any]:
        """A pickled environment comes back without page and server: it must be reset."""
        return {**super().__getstate__(), "_server": None, "_running": None, "_asked": None}


def _check_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"url must be an http or https address; got {url!r}")
    return url
