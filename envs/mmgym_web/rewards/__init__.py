"""What acting on screens earns: a reward spec for the environments, and published rewards of GUI agents by name."""

from mmgym_web.rewards.arpo import GuiEpisode, arpo, can_be_read
from mmgym_web.rewards.single_step import Step, gui_r1, ui_r1
from mmgym_web.rewards.specs import turn_specs

__all__ = ["GuiEpisode", "Step", "arpo", "can_be_read", "gui_r1", "turn_specs", "ui_r1"]
