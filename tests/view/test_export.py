"""Films of episodes, and the command that makes them."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from viewed_runs import SIZE, played, write_run

from mmgym.cli import main
from mmgym.pointing import Pointer
from mmgym.trajectory import ImageStore
from mmgym.view.bench_report import write_bench_report
from mmgym.view.episodes import episode, to_json
from mmgym.view.export import AGENT, EXPERT, export_episode, frames


@pytest.fixture
def one():
    images = ImageStore()
    return played(images, "toy/Page-v0", 1, 5, True, turns=3), images


def near(frame, share, color):
    """Whether a colour is found near a place of the picture in a frame."""
    x, y = (round(part * side) for part, side in zip(share, (SIZE[1], SIZE[0]), strict=True))
    around = frame[max(0, y - 12) : y + 12, max(0, x - 12) : x + 12].astype(int)
    return (np.abs(around - color).sum(-1) < 40).any()


def test_a_film_shows_each_turn_with_its_action_and_how_it_ended(one):
    episode, images = one
    shown = list(frames(episode, images.__getitem__))
    assert len(shown) == 4 and len({frame.shape for frame in shown}) == 1
    assert all(side % 2 == 0 for side in shown[0].shape[:2])
    for frame in shown[:3]:
        assert near(frame, (0.25, 0.25), AGENT) and not near(frame, (0.5, 0.5), EXPERT)
        assert (frame[SIZE[0] :] > 200).any(), "what was done is written below"
    assert not near(shown[3], (0.25, 0.25), AGENT)
    assert near(next(frames(episode, images.__getitem__, expert=True)), (0.5, 0.5), EXPERT)


def test_an_action_on_an_earlier_picture_brings_it_back(one):
    episode, images = one
    episode.turns[2].observed = replace(episode.turns[2].observed, pointers=(Pointer("box", (0, 0, 0.5, 0.5), 0),))
    assert len(list(frames(episode, images.__getitem__))) == 5


@pytest.mark.parametrize("name", ["film.gif", "film.mp4"])
def test_a_film_can_be_played(one, tmp_path, name):
    av = pytest.importorskip("av")
    out = export_episode(one[0], one[1].__getitem__, tmp_path / "new" / name, seconds=0.5)
    with av.open(str(out)) as film:
        shown = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    wanted = list(frames(one[0], one[1].__getitem__))
    assert len(shown) >= 4 and shown[0].shape == wanted[0].shape
    assert np.abs(shown[0].astype(int) - wanted[0]).mean() < 12


def test_what_cannot_be_a_film_is_said(one, tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.gif or \.mp4"):
        export_episode(one[0], one[1].__getitem__, tmp_path / "film.avi")
    with pytest.raises(ValueError, match="seconds"):
        export_episode(one[0], one[1].__getitem__, tmp_path / "film.gif", seconds=0)
    one[0].turns.clear()
    one[0].final_image = None
    with pytest.raises(ValueError, match="no pictures"):
        export_episode(one[0], one[1].__getitem__, tmp_path / "film.gif")


def test_the_command_writes_films_and_pages(tmp_path, capsys):
    run = write_run(tmp_path / "run", "clever", lambda level, seed: True)
    assert main(["view", str(run), "--export", str(tmp_path / "film.gif"), "--episode", "7"]) == 0
    assert (tmp_path / "film.gif").read_bytes().startswith(b"GIF8")
    assert main(["view", str(run), "--out", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert main(["view", str(run), "--export", str(tmp_path / "film.gif"), "--episode", "70"]) == 2
    assert "one of the 12 episodes" in capsys.readouterr().err
    assert main(["view", str(tmp_path / "nothing")]) == 2


def test_a_benchmark_ends_with_a_page(tmp_path):
    out = tmp_path / "run"
    command = ["bench", "--suite", "mmgym/FrozenLake-v0", "--episodes", "1", "--out", str(out)]
    assert main([*command, "--no-report"]) == 0 and not (out / "report.html").exists()
    assert main(command) == 0 and "FrozenLake" in (out / "report.html").read_text()


def test_options_that_are_keys_are_not_passed_on(tmp_path):
    run = write_run(tmp_path / "run", "clever", lambda level, seed: True)
    options = {"api_key": "s3cret", "headers": [{"Authorization": "s3cret"}], "token": "s3cret", "max_new_tokens": 77}
    about = json.loads((run / "bench.json").read_text())
    (run / "bench.json").write_text(json.dumps({**about, "options": options}))
    page = write_bench_report([run]).read_text()
    assert "s3cret" not in page and '"max_new_tokens":77' in page


@pytest.mark.parametrize(("name", "package"), [("film.gif", "PIL.Image"), ("film.mp4", "av")])
def test_a_package_that_is_missing_is_named(one, tmp_path, monkeypatch, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"needs {package[:2]}.*install"):
        export_episode(one[0], one[1].__getitem__, tmp_path / name)


def test_an_episode_is_plain_and_safe_to_stand_in_a_page(one):
    played_, _ = one
    played_.turns[0].reward = float("nan")
    played_.turns[0].text = "</script>\ud800" + "x" * 10_000
    text = to_json(episode(played_))
    assert "<" not in text and text.isascii()
    first = json.loads(text)["turns"][0]
    assert first["reward"] is None and first["said"].endswith("more characters") and len(first["said"]) < 5000
    assert first["pointers"] == [{"kind": "point", "at": [0.25, 0.25], "image": first["images"][0]}]
    played_.turns[0].observed = replace(played_.turns[0].observed, pointers=(Pointer("point", (0, 0), 99),))
    assert episode(played_)["turns"][0]["pointers"] == [], "a picture that was never shown"
