"""Answers of every kind by hand, what nobody may be paid for, and how looking is held against the evidence."""

import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmgym_video.question import Question
from mmgym_video.scoring import (
    coverage,
    hit_share,
    is_correct,
    longest_answer,
    mean_relative_accuracy,
    option_index,
    read_number,
    rouge,
    score,
    temporal_iou,
    widen,
    word_accuracy,
)

COLORS = ("a red ball", "a blue ball", "the ball", "-5", "5")


def ask(answer: str, kind: str, options: tuple[str, ...] = ()) -> Question:
    return Question(id="q", video="v", question="What?", answer=answer, options=options, kind=kind)


CHOICE = ask("a blue ball", "choice", COLORS)
EVERY_KIND = [
    CHOICE,
    ask("12", "numeric"),
    ask("EXIT 12", "ocr"),
    ask("a man opens the door", "free_text"),
    ask("40", "regression"),
    ask("0", "regression"),
    ask("the red ball", "name"),
]


# --- choice ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        *(
            "B",
            "b",
            "B.",
            "(B)",
            " B) ",
            "**B**",
            "B. a blue ball",
            "B) A BLUE BALL!",
            "(B): a  blue-ball",
            "B a blue ball",
        ),
        *(
            "a blue ball",
            "A Blue Ball.",
            "a  blue\nball",
            '"a blue ball"',
            "The answer is B.",
            "option (B)",
            "Answer: B",
        ),
        *("the correct answer is a blue ball", "\uff22", "my final answer is: B. a blue ball"),
    ],
)
def test_an_option_is_named_by_letter_by_text_or_by_both(said):
    assert option_index(CHOICE, said) == 1
    assert score(CHOICE, said) == 1.0 and is_correct(CHOICE, said)


@pytest.mark.parametrize(
    "said",
    [
        *("A or B", "A, B", "AB", "B B", "B. a red ball", "a red ball a blue ball", "B. The ball, or A"),
        *(
            "blue ball",
            "it is a blue ball that moves",
            "blue",
            "ball",
            "F",
            "Z",
            "",
            " ",
            ".",
            "1",
            "answer",
            "55",
            "the",
        ),
        "the answer is",
    ],
)
def test_what_names_no_option_or_several_names_none(said):
    assert option_index(CHOICE, said) is None
    assert score(CHOICE, said) == 0.0 and not is_correct(CHOICE, said)


def test_another_option_is_wrong():
    assert option_index(CHOICE, "A") == 0 and score(CHOICE, "A") == 0.0 and not is_correct(CHOICE, "a red ball")


def test_signs_and_points_in_numbers_are_no_mere_punctuation():
    assert [option_index(CHOICE, said) for said in ("-5", "5", "\u22125", "5.", "(-5)")] == [3, 4, 3, 4, 3]
    times = ask("3:05", "choice", ("3:05", "30:5", "3.05", "305"))
    assert [option_index(times, said) for said in ("3:05", "3:05.", "305", "3.05", "3 05")] == [0, 0, 3, 2, None]


def test_options_that_differ_in_case_or_punctuation_alone_need_to_be_said_exactly():
    question = ask("USA", "choice", ("usa", "USA", "U.S.A."))
    assert [option_index(question, said) for said in ("USA", "usa", "U.S.A.", "Usa")] == [1, 0, 2, None]


def test_a_letter_means_the_option_that_has_it_even_where_another_option_is_that_letter():
    question = ask("A", "choice", ("B", "A", "Z"))
    assert [option_index(question, said) for said in ("A", "b", "B. A", "A. A", "Z")] == [0, 1, 1, None, 2]


def test_a_text_that_begins_with_a_letter_is_the_option_with_that_text():
    question = ask("a dog", "choice", ("dog", "a dog", "cat"))
    assert option_index(question, "A dog") == 1 and option_index(question, "A. dog") == 0


def test_a_mark_that_belongs_to_a_text_makes_no_letter_of_it():
    grades = ask("A-", "choice", ("B", "C", "A-", "D"))
    assert [option_index(grades, said) for said in ("A-", "a-", "A", "(A)", "A.", "**A**", '"A":', "C-")] == [
        *(2, 2, 0, 0, 0, 0),
        *(None, None),
    ]
    languages = ask("C#", "choice", ("C++", "Java", "Go", "C#"))
    said = ("C#", "c#.", "the answer is C#", "C", "[C]", "C:", "C)", "C++", "D. C#", "B#", "#B", "C*")
    assert [option_index(languages, one) for one in said] == [3, None, 3, 2, 2, 2, 2, 0, 3, None, None, 2]
    assert not is_correct(ask("Go", "choice", ("C", "Go", "Rust")), "B#")


def test_options_of_symbols_are_told_apart():
    question = ask("+", "choice", ("+", "-", "?", "\u2605"))
    assert [option_index(question, said) for said in ("+", "-", "?", "\u2605", "!")] == [0, 1, 2, 3, None]


def test_a_question_without_options_has_none_to_name():
    assert option_index(ask("5", "numeric"), "A") is None


# --- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "number"),
    [
        *(("5", 5), ("-3", -3), ("+3.50", 3.5), (".5", 0.5), ("5.", 5), ("1,234.5", 1234.5), ("12,345,678", 12345678)),
        *(("2e3", 2000), ("$5", 5), ("50%", 50), ("5 m/s", 5), ("5 m2", 5), ("5 m^2", 5), ("about 7 balls.", 7)),
        *(("\u22124", -4), ("007", 7)),
    ],
)
def test_one_number_is_read_with_its_unit(said, number):
    assert read_number(said) == number


@pytest.mark.parametrize(
    "said",
    ["", "three", "3 or 4", "5-6", "1,23", "1.2.3", "3:05", "1/2", "nan", "inf", "1e999", "9" * 400, "m2", "1 234"],
)
def test_none_several_or_endless_numbers_are_none(said):
    assert read_number(said) is None


def test_numbers_are_equal_to_two_decimals():
    question = ask("1,000.50", "numeric")
    assert [score(question, said) for said in ("1000.5", "1,000.504", "1000.51", "1000", "1000.5 or 3")] == [
        1,
        1,
        0,
        0,
        0,
    ]
    assert is_correct(question, "1000.5 m") and not is_correct(question, "1001")


def test_a_regression_is_one_less_the_relative_error():
    question = ask("40", "regression")
    assert [score(question, said) for said in ("40", "30", "50", "44", "80", "-40", "none")] == pytest.approx(
        [1, 0.75, 0.75, 0.9, 0, 0, 0]
    )
    assert score(ask("-40", "regression"), "-30") == pytest.approx(0.75)
    assert is_correct(question, "43.9") and is_correct(question, "36.1") and not is_correct(question, "45")


def test_a_regression_to_zero_must_be_hit():
    assert [score(ask("0", "regression"), said) for said in ("0", "0.0", "-0", "0.001")] == [1, 1, 1, 0]


def test_mean_relative_accuracy_counts_the_thresholds_that_are_met():
    # off by 0, 12 %, 27 %, 52 % of the truth: thresholds up to .95, .85, .70, none of .5, .55, ..., .95
    assert [mean_relative_accuracy(100, said) for said in (100, 112, 73, 152)] == pytest.approx([1, 0.8, 0.5, 0])
    assert mean_relative_accuracy(4, math.nan) == 0 == mean_relative_accuracy(4, math.inf)


@pytest.mark.parametrize("truth", [0, -1, math.nan, math.inf])
def test_mean_relative_accuracy_needs_a_truth_above_zero(truth):
    with pytest.raises(ValueError, match="truth must be a finite number above 0"):
        mean_relative_accuracy(truth, 1)


# --- texts -----------------------------------------------------------------------------------------------------------


def test_what_is_read_off_is_one_less_the_word_error_rate():
    question = ask("gate 12 closes soon", "ocr")
    said = ["gate 12 closes soon", "Gate 12  CLOSES soon.", "gate 12 closes", "gate 13 closes now", "a b c d e", ""]
    assert [score(question, text) for text in said] == pytest.approx([1, 1, 0.75, 0.5, 0, 0])
    assert is_correct(question, '"GATE 12 closes soon"') and not is_correct(question, "gate 12 closes")


def test_punctuation_inside_what_is_read_off_counts():
    assert not is_correct(ask("12:30", "ocr"), "12 30") and not is_correct(ask("-5", "ocr"), "5")


def test_articles_and_punctuation_do_not_count_in_a_name():
    question = ask("the red ball, the word EXIT", "name")
    for said in ("red ball, word EXIT", "The red ball; the word exit.", "a red ball and the word EXIT"):
        assert is_correct(question, said) == ("and" not in said)
    assert score(question, "the blue ball, the word EXIT") == pytest.approx(3 / 4)
    assert is_correct(ask("at 9.8 s", "name"), "At 9.8 s.") and not is_correct(ask("at 9.8 s", "name"), "at 98 s")
    assert is_correct(ask("A", "name"), "a") and not is_correct(ask("A", "name"), "")


def test_word_accuracy_of_texts_without_words():
    assert word_accuracy("", "") == 1.0 and word_accuracy("", "a") == 0.0 and word_accuracy("a", "") == 0.0


def test_nothing_is_left_when_as_many_words_are_too_many_as_there_are():
    assert word_accuracy("a b", "a b x") == 0.5 and word_accuracy("a b", "a b x y") == 0.0


def test_rouge_is_the_mean_of_three_f_measures():
    # shared words 2 of 3 and 3: F 2/3; shared pairs ("red ball") 1 of 2 and 2: F 1/2; longest common run 2: F 2/3
    assert rouge("the red ball", "a red ball") == pytest.approx((2 / 3 + 1 / 2 + 2 / 3) / 3)
    assert rouge("he opens doors", "he opened door") == pytest.approx(1.0)  # equal stems
    assert rouge("door", "door") == pytest.approx(2 / 3) and rouge("door", "") == 0.0


def test_a_free_text_is_right_from_one_half_up_and_its_own_truth_always():
    question = ask("the man opens the door", "free_text")
    assert score(question, "The man opens the door.") == 1.0
    assert is_correct(question, "a man opens the door") and not is_correct(question, "a dog sleeps")
    assert (
        score(ask("\u5f00\u95e8", "free_text"), "\u5f00\u95e8") == 1.0 and score(ask("yes", "free_text"), "Yes.") == 1.0
    )


# --- any string ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.sampled_from(EVERY_KIND),
    st.one_of(
        st.text(st.characters(), max_size=60),
        st.text("AB12-.,:e%() \n\u2212\u0301", max_size=40),
        st.lists(st.sampled_from(["B", "answer", "is", "a blue ball", "12", "40", "EXIT", "door", "."])).map(" ".join),
    ),
)
def test_any_string_has_a_score_and_right_means_a_high_one(question, said):
    value = score(question, said)
    assert 0.0 <= value <= 1.0
    assert is_correct(question, said) == (value >= {"free_text": 0.5, "regression": 0.9}.get(question.kind, 1.0))
    index = option_index(question, said)
    assert index is None or 0 <= index < len(question.options)


@pytest.mark.parametrize("question", EVERY_KIND, ids=lambda question: question.kind)
def test_an_endless_answer_is_no_answer(question):
    right = question.letter if question.options else question.answer
    assert score(question, right) == 1.0
    assert score(question, right + " " * longest_answer(question)) == 0.0
    assert option_index(question, "B" + " " * longest_answer(question)) is None


def test_lone_surrogates_and_control_characters_are_only_wrong():
    for question in EVERY_KIND:
        assert score(question, "\ud800 \x00 \x1b[m") == 0.0


# --- where was looked ------------------------------------------------------------------------------------------------


def test_iou_is_of_unions():
    # requested 0-10 and 5-20 are 0-20; evidence 10-30: shared 10, in either 30
    assert temporal_iou([(0, 10), (5, 20)], [(10, 30)]) == pytest.approx(10 / 30)
    assert temporal_iou([(10, 30)], [(25, 30), (10, 25)]) == 1.0
    assert temporal_iou([(0, 5)], [(10, 30)]) == 0.0
    assert temporal_iou([(0, 4), (8, 12)], [(2, 10)]) == pytest.approx(4 / 12)


def test_coverage_is_the_share_of_the_evidence():
    assert coverage([(0, 10), (5, 20)], [(10, 30)]) == 0.5
    assert coverage([(0, 100)], [(10, 30), (50, 60)]) == 1.0
    assert coverage([(15, 20)], [(10, 20), (40, 50)]) == 0.25


def test_moments_are_covered_by_number():
    assert coverage([(0, 10)], [(5, 5), (20, 20)]) == 0.5
    assert temporal_iou([(0, 10)], [(5, 5)]) == 0.0


def test_nothing_looked_at_or_nothing_to_find_is_zero():
    for measure in (temporal_iou, coverage):
        assert measure([], []) == measure([], [(0, 1)]) == measure([(0, 1)], []) == 0.0
    assert hit_share([], [(0, 1)]) == 0.0 and hit_share([1.0], []) == 0.0


def test_hits_include_the_ends_of_the_evidence():
    assert hit_share([0, 1, 2, 3], [(1, 2), (2.5, 2.9)]) == 0.5


def test_frames_are_widened_within_the_video():
    assert widen([0.2, 5, 9.9], 0.5, 10) == [(0, 0.7), (4.5, 5.5), (9.4, 10)]
    with pytest.raises(ValueError, match="half_width must be a number from 0"):
        widen([1], -1)


@pytest.mark.parametrize("bad", [(2, 1), (math.nan, 1), (0, math.inf), (-math.inf, 0)])
def test_intervals_that_are_none_are_refused(bad):
    for measure in (temporal_iou, coverage):
        with pytest.raises(ValueError, match="finite"):
            measure([bad], [(0, 1)])


INTERVALS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 9)).map(lambda drawn: (drawn[0] / 4, (drawn[0] + drawn[1]) / 4)),
    max_size=5,
)


@given(INTERVALS, INTERVALS)
def test_iou_and_coverage_agree_with_counting_quarter_seconds(requested, evidence):
    def cells(intervals):
        return {cell for start, end in intervals for cell in range(round(start * 4), round(end * 4))}

    one, other = cells(requested), cells(evidence)
    assert temporal_iou(requested, evidence) == pytest.approx(len(one & other) / len(one | other) if one | other else 0)
    if other:
        assert coverage(requested, evidence) == pytest.approx(len(one & other) / len(other))


def test_importing_scores_and_rewards_loads_no_library_that_only_some_answers_need():
    code = (
        "import sys, mmgym_video.scoring, mmgym_video.rewards;"
        "print([m for m in ('jiwer', 'rouge_score', 'nltk', 'cv2', 'av', 'torch') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
