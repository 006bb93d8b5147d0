"""WebNav's kit without a browser: worlds, changes and their verification, answers, sites in an episode."""

import asyncio
import subprocess
import sys
from typing import ClassVar

import pytest

from mmgym_web.checks import Answer
from mmgym_web.messages import Request
from mmgym_web.webnav.kit.changes import AnyText, Contains, Expect, met, unmet
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.kit.world import World, split_of


class Shelf(Site):
    """A site of two pages."""

    name, title = "shelf", "Shelf"
    schema = """
        CREATE TABLE shelf_books (id INTEGER PRIMARY KEY, title TEXT, pages INTEGER, looked_at INTEGER);
        CREATE TABLE shelf_visits (id INTEGER PRIMARY KEY, at TEXT);
        CREATE TABLE shelf_lent (id INTEGER PRIMARY KEY, book INTEGER, days INTEGER);
    """
    known_by: ClassVar = {"shelf_lent": ("book",)}
    incidental = frozenset({"shelf_visits", "shelf_books.looked_at"})

    def populate(self):
        rows = [{"title": f"Book {n}", "pages": 100 + n, "looked_at": 0} for n in range(3)]
        self.insert("shelf_books", rows)
        self.insert("shelf_lent", [{"book": number, "days": 7} for number in (1, 2)])

    @page("/")
    async def home(self, request):
        self.run("INSERT INTO shelf_visits (at) VALUES ('now')")
        return self.render("base.html", request)

    @page("/pages/{id:int}", "POST")
    async def pages(self, request):
        form = await request.form()
        self.run("UPDATE shelf_books SET pages = ? WHERE id = ?", int(form["pages"]), request.path_params["id"])
        self.flash(request, "Changed.")
        return self.redirect("/")

    @page("/broken")
    async def broken(self, request):
        raise RuntimeError("a bug")

    @page("/missing")
    async def missing(self, request):
        return self.row("SELECT * FROM shelf_books WHERE id = 99")


@pytest.fixture
def episode():
    return Episode(World(1), {"shelf": Shelf})


def ask(episode, path, method="GET", body=b"", cookie=""):
    headers = [("content-type", "application/x-www-form-urlencoded")] + ([("cookie", cookie)] if cookie else [])
    url = episode.site("shelf").url(path)
    return asyncio.run(episode.answer(Request(method, url, headers, body)))


def test_worlds_follow_from_seed_and_split_and_share_no_person():
    assert World(5, "val") == World(5, "val") and World(5, "val").people == World(5, "val").people
    names = {split: {p.name for seed in range(30) for p in World(seed, split).people} for split in ("train", "test")}
    assert not names["train"] & names["test"]
    assert all(split_of(name) == "test" for name in names["test"])


def test_purposes_draw_independently():
    world = World(3)
    assert world.rng("a").random() == world.rng("a").random() != world.rng("b").random()


def test_the_held_out_split_looks_and_speaks_otherwise():
    fonts = {split: {World(seed, split).theme("shelf").font for seed in range(40)} for split in ("train", "ood")}
    assert not fonts["train"] & fonts["ood"]
    assert {World(seed, "train").language for seed in range(9)} == {"en"}
    assert {World(seed, "ood").language for seed in range(20)} == {"de", "fr"}


def test_too_few_texts_are_an_error():
    with pytest.raises(ValueError, match=r"only . of 3 distinct texts"):
        World(1).distinct(World(1).rng("x"), lambda rng: "one", 3)


def test_a_form_changes_the_database_and_a_message_is_shown_once(episode):
    first = ask(episode, "/")
    cookie = next(value for name, value in first.headers if name == "set-cookie").split(";")[0]
    done = ask(episode, "/pages/2", "POST", b"pages=7", cookie)
    assert done.status == 303 and ("location", "/") in done.headers
    assert b"Changed." in ask(episode, "/", cookie=cookie).body
    assert b"Changed." not in ask(episode, "/", cookie=cookie).body
    (change,) = episode.changes()
    assert (change.kind, change.changed(), change.after["pages"]) == ("update", {"pages"}, 7)


def test_what_is_incidental_does_not_count(episode):
    ask(episode, "/")
    episode.site("shelf").run("UPDATE shelf_books SET looked_at = 1")
    assert episode.changes() == [] and episode.state()["changes"] == []


def test_a_change_and_its_undoing_leave_nothing(episode):
    site = episode.site("shelf")
    site.run("UPDATE shelf_books SET pages = 9 WHERE id = 1")
    assert len(episode.changes()) == 1
    site.run("UPDATE shelf_books SET pages = 100 WHERE id = 1")
    assert episode.changes() == []


def test_what_is_taken_away_and_put_back_under_another_number_is_the_same(episode):
    site = episode.site("shelf")
    before = episode.state()
    site.run("DELETE FROM shelf_lent WHERE book = 1")
    assert [change.kind for change in episode.changes()] == ["delete"]
    site.run("INSERT INTO shelf_lent (book, days) VALUES (1, 7)")
    assert episode.changes() == [] and episode.state() != before, "what is listed by number is listed otherwise"
    site.run("UPDATE shelf_lent SET days = 9 WHERE book = 1")
    site.run("INSERT INTO shelf_lent (book, days) VALUES (3, 7)")
    update, insert = episode.changes()
    assert (update.kind, update.before["id"], update.changed()) == ("update", 1, {"days"}) and insert.kind == "insert"
    site.run("DELETE FROM shelf_lent WHERE book > 1")
    site.run("INSERT INTO shelf_lent (book, days) VALUES (8, 7)")
    kinds = [(change.kind, (change.before or change.after)["book"]) for change in episode.changes()]
    assert kinds == [("update", 1), ("delete", 2), ("insert", 8)], "whichever number the new row has"
    site.run("DELETE FROM shelf_books WHERE id = 1")
    site.insert("shelf_books", [{"title": "Book 0", "pages": 100, "looked_at": 0}])
    assert [change.kind for change in episode.changes() if change.table == "shelf_books"] == ["delete", "insert"]


@pytest.mark.parametrize(
    "sql, solved",
    [
        ("UPDATE shelf_books SET pages = 7 WHERE id = 2", True),
        ("UPDATE shelf_books SET pages = 7, looked_at = 1 WHERE id = 2", True),
        ("UPDATE shelf_books SET pages = 8 WHERE id = 2", False),
        ("UPDATE shelf_books SET pages = 7 WHERE id = 1", False),
        ("UPDATE shelf_books SET pages = 7 WHERE id < 3", False),
        ("UPDATE shelf_books SET pages = 7, title = 'x' WHERE id = 2", False),
        ("DELETE FROM shelf_books WHERE id = 2", False),
    ],
)
def test_what_had_to_change_changed_and_nothing_else(episode, sql, solved):
    expects = [Expect("shelf_books", "update", {"id": 2}, {"pages": 7})]
    episode.site("shelf").run(sql)
    assert met(expects, episode.changes(), episode.journal.incidental) is solved


def test_inserts_are_matched_one_to_one(episode):
    expect = Expect("shelf_books", "insert", {"title": Contains(("good", "news")), "pages": 5})
    site = episode.site("shelf")
    site.insert("shelf_books", [{"title": "Good  NEWS today", "pages": 5}])
    assert met([expect], episode.changes(), episode.journal.incidental)
    assert unmet([expect, expect], episode.changes(), episode.journal.incidental) == [expect]
    site.insert("shelf_books", [{"title": "More good news", "pages": 5}])
    assert met([expect, expect], episode.changes(), episode.journal.incidental)
    assert not met([expect], episode.changes(), episode.journal.incidental)


def test_any_text_is_not_blank():
    assert AnyText().accepts("x") and not AnyText().accepts("  ") and not AnyText().accepts(None)


def test_errors_of_a_site_are_kept_and_missing_things_are_404(episode):
    assert ask(episode, "/missing").status == 404
    with pytest.raises(RuntimeError, match="a bug"):
        ask(episode, "/broken")
    assert "a bug" in episode.errors[0]
    assert asyncio.run(episode.answer(Request("GET", "http://elsewhere.test/"))) is None
    with pytest.raises(ValueError, match="site must be one of shelf"):
        episode.site("nonesuch")


@pytest.mark.parametrize(
    "answer, given, right",
    [
        (Answer("Ada Keller"), " ada  keller. ", True),
        (Answer("Ada Keller"), "Ada Keller or Bela Koch", False),
        (Answer("blue", also=("azure",)), "Azure", True),
        (Answer("1234.5", "number"), "$1,234.50", True),
        (Answer("12", "number"), "12 or 13", False),
        (Answer("12", "number", tolerance=0.5), "about 12.4", True),
        (Answer("12", "number"), "", False),
        (Answer("b; a", "set"), "A, B", True),
        (Answer("b; a", "set"), "a", False),
        (Answer("b; a", "set"), "a, a, b", False),
    ],
)
def test_answers(answer, given, right):
    assert answer.accepts(given) is right


def test_answers_are_checked_when_made():
    with pytest.raises(ValueError, match="text, number, set"):
        Answer("x", "poem")
    with pytest.raises(ValueError, match="must be a number"):
        Answer("x", "number")


@pytest.mark.parametrize("package", ["jinja2", "starlette"])
def test_a_site_without_its_packages_says_how_to_get_them(package):
    code = f"import sys; sys.modules[{package!r}] = None; import gymnasium, mmgym; gymnasium.make('mmgym/WebNav-v0')"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr
    assert "ModuleNotFoundError: web sites need " in said and "pip install 'mmgym[web]'" in said.splitlines()[-1]
