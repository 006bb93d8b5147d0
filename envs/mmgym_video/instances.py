"""How an instance of a family is drawn: by a key that always gives the same one, whose content decides its split."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

from mmgym_puzzles.puzzle import MAX_DRAWS, layout_hash, split_of

__all__ = ["build", "find_key"]


class _Setting(Hashable, Protocol):
    @property
    def split(self) -> str: ...


class _Case(Protocol):
    @property
    def content(self) -> Hashable: ...


S = TypeVar("S", bound=_Setting, contravariant=True)
C = TypeVar("C", bound=_Case, covariant=True)


class _Family(Hashable, Protocol[S, C]):
    name: ClassVar[str]

    def draw(self, rng: np.random.Generator, setting: S) -> C: ...


def find_key(rng: np.random.Generator, family: _Family[S, C], setting: S) -> int:
    """A key of an instance whose content belongs to the setting's split; `build` makes the instance of it.

    Raises:
        RuntimeError: when none is found.
    """
    for _ in range(MAX_DRAWS):
        key = int(rng.integers(2**53))
        if split_of(layout_hash(family.name, build(family, setting, key).content)) == setting.split:
            return key
    raise RuntimeError(f"no instance of {family.name} for split {setting.split!r} found with {setting}")


def build(family: _Family[S, C], setting: S, key: int) -> C:
    """The instance of a key: always the same."""
    built: C = _build(family, setting, key)
    return built


@lru_cache(maxsize=64)
def _build(family: Any, setting: Any, key: int) -> Any:
    return family.draw(np.random.default_rng(key), setting)
