"""Dataclasses from plain values, and back: what the fields of a configuration may hold, and how they are read."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from tyro.constructors import PrimitiveConstructorSpec

__all__ = ["JSON", "Table", "at_least", "differences", "from_mapping", "only", "read_file", "share"]


def _read_table(words: list[str]) -> dict[str, Any]:
    table = json.loads(words[0])
    if not isinstance(table, dict):
        raise ValueError(f'expected a JSON object such as {{"level": 1}}; got {words[0]}')
    return table


JSON = PrimitiveConstructorSpec(
    nargs=1,
    metavar="JSON",
    instance_from_str=_read_table,
    is_instance=lambda value: isinstance(value, dict),
    str_from_instance=lambda value: [json.dumps(value)],
)
Table = Annotated[dict[str, Any], JSON]
"""Names and values of any kind: a table in a file, a JSON object on the command line."""


def at_least(config: Any, least: float, *names: str) -> None:
    """Raise a ValueError where one of the fields is not a finite number from `least` on."""
    for name in names:
        if not least <= getattr(config, name) < math.inf:
            raise ValueError(f"{name} must be at least {least:g}; got {getattr(config, name)}")


def only(where: str, table: Any, known: tuple[str, ...]) -> None:
    """Raise a ValueError for what is not a table, or one with other names than the known ones."""
    if not isinstance(table, Mapping) or set(table) - set(known):
        raise ValueError(f"{where} must be a table of {', '.join(known)}; got {table!r}")


def share(config: Any, *names: str) -> None:
    """Raise a ValueError where one of the fields is not from 0 to 1."""
    for name in names:
        if not 0 <= getattr(config, name) <= 1:
            raise ValueError(f"{name} must be from 0 to 1; got {getattr(config, name)}")


def read_file(path: Path) -> Any:
    """The content of a TOML or YAML file.

    Raises:
        ValueError: for another kind of file, or one that is not well formed.
    """
    if path.suffix == ".toml":
        return tomllib.loads(path.read_text())
    if path.suffix in (".yaml", ".yml"):
        return _read_yaml(path.read_text())
    raise ValueError(f"a configuration is a .toml, .yaml or .yml file; got {path}")


def _read_yaml(text: str) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML 1.1 takes 1e-3 for a word; everybody means the number."""

    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
    )
    try:
        content = yaml.load(text, Loader)  # a SafeLoader: plain values only
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    return {} if content is None else content


def from_mapping(kind: type[Any], content: Any, where: str = "") -> Any:
    """Build a dataclass from nested plain values.

    Raises:
        ValueError: naming the field, what came and what is allowed.
    """
    if not isinstance(content, Mapping):
        raise ValueError(f"{where or 'the configuration'} must be a table; got {content!r}")
    known = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    values = {}
    for name, value in content.items():
        full = f"{where}.{name}" if where else name
        if name not in names:
            raise ValueError(f"there is no field {full}; fields here: {', '.join(names)}")
        values[name] = _convert(value, known[name], full)
    try:
        return kind(**values)
    except ValueError as error:
        raise ValueError(f"{where}: {error}" if where else str(error)) from error


def _convert(value: Any, kind: Any, where: str) -> Any:
    """The value as `kind`, which is what a field is declared as."""
    if isinstance(kind, type) and is_dataclass(kind):
        return from_mapping(kind, value, where)
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{where} must be one of {', '.join(arguments)}; got {value!r}")
        return value
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{where} must be a list; got {value!r}")
        return tuple(_convert(part, arguments[0], f"{where}[{index}]") for index, part in enumerate(value))
    if origin is dict:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise ValueError(f"{where} must be a table with names; got {value!r}")
        return {name: _convert(part, arguments[1], f"{where}.{name}") for name, part in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise ValueError(f"{where} must be of type {kind.__name__}; got {value!r}")
    return value


def differences(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """The dotted names under which two nested mappings differ."""
    if not (isinstance(ours, Mapping) and isinstance(theirs, Mapping)):
        return [] if ours == theirs else [where]
    missing = object()
    return [
        name
        for key in {**theirs, **ours}
        for name in differences(ours.get(key, missing), theirs.get(key, missing), f"{where}.{key}" if where else key)
    ]
