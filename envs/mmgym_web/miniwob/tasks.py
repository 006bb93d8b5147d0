"""The table of MiniWoB++'s tasks. Nothing here imports anything heavy: ids are made from it.

Read off the pages of miniwob 1.1, all of which run offline: what kind a task is, how hard it is by our count, how a
page is made ready for the next episode, and whether full reward can be had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["RIGHT_ANGLES", "TASKS", "Task"]


@dataclass(frozen=True)
class Task:
    """One task."""

    name: str
    """Name of the page without ``.html``."""
    level: int
    """Our count of difficulty, from 1 (one click on what is named) to 5 (long, or against the clock)."""
    turns: int
    """Turns until the episode is truncated."""
    summary: str
    """One line for lists of environments."""
    reload: bool = False
    """Whether the page must be loaded anew for each episode, because its own reset leaves traces of the last."""
    text_twin: bool = True
    """Whether the accessibility tree says enough to solve the task."""
    attainable: Literal["always", "sometimes", "never"] = "always"
    """Whether the raw reward 1 can be had: some pages measure distances that no whole pixel brings to zero."""
    ambiguous: str = ""
    """JavaScript expression that is true of an instance that cannot be solved, or only by luck: it is drawn again."""


_SAME_SENDERS = (
    "(names => new Set(names).size < names.length)"
    "([...document.querySelectorAll('#main .email-sender')].map(e => e.textContent))"
)
# The page accepts a name only where the ending first occurs at the end.
_NO_SUCH_FILE = """(ending => !currentFiles.some(f => ending === undefined ? !f.includes('.')
  : f.indexOf(ending) + ending.length === f.length))((core.getUtterance().match(/extension \\.(.*)$/) || [])[1])"""
# The slice that is chosen at the start cannot be chosen again.
_FIRST_SLICE = """document.getElementById('wheelnav-divWheel-title-0').textContent
  === document.querySelector('#query .bold').textContent"""
# Between pixels: only even sums of coordinates have a middle.
_NO_MIDDLE = """(c => (c[0].cx.baseVal.value + c[1].cx.baseVal.value) % 2 !== 0
  || (c[0].cy.baseVal.value + c[1].cy.baseVal.value) % 2 !== 0)(document.querySelectorAll('.black-circle'))"""
# The points that make an exact right angle, and are in sight. The page draws what is clicked half a pixel off.
RIGHT_ANGLES = """(([ax, ay], [vx, vy]) => [...Array(150 * 120).keys()].map(i => [i % 150, Math.floor(i / 150)])
  .filter(([x, y]) => (2 * (x - vx) + 1) * (ax - vx) + (2 * (y - vy) + 1) * (ay - vy) === 0))(
  ...[...document.querySelectorAll('.black-circle')].map(e => [e.cx.baseVal.value, e.cy.baseVal.value]))"""

_ROWS = (
    Task(
        "ascending-numbers",
        4,
        12,
        "Click numbers in order, from memory.",
        text_twin=False,
    ),
    Task("bisect-angle", 5, 10, "Halve an angle.", text_twin=False, attainable="sometimes"),
    Task("book-flight", 5, 40, "Book the cheapest or shortest flight.", reload=True),
    Task("book-flight-nodelay", 5, 40, "Book a flight; lists open at once.", reload=True),
    Task("button-delay", 3, 10, "Click one button, wait, click the other."),
    Task("buy-ticket", 2, 5, "Buy the ticket that is cheapest, longest, ..."),
    Task("chase-circle", 5, 120, "Keep the mouse in a moving circle.", True, False, "sometimes"),
    Task("choose-date", 3, 30, "Choose a date with a date picker.", reload=True),
    Task("choose-date-easy", 2, 10, "Choose a day of the shown month.", reload=True),
    Task("choose-date-medium", 3, 15, "Choose a day of two months.", reload=True),
    Task("choose-date-nodelay", 3, 30, "Choose a date; the picker opens at once.", reload=True),
    Task("choose-list", 2, 10, "Choose an option of a drop-down list."),
    Task("circle-center", 4, 10, "Click a circle's centre.", text_twin=False, attainable="never"),
    Task("click-button", 1, 5, "Click the button with a label."),
    Task("click-button-sequence", 1, 8, "Click one button, then another."),
    Task("click-checkboxes", 2, 15, "Check the named boxes."),
    Task("click-checkboxes-large", 3, 30, "Check five to twelve boxes."),
    Task("click-checkboxes-soft", 3, 15, "Check the words of like meaning."),
    Task("click-checkboxes-transfer", 2, 15, "Check boxes; out of distribution, more of them."),
    Task("click-collapsible", 2, 10, "Open a section and submit.", reload=True),
    Task("click-collapsible-2", 3, 15, "Find a link in closed sections.", reload=True),
    Task("click-collapsible-2-nodelay", 3, 15, "Find a link; sections open at once."),
    Task("click-collapsible-nodelay", 2, 10, "Open a section, at once."),
    Task("click-color", 1, 5, "Click the box of a colour.", text_twin=False),
    Task("click-dialog", 1, 5, "Close a dialog.", reload=True),
    Task("click-dialog-2", 1, 5, "Click a button of a dialog.", reload=True),
    Task("click-link", 1, 5, "Click a link in a text.", text_twin=False),
    Task("click-menu", 4, 15, "Go through nested menus."),
    Task("click-menu-2", 3, 12, "Open a menu, find an item by name or icon.", reload=True, text_twin=False),
    Task("click-option", 1, 8, "Choose a radio button."),
    Task("click-pie", 4, 12, "Open a pie menu and click an item.", True, False, ambiguous=_FIRST_SLICE),
    Task("click-pie-nodelay", 4, 12, "Open a pie menu, at once.", True, False, ambiguous=_FIRST_SLICE),
    Task("click-scroll-list", 2, 10, "Choose options of a long list."),
    Task("click-shades", 3, 20, "Select all shades of a colour.", text_twin=False),
    Task("click-shape", 2, 5, "Click a shape that fits a description.", text_twin=False),
    Task("click-tab", 1, 5, "Click a tab."),
    Task("click-tab-2", 3, 12, "Find a link among three tabs.", text_twin=False),
    Task("click-tab-2-easy", 2, 8, "Find a link in one tab.", text_twin=False),
    Task("click-tab-2-hard", 3, 16, "Find a link among up to six tabs.", text_twin=False),
    Task("click-tab-2-medium", 2, 8, "Find a link, or that it is in the other tab.", text_twin=False),
    Task("click-test", 1, 5, "Click the button."),
    Task("click-test-2", 1, 5, "Click one of two buttons."),
    Task("click-test-transfer", 1, 5, "Click one of two buttons; out of distribution, the other."),
    Task("click-widget", 1, 5, "Click a kind of widget."),
    Task("copy-paste", 2, 10, "Repeat the text of an area."),
    Task("copy-paste-2", 2, 10, "Repeat the text of one of three areas.", reload=True),
    Task("count-shape", 3, 5, "Count the shapes that fit a description.", text_twin=False),
    Task("count-sides", 2, 5, "Count a polygon's sides.", text_twin=False),
    Task("daily-calendar", 5, 25, "Make an entry in a calendar.", reload=True, text_twin=False),
    Task("drag-box", 2, 8, "Drag a small box into a large one.", reload=True, text_twin=False),
    Task("drag-circle", 2, 8, "Drag a circle in a direction.", text_twin=False),
    Task("drag-cube", 5, 30, "Turn a cube to a side.", True, False),
    Task("drag-items", 3, 5, "Drag an item of a list to a place.", True, False),
    Task("drag-items-grid", 3, 15, "Drag an item of a grid to a place.", True, False),
    Task("drag-shapes", 4, 15, "Drag shapes of a kind into a box.", text_twin=False),
    Task("drag-shapes-2", 5, 20, "Sort shapes into two boxes.", text_twin=False),
    Task("drag-single-shape", 2, 8, "Drag a shape in a direction.", text_twin=False),
    Task("drag-sort-numbers", 4, 15, "Sort numbers by dragging.", True, False),
    Task("draw-circle", 5, 60, "Draw a circle around a point.", reload=True, text_twin=False),
    Task("draw-line", 3, 20, "Draw a line through a point.", reload=True, text_twin=False),
    Task("email-inbox", 4, 20, "Find a mail and star, delete, answer or forward it.", ambiguous=_SAME_SENDERS),
    Task("email-inbox-delete", 2, 10, "Delete a mail.", ambiguous=_SAME_SENDERS),
    Task("email-inbox-forward", 4, 20, "Forward a mail.", ambiguous=_SAME_SENDERS),
    Task("email-inbox-forward-nl", 4, 20, "Forward a mail, asked in many ways.", ambiguous=_SAME_SENDERS),
    Task("email-inbox-forward-nl-turk", 4, 20, "Forward a mail, asked by people.", ambiguous=_SAME_SENDERS),
    Task("email-inbox-important", 2, 10, "Star a mail.", ambiguous=_SAME_SENDERS),
    Task("email-inbox-nl-turk", 4, 20, "Deal with a mail, asked by people.", ambiguous=_SAME_SENDERS),
    Task("email-inbox-noscroll", 4, 20, "Deal with a mail; all are in view.", ambiguous=_SAME_SENDERS),
    Task("email-inbox-reply", 4, 20, "Answer a mail.", ambiguous=_SAME_SENDERS),
    Task("email-inbox-star-reply", 4, 20, "Star or answer a mail.", ambiguous=_SAME_SENDERS),
    Task("enter-date", 2, 10, "Type a date into a date field."),
    Task("enter-password", 2, 15, "Type a password twice."),
    Task("enter-text", 2, 10, "Type a name."),
    Task("enter-text-2", 2, 10, "Type a name in upper or lower case."),
    Task("enter-text-dynamic", 2, 10, "Type random letters."),
    Task("enter-time", 2, 10, "Type a time into a time field."),
    Task("find-greatest", 3, 12, "Turn cards; pick the greatest.", text_twin=False),
    Task("find-midpoint", 4, 10, "Click midway between two points.", False, False, "always", _NO_MIDDLE),
    Task("find-word", 3, 10, "Type the n-th word of a paragraph."),
    Task("focus-text", 1, 5, "Click into a field."),
    Task("focus-text-2", 1, 5, "Click into one of three fields."),
    Task("form-sequence", 4, 25, "Set a slider, check a box.", reload=True),
    Task("form-sequence-2", 3, 15, "Check a radio button, fill a field.", reload=True),
    Task("form-sequence-3", 3, 15, "Choose in a drop-down list, click a button.", reload=True),
    Task("generate-number", 3, 40, "Draw numbers until one fits."),
    Task("grid-coordinate", 2, 5, "Click a point of a grid.", text_twin=False),
    Task("guess-number", 4, 40, "Guess a number with hints."),
    Task("highlight-text", 3, 10, "Mark a text.", text_twin=False),
    Task("highlight-text-2", 3, 10, "Mark one of three paragraphs.", text_twin=False),
    Task("hot-cold", 5, 60, "Find a hidden spot by hints of heat.", True, False),
    Task("hover-shape", 5, 40, "Follow a jumping colour; the page gives no end.", True, False, "never"),
    Task("identify-shape", 1, 5, "Say what a figure is.", text_twin=False),
    Task("login-user", 2, 15, "Log in."),
    Task("login-user-popup", 3, 20, "Log in; a popup may come between."),
    Task("moving-items", 5, 120, "Click circles that cross the page.", True, False),
    Task("multi-layouts", 3, 20, "Fill a form whose layout varies."),
    Task("multi-orderings", 3, 20, "Fill a form whose order varies."),
    Task("navigate-tree", 3, 12, "Open folders down to an item."),
    Task("number-checkboxes", 5, 40, "Draw a digit with boxes.", text_twin=False),
    Task("odd-or-even", 2, 12, "Mark numbers as odd or even."),
    Task("order-food", 4, 25, "Order dishes by name or kind."),
    Task("phone-book", 3, 15, "Leaf through contacts.", reload=True),
    Task("read-table", 3, 10, "Look a value up in a table."),
    Task("read-table-2", 3, 15, "Look two values up in a table."),
    Task("resize-textarea", 3, 10, "Drag a text area larger or smaller.", reload=True, text_twin=False),
    Task("right-angle", 5, 10, "Make a right angle.", False, False, "always", f"{RIGHT_ANGLES}.length === 0"),
    Task("scroll-text", 3, 12, "Type the last word of a long text.", reload=True),
    Task("scroll-text-2", 2, 15, "Scroll a text to one end.", reload=True, text_twin=False),
    Task("search-engine", 4, 20, "Search, open the n-th result.", reload=True),
    Task("sign-agreement", 3, 15, "Read to the end, sign, agree or cancel."),
    Task("simon-says", 5, 30, "Repeat a sequence of blinks.", True, False),
    Task("simple-algebra", 2, 10, "Solve an equation."),
    Task("simple-arithmetic", 2, 10, "Do a sum."),
    Task("social-media", 3, 12, "Use a button of a user's post."),
    Task("social-media-all", 4, 40, "Use a button of all posts of a user.", text_twin=False),
    Task("social-media-some", 4, 40, "Use a button of some posts of a user.", text_twin=False),
    Task("stock-market", 5, 160, "Buy when the price is low.", reload=True),
    Task("terminal", 4, 20, "Delete a file in a terminal.", reload=True, ambiguous=_NO_SUCH_FILE),
    Task("text-editor", 5, 25, "Style words in an editor.", True, False),
    Task("text-transform", 2, 10, "Type slanted letters.", text_twin=False),
    Task("tic-tac-toe", 4, 10, "Win a game against chance.", text_twin=False, attainable="sometimes"),
    Task("unicode-test", 1, 5, "Click the button with a label in any script."),
    Task("use-autocomplete", 3, 15, "Enter an item of which the ends are given.", reload=True),
    Task("use-autocomplete-nodelay", 3, 15, "Enter an item; suggestions come at once.", reload=True),
    Task("use-colorwheel", 4, 15, "Choose a named colour.", reload=True, text_twin=False),
    Task("use-colorwheel-2", 5, 15, "Choose a shown colour.", reload=True, text_twin=False),
    Task("use-slider", 3, 25, "Set a slider.", reload=True, text_twin=False),
    Task("use-slider-2", 4, 40, "Set three sliders.", reload=True, text_twin=False),
    Task("use-spinner", 2, 15, "Set a spinner by its arrows.", reload=True),
    Task("visual-addition", 2, 10, "Count blocks.", text_twin=False),
)

TASKS: dict[str, Task] = {task.name: task for task in _ROWS}
"""The tasks by name."""
