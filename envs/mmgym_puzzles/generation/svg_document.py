"""Reading SVG strictly: elements and attributes on an allow-list, no DTD, no entities, no links, bounded size.

Expat does the reading, with its declaration handlers set to refuse; nothing of the document reaches any other parser.
What is allowed is what a picture of flat shapes needs. Everything else is refused with its line, column and name, so
that an agent can mend it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from mmgym_puzzles.generation.svg_values import SvgError

__all__ = ["MAX_CHARACTERS", "MAX_DEPTH", "MAX_ELEMENTS", "SHAPES", "Element", "read_document"]

MAX_CHARACTERS = 16_384
"""Characters of a document."""
MAX_ELEMENTS = 256
"""Elements of a document."""
MAX_DEPTH = 16
"""Elements inside one another."""

PROPERTIES = frozenset(
    "fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap stroke-linejoin stroke-miterlimit "
    "opacity".split()
)
"""Attributes that may also stand in ``style``."""
SHAPES: Mapping[str, tuple[str, ...]] = {
    "rect": ("x", "y", "width", "height", "rx", "ry"),
    "circle": ("cx", "cy", "r"),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "line": ("x1", "y1", "x2", "y2"),
    "polyline": ("points",),
    "polygon": ("points",),
    "path": ("d",),
}
"""Shapes and the attributes of their own."""
_OTHERS: Mapping[str, tuple[str, ...]] = {
    "svg": ("xmlns", "xmlns:xlink", "version", "viewBox", "width", "height"),
    "g": (),
    "title": (),
    "desc": (),
}
_COMMON = PROPERTIES | {"id", "class", "transform", "style"}
_NAMESPACES = {"xmlns": "http://www.w3.org/2000/svg", "xmlns:xlink": "http://www.w3.org/1999/xlink"}
_ALLOWED = ", ".join(sorted([*SHAPES, *_OTHERS]))


@dataclass
class Element:
    """One element; what ``style`` sets stands among the attributes, before which it goes."""

    name: str
    attributes: dict[str, str]
    line: int
    column: int
    children: list[Element] = field(default_factory=list)

    @property
    def where(self) -> str:
        """Line, column and name, for messages."""
        return f"line {self.line}, column {self.column}, <{self.name}>"


def read_document(text: str) -> Element:
    """The root element of an SVG document.

    Raises:
        SvgError: when it is no well-formed XML or holds what is not allowed; with line and column, both from 1.
    """
    if len(text) > MAX_CHARACTERS:
        raise SvgError(f"the document has {len(text)} characters; at most {MAX_CHARACTERS} are allowed")
    try:
        content = text.strip().encode()
    except UnicodeEncodeError as error:
        raise SvgError("the document holds characters that cannot be written in UTF-8") from error
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)
    except expat.ExpatError as error:
        raise SvgError(f"line {error.lineno}, column {error.offset + 1}: {expat.ErrorString(error.code)}") from error
    assert reader.root is not None
    return reader.root


class _Reader:
    """Builds the tree of elements and refuses what is not allowed."""

    def __init__(self) -> None:
        # The encoding is given: one that the document declares is not looked up.
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.ProcessingInstructionHandler = lambda target, data: self._refuse("processing instructions")
        self.parser.StartDoctypeDeclHandler = lambda *parts: self._refuse("document types and entities")
        self.parser.EntityDeclHandler = lambda *parts: self._refuse("entities")
        self.parser.ExternalEntityRefHandler = self._refuse_external
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def _at(self) -> tuple[int, int]:
        return self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1

    def _refuse(self, what: str) -> None:
        raise SvgError("line {}, column {}: {} are not allowed".format(*self._at(), what))

    def _refuse_external(self, *parts: str | None) -> int:
        self._refuse("external entities")
        return 0

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        element = Element(name, {}, *self._at())
        self._count += 1
        shown = element.where if len(name) <= 30 else f"line {element.line}, column {element.column}"
        own = SHAPES.get(name, _OTHERS.get(name))
        if own is None:
            raise SvgError(f"{shown}: this element is not allowed; allowed: {_ALLOWED}")
        if (name == "svg") != (not self._open):
            raise SvgError(f"{shown}: the outermost element, and no other, must be svg")
        if self._open and self._open[-1].name not in ("svg", "g"):
            raise SvgError(f"{shown}: only svg and g may hold elements")
        if self._count > MAX_ELEMENTS:
            raise SvgError(f"{shown}: there are more than {MAX_ELEMENTS} elements")
        if len(self._open) >= MAX_DEPTH:
            raise SvgError(f"{shown}: elements lie more than {MAX_DEPTH} deep in one another")
        for key, value in attributes.items():
            if key not in own and key not in _COMMON:
                allowed = ", ".join([*own, "transform", "style", "fill", "stroke", "..."])
                raise SvgError(f"{shown}: attribute {key[:30]!r} is not allowed; allowed: {allowed}")
            if key in _NAMESPACES and value != _NAMESPACES[key]:
                raise SvgError(f"{shown}: {key} must be {_NAMESPACES[key]}")
        element.attributes = {**attributes, **_style(attributes.get("style", ""), shown)}
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, name: str) -> None:
        self._open.pop()

    def _text(self, data: str) -> None:
        if data.strip() and self._open[-1].name not in ("title", "desc"):
            raise SvgError("line {}, column {}: text is not drawn, use shapes".format(*self._at()))


def _style(text: str, where: str) -> dict[str, str]:
    found = {}
    for entry in text.split(";"):
        if not entry.strip():
            continue
        name, colon, value = entry.partition(":")
        name = name.strip().lower()
        if not colon or name not in PROPERTIES:
            raise SvgError(f"{where}: style {name[:30]!r} is not allowed; allowed: {', '.join(sorted(PROPERTIES))}")
        found[name] = value.strip()
    return found
