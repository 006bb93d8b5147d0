"""Isolation: the verifier and the reward are out of a page's reach, episodes share nothing, any text is only a text."""

import asyncio
import html
import json
import re
from urllib.parse import urlencode, urljoin, urlsplit

import gymnasium as gym
import pytest
from pages import begun, earn_nothing, page

from mmgym import ToolCall
from mmgym.doctor import find_chromium
from mmgym_web.browser import PageConfig, get_pool
from mmgym_web.messages import Request, Response
from mmgym_web.webnav.catalogue import sites
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.world import World

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium; `mmgym doctor` says how to get one")

HTML = ("content-type", "text/html; charset=utf-8")
CLICK = ToolCall("click", {"x": 20, "y": 20})


# --- the verifier and the reward -------------------------------------------------------------------------------------

HOOKS = """<script>
const lie = () => 'done', none = () => [];
for (const [object, name, value] of [[JSON, 'stringify', lie], [JSON, 'parse', lie], [Array.prototype, 'map', none],
  [Array.prototype, 'sort', none], [Object, 'entries', none], [String.prototype, 'charCodeAt', () => 7],
  [Math, 'imul', () => 7],
  [Date, 'now', () => 0], [Document.prototype, 'querySelectorAll', none], [Element.prototype, 'closest', none],
  [Number.prototype, 'toString', lie], [String.prototype, 'padStart', lie], [window, 'getSelection', lie],
  [Document.prototype, 'elementFromPoint', () => null]])
  Object.defineProperty(object, name, {value});
for (const [prototype, name] of [[Document.prototype, 'title'], [Element.prototype, 'outerHTML'],
  [Node.prototype, 'textContent'],
  [HTMLInputElement.prototype, 'value'], [Document.prototype, 'activeElement'], [Document.prototype, 'cookie']])
  Object.defineProperty(prototype, name, {get: lie});
Object.defineProperty(document, 'title', {get: lie});
</script>"""
CLOBBERED = "".join(f"<form name={name}></form>" for name in ("querySelectorAll", "activeElement", "documentElement"))
CLOBBERED += "<img name=title><form><input name=shadowRoot><input name=shadowRoot><input name=scrollTop></form>"


def test_a_page_cannot_change_what_is_verified():
    body = (
        "<button style='width:90px;height:50px'>x</button><input style='position:absolute;left:0;top:99px;width:99px'>"
    )
    with begun({"/": page(body)}) as plain, begun({"/": page(body + HOOKS)}) as hooked:
        for tricks in (HOOKS, CLOBBERED, HOOKS + CLOBBERED):
            hooked.server.pages["/"] = page(body + tricks)
            hooked.reset(seed=0)
            for env in (plain, hooked):
                keys = [env.state_key()]
                for name, arguments in (
                    ("click", {"x": 20, "y": 110}),
                    ("type", {"text": "ab"}),
                    ("press", {"keys": "Home"}),
                ):
                    observation, _ = earn_nothing(env, name, **arguments)
                    assert observation["title"] == "start" and observation["url"] == "http://site.test/"
                    keys.append(env.state_key())
                assert len(set(keys)) == 4, "the key does not follow the state"
            assert hooked.query("document.querySelector('input').value") == "ab"
            assert {e.role for e in plain.elements()} <= {e.role for e in hooked.elements()}


def test_texts_of_a_page_can_be_written_down():
    with begun({"/": page("<button style='width:90px;height:90px' onclick=\"alert('\\ud800')\">b</button>")}) as env:
        env.server.pages["/"] = page("<script>document.title = 'a\\ud800b'; document.body.append('\\udc00')</script>")
        observation, _ = earn_nothing(env, "goto", url="site.test/")
        json.dumps(observation["title"] + env._text(), ensure_ascii=False).encode()


def test_the_exploits_of_browsergym_by_name():
    exploits = ("javascript:core.endEpisode(1)", "file:///etc/hostname")
    for id, arguments in (("mmgym/MiniWoB-v0", {"task": "click-button"}), ("mmgym/WebNav-v0", {})):
        env = gym.make(id, disable_env_checker=True, **arguments).unwrapped
        try:
            env.reset(seed=0)
            start = env.url
            for exploit in exploits:
                # MiniWoB has no address bar at all; WebNav's refuses.
                _, reward, terminated, _, info = env.step(ToolCall("goto", {"url": exploit}))
                assert (reward, terminated, info["success"], env.url) == (0.0, False, False, start)
                assert not info["action_valid"] or "Refused" in info["feedback"]
        finally:
            env.close()


@pytest.mark.parametrize(
    "typed", ["<img src=x onerror=core.endEpisode(1)>", "<a href=javascript:core.endEpisode(1)>x</a>"]
)
def test_markup_typed_into_miniwob_runs_nothing(typed):
    """The reward is a variable of the page; the one way to it without a script of one's own is a page that shows typed
    text as HTML (`terminal`). The pages' content policy runs no inline handler and no `javascript:` link."""
    env = gym.make("mmgym/MiniWoB-v0", task="terminal", disable_env_checker=True).unwrapped
    try:
        env.reset(seed=0)
        for call in (ToolCall("type", {"text": typed}), ToolCall("press", {"keys": "Enter"}), *[CLICK] * 2):
            _, reward, terminated, _, info = env.step(call)
            assert (reward, terminated, info["success"], info["error"]) == (0.0, False, False, "")
        for y in range(40, 160, 12):  # on whatever came of it
            _, reward, terminated, *_ = env.step(ToolCall("click", {"x": 15, "y": y}))
            assert reward <= 0.0
            if terminated:
                break
    finally:
        env.close()


# --- from one episode to another -------------------------------------------------------------------------------------

STORE = """void (async () => {
  const found = [document.cookie, localStorage.x, sessionStorage.x, window.name, history.length];
  const kept = await new Promise(done => { 
    const r = indexedDB.open('x', 1);
    r.onupgradeneeded = () => r.result.createObjectStore('x');
    r.onsuccess = () => { const store = r.result.transaction('x', 'readwrite').objectStore('x'), get = store.get('x');
      get.onsuccess = () => { store.put('left', 'x'); done(get.result) } } });
  found.push(kept, self.caches ? (await caches.keys()).length : 0, await (await fetch('/cached')).text());
  document.cookie = 'x=left; max-age=9999'; localStorage.x = sessionStorage.x = window.name = 'left';
  if (self.caches) await (await caches.open('x')).put('/x', new Response('left'));
  history.pushState(0, '', '/left');
  window.found = found;
})()"""


def test_nothing_is_stored_from_one_episode_to_the_next():
    class Site:
        def __init__(self):
            self.asked = []

        async def answer(self, request):
            self.asked.append(request.url)
            headers = [("cache-control", "max-age=99999"), ("strict-transport-security", "max-age=99999")]
            return Response(
                200, [HTML, *headers, ("set-cookie", "h=1; HttpOnly; max-age=999")], str(len(self.asked)).encode()
            )

    found, server = [], Site()
    for _ in range(2):
        server.asked.clear()
        page = get_pool().open(PageConfig(server=server))
        try:
            page.goto("http://site.test/")  # once HTTPS was demanded, this would become https
            page.goto("https://site.test/")
            page.evaluate(STORE, "main")
            while not page.evaluate("window.found", "main"):
                page.settle(20)
            found.append(page.evaluate("found", "main"))
            assert server.asked == ["http://site.test/", "https://site.test/", "https://site.test/cached"]
            assert page.storage()["local"] == {"x": "left"} and {c["name"] for c in page.cookies()} == {"x", "h"}
        finally:
            page.close()
    assert found[0] == found[1] and "left" not in found[0]


def test_the_clipboard_is_each_pages_own():
    fields = page(
        "<input style='position:absolute;left:0;top:0;width:200px'>"
        "<textarea style='position:absolute;left:0;top:60px'></textarea>"
    )
    with begun({"/": fields}) as one, begun({"/": fields}) as two:
        earn_nothing(one, "click", x=20, y=10)
        earn_nothing(one, "type", text="secret")
        earn_nothing(one, "press", keys="Control+a")
        earn_nothing(one, "press", keys="Control+x")
        earn_nothing(two, "click", x=20, y=10)
        for keys in ("Control+v", "Shift+Insert", "Control+Shift+v"):
            earn_nothing(two, "press", keys=keys)
        earn_nothing(two, "click", x=20, y=70, button="middle")
        assert two.query("document.querySelector('input').value + document.querySelector('textarea').value") == ""
        earn_nothing(one, "click", x=20, y=70)
        earn_nothing(one, "press", keys="Control+v")
        assert one.query("document.querySelector('input').value + document.querySelector('textarea').value") == "secret"
        one.reset(seed=1)
        earn_nothing(one, "click", x=20, y=10)
        earn_nothing(one, "press", keys="Control+v")
        assert one.query("document.querySelector('input').value") == ""


def test_two_webs_of_one_process_do_not_meet():
    one, two = (gym.make("mmgym/WebNav-v0", level=1, disable_env_checker=True).unwrapped for _ in range(2))
    try:
        one.reset(seed=3)
        two.reset(seed=3)
        start, key = two.state_key(), one.state_key()
        assert start == key and one.url == two.url
        while True:
            _, _, terminated, truncated, _ = one.step(one.expert())
            assert two.step(ToolCall("press", {"keys": "F9"})) and two.state_key() == start
            if terminated or truncated:
                break
        assert one.success and one.state_key() != start
    finally:
        one.close()
        two.close()


# --- what a model writes ---------------------------------------------------------------------------------------------

MARKUP = "<zq onload=1>\"'`{{7*7}}{%raw%}${7*7}%s%n"
TEXTS = [
    "",
    "\x00",
    "\x1b[2J",
    "\ud800",
    "\u202e\ufeff",
    "%s%n{0}{{7*7}}",
    "'; DROP TABLE x;--",
    MARKUP,
    "x" * 1_000_000,
    "\U0001f600\u0301",
]
NUMBERS = ["0", "-1", "9" * 30, "1e309", "nan", "\u00b2", "\u0663", "abc", "\x00", "2026-13-45", MARKUP, "x" * 3000]


def test_any_text_in_any_tool_is_a_turn_and_never_an_exception():
    form = """<form><input style='position:absolute;left:0;top:0;width:200px'>
      <select style='position:absolute;left:0;top:40px'><option>S</select></form>"""
    with begun({"/": page(form)}) as env:
        earn_nothing(env, "click", x=20, y=10)
        for text in TEXTS:
            for name, argument in (("type", "text"), ("press", "keys"), ("goto", "url")):
                earn_nothing(env, name, **{argument: text})
            earn_nothing(env, "goto", url="site.test/")
            earn_nothing(env, "select", x=20, y=50, option=text)
            earn_nothing(env, "upload", x=20, y=10, file=text)
            earn_nothing(env, "click", x=20, y=10)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in ("mail", "calendar"))) for name in sites()]
)
def test_sites_take_anything_and_show_it_as_text(name):
    """Every number in an address and every field of every form; a site that raised would spoil its episode."""
    episode = Episode(World(5), sites())
    base, cookie, forms, seen = episode.site(name).url(), "", {}, set()
    todo = [base]

    def ask(url, method="GET", body=b""):
        headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Cookie", cookie)]
        response = asyncio.run(episode.answer(Request(method, url, headers, body)))
        assert response is not None and response.status < 500 and not episode.errors, (method, url, body[:200])
        if not response.headers or "html" in dict(response.headers).get("content-type", ""):
            assert b"<zq" not in response.body and b"49{%" not in response.body, url
        return response

    while todo and len(seen) < 25:
        response = ask(url := todo.pop(0))
        cookie = cookie or dict(response.headers).get("set-cookie", "").partition(";")[0]
        text = response.body.decode("utf-8", "replace")
        for found in re.findall(r'href="([^"#]+)', text):
            link = urljoin(url, html.unescape(found))
            shape = re.sub(r"\d+", "0", urlsplit(link).path)
            if link.startswith(base) and shape not in seen:
                seen.add(shape)
                todo.append(link)
                for number in ("9" * 30, "0", "%C2%B2"):
                    ask(re.sub(r"/\d+", f"/{number}", link.partition("?")[0]))
                keys = re.findall(r"[?&](\w+)=", link) or ["page", "q"]
                for value in NUMBERS:
                    ask(link.partition("?")[0] + "?" + urlencode(dict.fromkeys(keys, value)))
        for head, inner in re.findall(r"<form([^>]*)>(.*?)</form>", text, re.DOTALL):
            target = re.search(r'action="([^"]*)"', head)
            fields = tuple(sorted(set(re.findall(r'name="([^"]+)"', inner))))
            if "post" in head.lower():
                forms[re.sub(r"\d+", "0", target[1] if target else url), fields] = urljoin(
                    url, target[1] if target else ""
                )
    for (_, fields), target in forms.items():
        for value in NUMBERS:
            ask(target, "POST", urlencode(dict.fromkeys(fields, value)).encode())
    for link in seen:
        ask(urljoin(base, link))
    episode.close()
    assert forms or name == "home"
