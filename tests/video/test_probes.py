"""The probes of `benchmarks/video_probes.py` catch what gives an answer away, and pass what does not."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.probing.features import describe
from benchmarks.probing.seriation import seriate
from benchmarks.video_probes import chance_of, kinds_of, probe, show, summary
from mmgym_video.procedural.family import Case, Family, Listen, Look, Setting, shuffled
from mmgym_video.procedural.sound import Sound, SoundTrack
from mmgym_video.procedural.sound_stage import SoundStage
from mmgym_video.procedural.stage import Actor, Stage
from mmgym_video.question import Question

COLORS = ("red", "green", "blue", "yellow")
SLOT = 15.0


class Lamp(Family):
    """A lamp has four colours, one after another, and its colour at a time is asked; nothing gives it away."""

    name = "lamp"
    summary = "What colour is the lamp at a time?"
    order_sensitive = True

    def draw(self, rng, setting):
        order = shuffled(rng, COLORS)
        asked = int(rng.integers(4))
        time = round(asked * SLOT + rng.uniform(1, SLOT - 1), 1)
        colors = tuple((number * SLOT, color) for number, color in enumerate(order))
        lamp = Actor("circle", colors, ((0.0, 500, 500),), 200)
        options = shuffled(rng, [self.said(color, color == order[asked]) for color in COLORS])
        answer = self.said(order[asked], True)

        def conclude(seen):
            nearest = min(seen, key=lambda sighting: abs(sighting.time - time), default=None)
            shown = [fact["color"] for fact in nearest.facts if fact["shape"] == "circle"] if nearest else []
            return next((option for option in options if option.split()[0] in shown), options[0])

        question = Question(
            "lamp", "lamp", f"What colour is the circle at {time:g} s?", answer, options, evidence=((time, time + 0.1),)
        )
        stage = Stage(60.0, actors=(lamp, *self.others(rng)), size=setting.size)
        return Case(stage, question, (Look(time),), conclude, (order, asked))

    def said(self, color, right):
        return color

    def others(self, rng):
        return ()


class Wordy(Lamp):
    """The right option is the longest."""

    def said(self, color, right):
        return f"{color} all over" if right else color


class Bright(Lamp):
    """Something else has the right colour all the while."""

    def draw(self, rng, setting):
        case = super().draw(rng, setting)
        same = Actor("square", ((0.0, case.question.answer),), ((0.0, 200, 200),), 100)
        return replace(case, video=replace(case.video, actors=(*case.video.actors, same)))


class Passer(Lamp):
    """Something crosses the picture all the while, so that frames can be put back in order."""

    def others(self, rng):
        (x0, y0), (x1, y1) = rng.uniform(60, 300, 2), rng.uniform(700, 940, 2)
        return (Actor("star", ((0.0, "pink"),), ((0.0, x0, y0), (60.0, x1, y1)), 80),)


class Tone(Lamp):
    """The time is that of a tone."""

    name = "tone"
    audio_needed = True

    def draw(self, rng, setting):
        case = super().draw(rng, setting)
        time = case.looks[0].time
        question = Question("tone", "tone", "What colour is the circle at the tone?", case.question.answer, COLORS)
        track = SoundTrack((Sound("tone", time, 0.5, 440.0),))

        def conclude(seen):
            heard = [f["start"] for sighting in seen for f in sighting.facts if f["what"] == "sound"]
            frames = [sighting for sighting in seen if all(fact["what"] == "thing" for fact in sighting.facts)]
            if not heard or not frames:
                return "red"
            nearest = min(frames, key=lambda sighting: abs(sighting.time - heard[0]))
            return nearest.facts[0]["color"]

        stage = SoundStage(60.0, actors=self.seen(case, time), size=setting.size, track=track)
        return Case(stage, question, case.looks, conclude, case.content, (Listen(0.0, 60.0),))

    def seen(self, case, time):
        return case.video.actors


class Flash(Tone):
    """The lamp has no other colour than the one that is asked for."""

    def seen(self, case, time):
        return (Actor("circle", ((0.0, case.question.answer),), ((0.0, 500, 500),), 200),)


@pytest.fixture(scope="module")
def results():
    families = {cls.__name__: cls() for cls in (Lamp, Wordy, Bright, Passer, Tone, Flash)}
    return {name: probe(family, 1, fit=120, held_out=80, frames=12) for name, family in families.items()}


@pytest.mark.slow
def test_a_family_without_a_leak_passes_and_its_control_sees(results):
    assert {kind: result["passes"] for kind, result in results["Lamp"].items()} == dict.fromkeys(results["Lamp"], True)
    assert results["Lamp"]["ordered"]["role"] == "control"
    assert results["Lamp"]["ordered"]["score"] > 0.9


def test_wording_that_gives_the_answer_away_fails_the_blind_probe(results):
    assert not results["Wordy"]["blind"]["passes"]
    assert results["Wordy"]["blind"]["score"] > 0.9


@pytest.mark.parametrize("name", ["Bright", "Passer"])
def test_frames_that_give_the_answer_away_without_order_fail_the_shuffled_probe_alone(results, name):
    assert results[name]["blind"]["passes"]
    assert not results[name]["shuffled"]["passes"]


def test_a_failing_probe_was_measured_twice(results):
    assert not results["Wordy"]["blind"]["first"]["passes"]
    assert "first" not in results["Lamp"]["ordered"]


def test_what_is_heard_is_missing_from_the_muted_probe_alone(results):
    assert {kind: result["passes"] for kind, result in results["Tone"].items()} == dict.fromkeys(results["Tone"], True)
    assert results["Tone"]["ordered"]["score"] > 0.9


def test_pictures_that_need_no_sound_fail_the_muted_probe(results):
    assert results["Flash"]["blind"]["passes"]
    assert not results["Flash"]["muted"]["passes"]


def test_the_summary_and_the_table_name_what_fails(results):
    cells = {f"{name}/1": {"kinds": kinds} for name, kinds in results.items()}
    found = summary(cells)
    assert "Wordy/1 blind" in found["failing"] and not any(name.startswith("Lamp/") for name in found["failing"])
    assert found["controls_at_chance"] == []
    assert show(cells).row_count == len(cells)


def test_where_order_is_not_declared_the_frames_without_order_are_a_control():
    class Counting(Lamp):
        order_sensitive = False

    assert kinds_of(Counting()) == {"blind": True, "shuffled": False, "ordered": False}
    assert kinds_of(Tone())["muted"]


def test_chance_is_that_of_the_options_there_are_unless_the_family_has_a_better_guess():
    instances = [describe(Lamp().draw(np.random.default_rng(0), Setting()), ["blind"], 4, np.random.default_rng(0))]
    blind = [known["blind"] for known in instances]

    class Two(Lamp):
        chance = 0.5

    class Guessed(Lamp):
        chance = 0.4

    assert chance_of(Two(), blind) == pytest.approx(0.25)
    assert chance_of(Guessed(), blind) == pytest.approx(0.4)


def test_frames_are_put_back_in_order_by_what_moves():
    rng = np.random.default_rng(3)
    steps = np.linspace(0, 1, 40)[:, None]
    path = np.stack([[5, 5] + steps * [80, 60], [90, 10] + steps * [-50, 70], np.tile([50, 50], (40, 1))], axis=1)
    order = rng.permutation(40)
    found = order[seriate(path[order])].tolist()
    assert found in (list(range(40)), list(range(40))[::-1])


def test_what_stands_still_says_nothing_of_the_order():
    places = np.tile([[50.0, 50.0]], (12, 1, 1))
    assert sorted(seriate(places)) == list(range(12))
