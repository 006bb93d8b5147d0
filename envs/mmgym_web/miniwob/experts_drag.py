"""Experts for tasks of dragging, drawing and marking."""

from __future__ import annotations

import math
import re

from mmgym.spaces import ToolCall
from mmgym_web.miniwob.experts import Plan, View, drag, expert, press

BOX = "(e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]; })"
_STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


def middle(box: list[float]) -> tuple[float, float]:
    """The middle of a box of left, top, width, height."""
    return box[0] + box[2] / 2, box[1] + box[3] / 2


@expert("drag-box")
def drag_box(view: View) -> Plan:
    """Drag a small box into a large one."""
    small, large = (view.read(f"{BOX}(one('#draggable{size}'))") for size in ("Small", "Large"))
    (x, y), (to_x, to_y) = middle(small), middle(large)
    inside = abs(x - to_x) < 13 and abs(y - to_y) < 13
    return view.submit() if inside else [drag(x, y, to_x, to_y), *view.submit()]


# Where a shape of shapes.js is now and was at first; a dragged one goes to the mouse less a share of its size.
_SHAPE = """(e => {
  const b = e.getBBox(), at = shapes.gridCoords(e), o = e.ownerSVGElement.getBoundingClientRect();
  const share = {rect: .5, circle: .6, polygon: .4}[e.tagName] * b.width, r = e.getBoundingClientRect();
  return {x: at.x, y: at.y, x0: b.x, y0: b.y, left: o.left, top: o.top, share,
    mx: r.left + r.width / 2, my: r.top + r.height * (e.tagName === 'polygon' ? .7 : .5)};
})"""


@expert("drag-circle", "drag-single-shape")
def drag_circle(view: View) -> Plan:
    """Drag a shape in a direction."""
    (direction,) = view.words(r"Drag the \w+ (left|right|up|down) then")
    shape = view.read(f"{_SHAPE}(one('svg > *'))")
    dx, dy = _STEPS[direction]
    if (shape["x"] - shape["x0"]) * dx + (shape["y"] - shape["y0"]) * dy > 3:
        return view.submit()
    x, y = (shape[f"{axis}0"] + 15 * step + shape["share"] for axis, step in (("x", dx), ("y", dy)))
    return [drag(shape["mx"], shape["my"], shape["left"] + x, shape["top"] + y), *view.submit()]


@expert("drag-shapes", "drag-shapes-2")
def drag_shapes(view: View) -> Plan:
    """Drag shapes of a kind or colour into a box, perhaps all others into another."""
    (wanted,) = view.words(r"Drag all (\w+)")
    tag = {"rectangles": "rect", "circles": "circle", "triangles": "polygon"}.get(wanted)
    listed = f"""all('svg > *').filter(e => e.id !== 'shape-container').map(e => ({{...{_SHAPE}(e),
      chosen: tag ? e.tagName === tag : e.getAttribute('fill') === wanted}}))"""
    boxes = view.read("all('#shape-container').map(e => e.getBBox()).map(b => [b.x, b.y, b.width, b.height])")
    plan: Plan = []
    for shape in view.read(listed, tag=tag, wanted=wanted):
        if not shape["chosen"] and len(boxes) == 1:
            continue
        left, top, width, height = boxes[0 if shape["chosen"] else 1]
        if left + 2 < shape["x"] < left + width - 2 and top + 2 < shape["y"] < top + height - 2:
            continue
        x, y = left + width / 2 + shape["share"] - 8, top + height / 2 + shape["share"] - 8
        plan.append(drag(shape["mx"], shape["my"], shape["left"] + x, shape["top"] + y))
    return plan + view.submit()


def _drag_item(view: View, index: int, target: int) -> ToolCall:
    boxes = view.read(f"all('#sortable li').map({BOX})")
    (x, y), (to_x, to_y) = middle(boxes[index]), middle(boxes[target])
    # Past the middle, so that the others make room.
    over_x, over_y = (math.copysign(3, way) if abs(way) > 5 else 0 for way in (to_x - x, to_y - y))
    return drag(x, y, to_x + over_x, to_y + over_y)


_INDEX = "all('#sortable li:not(.ui-sortable-placeholder)').findIndex(e => text(e) === name)"


@expert("drag-items")
def drag_items(view: View) -> Plan:
    """Drag an item of a list to a place."""
    name, place = view.words(r"Drag (.*?) (to the .*|up .*|down .*)\.")
    index = view.read(_INDEX, name=name)
    if place[0] in "ud":
        target = index + (1 if place.startswith("down") else -1)
    else:
        word = place.split()[2]
        target = {"top": 0, "bottom": 4}.get(word, int(word[0]) - 1 if word[0].isdigit() else 0)
    return [_drag_item(view, index, target)]


@expert("drag-items-grid")
def drag_items_grid(view: View) -> Plan:
    """Drag an item of a grid to a place."""
    name, place = view.words(r"Drag (.*?) (to the .*|(?:up|down|left|right) .*)\.")
    index = view.read(_INDEX, name=name)
    words = place.split()
    if words[0] in _STEPS:
        dx, dy = _STEPS[words[0]]
        target = index + dx + 3 * dy
    else:
        row = {"top": 0, "center": 1, "bottom": 2}[words[2]]
        column = {"left": 0, "center": 1, "right": 2}[words[3] if len(words) > 3 else "center"]
        target = 3 * row + column
    return _carry(view, index, target)


def _carry(view: View, index: int, target: int) -> Plan:
    """Take an item up, move it until the others have made room at the target, and put it down."""
    cells = view.read(f"all('#sortable li').filter(e => !e.matches('.ui-sortable-helper')).map({BOX})")
    held = view.read(f"(e => e && {BOX}(e))(one('.ui-sortable-helper'))")
    to_x, to_y = (round(value) for value in middle(cells[target]))
    there = [ToolCall("move", {"x": to_x, "y": to_y}), ToolCall("mouse_up", {"x": to_x, "y": to_y})]
    if not held:
        x, y = (round(value) for value in middle(cells[index]))
        return ([] if view.read("!!one('#sortable li:active')") else [ToolCall("mouse_down", {"x": x, "y": y})]) + there
    x, y = (round(value) for value in middle(held))
    room = view.read(
        "all('#sortable li').filter(e => !e.matches('.ui-sortable-helper'))"
        ".findIndex(e => e.matches('.ui-sortable-placeholder'))"
    )
    up = ToolCall("mouse_up", {"x": x, "y": y})
    if room == target:
        return [up]
    # The others make room when the item comes over their middle: from one side, then from the other.
    side = 5 if (x, y) != (to_x + 5, to_y + 5) else -5
    return [ToolCall("move", {"x": to_x + side, "y": to_y + side}), up]


@expert("drag-sort-numbers")
def drag_sort_numbers(view: View) -> Plan:
    """Sort numbers by dragging, the smallest first."""
    numbers = view.read("all('#sortable li').map(e => parseInt(text(e)))")
    ordered, moves, current = sorted(numbers), [], list(numbers)
    for target, number in enumerate(ordered):
        index = current.index(number, target)
        if index != target:
            moves.append((index, target))
            current.insert(target, current.pop(index))
    return [_drag_item(view, *move) for move in moves] + view.submit()


@expert("resize-textarea")
def resize_textarea(view: View) -> Plan:
    """Drag the corner of a text area."""
    side, way = view.words(r"so that the (width|height) is (smaller|larger)")
    grown = view.read(
        "(i => i && i.originalSize ? i.size[side] - i.originalSize[side] : 0)($('#tt').data('ui-resizable'))", side=side
    )
    step = 20 if way == "larger" else -20
    if grown * step > 0:
        return view.submit("one('#submit')")
    x, y = middle(view.read(f"{BOX}(one('.ui-resizable-se'))"))
    move = drag(x, y, x + step * (side == "width"), y + step * (side == "height"))
    return [move, *view.submit("one('#submit')")]


def _mark(view: View, paragraph: str) -> Plan:
    same = "getSelection().toString().replace(/\\s/g, '') === %s.textContent.replace(/\\s/g, '')"
    button = view.submit()
    if view.read(same % paragraph):
        return button
    ends = f"""(p => {{ const range = document.createRange(); range.selectNodeContents(p);
      const boxes = [...range.getClientRects()].filter(r => r.width > 0), a = boxes[0], z = boxes[boxes.length - 1];
      return [a.left, a.top + a.height / 2, z.right, z.top + z.height / 2]; }})({paragraph})"""
    left, top, right, bottom = view.read(ends)
    return [drag(math.floor(left), top, math.ceil(right) + 1, bottom), *button]


@expert("highlight-text")
def highlight_text(view: View) -> Plan:
    """Mark a text."""
    return _mark(view, "one('#randomText')")


@expert("highlight-text-2")
def highlight_text_2(view: View) -> Plan:
    """Mark a paragraph."""
    (place,) = view.words(r"the (\d)\w\w paragraph")
    return _mark(view, f"all('#randomText p')[{int(place) - 1}]")


# Whether a stroke is being drawn: d3 then listens to the window.
_HELD = "(window.__on || []).some(o => o.type === 'mousemove')"


@expert("draw-line")
def draw_line(view: View) -> Plan:
    """Draw a line through a point."""
    (way,) = view.words(r"Draw a (horizontal|vertical) line")
    plan = view.click("one('#controls button')")
    if view.read(f"!!one('svg path') && !{_HELD}"):
        return plan
    x, y = middle(view.read(f"{BOX}(one('#circ'))"))
    x, y = x - 3, y - 3  # the page measures from the corner of the point
    ends = (
        ((max(5, x - 60), y), (min(147, x + 60), y))
        if way == "horizontal"
        else ((x, max(58, y - 40)), (x, min(155, y + 40)))
    )
    names = ("mouse_down", "move", "mouse_up")
    stroke = [
        ToolCall(name, {"x": round(point[0]), "y": round(point[1])})
        for name, point in zip(names, (ends[0], (x, y), ends[1]), strict=True)
    ]
    drawn = view.read("arrayPoints.length") if view.read(_HELD) else 0
    return stroke[min(drawn, 2) :] + plan


@expert("draw-circle")
def draw_circle(view: View) -> Plan:
    """Draw a circle around a point, stroke by stroke."""
    x, y = middle(view.read(f"{BOX}(one('#circ'))"))
    count = 16
    points = [
        {"x": round(x + 20 * math.cos(2 * math.pi * k / count)), "y": round(y + 20 * math.sin(2 * math.pi * k / count))}
        for k in range(count + 1)
    ]
    held = view.read(_HELD)
    if not held:
        submit = view.click("one('#controls button')")
        if view.read("!!one('svg path')"):
            return submit
        strokes = [ToolCall("mouse_down", points[0]), *(ToolCall("move", point) for point in points[1:])]
        return [*strokes, ToolCall("mouse_up", points[0]), *submit]
    drawn = view.read("arrayPoints.length")
    rest = [ToolCall("move", point) for point in points[drawn:]]
    return [*rest, ToolCall("mouse_up", points[0]), *view.click("one('#controls button')")]


@expert("text-editor")
def text_editor(view: View) -> Plan:
    """Mark a word, or everything, in an editor and give it a style or colour."""
    asked = view.utterance
    single = re.search(r"give the text (\S+) the", asked)
    word = single[1] if single else ""
    style = view.words(r"(?:the style|the color) (\w+)")[0]
    key = {"bold": "bold", "italics": "italic", "underlined": "underline"}.get(style, "color")
    values = {"word": word, "key": key, "style": style}
    done = """editor.getContents().ops.some(o => o.attributes && o.attributes[key]
      && (key !== 'color' || COLOR_MAP[style].includes(o.attributes.color))
      && (word ? o.insert.trim() === word : o.insert.trim() === editor.getText().trim()))"""
    if view.read(done, **values):
        return view.submit()
    marked = """(s => !!s && editor.getText(s.index, s.length).trim() === (word || editor.getText().trim()))(
      document.activeElement.closest('.ql-editor') && editor.getSelection())"""
    if key == "color" and view.read(
        "shown(one('.ql-color .ql-picker-options'))"
    ):  # the editor remembers what is marked
        color = "COLOR_MAP[style].map(c => one(`.ql-color [data-value='${c}']`)).find(at)"
        return [*view.click(color, style=style), *view.submit()]
    paint = view.click("one('.ql-' + (key === 'color' ? 'color .ql-picker-label' : key))", key=key)
    paint += [press("Tab")] * (key == "color")
    if view.read(marked, **values):
        return [*paint, *view.submit()]
    if single:
        box = view.read(
            """(() => {
              const node = document.createTreeWalker(one('.ql-editor'), NodeFilter.SHOW_TEXT).nextNode();
              const found = node && new RegExp('(^| )' + word.replace(/[.]/g, '\\\\.') + '( |$)').exec(node.data);
              if (!found) return null;
              const range = document.createRange(), start = found.index + found[1].length;
              range.setStart(node, start);
              range.setEnd(node, start + word.length);
              const boxes = [...range.getClientRects()], a = boxes[0], z = boxes[boxes.length - 1];
              return [a.left, a.top + a.height / 2, z.right, z.top + z.height / 2];
            })()""",
            word=word,
        )
        styled = [drag(*box), *paint] if box else []  # nothing where the word is gone
        return [*styled, *view.submit()]
    focus = [] if view.read("!!document.activeElement.closest('.ql-editor')") else view.click("one('.ql-editor')")
    return [*focus, press("Control+a"), *paint, *view.submit()]
