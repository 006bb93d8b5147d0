"""Several processes that learn as one: each plays and learns from its share, gradients are summed.

Rank 0 is the process the user started; the others are its children and end with it, however it ends.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import torch
import torch.distributed as dist

__all__ = ["World", "launch"]

T = TypeVar("T")


class World:
    """The processes of a run.

    Args:
        rank: number of this process.
        size: number of processes.
    """

    def __init__(self, rank: int = 0, size: int = 1):
        self.rank, self.size = rank, size

    @property
    def is_main(self) -> bool:
        """Whether this process writes, shows and decides."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> list[T]:
        """This process's part of `items`: every size-th one, so that parts are alike."""
        return list(items[self.rank :: self.size])

    def gather(self, value: T) -> list[T]:
        """The values of all processes, in the order of their ranks, on every process."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def interleave(self, part: Sequence[T]) -> list[T]:
        """The inverse of `share`: all parts in their original order, on every process."""
        parts = self.gather(list(part))
        total = sum(map(len, parts))
        return [parts[i % self.size][i // self.size] for i in range(total)]

    def sum(self, value: float) -> float:
        """The sum of a number over all processes."""
        return float(sum(self.gather(value)))

    def sum_gradients(self, parameters: Sequence[torch.nn.Parameter]) -> None:
        """Add up the gradients of all processes, in one message."""
        if self.size == 1:
            return
        grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in parameters]
        flat = torch.cat([grad.reshape(-1) for grad in grads])
        dist.all_reduce(flat)
        for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            parameter.grad = part.view_as(parameter).clone()


def launch(function: Callable[[World, Any], T], argument: Any, processes: int) -> T:
    """Run ``function(world, argument)`` in `processes` processes and return rank 0's result.

    Args:
        function: a module-level function.
        argument: picklable.
        processes: how many; 1 runs it here and now.
    """
    if processes == 1:
        return function(World(), argument)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    children = [
        context.Process(target=_child, args=(function, argument, rank, processes, port, theirs), daemon=True)
        for rank in range(1, processes)
    ]
    for child in children:
        child.start()
    theirs.close()
    try:
        _join(0, processes, port)
        result = function(World(0, processes), argument)
        dist.barrier()
        return result
    finally:
        ours.close()
        for child in children:
            child.join(5)
            child.kill()
        with contextlib.suppress(RuntimeError, ValueError, AssertionError):
            dist.destroy_process_group()


def _join(rank: int, size: int, port: int) -> None:
    address = f"tcp://127.0.0.1:{port}"
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=size, timeout=timedelta(minutes=30))


def _child(function: Callable[..., Any], argument: Any, rank: int, size: int, port: int, parent: Connection) -> None:
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    _join(rank, size, port)
    function(World(rank, size), argument)
    dist.barrier()


def _die_with(parent: Connection) -> None:
    """End this process at once when the parent has closed its end of the pipe, or died."""
    with contextlib.suppress(EOFError, OSError):
        parent.recv()
    os._exit(1)
