"""Arguments of the constructors of all environments: one of the wrong kind is named, with what is allowed."""

import inspect
import json

import numpy as np
import pytest

import mmgym
from mmgym.registry import entries
from mmgym.rollout.host import load_attribute

NUMBERS = ("float", "int", "float | None", "int | None")


def arguments(annotations):
    """Each class of an environment with each of its arguments that has one of these annotations."""
    for entry in {entry.entry_point: entry for entry in entries()}.values():
        kind = load_attribute(entry.entry_point)
        makers = [base.__init__ for base in kind.__mro__ if issubclass(base, mmgym.MultimodalEnv)]
        found = {p.name: p.annotation for maker in makers for p in inspect.signature(maker).parameters.values()}
        for name, annotation in sorted(found.items()):
            if annotation in annotations:
                yield pytest.param(kind, entry.kwargs, name, id=f"{kind.__name__}-{name}")


@pytest.mark.parametrize(("kind", "others", "name"), list(arguments(NUMBERS)))
@pytest.mark.parametrize("wrong", ["x", [1], -1])
def test_what_is_no_number_is_named(kind, others, name, wrong):
    with pytest.raises(ValueError, match=rf"\b{name} (must be|cannot be given)"):
        kind(**{**others, name: wrong})


@pytest.mark.parametrize(("kind", "others", "name"), list(arguments(("bool",))))
@pytest.mark.parametrize("wrong", ["false", 1, None])
def test_what_is_not_true_or_false_is_named(kind, others, name, wrong):
    with pytest.raises(ValueError, match=rf"^{name} must be True or False; got {wrong!r}"):
        kind(**{**others, name: wrong})


def test_numbers_of_numpy_are_numbers():
    lake = load_attribute("mmgym_puzzles.frozen_lake:FrozenLake")(
        image_size=np.int64(64), max_turns=np.uint8(5), progress_reward=np.float32(0.5), is_slippery=np.bool_(False)
    )
    _, info = lake.reset(options={"level": np.int64(2)})
    assert json.loads(json.dumps(info)) == info
    assert (lake.image_size, lake.max_turns, lake.progress_reward, lake.is_slippery) == (64, 5, 0.5, False)
