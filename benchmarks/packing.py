"""Seconds of a training step with rows padded and packed, on rows of ragged and of equal length, and on the demo's own.

    python benchmarks/packing.py
    python benchmarks/packing.py --seeds 1 --rounds 3

A step reads every row and its pictures, goes backwards through all weights and moves them (AdamW). Four ways to lay out
the same rows:

- ``padded whole``   all rows side by side in one batch, as long as the longest: what other libraries do
- ``padded``         sorted by length and cut into micro-batches of at most --max-tokens: this library's default
- ``packed whole``   all rows end to end
- ``packed``         end to end in micro-batches of at most --max-tokens

Rows are made up: turns of a picture and an answer, a fifth as many different pictures as are shown (in a group of
trajectories most turns show what others show too). ``uniform`` has 2 to 8 turns, each as often; in ``skewed`` two
thirds have 2 and the others 8, as when most episodes are soon solved and some run to their limit; in ``equal`` all have
5. The demo's are what one of its processes learns from in a step of each stage; the walker it clones has played the
update's.

Seconds are those of the processor in one thread, so that what else the machine does counts little; rounds alternate
between all ways, and ratios are medians over rounds and seeds with a bootstrap interval.
"""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro

from benchmarks.peers import machine
from mmgym.agent import Policy
from mmgym.learn.build import make_policy
from mmgym.learn.config import TrainConfig, read_config
from mmgym.learn.demonstrations import Demonstrations
from mmgym.learn.distributed import World
from mmgym.learn.learner import Learner, Part
from mmgym.learn.losses import likelihood_loss
from mmgym.learn.optimizers import OptimizerConfig
from mmgym.learn.packing import Row, supervised_row
from mmgym.learn.perception import Examiner
from mmgym.learn.summary import versions
from mmgym.rollout import Executor
from mmgym.trajectory import ImageStore, Segment
from mmgym_agents.tiny import TinyConfig, build_tiny_vlm

logger = logging.getLogger(__name__)
DEMO = Path(__file__).parent.parent / "examples" / "frozen_lake.toml"
WAYS = {
    "padded whole": ("padded", False),
    "padded": ("padded", True),
    "packed whole": ("packed", False),
    "packed": ("packed", True),
}
"""By name: the layout, and whether micro-batches are bounded."""
PAIRS = (("padded whole", "packed whole"), ("padded whole", "packed"), ("padded", "packed"))
"""Ratios that are reported: how many times faster the second is."""
LENGTHS: dict[str, Callable[[int], list[int]]] = {
    "uniform": lambda rows: [2 + index % 7 for index in range(rows)],
    "skewed": lambda rows: [8 if index % 3 == 0 else 2 for index in range(rows)],
    "equal": lambda rows: [5] * rows,
}
"""Turns of each row."""
SIDES = {"qwen3_vl": 64, "qwen2_5_vl": 56}
"""By class of model the side of pictures."""


@dataclass(frozen=True)
class Arguments:
    """Options of the benchmark."""

    families: tuple[str, ...] = tuple(SIDES)
    """Classes of tiny models."""
    rows: int = 42
    """Rows of a step."""
    max_tokens: int = 1536
    """Bound of a micro-batch, the default of `GrpoConfig.max_tokens`."""
    rounds: int = 16
    """Rounds of each seed, after one that does not count."""
    seeds: int = 4
    """Seeds of weights and rows."""
    output: Path = Path(__file__).parent / "results" / "packing.json"
    """Where the result is written."""


def tiny_policy(family: str, seed: int) -> Policy:
    """A tiny model that sees pictures of the side it needs without a resize."""
    side = SIDES[family]
    return build_tiny_vlm(TinyConfig(family=family, seed=seed, patch_size=side // 4, image_size=side), ("up",))


def made_up_rows(
    policy: Policy, turns: Sequence[int], side: int, rng: np.random.Generator
) -> tuple[list[Row], ImageStore]:
    """Rows of so many turns each."""
    images = ImageStore()
    count = max(1, sum(turns) // 5)
    pictures = [rng.integers(0, 256, (side, side, 3)).astype(np.uint8) for _ in range(count)]
    rows = []
    for number in turns:
        ids: list[np.ndarray] = []
        trained: list[np.ndarray] = []
        refs = []
        said = np.zeros(0, np.int32)
        for turn in range(number):
            picture = pictures[rng.integers(count)]
            message = {"role": "user", "content": [{"type": "image", "image": picture}]}
            prompt = policy.codec.extension(message, said) if turn else policy.codec.opening([message])
            said = policy.codec.answer("up " * int(rng.integers(1, 6)))
            refs.append(images.add(picture))
            ids += [prompt.ids, said]
            trained += [np.zeros(len(prompt.ids), bool), np.ones(len(said), bool)]
        mask = np.concatenate(trained)
        nothing = np.zeros(len(mask), np.float32)
        rows.append(supervised_row(Segment(np.concatenate(ids), mask, nothing, nothing.astype(np.int32), tuple(refs))))
    return rows, images


def demo_parts(config: TrainConfig, policy: Policy) -> dict[str, Part]:
    """What a process of the demo learns from in a step of each stage."""
    world, images = World(), ImageStore()
    (environment,) = config.environments
    examiner = Examiner(environment, config.perception, policy)
    asked = [
        examiner.conversation("train", np.random.default_rng([config.seed, index]), images)
        for index in range(config.perception.conversations // config.processes)
    ]
    rows = [supervised_row(segment) for segment in asked]
    parts = {"perception": Part(rows, images, likelihood_loss, float(len(rows)))}
    sampler = policy.sampler(temperature=1.0, greedy=False, max_new_tokens=1, context=config.policy.context)
    update = config.grpo.groups * config.grpo.group_size // config.grpo.minibatches
    with Executor(config.rollout) as executor:
        for name, episodes in (("cloning", config.cloning.episodes), ("update", update)):
            here = replace(config, cloning=replace(config.cloning, episodes=episodes // config.processes))
            parts[name] = Demonstrations(here, world, policy, executor, sampler).part(0, 1.0)
    return parts


def seconds_of_steps(make: Callable[[], Policy], part: Part, arguments: Arguments) -> dict[str, list[float]]:
    """Seconds of the processor that a step takes each way, round by round."""
    learners = {}
    for way, (layout, bounded) in WAYS.items():
        bound = arguments.max_tokens if bounded else 10**9
        learners[way] = Learner(make(), OptimizerConfig(lr=1e-5), max_tokens=bound, layout=layout)
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    ways = list(WAYS)
    for number in range(arguments.rounds + 1):
        for way in ways[number % len(ways) :] + ways[: number % len(ways)]:
            started = time.process_time()
            learners[way].step([part])
            if number:
                found[way].append(time.process_time() - started)
    return found


def summary_of(rounds: Sequence[dict[str, list[float]]], lengths: Sequence[int]) -> dict[str, Any]:
    """Medians over seeds and rounds; ratios are taken within a round."""
    seconds = {way: np.concatenate([one[way] for one in rounds]) for way in WAYS}
    rng = np.random.default_rng(0)
    ratios = {}
    for slow, fast in PAIRS:
        each = seconds[slow] / seconds[fast]
        drawn = np.median(rng.choice(each, (2000, len(each))), axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        ratios[f"{slow} / {fast}"] = {
            "median": round(float(np.median(each)), 3),
            "interval_95": [round(float(low), 3), round(float(high), 3)],
        }
    return {
        "rows": len(lengths),
        "shortest_longest_mean": [min(lengths), max(lengths), round(float(np.mean(lengths)), 1)],
        "seconds": {way: round(float(np.median(values)), 4) for way, values in seconds.items()},
        "times_faster": ratios,
    }


def main(arguments: Arguments) -> None:
    """Measure everything and write the result."""
    torch.set_num_threads(1)
    result: dict[str, Any] = {"machine": machine(), "versions": versions(), "threads": 1}
    result |= {"max_tokens": arguments.max_tokens, "rounds": arguments.rounds, "seeds": arguments.seeds}
    for family in arguments.families:
        for name, turns in LENGTHS.items():
            rounds = []
            for seed in range(arguments.seeds):
                make = functools.partial(tiny_policy, family, seed)
                policy, rng = make(), np.random.default_rng([seed, 1])
                rows, images = made_up_rows(policy, turns(arguments.rows), SIDES[family], rng)
                part = Part(rows, images, likelihood_loss, float(sum(len(row.trained) for row in rows)))
                rounds.append(seconds_of_steps(make, part, arguments))
            result.setdefault(family, {})[name] = summary_of(rounds, [len(row.ids) for row in rows])
            logger.info("%s %s: %s", family, name, result[family][name])
    demo = read_config(DEMO)
    make = functools.partial(make_policy, demo)
    for name, part in demo_parts(demo, make()).items():
        rounds = [seconds_of_steps(make, part, arguments) for _ in range(arguments.seeds)]
        result.setdefault("demo", {})[name] = summary_of(rounds, [len(row.ids) for row in part.rows])
        logger.info("demo %s: %s", name, result["demo"][name])
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("mmgym").setLevel(logging.WARNING)
    main(tyro.cli(Arguments, description=__doc__))
