"""How the wiki reads and writes the parts of a page, and keeps every change."""

from __future__ import annotations

from mmgym_web.webnav.kit.site import Site

__all__ = ["Store"]


class Store(Site):
    """A page's lead, title, sections, facts and rows, each by one name: ``lead``, ``section:12``, ``row:3``."""

    @property
    def now(self) -> str:
        """The moment of whatever is done now."""
        return self.world.now.strftime("%Y-%m-%d %H:%M")

    def part_name(self, part: str) -> str:
        """What a change is about, as the history says it: the heading, the fact, the row."""
        kind, _, key = part.partition(":")
        if kind == "lead":
            return self.t("Introduction")
        if kind == "title":
            return self.t("Title")
        table, column = {
            "section": ("wiki_sections", "heading"),
            "fact": ("wiki_facts", "name"),
            "row": ("wiki_rows", "a"),
        }[kind]
        return str(self.value(f"SELECT {column} FROM {table} WHERE id = ?", int(key)))

    def _read(self, part: str, number: int) -> str:
        kind, _, key = part.partition(":")
        if kind == "row":
            return " | ".join(self.row("SELECT a, b, c FROM wiki_rows WHERE id = ?", int(key)))
        if kind in ("lead", "title"):
            return str(self.value(f"SELECT {kind} FROM wiki_pages WHERE id = ?", number))
        table, column = {"section": ("wiki_sections", "body"), "fact": ("wiki_facts", "value")}[kind]
        return str(self.value(f"SELECT {column} FROM {table} WHERE id = ?", int(key)))

    def _write(self, part: str, number: int, text: str, comment: str, author: str = "") -> None:
        before = self._read(part, number)
        kind, _, key = part.partition(":")
        if kind == "row":
            self.run("UPDATE wiki_rows SET a = ?, b = ?, c = ? WHERE id = ?", *text.split(" | "), int(key))
        elif kind in ("lead", "title"):
            self.run(f"UPDATE wiki_pages SET {kind} = ? WHERE id = ?", text, number)
        else:
            table, column = {"section": ("wiki_sections", "body"), "fact": ("wiki_facts", "value")}[kind]
            self.run(f"UPDATE {table} SET {column} = ? WHERE id = ?", text, int(key))
        self._record(number, part, before, text, comment, author)

    def _record(self, number: int, part: str, before: str, after: str, comment: str, author: str = "") -> None:
        self.run(
            "INSERT INTO wiki_revisions (page, at, author, part, before, after, comment) VALUES (?, ?, ?, ?, ?, ?, ?)",
            number,
            self.now,
            author or self.world.me.name,
            part,
            before,
            after,
            comment,
        )

    def _version(self, number: int) -> int:
        return int(self.value("SELECT coalesce(max(id), 0) FROM wiki_revisions WHERE page = ?", number))

    def _somebody_else_saves(self, part: str, number: int) -> None:
        """What makes edit conflicts: somebody has saved the same section while it was being edited."""
        kind, _, key = part.partition(":")
        pending = self.rows("SELECT * FROM wiki_pending WHERE section = ?", int(key)) if kind == "section" else []
        for other in pending:
            self.run("DELETE FROM wiki_pending WHERE id = ?", other["id"])
            self._write(part, number, other["body"], "", other["author"])

    def _wrong_title(self, title: str) -> str:
        if not title:
            return self.t("The title must not be empty.")
        if self.rows("SELECT 1 FROM wiki_pages WHERE title = ? COLLATE NOCASE", title):
            return self.t("There is already a page with this title.")
        return ""

    def _add_page(self, title: str, category: str, lead: str, redirect: int | None) -> int:
        return self.run(
            "INSERT INTO wiki_pages (title, category, lead, protected, redirect, table_heading, columns, figure,"
            " caption) VALUES (?, ?, ?, 0, ?, '', '', '', '')",
            title,
            category,
            lead,
            redirect,
        )
