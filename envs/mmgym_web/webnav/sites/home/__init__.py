"""A wall panel of a house: big buttons, so that it can be used on the smallest screens."""

from mmgym_web.webnav.sites.home.site import Home
from mmgym_web.webnav.sites.home.tasks import TEMPLATES

__all__ = ["SITE", "TEMPLATES"]

SITE = Home
