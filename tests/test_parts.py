"""Spaces of texts and pictures in reading order, and of sound; how they reach an agent, and the probes on them."""

import gymnasium as gym
import numpy as np
import pytest

from mmgym.messages import observation_content
from mmgym.parts import AudioSpace, PartsSpace
from mmgym.spaces import TextSpace
from mmgym.wrappers import BlankImage, MutedSound

FRAME = np.full((6, 8, 3), 7, np.uint8)
SOUND = np.linspace(-1, 1, 50, dtype=np.float32)


class Screen(gym.Env):
    """Shows two captioned pictures of different sizes, and a sound."""

    observation_space = gym.spaces.Dict(
        {"frames": PartsSpace(), "sound": AudioSpace(100), "note": TextSpace()}, sort_keys=False
    )
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        parts = ("first", FRAME, "", "second", FRAME[:3])
        return {"frames": parts, "sound": SOUND.copy(), "note": "n"}, {}


@pytest.mark.parametrize(
    "value",
    [
        ["a list"],
        (1,),
        (FRAME.astype(float),),
        (FRAME[..., :1],),
        (FRAME[:0],),
        ("x",) * 6,
        (np.zeros((4, 99, 3), np.uint8),),
        None,
    ],
)
def test_what_is_no_parts(value):
    assert value not in PartsSpace(max_parts=5, max_side=64)


def test_parts_and_sounds_are_drawn_in_their_space_and_by_their_seed():
    for space in (PartsSpace(max_parts=7, max_side=20), AudioSpace(40)):
        space.seed(3)
        drawn = [space.sample() for _ in range(20)]
        assert all(space.contains(value) for value in drawn)
        space.seed(3)
        assert all(map(np.array_equal, map(_numbers, drawn), (_numbers(space.sample()) for _ in range(20))))
        with pytest.raises(ValueError, match="neither mask nor probability"):
            space.sample(mask=1)


def _numbers(value):
    return value if isinstance(value, np.ndarray) else np.concatenate([np.ravel(p) for p in value if len(p)] or [[]])


@pytest.mark.parametrize("value", [SOUND.astype(np.float64), SOUND * 1.5, SOUND[None], SOUND * np.nan, [0.0], None])
def test_what_is_no_sound(value):
    assert value not in AudioSpace(100)


def test_a_sound_may_be_too_long():
    assert SOUND in AudioSpace(50, max_seconds=1) and SOUND not in AudioSpace(49, max_seconds=1)


def test_limits_are_checked():
    with pytest.raises(ValueError, match="at least 1"):
        PartsSpace(max_parts=0)
    with pytest.raises(ValueError, match="above 0"):
        AudioSpace(0)


def test_parts_are_read_in_their_order_with_empty_texts_left_out():
    env = Screen()
    content = observation_content(env.observation_space, env.reset()[0])
    assert [part["type"] for part in content] == ["text", "image", "text", "image", "audio", "text"]
    assert [part["text"] for part in content if "text" in part] == ["first", "second", "n"]
    assert content[3]["image"].shape == (3, 8, 3)
    assert content[4]["sampling_rate"] == 100 and np.array_equal(content[4]["audio"], SOUND)


def test_a_blind_probe_greys_the_pictures_among_the_parts():
    parts = BlankImage(Screen()).reset()[0]["frames"]
    assert parts[0] == "first" and parts[1].shape == FRAME.shape and set(parts[1].ravel().tolist()) == {128}


def test_a_muted_probe_silences_sounds_of_the_same_length():
    observation = MutedSound(Screen()).reset()[0]
    assert len(observation["sound"]) == len(SOUND) and not observation["sound"].any() and observation["note"] == "n"


def test_muting_needs_a_sound():
    with pytest.raises(TypeError, match="needs a sound"):
        MutedSound(gym.make("CartPole-v1"))


def test_vector_environments_carry_parts_and_sounds():
    class Steps(Screen):
        def step(self, action):
            return *self.reset()[:1], 0.0, False, False, {}

    for vector in (gym.vector.SyncVectorEnv([Steps, Steps]),):
        observation, _ = vector.reset()
        assert vector.observation_space.contains(observation) and observation["frames"][1][3] == "second"
        assert np.array_equal(vector.step(np.array([0, 1]))[0]["sound"][0], SOUND)
        vector.close()
