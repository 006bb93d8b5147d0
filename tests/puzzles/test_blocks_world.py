"""BlocksWorld: its rules by hand, and that no way to the goal is shorter than the expert's."""

import numpy as np
import pytest

from mmgym_puzzles.blocks_world import LEVELS, LOOKS, BlocksWorld, _block, _estimate
from mmgym_puzzles.puzzle import split_of
from mmgym_puzzles.search import distances_to


def move(block, place):
    return {"name": "move", "arguments": {"block": block, "place": place}}


def read(text):
    """The tables NOW and GOAL, read off the text twin."""
    lines = text.split("\n")[:-1]
    middle = lines.index("goal")
    return [tuple("".join(line.split()[1:]) for line in part) for part in (lines[1:middle], lines[middle + 1 :])]


def after(stacks):
    """The stacks that one move leads to, written once more."""
    for origin, stack in enumerate(stacks):
        for target in range(len(stacks)):
            if stack and target != origin:
                moved = list(stacks)
                moved[origin], moved[target] = stack[:-1], moved[target] + stack[-1]
                yield tuple(moved)


@pytest.mark.parametrize("goal", [("ABCDE", "", ""), ("", "DAC", "EB")])
def test_no_way_is_shorter_than_the_experts_and_no_estimate_too_high(goal):
    distance = distances_to([goal], after)
    assert len(distance) == 2520
    env = BlocksWorld(image_size=32)
    for stacks, far in distance.items():
        assert _estimate(stacks, goal) <= far
        assert all(_estimate(stacks, goal) <= 1 + _estimate(other, goal) for other in after(stacks))
    for stacks in list(distance)[::20]:
        env._begin((stacks, goal))
        assert env._expert_steps() == env._turns_left() == distance[stacks]
        if stacks != goal:
            env._perform(env.expert())
            assert distance[env.stacks] == distance[stacks] - 1 == env._turns_left()


@pytest.mark.parametrize("level", LEVELS)
def test_stacks_are_what_the_level_says(level):
    env, settings = BlocksWorld(level=level, image_size=32, obs_mode="text"), LEVELS[level]
    for seed in range(10):
        observation, info = env.reset(seed=seed)
        now, goal = read(observation["text"])
        assert now == env.stacks and goal == env.goal and len(now) == settings.places
        assert sorted("".join(now)) == sorted("".join(goal)) and len("".join(now)) == settings.blocks
        assert settings.moves[0] <= info["expert_steps"] <= settings.moves[1] < settings.turns


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (move("A", 2), "Another block lies on it."),
        (move("H", 2), "There is no such block."),
        (move("C", 4), "There is no such place."),
        (move("C", 1), "It is there already."),
        (move("C", 0), "place"),
        (move("c", 2), "block"),
        (move("table", 10**40), "block"),
    ],
)
def test_calls_that_do_nothing_are_told(call, said):
    env = BlocksWorld(image_size=32)
    env.reset(seed=0)
    env._begin((("AC", "B", ""), ("C", "B", "A")))
    before = env.state_key()
    observation, *_, info = env.step(call)
    assert said in observation["feedback"] and not info["action_effective"] and env.state_key() == before


def test_a_block_moves_from_top_to_top():
    env = BlocksWorld(image_size=32)
    env.reset(seed=0)
    env._begin((("AC", "B", ""), ("", "BC", "A")))
    *_, terminated, _, info = env.step(move("C", 2))
    assert env.stacks == ("A", "BC", "") and info["action_effective"] and not terminated
    *_, terminated, _, info = env.step(move("A", 3))
    assert terminated and info["success"]


def test_names_and_the_order_of_places_do_not_decide_the_split():
    key = BlocksWorld.candidate_key((("AC", "B", ""), ("", "BC", "A")))
    assert BlocksWorld.candidate_key((("", "HF", "D"), ("H", "", "DF"))) == key
    assert BlocksWorld.candidate_key((("AC", "B", ""), ("", "CB", "A"))) != key
    env = BlocksWorld(image_size=32)
    for split in ("val", "ood"):
        env.reset(seed=3, options={"split": split})
        assert split_of(env.layout_key()) == split


def test_the_goal_is_drawn_and_only_moved_blocks_change_the_picture():
    env = BlocksWorld(image_size=224)
    first = env.reset(seed=1)[0]["image"]
    goal = env.goal
    env._begin((env.stacks, goal[1:] + goal[:1]))
    other = env._image()
    assert (first[:, :110] == other[:, :110]).all() and (first[:, 114:] != other[:, 114:]).any()
    env._begin((goal, goal))
    solved = env._image()
    assert (solved[24:200, 4:108] == solved[24:200, 116:220]).all()


@pytest.mark.parametrize("look", LOOKS)
def test_blocks_can_be_told_apart_by_colour_and_by_letter(look):
    tiles = [_block(LOOKS[look], letter, 24, 22).astype(int) for letter in "ABCDEFGH"]
    colours = [tile[2, 2] for tile in tiles]
    for k, tile in enumerate(tiles):
        ink = np.abs(tile - colours[k]).max(axis=2) > 60
        for other in range(k):
            assert np.abs(colours[k] - colours[other]).max() >= 30
            assert (ink != (np.abs(tiles[other] - colours[other]).max(axis=2) > 60)).sum() >= 8


def test_questions_are_answered_from_the_state():
    env = BlocksWorld(image_size=32)
    env._begin((("AC", "B", ""), ("", "BC", "A")))
    answers = {}
    for seed in range(40):
        answers |= dict(env.questions(np.random.default_rng(seed)))
    assert set(answers) <= set(BlocksWorld.question_texts)
    assert answers["Which blocks can be moved?"] == "C B"
    assert answers["What stands where, now and in the goal?"] == "1 A C 2 B 3 goal 1 2 B C 3 A"
    assert answers["Which place is block C at now?"] == "1" and answers["Which place is block C at in the goal?"] == "2"
    assert answers["What is block C on now?"] == "A" and answers["What is block A on in the goal?"] == "table"
    assert answers["Which block is on top at place 3 now?"] == "none"
    assert answers["How many blocks are at place 1 now?"] == "2"
    vocabulary = set(BlocksWorld.vocabulary())
    assert all(set(answer.split()) <= vocabulary for answer in answers.values())
