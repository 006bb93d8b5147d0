"""The bank's pages that show things: overview, accounts, transactions, cards, charts, settings."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from mmgym_web.webnav.kit.site import Site, page
from mmgym_web.webnav.sites.bank.ledger import REVIEW_YEAR
from mmgym_web.webnav.sites.bank.money import is_date
from mmgym_web.webnav.sites.bank.pictures import draw_back, draw_front
from mmgym_web.webnav.sites.bank.words import CATEGORIES, LIMITS

__all__ = ["OverviewPages"]

_ON_PAGE = 12


class OverviewPages(Site):
    """Pages that show what there is."""

    @page("/")
    async def home(self, request: Request) -> Response:
        """The overview."""
        return self.render(
            "home.html",
            request,
            accounts=self.rows("SELECT * FROM bank_accounts ORDER BY id"),
            recent=self.rows("SELECT * FROM bank_transactions ORDER BY day DESC, id DESC LIMIT 6"),
            bills=self.rows("SELECT * FROM bank_bills WHERE NOT paid ORDER BY due LIMIT 3"),
        )

    @page("/accounts/{id:int}")
    async def account(self, request: Request) -> Response:
        """One account."""
        account = self.row("SELECT * FROM bank_accounts WHERE id = ?", request.path_params["id"])
        return self.render(
            "account.html",
            request,
            account=account,
            recent=self.rows(
                "SELECT * FROM bank_transactions WHERE account_id = ? ORDER BY day DESC, id DESC LIMIT 8", account["id"]
            ),
            cards=self.rows("SELECT * FROM bank_cards WHERE account_id = ? ORDER BY id", account["id"]),
            scheduled=self.rows(
                "SELECT * FROM bank_transfers WHERE account_id = ? AND status = 'Scheduled' ORDER BY day", account["id"]
            ),
        )

    @page("/transactions")
    async def transactions(self, request: Request) -> Response:
        """Transactions of all accounts, searched and filtered."""
        asked = {name: request.query_params.get(name, "").strip() for name in (*_FILTERS, "page")}
        conditions, values, error = list[str](), list[Any](), ""
        for name, sql in _FILTERS.items():
            if not asked[name]:
                continue
            if name in ("from", "to") and not is_date(asked[name]):
                error = self.t("Please give the date as YYYY-MM-DD.")
                continue
            conditions.append(sql)
            values += [f"%{asked[name]}%"] * 2 if name == "q" else [asked[name]]
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        found = self.rows(f"SELECT * FROM bank_transactions {where} ORDER BY day DESC, id DESC", *values)
        pages = max(1, -(-len(found) // _ON_PAGE))
        number = min(max(int(asked["page"]) if asked["page"].isdecimal() else 1, 1), pages)
        links = [
            (n, "/transactions?" + urlencode({k: v for k, v in asked.items() if v and k != "page"} | {"page": n}))
            for n in range(1, pages + 1)
        ]
        return self.render(
            "transactions.html", request, asked=asked, error=error, count=len(found), number=number, links=links,
            found=found[_ON_PAGE * (number - 1) : _ON_PAGE * number], categories=(*CATEGORIES, "Income"),
            accounts=self.rows("SELECT * FROM bank_accounts ORDER BY id"),
        )  # fmt: skip

    @page("/transactions/{id:int}")
    async def transaction(self, request: Request) -> Response:
        """One transaction."""
        row = self.row(
            "SELECT t.*, a.name AS account FROM bank_transactions t JOIN bank_accounts a ON a.id = t.account_id "
            "WHERE t.id = ?",
            request.path_params["id"],
        )
        return self.render("transaction.html", request, row=row, categories=(*CATEGORIES, "Income"))

    @page("/transactions/{id:int}", "POST")
    async def file_transaction(self, request: Request) -> Response:
        """Change a transaction's category and note."""
        row = self.row("SELECT * FROM bank_transactions WHERE id = ?", request.path_params["id"])
        form = await request.form()
        category = str(form.get("category", ""))
        if category in (*CATEGORIES, "Income"):
            note = str(form.get("note", "")).strip()
            self.run("UPDATE bank_transactions SET category = ?, note = ? WHERE id = ?", category, note, row["id"])
            self.flash(request, self.t("Your changes have been saved."))
        return self.redirect(f"/transactions/{row['id']}")

    @page("/cards")
    async def cards(self, request: Request) -> Response:
        """The cards."""
        rows = self.rows(
            "SELECT c.*, a.name AS account FROM bank_cards c JOIN bank_accounts a ON a.id = c.account_id ORDER BY c.id"
        )
        return self.render("cards.html", request, rows=rows)

    @page("/cards/{id:int}")
    async def card(self, request: Request) -> Response:
        """One card, from the front or the back."""
        card = self.row(
            "SELECT c.*, a.name AS account FROM bank_cards c JOIN bank_accounts a ON a.id = c.account_id "
            "WHERE c.id = ?",
            request.path_params["id"],
        )
        side = "back" if request.query_params.get("side") == "back" else "front"
        return self.render("card.html", request, card=card, side=side, limits=LIMITS)

    @page("/cards/{id:int}/freeze", "POST")
    async def freeze(self, request: Request) -> Response:
        """Freeze a card, or unfreeze it."""
        card = self.row("SELECT * FROM bank_cards WHERE id = ?", request.path_params["id"])
        self.run("UPDATE bank_cards SET frozen = ? WHERE id = ?", 1 - card["frozen"], card["id"])
        text = self.t("The card is active again.") if card["frozen"] else self.t("The card has been frozen.")
        self.flash(request, text)
        return self.redirect("/cards")

    @page("/cards/{id:int}", "POST")
    async def change_card(self, request: Request) -> Response:
        """Change a card's limit and where it works."""
        card = self.row("SELECT * FROM bank_cards WHERE id = ?", request.path_params["id"])
        form = await request.form()
        daily = str(form.get("daily", ""))
        if daily in map(str, LIMITS):
            online = int("online" in form)
            self.run("UPDATE bank_cards SET daily = ?, online = ? WHERE id = ?", int(daily), online, card["id"])
            self.flash(request, self.t("Your changes have been saved."))
        return self.redirect(f"/cards/{card['id']}")

    @page("/cards/{id:int}/{side:str}")
    async def picture(self, request: Request) -> Response:
        """A picture of a card's side."""
        card = self.row("SELECT * FROM bank_cards WHERE id = ?", request.path_params["id"])
        if request.path_params["side"] == "back":
            drawn = draw_back(card["look"], card["code"])
        else:
            drawn = draw_front(card["look"], self.world.me.name, card["last4"], card["expires"])
        return Response(drawn, media_type="image/svg+xml")

    @page("/review")
    async def review(self, request: Request) -> Response:
        """Charts of last year's spending."""
        month = self._month(request)
        rows = self.rows("SELECT * FROM bank_spending WHERE month = ? ORDER BY id", month)
        order = self.world.rng("bank", "bars", month).permutation(len(rows))
        bars = [[self.t(rows[i]["category"]), rows[i]["amount"]] for i in order]
        return self.render("review.html", request, year=REVIEW_YEAR, month=month, bars=bars)

    @page("/review/balance")
    async def balance(self, request: Request) -> Response:
        """Charts of last year's balances."""
        accounts = self.rows("SELECT * FROM bank_accounts ORDER BY id")
        asked = request.query_params.get("account", "")
        account = next((row for row in accounts if str(row["id"]) == asked), accounts[0])
        rows = self.rows("SELECT amount FROM bank_balances WHERE account_id = ? ORDER BY month", account["id"])
        points = [row["amount"] for row in rows]
        return self.render("balance.html", request, year=REVIEW_YEAR, accounts=accounts, account=account, points=points)

    def _month(self, request: Request) -> int:
        text = request.query_params.get("month", "1")
        return int(text) if text.isdecimal() and 1 <= int(text) <= 12 else 1

    @page("/settings")
    async def settings(self, request: Request) -> Response:
        """Settings."""
        return self.render("settings.html", request, rows=self.rows("SELECT * FROM bank_settings ORDER BY id"))

    @page("/settings", "POST")
    async def save_settings(self, request: Request) -> Response:
        """Save the settings."""
        form = await request.form()
        for row in self.rows("SELECT * FROM bank_settings"):
            self.run("UPDATE bank_settings SET is_on = ? WHERE id = ?", int(f"s{row['id']}" in form), row["id"])
        self.flash(request, self.t("Your changes have been saved."))
        return self.redirect("/settings")


_FILTERS = {
    "q": "(counterparty LIKE ? OR reference LIKE ?)",
    "account": "account_id = ?",
    "category": "category = ?",
    "from": "day >= ?",
    "to": "day <= ?",
}
