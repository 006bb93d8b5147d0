"""Arguments of the constructors of all environments: one of the wrong kind is named, with what is allowed."""

import inspect

import pytest

import mmgym
from mmgym.registry import entries
from mmgym.rollout.host import load_attribute


def numbers():
    """Each class of an environment with each of its arguments that is a number."""
    for entry in {entry.entry_point: entry for entry in entries()}.values():
        kind = load_attribute(entry.entry_point)
        makers = [base.__init__ for base in kind.__mro__ if issubclass(base, mmgym.MultimodalEnv)]
        found = {p.name: p.annotation for maker in makers for p in inspect.signature(maker).parameters.values()}
        for name, annotation in sorted(found.items()):
            if annotation in ("float", "int", "float | None", "int | None"):
                yield pytest.param(kind, entry.kwargs, name, id=f"{kind.__name__}-{name}")


@pytest.mark.parametrize(("kind", "others", "name"), list(numbers()))
@pytest.mark.parametrize("wrong", ["x", [1], -1])
def test_what_is_no_number_is_named(kind, others, name, wrong):
    with pytest.raises(ValueError, match=rf"\b{name} (must be|cannot be given)"):
        kind(**{**others, name: wrong})
