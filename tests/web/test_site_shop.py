"""The shop: its pages, what its forms change, what its pictures hide, and its tasks, without a browser and in one."""

import datetime as dt
from collections import Counter

import pytest
from sites import Browser, check_draws, check_experts, drawn, episode, is_met, untranslated

from mmgym_web.webnav.sites.shop import TEMPLATES, words
from mmgym_web.webnav.sites.shop.goods import _SORTS
from mmgym_web.webnav.sites.shop.orders import DELIVERIES, PRODUCTS, draw_orders
from mmgym_web.webnav.sites.shop.pictures import draw_size_chart

BY_NAME = {template.name: template() for template in TEMPLATES}
ADDRESS = {"label": "Cabin", "name": "A", "street": "B", "postcode": "12345", "city": "C"}


@pytest.fixture
def world():
    made = episode(5, "shop", "bank")
    yield made
    made.close()


def test_tasks_are_clear():
    check_draws(BY_NAME.values(), draws=6, variety=0.5, short_refusals=True, said=("shop_stars",))


def test_every_label_is_translated():
    shown = {*words.CATEGORIES, *words.COLOURS, *words.MATERIALS, *words.REASONS, *DELIVERIES, "Card", "Invoice"}
    shown |= {label for label, _ in _SORTS.values()} | {"Processing", "Shipped", "Delivered", "Cancelled"}
    shown |= {"Size", "Chest (cm)", "Length (cm)"}
    assert untranslated("shop", shown) == []


def test_the_world_is_consistent():
    for split in ("train", "ood"):
        made = episode(8, "shop", "bank", split=split)
        shop = made.site("shop")
        assert shop.value("SELECT count(DISTINCT name) FROM shop_products") == PRODUCTS
        assert shop.value("SELECT count(DISTINCT price) FROM shop_products") == PRODUCTS
        goods = dict(
            tuple(row)
            for row in shop.rows("SELECT order_id, sum(quantity * price) FROM shop_items GROUP BY order_id").copy()
        )
        for row in shop.rows("SELECT * FROM shop_orders"):
            assert row["total"] == goods[row["id"]] + DELIVERIES[row["delivery"]]
        for order in draw_orders(made.world):
            paid = shop.value("SELECT paid FROM shop_orders WHERE number = ?", order.number)
            booked = made.site("bank").rows(
                "SELECT * FROM bank_transactions WHERE reference = ?", f"Order {order.number}"
            )
            assert len(booked) == paid
            assert all(-row["amount"] == order.total and row["day"] == str(order.paid_on) for row in booked)
            assert order.day < made.world.now.date() and (order.paid_on or dt.date.min) <= made.world.now.date()
        made.close()


def test_pages_answer_and_strangers_are_not_found(world):
    browser = Browser(world)
    for path in ("/", "/products?page=99", "/products?page=x&sort=odd&rating=abc", "/suggest?q=la", "/wishes",
                 "/offers", "/cart", "/checkout", "/orders?status=Shipped", "/orders/1/cancel", "/orders/9/return",
                 "/addresses",
                 "/addresses/new", "/product/3/reviews", "/picture/3"):  # fmt: skip
        assert browser.ask("shop", path).status == 200, path
    for path in ("/product/999", "/picture/0", "/stars/9999", "/orders/77", "/addresses/99", "/nowhere"):
        assert browser.ask("shop", path).status == 404, path
    assert world.changes() == []


def test_filters_and_pages_show_what_they_should(world):
    shop, browser = world.site("shop"), Browser(world)
    rows = shop.rows(
        "SELECT name, price, rating FROM shop_products WHERE category = 'Bags' AND rating >= 35 ORDER BY price"
    )
    text = browser.text("shop", "/products?q=&category=Bags&colour=&rating=3.5&min=&max=&sort=cheap")
    places = [text.index(f">{row['name']}</a>") for row in rows]
    assert places == sorted(places) and len(places) > 1
    assert "Please give prices as numbers." in browser.text("shop", "/products?min=cheap")
    everything = "".join(browser.text("shop", f"/products?page={n}") for n in range(1, 7))
    assert all(f">{row['name']}</a>" in everything for row in shop.rows("SELECT name FROM shop_products"))


def test_a_form_with_a_mistake_comes_back_with_all_that_was_written(world):
    browser = Browser(world)
    page = browser.text("shop", "/product/4/reviews", {"stars": "4", "title": "", "body": "Kept words"})
    assert "error" in page and "Kept words" in page
    page = browser.text("shop", "/addresses/new", ADDRESS | {"postcode": "12"})
    assert "five digits" in page and 'value="Cabin"' in page
    delivered = world.site("shop").value("SELECT id FROM shop_orders WHERE status = 'Delivered'")
    page = browser.text("shop", f"/orders/{delivered}/return", {"product": "1", "reason": "x", "paid_on": "1 May"})
    assert "error" in page and 'value="1 May"' in page
    page = browser.text("shop", "/checkout", {"address": "1", "delivery": "", "payment": "Card", "note": "Kept words"})
    assert "error" in page and "Kept words" in page
    assert browser.ask("shop", "/cart/1", {"quantity": "many"}).status == 422
    assert browser.ask("shop", "/coupon", {"code": "NOSUCH"}).status == 422
    assert world.changes() == []


def do(browser, shop, task):
    """Do by requests what a task asks for."""
    facts = task.facts
    if task.expects[0].table == "shop_wishes":
        for wish in facts.get("ids", ()):
            browser.ask("shop", f"/wishes/remove/{wish}", {})
        if "ids" not in facts:
            browser.ask("shop", f"/wishes/add/{facts['id']}", {})
    elif task.expects[0].table == "shop_cart" and task.expects[0].kind == "delete":
        browser.ask("shop", f"/cart/{facts['id']}/remove", {})
    elif task.expects[0].table == "shop_cart" and task.expects[0].kind == "update":
        browser.ask("shop", f"/cart/{facts['id']}", {"quantity": facts["quantity"]})
    elif task.expects[0].table == "shop_cart":
        choice = {name: facts[name] for name in ("colour", "size", "quantity")}
        browser.ask("shop", f"/product/{facts['product_id']}", choice)
    elif task.expects[0].table == "shop_baskets":
        browser.ask("shop", "/coupon", {"code": facts["code"].lower()})
    elif task.expects[0].table == "shop_addresses":
        row = dict(shop.row("SELECT * FROM shop_addresses WHERE id = ?", facts["id"]))
        browser.ask("shop", f"/addresses/{facts['id']}", row | {"postcode": facts["code"]})
    elif task.expects[0].table == "shop_returns":
        form = {"product": facts["product_id"], "reason": facts["reason"], "paid_on": "", "comment": "Thanks"}
        browser.ask("shop", f"/orders/{facts['order_id']}/return", form)
    elif task.expects[0].table == "shop_reviews":
        browser.ask("shop", f"/product/{facts['product_id']}/reviews", facts)
    elif task.expects[0].kind == "update":
        browser.ask("shop", f"/orders/{facts['id']}/cancel", {})
    else:
        label = facts["address"].split(":")[0]
        place = shop.value("SELECT id FROM shop_addresses WHERE label = ?", label)
        browser.ask("shop", "/checkout", facts | {"address": place})


@pytest.mark.parametrize("name", [name for name, template in BY_NAME.items() if name not in ("shop_open_product",)])
def test_the_right_effect_solves_a_task_and_one_more_does_not(name):
    template = BY_NAME[name]
    for seed in (3, 4):
        made, task = drawn(template, seed, "ood" if seed % 2 else "train", lambda task: not task.infeasible)
        browser, shop = Browser(made), made.site("shop")
        if task.answer:
            assert task.answer.accepts(task.facts["answer"]) and not task.answer.accepts("nothing")
        else:
            do(browser, shop, task)
            assert is_met(made, task)
        browser.ask("shop", "/addresses/new", ADDRESS)
        assert not is_met(made, task)
        made.close()


def test_a_wrong_effect_does_not_solve_a_task():
    for name, change in (
        ("shop_quantity", {"quantity": "99"}),
        ("shop_postcode", {"code": "00001"}),
        ("shop_review", {"title": "Another title"}),
        ("shop_review", {"body": "Words nobody asked for"}),
        ("shop_return", {"reason": words.REASONS[0]}),
        ("shop_checkout", {"note": "Do not ring"}),
        ("shop_checkout", {"delivery": "Express"}),
        ("shop_basket", {"quantity": 9}),
        ("shop_size_chart", {"size": "XS"}),
    ):
        key, value = next(iter(change.items()))
        made, task = drawn(BY_NAME[name], 6, accept=lambda t, k=key, v=value: not t.infeasible and t.facts[k] != v)
        task.facts.update(change)
        do(Browser(made), made.site("shop"), task)
        assert made.changes() and not is_met(made, task), name
        made.close()


def test_sold_out_goods_cannot_be_bought():
    made, task = drawn(BY_NAME["shop_basket"], 1, accept=lambda task: task.infeasible)
    choice = {name: task.facts[name] for name in ("colour", "size", "quantity")}
    assert Browser(made).ask("shop", f"/product/{task.facts['product_id']}", choice).status == 422
    assert made.changes() == []
    made.close()


def test_a_checkout_uses_the_coupon_and_empties_the_basket(world):
    shop, browser = world.site("shop"), Browser(world)
    coupon = shop.row("SELECT * FROM shop_coupons")
    goods = shop.value("SELECT sum(c.quantity * p.price) FROM shop_cart c JOIN shop_products p ON p.id = c.product_id")
    browser.ask("shop", "/coupon", {"code": coupon["code"]})
    page = browser.text("shop", "/checkout", {"address": "2", "delivery": "Express", "payment": "Invoice", "note": ""})
    order = shop.row("SELECT * FROM shop_orders ORDER BY id DESC")
    assert order["total"] == goods - goods * coupon["percent"] // 100 + DELIVERIES["Express"]
    assert (order["paid"], order["coupon"], order["day"]) == (0, coupon["code"], str(world.world.now.date()))
    assert "Thank you" in page and order["number"] in page
    assert shop.value("SELECT count(*) FROM shop_cart") == 0 and shop.value("SELECT coupon FROM shop_baskets") == ""


def test_what_is_only_drawn_cannot_be_guessed_from_the_text():
    colours, stars, lowest, sizes = Counter(), Counter(), Counter(), Counter()
    for seed in range(25):
        made = episode(seed, "shop")
        shop = made.site("shop")
        for row in shop.rows("SELECT * FROM shop_products"):
            colours[row["colours"].split(",").index(row["colour"])] += 1
            cents = [int(text) for text in row["history"].split(",")]
            assert len(set(cents)) == 12
            lowest[cents.index(min(cents))] += 1
        stars.update(row["stars"] for row in shop.rows("SELECT stars FROM shop_reviews"))
        for low in (row["chest"] for row in shop.rows("SELECT chest FROM shop_products")):
            sizes.update((chest - low) // 6 for chest in (95, 101, 107) if 0 <= chest - low < 36)
        made.close()
    for counts, options in ((colours, 6), (stars, 5), (lowest, 12), (sizes, 6)):
        total = sum(counts.values())
        assert len(counts) == options
        for count in counts.values():
            assert abs(count - total / options) < 4.5 * (total / options) ** 0.5, (counts, options)


def test_pictures_are_out_of_reach_of_the_pages_text(world):
    browser, shop = Browser(world), world.site("shop")
    review = shop.row("SELECT * FROM shop_reviews WHERE product_id = 7")
    picture = browser.text("shop", f"/stars/{review['id']}")
    assert picture.count("#e8a400") == review["stars"]
    product = shop.row("SELECT * FROM shop_products WHERE id = 7")
    assert words.COLOURS[product["colour"]] in browser.text("shop", "/picture/7")
    assert words.COLOURS[product["colour"]] not in browser.text("shop", "/product/7").split("<body")[1]
    assert draw_size_chart(("A", "B"), [("1", "2 & 3")]).count("<text") == 4


@pytest.mark.slow
@pytest.mark.parametrize("level", (1, 2, 3, 4))
def test_the_expert_solves_every_kind_of_task(level):
    check_experts([template for template in BY_NAME.values() if template.level == level], 9_100 + 50 * level)
