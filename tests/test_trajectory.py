"""Trajectories: segments hold every sampled token once; images are stored once, by what they show."""

import numpy as np
import pytest

from mmgym.trajectory import EpisodeTask, ImageRef, ImageStore, Trajectory, Turn, segments

TASK = EpisodeTask("none", 0)


def turn(shown, sampled, extends, images=()):
    ids = [np.array(values, np.int32) for values in (shown, sampled)]
    return Turn(ids[0], images, ids[1], np.array([-0.5] * len(sampled), np.float32), extends, "")


def test_turns_that_extend_form_one_segment():
    first, second = ImageRef("a", 2, 2), ImageRef("b", 2, 2)
    turns = [turn([1, 2], [3], False, (first,)), turn([4], [5, 6], True, (second, first))]
    (segment,) = segments(Trajectory(TASK, turns))
    assert segment.ids.tolist() == [1, 2, 3, 4, 5, 6] and segment.ids.dtype == np.int32
    assert segment.trained.tolist() == [False, False, True, False, True, True]
    assert segment.logprobs.tolist() == [0, 0, -0.5, 0, -0.5, -0.5] and segment.logprobs.dtype == np.float32
    assert segment.turn.tolist() == [-1, -1, 0, -1, 1, 1]
    assert segment.images == (first, second, first)


def test_a_turn_that_does_not_extend_starts_a_segment():
    turns = [turn([1], [2], False), turn([3], [4], True), turn([1, 2, 3, 4, 5], [6], False), turn([7], [8], True)]
    found = segments(Trajectory(TASK, turns))
    assert [s.ids.tolist() for s in found] == [[1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7, 8]]
    owners = [int(owner) for s in found for owner in s.turn[s.trained]]
    assert owners == [0, 1, 2, 3]


def test_turns_without_ids_and_no_turns():
    assert segments(Trajectory(TASK)) == []
    (segment,) = segments(Trajectory(TASK, [turn([], [], False)]))
    assert len(segment.ids) == 0


def test_a_first_turn_that_extends_nothing_is_refused():
    with pytest.raises(ValueError, match="extends nothing"):
        segments(Trajectory(TASK, [turn([1], [2], True)]))


def test_ids_without_log_probabilities_are_refused():
    broken = turn([1], [2, 3], False)
    broken.logprobs = broken.logprobs[:1]
    with pytest.raises(ValueError, match="turn 0 has 2 sampled ids and 1 log-probabilities"):
        segments(Trajectory(TASK, [broken]))


def test_returns_and_tokens_add_up():
    trajectory = Trajectory(TASK, [turn([1], [2, 3], False), turn([4], [5], True)])
    trajectory.turns[0].reward, trajectory.turns[1].reward = 0.25, 1.0
    assert (trajectory.episode_return, trajectory.sampled_tokens) == (1.25, 3)


@pytest.mark.parametrize(
    ("changes", "strength"),
    [
        ({}, 0.0),
        ({"augmentation": "shift"}, 0.0),
        ({"augmentation": "shift", "strength": 0.25}, 0.25),
    ],
)
def test_a_trajectory_says_how_its_pictures_were_altered(changes, strength):
    task = EpisodeTask("none", 0, **changes)
    assert (Trajectory(task).augmented, task.augmented) == (strength, strength > 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"augmentation": "shift", "strength": 1.5}, "strength must be from 0 to 1; got 1.5"),
        ({"augmentation": "shift", "strength": float("nan")}, "strength must be from 0 to 1; got nan"),
        ({"strength": 0.5}, "strength 0.5 needs an augmentation"),
    ],
)
def test_strengths_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        EpisodeTask("none", 0, **changes)


def test_equal_pixels_are_stored_once():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    store = ImageStore()
    first, second = store.add(image), store.add(image.copy())
    assert first == second == ImageRef.of(image) and len(store) == 1
    assert np.array_equal(store[first], image) and store[first].dtype == np.uint8
    assert ImageStore().add(np.asfortranarray(image)) == first
    assert store.add(image[:, ::-1]) != first and len(store) == 2


def test_the_shape_is_part_of_the_name():
    pixels = np.zeros(48, np.uint8)
    store = ImageStore()
    refs = {store.add(pixels.reshape(shape)) for shape in ((4, 4, 3), (2, 8, 3), (8, 2, 3))}
    assert len(refs) == len(store) == 3 and len({ref.digest for ref in refs}) == 3
    assert {(ref.height, ref.width) for ref in refs} == {(4, 4), (2, 8), (8, 2)}


def test_what_was_stored_does_not_change_with_the_array():
    image = np.zeros((4, 4, 3), np.uint8)
    store = ImageStore()
    ref = store.add(image)
    image[:] = 9
    assert not store[ref].any()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 3), np.int64),
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((3, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        [[[0, 0, 0]]],
        None,
    ],
    ids=str,
)
def test_what_is_no_image_is_refused(array):
    with pytest.raises(ValueError, match=r"uint8 array \(height, width, 3\); got"):
        ImageStore().add(array)
