"""What the tests of the shop and the bank share: requests without a browser, drawn tasks, labels, experts."""

import asyncio
import re
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from mmgym_web.messages import Request
from mmgym_web.webnav.env import WebNav
from mmgym_web.webnav.kit.changes import met
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.site import _labels
from mmgym_web.webnav.kit.task import Redraw
from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.bank import SITE as BANK
from mmgym_web.webnav.sites.shop import SITE as SHOP

SITES = {"shop": SHOP, "bank": BANK}
SPLITS = ("train", "val", "test", "ood")
STEPS = {1: (1, 2), 2: (2, 4), 3: (4, 7), 4: (6, 10), 5: (10, 15)}
"""Fewest turns of a task that can be done, from and to, by level."""


class Client:
    """Opens pages and sends forms as a browser does, without one."""

    def __init__(self, episode):
        self.episode, self.cookies = episode, {}

    def ask(self, site, path, form=None):
        """The response after redirects; with a form, it is sent by POST."""
        headers = [("cookie", self.cookies[site])] if site in self.cookies else []
        if form is not None:
            headers.append(("content-type", "application/x-www-form-urlencoded"))
        body = urlencode(form or {}).encode()
        request = Request("GET" if form is None else "POST", self.episode.site(site).url(path), headers, body)
        response = asyncio.run(self.episode.answer(request))
        found = dict(response.headers)
        if "set-cookie" in found:
            self.cookies[site] = found["set-cookie"].split(";")[0]
        return self.ask(site, found["location"]) if response.status == 303 else response

    def text(self, site, path, form=None):
        """The page as text."""
        return self.ask(site, path, form).body.decode()


def make_episode(seed, split="train", level=3, sites=("shop", "bank")):
    """A world with filled sites."""
    episode = Episode(World(seed, split, level), SITES)
    for name in sites:
        episode.site(name)
    return episode


def draw(template, seed, split="train", accept=lambda task: True):
    """A world and a task of a template that `accept` takes."""
    for world in range(seed, seed + 400, 20):
        episode, rng = make_episode(world, split, template.level, template.sites), np.random.default_rng(seed)
        for _ in range(60):
            try:
                task = template.draw(episode, rng)
            except Redraw:
                continue
            if accept(task):
                return episode, task
        episode.close()
    raise AssertionError(f"no task of {template.name} from seed {seed} on")


def is_met(episode, task):
    """Whether the changes of a task hold, and no others."""
    return met(task.expects, episode.changes(), episode.journal.incidental)


def check_draws(template, count=30):
    """Tasks of a template: the same twice, as long as the level allows, starting on a page that is there."""
    texts = set()
    for seed in range(count):
        split = SPLITS[seed % 4]
        episode, task = draw(template, seed, split)
        if seed < 4:
            again_episode, again = draw(template, seed, split)
            assert task == again
            again_episode.close()
        low, high = STEPS[template.level]
        assert task.infeasible or low <= task.steps <= high
        assert not re.search(r"[{}]|None", task.instruction)
        assert Client(episode).ask(task.site, task.start).status == 200
        assert 0 <= len(task.milestones) <= 4
        ends = bool(task.expects) + bool(task.answer) + bool(task.page or task.infeasible)
        assert ends == 1
        assert not task.expects or not is_met(episode, task)
        if template.pixels and task.answer and task.answer.kind == "text":
            assert task.answer.value not in task.instruction.split("Answer with")[0]
        texts.add(task.content or task.instruction)
        episode.close()
    assert len(texts) > count // 3


def untranslated(site, further):
    """Labels that are shown (in templates, modules, the menu, and `further`) without German and French."""
    folder = Path(__file__).parents[2] / "envs/mmgym_web/webnav/sites" / site
    found = {label for label, _ in SITES[site].menu} | set(further)
    for file in [*folder.glob("*.py"), *folder.glob("templates/*.html")]:
        found |= set(re.findall(r'\bt\(\s*"([^"]+)"', file.read_text(encoding="utf-8")))
    labels = _labels(SITES[site])
    return [label for label in sorted(found) if set(labels.get(label, ())) != {"de", "fr"}]


def bare_words(site):
    """English words that stand in a site's templates without a translation."""
    folder = Path(__file__).parents[2] / "envs/mmgym_web/webnav/sites" / site / "templates"
    found = []
    for file in sorted(folder.glob("*.html")):
        text = re.sub(r"(?s)<script>.*?</script>|\{% block style %\}.*?\{% endblock %\}", "", file.read_text())
        text = re.sub(r"(?s)<[^>]*>|&\w+;", "\n", re.sub(r"(?s)\{\{.*?\}\}|\{%.*?%\}", "\n", text))
        found += [f"{file.name}: {word}" for word in re.findall(r"[A-Za-z]{3,}", text)]
    return found


def solve_all(templates, seed):
    """Let the expert solve one task of each template in a browser, the splits in turn."""
    env = WebNav()
    try:
        for index, template in enumerate(templates):
            options = {"task": template.name, "split": SPLITS[index % 4]}
            _, info = env.reset(seed=seed + index, options=options)
            over = False
            while not over:
                _, _, terminated, truncated, info = env.step(env.expert())
                over = terminated or truncated
            assert info["success"], (template.name, options, info["error"])
            assert env.turn <= 3 * info["expert_steps"] + 4, (template.name, env.turn)
    finally:
        env.close()
