"""Carries out mouse and keyboard actions on a page, in order, each group acknowledged before the next begins."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, assert_never

from mmgym_web.browser.inputs import (
    BUTTON_BITS,
    Action,
    Click,
    InsertText,
    Mouse,
    Press,
    TypeText,
    Wheel,
    character_events,
    key_events,
)

if TYPE_CHECKING:
    from mmgym_web.browser.page import EpisodePage

__all__ = ["Hands"]

_MOUSE_TYPES = {"moved": "mouseMoved", "pressed": "mousePressed", "released": "mouseReleased"}


class Hands:
    """The mouse and the keyboard of one page.

    Args:
        page: the page.
    """

    def __init__(self, page: EpisodePage) -> None:
        self._page = page
        self._held = 0

    async def perform(self, actions: Sequence[Action]) -> None:
        """Carry out actions.

        Raises:
            ValueError: for a key that does not exist, before anything is done.
        """
        prepared = [key_events(action.keys) if isinstance(action, Press) else [] for action in actions]
        for action, events in zip(actions, prepared, strict=True):
            match action:
                case Click():
                    await self._click(action)
                case Mouse():
                    await self._mouse(action)
                case Wheel():
                    await self._wheel(action)
                case Press():
                    await self._keys(events)
                case TypeText():
                    await self._type(action.text)
                case InsertText():
                    await self._page.session.send("Input.insertText", text=action.text)
                case _:
                    assert_never(action)

    async def _click(self, click: Click) -> None:
        sent = [self._send("mouseMoved", click.x, click.y)]
        for number in range(1, click.count + 1):
            for kind in ("pressed", "released"):
                sent.append(self._button(Mouse(kind, click.x, click.y, click.button, number)))
        await asyncio.gather(*sent)

    async def _mouse(self, event: Mouse) -> None:
        if self._page.drag is not None:
            await self._dragging(event)
        elif event.kind == "moved":
            await self._move(event.x, event.y)
        else:
            # The move that comes before is handled together with the press, without a frame in between.
            moved = self._send("mouseMoved", event.x, event.y)
            await asyncio.gather(moved, self._button(event))

    def _button(self, event: Mouse) -> asyncio.Future[Any]:
        bit = BUTTON_BITS[event.button]
        self._held = self._held | bit if event.kind == "pressed" else self._held & ~bit
        return self._send(_MOUSE_TYPES[event.kind], event.x, event.y, button=event.button, clickCount=event.count)

    def _send(self, kind: str, x: float, y: float, **more: Any) -> asyncio.Future[Any]:
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
