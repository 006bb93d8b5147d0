"""A site: an ordinary small web application (Starlette, Jinja, SQLite) that an `Episode` serves in-process.

A subclass declares its tables and its pages:

    class Shop(Site):
        name, title = "shop", "Market"
        schema = "CREATE TABLE shop_products (id INTEGER PRIMARY KEY, name TEXT, price INTEGER)"

        def populate(self) -> None: ...                       # rows, from self.world.rng("shop", ...)

        @page("/product/{id:int}")
        async def product(self, request: Request) -> Response:
            return self.render("product.html", product=self.row("SELECT * FROM shop_products WHERE id = ?", ...))

Templates lie in ``templates/`` beside the subclass's module and extend ``base.html``; ``labels.json`` there holds the
translations of every label: ``{"Add to cart": {"de": "In den Warenkorb", "fr": "Ajouter au panier"}}``.
"""

from __future__ import annotations

import functools
import inspect
import json
import sqlite3
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

try:
    import jinja2
    from starlette.exceptions import HTTPException
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, RedirectResponse, Response
    from starlette.routing import Route, Router
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"web sites need {error.name}: pip install 'mmgym[web]'", name=error.name) from error

if TYPE_CHECKING:
    from mmgym_web.webnav.kit.episode import Episode

__all__ = ["Site", "page"]

_KIT = Path(__file__).parent
_LONGEST_ADDRESS = 4096
"""Characters of path and query that are read: no number in them is longer than Python reads, no word than SQLite."""
_CSS = (_KIT / "base.css").read_text(encoding="utf-8")


def page(path: str, *methods: str) -> Callable[[Any], Any]:
    """Mark ``async def method(self, request) -> Response`` as the page at `path` (Starlette's syntax)."""

    def mark(method: Any) -> Any:
        method.__page__ = (path, list(methods) or ["GET"])
        return method

    return mark


class Site:
    """Base class of all sites; one instance per episode."""

    name: ClassVar[str]
    """First part of the host: ``shop`` is served at ``http://shop.<town>.test/``."""
    title: ClassVar[str]
    """What the site calls itself."""
    schema: ClassVar[str]
    """SQL that makes its tables; their names begin with the site's name and an underscore."""
    menu: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Label and path of the entries of the site's menu."""
    incidental: ClassVar[frozenset[str]] = frozenset()
    """Tables (``mail_visits``) and columns (``mail_messages.is_read``) whose changes never count as an effect."""
    known_by: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Tables that nothing refers to, and the columns that tell their rows apart: who takes a tag off and puts it on
    again has changed nothing, though the row has another number."""

    def __init__(self, episode: Episode):
        self.episode, self.world, self.db = episode, episode.world, episode.db
        self.theme = self.world.theme(self.name)
        self.host = f"{self.name}.{self.world.town}.test"

    # --- what a subclass defines ---

    def populate(self) -> None:
        """Fill the tables from the world."""
        raise NotImplementedError

    # --- what a subclass uses ---

    @property
    def ordered_menu(self) -> list[tuple[str, str]]:
        """The entries of the menu in this world's order."""
        return [self.menu[index] for index in self.world.rng("menu", self.name).permutation(len(self.menu))]

    def url(self, path: str = "/") -> str:
        """The absolute URL of a path of this site."""
        return f"http://{self.host}{path}"

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self.db.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row:
        """The first row of a query.

        Raises:
            LookupError: when there is none; a page that does not catch it answers 404.
        """
        found = self.db.execute(sql, values).fetchone()
        if found is None:
            raise LookupError("there is nothing here")
        return found

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row of a query."""
        return self.row(sql, *values)[0]

    def run(self, sql: str, *values: Any) -> int:
        """Run a statement; the id of the row it inserted."""
        return int(self.db.execute(sql, values).lastrowid or 0)

    def insert(self, table: str, rows: Sequence[dict[str, Any]]) -> None:
        """Insert rows with equal keys."""
        if rows:
            names = list(rows[0])
            marks = ", ".join(f":{name}" for name in names)
            self.db.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)

    def session(self, request: Request) -> dict[str, Any]:
        """What the site remembers about this browser, by its cookie: JSON-able values, changed in place."""
        return self.episode.sessions.setdefault(self.name, {}).setdefault(request.scope["sid"], {})

    def flash(self, request: Request, message: str) -> None:
        """Show a message on the next page."""
        self.session(request).setdefault("flash", []).append(message)

    def t(self, label: str, **values: Any) -> str:
        """A label in the world's language, with ``{name}`` replaced by values."""
        text = (
            label if self.world.language == "en" else _labels(self._kind).get(label, {}).get(self.world.language, label)
        )
        return text.format(**values) if values else text

    def render(self, template: str, request: Request, status: int = 200, **values: Any) -> HTMLResponse:
        """A page from a template, with `values` beside ``site``, ``t``, ``me``, ``world`` and ``request``."""
        messages = self.session(request).pop("flash", [])
        return self._fill_in(
            _templates(self._kind).get_template(template), request, status, messages=messages, **values
        )

    def _fill_in(self, template: jinja2.Template, request: Request, status: int, **values: Any) -> HTMLResponse:
        html = template.render(
            site=self, t=self.t, me=self.world.me, world=self.world, request=request, css=_CSS, **values
        )
        return HTMLResponse(html, status)

    def redirect(self, path: str) -> RedirectResponse:
        """Go to a path of this site by GET (303), as one does after a form."""
        return RedirectResponse(path, 303)

    # --- machinery ---

    @property
    def _kind(self) -> Any:
        return type(self)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request (ASGI)."""
        scope = {**scope, "site": self, "app": self}  # with an app, the router raises where it would answer bare text
        if len(scope["raw_path"]) + len(scope["query_string"]) > _LONGEST_ADDRESS:
            return await self._not_found(Request(scope, receive), 414)(scope, receive, send)
        try:
            await _router(self._kind)(scope, receive, send)
        except HTTPException as error:
            await self._not_found(Request(scope, receive), error.status_code)(scope, receive, send)

    def _not_found(self, request: Request, status: int = 404) -> HTMLResponse:
        """The page that says there is nothing, in the frame of the site's pages; it leaves the session as it is."""
        frame = _templates(self._kind).select_template([f"{self.name}.html", "frame.html", "base.html"])
        missing = _templates(self._kind).get_template("missing.html")
        return self._fill_in(missing, request, status, frame=frame, messages=[])


def _file(site: Any) -> str:
    return inspect.getfile(site)


@functools.cache
def _labels(site: Hashable) -> dict[str, dict[str, str]]:
    shared = json.loads((_KIT / "labels.json").read_text(encoding="utf-8"))
    path = Path(_file(site)).parent / "labels.json"
    return shared | (json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {})


@functools.cache
def _templates(site: Hashable) -> jinja2.Environment:
    folders = [Path(_file(site)).parent / "templates", _KIT / "templates"]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folders), autoescape=True, undefined=jinja2.StrictUndefined, auto_reload=False,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["money"] = lambda cents: f"${cents / 100:,.2f}"
    return environment


@functools.cache
def _router(site: Hashable) -> Any:
    methods = [(name, m.__page__) for name, m in inspect.getmembers(site) if hasattr(m, "__page__")]
    return Router([Route(path, _endpoint(name), methods=allowed) for name, (path, allowed) in methods])


def _endpoint(name: str) -> Any:
    async def endpoint(request: Request) -> Response:
        site: Site = request.scope["site"]
        known = request.cookies.get("sid")
        request.scope["sid"] = sid = known or site.episode.new_session(site.name)
        try:
            response: Response = await getattr(site, name)(request)
        except (LookupError, OverflowError):  # also a number in an address that no table can hold
            response = site._not_found(request)
        if not known:
            response.set_cookie("sid", sid, httponly=True)
        return response

    return endpoint
