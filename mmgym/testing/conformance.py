"""One call that runs every check on an environment."""

from __future__ import annotations

def check_conformance(environment: str | Make, thorough: bool = False) -> None:
    """Check that an environment keeps the contract of `MultimodalEnv` and what its `Capabilities` declare.

    Args:
        environment: a registered id, or a callable that takes the constructor's keyword arguments (a class is one).
        thorough: also check more seeds, worker processes (`AsyncVectorEnv`) and `RecordVideo` (if moviepy is there; a
            warning is logged if it is not).

    Raises:
        AssertionError: naming the check that failed and what was wrong.
    """
    make: Make = functools.partial(gym.make, environment) if isinstance(environment, str) else environment
    name = environment if isinstance(environment, str) else getattr(environment, "__name__", repr(environment))
    seeds = 20 if thorough else 3
    for check in _CHECKS + (_THOROUGH_CHECKS if thorough else ()):
        label = check.__name__.removeprefix("_check_").replace("_", " ")
        try:
            check(make, seeds)
        except Exception as error:
            raise AssertionError(f"{name}: {label}: {type(error).__name__}: {error}") from error


_CHECKS: tuple[Callable[[Make, int], None], ...] = (
    _check_gymnasium_checker,
    _check_determinism,
    _check_observations_and_info,
    _check_invalid_actions,
    _check_options,
    _check_splits_and_levels,
    _check_turn_limit,
    _check_pickling,
    _check_spec,
    _check_rendering,
    _check_vector_environments,
    _check_snapshot,
    _check_state_key,
    _check_expert,
    _check_questions,
    _check_text_twin,
    _check_messages_and_formats,
)
_THOROUGH_CHECKS: tuple[Callable[[Make, int], None], ...] = (_check_worker_processes, _check_record_video)


