"""The run's end of an engine in another process: started by the run, or reached at an address."""

from __future__ import annotations

import json
import logging
import os
import secrets
import selectors
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import asdict
from multiprocessing import AuthenticationError
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mmgym_agents.vllm_requests import Answer, EngineDied, Request
from mmgym_agents.vllm_wire import TOKEN, Channel, array_of, join

if TYPE_CHECKING:
    import torch

    from mmgym_agents.vllm_engine import EngineSettings

__all__ = ["RemoteEngine", "connect", "start"]

logger = logging.getLogger(__name__)
_POLL = 0.5
"""Seconds between two looks at the clock while nothing comes."""
_PATIENCE = 10.0
"""Seconds for a process to end by itself."""


class RemoteEngine:
    """A `mmgym_agents.vllm_requests.Engine` behind a channel.

    Args:
        channel: to its server.
        timeout: seconds without any reply, while one is owed, after which it is given up.
        process: the server, if it is ours to end.
        log: what the process writes.
    """

    def __init__(
        self,
        channel: Channel,
        timeout: float,
        process: subprocess.Popen[bytes] | None = None,
        log: IO[bytes] | None = None,
    ):
        self.process = process
        self._channel, self._timeout, self._log = channel, timeout, log
        self._owed: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._number = 0
        self._heard = time.monotonic()
        self._sent: set[str] = set()
        self.death = ""
        """Why it cannot be asked, once it cannot."""
        self._reader = threading.Thread(target=self._read, name="vllm replies", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return not self.death

    def ask(self, request: Request) -> Future[Answer]:
        """Sample an answer; pictures that were sent since the last update are not sent again."""
        number, future = self._owe()
        try:
            for image, pixels in zip(request.images, request.pixels, strict=True):
                if image.digest not in self._sent:
                    self._sent.add(image.digest)
                    shown = {"number": 0, "kind": "image", "digest": image.digest, "shape": pixels.shape}
                    self._channel.send(shown, [pixels])
            header = {
                "number": number,
                "kind": "ask",
                "images": [(image.digest, image.height, image.width) for image in request.images],
                **{name: getattr(request, name) for name in ("expanded", "temperature", "seed", "max_new_tokens")},
                "end_ids": request.end_ids,
                "banned_ids": request.banned_ids,
            }
            self._channel.send(header, [request.ids])
        except OSError as error:
            self._fail(f"the engine hung up ({error})")
        return future

    def load_weights(self, weights: Iterable[tuple[str, torch.Tensor]], version: int) -> None:
        """Send new weights; returns when they are in place and the caches reset."""
        import torch

        named = list(weights)
        number, future = self._owe()
        self._sent.clear()
        try:
            self._channel.send({"number": number, "kind": "weights", "count": len(named), "version": version})
            for name, tensor in named:
                content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
                dtype = str(tensor.dtype).removeprefix("torch.")
                header = {"number": number, "kind": "weight", "name": name, "dtype": dtype, "shape": tensor.shape}
                self._channel.send(header, [content])
        except OSError as error:
            self._fail(f"the engine hung up ({error})")
        future.result()

    def sleep(self, level: int) -> None:
        """Free the memory of the cache, and of the weights."""
        self._call(kind="sleep", level=level)

    def wake(self, part: str) -> None:
        """Take back the memory of ``weights`` or ``kv_cache``."""
        self._call(kind="wake", part=part)

    def close(self) -> None:
        """Hang up, and end the process if it is ours."""
        self._fail("it was closed")
        self._reader.join(_PATIENCE)

    def _call(self, **header: Any) -> None:
        number, future = self._owe()
        try:
            self._channel.send({"number": number, **header})
        except OSError as error:
            self._fail(f"the engine hung up ({error})")
        future.result()

    def _owe(self) -> tuple[int, Future[Any]]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()  # whoever no longer waits for it cannot cancel it
        with self._lock:
            self._number += 1
            number = self._number
            if self.death:
                future.set_exception(EngineDied(self.death))
            else:
                if not self._owed:
                    self._heard = time.monotonic()
                self._owed[number] = future
        return number, future

    def _read(self) -> None:
        """The thread that takes replies."""
        try:
            while self.alive:
                if self._channel.waits(_POLL):
                    self._take(*self._channel.receive())
                elif self._owed and time.monotonic() - self._heard > self._timeout:
                    self._fail(f"the engine gave no reply in {self._timeout:g} s")
        except (EOFError, OSError):
            self._fail(f"the engine's process died{_last_words(self._log)}" if self.process else "the server hung up")
        finally:
            self._channel.close()

    def _take(self, header: dict[str, Any], parts: list[memoryview]) -> None:
        self._heard = time.monotonic()
        with self._lock:
            future = self._owed.pop(header["number"], None)
        if future is None:
            return
        if header["kind"] == "answer":
            ids, logprobs = array_of(parts[0], "int32"), array_of(parts[1], "float32")
            future.set_result(Answer(ids, logprobs, header["version"]))
        elif header["kind"] == "done":
            future.set_result(None)
        else:
            kind = {"died": EngineDied, "value": ValueError}.get(header["error"], RuntimeError)
            future.set_exception(kind(header["message"]))

    def _fail(self, why: str) -> None:
        """It is gone: whoever waits is told, once."""
        with self._lock:
            if self.death:
                return
            self.death = why
            owed = list(self._owed.values())
            self._owed.clear()
        if self.process:
            end(self.process)
        self._channel.hang_up()
        for future in owed:
            future.set_exception(EngineDied(why))


def start(
    python: str,
    model: str | Path,
    settings: EngineSettings,
    environment: Mapping[str, str],
    timeout: float,
    start_seconds: float,
) -> RemoteEngine:
    """Start a server that ends with this process, and connect to it.

    Args:
        python: the Python to run it with, which has vLLM and mmgym.
        model: a checkpoint folder.
        settings: of the engine.
        environment: variables that differ from those of this process.
        timeout: see `RemoteEngine`.
        start_seconds: how long it may take.

    Raises:
        RuntimeError: when it does not start, with the last lines that it wrote.
    """
    token = secrets.token_hex(32)
    log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the engine
    command = [python, "-m", "mmgym_agents.vllm_server", "--with-parent", "--model", str(model)]
    command += ["--settings", json.dumps(asdict(settings))]
    try:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment, TOKEN: token},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    except OSError as error:
        raise RuntimeError(f"policy.engine_options.python: {python} cannot be run ({error})") from error
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if selector.select(start_seconds) else b""
    if not line:
        end(process)
        raise RuntimeError(f"the vLLM engine did not start within {start_seconds:g} s{_last_words(log)}")
    return RemoteEngine(join(json.loads(line)["address"], token), timeout, process, log)


def connect(address: str, timeout: float, start_seconds: float) -> RemoteEngine:
    """Connect to a server that somebody else runs; waits for it to listen.

    Args:
        address: host:port.
        timeout: see `RemoteEngine`.
        start_seconds: how long to wait.

    Raises:
        RuntimeError: when it is not there, or lets nobody in with our token.
    """
    host, _, port = address.rpartition(":")
    until = time.monotonic() + start_seconds
    while True:
        try:
            return RemoteEngine(join((host, int(port)), os.environ.get(TOKEN, "")), timeout)
        except AuthenticationError as error:
            raise RuntimeError(f"the vLLM server at {address} does not know the token in {TOKEN} ({error})") from error
        except OSError as error:
            if time.monotonic() > until:
                raise RuntimeError(f"no vLLM server at {address} within {start_seconds:g} s ({error})") from error
            time.sleep(min(_POLL, start_seconds))


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


def _last_words(log: IO[bytes] | None) -> str:
    """The last lines of a log, for a message."""
    if log is None:
        return ""
    size = os.fstat(log.fileno()).st_size
    content = os.pread(log.fileno(), 20_000, max(0, size - 20_000))  # seeking would move where the process writes
    lines = [line for line in content.decode(errors="replace").splitlines() if line.strip()]
    return ":\n" + "\n".join(lines[-12:]) if lines else ""
