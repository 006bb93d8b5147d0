"""An independent reading of the puzzles: grids parsed from the text twin, moves and searches written once more."""

from collections import deque

MOVES = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def grid(text: str) -> list[list[str]]:
    """The letters of a text twin, without its legend."""
    return [line.split(" ") for line in text.split("\n")[:-1]]


def legend(text: str) -> dict[str, str]:
    """What each letter means, as the twin says."""
    return dict(entry.split(" ", 1) for entry in text.split("\n")[-1].split(", "))


def find(rows: list[list[str]], letters: str) -> list[tuple[int, int]]:
    return [(r, c) for r, row in enumerate(rows) for c, letter in enumerate(row) if letter in letters]


def lake_way(rows: list[list[str]]) -> int:
    """Fewest moves from A to G around O, by breadth-first search; -1 without a way."""
    (start,), (goal,), holes = find(rows, "A"), find(rows, "G"), set(find(rows, "O"))
    distance, queue = {start: 0}, deque([start])
    while queue:
        cell = queue.popleft()
        if cell == goal:
            return distance[cell]
        for down, right in MOVES.values():
            other = (cell[0] + down, cell[1] + right)
            inside = 0 <= other[0] < len(rows) and 0 <= other[1] < len(rows)
            if inside and other not in holes and other not in distance:
                distance[other] = distance[cell] + 1
                queue.append(other)
    return -1


def push(agent, boxes, walls, move):
    """Agent and boxes after a move, or None when nothing moves."""
    target = (agent[0] + move[0], agent[1] + move[1])
    if target in walls:
        return None
    if target in boxes:
        beyond = (target[0] + move[0], target[1] + move[1])
        if beyond in walls or beyond in boxes:
            return None
        boxes = boxes - {target} | {beyond}
    return target, boxes


def room_way(rows: list[list[str]]) -> int:
    """Fewest moves that bring every box onto a target, by exhaustive forward search; -1 if there are none."""
    (agent,), walls = find(rows, "AP"), set(find(rows, "#"))
    boxes, targets = frozenset(find(rows, "BS")), frozenset(find(rows, "TSP"))
    distance, queue = {(agent, boxes): 0}, deque([(agent, boxes)])
    while queue:
        state = queue.popleft()
        if state[1] == targets:
            return distance[state]
        for move in MOVES.values():
            after = push(*state, walls, move)
            if after is not None and after not in distance:
                distance[after] = distance[state] + 1
                queue.append(after)
    return -1
