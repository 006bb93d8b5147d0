"""Environment ids: what plug-ins announce, registered with Gymnasium without importing any environment.

A plug-in is a package whose ``PLUGIN`` attribute holds a `Plugin`, announced by an entry point of the group
``mmgym.plugins`` (``my_package = "my_package:PLUGIN"``). Only these tables of strings are read on ``import mmgym``; the
environments are imported by `gymnasium.make`. A package imports nothing heavy in its ``__init__``.

`gymnasium.make_vec` works with every id, in-process (``vectorization_mode="sync"``, the default) and with one process
per environment (``"async"``; `mmgym.shared_text` carries the text). Observations with several images (a `Sequence`)
have no fixed size, so ``"async"`` needs ``vector_kwargs={"shared_memory": False}`` there; without it Gymnasium raises.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
import warnings
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import gymnasium as gym

__all__ = [
    "GROUP",
    "EnvironmentEntry",
    "Plugin",
    "PluginWarning",
    "Suite",
    "SuiteEntry",
    "entries",
    "entry",
    "load_plugins",
    "plugins",
    "register",
    "suite",
    "suites",
]

GROUP = "mmgym.plugins"
"""The entry-point group by which packages announce environments."""


class PluginWarning(UserWarning):
    """A plug-in could not be loaded; its environments are missing."""


@dataclass(frozen=True)
class EnvironmentEntry:
    """One environment id."""

    id: str
    """Gymnasium id, e.g. ``mmgym/FrozenLake-v0``."""
    entry_point: str
    """``module:Class``."""
    family: str
    """Family of environments, e.g. ``grid``."""
    summary: str
    """One line for ``mmgym list``."""
    tools: tuple[str, ...]
    """Names of the tools."""
    image: tuple[int, int] = (224, 224)
    """Height and width of its picture in pixels, unless an argument changes them."""
    levels: int = 5
    """Number of levels."""
    presets: tuple[str, ...] = ()
    """Values of the constructor's ``preset``."""
    kwargs: dict[str, Any] = field(default_factory=dict)
    """Constructor arguments of this id."""


@dataclass(frozen=True)
class SuiteEntry:
    """Instances of one environment in a suite."""

    id: str
    """Gymnasium id."""
    levels: tuple[int, ...] = ()
    """Each of these is played as often as `episodes` says; empty leaves the level to the arguments."""
    split: str = "test"
    """train, val, test or ood."""
    kwargs: dict[str, Any] = field(default_factory=dict)
    """Constructor arguments, e.g. preset."""
    episodes: int = 50
    """Instances of each level, unless a run says otherwise."""
    max_turns: int | None = None
    """Turns of an episode; None leaves the limit to the environment."""


@dataclass(frozen=True)
class Suite:
    """A named list of instances that agents are compared on.

    Suites of the same name and version from several plug-ins are one suite.
    """

    name: str
    version: int
    """Changes whenever the entries do: results of different versions are not compared."""
    entries: tuple[SuiteEntry, ...]
    summary: str = ""
    """One line: what it is for."""

    @property
    def full_name(self) -> str:
        """Name and version, e.g. ``core@1``."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True)
class Plugin:
    """What a package of environments announces."""

    name: str
    environments: tuple[EnvironmentEntry, ...]
    extra: str = ""
    """The extra of mmgym that installs what these environments need, or empty."""
    suites: tuple[Suite, ...] = ()
    """What it adds to suites."""

    def __post_init__(self) -> None:
        maker = sys._getframe(2).f_globals.get("__name__", "")  # the package whose table this is
        if maker in _half_imported:
            _half_imported.remove(maker)
            _add(self)


_entries: dict[str, EnvironmentEntry] = {}
_plugins: dict[str, Plugin] = {}
_half_imported: list[str] = []
"""A package imported before mmgym: it imports mmgym on its way to its ``PLUGIN``, which is added once it is made."""


def register(entry: EnvironmentEntry) -> None:
    """Register one environment id, here and with Gymnasium. Registering an equal entry again changes nothing.

    Raises:
        ValueError: when the id is taken by something else, or the entry point is not ``module:Class``.
    """
    if _entries.get(entry.id) == entry:
        return
    if entry.id in _entries or entry.id in gym.registry:
        owner = _entries[entry.id].entry_point if entry.id in _entries else gym.registry[entry.id].entry_point
        raise ValueError(f"the id {entry.id!r} is taken by {owner}; choose another")
    module, _, name = entry.entry_point.partition(":")
    if not module or not name:
        raise ValueError(f"the entry point of {entry.id!r} must be 'module:Class'; got {entry.entry_point!r}")
    gym.register(entry.id, entry_point=entry.entry_point, kwargs=dict(entry.kwargs))
    _entries[entry.id] = entry


def load_plugins() -> None:
    """Register the environments of every installed plug-in. One that fails is named in a `PluginWarning`."""
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            _load(point)
        except Exception as error:  # another package's failure must not take ours with it
            message = f"mmgym plug-in {point.name!r} ({point.value}) was not loaded: {type(error).__name__}: {error}"
            warnings.warn(message, PluginWarning, stacklevel=2)


def _load(point: EntryPoint) -> None:
    spec = getattr(sys.modules.get(point.module), "__spec__", None)
    if getattr(spec, "_initializing", False):
        _half_imported.append(point.module)
        return
    attribute = point.attr or "PLUGIN"
    module = importlib.import_module(point.module)
    if not hasattr(module, attribute) and module.__spec__ is not None and module.__spec__.loader is not None:
        # the package was imported first and is importing mmgym just now: its table is read off a second, passing copy
        module = importlib.util.module_from_spec(module.__spec__)
        module.__spec__.loader.exec_module(module)  # type: ignore[union-attr]
    plugin = getattr(module, attribute)
    if not isinstance(plugin, Plugin):
        raise TypeError(f"expected a mmgym.registry.Plugin; got {type(plugin).__name__}")
    _add(plugin)


def _add(plugin: Plugin) -> None:
    for environment in plugin.environments:
        register(environment)
    _plugins[plugin.name] = plugin


def plugins() -> list[Plugin]:
    """The plug-ins that were loaded, by name."""
    return [_plugins[name] for name in sorted(_plugins)]


def suites() -> dict[str, Suite]:
    """Every suite by its full name (``core@1``), its entries in the order of plug-ins."""
    found: dict[str, Suite] = {}
    for plugin in plugins():
        for suite in plugin.suites:
            before = found.get(suite.full_name)
            if before is None:
                found[suite.full_name] = suite
            else:
                found[suite.full_name] = Suite(
                    suite.name, suite.version, before.entries + suite.entries, before.summary or suite.summary
                )
    return dict(sorted(found.items()))


def suite(name: str) -> Suite:
    """The suite of a name, ``core`` or ``core@1``; without a version the newest.

    Raises:
        ValueError: for an unknown suite, naming those there are.
    """
    found = suites()
    versions = [one for one in found.values() if name in (one.name, one.full_name)]
    if not versions:
        raise ValueError(f"unknown suite {name!r}; there are: {', '.join(found) or 'none (is a plug-in installed?)'}")
    return max(versions, key=lambda one: one.version)


def entries() -> list[EnvironmentEntry]:
    """Every registered environment, by id."""
    return [_entries[id] for id in sorted(_entries)]


def entry(id: str) -> EnvironmentEntry:
    """The entry of an id.

    Raises:
        ValueError: for an unknown id, naming the nearest ones, or all where none is near.
    """
    if id in _entries:
        return _entries[id]
    known = sorted(_entries)
    folded = {name.casefold(): name for name in known} | {name.casefold().rpartition("/")[2]: name for name in known}
    near = list(dict.fromkeys(folded[n] for n in difflib.get_close_matches(str(id).casefold(), folded, cutoff=0.5)))
    if near:
        hint = f"did you mean {' or '.join(near)}? mmgym list shows all {len(known)}"
    else:
        hint = f"known: {', '.join(known) or 'none (is a plug-in installed?)'}"
    raise ValueError(f"unknown environment {id!r}; {hint}")
