"""What replicas of the cluster tests hold, importable on the nodes: a tiny model, or one that fails."""

from __future__ import annotations

from typing import Any


class TinyReplica:
    """The tiny model of `playing` and an agent that samples from it."""

    def __init__(self) -> None:
        from playing import tiny

        from mmgym_agents.transformers_agent import Sampling, TransformersAgent

        self.vlm = tiny()
        self.agents = {"sampled": TransformersAgent(self.vlm, Sampling(max_new_tokens=6))}

    def load(self, weights: dict[str, Any], version: int) -> None:
        self.vlm.load_weights(weights)
        self.agents["sampled"].weights_changed(version)


class Unmakeable:
    """What cannot be made where it shall run."""

    def __init__(self) -> None:
        raise FileNotFoundError("no weights on this node")


class Broken:
    """An agent that raises."""

    def __init__(self) -> None:
        self.agents = {"sampled": self}

    def load(self, weights: dict[str, Any], version: int) -> None:
        pass

    async def act(self, conversation: Any) -> Any:
        raise FloatingPointError("not finite")

    def end(self, conversation: Any) -> None:
        pass
