"""All families of questions about sight and sound."""

from __future__ import annotations

from collections.abc import Mapping

from mmgym_video.procedural.audio_family import AudioFamily
from mmgym_video.procedural.families.audio_count import AudioCount
from mmgym_video.procedural.families.audio_glide import AudioGlide
from mmgym_video.procedural.families.audio_next import AudioNext
from mmgym_video.procedural.families.audio_rhythm import AudioRhythm
from mmgym_video.procedural.families.audio_thud import AudioThud
from mmgym_video.procedural.families.audio_tone import AudioTone
from mmgym_video.procedural.families.audio_voice import AudioVoice

__all__ = ["AUDIO_FAMILIES"]

AUDIO_FAMILIES: Mapping[str, AudioFamily] = {
    family.name: family
    for family in (
        AudioCount(),
        AudioGlide(),
        AudioNext(),
        AudioRhythm(),
        AudioThud(),
        AudioTone(),
        AudioVoice(),
    )
}
"""The families, by name."""
