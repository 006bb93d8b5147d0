"""The time and the random numbers that an application sees while it serves: the episode's, not the machine's.

An application imports the standard modules; here its own references to them are replaced, in its modules alone. Nothing
changes for the rest of the process.
"""

from __future__ import annotations

import datetime as dt
import random
import sys
import time
from time import struct_time
from types import ModuleType
from typing import Any

__all__ = ["Clock"]


class Clock:
    """What one application's modules see instead of the machine's clock and entropy."""

    def __init__(self) -> None:
        self.now = 0.0
        """Seconds since 1970, UTC."""
        self.random = random.Random(0)

    def set(self, now: float, key: str) -> None:
        """Stop the clock at `now`, and draw random numbers from `key` alone."""
        self.now, self.random = now, random.Random(key)

    def time(self) -> float:
        """Like `time.time`."""
        return self.now

    def utcnow(self) -> dt.datetime:
        """The moment as an aware datetime in UTC."""
        return dt.datetime.fromtimestamp(self.now, dt.UTC)

    def token_bytes(self, size: int | None = None) -> bytes:
        """Like `secrets.token_bytes`."""
        return self.random.randbytes(32 if size is None else size)

    def replace_time(self, package: str) -> None:
        """In every loaded module of a package, replace what it imported as ``time`` and ``datetime``."""
        clock = self

        class FrozenDatetime(dt.datetime):
            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> Any:
                return cls.fromtimestamp(clock.now, tz) if tz else cls.utcnow()

            @classmethod
            def utcnow(cls) -> Any:
                return cls.fromtimestamp(clock.now, dt.UTC).replace(tzinfo=None)

        stands_for: dict[int, Any] = {
            id(time): _Like(time, time=self.time, gmtime=self._gmtime, localtime=self._gmtime),
            id(time.time): self.time,
            id(dt): _Like(dt, datetime=FrozenDatetime),
            id(dt.datetime): FrozenDatetime,
        }
        for name, module in list(sys.modules.items()):
            if name == package or name.startswith(f"{package}."):
                for attribute, value in list(vars(module).items()):
                    if id(value) in stands_for:
                        setattr(module, attribute, stands_for[id(value)])

    def _gmtime(self, seconds: float | None = None) -> struct_time:
        return time.gmtime(self.now if seconds is None else seconds)


class _Like:
    """A module with some of its names replaced."""

    def __init__(self, module: ModuleType, **replaced: Any):
        self.__dict__.update(replaced, _module=module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
