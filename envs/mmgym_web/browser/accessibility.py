"""The accessibility tree of a page: what a screen reader would read, with the place of each node in the viewport."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmgym_web.browser.cdp import CDPError

if TYPE_CHECKING:
    from mmgym_web.browser.page import EpisodePage

__all__ = ["AccessibilityNode", "accessibility_tree"]

_HIDDEN_ROLES = frozenset({"none", "generic", "InlineTextBox", "LineBreak", "presentation"})


@dataclass(frozen=True)
class AccessibilityNode:
    """One node."""

    role: str
    """ARIA role, as ``button``, ``textbox``, ``StaticText``."""
    name: str
    """Accessible name."""
    value: str
    """Value of a field; empty for none."""
    states: dict[str, Any] = field(default_factory=dict)
    """Properties such as ``checked``, ``disabled``, ``expanded``, ``focused`` and ``selected``."""
    depth: int = 0
    """Depth in the tree of the nodes listed; the document is 0."""
    box: tuple[float, float, float, float] | None = None
    """Left, top, width and height in viewport pixels; None if it is not laid out."""


_STATES = frozenset("checked disabled expanded focused invalid pressed readonly required selected".split())


async def accessibility_tree(page: EpisodePage) -> list[AccessibilityNode]:
    """Nodes in reading order; nodes that say nothing are left out and their children take their place."""
    send = page.session.send
    tree, snapshot, frames = await asyncio.gather(
        send("Accessibility.getFullAXTree"),
        send("DOMSnapshot.captureSnapshot", computedStyles=[]),
        send("Page.getFrameTree"),
    )
    boxes = _boxes(snapshot)
    inner: dict[int, list[dict[str, Any]]] = {}
    for frame in _frames_below(frames["frameTree"]):
        try:
            owner, content = await asyncio.gather(
                send("DOM.getFrameOwner", frameId=frame), send("Accessibility.getFullAXTree", frameId=frame)
            )
        except CDPError:
            continue  # the frame went away meanwhile
        inner[owner["backendNodeId"]] = content["nodes"]
    found: list[AccessibilityNode] = []
    _collect(tree["nodes"], inner, boxes, found)
    return found


def _frames_below(tree: dict[str, Any]) -> Iterator[str]:
    for child in tree.get("childFrames", []):
        yield child["frame"]["id"]
        yield from _frames_below(child)


def _collect(
    nodes: list[dict[str, Any]],
    inner: dict[int, list[dict[str, Any]]],
    boxes: dict[int, tuple[float, float, float, float]],
    found: list[AccessibilityNode],
) -> None:
    # Ids of two frames may be equal: a node is known by its frame's table and its id.
    table = {node["nodeId"]: node for node in nodes}
    stack = [(node, table, 0) for node in nodes if "parentId" not in node]
    while stack:
        node, table, depth = stack.pop()
        role = node.get("role", {}).get("value", "")
        name = str(node.get("name", {}).get("value", ""))
        identifier = node.get("backendDOMNodeId", 0)
        shown = not node.get("ignored") and (role not in _HIDDEN_ROLES or bool(name and role == "generic"))
        if shown:
            states = {
                entry["name"]: entry["value"].get("value")
                for entry in node.get("properties", [])
                if entry["name"] in _STATES
            }
            value = str(node.get("value", {}).get("value", ""))
            found.append(AccessibilityNode(role, name, value, states, depth, boxes.get(identifier)))
        below = [(table[child], table, depth + shown) for child in node.get("childIds", []) if child in table]
        content = inner.pop(identifier, [])
        content_table = {node["nodeId"]: node for node in content}
        below += [(node, content_table, depth + shown) for node in content if "parentId" not in node]
        stack += reversed(below)


def _boxes(snapshot: dict[str, Any]) -> dict[int, tuple[float, float, float, float]]:
    """Viewport boxes by backend node id; those of a frame's document are moved to where the frame is."""
    documents = snapshot["documents"]
    boxes: dict[int, tuple[float, float, float, float]] = {}
    offsets = {0: (0.0, 0.0)}
    for index, document in enumerate(documents):
        left, top = offsets.get(index, (0.0, 0.0))
        left -= document.get("scrollOffsetX", 0)
        top -= document.get("scrollOffsetY", 0)
        identifiers = document["nodes"]["backendNodeId"]
        inner = document["nodes"].get("contentDocumentIndex", {"index": [], "value": []})
        contents = dict(zip(inner["index"], inner["value"], strict=True))
        layout = document["layout"]
        for node, (x, y, width, height) in zip(layout["nodeIndex"], layout["bounds"], strict=True):
            box = (x + left, y + top, width, height)
            boxes.setdefault(identifiers[node], box)
            if node in contents:
                offsets[contents[node]] = box[:2]
    return boxes
