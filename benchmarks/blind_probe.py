"""Can WebNav's pixel-only tasks be answered without eyes? A classifier is given everything but the pixels.

    python benchmarks/blind_probe.py --fit 5000 --held-out 2000

For each template with `pixels = True`: a linear classifier over words is fitted to the instruction and the visible text
of the pages on the way, to say the answer (or which row has to change), and measured on held-out instances. It must not
beat the best constant answer: the 95 % interval of its score has to contain that answer's share, or lie below it.
One in forty does not by chance alone: where that happens, fresh instances are measured, and only those count.
It takes about two hours on two cores; a run that was stopped goes on where it was.
"""

from __future__ import annotations

import asyncio
import collections
import html
import itertools
import json
import multiprocessing
import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from rich import print

from mmgym.stats import wilson
from mmgym_web.messages import Request
from mmgym_web.webnav.catalogue import sites, templates
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.task import Redraw, Task
from mmgym_web.webnav.kit.world import World

FIRST_SEED = 90_000_000
WORDS = 4096
"""Words are hashed into so many features."""


@dataclass(frozen=True)
class Args:
    """Options."""

    fit: int = 5000
    """Instances that the classifier is fitted to, per template."""
    held_out: int = 2000
    """Instances that it is measured on."""
    only: str = ""
    """Part of the names of the templates to look at; empty: all."""
    processes: int = 2
    """Processes."""
    out: Path = Path("runs/blind_probe.json")
    """Where the results go."""


def visible(body: bytes) -> str:
    """The text of a page, with what a screen reader reads of pictures, and without script and style."""
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", body.decode("utf-8", "replace"), flags=re.S)
    spoken = re.findall(r'(?:alt|title|aria-label|placeholder)="([^"]*)"', text)
    return html.unescape(" ".join([re.sub(r"<[^>]+>", " ", text), *spoken]))


def words(text: str) -> list[int]:
    """Hashed words, and pairs of neighbours, of a text."""
    found = re.findall(r"\w+", text.casefold())
    pairs = [f"{a} {b}" for a, b in itertools.pairwise(found)]
    return [zlib.crc32(word.encode()) % WORDS for word in [*found, *pairs]]


def wanted(task: Task) -> str:
    """What has to be known: what is hidden, the answer, the page, or the rows and values that have to come about."""
    if task.hidden:
        return task.hidden
    if task.answer is not None:
        return task.answer.value.casefold()
    return task.page + repr([(e.table, e.kind, sorted(e.where.items()), sorted(e.set.items())) for e in task.expects])


def instance(name: str, seed: int) -> tuple[list[int], str] | None:
    """The words of one instance and what is wanted; None where the world holds no such task."""
    template, rng = templates()[name], np.random.default_rng(seed)
    episode = Episode(World(seed, "train", template.level), sites())
    try:
        for site in template.sites:
            episode.site(site)
        for _ in range(20):
            try:
                task = template.draw(episode, rng)
                break
            except Redraw:
                continue
        else:
            return None
        paths = [task.start, *(part for part in task.milestones if part.startswith("/"))]
        texts = [task.instruction]
        for path in dict.fromkeys(paths):
            answered = asyncio.run(episode.answer(Request("GET", episode.site(task.site).url(path))))
            assert answered is not None
            texts.append(visible(answered.body))
        return words(" ".join(texts)), wanted(task)
    finally:
        episode.close()


def probe(name: str, fit: int, held_out: int) -> tuple[str, dict[str, Any]]:
    """Fit the classifier to one template, and measure it; a second time, on fresh instances, where it does too well."""
    torch.set_num_threads(1)
    started = time.perf_counter()
    found = filter(None, (instance(name, seed) for seed in itertools.count(FIRST_SEED)))
    seen, labels = zip(*itertools.islice(found, fit), strict=True)
    classes = {label: index for index, label in enumerate(dict.fromkeys(labels))}
    features = _features(seen)
    mean = features.mean(0)
    features -= mean
    targets = torch.tensor([classes[label] for label in labels])
    torch.manual_seed(0)
    model = torch.nn.Linear(WORDS, len(classes))
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=0.1)
    for _ in range(8):
        for batch in torch.randperm(fit).split(128):
            loss = torch.nn.functional.cross_entropy(model(features[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    common, count = collections.Counter(labels).most_common(1)[0]

    def measure() -> dict[str, Any]:
        seen, asked = zip(*itertools.islice(found, held_out), strict=True)
        with torch.no_grad():
            guessed = model(_features(seen) - mean).argmax(1).tolist()
        right = sum(classes.get(label, -1) == guess for label, guess in zip(asked, guessed, strict=True))
        low, high = wilson(right, len(asked))
        # Where hardly an answer comes twice, there may be none of the commonest among the held-out ones.
        constant = (count + asked.count(common)) / (fit + len(asked))
        constant = max(constant, asked.count(common) / len(asked))
        score = {"score": right / len(asked), "low": low, "high": high, "best_constant": constant}
        return {**score, "held_out": len(asked), "passes": low <= constant}

    result = measure()
    if not result["passes"]:
        result = {**measure(), "first": result}
    return name, {**result, "answers": len(classes), "seconds": round(time.perf_counter() - started, 1)}


def _features(seen: Sequence[list[int]]) -> torch.Tensor:
    features = torch.zeros(len(seen), WORDS)
    for row, found in enumerate(seen):
        features[row, found] = 1.0
    return features


def main(args: Args) -> None:
    """Probe every template that the file of results does not have yet, and write each result when it is there."""
    setting = {"fit": args.fit, "held_out": args.held_out, "first_seed": FIRST_SEED}
    before = json.loads(args.out.read_text()) if args.out.is_file() else {}
    results = before["templates"] if {key: before.get(key) for key in setting} == setting else {}
    pixel_only = [name for name, template in templates().items() if template.pixels]
    names = [name for name in pixel_only if args.only in name and name not in results]
    with multiprocessing.get_context("spawn").Pool(args.processes) as pool:
        for name, result in pool.imap_unordered(partial(probe, fit=args.fit, held_out=args.held_out), names):
            print(name, result)
            results[name] = result
            failing = sorted(name for name, result in results.items() if not result["passes"])
            content = {**setting, "of": len(pixel_only), "failing": failing, "templates": dict(sorted(results.items()))}
            args.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Args))
