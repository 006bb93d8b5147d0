"""The webmail and its tasks."""

from mmgym_web.webnav.sites.mail.site import Mail as SITE

__all__ = ["SITE"]
