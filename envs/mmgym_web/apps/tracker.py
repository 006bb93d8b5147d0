"""Roundup, an issue tracker that others wrote, as an application of episodes.

One installation of the tracker per process holds what never changes (templates, schema); each episode has a folder with
a database of its own. The tracker has no mail server, so the detector that writes to people is left out.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

from mmgym_web.apps.clock import Clock
from mmgym_web.apps.episode import AppEpisode, Rows, digest
from mmgym_web.apps.folders import FolderCache, make_folder
from mmgym_web.apps.tracker_world import Tracker, draw_tracker
from mmgym_web.webnav.kit.world import World

__all__ = ["TrackerEpisode"]

CLOCK = Clock()
_KEPT = FolderCache()

_FIELDS = {
    "issue": ("title", "status", "priority", "assignedto"),
    "user": ("username", "realname", "address", "phone", "organisation", "alternate_addresses", "roles", "timezone"),
    "keyword": ("name",),
    "status": ("name",),
    "priority": ("name",),
    "query": ("name", "url", "klass", "private_for"),
}
_LISTS = {"issue": ("keyword", "nosy", "superseder", "files"), "user": ("queries",)}
_POINTS = {"status": "status", "priority": "priority", "assignedto": "user", "keyword": "keyword", "nosy": "user"}
"""Fields that rows show by the name of what they point at, and its table."""


class TrackerEpisode(AppEpisode):
    """An issue tracker with the issues of one world. Whoever looks is logged in as the world's `me`.

    Rows: ``issue`` (title, status, priority, assignedto, keyword, nosy, superseder, files, messages), ``user``,
    ``keyword``, ``query`` and ``file``, by number. Links are names, or numbers for issues; lists are sorted; messages
    are pairs of author and text, in order.
    """

    name = "tracker"
    module = "roundup"
    clock = CLOCK

    def __init__(self, world: World):
        super().__init__(world)
        self.content: Tracker = draw_tracker(world)
        self.folder = Path()

    def _fill(self) -> None:
        self.folder = make_folder("tracker")
        key = (self.world.seed, self.world.split, self.world.level)
        if _KEPT.copy_to(key, self.folder):
            return
        shutil.copytree(_home() / "db", self.folder, dirs_exist_ok=True)
        db = self._tracker().open("admin")
        with contextlib.closing(db):
            # Nothing is to survive a crash of the machine, so nothing waits for the disk.
            db.sql("PRAGMA synchronous = OFF")
            self._create(db)
            db.commit()
        _KEPT.keep(key, self.folder)

    def _create(self, db: Any) -> None:
        self.set_clock(-90 * 86400)
        users = {"": None}
        for user in self.content.users:
            users[user.username] = db.user.create(
                username=user.username, realname=user.realname, address=user.address, phone=user.phone,
                organisation=user.organisation, roles="User",
            )  # fmt: skip
        keywords = {name: db.keyword.create(name=name) for name in self.content.keywords}
        for issue in self.content.issues:
            self.set_clock(-60 * issue.minutes_ago)
            db.setCurrentUser(issue.author)
            messages = []
            for author, text in issue.messages:
                message = db.msg.create(author=users[author], summary=text.split(".")[0], content=text, date=_now())
                messages.append(message)
            db.issue.create(
                title=issue.title, status=db.status.lookup(issue.status), priority=db.priority.lookup(issue.priority),
                assignedto=users[issue.assignedto], keyword=[keywords[name] for name in issue.keywords],
                messages=messages, nosy=[],
            )  # fmt: skip

    def _tracker(self) -> Any:
        """The process's tracker, pointed at this episode's database and host."""
        tracker = _installation().tracker
        tracker.config["DATABASE"] = str(self.folder)
        tracker.config["TRACKER_WEB"] = self._site.url("/")
        return tracker

    def application(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Roundup's own WSGI application."""
        self._tracker()
        environ["REMOTE_USER"] = self.content.me
        return _installation()(environ, start_response)

    def rows(self) -> Rows:
        """The tracker's content, read from its SQLite file."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/db?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            return _read(db, self.folder)

    def close(self) -> None:
        """Remove the episode's files."""
        if self.folder.name:
            shutil.rmtree(self.folder, ignore_errors=True)


def _read(db: sqlite3.Connection, folder: Path) -> Rows:
    names = {
        (table, row["id"]): row[f"_{column}"]
        for table, column in (("status", "name"), ("priority", "name"), ("keyword", "name"), ("user", "username"))
        for row in db.execute(f"SELECT * FROM _{table}")
    }

    def shown(field: str, value: Any) -> Any:
        return names.get((_POINTS[field], value), "") if field in _POINTS else "" if value is None else value

    rows: Rows = {}
    for table, fields in _FIELDS.items():
        rows[table] = {
            row["id"]: {"id": row["id"], "retired": row["__retired__"]}
            | {field: shown(field, row[f"_{field}"]) for field in fields}
            for row in db.execute(f"SELECT * FROM _{table}")
        }
        for field in _LISTS.get(table, ()):
            for row in rows[table].values():
                row[field] = []
            for node, link in db.execute(f"SELECT nodeid, linkid FROM {table}_{field}"):
                rows[table][node][field].append(shown(field, link))
            for row in rows[table].values():
                row[field].sort()
    for row in rows["issue"].values():
        row["messages"] = []
    authors = {row["id"]: names.get(("user", row["_author"]), "") for row in db.execute("SELECT * FROM _msg")}
    for node, link in db.execute("SELECT nodeid, linkid FROM issue_messages ORDER BY linkid"):
        text = _content(folder, "msg", link).decode(errors="replace")
        # a browser breaks the lines of a message where its text area ends
        rows["issue"][node]["messages"].append([authors[link], " ".join(text.split())])
    rows["file"] = {
        row["id"]: {"id": row["id"], "name": row["_name"] or "", "content": digest(_content(folder, "file", row["id"]))}
        for row in db.execute("SELECT * FROM _file")
    }
    return rows


def _content(folder: Path, kind: str, number: int) -> bytes:
    path = folder / "files" / kind / str(number // 1000) / f"{kind}{number}"
    return path.read_bytes() if path.exists() else b""


def _now() -> Any:
    from roundup import date

    return date.Date(".")


def _home() -> Path:
    return Path(_installation().home)


def _installation() -> Any:
    return _install(os.getpid())


@functools.cache
def _install(pid: int) -> Any:
    """The tracker of this process: its folder, and Roundup's WSGI application on it."""
    import roundup.configuration
    import roundup.init
    import roundup.instance
    import roundup.password
    from roundup.anypy import random_
    from roundup.cgi.wsgi_handler import RequestDispatcher

    home = make_folder("tracker-home") / "home"
    template = _template_folder(Path(roundup.__file__).parent)
    roundup.init.install(str(home), str(template))
    (home / "detectors" / "nosyreaction.py").unlink()
    config = roundup.configuration.CoreConfig()
    config.HOME = str(home)
    for name, value in {
        "TRACKER_WEB": "http://tracker.test/",
        "TRACKER_NAME": "Issue tracker",
        "MAIL_DOMAIN": "tracker.test",
        "MAIL_HOST": "localhost",
        "MAIL_DEBUG": str(home / "mail.txt"),
        "RDBMS_BACKEND": "sqlite",
        "WEB_HTTP_AUTH": "yes",
        "WEB_COOKIE_TAKES_PRECEDENCE": "no",
        "WEB_USE_TOKENLESS_CSRF_PROTECTION": "yes",
        "WEB_USE_BROWSER_LANGUAGE": "no",
        "TIMEZONE": "UTC",
    }.items():
        config[name] = value
    config.save(str(home / "config.ini"))
    CLOCK.replace_time("roundup")
    random_.token_bytes = CLOCK.token_bytes
    random_.choice = lambda options: CLOCK.random.choice(options)
    random_.randbelow = lambda below: CLOCK.random.randrange(below)
    # its own `now` is of another module's import, made before the clock was replaced
    roundup.date.utcnow = CLOCK.utcnow
    roundup.instance.open(str(home)).init(roundup.password.Password(encrypted="{plaintext}unused"))
    return RequestDispatcher(str(home))


def _template_folder(package: Path) -> Path:
    """Roundup's classic tracker template, in the shared data of the installation."""
    for root in (Path(sys.prefix), *package.parents):
        folder = root / "share" / "roundup" / "templates" / "classic"
        if folder.is_dir():
            return folder
    raise FileNotFoundError("roundup is installed without its tracker templates (share/roundup/templates/classic)")
