"""The rows of a questions file, with the line or row that each stands in: JSON lines, JSON, CSV, TSV, Parquet.

What is wrong with one row (not JSON, a key twice, a cell too many) is found with it, so that the others can be used;
what is wrong with the whole file is raised.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mmgym_video.datasets.row import RowError, check_plain

__all__ = ["SUFFIXES", "Found", "read_rows", "unit_of"]

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
"""Kinds of files that are read, by the ends of their names."""

LONGEST = 4 * 2**20
"""Most bytes of a line of JSON lines."""


@dataclass(frozen=True)
class Found:
    """A row as it was found."""

    number: int
    """Line, or row, from 1."""
    value: Any = None
    error: RowError | None = None
    """What is wrong with it, instead of a value."""


class _Keys(dict[str, Any]):
    """An object of a JSON file that remembers a key that stood twice."""

    twice = ""


def unit_of(path: Path) -> str:
    """What the rows of such a file are counted in: ``line`` or ``row``."""
    return "row" if path.suffix.lower() in (".json", ".parquet") else "line"


def read_rows(path: Path) -> Iterator[Found]:
    """The rows of a file, in order. A JSON file that holds one object gives that as its only row.

    Raises:
        RowError: when the file as a whole cannot be read.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise RowError(f"must be a file of questions, one of {', '.join(SUFFIXES)}")
    try:
        with path.open("rb") as file:
            _check_kind(file, suffix)
            if suffix in (".jsonl", ".ndjson"):
                yield from _json_lines(file)
            elif suffix == ".json":
                yield from _json(file)
            elif suffix == ".parquet":
                yield from _parquet(file)
            else:
                yield from _table(file, "\t" if suffix == ".tsv" else ",")
    except OSError as error:
        raise RowError(f"cannot be read: {error.strerror or error}") from None


def _check_kind(file: BinaryIO, suffix: str) -> None:
    start = file.read(4096)
    file.seek(0)
    if not start.strip(b" \t\r\n\xef\xbb\xbf"):
        raise RowError("the file is empty")
    known = {b"PAR1": "a Parquet file", b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "a gzip archive"}
    kind = next((name for magic, name in known.items() if start.startswith(magic)), "")
    if suffix == ".parquet":
        if kind != "a Parquet file":
            raise RowError(f"must be a Parquet file; this is {kind or 'something else'}")
    elif kind:
        raise RowError(f"must be text; this is {kind}")
    elif start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RowError("must be UTF-8; this is UTF-16")
    elif b"\0" in start:
        raise RowError("must be text; this is a binary file")


def _json_lines(file: BinaryIO) -> Iterator[Found]:
    number = 0
    while raw := file.readline(LONGEST + 1):
        number += 1
        if len(raw) > LONGEST:
            while raw and not raw.endswith(b"\n"):
                raw = file.readline(LONGEST)
            yield Found(number, error=RowError(f"a line must be at most {LONGEST:,} bytes long"))
            continue
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
            if raw.lstrip().startswith(b"["):
                raise RowError("must be JSON lines, an object on each; this is a JSON list, so name it .json")
        if not raw.strip():
            continue
        try:
            value = _parsed(raw)
            check_plain(value)
        except RowError as error:
            yield Found(number, error=error)
        else:
            yield Found(number, value)


def _json(file: BinaryIO) -> Iterator[Found]:
    raw = file.read().removeprefix(b"\xef\xbb\xbf")
    try:
        document = _parsed(raw)
    except RowError as error:
        if "Extra data" in str(error) and raw.lstrip().startswith(b"{"):
            raise RowError("must be one JSON list; this looks like JSON lines, so name it .jsonl") from None
        raise
    for number, value in enumerate(document if isinstance(document, list) else [document], 1):
        try:
            check_plain(value)
        except RowError as error:
            yield Found(number, error=error)
        else:
            yield Found(number, value)


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise RowError(f"must be UTF-8; byte {error.start} is not") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno} column {error.colno}" if b"\n" in raw.strip() else f"column {error.colno}"
        raise RowError(f"not JSON: {error.msg} at {place}") from None
    except ValueError as error:
        raise RowError(f"not JSON: {error}") from None
    except RecursionError:
        raise RowError("not JSON that can be read: nested too deep") from None


def _object(pairs: list[tuple[str, Any]]) -> _Keys:
    found = _Keys(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        found.twice = next(name for name in names if names.count(name) > 1)
    return found


def _table(file: BinaryIO, delimiter: str) -> Iterator[Found]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    header: list[str] = []
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            if not header:
                raise RowError(f"the header is not CSV: {error}") from None
            yield Found(number, error=RowError(f"not CSV: {error}"))
            continue
        except UnicodeDecodeError:
            raise RowError(f"must be UTF-8; something after line {reader.line_num} is not") from None
        if cells is None:
            return
        if not cells:
            continue
        if not header:
            header = [name.strip() for name in cells]
            if len(set(header)) < len(header) or "" in header:
                raise RowError(f"the header must name each column, and each once; got {', '.join(header)}"[:300])
        elif len(cells) != len(header):
            yield Found(number, error=RowError(f"the header names {len(header)} columns; this row has {len(cells)}"))
        else:
            yield Found(number, dict(zip(header, cells, strict=True)))


def _parquet(file: BinaryIO) -> Iterator[Found]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise RowError("reading Parquet needs pyarrow: pip install 'mmgym[train]'") from None
    number = 0
    try:
        for batch in parquet.ParquetFile(file).iter_batches(batch_size=256):
            for row in batch.to_pylist():
                number += 1
                yield Found(number, {name: _nothing_for_nan(value) for name, value in row.items()})
    except (pyarrow.ArrowException, OSError) as error:
        raise RowError(f"not Parquet that can be read, after row {number}: {error}"[:300]) from None


def _nothing_for_nan(value: Any) -> Any:
    # pandas writes what is missing from a column of numbers as NaN.
    return None if isinstance(value, float) and math.isnan(value) else value
