"""Any site: files of tasks and their mistakes, checks, what is served, and episodes in a real browser."""

import http.server
import json
import socket
import sqlite3
import sys
import threading
import types

import pytest

from mmgym.env import MachineryFailure, unwrap
from mmgym.spaces import ToolCall
from mmgym_web.any_site import Look, TaskFileError, Visit, load_tasks
from mmgym_web.any_site.env import AnySite
from mmgym_web.any_site.sources import load_app, make_app, serve_app
from mmgym_web.serve import AsgiServer, WsgiServer

GOOD = {"id": "a", "start": "/", "instruction": "Do it.", "checks": [{"url": "/done"}]}


def task(**changes):
    return GOOD | changes


def visit(url="http://site.test/", elements=(), answer=None, app=None):
    return Visit(url, lambda expression: [vars(element) for element in elements], answer, app)


def holds(check, **situation):
    return load_tasks([task(checks=[check])])[0].checks[0].holds(visit(**situation))


# --- the file of tasks ---


def test_a_file_is_read_with_all_its_fields(tmp_path):
    (tmp_path / "photo.png").write_bytes(b"png")
    full = task(level=3, split="val", turns=7, files=["photo.png"])
    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps(full) + "\n\n" + json.dumps(task(id="b")) + "\n")
    first, second = load_tasks(path)
    assert (first.id, first.level, first.split, first.turns, first.files) == ("a", 3, "val", 7, {"photo.png": b"png"})
    assert (second.level, second.split, second.turns, second.asks) == (1, "", 20, False)


@pytest.mark.parametrize(
    ("entry", "field", "allowed"),
    [
        ({"id": "a"}, "'start'", "missing"),
        (task(speed=1), "'speed'", "allowed: id, start, instruction, checks, level, split, turns, files"),
        (task(id=" "), "'id'", "text that is not blank; got ' '"),
        (task(level=6), "'level'", "a whole number from 1 to 5; got 6"),
        (task(level=True), "'level'", "a whole number from 1 to 5"),
        (task(split="dev"), "'split'", "one of train, val, test, ood; got 'dev'"),
        (task(turns=0), "'turns'", "from 1 to 1000"),
        (task(checks=[]), "'checks'", "at least one check"),
        (task(checks=["x"]), "'checks[0]'", "one of url, url_regex, dom, answer, python"),
        (task(checks=[{"url": "/", "dom": "p"}]), "'checks[0]'", "one of url"),
        (task(checks=[{"url": "/", "text": "x"}]), "'checks[0].text'", "allowed: url"),
        (task(checks=[{"url_regex": "("}]), "'checks[0].url_regex'", "a regular expression"),
        (task(checks=[{"dom": "p", "count": -1}]), "'checks[0].count'", "from 0 to 1000"),
        (task(checks=[{"dom": "p", "visible": 1}]), "'checks[0].visible'", "true or false; got 1"),
        (task(checks=[{"url": "/"}, {"dom": "p", "value": 3}]), "'checks[1].value'", "text; got 3"),
        (task(checks=[{"answer": "x", "type": "date"}]), "'checks[0].type'", "one of text, number, choice, set"),
        (task(checks=[{"answer": "x", "type": "number"}]), "'checks[0].answer'", "a number; got 'x'"),
        (task(checks=[{"answer": "x", "tolerance": 1}]), "'checks[0].tolerance'", "only for the type number"),
        (task(checks=[{"answer": "x", "type": "choice"}]), "'checks[0].choices'", "there for the type choice"),
        (
            task(checks=[{"answer": "x", "type": "choice", "choices": ["y", "z"]}]),
            "'checks[0].answer'",
            "one of the choices y, z; got 'x'",
        ),
        (task(checks=[{"python": "nowhere"}]), "'checks[0].python'", "module:attribute"),
        (task(checks=[{"python": "no_such_module_here:f"}]), "'checks[0].python'", "no module"),
        (task(checks=[{"python": "json:nothing"}]), "'checks[0].python'", "'json' has no 'nothing'"),
        (task(checks=[{"python": "json:__name__"}]), "'checks[0].python'", "must name a function"),
        (task(files=["none.txt"]), "'files[0]'", "the path of a file"),
        ([], "", "a JSON object; got []"),
    ],
)
def test_a_mistake_names_file_line_field_and_what_is_allowed(tmp_path, entry, field, allowed):
    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps(task(id="first")) + "\n" + json.dumps(entry) + "\n")
    with pytest.raises(TaskFileError) as caught:
        load_tasks(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, line 2") and field in message and allowed in message


def test_broken_json_equal_names_and_empty_files(tmp_path):
    path = tmp_path / "tasks.jsonl"
    path.write_text(json.dumps(task()) + "\n{oops\n")
    with pytest.raises(TaskFileError, match="line 2: must be one JSON object"):
        load_tasks(path)
    with pytest.raises(TaskFileError, match="task 2, field 'id': must be new; an earlier task is called 'a'"):
        load_tasks([task(), task()])
    path.write_text("\n")
    with pytest.raises(TaskFileError, match="there is no task"):
        load_tasks(path)


# --- checks ---


@pytest.mark.parametrize(
    ("check", "url", "right"),
    [
        ({"url": "/cart*"}, "http://site.test/cart?step=2", True),
        ({"url": "/cart"}, "http://site.test/cart?step=2", False),
        ({"url": "/"}, "http://site.test", True),
        ({"url": "http://other.test/*"}, "http://site.test/", False),
        ({"url_regex": r"/item/\d+$"}, "http://site.test/item/12", True),
        ({"url_regex": r"/item/\d+$"}, "http://site.test/item/12/edit", False),
    ],
)
def test_url_checks(check, url, right):
    assert holds(check, url=url) is right


@pytest.mark.parametrize(
    ("check", "right"),
    [
        ({"dom": "p"}, True),
        ({"dom": "p", "count": 2}, True),
        ({"dom": "p", "count": 1}, False),
        ({"dom": "p", "text": "red  MUG"}, True),
        ({"dom": "p", "text": "mug"}, False),
        ({"dom": "p", "contains": "Mug"}, True),
        ({"dom": "p", "contains": "mug", "count": 1}, True),
        ({"dom": "p", "value": "7", "checked": True}, True),
        ({"dom": "p", "value": "7", "checked": False}, False),
        ({"dom": "p", "visible": False, "text": "red mug"}, False),
    ],
)
def test_dom_checks(check, right):
    elements = [Look("red mug"), Look("", value="7", checked=True, visible=False)]
    assert holds(check, elements=elements) is right


@pytest.mark.parametrize(
    ("check", "answer", "right"),
    [
        ({"answer": "Thursday"}, "thursday.", True),
        ({"answer": "Thursday"}, "Friday", False),
        ({"answer": "Thursday"}, None, False),
        ({"answer": "Thursday", "also": ["Thu"]}, "thu", True),
        ({"answer": 42, "type": "number"}, "It is 42", True),
        ({"answer": 42, "type": "number"}, "40 or 42", False),
        ({"answer": 42, "type": "number", "tolerance": 0.5}, "41.6", True),
        ({"answer": ["a", "b"], "type": "set"}, "b, a", True),
        ({"answer": ["a", "b"], "type": "set"}, "a", False),
        ({"answer": "x", "type": "choice", "choices": ["x", "y"]}, "X", True),
        ({"answer": "x", "type": "choice", "choices": ["x", "y"]}, "x, y", False),
    ],
)
def test_answer_checks(check, answer, right):
    assert holds(check, answer=answer) is right


def test_python_checks(monkeypatch):
    module = types.ModuleType("my_checks")
    module.sold = lambda visit: visit.app["sold"] == 1
    module.vague = lambda visit: "yes"
    monkeypatch.setitem(sys.modules, "my_checks", module)
    assert holds({"python": "my_checks:sold"}, app={"sold": 1}) is True
    assert holds({"python": "my_checks:sold"}, app={"sold": 0}) is False
    with pytest.raises(TypeError, match="must return True or False; got 'yes'"):
        holds({"python": "my_checks:vague"})


# --- what is served ---


def plain_wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"wsgi"]


async def plain_asgi(scope, receive, send):
    raise NotImplementedError


def test_applications_and_factories_are_told_apart():
    assert isinstance(serve_app(plain_wsgi, 1), WsgiServer)
    assert isinstance(serve_app(plain_asgi, 1), AsgiServer)
    assert make_app(plain_wsgi, 3) is plain_wsgi
    assert make_app(lambda: plain_wsgi, 3) is plain_wsgi
    seeds = []

    def factory(seed):
        seeds.append(seed)
        return plain_wsgi

    assert make_app(factory, 3) is plain_wsgi and seeds == [3]
    assert load_app("json:dumps") is json.dumps
    for wrong in (3, lambda x: x):
        with pytest.raises(TypeError, match="app must be an ASGI application"):
            AnySite(app=wrong, tasks=[task()])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"app": plain_wsgi, "folder": "."}, "one of app, folder and url; got app and folder"),
        ({"app": plain_wsgi}, "tasks must be"),
        ({"app": "nowhere_at_all:app", "tasks": [task()]}, "app no module 'nowhere_at_all'"),
        ({"url": "file:///etc/hostname", "tasks": [task()]}, "url must be an http or https address"),
        ({"allow_hosts": ["a.test"]}, "allow_hosts is for a live url"),
        ({"url": "http://a.test", "allow_hosts": ["http://b.test"], "tasks": [task()]}, "must be hosts such as"),
        ({"reset": plain_wsgi}, "reset is for an app"),
        ({"host": "a b"}, "host must be a name"),
        ({"answer_limit": 0}, "answer_limit must be a positive number"),
        (
            {"app": plain_wsgi, "tasks": [task(start="https://example.org/")]},
            "task 1, field 'start': must be a path, or an address of site.test; got 'https://example.org/'",
        ),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        AnySite(**arguments)


def test_capabilities_follow_from_what_is_served():
    again = AnySite(app=lambda: plain_wsgi, tasks=[task()]).capabilities
    assert (again.deterministic, again.snapshot, again.splits, again.expert) == (True, "replay", "single", "none")
    used = AnySite(app=plain_wsgi, tasks=[task(split="train")]).capabilities
    assert (used.deterministic, used.snapshot, used.splits) == (False, "none", "content")
    live = AnySite(url="https://example.org/", tasks=[task()]).capabilities
    assert (live.deterministic, live.snapshot, live.expert) == (False, "none", "none")


# --- episodes in a browser ---


class Notes:
    """A WSGI application with a database, a cookie, a form and a page that fails."""

    def __init__(self, seed):
        self.first = f"note {seed % 1000}"
        self.db = sqlite3.connect(":memory:", check_same_thread=False)
        self.db.execute("CREATE TABLE notes (text TEXT)")
        self.db.execute("INSERT INTO notes VALUES (?)", (self.first,))

    def __call__(self, environ, start_response):
        from urllib.parse import parse_qs

        if environ["PATH_INFO"] == "/fail":
            raise ZeroDivisionError("by design")
        if environ["REQUEST_METHOD"] == "POST":
            text = parse_qs(environ["wsgi.input"].read().decode())["text"][0]
            self.db.execute("INSERT INTO notes VALUES (?)", (text,))
            start_response("303 See Other", [("Location", "/"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
            return []
        there = environ["PATH_INFO"] != "/missing"
        start_response("200 OK" if there else "404 Not Found", [("Content-Type", "text/html")])
        items = "".join(f"<li>{text}" for (text,) in self.db.execute("SELECT text FROM notes"))
        cookies = environ.get("HTTP_COOKIE", "none")
        page = f"<title>Notes</title><p id=c>{cookies}</p><ul>{items}</ul>"
        form = "<form method=post><input name=text autofocus><button>Add</button></form>"
        return [f"<!doctype html>{page}{form}<a href=/fail>fail</a>".encode()]


def two_notes(visit):
    return visit.app.db.execute("SELECT count(*) FROM notes").fetchone()[0] == 2


NOTES = [
    task(id="add", checks=[{"dom": "li", "text": "milk"}, {"dom": "#c", "text": "a=1; b=2"}]),
    task(id="other", split="val", level=2, checks=[{"answer": "x"}]),
]


@pytest.fixture
def notes(monkeypatch):
    module = types.ModuleType("my_notes")
    module.two_notes = two_notes
    monkeypatch.setitem(sys.modules, "my_notes", module)
    tasks = [*NOTES, task(id="count", checks=[{"python": "my_notes:two_notes"}])]
    env = AnySite(app=Notes, tasks=tasks, width=320, height=240)
    yield env
    env.close()


def add(env, text):
    x, y = env.query(
        "(b => [Math.round(b.x + b.width / 2), Math.round(b.y + b.height / 2)])"
        "(document.querySelector('input').getBoundingClientRect())"
    )
    env.step(ToolCall("click", {"x": x, "y": y}))
    env.step(ToolCall("type", {"text": text}))
    return env.step(ToolCall("press", {"keys": "Enter"}))


def test_an_application_is_played_and_its_database_checked(notes):
    observation, info = notes.reset(seed=1, options={"task": "add"})
    assert observation["task"] == "Do it." and observation["title"] == "Notes" and not info["success"]
    first = notes.query("document.querySelector('li').innerText")
    *_, reward, terminated, _, info = add(notes, "milk")
    assert (reward, terminated, info["success"]) == (1.0, True, True)
    notes.reset(seed=1, options={"task": "count"})
    assert notes.query("[...document.querySelectorAll('li')].map(e => e.innerText)") == [first]
    assert add(notes, "tea")[1:3] == (1.0, True)
    notes.reset(seed=2, options={"task": "count"})
    assert notes.query("document.querySelector('li').innerText") != first
    assert notes.query("document.querySelector('#c').innerText") == "none"


def test_an_application_that_raises_ends_the_episode_with_its_error(notes):
    notes.reset(seed=1, options={"task": "add"})
    _, reward, terminated, truncated, info = notes.step(ToolCall("goto", {"url": "http://site.test/fail"}))
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert "ZeroDivisionError: by design" in info["error"]
    _, info = notes.reset(seed=1, options={"task": "add"})
    assert info["error"] == "" and add(notes, "milk")[1] == 1.0


def test_levels_splits_and_tasks_are_chosen(notes):
    assert (notes.levels, notes.capabilities.splits) == (2, "content")
    notes.reset(seed=0, options={"level": 2, "split": "val"})
    assert notes.step(ToolCall("answer", {"text": "x"}))[1] == 1.0
    with pytest.raises(ValueError, match=r"no task of level 2 and split train; there are: level 1 \(any split\)"):
        notes.reset(options={"level": 2})
    with pytest.raises(ValueError, match="task must be one of add, other, count; got 'nothing'"):
        notes.reset(options={"task": "nothing"})


def test_a_snapshot_plays_to_the_same_point(notes):
    notes.reset(seed=3, options={"task": "add"})
    add(notes, "tea")
    key, snapshot = notes.state_key(), notes.snapshot()
    add(notes, "more tea")
    notes.restore(snapshot)
    assert notes.state_key() == key
    assert notes.query("document.querySelectorAll('li').length") == 2


def test_a_wrong_selector_is_named_when_the_episode_begins():
    env = AnySite(app=Notes, tasks=[task(checks=[{"dom": "li["}])], width=320, height=240)
    with pytest.raises(TaskFileError, match=r"task 1, field 'checks\[0\].dom': must be a CSS selector; got 'li\['"):
        env.reset(seed=0)
    env.close()


def test_a_task_that_starts_solved_or_nowhere_is_warned_of():
    tasks = [task(checks=[{"url": "/"}]), task(id="b", start="/missing", checks=[{"url": "/"}])]
    env = AnySite(app=Notes, tasks=tasks, width=320, height=240)
    with pytest.warns(UserWarning, match="task 1: all checks hold before anything is done"):
        env.reset(seed=0, options={"task": "a"})
    with pytest.warns(UserWarning, match="task 2: the page on which it starts answered 404"):
        env.reset(seed=0, options={"task": "b"})
    env.close()


def raising(visit):
    if visit.url.endswith("#1"):
        raise KeyError("by design")
    return False


def test_a_check_that_raises_ends_the_episode_with_its_error():
    env = AnySite(app=Notes, tasks=[task(checks=[{"python": f"{__name__}:raising"}])], width=320, height=240)
    env.reset(seed=0)
    _, reward, terminated, truncated, info = env.step(ToolCall("goto", {"url": "http://site.test/#1"}))
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert info["error"] == "check of task 1: KeyError: 'by design'"
    env.close()


def test_the_demonstration_is_solved():
    env = AnySite()
    assert env.levels == 5 and {task.level for task in env.tasks} == {1, 2, 3, 4, 5}
    env.reset(seed=0, options={"task": "open-books"})
    assert unwrap(env).step(ToolCall("goto", {"url": "site.test/books.html"}))[1] == 1.0
    for name, answer in (
        ("shelf", "K7"),
        ("closed", "on Thursdays"),
        ("copies", "11"),
        ("fewest", "Birds of the Estuary"),
    ):
        env.reset(seed=0, options={"task": name})
        assert env.step(ToolCall("answer", {"text": "no idea"}))[1:3] == (0.0, True)
        env.reset(seed=0, options={"task": name})
        assert env.step(ToolCall("answer", {"text": answer}))[1:3] == (1.0, True)
    env.close()


def test_a_live_site_reaches_its_own_host_and_no_other():
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"<title>Live</title><p>{self.path}</p>".encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    env = AnySite(url=f"{address}/shop/", tasks=[task(start="start", checks=[{"url": "/shop/end"}])])
    observation, _ = env.reset(seed=0)
    assert (observation["url"], observation["title"]) == (f"{address}/shop/start", "Live")
    for other in (
        "http://localhost/shop/end",
        "http://127.0.0.1/shop/end",
        f"http://127.0.0.1:{server.server_port + 1}/",
    ):
        observation, reward, *_ = env.step(ToolCall("goto", {"url": other}))
        assert (
            reward == 0.0 and observation["url"] == f"{address}/shop/start" and address[7:] in observation["feedback"]
        )
    assert env.step(ToolCall("goto", {"url": f"{address}/shop/end"}))[1] == 1.0
    env.close()
    server.shutdown()


def test_a_live_site_that_is_not_there_is_no_failure_of_the_agent_nor_a_wrong_task():
    with socket.create_server(("127.0.0.1", 0)) as taken:  # bound, but nobody answers once it is closed
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    env = AnySite(url=address, tasks=[task()])
    with pytest.raises(MachineryFailure, match="net::ERR_CONNECTION_REFUSED"):
        env.reset(seed=0)
    env.close()
