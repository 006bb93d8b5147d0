"""Scripted policies for VideoQA, to compare with and to clone: (environment, generator) in, a call out."""

from __future__ import annotations

import numpy as np

from mmgym.env import MultimodalEnv
from mmgym.spaces import ToolCall
from mmgym_video.video_qa import VideoQA

__all__ = ["look_anywhere"]


def look_anywhere(env: MultimodalEnv, rng: np.random.Generator) -> ToolCall:
    """Looks once at a random moment, and then gives the answer that would be right if that was the moment asked about.

    It knows how to read a frame, and nothing of where to look.

    Raises:
        TypeError: for an environment that is no `VideoQA`.
    """
    if not isinstance(env, VideoQA):
        raise TypeError(f"look_anywhere plays VideoQA; got {type(env).__name__}")
    if env.frames_used:
        return env.conclusion()
    if env.parts is not None:
        return ToolCall("look", {"part": int(rng.integers(1, env.parts + 1))})
    return ToolCall("get_frame", {"time": round(float(rng.uniform(0, env.video.duration)), 1)})
