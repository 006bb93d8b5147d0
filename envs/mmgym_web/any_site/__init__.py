"""Any site as an environment: a web application, a folder of files or a live address, with tasks from a file."""

from mmgym_web.any_site.checks import Check, Look, Visit
from mmgym_web.any_site.tasks import SiteTask, TaskFileError, load_tasks

__all__ = ["Check", "Look", "SiteTask", "TaskFileError", "Visit", "load_tasks"]
