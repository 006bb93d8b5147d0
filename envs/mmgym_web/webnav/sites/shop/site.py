"""The shop."""

from __future__ import annotations

from typing import ClassVar

from mmgym_web.webnav.sites.shop.buying import BuyingPages
from mmgym_web.webnav.sites.shop.goods import GoodsPages
from mmgym_web.webnav.sites.shop.stock import SCHEMA, fill

__all__ = ["Shop"]


class Shop(GoodsPages, BuyingPages):
    """An online shop."""

    name = "shop"
    title = "Oak & Penny"
    schema = SCHEMA
    known_by: ClassVar = {"shop_wishes": ("product_id",), "shop_cart": ("product_id", "colour", "size")}
    menu: ClassVar[tuple[tuple[str, str], ...]] = (
        ("All products", "/products"),
        ("Offers", "/offers"),
        ("Wish list", "/wishes"),
        ("My orders", "/orders"),
        ("Addresses", "/addresses"),
        ("Basket", "/cart"),
    )

    def populate(self) -> None:
        """Fill the tables from the world."""
        fill(self)
