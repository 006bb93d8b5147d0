"""WebNav: tasks on a procedural web of nine sites."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from mmgym.env import Effect, MachineryFailure, Unsupported, choose
from mmgym.rewards import RewardTerms
from mmgym.spaces import ToolCall, number
from mmgym_web.env import Start
from mmgym_web.webnav.catalogue import sites, templates
from mmgym_web.webnav.kit.changes import unmet
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.task import Redraw, Task, Template
from mmgym_web.webnav.kit.task_env import TaskEnv
from mmgym_web.webnav.kit.world import World, split_of

__all__ = ["WebNav"]

_DRAWS = 60
"""Draws of a task in one world before another world is tried."""
_WORLDS = 40


class WebNav(TaskEnv):
    """Do a task on the web: find, compare, fill in, buy, reply, schedule, edit, transfer, read a chart.

    ## Description
    From the seed comes a town with its people, a day, and nine sites that they use: a shop, a bank, mail, a calendar,
    a forum, a wiki, a store of files, a travel site, and the panel of a house. They are ordinary web applications with
    forms, links, cookies and a database, and they look different in every episode: colours, fonts, menus, order and
    layout are drawn as well. The agent is logged in everywhere as one of the people. It is asked for one thing in plain
    words.

    ## Action space
    Tools of a mouse, a keyboard and a browser, see `mmgym_web.env.WebEnv`: `click(x, y)`, `type(text)`,
    `scroll(x, y, dx, dy)`, `select(x, y, option)`, `goto(url)`, `back()`, `answer(text)`, `fail(reason)` and others; or
    by the numbers of elements with `action_mode="elements"`.

    ## Observation space
    `task`: what is asked. `image`: the page, uint8 (height, width, 3). `text`, the text twin: its accessibility tree.
    `url`, `title`, and `feedback`: what the last action did wrong, what a dialog said, what was refused.

    ## Starting state
    A world, and a task of the asked level, drawn from the seed. The names of people, products, documents and so on, and
    the sentences that ask, belong to one split each, by their hash: a held-out split shares none with train. The split
    `ood` has labels in German or French, and colours, fonts and menus that no other split uses.

    `options["task"]` names one of the templates (`mmgym_web.webnav.catalogue.templates`), whose level then stands
    instead of the asked one; `"any"`, the default, draws among those of the level. Some can only be answered from
    pixels (a chart, a picture, a colour): they have no text twin, so with a text twin they are never drawn.

    ## Rewards
    1 when the task is solved (term `outcome`), else 0. With `process_reward > 0`, a term `process` adds up to that much
    along the way: for pages that one must pass, and for changes that had to be made.

    ## Episode end
    Terminated with success as soon as everything is so: what had to change in the sites' database changed *and nothing
    else did*. Tasks that ask for an answer end with `answer(text)`, which is checked by its type; those that cannot be
    done, with `fail(reason)`. Truncated after three times the fewest turns, and six.

    ## Arguments
    Those of `mmgym_web.env.WebEnv`, and
    - `process_reward`: weight of the process term, 0 (none) to 1.
    - `task`: the template of every episode, as in `options["task"]`, which stands before it; `"any"`, the default.
    - `site`: only tasks that need this site and no other; `"any"`, the default, draws among all.

    With `action_mode="grid"`, only tasks that clicks on a coarse grid can solve are drawn: those of the site `home`.

    | level | fewest turns | sites |
    |---|---|---|
    | 1 | 1-2 | one |
    | 2 | 2-4 | one |
    | 3 | 4-7 | one |
    | 4 | 6-10 | one |
    | 5 | 10-15 | two |

    ## Version history
    - v0: first version.
    """

    instruction = (
        "You use a web browser. You see the page and are told what to do. Work with mouse and keyboard: click a field "
        "before you type into it, scroll to see more. If you are asked something, find it out and give the answer "
        "alone, with answer(text). Change nothing that you were not asked to change. If it cannot be done, say so with "
        "fail(reason)."
    )

    def __init__(self, *, process_reward: float = 0.0, site: str = "any", task: str = "any", **arguments: Any):
        self.process_reward = number("process_reward", process_reward, 0, 1)
        self.site = choose("site", site, ("any", *sites()))
        self._check_site(choose("task", task, ("any", *templates())))
        if task != "any" and templates()[task].pixels:
            self.capabilities = replace(self.capabilities, text_twin=False)
        super().__init__(task=task, **arguments)
        self._progress = 0.0
        self._passed = 0

    def _task_names(self) -> Iterable[str]:
        return templates()

    def _begin(self, rng: np.random.Generator, task: Any) -> Start:
        task = self._choose_task(task)
        self._end_episode()
        self._episode, self._template, self._asked = self._draw(rng, task)
        self.level = self._template.level
        self._progress = 0.0
        self._passed = 0
        return self._started(tuple(f"{name}.{self._episode.world.town}.test" for name in sites()))

    def _draw(self, rng: np.random.Generator, name: str) -> tuple[Episode, Template, Task]:
        pool = self._pool(name)
        for _ in range(_WORLDS):
            order = [pool[index] for index in rng.permutation(len(pool))]
            template = next(t for t in order if self.obs_mode == "image" or not t.pixels)
            episode = Episode(World(int(rng.integers(2**62)), self.split, template.level), sites())
            for site in template.sites:
                episode.site(site)
            before = episode.db.total_changes
            for _ in range(_DRAWS):
                try:
                    asked = template.draw(episode, rng)
                except Redraw:
                    continue
                if episode.db.total_changes != before:
                    raise RuntimeError(f"{template.name} changed the sites while it was drawn")
                if split_of(f"{template.name} {asked.content or asked.instruction}") == self.split:
                    return episode, template, asked
            episode.close()
        raise RuntimeError(f"no world of {_WORLDS} has a task {name!r} of split {self.split}")

    def _pool(self, name: str) -> list[Template]:
        """The templates that may be drawn.

        Raises:
            ValueError: when there is none; it says where there are some.
            Unsupported: for a named task that cannot be done as the environment was made.
        """
        grid, text = self.action_mode == "grid", self.obs_mode != "image"
        if name != "any":
            self._check_site(name)
            template = templates()[name]
            if text and template.pixels:
                raise Unsupported(f"the task {name!r} has no text twin: its answer is only in the pixels")
            if grid and not template.clicks:
                raise Unsupported(f"the task {name!r} needs more than the clicks of action_mode='grid'")
            return [template]
        fitting = [
            template
            for template in templates().values()
            if (template.clicks or not grid) and (self.site == "any" or template.sites == (self.site,))
        ]
        there = sorted({template.level for template in fitting if not (text and template.pixels)})
        if self.level not in there:
            raise ValueError(
                f"no task of level {self.level} fits site={self.site!r}, action_mode={self.action_mode!r} and "
                f"obs_mode={self.obs_mode!r}; levels with such tasks: {', '.join(map(str, there)) or 'none'}"
            )
        return [template for template in fitting if template.level == self.level]

    def _check_site(self, task: str) -> None:
        needs = () if task == "any" else templates()[task].sites
        if needs and self.site != "any" and needs != (self.site,):
            raise ValueError(
                f"the task {task!r} needs site='any', or what it is on: {', '.join(needs)}; got {self.site!r}"
            )

    def _perform(self, call: ToolCall) -> Effect:
        effect = super()._perform(call)
        if errors := self._playing()[0].errors:
            raise MachineryFailure(f"site: {errors[0]}")
        return effect

    def _reward_terms(self) -> RewardTerms:
        terms = {"outcome": float(self.success)}
        if self.process_reward:
            best = max(self._progress, self._how_far())
            terms["process"] = self.process_reward * (best - self._progress)
            self._progress = best
        return terms

    def _how_far(self) -> float:
        """Share of the milestones passed, in order, and of the changes made."""
        episode, _, asked = self._playing()
        if self._passed < len(asked.milestones) and asked.milestones[self._passed] in self.url:
            self._passed += 1
        missing = len(unmet(asked.expects, episode.changes(), episode.incidental))
        parts = len(asked.milestones) + len(asked.expects) + 1
        return (self._passed + len(asked.expects) - missing + self.success) / parts

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        _, template, task = self._playing()
        own = template.questions(task, self._guide(), self._place)
        asked = own + super()._questions(rng)
        return [asked[index] for index in rng.permutation(len(asked))]
