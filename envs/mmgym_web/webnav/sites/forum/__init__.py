"""The forum: boards, threads, polls, members, private messages and a moderator's queue."""

from mmgym_web.webnav.sites.forum.site import Forum as SITE
from mmgym_web.webnav.sites.forum.tasks import TEMPLATES

__all__ = ["SITE", "TEMPLATES"]
