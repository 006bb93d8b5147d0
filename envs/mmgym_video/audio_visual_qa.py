"""AudioVisualQA: answer a question about a video that has to be heard as well as seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast

import gymnasium as gym
import numpy as np

from mmgym.env import Capabilities, Effect, MachineryFailure, choose
from mmgym.parts import AudioSpace
from mmgym.spaces import ToolCall, flag, tool
from mmgym_video.looking import Shot
from mmgym_video.pictures import WHOLE, crop
from mmgym_video.procedural.audio_catalogue import AUDIO_FAMILIES
from mmgym_video.procedural.reader import Reader
from mmgym_video.procedural.sound import RATE, resampled, sounds_in_words
from mmgym_video.procedural.sound_stage import SoundStage
from mmgym_video.procedural.spectrogram import draw_spectrogram, seen_part
from mmgym_video.procedural.speech import has_speech
from mmgym_video.procedural.stage import Fact
from mmgym_video.video import VideoError
from mmgym_video.video_qa import Seconds, VideoQA

__all__ = ["LONGEST", "WHOLE_SOUND", "AudioVisualQA"]

WHOLE_SOUND = 300.0
"""Seconds of the longest video whose sound is given whole at the start."""
LONGEST = 120.0
"""Seconds of the longest stretch that one call gives."""
SHORTEST = 0.1
"""Seconds of the shortest."""
PAUSE = 0.5
"""Seconds of silence between two stretches that are heard in one turn."""
GIVEN = ("whole", "asked")
SPECTROGRAM_SIZE = (576, 768)
"""Height and width at which a spectrogram is drawn; it is shown smaller, and a zoom shows more of it."""
_MARK = "spectrogram"


class AudioVisualQA(VideoQA):
    """Answer a question about a video that has to be heard as well as seen.

    ## Description
    `VideoQA` with sound: tones, beeps, blows and a voice tell when to look or what to look for, and pictures tell the
    rest. Neither the pictures without the sound nor the sound without the pictures leave more than a guess. The sound
    is a waveform in the observation; agents without ears can ask for spectrograms, which are pictures.

    ## Action space
    The tools of `VideoQA`, and `listen(start, end)`, which gives the sound of a stretch of at most two minutes, and
    `spectrogram(start, end)`, which shows a picture of it: time to the right, pitch upwards from 88 to 5657 Hz in
    octaves, loudness as brightness from -70 to -10 dB. It counts as a picture and can be zoomed into.

    ## Observation space
    `task`: as in `VideoQA`. `sound`: what is newly heard, float32 (samples,) at 16 kHz, empty for nothing; stretches of
    one turn follow one another with half a second between them. `frames`, `text` and `feedback`: as in `VideoQA`; the
    text twin tells in words what is heard, and has no `sound`.

    ## Starting state
    A random instance of one of the families, each as likely; families with a voice are left out where the extra
    ``speech`` is not installed. The sound of videos up to five minutes is given whole. The split is decided by a hash
    of what is asked about; `ood` has other shades, another ground and another timbre.

    ## Rewards
    As in `VideoQA`; `info["measures"]` has `listens` as well, and a look is also a call that listens.

    ## Episode end
    As in `VideoQA`.

    ## Arguments
    - `sound`: `"whole"` (of short videos, at the start) or `"asked"` (by `listen` alone).
    - `mute`: whether nothing is heard, in no way (a probe).
    - `questions`: files of a user's own may have any sample rate; a silent video has no sound to ask for.
    - and those of `VideoQA`.

    ## Version history
    - v0: first version.
    """

    capabilities = Capabilities(order_sensitive=True, audio_needed=True)
    all_families: ClassVar[Any] = AUDIO_FAMILIES
    instruction = (
        "Answer the question about the video, which has to be heard and seen. You get only what you ask for: listen "
        "gives the sound of a stretch, spectrogram shows a picture of it, get_frame shows the frame at a time in "
        "seconds, sample_clip several frames of a stretch, scan one every so many seconds, zoom a part of a picture "
        "that was shown, subtitle what is said. Pictures and turns are limited. When you know the answer, give the "
        "letter of the option with answer; you can answer once."
    )
    listened: tuple[tuple[float, float], ...]
    """Stretches that were heard, (start, end) in seconds, in the order in which they were given."""

    def __init__(
        self,
        *,
        families: Sequence[str] | None = None,
        questions: str | None = None,
        sound: str = "whole",
        mute: bool = False,
        **arguments: Any,
    ) -> None:
        self.sound_given = choose("sound", sound, GIVEN)
        self.mute = flag("mute", mute)
        if self.mute:  # who hears nothing can but guess
            self.capabilities = replace(self.capabilities, expert="optimal_in_expectation")
        if questions is None and not has_speech():
            silent = [name for name, family in AUDIO_FAMILIES.items() if not family.needs_speech]
            families = silent if families is None else tuple(families)
            if missing := [name for name in families if name in AUDIO_FAMILIES and name not in silent]:
                raise ValueError(
                    f'families {", ".join(missing)} need a voice: pip install "mmgym[speech]"; '
                    f"without it there are {', '.join(silent)}"
                )
        super().__init__(families=families, questions=questions, **arguments)

    # --- tools -------------------------------------------------------------------------------------------------------

    @tool
    def listen(self, start: Seconds, end: Seconds) -> Effect:
        """Give the sound of a stretch of the video.

        Args:
            start: seconds.
            end: seconds, at most 120 after the start.
        """
        if problem := self._bad_sound(start, end):
            return self._refused(problem)
        self._counts["looks"] += 1
        self._counts["listens"] += 1
        self._counts["repeats"] += (start, end) in self.listened
        self.listened = (*self.listened, (start, end))
        return Effect(True, f"The sound is that from {start:g} s to {end:g} s.")

    @tool
    def spectrogram(self, start: Seconds, end: Seconds) -> Effect:
        """Show a picture of the sound of a stretch: time to the right, pitch upwards, louder is brighter.

        Args:
            start: seconds.
            end: seconds, at most 120 after the start.
        """
        if problem := self._bad_sound(start, end):
            return self._refused(problem)
        return self._take([Shot(marks=((_MARK, start, end),))])

    def _bad_sound(self, start: float, end: float) -> str:
        """Why the sound of a stretch cannot be had; empty if it can."""
        if not self.video.sample_rate:
            return "This video has no sound."
        if problem := self._bad_stretch(start, end):
            return problem
        if not SHORTEST <= end - start <= LONGEST:
            return (
                f"A stretch must be {SHORTEST:g} to {LONGEST:g} s long; {start:g} s to {end:g} s is {end - start:g} s."
            )
        return ""

    # --- what is heard -----------------------------------------------------------------------------------------------

    def _sound(self, start: float, end: float) -> np.ndarray:
        """The sound of a stretch: float32 (samples,) in [-1, 1] at 16 kHz."""
        if self.mute:
            return np.zeros(round(end * RATE) - round(start * RATE), np.float32)
        try:
            return resampled(self.video.sound(start, end), self.video.sample_rate)
        except VideoError as error:
            raise MachineryFailure(str(error)) from error

    def _hear(self, start: float, end: float) -> tuple[Fact, ...]:
        """What is heard in a stretch of a drawn video."""
        assert self.instance.case is not None
        return () if self.mute else cast(SoundStage, self.instance.case.video).heard(start, end)

    def _heard_at_start(self) -> tuple[tuple[float, float], ...]:
        """The stretches whose sound is given without being asked for."""
        whole = self.sound_given == "whole" and self.video.sample_rate and self.video.duration <= WHOLE_SOUND
        return ((0.0, self.video.duration),) if whole else ()

    def _newly_heard(self) -> tuple[tuple[float, float], ...]:
        """The stretches whose sound is new in this turn."""
        return self.listened if self.turn == 0 else self.listened[len(self.listened) - self._counts["listens"] :]

    # --- the instance ------------------------------------------------------------------------------------------------

    def _start_turn(self) -> None:
        super()._start_turn()
        self._counts["listens"] = 0

    def _open(self, state: dict[str, Any]) -> None:
        super()._open(state)
        self.listened = ()

    def _generate(self, task: Any) -> None:
        super()._generate(task)
        self.listened = self._heard_at_start()

    def _instance_state(self) -> dict[str, Any]:
        return {**super()._instance_state(), "listened": [list(stretch) for stretch in self.listened]}

    def _set_instance(self, state: dict[str, Any]) -> None:
        super()._set_instance({name: value for name, value in state.items() if name != "listened"})
        self.listened = tuple((start, end) for start, end in state["listened"])

    # --- what is seen ------------------------------------------------------------------------------------------------

    def _observation_parts(self) -> dict[str, gym.Space[Any]]:
        parts = super()._observation_parts()
        if self.obs_mode == "text":
            return parts
        seconds = max(WHOLE_SOUND, self.action_space.max_calls * (LONGEST + PAUSE))
        return {"task": parts.pop("task"), "sound": AudioSpace(RATE, seconds), **parts}

    def _observe(self) -> dict[str, Any]:
        observation = super()._observe()
        new = self._newly_heard()
        if self.obs_mode != "image":
            heard = [
                f"Heard from {start:g} s to {end:g} s: {sounds_in_words(self._hear(start, end))}." for start, end in new
            ]
            observation["text"] = "\n".join([*heard, observation["text"]])
        if self.obs_mode == "text":
            return observation
        pieces: list[np.ndarray] = [np.zeros(0, np.float32)]
        for number, (start, end) in enumerate(new):
            pieces += [np.zeros(round(PAUSE * RATE) if number else 0, np.float32), self._sound(start, end)]
        return {"task": observation.pop("task"), "sound": np.concatenate(pieces), **observation}

    def _about(self) -> str:
        said = super()._about()
        if not self.video.sample_rate:
            return f"{said} It is silent."
        if not self._heard_at_start():
            return f"{said} It has sound: listen gives it."
        return f"{said} Its whole sound is {'in this message' if self.turn == 0 else 'in the first message'}."

    def _caption(self, number: int, shot: Shot) -> str:
        if not _is_spectrogram(shot):
            return super()._caption(number, shot)
        _, start, end = shot.marks[0]
        part = "" if shot.box == WHOLE else ", a part of it"
        return f"Picture {number}, spectrogram of the sound from {start:g} s to {end:g} s{part}:"

    def _moments(self, shot: Shot) -> Sequence[tuple[float, float]]:
        if not _is_spectrogram(shot):
            return super()._moments(shot)
        _, start, end = shot.marks[0]
        return (seen_part(shot.box, start, end, *SPECTROGRAM_SIZE)[:2],)

    def _picture(self, shot: Shot) -> np.ndarray:
        if not _is_spectrogram(shot):
            return super()._picture(shot)
        _, start, end = shot.marks[0]
        whole = draw_spectrogram(self._sound(start, end), start, *SPECTROGRAM_SIZE)
        return crop(whole, shot.box, *self._shown_size(shot))

    def _shown_size(self, shot: Shot) -> tuple[int, int]:
        if not _is_spectrogram(shot):
            return super()._shown_size(shot)
        left, top, right, bottom = shot.box
        height, width = SPECTROGRAM_SIZE
        return self.shown_size(max(1, round(height * (bottom - top))), max(1, round(width * (right - left))))

    def _in_words(self, shot: Shot) -> str:
        if not _is_spectrogram(shot):
            return super()._in_words(shot)
        _, start, end = shot.marks[0]
        start, end, low, high = seen_part(shot.box, start, end, *SPECTROGRAM_SIZE)
        seen = [fact for fact in self._hear(start, end) if not fact["pitch"] or low <= fact["pitch"] <= high]
        return sounds_in_words([{**fact, "text": None} for fact in seen])

    # --- the expert and the questions --------------------------------------------------------------------------------

    def _reader(self) -> Reader:
        reader = super()._reader()
        reader.hear = self._hear
        return reader

    def _expert_call(self) -> ToolCall:
        return self._reader().plan(self.shots, self.frames_left, self.listened)[0]

    def _planned_steps(self) -> int:
        return len(self._reader().plan(self.shots[: self._previewed], self.frame_budget, self._heard_at_start()))

    def _questions(self, rng: np.random.Generator) -> list[tuple[str, str]]:
        asked = super()._questions(rng)
        for start, end in self._newly_heard():
            facts = self._hear(start, end)
            asked += [
                (f"How many {kind}s are heard from {start:g} s to {end:g} s?", str(count))
                for kind in ("beep", "tone", "word")
                if (count := sum(fact["kind"] == kind for fact in facts))
            ]
            asked.append((f"Is anything heard from {start:g} s to {end:g} s?", "yes" if facts else "no"))
        return [asked[i] for i in rng.permutation(len(asked))]


def _is_spectrogram(shot: Shot) -> bool:
    return bool(shot.marks) and shot.marks[0][0] == _MARK
