"""What the tests of the webmail and the calendar share: requests without a browser, drawn tasks, labels in use."""

import asyncio
import re
from pathlib import Path

import numpy as np

from mmgym_web.messages import Request
from mmgym_web.webnav.kit.changes import met
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.task import Redraw
from mmgym_web.webnav.kit.world import World
from mmgym_web.webnav.sites.calendar import SITE as CALENDAR
from mmgym_web.webnav.sites.mail import SITE as MAIL

SITES = {"mail": MAIL, "calendar": CALENDAR}
SPLITS = ("train", "val", "test", "ood")
STEPS = {1: (1, 2), 2: (2, 4), 3: (4, 7), 4: (6, 10), 5: (10, 15)}
"""Fewest turns of a task, from and to, by level."""


class Browser:
    """Follows links and sends forms as a browser does, without one."""

    def __init__(self, episode):
        self.episode, self.cookies = episode, {}

    def ask(self, site, path, form=None, file=None):
        """The response after redirects. `file` is a field, a name and a content."""
        headers, body = [("cookie", self.cookies[site])] if site in self.cookies else [], b""
        if file:
            parts = [f'--X\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in form.items()]
            parts.append(f'--X\r\nContent-Disposition: form-data; name="{file[0]}"; filename="{file[1]}"\r\n\r\n')
            body = "".join(parts).encode() + file[2] + b"\r\n--X--\r\n"
            headers.append(("content-type", "multipart/form-data; boundary=X"))
        elif form is not None:
            pairs = form.items() if isinstance(form, dict) else form
            body = "&".join(f"{k}={_quote(str(v))}" for k, v in pairs).encode()
            headers.append(("content-type", "application/x-www-form-urlencoded"))
        url = self.episode.site(site).url(path)
        method = "GET" if form is None else "POST"
        response = asyncio.run(self.episode.answer(Request(method, url, headers, body)))
        headers = dict(response.headers)
        if "set-cookie" in headers:
            self.cookies[site] = headers["set-cookie"].split(";")[0]
        location = headers.get("location")
        return self.ask(site, location) if location else response

    def text(self, site, path, form=None):
        """The page as text."""
        return self.ask(site, path, form).body.decode()


def _quote(text):
    return "".join(f"%{byte:02X}" for byte in text.encode())


def episode(seed, split="train", level=3, sites=tuple(SITES)):
    """Sites of a world, filled."""
    made = Episode(World(seed, split, level), SITES)
    for name in sites:
        made.site(name)
    return made


def drawn(template, seed, split="train", accept=lambda task: True):
    """A world and a task of a template that `accept` takes."""
    for world in range(seed, seed + 400, 20):
        made, rng = episode(world, split, template.level, template.sites), np.random.default_rng(seed)
        for _ in range(30):
            try:
                task = template.draw(made, rng)
            except Redraw:
                continue
            if accept(task):
                return made, task
        made.close()
    raise AssertionError(f"no task of {template.name} from seed {seed} on")


def is_met(made, task):
    """Whether the changes of a task hold, and no others."""
    return met(task.expects, made.changes(), made.journal.incidental)


def check_draws(templates, sites):
    """Some 36 tasks of each template: unambiguous in form, as long as the level allows, from a page that is there."""
    texts = {name: [] for name in templates}
    for seed in range(12):
        made = Episode(World(seed, SPLITS[seed % 4], 1 + seed % 5), {name: SITES[name] for name in sites})
        for name in sites:
            made.site(name)
        browser, starts = Browser(made), set()
        for name, template in templates.items():
            for number in range(3):
                try:
                    task = template.draw(made, np.random.default_rng([seed, number]))
                    assert task == template.draw(made, np.random.default_rng([seed, number]))
                except Redraw:
                    continue
                check_task(template, task)
                texts[name].append(task.instruction)
                starts.add((task.site, task.start))
        assert made.changes() == []
        assert all(browser.ask(*start).status == 200 for start in sorted(starts))
        made.close()
    for name, drawn_texts in texts.items():
        assert len(drawn_texts) >= 12, f"{name} is hardly ever there"
        assert len(set(drawn_texts)) >= 8, f"{name} says always the same"


def check_task(template, task):
    """What any task must be like."""
    low, high = STEPS[template.level]
    assert low <= task.steps <= high, template.name
    assert "{" not in task.instruction and "None" not in task.instruction
    assert len(task.milestones) <= 4
    assert bool(task.expects) + bool(task.answer) + bool(task.page) == 1
    if template.pixels and task.answer is not None and ":" in task.answer.value:
        assert task.answer.value not in task.instruction.replace("14:30", "").replace("14:00", "")


def labels_in_use(site):
    """Labels that a site's templates and modules translate, its menu's too."""
    folder = Path(__file__).parents[2] / "envs/mmgym_web/webnav/sites" / site
    files = [*folder.glob("*.py"), *folder.glob("templates/*.html")]
    found = {label for label, _ in SITES[site].menu}
    for file in files:
        found |= set(re.findall(r'\bt\(\s*"([^"]+)"', file.read_text(encoding="utf-8")))
        found |= set(re.findall(r'else self\.t\("([^"]+)"', file.read_text(encoding="utf-8")))
    return found


def bare_words(site):
    """English words that stand in a site's templates without a translation."""
    folder = Path(__file__).parents[2] / "envs/mmgym_web/webnav/sites" / site / "templates"
    found = []
    for file in sorted(folder.glob("*.html")):
        text = re.sub(r"(?s)<script>.*?</script>|\{% block (more_)?style %\}.*?\{% endblock %\}", "", file.read_text())
        text = re.sub(r"(?s)\{\{.*?\}\}|\{%.*?%\}|<[^>]*>|&\w+;", "\n", text)
        found += [f"{file.name}: {word}" for word in re.findall(r"[A-Za-z]{3,}", text)]
    return found
