"""Lets a torchvision that was built for CUDA be imported beside a CPU-only torch, in every process of an environment.

vLLM and transformers import torchvision for its transforms; such a build fails on the first line that names its
missing operators. Declaring them, without an implementation, is enough. ``make vllm`` writes a ``.pth`` file with
``import mmgym_agents.torchvision_ops`` into the environment where that is needed: nothing else imports this module.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

__all__: list[str] = []


class _BeforeTorchvision(importlib.abc.MetaPathFinder):
    """Declares the operators when torchvision is first asked for, and then steps aside."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == "torchvision":
            sys.meta_path.remove(self)
            import torch

            for name in ("nms", "qnms"):
                torch.library.define(
                    f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
                )
        return None


sys.meta_path.insert(0, _BeforeTorchvision())
