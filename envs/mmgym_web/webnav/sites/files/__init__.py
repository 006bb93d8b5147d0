"""The file manager: folders, documents, spreadsheets, pictures, sharing, versions and a trash."""

from mmgym_web.webnav.sites.files.site import SITE
from mmgym_web.webnav.sites.files.tasks import TEMPLATES as _FILE_TASKS
from mmgym_web.webnav.sites.files.tasks_pictures import TEMPLATES as _PICTURE_TASKS
from mmgym_web.webnav.sites.files.tasks_trips import TEMPLATES as _TRIP_TASKS
from mmgym_web.webnav.sites.files.tasks_work import TEMPLATES as _WORK_TASKS

__all__ = ["SITE", "TEMPLATES"]

TEMPLATES = (*_FILE_TASKS, *_WORK_TASKS, *_PICTURE_TASKS, *_TRIP_TASKS)
