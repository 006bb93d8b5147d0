"""The forum: its pages, what its forms change, and its tasks, without a browser and in one."""

import json

import pytest
from sites import Browser, check_draws, check_experts, drawn, episode, is_met, untranslated

from mmgym_web.webnav.sites.forum import TEMPLATES
from mmgym_web.webnav.sites.forum.pictures import SHAPES, draw_avatar

BY_NAME = {template.name: template() for template in TEMPLATES}


@pytest.fixture
def world():
    made = episode(5, "forum", "wiki")
    yield made
    made.close()


@pytest.mark.slow
def test_tasks_are_clear():
    check_draws(BY_NAME.values(), milestones=1, said=("forum_poll_count", "forum_avatar", "forum_avatar_owner"))


def test_there_are_tasks_of_every_level_and_of_pixels():
    levels = [template.level for template in TEMPLATES]
    assert all(levels.count(level) >= least for level, least in {1: 2, 2: 2, 3: 2, 4: 1, 5: 2}.items())
    assert sum(template.pixels for template in TEMPLATES) >= 2


def test_every_label_is_translated():
    assert untranslated("forum") == []


def test_pages_answer_and_change_nothing(world):
    browser = Browser(world)
    assert set(browser.pages("forum").values()) <= {200, 303}
    for path in (
        "/thread/999",
        "/board/77",
        "/member/0",
        "/post/1/edit",
        "/case/99",
        "/avatar/99.png",
        "/picture/1.png",
    ):
        assert browser.ask("forum", path).status == 404
    assert browser.ask("forum", "/board/1?page=99&sort=x&tag=x").status == 200
    assert world.changes() == [] and world.errors == []


def test_no_title_of_train_is_in_a_held_out_split():
    def titles(split):
        return {
            row[0]
            for seed in range(6)
            for row in episode(seed, "forum", split=split).db.execute("SELECT title FROM forum_threads")
        }

    assert not titles("train") & (titles("test") | titles("ood"))


def test_a_wrong_form_is_shown_again_with_all_that_was_written(world):
    browser = Browser(world)
    response = browser.ask("forum", "/compose", {"to": "", "subject": "Hello there", "body": "Some words"})
    assert response.status == 422 and b"Hello there" in response.body and b"Some words" in response.body
    response = browser.ask("forum", "/new", {"board": "2", "tag": "idea", "subject": "A title", "body": " "})
    assert response.status == 422 and b"A title" in response.body
    assert browser.ask("forum", "/thread/1/reply", {"body": ""}).status == 422
    assert browser.ask("forum", "/post/1/report", {"reason": "boredom"}).status == 422
    assert world.changes() == []


def test_closed_threads_and_polls_take_nothing(world):
    browser = Browser(world)
    thread = world.db.execute("SELECT id FROM forum_threads WHERE locked = 1").fetchone()[0]
    assert browser.ask("forum", f"/thread/{thread}/reply", {"body": "Hello"}).status == 422
    poll, option = world.db.execute(
        "SELECT p.id, o.id FROM forum_polls p JOIN forum_options o ON o.poll = p.id WHERE closed = 1"
    ).fetchone()
    browser.ask("forum", f"/poll/{poll}/vote", {"option": option})
    other = world.db.execute("SELECT id FROM forum_options WHERE poll != ?", (poll,)).fetchone()[0]
    open_poll = world.db.execute("SELECT id FROM forum_polls WHERE closed = 0").fetchone()[0]
    browser.ask("forum", f"/poll/{open_poll}/vote", {"option": option if other == option else 999})
    assert world.changes() == []


def test_posts_of_others_cannot_be_changed(world):
    browser = Browser(world)
    assert browser.ask("forum", "/post/1/edit", {"body": "mine now"}).status == 404
    assert browser.ask("forum", "/post/1/delete", {}).status == 404
    report = world.db.execute("SELECT id FROM forum_reports").fetchone()[0]
    browser.ask("forum", f"/case/{report}", {"action": "remove"})
    browser.ask("forum", f"/case/{report}", {"action": "dismiss"})
    assert {(change.table, change.kind) for change in world.changes()} == {
        ("forum_posts", "update"),
        ("forum_reports", "update"),
    }
    assert world.db.execute("SELECT status FROM forum_reports WHERE id = ?", (report,)).fetchone()[0] == "removed"


def do(browser, task, name):
    """Do a task by requests."""
    made, facts = browser.episode, task.facts
    reply = f"/thread/{facts.get('thread')}/reply"
    if name == "forum_follow":
        browser.ask("forum", f"/thread/{facts['thread']}/follow", {})
    elif name == "forum_like":
        browser.ask("forum", f"/post/{facts['post']}/like", {})
    elif name == "forum_vote":
        poll = made.db.execute("SELECT poll FROM forum_options WHERE id = ?", (facts["option"],)).fetchone()[0]
        browser.ask("forum", f"/poll/{poll}/vote", {"option": facts["option"]})
    elif name in ("forum_reply", "forum_quote", "forum_wiki_answer"):
        browser.ask("forum", reply, {"body": facts["body"], "quote": facts.get("post", "")})
    elif name == "forum_edit":
        browser.ask("forum", f"/post/{facts['post']}/edit", {"body": facts["body"]})
    elif name == "forum_delete":
        browser.ask("forum", f"/post/{facts['post']}/delete", {})
    elif name == "forum_report":
        browser.ask("forum", f"/post/{facts['post']}/report", {"reason": facts["reason"]})
    elif name == "forum_moderate":
        for row in made.db.execute("SELECT * FROM forum_reports").fetchall():
            action = "remove" if row["reason"] == facts["reason"] else "dismiss"
            browser.ask("forum", f"/case/{row['id']}", {"action": action})
    elif name == "forum_message":
        browser.ask("forum", "/compose", {"to": facts["member"], "subject": facts["subject"], "body": facts["body"]})
    elif name == "forum_new":
        board = made.db.execute("SELECT id FROM forum_boards WHERE name = ?", (facts["board"],)).fetchone()[0]
        browser.ask(
            "forum", "/new", {"board": board, "tag": facts["tag"], "subject": facts["title"], "body": facts["body"]}
        )
    elif name == "forum_wiki_correction":
        row = made.db.execute("SELECT a, b, c FROM wiki_rows WHERE id = ?", (facts["row"],)).fetchone()
        browser.ask("wiki", f"/row/{facts['row']}", dict(row) | {facts["column"]: facts["value"]})
        assert not is_met(made, task)
        browser.ask("forum", reply, {"body": facts["body"]})
    else:
        browser.ask("wiki", f"/page/{facts['page']}/rename", {"title": facts["new"], "keep": "1"})
        assert not is_met(made, task)
        browser.ask("forum", reply, {"body": facts["body"]})


@pytest.mark.parametrize("name", BY_NAME)
def test_only_the_asked_effect_solves_a_task(name):
    for seed in (1, 2):
        made, task = drawn(BY_NAME[name], seed)
        browser = Browser(made)
        if task.expects:  # of the others, nothing may change
            assert not is_met(made, task)
            do(browser, task, name)
        assert is_met(made, task), made.changes()
        mine = made.db.execute("SELECT thread FROM forum_posts ORDER BY id DESC").fetchone()[0]
        browser.ask("forum", f"/thread/{mine}/reply", {"body": "something else"})
        assert not is_met(made, task)
        made.close()


def test_other_values_do_not_solve_a_task():
    made, task = drawn(BY_NAME["forum_quote"], 3)
    Browser(made).ask("forum", f"/thread/{task.facts['thread']}/reply", {"body": task.facts["body"]})
    assert made.changes() and not is_met(made, task)
    made, task = drawn(BY_NAME["forum_message"], 3)
    other = task.facts["member"] % 13 + 2
    Browser(made).ask("forum", "/compose", {"to": other, "subject": task.facts["subject"], "body": task.facts["body"]})
    assert made.changes() and not is_met(made, task)
    made, task = drawn(BY_NAME["forum_wiki_correction"], 3)
    browser = Browser(made)
    row = made.db.execute("SELECT a, b, c FROM wiki_rows WHERE id = ?", (task.facts["row"],)).fetchone()
    browser.ask("wiki", f"/row/{task.facts['row']}", dict(row) | {task.facts["column"]: task.facts["value"] + "0"})
    browser.ask("forum", f"/thread/{task.facts['thread']}/reply", {"body": task.facts["body"]})
    assert len(made.changes()) > 1 and not is_met(made, task)


def test_answers_of_pixels_are_not_in_the_page():
    for seed in range(8):
        made, task = drawn(BY_NAME["forum_plate"], seed)
        page = Browser(made).text("forum", f"/thread/{task.facts['thread']}?page={task.facts['number']}")
        assert task.answer.value not in page and "/picture/" in page
        assert task.answer.accepts(task.answer.value.lower()) and not task.answer.accepts("AB-0000")


def test_avatars_differ_in_shape_and_colour(world):
    looks = [json.loads(row[0]) for row in world.db.execute("SELECT avatar FROM forum_users")]
    assert len({(look["shape"], look["colour"]) for look in looks}) == len(looks)
    assert all(look["colour"] != look["ground"] for look in looks)
    assert len({draw_avatar(shape, "red", "white") for shape in SHAPES}) == len(SHAPES)
    with pytest.raises(ValueError, match="circle"):
        draw_avatar("spiral", "red", "white")


def test_every_option_wins_polls_about_equally_often():
    places = [0] * 6
    for seed in range(40):
        made = episode(seed, "forum")
        for row in made.db.execute("SELECT id FROM forum_polls").fetchall():
            votes = [option[0] for option in made.db.execute(
                "SELECT votes FROM forum_options WHERE poll = ? ORDER BY id", (row[0],))]  # fmt: skip
            assert len(set(votes)) == 6
            places[votes.index(max(votes))] += 1
        made.close()
    assert min(places) > 0.6 * sum(places) / 6


@pytest.mark.slow
def test_the_expert_solves_every_kind_of_task_in_a_browser():
    check_experts(BY_NAME.values(), 71)
