"""The bank's pages that move money: transfers, standing orders, payees, bills."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.sites.bank.money import is_date, read_cents
from mmgym_web.webnav.sites.bank.words import RHYTHMS, WEEKDAYS

__all__ = ["PaymentPages"]

_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{8,28}")
_TRANSFER = ("account", "payee", "amount", "reference", "day")
_RULE = ("account", "payee", "amount", "rhythm", "day", "reference")


class PaymentPages(Site):
    """Pages that move money."""

    def _accounts(self) -> list[sqlite3.Row]:
        return self.rows("SELECT * FROM bank_accounts ORDER BY id")

    def _payees(self) -> list[sqlite3.Row]:
        return self.rows("SELECT * FROM bank_payees ORDER BY name")

    async def _read(self, request: Request, names: tuple[str, ...]) -> dict[str, str]:
        form = await request.form()
        return {name: str(form.get(name, "")).strip() for name in names}

    @page("/transfer")
    async def transfer(self, request: Request) -> Response:
        """The form of a transfer."""
        return self._transfer(request, dict.fromkeys(_TRANSFER, ""))

    def _transfer(self, request: Request, given: dict[str, str], error: str = "", status: int = 200) -> Response:
        return self.render(
            "transfer.html", request, status, given=given, error=error, accounts=self._accounts(), payees=self._payees()
        )

    def _refusal(self, given: dict[str, str]) -> str:
        accounts = {str(row["id"]): row for row in self._accounts()}
        cents, today = read_cents(given["amount"]), str(self.world.now.date())
        if given["account"] not in accounts:
            return self.t("Please choose an account.")
        if given["payee"] not in [str(row["id"]) for row in self._payees()]:
            return self.t("Please choose a payee.")
        if not cents:
            return self.t("Please give an amount, as in 12.50.")
        if given["day"] and (not is_date(given["day"]) or given["day"] < today):
            return self.t("Please give a day from today on, as YYYY-MM-DD.")
        if cents > accounts[given["account"]]["balance"]:
            return self.t("There is not enough money in this account.")
        return ""

    @page("/transfer", "POST")
    async def check_transfer(self, request: Request) -> Response:
        """Check a transfer and ask for its confirmation."""
        given = await self._read(request, _TRANSFER)
        error = self._refusal(given)
        if error:
            return self._transfer(request, given, error, 422)
        self.session(request)["transfer"] = given
        return self.redirect("/transfer/confirm")

    @page("/transfer/confirm")
    async def ask_transfer(self, request: Request) -> Response:
        """Show a transfer before it is made."""
        given = self.session(request).get("transfer")
        if not given:
            return self.redirect("/transfer")
        return self.render(
            "confirm.html", request, cents=read_cents(given["amount"]), reference=given["reference"], day=given["day"],
            account=self.row("SELECT * FROM bank_accounts WHERE id = ?", int(given["account"])),
            payee=self.row("SELECT * FROM bank_payees WHERE id = ?", int(given["payee"])),
        )  # fmt: skip

    @page("/transfer/confirm", "POST")
    async def make_transfer(self, request: Request) -> Response:
        """Make a transfer."""
        given = self.session(request).pop("transfer", None)
        if not given or self._refusal(given):
            return self.redirect("/transfer")
        payee = self.row("SELECT * FROM bank_payees WHERE id = ?", int(given["payee"]))
        today, cents = str(self.world.now.date()), read_cents(given["amount"])
        later = bool(given["day"]) and given["day"] > today
        self.run(
            "INSERT INTO bank_transfers (account_id, payee, iban, amount, reference, day, status) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            int(given["account"]), payee["name"], payee["iban"], cents, given["reference"], given["day"] or today,
            "Scheduled" if later else "Booked",
        )  # fmt: skip
        if not later:
            self.run("UPDATE bank_accounts SET balance = balance - ? WHERE id = ?", cents, int(given["account"]))
        self.flash(request, self.t("The transfer has been scheduled.") if later else self.t("The money is on its way."))
        return self.redirect("/transfers")

    @page("/transfers")
    async def transfers(self, request: Request) -> Response:
        """All transfers."""
        rows = self.rows("SELECT * FROM bank_transfers ORDER BY day DESC, id DESC")
        return self.render("transfers.html", request, rows=rows)

    @page("/transfers/{id:int}/cancel", "POST")
    async def cancel_transfer(self, request: Request) -> Response:
        """Cancel a scheduled transfer."""
        row = self.row("SELECT * FROM bank_transfers WHERE id = ?", request.path_params["id"])
        if row["status"] == "Scheduled":
            self.run("UPDATE bank_transfers SET status = 'Cancelled' WHERE id = ?", row["id"])
            self.flash(request, self.t("The transfer has been cancelled."))
        return self.redirect("/transfers")

    def rule_day(self, rule: sqlite3.Row) -> str:
        """The day on which a standing order pays: of the week if it is weekly, else of the month."""
        return self.t(WEEKDAYS[rule["day"] - 1]) if rule["rhythm"] == "Weekly" else f"{rule['day']}."

    @page("/standing")
    async def standing(self, request: Request) -> Response:
        """All standing orders."""
        rows = self.rows(
            "SELECT s.*, a.name AS account FROM bank_standing s JOIN bank_accounts a ON a.id = s.account_id "
            "ORDER BY s.id"
        )
        return self.render("standing.html", request, rows=rows)

    def _rule(
        self, request: Request, rule: sqlite3.Row | None, given: dict[str, Any], error: str = "", status: int = 200
    ) -> Response:
        return self.render(
            "rule.html", request, status, rule=rule, given=given, error=error, accounts=self._accounts(),
            payees=self._payees(), rhythms=RHYTHMS,
        )  # fmt: skip

    @page("/standing/new")
    async def new_rule(self, request: Request) -> Response:
        """The form of a new standing order."""
        return self._rule(request, None, dict.fromkeys(_RULE, ""))

    @page("/standing/{id:int}")
    async def edit_rule(self, request: Request) -> Response:
        """The form of a standing order."""
        rule = self.row("SELECT * FROM bank_standing WHERE id = ?", request.path_params["id"])
        given = {name: str(rule[name]) for name in _RULE[1:]} | {"account": str(rule["account_id"])}
        return self._rule(request, rule, given | {"amount": f"{rule['amount'] / 100:.2f}"})

    @page("/standing/new", "POST")
    async def add_rule(self, request: Request) -> Response:
        """Set up a standing order."""
        return await self._save_rule(request, None)

    @page("/standing/{id:int}", "POST")
    async def change_rule(self, request: Request) -> Response:
        """Change a standing order."""
        rule = self.row("SELECT * FROM bank_standing WHERE id = ?", request.path_params["id"])
        return await self._save_rule(request, rule)

    async def _save_rule(self, request: Request, rule: sqlite3.Row | None) -> Response:
        given, error = await self._read(request, _RULE), ""
        cents = read_cents(given["amount"])
        if given["account"] not in [str(row["id"]) for row in self._accounts()]:
            error = self.t("Please choose an account.")
        elif given["payee"] not in [row["name"] for row in self._payees()]:
            error = self.t("Please choose a payee.")
        elif not cents:
            error = self.t("Please give an amount, as in 12.50.")
        elif given["rhythm"] not in RHYTHMS:
            error = self.t("Please choose how often.")
        elif given["rhythm"] == "Weekly" and not _is_from_1_to(7, given["day"]):
            error = self.t("Please give a day of the week from 1 (Monday) to 7 (Sunday).")
        elif not _is_from_1_to(28, given["day"]):
            error = self.t("Please give a day of the month from 1 to 28.")
        if error:
            return self._rule(request, rule, given, error, 422)
        values = (int(given["account"]), given["payee"], cents, given["rhythm"], int(given["day"]), given["reference"])
        if rule:
            self.run(
                "UPDATE bank_standing SET account_id = ?, payee = ?, amount = ?, rhythm = ?, day = ?, reference = ? "
                "WHERE id = ?", *values, rule["id"],
            )  # fmt: skip
        else:
            self.run(
                "INSERT INTO bank_standing (account_id, payee, amount, rhythm, day, reference, active) "
                "VALUES (?, ?, ?, ?, ?, ?, 1)", *values,
            )  # fmt: skip
        self.flash(request, self.t("The standing order has been saved."))
        return self.redirect("/standing")

    @page("/standing/{id:int}/stop")
    async def ask_stop(self, request: Request) -> Response:
        """Ask whether a standing order is to end."""
        rule = self.row("SELECT * FROM bank_standing WHERE id = ?", request.path_params["id"])
        return self.render("stop.html", request, rule=rule)

    @page("/standing/{id:int}/stop", "POST")
    async def stop_rule(self, request: Request) -> Response:
        """End a standing order."""
        rule = self.row("SELECT id FROM bank_standing WHERE id = ?", request.path_params["id"])
        self.run("UPDATE bank_standing SET active = 0 WHERE id = ?", rule["id"])
        self.flash(request, self.t("The standing order has been stopped."))
        return self.redirect("/standing")

    @page("/payees")
    async def payees(self, request: Request) -> Response:
        """The address book of accounts."""
        return self.render("payees.html", request, rows=self._payees())

    @page("/payees/new")
    async def new_payee(self, request: Request) -> Response:
        """The form of a new payee."""
        return self.render("payee.html", request, given={"name": "", "iban": ""}, error="")

    @page("/payees/new", "POST")
    async def add_payee(self, request: Request) -> Response:
        """Add a payee."""
        given, error = await self._read(request, ("name", "iban")), ""
        iban = given["iban"].upper().replace(" ", "")
        if not given["name"]:
            error = self.t("Please give a name.")
        elif not _IBAN.fullmatch(iban):
            error = self.t("This is not an account number: two letters, two digits, then 8 to 28 letters or digits.")
        if error:
            return self.render("payee.html", request, 422, given=given, error=error)
        grouped = " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))
        self.run("INSERT INTO bank_payees (name, iban) VALUES (?, ?)", given["name"], grouped)
        self.flash(request, self.t("{name} is now among your payees.", name=given["name"]))
        return self.redirect("/payees")

    @page("/payees/{id:int}/delete", "POST")
    async def delete_payee(self, request: Request) -> Response:
        """Delete a payee."""
        row = self.row("SELECT * FROM bank_payees WHERE id = ?", request.path_params["id"])
        self.run("DELETE FROM bank_payees WHERE id = ?", row["id"])
        self.flash(request, self.t("{name} has been deleted.", name=row["name"]))
        return self.redirect("/payees")

    @page("/bills")
    async def bills(self, request: Request) -> Response:
        """Bills, open ones first."""
        rows = self.rows("SELECT * FROM bank_bills ORDER BY paid, id")
        return self.render("bills.html", request, rows=rows, today=str(self.world.now.date()))

    @page("/bills/{id:int}")
    async def bill(self, request: Request) -> Response:
        """One bill."""
        return self._bill(request, "")

    def _bill(self, request: Request, error: str, status: int = 200) -> Response:
        row = self.row("SELECT * FROM bank_bills WHERE id = ?", request.path_params["id"])
        return self.render("bill.html", request, status, row=row, error=error, accounts=self._accounts())

    @page("/bills/{id:int}", "POST")
    async def pay_bill(self, request: Request) -> Response:
        """Pay a bill."""
        row = self.row("SELECT * FROM bank_bills WHERE id = ?", request.path_params["id"])
        chosen = (await self._read(request, ("account",)))["account"]
        account = next((one for one in self._accounts() if str(one["id"]) == chosen), None)
        if row["paid"]:
            return self._bill(request, self.t("This bill has been paid."), 422)
        if account is None:
            return self._bill(request, self.t("Please choose an account."), 422)
        if account["balance"] < row["amount"]:
            return self._bill(request, self.t("There is not enough money in this account."), 422)
        self.run("UPDATE bank_bills SET paid = 1 WHERE id = ?", row["id"])
        self.run("UPDATE bank_accounts SET balance = balance - ? WHERE id = ?", row["amount"], account["id"])
        self.flash(request, self.t("The bill has been paid."))
        return self.redirect("/bills")


def _is_from_1_to(last: int, text: str) -> bool:
    return text.isdecimal() and len(text) < 9 and 1 <= int(text) <= last
