"""However long what an agent types on the sites of WebNav, the site answers: nothing it writes spoils its episode."""

import pytest
from sites import SITES, Browser, episode

NINES = "9" * 5000
"""More digits than Python reads as a number."""


@pytest.mark.parametrize("number", [NINES, "0" * 5000 + "1", "9" * 400])
def test_numbers_of_any_length_are_refused(number):
    made = episode(1, "shop", "bank")
    browser = Browser(made)
    line, product, colour, size = made.db.execute("SELECT id, product_id, colour, size FROM shop_cart").fetchone()
    standing = made.db.execute("SELECT * FROM bank_standing").fetchone()
    sent = {
        f"/cart/{line}": ("shop", {"quantity": number}),
        f"/product/{product}": ("shop", {"colour": colour, "size": size, "quantity": number}),
        "/transfer": ("bank", {"account": "1", "payee": "1", "amount": number, "reference": "", "day": "2030-01-01"}),
        f"/standing/{standing['id']}": (
            "bank",
            {"account": "1", "payee": standing["payee"], "amount": "1", "rhythm": "Monthly", "day": number},
        ),
    }
    for path, (site, form) in sent.items():
        assert browser.ask(site, path, form).status == 422, path
    assert made.changes() == [] and made.errors == []


@pytest.mark.parametrize("site", SITES)
def test_addresses_of_any_length_are_answered(site):
    made = episode(1, site)
    browser = Browser(made)
    for address in (f"/search?q={'a' * 60_000}", f"/products?page={NINES}", f"/page/{NINES}", f"/{'a' * 4096}"):
        response = browser.send(site, address)
        assert response.status == 414 and b"<title>" in response.body
    assert browser.send(site, f"/?q={'a' * 4000}").status == 200 and made.errors == []
