"""Writes docs/baselines.md from benchmarks/baselines/*.json.

    python docs/make_baselines.py

A test sees that the page is up to date.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "baselines"
AGENTS = {
    "random": "valid calls, drawn uniformly",
    "blind": "a plan by heart: in each turn the call that the expert makes most often at that level in 10 training "
    "episodes; it reads neither picture nor text ([blind.py](../agents/mmgym_agents/blind.py))",
    "weak": "the environment's own weak policy where it has one, else the expert in half of the turns and random calls "
    "in the others",
    "expert": "the environment's expert, which reads the state; the best policy where not all can be won",
    "untrained": "the tiny VLM of the examples (0.4 to 0.8 million parameters) with random weights",
    "cloned": "the same after 300 steps of cloning the expert on the training split, one recipe for all environments "
    "([tiny_policy.py](../benchmarks/tiny_policy.py))",
}
"""Agents in the order of the columns, and what they are."""
MINIWOB = "mmgym/MiniWoB-"
HEAD = """\
<!-- Written by docs/make_baselines.py from benchmarks/baselines: `make baselines` ends with it. -->
# Baselines

What scripted policies, a blind one and a tiny VLM get on every environment: success in per cent with its 95 % interval
(Wilson), on the test split, all levels alike, the same instances for every agent. Know these before you read a model's.
"""
REST = """\

```bash
make baselines                                          # what is missing; a run that was stopped goes on
python -m benchmarks.baselines --only Sokoban --fresh   # one environment, measured again
mmgym bench --agent blind --suite core --out runs/blind
```

The rows lie in [benchmarks/baselines](../benchmarks/baselines), with the outcome of every instance (`solved`, in the
order of the seeds), so that agents can be compared instance by instance. A
[test](../tests/bench/test_baselines.py) holds that every registered id has its rows, and that random is nowhere above
weak, nor weak or blind above the expert, by more than chance: by environment, by family and over all.

n is small, for browsers most of all: a few instances say little of one environment, and much of a family. `turns` are
the expert's. The tiny VLM is cloned for minutes and with one recipe, at all levels alike: what training that is chosen
for a task reaches is in [demo](demo.md), [video](video.md) and [web](web.md). In bisect-angle, chase-circle,
circle-center and hover-shape nobody succeeds ([why](web.md#miniwob)): there the expert's return says how close one can
come.
"""


def main() -> None:
    """Write the page."""
    (DOCS / "baselines.md").write_text(page())


def page() -> str:
    """The text of docs/baselines.md."""
    results = {agent: json.loads((RESULTS / f"{agent}.json").read_text()) for agent in AGENTS}
    ids = sorted({id for result in results.values() for id in result["rows"]})
    tasks = [id for id in ids if is_task(id)]
    others = sorted((id for id in ids if id not in tasks), key=lambda id: (_family(results, id), id))
    machine = results["expert"]["machine"]
    about = f"First seed {results['expert']['seed']:,}. Measured on {machine['cores']} cores ({machine['cpu']})."
    return "\n".join(
        [
            HEAD,
            "| agent | what it is |\n|---|---|",
            *(f"| {agent} | {what} |" for agent, what in AGENTS.items()),
            REST,
            about,
            "\n## Environments\n",
            *table(results, others),
            "\n## Tasks of MiniWoB++\n",
            *table(results, tasks),
            *missing(results),
            "",
        ]
    )


def table(results: dict[str, Any], ids: list[str]) -> list[str]:
    """The rows of some environments."""
    lines = [f"| environment | family | n | {' | '.join(AGENTS)} | turns |", "|---" * (len(AGENTS) + 4) + "|"]
    for id in ids:
        rows = {agent: results[agent]["rows"].get(id) for agent in AGENTS}
        played = sorted({row["n"] for row in rows.values() if row})
        turns = f"{rows['expert']['turns']:.1f}" if rows["expert"] else ""
        cells = (success(rows[agent]) for agent in AGENTS)
        counts = " to ".join(map(str, sorted({played[0], played[-1]})))
        lines.append(f"| {short(id)} | {_family(results, id)} | {counts} | {' | '.join(cells)} | {turns} |")
    return lines


def success(row: dict[str, Any] | None) -> str:
    """Success and its interval in per cent."""
    if row is None:
        return "-"
    low, high = (100 * row[end] for end in ("low", "high"))
    return f"{100 * row['success']:.0f} ({low:.0f} to {high:.0f})"


def missing(results: dict[str, Any]) -> list[str]:
    """What has no row, and why."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for agent in AGENTS:
        for id, reason in results[agent]["missing"].items():
            grouped.setdefault((agent, reason), []).append(id)
    lines = [f"- {agent}, {reason}: {names(ids)}." for (agent, reason), ids in grouped.items()]
    return ["\n## What has no row\n", *lines] if lines else []


def names(ids: list[str]) -> str:
    """Short names, the tasks of MiniWoB++ as their number if they are many."""
    tasks = [id for id in ids if is_task(id)]
    if len(tasks) < 10:
        return ", ".join(map(short, ids))
    return ", ".join([*(short(id) for id in ids if not is_task(id)), f"{len(tasks)} tasks of MiniWoB++"])


def is_task(id: str) -> bool:
    """Whether it is a single task of MiniWoB++."""
    return id.startswith(MINIWOB) and id != f"{MINIWOB}v0"


def short(id: str) -> str:
    """An id without what all have in common."""
    return id.removeprefix("mmgym/").removesuffix("-v0").removeprefix("MiniWoB-")


def _family(results: dict[str, Any], id: str) -> str:
    return next((result["rows"][id]["family"] for result in results.values() if id in result["rows"]), "")


if __name__ == "__main__":
    main()
