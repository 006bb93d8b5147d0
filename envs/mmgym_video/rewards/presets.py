"""Published rewards of tool-using video and image models, as coded in their repositories, on whole transcripts.

Each takes a group (episodes of one question) and returns one reward per episode. Where the original asks a language
model whether an answer is right, a `Judge` does: by default the rules of `mmgym_video.scoring`; a language model can
be passed instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mmgym.env import choose
from mmgym.rewards.tags import between, is_framed
from mmgym_video.question import Question
from mmgym_video.rewards.transcript import Transcript, read_json_call
from mmgym_video.rewards.video_r1 import video_r1
from mmgym_video.scoring import Interval, is_correct, temporal_iou

__all__ = ["PRESETS", "Judge", "by_rule", "deepeyes", "framethinker", "longvt", "pixel_reasoner", "preset_rewards"]

Judge = Callable[[Question, str], float]
"""How right an answer is, from 0 to 1; LongVT's judge also gives .5."""

_LONGEST_ANSWER = 1000
"""Characters from which DeepEyes and LongVT call an answer an attempt to talk the judge round."""
_CLIPS = {"crop_video": ("start_time", "end_time"), "sample_clip": ("start", "end")}
"""Calls that LongVT takes for its clip, with the names of start and end: its own tool, and the one of VideoQA."""
_TAG = re.compile(r"<(think|tool_call|answer)>")
_ANSWER = re.compile(r"output answer:\s*(\S+)")
_WINDOW = re.compile(r"choose frames between ([0-9]{1,18}) and ([0-9]{1,18})(?![0-9])")
_LOOKUP = re.compile(r"get frame number at time\s+([0-9]{1,3}:[0-9]{2})")
_FOUND = re.compile(r"is:\s*([0-9]{1,18})")
_THOUGHT_NUMBER = re.compile(r"(?<!:)\b([0-9]+)\b(?!:)")
_TIME = re.compile(r"[0-9]+:[0-9]+")
_SHOWN = 8
"""Frames that FrameThinker shows of a window, as its reward counts them."""


def by_rule(question: Question, said: str) -> float:
    """1 if `said` is right by the rules of `mmgym_video.scoring`, else 0."""
    return float(is_correct(question, said))


def preset_rewards(name: str, group: Sequence[Transcript], **options: Any) -> list[float]:
    """The rewards of a group by the preset of this name.

    Args:
        name: one of `PRESETS`.
        group: episodes of one question.
        **options: what the preset takes besides, e.g. ``judge=`` or ``shuffled=``.

    Returns:
        One finite reward per episode.

    Raises:
        ValueError: for an unknown name, or when the episodes are of more than one question.
    """
    preset = PRESETS[choose("name", name, PRESETS)]
    if ids := sorted({transcript.question.id for transcript in group})[1:]:
        raise ValueError(f"a group is of one question; got also {', '.join(ids[:5])}")
    return preset(group, **options)


# --- DeepEyes --------------------------------------------------------------------------------------------------------


def deepeyes(group: Sequence[Transcript], judge: Judge = by_rule) -> list[float]:
    """DeepEyes (arXiv 2505.14362): .8 accuracy + .2 format + 1.2 tool.

    - accuracy, 0 to 1, by the judge, of what stands in the last ``<answer>`` (of the whole text without one).
    - format, 0 or -1: -1 unless ``<think>`` and ``</think>`` are equally many, and so are ``<answer>`` and
      ``</answer>`` after the last ``</think>``.
    - tool, 0 or 1: 1 if a tool returned a picture and accuracy is above .5.

    An answer of 1000 characters or more has accuracy 0 and a bad format.
    """
    return [_deepeyes(transcript, judge) for transcript in group]


def _deepeyes(transcript: Transcript, judge: Judge) -> float:
    text = transcript.text
    said = text.split("<answer>")[-1].split("</answer>")[0].strip()
    too_long = len(said) >= _LONGEST_ANSWER
    conclusion = text.split("</think>")[-1]
    formatted = _balanced(text, "think") and _balanced(conclusion, "answer") and not too_long
    accuracy = 0.0 if too_long else judge(transcript.question, said)
    looked = any(exchange.images for exchange in transcript.exchanges)
    return 0.8 * accuracy - 0.2 * (not formatted) + 1.2 * (looked and accuracy > 0.5)


# --- LongVT ----------------------------------------------------------------------------------------------------------


def longvt(group: Sequence[Transcript], judge: Judge = by_rule) -> list[float]:
    """LongVT (arXiv 2511.20785), as its training script sets it: accuracy + format + temporal IoU.

    - accuracy, 0 to 1, by the judge, of what stands in the last ``<answer>``; 0 for an empty one.
    - format, 0 or 1: a thought, then tool calls each followed by a thought, then the one answer, with nothing before
      and after, and every tag closed.
    - temporal IoU, 0 to 1, between the last clip that was called for (`crop_video`, or VideoQA's `sample_clip`) and the
      evidence, if a tool replied. LongVT's evidence is one interval; of several, the union counts.

    An answer of 1000 characters or more has accuracy 0 and a bad format.
    """
    return [_longvt(transcript, judge) for transcript in group]


def _longvt(transcript: Transcript, judge: Judge) -> float:
    text = transcript.text
    said = text.split("<answer>")[-1].split("</answer>")[0].strip()
    if "<answer>" not in text or "</answer>" not in text or len(said) >= _LONGEST_ANSWER:
        accuracy, formatted = 0.0, False
    else:
        accuracy, formatted = judge(transcript.question, said) if said else 0.0, _alternates(text)
    replied = any("<tool_call>" in exchange.said for exchange in transcript.exchanges[:-1])
    clip = _last_clip(text) if replied else None
    grounding = temporal_iou([clip], transcript.question.evidence) if clip else 0.0
    return accuracy + float(formatted) + grounding


def _alternates(text: str) -> bool:
    calls = text.count("<tool_call>")
    if not all(_balanced(text, tag) for tag in ("think", "tool_call", "answer")):
        return False
    if text.count("<answer>") != 1 or "<think>" not in text:
        return False
    stripped = text.strip()
    if not calls:
        return is_framed(stripped)
    expected = ["think", *["tool_call", "think"] * calls, "answer"]
    return stripped.startswith("<think>") and stripped.endswith("</answer>") and _TAG.findall(stripped) == expected


def _last_clip(text: str) -> Interval | None:
    """The last clip that was called for with two numbers; None if there is none, or if it has no length."""
    for body in reversed(between(text, "<tool_call>", "</tool_call>")):
        call = read_json_call(body.strip())
        if call is None or call[0] not in _CLIPS or not all(name in call[1] for name in _CLIPS[call[0]]):
            continue
        try:
            start, end = (float(call[1][name]) for name in _CLIPS[call[0]])
        except (TypeError, ValueError, OverflowError):
            continue
        return (start, end) if -math.inf < start < end < math.inf else None
    return None


# --- Pixel-Reasoner --------------------------------------------------------------------------------------------------


def pixel_reasoner(group: Sequence[Transcript], judge: Judge = by_rule) -> list[float]:
    r"""Pixel-Reasoner (arXiv 2505.15966): correctness + curiosity + penalty, the last two only with tools.

    - correctness, 0 to 1, by the judge; 0 if the last tool call failed and the model answered without mending it.
    - curiosity: .25 x max(.3 - rate, 0) / (1.5 for a video, 2 for pictures) / rate, where rate is the share of the
      group that called a tool.
    - penalty: -.05 x (calls - 1). A turn is one call if its text ends with one.

    What is judged stands in ``\boxed{}`` (the last one), else in ``<answer>`` (the first), else it is the last turn.
    """
    calls = [sum(_ends_in_call(exchange.said) for exchange in one.exchanges) for one in group]
    rate = sum(count > 0 for count in calls) / len(group) if group else 0.0
    rewards = []
    for transcript, count in zip(group, calls, strict=True):
        correctness = judge(transcript.question, _conclusion(transcript))
        if correctness > 0.5 and _last_call_failed(transcript):
            correctness = 0.0
        if count:
            most = 1.5 if transcript.is_video else 2.0
            correctness += 0.25 * max(0.3 - rate, 0.0) / most / rate - 0.05 * (count - 1)
        rewards.append(correctness)
    return rewards


def _ends_in_call(said: str) -> bool:
    return said.replace("<|im_end|>", "").endswith("</tool_call>")


def _last_call_failed(transcript: Transcript) -> bool:
    return len(transcript.exchanges) > 1 and transcript.exchanges[-2].failed


def _conclusion(transcript: Transcript) -> str:
    text = transcript.text
    if (start := text.rfind("\\boxed{")) >= 0:
        return _braced(text[start + len("\\boxed{") :])
    if answers := between(text, "<answer>", "</answer>"):
        return answers[0]
    return transcript.exchanges[-1].said if transcript.exchanges else ""


def _braced(text: str) -> str:
    """What stands before the brace that closes one opened just before `text`; all of it if none does."""
    depth = 1
    for position, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return text[:position]
    return text


# --- FrameThinker ----------------------------------------------------------------------------------------------------


def framethinker(group: Sequence[Transcript]) -> list[float]:
    """FrameThinker (arXiv 2509.24304): 0, or for the right letter 1 + .02 if it looked + .5 if it looked up a time.

    It reads FrameThinker's own wording. Each turn is a ``<think>`` and an ``<action>``, which is
    ``choose frames between A and B``, ``get frame number at time MM:SS`` (the reply says ``is: N``), or, at the end,
    ``output answer: X``. The .5 is paid where a frame above 0 was looked up and the question mentions a time.

    The whole reward is 0 where anything is amiss: another action; thoughts and actions not equally many; a window asked
    for before (the whole video counts as asked, and so does each window less one frame at both ends); one of 8 frames
    or fewer; one that is not the last two numbers of its thought; a time looked up twice; a looked-up frame outside the
    window chosen next; an answer straight after a look-up.
    """
    return [_framethinker(transcript) for transcript in group]


def _framethinker(transcript: Transcript) -> float:
    text = "".join(exchange.said + exchange.reply for exchange in transcript.exchanges)
    thoughts = between(text, "<think>", "</think>")
    actions = [action.strip() for action in between(text, "<action>", "</action>")]
    replies = between(text, "</action>", "<think>")
    answer = _ANSWER.match(actions[-1]) if actions else None
    if answer is None or len(thoughts) != len(actions):
        return 0.0
    windows = {(0, transcript.total_frames - 1)}
    times: set[str] = set()
    pending: int | None = None  # a frame that was looked up, which the next window must show
    looked, found_time = False, False
    for number, action in enumerate(actions[:-1]):
        if window := _WINDOW.match(action):
            start, end = int(window[1]), int(window[2])
            if (pending is not None and not start <= pending <= end) or (start, end) in windows:
                return 0.0
            if start >= end - _SHOWN or not _thought_of(start, end, thoughts[number]):
                return 0.0
            windows |= {(start, end), (start + 1, end - 1)}
            pending, looked = None, True
        elif (time := _LOOKUP.match(action)) and time[1] not in times and number < len(replies):
            found = _FOUND.search(replies[number])
            if found is None:
                return 0.0
            times.add(time[1])
            pending = int(found[1])
            found_time = found_time or pending > 0
        else:
            return 0.0
    if pending is not None or answer[1] != _expected(transcript.question):
        return 0.0
    asks_for_time = found_time and _TIME.search(transcript.question.question) is not None
    return 1.0 + 0.5 * asks_for_time + 0.02 * looked


def _thought_of(start: int, end: int, thought: str) -> bool:
    numbers = _THOUGHT_NUMBER.findall(thought)[-2:]
    return [number.lstrip("0") or "0" for number in numbers] == [str(start), str(end)]


def _expected(question: Question) -> str:
    return question.letter if question.kind == "choice" else question.answer


def _balanced(text: str, tag: str) -> bool:
    return text.count(f"<{tag}>") == text.count(f"</{tag}>")


PRESETS: Mapping[str, Callable[..., list[float]]] = MappingProxyType(
    {
        "deepeyes": deepeyes,
        "framethinker": framethinker,
        "longvt": longvt,
        "pixel_reasoner": pixel_reasoner,
        "video_r1": video_r1,
    }
)
"""Published rewards by name: functions from a group to its rewards, whose docstrings give formula and source."""
