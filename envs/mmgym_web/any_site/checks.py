"""What a task on any site can be judged by: the URL, elements of the page, the answer, a function of the user's."""

from __future__ import annotations

import fnmatch
import importlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from mmgym_web.checks import Answer, same_text

__all__ = ["AnswerCheck", "Check", "DomCheck", "Look", "PythonCheck", "UrlCheck", "Visit", "holds"]

# Every element that matches a selector, as a person sees it; at most 1000.
_LOOK = """(selector => [...document.querySelectorAll(selector)].slice(0, 1000).map(e => ({
  text: (e.innerText || e.textContent || '').replace(/\\s+/g, ' ').trim(),
  value: e.tagName === 'SELECT' && e.selectedIndex >= 0 ? e.options[e.selectedIndex].label.trim()
    : e.value === undefined ? '' : String(e.value),
  checked: !!e.checked,
  visible: e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden'})))"""


@dataclass(frozen=True)
class Look:
    """An element as a check sees it."""

    text: str
    """What it shows, with single spaces."""
    value: str = ""
    """What a field holds; of a select element, the label of the chosen option."""
    checked: bool = False
    """Whether a box or radio button is ticked."""
    visible: bool = True
    """Whether it is laid out."""


@dataclass(frozen=True)
class Visit:
    """What checks are about: the page as it is now, and what was answered. A user's own check is called with it."""

    url: str
    """URL of the page."""
    query: Callable[[str], Any]
    """A JavaScript expression's JSON value, out of reach of the page's scripts."""
    answer: str | None = None
    """What the agent answered; None as long as it has not."""
    app: Any = None
    """The application that is served, if it is in this process: to look into its database."""

    def find(self, selector: str) -> list[Look]:
        """The elements that a CSS selector matches, in the order of the page."""
        return [Look(**element) for element in self.query(f"{_LOOK}({json.dumps(selector)})")]


class Check(Protocol):
    """One condition."""

    def holds(self, visit: Visit) -> bool:
        """Whether it is so now."""


@dataclass(frozen=True)
class UrlCheck:
    """The URL fits a pattern.

    Raises:
        ValueError: for a regular expression that is none.
    """

    pattern: str
    """A glob (``*`` any text, ``?`` any character, ``[ab]`` one of these): for path and query if it begins with ``/``,
    else for the whole URL. With `regex`, a regular expression that is searched in the whole URL."""
    regex: bool = False

    def __post_init__(self) -> None:
        if self.regex:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"must be a regular expression ({error}); got {self.pattern!r}") from error

    def holds(self, visit: Visit) -> bool:
        """Whether it is so now."""
        if self.regex:
            return re.search(self.pattern, visit.url) is not None
        parts = urlsplit(visit.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return fnmatch.fnmatchcase(path if self.pattern.startswith("/") else visit.url, self.pattern)


@dataclass(frozen=True)
class DomCheck:
    """Elements of the page are as they should be: one of those that match, or `count` of them."""

    selector: str
    """CSS selector."""
    text: str | None = None
    """The element's whole text; case and spacing do not count."""
    contains: str | None = None
    """A part of its text; case does not count."""
    value: str | None = None
    """What a field holds exactly; of a select element, the label of the chosen option."""
    checked: bool | None = None
    """Whether a box is ticked."""
    visible: bool | None = None
    """Whether it is laid out."""
    count: int | None = None
    """How many elements are so; without it, at least one."""

    def holds(self, visit: Visit) -> bool:
        """Whether it is so now."""
        found = sum(self._fits(element) for element in visit.find(self.selector))
        return found >= 1 if self.count is None else found == self.count

    def _fits(self, element: Look) -> bool:
        return (
            (self.text is None or same_text(self.text, element.text))
            and (self.contains is None or self.contains.casefold() in element.text.casefold())
            and (self.value is None or self.value == element.value)
            and (self.checked is None or self.checked == element.checked)
            and (self.visible is None or self.visible == element.visible)
        )


@dataclass(frozen=True)
class AnswerCheck:
    """The answer is right."""

    answer: Answer
    choices: tuple[str, ...] = ()
    """For a choice: what may be answered; anything else is wrong."""

    def holds(self, visit: Visit) -> bool:
        """Whether it is so now."""
        return visit.answer is not None and self.answer.accepts(visit.answer)


@dataclass(frozen=True)
class PythonCheck:
    """A function of the user's says so.

    Raises:
        ValueError: when there is no such function.
    """

    function: str
    """``module:function``; called with a `Visit`, returns whether all is well."""

    def __post_init__(self) -> None:
        if not callable(find_object(self.function)):
            raise ValueError(f"must name a function; {self.function!r} is none")

    def holds(self, visit: Visit) -> bool:
        """Whether it is so now.

        Raises:
            TypeError: when the function returns anything but True or False.
        """
        said = find_object(self.function)(visit)
        if not isinstance(said, bool):
            raise TypeError(f"the check {self.function} must return True or False; got {said!r}")
        return said


def holds(checks: tuple[Check, ...], visit: Visit) -> bool:
    """Whether all checks hold. The cheap ones come first, so the page is not asked when the URL is wrong."""
    return all(check.holds(visit) for check in sorted(checks, key=lambda check: isinstance(check, DomCheck)))


def find_object(name: str) -> Any:
    """What ``module:attribute`` names; the attribute may have dots.

    Raises:
        ValueError: when there is no such module or attribute; the message says which.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise ValueError(f"must be 'module:attribute'; got {name!r}")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"no module {error.name!r} (of {name!r})") from error
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise ValueError(f"{module_name!r} has no {attribute!r}")
        found = getattr(found, part)
    return found
