"""Written answers: exact forms, decimals, units, and what is refused."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgym_puzzles.reasoning.answers import is_right, read_answer
from mmgym_puzzles.reasoning.expressions import evaluate, show
from mmgym_puzzles.reasoning.surds import Inexact, Surd, whole

PI = evaluate("pi")
ROOT = evaluate("2*sqrt(3)")


def right(text, truth, unit="", relative=0.0):
    return is_right(read_answer(text), truth, unit, relative)


@pytest.mark.parametrize(
    ("truth", "texts"),
    [
        (whole(12), ["12", "12.0", "12.", "+12", " 12 ", "24/2", "x = 12", "AB=12", "the answer is 12", "$12$", "3*4"]),
        (
            whole(Fraction(3, 2)),
            ["3/2", "1.5", "1 1/2", "1½", r"\frac{3}{2}", r"\frac32", r"1\frac{1}{2}", "6/4", r"\boxed{1.5}"],
        ),
        (
            ROOT,
            [
                r"2\sqrt{3}",
                "2*sqrt(3)",
                "2√3",
                "sqrt(12)",
                "√12",
                "6/√3",
                "3.46",
                "3.464",
                "3.4641",
                "≈ 3.46",
                "12^0.5",
                "12^(1/2)",
            ],
        ),
        (evaluate("3*pi/4"), ["3π/4", "3pi/4", r"\frac{3\pi}{4}", "0.75π", "2.36", "2.356", "2.35"]),
        (whole(1234567), ["1234567", "1,234,567", r"1{,}234{,}567"]),
        (whole(-7), ["-7", "−7", "- 7"]),  # noqa: RUF001
        (whole(Fraction(9, 8)), ["1.125", "1.13", "1.12", "1 1/8"]),
        (whole(Fraction(1, 3)), ["1/3", "0.333", ".333", "0.3333", "2^-1 * 2/3"]),
        (evaluate("1/(1+sqrt(2))"), ["sqrt(2)-1", "0.414"]),
        (evaluate("9*pi-sqrt(2)"), ["9π - √2", r"9\pi-\sqrt{2}", "26.86"]),
    ],
)
def test_equal_forms_are_right(truth, texts):
    for text in texts:
        assert right(text, truth), text


@pytest.mark.parametrize(
    ("truth", "texts"),
    [
        (whole(2), ["1.99", "2.01", "1.999999", "2.000001", "sqrt(4.01)"]),
        (ROOT, ["3.5", "3.4", "3", "3.47", "3.45", "2*sqrt(2)", "3.5000"]),
        (PI, ["22/7", "3.1", "3", "3.15", "355/113"]),
        (whole(Fraction(1, 3)), ["0.3", "0.33", "0.334", "0.3335", "3", "33.3"]),
        (whole(Fraction(1, 250)), ["0.00", "0.01", "0.0040001"]),
    ],
)
def test_other_numbers_are_wrong(truth, texts):
    for text in texts:
        assert not right(text, truth), text


def test_units():
    for text in ("40°", "40 degrees", "40 deg", r"40^\circ", r"40^{\circ}", "40", "∠ABC = 40°", r"40\degree"):
        assert right(text, whole(40), "°"), text
    for text in ("12 cm", "12cm", r"12\text{ cm}", r"12\,\mathrm{cm}", "12", "12 units", "12 centimetres"):
        assert right(text, whole(12), "cm"), text
    for text in ("9π cm^2", "9π cm²", "9*pi square cm", "9π sq. cm", "9π", "28.27 cm^2", "9π square units"):
        assert right(text, evaluate("9*pi"), "cm2"), text
    for text in ("12 m", "12 cm^2", "12°", "12 mm"):
        assert not right(text, whole(12), "cm"), text
    assert right("25%", whole(Fraction(1, 4))) and right("25 percent", whole(25), "%") and not right("25%", whole(25))
    assert right("33.3%", whole(Fraction(1, 3))) and not right("33%", whole(Fraction(1, 3)))


def test_a_relative_tolerance():
    assert right("105", whole(100), relative=0.05) and right("95", whole(100), relative=0.05)
    assert not right("105.1", whole(100), relative=0.05) and not right("-100", whole(100), relative=0.05)
    assert right("0", whole(0), relative=0.05) and not right("0.01", whole(0), relative=0.05)


REFUSED = [
    "",
    " ",
    "1, 2, 3 or 4",
    "1,2,3",
    "3 or 4",
    "3 and 4",
    "3 4",
    "1,23",
    "12 13 cm",
    "between 3 and 4",
    "x",
    "about",
]
REFUSED += [
    "__import__('os')",
    "(1",
    "1)",
    "1/0",
    "0^-1",
    "sqrt(-1)",
    "(-8)^0.5",
    "9^9^9",
    "10^60",
    "1e400",
    "nan",
    "inf",
]
REFUSED += [
    "(" * 100,
    "-" * 200,
    "5±1",
    "2:3",
    "asin(2)",
    r"\boxed{1} \boxed{2}",
    r"\boxed{1",
    "1_000",
    "١٢",
    "0x10",
    "5!",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_single_number_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_answer(text)


@given(st.text(max_size=220) | st.text("0123456789+-*/^()., \\{}√πsqrtfacin%°cm", max_size=60))
@settings(max_examples=400, deadline=None)
def test_no_text_is_more_than_a_value_error(text):
    try:
        written = read_answer(text)
    except ValueError:
        return
    assert math.isfinite(float(written.value)) and is_right(written, whole(3), "cm", 0.05) in (True, False)


@given(st.fractions(min_value=-999, max_value=999, max_denominator=60))
def test_a_fraction_is_itself_however_it_is_written(value):
    truth = whole(value)
    above, below, sign = abs(value.numerator), value.denominator, "-" if value < 0 else ""
    for text in (
        f"{value}",
        rf"{sign}\frac{{{above}}}{{{below}}}",
        f"{3 * value.numerator}/{3 * below}",
        f"\\boxed{{{value}}}",
    ):
        assert right(text, truth) and right(text + " cm", truth, "cm"), text
    assert not right(str(value + 1), truth)
    for places in (3, 5):
        assert abs(value) < 1 or right(f"{float(value):.{places}f}", truth)


NUMBERS = st.builds(
    lambda a, b, n, k: whole(a) + Surd.root(n) * b * PI**k,
    st.fractions(-20, 20, max_denominator=12),
    st.fractions(-20, 20, max_denominator=12),
    st.integers(0, 60),
    st.integers(0, 1),
)


@given(NUMBERS, NUMBERS)
@settings(deadline=None)
def test_arithmetic_agrees_with_floats_and_writing_with_reading(one, other):
    def close(a, b):
        return math.isclose(float(a), b, rel_tol=1e-9, abs_tol=1e-9)

    assert close(one + other, float(one) + float(other)) and close(one - other, float(one) - float(other))
    assert close(one * other, float(one) * float(other)) and one - one == whole(0)
    assert evaluate(str(one)) == one
    if abs(float(other)) > 1e-6:
        try:
            assert (one / other) * other == one
        except Inexact:
            assert "pi" in str(other)


def test_a_number_too_large_under_the_root_is_inexact():
    """Trial division of the product of two such primes would take minutes."""
    with pytest.raises(Inexact):
        Surd.root(999999937) * Surd.root(999999929)
    below = 1 + math.sqrt(999999937) * math.sqrt(999999929)
    assert evaluate("1/(1+sqrt(999999937)*sqrt(999999929))") == pytest.approx(1 / below)
    assert evaluate("sqrt(999999937)*sqrt(999999937)") == whole(999999937)


def test_values_are_shown_exactly_and_as_decimals():
    assert [show(evaluate(text)) for text in ("6/2", "1/4", "1/3", "sqrt(8)")] == [
        "3",
        "0.25",
        "1/3 ≈ 0.333333",
        "2*sqrt(2) ≈ 2.82843",
    ]
    assert show(evaluate("sin(30)+cos(60)+tan(45)")) == "2" and show(evaluate("sin(50)")) == "≈ 0.766044"
    assert (
        evaluate("-2^2") == whole(-4) and evaluate("2^3^2") == whole(512) and evaluate("1/2/2") == whole(Fraction(1, 4))
    )
