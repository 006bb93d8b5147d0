"""Tasks on any site, one JSON object a line, validated when they are read.

{"id": "cart", "start": "/", "instruction": "Put a red mug into the cart.",
 "checks": [{"dom": ".cart li", "contains": "red mug", "count": 1}]}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmgym.env import SPLITS
from mmgym_web.any_site.checks import AnswerCheck, Check, DomCheck, PythonCheck, UrlCheck
from mmgym_web.checks import Answer

__all__ = ["SiteTask", "TaskFileError", "load_tasks"]

MAX_LEVEL = 5


class TaskFileError(ValueError):
    """A file of tasks has a mistake; the message names file, line, field, value and what is allowed."""


@dataclass(frozen=True)
class SiteTask:
    """One task."""

    id: str
    """Its name, as in ``options={"task": id}``."""
    start: str
    """Where it starts: a path of the site, or an absolute URL."""
    instruction: str
    """What the agent is asked."""
    checks: tuple[Check, ...]
    """What must hold, all of it."""
    level: int = 1
    """Its difficulty, 1 to 5."""
    split: str = ""
    """The split it belongs to; empty for all."""
    turns: int = 20
    """Turns until the episode is truncated."""
    files: dict[str, bytes] = field(default_factory=dict, repr=False)
    """Files that may be uploaded, by name."""
    where: str = ""
    """Where it is written, for errors: file and line."""

    def wrong(self, name: str, wanted: str, value: Any) -> TaskFileError:
        """The error that a field's value is not what is wanted."""
        return TaskFileError(f"{self.where}, field {name!r}: must be {wanted}; got {value!r}")

    @property
    def asks(self) -> bool:
        """Whether an answer is wanted, so that nothing else ends it with success."""
        return any(isinstance(check, AnswerCheck) for check in self.checks)


def load_tasks(source: str | Path | Iterable[Mapping[str, Any]]) -> tuple[SiteTask, ...]:
    """Read tasks from a JSON-lines file, or from a list of dicts of the same form.

    Raises:
        TaskFileError: for the first mistake.
        FileNotFoundError: when there is no such file.
    """
    if isinstance(source, (str, Path)):
        path = Path(source)
        lines = [
            (f"{path}, line {number}", _read_line(path, number, line))
            for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), 1)
            if line.strip()
        ]
        folder = path.parent
    else:
        lines = [(f"task {number}", dict(entry)) for number, entry in enumerate(source, 1)]
        folder = Path()
    tasks: dict[str, SiteTask] = {}
    for where, entry in lines:
        task = _Reader(where, folder).task(entry)
        if task.id in tasks:
            raise TaskFileError(f"{where}, field 'id': must be new; an earlier task is called {task.id!r}")
        tasks[task.id] = task
    if not tasks:
        raise TaskFileError(f"{source}: there is no task in it")
    return tuple(tasks.values())


def _read_line(path: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise TaskFileError(f"{path}, line {number}: must be one JSON object; {error}") from error


class _Reader:
    """Reads one entry, and knows where it stands."""

    def __init__(self, where: str, folder: Path):
        self.where, self.folder = where, folder

    def task(self, entry: Any) -> SiteTask:
        self._object("", entry, ("id", "start", "instruction", "checks"), ("level", "split", "turns", "files"))
        checks = entry["checks"]
        if not isinstance(checks, list) or not checks:
            self._wrong("checks", "a list with at least one check", checks)
        return SiteTask(
            id=self._text("id", entry["id"]),
            where=self.where,
            start=self._text("start", entry["start"]),
            instruction=self._text("instruction", entry["instruction"]),
            checks=tuple(self._check(f"checks[{index}]", check) for index, check in enumerate(checks)),
            level=self._whole("level", entry.get("level", 1), 1, MAX_LEVEL),
            split=self._one_of("split", entry["split"], SPLITS) if "split" in entry else "",
            turns=self._whole("turns", entry.get("turns", 20), 1, 1000),
            files=self._files(entry.get("files", [])),
        )

    def _check(self, name: str, entry: Any) -> Check:
        kinds: dict[str, tuple[Callable[[str, Any], Check], tuple[str, ...]]] = {
            "url": (self._url, ()),
            "url_regex": (self._url, ()),
            "dom": (self._dom, ("text", "contains", "value", "checked", "visible", "count")),
            "answer": (self._answer, ("type", "tolerance", "choices", "also")),
            "python": (self._python, ()),
        }
        found = [kind for kind in kinds if isinstance(entry, dict) and kind in entry]
        if len(found) != 1:
            self._wrong(name, f"an object with one of {', '.join(kinds)}", entry)
        build, optional = kinds[found[0]]
        self._object(name, entry, (found[0],), optional)
        return build(name, entry)

    def _url(self, name: str, entry: Any) -> Check:
        kind = "url" if "url" in entry else "url_regex"
        pattern = self._text(f"{name}.{kind}", entry[kind])
        return self._try(f"{name}.{kind}", lambda: UrlCheck(pattern, kind == "url_regex"))

    def _dom(self, name: str, entry: Any) -> Check:
        for key in ("checked", "visible"):
            if key in entry and not isinstance(entry[key], bool):
                self._wrong(f"{name}.{key}", "true or false", entry[key])
        for key in ("text", "contains", "value"):
            if key in entry and not isinstance(entry[key], str):
                self._wrong(f"{name}.{key}", "text", entry[key])
        if "count" in entry:
            self._whole(f"{name}.count", entry["count"], 0, 1000)
        options = {key: value for key, value in entry.items() if key != "dom"}
        return DomCheck(self._text(f"{name}.dom", entry["dom"]), **options)

    def _answer(self, name: str, entry: Any) -> Check:
        kind = self._one_of(f"{name}.type", entry.get("type", "text"), ("text", "number", "choice", "set"))
        given = entry["answer"]
        if kind == "set" and isinstance(given, list):
            given = "; ".join(self._text(f"{name}.answer[{k}]", part) for k, part in enumerate(given))
        if kind == "number" and isinstance(given, (int, float)) and not isinstance(given, bool):
            given = repr(given)
        value = self._text(f"{name}.answer", given)
        also = tuple(self._text(f"{name}.also[{k}]", text) for k, text in enumerate(self._list(name, "also", entry)))
        choices = tuple(self._text(f"{name}.choices[{k}]", c) for k, c in enumerate(self._list(name, "choices", entry)))
        if (kind == "choice") != ("choices" in entry):
            self._wrong(f"{name}.choices", "there for the type choice, and for no other", entry.get("choices"))
        if kind == "choice" and value not in choices:
            self._wrong(f"{name}.answer", f"one of the choices {', '.join(choices)}", value)
        tolerance = entry.get("tolerance", 0)
        if not isinstance(tolerance, (int, float)) or isinstance(tolerance, bool) or tolerance < 0 or (
            tolerance and kind != "number"
        ):  # fmt: skip
            self._wrong(f"{name}.tolerance", "a number of at least 0, and only for the type number", tolerance)
        answer_kind = "text" if kind == "choice" else kind
        return self._try(
            f"{name}.answer",
            lambda: AnswerCheck(Answer(value, answer_kind, float(tolerance), also), choices),  # type: ignore[arg-type]
        )

    def _python(self, name: str, entry: Any) -> Check:
        function = self._text(f"{name}.python", entry["python"])
        return self._try(f"{name}.python", lambda: PythonCheck(function))

    def _files(self, names: Any) -> dict[str, bytes]:
        if not isinstance(names, list):
            self._wrong("files", "a list of paths beside the file of tasks", names)
        files = {}
        for index, name in enumerate(names):
            path = self.folder / self._text(f"files[{index}]", name)
            if not path.is_file():
                self._wrong(f"files[{index}]", f"the path of a file, from {self.folder}", name)
            files[path.name] = path.read_bytes()
        return files

    def _object(self, name: str, entry: Any, needed: tuple[str, ...], optional: tuple[str, ...]) -> None:
        if not isinstance(entry, dict):
            self._wrong(name, "a JSON object", entry)
        for key in entry:
            if key not in (*needed, *optional):
                allowed = ", ".join((*needed, *optional))
                raise TaskFileError(f"{self.where}, field {_join(name, str(key))!r}: unknown; allowed: {allowed}")
        for key in needed:
            if key not in entry:
                raise TaskFileError(f"{self.where}, field {_join(name, key)!r}: missing")

    def _list(self, name: str, key: str, entry: Any) -> list[Any]:
        found = entry.get(key, [])
        if not isinstance(found, list):
            self._wrong(f"{name}.{key}", "a list of texts", found)
        return found

    def _text(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip():
            self._wrong(name, "text that is not blank", value)
        return value

    def _whole(self, name: str, value: Any, low: int, high: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self._wrong(name, f"a whole number from {low} to {high}", value)
        return value

    def _one_of(self, name: str, value: Any, allowed: tuple[str, ...]) -> str:
        if value not in allowed:
            self._wrong(name, f"one of {', '.join(allowed)}", value)
        return value

    def _try(self, name: str, build: Callable[[], Check]) -> Check:
        try:
            return build()
        except ValueError as error:
            raise TaskFileError(f"{self.where}, field {name!r}: {error}") from error

    def _wrong(self, name: str, wanted: str, value: Any) -> None:
        where = f"{self.where}, field {name!r}" if name else self.where
        raise TaskFileError(f"{where}: must be {wanted}; got {value!r}")


def _join(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key
