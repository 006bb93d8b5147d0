"""Playing many episodes at once: environments on one side, agents that answer in batches on the other."""

from mmgym.rollout.executor import Executor, Rollout, RolloutConfig
from mmgym.rollout.host import EnvironmentHost, Opening, StepResult

__all__ = ["EnvironmentHost", "Executor", "Opening", "Rollout", "RolloutConfig", "StepResult"]
