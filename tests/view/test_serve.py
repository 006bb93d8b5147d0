"""Runs that are looked at while they go on: what is new appears, and nothing else of the disk can be had."""

import http.client
import json
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from viewed_runs import played, wait_until, write_run

from mmgym.bench.records import Folder
from mmgym.store import save_trajectories
from mmgym.trajectory import ImageStore
from mmgym.view import serve
from mmgym.view.serve import Server


@contextmanager
def serving(*folders):
    with Server(folders) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


@pytest.fixture
def run(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    return write_run(tmp_path / "run", "clever", lambda level, seed: True, ids=True)


def test_only_what_the_index_names_can_be_had(run):
    with serving(run) as server:
        assert server.server_address[0] == "127.0.0.1"
        status, content = ask(server, "/index.json")
        index = json.loads(content)
        assert status == 200 and len(index["episodes"]) == 12
        assert ask(server, "/index.json", **{"If-None-Match": index["stamp"]}) == (304, b"")
        number, name = index["shards"][0]
        status, content = ask(server, f"/shards/{number}/{name}")
        digest = json.loads(content)["episodes"][0]["final"]
        status, content = ask(server, f"/pictures/{number}/{name}/{digest}.png")
        assert status == 200 and content.startswith(b"\x89PNG")
        for path in (
            "/../secret.txt",
            "/..%2fsecret.txt",
            "/shards/0/..%2f..%2f..%2fsecret.txt",
            "/shards/0/../../secret.txt",
            "/shards/0/bench.json",
            f"/shards/-1/{name}",
            f"/shards/9/{name}",
            f"/shards/x/{name}",
            f"/pictures/{number}/{name}/..%2f..%2fbench.json",
            f"/pictures/{number}/{name}/{'0' * 32}.png",
            "/bench.json",
            "/episodes.jsonl",
            "//etc/passwd",
            "/index.json/x",
        ):
            status, content = ask(server, path)
            assert status == 404 and b"secret" not in content, path
        assert ask(server, "/index.json", Host="evil.example")[0] == 403


def test_a_record_that_names_a_file_elsewhere_reads_nothing(run):
    lines = (run / "episodes.jsonl").read_text().splitlines()
    record = json.loads(lines[0])
    outside = run.parent / "outside.parquet"
    save_trajectories(outside, [], ImageStore())
    (run / "episodes.jsonl").write_text(json.dumps({**record, "shard": "../../outside.parquet"}) + "\n")
    with serving(run) as server:
        status, content = ask(server, "/shards/0/..%2f..%2foutside.parquet")
        assert status == 500 and b"which is no file of" in content


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected bench\.json.*or metrics\.jsonl"):
        Server([tmp_path])


def test_new_episodes_appear_and_what_is_looked_at_stays(tab, run):
    with serving(run) as server:
        tab.goto(f"{server.address}#episode=0-3&turn=2")
        tab.wait_for_selector("#turn-1[aria-current=step]")
        wait_until(tab, "[...document.images].every(image => image.complete && image.naturalWidth)")
        images = ImageStore()
        Folder(run).add([(12, played(images, "toy/Corridor-v0", 2, 9, False))], images)
        with (run / "episodes.jsonl").open("a") as file:
            file.write('{"index": 13, "env": "to')  # the run is just writing the next one
        tab.wait_for_selector("text=13 of 13 episodes")
        assert tab.locator("#turn-1[aria-current=step]").count() == 1
        assert "seed 5" in tab.inner_text("#viewer")
        assert tab.evaluate("view.selected") == "0-3"
    tab.wait_for_selector("text=the server has ended")
    tab.said[:] = [line for line in tab.said if "ERR_CONNECTION_REFUSED" not in line]


PICTURES = "[...document.images].every(image => image.complete && image.naturalWidth)"


def add(run, index, env="toy/Corridor-v0", level=2, seed=9, solved=False, **changes):
    images = ImageStore()
    Folder(run).add([(index, played(images, env, level, seed, solved, **changes))], images)


@pytest.fixture
def begun(tmp_path):
    """A run whose first episodes take longest: numbers 3 and 4 have ended."""
    folder = Folder(tmp_path / "begun")
    folder.open({"agent": "slow", "options": {}, "suite": "toy@1", "all_episodes": 5}, ["agent"])
    for number in (3, 4):
        add(folder.path, number, "toy/Page-v0", seed=10 * number, turns=4)
    return folder.path


def test_pictures_are_found_though_an_earlier_episode_ends_later(tab, begun):
    with serving(begun) as server:
        tab.goto(f"{server.address}#episode=0-4")
        tab.wait_for_selector(".picture img")
        add(begun, 0)
        tab.wait_for_selector("text=3 of 3 episodes")
        tab.keyboard.press("ArrowRight")
        tab.wait_for_selector("#turn-1[aria-current=step]")
        wait_until(tab, PICTURES)


def test_an_episode_that_comes_while_others_end_is_shown(tab, begun):
    with serving(begun) as server:
        held = []
        tab.route("**/shards/**", lambda route: held.append(route))
        tab.goto(f"{server.address}#episode=0-4")
        tab.wait_for_selector("text=2 of 2 episodes")
        add(begun, 0)
        tab.wait_for_selector("text=3 of 3 episodes")
        for route in held:
            route.continue_()
        tab.wait_for_selector(".picture img")
        assert "Episode 4:" in tab.inner_text("#viewer")
        wait_until(tab, PICTURES)


def test_filters_stay_with_what_they_name(tab, begun):
    with serving(begun) as server:
        tab.goto(f"{server.address}#episodes")
        tab.select_option("#filter-env", label="toy/Page-v0")
        option = tab.query_selector("#filter-level option")
        add(begun, 0)  # of an environment that now is the first one
        tab.wait_for_selector("text=2 of 3 episodes")
        assert tab.locator(".row").all_inner_texts()[0].startswith("toy/Page-v0")
        assert option.evaluate("option => option.isConnected"), "a list that says the same stays, and stays open"


def test_the_other_side_stays_who_it_was(tab, run, tmp_path):
    other = write_run(tmp_path / "other", "dull", lambda level, seed: seed == 5)
    with serving(run, other) as server:
        tab.goto(f"{server.address}#episode=0-3")
        tab.wait_for_selector(".picture img")
        tab.keyboard.press("c")
        tab.wait_for_selector(".sides.two")
        before = tab.inner_text(".side >> nth=1")
        assert "dull" in before and "return 1 solved" in before
        add(run, 12)
        tab.wait_for_selector("text=25 of 25 episodes")
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("ArrowLeft")
        assert tab.inner_text(".side >> nth=1") == before


def test_results_stay_where_they_were_read(tab, run):
    with serving(run) as server:
        tab.set_viewport_size({"width": 420, "height": 800})
        tab.goto(server.address)
        tab.click("summary")
        tab.get_by_role("button", name="toy/Page-v0, level 2, clever: 100").focus()
        tab.evaluate("document.querySelector('.scroll').scrollLeft = 70")
        add(run, 12, "toy/Page-v0")
        tab.get_by_role("button", name="toy/Page-v0, level 2, clever: 75").wait_for()
        assert "level 2, clever: 75" in tab.evaluate("document.activeElement.title").replace("\xa0", " ")
        assert tab.evaluate("document.querySelector('.scroll').scrollLeft") == 70
        assert tab.get_attribute("details", "open") == ""
        tab.click("#tab-episodes")
        tab.wait_for_selector(".picture img")
        add(run, 13, "toy/Page-v0")
        tab.wait_for_selector("text=14 of 14 episodes")
        tab.click("#tab-results")
        tab.get_by_role("button", name="toy/Page-v0, level 2, clever: 60").wait_for()


def test_an_index_that_took_long_is_kept_longer(run, monkeypatch):
    with serving(run) as server:
        first = server.library.index()
        monkeypatch.setattr(server.library, "_due", float("inf"))
        images = ImageStore()
        Folder(run).add([(12, played(images, "toy/Corridor-v0", 2, 9, False))], images)
        assert server.library.index() is first
        monkeypatch.setattr(server.library, "_due", 0.0)
        assert len(server.library.index()["episodes"]) == 13


def test_damage_is_said(run):
    with serving(run) as server:
        shard = next((run / "trajectories").iterdir())
        shard.write_bytes(shard.read_bytes()[:100])
        status, content = ask(server, f"/shards/0/{shard.name}")
        assert status == 500 and b"cut in the middle" in content


def test_a_damaged_line_is_named(tab, training):
    with serving(training) as server:
        tab.goto(server.address)
        tab.wait_for_selector("text=served live")
        metrics = training / "metrics.jsonl"
        whole = metrics.read_text()
        metrics.write_text(f"{whole}[1]\n")
        said = "line 13: expected a JSON object; got '[1]'"
        for path in ("/", "/index.json"):
            status, content = ask(server, path)
            assert status == 500 and said in content.decode()
        tab.wait_for_selector(f"#live.fault:has-text({json.dumps(said)})")
        metrics.write_text(whole + '{"stage": "grpo", "kind": "train", "success": 0.5}\n')
        tab.wait_for_selector("#live.fault:has-text(\"metrics.jsonl: a line lacks 'step'\")")
        metrics.write_text(whole + line("grpo", "train", 11, success=0.9))
        tab.wait_for_selector("#live:not(.fault):has-text('served live')")
        tab.said[:] = [line for line in tab.said if "status of 500" not in line]


def line(stage, kind, step, **values):
    return json.dumps({"stage": stage, "kind": kind, "step": step, **values}) + "\n"


@pytest.fixture
def training(tmp_path):
    found = {"success": 0.4, "low": 0.3, "high": 0.5, "episodes": 10}
    lines = [line("cloning", "eval", 5, sampled=found), line("perception", "train", 1, loss=3.0, accuracy=0.2)]
    lines += [line("grpo", "train", k, success=k / 20, entropy=1 / k, seconds_rollout=2.0) for k in range(1, 11)]
    (tmp_path / "metrics.jsonl").write_text("".join(lines))
    images = ImageStore()
    kept = [played(images, "toy/Corridor-v0", 1, seed, False, ids=True) for seed in (5, 6)]
    save_trajectories(tmp_path / "trajectories" / "before.parquet", kept, images)
    return tmp_path


def test_training_shows_curves_and_the_newest_episodes_while_it_runs(tab, training):
    with serving(training) as server:
        tab.goto(server.address)
        tab.wait_for_selector("svg[aria-label^='Success: 40']")
        for title in ("entropy", "seconds rollout", "accuracy"):
            assert tab.locator(f".chart:has-text('{title}')").count() == 1
        assert "50 % at 10" in tab.get_attribute("svg[aria-label^='Success: 40']", "aria-label").replace("\xa0", " ")
        with (training / "metrics.jsonl").open("a") as file:
            file.write(line("grpo", "train", 20, success=0.9, entropy=0.05))
        images = ImageStore()
        newest = [played(images, "toy/Corridor-v0", 1, seed, True, ids=True) for seed in (5, 6)]
        save_trajectories(training / "trajectories" / "latest.parquet", newest, images)
        tab.wait_for_selector("text=4 episodes")
        tab.wait_for_selector("svg[aria-label*='at 20']")
        tab.keyboard.press("j")
        tab.wait_for_selector(".token")
        tab.keyboard.press("c")
        tab.wait_for_selector(".sides.two")
        assert "latest" in tab.inner_text(".sides") and "solved" in tab.inner_text(".sides")


def test_an_episode_that_was_kept_anew_replaces_the_old_one(training, monkeypatch):
    monkeypatch.setattr(serve, "_PATIENCE", 0)
    with serving(training) as server:
        for solved in (False, True):
            images = ImageStore()
            kept = [played(images, "toy/Corridor-v0", 1, 5, solved, ids=True)]
            save_trajectories(training / "trajectories" / "latest.parquet", kept, images)
            index = server.library.index()
            run = next(k for k, one in enumerate(index["runs"]) if one["name"] == "latest")
            turns = server.library.shard(run, "latest.parquet")[0][0]["turns"]
            assert turns[-1]["reward"] == float(solved)


def test_the_episode_that_is_looked_at_is_shown_as_it_was_kept_last(tab, training):
    def keep(**how):
        images = ImageStore()
        kept = [played(images, "toy/Corridor-v0", 1, 5, ids=True, **how)]
        save_trajectories(training / "trajectories" / "latest.parquet", kept, images)

    keep(solved=False)
    with serving(training) as server:
        tab.goto(f"{server.address}#episode=1-0&turn=3")
        tab.wait_for_selector("text=The end: out of turns, return 0")
        with (training / "metrics.jsonl").open("a") as file:
            file.write(line("grpo", "train", 20, success=0.9))
        toolbar = tab.query_selector(".toolbar")
        wait_until(tab, "index.curves[0].charts[0].series[1].length === 11")
        assert toolbar.evaluate("element => element.isConnected"), "nothing new of this episode: it is not drawn again"
        keep(solved=True, turns=4)
        tab.wait_for_selector("text=4 turns (expert: 2), return 1")
        tab.keyboard.press("End")
        tab.wait_for_selector("text=The end: solved, return 1")
        tab.keyboard.press("ArrowLeft")
        wait_until(tab, PICTURES)


def test_many_points_are_thinned_to_means_of_neighbours():
    from mmgym.view.training import _thinned

    points = [(step, float(step % 2)) for step in range(2000)]
    thinned = _thinned(points)
    assert len(thinned) == 500 and np.allclose([y for _, y in thinned], 0.5)
    assert _thinned(points[:3]) == [[0, 0], [1, 1], [2, 0]] and _thinned([]) == []
