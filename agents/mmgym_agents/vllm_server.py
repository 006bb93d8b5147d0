"""A vLLM engine as a server, for a run that learns elsewhere: another GPU, another environment, another machine.

    MMGYM_VLLM_TOKEN=... python -m mmgym_agents.vllm_server --model FOLDER --address 0.0.0.0:7000

The folder is a checkpoint of the same model; the run sends its weights before it asks anything. Whoever knows the token
can ask and set weights, nothing else. The connection is not encrypted: across machines, use a network that is yours
alone, or a tunnel. The server ends when its engine does, or when weights come through by halves.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from multiprocessing import AuthenticationError, connection
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmgym.trajectory import ImageRef
from mmgym_agents.vllm_engine import EngineSettings, LocalEngine
from mmgym_agents.vllm_requests import Answer, EngineDied, Request
from mmgym_agents.vllm_wire import TOKEN, Channel, array_of, welcome

__all__ = ["main"]

logger = logging.getLogger(__name__)


def main() -> None:
    """Run the server; see ``--help``."""
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # vLLM writes to stdout, where only the address belongs
    parser = argparse.ArgumentParser(prog="python -m mmgym_agents.vllm_server", description=__doc__)
    parser.add_argument("--model", required=True, help="checkpoint folder")
    parser.add_argument("--address", default="", help="host:port; empty listens on a Unix socket")
    parser.add_argument("--settings", default="{}", type=json.loads, help="fields of EngineSettings, as JSON")
    parser.add_argument("--with-parent", action="store_true", help="end when stdin does")
    arguments = parser.parse_args()
    token = os.environ.pop(TOKEN, "")
    if len(token) < 16:
        parser.error(f"the variable {TOKEN} must hold a token of at least 16 characters, which clients must know, too")
    if arguments.with_parent:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    engine = LocalEngine(arguments.model, EngineSettings(**arguments.settings))
    with tempfile.TemporaryDirectory() as folder:
        address: Any = str(Path(folder) / "engine")
        if arguments.address:
            host, _, port = arguments.address.rpartition(":")
            address = (host, int(port))
        with connection.Listener(address, backlog=8) as listener:
            print(json.dumps({"address": listener.address}), file=report, flush=True)
            while True:
                pipe = listener.accept()
                threading.Thread(target=_serve, args=(pipe, token, engine), daemon=True).start()


def _end_with_stdin() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)


def _serve(pipe: connection.Connection, token: str, engine: LocalEngine) -> None:
    """Everything that one client says."""
    try:
        channel = welcome(pipe, token)
    except (AuthenticationError, EOFError, OSError) as error:
        logger.warning("a client was turned away: %s", error)
        pipe.close()
        return
    images: dict[str, np.ndarray] = {}
    try:
        while True:
            _do(channel, engine, images)
    except (EOFError, OSError):
        channel.close()
        if not engine.alive:
            os._exit(1)


def _do(channel: Channel, engine: LocalEngine, images: dict[str, np.ndarray]) -> None:
    """What the next message asks for."""
    header, parts = channel.receive()
    number, kind = header["number"], header["kind"]
    try:
        if kind == "image":
            images[header["digest"]] = array_of(parts[0], "uint8", header["shape"])
            return
        if kind == "ask":
            engine.ask(_request(header, parts[0], images)).add_done_callback(
                lambda future: _answer(channel, number, future)
            )
            return
        if kind == "weights":
            images.clear()  # the client sends those that it shows again
            engine.load_weights(_weights(channel, header["count"]), header["version"])
        elif kind == "sleep":
            engine.sleep(header["level"])
        elif kind == "wake":
            engine.wake(header["part"])
        else:
            raise ValueError(f"there is no message of kind {kind!r}")
        channel.send({"number": number, "kind": "done"})
    except Exception as error:
        _refuse(channel, number, error)
        if not engine.alive:
            raise EOFError from error


def _request(header: dict[str, Any], ids: memoryview, images: dict[str, np.ndarray]) -> Request:
    refs = tuple(ImageRef(*image) for image in header["images"])
    fields = {name: header[name] for name in ("expanded", "temperature", "seed", "max_new_tokens")}
    return Request(
        ids=array_of(ids, "int32"),
        images=refs,
        pixels=tuple(images[ref.digest] for ref in refs),
        end_ids=tuple(header["end_ids"]),
        banned_ids=tuple(header["banned_ids"]),
        **fields,
    )


def _weights(channel: Channel, count: int) -> Iterator[tuple[str, torch.Tensor]]:
    for _ in range(count):
        header, parts = channel.receive()
        dtype = getattr(torch, header["dtype"])
        flat = torch.frombuffer(bytearray(parts[0]), dtype=dtype) if len(parts[0]) else torch.zeros(0, dtype=dtype)
        yield header["name"], flat.view(header["shape"])


def _answer(channel: Channel, number: int, future: Future[Answer]) -> None:
    """Called in the engine's thread, which no client may end by hanging up."""
    try:
        error = future.exception()
        if error is not None:
            _refuse(channel, number, error)
            return
        answer = future.result()
        channel.send({"number": number, "kind": "answer", "version": answer.version}, [answer.ids, answer.logprobs])
    except OSError:
        logger.warning("the client of request %d has gone", number)


def _refuse(channel: Channel, number: int, error: BaseException) -> None:
    kinds = {"died": EngineDied, "value": ValueError}
    kind = next((name for name, known in kinds.items() if isinstance(error, known)), "other")
    channel.send({"number": number, "kind": "error", "error": kind, "message": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
