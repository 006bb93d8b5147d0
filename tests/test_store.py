"""Trajectories on disk: bit for bit, as a dataset, whole or not at all."""

import dataclasses
import io
import math
import os
import socket

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgym import store
from mmgym.pointing import Pointer
from mmgym.store import StoreError, load_extra, load_files, load_trajectories, save_trajectories
from mmgym.trajectory import EpisodeTask, ImageRef, ImageStore, Observed, Status, Trajectory, Turn

TEXT = st.text(st.characters(codec=None), max_size=12)  # lone surrogates and NUL included
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.dictionaries(TEXT, PLAIN, max_size=3)
INT64 = st.integers(-(2**63), 2**63 - 1)
IDS = st.lists(st.integers(-(2**31), 2**31 - 1), max_size=6).map(lambda ids: np.array(ids, np.int32))
# Any bit pattern: NaN, infinities, subnormals and -0.0 among them.
LOGPROBS = st.lists(st.integers(0, 2**32 - 1), max_size=6).map(lambda bits: np.array(bits, np.uint32).view(np.float32))
SIZES = [(1, 1), (3, 5), (16, 16)]


@st.composite
def sets(draw):
    images = ImageStore()
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    refs = [images.add(rng.integers(0, 256, (*size, 3), np.uint8)) for size in SIZES]
    some = st.lists(st.sampled_from(refs), max_size=3).map(tuple)
    numbers = st.dictionaries(st.text("abc_", max_size=4), st.floats(), max_size=3)
    calls = st.lists(FIELDS, max_size=2).map(tuple)
    shares = st.lists(st.floats(0, 1), min_size=2, max_size=4).map(tuple)
    image = st.none() | st.integers(0, 9)
    pointer = st.builds(Pointer, kind=st.sampled_from(["point", "arrow", "box"]), at=shares, image=image)
    pointers = st.lists(pointer, max_size=2).map(tuple)
    turn = st.builds(
        Turn,
        prompt_ids=IDS,
        images=some,
        sampled_ids=IDS,
        logprobs=LOGPROBS,
        extends=st.booleans(),
        text=TEXT,
        version=INT64,
        state_key=st.text("0123456789abcdef", max_size=8),
        reward=st.floats(),
        terms=numbers,
        feedback=TEXT,
        calls=calls,
        usage=numbers,
        observed=st.none()
        | st.builds(Observed, images=some, text=TEXT, expert=calls, pointers=pointers, expert_pointers=pointers),
        terminated=st.booleans(),
        truncated=st.booleans(),
        seconds_model=st.floats(),
        seconds_env=st.floats(),
    )
    task = st.builds(
        EpisodeTask,
        env_id=st.just("toy/Corridor-v0"),
        seed=INT64,
        kwargs=FIELDS,
        options=FIELDS,
        wrappers=st.lists(st.sampled_from(["a:B", "c:D"]), max_size=2).map(tuple),
        group=INT64,
        member=INT64,
        noise=INT64,
        augmentation=st.sampled_from(["gaussian_noise", "shift"]),
        strength=st.floats(0, 1),
    )
    trajectory = st.builds(
        Trajectory,
        task=task,
        turns=st.lists(turn, max_size=3),
        status=st.sampled_from(Status),
        success=st.booleans(),
        error=TEXT,
        info=FIELDS,
        seat=INT64,
        final_image=st.none() | st.sampled_from(refs),
    )
    return draw(st.lists(trajectory, max_size=4)), images


def bits(value):
    """`value` with types and bits spelled out, so that == means the same to the last bit."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value.hex()
    if dataclasses.is_dataclass(value):
        return [(f.name, bits(getattr(value, f.name))) for f in dataclasses.fields(value)]
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [bits(item) for item in value]
    if isinstance(value, dict):
        return [(key, bits(item)) for key, item in value.items()]
    return type(value).__name__, value


def named(trajectories):
    turns = [turn for trajectory in trajectories for turn in trajectory.turns]
    refs = [ref for turn in turns for ref in (*turn.images, *(turn.observed.images if turn.observed else ()))]
    return {*refs, *(trajectory.final_image for trajectory in trajectories if trajectory.final_image)}


@settings(max_examples=40, deadline=None)
@given(sets())
def test_round_trip_bit_for_bit(tmp_path_factory, generated):
    trajectories, images = generated
    path = tmp_path_factory.mktemp("store") / "some.parquet"
    save_trajectories(path, trajectories, images)
    loaded, pixels = load_trajectories(path)
    assert bits(loaded) == bits(trajectories)
    assert len(pixels) == len(named(trajectories))
    for ref in named(trajectories):
        np.testing.assert_array_equal(pixels[ref], images[ref])
    for trajectory in loaded:
        for turn in trajectory.turns:
            turn.logprobs += 1  # arrays of their own, not views of a read-only buffer


def small(turns=3, **changes):
    """One episode that sees two images three times."""
    images = ImageStore()
    refs = [images.add(np.full((8, 6, 3), (10 * k, 200, 30), np.uint8)) for k in range(2)]
    ids = np.arange(4, dtype=np.int32)
    made = [
        Turn(ids, (refs[k % 2],), ids + k, np.full(4, -0.5, np.float32), k > 0, f"turn {k}", terms={"valid": 1.0})
        for k in range(turns)
    ]
    return Trajectory(EpisodeTask("toy", 7), made, success=True, final_image=refs[0], **changes), images


def test_datasets_opens_it_offline_with_images(tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")

    def refuse(*_):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    trajectory, images = small()
    path = tmp_path / "set.parquet"
    save_trajectories(path, [trajectory, trajectory], images)
    cache = str(tmp_path / "cache")
    for dataset in (
        datasets.Dataset.from_parquet(str(path), cache_dir=cache),
        datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=cache),
    ):
        row = dataset[1]
        assert len(row["images"]) == 2, "an image is stored once per row, however often it is shown"
        picture = row["images"][row["turns"][1]["images"][0]]
        assert (picture.width, picture.height, picture.mode) == (6, 8, "RGB")
        np.testing.assert_array_equal(np.asarray(picture), images[trajectory.turns[1].images[0]])
        assert row["turns"][2]["sampled_ids"] == [2, 3, 4, 5] and row["turns"][2]["text"] == "turn 2"
        assert row["success"] is True and row["seed"] == 7


def test_images_are_png_files(tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    trajectory, images = small()
    save_trajectories(tmp_path / "set.parquet", [trajectory], images)
    files = pq.read_table(tmp_path / "set.parquet").column("images").to_pylist()[0]
    opened = image_module.open(io.BytesIO(files[0]["bytes"]))
    assert opened.format == "PNG"
    np.testing.assert_array_equal(np.asarray(opened), images[trajectory.final_image])


def test_several_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "_GROUP_ROWS", 2)
    trajectory, images = small()
    many = [dataclasses.replace(trajectory, seat=seat, turns=trajectory.turns[:seat]) for seat in range(5)]
    save_trajectories(tmp_path / "set.parquet", many, images)
    assert pq.ParquetFile(tmp_path / "set.parquet").num_row_groups == 3
    assert bits(load_trajectories(tmp_path / "set.parquet")[0]) == bits(many)


def test_extra_and_an_empty_set(tmp_path):
    extra = {"note": "naïve \ud800", "range": (1, [2, ()]), "marks": {"__tuple__": [1], "__dict__": {"__dict__": (2,)}}}
    save_trajectories(tmp_path / "new" / "set.parquet", [], ImageStore(), extra)
    assert load_trajectories(tmp_path / "new" / "set.parquet")[0] == []
    assert load_extra(tmp_path / "new" / "set.parquet") == extra


def test_a_failed_save_leaves_the_old_file_alone(tmp_path):
    trajectory, images = small()
    path = tmp_path / "set.parquet"
    save_trajectories(path, [trajectory], images)
    before = path.read_bytes()
    lost = dataclasses.replace(trajectory, final_image=ImageRef("0" * 32, 8, 6))
    with pytest.raises(ValueError, match="not in the given ImageStore"):
        save_trajectories(path, [trajectory, lost], images)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["set.parquet"], "the temporary file is gone"


def test_what_cannot_be_stored_is_refused(tmp_path):
    trajectory, images = small()
    path = tmp_path / "set.parquet"
    with pytest.raises(ValueError, match=r"info must hold plain data.*object"):
        save_trajectories(path, [dataclasses.replace(trajectory, info={"level": object()})], images)
    with pytest.raises(ValueError, match=r"noise.*64"):
        task = dataclasses.replace(trajectory.task, noise=2**63)
        save_trajectories(path, [dataclasses.replace(trajectory, task=task)], images)
    trajectory.turns[0].logprobs = np.zeros(4)
    with pytest.raises(ValueError, match=r"logprobs of a turn must be float32.*float64"):
        save_trajectories(path, [trajectory], images)
    assert not path.exists()


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        load_trajectories(tmp_path / "missing.parquet")
    text = tmp_path / "text.parquet"
    text.write_text("no Parquet")
    with pytest.raises(StoreError, match="no Parquet file"):
        load_trajectories(text)
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"colour": [1]}), other)
    for read in (load_trajectories, load_extra):
        with pytest.raises(StoreError, match=r"no trajectories.*colour"):
            read(other)


def test_a_cut_damaged_or_newer_file_is_refused(tmp_path, monkeypatch):
    trajectory, images = small()
    path = tmp_path / "set.parquet"
    save_trajectories(path, [trajectory], images)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="cut in the middle"):
        load_trajectories(path)
    table = pq.read_table(io.BytesIO(whole))
    files = table.column("images").to_pylist()
    files[0][0]["bytes"] = files[0][1]["bytes"]
    pq.write_table(table.set_column(0, table.schema.field(0), pa.array(files, table.schema.field(0).type)), path)
    with pytest.raises(StoreError, match="other pixels"):
        load_trajectories(path)
    files[0][0]["path"] = "../escaped.png"
    pq.write_table(table.set_column(0, table.schema.field(0), pa.array(files, table.schema.field(0).type)), path)
    with pytest.raises(StoreError, match="named by its digest"):
        load_files(path)
    for column, value in (("status", "lost"), ("final_image", 99), ("kwargs", "3 4")):
        index = table.schema.get_field_index(column)
        changed = pa.array([value], table.schema.field(column).type)
        pq.write_table(table.set_column(index, table.schema.field(column), changed), path)
        with pytest.raises(StoreError, match="is damaged"):
            load_trajectories(path)
    for place in range(100, len(whole), 97):
        flipped = bytearray(whole)
        flipped[place] ^= 16
        path.write_bytes(flipped)
        try:
            same = bits(load_trajectories(path)[0]) == bits([trajectory])
        except StoreError:
            continue
        assert same, f"byte {place} was changed, and nobody noticed"
    monkeypatch.setattr(store, "VERSION", 5)
    save_trajectories(path, [trajectory], images)
    monkeypatch.setattr(store, "VERSION", 4)
    with pytest.raises(StoreError, match=r"version 5.*update"):
        load_trajectories(path)


def test_whose_episode_it_was_is_kept(tmp_path):
    trajectory, images = small()
    trajectory.task = dataclasses.replace(trajectory.task, match=3, player="random")
    save_trajectories(tmp_path / "set.parquet", [trajectory], images)
    (found,) = load_trajectories(tmp_path / "set.parquet")[0]
    assert found.task == trajectory.task


def test_pictures_can_be_had_as_the_files_they_are_kept_in(tmp_path):
    trajectory, images = small()
    save_trajectories(tmp_path / "set.parquet", [trajectory], images)
    found, files = load_files(tmp_path / "set.parquet")
    assert bits(found) == bits([trajectory])
    refs = {ref for turn in trajectory.turns for ref in turn.images}
    assert set(files) >= {ref.digest for ref in refs}
    for ref in refs:
        pixels = cv2.imdecode(np.frombuffer(files[ref.digest], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert (pixels == images[ref]).all()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_files_of_earlier_versions_are_read(tmp_path, monkeypatch, version):
    ids, none = np.arange(3, dtype=np.int32), np.zeros(3, np.float32)
    trajectory = Trajectory(EpisodeTask("toy/Corridor-v0", 3), [Turn(ids, (), ids, none, False, "left")])
    path = tmp_path / "old.parquet"
    monkeypatch.setattr(store, "VERSION", version)
    fields = [field for field in store._TURN_FIELDS if store._TURN_SINCE.get(field[0], 1) <= version]
    monkeypatch.setattr(store, "_TURN_FIELDS", fields)
    turn = pa.struct(store._TURN_FIELDS)
    monkeypatch.setattr(store, "_TURN", turn)
    row = [(name, pa.list_(turn) if name == "turns" else kind) for name, kind in store._ROW]
    monkeypatch.setattr(store, "_ROW", row)
    save_trajectories(path, [trajectory], ImageStore())
    monkeypatch.undo()
    if version == 1:
        table = pq.read_table(path)
        pq.write_table(table.drop_columns(["augmentation", "strength"]), path, write_page_checksum=True)
    assert bits(load_trajectories(path)[0]) == bits([trajectory])
