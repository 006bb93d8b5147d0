"""The page of finished runs, on disk: in one file where they are small, with a folder of files beside it if not."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmgym.files import write_atomically
from mmgym.view.episodes import episode, pictures_of, to_json
from mmgym.view.index import bench_index
from mmgym.view.page import page
from mmgym.view.sources import Source, find_sources, is_training
from mmgym.view.training import training_index

__all__ = ["index_of", "read_shard", "write_bench_report"]

LARGEST_SINGLE = 20_000_000
"""Bytes of episodes up to which a page holds them itself."""


def write_bench_report(folders: Sequence[str | Path], out: str | Path | None = None) -> Path:
    """Write the page of one or several runs.

    Args:
        folders: of benchmark runs, one for each agent; or of one training run.
        out: the page; None writes ``report.html`` into the first folder (``view.html`` for a training run, which has
            a report already).

    Returns:
        Path of the page. Large runs get a folder beside it, of the same name with ``_files``; both move together.

    Raises:
        FileNotFoundError: for a folder that holds nothing to look at.
        ValueError: when a file is damaged, or folders of several kinds are given.
    """
    paths = [Path(folder) for folder in folders]
    index, sources = index_of(paths)
    out = Path(out) if out is not None else paths[0] / ("view.html" if index["kind"] == "training" else "report.html")
    inside = _inside(index, sources)
    if inside is not None:
        content = page(index, "inside", shards=inside)
    else:
        beside = out.with_name(f"{out.stem}_files")
        _write_files(index, sources, beside)
        content = page(index, "beside", beside.name)
    write_atomically(out, content.encode())
    return out


def index_of(folders: Sequence[Path]) -> tuple[dict[str, Any], list[Source]]:
    """The index of a page of some folders, and where its episodes are. Raises what `write_bench_report` does."""
    if not folders:
        raise ValueError("give the folder of a run, such as runs/bench")
    sources = find_sources(folders)
    training = [folder for folder in folders if is_training(folder)]
    if training and len(folders) > 1:
        raise ValueError(f"{training[0]} is a training run, and is looked at alone")
    if not training:
        return bench_index(sources), sources
    try:
        return training_index(training[0], sources), sources
    except KeyError as missing:
        raise ValueError(f"{training[0] / 'metrics.jsonl'}: a line lacks {missing}") from missing


def read_shard(source: Source, name: str) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """The episodes of a shard as the page shows them, and those of their pictures that it shows, as PNG files."""
    trajectories, files = source.load(name)
    episodes = [episode(played, source.tokens) for played in trajectories]
    return episodes, {digest: files[digest] for digest in pictures_of(episodes)}


def _inside(index: Mapping[str, Any], sources: Sequence[Source]) -> dict[int, str] | None:
    """The JSON of each shard, pictures inside; None where that is too large for one file."""
    found, size = {}, 0
    for number, run, name in _shards(index):
        episodes, pictures = read_shard(sources[run], name)
        encoded = {digest: base64.b64encode(content).decode() for digest, content in pictures.items()}
        found[number] = to_json({"episodes": episodes, "pictures": encoded})
        size += len(found[number])
        if size > LARGEST_SINGLE:
            return None
    return found


def _write_files(index: Mapping[str, Any], sources: Sequence[Source], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, run, name in _shards(index):
        episodes, pictures = read_shard(sources[run], name)
        # a script, for a page from disk may load scripts and pictures, and nothing else; JSON in a text, for a script
        # that lists objects would take a name like __proto__ for more than a name
        script = f"mmgymShard({number},{json.dumps(to_json({'episodes': episodes}))})\n"
        write_atomically(folder / f"e{number}.js", script.encode(), durable=False)
        for digest, content in pictures.items():
            if not (folder / f"{digest}.png").exists():
                write_atomically(folder / f"{digest}.png", content, durable=False)


def _shards(index: Mapping[str, Any]) -> Iterator[tuple[int, int, str]]:
    for number, (run, name) in enumerate(index["shards"]):
        yield number, run, name
