"""How the viewer bears large runs: `python -m benchmarks.view`, some minutes on two cores.

A run of 10,000 episodes of at most six turns (FrozenLake and Sokoban, a random agent, 500 episodes twenty times over)
is made into a page and opened in Chromium from disk, and served. Measured are what writing takes, the time until an
episode is seen, that of a filter, of the next episode, and the memory of the page's scripts; it writes
benchmarks/results/view.json.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tyro
from rich import print

from benchmarks.peers import machine
from mmgym.bench.records import Folder
from mmgym.doctor import find_chromium
from mmgym.rollout import Executor, RolloutConfig
from mmgym.trajectory import EpisodeTask
from mmgym.view.bench_report import write_bench_report
from mmgym.view.serve import Server
from mmgym_agents.scripted import scripted_agent

ENVIRONMENTS = ("mmgym/FrozenLake-v0", "mmgym/Sokoban-v0")
PLAYED = 500


@dataclass(frozen=True)
class Args:
    """Options."""

    episodes: int = 10_000
    """Episodes of the run."""
    rounds: int = 5
    """How often the page is opened; medians are kept."""
    folder: Path | None = None
    """Where the run is kept; None takes a temporary folder."""
    out: Path = Path("benchmarks/results/view.json")
    """Where the results go."""


def play(folder: Path, episodes: int) -> None:
    """A benchmark run of so many episodes, of which `PLAYED` were played and the others are the same again."""
    options = [{"split": "test", "level": 1 + n % 5} for n in range(PLAYED)]
    tasks = [EpisodeTask(ENVIRONMENTS[n % 2], n, {"image_size": 64, "max_turns": 6}, options[n]) for n in range(PLAYED)]
    with Executor(RolloutConfig(lockstep=False, record_observations=True, live=32)) as executor:
        rollout = executor.run(tasks, scripted_agent("random"))
    run = Folder(folder)
    run.open({"agent": "random", "suite": "view@1", "all_episodes": episodes}, ["agent"])
    for start in range(0, episodes, 16):
        ended = []
        for number in range(start, min(start + 16, episodes)):
            played = rollout.trajectories[number % PLAYED]
            ended.append((number, replace(played, task=replace(played.task, seed=number))))
        run.add(ended, rollout.images)


def look(browser: Any, address: str) -> dict[str, float]:
    """Open the page, filter, go on, scroll to the end: seconds of each, and what is held then."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})

    def seconds(act: Callable[[], Any], until: str) -> float:
        started = time.perf_counter()
        act()
        # compiled at once: the page's policy forbids to make code of text later on
        look_again = f"function look() {{ ({until}) ? done() : requestAnimationFrame(look); }}"
        page.evaluate(f"() => new Promise(done => ({look_again})())")
        return time.perf_counter() - started

    seen = "[...document.querySelectorAll('.picture img')].some(image => image.complete && image.naturalWidth)"
    found = {"open": seconds(lambda: page.goto(f"{address}#episodes"), seen)}
    first = "document.querySelector('.row {}').textContent"
    unsolved = f"{first.format('.mark')} !== 'solved'"
    found["filter"] = seconds(lambda: page.select_option("#filter-outcome", "unsolved"), unsolved)
    sokoban = f"{first.format('.what')} === 'Sokoban-v0'"
    found["search"] = seconds(lambda: page.fill("#filter-text", "sokoban level 5"), sokoban)
    before = page.evaluate("view.selected")
    found["next"] = seconds(
        lambda: page.keyboard.press("Escape") or page.keyboard.press("j"), f"view.selected !== {before!r} && {seen}"
    )
    page.click("#filter-clear")
    for place in range(0, page.evaluate("index.episodes.length"), 250):
        page.evaluate("place => { byId('list').scrollTop = ROW * place; return select(place); }", place)
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    found["heap_MB"] = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    found["rows"] = page.locator(".row").count()
    page.close()
    return found


def medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """The median of each number."""
    return {name: round(statistics.median(one[name] for one in rounds), 3) for name in rounds[0]}


def main(args: Args) -> None:
    """Measure and write."""
    from playwright.sync_api import sync_playwright

    folder = args.folder or Path(tempfile.mkdtemp())
    started = time.perf_counter()
    play(folder / "run", args.episodes)
    result: dict[str, Any] = {"episodes": args.episodes, "seconds_playing": round(time.perf_counter() - started, 1)}
    cpu, started = time.process_time(), time.perf_counter()
    path = write_bench_report([folder / "run"], folder / "page.html")
    result["writing"] = {
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "seconds": round(time.perf_counter() - started, 1),
        "page_MB": round(path.stat().st_size / 1e6, 2),
        "files": sum(1 for _ in (folder / "page_files").iterdir()),
        "files_MB": round(sum(file.stat().st_size for file in (folder / "page_files").iterdir()) / 1e6, 1),
    }
    arguments = ["--enable-precise-memory-info", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as started_playwright, Server([folder / "run"]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = started_playwright.chromium.launch(executable_path=str(find_chromium()), args=arguments)
        result["from_disk"] = medians([look(browser, path.as_uri()) for _ in range(args.rounds)])
        result["served"] = medians([look(browser, server.address) for _ in range(args.rounds)])
        result["versions"] = {"chromium": browser.version, "playwright": importlib.metadata.version("playwright")}
        browser.close()
        server.shutdown()
    result |= {"machine": machine(), "seed": 0}
    print(result)
    args.out.write_text(json.dumps(result, indent=2) + "\n")
    if args.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(tyro.cli(Args))
