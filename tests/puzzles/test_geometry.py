"""GeometryMath: every answer is measured in coordinates, every label has a place of its own."""

import re
from collections import Counter

import numpy as np
import pytest

from mmgym_puzzles.reasoning.figures import measure
from mmgym_puzzles.reasoning.geometry import LEVELS, GeometryMath
from mmgym_puzzles.reasoning.geometry_words import in_words
from mmgym_puzzles.reasoning.placing import CANVAS, lay_out
from mmgym_puzzles.reasoning.templates import TEMPLATES


def problems(template, count):
    """Some numbers of a template."""
    rng, found = np.random.default_rng(len(template.name)), []
    while len(found) < count:
        if (numbers := template.draw(rng)) is not None:
            found.append(numbers)
    return found


def written(text):
    return float(text.rstrip("°").removesuffix(" cm²"))


def test_there_are_templates_for_every_level():
    counts = Counter((template.level, template.ood) for template in TEMPLATES.values())
    assert sum(count for (_, ood), count in counts.items() if not ood) >= 20
    assert all(counts[level, False] >= 5 and counts[level, True] >= 2 for level in LEVELS)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
def test_the_answer_is_what_the_coordinates_say(template):
    for numbers in problems(template, 40):
        problem = template.make(numbers, numbers)
        figure, true = problem.figure, float(problem.answer)
        asked = 0
        for kind, labels in (("length", figure.lengths), ("angle", figure.angles), ("area", figure.areas)):
            for names, text in labels:
                wanted = true if text == "x" else written(text)
                asked += text == "x"
                assert measure(figure, kind, names) == pytest.approx(wanted, abs=1e-6), (numbers, names)
                assert text != "x" or kind == problem.kind
        if problem.kind == "area":
            asked += 1
            assert measure(figure, "area") == pytest.approx(true, abs=1e-6), numbers
        assert asked == 1 and true > 0
        assert all(measure(figure, "angle", names) == pytest.approx(90) for names in figure.rights)
        for group in figure.equal:
            assert np.ptp([measure(figure, "length", line) for line in group]) < 1e-6
        for center, on in figure.circles:
            assert np.ptp([measure(figure, "length", center + point) for point in on]) < 1e-6
        for line in figure.lines:
            for middle in line[1:-1]:
                assert measure(figure, "angle", line[0] + middle + line[-1]) == pytest.approx(180, abs=1e-4)
        for group in figure.parallel:
            ways = [np.subtract(figure.points[line[1]], figure.points[line[0]]) for line in group]
            assert all(abs(ways[0][0] * way[1] - ways[0][1] * way[0]) < 1e-6 for way in ways)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
def test_no_label_lies_on_a_line_or_another_label(template):
    for seed, numbers in enumerate(problems(template, 25)):
        rng = np.random.default_rng(seed)
        sketch = template.sketch(numbers, rng)
        layout = lay_out(sketch, template.grid, rng)
        assert layout.crowded == 0
        labels = list(layout.labels)
        for label in [label for label in labels if label.role != "tick"]:
            layout.labels = [other for other in labels if other is not label]
            assert layout.free(label), (numbers, label)
        said = {text for group in (sketch.figure.lengths, sketch.figure.angles) for _, text in group}
        assert said <= {label.text for label in labels}
        assert all(0 < x < CANVAS and 0 < y < CANVAS for x, y in layout.points.values())


def test_the_picture_cannot_be_measured():
    bent = 0
    for template in [
        template for template in TEMPLATES.values() if not template.grid and template.numbers[0].kind == "angle"
    ]:
        for seed, numbers in enumerate(problems(template, 10)):
            sketch = template.sketch(numbers, np.random.default_rng(seed))
            (names, text), *_ = sketch.figure.angles
            bent += text != "x" and abs(measure(sketch.figure, "angle", names) - written(text)) > 1
    assert bent > 100


def test_the_task_holds_no_number_and_the_picture_none_of_the_variants_but_all_of_the_numbers():
    env = GeometryMath()
    for seed in range(100):
        observation, _ = env.reset(seed=seed, options={"level": seed % 5 + 1})
        assert not re.search("[0-9]", observation["task"])
    env._begin(("hypotenuse", (5, 12), 3))
    one = env._image()
    env._begin(("hypotenuse", (5, 13), 3))
    assert not np.array_equal(one, env._image())


def test_computing_helps_and_answers_end():
    env = GeometryMath(obs_mode="both")
    env.reset(seed=0)
    env._begin(("hypotenuse", (5, 10), 0))
    observation, *_, info = env.step({"name": "compute", "arguments": {"expression": "sqrt(5^2+10^2)"}})
    assert observation["feedback"] == "= 5*sqrt(5) ≈ 11.1803" and not info["action_effective"]
    observation, *_ = env.step({"name": "compute", "arguments": {"expression": "__import__('os')"}})
    assert "cannot be computed" in observation["feedback"]
    observation, _, terminated, _, info = env.step({"name": "answer", "arguments": {"value": "11 or 12"}})
    assert "cannot be read" in observation["feedback"] and not terminated and not info["action_effective"]
    _, reward, terminated, _, info = env.step({"name": "answer", "arguments": {"value": "11.18 cm"}})
    assert terminated and reward == 1.0 and info["success"]
    env.reset(seed=0)
    env._begin(("hypotenuse", (5, 10), 0))
    _, reward, terminated, _, info = env.step({"name": "answer", "arguments": {"value": "11.2"}})
    assert terminated and reward == 0.0 and not info["success"]


def test_ood_has_templates_and_a_look_of_its_own():
    env = GeometryMath(image_size=64)
    for seed in range(60):
        env.reset(seed=seed, options={"split": "ood", "level": seed % 5 + 1})
        assert env.template.ood and env._image()[0, 0].tolist() == [28, 62, 50]
        env.reset(seed=seed, options={"split": "val", "level": seed % 5 + 1})
        assert not env.template.ood and env._image()[0, 0].min() > 230


def test_the_text_twin_tells_every_number():
    env = GeometryMath(obs_mode="text")
    for seed in range(50):
        observation, _ = env.reset(seed=seed, options={"level": seed % 5 + 1, "split": ("train", "ood")[seed % 2]})
        for group in (env.problem.figure.lengths, env.problem.figure.angles, env.problem.figure.areas):
            assert all(f"{names} = {text}" in observation["text"] for names, text in group)


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.name)
def test_the_text_twin_tells_no_number_and_no_point_that_is_not_in_the_picture(template):
    env = GeometryMath(image_size=32, obs_mode="text")
    for seed, numbers in enumerate(problems(template, 10)):
        env._begin((template.name, numbers, 0))
        figure, told = env.problem.figure, env._text()
        labels = [text for group in (figure.lengths, figure.angles, figure.areas) for _, text in group]
        if not template.grid:
            assert Counter(re.findall(r"\d+(?:\.\d+)?", told)) == Counter(re.findall(r"\d+", " ".join(labels)))
        hidden = {name for name in figure.points if not name.isupper()}
        assert not hidden & set(re.findall(r"\b\w\b", re.sub("= x|cm²", "", told)))
        # Nothing that is told depends on what is bent for the picture.
        assert in_words(template.sketch(numbers, np.random.default_rng(seed)).figure, template.grid) == told


@pytest.mark.parametrize(
    ("name", "numbers", "fact"),
    [
        ("square_and_circle", (29,), "left out of it: circle with centre O touching AB, BC, CD, DA"),
        ("ring_area", (27, 11), "left out of it: circle with centre O through B"),
        ("arched_area", (13, 14), "arc with centre M from C to D"),
        ("sector_area", (19, 145), "shaded: sector with centre O from A to B"),
        ("two_tangents", (66,), "circle with centre O through A, B touching PA, PB"),
        ("inradius", (13, 14), "circle with centre O through T touching AB, BC, CA"),
        ("chords", (8, 8, 11), "circle through A, B, C, D"),
    ],
)
def test_the_text_twin_tells_circles_by_what_fixes_them(name, numbers, fact):
    env = GeometryMath(image_size=32, obs_mode="text")
    env._begin((name, numbers, 0))
    assert fact in env._text().split("\n")
