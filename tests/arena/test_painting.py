"""Boards are painted from kept pieces, and look as if every piece were painted anew."""

import numpy as np
import pytest

from mmgym.draw import paint
from mmgym_arena.boards.board import _MARK, PIECES
from mmgym_arena.boards.breakthrough import Breakthrough
from mmgym_arena.boards.connect_four import ConnectFour
from mmgym_arena.boards.hex import Hex
from mmgym_arena.boards.tic_tac_toe import TicTacToe


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
