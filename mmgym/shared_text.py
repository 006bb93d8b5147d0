"""Text observations in Gymnasium's asynchronous vector environments, with their default shared memory.

`gymnasium.vector.AsyncVectorEnv` reads shared memory once, when it is built, and afterwards relies on arrays that are
views of it. Text has no such view: Gymnasium's own `Text` comes back as it was at the start, and unknown spaces raise.
For `TextSpace` the shared memory holds the length and the UTF-8 bytes of each environment's text, and what is read is a
sequence that decodes when it is looked at; the copy that `AsyncVectorEnv` hands out is a plain tuple of strings.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from gymnasium.vector.utils import create_shared_memory, read_from_shared_memory, write_to_shared_memory

from mmgym.spaces import TextSpace

_HEADER = 4
_BYTES_PER_CHARACTER = 4


class SharedTexts(Sequence[str]):
    """The current texts of `n` environments, decoded from shared memory when read; a deep copy is a tuple."""

    def __init__(self, memory: Any, n: int):
        self._rows = np.frombuffer(memory.get_obj(), dtype=np.uint8).reshape(n, -1)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self)[index]
        row = self._rows[index]
        length = int(row[:_HEADER].view(np.uint32)[0])
        return row[_HEADER : _HEADER + length].tobytes().decode("utf-8", "surrogatepass")

    def __deepcopy__(self, memo: dict[int, Any]) -> tuple[str, ...]:
        return tuple(self)


@create_shared_memory.register(TextSpace)
def _create(space: TextSpace, n: int = 1, ctx: Any = None) -> Any:
    # rows start at multiples of 4 bytes, where the length can be read as a number
    row = _HEADER + _BYTES_PER_CHARACTER * space.max_length
    return (ctx or multiprocessing).Array("B", n * row)


@read_from_shared_memory.register(TextSpace)
def _read(space: TextSpace, shared_memory: Any, n: int = 1) -> SharedTexts:
    return SharedTexts(shared_memory, n)


@write_to_shared_memory.register(TextSpace)
def _write(space: TextSpace, index: int, value: str, shared_memory: Any) -> None:
    row_size = _HEADER + _BYTES_PER_CHARACTER * space.max_length
    encoded = value.encode("utf-8", "surrogatepass")
    row = np.frombuffer(shared_memory.get_obj(), dtype=np.uint8)[index * row_size : (index + 1) * row_size]
    row[:_HEADER].view(np.uint32)[0] = len(encoded)
    row[_HEADER : _HEADER + len(encoded)] = np.frombuffer(encoded, dtype=np.uint8)
