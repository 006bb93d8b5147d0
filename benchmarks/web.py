"""Web environments beside their peers: BrowserGym, MiniWoB++ with selenium, and bare loops, on the same MiniWoB tasks.

Every peer runs in a process of its own, with its own packages, and clicks at the same places. Rounds alternate between
all of them, so that whatever else the machine does falls on all alike; ratios are those of medians within a round, and
the table shows the median over rounds. Further sections measure eight environments in one process, and WebNav on the
steps of its expert.

    python benchmarks/web.py                              # all, about 20 minutes on two cores
    python benchmarks/web.py --sections peers --rounds 1

The peers' packages go into virtual environments below `.bench/`, made once. Selenium also needs Debian's
`chromium-driver`. A peer that cannot be installed or run is reported as such.
"""

from __future__ import annotations

import json
import logging
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.table import Table

from benchmarks.peers import CACHE, Unavailable, install, machine, run
from benchmarks.web_peers.protocol import TASKS
from mmgym.doctor import find_chromium

SECTIONS = ("peers", "environments", "webnav")
REQUIREMENTS = {
    "browsergym": ("browsergym-core==0.14.3", "browsergym-miniwob==0.14.3", "miniwob==1.1.0"),
    "loops": ("miniwob==1.1.0", "selenium==4.51.0", "playwright==1.65.2", "opencv-python-headless==5.0.0.93"),
}
"""What the virtual environments of the peers hold; BrowserGym pins an old Playwright, so it has one for itself."""
OURS, OURS_WITH_TREE = "mmgym", "mmgym_both"


@dataclass(frozen=True)
class Arguments:
    """Options of the benchmark."""

    sections: tuple[str, ...] = SECTIONS
    """Which of peers, environments, webnav; a section that is left out keeps what the output file says of it."""
    peers: tuple[str, ...] = ()
    """Which rows of the section peers; all when empty. `mmgym` is always among them."""
    rounds: int = 5
    """Rounds of the section peers."""
    tasks: tuple[str, ...] = TASKS
    """MiniWoB tasks."""
    environments: int = 8
    """Environments at once in the sections environments and webnav."""
    episodes: int = 2000
    """Episodes over which memory should stay flat."""
    seconds: float = 20.0
    """Length of each measurement of throughput."""
    seed: int = 0
    """Seed of episodes and clicks."""
    cache: Path = CACHE
    """Where the peers' virtual environments are kept, from the root of the repository."""
    output: Path = Path(__file__).parent / "results" / "web.json"
    """Where the result is written."""

    def __post_init__(self) -> None:
        for field, given, allowed in (("sections", self.sections, SECTIONS), ("peers", self.peers, tuple(ROWS))):
            if unknown := [name for name in given if name not in allowed]:
                raise ValueError(f"{field} may be {', '.join(allowed)}; got {', '.join(unknown)}")


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    module: str
    """Script in `benchmarks/web_peers`."""
    packages: str
    """Its virtual environment, a key of `REQUIREMENTS`; empty for the one that runs this."""
    steps: int
    """Timed steps per task and round: fewer where one takes long."""
    options: tuple[str, ...] = ()
    """Options of the script."""
    step_target: float | None = None
    """How many times as many steps per second as this row we aim at; below 1, how much slower we may be."""
    reset_target: float | None = None
    """How many times as many resets per second as this row we aim at."""


ROWS = {
    OURS: Row("mmgym", "", 60),
    OURS_WITH_TREE: Row("mmgym", "", 60, ("--both",)),
    "browsergym": Row("browsergym", "browsergym", 6, ("--resets", "1"), step_target=50, reset_target=50),
    "browsergym_no_delays": Row("browsergym", "browsergym", 12, ("--resets", "1", "--no-delays"), step_target=18),
    "selenium": Row("selenium", "loops", 20, step_target=5),
    "playwright": Row("playwright", "loops", 60),
    "playwright_tuned": Row("playwright", "loops", 60, ("--tuned",)),
    # A page as large as ours.
    "cdp": Row("cdp", "loops", 60, ("--height", "240"), step_target=1 / 1.3),
    "cdp_small": Row("cdp", "loops", 60, ("--width", "160", "--height", "210")),
}


def extra_options(row: Row) -> list[str]:
    """Options that depend on the machine."""
    if row.module != "selenium":
        return []
    driver = shutil.which("chromedriver")
    if driver is None:
        raise Unavailable("chromedriver is missing: apt-get install chromium-driver")
    return ["--driver", driver]


def script(module: str, python: Path, browser: Path, *options: str) -> dict[str, Any]:
    """Run one script of `benchmarks/web_peers` and return what it measured."""
    command = [str(python), "-m", f"benchmarks.web_peers.{module}", "--browser", str(browser), *options]
    return json.loads(run(command, "could not be run").splitlines()[-1])


def measure_peers(arguments: Arguments, browser: Path) -> dict[str, Any]:
    """All rows, in rounds."""
    rows = {name: row for name, row in ROWS.items() if not arguments.peers or name in (OURS, *arguments.peers)}
    pythons = {"": Path(sys.executable)}
    missing: dict[str, str] = {}
    measured: dict[str, list[dict[str, Any]]] = {name: [] for name in rows}
    for round_ in range(arguments.rounds):
        for name, row in rows.items():
            if name in missing:
                continue
            logging.info("round %d of %d: %s", round_ + 1, arguments.rounds, name)
            options = ["--steps", str(row.steps), "--seed", str(arguments.seed + round_), *row.options]
            try:
                if row.packages not in pythons:
                    wanted = REQUIREMENTS[row.packages]
                    pythons[row.packages] = install(row.packages, wanted, arguments.cache)
                options += [*extra_options(row), "--tasks", *arguments.tasks]
                measured[name].append(script(row.module, pythons[row.packages], browser, *options))
            except Unavailable as problem:
                missing[name] = str(problem)
                measured[name].clear()
    table = {name: combine(name, rounds, measured) for name, rounds in measured.items() if rounds}
    return {"tasks": arguments.tasks, "rounds": arguments.rounds, "rows": table, "missing": missing}


def combine(name: str, rounds: list[dict[str, Any]], measured: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """One row: medians over rounds, and how many times as fast we are, picture alone and with the tree."""
    row: dict[str, Any] = {key: rounds[0][key] for key in ("name", "observation", "reset", "versions")}
    row["cut_short"] = any(one["cut_short"] for one in rounds)
    for kind in ("step", "reset"):
        key = f"{kind}_ms"
        row[f"{key}_median"] = statistics.median(one[key]["median"] for one in rounds)
        row[f"{key}_p90"] = statistics.median(one[key]["p90"] for one in rounds)
        row[f"{kind}s_per_round"] = rounds[0][key]["count"]
        for suffix, ours in (("", measured[OURS]), ("_with_tree", measured.get(OURS_WITH_TREE, []))):
            ratios = [them[key]["median"] / us[key]["median"] for them, us in zip(rounds, ours, strict=False)]
            if ratios:
                row[f"{kind}_ratio{suffix}"] = round(statistics.median(ratios), 2)
                row[f"{kind}_ratio{suffix}_least"] = round(min(ratios), 2)
    for key, target in (("step_target", ROWS[name].step_target), ("reset_target", ROWS[name].reset_target)):
        if target is not None:
            row[key] = round(target, 2)
    return row


def measure_environments(arguments: Arguments, browser: Path) -> dict[str, Any]:
    """Eight environments in one worker process."""
    options = ["--environments", str(arguments.environments), "--seconds", str(arguments.seconds)]
    options += ["--episodes", str(arguments.episodes), "--seed", str(arguments.seed), "--tasks", *arguments.tasks]
    return script("scale", Path(sys.executable), browser, *options)


def measure_webnav(arguments: Arguments, browser: Path) -> dict[str, Any]:
    """Eight WebNav environments that repeat what the expert did."""
    options = ["--environments", str(arguments.environments), "--seed", str(arguments.seed)]
    return script("webnav", Path(sys.executable), browser, *options)


def machine_and_browser(browser: Path) -> dict[str, Any]:
    """On what this is measured, the browser included."""
    shown = run([str(browser), "--version"], "the browser does not start").strip()
    return {**machine(), "browser": shown, "mmgym": version("mmgym")}


def show(console: Console, result: dict[str, Any]) -> None:
    """Print what was measured."""
    if peers := result.get("peers"):
        console.print(table("step", peers["rows"]), table("reset", peers["rows"]))
        for name, reason in peers["missing"].items():
            console.print(f"{name} is missing: {reason}", markup=False)
    for section in ("environments", "webnav"):
        if section in result:
            console.print_json(data={section: result[section]})


def table(kind: str, rows: dict[str, dict[str, Any]]) -> Table:
    """Steps or resets of all rows; a ratio of 50 means that we make 50 in the time of one of theirs."""
    columns = (f"{kind} ms", "p90", "we are", "aim", "we with tree")
    result = Table("", *columns, "they observe" if kind == "step" else "they do")
    for row in rows.values():
        ratios = (row.get(f"{kind}_ratio"), row.get(f"{kind}_target"), row.get(f"{kind}_ratio_with_tree"))
        width, height = row["observation"]["screenshot"]
        seen = [f"{width}x{height}", *(part for part in ("dom", "accessibility") if row["observation"][part])]
        result.add_row(
            row["name"],
            f"{row[f'{kind}_ms_median']:.1f}",
            f"{row[f'{kind}_ms_p90']:.1f}",
            *("" if ratio is None else f"{ratio:g}x" for ratio in ratios),
            ", ".join(seen) if kind == "step" else row["reset"],
        )
    return result


def main(arguments: Arguments) -> None:
    """Measure and write the result."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    browser = find_chromium()
    if browser is None:
        raise SystemExit("no Chromium: apt-get install chromium-headless-shell, or set MMGYM_CHROMIUM")
    result: dict[str, Any] = json.loads(arguments.output.read_text()) if arguments.output.is_file() else {}
    sections: dict[str, Callable[[Arguments, Path], dict[str, Any]]] = {
        "peers": measure_peers,
        "environments": measure_environments,
        "webnav": measure_webnav,
    }
    for name in arguments.sections:
        where = {"machine": machine_and_browser(browser), "seed": arguments.seed}
        try:
            result[name] = {**sections[name](arguments, browser), **where}
        except Unavailable as problem:
            logging.error("%s: %s", name, problem)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n")
    show(Console(), result)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
