"""The reward of Video-R1, with T-GRPO's contrast term, as it is coded.

Two things differ from the code: an answer of ``nan`` to a regression earns 0 (as coded it earns 1, whatever the
truth), and numbers are compared in float64 where the trainer averages in float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from mmgym.rewards.tags import between, is_framed
from mmgym_video.question import Question
from mmgym_video.rewards.transcript import Transcript
from mmgym_video.scoring import rouge, word_accuracy

__all__ = ["contrast_bonus", "length_bonus", "video_r1", "video_r1_accuracy"]

_CORRECT = 0.1
"""Accuracy above which an answer counts as correct for the bonuses."""


def video_r1(
    group: Sequence[Transcript], shuffled: Sequence[Transcript] | None = None, length_control: bool = True
) -> list[float]:
    """Video-R1 (arXiv 2503.21776): accuracy + format + contrast + length.

    - accuracy, 0 to 1: `video_r1_accuracy` of the whole text.
    - format, 0 or 1: the whole text is ``<think>...</think><answer>...</answer>``.
    - contrast, 0 or .3: `contrast_bonus`, for videos, where answers on shuffled frames are given.
    - length, 0 or .2: `length_bonus`.

    Args:
        group: episodes of one question.
        shuffled: episodes of the same question with the frames in random order (Video-R1: half as many as in `group`);
            None for plain GRPO.
        length_control: whether to pay for length.
    """
    accuracies = [video_r1_accuracy(one.question, one.text) for one in group]
    rewards = [accuracy + float(is_framed(one.text)) for accuracy, one in zip(accuracies, group, strict=True)]
    if shuffled is not None and group and group[0].is_video:
        contrast = contrast_bonus(accuracies, [video_r1_accuracy(one.question, one.text) for one in shuffled])
        rewards = [reward + bonus for reward, bonus in zip(rewards, contrast, strict=True)]
    if length_control:
        length = length_bonus(accuracies, [one.tokens for one in group])
        rewards = [reward + bonus for reward, bonus in zip(rewards, length, strict=True)]
    return rewards


def contrast_bonus(ordered: Sequence[float], shuffled: Sequence[float]) -> list[float]:
    """T-GRPO's bonus for each episode that saw the frames in order.

    It is .3 where its accuracy is above .1, if the mean accuracy on ordered frames is at least .8 of the mean on
    shuffled ones; else 0 for all.

    Args:
        ordered: accuracies of a group, 0 to 1.
        shuffled: accuracies of episodes of the same question with shuffled frames.

    Raises:
        ValueError: without accuracies on shuffled frames: there is nothing to contrast with.
    """
    if not shuffled:
        raise ValueError("shuffled must hold at least one accuracy; got none")
    if not ordered or math.fsum(ordered) / len(ordered) < 0.8 * math.fsum(shuffled) / len(shuffled):
        return [0.0] * len(ordered)
    return [0.3 if accuracy > _CORRECT else 0.0 for accuracy in ordered]


def length_bonus(accuracies: Sequence[float], tokens: Sequence[int]) -> list[float]:
    """Video-R1's length reward of each episode of a group.

    It is .2 where the accuracy is above .1 and 320 to 512 tokens were sampled, if more than one episode has such an
    accuracy; else 0.
    """
    correct = [accuracy > _CORRECT for accuracy in accuracies]
    several = sum(correct) > 1
    return [0.2 if several and right and 320 <= n <= 512 else 0.0 for right, n in zip(correct, tokens, strict=True)]


def video_r1_accuracy(question: Question, text: str) -> float:
    """Accuracy, 0 to 1, of the first ``<answer>`` in a text, to the letter.

    - ``choice``: 1 for the letter of the right option and nothing else.
    - ``numeric``: 1 if both numbers, or neither, have a point or comma and they are equal to two decimals.
    - ``ocr``: 1 - word error rate, case and punctuation included, at least 0; so for ``name``, which Video-R1 has not.
    - ``free_text``: the mean of ROUGE-1, ROUGE-2 and ROUGE-L.
    - ``regression``: 1 - (abs(said - truth) + 1e-9) / (abs(truth) + 1e-9), at least 0; so 0 where the truth is 0.
    """
    said = next(iter(between(text, "<answer>", "</answer>")), "").strip()
    truth = question.answer
    if question.kind == "choice":
        return float(said == question.letter)
    if question.kind in ("ocr", "name"):
        return word_accuracy(truth, said)
    if question.kind == "free_text":
        return rouge(truth, said)
    number, target = _number(said), _number(truth)
    if number is None or target is None:
        return 0.0
    if question.kind == "numeric":
        same_form = _has_decimals(said) == _has_decimals(truth)
        return float(same_form and round(number, 2) == round(target, 2))
    return 1.0 - min(1.0, (abs(number - target) + 1e-9) / (abs(target) + 1e-9))


def _has_decimals(text: str) -> bool:
    return "." in text or "," in text


def _number(text: str) -> float | None:
    try:
        number = float(text.replace(",", ""))
    except ValueError:
        return None
    return None if math.isnan(number) else number
