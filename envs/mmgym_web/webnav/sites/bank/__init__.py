"""A bank: accounts, transactions, transfers, standing orders, cards, payees, bills, charts, settings."""

from mmgym_web.webnav.sites.bank.cross_tasks import CROSS_TEMPLATES
from mmgym_web.webnav.sites.bank.pixel_tasks import PIXEL_TEMPLATES
from mmgym_web.webnav.sites.bank.site import Bank
from mmgym_web.webnav.sites.bank.tasks import SHORT_TEMPLATES
from mmgym_web.webnav.sites.bank.tasks_long import LONG_TEMPLATES

__all__ = ["SITE", "TEMPLATES"]

SITE = Bank
TEMPLATES = (*SHORT_TEMPLATES, *LONG_TEMPLATES, *PIXEL_TEMPLATES, *CROSS_TEMPLATES)
