"""Pictures of bank cards, as SVG: what is printed on them stands nowhere in the pages' text."""

from __future__ import annotations

from html import escape

__all__ = ["draw_back", "draw_front"]

_COLOURS = (("#1d3a6b", "#4f7ac0"), ("#4a1d5e", "#9a55b8"), ("#14503f", "#3fa585"), ("#5a2418", "#c2694f"))
_OPEN = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 200" width="320" height="200" '
    'font-family="Liberation Sans, sans-serif"><defs><linearGradient id="g" x2="1" y2="1"><stop offset="0" '
    'stop-color="{0}"/><stop offset="1" stop-color="{1}"/></linearGradient></defs>'
    '<rect width="320" height="200" rx="14" fill="url(#g)"/>'
)


def draw_front(look: int, holder: str, last4: str, expires: str) -> str:
    """A card's front in one of four looks (0-3)."""
    return (
        _OPEN.format(*_COLOURS[look]) + '<rect x="24" y="58" width="44" height="34" rx="6" fill="#e0c26a"/>'
        '<path d="M24 75h44M46 58v34" stroke="#a88b3a" stroke-width="2"/><g fill="#fff">'
        '<text x="24" y="36" font-size="18" font-weight="700">Fairwell Bank</text>'
        f'<text x="24" y="128" font-size="21" font-family="Liberation Mono, monospace">•••• •••• •••• {last4}</text>'
        f'<text x="24" y="160" font-size="15">{escape(expires)}</text>'
        f'<text x="24" y="182" font-size="14">{escape(holder)}</text></g>'
        '<circle cx="262" cy="162" r="20" fill="#fff" opacity=".55"/>'
        '<circle cx="284" cy="162" r="20" fill="#fff" opacity=".35"/></svg>'
    )


def draw_back(look: int, code: str) -> str:
    """A card's back, with its security code."""
    return (
        _OPEN.format(*_COLOURS[look]) + '<rect y="24" width="320" height="40" fill="#15171c"/>'
        '<rect x="24" y="86" width="200" height="34" fill="#f1efe8"/>'
        '<path d="M34 108q18-20 34 0t34-4t34 2" fill="none" '
        'stroke="#40507a" stroke-width="2"/><rect x="228" y="86" width="62" height="34" fill="#fff"/>'
        f'<text x="240" y="110" font-size="20" font-style="italic" font-family="Liberation Mono, monospace" '
        f'fill="#15171c">{code}</text></svg>'
    )
