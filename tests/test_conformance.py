"""Every registered environment keeps the contract; and the suite finds environments that do not."""

import logging
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import pytest
from toy import CELLS, Corridor, Page

import mmgym
from mmgym import Capabilities, Effect, ToolCall, tool
from mmgym.env import choose
from mmgym.testing import check_conformance
from mmgym.testing.gymnasium_checks import check_record_video

IDS = [entry.id for entry in mmgym.entries()]
FAMILIES = {
    family: [e.id for e in mmgym.entries() if e.family == family] for family in {e.family for e in mmgym.entries()}
}
FIRST_OF_FAMILY = sorted(ids[0] for ids in FAMILIES.values())
FEW_OF_FAMILY = sorted(id for ids in FAMILIES.values() for id in ids[:: max(1, len(ids) // 3)][:3])
"""Three of each family, spread over it: a family may have a hundred ids."""
IN_BROWSER = {id for id in IDS if gym.spec(id).entry_point.startswith("mmgym_web")}
"""A second of real time a check: a toy page stands for them here, and all of them are left to `make conformance`."""


@pytest.mark.parametrize("id", [id for id in FEW_OF_FAMILY if id not in IN_BROWSER.union(FIRST_OF_FAMILY)])
def test_registered_environments_conform(id):
    check_conformance(id)


@pytest.mark.parametrize("id", [id for id in FIRST_OF_FAMILY if id not in IN_BROWSER])
def test_one_environment_of_each_family_conforms_with_worker_processes(id):
    check_conformance(id, thorough=True, seeds=3)


@pytest.mark.slow
@pytest.mark.parametrize("id", IDS)
def test_registered_environments_conform_thoroughly(id):
    check_conformance(id, thorough=True)


@pytest.mark.parametrize("environment", [Corridor, Page])
def test_the_toys_conform(environment):
    check_conformance(environment, thorough=True)


def test_several_calls_a_turn_conform():
    check_conformance(lambda **kwargs: Corridor(**{"max_calls": 3, **kwargs}))


def test_unknown_ids_are_gymnasiums_error():
    with pytest.raises(AssertionError, match="NameNotFound"):
        check_conformance("mmgym/NoSuchLake-v0")


def test_video_is_skipped_with_a_word_only_when_moviepy_is_absent(monkeypatch, caplog):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING):
        check_record_video(Corridor, 1)
    assert "moviepy is not installed" in caplog.text


# Corridors with one fault each, and the check that must find it.


class DrawsFromTheClock(Corridor):
    def _image(self) -> np.ndarray:
        image = super()._image()
        image[0, 0] = np.random.default_rng().integers(255, size=3)
        return image


class ExtraInfo(Corridor):
    def _info(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**super()._info(*args, **kwargs), "position": self.position}


class NumpySuccess(Corridor):
    def _is_success(self) -> bool:
        return np.equal(self.position, self.goal)  # type: ignore[no-any-return]


class Untidy(Corridor):
    def _observe(self) -> dict[str, Any]:
        observation = super()._observe()
        observation["image"] = observation["image"].astype(np.int64)
        return observation


class Raises(Corridor):
    def step(self, action: Any) -> Any:
        if not self.action_space.contains(action):
            raise ValueError("not an action")
        return super().step(action)


class Lenient(Corridor):
    def step(self, action: Any) -> Any:
        return super().step(ToolCall("move", {"direction": "left"}) if action == "move" else action)


class SharedSplits(Corridor):
    def _generate(self, task: Any) -> None:
        split, self.split = self.split, "train"
        super()._generate(task)
        self.split = split


class SilentOptions(Corridor):
    def _check_level(self, level: Any) -> int:
        return level if level in (1, 2) else 1


class SilentTasks(Corridor):
    def _generate(self, task: Any) -> None:
        super()._generate(None)


class TurnsInWords(Corridor):
    def __init__(self, *, max_turns: Any = None, **kwargs: Any):
        super().__init__(max_turns=int(max_turns) if isinstance(max_turns, str) else max_turns, **kwargs)


class Forgets(Corridor):
    def _set_state(self, state: dict[str, Any]) -> None:
        self.position, self.goal = state["goal"] - 1, state["goal"]


class ForgetsWhenItIsHard(Corridor):
    def _set_state(self, state: dict[str, Any]) -> None:
        super()._set_state({**state, "position": state["position"] - (self.level - 1)})


class ForgetsUnderItsPreset(Corridor):
    def __init__(self, *, preset: str | None = None, **kwargs: Any):
        self.preset = None if preset is None else choose("preset", preset, ["usual", "narrow"])
        super().__init__(**kwargs)

    def _set_state(self, state: dict[str, Any]) -> None:
        super()._set_state({**state, "position": state["position"] - (self.preset == "narrow")})


class ForgetsChance(Corridor):
    def snapshot(self) -> bytes:
        self.np_random.random()
        return super().snapshot()


class KeyCountsTurns(Corridor):
    def _get_state(self) -> dict[str, Any]:
        return {**super()._get_state(), "turn": self.turn}


class WrongWay(Corridor):
    def _expert_call(self) -> ToolCall:
        return ToolCall("move", {"direction": "left"})


class Miscounts(Corridor):
    def _expert_steps(self) -> int:
        return super()._expert_steps() + 1


class Undeclared(Corridor):
    capabilities = Capabilities(questions=False)

    def questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        return self._questions(rng)


class NumberAnswers(Corridor):
    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        return [("Where are you?", self.position)]  # type: ignore[list-item]


class PicturesInText(Corridor):
    def _observation_parts(self) -> dict[str, Any]:
        return {**super()._observation_parts(), "image": gym.spaces.Box(0, 255, (16, 16, 3), np.uint8)}

    def _observe(self) -> dict[str, Any]:
        return {**super()._observe(), "image": np.zeros((16, 16, 3), np.uint8)}


class OtherText(Corridor):
    def _text(self) -> str:
        return super()._text() + self.obs_mode


class SaysNothingMoved(Corridor):
    @tool
    def move(self, direction: Literal["left", "right"]) -> Effect:
        """Move."""
        super().move(direction)
        return Effect(False)


class Unlimited(Corridor):
    def step(self, action: Any) -> Any:
        self.max_turns += 1
        return super().step(action)


class Flat(Corridor):
    def _image(self) -> np.ndarray:
        return np.zeros((self.image_size, self.image_size, 3), np.uint8)


class WrongSize(Corridor):
    def _image(self) -> np.ndarray:
        return super()._image()[:, : CELLS * 2]


class Unpicklable(Corridor):
    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.callback = lambda: None


class ShapedReward(Corridor):
    def step(self, action: Any) -> Any:
        observation, reward, *rest = super().step(action)
        return (observation, reward - 0.1, *rest)


class Speechless(Corridor):
    instruction = ""


@pytest.mark.parametrize(
    "environment, finding",
    [
        (DrawsFromTheClock, "gymnasium checker"),
        (ExtraInfo, "observations and info: .*position"),
        (NumpySuccess, "observations and info: .*(success|bool)"),
        (Untidy, "gymnasium checker"),
        (Raises, "invalid actions: ValueError: not an action"),
        (Lenient, "invalid actions: .*a text was accepted"),
        (SharedSplits, "splits and levels: .*share an instance"),
        (SilentOptions, "options: .*nothing was raised"),
        (SilentTasks, "options: .*task.*nothing was raised"),
        (TurnsInWords, "options: .*max_turns.*nothing was raised"),
        (Forgets, "snapshot: .*level 1: .*another observation"),
        (ForgetsWhenItIsHard, "snapshot: .*level 2: .*another observation"),
        (ForgetsChance, "snapshot: .*differs"),
        (KeyCountsTurns, "invalid actions: .*changed the state"),
        (WrongWay, "expert: .*fails after"),
        (Miscounts, "expert: .*expert_steps says"),
        (Undeclared, "questions: .*Unsupported"),
        (NumberAnswers, "questions: .*no text"),
        (PicturesInText, "text twin: .*carries an image|rendering"),
        (OtherText, "text twin: .*another text"),
        (SaysNothingMoved, "state key: .*not effective"),
        (Unlimited, "turn limit: .*max_turns=2"),
        (Flat, "rendering: .*flat colour"),
        (WrongSize, "gymnasium checker"),
        (Unpicklable, "pickling"),
        (ShapedReward, "observations and info: .*not the sum"),
        (Speechless, "observations and info: .*instruction"),
    ],
)
def test_faults_are_found(environment, finding):
    with pytest.raises(AssertionError, match=f"^{environment.__name__}: {finding}"):
        check_conformance(environment)


def test_faults_of_a_preset_are_found(monkeypatch):
    monkeypatch.setattr("mmgym.testing.capability_checks.presets_of", lambda env: ("usual", "narrow"))
    with pytest.raises(AssertionError, match=r"snapshot: .*preset narrow: .*another observation"):
        check_conformance(ForgetsUnderItsPreset)
