"""In-process servers, without a browser: ASGI and WSGI applications, folders of files, several hosts."""

import asyncio
import gzip
import sqlite3
import threading
import time
import zlib

import pytest

from mmgym_web.messages import Request
from mmgym_web.serve import AsgiServer, HostRouter, StaticFolder, WsgiServer


def ask(server, url="http://site.test/", method="GET", headers=(), body=b""):
    return asyncio.run(server.answer(Request(method, url, list(headers), body)))


def values(response, name):
    return [value for key, value in response.headers if key.lower() == name.lower()]


def wsgi(status="200 OK", headers=(), body=(b"",), before=lambda environ: None):
    def app(environ, start_response):
        before(environ)
        start_response(status, list(headers))
        return body

    return app


def asgi(status=200, headers=(), chunks=(b"",), before=lambda scope: None):
    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            raise NotImplementedError
        before(scope)
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        for number, chunk in enumerate(chunks):
            await send({"type": "http.response.body", "body": chunk, "more_body": number < len(chunks) - 1})

    return app


def test_wsgi_sees_the_whole_request():
    seen = {}
    server = WsgiServer(wsgi(before=seen.update))
    headers = [("Cookie", "a=1"), ("Content-Type", "text/plain"), ("X-Two", "1"), ("X-Two", "2"), ("Cookie", "b=2")]
    ask(server, "https://site.test:8443/p%C3%A4th/x%2Fy?q=a%20b&q=c", "POST", headers, b"hello")
    assert seen["PATH_INFO"].encode("latin-1").decode() == "/päth/x/y"
    assert (seen["QUERY_STRING"], seen["REQUEST_METHOD"]) == ("q=a%20b&q=c", "POST")
    assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"], seen["SERVER_PORT"]) == ("https", "site.test:8443", "8443")
    assert (seen["HTTP_COOKIE"], seen["HTTP_X_TWO"]) == ("a=1; b=2", "1,2")
    assert (seen["CONTENT_TYPE"], seen["CONTENT_LENGTH"], seen["wsgi.input"].read()) == ("text/plain", "5", b"hello")


def test_asgi_sees_the_whole_request():
    seen = {}
    ask(AsgiServer(asgi(before=seen.update)), "http://site.test/p%C3%A4th?q=1", headers=[("Cookie", "a=1")])
    assert (seen["path"], seen["raw_path"], seen["query_string"]) == ("/päth", b"/p%C3%A4th", b"q=1")
    assert (b"cookie", b"a=1") in seen["headers"] and (b"host", b"site.test") in seen["headers"]
    assert seen["server"] == ("site.test", 80)


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_cookies_and_redirects_arrive_whole(kind):
    headers = [("Set-Cookie", "a=1; Path=/"), ("Set-Cookie", "b=2"), ("Location", "/next"), ("Connection", "close")]
    if kind == "wsgi":
        server = WsgiServer(wsgi("303 See Other", headers))
    else:
        server = AsgiServer(asgi(303, [(name.encode(), value.encode()) for name, value in headers]))
    response = ask(server, method="POST", body=b"x=1")
    assert response.status == 303 and values(response, "location") == ["/next"]
    assert values(response, "set-cookie") == ["a=1; Path=/", "b=2"]
    assert values(response, "connection") == []


@pytest.mark.parametrize(
    "build", [lambda body: WsgiServer(wsgi(body=body)), lambda body: AsgiServer(asgi(chunks=body))]
)
def test_streams_big_bodies_and_head(build):
    chunks = [bytes([k]) * 2**20 for k in range(8)]
    response = ask(build(chunks))
    assert response.body == b"".join(chunks) and values(response, "content-length") == [str(8 * 2**20)]
    assert ask(build(chunks), method="HEAD").body == b""


def test_a_response_without_end_is_an_error():
    def endless():
        while True:
            yield b"x" * 2**22

    server = WsgiServer(wsgi(body=endless()))
    assert ask(server).status == 500
    assert server.errors[0].startswith("OverflowError")


@pytest.mark.parametrize(
    "build", [lambda before: WsgiServer(wsgi(before=before)), lambda b: AsgiServer(asgi(before=b))]
)
def test_an_application_that_raises_gives_500_and_keeps_the_error(build):
    def before(_):
        raise ZeroDivisionError("in the site")

    server = build(before)
    assert ask(server).status == 500
    assert server.errors == ["ZeroDivisionError: in the site"]


def test_an_application_that_raises_while_streaming_gives_500_and_is_closed():
    closed = []

    class Body:
        def __iter__(self):
            yield b"begun"
            raise ValueError("half way")

        def close(self):
            closed.append(True)

    server = WsgiServer(wsgi(body=Body()))
    assert ask(server).status == 500 and closed == [True]


def test_write_of_start_response_and_second_start_response():
    def app(environ, start_response):
        write = start_response("200 OK", [])
        write(b"one ")
        return [b"two"]

    assert ask(WsgiServer(app)).body == b"one two"

    def twice(environ, start_response):
        start_response("200 OK", [])
        start_response("200 OK", [])
        return []

    assert ask(WsgiServer(twice)).status == 500


def test_answers_come_one_after_the_other_on_one_thread():
    order, connection = [], []

    def before(environ):
        connection.append(sqlite3.connect(":memory:") if not connection else connection[0])
        connection[0].execute("select 1")  # raises in any other thread
        order.append(("in", environ["PATH_INFO"], threading.get_ident()))
        time.sleep(0.01)
        order.append(("out", environ["PATH_INFO"], threading.get_ident()))

    server = WsgiServer(wsgi(before=before))

    async def several():
        return await asyncio.gather(*(server.answer(Request("GET", f"http://site.test/{k}")) for k in range(5)))

    assert [response.status for response in asyncio.run(several())] == [200] * 5
    assert [(event, path) for event, path, _ in order] == [(e, f"/{k}") for k in range(5) for e in ("in", "out")]
    assert len({thread for _, _, thread in order}) == 1


def test_a_hanging_application_fails_alone():
    release = threading.Event()
    server = WsgiServer(wsgi(before=lambda _: release.wait(10)), limit=0.05)
    assert ask(server).status == 503
    assert ask(server).status == 500  # at once: its thread is lost
    assert server.errors[0].startswith("TimeoutError")
    release.set()


def test_lifespan_runs_around_the_requests():
    events = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            assert (await receive())["type"] == "lifespan.startup"
            scope["state"]["greeting"] = "hello"
            events.append("up")
            await send({"type": "lifespan.startup.complete"})
            assert (await receive())["type"] == "lifespan.shutdown"
            events.append("down")
            await send({"type": "lifespan.shutdown.complete"})
            return
        events.append(scope["state"]["greeting"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    server = AsgiServer(app)
    ask(server)
    ask(server)
    server.close()
    assert events == ["up", "hello", "hello", "down"]


def test_compressed_answers_are_unpacked():
    server = WsgiServer(wsgi(headers=[("Content-Encoding", "gzip")], body=[gzip.compress(b"plain")]))
    response = ask(server, headers=[("Accept-Encoding", "gzip")])
    assert response.body == b"plain" and values(response, "content-encoding") == []


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_small_answer_that_unpacks_to_a_huge_one_is_an_error(pack, monkeypatch):
    monkeypatch.setattr("mmgym_web.serve.MAX_BODY", 10_000)
    coding = "gzip" if pack is gzip.compress else "deflate"
    server = WsgiServer(wsgi(headers=[("Content-Encoding", coding)], body=[pack(bytes(10_001))]))
    assert ask(server).status == 500 and "longer than 10000 bytes" in server.errors[0]


def test_headers_outside_latin_1_arrive_as_the_browser_sends_them():
    seen = {}
    cookie = [("Cookie", "q=\u2713")]
    assert ask(AsgiServer(asgi(before=seen.update)), headers=cookie).status == 200
    assert (b"cookie", "q=\u2713".encode()) in seen["headers"]
    assert ask(WsgiServer(wsgi(before=seen.update)), headers=cookie).status == 200
    assert seen["HTTP_COOKIE"].encode("latin-1").decode() == "q=\u2713"


def test_starlette_form_and_file_upload():
    applications = pytest.importorskip("starlette.applications")
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def upload(request):
        form = await request.form()
        return JSONResponse({"name": form["name"], "file": (await form["file"].read()).decode("latin-1")})

    body = (
        b'--B\r\nContent-Disposition: form-data; name="name"\r\n\r\nAnn\r\n'
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n\x00\xff\r\n--B--\r\n'
    )
    server = AsgiServer(applications.Starlette(routes=[Route("/up", upload, methods=["POST"])]))
    headers = [("Content-Type", "multipart/form-data; boundary=B")]
    assert ask(server, "http://site.test/up", "POST", headers, body).body == b'{"name":"Ann","file":"\\u0000\xc3\xbf"}'


@pytest.fixture
def folder(tmp_path):
    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    (site / "index.html").write_text("<p>home</p>")
    (site / "sub" / "index.html").write_text("<p>sub</p>")
    (site / "a b.css").write_text("p{}")
    (site / ".hidden").write_text("no")
    (tmp_path / "secret.txt").write_text("no")
    (site / "out.txt").symlink_to(tmp_path / "secret.txt")
    (site / "loop").symlink_to(site / "loop")
    (site / "in.css").symlink_to(site / "a b.css")
    return StaticFolder(site)


def test_files_of_a_folder(folder):
    home = ask(folder, "http://site.test/?q=1")
    assert (home.status, home.body, values(home, "content-type")) == (200, b"<p>home</p>", ["text/html; charset=utf-8"])
    assert values(ask(folder, "http://site.test/sub"), "location") == ["/sub/"]
    assert ask(folder, "http://site.test/sub/").body == b"<p>sub</p>"
    assert values(ask(folder, "http://site.test/a%20b.css"), "content-type") == ["text/css; charset=utf-8"]
    assert ask(folder, "http://site.test/in.css").body == b"p{}"
    head = ask(folder, method="HEAD")
    assert head.body == b"" and values(head, "content-length") == ["11"]
    assert ask(folder, method="POST").status == 405


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "sub/../../secret.txt", "out.txt", ".hidden", "loop",
     "a%00b", "%ff", "..%5csecret.txt", "x" * 5000, "none.html", "index.html/x", "//etc/hostname"],
)  # fmt: skip
def test_nothing_outside_the_folder_is_found(folder, path):
    assert ask(folder, f"http://site.test/{path}").status == 404


def test_a_folder_must_exist(tmp_path):
    with pytest.raises(NotADirectoryError, match="nowhere"):
        StaticFolder(tmp_path / "nowhere")


def test_hosts_are_told_apart_and_others_refused():
    shop, mail = WsgiServer(wsgi(body=[b"shop"])), WsgiServer(wsgi(body=[b"mail"]))
    router = HostRouter({"Shop.test": shop, "mail.test:8000": mail})
    assert ask(router, "http://shop.TEST/").body == b"shop"
    assert ask(router, "http://shop.test:9999/").body == b"shop"
    assert ask(router, "http://mail.test:8000/").body == b"mail"
    assert ask(router, "http://mail.test/") is None
    assert ask(router, "http://shop.test.evil.example/") is None
