"""All sites and all task templates."""

from __future__ import annotations

import functools
import importlib

from mmgym_web.webnav.kit.site import Site
from mmgym_web.webnav.kit.task import Template

__all__ = ["SITE_NAMES", "sites", "templates"]

SITE_NAMES = ("shop", "bank", "mail", "calendar", "forum", "wiki", "files", "travel", "home")
"""Names of the sites; each is a package in `mmgym_web.webnav.sites` with a ``SITE`` and its ``TEMPLATES``."""


@functools.cache
def sites() -> dict[str, type[Site]]:
    """The classes of the sites, by name."""
    return {name: importlib.import_module(f"mmgym_web.webnav.sites.{name}").SITE for name in SITE_NAMES}


@functools.cache
def templates() -> dict[str, Template]:
    """All task templates, by name."""
    found: dict[str, Template] = {}
    for name in sites():
        for template in importlib.import_module(f"mmgym_web.webnav.sites.{name}").TEMPLATES:
            if template.name in found:
                raise ValueError(f"two task templates are called {template.name!r}")
            found[template.name] = template()
    return found
