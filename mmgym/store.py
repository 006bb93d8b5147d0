"""Trajectories on disk: one Parquet file per set, one row per trajectory, that `datasets` opens as it is.

A row holds its distinct images once, as PNG files (exact pixels) in a column that ``datasets`` shows as images, and
each turn names them by index. Everything comes back bit for bit: ids as int32, log-probabilities as float32, also the
lone surrogates that a model may write and UTF-8 cannot hold. A file appears whole or not at all.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mmgym.files import write_atomically
from mmgym.pointing import Pointer
from mmgym.trajectory import EpisodeTask, ImageRef, ImageStore, Observed, Status, Trajectory, Turn

__all__ = ["StoreError", "load_extra", "load_files", "load_trajectories", "png", "save_trajectories"]

FORMAT = "mmgym.trajectories"
VERSION = 4
_METADATA = b"mmgym"
_TUPLE, _DICT = "__tuple__", "__dict__"
_GROUP_ROWS = 256
_GROUP_BYTES = 128 << 20

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_TERM = pa.struct([("name", pa.string()), ("value", pa.float64())])
_TURN_FIELDS = [
    ("prompt_ids", pa.list_(pa.int32())),
    ("images", pa.list_(pa.int32())),
    ("sampled_ids", pa.list_(pa.int32())),
    ("logprobs", pa.list_(pa.float32())),
    ("extends", pa.bool_()),
    ("text", pa.string()),
    ("version", pa.int64()),
    ("state_key", pa.string()),
    ("reward", pa.float64()),
    ("terms", pa.list_(_TERM)),
    ("feedback", pa.string()),
    ("terminated", pa.bool_()),
    ("truncated", pa.bool_()),
    ("seconds_model", pa.float64()),
    ("seconds_env", pa.float64()),
    ("calls", pa.string()),
    ("usage", pa.list_(_TERM)),
    ("shown", pa.list_(pa.int32())),
    ("shown_text", pa.string()),
    ("expert", pa.string()),
    ("pointers", pa.string()),
]
_TURN = pa.struct(_TURN_FIELDS)
_TURN_SINCE = {"calls": 3, "usage": 3, "shown": 3, "shown_text": 3, "expert": 3, "pointers": 4}
"""Fields of a turn that were not there from the first version on, and since when they are."""
_ROW = [
    ("images", pa.list_(_IMAGE)),
    ("success", pa.bool_()),
    ("status", pa.string()),
    ("error", pa.string()),
    ("seat", pa.int64()),
    ("env_id", pa.string()),
    ("seed", pa.int64()),
    ("kwargs", pa.string()),
    ("options", pa.string()),
    ("wrappers", pa.list_(pa.string())),
    ("group", pa.int64()),
    ("member", pa.int64()),
    ("noise", pa.int64()),
    ("augmentation", pa.string()),
    ("strength", pa.float64()),
    ("info", pa.string()),
    ("final_image", pa.int32()),
    ("turns", pa.list_(_TURN)),
    ("surrogates", pa.string()),
]
_SINCE_2 = {"augmentation": "", "strength": 0.0}
"""Columns that version 1 did not have, and what it meant."""
_SIMPLE_TURN = ("extends", "version", "state_key", "reward", "terminated", "truncated", "seconds_model", "seconds_env")
_HUGGINGFACE = {"info": {"features": {"images": {"feature": {"_type": "Image"}, "_type": "List"}}}}
_FILE = re.compile(r"[0-9a-f]{32}\.png")
_SURROGATE = re.compile("[\ud800-\udfff]")


_Take = Callable[[dict[str, Any]], ImageRef]
"""Takes the file of a picture, and says which picture it is."""


class StoreError(ValueError):
    """A file is no trajectory store, is damaged, or was written by a newer version."""


def save_trajectories(
    path: str | Path, trajectories: Sequence[Trajectory], images: ImageStore, extra: dict[str, Any] | None = None
) -> None:
    """Write trajectories and their images to one Parquet file, atomically.

    Args:
        path: the file; an older one is replaced, its folder is made.
        trajectories: one row each, in this order.
        images: holds the pixels of every image that the trajectories name.
        extra: plain data (what JSON holds) about the whole set; `load_extra` gives it back.

    Raises:
        ValueError: when an image is not in `images`, or when `kwargs`, `options`, `info` or `extra` hold something
            other than text, numbers, booleans, None, lists, tuples and dicts with text keys, or when a whole number
            needs more than 64 bits.
    """
    path = Path(path)
    about = {"format": FORMAT, "version": VERSION, "extra": _to_plain(extra or {}, "extra")}
    metadata = {_METADATA: json.dumps(about).encode(), b"huggingface": json.dumps(_HUGGINGFACE).encode()}
    schema = pa.schema(_ROW, metadata=metadata)

    def write(file: Any) -> None:
        with pq.ParquetWriter(file, schema, compression="zstd", write_page_checksum=True) as writer:
            for group in _row_groups(trajectories, _Encoder(images)):
                writer.write_table(_table(group, schema))

    write_atomically(path, write)


def load_trajectories(path: str | Path) -> tuple[list[Trajectory], ImageStore]:
    """Read what `save_trajectories` wrote.

    Returns:
        The trajectories in their order, and a store with exactly the images they name.

    Raises:
        FileNotFoundError: when there is no such file.
        StoreError: when it is no trajectory store, is cut or damaged, or was written by a newer version.
    """
    images = ImageStore()
    known: dict[bytes, ImageRef] = {}
    return _load(path, lambda file: _decode(file, images, known)), images


def load_files(path: str | Path) -> tuple[list[Trajectory], dict[str, bytes]]:
    """Read trajectories, and their pictures as the PNG files that they are kept in: fast, for who passes them on.

    Returns:
        The trajectories in their order, and the files by digest; that each has the pixels of its digest is not checked.

    Raises:
        FileNotFoundError, StoreError: as `load_trajectories` does.
    """
    files: dict[str, bytes] = {}
    return _load(path, lambda file: _named(file, files)), files


def _load(path: str | Path, take: _Take) -> list[Trajectory]:
    with _open(path) as file:
        trajectories: list[Trajectory] = []
        try:
            for index in range(file.num_row_groups):
                trajectories += _read_group(file.read_row_group(index).combine_chunks(), take)
        except StoreError:
            raise
        except (pa.ArrowException, OSError, LookupError, TypeError, ValueError) as error:
            raise StoreError(f"{path} is damaged: {error}; write it again, or delete it") from error
    return trajectories


def load_extra(path: str | Path) -> dict[str, Any]:
    """The `extra` that `save_trajectories` was given. Raises what `load_trajectories` raises."""
    with _open(path) as file:
        return _from_plain(_about(path, file)["extra"])


def png(pixels: np.ndarray) -> bytes:
    """An image, uint8 (height, width, 3), as a PNG file.

    Raises:
        ValueError: when it cannot be written as one.
    """
    done, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    if not done:
        raise ValueError(f"an image of {pixels.shape[0]} x {pixels.shape[1]} cannot be written as PNG")
    return encoded.tobytes()


class _Encoder:
    """Images as PNG files; an image that several rows hold is encoded once."""

    def __init__(self, images: ImageStore):
        self._images = images
        self._encoded: dict[ImageRef, bytes] = {}

    def __call__(self, ref: ImageRef) -> bytes:
        if ref not in self._encoded:
            try:
                pixels = self._images[ref]
            except KeyError:
                raise ValueError(f"image {ref.digest} is not in the given ImageStore: pass the rollout's own") from None
            self._encoded[ref] = png(pixels)
        return self._encoded[ref]


_Row = tuple[Trajectory, dict[ImageRef, int], list[dict[str, Any]]]
"""A trajectory, the index of each of its distinct images, and the images themselves."""


def _row_groups(trajectories: Sequence[Trajectory], encode: _Encoder) -> Iterator[list[_Row]]:
    """Rows in groups of bounded size: Arrow holds at most 2 GiB of bytes in one array."""
    group: list[_Row] = []
    size = 0
    for trajectory in trajectories:
        refs = [ref for turn in trajectory.turns for ref in (*turn.images, *_shown(turn))]
        refs += [trajectory.final_image] if trajectory.final_image else []
        index = {ref: number for number, ref in enumerate(dict.fromkeys(refs))}
        files = [{"bytes": encode(ref), "path": f"{ref.digest}.png"} for ref in index]
        group.append((trajectory, index, files))
        size += sum(len(file["bytes"]) for file in files)
        if len(group) == _GROUP_ROWS or size > _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _table(rows: list[_Row], schema: pa.Schema) -> pa.Table:
    trajectories = [trajectory for trajectory, _, _ in rows]
    tasks = [trajectory.task for trajectory in trajectories]
    columns: dict[str, Any] = {
        "images": [files for _, _, files in rows],
        "success": [trajectory.success for trajectory in trajectories],
        "status": [trajectory.status.value for trajectory in trajectories],
        "error": [_readable(trajectory.error) for trajectory in trajectories],
        "seat": [trajectory.seat for trajectory in trajectories],
        "kwargs": [_to_json(task.kwargs, "kwargs") for task in tasks],
        "options": [_to_json(task.options, "options") for task in tasks],
        "info": [_to_json(trajectory.info | trajectory.task.seated, "info") for trajectory in trajectories],
        "final_image": [index[t.final_image] if t.final_image else None for t, index, _ in rows],
        "surrogates": [_surrogates(trajectory) for trajectory in trajectories],
        "turns": _turns(rows),
    }
    for name in ("env_id", "seed", "wrappers", "group", "member", "noise", "augmentation", "strength"):
        columns[name] = [getattr(task, name) for task in tasks]
    for name in ("seat", "seed", "group", "member", "noise"):
        if wide := [value for value in columns[name] if not -(2**63) <= value < 2**63]:
            raise ValueError(f"{name} must fit a signed 64-bit integer; got {wide[0]}")
    return pa.Table.from_pydict({name: columns[name] for name in schema.names}, schema=schema)


def _turns(rows: list[_Row]) -> pa.Array:
    """The turns of all rows as one list array, built from flat buffers: ids are many."""
    turns = [turn for trajectory, _, _ in rows for turn in trajectory.turns]
    shown = [[index[ref] for ref in turn.images] for trajectory, index, _ in rows for turn in trajectory.turns]
    columns: dict[str, Any] = {name: [getattr(turn, name) for turn in turns] for name in _SIMPLE_TURN}
    columns["prompt_ids"] = _ragged([turn.prompt_ids for turn in turns], np.int32, "prompt_ids")
    columns["sampled_ids"] = _ragged([turn.sampled_ids for turn in turns], np.int32, "sampled_ids")
    columns["logprobs"] = _ragged([turn.logprobs for turn in turns], np.float32, "logprobs")
    columns["images"] = _ragged([np.array(indices, np.int32) for indices in shown], np.int32, "images")
    columns["shown"] = [
        [index[ref] for ref in turn.observed.images] if turn.observed else None
        for trajectory, index, _ in rows
        for turn in trajectory.turns
    ]
    columns["shown_text"] = [_readable(turn.observed.text) if turn.observed else None for turn in turns]
    columns["expert"] = [_to_json(list(turn.observed.expert), "expert") if turn.observed else None for turn in turns]
    columns["pointers"] = [_plain_pointers(turn.observed) if turn.observed else None for turn in turns]
    columns["calls"] = [_to_json(list(turn.calls), "calls") for turn in turns]
    columns["usage"] = [[{"name": name, "value": value} for name, value in turn.usage.items()] for turn in turns]
    columns["text"] = [_readable(turn.text) for turn in turns]
    columns["feedback"] = [_readable(turn.feedback) for turn in turns]
    columns["terms"] = [[{"name": name, "value": value} for name, value in turn.terms.items()] for turn in turns]
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for field, column in ((field, columns[field.name]) for field in _TURN)
    ]
    offsets = np.concatenate([[0], np.cumsum([len(trajectory.turns) for trajectory, _, _ in rows])])
    return pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.StructArray.from_arrays(arrays, fields=list(_TURN))
    )


def _ragged(values: Sequence[np.ndarray], dtype: Any, name: str) -> pa.ListArray:
    for value in values:
        if value.dtype != dtype or value.ndim != 1:
            raise ValueError(f"{name} of a turn must be {np.dtype(dtype)} (n,); got {value.dtype} {value.shape}")
    offsets = np.concatenate([[0], np.cumsum([len(value) for value in values])])
    flat = np.concatenate([np.zeros(0, dtype), *values])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(flat))


def _read_group(table: pa.Table, take: _Take) -> list[Trajectory]:
    plain = {name: table.column(name).to_pylist() for name in table.column_names if name != "turns"}
    for name, default in _SINCE_2.items():
        plain.setdefault(name, [default] * table.num_rows)
    all_turns = table.column("turns").combine_chunks()
    ends = np.cumsum(all_turns.value_lengths().to_numpy(zero_copy_only=False)).tolist()
    column = _turn_columns(all_turns.flatten())
    trajectories = []
    for row, end in enumerate(ends):
        refs = [take(file) for file in plain["images"][row]]
        start = ends[row - 1] if row else 0
        info = _from_plain(json.loads(plain["info"][row]))
        trajectory = Trajectory(
            task=EpisodeTask(
                env_id=plain["env_id"][row],
                seed=plain["seed"][row],
                kwargs=_from_plain(json.loads(plain["kwargs"][row])),
                options=_from_plain(json.loads(plain["options"][row])),
                wrappers=tuple(plain["wrappers"][row]),
                group=plain["group"][row],
                member=plain["member"][row],
                noise=plain["noise"][row],
                augmentation=plain["augmentation"][row],
                strength=plain["strength"][row],
                match=info.get("match"),
                player=info.get("player", ""),
            ),
            turns=[_turn(column, index, refs) for index in range(start, end)],
            status=Status(plain["status"][row]),
            success=plain["success"][row],
            error=plain["error"][row],
            info=info,
            seat=plain["seat"][row],
            final_image=None if plain["final_image"][row] is None else refs[plain["final_image"][row]],
        )
        for turn, name, text in json.loads(plain["surrogates"][row] or "[]"):
            if name == "observed":
                trajectory.turns[turn].observed.text = text
            else:
                setattr(trajectory if turn is None else trajectory.turns[turn], name, text)
        trajectories.append(trajectory)
    return trajectories


def _turn_columns(turns: pa.StructArray) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name, array in zip(turns.type.names, turns.flatten(), strict=True):
        if name in ("prompt_ids", "sampled_ids", "logprobs", "images"):
            lengths = array.value_lengths().to_numpy(zero_copy_only=False)
            columns[name] = np.split(array.flatten().to_numpy(zero_copy_only=False), np.cumsum(lengths)[:-1])
        else:
            columns[name] = array.to_pylist()
    return columns


def _turn(column: dict[str, Any], index: int, refs: list[ImageRef]) -> Turn:
    return Turn(
        prompt_ids=column["prompt_ids"][index].copy(),
        images=tuple(refs[number] for number in column["images"][index]),
        sampled_ids=column["sampled_ids"][index].copy(),
        logprobs=column["logprobs"][index].copy(),
        text=column["text"][index],
        feedback=column["feedback"][index],
        terms={term["name"]: term["value"] for term in column["terms"][index]},
        **_since_3(column, index, refs),
        **{name: column[name][index] for name in _SIMPLE_TURN},
    )


def _since_3(column: dict[str, Any], index: int, refs: list[ImageRef]) -> dict[str, Any]:
    if "calls" not in column:
        return {}
    shown = column["shown"][index]
    return {
        "calls": tuple(_from_plain(json.loads(column["calls"][index]))),
        "usage": {one["name"]: one["value"] for one in column["usage"][index]},
        "observed": None
        if shown is None
        else Observed(
            tuple(refs[number] for number in shown),
            column["shown_text"][index],
            tuple(_from_plain(json.loads(column["expert"][index]))),
            *_pointers(json.loads(column["pointers"][index]) if "pointers" in column else ([], [])),
        ),
    }


def _plain_pointers(observed: Observed) -> str:
    return json.dumps([[one.as_dict() for one in side] for side in (observed.pointers, observed.expert_pointers)])


def _pointers(plain: Sequence[list[dict[str, Any]]]) -> list[tuple[Pointer, ...]]:
    return [tuple(Pointer(one["kind"], tuple(one["at"]), one["image"]) for one in side) for side in plain]


def _shown(turn: Turn) -> tuple[ImageRef, ...]:
    return turn.observed.images if turn.observed else ()


def _decode(file: dict[str, Any], images: ImageStore, known: dict[bytes, ImageRef]) -> ImageRef:
    if file["bytes"] not in known:
        pixels = cv2.imdecode(np.frombuffer(file["bytes"], np.uint8), cv2.IMREAD_COLOR)
        if pixels is None:
            raise StoreError(f"image {file['path']} is no readable PNG: the file is damaged")
        ref = images.add(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
        if file["path"] != f"{ref.digest}.png":
            raise StoreError(f"image {file['path']} has other pixels than it was saved with ({ref.digest})")
        known[file["bytes"]] = ref
    return known[file["bytes"]]


def _named(file: dict[str, Any], files: dict[str, bytes]) -> ImageRef:
    """The reference of a picture by the name and the header of its file."""
    name, content = file["path"], file["bytes"]
    if not _FILE.fullmatch(name) or content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 24:
        raise StoreError(f"image {name} is no PNG file named by its digest: the file is damaged")
    width, height = struct.unpack(">II", content[16:24])
    files[name[:32]] = content
    return ImageRef(name[:32], height, width)


def _open(path: str | Path) -> pq.ParquetFile:
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no trajectory file {path}")
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is no Parquet file, or one cut in the middle of writing: {error}") from error
    try:
        version = _about(path, file)["version"]
        if version > VERSION:
            raise StoreError(f"{path} has version {version}; this mmgym reads up to {VERSION}: update mmgym")
        fields = [field for field in _TURN_FIELDS if version >= _TURN_SINCE.get(field[0], 1)]
        columns = [
            (name, pa.list_(pa.struct(fields)) if name == "turns" else kind)
            for name, kind in _ROW
            if version > 1 or name not in _SINCE_2
        ]
        if not file.schema_arrow.equals(pa.schema(columns)):
            raise StoreError(f"{path} is damaged: its columns are {file.schema_arrow.names}")
    except UnicodeDecodeError as error:
        file.close()
        raise StoreError(f"{path} is damaged: {error}") from error
    except StoreError:
        file.close()
        raise
    return file


def _about(path: str | Path, file: pq.ParquetFile) -> dict[str, Any]:
    try:
        about = json.loads((file.schema_arrow.metadata or {})[_METADATA])
    except (KeyError, ValueError):
        about = None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        columns = ", ".join(file.schema_arrow.names[:8])
        raise StoreError(
            f"{path} is a Parquet file, but holds no trajectories (its columns: {columns}); "
            "expected a file written by save_trajectories"
        )
    return about


def _readable(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)


def _surrogates(trajectory: Trajectory) -> str | None:
    """The texts of a row that UTF-8 cannot hold, as (turn or None, field, text); JSON escapes them."""
    texts: list[tuple[int | None, str, str]] = [(None, "error", trajectory.error)]
    for index, turn in enumerate(trajectory.turns):
        texts += [(index, "text", turn.text), (index, "feedback", turn.feedback)]
        texts += [(index, "observed", turn.observed.text)] if turn.observed else []
    found = [entry for entry in texts if _SURROGATE.search(entry[2])]
    return json.dumps(found) if found else None


def _to_json(value: Any, name: str) -> str:
    return json.dumps(_to_plain(value, name))


def _to_plain(value: Any, name: str) -> Any:
    """Plain data for JSON, tuples marked so that they come back as tuples (and dicts that hold such a mark)."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, tuple):
        return {_TUPLE: [_to_plain(item, name) for item in value]}
    if isinstance(value, list):
        return [_to_plain(item, name) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        items = {key: _to_plain(item, name) for key, item in value.items()}
        return {_DICT: list(items.items())} if items.keys() & {_TUPLE, _DICT} else items
    raise ValueError(f"{name} must hold plain data (text, numbers, lists, dicts with text keys); got {value!r}")


def _from_plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_plain(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {_TUPLE}:
            return tuple(_from_plain(item) for item in value[_TUPLE])
        if set(value) == {_DICT}:
            return {key: _from_plain(item) for key, item in value[_DICT]}
        return {key: _from_plain(item) for key, item in value.items()}
    return value
