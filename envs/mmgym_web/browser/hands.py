"""Carries out mouse and keyboard actions on a page, in order, each group acknowledged before the next begins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, assert_never

from mmgym_web.browser.inputs import (
    BUTTON_BITS,
    Action,
    Click,
    Mouse,
    Press,
    TypeText,
    Wheel,
    character_events,
    clipboard_use,
    key_events,
)

if TYPE_CHECKING:
    from mmgym_web.browser.page import EpisodePage

__all__ = ["Hands"]

_MOUSE_TYPES = {"moved": "mouseMoved", "pressed": "mousePressed", "released": "mouseReleased"}

# Whether a point of the viewport is on a scroll bar.
_ON_SCROLL_BAR = """((x, y) => {
  for (let view = window, e; ; view = e.contentWindow) {
    const visible = view.visualViewport;
    if (x < view.innerWidth && y < view.innerHeight && (x >= visible.width || y >= visible.height)) return true;
    e = view.document.elementFromPoint(x, y);
    for (let inner; e && e.shadowRoot && (inner = e.shadowRoot.elementFromPoint(x, y)) && inner !== e;) e = inner;
    if (!e) return false;
    const box = e.getBoundingClientRect();
    x -= box.left + e.clientLeft;
    y -= box.top + e.clientTop;
    if (e.tagName === 'IFRAME') { if (e.contentDocument) continue; return false; }
    if (x >= 0 && y >= 0 && x < e.clientWidth && y < e.clientHeight) return false;
    const style = view.getComputedStyle(e);
    const size = (...names) => names.reduce((sum, name) => sum + parseFloat(style[name]), 0);
    return !/^(visible|hidden|clip)( (visible|hidden|clip))?$/.test(style.overflow) && style.display !== 'inline' &&
      (e.offsetWidth - e.clientWidth - size('borderLeftWidth', 'borderRightWidth') >= 1 ||
       e.offsetHeight - e.clientHeight - size('borderTopWidth', 'borderBottomWidth') >= 1);
  }
})"""

# The selected text, in a field or on the page; none of a password's.
_SELECTED = """(() => {
  let page = document, e = page.activeElement;
  for (;;) {
    if (e && e.shadowRoot && e.shadowRoot.nodeType === 11 && e.shadowRoot.activeElement) e = e.shadowRoot.activeElement;
    else if (e && e.tagName === 'IFRAME' && e.contentDocument) e = (page = e.contentDocument).activeElement;
    else break;
  }
  const field = e && (e.tagName === 'INPUT' || e.tagName === 'TEXTAREA');
  if (field && e.type === 'password') return '';
  if (field && e.selectionStart !== null) return e.value.slice(e.selectionStart, e.selectionEnd);
  return String(page.getSelection());
})()"""


class Hands:
    """The mouse and the keyboard of one page.

    The browser draws no frame that we issue while a scroll bar is held. A press on one is kept back until the button is
    released; then press, way and release arrive together.

    The browser has one clipboard for all pages. Each page has its own here, of text that its keyboard copied: nothing
    passes from one episode to another.

    Args:
        page: the page.
    """

    def __init__(self, page: EpisodePage) -> None:
        self._page = page
        self.touched = False  # whether something was pressed since this was last taken back
        self._held = 0
        self._clipboard = ""
        self._at = (0.0, 0.0)
        self._grip: Mouse | None = None

    async def perform(self, actions: Sequence[Action]) -> None:
        """Carry out actions.

        Raises:
            ValueError: for a key that does not exist, before anything is done.
        """
        prepared = [key_events(action.keys) if isinstance(action, Press) else [] for action in actions]
        for action, events in zip(actions, prepared, strict=True):
            self.touched |= not isinstance(action, Wheel) and not (isinstance(action, Mouse) and action.kind == "moved")
            match action:
                case Click():
                    await self._click(action)
                case Mouse():
                    await self._mouse(action)
                case Wheel():
                    await self._wheel(action)
                case Press():
                    await self._press(events)
                case TypeText():
                    await self._type(action.text)
                case _:
                    assert_never(action)

    @property
    def holding(self) -> bool:
        """Whether the page knows of a mouse button that is down."""
        return self._held != 0

    def let_go(self) -> None:
        """Release what is held, where the mouse is, without waiting for the page."""
        for name, bit in BUTTON_BITS.items():
            if self._held & bit:
                self._button(Mouse("released", *self._at, name))

    async def _click(self, click: Click) -> None:
        await self._release_grip()
        sent = [self._send("mouseMoved", click.x, click.y)]
        for number in range(1, click.count + 1):
            for kind in ("pressed", "released"):
                sent.append(self._button(Mouse(kind, click.x, click.y, click.button, number)))
        for answer in sent:
            await answer

    async def _mouse(self, event: Mouse) -> None:
        if self._page.drag is not None:
            await self._dragging(event)
        elif event.kind == "moved":
            if self._grip is None:
                await self._move(event.x, event.y)
        elif event.kind == "released" and self._grip is not None:
            await self._release_grip(event)
        else:
            await self._release_grip()
            if event.kind == "pressed" and await self._on_scroll_bar(event):
                self._grip = event
                return
            # The move that comes before is handled together with the press, without a frame in between.
            moved = self._send("mouseMoved", event.x, event.y)
            await asyncio.gather(moved, self._button(event))

    async def _on_scroll_bar(self, event: Mouse) -> bool:
        if not self._page.frames.issued:
            return False
        found = await self._page.evaluate(f"{_ON_SCROLL_BAR}({event.x}, {event.y})", "isolated")
        return bool(found)

    async def _release_grip(self, end: Mouse | None = None) -> None:
        """Carry out a drag of a scroll bar that was kept back, to `end` or on the spot."""
        if self._grip is None:
            return
        start, self._grip = self._grip, None
        sent = [self._send("mouseMoved", start.x, start.y), self._button(start)]
        x, y = (start.x, start.y) if end is None else (end.x, end.y)
        if (x, y) != (start.x, start.y):
            sent.append(self._send("mouseMoved", x, y, button=start.button))
        sent.append(self._button(Mouse("released", x, y, start.button, start.count)))
        await self._acknowledged(asyncio.gather(*sent))

    def _button(self, event: Mouse) -> asyncio.Future[Any]:
        bit = BUTTON_BITS[event.button]
        self._held = self._held | bit if event.kind == "pressed" else self._held & ~bit
        return self._send(_MOUSE_TYPES[event.kind], event.x, event.y, button=event.button, clickCount=event.count)

    def _send(self, kind: str, x: float, y: float, **more: Any) -> asyncio.Future[Any]:
        self._at = x, y
        return self._page.session.send(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, buttons=self._held, pointerType="mouse", **more
        )

    async def _move(self, x: float, y: float) -> None:
        button = next((name for name, bit in BUTTON_BITS.items() if self._held & bit), "none")
        sent = self._send("mouseMoved", x, y, button=button)
        await self._acknowledged(sent)

    async def _wheel(self, wheel: Wheel) -> None:
        sent = self._send("mouseWheel", wheel.x, wheel.y, deltaX=wheel.dx, deltaY=wheel.dy)
        await self._acknowledged(sent)

    async def _acknowledged(self, sent: asyncio.Future[Any]) -> None:
        # Moves and wheels wait for a frame in the page. This round trip lets the event arrive there before it.
        await self._page.session.send("Runtime.evaluate", expression="0")
        await self._page.draw_for_input(sent)

    async def _dragging(self, event: Mouse) -> None:
        kind = {"moved": "dragOver", "released": "drop"}.get(event.kind)
        if kind is None:
            return
        send = self._page.session.send
        await send("Input.dispatchDragEvent", type="dragEnter", x=event.x, y=event.y, data=self._page.drag)
        await send("Input.dispatchDragEvent", type="dragOver", x=event.x, y=event.y, data=self._page.drag)
        if kind == "drop":
            await send("Input.dispatchDragEvent", type="drop", x=event.x, y=event.y, data=self._page.drag)
            self._page.drag = None
            await self._button(event)

    async def _press(self, events: list[dict[str, Any]]) -> None:
        use = clipboard_use(events)
        if use in ("copy", "cut"):
            self._clipboard = await self._page.evaluate(_SELECTED, "isolated") or self._clipboard
        await self._keys(events)
        if use == "paste":
            await self._page.session.send("Input.insertText", text=self._clipboard)

    async def _keys(self, events: list[dict[str, Any]]) -> None:
        await asyncio.gather(*(self._page.session.send("Input.dispatchKeyEvent", **event) for event in events))

    async def _type(self, text: str) -> None:
        waiting: list[dict[str, Any]] = []
        for character in text:
            events = character_events(character)
            if events is None:
                # Inserted text takes another way into the page: what was typed before it must have arrived.
                await self._keys(waiting)
                waiting = []
                await self._page.session.send("Input.insertText", text=character)
            else:
                waiting += events
        await self._keys(waiting)
