"""The results of one agent on disk: a line per episode and its trajectory, whole at any instant.

    bench.json                what was run, with which versions, on which machine
    episodes.jsonl            one `Record` a line, in the order in which episodes ended
    trajectories/*.parquet    shards of `mmgym.store`, each written before the lines that name it
    spent.json                what the agent took, over all commands
    .lock                     held by the command that writes

A run that is killed leaves at most a cut last line and a shard that no line names; `Folder.open` clears both away.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmgym.files import write_atomically
from mmgym.spaces import shorten
from mmgym.store import load_trajectories, save_trajectories
from mmgym.trajectory import ImageStore, Status, Trajectory, Turn

__all__ = ["Folder", "Record", "run_name"]

_LOCK = ".lock"
_OWN = (_LOCK, ".bench.json.")
"""How names begin that may be there before ``bench.json`` is."""
_FROM = {"suite_digest": ("suite", "kwargs", "obs_mode", "without"), "wrappers": ("without", "probe")}
"""What a user gives that decides a value of ``bench.json``."""


@dataclass(frozen=True)
class Record:
    """What is kept of an episode for tables."""

    index: int
    """Number of the episode in the suite."""
    env: str
    kwargs: dict[str, Any]
    level: int
    split: str
    seed: int
    repeat: int
    """Number of the episode among those of the same instance."""
    status: str
    success: bool
    episode_return: float
    turns: int
    expert_steps: int | None
    valid_turns: int
    effective_turns: int
    images: int
    """Pictures that were shown."""
    tools: dict[str, int] = field(default_factory=dict)
    """Calls by tool."""
    terms: dict[str, float] = field(default_factory=dict)
    """Sums of reward terms and measures."""
    usage: dict[str, float] = field(default_factory=dict)
    """Sums of what the agent's answers took: tokens, dollars."""
    seconds_model: float = 0.0
    seconds_env: float = 0.0
    error: str = ""
    last_words: str = ""
    """What the agent said last and what came back, cut: so that episodes can be searched for."""
    shard: str = ""
    """File that holds the trajectory, and `row` in it."""
    row: int = 0

    @property
    def instance(self) -> str:
        """Which instance was played: equal for every agent and repeat, shown as a picture or in words."""
        kwargs = {name: value for name, value in self.kwargs.items() if name != "obs_mode"}
        return json.dumps([self.env, kwargs, self.level, self.split, self.seed], sort_keys=True)

    @property
    def failed(self) -> bool:
        """Whether the machinery failed: such an episode says nothing about the agent."""
        return self.status == Status.ENV_ERROR.value

    @classmethod
    def of(cls, index: int, trajectory: Trajectory, shard: str, row: int) -> Record:
        """The record of an episode."""
        task, turns = trajectory.task, trajectory.turns
        sums: Counter[str] = Counter()
        usage: Counter[str] = Counter()
        for turn in turns:
            sums.update(turn.terms)
            usage.update(turn.usage)
            if len(turn.sampled_ids):
                usage.update({"completion_tokens": len(turn.sampled_ids), "prompt_tokens": len(turn.prompt_ids)})
        return cls(
            index=index,
            env=task.env_id,
            kwargs=task.kwargs,
            level=trajectory.info.get("level", task.options.get("level", 0)),
            split=task.options["split"],
            seed=task.seed,
            repeat=task.member,
            status=trajectory.status.value,
            success=trajectory.success,
            episode_return=trajectory.episode_return,
            turns=len(turns),
            expert_steps=trajectory.info.get("expert_steps"),
            valid_turns=int(sums.pop("valid", 0)),
            effective_turns=int(sums.pop("effective", 0)),
            images=sum(len(turn.observed.images) for turn in turns if turn.observed),
            tools=dict(Counter(call["name"] for turn in turns for call in turn.calls)),
            terms=dict(sums),
            usage=dict(usage),
            seconds_model=sum(turn.seconds_model for turn in turns),
            seconds_env=sum(turn.seconds_env for turn in turns),
            error=trajectory.error,
            last_words=_last_words(turns[-1]) if turns else "",
            shard=shard,
            row=row,
        )


def _last_words(turn: Turn) -> str:
    return f"{turn.text or json.dumps(turn.calls)} {turn.feedback}".strip()[-200:]


def run_name(about: Mapping[str, Any]) -> str:
    """What tables call a run: its agent, and what it was denied.

    Args:
        about: the content of ``bench.json``.
    """
    denied = {"without": "without", "obs_mode": "shown", "probe": "probe"}
    given = {word: about[name] for name, word in denied.items() if about.get(name)}
    parts = (f"{word} {value if isinstance(value, str) else ' '.join(value)}" for word, value in given.items())
    return ", ".join([about["agent"], *parts])


class Folder:
    """The folder of a run.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._about = self.path / "bench.json"
        self._lines = self.path / "episodes.jsonl"
        self._shards = self.path / "trajectories"
        self._spent = self.path / "spent.json"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from writing here; a process that ends, however it does, lets go.

        Raises:
            ValueError: when another one is writing, or the folder holds something else.
        """
        self._check_ours()
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            import fcntl
        except ImportError:  # Windows has no such locks
            yield
            return
        with (self.path / _LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                said = f"another command is writing to {self.path}: wait for it, or give another --out"
                raise ValueError(said) from None
            yield

    def open(self, about: dict[str, Any], asked: Sequence[str]) -> list[Record]:
        """Make the folder, or go on with what is there. A run that has played nothing gives way to another one.

        Args:
            about: what is run.
            asked: names in `about` in which a run that goes on must be equal.

        Returns:
            The records so far.

        Raises:
            ValueError: when the folder holds another run, naming what differs, or something else, or what is damaged.
        """
        self._check_ours()
        before, now = self.about() if self._about.is_file() else None, json.loads(json.dumps(about))
        other = [name for name in asked if before is None or before.get(name) != now[name]]
        if before is not None and other and (self.records() or self.spent()):
            raise ValueError(
                f"{self.path} holds a run with another {_differences(before, now, other)}: "
                "give another --out, or remove the folder"
            )
        if before is None or other:
            write_atomically(self._about, (json.dumps(about, indent=1) + "\n").encode())
        self._shards.mkdir(exist_ok=True)
        if self._lines.is_file():
            content = self._lines.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:
                with self._lines.open("r+b") as file:
                    file.truncate(len(whole))
        records = self.records()
        named = {record.shard for record in records}
        for path in self._shards.iterdir():
            if path.name not in named:
                path.unlink()
        return records

    def _check_ours(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"{self.path} is a file, not a folder: give another --out")
        if self._about.is_file() or not self.path.is_dir():
            return
        if any(not path.name.startswith(_OWN) for path in self.path.iterdir()):
            raise ValueError(f"{self.path} holds something else: give another --out")

    def about(self) -> dict[str, Any]:
        """What is run.

        Raises:
            FileNotFoundError: when the folder holds no results.
            ValueError: when the file is damaged.
        """
        if not self._about.is_file():
            raise FileNotFoundError(f"{self.path} holds no bench.json: expected a folder that mmgym bench wrote")
        return _read_object(self._about)

    def records(self) -> list[Record]:
        """The records, each episode's latest, by index.

        Raises:
            ValueError: when a line is damaged, naming it.
        """
        if not self._lines.is_file():
            return []
        content = self._lines.read_text()
        lines = content[: content.rfind("\n") + 1].splitlines()  # the last one may just be being written
        latest: dict[int, Record] = {}
        for number, line in enumerate(lines, 1):
            try:
                record = Record(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise ValueError(
                    f"{self._lines}, line {number} is damaged ({error}): without the line, its episode is played again"
                ) from error
            latest[record.index] = record
        return [latest[index] for index in sorted(latest)]

    def add(self, ended: Sequence[tuple[int, Trajectory]], images: ImageStore) -> list[Record]:
        """Write episodes that have ended.

        Args:
            ended: index and trajectory of each.
            images: their pictures.
        """
        number = max((int(path.name.partition("-")[0]) for path in self._shards.glob("*-*.parquet")), default=-1) + 1
        shard = f"{number:06d}-{ended[0][0]:06d}.parquet"
        save_trajectories(self._shards / shard, [trajectory for _, trajectory in ended], images)
        records = [Record.of(index, trajectory, shard, row) for row, (index, trajectory) in enumerate(ended)]
        with self._lines.open("a") as file:
            file.writelines(json.dumps(asdict(record)) + "\n" for record in records)
            file.flush()
            os.fsync(file.fileno())
        return records

    def spent(self) -> Counter[str]:
        """What the agent took so far, also for episodes that were played again or never ended.

        No less than the records say: a command may have been killed when it had written them, and nothing else yet.
        """
        sums: Counter[str] = Counter()
        for record in self.records():
            sums.update(record.usage)
        noted: Counter[str] = Counter(_read_object(self._spent)) if self._spent.is_file() else Counter()
        return sums | noted

    def note_spent(self, spent: Mapping[str, float]) -> None:
        """Write down what the agent took so far, if it takes anything."""
        if spent:
            write_atomically(self._spent, (json.dumps(spent, indent=1) + "\n").encode())

    def shard(self, name: str) -> Path:
        """The file of a shard.

        Raises:
            ValueError: for what is no name of a file in the folder.
        """
        if Path(name).name != name:
            raise ValueError(f"{self._lines} names {name!r}, which is no file of {self._shards}")
        return self._shards / name

    def trajectories(self, shard: str) -> tuple[list[Trajectory], ImageStore]:
        """The trajectories of a shard and their pictures."""
        return load_trajectories(self.shard(shard))


def _read_object(path: Path) -> dict[str, Any]:
    """What a file holds that was written whole.

    Raises:
        ValueError: when it is damaged.
    """
    try:
        found = json.loads(path.read_text())
        if not isinstance(found, dict):
            raise ValueError("expected a JSON object")
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}): bring it back from a copy, or give another folder") from error
    return found


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], names: Sequence[str]) -> str:
    """In what two runs differ, as a user would say it: what was given, and not what follows from it."""
    said: dict[str, str] = {}
    for name in names:
        given = [source for source in _FROM.get(name, ()) if before.get(source) != now.get(source)]
        for source in given or [name]:
            said[source] = f"{source} ({shorten(before.get(source))} there, {shorten(now.get(source))} here)"
    return ", ".join(said.values())
