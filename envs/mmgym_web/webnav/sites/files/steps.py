"""What the file tasks share: choosing a file, and the way to it through the folders."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np

from mmgym.spaces import ToolCall
from mmgym_web.webnav.kit.episode import Episode
from mmgym_web.webnav.kit.guide import Guide
from mmgym_web.webnav.kit.task import Redraw
from mmgym_web.webnav.sites.files.contents import ROOT
from mmgym_web.webnav.sites.files.site import PAGE_SIZE, Files

__all__ = ["clicks_to", "comment", "files_of", "folder_name", "look_up", "page_of", "pick", "reach", "some"]


def files_of(episode: Episode) -> Files:
    """The file manager of an episode."""
    return cast(Files, episode.site("files"))


def pick(rng: np.random.Generator, texts: Sequence[str], **values: Any) -> str:
    """One of several ways to say the same, with values put in."""
    return texts[int(rng.integers(len(texts)))].format(**values)


def some(episode: Episode, rng: np.random.Generator, where: str = "1", *values: Any) -> sqlite3.Row:
    """A file that is neither in the trash nor a folder and fits an SQL condition.

    Raises:
        Redraw: when there is none.
    """
    sql = f"SELECT * FROM files_items WHERE kind != 'folder' AND NOT trashed AND {where} ORDER BY id"
    rows = files_of(episode).rows(sql, *values)
    if not rows:
        raise Redraw("no file fits")
    return rows[int(rng.integers(len(rows)))]


def folder_name(episode: Episode, folder: int) -> str:
    """How a task calls a folder."""
    if folder == ROOT:
        return "the outermost folder"
    name = episode.site("files").value("SELECT name FROM files_items WHERE id = ?", folder)
    return f"the folder '{name}'"


def page_of(site: Files, item: sqlite3.Row) -> int:
    """The page of its folder's list on which an item stands."""
    ids = [row["id"] for row in site.listing(item["parent"])]
    return ids.index(item["id"]) // PAGE_SIZE + 1


def clicks_to(site: Files, item: sqlite3.Row) -> int:
    """The clicks that lead from the outermost folder to an item."""
    clicks = 0
    while item["id"] != ROOT:
        clicks += page_of(site, item)
        item = site.row("SELECT * FROM files_items WHERE id = ?", item["parent"])
    return clicks


def reach(g: Guide, number: int) -> Iterator[ToolCall]:
    """Go to an item or folder by the links from where one is."""
    site = files_of(g.episode)
    item = site.row("SELECT * FROM files_items WHERE id = ?", number)
    path = site.folder_path(number) if item["kind"] == "folder" else f"/item/{number}"
    if g.at("files", path):
        return
    if number == ROOT or g.find("a[href]", href=site.url(path)):
        yield from g.visit("files", path)
        return
    page = page_of(site, item)
    if g.at("files", site.folder_path(item["parent"], page)):
        yield from g.visit("files", path)
    elif page > 1 and g.find("a[href]", href=site.url(site.folder_path(item["parent"], page))):
        yield from g.visit("files", site.folder_path(item["parent"], page))
    else:
        yield from reach(g, item["parent"])


def look_up(g: Guide, number: int, name: str) -> Iterator[ToolCall]:
    """Find an item by a search for its name, and open it."""
    path = f"/item/{number}"
    if not g.at("files", path) and not g.find("a[href]", href=files_of(g.episode).url(path)):
        if g.site != "files":
            yield from g.visit("files", "/")
        yield from g.fill("input[type=search]", name)
        yield from g.click("header.site button")
    yield from g.visit("files", path)


def comment(g: Guide, number: int, text: str) -> Iterator[ToolCall]:
    """Write a comment on an item."""
    yield from g.visit("files", f"/item/{number}")
    yield from g.fill("#comment input", text)
    yield from g.click("#comment button")
