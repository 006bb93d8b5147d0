"""The wiki: its pages, what its forms change, and its tasks, without a browser and in one."""

import json

import pytest
from sites import Browser, check_draws, check_experts, drawn, episode, is_met, untranslated

from mmgym_web.webnav.sites.wiki import TEMPLATES
from mmgym_web.webnav.sites.wiki.figures import draw_figure
from mmgym_web.webnav.sites.wiki.lore import COLOURS

BY_NAME = {template.name: template() for template in TEMPLATES}


@pytest.fixture
def world():
    made = episode(5, "forum", "wiki")
    yield made
    made.close()


def rows(made, sql, *values):
    return made.db.execute(sql, values).fetchall()


@pytest.mark.slow
def test_tasks_are_clear():
    check_draws(BY_NAME.values(), milestones=1, said=("wiki_arches",))


def test_there_are_tasks_of_four_levels_and_of_pixels():
    levels = [template.level for template in TEMPLATES]
    assert all(levels.count(level) >= least for level, least in {1: 2, 2: 2, 3: 2, 4: 1}.items())
    assert sum(template.pixels for template in TEMPLATES) >= 2


def test_every_label_is_translated():
    assert untranslated("wiki") == []


def test_pages_answer_and_change_nothing(world):
    browser = Browser(world)
    assert set(browser.pages("wiki").values()) <= {200, 303}
    for path in ("/page/999", "/page/1/edit/99", "/change/9999", "/row/9999", "/figure/99.png", "/page/1/edit/x"):
        assert browser.ask("wiki", path).status == 404
    assert browser.ask("wiki", "/pages?category=Clouds&page=x&sort=y").status == 200
    assert json.loads(browser.ask("wiki", "/suggest?q=River").body)
    assert world.changes() == [] and world.errors == []


def test_no_title_of_train_is_in_a_held_out_split():
    def titles(split):
        made = [episode(seed, "wiki", split=split) for seed in range(6)]
        return {row["title"] for one in made for row in rows(one, "SELECT title FROM wiki_pages")}

    assert not titles("train") & (titles("test") | titles("ood"))


def test_a_wrong_form_is_shown_again_with_all_that_was_written(world):
    browser = Browser(world)
    taken = rows(world, "SELECT title FROM wiki_pages")[3][0]
    response = browser.ask("wiki", "/new", {"name": taken.upper(), "category": "Towns", "lead": "A new town."})
    assert response.status == 422 and b"A new town." in response.body
    response = browser.ask("wiki", "/page/1/talk", {"subject": "Only this", "text": ""})
    assert response.status == 422 and b"Only this" in response.body
    assert world.changes() == []


def test_protected_pages_stay_as_they_are(world):
    browser = Browser(world)
    number = rows(world, "SELECT id FROM wiki_pages WHERE protected = 1")[0][0]
    fact = rows(world, "SELECT id FROM wiki_facts WHERE page = ?", number)[0][0]
    row = rows(world, "SELECT id FROM wiki_rows WHERE page = ?", number)[0][0]
    browser.ask("wiki", f"/page/{number}/facts", {f"fact{fact}": "1"})
    browser.ask("wiki", f"/page/{number}/edit/lead", {"text": "Nothing.", "base": "1"})
    browser.ask("wiki", f"/page/{number}/rename", {"title": "Elsewhere"})
    browser.ask("wiki", f"/row/{row}", {"a": "1", "b": "2", "c": "3"})
    for change in rows(world, "SELECT id FROM wiki_revisions WHERE page = ?", number):
        browser.ask("wiki", f"/change/{change[0]}/undo", {})
    assert world.changes() == []


def test_preview_saves_nothing_and_a_conflict_loses_nothing(world):
    browser = Browser(world)
    pending = rows(world, "SELECT n.*, s.page FROM wiki_pending n JOIN wiki_sections s ON s.id = n.section"
                          " JOIN wiki_pages p ON p.id = s.page WHERE p.protected = 0")[0]  # fmt: skip
    path = f"/page/{pending['page']}/edit/{pending['section']}"
    base = rows(world, "SELECT max(id) FROM wiki_revisions")[0][0]
    response = browser.ask("wiki", path, {"text": "My own words.", "base": base, "action": "preview"})
    assert b"My own words." in response.body and world.changes() == []
    response = browser.ask("wiki", path, {"text": "My own words.", "base": base, "action": "save"})
    assert response.status == 409
    assert b"My own words." in response.body and pending["body"].encode() in response.body
    assert rows(world, "SELECT body FROM wiki_sections WHERE id = ?", pending["section"])[0][0] == pending["body"]
    base = rows(world, "SELECT max(id) FROM wiki_revisions WHERE page = ?", pending["page"])[0][0]
    assert browser.send("wiki", path, {"text": "My own words.", "base": base, "action": "save"}).status == 303
    assert rows(world, "SELECT body FROM wiki_sections WHERE id = ?", pending["section"])[0][0] == "My own words."


def test_a_redirect_leads_to_the_renamed_page(world):
    browser = Browser(world)
    number, old = rows(world, "SELECT id, title FROM wiki_pages WHERE protected = 0")[0]
    browser.ask("wiki", f"/page/{number}/rename", {"title": "Newtown Hall", "keep": "1"})
    redirect = rows(world, "SELECT id FROM wiki_pages WHERE title = ?", old)[0][0]
    page = browser.text("wiki", f"/page/{redirect}")
    assert "Newtown Hall" in page and old in page


def do(browser, task, name):
    """Do a task by requests."""
    made, facts = browser.episode, task.facts
    page = f"/page/{facts.get('page')}"
    if name == "wiki_watch":
        browser.ask("wiki", f"{page}/watch", {})
    elif name == "wiki_edit_fact":
        values = {f"fact{row['id']}": row["value"] for row in rows(made, "SELECT * FROM wiki_facts WHERE page = ?",
                                                                   facts["page"])}  # fmt: skip
        browser.ask("wiki", f"{page}/facts", values | {f"fact{facts['fact']}": facts["value"]})
    elif name == "wiki_undo":
        browser.ask("wiki", f"/change/{facts['change']}/undo", {"comment": "nonsense"})
    elif name == "wiki_rename":
        browser.ask("wiki", f"{page}/rename", {"title": facts["new"]} | ({"keep": "1"} if facts["keep"] else {}))
    elif name == "wiki_talk":
        browser.ask("wiki", f"{page}/talk", {"subject": facts["subject"], "text": facts["body"]})
    elif name == "wiki_new":
        browser.ask("wiki", "/new", {"name": facts["title"], "category": facts["category"], "lead": facts["lead"]})
    else:
        for _ in range(2):  # the first time there is a conflict
            body = rows(made, "SELECT body FROM wiki_sections WHERE id = ?", facts["section"])[0][0]
            base = rows(made, "SELECT max(id) FROM wiki_revisions WHERE page = ?", facts["page"])[0][0]
            path = f"{page}/edit/{facts['section']}"
            browser.ask("wiki", path, {"text": f"{body} {facts['added']}", "base": base, "action": "save"})


@pytest.mark.parametrize("name", BY_NAME)
def test_only_the_asked_effect_solves_a_task(name):
    for seed in (1, 2):
        made, task = drawn(BY_NAME[name], seed)
        browser = Browser(made)
        if task.expects:  # of the others, nothing may change
            assert not is_met(made, task)
            do(browser, task, name)
        assert is_met(made, task), made.changes()
        browser.ask("wiki", "/page/1/talk", {"subject": "Hello", "text": "something else"})
        assert not is_met(made, task)
        made.close()


def test_other_values_do_not_solve_a_task():
    made, task = drawn(BY_NAME["wiki_rename"], 3)
    form = {"title": task.facts["new"]} | ({} if task.facts["keep"] else {"keep": "1"})
    Browser(made).ask("wiki", f"/page/{task.facts['page']}/rename", form)
    assert made.changes() and not is_met(made, task)
    made, task = drawn(BY_NAME["wiki_conflict"], 3)
    path, base = f"/page/{task.facts['page']}/edit/{task.facts['section']}", 0
    for _ in range(2):
        base = rows(made, "SELECT max(id) FROM wiki_revisions WHERE page = ?", task.facts["page"])[0][0]
        Browser(made).ask("wiki", path, {"text": task.facts["added"], "base": base, "action": "save"})
    assert made.changes() and not is_met(made, task)


@pytest.mark.slow
@pytest.mark.parametrize("name", [template.name for template in TEMPLATES if template.pixels])
def test_answers_of_pixels_are_spread(name):
    answers = [drawn(BY_NAME[name], seed)[1].answer.value for seed in range(60)]
    most = max(answers.count(answer) for answer in set(answers))
    assert len(set(answers)) >= 5 and most <= 20


def test_figures_show_what_differs():
    flags = {draw_figure({"kind": "flag", "colours": ["red", colour, "red"], "upright": False}) for colour in COLOURS}
    assert len(flags) == len(COLOURS)
    assert len({draw_figure({"kind": "arches", "count": count, "hue": 9}) for count in range(3, 10)}) == 7
    with pytest.raises(ValueError, match="flag"):
        draw_figure({"kind": "poem"})


@pytest.mark.slow
def test_the_expert_solves_every_kind_of_task_in_a_browser():
    check_experts(BY_NAME.values(), 71)
