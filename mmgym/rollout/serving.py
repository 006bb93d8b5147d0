"""The end of a worker where its environments are: requests come in, pickled replies go out, whatever happens."""

from __future__ import annotations

import pickle
from typing import Any

from mmgym.env import Unsupported
from mmgym.rollout.host import EnvironmentHost, TaskError
from mmgym.rollout.worker import WorkerFailure

__all__ = ["Hosts", "call"]


def call(host: EnvironmentHost, method: str, arguments: tuple[Any, ...]) -> Any:
    """Call a host's method; what an environment raises is a failure of the machinery, and costs the environment.

    Raises:
        TaskError: (a ValueError) when the task is wrong: an unknown id, level, split, policy ...
        Unsupported: when something is asked that the environment does not declare.
        WorkerFailure: for everything else that an environment raises.
    """
    try:
        return getattr(host, method)(*arguments)
    except (TaskError, Unsupported):
        raise
    except (Exception, SystemExit) as error:
        host.close()
        raise WorkerFailure(f"{type(error).__name__}: {error}") from error


class Hosts:
    """The environments of one worker, by slot.

    Args:
        settings: arguments of `EnvironmentHost`.
    """

    def __init__(self, settings: dict[str, Any]):
        self._settings = settings
        self._hosts: dict[int, EnvironmentHost] = {}

    def answer(self, number: int, slot: int, method: str, arguments: tuple[Any, ...]) -> bytes:
        """Do what is asked.

        Returns:
            (number, error or None, result), pickled.
        """
        if slot not in self._hosts:
            self._hosts[slot] = EnvironmentHost(**self._settings)
        reply: tuple[int, Exception | None, Any]
        try:
            reply = (number, None, call(self._hosts[slot], method, arguments))
        except Exception as error:
            reply = (number, error, None)
        try:
            return pickle.dumps(reply, pickle.HIGHEST_PROTOCOL)
        except Exception as error:  # whatever pickling raises
            message = f"what the environment returned cannot be sent: {type(error).__name__}: {error}"
            return pickle.dumps((number, WorkerFailure(message), None))
