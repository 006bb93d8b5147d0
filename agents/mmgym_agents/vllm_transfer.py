"""A backend for vLLM's weight transfer: tensors of this process, handed over as they are.

vLLM's own backends move weights between GPUs (nccl, ipc). This one serves an engine that runs in the process that has
the tensors: the learner's, or a server that has received them. It needs no GPU.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from vllm.distributed.weight_transfer.base import (
    WeightTransferEngine,
    WeightTransferInitInfo,
    WeightTransferUpdateInfo,
)
from vllm.distributed.weight_transfer.factory import WeightTransferEngineFactory
from vllm.model_executor.model_loader.reload import finalize_layerwise_reload, initialize_layerwise_reload

__all__ = ["BACKEND", "handed_over"]

BACKEND = "mmgym"

_tray: list[Iterator[tuple[str, torch.Tensor]]] = []
"""What is being handed over; one update at a time."""


@contextlib.contextmanager
def handed_over(weights: Iterable[tuple[str, torch.Tensor]]) -> Iterator[None]:
    """Let the next ``update_weights`` of an engine in this process take these weights."""
    _tray.append(iter(weights))
    try:
        yield
    finally:
        _tray.clear()


@dataclass
class _Nothing(WeightTransferInitInfo):
    """There is nobody to meet."""


@dataclass
class _OnTheTray(WeightTransferUpdateInfo):
    """The weights lie in `_tray`."""


class _Handover(WeightTransferEngine[_Nothing, _OnTheTray]):
    init_info_cls = _Nothing
    update_info_cls = _OnTheTray

    def init_transfer_engine(self, init_info: _Nothing) -> None:
        pass

    def start_weight_update(self) -> None:
        initialize_layerwise_reload(self.model)

    def receive_weights(self, update_info: _OnTheTray) -> None:
        self.model.load_weights(_tray[0])

    def finish_weight_update(self) -> None:
        finalize_layerwise_reload(self.model, self.model_config)

    def shutdown(self) -> None:
        _tray.clear()


WeightTransferEngineFactory.register_engine(BACKEND, _Handover)
