"""The page itself: one HTML file without anything from outside, whose scripts are the ones that are here and no others.

The content security policy names scripts and styles by their hashes and allows no connection but to the server that
gave the page. Nothing that a model, a page or an environment wrote is ever markup: it is JSON without ``<``, and the
scripts make text of it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal

from mmgym.view.episodes import to_json

__all__ = ["Files", "assemble", "page"]

Files = Literal["inside", "beside", "served"]
"""Where a page finds its episodes: in itself, in a folder beside it, or at the server that gave it."""

_SCRIPTS = ("elements.js", "base.js", "results.js", "episodes.js", "page.js")
_SOURCES: Mapping[Files, str] = {
    "inside": "img-src data:",
    "beside": "img-src 'self' file:",
    "served": "img-src 'self'; connect-src 'self'",
}


def page(index: Mapping[str, Any], where: Files, folder: str = "", shards: Mapping[int, str] | None = None) -> str:
    """The HTML of a page.

    Args:
        index: what `mmgym.view.index` or `mmgym.view.training` made.
        where: where its episodes are.
        folder: for ``beside``: the name of the folder.
        shards: for ``inside``: the JSON of each shard, by its number.
    """
    inside = "\n".join(
        f'<script type="application/json" id="shard-{number}">{content}</script>'
        for number, content in (shards or {}).items()
    )
    scripts = " 'self' file:" if where == "beside" else ""
    title = html.escape(f"{index['title']}, mmgym")
    data = to_json({**index, "files": where, "folder": folder})
    return assemble(
        "page.html", ("page.css",), _SCRIPTS, _SOURCES[where], scripts, title=title, data=data, shards=inside
    )


def assemble(
    template: str, styles: Sequence[str], scripts: Sequence[str], sources: str, more_scripts: str = "", **parts: str
) -> str:
    """A page with its styles and scripts inside, and the policy that allows these and no others.

    Args:
        template: file with marks such as ``@@title@@``.
        styles: files of style.
        scripts: files of scripts.
        sources: what else the policy allows, e.g. ``img-src 'self'``.
        more_scripts: what else scripts may come from.
        parts: what the other marks stand for, as HTML.
    """
    style = "".join(_template(name) for name in styles)
    script = "\n".join(_template(name) for name in scripts)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}{more_scripts}; style-src {_hash(style)}; {sources}; "
        "base-uri 'none'; form-action 'none'"
    )
    policy = html.escape(policy, quote=True).replace("&#x27;", "'")
    parts = {**parts, "policy": policy, "style": style, "script": script}
    return re.sub("@@([a-z]+)@@", lambda found: parts[found[1]], _template(template))


def _template(name: str) -> str:
    return (files("mmgym.view") / "templates" / name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
