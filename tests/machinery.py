"""Environments and helpers for the tests of rollout and agents; importable in spawned workers.

Ids are registered when this module is imported: ``gymnasium.make("machinery:test/Faulty-v0")`` does both.
"""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from toy import Corridor

from mmgym import ToolCall
from mmgym.agent import Response
from mmgym.spaces import TextSpace
from mmgym.trajectory import EpisodeTask, Trajectory

FAULTY = "machinery:test/Faulty-v0"
ALBUM = "machinery:test/Album-v0"


class Faulty(Corridor):
    """A corridor whose machinery fails at a turn.

    Options of ``reset``: ``fault`` (what happens), ``at`` (the turn; 0 is the reset), and ``once``, a path: the fault
    comes only while no such file is there, and makes it.
    """

    levels: ClassVar[int] = 2

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        self.options = dict(options or {})
        if self.options.get("at") == 0:
            self._fault()
        self.pid = os.getpid()
        return super().reset(seed=seed, options={k: self.options[k] for k in ("level", "split") if k in self.options})

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        if self.options.get("at") == self.turn:
            fault = self._fault()
            if fault == "error":
                return observation, 0.0, False, True, {**info, "error": "BrowserGone: no reply"}
            if fault == "nan":
                return observation, float("nan"), terminated, truncated, info
            if fault == "unpicklable":
                info = {**info, "extra": lambda: None}
        return observation, reward, terminated, truncated, info

    def _fault(self) -> str:
        once = self.options.get("once")
        if once:
            if Path(once).exists():
                return ""
            Path(once).write_text("")
        fault = str(self.options.get("fault"))
        if fault == "raise":
            raise KeyError("the simulator lost its state")
        if fault == "garbled":
            json.loads("<html>502</html>")
        if fault == "hang":
            time.sleep(3600)
        if fault == "spin":
            while True:
                pass
        if fault == "exit":
            os._exit(3)
        if fault == "sysexit":
            raise SystemExit(4)
        if fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        return fault


class Album(Corridor):
    """A corridor seen through a text, several pictures in a row, and a picture of another size."""

    def _observation_parts(self) -> dict[str, gym.Space[Any]]:
        side = self.image_size
        picture = gym.spaces.Box(0, 255, (side, side, 3), np.uint8)
        wide = gym.spaces.Box(0, 255, (side, 2 * side, 3), np.uint8)
        return {
            "before": TextSpace(),
            "pictures": gym.spaces.Sequence(picture),
            "wide": wide,
            "feedback": TextSpace(),
        }

    def _observe(self) -> dict[str, Any]:
        image = self._image()
        pictures = [image, np.ascontiguousarray(image[::-1]), np.roll(image, 5, 0)][: 1 + self.turn % 3]
        return {
            "before": f"Turn {self.turn}: these pictures",
            "pictures": tuple(pictures),
            "wide": np.concatenate([image, 255 - image], 1),
            "feedback": self._feedback,
        }


def towards_goal(env: Any, rng: np.random.Generator) -> ToolCall:
    """A scripted policy."""
    return env.expert()


def crooked(env: Any, rng: np.random.Generator) -> ToolCall:
    """A scripted policy that uses its generator."""
    return ToolCall("move", {"direction": "left" if rng.random() < 0.5 else "right"})


def report_pid(env: Any, rng: np.random.Generator) -> ToolCall:
    """A scripted policy that leaves the number of its process in a file."""
    Path(env.options["pids"], str(os.getpid())).write_text("")
    return env.expert()


def leave_child(env: Any, rng: np.random.Generator) -> ToolCall:
    """A scripted policy that starts a process, as browsers are started, and leaves its number in a file."""
    if not hasattr(env, "child"):
        env.child = subprocess.Popen(["sleep", "600"])
        Path(env.options["pids"], str(env.child.pid)).write_text("")
    return env.expert()


class Speaker:
    """An agent that says the same always, without ids."""

    def __init__(self, text: str):
        self.text = text

    async def act(self, conversation: Any) -> Response:
        return Response(self.text)

    def end(self, conversation: Any) -> None:
        pass


class BatchSpeaker(Speaker):
    """The same in batches; notes the keys of each batch."""

    def __init__(self, text: str, seconds: float = 0.0):
        super().__init__(text)
        self.seconds, self.batches = seconds, []

    def act_batch(self, conversations: Any) -> list[Response]:
        time.sleep(self.seconds)
        self.batches.append([conversation.key for conversation in conversations])
        return [Response(self.text) for _ in conversations]


def faulty_tasks(count: int, **faults: dict[str, Any]) -> list[EpisodeTask]:
    """Corridors; `faults` are options by the number of the task, as ``_3={...}``."""
    options = {int(name[1:]): values for name, values in faults.items()}
    return [
        EpisodeTask(FAULTY, seed, kwargs={"image_size": 32}, options=options.get(seed, {}), group=seed)
        for seed in range(count)
    ]


def told(trajectory: Trajectory) -> Any:
    """All that an episode was, but for times and hashes of tasks: equal episodes give equal values."""
    turns = [
        (t.prompt_ids.tolist(), t.images, t.sampled_ids.tolist(), t.logprobs.tolist(), t.extends, t.text, t.state_key)
        for t in trajectory.turns
    ]
    turns += [(t.reward, t.terms, t.feedback, t.terminated, t.truncated) for t in trajectory.turns]
    return turns, trajectory.status, trajectory.success, trajectory.error, trajectory.info, trajectory.final_image


for _id, _class in (("test/Faulty-v0", "Faulty"), ("test/Album-v0", "Album")):
    if _id not in gym.registry:
        gym.register(_id, entry_point=f"machinery:{_class}")


class Breaks(gym.Wrapper[Any, Any, Any, Any]):
    """An environment that breaks at the first turn."""

    def step(self, action: Any) -> Any:
        raise RuntimeError("it breaks")


class Costly:
    """Counts what it takes, also for episodes that fail."""

    priced = True
    closed = 0

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()

    async def act(self, conversation: Any) -> Response:
        self.spent.update({"prompt_tokens": 10, "dollars": 1.0})
        return Response("<action>up</action>")

    def end(self, conversation: Any) -> None:
        pass

    def close(self) -> None:
        Costly.closed += 1
