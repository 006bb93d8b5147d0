"""The calendar and its tasks."""

from mmgym_web.webnav.sites.calendar.long_tasks import LONG_TEMPLATES
from mmgym_web.webnav.sites.calendar.pixel_tasks import PIXEL_TEMPLATES
from mmgym_web.webnav.sites.calendar.site import Calendar as SITE
from mmgym_web.webnav.sites.calendar.tasks import SHORT_TEMPLATES

__all__ = ["SITE", "TEMPLATES"]

TEMPLATES = (*SHORT_TEMPLATES, *LONG_TEMPLATES, *PIXEL_TEMPLATES)
"""All task templates."""
