"""What a hand can do to a page: mouse, wheel and keys, as commands of the DevTools protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["KEYS", "Action", "Click", "Mouse", "Press", "TypeText", "Wheel", "key_events"]

Button = Literal["left", "middle", "right"]

BUTTON_BITS: dict[Button, int] = {"left": 1, "right": 2, "middle": 4}


@dataclass(frozen=True)
class Mouse:
    """One mouse event at a point of the viewport, in CSS pixels."""

    kind: Literal["moved", "pressed", "released"]
    x: float
    y: float
    button: Button = "left"
    """Which button is pressed or released."""
    count: int = 1
    """Which click of a series this is: 2 for the second of a double click."""


@dataclass(frozen=True)
class Click:
    """The mouse moves to a point and clicks, `count` times in a row."""

    x: float
    y: float
    button: Button = "left"
    count: int = 1


@dataclass(frozen=True)
class Wheel:
    """The wheel turns over a point: positive `dy` shows what is further down, in CSS pixels."""

    x: float
    y: float
    dx: float = 0
    dy: float = 0


@dataclass(frozen=True)
class Press:
    """A key, or a chord such as ``"Control+Shift+ArrowLeft"``, goes down and up. Names are in `KEYS`."""

    keys: str


@dataclass(frozen=True)
class TypeText:
    """Each character's key goes down and up; a character that no key has is inserted."""

    text: str


Action = Mouse | Click | Wheel | Press | TypeText

_MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}

# Name -> (code, Windows virtual key code, text it enters).
KEYS: dict[str, tuple[str, int, str]] = {
    "Alt": ("AltLeft", 18, ""),
    "Control": ("ControlLeft", 17, ""),
    "Meta": ("MetaLeft", 91, ""),
    "Shift": ("ShiftLeft", 16, ""),
    "Enter": ("Enter", 13, "\r"),
    "Tab": ("Tab", 9, ""),
    "Escape": ("Escape", 27, ""),
    "Backspace": ("Backspace", 8, ""),
    "Delete": ("Delete", 46, ""),
    "Insert": ("Insert", 45, ""),
    "Home": ("Home", 36, ""),
    "End": ("End", 35, ""),
    "PageUp": ("PageUp", 33, ""),
    "PageDown": ("PageDown", 34, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowRight": ("ArrowRight", 39, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "Space": ("Space", 32, " "),
    **{f"F{number}": (f"F{number}", 111 + number, "") for number in range(1, 13)},
}
"""Named keys; besides these, every printable ASCII character is a key."""

_ALIASES = {
    "ctrl": "Control",
    "cmd": "Meta",
    "command": "Meta",
    "option": "Alt",
    "esc": "Escape",
    "return": "Enter",
    "del": "Delete",
    "up": "ArrowUp",
    "down": "ArrowDown",
    "left": "ArrowLeft",
    "right": "ArrowRight",
    "pgup": "PageUp",
    "pgdn": "PageDown",
    "spacebar": "Space",
}
_BY_LOWER = {name.lower(): name for name in KEYS} | _ALIASES

# Unshifted and shifted characters of the keys beside letters and digits on a US keyboard.
_SYMBOLS = {
    "Minus": ("-_", 189),
    "Equal": ("=+", 187),
    "BracketLeft": ("[{", 219),
    "BracketRight": ("]}", 221),
    "Backslash": ("\\|", 220),
    "Semicolon": (";:", 186),
    "Quote": ("'\"", 222),
    "Comma": (",<", 188),
    "Period": (".>", 190),
    "Slash": ("/?", 191),
    "Backquote": ("`~", 192),
}
_CHARACTERS: dict[str, tuple[str, int, bool]] = {" ": ("Space", 32, False)}
for _letter in "abcdefghijklmnopqrstuvwxyz":
    _CHARACTERS[_letter] = (f"Key{_letter.upper()}", ord(_letter.upper()), False)
    _CHARACTERS[_letter.upper()] = (f"Key{_letter.upper()}", ord(_letter.upper()), True)
for _digit, _shifted in zip("0123456789", ")!@#$%^&*(", strict=True):
    _CHARACTERS[_digit] = (f"Digit{_digit}", ord(_digit), False)
    _CHARACTERS[_shifted] = (f"Digit{_digit}", ord(_digit), True)
for _code, (_pair, _number) in _SYMBOLS.items():
    _CHARACTERS[_pair[0]] = (_code, _number, False)
    _CHARACTERS[_pair[1]] = (_code, _number, True)

# What a desktop's keyboard shortcuts do in an edited text: a synthetic key does not do it by itself.
_COMMANDS = {
    "a": "selectAll",
    "c": "copy",
    "x": "cut",
    "z": "undo",
    "y": "redo",
}


# Which chords use the clipboard, by modifiers and key.
_CLIPBOARD: dict[tuple[int, str], Literal["copy", "cut", "paste"]] = {
    (2, "c"): "copy",
    (2, "Insert"): "copy",
    (2, "x"): "cut",
    (8, "Delete"): "cut",
    (2, "v"): "paste",
    (10, "v"): "paste",
    (8, "Insert"): "paste",
}


def clipboard_use(events: list[dict[str, Any]]) -> Literal["copy", "cut", "paste", ""]:
    """What the events of a chord do with the clipboard."""
    for event in events:
        use = _CLIPBOARD.get((event["modifiers"], _folded(event["key"])))
        if use:
            return use
    return ""


def key_events(keys: str) -> list[dict[str, Any]]:
    """The `Input.dispatchKeyEvent` parameters of a key or chord.

    Args:
        keys: names joined by ``+``, modifiers first; case of names does not matter. The plus key itself is ``"+"``.

    Raises:
        ValueError: for a name that is no key, with what is allowed.
    """
    names = ["+"] if keys == "+" else keys.removesuffix("++").split("+") + (["+"] if keys.endswith("++") else [])
    resolved = [_resolve(name.strip() or name, keys) for name in names]
    *held, last = resolved
    if any(name not in _MODIFIERS for name in held):
        raise ValueError(f"only Alt, Control, Meta and Shift can be held in a chord; got {keys!r}")
    mask = 0
    events = []
    for name in held:
        mask |= _MODIFIERS[name]
        events.append(_event("rawKeyDown", name, mask))
    if last in _MODIFIERS:
        return [*events, _event("rawKeyDown", last, mask | _MODIFIERS[last]), *_releases([*held, last], mask)]
    down = _event("keyDown", last, mask)
    command = _COMMANDS.get(last.lower()) if mask & _MODIFIERS["Control"] else None
    if command == "undo" and mask & _MODIFIERS["Shift"]:
        command = "redo"
    if command:
        down["commands"] = [command]
    return [*events, down, _event("keyUp", last, mask), *_releases(held, mask)]


def character_events(character: str) -> list[dict[str, Any]] | None:
    """The key events that type one character, or None if no key of a US keyboard has it."""
    if character == "\n":
        return key_events("Enter")
    if character == "\t":
        return key_events("Tab")
    if character not in _CHARACTERS:
        return None
    mask = _MODIFIERS["Shift"] if _CHARACTERS[character][2] else 0
    return [_event("keyDown", character, mask), _event("keyUp", character, mask)]


def _releases(names: list[str], mask: int) -> list[dict[str, Any]]:
    events = []
    for name in reversed(names):
        mask &= ~_MODIFIERS[name]
        events.append(_event("keyUp", name, mask))
    return events


def _resolve(name: str, keys: str) -> str:
    if len(name) == 1 and name in _CHARACTERS:
        return "Space" if name == " " else name
    found = _BY_LOWER.get(name.lower())
    if found is None:
        raise ValueError(
            f"{name!r} in {keys!r} is no key; allowed are one printable ASCII character, {', '.join(KEYS)}, and chords "
            "such as Control+a"
        )
    return found


def _folded(key: str) -> str:
    return key.lower() if len(key) == 1 else key


def _event(kind: str, name: str, mask: int) -> dict[str, Any]:
    if name in KEYS:
        code, number, text = KEYS[name]
        key = " " if name == "Space" else name
    else:
        code, number, _ = _CHARACTERS[name]
        key = text = name.upper() if mask & _MODIFIERS["Shift"] and name.isalpha() else name
    if mask & ~_MODIFIERS["Shift"]:
        text = ""  # a shortcut enters nothing
    event: dict[str, Any] = {
        "type": "rawKeyDown" if kind == "keyDown" and not text else kind,
        "key": key,
        "code": code,
        # By this number the browser would paste from its one clipboard, which all of its pages share.
        "windowsVirtualKeyCode": 0 if _CLIPBOARD.get((mask, _folded(key))) == "paste" else number,
        "nativeVirtualKeyCode": number,
        "modifiers": mask,
    }
    if text and kind == "keyDown":
        event["text"] = event["unmodifiedText"] = text
    return event
