"""What the tests of forum and wiki share: their worlds, requests without a browser, drawn tasks, labels in use."""

import asyncio
import contextlib
import re
from pathlib import Path
from urllib.parse import urlencode

import numpy as np

from mmgym_web.messages import Request
from mmgym_web.webnav.kit.changes import met
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.site import _labels
from mmgym_web.webnav.kit.task import Redraw
from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.forum import SITE as FORUM
from mmgym_web.webnav.sites.wiki import SITE as WIKI

SITES = {"forum": FORUM, "wiki": WIKI}
SPLITS = ("train", "val", "test", "ood")
TURNS = {1: (1, 2), 2: (2, 4), 3: (4, 7), 4: (6, 10), 5: (10, 15)}
"""Fewest turns of a task, from and to, by level."""


def episode(seed, split="train", level=3, sites=tuple(SITES)):
    """Forum and wiki of a world, those in `sites` filled."""
    made = Episode(World(seed, split, level), SITES)
    for name in sites:
        made.site(name)
    return made


def get(made, site, path):
    """The response to a GET."""
    return asyncio.run(made.answer(Request("GET", made.site(site).url(path))))


def post(made, site, path, **form):
    """The response to a form."""
    headers = [("content-type", "application/x-www-form-urlencoded")]
    return asyncio.run(made.answer(Request("POST", made.site(site).url(path), headers, urlencode(form).encode())))


def drawn(template, seed, split="train"):
    """A world and a task of a template."""
    for world in range(seed, seed + 400, 20):
        made, rng = episode(world, split, template.level, template.sites), np.random.default_rng(seed)
        for _ in range(30):
            try:
                return made, template.draw(made, rng)
            except Redraw:
                continue
        made.close()
    raise AssertionError(f"no task of {template.name} from seed {seed} on")


def is_met(made, task):
    """Whether the changes of a task hold, and no others."""
    return met(task.expects, made.changes(), made.journal.incidental)


def check_draws(template):
    """Three tasks of a template in each of ten worlds: of the level's length, starting on a page that is there."""
    low, high = TURNS[template.level]
    texts = set()
    for seed in range(10):
        made, first = drawn(template, seed, SPLITS[seed % 4])
        if seed < 4:
            assert first == drawn(template, seed, SPLITS[seed])[1]
        for task in (first, *more_of(template, made, 2)):
            assert low <= task.steps <= high, (task.steps, task.instruction)
            assert "{" not in task.instruction and "None" not in task.instruction
            assert get(made, task.site, task.start).status == 200
            assert 1 <= len(task.milestones) <= 4
            assert task.infeasible or bool(task.expects) + bool(task.answer) + bool(task.page) == 1
            assert not task.expects or not is_met(made, task)
            texts.add(task.instruction)
        assert made.changes() == [] and made.errors == []
        made.close()
    assert len(texts) > 8


def more_of(template, made, count):
    """More tasks of a template in the same world."""
    for seed in range(count):
        with contextlib.suppress(Redraw):
            yield template.draw(made, np.random.default_rng(1000 + seed))


def untranslated(name):
    """Labels of a site's templates, modules and menu that lack German or French, or whose values differ."""
    folder = Path(__file__).parents[2] / "envs/mmgym_web/webnav/sites" / name
    used = {label for label, _ in SITES[name].menu}
    for file in [*folder.glob("*.py"), *folder.glob("templates/*.html")]:
        used |= set(re.findall(r"\bt\(\s*[\"']([^\"']+)[\"']", file.read_text(encoding="utf-8")))
    labels = _labels(SITES[name])
    values = re.compile(r"\{\w+\}")
    return [
        label
        for label in sorted(used)
        if set(labels.get(label, ())) != {"de", "fr"}
        or any(sorted(values.findall(text)) != sorted(values.findall(label)) for text in labels[label].values())
    ]


def bare_words(name):
    """English words that stand in a site's templates without a translation."""
    found = []
    for file in sorted((Path(__file__).parents[2] / "envs/mmgym_web/webnav/sites" / name / "templates").glob("*.html")):
        text = file.read_text(encoding="utf-8")
        text = re.sub(r"(?s)<script>.*?</script>|\{% block style %\}.*?\{% endblock %\}", "", text)
        text = re.sub(r"(?s)\{\{.*?\}\}|\{%.*?%\}|<[^>]*>|&\w+;", "\n", text)
        found += [f"{file.name}: {word}" for word in re.findall(r"[A-Za-z]{3,}", text)]
    return found


def all_pages(made, name, limit=300):
    """Status of every page that links lead to, by path."""
    found, waiting = {}, ["/"]
    while waiting and len(found) < limit:
        path = waiting.pop(0)
        if path not in found:
            response = get(made, name, path)
            found[path] = response.status
            links = re.findall(r'(?:href|src)="(/[^"]*)"', response.body.decode("utf-8", "replace"))
            waiting += [link.replace("&amp;", "&") for link in links]
    return found


def solve(env, name, seed):
    """Whether the expert solves a task, and how many turns it takes."""
    env.reset(seed=seed, options={"task": name})
    for turn in range(1, 100):
        _, reward, terminated, truncated, _ = env.step(env.expert())
        if terminated or truncated:
            return reward == 1, turn
    return False, 100
