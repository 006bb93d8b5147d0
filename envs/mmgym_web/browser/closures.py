"""What the functions of a page keep to themselves: variables that no expression of ours can name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mmgym_web.browser.cdp import CDPError

if TYPE_CHECKING:
    from mmgym_web.browser.page import EpisodePage

__all__ = ["inner_variables"]

_GROUP = "inner variables"


async def inner_variables(page: EpisodePage, function: str, names: tuple[str, ...]) -> list[Any]:
    """The JSON values of variables that a function of the page's scripts has taken from where it was made.

    Args:
        page: the page.
        function: JavaScript expression whose value is the function.
        names: names of the variables.

    Raises:
        CDPError: what the expression threw, or if the function holds no such variable.
    """
    send = page.session.send

    async def properties(of: str) -> dict[str, Any]:
        found: dict[str, Any] = await send("Runtime.getProperties", objectId=of, ownProperties=True)
        return found

    async def json(value: dict[str, Any]) -> Any:
        if "objectId" not in value:
            return value.get("value")
        itself = "function() { return this; }"
        object_id = value["objectId"]
        answer = await send(
            "Runtime.callFunctionOn", functionDeclaration=itself, objectId=object_id, returnByValue=True
        )
        return answer["result"].get("value")

    try:
        asked = await send("Runtime.evaluate", expression=function, objectGroup=_GROUP)
        if "exceptionDetails" in asked:
            raise CDPError(f"{asked['result'].get('description')} in {function[:200]}")
        if asked["result"]["type"] != "function":
            raise CDPError(f"no function: {function[:200]}")
        internal = (await properties(asked["result"]["objectId"]))["internalProperties"]
        scopes = next(entry["value"]["objectId"] for entry in internal if entry["name"] == "[[Scopes]]")
        found: dict[str, dict[str, Any]] = {}
        for scope in (await properties(scopes))["result"]:
            value = scope.get("value", {})
            if value.get("description", "").startswith(("Closure", "Block")):
                for entry in (await properties(value["objectId"]))["result"]:
                    found.setdefault(entry["name"], entry["value"])
        if missing := [name for name in names if name not in found]:
            raise CDPError(f"the function has no {', '.join(missing)}; it has: {', '.join(sorted(found))}")
        return list(await asyncio.gather(*(json(found[name]) for name in names)))
    finally:
        await send("Runtime.releaseObjectGroup", objectGroup=_GROUP)
