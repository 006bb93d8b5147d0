"""The calendar and its tasks."""

from mmgym_web.webnav.sites.calendar.site import Calendar as SITE

__all__ = ["SITE"]
