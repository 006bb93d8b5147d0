"""One call that runs every check on an environment."""

from __future__ import annotations

import functools
from collections.abc import Callable

import gymnasium as gym

from mmgym.testing import capability_checks, gymnasium_checks
from mmgym.testing.helpers import Make


def check_conformance(environment: str | Make, thorough: bool = False, seeds: int | None = None) -> None:
    """Check that an environment keeps the contract of `MultimodalEnv` and what its `Capabilities` declare.

    Args:
        environment: a registered id, or a callable that takes the constructor's keyword arguments (a class is one).
        thorough: also check more seeds, worker processes (`AsyncVectorEnv`) and `RecordVideo` (if moviepy is there; a
            warning is logged if it is not).
        seeds: how many seeds most checks try; None takes 20 if `thorough`, else 3.

    Raises:
        AssertionError: naming the check that failed and what was wrong.
    """
    make: Make = functools.partial(gym.make, environment) if isinstance(environment, str) else environment
    name = environment if isinstance(environment, str) else getattr(environment, "__name__", repr(environment))
    seeds = seeds or (20 if thorough else 3)
    for check in _CHECKS + (_THOROUGH_CHECKS if thorough else ()):
        label = check.__name__.removeprefix("check_").replace("_", " ")
        try:
            check(make, seeds)
        except Exception as error:
            raise AssertionError(f"{name}: {label}: {type(error).__name__}: {error}") from error


_CHECKS: tuple[Callable[[Make, int], None], ...] = (
    gymnasium_checks.check_gymnasium_checker,
    gymnasium_checks.check_determinism,
    gymnasium_checks.check_observations_and_info,
    gymnasium_checks.check_invalid_actions,
    gymnasium_checks.check_options,
    gymnasium_checks.check_splits_and_levels,
    gymnasium_checks.check_turn_limit,
    gymnasium_checks.check_pickling,
    gymnasium_checks.check_spec,
    gymnasium_checks.check_rendering,
    gymnasium_checks.check_vector_environments,
    capability_checks.check_snapshot,
    capability_checks.check_state_key,
    capability_checks.check_expert,
    capability_checks.check_questions,
    capability_checks.check_text_twin,
    capability_checks.check_messages_and_formats,
)
_THOROUGH_CHECKS: tuple[Callable[[Make, int], None], ...] = (
    gymnasium_checks.check_worker_processes,
    gymnasium_checks.check_record_video,
)
