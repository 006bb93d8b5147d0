"""Splits: no layout of one occurs in another, in any orientation."""

import itertools

import numpy as np
import pytest
from reading import grid

import mmgym
from mmgym_puzzles.frozen_lake import FrozenLake
from mmgym_puzzles.frozen_lake_maps import LakeMap
from mmgym_puzzles.puzzle import split_of
from mmgym_puzzles.sokoban import Sokoban

LAKES = [{"preset": preset} for preset in ("two_holes", "many_holes", "vagen", "vagen_slippery")] + [{"level": 1}]
ROOMS = [{"level": 1}, {"level": 2}, {"preset": "vagen"}, {"preset": "vagen_two_boxes"}]


def orientations(text, agentless):
    """The layout in its eight orientations, read off the text twin, without the agent."""
    letters = np.array([[agentless.get(letter, letter) for letter in row] for row in grid(text)])
    return {np.rot90(g, k).tobytes() for g in (letters, letters.T) for k in range(4)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "cases", "agentless"),
    [(FrozenLake, LAKES, {"A": "."}), (Sokoban, ROOMS, {"A": ".", "P": "T"})],
    ids=["lakes", "rooms"],
)
def test_splits_share_no_layout_in_any_orientation_whatever_the_preset(kind, cases, agentless):
    layouts = {split: set() for split in mmgym.SPLITS}
    envs = [kind(image_size=16, obs_mode="text", **arguments) for arguments in cases]
    for seed in range(2000):
        env, split = envs[seed % len(envs)], mmgym.SPLITS[seed // len(envs) % 4]
        observation, info = env.reset(seed=seed, options={"split": split})
        assert info["split"] == split == split_of(env.layout_key())
        layouts[split] |= orientations(observation["text"], agentless)
    assert all(len(found) > 100 for found in layouts.values())
    for one, other in itertools.combinations(mmgym.SPLITS, 2):
        assert not layouts[one] & layouts[other]


def test_two_holes_has_1680_layouts_and_enough_of_them_are_held_out():
    shares = dict.fromkeys(mmgym.SPLITS, 0)
    for goal in range(16):
        for holes in itertools.combinations([c for c in range(16) if c != goal], 2):
            shares[split_of(LakeMap(4, 0, goal, holes).key())] += 1
    assert sum(shares.values()) == 1680
    assert shares["val"] + shares["test"] >= 0.2 * 1680 and all(shares.values())


def test_the_start_does_not_decide_the_split_but_size_goal_and_holes_do():
    key = LakeMap(4, 0, 5, (2, 9)).key()
    assert LakeMap(4, 15, 5, (2, 9)).key() == key
    others = [
        LakeMap(5, 0, 5, (2, 9)),
        LakeMap(4, 0, 6, (2, 9)),
        LakeMap(4, 0, 5, (2, 8)),
        LakeMap(4, 0, 5, (2, 9, 12)),
    ]
    assert all(lake.key() != key for lake in others)


def test_shares_of_keys():
    splits = [split_of(f"{k * 2**20:08x}") for k in range(4096)]
    assert [round(splits.count(split) / 4096, 2) for split in mmgym.SPLITS] == [0.7, 0.1, 0.15, 0.05]
    assert split_of("0" * 32) == "train" and split_of("f" * 32) == "ood"


def test_splits_of_small_lakes_are_alike():
    chances = {split: [] for split in mmgym.SPLITS}
    for goal in range(16):
        for holes in itertools.combinations([c for c in range(16) if c != goal], 2):
            lakes = [LakeMap(4, start, goal, holes) for start in range(16) if start != goal and start not in holes]
            survivals = [lake.straight_survival() for lake in lakes if 2 <= lake.way <= 7]
            chances[split_of(lakes[0].key())] += survivals
    means = [np.mean(chances[split]) for split in mmgym.SPLITS]
    detours = [np.mean(np.equal(chances[split], 0)) for split in mmgym.SPLITS]
    assert max(means) - min(means) < 0.02 and max(detours) - min(detours) < 0.025


@pytest.mark.parametrize("kind", [FrozenLake, Sokoban])
def test_only_ood_has_its_colours(kind):
    colours = {}
    for split in mmgym.SPLITS:
        image = kind(image_size=96).reset(seed=0, options={"split": split})[0]["image"]
        values, counts = np.unique(image.reshape(-1, 3), axis=0, return_counts=True)
        colours[split] = {tuple(v) for v in values[counts > 20]}
    usual = colours["train"] | colours["val"] | colours["test"]
    assert len(colours["ood"]) > 3 and not usual & colours["ood"]
