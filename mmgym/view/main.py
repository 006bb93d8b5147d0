"""``mmgym view``: look at runs in a browser, while they go on or afterwards; or make a film of an episode."""

from __future__ import annotations

import webbrowser
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tyro
from rich.console import Console

from mmgym.store import StoreError
from mmgym.trajectory import ImageRef
from mmgym.view.bench_report import write_bench_report
from mmgym.view.export import export_episode
from mmgym.view.serve import Server
from mmgym.view.sources import find_sources

__all__ = ["ViewArguments", "main"]


@dataclass(frozen=True)
class ViewArguments:
    """Look at runs: results, curves, and every episode turn by turn."""

    folders: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of benchmark runs, one for each agent, or of one training run."""
    out: Path | None = None
    """Write the page to this file, in place of serving it."""
    port: int = 8765
    """Port of the server at 127.0.0.1; 0 takes a free one."""
    open: bool = False
    """Open a browser."""
    export: Path | None = None
    """Write a film of an episode, in place of a page: a file that ends in .gif or .mp4."""
    episode: int = 0
    """Which episode: its number, as the page shows it."""
    seconds: float = 1.0
    """How long the film shows each turn."""
    expert: bool = False
    """Draw the expert's moves into the film, too."""


def main(arguments: ViewArguments, console: Console | None = None) -> None:
    """Run the command.

    Raises:
        ValueError, OSError: for what the user can put right; the message says how.
    """
    console = console or Console()
    if arguments.export is not None:
        console.print(f"wrote {_export(arguments, arguments.export)}", markup=False, soft_wrap=True)
    elif arguments.out is not None:
        console.print(f"wrote {write_bench_report(arguments.folders, arguments.out)}", markup=False, soft_wrap=True)
    else:
        _serve(arguments, console)


def _serve(arguments: ViewArguments, console: Console) -> None:
    with Server(arguments.folders, arguments.port) as server:
        console.print(f"{server.address} (Ctrl+C ends it)", soft_wrap=True)
        if arguments.open:
            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            console.print("ended")


def _export(arguments: ViewArguments, out: Path) -> Path:
    """The film of the episode with the wanted number, of the last source: the agent's, or the newest that was kept."""
    source = find_sources(arguments.folders)[-1]
    records = {record.index: record for record in source.records()}
    if arguments.episode not in records:
        raise ValueError(f"episode must be the number of one of the {len(records)} episodes; got {arguments.episode}")
    record = records[arguments.episode]
    trajectories, files = source.load(record.shard)

    def picture(ref: ImageRef) -> np.ndarray:
        decoded = cv2.imdecode(np.frombuffer(files[ref.digest], np.uint8), cv2.IMREAD_COLOR)
        if decoded is None:
            raise StoreError(f"image {ref.digest} is no readable PNG: the file is damaged")
        return np.ascontiguousarray(decoded[..., ::-1])

    return export_episode(trajectories[record.row], picture, out, arguments.seconds, arguments.expert)
