"""The webmail and its tasks, with those across it and the calendar."""

from mmgym_web.webnav.sites.mail.long_tasks import LONG_TEMPLATES
from mmgym_web.webnav.sites.mail.office_tasks import OFFICE_TEMPLATES
from mmgym_web.webnav.sites.mail.pixel_tasks import PIXEL_TEMPLATES
from mmgym_web.webnav.sites.mail.site import Mail as SITE
from mmgym_web.webnav.sites.mail.tasks import SHORT_TEMPLATES

__all__ = ["SITE", "TEMPLATES"]

TEMPLATES = (*SHORT_TEMPLATES, *LONG_TEMPLATES, *PIXEL_TEMPLATES, *OFFICE_TEMPLATES)
"""All task templates."""
