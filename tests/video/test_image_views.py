"""How large pictures are drawn in parts: the parts fit together, views and their inverses, what facts tell."""

import numpy as np
import pytest

from mmgym_video.images.drawing import Area, Drawing, Stroke, Writing, disc, merged, rect
from mmgym_video.images.marks import draw_marks
from mmgym_video.images.view import View, canvas_size
from mmgym_video.looking import Shot

WHITE, BLACK, RED, GREY = (255, 255, 255), (0, 0, 0), (255, 0, 0), (128, 128, 128)


def drawing(*items, facts=(), size=(1000, 1000)):
    return Drawing(size, WHITE, tuple(items), tuple(facts))


def text(said="CODE 42", angle=0, height=20, x=500, y=500):
    return Writing(said, x, y, height, 200, BLACK, GREY, angle)


@pytest.mark.parametrize("angle", [0, 1, 45, 90, 133, 180, 270, 359])
def test_views_and_their_inverses(angle):
    view = View((600, 900), (128, 192), (0.2, 0.1, 0.7, 0.9), angle)
    points = np.random.default_rng(0).uniform(0, 600, (20, 2))
    assert np.allclose(view.from_canvas(view.to_canvas(points)), points)
    shares = view.to_shown(points) / (192, 128)
    assert np.allclose(view.from_share(shares), points)


def test_a_canvas_holds_the_turned_picture():
    assert canvas_size((600, 900), 0) == canvas_size((600, 900), 180) == (600, 900)
    assert canvas_size((600, 900), 90) == canvas_size((600, 900), -90) == (900, 600)
    high, wide = canvas_size((100, 100), 45)
    assert abs(high - 100 * 2**0.5) < 1e-9 and abs(wide - high) < 1e-9


def test_a_quarter_turn_anticlockwise_brings_the_right_side_up():
    view = View((100, 100), (100, 100), angle=90)
    assert np.allclose(view.to_canvas((100, 50)), (50, 0))


def test_parts_of_a_drawing_fit_together():
    items = [disc(500, 500, 300, RED, BLACK), Stroke(((0, 0), (1000, 900)), 12, BLACK), rect(100, 600, 300, 800, GREY)]
    picture = drawing(*items)
    whole = picture.part(0, 0, 1000, 1000, 200, 200).astype(int)
    for left, top in ((0, 0), (500, 0), (0, 500), (500, 500)):
        quarter = picture.part(left, top, left + 500, top + 500, 100, 100)
        assert np.abs(whole[top // 5 : top // 5 + 100, left // 5 : left // 5 + 100] - quarter).max() <= 60
        assert np.abs(whole[top // 5 : top // 5 + 100, left // 5 : left // 5 + 100] - quarter).mean() < 0.5


def test_a_magnified_part_shows_the_same_larger():
    picture = drawing(disc(500, 500, 300, RED, BLACK), rect(100, 600, 300, 800, GREY))
    large = picture.part(200, 200, 700, 700, 400, 400)
    small = picture.part(0, 0, 1000, 1000, 200, 200)
    mean = large.reshape(100, 4, 100, 4, 3).mean(axis=(1, 3))
    assert np.abs(mean - small[40:140, 40:140]).mean() < 2


def test_text_is_a_bar_from_afar_whatever_it_says():
    one, other = (drawing(text(said)).part(0, 0, 1000, 1000, 256, 256) for said in ("MILK", "GRAVEYARD"))
    assert np.array_equal(one, other) and one.min() < 200
    near = [drawing(text(said)).part(400, 450, 600, 550, 128, 256) for said in ("MILK", "MILD")]
    assert (np.abs(near[0].astype(int) - near[1]).max(axis=2) > 100).sum() > 20


def test_fine_things_are_left_out_from_afar():
    picture = drawing(Area(((490, 490), (510, 490), (500, 510)), RED, None, least=20))
    assert (picture.part(0, 0, 1000, 1000, 256, 256) == 255).all()
    assert (picture.part(450, 450, 550, 550, 256, 256) == RED).all(axis=2).any()


@pytest.mark.parametrize("angle", [30, 70, 123, 200])
def test_turned_text_becomes_upright_when_the_picture_is_turned_back(angle):
    askew, upright = drawing(text("427", angle)), drawing(text("427"))
    view = View((1000, 1000), (256, 256), (0.46, 0.46, 0.54, 0.54), 360 - angle)
    left, top, right, bottom = view.around()
    high, wide = round((bottom - top) * view.scale[1]), round((right - left) * view.scale[0])
    shown = view.warped(askew.part(left, top, right, bottom, high, wide), (left, top), view.scale)
    reach = (view.part[2] - view.part[0]) / 2
    wanted = upright.part(500 - reach, 500 - reach, 500 + reach, 500 + reach, 256, 256)
    dark = [(image < 128).all(axis=2) for image in (shown, wanted)]
    assert (dark[0] & dark[1]).sum() > 0.85 * (dark[0] | dark[1]).sum()


def facts(picture, box, shown, angle=0):
    return picture.facts(View(picture.size, shown, box, angle))


def test_facts_tell_a_text_only_where_it_is_large_upright_and_whole():
    said = text()
    picture = drawing(said, facts=[said.fact("plate")])
    near = (0.4, 0.4, 0.6, 0.6)
    assert [f.text for f in facts(picture, near, (256, 256))] == ["CODE 42"]
    assert [f.text for f in facts(picture, near, (256, 256), 30)] == ["CODE 42"]
    assert [f.text for f in facts(picture, near, (256, 256), 31)] == [None]
    assert [f.text for f in facts(picture, near, (256, 256), 180)] == [None]
    assert [f.text for f in facts(picture, (0, 0, 1, 1), (256, 256))] == [None]
    assert [f.text for f in facts(picture, (0.49, 0.4, 0.6, 0.6), (256, 256))] == [None]
    assert facts(picture, (0.6, 0.6, 0.8, 0.8), (256, 256)) == ()


def test_facts_of_several_views_are_merged_with_the_text_that_was_read():
    said = text()
    picture = drawing(said, facts=[said.fact("plate")])
    far, near = facts(picture, (0, 0, 1, 1), (256, 256)), facts(picture, (0.4, 0.4, 0.6, 0.6), (256, 256))
    assert merged([*far, *near]) == merged([*near, *far]) == near


def test_marks_are_drawn_where_they_are_in_every_view():
    marks = Shot(marks=(("point", "red", 0.5, 0.25),)).marks
    for view, place in (
        (View((1000, 1000), (200, 200)), (50, 100)),
        (View((1000, 1000), (200, 200), (0.25, 0.0, 0.75, 0.5)), (100, 100)),
        (View((1000, 1000), (200, 200), angle=90), (100, 50)),
    ):
        image = np.full((200, 200, 3), 255, np.uint8)
        draw_marks(image, view, marks)
        rows, columns = np.nonzero((image == (230, 20, 30)).all(axis=2))
        assert abs(rows.mean() - place[0]) < 1 and abs(columns.mean() - place[1]) < 1
