"""Two runs beside each other: what tools are worth, what seeing costs, what was learned for other environments."""

import json
from dataclasses import replace

import pytest
from rich.console import Console

from mmgym.bench.main import BenchArguments, main
from mmgym.bench.records import Folder, Record, run_name
from mmgym.bench.run import BenchConfig, _able, bench
from mmgym.bench.summary import compare_runs, summarise
from mmgym.bench.tables import comparison_table, summary_table, transfer_table
from mmgym.bench.transfer import trained_on, transfer_matrix
from mmgym.learn.config import EnvironmentConfig, MixedEnvironment, TrainConfig, to_mapping
from mmgym.registry import Suite, SuiteEntry

LAKE, ZOOM, JIGSAW = "mmgym/FrozenLake-v0", "mmgym/ZoomSearch-v0", "mmgym/Jigsaw-v0"


def text(table):
    console = Console(width=160)
    with console.capture() as printed:
        console.print(table)
    return printed.get()


@pytest.fixture
def config(tmp_path):
    return BenchConfig(agent="expert", suite=ZOOM, episodes=2, out=str(tmp_path / "with"))


def test_tool_benefit_is_the_difference_from_a_run_without_the_tool(config, tmp_path):
    able = bench(config)
    unable = bench(replace(config, without=("zoom",), out=str(tmp_path / "without")))
    assert {record.tools.get("zoom", 0) > 0 for record in able} == {True}
    found = compare_runs(able, unable)
    assert found.difference.value == 1 and found.only_first == len(able) == 10
    about = Folder(tmp_path / "without").about()
    assert run_name(about) == "expert, without zoom"
    assert about["wrappers"] == ['mmgym.wrappers:WithoutTools {"tools": ["zoom"]}']
    with pytest.raises(ValueError, match="another without"):
        bench(replace(config, without=("zoom_out",), out=str(tmp_path / "without")))


def test_the_visual_gap_is_the_difference_from_a_run_in_words(config, tmp_path):
    seen = bench(replace(config, suite=LAKE))
    read = bench(replace(config, suite=LAKE, obs_mode="text", out=str(tmp_path / "text")))
    assert [r.images for r in read] == [0] * 10 and all(r.images for r in seen)
    assert compare_runs(seen, read).both == 10


def test_environments_that_lack_what_is_asked_are_left_out(config):
    what = Suite("mixed", 1, (SuiteEntry(LAKE), SuiteEntry(JIGSAW), SuiteEntry(ZOOM)))
    kept, left_out = _able(what, replace(config, obs_mode="text"))
    assert [entry.id for entry in kept.entries] == [LAKE] and left_out == [JIGSAW, ZOOM]
    kept, left_out = _able(what, replace(config, without=("zoom", "crop")))
    assert [entry.id for entry in kept.entries] == [ZOOM] and left_out == [LAKE, JIGSAW]
    with pytest.raises(ValueError, match=r"no environment of mixed has a tool draw"):
        _able(what, replace(config, without=("draw",)))
    with pytest.raises(ValueError, match=r"no environment of .*Jigsaw-v0 has a text twin"):
        bench(replace(config, suite=JIGSAW, obs_mode="text"))
    with pytest.raises(ValueError, match="obs_mode must be one of text, both; got 'words'"):
        _able(what, replace(config, obs_mode="words"))


def record(index, env, seed, solved, **changes):
    given = Record(index, env, {}, 1, "test", seed, 0, "terminated", solved, float(solved), 2, 2, 2, 2, 1)
    return replace(given, **changes)


def write(path, records, options=()):
    """A folder that holds some records and nothing else."""
    path.mkdir(parents=True)
    (path / "bench.json").write_text(json.dumps({"agent": "checkpoint", "options": dict(options)}))
    (path / "episodes.jsonl").write_text("".join(json.dumps(vars(one)) + "\n" for one in records))
    return Folder(path)


def trained(path, *ids):
    """The folder of a training run; returns where its checkpoint would be."""
    path.mkdir()
    first, *others = ids
    mixture = tuple(MixedEnvironment(id) for id in others)
    config = TrainConfig(environment=EnvironmentConfig(first), mixture=mixture)
    (path / "config.json").write_text(json.dumps(to_mapping(config)))
    return {"path": str(path / "checkpoint")}


@pytest.fixture
def folders(tmp_path):
    """Two checkpoints, one of FrozenLake and one of Jigsaw and ZoomSearch; each solves what it knows, and seed 0."""
    envs = (LAKE, JIGSAW, ZOOM)
    cases = [(env, seed) for env in envs for seed in range(10)]
    options = {"lake": trained(tmp_path / "a", LAKE), "puzzles": trained(tmp_path / "b", JIGSAW, ZOOM)}
    knows = {"lake": (LAKE,), "puzzles": (JIGSAW, ZOOM)}
    return {
        name: write(
            tmp_path / name,
            [record(k, env, seed, env in known or seed == 0) for k, (env, seed) in enumerate(cases)],
            options[name],
        )
        for name, known in knows.items()
    }


def test_a_transfer_matrix_has_a_row_for_each_run(folders):
    lake, puzzles = transfer_matrix(folders)
    assert list(lake.cells) == list(puzzles.cells) == sorted([LAKE, JIGSAW, ZOOM])
    assert lake.trained == (LAKE,) and set(puzzles.trained) == {JIGSAW, ZOOM}
    assert (lake.cells[LAKE].value, lake.cells[JIGSAW].value, puzzles.cells[LAKE].value) == (1, 0.1, 0.1)
    assert (lake.within.n, lake.beyond.n) == (10, 20) and (lake.within.value, lake.beyond.value) == (1, 0.1)
    assert (puzzles.within.n, puzzles.beyond.n) == (20, 10)
    assert lake.cells[JIGSAW].low == pytest.approx(0.0179, abs=1e-4)
    printed = text(transfer_table(folders))
    assert "* 100.0 (72.2, 100.0)" in printed and "10.0 (1.8, 40.4)" in printed


def test_by_family_what_was_trained_on_is_still_told_from_the_rest(folders):
    lake, puzzles = transfer_matrix(folders, "family")
    assert list(lake.cells) == ["grid", "imagery", "perception"] and puzzles.trained == ("imagery", "perception")
    assert lake.beyond.n == 20


def test_a_transfer_matrix_rests_on_what_all_have_played(folders, tmp_path):
    some = [record(k, LAKE, k, False) for k in range(4)]
    some[3] = replace(some[3], status="env_error")
    rows = transfer_matrix({**folders, "short": write(tmp_path / "short", some)})
    assert [row.cells.keys() for row in rows] == [{LAKE}] * 3 and {row.cells[LAKE].n for row in rows} == {3}
    assert rows[2].trained == () and rows[2].within is rows[2].beyond is None
    with pytest.raises(ValueError, match="no instance in common"):
        transfer_matrix({**folders, "other": write(tmp_path / "other", [record(0, LAKE, 99, True)])})
    with pytest.raises(ValueError, match="two folders or more"):
        transfer_matrix({"lake": folders["lake"]})


def test_what_a_checkpoint_was_trained_on_is_read_beside_it(tmp_path):
    assert trained_on({"options": trained(tmp_path / "run", LAKE, ZOOM)}) == (LAKE, ZOOM)
    assert trained_on({"options": {}}) == trained_on({"options": {"path": str(tmp_path / "else" / "checkpoint")}}) == ()
    (tmp_path / "config.json").write_text('{"model_type": "qwen3_vl", "architectures": []}')  # of a model, not of a run
    assert trained_on({"options": {"path": str(tmp_path / "checkpoint-100")}}) == ()


def test_runs_are_compared_as_a_whole_and_by_environment(folders):
    lines = text(comparison_table(folders)).splitlines()
    whole = next(line for line in lines if "checkpoint (puzzles)" in line)
    assert whole.split()[2:7] == ["30", "3", "9", "18", "0"]
    assert next(line for line in lines if "FrozenLake" in line).split()[1:6] == ["10", "1", "9", "0", "0"]
    assert len([line for line in lines if "-v0" in line]) == 3
    assert any(line.strip().startswith("imagery") for line in text(comparison_table(folders, "family")).splitlines())


def test_the_command_prints_comparisons_and_transfer(folders, tmp_path):
    console = Console(width=160)
    paths = tuple(folder.path for folder in folders.values())
    with console.capture() as printed:
        main(BenchArguments(compare=paths), console)
        main(BenchArguments(transfer=paths, by="family"), console)
    assert "against" in printed.get() and "* holds what the checkpoint was trained on" in printed.get()
    with pytest.raises(FileNotFoundError, match=r"no bench\.json"):
        main(BenchArguments(transfer=(tmp_path / "none", paths[0])), console)


def test_a_summary_tells_families_apart():
    records = [record(0, LAKE, 0, True), record(1, "mmgym/Sokoban-v0", 0, False), record(2, ZOOM, 0, True)]
    found = summarise([*records, record(3, "their/Own-v0", 0, False)])
    assert {name: (cell.success.value, cell.success.n) for name, cell in found.families.items()} == {
        "grid": (0.5, 2),
        "perception": (1.0, 1),
        "not installed": (0.0, 1),
    }
    lines = [line.split() for line in text(summary_table(found, "title")).splitlines()]
    assert ["grid", "all", "2", "50.0", "(9.5,", "90.5)"] in [line[:6] for line in lines]
