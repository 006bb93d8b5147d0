"""MiniWoB++: pages reset to the same state, experts solve what they claim, and a raw reward of 1 alone is success."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from mmgym.env import Unsupported
from mmgym.spaces import ToolCall
from mmgym_web.miniwob.entries import ENTRIES
from mmgym_web.miniwob.env import MiniWoB, MiniWoBTask
from mmgym_web.miniwob.experts import EXPERTS
from mmgym_web.miniwob.experts_games import _has_won, _third, _value_after
from mmgym_web.miniwob.tasks import TASKS

Make = Callable[[str], MiniWoBTask]

FEW = ("click-shape", "use-slider", "email-inbox", "choose-list", "drag-items-grid", "click-menu", "drag-cube")
"""A task of several families, for the quick tests."""
SOLVED = sorted(name for name in EXPERTS if TASKS[name].attainable == "always")


@pytest.fixture
def make() -> Iterator[Make]:
    """Builds environments and closes them afterwards."""
    made: list[MiniWoBTask] = []

    def build(task: str) -> MiniWoBTask:
        made.append(MiniWoBTask(task=task))
        return made[-1]

    yield build
    for env in made:
        env.close()


def solve(env: MiniWoB) -> tuple[int, bool]:
    """Let the expert play from here: turns, success."""
    turns = 0
    while True:
        *_, terminated, truncated, info = env.step(env.expert())
        turns += 1
        assert info["action_valid"] and not info["error"], info
        if terminated or truncated:
            return turns, info["success"]


def play_anything(env: MiniWoB, turns: int = 6) -> None:
    """Leave traces on a page: clicks, texts, drags, a button that stays down."""
    rng = np.random.default_rng(5)
    for _ in range(turns):
        x, y, to_x, to_y = (int(n) for n in rng.integers(50, 160, 4))
        call = [
            ToolCall("click", {"x": x, "y": y}),
            ToolCall("type", {"text": "Zed"}),
            ToolCall("drag", {"x": x, "y": y, "to_x": to_x, "to_y": to_y}),
            ToolCall("mouse_down", {"x": x, "y": y}),
        ][int(rng.integers(4))]
        *_, terminated, truncated, _ = env.step(call)
        if terminated or truncated:
            break


def assert_same_start(env: MiniWoB, other: MiniWoB, seed: int) -> None:
    """A page that was played on starts an episode like one that was not."""
    env.reset(seed=seed + 100)
    play_anything(env)
    first, _ = env.reset(seed=seed)
    second, _ = other.reset(seed=seed)
    assert first["task"] == second["task"]
    assert np.array_equal(first["image"], second["image"]), f"{env.task}: {seed}: other pixels after play"
    assert env.state_key() == other.state_key(), f"{env.task}: {seed}: another state after play"


def test_the_table_has_every_page() -> None:
    found = importlib.util.find_spec("miniwob")
    assert found is not None and found.submodule_search_locations
    pages = Path(next(iter(found.submodule_search_locations)), "html", "miniwob").glob("*.html")
    assert {page.stem for page in pages} == set(TASKS)
    assert {task.level for task in TASKS.values()} == {1, 2, 3, 4, 5}
    assert not set(EXPERTS) - set(TASKS)
    assert set(EXPERTS) == set(TASKS) and len(SOLVED) == 125


def test_there_is_an_id_for_each_task_and_one_for_the_mixture() -> None:
    ids = [entry.id for entry in ENTRIES]
    assert len(set(ids)) == len(ids) == len(TASKS) + 1
    assert "mmgym/MiniWoB-click-button-v0" in ids
    env = MiniWoBTask(task="click-button")
    assert tuple(tool.name for tool in env.action_space.tools) == ENTRIES[1].tools


@pytest.mark.parametrize("task", FEW)
def test_what_was_played_leaves_no_trace(make: Make, task: str) -> None:
    env, other = make(task), make(task)
    assert_same_start(env, other, seed=3)


def test_the_first_episode_on_a_page_goes_like_the_later_ones(make: Make) -> None:
    env = make("drag-cube")  # turns by a timer of 20 ms that the page's scripts start
    down, up = {"x": 87, "y": 71}, {"x": 76, "y": 188}
    shown = []
    for _ in range(3):
        env.reset(seed=4)
        calls = [ToolCall("mouse_down", down), ToolCall("move", up), ToolCall("mouse_up", up)]
        shown.append([env.step(call)[0]["image"] for call in calls])
    assert np.array_equal(shown[0], shown[1]) and np.array_equal(shown[0], shown[2])


@pytest.mark.parametrize("button", ["left", "middle", "right"])
def test_no_button_stays_down_in_the_next_episode(make: Make, button: str) -> None:
    env = make("click-shape")
    env.reset(seed=3)
    env.step(ToolCall("mouse_down", {"x": 80, "y": 120, "button": button}))
    env.reset(seed=4)
    env._the_page().evaluate("document.addEventListener('mousemove', event => { window.held = event.buttons })", "main")
    env.step(ToolCall("move", {"x": 60, "y": 100}))
    assert env._the_page().evaluate("window.held", "main") == 0


def test_a_followed_link_leaves_no_trace_in_the_address(make: Make) -> None:
    env, other = make("click-tab-2-hard"), make("click-tab-2-hard")
    env.reset(seed=3)
    env._the_page().evaluate("location.hash = 'tabs-4'", "main")
    env.reset(seed=4)
    other.reset(seed=4)
    assert env.state_key() == other.state_key()


@pytest.mark.parametrize("task", [*FEW, "hot-cold", "moving-items", "right-angle", "simon-says"])
def test_experts_solve(make: Make, task: str) -> None:
    env = make(task)
    for seed, split in ((0, "train"), (1, "ood")):
        _, info = env.reset(seed=seed, options={"split": split})
        turns, success = solve(env)
        assert success and 1 <= info["expert_steps"] <= turns


def test_an_expert_recovers_from_a_disturbance(make: Make) -> None:
    env = make("enter-text")
    env.reset(seed=0)
    env.step(env.expert())
    env.step(ToolCall("type", {"text": "wrong"}))
    env.step(ToolCall("click", {"x": 80, "y": 200}))
    assert solve(env)[1]


def test_an_expert_hands_in_what_can_no_longer_be_done(make: Make) -> None:
    env = make("text-editor")
    seed = next(n for n in range(50) if "give the text" in str(env.reset(seed=n)[0]["task"]))
    env.reset(seed=seed)
    env.step(ToolCall("click", {"x": 80, "y": 110}))
    env.step(ToolCall("press", {"keys": "Control+a"}))
    env.step(ToolCall("type", {"text": "gone"}))
    assert env.query("document.querySelector('.ql-editor').innerText.trim()") == "gone"
    _, reward, terminated, _, info = env.step(env.expert())
    assert terminated and reward == -1 and not info["success"]


@pytest.mark.parametrize("seed", range(4))
def test_an_expert_counts_on_from_what_is_no_number(make: Make, seed: int) -> None:
    env = make("use-spinner")
    env.reset(seed=seed)
    box = env.query("(r => [r.left + 5, r.top + 8])(document.querySelector('#spinner').getBoundingClientRect())")
    env.step(ToolCall("click", {"x": round(box[0]), "y": round(box[1])}))
    env.step(ToolCall("type", {"text": "6\u6f22"}))
    assert "\u6f22" in env.query("document.querySelector('#spinner').value")
    assert solve(env)[1]


def test_doing_nothing_until_the_turns_are_up_pays_what_the_pages_own_limit_does(make: Make) -> None:
    env = make("click-test")
    env.reset(seed=0)
    paid, truncated = [], False
    while not truncated:
        _, reward, terminated, truncated, info = env.step(ToolCall("move", {"x": 5, "y": 5}))
        paid.append(reward)
        assert not terminated
    assert paid[-1] == -1 and not any(paid[:-1]) and info["reward_terms"] == {"outcome": -1.0}


def test_partial_credit_is_no_success(make: Make) -> None:
    env = make("find-greatest")
    env.reset(seed=0)
    best = env.expert().arguments
    cards = [(30, 100), (80, 100), (130, 100)]
    wrong = next(point for point in cards if abs(point[0] - best["x"]) > 20)
    env.step(ToolCall("click", {"x": wrong[0], "y": wrong[1]}))
    submit = env.query("(r => [r.left + 5, r.top + 5])(document.querySelector('#submit').getBoundingClientRect())")
    _, reward, terminated, _, info = env.step(ToolCall("click", {"x": round(submit[0]), "y": round(submit[1])}))
    assert terminated and reward == pytest.approx(0.1) and not info["success"]
    assert info["reward_terms"] == {"outcome": reward}


def wrong_button(env: MiniWoB) -> ToolCall:
    """A click on a button that is not asked for."""
    right = env.expert().arguments
    boxes = env.query(
        "[...document.querySelectorAll('#area button')].map(e => [e.innerHTML, e.getBoundingClientRect()])"
        ".map(([t, r]) => [t, Math.round(r.left + r.width / 2), Math.round(r.top + r.height / 2)])"
    )
    name = next(text for text, x, y in boxes if (x, y) == (right["x"], right["y"]))
    x, y = next((x, y) for text, x, y in boxes if text != name)
    return ToolCall("click", {"x": x, "y": y, "count": 3})


def test_clicking_on_after_the_end_hides_no_outcome(make: Make) -> None:
    env = make("click-button")
    for seed in range(20):
        env.reset(seed=seed)
        if env.query("document.querySelectorAll('#area button').length") > 2:
            break
    _, reward, terminated, _, info = env.step(wrong_button(env))
    assert terminated and reward == -1 and not info["success"]


def test_what_is_typed_into_a_page_does_not_run(make: Make) -> None:
    env = make("terminal")
    env.reset(seed=0)
    env.step(ToolCall("click", {"x": 80, "y": 120}))
    rewards = []
    for text in ('<img src=x onerror="core.endEpisode(1)">', "rm <svg onload=core.endEpisode(1)>"):
        env.step(ToolCall("type", {"text": text}))
        _, reward, terminated, _, _ = env.step(ToolCall("press", {"keys": "Enter"}))
        rewards.append(reward)
        env.step(ToolCall("wait", {"seconds": 1.0}))
    assert env.query("!!document.querySelector('#terminal-contents img')"), "the page no longer shows what was typed"
    assert rewards == [0.0, 0.0] and not terminated and not env.success


def test_time_does_not_end_an_episode(make: Make) -> None:
    env = make("click-test")
    env.reset(seed=0)
    for _ in range(4):
        *_, terminated, _, _ = env.step(ToolCall("wait", {"seconds": 10.0}))
        assert not terminated
    assert solve(env)[1]


def test_what_was_copied_stays_in_its_episode(make: Make) -> None:
    env = make("enter-text")
    env.reset(seed=0)
    for _ in range(2):
        env.step(env.expert())
    env.step(ToolCall("press", {"keys": "Control+a"}))
    env.step(ToolCall("press", {"keys": "Control+c"}))
    env.reset(seed=1)
    env.step(env.expert())
    env.step(ToolCall("press", {"keys": "Control+v"}))
    assert env.query("document.querySelector('#tt').value") == ""


def test_out_of_distribution_pages_have_their_own(make: Make) -> None:
    env = make("click-test-transfer")
    assert env.reset(seed=0, options={"split": "ood"})[0]["task"] == "Click button TWO."
    assert env.reset(seed=0, options={"split": "test"})[0]["task"] == "Click button ONE."


def test_splits_share_no_seed(make: Make) -> None:
    env = make("enter-text-dynamic")
    asked = {split: env.reset(seed=1, options={"split": split})[0]["task"] for split in ("train", "val", "test", "ood")}
    assert len(set(asked.values())) == 4


@pytest.mark.parametrize(("task", "least"), [("bisect-angle", 0.98), ("chase-circle", 0.98), ("circle-center", 0.95)])
def test_where_success_is_out_of_reach_the_expert_comes_close(make: Make, task: str, least: float) -> None:
    env = make(task)
    assert env.capabilities.expert == "optimal_in_expectation"
    env.reset(seed=0)
    terminated = False
    while not terminated:
        _, reward, terminated, truncated, _ = env.step(env.expert())
        assert not truncated
    assert least < reward < 1


def test_the_expert_of_hover_shape_stays_on_the_coloured_square(make: Make) -> None:
    env = make("hover-shape")
    env.reset(seed=0)
    truncated, covered = False, []
    while not truncated:
        *_, truncated, _ = env.step(env.expert())
        covered.append(env.query("document.querySelector('#highlight').hasAttribute('data-hover')"))
    assert len(covered) == env.max_turns and np.mean(covered) > 0.7


@pytest.mark.parametrize("task", ["click-test", None])
def test_without_an_expert_that_is_said(task: str | None) -> None:
    env = MiniWoB(task=task, action_mode="elements")
    try:
        assert env.capabilities.expert == "none"
        env.reset(seed=0)
        with pytest.raises(Unsupported):
            env.expert()
    finally:
        env.close()


def boards() -> list[tuple[int, ...]]:
    """Boards of tic-tac-toe that nobody has won, with 3 to 8 marks."""
    found = []
    for board in product((0, 1, -1), repeat=9):
        if 3 <= 9 - board.count(0) <= 8 and sum(board) in (0, -1) and not (_has_won(board, 1) or _has_won(board, -1)):
            found.append(board)
    return found


def test_the_expert_of_tic_tac_toe_knows_its_opponent(make: Make) -> None:
    env = make("tic-tac-toe")
    env.reset(seed=0)
    asked = boards()
    script = "boards.map(board => { gameState = board; const cell = determineSpace(-1, 1); return cell ?? null; })"
    answers = env._the_page().evaluate(f"(boards => {script})({[list(board) for board in asked]})", "main")
    for board, answer in zip(asked, answers, strict=True):
        clever = _third(board, -1)
        assert (_third(board, 1) if clever is None else clever) == answer, board


def test_the_expert_of_tic_tac_toe_wins_as_often_as_it_expects(make: Make) -> None:
    env = make("tic-tac-toe")
    assert env.capabilities.expert == "optimal_in_expectation"
    expected, paid = [], []
    for seed in range(60):
        env.reset(seed=seed)
        board = tuple(env._the_page().evaluate("[...gameState]", "main"))
        expected.append(max(_value_after(board, cell) for cell in range(9) if not board[cell]))
        terminated = False
        while not terminated:
            _, reward, terminated, _, _ = env.step(env.expert())
        paid.append(reward)
    assert np.mean(expected) > 0.7
    assert abs(np.mean(paid) - np.mean(expected)) < 3 * np.std(paid) / len(paid) ** 0.5


def test_an_unknown_task_is_named() -> None:
    with pytest.raises(ValueError, match="click-button"):
        MiniWoBTask(task="click-nothing")


def test_the_mixture_draws_tasks_of_the_level() -> None:
    env = MiniWoB(level=1)
    try:
        for seed in range(3):
            env.reset(seed=seed)
            assert env._current.level == 1
        env.reset(seed=0, options={"task": "click-link"})
        assert solve(env) == (1, True)
    finally:
        env.close()


@pytest.mark.slow
@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_page_starts_the_same_after_play(make: Make, task: str) -> None:
    env, other = make(task), make(task)
    for seed in range(3):
        assert_same_start(env, other, seed)


@pytest.mark.slow
@pytest.mark.parametrize("task", SOLVED)
def test_every_expert_solves(make: Make, task: str) -> None:
    env = make(task)
    for seed in range(1000, 1020):
        _, info = env.reset(seed=seed, options={"split": ("train", "val", "test", "ood")[seed % 4]})
        turns, success = solve(env)
        assert success and 1 <= info["expert_steps"] <= turns, f"seed {seed}: {env.task} {turns}"
