"""The stage of drawn videos: facts are what can be seen in a frame, and nothing that is behind something."""

import numpy as np
import pytest

from mmgym_video.procedural.stage import Actor, Cover, Display, Stage


def thing(shape, color, x=500.0, y=500.0, size=100):
    return Actor(shape, ((0.0, color),), ((0.0, x, y),), size)


def told(*actors, **props):
    return [(fact["what"], fact.get("color")) for fact in Stage(10.0, actors=actors, **props).facts(1.0)]


SMALL = thing("circle", "red")
LARGE = thing("square", "blue", size=300)


def test_what_is_drawn_over_something_hides_it():
    assert told(SMALL, LARGE) == [("thing", "blue")]
    assert told(LARGE, SMALL) == [("thing", "blue"), ("thing", "red")]
    assert told(SMALL, thing("square", "blue", x=560, size=300)) == [("thing", "blue")]
    assert told(SMALL, thing("square", "blue", x=640, size=300)) == [("thing", "red"), ("thing", "blue")]
    assert told(thing("square", "red", size=290), thing("star", "blue", size=300))[0] == ("thing", "red")


def test_two_that_hide_something_together_hide_it():
    left, right = (thing("square", "blue", x=x, size=300) for x in (360, 640))
    assert told(SMALL, left)[0] == told(SMALL, right)[0] == ("thing", "red")
    assert told(SMALL, left, right) == [("thing", "blue")] * 2
    halves = Cover(400, 400, 505, 600), Cover(495, 400, 600, 600)
    assert told(SMALL, covers=halves[:1])[0] == told(SMALL, covers=halves[1:])[0] == ("thing", "red")
    assert told(SMALL, covers=halves) == [("cover", None)] * 2


def test_displays_hide_what_is_behind_them():
    display = Display(((0.0, "WINDOW"),), 500, 500, 120)
    assert told(SMALL, displays=(display,)) == [("display", None)]
    assert told(thing("circle", "red", y=600), displays=(display,)) == [("thing", "red"), ("display", None)]
    assert told(covers=(Cover(450, 450, 550, 550),), displays=(display,)) == [("display", None)]
    assert told(displays=(Display((), 500, 500, 40), display)) == [("display", None)]
    assert told(covers=(Cover(450, 450, 550, 550), Cover(400, 400, 600, 600))) == [("cover", None)]


@pytest.mark.parametrize("look", ["usual", "ood"])
def test_a_fact_is_told_where_the_frame_would_be_another_without_it(look):
    rng = np.random.default_rng(0)
    hidden = 0
    for _ in range(150):
        actors = [
            thing(shape, color, *rng.uniform(300, 500, 2), int(rng.integers(40, 300)))
            for shape, color in zip(
                rng.choice(["circle", "square", "star", "fish"], 5),
                rng.permutation(["red", "blue", "black", "green", "pink"]),
                strict=True,
            )
        ]
        props = {
            "covers": (Cover(*rng.uniform(200, 380, 2), *rng.uniform(420, 600, 2)),),
            "displays": (Display(((0.0, "GO"),), 400, 300, 60),),
            "size": (96, 128),
            "look": look,
        }
        stage = Stage(10.0, actors=tuple(actors), **props)
        image = stage.frames([1.0])[0].image
        colors = {fact["color"] for fact in stage.facts(1.0) if fact["what"] == "thing"}
        for number, actor in enumerate(actors):
            without = Stage(10.0, actors=tuple(actors[:number] + actors[number + 1 :]), **props).frames([1.0])[0].image
            assert (actor.colors[0][1] in colors) == (not np.array_equal(image, without))
            hidden += actor.colors[0][1] not in colors
    assert hidden > 50
