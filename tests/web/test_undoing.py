"""What an agent does by mistake on the sites of WebNav and takes back leaves nothing behind."""

import pytest
from sites import SITES, Browser, episode


def _wiki(row):
    (page,) = row("SELECT page FROM wiki_watched")
    return [(f"/page/{page}/watch", {})] * 2


def _forum(row):
    (thread,) = row("SELECT thread FROM forum_follows")
    return [(f"/thread/{thread}/follow", {})] * 2


def _mail(row):
    message, label = row("SELECT message, label FROM mail_tags")
    return [(f"/message/{message}/{what}", {"label": label}) for what in ("unlabel", "label")]


def _tags(row):
    item, tag = row("SELECT item, tag FROM files_tags")
    return [(f"/item/{item}/tag", {"tag": tag, "do": what}) for what in ("remove", "add")]


def _shares(row):
    item, person, access = row("SELECT item, person, access FROM files_shares WHERE person != ?")
    return [(f"/item/{item}/share", {"person": person, "access": what}) for what in ("none", access)]


def _wishes(row):
    wish, product = row("SELECT id, product_id FROM shop_wishes")
    return [(f"/wishes/remove/{wish}", {}), (f"/wishes/add/{product}", {})]


def _cart(row):
    line, product, *choice = row("SELECT id, product_id, colour, size, quantity FROM shop_cart")
    choice = dict(zip(("colour", "size", "quantity"), choice, strict=True))
    return [(f"/cart/{line}/remove", {}), (f"/product/{product}", choice)]


@pytest.mark.parametrize("do", [_wiki, _forum, _mail, _tags, _shares, _wishes, _cart])
def test_what_is_taken_back_leaves_nothing(do):
    site = {_tags: "files", _shares: "files", _wishes: "shop", _cart: "shop"}.get(do, do.__name__.strip("_"))
    for seed in (1, 2):
        made = episode(seed, site)
        browser, me = Browser(made), made.world.me.name

        def row(sql, made=made, me=me):
            return tuple(made.db.execute(sql, (me,) * sql.count("?")).fetchone())

        (away, back) = do(row)
        browser.ask(site, *away)
        assert [change.kind for change in made.changes()] == ["delete"]
        browser.ask(site, *back)
        assert made.changes() == []
        made.close()


def test_tables_are_known_by_columns_that_tell_their_rows_apart():
    for name, site in SITES.items():
        made = episode(1, name)
        for table, key in site.known_by.items():
            rows, keys = (
                f"SELECT count(*) FROM (SELECT {what} FROM {table})" for what in ("*", f"DISTINCT {', '.join(key)}")
            )
            assert made.db.execute(rows).fetchone()[0] == made.db.execute(keys).fetchone()[0]
        made.close()
