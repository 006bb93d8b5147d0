"""The travel site: a map, rides and hotels to search and book, trips to change, points and alerts."""

from mmgym_web.webnav.sites.travel.site import SITE
from mmgym_web.webnav.sites.travel.tasks import TEMPLATES as _SHORT_TASKS
from mmgym_web.webnav.sites.travel.tasks_booking import TEMPLATES as _BOOKING_TASKS
from mmgym_web.webnav.sites.travel.tasks_pictures import TEMPLATES as _PICTURE_TASKS

__all__ = ["SITE", "TEMPLATES"]

TEMPLATES = (*_SHORT_TASKS, *_PICTURE_TASKS, *_BOOKING_TASKS)
