"""The pages of a webmail on which messages are written."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import Site, page

__all__ = ["ADDRESS", "Writing"]

ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
"""What an address looks like."""
_MAX_UPLOAD = 500_000


class Writing(Site):
    """Writing, answering, forwarding, drafts."""

    @page("/compose")
    async def compose(self, request: Request) -> Response:
        """The form of a new message, an answer, a forwarded message or a draft."""
        query, draft = request.query_params, {"to": "", "cc": "", "subject": "", "body": "", "thread": "", "draft": ""}
        draft["to"] = query.get("to", "")
        for kind in ("reply", "forward", "draft"):
            if query.get(kind, "").isdecimal():
                draft |= self._draft(kind, self.row("SELECT * FROM mail_messages WHERE id = ?", int(query[kind])))
        return self._compose(request, draft, "")

    def _draft(self, kind: str, message: sqlite3.Row) -> dict[str, str]:
        if kind == "draft":
            subject, body = message["subject"], message["body"]
            return {"to": message["recipients"], "cc": message["cc"], "subject": subject, "body": body,
                    "draft": str(message["id"]), "thread": str(message["thread"])}  # fmt: skip
        prefix = "Re: " if kind == "reply" else "Fwd: "
        subject = message["subject"] if message["subject"].startswith(prefix) else prefix + message["subject"]
        if kind == "reply":
            mine = message["sender"] == self.world.me.email
            address = message["recipients"] if mine else message["sender"]
            return {"to": address, "subject": subject, "thread": str(message["thread"])}
        return {"subject": subject, "forward": str(message["id"])}

    def _compose(self, request: Request, draft: dict[str, str], error: str) -> Response:
        quoted = draft.get("forward", "")
        message = self.row("SELECT * FROM mail_messages WHERE id = ?", int(quoted)) if quoted.isdecimal() else None
        signature = self.value("SELECT signature FROM mail_settings")
        status = 422 if error else 200
        return self.render(
            "compose.html", request, status, draft=draft, error=error, quoted=message, signature=signature
        )

    @page("/compose", "POST")
    async def send(self, request: Request) -> Response:
        """Send a message, or keep it as a draft."""
        form = await request.form(max_part_size=2 * _MAX_UPLOAD)
        draft = {k: str(form.get(k) or "") for k in ("to", "cc", "subject", "body", "thread", "draft", "forward")}
        draft["body"] = draft["body"].replace("\r\n", "\n")
        sending = form.get("action") != "save"
        file = form.get("file")
        content = await file.read() if isinstance(file, UploadFile) and file.filename else b""
        error, to, cc = self._check(draft, sending, content)
        if error:
            return self._compose(request, draft, error)
        signature = self.value("SELECT signature FROM mail_settings") if sending else ""
        row = {
            "folder": "sent" if sending else "drafts", "origin": "", "sender": self.world.me.email, "recipients": to,
            "cc": cc, "subject": draft["subject"].strip(), "body": draft["body"].strip(), "signature": signature,
            "sent_at": self.world.now.isoformat(" ", "minutes"), "is_read": 1, "starred": 0,
        }  # fmt: skip
        message = self._store(draft, row)
        if content:
            assert isinstance(file, UploadFile)
            digest = hashlib.sha256(content).hexdigest()
            values = (message, str(file.filename), "", digest, len(content), content)
            self.run(
                "INSERT INTO mail_attachments (message, name, spec, digest, size, content) VALUES (?, ?, ?, ?, ?, ?)",
                *values,
            )
        self.flash(request, self.t("Your message was sent.") if sending else self.t("Your draft was saved."))
        return self.redirect("/folder/sent" if sending else "/folder/drafts")

    def _check(self, draft: dict[str, str], sending: bool, content: bytes) -> tuple[str, str, str]:
        """What is wrong with a message, and its recipients as addresses."""
        names = {row["name"].casefold(): row["email"] for row in self.rows("SELECT name, email FROM mail_contacts")}
        lists = []
        for field in ("to", "cc"):
            entries = [entry.strip() for entry in re.split("[,;]", draft[field]) if entry.strip()]
            addresses = [names.get(entry.casefold(), entry.casefold()) for entry in entries]
            wrong = next((a for a in addresses if not ADDRESS.fullmatch(a)), "")
            if wrong and sending:
                return self.t("This is not an address: {entry}", entry=wrong), "", ""
            lists.append(", ".join(dict.fromkeys(addresses)))
        if sending and not lists[0]:
            return self.t("Please name a recipient."), "", ""
        if sending and not draft["subject"].strip():
            return self.t("Please give a subject."), "", ""
        if len(content) > _MAX_UPLOAD:
            return self.t("The file is too large."), "", ""
        return "", lists[0], lists[1]

    def _store(self, draft: dict[str, str], row: dict[str, Any]) -> int:
        forward = draft["forward"]
        if forward.isdecimal():
            original = self.row("SELECT * FROM mail_messages WHERE id = ?", int(forward))
            row["body"] += f"\n\n---- {original['sender']}, {original['sent_at']} ----\n{original['body']}"
        if draft["draft"].isdecimal():
            marks = ", ".join(f"{name} = ?" for name in row)
            where = "WHERE id = ? AND folder = 'drafts'"
            self.run(f"UPDATE mail_messages SET {marks} {where}", *row.values(), int(draft["draft"]))
            return int(draft["draft"])
        row["thread"] = int(draft["thread"]) if draft["thread"].isdecimal() else None
        self.insert("mail_messages", [row])
        message = int(self.value("SELECT MAX(id) FROM mail_messages"))
        self.run("UPDATE mail_messages SET thread = COALESCE(thread, id) WHERE id = ?", message)
        if forward.isdecimal():
            self.run(
                "INSERT INTO mail_attachments (message, name, spec, digest, size, content) SELECT ?, name, spec, "
                "digest, "
                "size, content FROM mail_attachments WHERE message = ? ORDER BY id",
                *(message, int(forward)),
            )
        return message
