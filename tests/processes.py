"""Runs a function in several processes that know of each other, forked from one that has the imports behind it."""

from __future__ import annotations

import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["sharded_processes", "torch.distributed.fsdp", "torch.distributed.checkpoint"])


def together(function: Callable[[Any, Any], Any], argument: Any, size: int, seconds: float = 240) -> list[Any]:
    """What ``function(world, argument)`` returns in each process, in the order of ranks.

    Raises:
        AssertionError: with the traceback of the first process that failed.
    """
    port = free_port()
    pipes = [_FORKS.Pipe(duplex=False) for _ in range(size)]
    children = [
        _FORKS.Process(target=_member, args=(function, argument, rank, size, port, pipes[rank][1]), daemon=True)
        for rank in range(size)
    ]
    for child, (_, theirs) in zip(children, pipes, strict=True):
        child.start()
        theirs.close()
    try:
        answers = []
        for rank, (ours, _) in enumerate(pipes):
            assert ours.poll(seconds), f"process {rank} has said nothing for {seconds} s"
            answers.append(ours.recv())
        failed = [text for good, text in answers if not good]
        assert not failed, "\n".join(failed)
        for child in children:
            child.join(10)
        return [value for _, value in answers]
    finally:
        for child in children:
            child.kill()
            child.join()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(function: Callable[..., Any], arguments: tuple[Any, ...], log: Path) -> Any:
    """A process that calls a function, and writes what it says to a file."""
    process = _FORKS.Process(target=_logged, args=(function, arguments, log), daemon=True)
    process.start()
    return process


def _logged(function: Callable[..., Any], arguments: tuple[Any, ...], log: Path) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    function(*arguments)


def _member(function: Callable[[Any, Any], Any], argument: Any, rank: int, size: int, port: int, pipe: Any) -> None:
    import torch
    import torch.distributed as dist

    from mmgym.learn.distributed import World

    torch.set_num_threads(1)
    address = f"tcp://127.0.0.1:{port}"
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=size, timeout=timedelta(seconds=120))
    try:
        answer = True, function(World(rank, size), argument)
    except BaseException:
        answer = False, traceback.format_exc()
    pipe.send(answer)
    pipe.close()
    if answer[0]:
        dist.barrier()
