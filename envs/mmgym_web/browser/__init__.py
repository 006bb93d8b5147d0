"""Chromium under control: isolated pages whose time, frames and network belong to the environment."""

from mmgym_web.browser.accessibility import AccessibilityNode
from mmgym_web.browser.cdp import BrowserFailure, CDPError
from mmgym_web.browser.chromium import PoolSettings
from mmgym_web.browser.config import Dialog, PageConfig
from mmgym_web.browser.handle import Outcome, Page
from mmgym_web.browser.inputs import KEYS, Action, Click, Mouse, Press, TypeText, Wheel
from mmgym_web.browser.network import NavigationRefused, Refusal, check_address, host_and_ports, is_allowed
from mmgym_web.browser.pool import Pool, close_pool, get_pool

__all__ = [
    "KEYS",
    "AccessibilityNode",
    "Action",
    "BrowserFailure",
    "CDPError",
    "Click",
    "Dialog",
    "Mouse",
    "NavigationRefused",
    "Outcome",
    "Page",
    "PageConfig",
    "Pool",
    "PoolSettings",
    "Press",
    "Refusal",
    "TypeText",
    "Wheel",
    "check_address",
    "close_pool",
    "get_pool",
    "host_and_ports",
    "is_allowed",
]
