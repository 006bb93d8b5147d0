"""A pipe to a worker that never makes the event loop wait: messages go and come in pieces, as there is room.

A worker may hang while it is sent something long, or be gone in the middle of what it sends. Who waited for it there
would no longer see the time pass.
"""

from __future__ import annotations

import collections
import socket
import struct

__all__ = ["Pipe", "read_message", "write_message"]

_SIZE = struct.Struct("!Q")
"""What goes before a message: how many bytes it has."""


class Pipe:
    """This process's end.

    Args:
        end: one of a pair of connected sockets; the worker has the other one.
    """

    def __init__(self, end: socket.socket):
        end.setblocking(False)
        self._end = end
        self._unsent: collections.deque[memoryview] = collections.deque()
        self._part, self._filled, self._is_size = bytearray(_SIZE.size), 0, True

    def fileno(self) -> int:
        """Its number, for an event loop."""
        return self._end.fileno()

    @property
    def has_unsent(self) -> bool:
        """Whether there was no room for all that was to be sent."""
        return bool(self._unsent)

    def send(self, message: bytes) -> None:
        """Send as much as there is room for; `flush` sends the rest.

        Raises:
            OSError: when the other end is gone.
        """
        self._unsent += [memoryview(_SIZE.pack(len(message))), memoryview(message)]
        self.flush()

    def flush(self) -> None:
        """Send what there is room for now.

        Raises:
            OSError: when the other end is gone.
        """
        while self._unsent:
            part = self._unsent.popleft()
            try:
                sent = self._end.send(part)
            except BlockingIOError:
                sent = 0
            if sent < len(part):
                self._unsent.appendleft(part[sent:])
                return

    def receive(self) -> bytearray | None:
        """The next message, once all of it has come; None until then.

        Raises:
            EOFError: when the other end is gone, perhaps in the middle of a message; an OSError if that was noticed
                otherwise.
        """
        while True:
            try:
                count = self._end.recv_into(memoryview(self._part)[self._filled :])
            except BlockingIOError:
                return None
            if not count:
                raise EOFError("the other end is gone")
            self._filled += count
            if self._filled < len(self._part):
                continue
            whole, self._filled, self._is_size = self._part, 0, not self._is_size
            self._part = bytearray(_SIZE.size if self._is_size else _SIZE.unpack(whole)[0])
            if self._is_size:
                return whole

    def close(self) -> None:
        """Close this end."""
        self._end.close()


def write_message(end: socket.socket, message: bytes) -> None:
    """Send a message from the other end, and wait until it is taken.

    Raises:
        OSError: when this end is gone.
    """
    end.sendall(_SIZE.pack(len(message)))
    end.sendall(message)


def read_message(end: socket.socket) -> bytearray:
    """Wait for a message at the other end.

    Raises:
        EOFError: when this end is gone.
    """
    (size,) = _SIZE.unpack(_read(end, _SIZE.size))
    return _read(end, size)


def _read(end: socket.socket, size: int) -> bytearray:
    part, filled = bytearray(size), 0
    while filled < size:
        count = end.recv_into(memoryview(part)[filled:])
        if not count:
            raise EOFError("the other end is gone")
        filled += count
    return part
