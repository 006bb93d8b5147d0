"""The calendar: its views, what its forms change, and its tasks, without a browser and in one."""

import datetime as dt
from collections import Counter

import numpy as np
import pytest
from sites import Browser, check_draws, check_experts, drawn, episode, is_met, untranslated

from mmgym_web.webnav.sites.calendar import SITE, TEMPLATES
from mmgym_web.webnav.sites.calendar.content import COLOURS, colleagues, next_week
from mmgym_web.webnav.sites.mail.content import free_and_busy

BY_NAME = {template.name: template() for template in TEMPLATES}
EVENT = {"title": "Owl parade", "day": "2026-06-01", "start": 600, "length": 60, "place": "", "guests": "", "note": ""}


@pytest.fixture
def world():
    made = episode(6, "mail", "calendar")
    yield made
    made.close()


def test_tasks_are_clear():
    check_draws(BY_NAME.values(), variety=0.5, said=("calendar_chart_month", "calendar_free_hour"))


def test_every_label_is_translated():
    dynamic = {*SITE.priorities, *SITE.view_labels.values(), "Monday", "Sunday", "January", "December"}
    dynamic |= {"You have not answered yet.", "You accepted.", "You declined."}
    assert untranslated("calendar", dynamic) == []


def test_no_colour_has_a_name_on_any_page(world):
    browser = Browser(world)
    event = world.db.execute("SELECT id, day FROM calendar_events").fetchone()
    for path in ("/", f"/week?day={event['day']}", f"/event/{event['id']}", f"/event/{event['id']}/edit"):
        text = browser.text("calendar", path).lower()
        assert not [name for name, _ in COLOURS if name in text.replace("bordered", "")]


def test_views_answer_whatever_the_query(world):
    browser = Browser(world)
    for path in ("/", "/day", "/month?day=2026-12-05", "/week?day=2026-02-31", "/week?day=x", "/events?q=%25&page=9"):
        assert browser.ask("calendar", path).status == 200
    for path in ("/event/9999", "/event/9999/edit", "/todo/9999"):
        assert browser.ask("calendar", path).status == 404
    assert browser.ask("calendar", "/event/1/reply", {"answer": "accepted"}).status == 404, "one's own event"
    assert world.changes() == []


def test_a_weekly_event_is_in_every_week_and_a_deleted_one_in_none(world):
    site = world.site("calendar")
    weekly = world.db.execute("SELECT * FROM calendar_events WHERE weekly = 1").fetchone()
    day = dt.date.fromisoformat(weekly["day"])
    for weeks in (0, 1, 40):
        there = site.occurrences(day + dt.timedelta(weeks=weeks), 1)
        assert weekly["id"] in [o.event["id"] for found in there.values() for o in found]
    assert not any(site.occurrences(day - dt.timedelta(weeks=1), 1).values())
    Browser(world).ask("calendar", f"/event/{weekly['id']}/delete", {})
    assert not [o for o in site.occurrences(day, 1)[day] if o.event["id"] == weekly["id"]]


def test_free_hours_of_next_week_are_free_in_the_calendar():
    for seed in range(10):
        made = episode(seed, "mail", "calendar", split=("train", "ood")[seed % 2])
        free, busy = free_and_busy(made.world)
        assert free and busy
        there = made.site("calendar").occurrences(next_week(made.world)[0], 5)
        for day, hour in (*free, *busy):
            clash = any(o.event["start"] < hour + 60 and hour < o.event["end"] for o in there[day])
            assert clash is ((day, hour) in busy)
        for _, email in colleagues(made.world):
            for day in next_week(made.world):
                sql = "SELECT SUM(end - start) FROM calendar_busy WHERE email = ? AND day = ?"
                assert made.db.execute(sql, (email, str(day))).fetchone()[0] == 8 * 60


def test_a_wrong_event_is_shown_again_with_all_that_was_written(world):
    browser = Browser(world)
    for wrong, error in (
        ({"title": " "}, "give a title"),
        ({"day": "1.6.2026"}, "YYYY-MM-DD"),
        ({"guests": "Nobody Special"}, "Nobody here is called nobody special"),
        ({"start": "x"}, "check the times"),
        ({"length": "100000"}, "check the times"),
    ):
        text = browser.text("calendar", "/event/0/save", EVENT | {"place": "Some place"} | wrong)
        assert error in text and "Some place" in text
    assert world.changes() == []


def test_creating_an_event_is_the_task_and_a_guest_too_many_is_not():
    for extra, wanted in (
        ({}, True),
        ({"place": "Room 101"}, True),
        ({"start": 7 * 60}, False),
        ({"length": 90}, False),
        ({"weekly": 1}, False),
        ({"guests": "{guest}"}, False),
    ):
        made, task = drawn(BY_NAME["calendar_create"], 4)
        form = EVENT | {key: task.facts[key] for key in ("title", "day", "start")} | extra
        form["guests"] = form["guests"].format(guest=made.world.others[0].name)
        assert "The event was saved." in Browser(made).text("calendar", "/event/0/save", form)
        assert is_met(made, task) is wanted


def test_moving_inviting_and_deleting():
    made, task = drawn(BY_NAME["calendar_move"], 4)
    event = dict(made.db.execute("SELECT * FROM calendar_events WHERE id = ?", (task.facts["id"],)).fetchone())
    guests = ", ".join(made.site("calendar").guests(event["id"]))
    form = event | {"length": event["end"] - event["start"], "guests": guests}
    Browser(made).ask("calendar", f"/event/{event['id']}/save", form)
    assert made.changes() == [], "saving what is there changes nothing"
    Browser(made).ask("calendar", f"/event/{event['id']}/save", form | {"start": task.facts["start"]})
    assert is_met(made, task)
    Browser(made).ask("calendar", f"/event/{event['id']}/save", form | {"start": task.facts["start"], "place": "X"})
    assert not is_met(made, task)

    made, task = drawn(BY_NAME["calendar_delete"], 4)
    Browser(made).ask("calendar", f"/event/{task.facts['id']}/delete")
    assert not is_met(made, task), "it only asks"
    Browser(made).ask("calendar", f"/event/{task.facts['id']}/delete", {})
    assert is_met(made, task)


def test_answering_the_wrong_invitation_is_not_the_task():
    made, task = drawn(BY_NAME["calendar_respond"], 4)
    browser, event = Browser(made), task.facts["id"]
    other = {"accepted": "declined", "declined": "accepted"}[task.facts["answer"]]
    browser.ask("calendar", f"/event/{event}/reply", {"answer": other})
    assert not is_met(made, task)
    browser.ask("calendar", f"/event/{event}/reply", {"answer": task.facts["answer"]})
    assert is_met(made, task)
    sql = "SELECT id FROM calendar_events WHERE reply = 'pending'"
    browser.ask("calendar", f"/event/{made.db.execute(sql).fetchone()[0]}/reply", {"answer": "accepted"})
    assert not is_met(made, task)


def test_things_to_do(world):
    made, task = drawn(BY_NAME["calendar_add_todo"], 4)
    browser = Browser(made)
    assert "YYYY-MM-DD" in browser.text("calendar", "/todos", task.facts | {"due": "soon"})
    assert made.changes() == []
    browser.ask("calendar", "/todos", {key: task.facts[key] for key in ("title", "due", "priority")})
    assert is_met(made, task)
    browser.ask("calendar", "/todo/1/tick", {})
    assert not is_met(made, task)


def test_one_request_in_four_to_restore_cannot_be_done(world):
    tasks = [BY_NAME["calendar_restore"].draw(world, np.random.default_rng(seed)) for seed in range(60)]
    infeasible = [task for task in tasks if task.infeasible]
    assert 7 <= len(infeasible) <= 25
    assert all(task.page == "calendar:/bin" and not task.expects for task in infeasible)


def test_answers_in_pixels_are_balanced():
    answers = {"calendar_colour": Counter(), "calendar_chart_month": Counter(), "calendar_free_hour": Counter()}
    for seed in range(60):
        made = episode(seed, "calendar")
        for name, found in answers.items():
            for number in range(6):
                found[BY_NAME[name].draw(made, np.random.default_rng(number)).answer.value] += 1
        made.close()
    for found, options in zip(answers.values(), (7, 12, 9), strict=True):
        assert len(found) == options
        assert max(found.values()) < 360 / options * 3


@pytest.mark.slow
@pytest.mark.parametrize("level", range(1, 5))
def test_expert_solves_every_template_in_the_browser(level):
    check_experts([t for t in BY_NAME.values() if t.level == level], 7000 + 50 * level, ("ood", "train"))
