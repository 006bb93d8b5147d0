"""What every puzzle promises: the expert wins in the turns it says, levels get harder, splits share no instance.

Most tests have a short form, and a long one that `make check-puzzles` runs.
"""

import itertools
import json

import gymnasium as gym
import numpy as np
import pytest

import mmgym
from mmgym import unwrap

PUZZLES = [e for e in mmgym.entries() if e.entry_point.startswith("mmgym_puzzles")]
IDS = [entry.id for entry in PUZZLES]
SOLVED = [id for id in IDS if unwrap(gym.make(id, image_size=32)).capabilities.expert == "solves"]

long = pytest.mark.parametrize(
    "amount", [pytest.param("short", id="short"), pytest.param("long", id="long", marks=pytest.mark.slow)]
)


def make(id, **arguments):
    return unwrap(gym.make(id, image_size=64, **arguments))


def play(env, act, seed, **options):
    """Play an episode: its info at the start and at the end, the turns it took, the sum of its rewards."""
    _, first = env.reset(seed=seed, options=options)
    info, turns, total, ended = first, 0, 0.0, False
    while not ended:
        _, reward, terminated, truncated, info = env.step(act())
        ended, turns, total = terminated or truncated, turns + 1, total + reward
    return first, info, turns, total


@long
@pytest.mark.parametrize("id", SOLVED)
def test_the_expert_solves_every_instance_in_the_turns_it_says(id, amount):
    env = make(id)
    exact = env.capabilities.expert_steps == "exact"
    cases = itertools.cycle(itertools.product(range(1, env.levels + 1), mmgym.SPLITS))
    for seed, (level, split) in zip(range(1000 if amount == "long" else 24), cases, strict=False):
        first, info, turns, total = play(env, env.expert, seed, level=level, split=split)
        assert info["success"] and total == pytest.approx(1.0), (seed, level, split)
        assert turns == first["expert_steps"] if exact else turns >= first["expert_steps"]


@pytest.mark.slow
@pytest.mark.parametrize("id", IDS)
def test_the_weak_solvers_success_falls_with_the_level(id):
    env = make(id)
    successes = []
    for level in range(1, env.levels + 1):
        rng = np.random.default_rng(level)
        ends = [play(env, lambda rng=rng: env.weak_call(rng), seed, level=level)[1] for seed in range(400)]
        successes.append(np.mean([info["success"] for info in ends]))
    assert successes[0] > successes[-1] and successes == sorted(successes, reverse=True), successes


@long
@pytest.mark.parametrize("id", IDS)
def test_random_play_stays_under_what_the_class_says(id, amount):
    env = make(id)
    env.action_space.seed(0)
    seeds = range(500 if amount == "long" else 30)
    ends = [play(env, env.action_space.sample, seed, level=seed % env.levels + 1)[1] for seed in seeds]
    assert np.mean([info["success"] for info in ends]) <= type(env).random_below


@long
@pytest.mark.parametrize("id", IDS)
def test_splits_share_no_initial_state(id, amount):
    env = make(id)
    found = {split: set() for split in mmgym.SPLITS}
    for seed in range(10_000 if amount == "long" else 15):
        for split in mmgym.SPLITS:
            env.reset(seed=seed, options={"split": split, "level": seed % env.levels + 1})
            found[split].add(json.dumps(env._get_state(), sort_keys=True))
    for one, other in itertools.combinations(mmgym.SPLITS, 2):
        assert not found[one] & found[other], (one, other)


@pytest.mark.parametrize("id", IDS)
def test_the_solvers_draw_nothing_from_the_action_space(id):
    env, rng = make(id), np.random.default_rng(0)
    env.reset(seed=0)
    env.action_space.seed(5)
    before = env.action_space.np_random.bit_generator.state
    env.expert()
    for _ in range(10):
        env.weak_call(rng)
    assert env.action_space.np_random.bit_generator.state == before


@pytest.mark.parametrize("id", SOLVED)
def test_progress_is_the_same_sum_whatever_the_agent_does(id):
    env = make(id, progress_reward=0.5)
    env.action_space.seed(1)
    for seed, act in enumerate([env.expert, env.action_space.sample] * 3):
        _, info, _, total = play(env, act, seed, level=seed % env.levels + 1)
        assert total == pytest.approx(0.5 + info["success"])
        assert set(info["reward_terms"]) == {"outcome", "progress"}


@pytest.mark.parametrize("id", [id for id in IDS if make(id).description_rule])
def test_descriptions_are_held_against_the_state(id):
    env = make(id, description_reward=0.2)
    assert {"describe", "predict"} <= {tool.name for tool in env.action_space.tools}
    _, info = env.reset(seed=0)
    seen = env._description()
    wrong = {"name": "describe", "arguments": {"seen": "nothing at all"}}
    right = {"name": "describe", "arguments": {"seen": seen}}
    after = make(id)
    after.restore(env.snapshot())
    after.step(after.expert())
    foreseen = {"name": "predict", "arguments": {"seen": after._description()}}
    most = 0.2 / max(1, info["expert_steps"])
    *_, info = env.step([right, foreseen, env.expert()])
    assert info["reward_terms"]["description"] == pytest.approx(most)
    assert info["reward_terms"]["prediction"] == pytest.approx(most)
    env.reset(seed=0)
    *_, info = env.step([wrong, right, env.expert()])
    assert info["reward_terms"]["description"] < most and info["reward_terms"]["prediction"] == 0.0


def test_who_describes_and_never_moves_is_paid_no_more_than_who_solves():
    env = make("mmgym/Maze2D-v0", description_reward=0.2)
    _, info = env.reset(seed=0)
    described = {"name": "describe", "arguments": {"seen": env._description()}}
    foreseen = {"name": "predict", "arguments": {"seen": env._description()}}
    rewards = [env.step([described, foreseen])[1] for _ in range(env.max_turns)]
    assert len(rewards) > info["expert_steps"] and sum(rewards) == pytest.approx(0.4)


def test_descriptions_buy_no_moves():
    env, other = make("mmgym/Maze2D-v0", description_reward=0.2, max_calls=2), make("mmgym/Maze2D-v0", max_calls=2)
    for one in (env, other):
        _, info = one.reset(seed=0)
    described = {"name": "describe", "arguments": {"seen": env._description()}}
    most, calls = 0.2 / info["expert_steps"], []
    for _ in range(2):
        calls.append(other.expert())
        other.step(calls[-1])
    shown, *_, info = env.step([*calls, described, calls[0]])
    assert env.state_key() == other.state_key() and info["action_valid"]
    assert info["reward_terms"]["description"] == pytest.approx(most)  # of what was shown, not of what it led to
    assert "Besides describe and predict, a turn has 2 at most." in shown["feedback"]
