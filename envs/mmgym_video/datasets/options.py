r"""Options and answers as they are written: ``A. red``, ``(A) red``, inside the question, by letter, index or text."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Sequence
from typing import Any

from mmgym_video.datasets.row import RowError
from mmgym_video.question import LETTERS

__all__ = ["bare_options", "by_index", "by_letter", "by_text", "split_question"]

_LABEL = re.compile(r"\s*\(?([A-Z])[.):]+\s*")
_INLINE = re.compile(r"\(([A-Z])\)\s*")
_LETTER = re.compile(r"\(?([A-Za-z])[.):]*")


def bare_options(options: Sequence[str]) -> tuple[str, ...]:
    """Options without the letters before them, when they all have one and the letters run A, B, C ...

    Otherwise they stay as they are: an option "A. Lincoln" among others without letters keeps its initial.
    """
    labels = [_LABEL.match(option) for option in options]
    if len(options) <= len(LETTERS) and all(
        label and label[1] == letter for label, letter in zip(labels, LETTERS, strict=False)
    ):
        return tuple(option[label.end() :].strip() for option, label in zip(options, labels, strict=True) if label)
    return tuple(option.strip() for option in options)


def split_question(text: str) -> tuple[str, tuple[str, ...]]:
    """The question and the options of a text that holds both: on lines of their own, or ``(A) .. (B) ..`` in one line.

    The options are the last run of letters from A to the end of the text; a line without a letter continues the option
    before it.

    Raises:
        RowError: when it holds no two such options.
    """
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if (label := _LABEL.match(line)) and label[1] == "A"]
    for start in reversed(starts):
        options: list[str] = []
        for line in lines[start:]:
            label = _LABEL.match(line)
            if label and len(options) < len(LETTERS) and label[1] == LETTERS[len(options)]:
                options.append(line[label.end() :].strip())
            elif line.strip():
                options[-1] = f"{options[-1]} {line.strip()}"
        if len(options) > 1:
            return "\n".join(lines[:start]).strip(), tuple(options)
    labels = list(_INLINE.finditer(text))
    for first in reversed([i for i, label in enumerate(labels) if label[1] == "A"]):
        run = labels[first:]
        if len(run) > 1 and [label[1] for label in run] == list(LETTERS[: len(run)]):
            ends = [label.start() for label in run[1:]] + [len(text)]
            found = tuple(text[label.end() : end].strip() for label, end in zip(run, ends, strict=True))
            return text[: run[0].start()].strip(), found
    raise RowError(
        f"question must hold its options, as lines 'A. ...' or '(A) ...' from A on; got {reprlib.repr(text)}"
    )


def by_letter(options: Sequence[str], answer: Any) -> str:
    """The option that a letter names, written ``B``, ``b``, ``(B)``, ``B.``, or with the option's text after it."""
    if isinstance(answer, str):
        name = answer.strip()
        letter = _LETTER.fullmatch(name)
        index = LETTERS.index(letter[1].upper()) if letter else -1
        if letter is None and (label := _LABEL.match(name)):
            index = LETTERS.index(label[1])
            if index < len(options) and name[label.end() :] != options[index]:
                index = -1
        if 0 <= index < len(options):
            return _once(options, options[index])
    letters = LETTERS[: len(options)]
    raise RowError(f"answer must be one of the letters {', '.join(letters)}; got {reprlib.repr(answer)}")


def by_index(options: Sequence[str], answer: Any) -> str:
    """The option at an index, counted from 0; an integer, or a text of digits."""
    index = int(answer) if isinstance(answer, str) and re.fullmatch(r"[0-9]{1,4}", answer.strip()) else answer
    if isinstance(index, float) and index.is_integer():
        index = int(index)
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(options):
        raise RowError(f"answer must be an index from 0 to {len(options) - 1}; got {reprlib.repr(answer)}")
    return _once(options, options[index])


def by_text(options: Sequence[str], answer: Any) -> str:
    """The option that is equal to the answer."""
    if not isinstance(answer, str) or answer not in options:
        raise RowError(
            f"answer must be the text of one of the options {reprlib.repr(list(options))}; got {answer!r:.80}"
        )
    return _once(options, answer)


def _once(options: Sequence[str], right: str) -> str:
    if options.count(right) > 1:
        raise RowError(f"the right option {right!r:.80} stands {options.count(right)} times among the options")
    return right
