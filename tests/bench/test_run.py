"""A benchmark run on disk: rows, resumption after a kill at any instant, failures of the machinery, budgets."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from machinery import Costly
from rich.console import Console

from mmgym.agent import Response
from mmgym.bench.main import BenchArguments
from mmgym.bench.main import main as bench_main
from mmgym.bench.records import Folder, Record
from mmgym.bench.run import BenchConfig, bench, digest, tasks
from mmgym.bench.summary import compare_runs, summarise
from mmgym.bench.tables import summary_table
from mmgym.registry import Suite, SuiteEntry, suite, suites
from mmgym.rollout import RolloutConfig
from mmgym.trajectory import EpisodeTask, ImageStore, Status, Trajectory
from mmgym.view.index import episode_table

LAKE = "mmgym/FrozenLake-v0"
TIMES = ("seconds_model", "seconds_env", "shard", "row")


def rows(records):
    """The records without times and places on disk."""
    return [{name: value for name, value in asdict(r).items() if name not in TIMES} for r in records]


@pytest.fixture
def config(tmp_path):
    return BenchConfig(agent="weak", suite=LAKE, episodes=12, out=str(tmp_path / "run"))


def test_every_episode_has_a_row_and_a_trajectory_with_what_was_seen(config):
    records = bench(config)
    assert [record.index for record in records] == list(range(60))
    folder = Folder(config.out)
    assert rows(folder.records()) == rows(records)
    assert {record.level for record in records} == {1, 2, 3, 4, 5} and {r.split for r in records} == {"test"}
    assert len({record.instance for record in records}) == 60
    for record in records[::7]:
        trajectories, images = folder.trajectories(record.shard)
        trajectory = trajectories[record.row]
        assert trajectory.task.seed == record.seed and len(trajectory.turns) == record.turns
        for turn in trajectory.turns:
            assert images[turn.observed.images[0]].shape == (224, 224, 3)
            assert [call["name"] for call in turn.calls] == ["move"] == [call["name"] for call in turn.observed.expert]
        assert record.tools == {"move": record.turns} and record.images == record.turns


def test_agents_meet_the_same_instances(config, tmp_path):
    one, other = (bench(replace(config, agent=agent, out=str(tmp_path / agent))) for agent in ("weak", "expert"))
    assert [record.instance for record in one] == [record.instance for record in other]
    found = compare_runs(other, one)
    assert found.both + found.only_first == 60 and found.only_second == found.neither == 0


_SLOW = """
import sys, time
from mmgym.bench import run
from mmgym.bench.run import BenchConfig, bench
run._SHARD = 3
bench(BenchConfig(agent="weak", suite="mmgym/FrozenLake-v0", episodes=12, out=sys.argv[1]))
"""


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_was_not(config, tmp_path):
    whole = bench(config)
    out = tmp_path / "killed"
    kills = 0
    for wanted in (1, 7, 20, 41):
        process = subprocess.Popen([sys.executable, "-c", _SLOW, str(out)])
        lines = out / "episodes.jsonl"
        while process.poll() is None and not (lines.is_file() and lines.read_bytes().count(b"\n") >= wanted):
            time.sleep(0.002)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills
    (out / "trajectories" / "999999-000000.parquet").write_bytes(b"cut off")
    with (out / "episodes.jsonl").open("ab") as file:
        file.write(b'{"index": 3, "env":')
    resumed = bench(replace(config, out=str(out)))
    assert rows(resumed) == rows(whole)
    assert not (out / "trajectories" / "999999-000000.parquet").exists()
    assert len((out / "episodes.jsonl").read_text().splitlines()) == 60


def test_a_folder_with_another_run_is_left_alone(config, tmp_path):
    bench(replace(config, episodes=1))
    with pytest.raises(ValueError, match=r"another agent \('.+' there, 'random' here\), episodes \(1 there, 2 here\):"):
        bench(replace(config, agent="random", episodes=2))
    with pytest.raises(ValueError, match=r"another kwargs \(\{\} there, \{'image_size': 64\} here\): give"):
        bench(replace(config, episodes=1, kwargs={"image_size": 64}))
    other = tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="something else"):
        bench(replace(config, out=str(other)))
    assert [path.name for path in other.iterdir()] == ["letter.txt"] and (other / "letter.txt").read_text() == "dear"


def test_a_slip_of_the_pen_does_not_take_the_folder(config):
    slips = [{"agent": "exprt"}, {"agent": "expert", "options": {"nope": 1}}, {"kwargs": {"presett": 1}}]
    for slip in slips:
        with pytest.raises(ValueError, match=r"exprt|nope|presett"):
            bench(replace(config, **slip))
    assert len(bench(replace(config, episodes=1))) == 5
    assert Folder(config.out).about()["episodes"] == 1


def test_a_seed_below_0_is_refused_before_anything_is_played():
    with pytest.raises(ValueError, match="seed must be a whole number from 0; got -5"):
        BenchConfig(seed=-5)


def test_a_file_in_place_of_the_folder_is_named(config, tmp_path):
    (tmp_path / "notes.txt").write_text("dear")
    with pytest.raises(ValueError, match=r"notes.txt is a file, not a folder: give another --out"):
        bench(replace(config, out=str(tmp_path / "notes.txt")))
    assert (tmp_path / "notes.txt").read_text() == "dear"


def test_what_is_damaged_is_named_and_nothing_is_lost(config, tmp_path):
    out = Path(config.out)
    whole = bench(replace(config, episodes=1))
    lines = (out / "episodes.jsonl").read_text().splitlines(keepends=True)
    for damage in (lines[1][:40] + "\n", "3\n", lines[1].replace('"index"', '"indices"')):
        (out / "episodes.jsonl").write_text("".join([lines[0], damage, *lines[2:]]))
        with pytest.raises(ValueError, match=r"episodes.jsonl, line 2 is damaged \("):
            bench(replace(config, episodes=1))
        assert len((out / "episodes.jsonl").read_text().splitlines()) == 5
        assert len(list((out / "trajectories").iterdir())) >= 1
    (out / "episodes.jsonl").write_text("".join([lines[0], *lines[2:]]))
    assert rows(bench(replace(config, episodes=1))) == rows(whole), "without the line its episode is played again"
    for content in ('{"agent":', "[]"):
        (out / "bench.json").write_text(content)
        with pytest.raises(ValueError, match=r"bench.json is damaged \("):
            bench(replace(config, episodes=1))


def test_failures_of_the_machinery_count_for_nothing_and_are_played_again_when_asked(tmp_path):
    config = BenchConfig(
        agent="random", suite=LAKE, episodes=2, wrappers=("machinery:Breaks",), out=str(tmp_path / "r")
    )
    records = bench(config)
    assert all(record.failed and "breaks" in record.error for record in records)
    with pytest.raises(ValueError, match="no episode to summarise"):
        summarise(records)
    lines = len((tmp_path / "r" / "episodes.jsonl").read_text().splitlines())
    assert rows(bench(config)) == rows(records)
    assert len((tmp_path / "r" / "episodes.jsonl").read_text().splitlines()) == lines
    assert len(bench(replace(config, relaunch=True))) == 10
    assert len((tmp_path / "r" / "episodes.jsonl").read_text().splitlines()) == 2 * lines


def test_a_trajectory_is_never_overwritten_however_often_a_run_is_relaunched(tmp_path):
    folder, images = Folder(tmp_path / "r"), ImageStore()
    about = {"agent": "x"}

    def episode(index, status):
        return index, Trajectory(EpisodeTask("x", index, {}, {"split": "test"}), status=status)

    folder.open(about, ("agent",))
    folder.add([episode(0, Status.ENV_ERROR), episode(1, Status.ENV_ERROR)], images)
    folder.add([episode(2, Status.TERMINATED)], images)
    folder.open(about, ("agent",))
    folder.add([episode(0, Status.ENV_ERROR), episode(1, Status.TERMINATED)], images)
    folder.open(about, ("agent",))
    folder.add([episode(0, Status.TERMINATED)], images)
    for record in folder.open(about, ("agent",)):
        assert folder.trajectories(record.shard)[0][record.row].task.seed == record.index


def test_a_run_that_was_killed_before_its_first_line_goes_on(config, tmp_path):
    out = tmp_path / "early"
    out.mkdir()
    (out / ".bench.json.abc.tmp").write_text('{"agent')
    assert len(bench(replace(config, episodes=1, out=str(out)))) == 5
    (out / "episodes.jsonl").unlink()
    for shard in (out / "trajectories").iterdir():
        shard.unlink()
    (out / "trajectories").rmdir()
    assert len(bench(replace(config, episodes=1, out=str(out)))) == 5


def test_two_commands_do_not_write_to_one_folder(config):
    with Folder(config.out).locked(), pytest.raises(ValueError, match="another command is writing to"):
        bench(config)
    assert len(bench(replace(config, episodes=1))) == 5


def test_arguments_of_environments_are_given_to_all_and_make_other_instances(config, tmp_path):
    small = bench(replace(config, episodes=1, kwargs={"image_size": 64, "preset": "two_holes"}, suite=LAKE))
    assert all(record.kwargs == {"image_size": 64, "preset": "two_holes"} for record in small)
    with pytest.raises(ValueError, match="another kwargs"):
        bench(replace(config, episodes=1))


def test_what_was_spent_counts_over_all_commands_and_the_agent_is_closed(tmp_path):
    config = BenchConfig(
        agent="machinery:Costly", suite=LAKE, episodes=1, wrappers=("machinery:Breaks",), out=str(tmp_path / "r")
    )
    spent = []
    bench(config, lambda done, total, new, taken: spent.append(taken["dollars"]))
    bench(replace(config, relaunch=True), lambda done, total, new, taken: spent.append(taken["dollars"]))
    once = Folder(config.out).spent()["dollars"] / 2
    assert once >= 5 and spent[-1] == 2 * once and Costly.closed == 2
    assert (
        bench(replace(config, relaunch=True, max_dollars=2 * once))
        and Folder(config.out).spent()["dollars"] == 2 * once
    )


class Tires:
    """Counts what it takes, and ends the run in the middle of an episode."""

    def __init__(self):
        self.spent = Counter()

    async def act(self, conversation):
        self.spent.update({"prompt_tokens": 10})
        if self.spent["prompt_tokens"] == 30:
            raise OSError("the endpoint is gone")
        return Response("<action>up</action>")

    def end(self, conversation):
        pass


def test_what_an_episode_took_that_was_broken_off_counts_for_the_next_command(tmp_path, monkeypatch):
    monkeypatch.setattr("mmgym_agents.named.AGENTS", {"tires": Tires})
    rollout = RolloutConfig(lockstep=False, live=1)
    config = BenchConfig("tires", suite=LAKE, episodes=1, out=str(tmp_path / "r"), max_tokens=30, rollout=rollout)
    with pytest.raises(OSError, match="is gone"):
        bench(config)
    assert Folder(config.out).records() == [] and Folder(config.out).spent() == {"prompt_tokens": 30}
    assert bench(config) == []


def test_what_was_spent_is_no_less_than_the_records_say(config):
    usage = {"prompt_tokens": 7.0}
    folder = Folder(config.out)
    bench(replace(config, episodes=1))
    assert not (folder.path / "spent.json").exists(), "an agent that takes nothing has none"
    lines = [json.loads(line) | {"usage": usage} for line in (folder.path / "episodes.jsonl").read_text().splitlines()]
    (folder.path / "episodes.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    folder.note_spent({"prompt_tokens": 20, "dollars": 3})
    assert folder.spent() == {"prompt_tokens": 35, "dollars": 3}, "killed before it was noted"
    folder.note_spent({"prompt_tokens": 99})
    assert folder.spent() == {"prompt_tokens": 99}, "episodes were played again"


_HOLDS = """
import sys, time
from mmgym.bench.records import Folder
with Folder(sys.argv[1]).locked():
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_command_that_is_killed_lets_others_write(config):
    with subprocess.Popen([sys.executable, "-c", _HOLDS, config.out], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(ValueError, match="another command is writing to"):
            bench(replace(config, episodes=1))
        process.kill()
    assert len(bench(replace(config, episodes=1))) == 5


def test_the_page_of_a_person_is_taken_away_when_the_run_ends(config):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for _ in range(2):  # the second one finds the port free
        with pytest.raises(ValueError, match="max_dollars needs an agent"):
            bench(replace(config, agent="human", options={"port": port}, max_dollars=1))


def test_progress_leaves_out_what_the_machinery_spoilt(tmp_path, monkeypatch):
    def fake(config, progress):
        good = Record(0, LAKE, {}, 1, "test", 5, 0, "terminated", True, 1.0, 3, 3, 3, 3, 3)
        spoilt = replace(good, index=1, success=False, status="env_error", error="it breaks")
        progress(1, 3, [spoilt], {"tokens": 0, "dollars": 0})
        progress(3, 3, [good, replace(spoilt, index=2)], {"tokens": 0, "dollars": 0})
        raise KeyboardInterrupt

    said = []
    monkeypatch.setattr("mmgym.bench.main.bench", fake)
    monkeypatch.setattr("mmgym.bench.main.Progress.update", lambda bar, task, **to: said.append(to["description"]))
    with pytest.raises(KeyboardInterrupt):
        bench_main(BenchArguments(agent="random", suite=LAKE, out=tmp_path), Console(file=io.StringIO()))
    assert said == [f"random on {LAKE}", f"random on {LAKE}, success 100%"]


def test_tables_print_names_as_they_are():
    name = "their/Own-v0 [/preset]"
    record = Record(0, "their/Own-v0", {"preset": "[/preset]"}, 1, "test", 5, 0, "terminated", True, 1.0, 3, 3, 3, 3, 3)
    console = Console(file=(shown := io.StringIO()), width=200)
    console.print(summary_table(summarise([record, replace(record, index=1, level=2)]), "[/a] on [/b]"))
    assert shown.getvalue().count(name) == 3 and "[/a] on [/b]" in shown.getvalue()


def test_the_table_of_a_run_fits_into_a_terminal_of_80_columns():
    names = ["MentalRotation2D", "FrozenLake", "AudioVisualQA"]
    records = [
        Record(k, f"mmgym/{name}-v0", {}, 3, "test", 5, 0, "terminated", True, 1.0, 31, 3, 3, 3, 3, seconds_env=12.34)
        for k, name in enumerate(names)
    ]
    console = Console(file=(shown := io.StringIO()), width=80)
    console.print(summary_table(summarise(records), "title"))
    lines = [line.split() for line in shown.getvalue().splitlines()]
    assert {line[0] for line in lines if line and line[-1] == "12.34"} >= {f"{name}-v0" for name in names}


def test_the_page_counts_no_token_twice():
    record = Record(0, LAKE, {}, 1, "test", 5, 0, "terminated", True, 1.0, 3, 3, 3, 3, 3)
    usage = {"prompt_tokens": 100, "cached_tokens": 60, "completion_tokens": 10, "reasoning_tokens": 4, "dollars": 1}
    table = episode_table([], [[replace(record, usage=usage)]])
    assert dict(zip(table["columns"], table["episodes"][0], strict=True))["tokens"] == 110


def test_a_run_of_failures_says_why_in_one_line(tmp_path):
    out = str(tmp_path / "r")
    bench(BenchConfig(agent="random", suite=LAKE, episodes=1, wrappers=("machinery:Breaks",), out=out))
    lines = (tmp_path / "r" / "episodes.jsonl").read_text()
    (tmp_path / "r" / "episodes.jsonl").write_text(lines.replace("breaks", "breaks in [/tmp/x]"))
    arguments = BenchArguments(agent="random", suite=LAKE, episodes=1, out=Path(out))
    about = json.loads((tmp_path / "r" / "bench.json").read_text()) | {"wrappers": []}
    (tmp_path / "r" / "bench.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match=r"all 5 episodes were spoilt by the machinery .*breaks in \[/tmp/x\]"):
        bench_main(arguments)
    assert "breaks in [/tmp/x]" in (tmp_path / "r" / "report.html").read_text()
    first = json.loads(lines.splitlines()[0]) | {"status": "terminated", "error": ""}
    with (tmp_path / "r" / "episodes.jsonl").open("a") as file:
        file.write(json.dumps(first) + "\n")
    console = Console(file=(shown := io.StringIO()), width=200)
    bench_main(replace(arguments, report=False), console)
    assert "4 episodes were spoilt" in shown.getvalue() and "[/tmp/x]" in shown.getvalue()


def test_no_episode_begins_when_the_budget_is_spent(config):
    some = bench(replace(config, max_minutes=1e-9))
    assert 0 < len(some) < 60
    assert len(bench(config)) == 60


def test_repeats_share_an_instance_and_are_clusters(config):
    records = bench(replace(config, episodes=3, repeats=4))
    assert len(records) == 60 and len({record.instance for record in records}) == 15
    assert summarise(records).total.success.clusters == 15


def test_the_summary_speaks_of_environments_levels_and_paths(config):
    found = summarise(bench(config))
    assert list(found.environments) == [LAKE] and list(found.levels[LAKE]) == [1, 2, 3, 4, 5]
    assert found.total.success.n == 60 and 0 < found.total.efficiency <= 1 and found.total.tools.keys() == {"move"}
    assert found.aggregate.value == pytest.approx(found.total.success.value)


def test_suites_hold_environments_that_are_there_and_no_instance_twice():
    found = suites()
    assert {"smoke@1", "core@1", "puzzles@1", "video@1", "web@1", "miniwob@1", "full@1", "vagen@1"} <= set(found)
    for name in ("smoke", "core", "vagen", "rl4vlm", "visgym"):
        all_tasks = tasks(found[f"{name}@1"])
        keys = {json.dumps([t.env_id, t.seed, t.kwargs, t.options], sort_keys=True) for t in all_tasks}
        assert len(keys) == len(all_tasks) and [t.group for t in all_tasks] == list(range(len(all_tasks)))
    assert len({entry.id for entry in found["core@1"].entries}) == 19
    assert suite("core") == found["core@1"]
    with pytest.raises(ValueError, match=r"unknown suite 'kore'.*core@1"):
        suite("kore")


def test_every_suite_says_what_it_is_for():
    assert [name for name, suite in suites().items() if not suite.summary] == []


def test_suites_are_told_apart_by_a_digest_of_their_entries():
    one = Suite("a", 1, (SuiteEntry(LAKE, (1,)),))
    assert digest(one) == digest(replace(one, name="b")) != digest(Suite("a", 1, (SuiteEntry(LAKE, (2,)),)))


def test_records_come_back_from_json():
    record = Record(0, LAKE, {}, 1, "test", 5, 0, "terminated", True, 1.0, 3, 3, 3, 3, 3, {"move": 3}, {"outcome": 1.0})
    assert Record(**json.loads(json.dumps(asdict(record)))) == record
