"""The pages of a webmail about contacts and settings."""

from __future__ import annotations

from typing import ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.sites.mail.writing import ADDRESS

__all__ = ["People"]


class People(Site):
    """Contacts and settings."""

    notify_choices: ClassVar[dict[str, str]] = {
        "all": "Every message",
        "contacts": "Only my contacts",
        "never": "Never",
    }
    """Of which messages the user is told: what is stored, and its label."""

    @page("/contacts")
    async def contacts(self, request: Request) -> Response:
        """All contacts, or those with some letters in them."""
        text = f"%{request.query_params.get('q', '').strip()}%"
        found = self.rows(
            "SELECT * FROM mail_contacts WHERE name LIKE ? OR company LIKE ? OR email LIKE ? ORDER BY name",
            text,
            text,
            text,
        )
        return self.render("contacts.html", request, contacts=found, q=request.query_params.get("q", ""))

    @page("/contacts.json")
    async def suggest(self, request: Request) -> Response:
        """Addresses that begin like what is being typed."""
        text = request.query_params.get("q", "").strip()
        sql = "SELECT name, email FROM mail_contacts WHERE name LIKE ? ORDER BY name LIMIT 4"
        return JSONResponse([dict(row) for row in self.rows(sql, f"{text}%")] if text else [])

    @page("/contact/{id:int}")
    async def contact(self, request: Request) -> Response:
        """A contact."""
        contact = self.row("SELECT * FROM mail_contacts WHERE id = ?", request.path_params["id"])
        return self.render("contact.html", request, contact=contact)

    @page("/contact/new")
    async def new_contact(self, request: Request) -> Response:
        """The form of a new contact."""
        blank = dict.fromkeys(("name", "email", "phone", "company", "address", "birthday", "job"), "")
        return self.render("contact_form.html", request, contact=blank, id=0, error="")

    @page("/contact/{id:int}/edit")
    async def edit_contact(self, request: Request) -> Response:
        """The form of a contact."""
        contact = self.row("SELECT * FROM mail_contacts WHERE id = ?", request.path_params["id"])
        return self.render("contact_form.html", request, contact=contact, id=contact["id"], error="")

    @page("/contact/{id:int}/save", "POST")
    async def save_contact(self, request: Request) -> Response:
        """Keep a contact; 0 is a new one."""
        form, contact = await request.form(), int(request.path_params["id"])
        names = ("name", "email", "phone", "company", "address", "birthday", "job")
        row = {name: str(form.get(name) or "").strip() for name in names}
        error = ""
        if not row["name"]:
            error = self.t("Please give a name.")
        elif not ADDRESS.fullmatch(row["email"]):
            error = self.t("This is not an address: {entry}", entry=row["email"])
        if error:
            return self.render("contact_form.html", request, 422, contact=row, id=contact, error=error)
        if contact:
            marks = ", ".join(f"{name} = ?" for name in row)
            self.run(f"UPDATE mail_contacts SET {marks} WHERE id = ?", *row.values(), contact)
        else:
            self.insert("mail_contacts", [row])
            contact = int(self.value("SELECT MAX(id) FROM mail_contacts"))
        self.flash(request, self.t("The contact was saved."))
        return self.redirect(f"/contact/{contact}")

    @page("/contact/{id:int}/delete", "POST")
    async def delete_contact(self, request: Request) -> Response:
        """Forget a contact."""
        self.run("DELETE FROM mail_contacts WHERE id = ?", request.path_params["id"])
        self.flash(request, self.t("The contact was deleted."))
        return self.redirect("/contacts")

    @page("/settings")
    async def settings(self, request: Request) -> Response:
        """Signature, notifications and the answer while away."""
        return self.render("settings.html", request, settings=self.row("SELECT * FROM mail_settings"))

    @page("/settings", "POST")
    async def save_settings(self, request: Request) -> Response:
        """Keep the settings."""
        form = await request.form()
        notify = str(form.get("notify"))
        if notify not in self.notify_choices:
            raise LookupError(f"there is no setting {notify}")
        texts = [
            str(form.get(name) or "").replace("\r\n", "\n").strip() for name in ("signature", "away_text", "alias")
        ]
        sql = "UPDATE mail_settings SET signature = ?, away_text = ?, alias = ?, away = ?, notify = ?"
        self.run(sql, *texts, int("away" in form), notify)
        self.flash(request, self.t("Your settings were saved."))
        return self.redirect("/settings")
