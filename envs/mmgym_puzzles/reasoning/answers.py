r"""Whether a written answer is the number that was asked for.

The rule, in this order:

1. An exact form equal to the truth is right, however it is written: ``1/2``, ``0.5``, ``\frac{1}{2}``; ``2\sqrt{3}``,
   ``sqrt(12)``, ``6/√3``. Equality is decided exactly (`Surd`), not by rounding.
2. A decimal with at least two places and three significant digits is right if it is the truth rounded, or cut off, at
   its last place: ``3.46`` and ``3.464`` for 2*sqrt(3), not ``3.5`` or ``3.47``. No decimal but the truth itself passes
   for a whole number.
3. Where a relative tolerance is given, a number within it is right: 5 % for values read off a chart (ChartQA's relaxed
   accuracy, arXiv 2203.10244).

One number is one answer: ``1, 2, 3 or 4`` and ``3 or 4`` are refused. A unit may be left out; another unit is wrong.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from mmgym_puzzles.reasoning.expressions import MAX_LENGTH, Value, evaluate
from mmgym_puzzles.reasoning.surds import Surd

__all__ = ["Written", "is_right", "read_answer"]

_CLOSE = 1e-9
"""Relative error up to which values without an exact form, such as nested roots and sines, are equal."""

_LEAD = re.compile(
    r"\s*(?:(?:the\s+)?(?:final\s+)?answer\s*(?:is\b|:|=)\s*:?\s*)?"
    r"(?:(?:∠|\\angle|△|\\triangle)?\s*(?!pi\b)[A-Za-z]{1,5}\s*(?:=|≈|\\approx)\s*)?"
    r"(?:≈|\\approx|about\s|approximately\s)?\s*",
    re.IGNORECASE,
)
_LENGTHS = r"millimet(?:er|re)s?|centimet(?:er|re)s?|met(?:er|re)s?|units?|mm|cm|dm|km|in|ft|m|u"
_UNIT = re.compile(
    r"(?P<angle>°|º|\^\s*(?:\{\s*(?:\\circ|∘)\s*\}|\\circ|∘)|\\degree|\\circ|\bdeg(?:rees?)?\b)"
    r"|(?P<percent>\\?%|\bpercent\b)"
    r"|(?:(?P<square>\b(?:square|sq\.?)\s+)|\b|(?<=[0-9πi)}]))"
    rf"(?P<length>{_LENGTHS})(?P<power>\s*(?:\^\s*\{{?\s*[23]\s*\}}?|[²³]))?",
    re.IGNORECASE,
)
_SHORT = {"millimet": "mm", "centimet": "cm", "met": "m", "unit": "", "u": ""}
_PLAIN = re.compile(r"[-−+]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)\.([0-9]+)")  # noqa: RUF001
_WRAPPED = re.compile(r"\\(?:text|mathrm|textrm|mbox)\s*\{([^{}]*)\}")


@dataclass(frozen=True)
class Written:
    """A number as it was written."""

    value: Value
    places: int | None
    """Digits after the point of a plain decimal; None for every other form."""
    digits: int
    """Significant digits of a plain decimal, else 0."""
    unit: str
    """``°``, ``%``, a length such as ``cm``, an area such as ``cm2``, or empty."""


def read_answer(text: str) -> Written:
    """Read one number, with or without its unit.

    Raises:
        ValueError: with a message for the agent, for anything else.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"an answer has at most {MAX_LENGTH} characters")
    text = _unboxed(_WRAPPED.sub(r" \1 ", text)).strip()
    text = re.sub(r"^(?:\$\$?|\\[(\[])|(?:\$\$?|\\[)\]])\.?$", "", text).strip()
    text = text[_match_end(_LEAD, text) :]
    text = re.sub(r"(?<!\\)\.\s*$", "", text).strip().strip("$").strip()
    text, unit = _without_unit(text)
    if not text:
        raise ValueError("there is no number")
    try:
        value = evaluate(text)
    except ValueError as error:
        raise ValueError(f"give one number, such as 12, 2.5, 3/4 or 2*sqrt(3): {error}") from error
    plain = _PLAIN.fullmatch(text.replace("{,}", ","))
    digits = len(re.sub(r"[^0-9]", "", text).lstrip("0")) if plain else 0
    return Written(value, len(plain[1]) if plain else None, digits, unit)


def is_right(written: Written, truth: Surd, unit: str = "", relative: float = 0.0) -> bool:
    """Whether an answer is the truth, by the rule of this module.

    Args:
        written: the answer.
        truth: the number asked for.
        unit: its unit, as in `Written`.
        relative: tolerance as a share of the truth, or 0.
    """
    value = written.value
    if written.unit == "%" != unit:
        value = value / 100
    elif written.unit not in ("", unit):
        return False
    if isinstance(value, Surd) and value == truth:
        return True
    true, gap = float(truth), abs(float(value) - float(truth))
    if not isinstance(value, Surd) and gap <= _CLOSE * abs(true):
        return True
    if relative and gap <= relative * abs(true) * (1 + _CLOSE):
        return True
    if written.places is None or written.digits < 3 or not isinstance(value, Surd):
        return False
    places = written.places + (2 if written.unit == "%" != unit else 0)
    step, difference = Fraction(1, 10**places), value - truth
    off = Fraction(gap) if difference.rational is None else abs(difference.rational)
    cut_off = abs(float(value)) < abs(true) and off < step
    return places >= 2 and (cut_off or off <= step / 2)


def _unboxed(text: str) -> str:
    r"""What stands in the only ``\boxed{...}``, or the text itself without one."""
    parts = re.split(r"\\boxed\s*\{", text)
    if len(parts) == 1:
        return text
    if len(parts) > 2:
        raise ValueError("give one number: there is more than one box")
    depth = 1
    for index, letter in enumerate(parts[1]):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return parts[1][:index]
    raise ValueError("the box is not closed")


def _match_end(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _without_unit(text: str) -> tuple[str, str]:
    """The text without the unit at its end, and that unit."""
    for match in _UNIT.finditer(text):
        if match.end() != len(text):
            continue
        rest = text[: match.start()].rstrip().removesuffix("\\").rstrip()
        if match["angle"]:
            return rest, "°"
        if match["percent"]:
            return rest, "%"
        long = match["length"].lower()
        name = next((short for start, short in _SHORT.items() if long.startswith(start) and long != "mm"), long)
        power = "2" if match["square"] else re.sub(r"[^23]", "", (match["power"] or "").translate({178: "2", 179: "3"}))
        return rest, name + power if name else ""
    return text, ""
