"""Messages between a run and an engine in another process: a JSON header and raw arrays, over an authenticated pipe.

Nothing is pickled: what comes over the wire is numbers, and cannot run. Both ends prove that they know the token
before anything else is read (the HMAC challenge of `multiprocessing.connection`); what follows is not encrypted.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import threading
from collections.abc import Sequence
from multiprocessing import connection
from typing import Any

import numpy as np

__all__ = ["TOKEN", "Channel", "array_of", "bytes_of", "join", "welcome"]

TOKEN = "MMGYM_VLLM_TOKEN"
"""Environment variable of the token that both ends know."""

_HEADER = struct.Struct("<I")


class Channel:
    """One end of a connection. Any thread may send; one receives."""

    def __init__(self, pipe: connection.Connection):
        self._pipe = pipe
        self._sending = threading.Lock()

    def send(self, header: dict[str, Any], arrays: Sequence[np.ndarray] = ()) -> None:
        """Send a message.

        Args:
            header: JSON-able.
            arrays: of any type and shape; the header has to say which.

        Raises:
            OSError: when the other end is gone.
        """
        parts = [bytes_of(array) for array in arrays]
        text = json.dumps({**header, "sizes": [len(part) for part in parts]}).encode()
        with self._sending:
            self._pipe.send_bytes(b"".join([_HEADER.pack(len(text)), text, *parts]))

    def receive(self) -> tuple[dict[str, Any], list[memoryview]]:
        """Wait for a message: its header, and the bytes of its arrays.

        Raises:
            EOFError, OSError: when the other end is gone.
        """
        content = memoryview(self._pipe.recv_bytes())
        (size,) = _HEADER.unpack(content[:4])
        start = 4 + size
        header = json.loads(bytes(content[4:start]))
        parts = []
        for length in header.pop("sizes"):
            parts.append(content[start : start + length])
            start += length
        return header, parts

    def waits(self, seconds: float) -> bool:
        """Whether a message, or the end, comes within some seconds."""
        return self._pipe.poll(seconds)

    def hang_up(self) -> None:
        """Let both ends see the end, also one that is about to send or to receive."""
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._pipe.fileno())) as twin:
            twin.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up and let go, once nothing is received here any more."""
        self.hang_up()
        with self._sending:
            self._pipe.close()


def join(address: str | tuple[str, int], token: str) -> Channel:
    """Connect to a server.

    Args:
        address: path of a Unix socket, or host and port.
        token: what it lets in with.

    Raises:
        OSError: when nobody listens there.
        multiprocessing.AuthenticationError: when its token is another.
    """
    pipe = connection.Client(address, authkey=token.encode())
    _send_at_once(pipe)
    return Channel(pipe)


def welcome(pipe: connection.Connection, token: str) -> Channel:
    """The server's side of `join`, for a connection that was accepted.

    Raises:
        EOFError, OSError, multiprocessing.AuthenticationError: when it is not let in.
    """
    connection.deliver_challenge(pipe, token.encode())
    connection.answer_challenge(pipe, token.encode())
    _send_at_once(pipe)
    return Channel(pipe)


def bytes_of(array: np.ndarray) -> memoryview:
    """The bytes of an array."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def array_of(content: memoryview, dtype: str, shape: Sequence[int] = (-1,)) -> np.ndarray:
    """The inverse; the array can be written to."""
    return np.frombuffer(bytearray(content), dtype).reshape(shape)


def _send_at_once(pipe: connection.Connection) -> None:
    """Small messages must not wait for others to share a packet with."""
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(pipe.fileno())) as twin:
        twin.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
