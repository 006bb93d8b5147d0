"""What the tests of WebNav's sites share: a browser without a window, worlds, drawn tasks, labels, the expert."""

import asyncio
import contextlib
import functools
import inspect
import itertools
import re
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

import numpy as np

from mmgym_web.messages import Request
from mmgym_web.webnav import catalogue
from mmgym_web.webnav.env import WebNav
from mmgym_web.webnav.kit.changes import met
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.site import _labels
from mmgym_web.webnav.kit.task import Redraw
from mmgym_web.webnav.kit.world import World

SITES = catalogue.sites()
SPLITS = ("train", "val", "test", "ood")
STEPS = {1: (1, 2), 2: (2, 4), 3: (4, 7), 4: (6, 10), 5: (10, 15)}
"""Fewest turns of a task that can be done, from and to, by level."""
_OPTIONS = re.compile(r"(?s)\b(?:Answer with|It is one of) .*|\blike \d+[:.]\d+|\b1 to 12\b|\([^)]*,[^)]*\)")
"""Where an instruction lists all possible answers, or has an example of one."""


class Browser:
    """Follows links and sends forms as a browser does, without a window."""

    def __init__(self, episode):
        self.episode, self.cookies = episode, {}

    def send(self, site, path, form=None, file=None):
        """The response to one request, a POST if there is a form: a dict, or pairs.

        `file` is a field, a name and a content.
        """
        headers, body = [("cookie", self.cookies[site])] if site in self.cookies else [], b""
        pairs = form.items() if isinstance(form, dict) else form or ()
        if file:
            parts = [f'--X\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in pairs]
            parts.append(f'--X\r\nContent-Disposition: form-data; name="{file[0]}"; filename="{file[1]}"\r\n\r\n')
            body = "".join(parts).encode() + file[2] + b"\r\n--X--\r\n"
            headers.append(("content-type", "multipart/form-data; boundary=X"))
        elif form is not None:
            body = urlencode(list(pairs)).encode()
            headers.append(("content-type", "application/x-www-form-urlencoded"))
        request = Request("GET" if form is None else "POST", self.episode.site(site).url(path), headers, body)
        response = asyncio.run(self.episode.answer(request))
        if cookie := dict(response.headers).get("set-cookie"):
            self.cookies[site] = cookie.split(";")[0]
        return response

    def ask(self, site, path, form=None, file=None):
        """The response after redirects, also to other sites."""
        response = self.send(site, path, form, file)
        if location := dict(response.headers).get("location"):
            url = urljoin(self.episode.site(site).url(path), location)
            return self.ask(self.episode.site_at(url), urlunsplit(("", "", *urlsplit(url)[2:])))
        return response

    def text(self, site, path, form=None):
        """The page as text."""
        return self.ask(site, path, form).body.decode()

    def pages(self, site, limit=300):
        """Status of every page of a site that links lead to, by path; redirects are not followed."""
        found, waiting = {}, ["/"]
        while waiting and len(found) < limit:
            path = waiting.pop(0)
            if path not in found:
                response = self.send(site, path)
                found[path] = response.status
                links = re.findall(r'(?:href|src)="(/[^"]*)"', response.body.decode("utf-8", "replace"))
                waiting += [link.replace("&amp;", "&") for link in links]
        return found


def episode(seed, *names, split="train", level=3, sites=SITES):
    """A world of `sites`, of which those in `names` are filled."""
    made = Episode(World(seed, split, level), sites)
    for name in names:
        made.site(name)
    return made


def drawn(template, seed, split="train", accept=lambda task: True):
    """A world and a task of a template that `accept` takes."""
    for number in range(seed, seed + 400, 20):
        made = episode(number, *template.sites, split=split, level=template.level)
        rng = np.random.default_rng(seed)
        for _ in range(60):
            with contextlib.suppress(Redraw):
                task = template.draw(made, rng)
                if accept(task):
                    return made, task
        made.close()
    raise AssertionError(f"no task of {template.name} from seed {seed} on")


def is_met(made, task):
    """Whether the changes of a task hold, and no others."""
    return met(task.expects, made.changes(), made.journal.incidental)


def check_effect(template, seed, forms, wrong):
    """`forms(task)` does a task; anything besides, or the forms of `wrong(task)` in their place, does not.

    A form is a site, a path and its fields.
    """
    for way in (forms, wrong):
        made, task = drawn(template, seed)
        browser = Browser(made)
        assert not is_met(made, task)
        for form in way(task):
            browser.ask(*form)
        assert made.changes() and is_met(made, task) is (way is forms), (template.name, made.changes())
        browser.ask("files", "/item/30/star", {})
        assert not is_met(made, task)
        made.close()


def check_draws(templates, draws=3, variety=0.7, **rules):
    """Tasks of each template in 30 worlds: the same whenever drawn, fit to be asked, and not all alike.

    A world has only the sites that a template says it needs. Drawing and opening the page of the start change nothing,
    so nothing is solved before it is begun. Of the `draws` in one world, one or more give a task, on average; `variety`
    is the least share of a template's tasks that differ in what they are about. `rules` go to `check_task`.
    """
    texts = {template.name: [] for template in templates}
    for seed in range(30):
        for names in sorted({tuple(sorted(template.sites)) for template in templates}):
            group = [template for template in templates if set(template.sites) == set(names)]
            made = _confined(seed, names)
            before, tasks = made.db.total_changes, _draws(group, made, seed, draws)
            where = f"{', '.join(names)}, seed {seed}"
            assert _draws(group, made, seed, draws) == tasks, f"{where}: drawn again, they differ"
            assert made.db.total_changes == before, f"{where}: a draw writes to the database"
            if seed < 4:  # to fill a world takes longer than to draw in it
                again = _confined(seed, names)
                assert _draws(group, again, seed, draws) == tasks, f"{where}: in an equal world, they differ"
                again.close()
            ask = functools.cache(Browser(made).ask)
            for template, task in tasks:
                check_task(template, task, ask(task.site, task.start), **rules)
                texts[template.name].append(task.content or task.instruction)
            assert made.changes() == [] and made.errors == [], f"{where}: to look changes something"
            made.close()
    for name, found in texts.items():
        assert len(found) >= 30, f"{name} is hardly ever there"
        assert len(set(found)) >= max(variety * len(found), 11), f"{name}: {len(set(found))} of {len(found)} differ"


def check_task(template, task, response, milestones=0, short_refusals=False, refused_at_start=False, said=()):
    """What any task must be like, and the response at its start.

    Args:
        template, task, response: what is checked.
        milestones: the fewest of a task of level 1 or 2.
        short_refusals: whether what cannot be done may take fewer turns than its level has.
        refused_at_start: whether what cannot be done may name no page that shows it: the start does.
        said: names of templates whose answer is in pixels and may yet be in the text of the start, among its like.
    """
    where, (low, high) = f"{template.name}: {task.instruction}", STEPS[template.level]
    assert (1 if task.infeasible and short_refusals else low) <= task.steps <= high, f"{task.steps} turns for {where}"
    assert not re.search(r"[{}]|None", task.instruction), where
    assert (milestones if template.level < 3 else 1) <= len(task.milestones) <= 4, where
    assert bool(task.expects) + bool(task.answer) + bool(task.page or task.infeasible) == 1, where
    assert task.page or refused_at_start or not task.infeasible, where
    assert response.status == 200, where
    if template.pixels and task.answer:
        asked = _OPTIONS.sub("", task.instruction)
        answer = re.compile(rf"(?<!\w){re.escape(task.answer.value)}(?!\w)")
        assert not answer.search(asked), where
        assert template.name in said or not answer.search(response.body.decode().split("<body")[1]), where


def _confined(seed, names):
    """A filled world of these sites and no others."""
    sites = {name: SITES[name] for name in names}
    return episode(seed, *names, split=SPLITS[seed % 4], level=1 + seed % 5, sites=sites)


def _draws(templates, made, seed, draws):
    found = []
    for template, number in itertools.product(templates, range(draws)):
        with contextlib.suppress(Redraw):
            found.append((template, template.draw(made, np.random.default_rng([seed, number]))))
    return found


def labels(site):
    """The translations of a site's labels."""
    return _labels(SITES[site])


def untranslated(site, further=()):
    """Labels that are shown and lack German or French, or whose values differ there; words that are no labels.

    Shown are those of the templates, the modules and the menu, and `further`: those not written as ``t("...")``.
    """
    folder = Path(inspect.getfile(SITES[site])).parent
    shown = {label for label, _ in SITES[site].menu} | set(further)
    for file in [*folder.glob("*.py"), *folder.glob("templates/*.html")]:
        text = file.read_text(encoding="utf-8")
        shown |= {label for _, label in re.findall(r"""\bt\(\s*(["'])(.+?)\1""", text)}
        shown |= set(re.findall(r'\bt\(\s*"[^"]+" if [^)]* else "([^"]+)"', text))
    wrong = []
    for label in sorted(shown):
        known = labels(site).get(label, {})
        values = {tuple(sorted(re.findall(r"\{\w+\}", text))) for text in (label, *known.values())}
        if set(known) != {"de", "fr"} or len(values) > 1:
            wrong.append(label)
    return wrong + bare_words(site)


def bare_words(site):
    """English words that stand in a site's templates without a translation."""
    found = []
    for file in sorted((Path(inspect.getfile(SITES[site])).parent / "templates").glob("*.html")):
        text = file.read_text(encoding="utf-8")
        text = re.sub(r"(?s)<(script|style)>.*?</\1>|\{% block (more_)?style %\}.*?\{% endblock %\}", "", text)
        text = re.sub(r"(?s)<[^>]*>|&\w+;", "\n", re.sub(r"(?s)\{\{.*?\}\}|\{%.*?%\}", "\n", text))
        found += [f"{file.name}: {word}" for word in re.findall(r"[A-Za-z]{3,}", text)]
    return found


def check_experts(templates, seed, splits=SPLITS):
    """The expert solves one task of each template in a browser, on the splits in turn, and does not go astray."""
    env = WebNav()
    try:
        for index, template in enumerate(templates):
            split, over = splits[index % len(splits)], False
            env.reset(seed=seed + index, options={"task": template.name, "split": split})
            while not over:
                _, reward, terminated, truncated, info = env.step(env.expert())
                over = terminated or truncated
            assert info["success"] and reward == 1, (template.name, split, info["error"])
            assert env.turn <= 3 * info["expert_steps"] + 4, (template.name, split, env.turn)
    finally:
        env.close()
