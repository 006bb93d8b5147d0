"""Red team: a page, or the agent, as the adversary. Every attack earns nothing, leaves nothing, and the episode goes on.

What goes out is looked for at listening sockets on every address of the machine, by TCP and by UDP.
"""

import asyncio
import contextlib
import html
import json
import re
import socket
import threading
import time
from urllib.parse import urlencode, urljoin, urlsplit

import gymnasium as gym
import pytest
from pages import Pages, page

from mmgym import ToolCall
from mmgym.doctor import find_chromium
from mmgym_web.browser import Click, PageConfig, get_pool
from mmgym_web.messages import Request, Response
from mmgym_web.webnav.catalogue import sites
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.world import World

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium; `mmgym doctor` says how to get one")

HTML = ("content-type", "text/html; charset=utf-8")
CLICK = ToolCall("click", {"x": 20, "y": 20})


class Ears:
    """Sockets that count what arrives, on loopback and on the machine's own address."""

    def __init__(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # sends nothing; tells which address would be used
            self.own = probe.getsockname()[0]
        self.heard, self.ports = [], {}
        for host in ("127.0.0.1", self.own):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                ear = socket.socket(socket.AF_INET, kind)
                ear.bind((host, 0))
                self.ports[host, kind] = ear.getsockname()[1]
                threading.Thread(target=self._listen, args=(ear, kind), daemon=True).start()
        self.port, self.udp = self.ports["127.0.0.1", socket.SOCK_STREAM], self.ports["127.0.0.1", socket.SOCK_DGRAM]
        self.url = f"http://127.0.0.1:{self.port}"

    def _listen(self, ear, kind):
        if kind == socket.SOCK_STREAM:
            ear.listen()
        while True:
            self.heard.append(ear.accept() if kind == socket.SOCK_STREAM else ear.recv(2000))


@pytest.fixture(scope="module")
def ears():
    ears = Ears()
    socket.create_connection(("127.0.0.1", ears.port)).close()
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (ears.own, ears.ports[ears.own, socket.SOCK_DGRAM]))
    while len(ears.heard) < 2:  # they do hear
        time.sleep(0.01)
    ears.heard.clear()
    return ears


@contextlib.contextmanager
def begun(pages, **arguments):
    env = Pages(pages, **arguments)
    try:
        env.reset(seed=0)
        yield env
    finally:
        env.close()


def step(env, name, **arguments):
    env.turn = 0
    observation, reward, terminated, _, info = env.step(ToolCall(name, arguments))
    assert not info["error"], info["error"]
    assert reward == 0.0 and not terminated and not info["success"]
    return observation, info


# --- the network -----------------------------------------------------------------------------------------------------

OUTWARD = """
const bare = document.createElement('iframe');  // a frame in which no script of ours may run
bare.sandbox = 'allow-same-origin';
document.body.append(bare);
const other = bare.contentWindow, said = window.said = [], say = what => said.push(String(what));
const attempt = what => { try { what() } catch (error) { say(error) } };
const script = text => URL.createObjectURL(new Blob([text], {type: 'text/javascript'}));
const TRY = `fetch('URL/worker').catch(() => 0); try { importScripts('URL/imported') } catch {}
  try { new WebSocket('ws://127.0.0.1:PORT/worker') } catch {}
  try { new WebTransport('https://127.0.0.1:UDP/worker').ready.catch(() => 0) } catch {}`;
for (const host of ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '0', '[::1]', '[::ffff:127.0.0.1]', 'OWN', 'a.localhost'])
  for (const scheme of ['http', 'https'])
    attempt(() => fetch(`${scheme}://${host}:PORT/fetched`, {mode: 'no-cors', keepalive: true}).then(() => say('reached'), () => 0));
attempt(() => { const x = new XMLHttpRequest; x.open('POST', 'URL/xhr'); x.send('x') });
attempt(() => navigator.sendBeacon('URL/beacon', 'x'));
attempt(() => new EventSource('URL/events'));
attempt(() => import('URL/module.js').catch(() => 0));
for (const host of ['127.0.0.1', 'localhost', '[::1]', 'OWN']) attempt(() => new WebSocket(`ws://${host}:PORT/socket`));
attempt(() => new other.WebTransport('https://127.0.0.1:UDP/transport'));
attempt(() => new Worker(script(TRY)));
attempt(() => new Worker(script('new Worker(URL.createObjectURL(new Blob([' + JSON.stringify(TRY) + '])))')));
attempt(() => new other.SharedWorker('/worker.js'));
attempt(() => other.navigator.serviceWorker.register('/worker.js').then(() => say('registered')));
attempt(() => {
  const rtc = new (window.RTCPeerConnection || other.RTCPeerConnection)({iceServers: [
    {urls: ['stun:127.0.0.1:UDP', 'stun:OWN:OWNUDP', 'turn:127.0.0.1:PORT?transport=tcp'], username: 'a', credential: 'b'}]});
  rtc.createDataChannel('x');
  rtc.createOffer().then(offer => rtc.setLocalDescription(offer));
});
attempt(() => CSS.paintWorklet.addModule('URL/paint').catch(() => 0));
document.head.insertAdjacentHTML('beforeend', `<style>@import url(URL/style.css); @font-face {font-family: f; src: url(URL/font)}
  body {background: url(URL/background); font-family: f}</style><link rel=preconnect href=URL><link rel=dns-prefetch href=//dns.test>
  <link rel=prefetch href=URL/prefetch><link rel=preload as=image href=URL/preload><link rel=modulepreload href=URL/mp>
  <link rel=icon href=URL/icon><link rel=manifest href=URL/manifest>`);
document.body.insertAdjacentHTML('beforeend', `<img src=URL/image><img src=/away><video src=URL/video autoplay></video>
  <object data=URL/object></object><embed src=URL/embed><iframe src=URL/frame></iframe><iframe src=file:///etc/hostname></iframe>
  <iframe src="data:text/html,<script>fetch('URL/data')</script>"></iframe><svg><image href=URL/svg /></svg>
  <input type=image src=URL/input>text`);
const rules = document.createElement('script');
rules.type = 'speculationrules';
rules.text = JSON.stringify({prefetch: [{urls: ['URL/speculated']}], prerender: [{urls: ['/away', 'URL/prerendered']}]});
document.head.append(rules);
"""
REFUSED = (
    "fetched xhr beacon events module.js socket worker style.css background prefetch preload mp image away object embed "
    "frame svg input hostname"
).split()


class Attacks:
    """Serves an attack at /, and helpers; over http and https."""

    def __init__(self, ears, script):
        self.ears, self.script = ears, script

    async def answer(self, request):
        parts = urlsplit(request.url)
        if parts.hostname != "site.test":
            return None
        if parts.path == "/":
            report = ("content-security-policy-report-only", f"img-src 'none'; report-uri {self.ears.url}/reported")
            early = ("link", f"<{self.ears.url}/early>; rel=preload; as=image, <{self.ears.url}>; rel=preconnect")
            return Response(200, [HTML, report, early], page(f"<script>{self.script}</script>").encode())
        if parts.path == "/worker.js":
            code = f"fetch('{self.ears.url}/worker'); new WebSocket('ws://127.0.0.1:{self.ears.port}/worker')"
            return Response(200, [("content-type", "text/javascript")], code.encode())
        return Response(302, [("location", f"{self.ears.url}/away")])


@pytest.mark.parametrize(("scheme", "allowed"), [("http", ()), ("https", ()), ("http", ("allowed.test",))])
def test_nothing_leaves_the_machine(ears, scheme, allowed):
    script = OUTWARD.replace("OWNUDP", str(ears.ports[ears.own, socket.SOCK_DGRAM])).replace("UDP", str(ears.udp))
    script = script.replace("URL/", f"{ears.url}/").replace("=URL>", f"={ears.url}>").replace("PORT", str(ears.port))
    server = Attacks(ears, script.replace("OWN", ears.own))
    page = get_pool().open(PageConfig(width=320, height=240, server=server, allow_hosts=allowed))
    try:
        page.goto(f"{scheme}://site.test/")
        for _ in range(3):
            outcome = page.act((), 300)
            time.sleep(0.2)  # what went out against the rules has arrived
        assert (outcome.title, outcome.url) == ("start", f"{scheme}://site.test/")
        said = page.evaluate("said", "main")
        assert "reached" not in said and "registered" not in said
        refused = {refusal.url.rsplit("/", 1)[1] for refusal in page.refused}
        assert set(REFUSED) - refused <= ({"socket"} if scheme == "https" else set())
        assert ears.heard == []
    finally:
        page.close()


# --- ways out of the page --------------------------------------------------------------------------------------------

GOTO = """http://[::1 http://a\u2100b/ http://[::1]/ http://site.test:99999999/ http://elsewhere.test\\@site.test/
http://site.test./ http://\uff53\uff49\uff54\uff45.test/ http://site\u3002test/ http://s\u0456te.test/ http:site.test
http:///site.test http:\\\\site.test\\ wss://site.test/ ws://site.test http://site.test%00.elsewhere.test/ //site.test
http://site.test%2f@elsewhere.test/ http://0x7f000001/ http://2130706433/ localhost:80 intent:x filesystem:http://site.test/x
chrome-extension://x/ chrome-untrusted://x about:srcdoc feed:http://site.test/ %6aavascript:1 http://xn--ste-tma.test/
jar:http://site.test!/ JAVASCRIPT://site.test/%0adocument.title='done' view-source:javascript:1 ssh://x mailto:a@b.test""".split()
DISGUISED = [
    "java\tscript:document.title='done'",
    "java\nscript:1",
    "\x01javascript:1",
    "http://site.test/\ud800",
    "\u200bfile:///",
]
DISGUISED += ["javascript :1", "file :///etc/hostname", "x" * 100_000, "http://site.test/\r\nHost: elsewhere.test"]
OWN = ["http://SITE.TEST/", "http://me:secret@site.test/", "http://site.test#@elsewhere.test/", "site.test:80"]


def test_the_address_bar_in_every_disguise(ears):
    with begun({"/": page("hello")}) as env:
        for url in GOTO + DISGUISED + [f"{ears.url}/", f"127.0.0.1:{ears.port}", f"http://{ears.own}:{ears.port}/"]:
            observation, info = step(env, "goto", url=url)
            assert observation["url"] == "http://site.test/", url
            assert "Refused" in info["feedback"] or not info["action_valid"], url
        for url in OWN:
            observation, info = step(env, "goto", url=url)
            assert urlsplit(observation["url"]).hostname == "site.test" and "Refused" not in info["feedback"], url
        assert {urlsplit(request.url).hostname for request in env.server.asked} == {"site.test"} and ears.heard == []


LEAVING = {
    "redirect": "location = '/away'",
    "form": "document.body.innerHTML = '<form method=post action=URL/form><input name=a></form>'; document.forms[0].submit()",
    "refresh": "document.head.innerHTML += '<meta http-equiv=refresh content=\"0;url=URL/refresh\">'",
    "script refresh": "document.head.innerHTML += '<meta http-equiv=refresh content=\"0;url=javascript:document.title=`done`\">'",
    "written window": "const w = open('about:blank'); try {w.document.write('<img src=URL/written>')} catch {}; history.back()",
    "windows": "for (let i = 0; i < 5; i++) open('URL/w' + i, 'w' + i)",
    "blob window": "open(URL.createObjectURL(new Blob(['<script>fetch(`URL/blob`)<' + '/script>'], {type: 'text/html'})))",
    "blob download": "const a = document.createElement('a'); a.href = window.URL.createObjectURL(new Blob(['x'])); a.download = 'x'; a.click()",
    "link download": "const a = document.createElement('a'); a.href = 'URL/x'; a.download = 'x'; a.click()",
    "ping": "const a = document.createElement('a'); a.href = '#'; a.ping = 'URL/ping'; a.click(); history.replaceState(0, '', '/')",
    "print": "print(); const f = document.createElement('iframe'); document.body.append(f); f.contentWindow.print()",
    "protocols": "location = 'intent://x#Intent;end'; location = 'ssh://x'; location = 'tel:1'",
    "close": "close(); top.close()",
    "pickers": "for (const n of ['showOpenFilePicker', 'showSaveFilePicker', 'showDirectoryPicker']) self[n] && self[n]().then("
    "() => document.title = 'done', () => 0)",
    "permissions": "for (const [n, f] of [['geolocation', 'getCurrentPosition'], ['clipboard', 'readText'], ['mediaDevices', 'getUserMedia']])"
    " try { const p = navigator[n][f](() => document.title = 'done', () => 0); p && p.then(() => document.title = 'done', () => 0) } catch {}"
    "; document.execCommand('paste') && (document.title = 'done')",
    "own file": "const d = new DataTransfer; d.items.add(new File([''], '/etc/hostname')); const i = document.createElement('input');"
    "i.type = 'file'; i.files = d.files; i.files[0].text().then(t => { if (t) document.title = 'done' })",
    "screen": "document.documentElement.requestFullscreen(); moveTo(0, 0); resizeTo(10, 10)",
}  # fmt: skip


def test_a_page_cannot_leave_open_or_read_what_it_should_not(ears):
    attack = {"/": "", "/away": page("", "away")}
    with begun(attack) as env:
        answer = env.server.answer

        async def answers(request):
            away = Response(302, [("location", f"{ears.url}/away")])
            return away if request.url.endswith("/away") else await answer(request)

        env.server.answer = answers
        for name, script in LEAVING.items():
            code = html.escape(re.sub(r"\bURL/", f"{ears.url}/", script))
            env.server.pages["/"] = page(f'<button style="width:100px;height:50px" onclick="{code}">x</button>')
            step(env, "goto", url="site.test/")
            step(env, "click", x=20, y=20)
            observation, _ = step(env, "wait", seconds=1)
            assert observation["title"] != "done" and observation["image"].shape == (240, 320, 3), name
            assert observation["url"] in ("http://site.test/", "about:blank"), name
        kinds = {(refusal.kind, urlsplit(refusal.url).scheme) for refusal in env._page.refused}
        assert {
            ("Document", "http"),
            ("Popup", "blob"),
            ("Download", "blob"),
            ("Navigation", "ssh"),
            ("Ping", "http"),
        } <= kinds
        assert ears.heard == []


def test_dragged_addresses_and_shortcuts_open_nothing():
    drag = """<div draggable=true style='width:60px;height:60px;background:red' ondragstart="for (const t of
      ['text/uri-list', 'text/plain', 'DownloadURL']) event.dataTransfer.setData(t, '%s')">x</div><input type=file
      style='position:absolute;left:150px;top:0'><script>ondrop = e => document.title = e.dataTransfer.files.length ? 'done' : ''</script>"""
    with begun({"/": ""}) as env:
        for address in ("file:///etc/hostname", "http://elsewhere.test/", "javascript:document.title=`done`"):
            env.server.pages["/"] = page(drag % address)
            step(env, "goto", url="site.test/")
            for x, y in ((200, 200), (180, 10)):
                observation, _ = step(env, "drag", x=20, y=20, to_x=x, to_y=y)
                assert observation["url"] == "http://site.test/"
            assert env.query("document.querySelector('input').files.length") == 0
        asked = len(env.server.asked)
        for keys in """F1 F6 F7 F12 Control+u Control+o Control+p Control+s Control+j Control+h Control+n Control+t Control+w Control+l
        Alt+d Alt+Home Alt+ArrowLeft Control+Shift+i Control+Shift+n Control+F4 Alt+F4 Shift+Escape""".split():
            assert step(env, "press", keys=keys)[0]["url"] == "http://site.test/", keys
        assert len(env.server.asked) == asked


# --- the verifier and the reward -------------------------------------------------------------------------------------

HOOKS = """<script>
const lie = () => 'done', none = () => [];
for (const [object, name, value] of [[JSON, 'stringify', lie], [JSON, 'parse', lie], [Array.prototype, 'map', none],
  [Array.prototype, 'sort', none], [Object, 'entries', none], [String.prototype, 'charCodeAt', () => 7], [Math, 'imul', () => 7],
  [Date, 'now', () => 0], [Document.prototype, 'querySelectorAll', none], [Element.prototype, 'closest', none],
  [Number.prototype, 'toString', lie], [String.prototype, 'padStart', lie], [window, 'getSelection', lie],
  [Document.prototype, 'elementFromPoint', () => null]])
  Object.defineProperty(object, name, {value});
for (const [prototype, name] of [[Document.prototype, 'title'], [Element.prototype, 'outerHTML'], [Node.prototype, 'textContent'],
  [HTMLInputElement.prototype, 'value'], [Document.prototype, 'activeElement'], [Document.prototype, 'cookie']])
  Object.defineProperty(prototype, name, {get: lie});
Object.defineProperty(document, 'title', {get: lie});
</script>"""
CLOBBERED = "<img name=title><form name=querySelectorAll></form><form name=activeElement></form><form name=documentElement></form>"
CLOBBERED += "<form><input name=shadowRoot><input name=shadowRoot><input name=scrollTop><input name=tagName></form>"


def test_a_page_cannot_change_what_is_verified():
    body = "<button style='width:100px;height:50px'>x</button><input style='position:absolute;left:0;top:100px;width:99px'>"
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
                    observation, _ = step(env, name, **arguments)
                    assert observation["title"] == "start" and observation["url"] == "http://site.test/"
                    keys.append(env.state_key())
                assert len(set(keys)) == 4, "the key does not follow the state"
            assert hooked.query("document.querySelector('input').value") == "ab"
            assert {e.role for e in plain.elements()} <= {e.role for e in hooked.elements()}


def test_texts_of_a_page_can_be_written_down():
    with begun({"/": page("<button style='width:90px;height:90px' onclick=\"alert('\\ud800')\">b</button>")}) as env:
        env.server.pages["/"] = page("<script>document.title = 'a\\ud800b'; document.body.append('\\udc00')</script>")
        observation, _ = step(env, "goto", url="site.test/")
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

STORE = """(async () => {
  const found = [document.cookie, localStorage.x, sessionStorage.x, window.name, history.length];
  const kept = await new Promise(done => { const r = indexedDB.open('x', 1); r.onupgradeneeded = () => r.result.createObjectStore('x');
    r.onsuccess = () => { const store = r.result.transaction('x', 'readwrite').objectStore('x'), get = store.get('x');
      get.onsuccess = () => { store.put('left', 'x'); done(get.result) } } });
  found.push(kept, self.caches ? (await caches.keys()).length : 0, await (await fetch('/cached')).text());
  document.cookie = 'x=left; max-age=9999'; localStorage.x = sessionStorage.x = window.name = 'left';
  if (self.caches) await (await caches.open('x')).put('/x', new Response('left'));
  history.pushState(0, '', '/left');
  return JSON.stringify(found);
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
            found.append(page.evaluate(STORE, "main", await_promise=True))
            assert server.asked == ["http://site.test/", "https://site.test/", "https://site.test/cached"]
            assert page.storage()["local"] == {"x": "left"} and {c["name"] for c in page.cookies()} == {"x", "h"}
        finally:
            page.close()
    assert found[0] == found[1] and "left" not in found[0]


def test_the_clipboard_is_each_pages_own():
    fields = page(
        "<input style='position:absolute;left:0;top:0;width:200px'><textarea style='position:absolute;left:0;top:60px'></textarea>"
    )
    with begun({"/": fields}) as one, begun({"/": fields}) as two:
        step(one, "click", x=20, y=10)
        step(one, "type", text="secret")
        step(one, "press", keys="Control+a")
        step(one, "press", keys="Control+x")
        step(two, "click", x=20, y=10)
        for keys in ("Control+v", "Shift+Insert", "Control+Shift+v"):
            step(two, "press", keys=keys)
        step(two, "click", x=20, y=70, button="middle")
        assert two.query("document.querySelector('input').value + document.querySelector('textarea').value") == ""
        step(one, "click", x=20, y=70)
        step(one, "press", keys="Control+v")
        assert one.query("document.querySelector('input').value + document.querySelector('textarea').value") == "secret"
        one.reset(seed=1)
        step(one, "click", x=20, y=10)
        step(one, "press", keys="Control+v")
        assert one.query("document.querySelector('input').value") == ""


def test_two_webs_of_one_process_do_not_meet():
    one, two = (gym.make("mmgym/WebNav-v0", level=2, disable_env_checker=True).unwrapped for _ in range(2))
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
    form = "<form><input style='position:absolute;left:0;top:0;width:200px'><select style='position:absolute;left:0;top:40px'><option>S</select></form>"
    with begun({"/": page(form)}) as env:
        step(env, "click", x=20, y=10)
        for text in TEXTS:
            for name, argument in (("type", "text"), ("press", "keys"), ("goto", "url")):
                step(env, name, **{argument: text})
            step(env, "goto", url="site.test/")
            step(env, "select", x=20, y=50, option=text)
            step(env, "upload", x=20, y=10, file=text)
            step(env, "click", x=20, y=10)


@pytest.mark.parametrize("name", list(sites()))
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
