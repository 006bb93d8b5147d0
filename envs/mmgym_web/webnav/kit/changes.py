"""What changed in a database since its start, row by row: the ground on which tasks are verified."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mmgym_web.checks import same_text

__all__ = ["AnyText", "Contains", "Expect", "Journal", "RowChange", "met", "unmet"]

Row = dict[str, Any]


@dataclass(frozen=True)
class RowChange:
    """One row that is not what it was."""

    table: str
    kind: Literal["insert", "update", "delete"]
    before: Row = field(default_factory=dict)
    after: Row = field(default_factory=dict)

    def changed(self) -> set[str]:
        """Names of the columns that differ (of an update)."""
        return {name for name, value in self.after.items() if self.before.get(name) != value}


@dataclass(frozen=True)
class Contains:
    """A text that holds every one of `parts`, whatever the case and spacing."""

    parts: tuple[str, ...]

    def accepts(self, value: Any) -> bool:
        """Whether a value fits."""
        folded = " ".join(str(value).casefold().split())
        return all(" ".join(part.casefold().split()) in folded for part in self.parts)


@dataclass(frozen=True)
class AnyText:
    """Any text that is not blank."""

    def accepts(self, value: Any) -> bool:
        """Whether a value fits."""
        return bool(str(value or "").strip())


@dataclass(frozen=True)
class Expect:
    """One row change that a task asks for.

    Values are compared exactly; texts by `same_text` (case and spacing do not count), or by `Contains` and `AnyText`.
    """

    table: str
    kind: Literal["insert", "update", "delete"]
    where: Row = field(default_factory=dict)
    """Columns of the row before (update, delete) or of the new row (insert; columns not named may hold anything)."""
    set: Row = field(default_factory=dict)
    """Columns after an update. No other column of the row may have changed."""

    def accepts(self, change: RowChange, incidental: frozenset[str]) -> bool:
        """Whether a change is the one that is asked for."""
        if (change.table, change.kind) != (self.table, self.kind):
            return False
        row = change.after if self.kind == "insert" else change.before
        if not all(name in row and _fits(wanted, row[name]) for name, wanted in self.where.items()):
            return False
        if self.kind != "update":
            return True
        extra = {n for n in change.changed() if f"{self.table}.{n}" not in incidental} - set(self.set)
        return not extra and all(_fits(wanted, change.after[name]) for name, wanted in self.set.items())


def _fits(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, (Contains, AnyText)):
        return wanted.accepts(value)
    if isinstance(wanted, str) and isinstance(value, str):
        return same_text(wanted, value)
    return bool(wanted == value)


def unmet(expects: Sequence[Expect], changes: Sequence[RowChange], incidental: frozenset[str]) -> list[Expect]:
    """The expectations that no change meets yet (each change meets at most one)."""
    free, missing = list(changes), []
    for expect in expects:
        match = next((change for change in free if expect.accepts(change, incidental)), None)
        if match is None:
            missing.append(expect)
        else:
            free.remove(match)
    return missing


def met(expects: Sequence[Expect], changes: Sequence[RowChange], incidental: frozenset[str]) -> bool:
    """Whether what had to change changed, and nothing else did."""
    return len(expects) == len(changes) and not unmet(expects, changes, incidental)


class Journal:
    """Knows the rows of tables at their start, and says what became of them.

    Args:
        db: the connection.
        incidental: tables and ``table.column`` whose changes do not count.
        known_by: by table, the columns that tell its rows apart; see `Site.known_by`.
    """

    def __init__(
        self, db: sqlite3.Connection, incidental: frozenset[str], known_by: Mapping[str, tuple[str, ...]] | None = None
    ):
        self._db, self.incidental, self._known_by = db, incidental, dict(known_by or {})
        self._start: dict[str, dict[int, Row]] = {}
        self._read_at, self._changes, self._effects = -1, list[RowChange](), list[RowChange]()

    def watch(self, tables: Sequence[str]) -> None:
        """Take the present rows of tables as their start."""
        self._start |= {table: self._rows(table) for table in tables if table not in self.incidental}
        self._read_at = -1

    def changes(self) -> list[RowChange]:
        """Every change that counts, ordered by table and row."""
        self._read()
        return self._changes

    def effects(self) -> list[RowChange]:
        """The same, but that a row which was taken away and put back under another number is one row, or unchanged."""
        self._read()
        return self._effects

    def _read(self) -> None:
        if self._read_at != self._db.total_changes:
            self._read_at = self._db.total_changes
            found = {table: self._compare(table, start) for table, start in sorted(self._start.items())}
            self._changes = [change for changes in found.values() for change in changes]
            self._effects = [change for table, changes in found.items() for change in self._put_back(table, changes)]

    def _put_back(self, table: str, changes: list[RowChange]) -> list[RowChange]:
        """Changes in which a deleted row and a new one of the same key are an update, or nothing."""
        if table not in self._known_by:
            return changes

        def key(row: Row) -> tuple[Any, ...]:
            return tuple(row[name] for name in self._known_by[table])

        apart = list[RowChange]()
        for change in changes:
            if change.kind == "update" and key(change.before) != key(change.after):  # a number that was free again
                apart += [RowChange(table, "delete", change.before), RowChange(table, "insert", {}, change.after)]
            else:
                apart.append(change)
        new = {key(change.after): change for change in apart if change.kind == "insert"}
        found, paired = list[RowChange](), list[RowChange]()
        for change in apart:
            other = new.get(key(change.before)) if change.kind == "delete" else None
            if other is None:
                found.append(change)
                continue
            paired.append(other)
            number = {"id": change.before["id"]} if "id" in change.before else {}
            update = RowChange(table, "update", change.before, other.after | number)
            found += [update] if update.changed() else []
        return [change for change in found if change not in paired]

    def _compare(self, table: str, start: dict[int, Row]) -> list[RowChange]:
        now, found = self._rows(table), list[RowChange]()
        for key in sorted(start.keys() | now.keys()):
            before, after = start.get(key), now.get(key)
            if before == after:
                continue
            if before is None or after is None:
                kind: Literal["insert", "delete"] = "insert" if before is None else "delete"
                found.append(RowChange(table, kind, before or {}, after or {}))
            else:
                change = RowChange(table, "update", before, after)
                if any(f"{table}.{name}" not in self.incidental for name in change.changed()):
                    found.append(change)
        return found

    def _rows(self, table: str) -> dict[int, Row]:
        cursor = self._db.execute(f"SELECT rowid AS _rowid, * FROM {table}")
        names = [column[0] for column in cursor.description][1:]
        return {row[0]: dict(zip(names, tuple(row)[1:], strict=True)) for row in cursor}
