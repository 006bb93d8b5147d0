"""The file manager: its pages, what its forms change, and its tasks, without a browser and in one."""

import json
from collections import Counter

import numpy as np
import pytest
from sites import SPLITS, Browser, check_draws, check_effect, check_experts, drawn, episode, is_met, untranslated

from mmgym_web.webnav.kit.task import Redraw
from mmgym_web.webnav.sites.files import TEMPLATES
from mmgym_web.webnav.sites.files.items import KINDS, RIGHTS
from mmgym_web.webnav.sites.files.pictures import picture, total
from mmgym_web.webnav.sites.travel.steps import travel_of

BY_NAME = {template.name: template() for template in TEMPLATES}


@pytest.fixture
def world():
    made = episode(5, "files", "travel")
    yield made
    made.close()


def mine(made, kind="text"):
    """A file of the user's."""
    sql = "SELECT * FROM files_items WHERE kind = ? AND owner = ? AND NOT trashed"
    return made.db.execute(sql, (kind, made.world.me.name)).fetchone()


@pytest.mark.slow
def test_tasks_are_clear():
    check_draws(BY_NAME.values(), refused_at_start=True, said=("files_storage", "files_floor_plan"))


def test_every_label_is_translated():
    dynamic = {*KINDS.values(), *RIGHTS.values(), "Name", "Modified", "Size", "Item", "Quantity", "Price", "Ordered by"}
    dynamic |= {"Star removed.", "Copied.", "{count} restored.", "{count} deleted for good."}
    assert untranslated("files", dynamic) == []


def test_pages_answer_and_strangers_are_not_found(world):
    browser, item = Browser(world), mine(world)
    assert "My files" in browser.text("files", "/")
    for path in ("/recent", "/starred", "/shared", "/trash", "/storage", "/search?q=plan&kind=text", "/?sort=size",
                 f"/item/{item['id']}", f"/item/{item['id']}/versions/2", "/?view=grid"):  # fmt: skip
        assert browser.ask("files", path).status == 200, path
    for path in ("/item/9999", "/folder/9999", "/folder/x", "/?page=99", "/picture/1.svg", "/item/20/versions/77"):
        assert browser.ask("files", path).status == 404, path
    assert "Downloads are switched off" in browser.text("files", f"/download/{item['id']}")
    assert world.changes() == []


def test_a_refused_form_is_shown_again_with_what_was_written(world):
    browser, item = Browser(world), mine(world)
    other = world.db.execute(
        "SELECT name FROM files_items WHERE parent = ? AND id != ? AND NOT trashed", (item["parent"], item["id"])
    ).fetchone()["name"]
    text = browser.text("files", f"/item/{item['id']}/rename", {"name": other})
    assert "This name is taken" in text and f'value="{other}"' in text
    assert "A name is missing" in browser.text("files", "/folder/1/new", {"name": " "})
    assert "Choose a right" in browser.text(
        "files", f"/item/{item['id']}/share", {"person": world.world.others[0].name}
    )
    assert "would be empty" in browser.text("files", f"/item/{item['id']}/edit", {"body": " "})
    assert "Nothing was ticked" in browser.text("files", "/trash", {"do": "delete"})
    assert world.changes() == []


def test_only_the_owner_may_change_things(world):
    browser, me = Browser(world), world.world.me.name
    sql = """SELECT i.id, i.parent FROM files_items i JOIN files_shares s ON s.item = i.id
        WHERE i.owner != ? AND s.person = ? AND s.access = 'view' AND kind = 'text' AND NOT trashed"""
    item = world.db.execute(sql, (me, me)).fetchone()["id"]
    for path, form in (("rename", {"name": "x"}), ("trash", {}), ("edit", {"body": "x"}), ("move", {"folder": 3})):
        browser.ask("files", f"/item/{item}/{path}", form)
    browser.ask("files", "/bulk", {"item": item, "back": "//elsewhere.test"})
    assert world.changes() == []


def test_short_tasks_are_done_by_their_forms_and_by_no_others():
    check_effect(
        BY_NAME["files_tag"], 1,
        lambda task: [("files", f"/item/{task.facts['id']}/tag", {"tag": task.facts["tag"]})],
        lambda task: [("files", f"/item/{task.facts['id'] % 9 + 20}/tag", {"tag": tag}) for tag in ("legal", "final")],
    )  # fmt: skip
    check_effect(
        BY_NAME["files_restore"], 2,
        lambda task: [("files", "/trash", {"item": task.facts["id"], "do": "restore"})],
        lambda task: [("files", "/trash", {"item": task.facts["id"], "do": "delete"})],
    )  # fmt: skip
    check_effect(
        BY_NAME["files_share"], 3,
        lambda task: [("files", f"/item/{task.facts['id']}/share", task.facts)],
        lambda task: [("files", f"/item/{task.facts['id']}/share", task.facts | {"access": other})
                      for other in RIGHTS if other != task.facts["access"]],
    )  # fmt: skip
    check_effect(
        BY_NAME["files_rename"], 4,
        lambda task: [("files", f"/item/{task.facts['id']}/rename", {"name": task.facts["name"]})],
        lambda task: [("files", f"/item/{task.facts['id']}/rename", {"name": "x" + task.facts["name"]})],
    )  # fmt: skip


def test_longer_tasks_are_done_by_their_forms_and_by_no_others():
    check_effect(
        BY_NAME["files_version"], 5,
        lambda task: [("files", f"/item/{task.facts['id']}/versions/{task.facts['number']}", {})],
        lambda task: [("files", f"/item/{task.facts['id']}/versions/{task.facts['number'] % 3 + 1}", {})],
    )  # fmt: skip
    check_effect(
        BY_NAME["files_edit"], 6,
        lambda task: [("files", f"/item/{task.facts['id']}/edit", {"body": task.facts["body"].replace("\n", "\r\n")})],
        lambda task: [("files", f"/item/{task.facts['id']}/edit", {"body": task.facts["body"] + " Yes."})],
    )  # fmt: skip
    check_effect(
        BY_NAME["files_new_folder"], 7,
        lambda task: [("files", "/folder/1/new", {"name": task.facts["name"]}),
                      ("files", f"/item/{task.facts['id']}/move", {"folder": task.facts["made"]})],
        lambda task: [("files", "/folder/1/new", {"name": task.facts["name"]}),
                      ("files", f"/item/{task.facts['id']}/move?copy=1", {"folder": task.facts["made"]})],
    )  # fmt: skip


def test_an_edit_can_be_undone_by_its_version(world):
    browser, item = Browser(world), mine(world)
    browser.ask("files", f"/item/{item['id']}/edit", {"body": "Something else"})
    assert [c.changed() - {"modified"} for c in world.changes()] == [{"body"}]
    browser.ask("files", f"/item/{item['id']}/versions/4", {})
    assert world.changes() == []


def test_an_upload_keeps_the_bytes_of_the_right_file():
    for name, content, wanted in (("", b"", True), ("", b"other", False), ("wrong.csv", b"", False)):
        made, task = drawn(BY_NAME["files_upload"], 3)
        right = task.facts["name"]
        file = ("file", name or right, content or task.files[right])
        Browser(made).ask("files", f"/folder/{task.facts['folder']}/upload", {}, file)
        assert is_met(made, task) is wanted
        made.close()


def test_a_travel_request_wants_the_booking_and_its_code():
    made, task = drawn(BY_NAME["files_travel_request"], 3)
    browser = Browser(made)
    ride, day = task.facts["ride"], task.facts["day"]
    form = {"traveller": 1, "bags": 0, "terms": "on"}
    assert task.facts["code"] in browser.text("travel", f"/ride/{ride}/book?day={day}", form)
    browser.ask("files", f"/item/{task.facts['id']}/comment", {"body": task.facts["code"]})
    assert is_met(made, task)
    browser.ask("travel", f"/trip/{task.facts['code']}/cancel", {"reason": "work"})
    assert not is_met(made, task)


def test_the_sum_of_two_trips_is_found_on_the_travel_site():
    made, task = drawn(BY_NAME["files_trip_costs"], 3)
    prices = [trip["price"] for trip in travel_of(made).coming() if trip["code"] in task.facts["codes"]]
    assert len(prices) == 2 and f"{sum(prices) / 100:.2f}" == task.facts["total"]
    form = {"name": task.facts["name"], "body": f"${task.facts['total']}"}
    Browser(made).ask("files", f"/folder/{task.facts['folder']}/new?kind=text", form)
    assert is_met(made, task)


def test_what_pictures_say_is_in_no_text(world):
    browser = Browser(world)
    for item in world.db.execute("SELECT * FROM files_items WHERE kind = 'picture'").fetchall():
        facts, text = json.loads(item["body"]), browser.text("files", f"/item/{item['id']}")
        drawing = browser.ask("files", f"/picture/{item['id']}.svg").body.decode()
        if facts["kind"] == "receipt":
            shown = [f"{total(facts) / 100:.2f}", str(facts["number"])]
        else:
            shown = {"bars": facts.get("labels"), "note": [facts.get("day")]}.get(facts["kind"]) or [
                f">{number}<" for number in facts["numbers"]
            ]
        assert all(secret in drawing and secret not in text for secret in shown)
    assert drawing == picture(facts)


def test_answers_in_pictures_vary():
    answers, asked = {"files_chart": Counter(), "files_storage": Counter()}, set()
    for seed in range(16):
        made = episode(seed, "files", split=SPLITS[seed % 4])
        for name, number in ((name, number) for name in answers for number in range(7)):
            try:
                task = BY_NAME[name].draw(made, np.random.default_rng(number))
            except Redraw:
                continue
            if (seed, task.instruction) not in asked:
                answers[name][task.answer.value] += 1
            asked.add((seed, task.instruction))
        made.close()
    assert len(answers["files_chart"]) == 8 and len(answers["files_storage"]) >= 20
    assert all(max(found.values()) < 0.3 * found.total() for found in answers.values())


def test_expert_solves_short_tasks_in_the_browser():
    check_experts([t for t in BY_NAME.values() if t.level <= 2], 8100, ("train", "ood"))


@pytest.mark.slow
def test_expert_solves_longer_tasks_in_the_browser():
    check_experts([t for t in BY_NAME.values() if t.level > 2], 8200, ("train", "ood"))
