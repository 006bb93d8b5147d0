"""Real applications: equal episodes, separate episodes, verification on their own data, experts in a real browser."""

import asyncio
import importlib.util
import os
import subprocess
import sys
from urllib.parse import quote, urlencode

import numpy as np
import pytest

from mmgym.env import SPLITS
from mmgym.spaces import ToolCall
from mmgym_web.apps import folders
from mmgym_web.apps.clock import Clock
from mmgym_web.apps.episode import compare, require
from mmgym_web.apps.otterwiki import OtterWiki
from mmgym_web.apps.roundup import Roundup
from mmgym_web.apps.tracker import TrackerEpisode
from mmgym_web.apps.wiki import WikiEpisode
from mmgym_web.messages import Request
from mmgym_web.webnav.kit.changes import met
from mmgym_web.webnav.kit.world import World

NEEDS = "needs the applications: pip install 'mmgym[web-apps]'"
roundup = pytest.mark.skipif(importlib.util.find_spec("roundup") is None, reason=NEEDS)
otterwiki = pytest.mark.skipif(importlib.util.find_spec("otterwiki") is None, reason=NEEDS)
both = pytest.mark.parametrize(
    "kind",
    [pytest.param(TrackerEpisode, marks=roundup), pytest.param(WikiEpisode, marks=otterwiki)],
    ids=["tracker", "wiki"],
)
environments = pytest.mark.parametrize(
    "make",
    [pytest.param(Roundup, marks=roundup), pytest.param(OtterWiki, marks=otterwiki)],
    ids=["roundup", "otterwiki"],
)


def begin(kind, seed=1, level=2, split="train"):
    episode = kind(World(seed, split, level))
    episode.open()
    return episode


def get(episode, path):
    request = Request("GET", episode.site(episode.name).url(quote(path, safe="/?&=@%-")))
    return asyncio.run(episode.answer(request))


def post(episode, path, **form):
    headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Origin", f"http://{episode.host}")]
    body = urlencode(form).encode()
    return asyncio.run(episode.answer(Request("POST", episode.site(episode.name).url(path), headers, body)))


def write(episode, text="A new line."):
    """Make one small change; the path of the page that shows it."""
    if isinstance(episode, TrackerEpisode):
        assert post(episode, "/issue1", **{"@note": text, "@action": "edit"}).status == 302
        return "/issue1"
    page = episode.content.pages[0]
    assert post(episode, f"{page.path}/save", content=f"{page.text}{text}\n", commit="").status == 302
    return page.path


@both
def test_equal_worlds_give_equal_bytes(kind):
    def play():
        episode = begin(kind, seed=5)
        path = write(episode)
        pages = [path, "/", *(["/-/changelog", f"{path}/history"] if kind is WikiEpisode else ["/user3"])]
        answers = [get(episode, page) for page in pages]
        episode.close()
        assert [answer.status for answer in answers] == [200] * len(pages)
        return [(answer.headers, answer.body) for answer in answers]

    assert play() == play()


@both
def test_the_applications_time_is_the_episodes(kind):
    episode = begin(kind, seed=5)
    shown = get(episode, write(episode) + ("/history" if kind is WikiEpisode else "")).body.decode()
    assert f"{episode.world.now:%Y-%m-%d}" in shown and "+00:00" not in shown
    episode.close()


@both
def test_episodes_of_one_process_do_not_mix(kind):
    first, second = begin(kind, seed=1), begin(kind, seed=2)
    path = write(first, "Only in the first.")
    get(second, "/")
    assert b"Only in the first." in get(first, path).body
    assert len(first.changes()) == 1 and second.changes() == []
    again = begin(kind, seed=1)
    assert again.changes() == [] and b"Only in the first." not in get(again, path).body
    for episode in (first, second, again):
        episode.close()


@both
def test_other_hosts_are_refused_and_errors_are_pages(kind):
    episode = begin(kind)
    assert asyncio.run(episode.answer(Request("GET", "http://elsewhere.test/"))) is None
    assert episode.site_at("http://elsewhere.test/") == ""
    assert get(episode, "/no/such/page").status in (200, 404)
    assert episode.changes() == [] and episode.errors == []
    episode.close()


@both
def test_closing_removes_the_files(kind):
    episode = begin(kind)
    get(episode, "/")
    assert episode.folder.is_dir()
    episode.close()
    assert not episode.folder.exists()


@environments
def test_every_template_draws_in_every_split_and_none_is_solved_at_the_start(make):
    assert len(make.templates) >= 8 and {template.level for template in make.templates} == {1, 2, 3, 4, 5}
    asked = {split: set() for split in SPLITS}
    env = make()
    for template in make.templates:
        for split in SPLITS:
            env.split = split
            episode, drawn, task = env._draw(np.random.default_rng(7), template.name)
            assert isinstance(drawn, template) and episode.world.level == template.level
            assert not met(task.expects, [], frozenset()) or task.page or task.answer
            asked[split].add(task.instruction)
    for split in SPLITS:
        for other in SPLITS[: SPLITS.index(split)]:
            assert not asked[split] & asked[other]


@roundup
def test_the_tracker_is_verified_on_its_database():
    template = next(t for t in Roundup.templates if t.name == "tracker_note")()
    episode = begin(TrackerEpisode, seed=3)
    task = template.draw(episode, np.random.default_rng(0))
    ((path, fields),) = task.facts["forms"].items()
    post(episode, path, **fields, **{"@action": "edit"})
    assert met(task.expects, episode.changes(), frozenset())
    post(episode, path, title="another title", **{"@action": "edit"})
    assert not met(task.expects, episode.changes(), frozenset())
    episode.close()


@otterwiki
def test_the_wiki_is_verified_on_its_files():
    template = next(t for t in OtterWiki.templates if t.name == "wiki_append")()
    episode = begin(WikiEpisode, seed=3)
    task = template.draw(episode, np.random.default_rng(0))
    path, file, _, line = task.facts["lines"][0]
    text = next(page.text for page in episode.content.pages if page.file == file)
    post(episode, f"{path}/save", content=f"{text}{line}", commit="")
    assert met(task.expects, episode.changes(), frozenset())
    post(episode, "/Home/save", content="# Home\n\nall gone", commit="")
    assert not met(task.expects, episode.changes(), frozenset())
    log = subprocess.run(["git", "log", "--format=%an"], cwd=episode.folder, capture_output=True, text=True, check=True)
    assert log.stdout.split("\n")[0] == episode.world.me.name
    episode.close()


def solve(env, name, seed):
    _, info = env.reset(seed=seed, options={"task": name})
    assert not info["success"]
    for turn in range(1, env.max_turns + 1):
        *_, reward, terminated, truncated, info = env.step(env.expert())
        if terminated or truncated:
            assert reward == 1.0 and info["success"], f"{name}, seed {seed}: not solved in {turn} turns"
            assert turn >= info["expert_steps"], f"{name}, seed {seed}: solved in fewer turns than the fewest"
            return


@environments
def test_the_expert_plays_the_real_application(make):
    env = make(width=900, height=600)
    names = {Roundup: ("tracker_status", "tracker_create"), OtterWiki: ("wiki_set_fact", "wiki_create")}[make]
    for name in names:
        solve(env, name, seed=11)
    env.close()


@pytest.mark.slow
@environments
def test_the_expert_solves_every_template(make):
    env = make(width=900, height=600)
    for template in make.templates:
        for seed in (21, 22):
            solve(env, template.name, seed)
    env.close()


@environments
def test_a_change_too_many_earns_nothing(make):
    env = make()
    env.reset(seed=4, options={"level": 2})
    write(env._episode)
    assert env.step(ToolCall("answer", {"text": "done"}))[1:3] == (0.0, True)
    env.close()


# --- what they stand on ---


def test_what_differs_is_found_row_by_row():
    before = {"page": {1: {"a": 1}, 2: {"a": 2}}, "file": {}}
    after = {"page": {1: {"a": 9}, 3: {"a": 3}}, "file": {}}
    found = [(change.table, change.kind, change.before, change.after) for change in compare(before, after)]
    assert found == [
        ("page", "update", {"a": 1}, {"a": 9}),
        ("page", "delete", {"a": 2}, {}),
        ("page", "insert", {}, {"a": 3}),
    ]


def test_a_missing_application_names_the_command_that_installs_it():
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'mmgym\[web-apps\]'"):
        require("no_such_application")


def test_the_clock_is_replaced_in_one_package_alone(monkeypatch):
    import datetime
    import time
    import types

    module, other = types.ModuleType("frozen_pkg.inner"), types.ModuleType("other_pkg")
    for one in (module, other):
        one.time, one.datetime, one.now = time, datetime.datetime, time.time
        monkeypatch.setitem(sys.modules, one.__name__, one)
    clock = Clock()
    clock.replace_time("frozen_pkg")
    clock.set(86400.0, "key")
    assert (module.time.time(), module.now(), module.time.gmtime().tm_mday) == (86400.0, 86400.0, 2)
    assert module.datetime.now(datetime.UTC).isoformat() == "1970-01-02T00:00:00+00:00"
    assert module.time.monotonic() > 0 and other.time is time and other.datetime is datetime.datetime
    first = clock.token_bytes(8)
    clock.set(0.0, "key")
    assert clock.token_bytes(8) == first


def test_folders_of_dead_processes_are_swept():
    mine = folders.make_folder("mine")  # first: making a process's first folder sweeps as well
    code = "from mmgym_web.apps.folders import make_folder; import os; print(make_folder('x'), flush=True); os._exit(9)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    swept = folders.sweep()
    assert any(made.stdout.startswith(str(folder)) and not folder.exists() for folder in swept)
    assert mine.is_dir()


def test_a_folder_cache_keeps_the_last(tmp_path):
    cache = folders.FolderCache(size=2)
    for number in range(3):
        source = tmp_path / f"source{number}"
        source.mkdir()
        (source / "file").write_text(str(number))
        cache.keep(number, source)
    assert not cache.copy_to(0, tmp_path / "copy0")
    assert cache.copy_to(2, tmp_path / "copy2") and (tmp_path / "copy2" / "file").read_text() == "2"
