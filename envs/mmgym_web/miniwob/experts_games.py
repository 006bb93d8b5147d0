"""Experts for games: against an opponent, from memory, for what is hidden, with things that move or turn."""

from __future__ import annotations

from functools import cache

from mmgym.spaces import ToolCall
from mmgym_web.miniwob.experts import Plan, View, expert, wait

Board = tuple[int, ...]
"""Nine cells in reading order: 1 ours, -1 theirs, 0 free."""

_ROWS = [(0, 1, 2), (3, 4, 5), (6, 7, 8)]
_COLUMNS = [(2, 5, 8), (1, 4, 7), (0, 3, 6)]
_DIAGONALS = [(0, 4, 8), (2, 4, 6)]
_THIRDS = [(line[k], line) for line in _COLUMNS + _DIAGONALS for k in range(3)]
_THIRDS += [(line[k], line) for k in (2, 1, 0) for line in _ROWS]
"""A cell and the line that it completes, in the order in which the page's opponent prefers them."""


@expert("tic-tac-toe")
def tic_tac_toe(view: View) -> Plan:
    """Win as likely as can be against an opponent who plays at random in 55 of 100 moves."""
    board = tuple(view.read("[...gameState]"))
    best = max(_free(board), key=lambda cell: _value_after(board, cell))
    return view.click("one('#ttt-' + cell)", cell=best)


def _free(board: Board) -> list[int]:
    return [cell for cell, mark in enumerate(board) if not mark]


def _put(board: Board, cell: int, mark: int) -> Board:
    return (*board[:cell], mark, *board[cell + 1 :])


def _has_won(board: Board, mark: int) -> bool:
    return any(all(board[cell] == mark for cell in line) for line in _ROWS + _COLUMNS + _DIAGONALS)


def _third(board: Board, mark: int) -> int | None:
    """The cell that completes a line of `mark`, as the opponent finds it."""
    for cell, line in _THIRDS:
        if not board[cell] and all(board[other] == mark for other in line if other != cell):
            return cell
    return None


@cache
def _value_after(board: Board, cell: int) -> float:
    """Expected reward when we take a cell: 1 for a win, -0.5 for a draw, -0.75 for a loss."""
    board = _put(board, cell, 1)
    if _has_won(board, 1):
        return 1.0
    free = _free(board)
    if not free:
        return -0.5
    clever = _third(board, -1)
    clever = _third(board, 1) if clever is None else clever
    chance = 1.0 if clever is None else 0.55
    value = sum(chance / len(free) * _value_of_reply(board, reply) for reply in free)
    return value if clever is None else value + 0.45 * _value_of_reply(board, clever)


def _value_of_reply(board: Board, reply: int) -> float:
    board = _put(board, reply, -1)
    if _has_won(board, -1):
        return -0.75
    return max((_value_after(board, cell) for cell in _free(board)), default=-0.5)


@expert("simon-says")
def simon_says(view: View) -> Plan:
    """Look at each blink, then push the buttons in that order."""
    handler = "$._data(document.getElementById('button-1'), 'events').click[0].handler"
    sequence, pushed = view.inner(handler, "sequence", "pushedButtons")
    seen = int(view.read("Date.now() - core.ept0")) // _BLINK_MS
    pushes = [call for button in sequence[len(pushed) :] for call in view.click("one(id)", id=f"#button-{button}")]
    return [wait(_BLINK_MS / 1000)] * (0 if pushed else max(0, len(sequence) - seen)) + pushes


_BLINK_MS = 600
"""Milliseconds from one blink to the next; the first comes after as many."""


@expert("hot-cold")
def hot_cold(view: View) -> Plan:
    """Click the hidden spot."""
    handler = "$._data(document.getElementById('touch-area'), 'events').click[0].handler"
    x, y = view.inner(handler, "randX", "randY")
    return [ToolCall("click", {"x": x, "y": y + 50})]  # the page takes the height of the task's text for 50


@expert("moving-items")
def moving_items(view: View) -> Plan:
    """Click each circle that is at least half in the picture."""
    middles = view.read(
        "all('circle').map(e => e.getBoundingClientRect())"
        ".map(r => [Math.round((r.left + r.right) / 2), Math.round((r.top + r.bottom) / 2)])"
    )
    return [ToolCall("click", {"x": x, "y": y}) for x, y in middles if 0 <= x < 160 and y < 210] + [wait(0.3)]


_GRIP = (80, 120)
"""Where the cube is taken hold of."""
_ROLL = 1.97
"""Degrees that the cube turns for each pixel of a move of the mouse that is let go of a call later, ..."""
_LOST = 13.0
"""... less these: it stops as soon as it turns by less than a degree a frame."""
_SIDES = {"2": (0, 177), "3": (269, 86), "4": (177, 0), "5": (86, 269)}
"""Turn about the upright axis at which a side faces the user: of the cube as it stands, and upside down."""


@expert("drag-cube")
def drag_cube(view: View) -> Plan:
    """Roll a cube by the mouse until a side faces the user."""
    (side,) = view.words(r'"(\d)"')
    x, y, rolls, held, mouse, active = view.read(
        "(v => [v.positionX, v.positionY, Math.abs(v.torqueX) > 1 || Math.abs(v.torqueY) > 1, v.down,"
        " [v.mouseX, v.mouseY], text(one('.active'))])(cube.viewport)"
    )
    if rolls and not held:
        return [wait(0.3), *view.submit()]
    if active == side:
        return [_mouse("mouse_up", *mouse), *view.submit()] if held else view.submit()
    to_x, to_y = _to_roll(side, x, y)
    if rolls:  # it is held, and was moved
        return [_mouse("mouse_up", *mouse), *view.submit()]
    start = mouse if held else _GRIP
    rest = [_mouse("move", start[0] + to_x, start[1] + to_y), _mouse("mouse_up", *_GRIP), *view.submit()]
    if held:
        return rest
    down = [_mouse("mouse_down", *_GRIP), *rest]
    return down if tuple(mouse) == _GRIP else [_mouse("move", *_GRIP), *down]


def _to_roll(side: str, x: float, y: float) -> tuple[int, int]:
    """Pixels by which the mouse is to be moved to turn the cube from (x, y) degrees to where a side faces the user."""
    over = 90 < y % 360 < 270
    if side in "16":
        return 0, -_pixels(_turn(y, {"6": 88, "1": 264}[side]))
    up = min((_turn(y, 0), _turn(y, 175)), key=abs)
    if (90 < (y + up) % 360 < 270) != over:
        return 0, -_pixels(up)
    across = _pixels(_turn(x, _SIDES[side][over]))
    return -across if over else across, -_pixels(up)


def _turn(start: float, end: float) -> float:
    """Degrees from one angle to another, the shorter way."""
    return (end - start + 180) % 360 - 180


def _pixels(turn: float) -> int:
    return 0 if abs(turn) < 10 else round((abs(turn) + _LOST) / _ROLL) * (1 if turn > 0 else -1)


def _mouse(tool: str, x: float, y: float) -> ToolCall:
    return ToolCall(tool, {"x": max(0, min(159, round(x))), "y": max(0, min(209, round(y)))})
