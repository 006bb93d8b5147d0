"""PatchReassembly: cuts, every way to fill a frame, the fewest calls against a search of all states, the tray."""

import itertools

import numpy as np
import pytest

from mmgym_puzzles.imagery.patch_drawing import LOOKS
from mmgym_puzzles.imagery.patch_reassembly import LEVELS, PRESETS, PatchReassembly
from mmgym_puzzles.imagery.patches import cut, fillings, lay_out, squares_at, turned_alike
from mmgym_puzzles.search import distances_to

CORNER = ((0, 0), (0, 1), (1, 0))
BAR = ((0, 0), (0, 1), (0, 2))
STEP = ((0, 0), (1, -1), (1, 0))
HOOK = ((0, 0), (1, 0), (2, -1), (2, 0))


def place(piece, row, column):
    return {"name": "place", "arguments": {"piece": piece, "row": row, "column": column}}


def lift(piece):
    return {"name": "lift", "arguments": {"piece": piece}}


def take(side, pieces, **arguments):
    env = PatchReassembly(**{"image_size": 64, "max_turns": 1000, **arguments})
    env.reset(seed=0)
    env._begin((side, tuple(pieces)))
    return env


def covered(side, pieces, squares):
    """How often every square is covered; None if a piece sticks out."""
    grid = np.zeros((side, side), int)
    for piece, square in zip(pieces, squares, strict=True):
        for down, right in piece:
            row, column = square // side + down, square % side + right
            if not (0 <= row < side and 0 <= column < side):
                return None
            grid[row, column] += 1
    return grid


@pytest.mark.parametrize("settings", [*LEVELS.values(), *PRESETS.values()])
def test_pieces_are_cut_from_the_frame_and_fill_it_again(settings):
    rng, found = np.random.default_rng(0), 0
    while found < 12:
        pieces = cut(rng, settings.side, settings.pieces, settings.sizes)
        if pieces is None:
            continue
        found += 1
        assert len(set(pieces)) == len(pieces) == settings.pieces
        assert sum(map(len, pieces)) == settings.side**2
        for piece in pieces:
            assert settings.sizes[0] <= len(piece) <= settings.sizes[1]
            assert piece[0] == (0, 0) == min(piece) and list(piece) == sorted(set(piece))
            near = {s: [o for o in piece if abs(s[0] - o[0]) + abs(s[1] - o[1]) == 1] for s in piece}
            assert len(distances_to([piece[0]], near.__getitem__)) == len(piece)  # in one part
        ways = fillings(settings.side, pieces)
        assert ways and len(set(ways)) == len(ways)
        assert all((covered(settings.side, pieces, way) == 1).all() for way in ways)


@pytest.mark.parametrize(
    ("side", "pieces"),
    [
        (3, [CORNER, BAR, STEP]),
        (3, [BAR, ((0, 0), (0, 1), (0, 2), (1, 1)), ((0, 0), (0, 1))]),
        (3, [BAR, ((0, 0), (0, 1)), ((0, 0),), ((0, 0), (1, 0), (1, 1))]),
        (
            4,
            [
                ((0, 0), (1, 0), (2, 0), (3, 0), (3, 1)),
                HOOK,
                ((0, 0), (0, 1), (1, 1), (2, 1)),
                ((0, 0), (0, 1), (0, 2)),
            ],
        ),
        (2, [((0, 0), (0, 1)), ((0, 0), (1, 0))]),
    ],
)
def test_the_search_finds_every_way_to_fill_a_frame(side, pieces):
    wanted = set()
    for squares in itertools.product(range(side * side), repeat=len(pieces)):
        grid = covered(side, pieces, squares)
        if grid is not None and (grid == 1).all():
            wanted.add(squares)
    assert set(fillings(side, tuple(pieces))) == wanted


def test_some_frames_can_be_filled_in_several_ways_and_each_counts():
    pieces = (BAR, ((0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)))
    assert set(fillings(3, pieces)) == {(0, 3), (6, 0)}
    for way in fillings(3, pieces):
        env = take(3, pieces)
        for piece, square in enumerate(way):
            *_, terminated, _, info = env.step(place(piece + 1, square // 3 + 1, square % 3 + 1))
            assert terminated == info["success"] == (piece == 1)


def test_no_way_is_shorter_than_the_experts_from_any_state():
    side, pieces = 3, (BAR, ((0, 0), (0, 1)), ((0, 0), (1, 0), (1, 1)), ((0, 0),))
    assert len(fillings(side, pieces)) == 2
    env = take(side, pieces)
    calls = [place(k + 1, r, c) for k in range(4) for r in (1, 2, 3) for c in (1, 2, 3)] + [
        lift(k + 1) for k in range(4)
    ]
    before: dict[tuple, set] = {}
    start = (None,) * 4
    queue, seen = [start], {start}
    for state in queue:
        for call in calls:
            env.places = list(state)
            getattr(env, call["name"])(**call["arguments"])
            after = tuple(env.places)
            before.setdefault(after, set()).add(state)
            if after not in seen:
                seen.add(after)
                queue.append(after)
    far = distances_to([s for s in seen if None not in s], lambda state: before.get(state, ()))
    assert far.keys() == seen and len(seen) > 200
    for state, distance in far.items():
        env.places = list(state)
        assert env._turns_left() == distance
    assert far[start] == env._expert_steps() == 4


@pytest.mark.parametrize("level", LEVELS)
def test_the_expert_mends_what_a_random_player_left(level):
    env = PatchReassembly(level=level, image_size=32, max_turns=200)
    for seed in range(3):
        env.reset(seed=seed)
        env.action_space.seed(seed)
        for _ in range(60):
            env.step(env.action_space.sample())
        for left in range(env._turns_left(), 0, -1):
            assert not env.success and env._turns_left() == left
            *_, info = env.step(env.expert())
        assert info["success"] and env.expert().name == "lift"  # of a full frame too, the expert says something valid


def test_a_piece_sends_those_that_it_covers_back_to_the_tray():
    env = take(3, [CORNER, BAR, STEP])
    env.step(place(2, 1, 1))
    env.step(place(3, 2, 3))
    assert env.places == [None, 0, 5]
    observation, *_, info = env.step(place(1, 1, 2))
    assert observation["feedback"] == "Piece 2 goes back to the tray." and info["action_effective"]
    assert env.places == [1, None, 5]
    observation, *_ = env.step(place(2, 2, 1))
    assert observation["feedback"] == "Piece 1 goes back to the tray. Piece 3 goes back to the tray."
    observation, *_ = env.step(place(2, 3, 1))  # from one place in the frame to another
    assert observation["feedback"] == "" and env.places == [None, 6, None]
    env.step(lift(2))
    assert env.places == [None] * 3


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (place(4, 1, 1), "from 1 to 3"),
        (lift(10), "from 1 to 3"),
        (place(2, 1, 2), "stick out"),
        (place(3, 1, 1), "stick out"),
        (place(1, 8, 8), "stick out"),
        (place(1, 1, 1), "already"),
        (lift(2), "in the tray"),
        (place(0, 1, 1), "piece"),
        (place(1, 10**30, 1), "row"),
        (place(1, 1, 1.5), "column"),
        (place("one", 1, 1), "piece"),
        (lift(None), "piece"),
        ({"name": "turn", "arguments": {"piece": 1}}, "unknown tool"),
    ],
)
def test_calls_that_do_nothing_are_told(call, said):
    env = take(3, [CORNER, BAR, STEP])
    env.step(place(1, 1, 1))
    before = env.state_key()
    observation, *_, info = env.step(call)
    assert said in observation["feedback"] and not info["action_effective"] and env.state_key() == before


def test_the_key_knows_shapes_alone():
    key = PatchReassembly.candidate_key
    pieces = (CORNER, BAR, STEP)
    corners = [((0, 0), (0, 1), (1, 1)), ((0, 0), (1, 0), (1, 1)), STEP]
    assert key((3, pieces)) == key((3, (STEP, CORNER, BAR)))
    assert all(key((3, (corner, BAR, STEP))) == key((3, pieces)) for corner in corners)
    assert key((3, (CORNER, BAR, BAR))) != key((3, pieces)) != key((4, pieces))
    assert turned_alike(BAR) == turned_alike(((0, 0), (1, 0), (2, 0))) != turned_alike(CORNER)


@pytest.mark.parametrize("settings", [*LEVELS.values(), *PRESETS.values()])
def test_in_the_tray_no_piece_touches_another_or_the_frame(settings):
    rng, found = np.random.default_rng(1), 0
    while found < 8:
        pieces = cut(rng, settings.side, settings.pieces, settings.sizes)
        if pieces is None:
            continue
        found += 1
        width, spots = lay_out(settings.side, pieces)
        owner = np.full((width + 2, width + 2), -1)
        owner[1 : settings.side + 2, 1 : settings.side + 2] = 99  # the frame and its numbers
        for k, (piece, (row, column)) in enumerate(zip(pieces, spots, strict=True)):
            for down, right in piece:
                assert 0 <= row + down < width and 0 <= column + right < width
                around = owner[row + down : row + down + 3, column + right : column + right + 3]
                assert set(around.ravel().tolist()) <= {-1, k}
                owner[row + down + 1, column + right + 1] = k
        assert width <= 3 * settings.side


def test_only_what_moved_is_drawn_again_and_the_picture_is_that_of_the_state():
    env = PatchReassembly(level=5, image_size=224, max_turns=500)
    first = env.reset(seed=2)[0]["image"].copy()
    env.action_space.seed(0)
    for _ in range(120):
        observation = env.step(env.action_space.sample())[0]
        fresh = PatchReassembly(level=5, image_size=224)
        assert (fresh.restore(env.snapshot())[0]["image"] == observation["image"]).all()
    for piece in range(1, 11):
        env.step(lift(piece))
    assert (env._image() == first).all()


@pytest.mark.parametrize("split", ["train", "ood"])
def test_every_piece_shows_in_its_colour(split):
    env = PatchReassembly(level=5, image_size=224, split=split)
    image = env.reset(seed=0)[0]["image"].reshape(-1, 3)
    look = LOOKS["ood" if split == "ood" else "usual"]
    assert len(set(look.pieces)) == 10
    for color in look.pieces:
        assert (image == color).all(axis=1).sum() > 150
    other = LOOKS["usual" if split == "ood" else "ood"]
    assert not {look.table, look.empty, look.rim, *look.pieces} & {other.table, other.empty, other.rim, *other.pieces}


@pytest.mark.parametrize("size", [16, 96])
def test_small_pictures_are_drawn_too(size):
    for level in LEVELS:
        image = PatchReassembly(level=level, image_size=size).reset(seed=0)[0]["image"]
        assert image.shape == (size, size, 3) and len(np.unique(image.reshape(-1, 3), axis=0)) > 4


def parsed(text):
    """The frame's rows, and the shape of every piece in the tray by its number."""
    lines = text.split("\n")
    assert lines[0] == "frame" and lines[-1] == ". empty, # square of a piece, @ its first square"
    heads = [k for k, line in enumerate(lines) if line.startswith("piece")] + [len(lines) - 1]
    rows = [line.split(" ") for line in lines[1 : heads[0]]]
    tray = {}
    for begin, end in itertools.pairwise(heads):
        marks = [line.split(" ") for line in lines[begin + 1 : end]]
        squares = [(r, c) for r, row in enumerate(marks) for c, mark in enumerate(row) if mark != "."]
        assert marks[squares[0][0]][squares[0][1]] == "@" and sum(row.count("@") for row in marks) == 1
        tray[int(lines[begin].split(" ")[1])] = squares
    return rows, tray


def test_answers_are_what_the_text_twin_shows():
    env, rng = PatchReassembly(level=3, image_size=32, obs_mode="text"), np.random.default_rng(0)
    vocabulary = set(PatchReassembly.vocabulary())
    for seed in range(20):
        observation, _ = env.reset(seed=seed)
        for _ in range(6):
            rows, tray = parsed(observation["text"])
            shown = [mark for row in rows for mark in row]
            for question, answer in env.questions(rng):
                assert question in vocabulary and set(answer.split()) <= vocabulary
                numbers = [int(word.strip("?")) for word in question.split() if word.strip("?").isdigit()]
                if "row " in question:
                    mark = rows[numbers[0] - 1][numbers[1] - 1]
                    assert answer == ("none" if mark == "." else mark)
                elif "tray" in question:
                    assert answer == str(len(tray))
                elif "empty" in question:
                    assert answer == str(shown.count("."))
                elif "Where" in question:
                    for number, where in enumerate(answer.split(), 1):
                        row, column = divmod(shown.index(str(number)), 6) if number not in tray else (0, 0)
                        assert where == ("tray" if number in tray else f"{row + 1}:{column + 1}")
                else:
                    squares = tray.get(numbers[0]) or [
                        divmod(k, 6) for k, m in enumerate(shown) if m == str(numbers[0])
                    ]
                    high = len({row for row, _ in squares})
                    assert answer == str(high if "high" in question else len(squares))
            observation, _, terminated, _, _ = env.step(env.weak_call(rng))
            if terminated:
                break


def test_all_feedback_is_in_the_vocabulary():
    notes = set(PatchReassembly.notes)
    for level in LEVELS:
        env = PatchReassembly(level=level, image_size=16, obs_mode="text", max_turns=2000)
        env.reset(seed=level)
        env.action_space.seed(level)
        for _ in range(600):
            said = env.step(env.action_space.sample())[-1]["feedback"]
            assert said in notes | {""} or all(f"{part}." in notes for part in said.rstrip(".").split(". "))


def test_squares_under_a_piece():
    assert squares_at(STEP, 1, 3) == [1, 3, 4] and squares_at(STEP, 0, 3) is None
    assert squares_at(STEP, 7, 3) is None and squares_at(BAR, 0, 3) == [0, 1, 2] and squares_at(BAR, 1, 3) is None
