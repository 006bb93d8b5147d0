"""Can an environment be played without eyes? A classifier learns from everything that an agent is told but the pixels.

    python -m benchmarks.trained_probes --fit 5000 --held-out 2000
    python -m benchmarks.trained_probes --only Grounding Charts

Of each environment without a browser, at some levels, one question is asked of the start of an episode (`question_of`):

- ``option``: which of the options of the question is right (`benchmarks/probing`); chance is one over their number.
- ``answer``: what is to be handed in, as the expert does in the end; scored by handing it in.
- ``move``: what the expert does first; numbers count as equal within the same quarter of their range. Where a guess
  beats that, and only `submit` comes after the move, the move is handed in, in finer cells (`submitted`): a quarter is
  coarser than what the environment asks for.

What is known is the text of the first observation, and the number and sizes of the pictures. Where that is the same in
every instance there is nothing to learn from, and the best constant policy is all that is left: ``told_the_same``. Else
two classifiers, the better one by cross-validation, are measured on held-out instances: the 95 % interval of the score
must contain chance, or that of the best constant, or lie below. Where questions of several forms are asked (`FORMS`),
no constant answers all of them, and chance is that of the best constant for each form. One in forty is above by chance
alone: where that happens, fresh instances are measured, and only those count.

`OTHERS` says which environments have a probe of their own, and which have none. A run that was stopped goes on.
"""

from __future__ import annotations

import collections
import itertools
import json
import multiprocessing
import os
import re
import statistics
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import gymnasium as gym
import numpy as np
import torch
import tyro
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import ExtraTreesClassifier

from benchmarks.peers import machine
from benchmarks.probing.classifiers import best_classifier
from benchmarks.probing.drawing import DrawsNothing
from benchmarks.probing.features import Instance, worded
from mmgym.env import MultimodalEnv, unwrap
from mmgym.learn.summary import versions
from mmgym.messages import observation_content
from mmgym.registry import EnvironmentEntry, entries
from mmgym.spaces import ToolCall
from mmgym.stats import wilson
from mmgym_video.looking import LookingEnv

FIRST_SEED = 50_000_000
WORDS = 2**12
"""Words are hashed into so many features."""
LABELS = 256
"""The most labels that a classifier tells apart."""
LOOKED = 200
"""Instances after which it is taken for granted that all are told the same."""
QUARTERS, CELLS = 4, (8, 16)
"""Parts of the range of a number that count as one, in moves, and in moves that are handed in."""
CHOOSING = 1000
"""Instances that the best constant is chosen by, where a move is handed in."""
LAST = ("answer", "choose")
"""Tools that hand in an answer, which is scored."""

OTHERS = MappingProxyType(
    {
        "WebNav": "its 44 tasks that need pixels have benchmarks/blind_probe.py: instruction and text of the pages",
        "VideoQA": "each family also has benchmarks/video_probes.py: blind, and with the frames in no order",
        "AudioVisualQA": "what is heard, and muted sound, are in benchmarks/video_probes.py; here the wording alone",
        "MiniWoB": "none: 7,000 pages in a browser for each task; what is asked stands on the page, in pixels",
        "OtterWiki, Roundup": "none: an application's state for each instance; what is asked is done over many pages",
        "Web": "none: a user's own site",
    }
)
"""Environments with a probe elsewhere, or with none, and why."""


FORMS: MappingProxyType[str, Callable[[Any], str]] = MappingProxyType(
    {"Charts": lambda env: f"{env.question.kind}, {env.chart.noun}"}
)
"""What an environment asks of an instance, where that differs: the kind of question, and what labels name."""


@dataclass(frozen=True)
class Args:
    """Options."""

    fit: int = 5000
    """Instances that the classifiers are fitted to, per environment and level."""
    held_out: int = 2000
    """Instances that they are measured on."""
    levels: tuple[int, ...] = (1, 3)
    """Levels."""
    only: tuple[str, ...] = ()
    """Parts of ids to look at; empty: all."""
    processes: int = 2
    """Processes."""
    out: Path = Path("runs/probes.json")
    """Where the results go."""


@dataclass(frozen=True)
class Told:
    """The start of an episode, but for the pixels, and what is to be known."""

    seed: int
    words: tuple[str, ...]
    numbers: tuple[float, ...]
    label: str
    call: ToolCall
    """What `label` stands for."""
    form: str = ""
    """Which of `FORMS` it is."""
    options: Instance | None = None


def question_of(env: MultimodalEnv) -> str:
    """What is asked of an environment: ``option``, ``answer`` or ``move``; empty where it has no expert."""
    names = {tool.name for tool in env.action_space.tools}
    if getattr(getattr(env, "question", None), "options", ()):
        return "option"
    if env.capabilities.expert == "none":
        return ""
    return "answer" if names & set(LAST) and not names & {"submit"} else "move"


# --- instances --------------------------------------------------------------------------------------------------------


def start(env: gym.Env[Any, Any], seed: int, level: int) -> tuple[dict[str, Any], MultimodalEnv]:
    """The first observation of an instance."""
    inner: Any = unwrap(env)
    observation, _ = env.reset(seed=seed, options={"split": "train", "level": level})
    return observation, inner


def told(env: gym.Env[Any, Any], seed: int, level: int, asked: str) -> Told:
    """An instance as someone without eyes is told it."""
    observation, inner = start(env, seed, level)
    content = observation_content(inner.observation_space, observation)
    texts = [part["text"] for part in content if part["type"] == "text"]
    shapes = [part["image"].shape[:2] for part in content if part["type"] == "image"]
    found = re.findall(r"[^\W_]+", " ".join(texts).casefold())
    pairs = [f"{a} {b}" for a, b in itertools.pairwise(found)]
    placed = [f"{place}:{word}" for place, word in enumerate(found[:60])]
    named = [float(text) for text in re.findall(r"-?\d+(?:\.\d+)?", " ".join(texts))][:12]
    sizes = [float(side) for shape in shapes[:4] for side in shape]
    numbers = (len(" ".join(texts)), len(found), len(shapes), *_padded(sizes, 8), *_padded(named, 12))
    if asked == "option":
        assert isinstance(inner, LookingEnv)
        return Told(seed, (), (), inner.question.letter, ToolCall("answer"), options=worded(inner.question))
    form = FORMS.get(type(inner).__name__, lambda _: "")(inner)
    call = _handed_in(inner) if asked == "answer" else inner.expert()
    label = _exact(call) if asked == "answer" else _cell_of(call, inner, QUARTERS)
    return Told(seed, (*found, *pairs, *placed), numbers, label, call, form)


def _padded(values: Sequence[float], length: int) -> tuple[float, ...]:
    return (*values, *[0.0] * length)[:length]


def _handed_in(inner: MultimodalEnv) -> ToolCall:
    """What the expert hands in, in the end."""
    for _ in range(inner.max_turns):
        call = inner.expert()
        if call.name in LAST:
            return call
        inner.step(call)
    raise RuntimeError(f"the expert of {type(inner).__name__} handed nothing in")


def _exact(call: ToolCall) -> str:
    return json.dumps(call.as_dict(), sort_keys=True)


def _cell_of(call: ToolCall, inner: MultimodalEnv, parts: int) -> str:
    """A call with its numbers as parts of their range, where the range is long."""
    tool = next(tool for tool in inner.action_space.tools if tool.name == call.name)
    arguments = dict(call.arguments)
    for parameter in tool.parameters:
        low, high, value = parameter.low, parameter.high, arguments.get(parameter.name)
        if isinstance(value, (int, float)) and low is not None and high is not None and high - low > 16:
            arguments[parameter.name] = min(parts - 1, int(parts * (value - low) / (high - low)))
    return _exact(ToolCall(call.name, arguments))


def _typical(calls: Sequence[ToolCall]) -> ToolCall:
    """The median of calls that differ in whole numbers alone."""
    first = calls[0].arguments
    numbers = {name for name, value in first.items() if isinstance(value, int)}
    middle = {name: statistics.median_low(call.arguments[name] for call in calls) for name in numbers}
    return ToolCall(calls[0].name, {**first, **middle})


# --- classifiers ------------------------------------------------------------------------------------------------------


def _common(instances: Sequence[Told]) -> list[Told]:
    """Those whose label is among the `LABELS` commonest: what comes once cannot be learnt."""
    kept = {label for label, _ in collections.Counter(one.label for one in instances).most_common(LABELS)}
    return [one for one in instances if one.label in kept]


class Linear:
    """Multinomial logistic regression over hashed words and scaled numbers."""

    def fit(self, instances: Sequence[Told]) -> Linear:
        """Learn."""
        instances = _common(instances)
        numbers = np.array([one.numbers for one in instances])
        self.centre, self.scale = numbers.mean(0), np.maximum(numbers.std(0), 1e-6)
        features = self._features(instances)
        self.labels = list(dict.fromkeys(one.label for one in instances))
        places = {label: place for place, label in enumerate(self.labels)}
        targets = torch.tensor([places[one.label] for one in instances])
        torch.manual_seed(0)
        self.mean = features.mean(0)
        self.model = torch.nn.Linear(features.shape[1], len(self.labels))
        optimizer = torch.optim.AdamW(self.model.parameters(), 3e-3, weight_decay=0.1)
        for _ in range(8):
            for batch in torch.randperm(len(targets)).split(128):
                loss = torch.nn.functional.cross_entropy(self.model(features[batch] - self.mean), targets[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return self

    def predict(self, instances: Sequence[Told]) -> list[str]:
        """The likeliest label of each."""
        with torch.no_grad():
            return [self.labels[place] for place in self.model(self._features(instances) - self.mean).argmax(1)]

    def _features(self, instances: Sequence[Told]) -> torch.Tensor:
        scaled = ((np.array([one.numbers for one in instances]) - self.centre) / self.scale).clip(-5, 5)
        features = np.zeros((len(instances), WORDS + scaled.shape[1]), np.float32)
        for row, one in enumerate(instances):
            features[row, [zlib.crc32(word.encode()) % WORDS for word in one.words]] = 1
        features[:, WORDS:] = scaled
        return torch.from_numpy(features)


class Trees:
    """Randomised trees over numbers and the commonest words."""

    def fit(self, instances: Sequence[Told]) -> Trees:
        """Learn."""
        instances = _common(instances)
        common = collections.Counter(word for one in instances for word in set(one.words)).most_common(200)
        self.index = {word: place for place, (word, _) in enumerate(common)}
        self.model = ExtraTreesClassifier(80, min_samples_leaf=5, random_state=0)
        self.model.fit(self._features(instances), [one.label for one in instances])
        return self

    def predict(self, instances: Sequence[Told]) -> list[str]:
        """The likeliest label of each."""
        return [str(label) for label in self.model.predict(self._features(instances))]

    def _features(self, instances: Sequence[Told]) -> np.ndarray:
        there = np.zeros((len(instances), len(self.index)), np.float32)
        for row, one in enumerate(instances):
            there[row, [self.index[word] for word in one.words if word in self.index]] = 1
        return np.hstack([np.array([one.numbers for one in instances], np.float32), there])


def better(instances: Sequence[Told]) -> tuple[str, Linear | Trees]:
    """The better classifier by cross-validation in two halves, fitted to all instances, and its name."""
    halves = instances[::2], instances[1::2]
    right = {}
    for name, make in (("linear", Linear), ("trees", Trees)):
        right[name] = sum(
            guess == one.label
            for seen, held in (halves, halves[::-1])
            for guess, one in zip(make().fit(seen).predict(held), held, strict=True)
        )
    best = max(right, key=lambda name: right[name])
    return best, (Linear() if best == "linear" else Trees()).fit(instances)


# --- probing ----------------------------------------------------------------------------------------------------------


def probe(entry: EnvironmentEntry, level: int, fit: int, held_out: int) -> dict[str, Any]:
    """The probe of one environment at one level."""
    torch.set_num_threads(1)
    env: gym.Env[Any, Any] = DrawsNothing(gym.make(entry.id, disable_env_checker=True))
    _, inner = start(env, FIRST_SEED, level)
    asked = question_of(inner)
    if not asked:
        return {"asked": "", "passes": None, "why": "no expert says what is right"}
    found = (told(env, seed, level, asked) for seed in itertools.count(FIRST_SEED))
    known = list(itertools.islice(found, min(LOOKED, fit)))
    if asked != "option" and len({(one.words, one.numbers) for one in known}) == 1:
        label, count = collections.Counter(one.label for one in known).most_common(1)[0]
        about = {"told_the_same": True, "instances": len(known), "constant": label, "best_constant": count / len(known)}
        return {"asked": asked, **about, "passes": True}
    known += itertools.islice(found, fit - len(known))
    if asked == "option":
        return {"asked": asked, **_of_options(known, found, held_out)}
    result = _measured(known, found, held_out, partial(_handed, env, level) if asked == "answer" else _same)
    if asked == "move" and not result["passes"] and only_submit_is_left(env, level):
        result = {**submitted(env, level, known, found, held_out), "by_quarters": result}
    return {"asked": asked, **result}


Scored = Callable[[Told, str, ToolCall], bool]
"""Whether a label, and the call that it stands for, is right for an instance."""


def _measured(
    known: Sequence[Told], found: Iterator[Told], held_out: int, right: Scored, constant: str = ""
) -> dict[str, Any]:
    """How often a classifier that has learnt from `known` is right, on instances of `found`.

    Args:
        known: what it learns from.
        found: what it is measured on.
        held_out: how many of those.
        right: what counts.
        constant: the label that serves best, where equal labels are not right in any case.
    """
    name, model = better(known)
    calls = {one.label: one.call for one in known}
    forms = {one.form for one in known}
    usual = {form: constant or _commonest([one for one in known if one.form == form]) for form in forms}

    def measure() -> dict[str, Any]:
        asked_of = list(itertools.islice(found, held_out))
        guesses = model.predict(asked_of)
        hits = [right(one, guess, calls[guess]) for one, guess in zip(asked_of, guesses, strict=True)]
        blunt = [right(one, usual[one.form], calls[usual[one.form]]) for one in asked_of]
        most = collections.Counter(one.label for one in asked_of).most_common(1)[0][1]
        low, high = wilson(sum(hits), len(hits))
        best = max(sum(blunt), 0 if constant else most) / len(hits)
        score = {"score": sum(hits) / len(hits), "low": low, "high": high, "best_constant": best}
        kinds: dict[str, list[tuple[bool, bool]]] = collections.defaultdict(list)
        for one, *both in zip(asked_of, hits, blunt, strict=True):
            kinds[one.form.partition(",")[0]].append((both[0], both[1]))
        by_form = {
            kind: dict(zip(("score", "best_constant"), np.mean(pairs, 0).round(4).tolist(), strict=True), n=len(pairs))
            for kind, pairs in sorted(kinds.items())
        }
        return {**score, "held_out": len(hits), "passes": low <= best, **({"forms": by_form} if len(forms) > 1 else {})}

    result = measure()
    if not result["passes"]:
        result = {**measure(), "first": result}
    return {**result, "fit": len(known), "labels": len(calls), "classifier": name}


def _commonest(instances: Sequence[Told]) -> str:
    return collections.Counter(one.label for one in instances).most_common(1)[0][0]


def only_submit_is_left(env: gym.Env[Any, Any], level: int) -> bool:
    """Whether the expert submits after its first move."""
    _, inner = start(env, FIRST_SEED, level)
    inner.step(inner.expert())
    return not inner.success and inner.expert().name == "submit"


def submitted(
    env: gym.Env[Any, Any], level: int, known: Sequence[Told], found: Iterator[Told], held_out: int
) -> dict[str, Any]:
    """The measure of moves that are made and submitted, in cells of the size that serves a classifier best."""

    def right(one: Told, _: str, call: ToolCall) -> bool:
        env.reset(seed=one.seed, options={"split": "train", "level": level})
        env.step(call)
        return bool(env.step(ToolCall("submit"))[4]["success"])

    tried = []
    half, inner = len(known) // 2, unwrap(env)
    for parts in CELLS:
        labels = [_cell_of(one.call, inner, parts) for one in known]
        together = collections.defaultdict(list)
        for one, label in zip(known, labels, strict=True):
            together[label].append(one.call)
        typical = {label: _typical(calls) for label, calls in together.items()}
        cut = [replace(one, label=label, call=typical[label]) for one, label in zip(known, labels, strict=True)]
        hits = {label: sum(right(one, label, call) for one in cut[:CHOOSING]) for label, call in typical.items()}
        best = max(hits, key=lambda label: hits[label])
        score = _measured(cut[:half], iter(cut[half:] * 2), len(cut) - half, right, best)["score"]
        tried.append((score, parts, cut, best))
    _, parts, cut, best = max(tried, key=lambda one: one[:2])
    return {"submitted": True, "cells": parts, **_measured(cut, found, held_out, right, best)}


def _of_options(known: Sequence[Told], found: Iterator[Told], held_out: int) -> dict[str, Any]:
    name, model = best_classifier([one.options for one in known if one.options])

    def measure() -> dict[str, Any]:
        asked_of = [one.options for one in itertools.islice(found, held_out) if one.options]
        right = int((model.predict(asked_of) == [one.right for one in asked_of]).sum())
        low, high = wilson(right, len(asked_of))
        chance = float(np.mean([1 / len(one.codes) for one in asked_of]))
        score = {"score": right / len(asked_of), "low": low, "high": high, "best_constant": chance}
        return {**score, "held_out": len(asked_of), "passes": low <= chance}

    result = measure()
    if not result["passes"]:
        result = {**measure(), "first": result}
    return {**result, "fit": len(known), "classifier": name}


def _same(one: Told, guess: str, call: ToolCall) -> bool:
    return one.label == guess


def _handed(env: gym.Env[Any, Any], level: int, one: Told, guess: str, call: ToolCall) -> bool:
    """Whether the environment takes an answer for right."""
    if one.label == guess:
        return True
    env.reset(seed=one.seed, options={"split": "train", "level": level})
    return bool(env.step(call)[4]["success"])


def _cell(cell: tuple[EnvironmentEntry, int], fit: int, held_out: int) -> tuple[str, dict[str, Any]]:
    started = time.perf_counter()
    result = probe(*cell, fit, held_out)
    return f"{cell[0].id}/{cell[1]}", {**result, "seconds": round(time.perf_counter() - started, 1)}


def probed() -> list[EnvironmentEntry]:
    """The environments that this probe is for: those that need no browser."""
    return [entry for entry in entries() if not entry.entry_point.startswith("mmgym_web")]


def summary(results: dict[str, Any]) -> dict[str, Any]:
    """How many there are of each kind, and which fail."""
    return {
        "failing": sorted(name for name, result in results.items() if result["passes"] is False),
        "told_the_same": sum("told_the_same" in result for result in results.values()),
        "asked": dict(collections.Counter(result["asked"] for result in results.values())),
        "environments": len({name.rpartition("/")[0] for name in results}),
    }


def show(results: dict[str, Any]) -> Table:
    """Scores in per cent with their intervals."""
    table = Table("environment/level", "asked", "best constant", "score", "n")
    for name, result in sorted(results.items()):
        score = "told the same"
        if "score" in result:
            score = f"{100 * result['score']:.1f} ({100 * result['low']:.1f} to {100 * result['high']:.1f})"
            score = score if result["passes"] else f"[red]{score}[/red]"
        constant = "" if "best_constant" not in result else f"{100 * result['best_constant']:.1f}"
        n = str(result.get("held_out", result.get("instances", "")))
        table.add_row(name.removeprefix("mmgym/"), result["asked"], constant, score, n)
    return table


def main(args: Args) -> None:
    """Probe what the file of results does not have yet, and write each result when it is there."""
    setting = {"fit": args.fit, "held_out": args.held_out, "first_seed": FIRST_SEED}
    before = json.loads(args.out.read_text()) if args.out.is_file() else {}
    results = before["results"] if {key: before.get(key) for key in setting} == setting else {}
    wanted = [entry for entry in probed() if not args.only or any(part in entry.id for part in args.only)]
    cells = [
        (e, level) for e in wanted for level in args.levels if f"{e.id}/{level}" not in results and level <= e.levels
    ]
    console = Console()
    with multiprocessing.get_context("spawn").Pool(args.processes, maxtasksperchild=4) as pool:
        for name, result in pool.imap_unordered(partial(_cell, fit=args.fit, held_out=args.held_out), cells):
            results[name] = result
            about = {
                "machine": machine(),
                "versions": versions(),
                **setting,
                **summary(results),
                "others": dict(OTHERS),
            }
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(json.dumps({**about, "results": dict(sorted(results.items()))}, indent=1) + "\n")
            console.print(show({name: result}))
    console.print(show(results))
    console.print(summary(results))


if __name__ == "__main__":
    main(tyro.cli(Args))
