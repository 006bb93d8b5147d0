"""The wiki: articles about a made-up region, written and corrected by everybody."""

from mmgym_web.webnav.sites.wiki.site import Wiki as SITE
from mmgym_web.webnav.sites.wiki.tasks import TEMPLATES

__all__ = ["SITE", "TEMPLATES"]
