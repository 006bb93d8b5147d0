"""FrozenLake: its maps, its presets, its experts, its walker."""

import json
import re

import gymnasium as gym
import numpy as np
import pytest
from reading import MOVES, find, grid, lake_way

import mmgym
from mmgym_puzzles.frozen_lake import SLIPPERY, FrozenLake
from mmgym_puzzles.frozen_lake_maps import LEVELS, PRESETS, SLIPS, LakeMap, slippery_policy
from mmgym_puzzles.grid import DIRECTIONS, OUTSIDE, neighbors
from mmgym_puzzles.scripted import straight_walker
from mmgym_puzzles.sokoban import Sokoban

FIRM = [*({"level": level} for level in LEVELS), {"preset": "vagen"}, {"preset": "two_holes"}, {"preset": "many_holes"}]


def name(arguments):
    return " ".join(f"{key}={value}" for key, value in arguments.items())


def make(**arguments):
    return FrozenLake(**{"image_size": 32, "obs_mode": "both", **arguments})


def settings_of(arguments):
    return PRESETS[arguments["preset"]] if "preset" in arguments else LEVELS[arguments["level"]]


def move(direction):
    return {"name": "move", "arguments": {"direction": direction}}


@pytest.mark.parametrize("arguments", FIRM, ids=name)
def test_300_maps_are_as_promised_and_the_expert_wins_them_in_the_fewest_moves(arguments):
    env, settings = make(**arguments), settings_of(arguments)
    for seed in range(300):
        observation, info = env.reset(seed=seed, options={"split": mmgym.SPLITS[seed % 4]})
        rows = grid(observation["text"])
        assert len(rows) == len(rows[0]) == settings.size
        if settings.holes:
            assert settings.holes[0] <= len(find(rows, "O")) <= settings.holes[1]
        way = lake_way(rows)
        assert settings.nearest <= way <= settings.farthest
        assert info["expert_steps"] == way <= env.max_turns == settings.turns
        for _ in range(way):
            assert not info["success"]
            _, reward, terminated, truncated, info = env.step(env.expert())
        assert info["success"] and terminated and not truncated and info["reward_terms"]["outcome"] == 1.0 <= reward


def test_levels_get_harder():
    ways, survivals = [], []
    for level in LEVELS:
        env = make(level=level)
        maps = []
        for seed in range(150):
            env.reset(seed=seed)
            maps.append(env.lake)
        ways.append(np.mean([lake.way for lake in maps]))
        survivals.append(np.mean([lake.straight_survival() for lake in maps]))
    assert ways == sorted(ways) and survivals == sorted(survivals, reverse=True)


def test_a_hole_ends_the_episode_without_success():
    env = make(preset="two_holes")
    env.reset(seed=0, options={"task": "detour"})
    env.agent = next(c for c in range(16) if env.lake.holes[0] in [neighbors(4)[d][c] for d in DIRECTIONS])
    into = next(d for d in DIRECTIONS if neighbors(4)[d][env.agent] == env.lake.holes[0])
    observation, reward, terminated, truncated, info = env.step(move(into))
    assert (reward, terminated, truncated, info["success"]) == (0.0, True, False, False)
    assert observation["feedback"] == "You fell into a hole." and "X" in observation["text"].split("\n")[0:4].__str__()
    with pytest.raises(gym.error.ResetNeeded):
        env.step(move(into))


def test_the_edge_is_a_wall_and_costs_a_turn():
    env = make(preset="two_holes")
    env.reset(seed=1)
    env.agent = next(c for c in range(4) if c != env.lake.goal and c not in env.lake.holes)
    agent = env.agent
    observation, _, _, _, info = env.step(move("up"))
    assert env.agent == agent and env.turn == 1
    assert observation["feedback"] == "A wall is in the way." and info["action_valid"] and not info["action_effective"]


def test_the_turn_limit_truncates():
    env = make(preset="two_holes")
    env.reset(seed=1)
    env.agent = next(c for c in range(4) if c != env.lake.goal and c not in env.lake.holes)
    ends = [env.step(move("up"))[2:4] for _ in range(8)]
    assert ends == [(False, False)] * 7 + [(False, True)]


def straight_walks(rows):
    """Every walk of the obstacle-blind walker, as (its probability, whether it falls)."""
    (start,), (goal,), holes = find(rows, "A"), find(rows, "G"), set(find(rows, "O"))
    walks = [(1.0, start)]
    while walks:
        chance, cell = walks.pop()
        if cell == goal or cell in holes:
            yield chance, cell in holes
            continue
        far = abs(cell[0] - goal[0]) + abs(cell[1] - goal[1])
        nexts = [(cell[0] + down, cell[1] + right) for down, right in MOVES.values()]
        nexts = [n for n in nexts if abs(n[0] - goal[0]) + abs(n[1] - goal[1]) < far]
        walks += [(chance / len(nexts), n) for n in nexts]


@pytest.mark.parametrize("task", ["risky", "detour", "safe"])
@pytest.mark.parametrize("arguments", [{"preset": "two_holes"}, {"preset": "vagen"}, {"level": 3}], ids=name)
def test_tasks_say_what_happens_to_straight_walks(arguments, task):
    env = make(**arguments)
    for seed in range(25):
        observation, _ = env.reset(seed=seed, options={"task": task, "split": ("train", "test")[seed % 2]})
        walks = list(straight_walks(grid(observation["text"])))
        falls = [fell for _, fell in walks]
        assert {"risky": any(falls), "detour": all(falls), "safe": not any(falls)}[task]
        assert env.lake.straight_survival() == pytest.approx(sum(chance for chance, fell in walks if not fell))
        assert lake_way(grid(observation["text"])) > 0


@pytest.mark.parametrize("task", ["risky", "detour", "safe"])
def test_every_level_preset_and_split_has_maps_for_every_task(task):
    for arguments in [*FIRM, {"preset": "vagen_slippery"}]:
        env = make(**arguments)
        for split in mmgym.SPLITS:
            env.reset(seed=0, options={"task": task, "split": split})
            assert env.lake.fits(task)


def test_the_walker_goes_straight_and_succeeds_as_often_as_computed():
    env, rng = gym.wrappers.OrderEnforcing(make(preset="two_holes", image_size=16)), np.random.default_rng(0)
    successes, chances = [], []
    for seed in range(400):
        env.reset(seed=seed, options={"split": "test"})
        inner, ended = mmgym.unwrap(env), False
        chances.append(inner.lake.straight_survival())
        while not ended:
            before = abs(np.subtract(divmod(inner.agent, 4), divmod(inner.lake.goal, 4))).sum()
            _, _, terminated, truncated, info = env.step(straight_walker(env, rng))
            ended = terminated or truncated
            assert abs(np.subtract(divmod(inner.agent, 4), divmod(inner.lake.goal, 4))).sum() == before - 1
        successes.append(info["success"])
    assert 0.65 < np.mean(chances) < 0.8
    assert abs(np.mean(successes) - np.mean(chances)) < 4 * np.sqrt(0.25 / 400)


def test_the_walker_walks_on_lakes_only():
    env = Sokoban()
    env.reset(seed=0)
    with pytest.raises(TypeError, match="Sokoban"):
        straight_walker(env, np.random.default_rng(0))


def test_vagen_settings():
    env, slippery = make(preset="vagen"), make(preset="vagen_slippery")
    counts, starts, goals = [], set(), set()
    for seed in range(600):
        env.reset(seed=seed)
        counts.append(len(env.lake.holes))
        starts.add(env.lake.start)
        goals.add(env.lake.goal)
    # 14 cells of density .2, given that a way exists: a little under 2.8 holes.
    assert env.size == 4 and len(starts) == len(goals) == 16 and 2.4 < np.mean(counts) < 2.9 and min(counts) == 0
    assert not env.is_slippery and slippery.is_slippery
    slippery.reset(seed=0)
    assert slippery.max_turns == 100


@pytest.mark.parametrize("preset", ["vagen", "vagen_slippery"])
@pytest.mark.parametrize(
    ("turns", "rewards"),
    [
        ([["right", "right", "right", "down"]], [1.02]),
        ([["left"], ["right", "right"], ["right", "down"]], [0.02, 0.02, 1.02]),
        ([["right", "down", "up"]], [0.02]),  # into the hole: the turn could be read
        ([["right"], ["fly"], "right"], [0.02, 0.0, 0.0]),
    ],
)
def test_vagens_reward_table(preset, turns, rewards):
    env = make(preset=preset, max_calls=5)
    env.reset(seed=0)
    env._place(LakeMap(4, 0, 7, (5,)), 0)
    env.is_slippery = False  # the table is the same wherever one slips to
    for words, reward in zip(turns, rewards, strict=True):
        action = words if isinstance(words, str) else [move(word) for word in words]
        *_, paid, _, _, info = env.step(action)
        assert paid == pytest.approx(reward) and sum(info["reward_terms"].values()) == paid


def test_slippery_moves_go_three_ways_equally_often():
    env = make(preset="vagen_slippery", image_size=16, obs_mode="image", max_turns=10**6)
    env.reset(seed=0)
    env._place(LakeMap(5, 12, 0, ()), 12)
    counts = dict.fromkeys(DIRECTIONS, 0)
    for _ in range(3000):
        env.agent = 12
        _, _, _, _, info = env.step(move("up"))
        went = next(d for d in DIRECTIONS if neighbors(5)[d][12] == env.agent)
        counts[went] += 1
        assert info["feedback"] == ("" if went == "up" else "You slipped.")
    assert counts["down"] == 0
    assert all(abs(counts[d] - 1000) < 4 * np.sqrt(3000 * 2 / 9) for d in ("up", "left", "right"))


def test_the_instruction_says_that_the_ice_is_slippery_where_it_is():
    for arguments in ({"preset": "vagen_slippery"}, {"is_slippery": True}, {"is_slippery": True, "level": 3}):
        assert SLIPPERY in make(**arguments).instruction
        described = make(description_reward=0.1, **arguments).instruction
        assert SLIPPERY in described and FrozenLake.description_rule in described
    assert all("slippery" not in make(**arguments).instruction for arguments in FIRM)


@pytest.mark.parametrize("seed", range(3))
def test_the_slippery_expert_is_optimal_in_expectation(seed):
    env = make(preset="vagen_slippery", max_turns=7)
    env.reset(seed=seed)
    lake, steps, known = env.lake, neighbors(4), {}

    def worth(cell, direction, left):
        landings = [steps[slip][cell] for slip in SLIPS[direction]]
        return sum(best(cell if n == OUTSIDE else n, left - 1) for n in landings) / 3

    def best(cell, left):
        if cell == lake.goal or cell in lake.holes or left == 0:
            return float(cell == lake.goal)
        if (cell, left) not in known:
            known[cell, left] = max(worth(cell, d, left) for d in DIRECTIONS)
        return known[cell, left]

    policy = slippery_policy(lake, 7)
    for left in range(1, 8):
        env.turn = 7 - left
        for cell in set(range(16)) - {lake.goal, *lake.holes}:
            env.agent = cell
            chosen = env.expert().arguments["direction"]
            assert chosen == DIRECTIONS[policy[left, cell]]
            assert worth(cell, chosen, left) == pytest.approx(best(cell, left), abs=1e-9)


def test_capabilities_say_what_the_expert_can_do():
    assert make().capabilities.expert == "solves"
    assert make(is_slippery=True).capabilities.expert == "optimal_in_expectation"
    assert make().capabilities.expert == "solves"


def test_hidden_holes_are_gone_from_everything_shown_but_not_from_the_lake():
    shown, hidden = make(preset="two_holes"), make(preset="two_holes", hide_holes=True)
    for seed in range(30):
        shown.reset(seed=seed, options={"task": "detour"})
        observation, _ = hidden.reset(seed=seed, options={"task": "detour"})
        assert shown.lake == hidden.lake and shown.state_key() == hidden.state_key()
        assert "O" not in "".join(map("".join, grid(observation["text"])))
        bare = make(preset="two_holes", image_size=32)
        bare._place(LakeMap(4, hidden.lake.start, hidden.lake.goal, ()), hidden.agent)
        assert (observation["image"] == bare._image()).all()
        assert all("hole" not in answer for _, answer in hidden.questions(np.random.default_rng(0)))
        ended = False
        while not ended:
            observation, _, ended, truncated, info = hidden.step(straight_walker(hidden, np.random.default_rng(seed)))
            assert not truncated
        assert not info["success"] and "X" not in "".join(map("".join, grid(observation["text"])))


def test_the_picture_and_the_twin_hold_the_same():
    env = make(level=3, image_size=96)
    seen = {}
    for seed in range(40):
        observation, _ = env.reset(seed=seed)
        for r, row in enumerate(grid(observation["text"])):
            for c, letter in enumerate(row):
                tile = observation["image"][r * 16 : r * 16 + 16, c * 16 : c * 16 + 16].tobytes()
                assert seen.setdefault(tile, letter) == letter
    assert set(seen.values()) == set("AGO.")


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ({"preset": "three_holes"}, {}, "vagen, vagen_slippery, two_holes, many_holes"),
        ({"preset": 3}, {}, "preset must be one of"),
        ({"level": 6}, {}, "from 1 to 5"),
        ({"split": "dev"}, {}, "train, val, test, ood"),
        ({}, {"task": "easy"}, "any, risky, detour, safe"),
        ({}, {"task": 1}, "any, risky, detour, safe"),
        ({}, {"level": 0}, "from 1 to 5"),
        ({}, {"split": "dev"}, "train, val, test, ood"),
    ],
)
def test_bad_values_name_what_is_allowed(arguments, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        FrozenLake(**arguments).reset(seed=0, options=options)


def test_a_state_is_plain_json_and_small():
    env = make(level=5)
    env.reset(seed=0)
    assert len(json.dumps(env._get_state())) < 300
