"""What the tests of the file manager and the travel site share: worlds, drawn tasks, labels, a browser."""

import re
from pathlib import Path

import numpy as np
from site_drive import STEPS, Browser, bare_words

from mmgym_web.webnav.env import WebNav
from mmgym_web.webnav.kit.changes import met
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.site import _labels
from mmgym_web.webnav.kit.task import Redraw
from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.files import SITE as FILES
from mmgym_web.webnav.sites.travel import SITE as TRAVEL

SITES = {"files": FILES, "travel": TRAVEL}
SPLITS = ("train", "val", "test", "ood")


def episode(seed, split="train", level=3, names=tuple(SITES)):
    """Sites of a world, filled."""
    made = Episode(World(seed, split, level), SITES)
    for name in names:
        made.site(name)
    return made


def drawn(template, seed):
    """A world, a task of a template, and a browser without a window."""
    for number in range(seed, seed + 400, 20):
        made, rng = episode(number, "train", template.level), np.random.default_rng(number)
        for _ in range(40):
            try:
                return made, template.draw(made, rng), Browser(made)
            except Redraw:
                continue
        made.close()
    raise AssertionError(f"no task of {template.name} from seed {seed} on")


def is_met(made, task):
    """Whether the changes of a task hold, and no others."""
    return met(task.expects, made.changes(), made.journal.incidental)


def check_effect(template, seed, forms, wrong):
    """`forms(task)` does a task; anything besides, or the forms of `wrong(task)` in their place, does not.

    A form is a site, a path and its fields.
    """
    made, task, browser = drawn(template, seed)
    assert not is_met(made, task)
    for form in forms(task):
        browser.ask(*form)
    assert is_met(made, task), (template.name, made.changes())
    browser.ask("files", "/item/30/star", {})
    assert not is_met(made, task)
    made.close()
    made, task, browser = drawn(template, seed)
    for form in wrong(task):
        browser.ask(*form)
    assert made.changes(), "the wrong way changes something"
    assert not is_met(made, task)
    made.close()


def check_draws(templates, worlds=10):
    """Thirty tasks of each template: the same twice, as long as the level allows, from a page that is there."""
    texts = {name: [] for name in templates}
    for seed in range(worlds):
        made = episode(seed, SPLITS[seed % 4])
        browser, starts = Browser(made), set()
        for name, template in templates.items():
            for number in range(3):
                try:
                    task = template.draw(made, np.random.default_rng(number))
                except Redraw:
                    continue
                assert task == template.draw(made, np.random.default_rng(number))
                check_task(template, task)
                texts[name].append(task.content or task.instruction)
                starts.add((task.site, task.start, task.answer.value if template.pixels and task.answer else ""))
        assert made.changes() == []
        for site, path, secret in sorted(starts):
            response = browser.ask(site, path)
            assert response.status == 200
            assert not secret or not path.startswith("/item") or secret not in response.body.decode()
        made.close()
    for name, found in texts.items():
        assert len(found) >= worlds, f"{name} is hardly ever there"
        assert len(set(found)) >= 0.7 * len(found), f"{name} says always the same"


def check_task(template, task):
    """What any task must be like."""
    low, high = STEPS[template.level]
    assert low <= task.steps <= high, (template.name, task.steps)
    assert "{" not in task.instruction and "None" not in task.instruction
    assert len(task.milestones) <= 4
    ends = bool(task.expects) + bool(task.answer) + bool(task.page or task.infeasible)
    assert ends == 1
    if template.pixels and task.answer:
        assert task.answer.value not in task.instruction


def untranslated(site, dynamic):
    """Labels that a site shows and does not translate; `dynamic` are those that are not written as ``t("...")``."""
    folder = Path(__file__).parents[2] / "envs/mmgym_web/webnav/sites" / site
    found = {label for label, _ in SITES[site].menu} | set(dynamic)
    for file in [*folder.glob("*.py"), *folder.glob("templates/*.html")]:
        found |= set(re.findall(r'\bt\(\s*"([^"]+)"', file.read_text(encoding="utf-8")))
        found |= set(re.findall(r'\bt\("[^"]+" if [^)]* else "([^"]+)"', file.read_text(encoding="utf-8")))
    labels = _labels(SITES[site])
    return [label for label in sorted(found) if set(labels.get(label, ())) != {"de", "fr"}] + bare_words(site)


def check_experts(templates, seed):
    """The expert solves one task of each template in a browser, on splits train and ood in turn."""
    env = WebNav()
    try:
        for index, template in enumerate(templates.values()):
            split = ("train", "ood")[index % 2]
            info = env.reset(seed=seed + index, options={"task": template.name, "split": split})[1]
            over = False
            while not over:
                _, _, terminated, truncated, info = env.step(env.expert())
                over = terminated or truncated
            assert info["success"], (template.name, info["error"])
            assert env.turn <= 3 * info["expert_steps"] + 4
    finally:
        env.close()
