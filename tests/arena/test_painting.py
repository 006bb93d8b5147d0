"""Boards painted from kept pieces, questions about the walker, and a player that knows the rules alone."""

import gymnasium as gym
import numpy as np
import pytest

import mmgym
from mmgym.draw import paint
from mmgym_arena.boards.board import _MARK, PIECES
from mmgym_arena.boards.breakthrough import Breakthrough
from mmgym_arena.boards.connect_four import ConnectFour
from mmgym_arena.boards.hex import Hex
from mmgym_arena.boards.tic_tac_toe import TicTacToe
from mmgym_arena.scripted import legal
from mmgym_arena.worlds.guide_walker import GuideWalker, Maze


@pytest.mark.parametrize("kind", [Breakthrough, ConnectFour, Hex, TicTacToe])
@pytest.mark.parametrize("size", [64, 97])
def test_a_board_looks_as_if_every_piece_were_painted_anew(kind, size):
    game, rng = kind(2), np.random.default_rng(3)
    state = game.start(rng)
    while game.movers(state):
        painted = game.background(size).copy()
        for cell, letter in enumerate(state.board):
            if cell == state.last:
                paint(painted, game.cell_shape(_MARK), game.box(cell, size))
            if letter != ".":
                paint(painted, game.piece(PIECES.index(letter)), game.box(cell, size))
        assert np.array_equal(game.picture(state, 0, size), painted)
        moves = game.moves(state)
        state = game.after(state, moves[rng.integers(len(moves))])


def test_both_seats_of_guide_walker_are_asked_about_the_walker():
    state = Maze(("#####", "#...#", "#.#.#", "#.#.#", "#####"), (3, 1), (3, 3), 0, "", True)
    asked = [dict(GuideWalker(1).questions(state, seat, np.random.default_rng(0))) for seat in (0, 1)]
    assert [one["What is next to the walker?"] for one in asked] == ["up floor, down wall, left wall, right wall"] * 2
    sides = [one["On which side of the walker is the flag?"] for one in asked]
    assert sides == ["right", "none is seen"]
    above = dict(GuideWalker(1).questions(state._replace(goal=(1, 3)), 0, np.random.default_rng(0)))
    assert above["On which side of the walker is the flag?"] == "up right"


def test_a_player_that_knows_the_rules_makes_calls_that_are_allowed():
    env = gym.make("mmgym/ConnectFour-v0", seat="first", others="random", image_size=64)
    rng = np.random.default_rng(0)
    for seed in range(3):
        env.reset(seed=seed)
        terminated = False
        while not terminated:
            *_, terminated, truncated, info = env.step(legal(mmgym.unwrap(env), rng))
            assert info["action_valid"] and not truncated
