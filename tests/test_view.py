"""The curve and the page of a run: from whole runs, from scraps, and from what a hostile model may write."""

import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from mmgym.stats import wilson
from mmgym.store import save_trajectories
from mmgym.trajectory import EpisodeTask, ImageStore, Status, Trajectory, Turn
from mmgym.view.curves import plot_curves, spread
from mmgym.view.metrics import held_out_points, read_metrics
from mmgym.view.report import pair_episodes, readable, write_report

VOID = {"meta", "img", "br"}


def result(solved, n=100):
    low, high = wilson(solved, n)
    return {"success": solved / n, "low": low, "high": high, "episodes": n, "turns": 3.0, "valid_turns": 0.9}


METRICS = [
    {"stage": "perception", "kind": "train", "step": 10, "loss": 1.2},
    {"stage": "perception", "kind": "eval", "step": 50, "accuracy": 0.5, "lowest_recall": 0.1},
    {"stage": "perception", "kind": "eval", "step": 100, "accuracy": 0.99, "lowest_recall": 0.98},
    {"stage": "cloning", "kind": "eval", "step": 40, "sampled": result(41), "greedy": result(55)},
    {"stage": "grpo", "kind": "train", "step": 1, "success": 0.4, "return": 0.5},
    {"stage": "grpo", "kind": "train", "step": 2, "success": None, "return": 0.5},
    {"stage": "grpo", "kind": "eval", "step": 10, "sampled": result(70)},
    {"stage": "grpo", "kind": "eval", "step": 20, "sampled": result(93)},
    {"stage": "grpo", "kind": "eval", "step": 20, "sampled": result(95), "greedy": result(97)},
]
SUMMARY = {
    "environment": {"id": "toy/Corridor-v0", "kwargs": {"preset": "tiny"}},
    "seed": 3,
    "machine": {"cpu": "abacus", "cores": 2},
    "versions": {"python": "3.11"},
    "walker": "walker",
    "baselines": {"random": result(13), "walker": result(72), "expert": result(100)},
    "heldout": {
        "cloned": {"sampled": result(41), "greedy": result(55)},
        "trained": {"sampled": result(95), "greedy": result(97)},
    },
    "by_task": {"cloned": {"safe": result(60)}, "trained": {"safe": result(99), "detour": result(81)}},
    "controls": {"holes_painted_over": {**result(71), "meaning": "It falls back."}},
    "risk": {
        "meaning": "Chance of stepping into a hole where a straight move leads into one",
        "cloned": 0.42,
        "trained": 0.05,
        "walker": 0.6,
        "states": 1234,
    },
    "heldout_success_blind": result(17),
    "ablation_no_hole_questions": None,
    "episodes": 76800,
    "sampled_tokens": 1234567,
    "seconds": {"perception": 60.0, "grpo": 120.0, "total": 180.0},
    "config": {"grpo": {"validity_reward": 0.1}, "evaluation": {"split": "val", "final_split": "test"}},
}


def episode(images, seed, text="<action>up</action>", **changes):
    ref = images.add(np.full((16, 16, 3), seed % 256, np.uint8))
    ids, logprobs = np.array([5, 6, 7], np.int32), np.log(np.array([0.99, 0.5, 1.0], np.float32))
    turn = Turn(ids, (ref,), ids, logprobs, False, text, terms={"outcome": 1.0, "valid": 1.0}, feedback="You moved.")
    return Trajectory(EpisodeTask("toy/Corridor-v0", seed), [turn], final_image=ref, **changes)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in METRICS))
    (tmp_path / "summary.json").write_text(json.dumps(SUMMARY))
    # Drawing takes a second; only the tests of the curve need the real one.
    cv2.imwrite(str(tmp_path / "success.png"), np.zeros((2, 2, 3), np.uint8))
    for name, success in (("before", False), ("after", True)):
        images = ImageStore()
        episodes = [episode(images, seed, success=success) for seed in (7, 8, 9)]
        save_trajectories(tmp_path / "trajectories" / f"{name}.parquet", episodes, images)
    return tmp_path


class Page(HTMLParser):
    """Tags, attributes and text of a page; checks that what is opened is closed."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self._open = [], "", []
        self.feed(html)
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.text += data

    def named(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def read(path):
    return Page(path.read_text(encoding="utf-8"))


def test_report_shows_the_run(run):
    page = read(write_report(run))
    said = re.sub(r"\s+", " ", page.text)
    for words in (
        "toy/Corridor-v0",
        "41.0 %",
        "95.0 %",
        "76,800 episodes",
        "1,234,567 sampled tokens",
        "holes painted over",
        "It falls back.",
        "1,234 states",
        "blind twin",
        "detour",
        "at most 0.1 for the share of valid turns",
        "3 failed → solved",
        "Seed 8",
        "You moved.",
        "GRPO 120 s",
        "abacus",
    ):
        assert words in said, words
    assert "no questions about holes" not in said, "what the summary lacks is left out"
    assert said.count("#6") == 6 and "50 %" in said, "each sampled token with its probability"


def test_report_needs_no_network_and_runs_no_script(run):
    html = write_report(run).read_text()
    page = Page(html)
    without_pictures = re.sub(r"data:image/png;base64,[\w+/=]+", "", html)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", without_pictures)
    assert not page.named("script") and not page.named("link") and not page.named("iframe")
    policy = next(attrs["content"] for attrs in page.named("meta") if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'")
    assert all(attrs["src"].startswith("data:image/png;base64,") for attrs in page.named("img"))


def test_report_pictures_have_words(run):
    pictures = read(write_report(run)).named("img")
    assert len(pictures) == 1 + 2 * 3 * 2
    assert all(len(attrs["alt"]) > 10 for attrs in pictures)
    assert "iteration 20: 95.0%" in pictures[0]["alt"]
    assert all(attrs["width"] == "192" and attrs["class"] == "pixels" for attrs in pictures[1:]), "16 px, times 12"


def test_report_escapes_everything_that_was_written(tmp_path):
    hostile = "</pre><script>alert(1)</script><img src=x onerror=alert(2)>\x00\ud800\u202e{{ 7 * 7 }}"
    images = ImageStore()
    bad = episode(images, 1, hostile, error=hostile, status=Status.ENV_ERROR)
    bad.turns[0].feedback, bad.turns[0].terms = hostile, {hostile.replace("\ud800", ""): 1.0}
    bad.task.options["task"] = hostile
    save_trajectories(tmp_path / "trajectories" / "after.parquet", [bad], images)
    named = {**SUMMARY, "baselines": {hostile: {**result(1), "meaning": hostile}}, "controls": {hostile: result(1)}}
    named |= {"environment": {"id": hostile, "kwargs": {hostile: hostile}}, "machine": {hostile: hostile}}
    named |= {
        "notes": [hostile],
        "seconds": {hostile: 1.0},
        "config": {"x": hostile},
        "by_task": {hostile: {hostile: result(1)}},
    }
    (tmp_path / "summary.json").write_text(json.dumps(named))
    html = write_report(tmp_path, token_text=lambda _: hostile).read_bytes()
    page = Page(html.decode("utf-8"))
    assert not page.named("script") and "onerror" not in {name for _, attrs in page.tags for name in attrs}
    assert "<script>alert(1)</script>" in page.text, "it is shown as text"
    assert "{{ 7 * 7 }}" in page.text
    assert not re.search("[\x00\u202e]", page.text) and "\\x00" in page.text and "\\u202e" in page.text


@pytest.mark.parametrize("missing", ["summary.json", "metrics.jsonl", "trajectories/before.parquet", "trajectories"])
def test_report_without_a_part(run, missing):
    for path in sorted(run.rglob("*.parquet")) if missing == "trajectories" else [run / missing]:
        path.unlink()
    said = read(write_report(run)).text
    assert ("No episodes were kept." in said) == (missing == "trajectories")
    assert ("no held-out result yet" in said) == (missing == "summary.json")
    assert ("machinery failed" in said) is False


@pytest.mark.parametrize("part", [name for name in SUMMARY if name != "seed"])
def test_report_without_a_part_of_the_summary(tmp_path, part):
    (tmp_path / "summary.json").write_text(json.dumps({name: SUMMARY[name] for name in SUMMARY if name != part}))
    read(write_report(tmp_path))
    (tmp_path / "summary.json").write_text(json.dumps({part: SUMMARY[part]}))
    read(write_report(tmp_path))


def test_report_of_an_empty_folder(tmp_path):
    assert "no held-out result yet" in read(write_report(tmp_path)).text
    with pytest.raises(FileNotFoundError, match="no run folder"):
        write_report(tmp_path / "missing")
    for content, message in (("{", "is no JSON"), ("[]", "must hold a JSON object; got list")):
        (tmp_path / "summary.json").write_text(content)
        with pytest.raises(ValueError, match=message):
            write_report(tmp_path)


def test_report_writes_tokens_with_the_run_s_tokenizer(run):
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    (run / "checkpoint").mkdir()
    words = {"[?]": 0, "alpha": 5, "beta": 6, "gamma": 7}
    Tokenizer(WordLevel(words, unk_token="[?]")).save(str(run / "checkpoint" / "tokenizer.json"))
    assert "beta" in read(write_report(run)).text
    assert "TOKEN7" in read(write_report(run, token_text=lambda token: f"TOKEN{token}")).text


def test_report_limits_what_it_shows(tmp_path):
    images = ImageStore()
    long = episode(images, 1, "x" * 100_000)
    long.turns[0].sampled_ids = np.zeros(500, np.int32)
    long.turns[0].logprobs = np.zeros(500, np.float32)
    save_trajectories(tmp_path / "trajectories" / "after.parquet", [long, episode(images, 2)], images)
    said = read(write_report(tmp_path, samples=1)).text
    assert "98,000 more characters" in said and "and 420 more" in said
    assert "the first 1 of 2" in said and "Seed 2" not in said


def test_pairs_are_of_the_same_instance():
    images = ImageStore()
    before, after = [episode(images, seed) for seed in (3, 1)], [episode(images, seed) for seed in (1, 2)]
    pairs = pair_episodes({"before": before, "after": after})
    assert [pair.seed for pair in pairs] == [3, 1, 2]
    assert [[played is not None for _, played in pair.sides] for pair in pairs] == [[1, 0], [1, 1], [0, 1]]
    assert pairs[1].sides == [("before", before[1]), ("after", after[0])]


def test_readable():
    assert readable("día\n🙂") == "día\n🙂"
    assert readable("a\x1b[31m\u202eb\ud800") == "a\\x1b[31m\\u202eb\\ud800"
    assert readable("abcdef", 4) == "abcd … and 2 more characters"


def test_curves_are_drawn(run, tmp_path):
    def draw(**options):
        plot_curves(run / "metrics.jsonl", tmp_path / "pictures" / "curve.png", **options)
        return cv2.imread(str(tmp_path / "pictures" / "curve.png"))

    (run / "success.png").unlink()
    assert len(read(write_report(run)).named("img")) == 1 + 2 * 3 * 2, "the report draws a missing curve"
    assert cv2.imread(str(run / "success.png")).shape[1] > 1400
    with_baselines, without = draw(), draw(summary={})
    assert with_baselines.shape[1] > 1400 and with_baselines.std() > 5
    assert with_baselines.shape != without.shape or (with_baselines != without).any(), "summary.json beside it is read"


@pytest.mark.parametrize("lines", [[], METRICS[:2], METRICS[3:5]])
def test_curves_of_a_run_that_has_only_begun(tmp_path, lines):
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    plot_curves(tmp_path / "metrics.jsonl", tmp_path / "curve.png")
    assert cv2.imread(str(tmp_path / "curve.png")) is not None


def test_held_out_points():
    sampled, greedy = held_out_points(METRICS)
    assert {step: found["success"] for step, found in sampled.items()} == {0: 0.41, 10: 0.7, 20: 0.95}
    assert {step: found["success"] for step, found in greedy.items()} == {0: 0.55, 20: 0.97}


def test_metrics_that_cannot_be_read(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1}\n{"step": 2')
    assert read_metrics(path) == [{"step": 1}], "a line cut off by a kill is left out"
    path.write_text('{"step": 1}\nnonsense\n{"step": 2}\n')
    with pytest.raises(ValueError, match=r"line 2.*nonsense"):
        read_metrics(path)
    with pytest.raises(FileNotFoundError):
        read_metrics(tmp_path / "missing.jsonl")


def test_labels_are_spread():
    assert spread([0.1, 0.5, 0.9], 0.05, 1.0) == [0.1, 0.5, 0.9]
    placed = spread([0.98, 0.97, 1.0, 0.99], 0.05, 1.0)
    assert sorted(range(4), key=lambda i: placed[i]) == [1, 0, 3, 2], "in the order of the lines"
    assert max(placed) <= 1.0 and min(np.diff(sorted(placed))) > 0.0499
