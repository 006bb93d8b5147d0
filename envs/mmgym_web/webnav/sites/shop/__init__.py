"""An online shop: goods with filters and reviews, basket, checkout, orders, returns, wish list, coupons."""

from mmgym_web.webnav.sites.shop.pixel_tasks import PIXEL_TEMPLATES
from mmgym_web.webnav.sites.shop.site import Shop
from mmgym_web.webnav.sites.shop.tasks import SHORT_TEMPLATES
from mmgym_web.webnav.sites.shop.tasks_long import LONG_TEMPLATES

__all__ = ["SITE", "TEMPLATES"]

SITE = Shop
TEMPLATES = (*SHORT_TEMPLATES, *LONG_TEMPLATES, *PIXEL_TEMPLATES)
