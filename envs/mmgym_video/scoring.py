"""How right an answer is, by kind of question, and how well the moments that were looked at meet the evidence.

Answers are what a model wrote: any string is taken, none raises. One that is longer than `longest_answer` says is no
answer at all, so that the work stays bounded and nobody is paid for writing out everything.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

from mmgym.spaces import MAX_TEXT
from mmgym_video.question import LETTERS, Question

__all__ = [
    "FREE_TEXT_CORRECT",
    "REGRESSION_CORRECT",
    "Interval",
    "coverage",
    "hit_share",
    "is_correct",
    "longest_answer",
    "mean_relative_accuracy",
    "option_index",
    "read_number",
    "rouge",
    "score",
    "temporal_iou",
    "widen",
    "word_accuracy",
]

Interval = tuple[float, float]
"""(start, end) in seconds, start <= end."""

FREE_TEXT_CORRECT = 0.5
"""Mean ROUGE from which a free text counts as right."""
REGRESSION_CORRECT = 0.9
"""Score from which the number of a regression counts as right: within a tenth of the truth."""

_ARTICLES = ("a", "an", "the")
_PREFIX = re.compile(
    r"(?:(?:the|my)\s+)?(?:(?:final|correct|right|best)\s+)?(?:answer|option|choice)(?:\s+is)?\s*[:=]?\s*",
    re.IGNORECASE,
)
_WRAPPED = re.compile(
    r"[\"'`*_\u2018\u2019\u201c\u201d ]*[(\[<{]? ?\w ?[)\]>}]?[.,:;!?]?[\"'`*_\u2018\u2019\u201c\u201d ]*"
)
"""A letter as it stands for an option, folded: with brackets, emphasis or quotes around it, or a stop after it."""
_MINUS = str.maketrans({"\N{MINUS SIGN}": "-"})
_NUMBER_MARK = re.compile(r"(?<![^\W_])-(?=\.?[0-9])|(?<![^\W\d_])[.:,/](?=[0-9])")
_NUMBER = re.compile(
    r"(?<![^\W_])(?<!\^)[-+]?(?:(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)(?:e[-+]?[0-9]+)?",
    re.IGNORECASE,
)


# --- answers ---------------------------------------------------------------------------------------------------------


def longest_answer(question: Question) -> int:
    """Characters of the longest text that is taken for an answer: `mmgym.spaces.MAX_TEXT`, and twice any option."""
    return max(MAX_TEXT, *(2 * len(text) for text in (question.answer, *question.options)))


def score(question: Question, said: str) -> float:
    """How right `said` is, from 0 to 1.

    - ``choice``: 1 if it names the right option (`option_index`) and no other.
    - ``numeric``: 1 if its one number (`read_number`) equals the truth to two decimals.
    - ``ocr``: 1 - word error rate, at least 0; case and spaces do not count, nor does punctuation around the whole.
    - ``free_text``: the mean of ROUGE-1, ROUGE-2 and ROUGE-L (F-measures, stemmed); the truth itself scores 1.
    - ``name``: as ``ocr``, but articles and punctuation do not count: ``red ball`` is ``the red ball``.
    - ``regression``: 1 - abs(number - truth) / abs(truth), at least 0. A truth of 0 must be hit exactly.

    All kinds but ``name``, and their measures, are those of Video-R1 (arXiv 2503.21776), read less literally; Video-R1
    as coded is `mmgym_video.rewards.video_r1_accuracy`.
    """
    if len(said) > longest_answer(question):
        return 0.0
    if question.kind == "choice":
        return float(option_index(question, said) == question.answer_index)
    if question.kind == "ocr":
        return word_accuracy(_plain(question.answer), _plain(said))
    if question.kind == "name":
        return word_accuracy(_name(question.answer), _name(said))
    if question.kind == "free_text":
        return 1.0 if _plain(said) == _plain(question.answer) else rouge(question.answer, said)
    number, truth = read_number(said), _truth(question)
    if number is None:
        return 0.0
    if question.kind == "numeric":
        return float(round(number, 2) == round(truth, 2))
    if truth == 0:
        return float(number == 0)
    return max(0.0, 1.0 - abs(number - truth) / abs(truth))


def is_correct(question: Question, said: str) -> bool:
    """Whether `said` is right, strictly: a score of 1, or from `FREE_TEXT_CORRECT` or `REGRESSION_CORRECT` up."""
    needed = {"free_text": FREE_TEXT_CORRECT, "regression": REGRESSION_CORRECT}.get(question.kind, 1.0)
    return score(question, said) >= needed


def option_index(question: Question, said: str) -> int | None:
    """Index of the one option that `said` names; None if it names none, or more than one.

    In this order: a letter alone (``B``), the text of an option, a letter in brackets, quotes or before a stop (``b.``,
    ``(B)``, ``B:``), a letter with that option's text (``B. a red ball``), and the text with other punctuation; before
    any of them may stand "the answer is" or "option".
    A letter that belongs to an option always means that option, even where the text of another one is that letter.
    """
    if not question.options or len(said) > longest_answer(question):
        return None
    named = _named(question.options, said)
    if named is None and (prefix := _PREFIX.match(said.strip())):
        named = _named(question.options, said.strip()[prefix.end() :])
    return named


def _named(options: Sequence[str], said: str) -> int | None:
    letters = LETTERS[: len(options)].lower()
    folded = _fold(said)
    if len(folded) == 1 and folded in letters:
        return letters.index(folded)
    for plain in (str.strip, _fold):
        exact, text = [plain(option) for option in options], plain(said)
        if text and exact.count(text) == 1:
            return exact.index(text)
    words, texts = _words(said), [_words(option) for option in options]
    if len(words) == 1 and len(words[0]) == 1:  # "(A)" and "A." are that letter, "A-" and "C#" are none
        if not _WRAPPED.fullmatch(folded):
            return None
        if words[0] in letters:
            return letters.index(words[0])
    if len(words) > 1 and len(words[0]) == 1 and words[0] in letters and words[1:] == texts[letters.index(words[0])]:
        return letters.index(words[0])
    return texts.index(words) if words and texts.count(words) == 1 else None


def read_number(said: str) -> float | None:
    """The one number in a text; None where there is none, more than one, or one too large for a float.

    ``1,234.5``, ``-3``, ``.5``, ``2e3`` and ``5 m/s`` are read; a unit changes nothing, and per cent is a unit: ``50%``
    is 50. Digits that belong to a word (``m2``) are no number.
    """
    found = _NUMBER.findall(said.translate(_MINUS))
    if len(found) != 1:
        return None
    number = float(found[0].replace(",", ""))
    return number if math.isfinite(number) else None


def word_accuracy(truth: str, said: str) -> float:
    """1 - word error rate (edits of whole words per word of the truth), at least 0; words are split at white space."""
    import jiwer

    expected, words = truth.split(), said.split()
    if not expected:
        return float(not words)
    if len(words) >= 2 * len(expected):  # at least as many words too many as there are: nothing is left
        return 0.0
    return max(0.0, 1.0 - float(jiwer.wer(" ".join(expected), " ".join(words))))


def rouge(truth: str, said: str) -> float:
    """The mean F-measure of ROUGE-1, ROUGE-2 and ROUGE-L, with Porter's stemmer; only a-z and 0-9 count.

    A text of one word has no pairs of words, so ROUGE-2 is 0 and the mean at most 2/3.
    """
    from rouge_score import rouge_scorer  # type: ignore[import-untyped]

    names = ["rouge1", "rouge2", "rougeL"]
    found = rouge_scorer.RougeScorer(names, use_stemmer=True).score(truth, said)
    return float(sum(found[name].fmeasure for name in names)) / len(names)


def mean_relative_accuracy(truth: float, said: float) -> float:
    """VSI-Bench's measure of numbers (arXiv 2412.14171): the share of the thresholds .5, .55, ..., .95 that are met.

    A threshold is met where abs(said - truth) / truth <= 1 - threshold, as the benchmark's evaluation is coded.

    Raises:
        ValueError: for a truth that is not above 0, of which no share can be taken.
    """
    if not 0 < truth < math.inf:
        raise ValueError(f"truth must be a finite number above 0; got {truth!r}")
    import numpy as np

    return float(np.mean(abs(said - truth) / truth <= 1 - np.linspace(0.5, 0.95, 10)))


def _truth(question: Question) -> float:
    return float(question.answer.replace(",", ""))


def _fold(text: str) -> str:
    """A text without case, without width and form of its characters, with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_MINUS).casefold().split())


def _plain(text: str) -> str:
    """A folded text without the punctuation around it, such as quotes and the full stop; all of it if nothing is left.

    Signs of amounts stay: ``-5`` is not ``5``.
    """
    folded = _fold(text)
    return folded.strip("\"'`.,;:!?*\u2018\u2019\u201c\u201d ") or folded


def _name(text: str) -> str:
    """The words of a text without articles, unless nothing else is in it."""
    words = _words(text)
    return " ".join([word for word in words if word not in _ARTICLES] or words)


def _words(text: str) -> list[str]:
    """The words of a folded text, without punctuation, but for what belongs to a number (``-5``, ``1.5``, ``3:05``)."""
    folded = _fold(text)
    kept = {match.start() for match in _NUMBER_MARK.finditer(folded)}
    is_mark = (index not in kept and unicodedata.category(char)[0] in "PZC" for index, char in enumerate(folded))
    return "".join(" " if mark else char for mark, char in zip(is_mark, folded, strict=True)).split()


# --- where was looked ------------------------------------------------------------------------------------------------


def widen(times: Sequence[float], half_width: float, duration: float = math.inf) -> list[Interval]:
    """Frames as intervals: each time with `half_width` seconds before and after it, within [0, duration].

    Raises:
        ValueError: for a negative half-width.
    """
    if not half_width >= 0:
        raise ValueError(f"half_width must be a number from 0; got {half_width!r}")
    return [(max(0.0, time - half_width), min(duration, time + half_width)) for time in times]


def temporal_iou(requested: Sequence[Interval], evidence: Sequence[Interval]) -> float:
    """Length of what is in both, over the length of what is in either; intervals of one side that overlap count once.

    It is 0 where neither side has a length.

    Raises:
        ValueError: for an interval that ends before it starts, or is not finite.
    """
    one, other = _union(requested), _union(evidence)
    shared = _shared(one, other)
    total = _length(one) + _length(other) - shared
    return min(1.0, shared / total) if total > 0 else 0.0


def coverage(requested: Sequence[Interval], evidence: Sequence[Interval]) -> float:
    """Share of the evidence that was requested, by length; evidence of moments only, by their number.

    It is 0 without evidence.

    Raises:
        ValueError: for an interval that ends before it starts, or is not finite.
    """
    one, other = _union(requested), _union(evidence)
    length = _length(other)
    if length > 0:
        return min(1.0, _shared(one, other) / length)
    return hit_share([start for start, _ in other], one)


def hit_share(times: Sequence[float], evidence: Sequence[Interval]) -> float:
    """Share of `times` that lie in the evidence, its ends included; 0 without times."""
    hits = sum(any(start <= time <= end for start, end in evidence) for time in times)
    return hits / len(times) if times else 0.0


def _union(intervals: Sequence[Interval]) -> list[Interval]:
    """The same moments as disjoint intervals, in order."""
    merged: list[Interval] = []
    for start, end in sorted((float(start), float(end)) for start, end in intervals):
        if not -math.inf < start <= end < math.inf:
            raise ValueError(f"an interval must be finite and end after it starts; got {(start, end)}")
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _length(disjoint: Sequence[Interval]) -> float:
    return math.fsum(end - start for start, end in disjoint)


def _shared(one: Sequence[Interval], other: Sequence[Interval]) -> float:
    return math.fsum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a in one for b in other)
