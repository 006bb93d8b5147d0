"""The page of a run: what came out, what the controls say, and episodes before and after GRPO to look at.

One file that needs no network and runs no script: styles and pictures are inside, and its content security policy
forbids everything else, so that nothing a model or an environment wrote can do more than be read.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jinja2 import ChainableUndefined, Environment, PackageLoader

from mmgym.store import load_trajectories
from mmgym.trajectory import ImageRef, ImageStore, Status, Trajectory, Turn
from mmgym.view.curves import plot_curves
from mmgym.view.metrics import held_out_points, read_metrics

__all__ = ["write_report"]

MAX_TEXT = 2000
"""Longest text of a turn on the page, in characters; the rest is counted."""
MAX_TOKENS = 80
"""Most sampled tokens of a turn on the page."""
_SMALL_IMAGE = 192
"""Images narrower than this are enlarged by a whole factor, in CSS pixels."""

TokenText = Callable[[int], str]


@dataclass
class Row:
    """A line of a table of results."""

    name: str
    result: Mapping[str, Any]
    meaning: str = ""
    kind: str = ""
    """``ours`` for the model of this run, ``target`` for the baseline to beat, ``quoted`` for another run's result."""


@dataclass
class Picture:
    """An image on the page."""

    uri: str
    width: int
    """CSS pixels."""
    enlarged: bool


@dataclass
class Pair:
    """Episodes of one instance: before and after."""

    seed: int
    task: str
    sides: list[tuple[str, Trajectory | None]] = field(default_factory=list)


def write_report(run_dir: str | Path, token_text: TokenText | None = None, samples: int = 12) -> Path:
    """Write ``report.html`` into the folder of a run.

    Everything in the folder is optional: ``summary.json``, ``metrics.jsonl``, ``success.png`` (drawn from the metrics
    when missing), ``trajectories/before.parquet`` and ``after.parquet``. The page leaves out what is not there.

    Args:
        run_dir: the folder.
        token_text: the text of a token id; by default read off ``checkpoint/tokenizer.json``, else ids are shown.
        samples: most instances whose episodes are shown, the first ones of the files.

    Returns:
        Path of the page.

    Raises:
        FileNotFoundError: when there is no such folder.
        ValueError: when one of the files is damaged, naming it.
    """
    folder = Path(run_dir)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no run folder {folder}")
    summary = _read_summary(folder / "summary.json")
    kept = {name: folder / "trajectories" / f"{name}.parquet" for name in ("before", "after")}
    loaded = {name: load_trajectories(path) for name, path in kept.items() if path.is_file()}
    pairs = pair_episodes({name: trajectories for name, (trajectories, _) in loaded.items()})
    templates = Environment(
        loader=PackageLoader("mmgym.view"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"percent": _percent, "said": readable, "json": lambda value: json.dumps(value, indent=2)}
    page = templates.get_template("report.html").render(
        summary=summary,
        heldout=summary.get("heldout") or {},
        agents=agent_rows(summary),
        controls=_control_rows(summary),
        tasks=task_table(summary),
        seconds=_phases(summary),
        curve=_curve(folder),
        pairs=pairs[:samples],
        all_pairs=len(pairs),
        outcomes=Counter(tuple(_outcome(episode) for _, episode in pair.sides) for pair in pairs),
        outcome=_outcome,
        picture=_Pictures({name: images for name, (_, images) in loaded.items()}),
        tokens=_tokens(token_text or _tokenizer_text(folder / "checkpoint" / "tokenizer.json")),
        max_tokens=MAX_TOKENS,
    )
    path = folder / "report.html"
    path.write_bytes(page.encode("utf-8", "xmlcharrefreplace"))
    return path


def readable(text: Any, limit: int = MAX_TEXT) -> str:
    """Text that anybody may have written, cut to `limit` characters; what cannot be seen is spelled out."""
    text = str(text)
    shown = "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text[:limit])
    return shown if len(text) <= limit else f"{shown} … and {len(text) - limit:,} more characters"


def pair_episodes(sides: Mapping[str, Sequence[Trajectory]]) -> list[Pair]:
    """Bring the episodes of equal instances together, in the order of the files; a missing side is None."""
    pairs: dict[str, Pair] = {}
    found: dict[str, dict[str, Trajectory]] = {}
    for name, trajectories in sides.items():
        for trajectory in trajectories:
            task = trajectory.task
            key = repr((task.env_id, task.seed, task.kwargs, task.options, task.group, task.member, trajectory.seat))
            pairs.setdefault(key, Pair(task.seed, str(task.options.get("task", ""))))
            found.setdefault(key, {})[name] = trajectory
    for key, pair in pairs.items():
        pair.sides = [(name, found[key].get(name)) for name in sides]
    return list(pairs.values())


def agent_rows(summary: Mapping[str, Any]) -> list[Row]:
    """Baselines, the model before and after, and results quoted from other runs."""
    bar = summary.get("walker") or "walker"
    rows = []
    for name, result in (summary.get("baselines") or {}).items():
        meaning = (
            result.get("meaning")
            or _BASELINES.get(name)
            or ("The bar to beat." if name == bar else "A scripted policy.")
        )
        rows.append(Row(_words(name), result, meaning, "target" if name == bar else ""))
    for stage, ways in (summary.get("heldout") or {}).items():
        for way, result in ways.items():
            meaning = _STAGES.get((stage, way), "")
            rows.append(Row(f"{_STAGE_NAMES.get(stage, stage)}, {way}", result, meaning, "ours"))
    for key, (name, meaning) in _QUOTED.items():
        if result := summary.get(key):
            seed = f" Another run, seed {result['seed']}." if "seed" in result else " Another run."
            rows.append(Row(name, result, meaning + seed, "quoted"))
    return rows


def task_table(summary: Mapping[str, Any]) -> tuple[list[str], list[Row]]:
    """Success by kind of task: the agents (columns), and per kind a row with their results by agent."""
    by_task = summary.get("by_task") or {}
    if any("success" in result for result in by_task.values()):
        by_task = {"trained": by_task}
    kinds = list(dict.fromkeys(kind for results in by_task.values() for kind in results))
    rows = [Row(kind, {agent: results.get(kind) for agent, results in by_task.items()}) for kind in kinds]
    return list(by_task), rows


_BASELINES = {
    "random": "Draws valid actions at random: what chance gives.",
    "walker": "Walks straight to the goal and ignores obstacles: the bar that reward has to clear.",
    "expert": "A script that reads the state: the ceiling.",
}
_STAGE_NAMES = {"cloned": "before GRPO", "trained": "after GRPO"}
_STAGES = {
    ("cloned", "sampled"): "After the warm start alone. Answers drawn from the model, as in training.",
    ("cloned", "greedy"): "After the warm start alone, always its likeliest token.",
    ("trained", "sampled"): "After GRPO. Answers drawn from the model, as in training.",
    ("trained", "greedy"): "After GRPO, always its likeliest token.",
}
_QUOTED = {
    "heldout_success_blind": ("blind twin", "The same recipe on blanked images: what is left without eyes."),
    "ablation_no_hole_questions": (
        "no questions about holes",
        "The same recipe, but no perception question mentions a hole: does reward alone teach seeing them?",
    ),
}
_PHASES = ("perception", "cloning", "grpo", "evaluation")


def _read_summary(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        summary = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if not isinstance(summary, dict):
        raise ValueError(f"{path} must hold a JSON object; got {type(summary).__name__}")
    return summary


def _control_rows(summary: Mapping[str, Any]) -> list[Row]:
    controls = summary.get("controls") or {}
    return [Row(_words(name), result, result.get("meaning") or "") for name, result in controls.items()]


def _phases(summary: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """Name, seconds and share of the total of each phase."""
    seconds = {name: value for name, value in (summary.get("seconds") or {}).items() if name != "total"}
    order = sorted(seconds, key=lambda name: _PHASES.index(name) if name in _PHASES else len(_PHASES))
    total = sum(seconds.values()) or 1.0
    return [("GRPO" if name == "grpo" else name, seconds[name], seconds[name] / total) for name in order]


def _curve(folder: Path) -> tuple[str, str] | None:
    """The learning curve as a data URI, and in words; None without metrics and picture."""
    picture, metrics = folder / "success.png", folder / "metrics.jsonl"
    if not picture.is_file():
        if not metrics.is_file():
            return None
        plot_curves(metrics, picture)
    words = "Success on held-out instances over GRPO iterations."
    sampled = held_out_points(read_metrics(metrics))[0] if metrics.is_file() else {}
    if sampled:
        points = ", ".join(f"iteration {step}: {result['success']:.1%}" for step, result in sampled.items())
        words += f" Sampled: {points}."
    return _uri(picture.read_bytes()), words


class _Pictures:
    """Images of the stores as data URIs."""

    def __init__(self, stores: Mapping[str, ImageStore]):
        self._stores = stores

    def __call__(self, side: str, ref: ImageRef) -> Picture:
        pixels = np.ascontiguousarray(self._stores[side][ref][..., ::-1])
        factor = max(1, _SMALL_IMAGE // ref.width)
        return Picture(_uri(cv2.imencode(".png", pixels)[1].tobytes()), factor * ref.width, factor > 1)


def _tokens(text_of: TokenText | None) -> Callable[[Turn], list[tuple[str, float]]]:
    """A function that gives the text and the probability of each sampled token of a turn."""

    def tokens(turn: Turn) -> list[tuple[str, float]]:
        ids = turn.sampled_ids[:MAX_TOKENS].tolist()
        texts = [text_of(i) if text_of else f"#{i}" for i in ids]
        chances = np.exp(np.minimum(turn.logprobs[:MAX_TOKENS].astype(np.float64), 0.0))
        return list(zip(texts, np.nan_to_num(chances).tolist(), strict=True))

    return tokens


def _tokenizer_text(path: Path) -> TokenText | None:
    """How a saved tokenizer writes one token."""
    if not path.is_file():
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    return lambda token: tokenizer.decode([token], skip_special_tokens=False) or f"#{token}"


def _outcome(episode: Trajectory | None) -> str:
    if episode is None:
        return "not recorded"
    if episode.status is Status.ENV_ERROR:
        return "machinery failed"
    if episode.success:
        return "solved"
    return "out of turns" if episode.status is Status.TRUNCATED else "failed"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
