"""The bank: its pages, what its forms change, what its charts hide, and its tasks, without a browser and in one."""

from collections import Counter

import pytest
from sites import Browser, check_draws, check_experts, drawn, episode, is_met, untranslated

from mmgym_web.webnav.sites.bank import TEMPLATES, words
from mmgym_web.webnav.sites.bank.money import is_date, read_cents

BY_NAME = {template.name: template() for template in TEMPLATES}


@pytest.fixture
def world():
    made = episode(5, "shop", "bank")
    yield made
    made.close()


@pytest.mark.slow
def test_tasks_are_clear():
    check_draws(BY_NAME.values(), draws=6, short_refusals=True, said=("bank_spending",))


def test_every_label_is_translated():
    shown = {*words.CATEGORIES, "Income", *words.RHYTHMS, *words.SETTINGS, "Debit card", "Credit card"}
    assert untranslated("bank", shown | {"Scheduled", "Booked", "Cancelled"}) == []


def test_amounts_and_days_are_read_as_people_write_them():
    amounts = {"12": 1200, "12.5": 1250, "$1,200.00": 120000, "0.05": 5, " 7 ": 700}
    assert {text: read_cents(text) for text in amounts} == amounts
    assert [read_cents(text) for text in ("", "-5", "1.234", "1,20", "five", "1e3")] == [None] * 6
    assert is_date("2026-02-28") and not any(map(is_date, ("2026-02-30", "20260228", "28.02.2026", "")))


def test_pages_answer_and_strangers_are_not_found(world):
    browser = Browser(world)
    for path in ("/", "/accounts/1", "/transactions?page=x", "/transactions?from=soon", "/transactions/3", "/cards",
                 "/cards/1?side=back", "/cards/1/back", "/review?month=99", "/review/balance?account=x", "/settings",
                 "/transfer", "/transfer/confirm", "/transfers", "/standing", "/standing/new", "/standing/1/stop",
                 "/payees", "/payees/new", "/bills", "/bills/1"):  # fmt: skip
        assert browser.ask("bank", path).status == 200, path
    for path in ("/accounts/9", "/transactions/9999", "/cards/77", "/standing/99", "/bills/99", "/nowhere"):
        assert browser.ask("bank", path).status == 404, path
    assert world.changes() == []


def test_filters_show_what_they_should(world):
    bank, browser = world.site("bank"), Browser(world)
    day = str(world.world.now.date())[:8] + "01"
    count = bank.value("SELECT count(*) FROM bank_transactions WHERE category = 'Leisure' AND day >= ?", day)
    assert f"{count} transactions" in browser.text("bank", f"/transactions?category=Leisure&from={day}")
    name = bank.value("SELECT counterparty FROM bank_transactions ORDER BY id DESC")
    assert name.replace("&", "&amp;") in browser.text("bank", f"/transactions?q={name.replace('&', '%26')}")


def test_a_transfer_needs_a_right_form_and_a_confirmation(world):
    bank, browser = world.site("bank"), Browser(world)
    right = {"account": "1", "payee": "2", "amount": "20.50", "reference": "Kept words", "day": ""}
    for wrong, words_shown in (
        ({"account": "9"}, "choose an account"),
        ({"payee": ""}, "choose a payee"),
        ({"amount": "much"}, "give an amount"),
        ({"amount": "0"}, "give an amount"),
        ({"day": "2020-01-01"}, "from today on"),
        ({"amount": "99999999"}, "not enough money"),
    ):
        page = browser.text("bank", "/transfer", right | wrong)
        assert words_shown in page and "Kept words" in page
    assert browser.ask("bank", "/transfer/confirm", {}).status == 200
    assert "20.50" in browser.text("bank", "/transfer", right) and world.changes() == []
    before = bank.value("SELECT balance FROM bank_accounts WHERE id = 1")
    assert "on its way" in browser.text("bank", "/transfer/confirm", {})
    assert bank.value("SELECT balance FROM bank_accounts WHERE id = 1") == before - 2050
    browser.ask("bank", "/transfer/confirm", {})
    assert bank.value("SELECT balance FROM bank_accounts WHERE id = 1") == before - 2050


def test_other_forms_refuse_mistakes(world):
    browser = Browser(world)
    assert "not an account number" in browser.text("bank", "/payees/new", {"name": "Kept", "iban": "12"})
    rule = {"account": "1", "payee": "?", "amount": "5", "rhythm": "Weekly", "day": "3", "reference": "Kept words"}
    payee = world.site("bank").value("SELECT name FROM bank_payees")
    for wrong in ({}, {"payee": payee, "day": "31"}, {"payee": payee, "rhythm": "Daily"}):
        page = browser.text("bank", "/standing/new", rule | wrong)
        assert "error" in page and "Kept words" in page
    assert browser.ask("bank", "/bills/1", {"account": ""}).status == 422
    assert world.changes() == []


def transfer(browser, facts, **change):
    """Make a transfer by requests."""
    bank = browser.episode.site("bank")
    payee = bank.value("SELECT id FROM bank_payees WHERE name = ?", facts["payee"])
    cents = facts["cents"] if "cents" in facts else facts["amount"]
    form = {"account": facts.get("account", facts.get("account_id")), "payee": payee, "amount": f"{cents / 100:.2f}"}
    day = facts.get("day", "")
    browser.ask("bank", "/transfer", form | {"reference": facts.get("reference", ""), "day": day} | change)
    browser.ask("bank", "/transfer/confirm", {})


def do(browser, name, facts):
    """Do by requests what a task asks for."""
    bank = browser.episode.site("bank")
    if name in ("bank_transfer", "bank_schedule", "shop_bank_pay_order"):
        transfer(browser, facts)
    elif name in ("bank_new_standing", "shop_bank_standing"):
        amount = f"{facts['amount'] / 100:.2f}"
        browser.ask("bank", "/standing/new", facts | {"account": facts["account_id"], "amount": amount})
    elif name == "bank_standing_amount":
        row = bank.row("SELECT * FROM bank_standing WHERE id = ?", facts["id"])
        form = {**dict(row), "account": row["account_id"], "amount": facts["amount"]}
        browser.ask("bank", f"/standing/{facts['id']}", form)
    elif name == "bank_setting":
        on = {f"s{row['id']}": "on" for row in bank.rows("SELECT * FROM bank_settings WHERE is_on")}
        key = f"s{facts['id']}"
        browser.ask("bank", "/settings", on | {key: "on"} if key not in on else {k: "on" for k in on if k != key})
    elif name == "bank_card_limit":
        online = bank.value("SELECT online FROM bank_cards WHERE id = ?", facts["id"])
        form = {"daily": facts["limit"]} | ({"online": "on"} if online else {})
        browser.ask("bank", f"/cards/{facts['id']}", form)
    elif name == "bank_shop_return":
        form = {"product": facts["product_id"], "reason": facts["reason"], "paid_on": facts["paid_on"]}
        browser.ask("shop", f"/orders/{facts['order_id']}/return", form)
    else:
        path, form = {
            "bank_freeze": ("/cards/{id}/freeze", ()),
            "bank_stop": ("/standing/{id}/stop", ()),
            "bank_cancel": ("/transfers/{id}/cancel", ()),
            "bank_delete_payee": ("/payees/{id}/delete", ()),
            "bank_bill": ("/bills/{id}", ("account",)),
            "bank_category": ("/transactions/{id}", ("category",)),
            "bank_new_payee": ("/payees/new", ("name", "iban")),
        }[name]
        browser.ask("bank", path.format(**facts), {key: facts[key] for key in form})


@pytest.mark.parametrize("name", [name for name in BY_NAME if name != "bank_open_account"])
def test_the_right_effect_solves_a_task_and_one_more_does_not(name):
    for seed in (3, 4):
        made, task = drawn(BY_NAME[name], seed, "ood" if seed % 2 else "train", lambda task: not task.infeasible)
        browser = Browser(made)
        if task.answer:
            assert task.answer.accepts(task.facts["answer"]) and not task.answer.accepts("nothing")
        else:
            do(browser, name, task.facts)
            assert is_met(made, task)
        browser.ask("bank", "/payees/new", {"name": "One More", "iban": "GB12 ABCD 1234 5678"})
        assert not is_met(made, task)
        made.close()


def test_a_wrong_effect_does_not_solve_a_task():
    for name, change in (
        ("bank_transfer", {"cents": 101}),
        ("bank_schedule", {"day": ""}),
        ("bank_new_standing", {"reference": "Words nobody asked for"}),
        ("bank_new_standing", {"day": 29 - 1}),
        ("bank_standing_amount", {"amount": "4.99"}),
        ("bank_category", {"category": "Income"}),
        ("bank_new_payee", {"iban": "GB12 ABCD 1234 5678"}),
        ("shop_bank_pay_order", {"reference": "P-00000"}),
        ("shop_bank_pay_order", {"amount": 495}),
        ("bank_shop_return", {"paid_on": "2026-01-01"}),
        ("bank_shop_return", {"paid_on": ""}),
    ):
        key, value = next(iter(change.items()))
        made, task = drawn(BY_NAME[name], 6, accept=lambda t, k=key, v=value: not t.infeasible and t.facts[k] != v)
        do(Browser(made), name, task.facts | change)
        assert made.changes() and not is_met(made, task), name
        made.close()


def test_more_money_than_there_is_cannot_be_sent():
    made, task = drawn(BY_NAME["bank_transfer"], 1, accept=lambda task: task.infeasible)
    transfer(Browser(made), task.facts)
    assert made.changes() == []
    made.close()


def test_what_is_only_drawn_cannot_be_guessed_from_the_text():
    top, least, lowest, codes = Counter(), Counter(), Counter(), Counter()
    for seed in range(60):
        made = episode(seed, "bank")
        bank = made.site("bank")
        for month in range(1, 13):
            rows = bank.rows("SELECT category FROM bank_spending WHERE month = ? ORDER BY amount", month)
            top[rows[-1]["category"]] += 1
            least[rows[0]["category"]] += 1
        for account in (1, 2, 3):
            lowest[bank.value("SELECT month FROM bank_balances WHERE account_id = ? ORDER BY amount", account)] += 1
        codes.update(row["code"] for row in bank.rows("SELECT code FROM bank_cards"))
        made.close()
    for counts, options in ((top, 6), (least, 6), (lowest, 12)):
        total = sum(counts.values())
        assert len(counts) == options
        for count in counts.values():
            assert abs(count - total / options) < 4.5 * (total / options) ** 0.5, counts
    assert len(codes) > 180


def test_what_is_printed_on_a_card_is_out_of_reach_of_the_pages_text(world):
    browser, bank = Browser(world), world.site("bank")
    card = bank.row("SELECT * FROM bank_cards WHERE id = 2")
    assert f">{card['code']}<" in browser.text("bank", "/cards/2/back")
    assert f">{card['code']}<" not in browser.text("bank", "/cards/2?side=back")


@pytest.mark.slow
@pytest.mark.parametrize("level", (1, 2, 3, 4, 5))
def test_the_expert_solves_every_kind_of_task(level):
    check_experts([template for template in BY_NAME.values() if template.level == level], 9_300 + 50 * level)
