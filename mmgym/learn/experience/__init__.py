"""Which experience is gathered and which is learned from: curriculum, replay, refill, filters, and an alarm."""

from mmgym.learn.experience.alarm import Alarm, AlarmConfig
from mmgym.learn.experience.curriculum import Arm, Curriculum, CurriculumConfig
from mmgym.learn.experience.replay import Replacement, SuccessReplay
from mmgym.learn.experience.selection import RefillPlan, only_successes, refill_plan

__all__ = [
    "Alarm",
    "AlarmConfig",
    "Arm",
    "Curriculum",
    "CurriculumConfig",
    "RefillPlan",
    "Replacement",
    "SuccessReplay",
    "only_successes",
    "refill_plan",
]
