"""What an agent reads: parts in the order of the space, and the opening."""

import gymnasium as gym
import numpy as np
import pytest
from toy import Corridor

from mmgym.formats import FORMATS, instructions
from mmgym.messages import check_observation_space, observation_content, opening, user_message
from mmgym.spaces import TextSpace

IMAGE = gym.spaces.Box(0, 255, (8, 6, 3), np.uint8)


def picture(value: int) -> np.ndarray:
    return np.full((8, 6, 3), value, np.uint8)


def test_parts_come_in_the_order_of_the_space_whatever_the_order_of_the_observation():
    space = gym.spaces.Dict(
        {
            "words": TextSpace(),
            "frames": gym.spaces.Sequence(IMAGE),
            "action_mask": gym.spaces.MultiBinary(3),
            "empty": TextSpace(),
            "image": IMAGE,
        },
        sort_keys=False,
    )
    observation = {
        "image": picture(9),
        "empty": "",
        "action_mask": np.ones(3, np.int8),
        "frames": (picture(1), picture(2)),
        "words": "hello",
    }
    content = observation_content(space, observation)
    assert [part["type"] for part in content] == ["text", "image", "image", "image"]
    assert content[0] == {"type": "text", "text": "hello"}
    assert [int(part["image"][0, 0, 0]) for part in content[1:]] == [1, 2, 9]
    assert content[3]["image"] is observation["image"]


@pytest.mark.parametrize("stack", [False, True])
def test_a_sequence_may_be_stacked(stack):
    space = gym.spaces.Dict({"frames": gym.spaces.Sequence(IMAGE, stack=stack)})
    frames = np.stack([picture(1), picture(2)]) if stack else (picture(1), picture(2))
    assert [part["image"].shape for part in observation_content(space, {"frames": frames})] == [(8, 6, 3)] * 2


@pytest.mark.parametrize(
    "space",
    [
        IMAGE,
        gym.spaces.Dict({"x": gym.spaces.Box(0, 1, (8, 6, 3), np.float32)}),
        gym.spaces.Dict({"x": gym.spaces.Box(0, 255, (8, 6), np.uint8)}),
        gym.spaces.Dict({"x": gym.spaces.Box(0, 255, (3, 8, 6), np.uint8)}),
        gym.spaces.Dict({"x": gym.spaces.Text(9)}),
        gym.spaces.Dict({"x": gym.spaces.Sequence(gym.spaces.Discrete(2))}),
        gym.spaces.Dict({"mask": gym.spaces.MultiBinary(3)}),
    ],
)
def test_what_cannot_be_shown_is_refused_before_an_episode(space):
    with pytest.raises(TypeError, match="uint8 Box"):
        check_observation_space(space)
    with pytest.raises(TypeError, match="uint8 Box"):
        observation_content(space, {})


def test_a_missing_entry_is_named():
    env = Corridor(obs_mode="both")
    observation, _ = env.reset(seed=0)
    del observation["text"]
    with pytest.raises(ValueError, match="lacks text; it holds image, feedback"):
        observation_content(env.observation_space, observation)


@pytest.mark.parametrize("format", FORMATS)
def test_the_opening_states_rules_and_tools_or_nothing(format):
    env = Corridor()
    (message,) = opening(env.instruction, env.action_space, format)
    assert message["role"] == "system"
    (part,) = message["content"]
    assert part["type"] == "text" and part["text"].startswith("Walk to the red cell.\n\n")
    assert "left" in part["text"] and "right" in part["text"]
    assert part["text"] == f"Walk to the red cell.\n\n{instructions(env.action_space, format)}"
    assert opening(env.instruction, env.action_space, format, "minimal") == []


def test_a_native_opening_leaves_the_tools_to_the_protocol():
    env = Corridor()
    (message,) = opening(env.instruction, env.action_space, "native")
    assert message["content"] == [{"type": "text", "text": "Walk to the red cell."}]


def test_a_prompt_is_a_file_that_a_user_can_change(tmp_path):
    env = Corridor()
    (message,) = opening("{tools} {x}", env.action_space, "tag", "think")
    assert message["content"][0]["text"].startswith("{tools} {x}\n\nActions: ")
    assert "<think></think>" in message["content"][0]["text"]
    mine = tmp_path / "mine.md"
    mine.write_text('Be {quick}.\n{tools}\n{instruction} {"a": 1}\n')
    (message,) = opening("Go.", env.action_space, "tag", str(mine))
    tools = instructions(env.action_space, "tag")
    assert message["content"][0]["text"] == f'Be {{quick}}.\n{tools}\nGo. {{"a": 1}}'


def test_bad_openings_name_what_is_allowed(tmp_path):
    env = Corridor()
    with pytest.raises(ValueError, match=r"prompt must be full, think, minimal, or a file .md or .txt; got 'long'"):
        opening("", env.action_space, "tag", "long")
    with pytest.raises(ValueError, match=r"there is no lost\.md"):
        opening("", env.action_space, "tag", "lost.md")
    other = tmp_path / "other.md"
    other.write_text("hello")
    with pytest.raises(ValueError, match=r"other.md must hold \{instruction\}"):
        opening("", env.action_space, "tag", str(other))
    with pytest.raises(ValueError, match="format must be one of"):
        opening("", env.action_space, "xml", "minimal")


def test_user_messages_hold_their_content():
    content = [{"type": "text", "text": "hello"}]
    assert user_message(content) == {"role": "user", "content": content}
