"""A run that is killed at any instant and started again ends as if nothing had happened."""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import time

import pytest
from playing import teach_format, tiny
from short_runs import (
    Starter,
    assert_equal_ends,
    descendants,
    gone_within,
    metrics_of,
    short_run,
    write_toml,
)

from mmgym.store import load_trajectories

LINES = {"perception": range(7, 10), "cloning": range(11, 14), "grpo": range(15, 21), "end": range(21, 22)}
"""Lines of metrics that a short run has written while it is in a stage (in perception: since its checkpoint)."""


@pytest.fixture(scope="module")
def starter():
    server = Starter()
    yield server
    server.close()


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A checkpoint whose answers are often valid, so that GRPO has something to learn from."""
    folder = tmp_path_factory.mktemp("taught")
    teach_format(tiny(), "qwen3_vl").save(folder)
    return folder


@pytest.fixture(scope="module")
def reference(starter, taught, tmp_path_factory):
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("reference")
    path = write_toml(folder / "run.toml", short_run(folder / "run", policy={"checkpoint": str(taught)}))
    starter.run(str(path), log=folder / "log")
    return folder / "run"


def command(taught, folder, **changes):
    """The arguments of a run like the reference in another folder."""
    content = short_run(folder / "run", policy={"checkpoint": str(taught)}, **changes)
    return str(write_toml(folder / "run.toml", content))


def test_the_reference_learns_in_every_stage(reference):
    lines = metrics_of(reference)
    kinds = [(line["stage"], line["kind"]) for line in lines]
    assert [kinds.count((stage, "train")) for stage in ("perception", "cloning", "grpo")] == [7, 3, 4]
    assert len(lines) == LINES["end"][0]
    assert any(line.get("grad_norm", 0) > 0 for line in lines if line["stage"] == "grpo"), "GRPO had nothing to learn"
    assert sum(line.get("replayed", 0) for line in lines) > 0, "no old success was learned from"
    for name in ("before", "latest", "after"):  # what the viewer shows, also while the run goes on
        assert len(load_trajectories(reference / "trajectories" / f"{name}.parquet")[0]) == 2


def test_killed_in_several_stages_the_end_is_equal(starter, taught, reference, tmp_path):
    argument, rng = command(taught, tmp_path), random.Random(0)
    # within perception and past its checkpoint: the optimizer of a stage comes back, and stays in that stage
    starter.run_until(LINES["perception"][0], argument, out=tmp_path / "run", log=tmp_path / "log")
    for lines in (LINES["grpo"], LINES["end"]):
        starter.run_until(
            rng.choice(lines), argument, out=tmp_path / "run", log=tmp_path / "log", pause=rng.uniform(0, 0.3)
        )
    starter.run(argument, log=tmp_path / "log")
    assert_equal_ends(tmp_path / "run", reference)
    starter.run(argument, log=tmp_path / "log")
    assert_equal_ends(tmp_path / "run", reference)


@pytest.mark.slow
def test_of_damaged_checkpoints_the_one_before_is_used(starter, taught, reference, tmp_path):
    argument, out, log = command(taught, tmp_path), tmp_path / "run", tmp_path / "log"
    starter.run_until(LINES["cloning"][1], argument, out=out, log=log)
    starter.run_until(16, argument, out=out, log=log)
    newest = sorted((out / "checkpoints").glob("*.pt"))[-1]
    newest.write_bytes(newest.read_bytes()[:-1000])
    starter.run_until(18, argument, out=out, log=log)
    assert f"{newest.name} is damaged" in log.read_text()
    log.write_text("")
    newest = sorted((out / "checkpoints").glob("*.pt"))[-1]
    newest.with_suffix(".sha256").unlink()
    starter.run(argument, log=log)
    assert f"{newest.name} is damaged" in log.read_text()
    assert_equal_ends(out, reference)


def test_another_configuration_is_refused_and_nothing_is_lost(starter, reference, tmp_path):
    path = str(reference.parent / "run.toml")
    before = {file: file.read_bytes() for file in reference.rglob("*") if file.is_file()}
    for more, named in (
        (("--grpo.group-size", "8", "--seed", "4"), "another seed, grpo.group_size"),
        (("--environment.kwargs", '{"preset": "nope"}'), "another environment.kwargs.preset"),
    ):
        starter.start(path, *more, log=tmp_path / "log")
        assert starter.wait() == 2
        said = (tmp_path / "log").read_text()
        assert named in said and "--out" in said and "Traceback" not in said
        assert {file: file.read_bytes() for file in reference.rglob("*") if file.is_file()} == before


HANGING = """
import time
from mmgym.learn.distributed import launch

def wait(world, argument):
    if world.is_main:
        print("here", flush=True)
        time.sleep(600)
    world.gather(0)

if __name__ == "__main__":
    launch(wait, None, 2)
"""


@pytest.mark.slow
def test_children_end_with_a_killed_process(tmp_path):
    """The child waits for a message of the killed process, which never comes."""
    (tmp_path / "hanging.py").write_text(HANGING)
    process = subprocess.Popen([sys.executable, str(tmp_path / "hanging.py")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "here\n"
    children = descendants(process.pid)
    assert children
    process.kill()
    process.wait()
    assert gone_within(children, 5)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_killed_at_many_instants_the_end_is_equal(starter, taught, processes, tmp_path):
    (tmp_path / "whole").mkdir()
    whole = command(taught, tmp_path / "whole", processes=processes)
    started = time.monotonic()
    starter.run(whole, log=tmp_path / "whole" / "log")
    duration, rng, kills = time.monotonic() - started, random.Random(1), 0
    for number in itertools.count():
        folder = tmp_path / str(number)
        folder.mkdir()
        argument, log, status, of_this = command(taught, folder, processes=processes), folder / "log", -9, 0
        while status != 0:
            starter.start(argument, log=log)
            time.sleep(rng.uniform(0, (0.2 + 0.04 * of_this) * duration))
            children = descendants(starter.pid)
            status, of_this = starter.kill(), of_this + 1
            assert gone_within(children, 5)
            assert status in (0, -9), log.read_text()
        assert_equal_ends(folder / "run", tmp_path / "whole" / "run")
        kills += of_this - 1
        if kills >= 20:
            return
