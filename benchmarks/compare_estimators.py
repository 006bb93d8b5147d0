"""Our advantages beside those of verl, TRL and torchrl, on the same random ragged trajectories.

    python benchmarks/compare_estimators.py          # about a minute on two cores, once the packages are there

The libraries go into a virtual environment below `.bench/`, made once. Where a formula has a free constant, ours takes
theirs. Rows that differ by definition say why, and what remains after what is said. Fails when another row differs.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.learner_peers.environment import ask, python, versions
from benchmarks.peers import CACHE, Unavailable, machine
from mmgym.learn.advantages import AdvantageConfig, Episodes, advantages, value_targets
from mmgym.learn.critic_free import discounted_returns

Batch = list[dict[str, Any]]
GROUPS, GROUP_SIZE = 6, 4
DISCOUNT, LAMBDA = 0.97, 0.9
SECOND_WEIGHT = 0.1
SAME = 1e-5
"""Differences below are rounding: the libraries partly compute in float32."""


@dataclass(frozen=True)
class Arguments:
    """Options of the comparison."""

    batches: int = 10
    """Random batches of 24 trajectories in 6 groups."""
    seed: int = 0
    """Seed of the batches."""
    cache: Path = CACHE
    """Where the libraries' virtual environment is kept, from the root of the repository."""
    output: Path = Path(__file__).parent / "results" / "estimators.json"
    """Where the result is written."""


@dataclass(frozen=True)
class Row:
    """One function of a library beside ours."""

    estimator: str
    """Ours, as in the docs."""
    library: str
    function: str
    """Theirs."""
    key: str
    """Name of the answer of `benchmarks.learner_peers.estimators`."""
    ours: Callable[[Batch], list[np.ndarray]]
    why: str = ""
    """Why the two differ by definition."""
    up_to: str = ""
    """What of the batch is allowed to differ before what remains is measured: ``scale``, or ``shift and scale``."""


def draw(rng: np.random.Generator) -> Batch:
    """Trajectories of 1 to 5 turns of 1 to 6 tokens; the groups stand side by side, as TRL needs them."""
    batch = []
    for index in range(GROUPS * GROUP_SIZE):
        turns = int(rng.integers(1, 6))
        tokens = rng.integers(1, 7, turns)
        first, second = rng.normal(size=turns), rng.normal(size=turns) * 3
        batch.append(
            {
                "group": index // GROUP_SIZE,
                "member": index % GROUP_SIZE,
                "tokens": tokens.tolist(),
                "observed": [0, *rng.integers(0, 4, turns - 1).tolist()],
                "first": first.tolist(),
                "second": second.tolist(),
                "rewards": (first + second).tolist(),
                "values": rng.normal(size=tokens.sum()).tolist(),
                "last_value": float(rng.normal()),
            }
        )
    return batch


def episodes(batch: Batch, bootstrapped: bool = False) -> Episodes:
    """The batch as our estimators take it."""

    def arrays(name: str) -> list[np.ndarray]:
        return [np.array(one[name]) for one in batch]

    return Episodes(
        rewards=arrays("rewards"),
        groups=np.array([one["group"] for one in batch]),
        tokens=arrays("tokens"),
        components={"first": arrays("first"), "second": arrays("second")},
        values=arrays("values"),
        last_values=np.array([one["last_value"] for one in batch]) if bootstrapped else None,
    )


def ours(name: str, bootstrapped: bool = False, **settings: Any) -> Callable[[Batch], list[np.ndarray]]:
    config = AdvantageConfig(name, **settings)
    return lambda batch: advantages(episodes(batch, bootstrapped), config)


def weighed(**settings: Any) -> Callable[[Batch], list[np.ndarray]]:
    """GDPO, where the second term is paid at a weight."""
    config = AdvantageConfig("grpo", per_component=True, **settings)

    def given(batch: Batch) -> list[np.ndarray]:
        plain = episodes(batch)
        first, second = plain.components["first"], [SECOND_WEIGHT * own for own in plain.components["second"]]
        rewards = [one + other for one, other in zip(first, second, strict=True)]
        components = {"first": first, "second": second}
        weights = {"second": SECOND_WEIGHT}
        return advantages(replace(plain, rewards=rewards, components=components, weights=weights), config)

    return given


def targets(bootstrapped: bool) -> Callable[[Batch], list[np.ndarray]]:
    config = AdvantageConfig("gae", token_discount=DISCOUNT, token_lambda=LAMBDA)
    return lambda batch: value_targets(episodes(batch, bootstrapped), config)


CRITIC: dict[str, Any] = {"token_discount": DISCOUNT, "token_lambda": LAMBDA, "epsilon": 0.0}
OVER_TOKENS = "verl whitens over tokens, ours over trajectories, so that a group of equal returns still gives 0"
ROWS = (
    Row("grpo", "verl", "grpo", "grpo", ours("grpo", epsilon=1e-6)),
    Row(
        "grpo, groups of one",
        "verl",
        "grpo",
        "grpo_of_one",
        lambda batch: ours("grpo", epsilon=1e-6)(batch[::GROUP_SIZE]),
        "verl lets the return of a group of one stand as its advantage; ours is 0, nothing to compare it with",
    ),
    Row("dr_grpo", "verl", "grpo, norm_adv_by_std_in_grpo=False", "dr_grpo", ours("dr_grpo")),
    Row("rloo", "verl", "rloo", "rloo", ours("rloo")),
    Row("rloo", "verl", "rloo_vectorized", "rloo_vectorized", ours("rloo")),
    Row(
        "reinforce_pp",
        "verl",
        "reinforce_plus_plus",
        "reinforce_pp",
        ours("reinforce_pp", epsilon=0.0, token_discount=DISCOUNT),
    ),
    Row(
        "reinforce_pp_baseline",
        "verl",
        "reinforce_plus_plus_baseline",
        "reinforce_pp_baseline",
        ours("reinforce_pp_baseline", epsilon=0.0),
        OVER_TOKENS,
        "shift and scale",
    ),
    Row(
        "grpo, per_component",
        "verl",
        "gdpo",
        "gdpo",
        ours("grpo", per_component=True, epsilon=1e-6),
        OVER_TOKENS,
        "shift and scale",
    ),
    Row(
        "grpo, per_component, weights 1 and .1",
        "verl",
        "gdpo, gdpo_reward_weights=[1, .1]",
        "gdpo_weighed",
        weighed(epsilon=1e-6),
        OVER_TOKENS,
        "shift and scale",
    ),
    Row("gae, whiten", "verl", "gae", "gae", ours("gae", whiten=True, **CRITIC)),
    Row("gae, targets", "verl", "gae", "gae_targets", targets(False)),
    Row("grpo", "TRL", "GRPOTrainer, scale_rewards='group'", "grpo", ours("grpo")),
    Row("dr_grpo", "TRL", "GRPOTrainer, scale_rewards='none'", "dr_grpo", ours("dr_grpo")),
    Row(
        "grpo, per_component",
        "TRL",
        "GRPOTrainer, multi_objective_aggregation='normalize_then_sum'",
        "gdpo",
        ours("grpo", per_component=True),
    ),
    Row(
        "grpo, per_component, weights 1 and .1",
        "TRL",
        "the same, reward_weights=[1, .1]",
        "gdpo_weighed",
        weighed(),
    ),
    Row("rloo", "TRL", "RLOOTrainer", "rloo", ours("rloo")),
    Row("grpo", "torchrl", "MCAdvantage, trajectory_return='sum'", "grpo", ours("grpo", epsilon=0.0)),
    Row("gae", "torchrl", "generalized_advantage_estimate", "gae", ours("gae", True, **CRITIC)),
    Row("gae, targets", "torchrl", "generalized_advantage_estimate", "gae_targets", targets(True)),
    Row(
        "turn_returns, before the baseline",
        "torchrl",
        "reward2go",
        "discounted_returns",
        lambda batch: [discounted_returns(np.array(one["rewards"]), DISCOUNT) for one in batch],
    ),
)


def compare(row: Row, batches: list[Batch], answers: list[list[list[float]]]) -> dict[str, Any]:
    """The largest differences over all batches, and what remains of them after what is allowed to differ."""
    largest, remaining = 0.0, 0.0
    for batch, answer in zip(batches, answers, strict=True):
        own = np.concatenate(row.ours(batch)).astype(np.float64)
        other = np.concatenate([np.array(one) for one in answer])
        largest = max(largest, float(np.abs(own - other).max()))
        if row.up_to:
            basis = np.stack([own, np.ones_like(own)], axis=1)
            fitted = basis @ np.linalg.lstsq(basis, other, rcond=None)[0]
            remaining = max(remaining, float(np.abs(fitted - other).max()))
    result: dict[str, Any] = {"estimator": row.estimator, "library": row.library, "function": row.function}
    result |= {"largest_difference": float(f"{largest:.2g}"), "agrees": largest < SAME, "why": row.why}
    if row.up_to:
        result |= {"up_to": row.up_to, "largest_difference_up_to": float(f"{remaining:.2g}")}
    return result


def table(rows: list[dict[str, Any]]) -> Table:
    result = Table("ours", "library", "theirs", "largest difference", "why")
    for row in rows:
        shown = f"{row['largest_difference']:.1e}"
        if "up_to" in row:
            shown += f"; {row['largest_difference_up_to']:.1e} up to {row['up_to']}"
        result.add_row(row["estimator"], row["library"], row["function"], shown, row["why"])
    return result


def main(arguments: Arguments) -> None:
    """Compare, write the result and print it."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    where = machine()
    rng = np.random.default_rng(arguments.seed)
    batches = [draw(rng) for _ in range(arguments.batches)]
    interpreter = python(arguments.cache)
    rows: list[dict[str, Any]] = []
    for library in dict.fromkeys(row.library for row in ROWS):
        logging.info("asking %s", library)
        answers = ask(interpreter, "estimators", library, batches)
        rows += [compare(row, batches, answers[row.key]) for row in ROWS if row.library == library]
    result = {
        "batches": arguments.batches,
        "trajectories_per_batch": GROUPS * GROUP_SIZE,
        "seed": arguments.seed,
        "rows": rows,
        "versions": {"mmgym": version("mmgym"), "numpy": version("numpy"), **versions(interpreter)},
        "machine": where,
    }
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    Console().print(table(rows))
    remaining = [row for row in rows if row.get("largest_difference_up_to", 0.0) >= SAME]
    if unexplained := [row for row in rows if not row["agrees"] and not row["why"]] + remaining:
        raise SystemExit(f"{len(unexplained)} rows differ without a reason: {unexplained}")


if __name__ == "__main__":
    try:
        main(tyro.cli(Arguments))
    except Unavailable as problem:
        raise SystemExit(str(problem)) from problem
