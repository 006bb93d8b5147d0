"""Options of agents behind an API, the same for every protocol."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from typing import Any

from mmgym.learn.mapping import at_least, only
from mmgym_agents.context import parse_context

__all__ = ["EFFORTS", "PRICES", "APIOptions"]

EFFORTS = ("minimal", "low", "medium", "high", "xhigh", "max")
"""How much a model may think; which of them there are is for the model to say."""
PRICES = ("input", "output", "cached", "cache_write")
"""What has a price."""


@dataclass(frozen=True)
class APIOptions:
    """What an agent behind an API is made with."""

    model: str = ""
    """Name of the model, as the endpoint knows it."""
    base_url: str = ""
    """Where the endpoint is; empty for the vendor's own."""
    key_variable: str = ""
    """Environment variable that holds the key. Empty takes the vendor's usual one for the vendor's own endpoint, and
    sends no key to any other."""
    max_tokens: int = 1024
    """Longest answer, thinking included; 0 leaves it to the endpoint."""
    temperature: Any = None
    """Of sampling; None leaves it to the endpoint, which some models insist on."""
    thinking: Any = None
    """true or false, or how much: minimal, low, medium, high, xhigh, max. None leaves it to the endpoint."""
    tool_choice: str = "auto"
    """``auto`` lets the model answer without a call, which costs the turn; ``required`` does not."""
    context: str = "full"
    """What of the episode is sent: ``full``, ``window(k)`` or ``window(k)+summary`` (see `mmgym_agents.context`)."""
    pictures: int = 0
    """Most pictures that are sent, the latest ones; a note stands for each other. 0 sends all."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the request, by the protocol's own names; they go before ours."""
    prices: dict[str, float] = field(default_factory=dict)
    """Dollars for a million tokens: ``input``, ``output``, and where they differ from input, ``cached`` for what was
    read from the endpoint's cache and ``cache_write`` for what was written to it."""
    requests_per_minute: int = 0
    """Most requests begun in a minute; 0 for no limit."""
    tokens_per_minute: int = 0
    """Most tokens, read and written, in a minute, by the mean of the answers so far; 0 for no limit."""
    retries: int = 6
    """How often a request is sent again after a time-out, a lost connection, a rate limit or an error of the server."""
    timeout: float = 120.0
    """Seconds that one request may take."""

    def __post_init__(self) -> None:
        if not self.model:
            raise ValueError("model must name the endpoint's model")
        at_least(self, 0, "max_tokens", "pictures", "requests_per_minute", "tokens_per_minute", "retries")
        if not 0 < self.timeout < math.inf:
            raise ValueError(f"timeout must be above 0; got {self.timeout}")
        if self.base_url and (not self.base_url.startswith(("http://", "https://")) or "@" in self.base_url):
            raise ValueError(
                "base_url must start with http:// or https:// and hold no password (the key comes from the variable "
                f"that key_variable names); got {self.base_url!r}"
            )
        warmth = self.temperature
        if warmth is not None and (isinstance(warmth, bool) or not isinstance(warmth, (int, float)) or warmth < 0):
            raise ValueError(f"temperature must be a number from 0 on; got {warmth!r}")
        if self.thinking not in (None, True, False, *EFFORTS):
            raise ValueError(f"thinking must be true, false or one of {', '.join(EFFORTS)}; got {self.thinking!r}")
        if self.tool_choice not in ("auto", "required"):
            raise ValueError(f"tool_choice must be auto or required; got {self.tool_choice!r}")
        parse_context(self.context)
        only("prices", self.prices, PRICES)
        if self.prices and not {"input", "output"} <= set(self.prices):
            raise ValueError(f"prices must hold input and output; got {self.prices}")
        if any(not 0 <= price < math.inf for price in self.prices.values()):
            raise ValueError(f"prices must be from 0 on; got {self.prices}")

    def key(self, usual: str) -> str:
        """The key; empty where the endpoint wants none.

        Args:
            usual: the vendor's own variable.

        Raises:
            ValueError: when the variable is empty, or holds what no header can: an error of the connection would
                quote it.
        """
        variable = self.key_variable or ("" if self.base_url else usual)
        key = os.environ.get(variable, "").strip() if variable else ""
        if variable and not key:
            raise ValueError(f"the environment variable {variable} must hold the key of the endpoint; it is empty")
        if not all("!" <= letter <= "~" for letter in key):
            raise ValueError(
                f"the environment variable {variable} must hold the key of the endpoint and nothing else; it holds "
                "spaces, line ends or letters beyond ASCII"
            )
        return key

    def dollars(self, usage: dict[str, float]) -> float:
        """What tokens cost; 0 without prices."""
        if not self.prices:
            return 0.0
        cached, written = usage.get("cached_tokens", 0), usage.get("cache_write_tokens", 0)
        fresh, price = usage.get("prompt_tokens", 0) - cached - written, self.prices
        read = fresh * price["input"] + cached * price.get("cached", price["input"])
        read += written * price.get("cache_write", price["input"])
        return (read + usage.get("completion_tokens", 0) * price["output"]) / 1e6
