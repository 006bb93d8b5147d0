"""Experts for tasks in which time counts. The page's time stands still between calls."""

from __future__ import annotations

from mmgym.spaces import ToolCall
from mmgym_web.miniwob.experts import Plan, View, expert, hover, wait


@expert("button-delay")
def button_delay(view: View) -> Plan:
    """Click one button, wait some seconds, click the other."""
    second = view.click("one('#subbtn2')")
    (seconds,) = view.words(r"wait (\d) seconds")
    elapsed = view.read("currentTime === undefined ? -1 : (Date.now() - currentTime) / 1000")
    if elapsed < 0:
        return [*view.click("one('#subbtn')"), wait(), *second]
    left = float(seconds) - elapsed
    return second if left < 0.1 else [wait(round(left - 0.05, 2)), *second]


@expert("stock-market")
def stock_market(view: View) -> Plan:
    """Buy when the price is not above a limit: at the latest at the price from which the limit was taken, the 76th."""
    (limit,) = view.words(r"less than \$([\d.]+)\.$")
    price = view.read("parseFloat(text(one('#stock-price')).slice(1)) || null")
    buy = view.click("one('#buy')")
    if price is not None and price <= float(limit):
        return buy
    return [wait(0.1 if view.read("priceIndex") < 70 else 0.04), *buy]


@expert("chase-circle")
def chase_circle(view: View) -> Plan:
    """Keep the mouse in a moving circle. It cannot be there from the very start."""
    x, y = view.read("at(one('#circ'))")
    return [ToolCall("move", {"x": x, "y": y})]


@expert("hover-shape")
def hover_shape(view: View) -> Plan:
    """Follow the coloured square, for as long as there are turns: the page gives no end."""
    return [hover(*view.read("at(one('#highlight'))"))]
