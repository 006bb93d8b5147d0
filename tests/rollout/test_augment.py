"""Augmentations: pure, of equal size, nothing at strength 0; the noise is the paper's."""

import math

import numpy as np
import pytest

from mmgym.rollout.augment import AUGMENTATIONS, annealed_strength, augment, augmentation_rng
from mmgym.trajectory import EpisodeTask

IMAGE = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)


def rng(seed=1):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_is_pure_and_keeps_the_size(name):
    before = IMAGE.copy()
    one, again, other = (augment(IMAGE, name, 1.0, rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(IMAGE, before) and np.array_equal(one, again) and not np.array_equal(one, other)
    assert one.dtype == np.uint8 and one.shape == IMAGE.shape
    unchanged = augment(IMAGE, name, 0.0, rng())
    assert np.array_equal(unchanged, IMAGE) and not np.shares_memory(unchanged, IMAGE)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_more_strength_changes_more(name):
    means = []
    for strength in (0.1, 0.4, 1.0):
        changed = [augment(IMAGE, name, strength, rng(seed)).astype(float) - IMAGE for seed in range(30)]
        means.append(np.abs(changed).mean())
    assert means == sorted(means) and means[2] > 2 * means[0]


@pytest.mark.parametrize("strength", [0.001, 0.3, 0.5, 0.8, 1.0])
def test_the_noise_is_that_of_the_paper(strength):
    """Mean and deviation of a mid-grey picture, against the recursion step by step."""
    signal, noise = 1.0, 0.0
    for step in range(min(999, int(1000 * strength)) + 1):
        beta = 1e-5 + (5e-3 - 1e-5) / (1 + math.exp(-(-6 + 12 * step / 999)))
        signal, noise = signal * math.sqrt(1 - beta), math.sqrt((1 - beta) * noise**2 + beta)
    grey = np.full((300, 300, 3), 100, np.uint8)
    drawn = augment(grey, "gaussian_noise", strength, rng())
    e = np.random.default_rng(7).standard_normal(1_000_000)
    expected = np.clip(np.rint(255 * (signal * 100 / 255 + noise * e)), 0, 255)
    assert abs(drawn.mean() - expected.mean()) < 1.0 and abs(drawn.std() - expected.std()) < 1.0


def test_a_shift_moves_by_whole_pixels_and_repeats_the_border():
    moves = set()
    padded = np.pad(IMAGE, ((3, 3), (5, 5), (0, 0)), mode="edge")
    for seed in range(200):
        found = augment(IMAGE, "shift", 1.0, rng(seed))
        places = [(y, x) for y in range(7) for x in range(11) if np.array_equal(padded[y : y + 24, x : x + 40], found)]
        assert len(places) == 1
        moves |= set(places)
    assert {y for y, _ in moves} == set(range(7)) and {x for _, x in moves} == set(range(11))


def test_brightness_and_contrast_stay_in_their_bounds():
    ramp = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, 2)
    slopes, offsets = [], []
    for seed in range(200):
        changed = augment(ramp, "brightness_contrast", 0.4, rng(seed))[0, 60:196, 0].astype(float)
        slope, offset = np.polyfit(np.arange(60, 196) - 127.5, changed, 1)
        slopes.append(slope)
        offsets.append(offset - 127.5)
    assert 0.79 < min(slopes) < 0.83 and 1.17 < max(slopes) < 1.21
    assert -26.1 < min(offsets) < -23 and 23 < max(offsets) < 26.1


def test_the_generator_is_keyed_by_noise_group_member_and_turn():
    keys = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (11, 1, 1, 1), (1, 11, 1, 1)]
    drawn = [
        augmentation_rng(EpisodeTask("x", 0, noise=noise, group=group, member=member), turn).random()
        for noise, group, member, turn in [*keys, keys[0]]
    ]
    assert drawn[0] == drawn[-1] and len(set(drawn)) == len(keys)


def test_strength_falls_as_a_sigmoid():
    found = [annealed_strength(0.5, step, 60) for step in (0, 20, 40, 60)]
    assert found[0] == pytest.approx(0.5, abs=1e-6) and found[2] == pytest.approx(0.25)
    assert found == sorted(found, reverse=True) and found[3] < 1e-4
    assert annealed_strength(0.8, 25, 100, midpoint=0.5, steepness=4) == pytest.approx(0.8 / (1 + math.exp(-1)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: augment(IMAGE, "blur", 0.5, rng()), "augmentation must be one of gaussian_noise.*got 'blur'"),
        (lambda: augment(IMAGE, "shift", 1.1, rng()), "strength must be from 0 to 1; got 1.1"),
        (lambda: augment(IMAGE, "shift", math.nan, rng()), "strength must be from 0 to 1; got nan"),
        (lambda: annealed_strength(2.0, 0, 10), "initial must be from 0 to 1; got 2.0"),
        (lambda: annealed_strength(0.5, 0, 0), "steps must be at least 1; got 0"),
    ],
)
def test_what_is_out_of_range_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
