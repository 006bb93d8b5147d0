"""Other ways to act, tighter limits, and probes."""

import pickle

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from toy import Corridor, Page

import mmgym
from mmgym.rollout.host import put_on
from mmgym.spaces import TextSpace, shorten
from mmgym.wrappers import BlankImage, DiscreteActions, OtherImage, TextAction, TurnBudget, WithoutTools

SOKOBAN = "mmgym/Sokoban-v0"


def at(env: gym.Env, position: int, goal: int) -> gym.Env:
    env.reset(seed=0)
    inner = mmgym.unwrap(env)
    inner.position, inner.goal = position, goal
    return env


# --- TextAction ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "format, text",
    [
        ("tag", "<action>right</action>"),
        ("call", "move(direction='right')"),
        ("tool_call", '<tool_call>{"name": "move", "arguments": {"direction": "right"}}</tool_call>'),
    ],
)
@pytest.mark.parametrize("max_calls", [1, 3])
def test_text_acts(format, text, max_calls):
    env = at(TextAction(Corridor(max_calls=max_calls), format), 5, 6)
    assert env.action_space == TextSpace(20_000) and text in env.action_space
    assert env.step(text)[2]


WRONG = ["right", "", None, 3, b"<action>right</action>", "<action>up</action>", "x" * 10**5]


@pytest.mark.parametrize("text", WRONG, ids=shorten)
def test_what_cannot_be_read_costs_a_turn(text):
    env = at(TextAction(Corridor(), "tag"), 5, 6)
    observation, _, terminated, truncated, info = env.step(text)
    assert not (info["action_valid"] or terminated or truncated) and observation["feedback"] == info["feedback"] != ""
    assert mmgym.unwrap(env).turn == 1 and mmgym.unwrap(env).position == 5


def test_text_action_and_discrete_actions_need_a_tool_space():
    for wrapper in (TextAction, DiscreteActions):
        with pytest.raises(TypeError, match=f"{wrapper.__name__} needs .* ToolSpace; got Discrete"):
            wrapper(gym.make("CartPole-v1"))


# --- DiscreteActions ----------------------------------------------------------------------------------------------


def test_numbers_act():
    env = at(DiscreteActions(Corridor()), 5, 6)
    assert env.action_space == gym.spaces.Discrete(2) and env.action_meanings == ["left", "right"]
    assert not env.step(np.int64(0))[2] and not env.step(1)[2] and env.step(np.array([1]))[2]


@pytest.mark.parametrize("number", [2, -1, 0.5, True, None, "left", np.zeros(2), np.array(1.5), 10**5000], ids=shorten)
def test_numbers_outside_are_counted_invalid_turns(number):
    env = at(DiscreteActions(Corridor()), 5, 6)
    *_, info = env.step(number)
    assert not info["action_valid"] and "from 0 to 1" in info["feedback"] and mmgym.unwrap(env).turn == 1


def test_discrete_actions_refuse_open_tools_and_several_calls():
    with pytest.raises(ValueError, match="cannot be listed"):
        DiscreteActions(Page())
    with pytest.raises(ValueError, match="max_calls=1; got 2"):
        DiscreteActions(Corridor(max_calls=2))


# --- TurnBudget ----------------------------------------------------------------------------------------------


def test_the_budget_truncates_and_says_so():
    env = at(TurnBudget(Corridor(), 2), 5, 9)
    assert env.step(None)[3] is False
    observation, _, terminated, truncated, info = env.step({"name": "jump"})
    assert truncated and not terminated
    assert observation["feedback"] == info["feedback"]
    assert info["feedback"] == "unknown tool 'jump'; tools: move The budget of 2 turns is used up."


def test_a_tighter_limit_of_the_environment_stays():
    env = at(TurnBudget(Corridor(max_turns=1), 5), 5, 9)
    _, _, _, truncated, info = env.step({"name": "jump"})
    assert truncated and "budget" not in info["feedback"]


def test_the_budget_survives_snapshots_of_either_kind():
    env = at(TurnBudget(Corridor(), 2), 5, 9)
    inside = env.unwrapped.snapshot()
    free = Corridor()
    free.restore(inside)
    assert free.max_turns == 2
    plain = at(Corridor(), 5, 9)
    env.unwrapped.restore(plain.snapshot())
    assert not env.step(None)[3] and env.step(None)[3]


@pytest.mark.parametrize("turns", [0, -1, 1.5, True, None])
def test_bad_budgets_are_refused(turns):
    with pytest.raises(ValueError, match="whole number from 1"):
        TurnBudget(Corridor(), turns)


# --- probes ----------------------------------------------------------------------------------------------


def test_blank_images_hold_nothing_and_texts_stay():
    env = BlankImage(Corridor(obs_mode="both"))
    observation, _ = env.reset(seed=0)
    assert (observation["image"] == 128).all() and observation["image"].shape == (224, 224, 3)
    assert observation["text"] == Corridor(obs_mode="both").reset(seed=0)[0]["text"]
    assert list(observation) == ["image", "text", "feedback"] and env.observation_space.contains(observation)
    assert (env.step(None)[0]["image"] == 128).all()


def test_other_images_are_of_the_same_kind_but_not_of_this_state():
    env, plain = OtherImage(gym.make(SOKOBAN, image_size=64)), gym.make(SOKOBAN, image_size=64)
    same = 0
    for seed in range(10):
        (shown, info), (own, own_info) = env.reset(seed=seed), plain.reset(seed=seed)
        assert info == own_info and env.observation_space.contains(shown)
        same += np.array_equal(shown["image"], own["image"])
    assert same <= 1


def test_other_images_depend_on_the_seeds_and_not_on_the_actions():
    def pictures(env: gym.Env, seed: int, number: int) -> list[bytes]:
        shown = [env.reset(seed=seed)[0]]
        shown += [env.step(env.action_space.calls[number])[0] for _ in range(3)]
        return [observation["image"].tobytes() for observation in shown]

    envs = [OtherImage(Corridor(image_size=48, max_turns=9)), OtherImage(Corridor(image_size=48), seed=1)]
    at_rest = pictures(envs[0], 2, 0)
    assert at_rest == pictures(envs[0], 2, 0)
    assert at_rest != pictures(envs[0], 3, 0) and at_rest != pictures(envs[1], 2, 0)
    away = [seed for seed in range(20) if Corridor().reset(seed=seed)[1]["expert_steps"] > 4]
    assert pictures(envs[0], away[0], 0) == pictures(envs[0], away[0], 1)


def test_other_images_keep_level_and_split():
    env = OtherImage(Corridor())
    env.reset(seed=0, options={"level": 2, "split": "ood"})
    assert (env._other.level, env._other.split) == (2, "ood")


@pytest.mark.parametrize("probe", [BlankImage, OtherImage])
def test_probes_need_an_image(probe):
    with pytest.raises(TypeError, match=f"{probe.__name__} needs an image"):
        probe(Corridor(obs_mode="text"))


# --- all ----------------------------------------------------------------------------------------------

ALL = [
    lambda env: TextAction(env, "tag"),
    DiscreteActions,
    lambda env: TurnBudget(env, 3),
    BlankImage,
    lambda env: OtherImage(env, seed=5),
    lambda env: TextAction(OtherImage(TurnBudget(env, 2)), format="call"),
]


@pytest.mark.parametrize("wrap", ALL, ids=["text", "discrete", "budget", "blank", "other", "three"])
def test_wrapped_environments_pickle_and_come_back_from_json(wrap):
    env = wrap(gym.make(SOKOBAN, image_size=32, level=2))
    twin = gym.make(EnvSpec.from_json(env.spec.to_json()))
    env.action_space.seed(1)
    actions = [env.action_space.sample() for _ in range(2)]
    first = [env.reset(seed=7), env.step(actions[0])]
    copy = pickle.loads(pickle.dumps(env))
    assert type(twin) is type(env) and twin.spec == env.spec
    for other, played in ((twin, [twin.reset(seed=7), twin.step(actions[0])]), (copy, first)):
        assert all(np.array_equal(a[0]["image"], b[0]["image"]) for a, b in zip(first, played, strict=True))
        assert first[1][1:] == played[1][1:]
        assert type(other) is type(env)
    after, copied = env.step(actions[1]), copy.step(actions[1])
    assert np.array_equal(after[0]["image"], copied[0]["image"]) and after[1:] == copied[1:]


# --- WithoutTools ---------------------------------------------------------------------------------------------


def test_a_tool_that_is_taken_away_is_offered_no_more_and_its_call_is_invalid():
    env = WithoutTools(gym.make("mmgym/ZoomSearch-v0"), ["zoom", "crop"])
    env.reset(seed=0)
    inner = mmgym.unwrap(env)
    assert [tool.name for tool in inner.action_space.tools] == ["answer", "zoom_out"]
    assert inner.instruction.endswith("Not available: zoom.")
    call = {"name": "zoom", "arguments": {"left": 0, "top": 0, "right": 9, "bottom": 9}}
    *_, info = env.step(call)
    assert not info["action_valid"] and "tools: answer, zoom_out" in info["feedback"]
    *_, terminated, _, info = env.step({"name": "answer", "arguments": {"text": "?"}})
    assert info["action_valid"] and terminated
    env.close()


@pytest.mark.parametrize("tools, fault", [(["crop"], "none"), (["answer", "zoom", "zoom_out"], "all tools")])
def test_some_tools_must_go_and_some_must_stay(tools, fault):
    with pytest.raises(ValueError, match=f"name {fault} of ZoomSearch: answer, zoom, zoom_out"):
        WithoutTools(gym.make("mmgym/ZoomSearch-v0"), tools)


def test_the_name_of_a_tool_is_no_list_of_names():
    with pytest.raises(ValueError, match=r"tools must be a list of names, such as \['zoom'\]; got 'zoom'"):
        WithoutTools(gym.make("mmgym/ZoomSearch-v0"), "zoom")


# --- by name --------------------------------------------------------------------------------------------------


def test_wrappers_are_named_with_their_arguments():
    assert put_on('mmgym.wrappers:TurnBudget {"turns": 3}', Corridor()).turns == 3
    assert isinstance(put_on("mmgym.wrappers:BlankImage", Page()), BlankImage)
    for wrong in ('mmgym.wrappers:TurnBudget {"turns"', "mmgym.wrappers:TurnBudget [3]", "mmgym.wrappers:Turns"):
        with pytest.raises(ValueError, match=r"JSON object|cannot be loaded"):
            put_on(wrong, Corridor())
