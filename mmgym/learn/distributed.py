"""Several processes that learn as one: each plays and learns from its share, gradients are summed.

They are started by us on this machine, or by torchrun on one machine or many. In the first case rank 0 is the process
the user started, and the others are its children and end with it, however it ends; in the second each looks after the
others (`mmgym.learn.watch`).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from mmgym.learn.watch import Watch

__all__ = ["World", "launch", "started_from_outside"]

T = TypeVar("T")
_PATIENCE = timedelta(minutes=30)
"""How long a process waits for what the others have to say."""
_OUTSIDE = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun tells each process in its environment."""


class World:
    """The processes of a run.

    Args:
        rank: number of this process.
        size: number of processes.
        local_rank: its number on its machine: which GPU is its own. None where all are on one machine.
    """

    def __init__(self, rank: int = 0, size: int = 1, local_rank: int | None = None):
        self.rank, self.size = rank, size
        self.local_rank = rank if local_rank is None else local_rank

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
        """Add up the gradients of all processes, in one message for each type; what nobody has stays None."""
        if self.size == 1:
            return
        for kind in dict.fromkeys(p.dtype for p in parameters):
            alike = [p for p in parameters if p.dtype == kind]
            there = alike[0].new_tensor([p.grad is not None for p in alike])
            grads = [p.grad if p.grad is not None else torch.zeros_like(p) for p in alike]
            flat = torch.cat([there, *(grad.reshape(-1) for grad in grads)])
            dist.all_reduce(flat)
            having, *parts = flat.split([len(alike), *(p.numel() for p in alike)])
            for parameter, count, part in zip(alike, having.tolist(), parts, strict=True):
                parameter.grad = part.view_as(parameter).clone() if count else None


def started_from_outside() -> int:
    """How many processes torchrun (or whatever sets the variables it sets) has started; 0 if it has not."""
    return int(os.environ["WORLD_SIZE"]) if all(name in os.environ for name in _OUTSIDE) else 0


def launch(function: Callable[[World, Any], T], argument: Any, processes: int, always_grouped: bool = False) -> T:
    """Run ``function(world, argument)`` in several processes that know of each other, and return its result.

    Under torchrun this process is one of them, and `processes` says nothing. Otherwise it is rank 0, and starts others.

    Args:
        function: a module-level function.
        argument: picklable.
        processes: how many; 1 runs it here and now.
        always_grouped: whether a single process, too, is a group of `torch.distributed`: sharding needs one.

    Raises:
        RuntimeError: when one of those that were started ends before it has met the others.
    """
    if started_from_outside():
        return _run_as_member(function, argument)
    if processes == 1:
        if not always_grouped:
            return function(World(), argument)
        try:
            dist.init_process_group(_backend(), store=dist.HashStore(), rank=0, world_size=1)
            return function(World(), argument)
        finally:
            _leave()
    store = dist.TCPStore("127.0.0.1", 0, processes, is_master=True, timeout=_PATIENCE, wait_for_workers=False)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    children = [
        context.Process(target=_child, args=(function, argument, rank, processes, store.port, theirs), daemon=True)
        for rank in range(1, processes)
    ]
    for child in children:
        child.start()
    theirs.close()
    try:
        _wait_for(children, store)
        _join(0, processes, store)
        result = function(World(0, processes), argument)
        dist.barrier()
        return result
    finally:
        ours.close()
        for child in children:
            child.join(5)
            child.kill()
        _leave()


def _backend() -> str:
    return "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"


def _run_as_member(function: Callable[[World, Any], T], argument: Any) -> T:
    """Run as one of the processes that torchrun has started."""
    dist.init_process_group(_backend(), timeout=_PATIENCE)
    world = World(dist.get_rank(), dist.get_world_size(), int(os.environ.get("LOCAL_RANK", "0")))
    watch = Watch(world.rank, world.size, world.gather(secrets.token_hex(4))[0])
    try:
        result = function(world, argument)
        dist.barrier()  # who has nothing left to do is not missed while another still writes
    except Exception as error:
        watch.report(error)
        raise
    watch.stop()
    dist.barrier()  # nobody leaves, perhaps with the meeting place, while others still look there
    _leave()
    return result


def _wait_for(children: Sequence[multiprocessing.process.BaseProcess], store: dist.Store) -> None:
    """Wait until all have come to where they meet: who waits for their word there would not see that one has died."""
    while not store.check([_here(rank) for rank in range(1, len(children) + 1)]):
        for rank, child in enumerate(children, start=1):
            if child.exitcode is not None:
                raise RuntimeError(
                    f"process {rank} of {len(children) + 1} ended (exit code {child.exitcode}) before it had met the "
                    "others; its error is above"
                )
        time.sleep(0.02)


def _here(rank: int) -> str:
    return f"here/{rank}"


def _join(rank: int, size: int, store: dist.Store) -> None:
    dist.init_process_group(_backend(), store=store, rank=rank, world_size=size, timeout=_PATIENCE)


def _leave() -> None:
    with contextlib.suppress(RuntimeError, ValueError, AssertionError):
        dist.destroy_process_group()


def _child(function: Callable[..., Any], argument: Any, rank: int, size: int, port: int, parent: Connection) -> None:
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    store = dist.TCPStore("127.0.0.1", port, size, is_master=False, timeout=_PATIENCE)
    store.set(_here(rank), "")
    _join(rank, size, store)
    function(World(rank, size), argument)
    dist.barrier()


def _die_with(parent: Connection) -> None:
    """End this process at once when the parent has closed its end of the pipe, or died."""
    with contextlib.suppress(EOFError, OSError):
        parent.recv()
    os._exit(1)
