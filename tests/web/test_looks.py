"""How WebNav's sites look: text that can be read, pages that fit, pictures that agree with the words beside them."""

import html
import re

import pytest
from sites import SITES, Browser, episode

from mmgym_web.webnav.env import WebNav
from mmgym_web.webnav.kit.theme import HELD_OUT_PALETTES, PALETTES
from mmgym_web.webnav.sites.bank.words import WEEKDAYS
from mmgym_web.webnav.sites.shop.pictures import draw_product
from mmgym_web.webnav.sites.shop.words import COLOURS

MISSING = {"en": "Page not found", "de": "Seite nicht gefunden", "fr": "Page introuvable"}


def luminance(colour):
    """Relative luminance of a ``#rrggbb`` colour, as WCAG 2.2 defines it."""
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", [*PALETTES, *HELD_OUT_PALETTES])
def test_text_and_buttons_stand_out_from_what_is_behind_them(palette):
    background, surface, ink, muted, accent, on_accent, _ = palette
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for text in (ink, muted, accent):
        assert contrast(text, background) >= 4.5 and contrast(text, surface) >= 4.5, text
    assert contrast(on_accent, accent) >= 4.5


@pytest.mark.parametrize("split", ["train", "ood"])
def test_where_there_is_nothing_the_site_says_so_in_its_own_look_and_language(split):
    for seed in (1, 2):
        made = episode(seed, split=split)
        browser = Browser(made)
        for name in SITES:
            site = made.site(name)
            said = MISSING[made.world.language]
            for path, form, status in (("/no/where", None, 404), ("/no/where", {}, 404), ("/", {"a": "b"}, 405)):
                response = browser.send(name, path, form)
                text = html.unescape(response.body.decode())
                assert response.status == status, (name, path)
                assert f"<title>{said} - {site.t(site.title)}</title>" in text and f"<h1>{said}</h1>" in text, (
                    name,
                    path,
                )
                assert 'href="/">' in text.split("<h1>")[1] and site.theme.css in text and 'class="site"' in text
        assert made.changes() == [] and made.errors == []
        made.close()


def test_a_page_that_is_not_there_keeps_the_message_for_the_next_that_is():
    made = episode(3, "shop")
    browser = Browser(made)
    browser.send("shop", "/cart")
    browser.send("shop", "/cart/1/remove", {})
    said = made.site("shop").t("Removed from your basket.")
    assert said not in browser.text("shop", "/nowhere") and said in browser.text("shop", "/cart")
    made.close()


def test_the_basket_shows_goods_in_the_colours_that_were_chosen():
    for seed in range(3):
        made = episode(seed, "shop")
        shop, browser = made.site("shop"), Browser(made)
        lines = shop.rows("SELECT c.colour, p.* FROM shop_cart c JOIN shop_products p ON p.id = c.product_id")
        sources = re.findall(r'<img class="thumb" src="([^"]+)"', browser.text("shop", "/cart"))
        drawn = [browser.text("shop", source) for source in sources]
        assert drawn == [draw_product(row["picture"], COLOURS[row[0]], row["backdrop"]) for row in lines]
        assert browser.send("shop", "/picture/1?colour=mauve").status == 404
        made.close()


def test_a_weekly_standing_order_names_a_weekday():
    weekly = 0
    for seed in range(6):
        made = episode(seed, "bank", split=("train", "ood")[seed % 2])
        bank, browser = made.site("bank"), Browser(made)
        text = browser.text("bank", "/standing")
        for rule in bank.rows("SELECT * FROM bank_standing"):
            last, day = (7, bank.t(WEEKDAYS[rule["day"] - 1])) if rule["rhythm"] == "Weekly" else (28, "")
            assert 1 <= rule["day"] <= last
            assert f"{bank.t(rule['rhythm'])} ({day or str(rule['day']) + '.'})" in text
            weekly += rule["rhythm"] == "Weekly"
        payee = bank.value("SELECT name FROM bank_payees")
        rule = {"account": "1", "payee": payee, "amount": "5", "rhythm": "Weekly", "day": "8", "reference": ""}
        assert browser.ask("bank", "/standing/new", rule).status == 422 and made.changes() == []
        assert browser.ask("bank", "/standing/new", rule | {"day": "7"}).status == 200 and len(made.changes()) == 1
        made.close()
    assert weekly


def test_pages_fit_the_width_of_the_screen_with_long_words_in_the_menu():
    env, fits = WebNav(), "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    for seed, site, path in ((3, "wiki", "/watchlist"), (7, "bank", "/standing"), (27, "wiki", "/"), (29, "wiki", "/")):
        env.reset(seed=seed, options={"split": "ood"})
        url = env._episode.site(site).url(path)
        env.step({"name": "goto", "arguments": {"url": url}})
        assert env.url == url and env.query(fits), (seed, url)
    env.close()


@pytest.mark.parametrize(("width", "height", "header"), [(96, 96, False), (240, 240, True), (640, 480, True)])
def test_the_house_panel_keeps_its_tiles_where_a_grid_and_the_questions_expect_them(width, height, header):
    env = WebNav(width=width, height=height, action_mode="grid", grid=(3, 3), task="home_switch_on")
    for seed in range(3):
        env.reset(seed=seed)
        assert env.query("!!document.querySelector('header').offsetHeight") is header
        lamps = {row["place"]: row["colour"] for row in env._episode.db.execute("SELECT * FROM home_lamps")}
        task = env._asked
        asked = env._template.questions(task, env._guide(), lambda x, y: f"{3 * y // height}{3 * x // width}")
        assert [answer for question, answer in asked if question.startswith("Which colour is at")] == [
            lamps.get(place, "nothing") for place in range(9)
        ]
        assert [q[-3:-1] for q, _ in asked if q.startswith("Which colour is at")] == [
            f"{p // 3}{p % 3}" for p in range(9)
        ]
        seen = env.query("document.body.innerText + document.body.ariaLabel + document.title").lower()
        assert not any(colour in seen for colour in lamps.values())
        assert env.step(env.expert())[1] == 1
    env.close()
