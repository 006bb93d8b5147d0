"""Red team: a page, or the agent, as the adversary. Every attack earns nothing, and the episode goes on.

What goes out is looked for at listening sockets on every address of the machine, by TCP and by UDP.
"""

import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from pages import begun, earn_nothing, page

from mmgym.doctor import find_chromium
from mmgym_web.browser import PageConfig, get_pool
from mmgym_web.messages import Response

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium; `mmgym doctor` says how to get one")

HTML = ("content-type", "text/html; charset=utf-8")


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
                if kind == socket.SOCK_STREAM:
                    ear.listen()
                threading.Thread(target=self._listen, args=(ear, kind), daemon=True).start()
        self.port, self.udp = self.ports["127.0.0.1", socket.SOCK_STREAM], self.ports["127.0.0.1", socket.SOCK_DGRAM]
        self.url = f"http://127.0.0.1:{self.port}"

    def _listen(self, ear, kind):
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
const hosts = ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '0', '[::1]', '[::ffff:127.0.0.1]', 'OWN',
  'a.localhost'];
for (const host of hosts)
  for (const scheme of ['http', 'https'])
    attempt(() => fetch(`${scheme}://${host}:PORT/fetched`, {mode: 'no-cors', keepalive: true})
      .then(() => say('reached'), () => 0));
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
    {urls: ['stun:127.0.0.1:UDP', 'stun:OWN:OWNUDP', 'turn:127.0.0.1:PORT?transport=tcp'], username: 'a',
     credential: 'b'}]});
  rtc.createDataChannel('x');
  rtc.createOffer().then(offer => rtc.setLocalDescription(offer));
});
attempt(() => CSS.paintWorklet.addModule('URL/paint').catch(() => 0));
document.head.insertAdjacentHTML('beforeend', `<style>@import url(URL/style.css);
  @font-face {font-family: f; src: url(URL/font)} body {background: url(URL/background); font-family: f}</style>
  <link rel=preconnect href=URL><link rel=dns-prefetch href=//dns.test>
  <link rel=prefetch href=URL/prefetch><link rel=preload as=image href=URL/preload><link rel=modulepreload href=URL/mp>
  <link rel=icon href=URL/icon><link rel=manifest href=URL/manifest>`);
document.body.insertAdjacentHTML('beforeend', `<img src=URL/image><img src=/away><video src=URL/video autoplay></video>
  <object data=URL/object></object><embed src=URL/embed><iframe src=URL/frame></iframe>
  <iframe src=file:///etc/hostname></iframe>
  <iframe src="data:text/html,<script>fetch('URL/data')</script>"></iframe><svg><image href=URL/svg /></svg>
  <input type=image src=URL/input>text`);
const rules = document.createElement('script');
rules.type = 'speculationrules';
const ahead = [{urls: ['/away', 'URL/ahead'], eagerness: 'immediate'}];
rules.text = JSON.stringify({prefetch: ahead, prerender: ahead});
document.head.append(rules);
"""
REFUSED = (
    "fetched xhr beacon events module.js socket worker style.css background prefetch preload mp image away "
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
            return Response(200, [HTML, report, early], page("<script src=/attack.js></script>").encode())
        if parts.path == "/attack.js":
            return Response(200, [("content-type", "text/javascript; charset=utf-8")], self.script.encode())
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
        for waits in range(60):
            if waits % 6 == 0:  # a frame that ends without a document may stop what else the page would load
                page.goto(f"{scheme}://site.test/")
            outcome = page.act((), 300)
            time.sleep(0.2)  # what went out against the rules has arrived
            if waits > 1 and not _missing(page, scheme):  # a busy machine sends late
                break
        assert (outcome.title, outcome.url) == ("start", f"{scheme}://site.test/")
        said = page.evaluate("said", "main")
        assert "reached" not in said and "registered" not in said
        assert not _missing(page, scheme)
        assert ears.heard == []
    finally:
        page.close()


def _missing(page, scheme):
    """What has to be refused and was not yet; a secure page opens no socket to an insecure address by itself."""
    refused = {refusal.url.rsplit("/", 1)[1] for refusal in page.refused}
    return set(REFUSED) - refused - ({"socket"} if scheme == "https" else set())


# --- ways out of the page --------------------------------------------------------------------------------------------

GOTO = """http://[::1 http://a\u2100b/ http://[::1]/ http://site.test:99999999/
http://elsewhere.test\\@site.test/ http://site.test./ http://\uff53\uff49\uff54\uff45.test/
http://site\u3002test/ http://s\u0456te.test/ http:site.test http:///site.test http:\\\\site.test\\
wss://site.test/ ws://site.test http://site.test%00.elsewhere.test/ //site.test
http://site.test%2f@elsewhere.test/ http://0x7f000001/ http://2130706433/ localhost:80 intent:x
filesystem:http://site.test/x chrome-extension://x/ chrome-untrusted://x about:srcdoc
feed:http://site.test/ %6aavascript:1 http://xn--ste-tma.test/ jar:http://site.test!/
JAVASCRIPT://site.test/%0adocument.title='done' view-source:javascript:1 ssh://x mailto:a@b.test""".split()
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
            observation, info = earn_nothing(env, "goto", url=url)
            assert observation["url"] == "http://site.test/", url
            assert "Refused" in info["feedback"] or not info["action_valid"], url
        for url in OWN:
            observation, info = earn_nothing(env, "goto", url=url)
            assert urlsplit(observation["url"]).hostname == "site.test" and "Refused" not in info["feedback"], url
        assert {urlsplit(request.url).hostname for request in env.server.asked} == {"site.test"} and ears.heard == []


HELPERS = """const won = () => { document.title = 'done' };
const link = values => Object.assign(document.createElement('a'), values).click();
const blob = (text, type) => URL.createObjectURL(new Blob([text], {type}));
const refresh = to => document.head.insertAdjacentHTML('beforeend', 
  `<meta http-equiv=refresh content="0;url=${to}">`);"""
LEAVING = {
    "redirect": "location = '/away'",
    "form": """document.body.innerHTML = '<form method=post action=HERE/form><input name=a></form>';
        document.forms[0].submit()""",
    "refresh": "refresh('HERE/refresh')",
    "script refresh": "refresh('javascript:document.title=`done`')",
    "written window": """const opened = open('about:blank');
        try { opened.document.write('<img src=HERE/written>') } catch {}
        history.back()""",
    "windows": "for (let i = 0; i < 5; i++) open('HERE/window' + i, 'w' + i)",
    "blob window": "open(blob('<script>fetch(`HERE/blob`)<\\/script>', 'text/html'))",
    "blob download": "link({href: blob('x'), download: 'x'})",
    "link download": "link({href: 'HERE/x', download: 'x'})",
    "ping": "link({href: '#', ping: 'HERE/ping'}); history.replaceState(0, '', '/')",
    "print": "print(); document.body.append(document.createElement('iframe')); frames[0].print()",
    "protocols": "location = 'intent://x#Intent;end'; location = 'ssh://x'; location = 'tel:1'",
    "close": "close(); top.close()",
    "pickers": """for (const name of ['showOpenFilePicker', 'showSaveFilePicker', 'showDirectoryPicker'])
        self[name] && self[name]().then(won, () => 0)""",
    "permissions": """const ask = {geolocation: 'getCurrentPosition', clipboard: 'readText',
          mediaDevices: 'getUserMedia'};
        for (const [what, how] of Object.entries(ask))
          try { Promise.resolve(navigator[what][how](won, () => 0)).then(p => p && won(), () => 0) } catch {}
        document.execCommand('paste') && won()""",
    "own file": """const files = new DataTransfer, field = document.createElement('input');
        files.items.add(new File([''], '/etc/hostname'));
        field.type = 'file';
        field.files = files.files;
        field.files[0].text().then(text => text && won())""",
    "screen": "document.body.requestFullscreen().catch(() => 0); moveTo(0, 0); resizeTo(10, 10); resizeBy(9, 9)",
}


def test_a_page_cannot_leave_open_or_read_what_it_should_not(ears):
    attack = {"/": "", "/away": page("", "away")}
    with begun(attack) as env:
        answer = env.server.answer

        async def answers(request):
            away = Response(302, [("location", f"{ears.url}/away")])
            return away if request.url.endswith("/away") else await answer(request)

        env.server.answer = answers
        for name, script in LEAVING.items():
            code = f"{HELPERS} function attack() {{ {script.replace('HERE', ears.url)} }}"
            env.server.pages["/"] = page(
                f"<script>{code}</script><button style='width:100px;height:50px' onclick='attack()'>x</button>"
            )
            earn_nothing(env, "goto", url="site.test/")
            earn_nothing(env, "click", x=20, y=20)
            observation, _ = earn_nothing(env, "wait", seconds=1)
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
      style='position:absolute;left:150px;top:0'>
      <script>ondrop = event => { if (event.dataTransfer.files.length) document.title = 'done' }</script>"""
    with begun({"/": ""}) as env:
        for address in ("file:///etc/hostname", "http://elsewhere.test/", "javascript:document.title=`done`"):
            env.server.pages["/"] = page(drag % address)
            earn_nothing(env, "goto", url="site.test/")
            for x, y in ((200, 200), (180, 10)):
                observation, _ = earn_nothing(env, "drag", x=20, y=20, to_x=x, to_y=y)
                assert observation["url"] == "http://site.test/"
            assert env.query("document.querySelector('input').files.length") == 0
        asked = len(env.server.asked)
        for (
            keys
        ) in """F1 F6 F7 F12 Control+u Control+o Control+p Control+s Control+j Control+h Control+n Control+t Control+w
               Alt+d Alt+Home Alt+ArrowLeft Control+Shift+i Control+Shift+n Control+F4 Alt+F4 Shift+Escape""".split():
            assert earn_nothing(env, "press", keys=keys)[0]["url"] == "http://site.test/", keys
        assert len(env.server.asked) == asked


def windows_left(env):
    """How many windows the browser has that nobody here knows of, a moment after the last was closed."""
    browser = env._page._browser

    async def listed():
        return (await browser.root.send("Target.getTargets"))["targetInfos"]

    for _ in range(50):
        found = env._page._pool.call(listed(), 5)
        left = sum(target["type"] == "page" and target["targetId"] not in browser.pages for target in found)
        if not left:
            break
        time.sleep(0.1)
    return left


@pytest.mark.slow
@pytest.mark.parametrize("tabs", [False, True])
def test_modified_clicks_leave_no_window_behind(tabs):
    link = "<a href='/b' style='display:block;width:200px;height:60px'>x</a>"
    click = "event.target.previousSibling.dispatchEvent(new MouseEvent('click', {ctrlKey: true}))"
    many = f"for (let i = 0; i < 50; i++) {click}"
    script = f'<a href="/b"></a><button style="width:100px;height:50px" onclick="{many}">x</button>'
    with begun({"/": page(link), "/b": page("b", "other"), "/many": page(script)}, tabs=tabs) as env:
        for name, arguments in (
            ("click", {"x": 20, "y": 20, "button": "middle"}),
            ("press", {"keys": "Control+Enter"}),
            ("press", {"keys": "Shift+Enter"}),
        ):
            earn_nothing(env, "goto", url="site.test/")
            if name == "press":
                earn_nothing(env, "press", keys="Tab")
            observation, _ = earn_nothing(env, name, **arguments)
            assert observation["title"] == "other", (name, arguments)
            assert windows_left(env) == 0
        earn_nothing(env, "goto", url="site.test/many")
        earn_nothing(env, "click", x=20, y=20)
        earn_nothing(env, "wait", seconds=1)
        assert windows_left(env) == 0 and env._page.tab_count <= 20
        assert not env._page._browser._sessions


BLOCKED = "about:blank#blocked"
"""Where Chromium goes instead of an address that a page may not open."""


def test_redirects_to_what_is_never_opened_stay_where_they_are():
    with begun({"/": page("hi"), "/b": page("b", "other")}) as env:
        answer, target = env.server.answer, ""

        async def answers(request):
            away = {
                "/go": Response(302, [("location", target)]),
                "/re": Response(200, [("refresh", f"0;url={target}")]),
            }
            return away.get(urlsplit(request.url).path) or await answer(request)

        env.server.answer = answers
        for target in (
            "file:///etc/hostname",
            "data:text/html,<title>done</title>",
            "blob:http://site.test/x",
            "about:version",
        ):
            for path in ("go", "re"):
                earn_nothing(env, "goto", url=f"site.test/{path}")
                assert env.url == BLOCKED or urlsplit(env.url).hostname == "site.test"
                assert earn_nothing(env, "goto", url="site.test/b")[0]["title"] == "other", (target, path)


def test_what_a_page_says_is_cut():
    long = "<script>onclick = () => alert('x'.repeat(9e5))</script><select style='width:99px;height:50px'></select>"
    add = "document.querySelector('select').append(new Option('y'.repeat(9e5)))"
    fill = f"<script>for (let i = 0; i < 3; i++) {add}</script>"
    with begun({"/": page(long + fill)}) as env:
        assert len(earn_nothing(env, "click", x=200, y=200)[0]["feedback"]) < 1000
        assert len(earn_nothing(env, "select", x=20, y=20, option="none")[0]["feedback"]) < 2000
