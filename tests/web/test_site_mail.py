"""The webmail: its pages, what its forms change, and its tasks, without a browser and in one."""

import contextlib
import hashlib
import json

import numpy as np
import pytest
from sites import Browser, check_draws, check_experts, drawn, episode, is_met, labels, untranslated

from mmgym_web.webnav.kit.task import Redraw
from mmgym_web.webnav.sites.mail import SITE, TEMPLATES
from mmgym_web.webnav.sites.mail.pictures import draw
from mmgym_web.webnav.sites.mail.words import LABELS

BY_NAME = {template.name: template() for template in TEMPLATES}


@pytest.fixture
def world():
    made = episode(5, "mail", "calendar")
    yield made
    made.close()


@pytest.mark.slow
def test_tasks_are_clear():
    check_draws(BY_NAME.values(), variety=0.5, said=("mail_chart_month",))


def test_every_label_is_translated():
    dynamic = {*SITE.folder_labels.values(), *SITE.notify_choices.values(), "E-mail", "Phone", "Company", "Job"}
    dynamic |= {"Address", "Birthday", "Archived.", "Moved.", "Marked as spam.", "Moved to the trash.", "May", "Dec"}
    assert untranslated("mail", dynamic) == []
    assert not set(LABELS) & set(labels("mail")), "a label of the user must not be translated"


def test_pages_answer_and_strangers_are_not_found(world):
    browser = Browser(world)
    for path in ("/", "/folder/sent", "/folder/inbox?page=99", "/folder/inbox?page=x", "/search?q=a&from=&in=inbox"):
        assert browser.ask("mail", path).status == 200
    for path in (
        "/folder/attic",
        "/message/9999",
        "/label/77",
        "/contact/0",
        "/attachment/999.png",
        "/compose?reply=999",
    ):
        assert browser.ask("mail", path).status == 404
    assert browser.ask("mail", "/message/1/move", {"folder": "attic"}).status == 404
    assert world.changes() == []


def test_a_wrong_message_is_shown_again_with_all_that_was_written(world):
    browser = Browser(world)
    for form, error in (
        ({"to": "nobody", "subject": "Plan", "body": "Some words"}, "not an address"),
        ({"to": "", "subject": "Plan", "body": "Some words"}, "name a recipient"),
        ({"to": "a@b.test", "subject": " ", "body": "Some words"}, "give a subject"),
    ):
        text = browser.text("mail", "/compose", form | {"cc": "c@d.test"})
        assert error in text and "Some words" in text and "c@d.test" in text
    assert world.changes() == []


def test_a_moved_message_comes_back_by_undo(world):
    browser = Browser(world)
    text = browser.text("mail", "/message/3/move", {"folder": "trash"})
    assert "Moved to the trash." in text and 'action="/undo"' in text
    assert [(c.kind, c.after["folder"], c.after["origin"]) for c in world.changes()] == [("update", "trash", "inbox")]
    assert "Undone." in browser.text("mail", "/undo", {"next": "/"})
    assert world.changes() == []


def test_names_and_pieces_of_names_find_addresses(world):
    person, browser = world.world.others[0], Browser(world)
    found = json.loads(browser.text("mail", f"/contacts.json?q={person.first[:2]}"))
    assert {"name": person.name, "email": person.email} in found
    browser.ask("mail", "/compose", {"to": f"{person.name}; x@y.test", "subject": "Plan", "body": "B"})
    assert world.changes()[0].after["recipients"] == f"{person.email}, x@y.test"


def test_reply_by_form_is_the_task_and_nothing_else_is():
    for extra, wanted in (({}, True), ({"body": "Something else"}, False), ({"cc": "x@y.test"}, False)):
        made, task = drawn(BY_NAME["mail_reply"], 3)
        browser, message = Browser(made), task.facts["id"]
        row = made.db.execute("SELECT * FROM mail_messages WHERE id = ?", (message,)).fetchone()
        assert f'value="Re: {row["subject"]}"' in browser.text("mail", f"/compose?reply={message}")
        form = {"to": row["sender"], "subject": f"Re: {row['subject']}", "thread": row["thread"], "action": "send"}
        browser.ask("mail", "/compose", form | {"body": task.facts["words"]} | extra)
        assert is_met(made, task) is wanted
        browser.ask("mail", f"/message/{message}/star", {})
        assert not is_met(made, task)


def test_a_draft_that_is_sent_becomes_the_sent_message(world):
    browser = Browser(world)
    draft = world.db.execute("SELECT * FROM mail_messages WHERE folder = 'drafts'").fetchone()
    form = {"to": "a@b.test", "subject": "Plan", "body": "B", "draft": draft["id"], "action": "send"}
    browser.ask("mail", "/compose", form)
    assert [(c.kind, c.after["folder"], c.after["subject"]) for c in world.changes()] == [("update", "sent", "Plan")]


def test_forwarding_takes_text_and_pictures_along(world):
    browser = Browser(world)
    row = world.db.execute("SELECT * FROM mail_attachments").fetchone()
    form = {"to": "a@b.test", "subject": "Fwd: x", "body": "", "forward": row["message"], "action": "send"}
    browser.ask("mail", "/compose", form)
    attachment, message = world.changes()
    body = world.db.execute("SELECT body FROM mail_messages WHERE id = ?", (row["message"],)).fetchone()[0]
    assert body in message.after["body"]
    assert attachment.after["spec"] == row["spec"] and attachment.after["message"] == message.after["id"]


def test_upload_keeps_the_bytes_of_the_right_file():
    for wrong in (False, True):
        made, task = drawn(BY_NAME["mail_send_file"], 1)
        name = next(n for n in task.files if (n == task.facts["file"]) is not wrong)
        form = {"to": task.facts["name"], "subject": task.facts["about"], "action": "send"}
        Browser(made).ask("mail", "/compose", form, file=("file", name, task.files[name]))
        row = made.db.execute("SELECT * FROM mail_attachments ORDER BY id DESC").fetchone()
        assert row["digest"] == hashlib.sha256(task.files[name]).hexdigest()
        assert is_met(made, task) is not wrong


def test_tidying_asks_for_all_messages_and_no_other():
    made, task = drawn(BY_NAME["mail_tidy"], 2)
    ids, browser = task.facts["ids"], Browser(made)
    assert "Tick at least one" in browser.text("mail", "/bulk", {"action": "archive", "next": "/"})
    browser.ask("mail", "/bulk", [("ids", k) for k in ids[1:]] + [("action", "archive")])
    assert not is_met(made, task)
    browser.ask("mail", "/bulk", [("ids", ids[0]), ("action", "archive")])
    assert is_met(made, task)
    browser.ask("mail", "/bulk", [("ids", ids[0]), ("action", "trash")])
    assert not is_met(made, task)


def test_settings_of_the_task():
    made, task = drawn(BY_NAME["mail_away"], 2)
    form = {key: task.facts[key] for key in ("signature", "away_text", "notify")}
    Browser(made).ask("mail", "/settings", form)
    assert not is_met(made, task), "the automatic answer is not switched on"
    Browser(made).ask("mail", "/settings", form | {"away": "1"})
    assert is_met(made, task)


def test_what_pictures_say_is_in_no_text(world):
    browser = Browser(world)
    seen = set()
    for row in world.db.execute("SELECT * FROM mail_attachments").fetchall():
        spec, text = json.loads(row["spec"]), browser.text("mail", f"/message/{row['message']}")
        secrets = {"poster": ("time", "place", "date"), "badge": ("code",), "receipt": ("shop",), "chart": ("values",)}
        assert not [key for key in secrets[spec["kind"]] if str(spec[key]) in text]
        picture = draw(spec)
        assert picture.shape[1] <= 460 and (draw(spec) == picture).all()
        seen.add(spec["kind"])
        changed = {"time": "00:00", "code": "X1X1", "values": [50] * 12, "items": [["Tea", 100]]}
        key = next(key for key in changed if key in spec)
        assert (draw(spec | {key: changed[key]}) != picture).any()
    assert seen == {"poster", "badge", "receipt", "chart"}


def test_answers_in_pictures_vary():
    answers = {"mail_poster_time": set(), "mail_chart_month": set(), "mail_two_receipts": set()}
    for seed in range(24):
        made = episode(seed, "mail")
        for name, found in answers.items():
            for number in range(2):
                with contextlib.suppress(Redraw):
                    found.add(BY_NAME[name].draw(made, np.random.default_rng(number)).answer.value)
        made.close()
    assert [len(found) >= least for found, least in zip(answers.values(), (15, 10, 15), strict=True)] == [True] * 3


@pytest.mark.slow
@pytest.mark.parametrize("level", range(1, 6))
def test_expert_solves_every_template_in_the_browser(level):
    check_experts([t for t in BY_NAME.values() if t.level == level], 7000 + 50 * level, ("train", "ood"))
