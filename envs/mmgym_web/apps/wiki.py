"""An Otter Wiki, a wiki on a git repository that others wrote, as an application of episodes.

The wiki keeps one repository and one database per process, in module variables. Here both are those of the episode
that is being served; its thread serves one request at a time.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import io
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmgym_web.apps.clock import Clock
from mmgym_web.apps.episode import AppEpisode, Rows, digest
from mmgym_web.apps.folders import FolderCache, make_folder
from mmgym_web.apps.wiki_world import Wiki, draw_wiki
from mmgym_web.webnav.kit.world import World

__all__ = ["WikiEpisode"]

CLOCK = Clock()
_KEPT = FolderCache()
_GIT = {
    **{name: "An Otter Wiki" for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME")},
    **{name: "wiki@localhost" for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "TZ": "UTC",
}
"""Environment of every git command: nothing of the machine's own settings."""
_LEFT_OUT = ("/static/mathjax/", "/static/js/mermaid@")
"""Scripts for formulas and diagrams: 7 MB that the editor loads each time, and no page here needs. The wiki asks
whether they are there."""
_STYLE = b"* { transition: none !important; animation: none !important; }"
"""The style sheet that the wiki leaves to its owner: nothing slides in, so the first picture shows the page."""


class WikiEpisode(AppEpisode):
    """A wiki with the pages of one world. Whoever looks is known as the world's `me`.

    Rows: ``page``, by file name (``id``, ``content`` without blank ends of lines), and ``file`` for anything else.
    """

    name = "wiki"
    module = "otterwiki"
    clock = CLOCK

    def __init__(self, world: World):
        super().__init__(world)
        self.content: Wiki = draw_wiki(world)
        self.folder = Path()
        self._repository: Any = None
        self._engine: Any = None

    def _fill(self) -> None:
        self.folder = make_folder("wiki")
        key = (self.world.seed, self.world.split, self.world.level)
        if not _KEPT.copy_to(key, self.folder):
            _git(self.folder, "init", "-q", "-b", "main", "--template=", ".")
            # The files are copied about: of their dates only that of the content means something.
            _git(self.folder, "config", "core.trustctime", "false")
            _git(self.folder, "config", "core.checkStat", "minimal")
            _git(self.folder, "fast-import", "--quiet", stdin=b"".join(self._commits()))
            _git(self.folder, "reset", "-q", "--hard")
            _KEPT.keep(key, self.folder)

    def _commits(self) -> Iterator[bytes]:
        content = self.content
        oldest = max(edit.minutes_ago for edit in content.edits) + 60
        yield self._commit("home.md", content.home, 0, oldest, "Initial commit")
        for edit in content.edits:
            yield self._commit(edit.page.file, edit.page.text, edit.author, edit.minutes_ago, edit.message)

    def _commit(self, file: str, text: str, author: int, minutes_ago: int, message: str) -> bytes:
        person = self.world.people[author]
        self.set_clock(-60 * minutes_ago)
        who = f"{person.name} <{person.email}> {int(CLOCK.now)} +0000"
        head = f"commit refs/heads/main\nauthor {who}\ncommitter {who}\n{_data(message)}M 100644 inline {file}\n"
        return f"{head}{_data(text)}\n".encode()

    def application(self, environ: dict[str, Any], start_response: Any) -> Any:
        """The wiki's own WSGI application, on this episode's repository and database."""
        if environ["PATH_INFO"].startswith(_LEFT_OUT):
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"left out"]
        if environ["PATH_INFO"] == "/static/custom/custom.css":
            start_response("200 OK", [("Content-Type", "text/css")])
            return [_STYLE]
        server = _install(os.getpid())
        if self._repository is None:
            self._repository = _frozen_repository(str(self.folder))
            self._engine = _new_engine(server)
        server.storage.path, server.storage.repo = str(self.folder), self._repository
        server.db._app_engines[server.app] = {None: self._engine}
        me = self.world.me
        environ["HTTP_X_OTTERWIKI_NAME"], environ["HTTP_X_OTTERWIKI_EMAIL"] = me.name, me.email
        environ["HTTP_X_OTTERWIKI_PERMISSIONS"] = "READ,WRITE,UPLOAD"
        return server.app(environ, start_response)

    def rows(self) -> Rows:
        """The wiki's content, read from the files of its repository."""
        rows: Rows = {"page": {}, "file": {}}
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder).as_posix()
            if name.startswith(".git/") or not path.is_file():
                continue
            if path.suffix == ".md":
                lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
                rows["page"][name] = {"id": name, "content": "\n".join(line.rstrip() for line in lines).strip()}
            else:
                rows["file"][name] = {"id": name, "content": digest(path.read_bytes())}
        return rows

    def close(self) -> None:
        """Remove the episode's files, and end the git processes that read them."""
        if self._repository is not None:
            self._repository.close()
            self._engine.dispose()
        if self.folder.name:
            shutil.rmtree(self.folder, ignore_errors=True)


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def _git(folder: Path, *arguments: str, stdin: bytes = b"") -> None:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), **_GIT}
    subprocess.run(["git", *arguments], cwd=folder, input=stdin, env=environment, check=True, capture_output=True)


def _frozen_repository(folder: str) -> Any:
    """A GitPython repository whose commits carry the episode's time, made by nobody's own settings."""
    import git

    class Index(git.IndexFile):
        def commit(self, message: str, *arguments: Any, **options: Any) -> Any:
            moment = f"{int(CLOCK.now)} +0000"
            options |= {"author_date": moment, "commit_date": moment, "skip_hooks": True}
            options["committer"] = git.Actor("An Otter Wiki", "wiki@localhost")
            return super().commit(message, *arguments, **options)

    class Repository(git.Repo):
        @property
        def index(self) -> Any:
            return Index(self)

    repository = Repository(folder)
    repository.git.update_environment(**_GIT)
    return repository


def _new_engine(server: Any) -> Any:
    """An empty database in memory, with the wiki's tables."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(
        "sqlite://", poolclass=sqlalchemy.pool.StaticPool, connect_args={"check_same_thread": False}
    )
    server.db.metadata.create_all(engine)
    return engine


@functools.cache
def _install(pid: int) -> Any:
    """The wiki's server module, imported with our settings; it reads them while it is imported, once per process."""
    if shutil.which("git") is None:
        raise FileNotFoundError("the wiki needs git: apt-get install git")
    folder = make_folder("wiki-home")
    _git(folder, "init", "-q", "--template=", ".")
    settings = {
        "REPOSITORY": str(folder),
        "SECRET_KEY": secrets.token_hex(32),
        "SITE_NAME": "Wiki",
        "AUTH_METHOD": "PROXY_HEADER",
        "COMMIT_MESSAGE": "DISABLED",
        "LOG_LEVEL": "ERROR",
        "WTF_CSRF_ENABLED": False,
        "SEND_FILE_MAX_AGE_DEFAULT": 86400,  # its 25 style sheets and scripts are not asked for again on every page
        "SESSION_COOKIE_SAMESITE": "Lax",
    }
    (folder / "settings.py").write_text("".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    # Whatever the user's environment holds by the names of its settings would be taken for settings.
    with (
        _environment(OTTERWIKI_SETTINGS=str(folder / "settings.py"), **_GIT),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        import otterwiki.server as server
    for name in [name for name in sys.modules if name.startswith("otterwiki.")]:
        if name != "otterwiki.server":  # it compares types of dates, which would no longer be equal
            CLOCK.replace_time(name)
    server.app.jinja_env.filters["format_datetime"] = _format_datetime(server)
    # One browser and one user, whom no other site can reach; and no tokens that differ from run to run.
    server.app.template_context_processors[None].append(lambda: {"csrf_token": str})
    server.app.session_interface = _frozen_sessions()
    return server


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update({name: before[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in before})
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _format_datetime(server: Any) -> Any:
    """The wiki's own filter, for plain dates, and with the episode's time where it counts how long something is ago."""

    def format_datetime(value: Any, format: str = "medium") -> str:
        if format == "deltanow":
            now = CLOCK.utcnow() if value.tzinfo else CLOCK.utcnow().replace(tzinfo=None)
            return str(server.otterwiki.util.strfdelta_round(now - value, "second"))
        return str(server.format_datetime(dt.datetime.combine(value.date(), value.timetz()), format))

    return format_datetime


def _frozen_sessions() -> Any:
    """Flask's session cookies, signed with a constant key at the episode's time: equal in equal episodes."""
    import itsdangerous
    from flask.sessions import SecureCookieSessionInterface

    class Signer(itsdangerous.TimestampSigner):
        def get_timestamp(self) -> int:
            return int(CLOCK.now)

    class Sessions(SecureCookieSessionInterface):
        def get_signing_serializer(self, app: Any) -> Any:
            return itsdangerous.URLSafeTimedSerializer("episode", salt="session", signer=Signer)

    return Sessions()
