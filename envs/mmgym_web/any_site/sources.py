"""What is served: turns an application, its name, its factory, or a folder into a server."""

from __future__ import annotations

import inspect
from typing import Any

from mmgym_web.any_site.checks import find_object
from mmgym_web.serve import AsgiServer, WsgiServer

__all__ = ["is_factory", "load_app", "make_app", "serve_app"]


def load_app(app: Any) -> Any:
    """The application or factory that ``module:attribute`` names, or `app` itself.

    Raises:
        ValueError: when there is none of that name.
    """
    try:
        return find_object(app) if isinstance(app, str) else app
    except ValueError as error:
        raise ValueError(f"app {error}") from error


def is_factory(app: Any) -> bool:
    """Whether `app` makes applications: a callable that needs no argument (it may take ``seed``).

    Raises:
        TypeError: when `app` is neither a factory nor an application.
    """
    return _needs(app) == 0


def make_app(app: Any, seed: int) -> Any:
    """A fresh application of a factory, or the application itself."""
    if not is_factory(app):
        return app
    takes_seed = "seed" in inspect.signature(app).parameters
    made = app(seed=seed) if takes_seed else app()
    _needs(made)
    return made


def serve_app(app: Any, limit: float) -> AsgiServer | WsgiServer:
    """A server for an application; ASGI and WSGI are told apart by the number of arguments.

    Raises:
        TypeError: when it is neither.
    """
    needs = _needs(app)
    if needs not in (2, 3):
        raise TypeError(f"the factory made a factory, not an application: {app!r}")
    return AsgiServer(app, limit) if needs == 3 else WsgiServer(app, limit)


def _needs(app: Any) -> int:
    """Positional arguments that a call needs: 0 a factory, 2 a WSGI application, 3 an ASGI application."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = inspect.signature(app).parameters.values()
        needed = sum(p.kind in kinds and p.default is p.empty for p in parameters if p.name != "seed")
    except (TypeError, ValueError):  # nothing that can be called
        needed = -1
    if needed not in (0, 2, 3):
        raise TypeError(
            f"app must be an ASGI application (scope, receive, send), a WSGI application (environ, start_response), or "
            f"a function that needs no argument, or a seed, and makes one; got {app!r}"
        )
    return needed
