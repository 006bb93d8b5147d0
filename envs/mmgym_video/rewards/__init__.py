"""What an answer about a video earns: reward specs for the environments, and published rewards by name."""

from mmgym_video.rewards.presets import PRESETS, by_rule, deepeyes, framethinker, longvt, pixel_reasoner, preset_rewards
from mmgym_video.rewards.specs import turn_specs
from mmgym_video.rewards.transcript import Exchange, Transcript
from mmgym_video.rewards.video_r1 import contrast_bonus, length_bonus, video_r1, video_r1_accuracy

__all__ = [
    "PRESETS",
    "Exchange",
    "Transcript",
    "by_rule",
    "contrast_bonus",
    "deepeyes",
    "framethinker",
    "length_bonus",
    "longvt",
    "pixel_reasoner",
    "preset_rewards",
    "turn_specs",
    "video_r1",
    "video_r1_accuracy",
]
