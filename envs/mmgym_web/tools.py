"""What an agent may do in a browser, declared once: tools by coordinates, tools by element, tools of the page.

Each tool hands primitive actions to `_do`, which carries them out, and lets the page settle.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Interval, MaxLen

from mmgym.env import Effect
from mmgym.pointing import Pointer, pointers
from mmgym.spaces import ToolCall, tool
from mmgym_web.browser import Action, Click, Mouse, Press, TypeText, Wheel
from mmgym_web.cells import cell_at, cell_middle
from mmgym_web.elements import Element, at_point

__all__ = ["ACTION_MODES", "COORDINATE_TOOLS", "ELEMENT_TOOLS", "GRID_TOOLS", "PAGE_TOOLS", "TAB_TOOLS", "BrowserTools"]

ACTION_MODES = ("coordinates", "elements", "both", "grid")
"""How things are pointed at."""
COORDINATE_TOOLS = ("click", "move", "mouse_down", "mouse_up", "drag", "hover", "scroll", "select", "upload")
ELEMENT_TOOLS = ("click_element", "hover_element", "fill_element", "select_element", "upload_element", "scroll_page")
GRID_TOOLS = ("click_cell",)
TAB_TOOLS = ("new_tab", "switch_tab", "close_tab")
PAGE_TOOLS = ("type", "press", "clear", "goto", "back", "forward", "wait", "answer", "fail")

Button = Literal["left", "middle", "right"]
Count = Annotated[int, Interval(ge=1, le=3)]
X = Annotated[int, Interval(ge=0, le=4096)]
Y = Annotated[int, Interval(ge=0, le=4096)]
"""Coordinates; an environment narrows them to its viewport."""
Mark = Annotated[int, Interval(ge=1, le=999)]
Distance = Annotated[int, Interval(ge=-2000, le=2000)]
Line = Annotated[str, MaxLen(500)]

_HOVER_MS = 600
"""Menus that open on hover wait a moment."""
_EMPTY = (Press("Control+a"), Press("Delete"))
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:(?!\d)")
"""A scheme such as ``javascript:``, but not a host with a port."""

# The select element at or around a point, or the one a label there belongs to.
_CHOOSE = """((find, wanted) => {
  const at = find();
  const label = at && at.closest('label');
  const select = at && (at.closest('select') || (label && label.control) || null);
  if (!select || select.tagName !== 'SELECT') return {problem: 'there is no select element'};
  if (select.disabled) return {problem: 'it is disabled'};
  const fold = text => text.replace(/\\s+/g, ' ').trim().toLowerCase();
  const options = [...select.options];
  const option = options.find(o => fold(o.label) === fold(wanted) && !o.disabled);
  if (!option) return {problem: 'it has no such option; options: ' + options.map(o => o.label.trim()).join(', ')};
  select.focus();
  if (select.multiple) option.selected = !option.selected; else select.value = option.value, option.selected = true;
  select.dispatchEvent(new Event('input', {bubbles: true}));
  select.dispatchEvent(new Event('change', {bubbles: true}));
  return {problem: ''};
})"""

_FOCUS = """(() => {
  let e = document.activeElement;
  while (e && e.shadowRoot && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
  if (!e || e === document.body) return '';
  if (e.isContentEditable) return 'text';
  if (e.tagName === 'TEXTAREA') return e.readOnly || e.disabled ? '' : 'text';
  const plain = ['button', 'checkbox', 'radio', 'submit', 'reset', 'image', 'file', 'range', 'color'];
  return e.tagName === 'INPUT' && !plain.includes(e.type) && !e.readOnly && !e.disabled ? 'text' : 'other';
})()"""


class BrowserTools:
    """The tools. `WebEnv` gives them a page."""

    width: int
    height: int
    action_mode: str
    coordinates: str
    grid: tuple[int, int]

    # What the environment provides; see `mmgym_web.env.WebEnv`.
    def _do(self, *actions: Action, settle_ms: float | None = None) -> Effect:
        raise NotImplementedError

    def _query(self, expression: str) -> Any:
        raise NotImplementedError

    def _element(self, number: int) -> Element | None:
        raise NotImplementedError

    def elements(self) -> list[Element]:
        """The page's accessibility tree."""
        raise NotImplementedError

    def _visit(self, url: str) -> Effect:
        raise NotImplementedError

    def _history(self, way: Literal["back", "forward"]) -> Effect:
        raise NotImplementedError

    def _change_tab(self, change: Literal["new", "switch", "close"], tab: int = 1) -> Effect:
        raise NotImplementedError

    def _end(self, answer: str | None, failed: str | None) -> Effect:
        raise NotImplementedError

    def _put_file(self, x: int, y: int, file: str) -> Effect:
        raise NotImplementedError

    def _pixel(self, x: int, y: int) -> tuple[int, int]:
        if self.coordinates == "pixels":
            return x, y
        return min(round(x * self.width / 1000), self.width - 1), min(round(y * self.height / 1000), self.height - 1)

    def _place(self, x: int, y: int) -> str:
        """Where a pixel is, as the agent says it."""
        if self.action_mode == "grid":
            return cell_at(x, y, self.grid, self.width, self.height)
        return "{}, {}".format(*self._shown_point(x, y))

    def _shown_point(self, x: int, y: int) -> tuple[int, int]:
        """A pixel in the units that the agent uses."""
        if self.coordinates == "pixels":
            return x, y
        return round(1000 * x / self.width), round(1000 * y / self.height)

    # --- by coordinates ---

    @tool
    def click(self, x: X, y: Y, button: Button = "left", count: Count = 1) -> Effect:
        """Click at a point.

        Args:
            x: from the left edge of the picture.
            y: from its top edge.
            button: which mouse button.
            count: 2 is a double click, 3 a triple click.
        """
        return self._do(Click(*self._pixel(x, y), button, count))

    @tool
    def move(self, x: X, y: Y) -> Effect:
        """Move the mouse to a point.

        Args:
            x: from the left edge of the picture.
            y: from its top edge.
        """
        return self._do(Mouse("moved", *self._pixel(x, y)))

    @tool
    def mouse_down(self, x: X, y: Y, button: Button = "left") -> Effect:
        """Press a mouse button at a point, and hold it.

        Args:
            x: from the left edge of the picture.
            y: from its top edge.
            button: which mouse button.
        """
        x, y = self._pixel(x, y)
        return self._do(Mouse("moved", x, y), Mouse("pressed", x, y, button))

    @tool
    def mouse_up(self, x: X, y: Y, button: Button = "left") -> Effect:
        """Release a mouse button at a point.

        Args:
            x: from the left edge of the picture.
            y: from its top edge.
            button: which mouse button.
        """
        x, y = self._pixel(x, y)
        return self._do(Mouse("moved", x, y), Mouse("released", x, y, button))

    @tool
    def drag(self, x: X, y: Y, to_x: X, to_y: Y) -> Effect:
        """Drag with the left mouse button from one point to another.

        Args:
            x: where the drag begins, from the left edge of the picture.
            y: where it begins, from its top edge.
            to_x: where it ends, from the left edge.
            to_y: where it ends, from the top edge.
        """
        x, y = self._pixel(x, y)
        to_x, to_y = self._pixel(to_x, to_y)
        way = [Mouse("moved", x + (to_x - x) * k // 4, y + (to_y - y) * k // 4) for k in range(1, 5)]
        return self._do(Mouse("moved", x, y), Mouse("pressed", x, y), *way, Mouse("released", to_x, to_y))

    @tool
    def hover(self, x: X, y: Y) -> Effect:
        """Rest the mouse on a point for a moment, for menus and hints that open then.

        Args:
            x: from the left edge of the picture.
            y: from its top edge.
        """
        return self._do(Mouse("moved", *self._pixel(x, y)), settle_ms=_HOVER_MS)

    @tool
    def scroll(self, x: X, y: Y, dx: Distance = 0, dy: Distance = 0) -> Effect:
        """Turn the mouse wheel at a point.

        Args:
            x: from the left edge of the picture.
            y: from its top edge.
            dx: pixels to the right; negative is to the left.
            dy: pixels down; negative is up.
        """
        return self._do(Wheel(*self._pixel(x, y), dx, dy))

    @tool
    def select(self, x: X, y: Y, option: Line) -> Effect:
        """Choose an option of the select element (drop-down list) at a point.

        Args:
            x: from the left edge of the picture.
            y: from its top edge.
            option: the option's label.
        """
        x, y = self._pixel(x, y)
        return self._choose(f"() => document.elementFromPoint({x}, {y})", option)

    @tool
    def upload(self, x: X, y: Y, file: Line) -> Effect:
        """Choose a file for the file field, or the button that asks for a file, at a point.

        Args:
            x: from the left edge of the picture.
            y: from its top edge.
            file: name of one of the task's files.
        """
        return self._put_file(*self._pixel(x, y), file)

    # --- by element ---

    @tool
    def click_element(self, element: Mark, button: Button = "left", count: Count = 1) -> Effect:
        """Click an element.

        Args:
            element: its number.
            button: which mouse button.
            count: 2 is a double click, 3 a triple click.
        """
        return self._at(element, lambda x, y: self._do(Click(x, y, button, count)))

    @tool
    def hover_element(self, element: Mark) -> Effect:
        """Rest the mouse on an element for a moment.

        Args:
            element: its number.
        """
        return self._at(element, lambda x, y: self._do(Mouse("moved", x, y), settle_ms=_HOVER_MS))

    @tool
    def fill_element(self, element: Mark, text: str) -> Effect:
        """Replace what a text field holds.

        Args:
            element: its number.
            text: the new text.
        """

        def fill(x: int, y: int) -> Effect:
            self._do(Click(x, y))
            if self._query(_FOCUS) != "text":
                return Effect(False, f"Element {element} takes no text.")
            return self._do(*_EMPTY, TypeText(text))

        return self._at(element, fill)

    @tool
    def select_element(self, element: Mark, option: Line) -> Effect:
        """Choose an option of a select element (drop-down list).

        Args:
            element: its number.
            option: the option's label.
        """
        return self._at(element, lambda x, y: self._choose(f"() => document.elementFromPoint({x}, {y})", option))

    @tool
    def upload_element(self, element: Mark, file: Line) -> Effect:
        """Choose a file for a file field, or a button that asks for a file.

        Args:
            element: its number.
            file: name of one of the task's files.
        """
        return self._at(element, lambda x, y: self._put_file(x, y, file))

    @tool
    def scroll_page(self, dy: Distance) -> Effect:
        """Scroll the page.

        Args:
            dy: pixels down; negative is up.
        """
        return self._do(Wheel(self.width // 2, self.height // 2, 0, dy))

    # --- by cell ---

    @tool
    def click_cell(self, cell: Literal["a1"]) -> Effect:
        """Click the middle of a cell of the grid that is laid over the picture.

        Args:
            cell: column, a letter from the left, and row, a number from the top.
        """
        return self._do(Click(*cell_middle(cell, self.grid, self.width, self.height)))

    # --- of the page ---

    @tool
    def type(self, text: str) -> Effect:
        """Type a text into what has the focus.

        Args:
            text: what to type.
        """
        if self._query(_FOCUS) == "":
            self._do(TypeText(text))
            return Effect(feedback="No field has the focus: click one first.")
        return self._do(TypeText(text))

    @tool
    def press(self, keys: Annotated[str, MaxLen(40)]) -> Effect:
        """Press a key, or several together.

        Args:
            keys: e.g. Enter, Tab, Escape, Backspace, ArrowDown, Control+a.
        """
        try:
            return self._do(Press(keys))
        except ValueError as problem:
            return Effect(False, f"{problem}.")

    @tool
    def clear(self) -> Effect:
        """Empty the text field that has the focus."""
        if self._query(_FOCUS) != "text":
            return Effect(False, "No text field has the focus: click one first.")
        return self._do(*_EMPTY)

    @tool
    def goto(self, url: Annotated[str, MaxLen(2000)]) -> Effect:
        """Open an address.

        Args:
            url: e.g. http://shop.example/cart.
        """
        address = url.strip()
        if "://" not in address and not _SCHEME.match(address):
            address = f"http://{address}"
        return self._visit(address)

    @tool
    def back(self) -> Effect:
        """Go back to the page before."""
        return self._history("back")

    @tool
    def forward(self) -> Effect:
        """Go forward again after back."""
        return self._history("forward")

    @tool
    def new_tab(self) -> Effect:
        """Open an empty tab and show it."""
        return self._change_tab("new")

    @tool
    def switch_tab(self, tab: Annotated[int, Interval(ge=1, le=20)]) -> Effect:
        """Show another tab.

        Args:
            tab: its number.
        """
        return self._change_tab("switch", tab)

    @tool
    def close_tab(self) -> Effect:
        """Close the tab that is shown. The last one stays."""
        return self._change_tab("close")

    @tool
    def wait(self, seconds: Annotated[float, Interval(ge=0, le=10)] = 1.0) -> Effect:
        """Wait.

        Args:
            seconds: how long; it is the page's time that passes.
        """
        return self._do(settle_ms=1000 * float(seconds))

    @tool
    def answer(self, text: str) -> Effect:
        """Give the answer, or say that the task is done. This ends the episode.

        Args:
            text: the answer alone.
        """
        return self._end(text, None)

    @tool
    def fail(self, reason: str) -> Effect:
        """Say that the task cannot be done. This ends the episode.

        Args:
            reason: why.
        """
        return self._end(None, reason)

    # --- shared ---

    def points_at(self, call: ToolCall) -> tuple[Pointer, ...]:
        """Where the mouse goes, or the box of the element."""
        if "cell" in call.arguments:
            x, y = cell_middle(call.arguments["cell"], self.grid, self.width, self.height)
            return pointers({"x": x, "y": y}, self.width, self.height)
        if "element" in call.arguments:
            element = self._element(call.arguments["element"])
            if element is None or element.box is None:
                return ()
            left, top, wide, high = element.box
            edges = {"left": left, "top": top, "right": left + wide, "bottom": top + high}
            return pointers(edges, self.width, self.height)
        whole = (self.width, self.height) if self.coordinates == "pixels" else (1000, 1000)
        return pointers(call.arguments, *whole)

    def _adapted(self, call: ToolCall) -> ToolCall:
        """A call in pixels as a call of the tools that there are, in their units."""
        arguments = dict(call.arguments)
        if self.action_mode == "grid":
            at = (arguments.get("x", 0), arguments.get("y", 0), self.grid, self.width, self.height)
            return ToolCall("click_cell", {"cell": cell_at(*at)})
        if self.action_mode == "elements" and "x" in arguments:
            x, y = arguments.pop("x"), arguments.pop("y")
            if call.name == "scroll":
                return ToolCall("scroll_page", {"dy": arguments["dy"]})
            element = at_point(self.elements(), x, y)
            return ToolCall(f"{call.name}_element", {"element": element.number if element else 1, **arguments})
        if "x" in arguments:
            arguments["x"], arguments["y"] = self._shown_point(arguments["x"], arguments["y"])
        if "to_x" in arguments:
            arguments["to_x"], arguments["to_y"] = self._shown_point(arguments["to_x"], arguments["to_y"])
        return ToolCall(call.name, arguments)

    def _choose(self, find: str, option: str) -> Effect:
        problem = self._query(f"{_CHOOSE}({find}, {json.dumps(option)}).problem")
        if problem:
            return Effect(False, f"Nothing was chosen: {problem[:1000]}.")
        return self._do()

    def _at(self, number: int, act: Any) -> Effect:
        element = self._element(number)
        if element is None:
            return Effect(False, f"There is no element {number} on the page.")
        if element.point is None:
            return Effect(False, f"Element {number} cannot be reached: something covers it.")
        effect: Effect = act(*element.point)
        return effect


def tool_names(action_mode: str, leave_out: Sequence[str] = (), tabs: bool = False) -> list[str]:
    """The tools of an action mode, in a fixed order."""
    if action_mode == "grid":
        return list(GRID_TOOLS)
    names: list[str] = []
    if action_mode != "elements":
        names += COORDINATE_TOOLS
    if action_mode != "coordinates":
        names += ELEMENT_TOOLS
    names += PAGE_TOOLS
    if tabs:
        names += TAB_TOOLS
    return [name for name in names if name not in leave_out]


def plain(call: ToolCall) -> dict[str, Any]:
    """A call as JSON-able values."""
    arguments = {n: v.item() if isinstance(v, np.generic) else v for n, v in call.arguments.items()}
    return ToolCall(call.name, arguments).as_dict()
