"""The benchmark of the learner on a GPU runs, in its form for a machine without one."""

import json
import math

import pytest

from benchmarks import gpu_learner
from benchmarks.gpu_learner import BASES, TOGGLES, Cell, cells


def run(output, only):
    return gpu_learner.main(["--tiny", "--repeats", "1", "--output", str(output), "--only", only])


@pytest.mark.slow
def test_cells_run_and_are_not_done_again(tmp_path, monkeypatch):
    frozen, output = "tiny-qwen2.5-vl | 112x56 | frozen", tmp_path / "result.json"
    result = run(output, frozen)
    assert result == json.loads(output.read_text())
    assert set(result["cells"]) == {frozen, f"{frozen} | TRL", f"{frozen} | features not cached"}
    cached, fresh = result["cells"][frozen], result["cells"][f"{frozen} | features not cached"]
    assert cached["tokens"] == 2 * 2 * (8 + 6 + 4) and cached["trained_tokens"] == 2 * 2 * 4
    assert cached["roofline_seconds"] < fresh["roofline_seconds"]
    assert fresh["tokens_per_s"] == pytest.approx(72 / min(fresh["seconds"]), rel=0.01)
    others = run(output, "56x56 | full | no master weights")["cells"]
    assert "failed" not in others["tiny-qwen2.5-vl | 56x56 | full | no master weights"] and others[frozen] == cached
    monkeypatch.setattr(gpu_learner, "_run", lambda cell, setting: {"failed": "was not there"})
    again = run(output, frozen)["cells"]
    assert again[frozen] == cached and again[f"{frozen} | features not cached"] == fresh


def test_what_cannot_run_says_why(tmp_path, monkeypatch):
    def broken(*_):
        raise ImportError("no module named trl")

    monkeypatch.setattr(gpu_learner.trl_step, "version", broken)
    result = gpu_learner.main(
        ["--tiny", "--output", str(tmp_path / "result.json"), "--only", "qwen2.5-vl | 56x56 | full | TRL"]
    )
    assert [cell["failed"] for cell in result["cells"].values()] == ["ImportError: no module named trl"]
    assert result["versions"]["trl"] is None


def test_no_cell_begins_when_time_is_up(tmp_path):
    result = gpu_learner.main(["--tiny", "--seconds", "0", "--output", str(tmp_path / "result.json")])
    assert result["cells"] == {}


def test_every_option_is_on_and_off_in_some_cell():
    everything = list(cells(("first", "second"), (448, 448), (1280, 720)))
    assert len({cell.name for cell in everything}) == len(everything)
    assert {cell.base for cell in everything} == set(BASES)
    assert {cell.toggle for cell in everything} == {"", "TRL", *TOGGLES}
    assert all(Cell(c.model, c.image, c.base) in everything for c in everything)
    for name, changes in TOGGLES.items():
        cell = next(c for c in everything if c.toggle == name)
        assert cell.options != BASES[cell.base] and all(getattr(cell.options, k) == v for k, v in changes.items())


def test_times_trl_is_against_the_same_work():
    found = {
        "m | 448x448 | full": {"tokens_per_s": 30.0},
        "m | 448x448 | full | TRL": {"tokens_per_s": 10.0},
        "m | 448x448 | LoRA": {"tokens_per_s": 50.0},
        "m | 448x448 | full | padded": {"failed": "x"},
    }
    gpu_learner._compare(found)
    assert found["m | 448x448 | full"]["times_trl"] == 3.0
    assert "times_trl" not in found["m | 448x448 | LoRA"] and "times_trl" not in found["m | 448x448 | full | TRL"]
    assert gpu_learner._round(math.nan) is None
