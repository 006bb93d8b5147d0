"""The browser layer: pages in isolation, with time, frames and network under control."""

import time

import numpy as np
import pytest
from served import HTML, SITE

from mmgym.doctor import find_chromium
from mmgym_web.browser import (
    BrowserFailure,
    Click,
    Mouse,
    NavigationRefused,
    Press,
    TypeText,
    Wheel,
    check_address,
)
from mmgym_web.browser.cdp import CDPError
from mmgym_web.browser.frames import BeginFrames
from mmgym_web.browser.inputs import key_events
from mmgym_web.messages import Response

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium; `mmgym doctor` says how to get one")


def test_a_post_is_redirected_with_its_cookies_and_body(visit):
    pages = {
        "/": "<form method=post action=/login><input name=user value='Ann Ö'><button>Go</button></form>",
        "/login": lambda request: Response(
            303, [("location", "/home"), ("set-cookie", "a=1"), ("set-cookie", "b=2; HttpOnly")]
        ),
        "/home": "<title>Home</title>",
    }
    page = visit(pages)
    outcome = page.act([Click(20, 20), Press("Enter")])
    assert outcome.title == "Home" and outcome.url == f"{SITE}/home"
    login, home = page.server.asked[-2:]
    assert (login.method, login.body) == ("POST", b"user=Ann+%C3%96")
    assert dict(home.headers).get("Cookie") == "a=1; b=2" and home.method == "GET"
    assert [(cookie["name"], cookie["httpOnly"]) for cookie in page.cookies()] == [("a", False), ("b", True)]
    assert page.back() and page.title == "" and page.forward() and page.title == "Home"
    assert page.back() and not page.back()


def test_a_second_click_on_a_link_does_not_stop_the_first(visit):
    pages = {"/": "<a href=/next>next</a>", "/next": lambda request: Response(200, [HTML], b"<title>next</title>")}
    for _ in range(5):
        outcome = visit(pages).act([Click(20, 15, count=2)])
        assert (outcome.title, outcome.url) == ("next", f"{SITE}/next")


def test_a_page_that_missed_its_first_frames_takes_the_first_click(visit, monkeypatch):
    draw, missed = BeginFrames.draw, []

    async def late(frames, session, ticks, image):
        missed.append(ticks)
        return await draw(frames, session, ticks, image) if len(missed) > 5 else None

    monkeypatch.setattr(BeginFrames, "draw", late)
    page = visit({"/": "<a href=/next>next</a>", "/next": "<title>next</title>"})
    assert len(missed) > 5 and page.act([Click(20, 15)]).title == "next"


def test_what_a_function_keeps_to_itself_can_be_read(visit):
    script = "const count = (() => { const seen = [1, 'two']; let calls = 3; return () => [seen, calls]; })();"
    page = visit({"/": f"<script>{script}</script>"})
    assert page.inner_variables("count", "calls", "seen") == [3, [1, "two"]]
    with pytest.raises(CDPError, match=r"the function has no other; it has: calls, seen"):
        page.inner_variables("count", "calls", "other")
    with pytest.raises(CDPError, match="no function: 1"):
        page.inner_variables("1", "calls")
    with pytest.raises(CDPError, match="nothing is not defined"):
        page.inner_variables("nothing", "calls")


def test_an_uploaded_file_arrives_whole(visit, tmp_path):
    content = bytes(range(256)) * 40
    (tmp_path / "data.bin").write_bytes(content)
    (tmp_path.parent / "outside.txt").write_text("secret")
    form = "<form method=post action=/up enctype=multipart/form-data><input name=note value=hi>"
    pages = {
        "/": f"{form}<br><input type=file name=file><br><button>Send</button></form>",
        "/up": "<title>Received</title>",
    }
    page = visit(pages, files=tmp_path)
    assert not page.choosing_files
    page.act([Click(30, 40)])
    assert page.choosing_files
    with pytest.raises(ValueError, match=r"no file '../outside.txt'; there are data.bin"):
        page.set_files("../outside.txt")
    page.set_files("data.bin")
    left, top, width, height = next(node.box for node in page.accessibility() if node.name == "Send")
    assert page.act([Click(left + width / 2, top + height / 2)]).title == "Received"
    body = page.server.asked[-1].body
    assert content in body and b'filename="data.bin"' in body and b'name="note"' in body


ANIMATED = """<style>@keyframes turn {to {transform: rotate(1turn)}}
#box {width: 60px; height: 60px; background: linear-gradient(red, blue); animation: turn 1s infinite linear}</style>
<div id=box></div><input id=field><pre id=out></pre><script>
let ticks = 0, frames = 0;
setInterval(() => ticks++, 7);
requestAnimationFrame(function next(at) {frames++; window.at = at; requestAnimationFrame(next)});
setInterval(() => out.textContent = [ticks, frames, Date.now(), performance.now(), Math.random(), at,
  crypto.randomUUID(), performance.timeOrigin, new Date().toLocaleString()].join('\\n'), 20);
</script>"""


def test_the_same_seed_gives_the_same_pixels(pool, visit):
    def episode(seed):
        page = visit(ANIMATED, seed=seed)
        images = [page.act([Click(100, 90), TypeText("ab")], 130, frame_every_ms=40).image for _ in range(3)]
        return images, page.evaluate("document.querySelector('pre').textContent")

    (first, text), (second, same), (_, other) = episode(1), episode(1), episode(2)
    assert text == same and text != other
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], first[1])
    assert "9:00:00" in text and text.split("\n")[2] == str(1772442000000 + 50 + 390)


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/hostname",
        "javascript:document.title='x'",
        " JaVaScript:document.title='x'",
        "java\nscript:1",
        "data:text/html,x",
        "view-source:http://site.test/",
        "chrome://version",
        "devtools://devtools/bundled/inspector.html",
        "blob:http://site.test/1",
        "filesystem:http://site.test/temporary/x",
        "about:config",
        "about:srcdoc",
        "ftp://site.test/",
        "site.test",
        "http:///etc/passwd",
        "http:\\\\site.test",
        "",
    ],
)
def test_addresses_of_other_schemes_are_refused(address):
    with pytest.raises(NavigationRefused):
        check_address(address)


def test_goto_refuses_and_stays(visit):
    page = visit("<title>Here</title>")
    for address in ("file:///etc/hostname", "javascript:document.title='x'", "http://elsewhere.test/"):
        with pytest.raises(NavigationRefused):
            page.goto(address)
        assert (page.title, page.url) == ("Here", f"{SITE}/")
    assert len(page.refused) == 3


ESCAPES = {
    "file": "location.href = 'file:///etc/hostname'",
    "data": "location.href = 'data:text/html,<title>out</title>'",
    "blob": "location.href = window.URL.createObjectURL(new Blob(['<title>out</title>'], {type: 'text/html'}))",
    "source": "location.href = 'view-source:http://site.test/'",
    "chrome": "location.href = 'chrome://version'",
    "host": "location.href = 'http://elsewhere.test/'",
    "loopback": "location.href = 'http://127.0.0.1:8000/'",
    "popup": "window.open('http://elsewhere.test/')",
    "noopener": "window.open('http://elsewhere.test/', '_blank', 'noopener')",
    "protocol": "location.href = 'mailto:a@b.test'",
    "download": "let a = document.createElement('a'); a.href = 'data:x/y,z'; a.download = 'f'; a.click()",
}


@pytest.mark.parametrize("name", ESCAPES)
def test_a_page_cannot_leave_its_sites(visit, name):
    page = visit(f"<title>Here</title><button onclick=\"{ESCAPES[name]}\" style='width:200px;height:100px'>Go</button>")
    outcome = page.act([Click(50, 50)])
    outcome = page.act()
    assert (outcome.title, outcome.url) == ("Here", f"{SITE}/")
    if name in ("host", "loopback", "popup", "noopener", "blob", "download"):
        assert page.refused


def test_requests_to_elsewhere_are_refused_and_recorded(visit):
    page = visit("""<img src=http://elsewhere.test/i.png><script>
        window.said = [];
        fetch('http://elsewhere.test/f').catch(() => said.push('fetch'));
        new WebSocket('ws://elsewhere.test/w').onerror = () => said.push('socket');
        said.push(typeof RTCPeerConnection, typeof navigator.serviceWorker, typeof WebTransport);
        const code = "fetch('http://elsewhere.test/k').catch(() => postMessage('worker'))";
        new Worker(URL.createObjectURL(new Blob([code]))).onmessage = event => said.push(event.data);
        </script>""")
    for _ in range(20):
        if page.evaluate("said.length", "main") == 6:
            break
        page.settle(50)
    assert sorted(page.evaluate("said", "main")) == ["fetch", "socket", *["undefined"] * 3, "worker"]
    asked = {(refusal.url.rsplit("/", 1)[1], refusal.kind) for refusal in page.refused}
    assert {("i.png", "Image"), ("f", "XHR"), ("w", "WebSocket"), ("k", "XHR")} <= asked


def test_a_new_window_opens_in_the_same_page(visit):
    pages = {
        "/": "<a href=/next target=_blank style='display:block;width:200px;height:100px'>Next</a>",
        "/next": "<title>Next</title>",
    }
    assert visit(pages).act([Click(50, 50)]).title == "Next"
    page = visit(pages, on_new_tab="refuse")
    assert page.act([Click(50, 50)]).url == f"{SITE}/" and page.refused[0].kind == "Popup"


def test_dialogs_are_answered_and_told(visit):
    page = visit("""<body onclick="alert('one'); document.title = [confirm('two'), prompt('three')]">""")
    page.act([], 50)
    outcome = page.act([Click(100, 100)])
    assert outcome.title == "true," or outcome.title == "true,null"
    assert [(dialog.kind, dialog.message) for dialog in outcome.dialogs] == [
        ("alert", "one"),
        ("confirm", "two"),
        ("prompt", "three"),
    ]
    assert page.act().dialogs == []


def test_input_reaches_the_page(visit):
    page = visit("""<body style='margin:0;height:3000px'><textarea id=t style='width:200px;height:50px'></textarea>
        <div id=d draggable=true style='width:50px;height:50px;background:red'></div>
        <div id=e style='width:50px;height:50px;background:blue' ondragover="event.preventDefault()"
          ondrop="document.title='dropped'"></div>
        <script>window.log = []; for (const kind of ['mousedown', 'mouseup', 'dblclick', 'contextmenu'])
          addEventListener(kind, event => log.push(kind + event.button));
        onmousemove = event => window.at = [event.clientX, event.clientY];</script>""")
    page.act([Click(50, 20), TypeText("Hé, you\n2"), Press("Control+a"), Press("Control+x"), TypeText("k")])
    assert page.evaluate("document.querySelector('textarea').value") == "k"
    page.evaluate("log.length = 0", "main")
    page.act([Click(150, 100, count=2), Click(150, 100, "right")])
    expected = [
        "mousedown0",
        "mouseup0",
        "mousedown0",
        "mouseup0",
        "dblclick0",
        "mousedown2",
        "contextmenu2",
        "mouseup2",
    ]
    assert page.evaluate("log", "main") == expected
    page.act([Mouse("moved", 33, 44)])
    assert page.evaluate("at", "main") == [33, 44]
    page.act([Mouse("moved", 20, 80), Mouse("pressed", 20, 80), Mouse("moved", 25, 90), Mouse("moved", 25, 130)])
    assert page.act([Mouse("released", 25, 130)]).title == "dropped"
    page.act([Wheel(100, 100, 0, 300)])
    assert page.evaluate("scrollY") == 300
    with pytest.raises(ValueError, match="'Hyper' in 'Hyper\\+a' is no key"):
        page.act([Press("Hyper+a")])
    assert page.title == "dropped"


def test_playwrights_browsers_are_found(monkeypatch, tmp_path):
    monkeypatch.delenv("MMGYM_CHROMIUM", raising=False)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setattr("mmgym.doctor.CHROMIUM_PATHS", ())
    assert find_chromium() is None
    for name in ("chromium-1300/chrome-linux/chrome", "chromium_headless_shell-999/chrome-linux/headless_shell"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    assert find_chromium().name == "headless_shell"


def test_a_body_that_is_too_large_ends_the_episode(visit, monkeypatch):
    monkeypatch.setattr("mmgym_web.browser.network.BODY_LIMIT", 1 << 20)
    with pytest.raises(BrowserFailure, match=r"memory: .* is 2 MB large"):
        visit({"/": lambda request: Response(200, [HTML], b" " * (2 << 20))})


def test_chords_are_read():
    assert [event["key"] for event in key_events("ctrl+shift+left")] == [
        "Control",
        "Shift",
        "ArrowLeft",
        "ArrowLeft",
        "Shift",
        "Control",
    ]
    assert key_events("+")[0]["key"] == "+" and key_events("Control++")[1]["key"] == "+"
    with pytest.raises(ValueError, match="only Alt, Control"):
        key_events("a+b")


def test_the_tree_tells_roles_states_and_places(visit):
    page = visit("""<body style='margin:0'><h1>Shop</h1><label><input type=checkbox checked> Gift</label>
        <iframe style='position:absolute;left:100px;top:100px;border:0' srcdoc="<button>In</button>"></iframe>""")
    nodes = {node.role: node for node in page.accessibility()}
    assert nodes["heading"].name == "Shop" and nodes["checkbox"].states["checked"] == "true"
    assert nodes["button"].name == "In" and nodes["button"].box[:2] == (108, 108)


def test_a_servers_exception_is_a_500_and_is_kept(visit):
    def broken(request):
        raise KeyError("no such row")

    page = visit({"/": broken})
    assert "Internal Server Error" in page.evaluate("document.body.textContent")
    assert [(url, str(error)) for url, error in page.server_errors] == [(f"{SITE}/", "'no such row'")]


def test_storage_stays_in_its_page(visit):
    script = "<script>localStorage.seen = (localStorage.seen || '') + 'x'; document.cookie = 'c=1'</script>"
    for _ in range(2):
        page = visit(script)
        assert page.storage()["local"] == {"seen": "x"} and len(page.cookies()) == 1


BARS = """<body style='margin:0'><div style='width:200px;height:100px;overflow:scroll'><p style='height:900px'>x</div>
<textarea style='display:block;width:200px;height:60px'></textarea><div style='height:3000px'></div>"""


@pytest.mark.parametrize(
    ("x", "y", "asked"), [(313, 25, "scrollY"), (192, 25, "document.querySelector('div').scrollTop")]
)
def test_scroll_bars_are_dragged_and_held(visit, x, y, asked):
    page = visit(BARS)
    page.act(
        [Mouse("pressed", x, y), Mouse("moved", x, y + 10), Mouse("moved", x, y + 20), Mouse("released", x, y + 20)]
    )
    dragged = page.evaluate(asked)
    assert dragged > 100
    # Held over several steps, with something else in between.
    page.act([Mouse("pressed", x, y + 20)])
    page.act([TypeText("a"), Mouse("moved", x, y + 5)])
    page.act([Mouse("released", x, y)])
    assert page.evaluate(asked) < dragged
    page.act([Mouse("pressed", x, y)])
    assert page.act([Click(50, 120), TypeText("typed")]).title == ""
    assert page.evaluate("document.querySelector('textarea').value") == "typed"


@pytest.mark.parametrize("keys", "Control+p Control+w Control+f Control+t F12 F5 F11 Alt+ArrowLeft Alt+F4 Tab".split())
def test_keys_of_the_browsers_own_do_no_harm(visit, keys):
    page = visit("<title>Here</title><input>")
    assert page.act([Press(keys), Click(20, 10), TypeText("x")]).title == "Here"
    assert page.evaluate("document.querySelector('input').value") == "x"


@pytest.mark.parametrize("button", ["middle", "right"])
def test_other_buttons_leave_the_page_in_order(visit, button):
    page = visit("<title>Here</title><select><option>A<option>B</select><div style='height:3000px'></div>")
    page.act([Click(15, 15)])
    page.act([Click(100, 100, button), Mouse("moved", 100, 200)], 500)
    page.act([Click(313, 100, button), Wheel(313, 100, 0, 40)])
    assert page.act([Click(100, 100)]).title == "Here"


def test_what_is_scrolled_into_view_is_drawn_whole(visit):
    style = "margin:6px; padding:8px; filter:blur(.4px) drop-shadow(0 0 9px red); box-shadow:0 2px 80px #0004"
    page = visit("".join(f'<div style="{style}">row {n} <b>{"word " * 20}</b></div>' for n in range(200)))
    page.act()
    for dy in (900, 400, 1300, -700, 1100):
        seen = page.act([Wheel(100, 100, 0, dy)]).image
        time.sleep(0.1)  # what was not ready would be, by now
        assert np.array_equal(seen, page.act((), 0).image)


def test_a_part_of_the_viewport_is_drawn_and_the_rest_is_laid_out_and_clicked(visit):
    style = "position:fixed;bottom:0;right:0;width:40px;height:30px"
    html = f"<button style='{style}' onclick='document.title=innerWidth'>b</button><i style='background:red'>text</i>"
    whole = visit(html).frame()
    page = visit(html, picture=(100, 80))
    outcome = page.act([Click(310, 230)])
    assert outcome.image.shape == (80, 100, 3) and outcome.title == "320"
    assert np.array_equal(outcome.image, whole[:80, :100])
    with pytest.raises(ValueError, match="viewport of 320x240"):
        visit(html, picture=(321, 80))
