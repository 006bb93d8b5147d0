"""`mmgym.wrap`: Minigrid, Atari and classic control keep the contract; names, pictures, success, replay, bad input."""

import copy
import functools
import json
import pickle

import foreign
import gymnasium as gym
import numpy as np
import pytest
from foreign import Buttons, Shelf
from gymnasium.spaces import Box, Dict, Discrete
from gymnasium.wrappers import DiscretizeAction, TransformAction

import mmgym
from mmgym import MachineryFailure, ToolCall
from mmgym.env import SPLITS
from mmgym.play import open_environment
from mmgym.rollout import Executor, RolloutConfig
from mmgym.testing import capability_checks, check_conformance, gymnasium_checks
from mmgym.trajectory import EpisodeTask
from mmgym.wrapped import ID
from mmgym.wrapped.pictures import fit
from mmgym.wrappers import BlankImage, DiscreteActions, OtherImage, ShuffledFrames, TextAction
from mmgym_agents.scripted import RandomAgent

EMPTY, PONG = "minigrid:MiniGrid-Empty-5x5-v0", "ale_py:ALE/Pong-v5"

gym.register("test/Shelf-v0", "foreign:Shelf", max_episode_steps=20)
gym.register("test/Nets-v0", "foreign:Shelf", reward_threshold=0.25)


def act(action, **more):
    return ToolCall("act", {"action": action, **more})


def shelf(**arguments):
    names = {"actions": ["take", "wait", "put"]}
    return mmgym.wrap(gym.make("test/Shelf-v0", **arguments.pop("inside", {})), **{**names, **arguments})


def put_all(env, level=1):
    """Add boxes to the end of an episode; the results of the turns."""
    env.reset(seed=3, options={"level": level})
    turns = []
    while not turns or not (turns[-1][2] or turns[-1][3]):
        turns.append(env.step(act("put")))
    return turns


# --- the contract, on real environments ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda **more: mmgym.wrap(gym.make("minigrid:MiniGrid-DoorKey-5x5-v0"), **more),
        lambda **more: mmgym.wrap(gym.make("CartPole-v1"), actions=["left", "right"], **{"image_size": 96, **more}),
        pytest.param(functools.partial(shelf, frames=3, max_repeat=3), marks=pytest.mark.slow),
        lambda **more: shelf(**{"max_calls": 3, "reward": "success", "expert": "foreign:puts_one_more", **more}),
    ],
    ids=["minigrid", "cart_pole", "frames", "calls"],
)
def test_wrapped_environments_conform_thoroughly(make):
    check_conformance(make, thorough=True, seeds=2)


def test_an_id_of_its_own_conforms_with_levels():
    levels = [EMPTY, {"size": 6}]
    entry = mmgym.wrapped_entry("test/Empty-v0", EMPTY, image_size=64, levels=levels, max_turns=30)
    mmgym.register(entry)
    assert (entry.image, entry.levels, entry.tools) == ((64, 64), 2, ("act",))
    check_conformance("test/Empty-v0", seeds=2)
    env = gym.make("test/Empty-v0", level=2)
    env.reset(seed=0)
    assert mmgym.unwrap(env).inner.unwrapped.width == 6
    vector = gym.make_vec(ID, num_envs=2, env_id=EMPTY, image_size=(32, 48))
    assert vector.reset(seed=0)[0]["image"].shape == (2, 32, 48, 3)
    vector.close()


def pong(**more):
    return mmgym.wrap(gym.make(PONG), **{"max_turns": 20, **more})


def test_atari_keeps_the_contract_in_short():
    # each seeded reset loads the game anew, which takes a tenth of a second: the whole suite is the slow test below
    for check in (
        gymnasium_checks.check_turn_limit,
        gymnasium_checks.check_pickling,
        gymnasium_checks.check_spec,
        gymnasium_checks.check_vector_environments,
        capability_checks.check_snapshot,
        capability_checks.check_state_key,
        capability_checks.check_messages_and_formats,
    ):
        check(pong, 1)
    env = pong()
    observation, _ = env.reset(seed=0)
    assert observation["image"].shape == (210, 160, 3)
    assert [call.arguments["action"] for call in env.action_space.calls] == [
        *("noop", "fire", "right", "left", "rightfire", "leftfire")
    ]


@pytest.mark.slow
def test_atari_conforms_thoroughly():
    check_conformance(pong, thorough=True, seeds=3)


def test_what_happens_is_what_happens_inside():
    wrapped = mmgym.wrap(gym.make("minigrid:MiniGrid-LavaGapS5-v0"))
    bare = gym.make("MiniGrid-LavaGapS5-v0", render_mode="rgb_array")
    wrapped.action_space.seed(0)
    wins = 0
    for seed in range(14):
        observation, _ = wrapped.reset(seed=seed)
        told, _ = bare.reset(seed=wrapped.inner_seed)
        done = False
        while not done:
            call = wrapped.action_space.sample()
            observation, reward, terminated, truncated, info = wrapped.step(call)
            told, *theirs, _ = bare.step(int(bare.unwrapped.actions[call.arguments["action"]]))
            assert [reward, terminated, truncated] == theirs and info["reward_terms"] == {"outcome": reward}
            assert np.array_equal(observation["image"], bare.render()) and observation["task"] == told["mission"]
            assert info["success"] == (theirs[0] > 0)  # lava ends an episode too, with nothing
            done = terminated or truncated
        wins += info["success"]
    assert 0 < wins < 14


# --- actions ---------------------------------------------------------------------------------------------------------


def names_of(env):
    return [call.arguments["action"] for call in env.action_space.calls]


def test_names_of_actions():
    assert names_of(mmgym.wrap(gym.make(EMPTY)))[:4] == ["left", "right", "forward", "pickup"]
    assert names_of(mmgym.wrap(gym.make("minigrid:MiniGrid-Dynamic-Obstacles-5x5-v0"))) == ["left", "right", "forward"]
    assert names_of(shelf(actions=None)) == ["action_0", "action_1", "action_2"]
    swapped = TransformAction(gym.make(EMPTY), lambda action: 1 - action, Discrete(2))
    assert names_of(mmgym.wrap(swapped)) == ["action_0", "action_1"]


def test_some_actions_in_the_order_given():
    env = shelf(actions={"more": 2, "less": 0})
    env.reset(seed=0, options={})
    assert DiscreteActions(env).action_meanings == ["more", "less"]
    before = env.inner_info["boxes"]
    env.step(act("more"))
    assert env.inner_info["boxes"] == before + 1
    *_, info = env.step(act("wait"))
    assert not info["action_valid"] and "more, less" in info["feedback"]
    assert TextAction(env, "tag").step("<action>less</action>")[4]["action_valid"]


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (["a", "b"], "numbers 0 to 2, one name for each of the 3; got 2"),
        (["a", "b", "a"], "another name"),
        ({"a": 3}, "numbers 0 to 2; got 3"),
        ({"a": True}, "numbers 0 to 2; got True"),
        ({"": 1}, "1 to 80 printable"),
        ({1: 1}, "1 to 80 printable"),
        ("abc", "a list of names"),
        (7, "a list of names"),
    ],
)
def test_names_that_do_not_fit(actions, message):
    with pytest.raises(ValueError, match=message):
        shelf(actions=actions)


def test_an_environment_that_names_too_few_of_its_actions():
    class Half(Shelf):
        def get_action_meanings(self):
            return ["take", "wait"]

    with pytest.raises(ValueError, match=r"Half names 2 of its 3 actions .*actions="):
        mmgym.wrap(Half())


def test_several_dimensions():
    env = mmgym.wrap(Buttons(), actions={"dial": ["low", "middle", "high"], "lamp": {"off": 0, "on": 1}})
    env.reset(seed=0)
    observation, *_ = env.step(ToolCall("act", {"dial": "high", "lamp": "on"}))
    assert env.inner.dials == [2, 1] and (observation["image"][25] == 104).all()
    assert mmgym.wrap(Buttons()).action_space.tools[0].parameters[0].choices == ("value_0", "value_1", "value_2")
    with pytest.raises(ValueError, match="each of the 2 dimensions"):
        mmgym.wrap(Buttons(), actions=["a", "b"])
    check_conformance(lambda **more: mmgym.wrap(Buttons(), **{"max_turns": 20, **more}), seeds=1)


def test_an_action_can_be_repeated():
    env = shelf(max_repeat=4)
    env.reset(seed=3)
    boxes = env.inner_info["boxes"]
    *_, reward, _, _, info = env.step(act("put", repeat=2))
    assert env.inner_info["boxes"] == boxes + 2 and reward == -0.5 and env.turn == 1
    *_, reward, terminated, _, info = env.step(act("put", repeat=4))  # the rest after the end is left out
    assert terminated and info["success"] and reward == 1.5 - 0.25 * (5 - boxes - 3)
    env.reset(seed=3)
    assert "repeat must be a number from 1 to 4" in env.step(act("put", repeat=5))[4]["feedback"]


# --- pictures and texts ----------------------------------------------------------------------------------------------


def test_where_the_picture_comes_from():
    env = shelf()
    observation, _ = env.reset(seed=0)
    assert np.array_equal(observation["image"], env.inner.unwrapped._observe()["picture"])
    assert observation["task"] == "hint: bars\norder: stop at 5"
    rendered = shelf(picture="render")
    assert np.array_equal(rendered.reset(seed=0)[0]["image"], observation["image"] // 2)
    assert shelf(picture="codes", image_size=16).reset(seed=0)[0]["image"].shape == (16, 16, 3)
    with pytest.raises(ValueError, match="'observation', 'render', 'codes', 'picture'; got 'order'"):
        shelf(picture="order")


def test_a_view_in_the_observation_comes_before_rendering():
    from minigrid.wrappers import RGBImgPartialObsWrapper

    env = mmgym.wrap(RGBImgPartialObsWrapper(gym.make(EMPTY, render_mode="rgb_array"), tile_size=8))
    observation, _ = env.reset(seed=0)
    assert observation["image"].shape == (56, 56, 3)
    copied = pickle.loads(pickle.dumps(env))
    assert copied.state_key() == env.state_key() and copied.image_shape == (56, 56)


def test_sizes():
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, 20:] = 200
    assert fit(picture, None) is picture
    square = fit(picture, 20)
    assert square.shape == (20, 20, 3) and not square[:5].any() and not square[15:].any()
    assert (square[5:15, 10:] == 200).all() and not square[5:15, :10].any()
    large = fit(picture, (100, 80))
    assert large.shape == (100, 80, 3) and set(np.unique(large)) == {0, 200}  # enlarged without colours in between
    assert (fit(picture, (10, 4)) == fit(picture, (20, 4))[:10]).all()
    for size in (8, 5000, "16", (20, 8), (1, 2, 3), True, 20.0):
        with pytest.raises(ValueError, match="image_size must be"):
            shelf(image_size=size)


def test_several_frames_show_the_last_steps():
    env = shelf(frames=3, max_repeat=3)
    shown, _ = env.reset(seed=3)
    assert list(shown) == ["earlier_2", "earlier_1", "image", "task", "feedback"]
    start = shown["image"]
    assert np.array_equal(shown["earlier_2"], start)
    second = env.step(act("put"))[0]
    assert np.array_equal(second["earlier_1"], start) and not np.array_equal(second["image"], start)
    third = env.step(act("put", repeat=2))[0]
    assert np.array_equal(third["earlier_2"], second["image"])  # the step between the two turns is seen
    assert env.capabilities.order_sensitive
    assert not BlankImage(env).reset(seed=0)[0]["earlier_1"].std()


def test_frames_can_be_shuffled():
    env = shelf(frames=3)
    frames = [name for name in env.observation_space if name not in ("task", "feedback")]

    def seen(environment):
        environment.reset(seed=0)
        turns = [environment.step(act("put"))[0] for _ in range(2)]
        return [[turn[name].tobytes() for name in frames] for turn in turns]

    plain, shuffled = seen(env), seen(ShuffledFrames(env, seed=1))
    assert plain != shuffled and [sorted(turn) for turn in plain] == [sorted(turn) for turn in shuffled]


def test_the_probe_shows_another_instance():
    env = mmgym.wrap(gym.make("minigrid:MiniGrid-Empty-Random-6x6-v0"), image_size=48)
    probe = OtherImage(env)
    pictures = [env.reset(seed=seed)[0]["image"] for seed in range(5)]
    assert any(not np.array_equal(probe.reset(seed=s)[0]["image"], picture) for s, picture in enumerate(pictures))
    probe.close()


# --- seeds, splits, levels, limits -----------------------------------------------------------------------------------


def test_no_two_splits_share_a_seed():
    env = shelf()
    seeds = {split: set() for split in SPLITS}
    for split in SPLITS:
        for seed in range(300):
            env.reset(seed=seed, options={"split": split})
            seeds[split].add(env.inner_seed)
    assert all(len(found) == 300 for found in seeds.values())
    assert len(set().union(*seeds.values())) == 1200, "and the same seed gives other instances in another split"


def test_levels():
    env = shelf(levels=[{}, {"fault": "lose", "at": 1}, "test/Nets-v0"])
    assert [len(put_all(env, level)) > 1 for level in (1, 2, 3)] == [True, False, True]
    odd = shelf(actions=None, levels=[{}, {"width": 60}, EMPTY])
    with pytest.raises(ValueError, match="level 2 must have the size of the picture"):
        odd.reset(options={"level": 2})
    with pytest.raises(ValueError, match="level 3 must have the actions of level 1"):
        odd.reset(options={"level": 3})
    assert put_all(shelf(levels=[{}, {"width": 60}], image_size=32), 2)[-1][4]["success"]
    with pytest.raises(ValueError, match="at least one level"):
        shelf(levels=[])


def test_turn_limits():
    assert shelf().reset(seed=0) and put_all(shelf(max_turns=2))[-1][3]
    for env, limit in ((shelf(), 20), (mmgym.wrap(gym.make(EMPTY)), 100), (mmgym.wrap(Buttons()), 1000)):
        env.reset(seed=0)
        assert env.max_turns == limit
    env = shelf()
    env.reset(seed=0)
    turns = [env.step(act("wait")) for _ in range(12)]
    assert turns[-1][2:4] == (False, True) and not any(turn[3] for turn in turns[:-1])
    with pytest.raises(gym.error.ResetNeeded):
        env.step(act("wait"))


def test_options_for_the_environment_inside():
    env = shelf(reset_options={"boxes": 4})
    env.reset(seed=0)
    assert env.inner_info == {"boxes": 4}
    with pytest.raises(ValueError, match="task must be one of any"):
        env.reset(options={"task": "boxes"})


# --- replay, copies, failures ----------------------------------------------------------------------------------------


def test_a_snapshot_is_a_seed_and_actions():
    env = shelf(frames=2)
    env.reset(seed=5, options={"split": "val"})
    for action in ("put", "wait", "put"):
        env.step(act(action))
    env.step(act("nonesuch"))
    state = json.loads(env.snapshot())["state"]
    assert (state["id"], state["actions"], state["seed"] % 4) == ("test/Shelf-v0", [2, 1, 2], SPLITS.index("val"))
    other = shelf(frames=2)
    assert other.restore(env.snapshot())[0]["feedback"] == "action must be one of take, wait, put; got 'nonesuch'"
    assert other.turn == 4 and other.state_key() == env.state_key()
    for copied in (pickle.loads(pickle.dumps(env)), copy.deepcopy(env)):
        assert copied.turn == 4 and copied.spec == env.spec
        one, two = copied.step(act("put")), shelf(frames=2)
        two.restore(env.snapshot())
        assert np.array_equal(one[0]["image"], two.step(act("put"))[0]["image"])
    with pytest.raises(ValueError, match="cannot be restored here"):
        shelf(inside={"at": 9}, frames=2).restore(env.snapshot())


def test_chance_that_does_not_follow_the_seed_is_found_out():
    env = shelf(inside={"fault": "chance", "at": 1})
    env.reset(seed=0)
    env.step(act("put"))
    with pytest.raises(MachineryFailure, match="deterministic=False"):
        shelf(inside={"fault": "chance", "at": 1}).restore(env.snapshot())
    honest = shelf(deterministic=False)
    honest.reset(seed=0)
    with pytest.raises(mmgym.Unsupported):
        honest.snapshot()
    assert pickle.loads(pickle.dumps(honest)).reset(seed=1)[0]["task"]


def test_a_state_key_of_ones_own():
    env = shelf(state_key=lambda inner: inner.unwrapped.boxes % 2)
    env.reset(seed=0)
    key = env.state_key()
    assert env.step(act("put"))[4]["action_effective"] and env.state_key() != key
    assert not env.step(act("wait"))[4]["action_effective"]
    env.step(act("put"))
    assert env.state_key() == key


@pytest.mark.parametrize(("fault", "error"), [("raise", "OSError: the shelf fell down"), ("nan", "the reward nan")])
def test_a_failure_inside_is_the_machinerys(fault, error):
    env = shelf(inside={"fault": fault})
    env.reset(seed=0)
    first = env.step(act("put"))
    broken = env.inner
    observation, reward, terminated, truncated, info = env.step(act("put"))
    assert error in info["error"] and (reward, terminated, truncated) == (0.0, False, True) and not info["success"]
    assert np.array_equal(observation["image"], first[0]["image"])
    assert not env.reset(seed=1)[1]["error"]
    assert (env.inner is broken) == (fault == "nan"), "what raised is not used again"


# --- what cannot be wrapped ------------------------------------------------------------------------------------------


def test_what_cannot_be_wrapped():
    blind = Shelf()
    blind.observation_space, blind.metadata = Box(-1, 1, (4,), np.float32), {"render_modes": ["human"]}
    two = Shelf()
    two.observation_space = Dict({"left": foreign.PICTURE, "right": foreign.PICTURE})
    unseen = Shelf()
    unseen.observation_space = Box(-1, 1, (4,), np.float32)
    for env, error, message in (
        (gym.make("Pendulum-v1"), TypeError, r"numbered actions .* got Box.*DiscretizeAction"),
        (blind, ValueError, "Shelf shows no picture: .* no render mode rgb_array"),
        (two, ValueError, "several pictures: choose picture='left' or picture='right'"),
        (unseen, ValueError, 'make it with render_mode="rgb_array"'),
        (mmgym.wrap(Buttons()), TypeError, "an mmgym environment already"),
        (gym.make_vec("CartPole-v1", num_envs=1), TypeError, "takes a Gymnasium environment; got CartPoleVectorEnv"),
        ("CartPole-v1", TypeError, "takes a Gymnasium environment; got str"),
    ):
        with pytest.raises(error, match=message):
            mmgym.wrap(env)
    pendulum = mmgym.wrap(DiscretizeAction(gym.make("Pendulum-v1"), bins=3))
    assert names_of(pendulum) == ["action_0", "action_1", "action_2"]
    with pytest.raises(ValueError, match="needs env_id"):
        gym.make(ID)
    with pytest.raises(TypeError, match="no argument 'colour'; allowed: actions, deterministic"):
        shelf(colour=1)
    for bad in ({"frames": 0}, {"max_repeat": True}):
        with pytest.raises(ValueError, match="must be a whole number from 1"):
            shelf(**bad)
    with pytest.raises(ValueError, match="render"):
        mmgym.wrap(Buttons(), picture="render")


# --- the rest of the library -----------------------------------------------------------------------------------------


def test_the_instruction_says_what_the_environment_says():
    said = mmgym.wrap(gym.make(EMPTY)).instruction
    assert said.startswith("This is MiniGrid-Empty-5x5-v0. This environment is an empty room, and the goal")
    assert "The text beside the picture names your task." in said and "Mission Space" not in said
    assert "http" not in mmgym.wrap(gym.make("CartPole-v1")).instruction
    assert shelf(instruction="Stop at five.").instruction == "Stop at five."


def test_rollouts():
    tasks = [EpisodeTask(ID, seed=0, kwargs={"env_id": EMPTY, "max_turns": 5}, group=0, member=m) for m in range(2)]
    with Executor(RolloutConfig(format="tag")) as executor:
        rollout = executor.run(tasks, RandomAgent())
    assert rollout.failed == 0 and all(1 <= len(t.turns) <= 5 for t in rollout.trajectories)


def test_play_opens_what_gymnasium_knows():
    env = open_environment(EMPTY, level=1, split="val")
    assert mmgym.unwrap(env).inner.spec.id == "MiniGrid-Empty-5x5-v0" and mmgym.unwrap(env).split == "val"
    with pytest.raises(ValueError, match="Pendulum-v1 cannot be wrapped: wrap needs numbered actions"):
        open_environment("Pendulum-v1")
    with pytest.raises(ValueError, match="this id has none"):
        open_environment(EMPTY, preset="easy")
