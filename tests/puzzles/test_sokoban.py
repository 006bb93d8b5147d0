"""Sokoban: its rooms, its presets, its expert."""

import re

import numpy as np
import pytest
from reading import MOVES, find, grid, push, room_way

from mmgym_puzzles.grid import DIRECTIONS, neighbors
from mmgym_puzzles.sokoban import Sokoban
from mmgym_puzzles.sokoban_rooms import LEVELS, PRESETS, Room

CASES = [*({"level": level} for level in LEVELS), *({"preset": preset} for preset in PRESETS)]


def name(arguments):
    return " ".join(f"{key}={value}" for key, value in arguments.items())


def make(**arguments):
    return Sokoban(**{"image_size": 32, "obs_mode": "both", **arguments})


def move(direction):
    return {"name": "move", "arguments": {"direction": direction}}


def place(env, *rows):
    """Put `env` into the room drawn by these rows of letters."""
    size = len(rows)
    cells = {
        kind: sum(1 << i for i, letter in enumerate("".join(rows)) if letter in kind) for kind in ("#", "TSP", "BS")
    }
    agent = next(i for i, letter in enumerate("".join(rows)) if letter in "AP")
    env._place(Room(size, cells["#"], cells["TSP"], cells["BS"], agent), agent, cells["BS"])


@pytest.mark.parametrize("arguments", CASES, ids=name)
def test_300_rooms_are_as_promised_and_the_expert_wins_them(arguments):
    settings = PRESETS[arguments["preset"]] if "preset" in arguments else LEVELS[arguments["level"]]
    env = make(**arguments, obs_mode="text")
    for seed in range(300):
        observation, info = env.reset(seed=seed, options={"split": "train" if seed % 20 else "ood"})
        rows = grid(observation["text"])
        assert len(rows) == settings.size
        assert len(find(rows, "B")) == len(find(rows, "TP")) == settings.boxes and not find(rows, "S")
        assert settings.shortest <= info["expert_steps"] <= settings.longest < env.max_turns == settings.turns
        for _ in range(info["expert_steps"]):
            assert not info["success"]
            _, reward, terminated, truncated, info = env.step(env.expert())
        assert info["success"] and terminated and not truncated and info["reward_terms"]["outcome"] == 1.0 <= reward


@pytest.mark.parametrize(
    ("arguments", "instances"),
    [({"level": 1}, 60), ({"level": 2}, 60), ({"level": 3}, 30), ({"level": 4}, 10), ({"level": 5}, 3)]
    + [({"preset": preset}, 40) for preset in PRESETS],
)
def test_no_solution_is_shorter_than_the_experts(arguments, instances):
    env = make(**arguments)
    for seed in range(instances):
        observation, info = env.reset(seed=seed)
        assert info["expert_steps"] == room_way(grid(observation["text"]))


def test_levels_get_harder():
    steps = []
    for level in LEVELS:
        env = make(level=level)
        steps.append(np.mean([env.reset(seed=seed)[1]["expert_steps"] for seed in range(30)]))
    assert steps == sorted(steps)


def test_moves_follow_the_rules():
    env, rng = make(level=3, max_turns=40), np.random.default_rng(0)
    for seed in range(40):
        observation, _ = env.reset(seed=seed)
        ended = False
        while not ended:
            rows, direction = grid(observation["text"]), DIRECTIONS[rng.integers(4)]
            (agent,), walls, boxes = find(rows, "AP"), set(find(rows, "#")), frozenset(find(rows, "BS"))
            after = push(agent, boxes, walls, MOVES[direction])
            observation, _, terminated, truncated, info = env.step(move(direction))
            ended, now = terminated or truncated, grid(observation["text"])
            assert (find(now, "AP")[0], frozenset(find(now, "BS"))) == (after or (agent, boxes))
            assert set(find(now, "#")) == walls and sorted(find(now, "TSP")) == sorted(find(rows, "TSP"))
            assert info["action_effective"] == (after is not None)
            assert info["success"] == (frozenset(find(now, "BS")) == frozenset(find(now, "TSP")))


def test_feedback_tells_a_wall_from_a_box():
    env = make()
    env.reset(seed=0)
    place(env, "######", "#AB#T#", "#....#", "#....#", "#....#", "######")
    observation, *_, info = env.step(move("right"))
    assert observation["feedback"] == "The box does not move." and not info["action_effective"]
    observation, *_ = env.step(move("up"))
    assert observation["feedback"] == "A wall is in the way."
    observation, *_, info = env.step(move("down"))
    assert observation["feedback"] == "" and info["action_effective"]


def test_two_boxes_cannot_be_pushed_at_once():
    env = make(level=3)
    env.reset(seed=0)
    place(env, "#######", "#ABB.T#", "#....T#", "#.....#", "#.....#", "#.....#", "#######")
    observation, *_ = env.step(move("right"))
    assert observation["feedback"] == "The box does not move."


def test_the_expert_finds_the_shortest_way_from_wherever_the_agent_strays():
    env = make(level=2, max_turns=1000)
    solvable = 0
    for seed in range(30):
        env.reset(seed=seed)
        env.action_space.seed(seed)
        for _ in range(6):
            observation, _, terminated, *_ = env.step(env.action_space.sample())
        way = room_way(grid(observation["text"]))
        solvable += way > 0
        for left in range(way, 0, -1):
            assert not terminated
            assert env._solutions().length(env.agent, env.boxes) == left
            _, _, terminated, _, info = env.step(env.expert())
        assert way < 0 or info["success"]
        if way < 0:
            assert env._solutions().length(env.agent, env.boxes) is None
    assert 10 < solvable < 30


def test_a_dead_position_still_gets_a_possible_move():
    env = make()
    env.reset(seed=0)
    place(env, "######", "#.B..#", "#.A..#", "#....#", "#...T#", "######")
    for direction in ("left", "up", "right", "right"):
        env.move(direction)
    assert env.boxes == 1 << 10  # in a corner that is no target
    target = neighbors(6)[env.expert().arguments["direction"]][env.agent]
    assert not (env.room.walls | env.boxes) >> target & 1


def test_a_walled_in_agent_does_not_break_the_expert():
    env = make()
    env.reset(seed=0)
    place(env, "######", "##A###", "##B###", "######", "#T..##", "######")
    assert env.expert().arguments["direction"] in DIRECTIONS


def test_vagen_settings():
    env = make(preset="vagen")
    lengths = [env.reset(seed=seed)[1]["expert_steps"] for seed in range(100)]
    assert env.size == 6 and env.boxes.bit_count() == 1 and min(lengths) >= 5 and env.max_turns == 100


@pytest.mark.parametrize(
    ("turns", "rewards"),
    [
        ([["right", "right", "right"]], [1.1]),  # what is left of a turn after the end is not carried out
        ([["up"], ["right", "right"]], [0.1, 1.1]),  # a step against a wall is a move all the same
        ([["right"], "fly", ["left"]], [0.1, 0.0, 0.1]),
        ([["fly"], ["right"] * 4], [0.0, 0.0]),
    ],
)
def test_vagens_reward_table(turns, rewards):
    env = make(preset="vagen", max_calls=3)
    env.reset(seed=0)
    place(env, "######", "#AB.T#", "#....#", "#....#", "#....#", "######")
    for words, reward in zip(turns, rewards, strict=True):
        action = words if isinstance(words, str) else [move(word) for word in words]
        *_, paid, _, _, info = env.step(action)
        assert paid == pytest.approx(reward) and sum(info["reward_terms"].values()) == paid


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ({"preset": "two_holes"}, {}, "vagen, vagen_two_boxes"),
        ({"level": 0}, {}, "from 1 to 5"),
        ({}, {"task": "risky"}, "task must be one of any"),
        ({}, {"split": "dev"}, "train, val, test, ood"),
    ],
)
def test_bad_values_name_what_is_allowed(arguments, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Sokoban(**arguments).reset(seed=0, options=options)
