"""Wrap any Gymnasium environment that has a picture and numbered actions: Minigrid, an Atari game, classic control.

    python examples/wrap_environment.py

It needs `pip install minigrid ale-py`; `package:id` imports the package that registers the id. What comes out is an
mmgym environment: tool calls, feedback, branch points, text actions, training.
"""

from pathlib import Path

import cv2
import gymnasium as gym
from rich import print

import mmgym
from mmgym.testing import check_conformance
from mmgym.wrappers import TextAction

OUT = Path("runs/wrap_environment")
OUT.mkdir(parents=True, exist_ok=True)


def show(env: mmgym.Wrapped, name: str) -> None:
    """Print what an agent is told, and save what it sees after a few random turns."""
    observation, info = env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(20):
        observation, _, terminated, truncated, info = env.step(env.action_space.sample())
        if terminated or truncated:
            break
    cv2.imwrite(str(OUT / f"{name}.png"), observation["image"][..., ::-1])
    print(f"[bold]{name}[/]: {env.instruction}")
    print("  actions:", ", ".join(env.action_space.tools[0].parameters[0].choices))
    print(f"  seen: {', '.join(observation)}; success after {env.turn} turns: {info['success']}")


# 1. Minigrid: the actions have names, the mission is a text, and the picture is rendered, for the entry "image" of its
#    observation holds codes of objects. Success is a goal reached.
room = mmgym.wrap(gym.make("minigrid:MiniGrid-DoorKey-5x5-v0"))
show(room, "minigrid")
print("  task:", room.reset(seed=0)[0]["task"])

# 2. Atari: the actions have names, and the observation is the picture. Things move: show the last two pictures, and let
#    a turn hold an action for longer. No success is declared, so say what it is: more points than the opponent.
pong = mmgym.wrap(
    gym.make("ale_py:ALE/Pong-v5"), frames=2, max_repeat=4, max_turns=500, success=lambda ending: ending.total > 0
)
show(pong, "pong")
pong.step({"name": "act", "arguments": {"action": "right", "repeat": 3}})

# 3. Classic control: the actions have numbers only, so name them. Success is the threshold that Gymnasium declares.
pole = mmgym.wrap(gym.make("CartPole-v1"), actions=["left", "right"], image_size=224)
show(pole, "cart_pole")

# What a model writes becomes an action; a branch point is the seed and the actions since.
agent_view = TextAction(room, format="tag")
agent_view.reset(seed=0)
*_, info = agent_view.step("There is a key. <action>jump</action>")
print("feedback:", info["feedback"])
branch = room.snapshot()
agent_view.step("<action>forward</action>")
room.restore(branch)

# An id of its own, for configurations, `gym.make_vec` and `mmgym list`; held to the contract like every other.
mmgym.register(mmgym.wrapped_entry("example/DoorKey-v0", "minigrid:MiniGrid-DoorKey-5x5-v0", image_size=112))
check_conformance("example/DoorKey-v0")
print("example/DoorKey-v0 keeps the contract")
