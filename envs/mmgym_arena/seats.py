"""The seats of the games as Gymnasium environments, each with its page of documentation."""

from __future__ import annotations

from typing import ClassVar

from mmgym_arena.boards import breakthrough, connect_four, hex, tic_tac_toe
from mmgym_arena.cards import kuhn_poker, rock_paper_scissors
from mmgym_arena.seat import SeatEnv
from mmgym_arena.worlds import coin_dilemma, guide_walker, harvest, two_rooms

__all__ = [
    "Breakthrough",
    "CoinDilemma",
    "ConnectFour",
    "GuideWalker",
    "Harvest",
    "Hex",
    "KuhnPoker",
    "RockPaperScissors",
    "TicTacToe",
    "TwoRooms",
]


class Breakthrough(SeatEnv):
    """Bring one piece to the far side of the board before the other player does.

    ## Description
    Pieces step one cell forward, straight onto a free cell or slanting, and take slanting. Who first reaches the far
    side wins, and who has no piece left loses.

    ## Action space
    `move(column, row, to_column, to_row)`: a letter and a number for the cell that a piece leaves, and for the one
    that it goes to.

    ## Observation space
    `image`: what the seat sees, uint8 (image_size, image_size, 3). `text`: the text twin. `messages`: what others
    have said. `feedback`: what was wrong with the last call.

    ## Starting state
    The two rows next to each player are full (one row at level 1); up to four moves are made at random, none of which
    decides the game. The seat is drawn as well, unless `seat` names it. `options["task"]` can only be `"any"`.

    ## Rewards
    1 for a win, -1 for a loss (term `outcome`), when the game ends.

    ## Episode end
    Terminated when the game is over; truncated at the turn limit. A turn without a valid call is passed over where
    both move at once, and asked for again where they move in turn: the fourth one forfeits the game.

    ## Arguments
    `seat`: a name, or any. `others`: expert, weak, random, `agent:NAME OPTIONS` or `module:attr`, who plays the other
    seat; the weak player unless given. And those of `MultimodalEnv`.

    | level | 1 | 2 | 3 |
    |---|---|---|---|
    | cells | 5 x 4 | 6 x 5 | 8 x 6 |
    | the expert looks ahead | 5 moves | 4 moves | 3 moves |

    ## Version history
    - v0: first version.
    """

    rules: ClassVar[type[breakthrough.Breakthrough]] = breakthrough.Breakthrough


class CoinDilemma(SeatEnv):
    """Collect coins beside another robot, where its coins are yours for the taking, at its cost.

    ## Description
    Two robots and two coins, one of each colour. A coin is worth one point to who takes it, and costs the other two
    if it is of the other's colour. Both move at once.

    ## Action space
    `move(direction)`: up, down, left, right or stay.

    ## Observation space
    `image`: what the seat sees, uint8 (image_size, image_size, 3). `text`: the text twin. `messages`: what others
    have said. `feedback`: what was wrong with the last call.

    ## Starting state
    Robots and coins on cells at random. The seat is drawn as well, unless `seat` names it. `options["task"]` can only
    be `"any"`.

    ## Rewards
    Points, as shares of the goal (term `outcome`), in the turn in which they are won or lost.

    ## Episode end
    Terminated when the game is over; truncated at the turn limit. A turn without a valid call is passed over where
    both move at once, and asked for again where they move in turn: the fourth one forfeits the game.

    ## Arguments
    `seat`: a name, or any. `others`: expert, weak, random, `agent:NAME OPTIONS` or `module:attr`, who plays the other
    seat; the weak player unless given. And those of `MultimodalEnv`.

    | level | 1 | 2 | 3 |
    |---|---|---|---|
    | cells a side | 3 | 4 | 5 |
    | turns | 12 | 20 | 30 |
    | points for success | 2 | 3 | 3 |

    ## Version history
    - v0: first version.
    """

    rules: ClassVar[type[coin_dilemma.CoinDilemma]] = coin_dilemma.CoinDilemma


class ConnectFour(SeatEnv):
    """Drop pieces into columns and be the first with four in a row.

    ## Description
    A piece falls to the lowest free cell of its column. Four in a row, a column or a diagonal win.

    ## Action space
    `drop(column)`: a letter from a to g.

    ## Observation space
    `image`: what the seat sees, uint8 (image_size, image_size, 3). `text`: the text twin. `messages`: what others
    have said. `feedback`: what was wrong with the last call.

    ## Starting state
    An empty board, on which up to four moves were made at random. The seat is drawn as well, unless `seat` names it.
    `options["task"]` can only be `"any"`.

    ## Rewards
    1 for a win, -1 for a loss, 0 for a draw (term `outcome`), when the game ends.

    ## Episode end
    Terminated when the game is over; truncated at the turn limit. A turn without a valid call is passed over where
    both move at once, and asked for again where they move in turn: the fourth one forfeits the game.

    ## Arguments
    `seat`: a name, or any. `others`: expert, weak, random, `agent:NAME OPTIONS` or `module:attr`, who plays the other
    seat; the weak player unless given. And those of `MultimodalEnv`.

    | level | 1 | 2 | 3 |
    |---|---|---|---|
    | rows x columns | 4 x 5 | 5 x 6 | 6 x 7 |
    | the expert looks ahead | 8 moves | 6 moves | 5 moves |

    ## Version history
    - v0: first version.
    """

    rules: ClassVar[type[connect_four.ConnectFour]] = connect_four.ConnectFour


class GuideWalker(SeatEnv):
    """Guide a walker through a maze that it cannot see, or walk as you are told.

    ## Description
    The guide sees the maze and speaks one word; then the walker, who sees the nine cells around it and hears the
    word, makes one step. Both win when the walker reaches the flag.

    ## Action space
    The guide has `tell(word)`, the walker `move(direction)`; both take up, down, left, right or stay.

    ## Observation space
    `image`: what the seat sees, uint8 (image_size, image_size, 3). `text`: the text twin. `messages`: what others
    have said. `feedback`: what was wrong with the last call.

    ## Starting state
    A maze without loops; walker and flag lie at least as far apart as a side has cells, less one. `options["task"]`
    can only be `"any"`.

    ## Rewards
    1 for both when the flag is reached (term `outcome`).

    ## Episode end
    Terminated when the game is over; truncated at the turn limit. A turn without a valid call is passed over where
    both move at once, and asked for again where they move in turn: the fourth one forfeits the game.

    ## Arguments
    `seat`: guide or walker. `others`: expert, weak, random, `agent:NAME OPTIONS` or `module:attr`, who plays the other
    seat; the expert unless given. And those of `MultimodalEnv`.

    | level | 1 | 2 | 3 |
    |---|---|---|---|
    | cells a side, walls included | 5 | 7 | 9 |
    | steps of the walker | 16 | 36 | 64 |

    ## Version history
    - v0: first version.
    """

    rules: ClassVar[type[guide_walker.GuideWalker]] = guide_walker.GuideWalker


class Harvest(SeatEnv):
    """Pick apples beside another picker, and leave enough for more to grow.

    ## Description
    Who steps on an apple picks it; one that both reach at once is lost. On the cells of a patch apples grow again,
    with a chance of 3, 6 or 12 % a turn where one, two, or three and more of the eight cells around have apples, and
    never without. Both move at once.

    ## Action space
    `move(direction)`: up, down, left, right or stay.

    ## Observation space
    `image`: what the seat sees, uint8 (image_size, image_size, 3). `text`: the text twin. `messages`: what others
    have said. `feedback`: what was wrong with the last call.

    ## Starting state
    Patches of 3 x 3 cells at random, full of apples; they may overlap. The seat is drawn as well, unless `seat` names
    it. `options["task"]` can only be `"any"`.

    ## Rewards
    Apples, as shares of the goal (term `outcome`), when they are picked.

    ## Episode end
    Terminated when the game is over; truncated at the turn limit. A turn without a valid call is passed over where
    both move at once, and asked for again where they move in turn: the fourth one forfeits the game.

    ## Arguments
    `seat`: a name, or any. `others`: expert, weak, random, `agent:NAME OPTIONS` or `module:attr`, who plays the other
    seat; the weak player unless given. And those of `MultimodalEnv`.

    | level | 1 | 2 | 3 |
    |---|---|---|---|
    | cells a side | 5 | 6 | 7 |
    | patches | 1 | 2 | 3 |
    | turns | 40 | 40 | 60 |
    | apples for success | 5 | 9 | 16 |

    ## Version history
    - v0: first version.
    """

    rules: ClassVar[type[harvest.Harvest]] = harvest.Harvest


class Hex(SeatEnv):
    """Join your two sides of a board of hexagons.

    ## Description
    Red joins top and bottom, blue left and right. One of the two always succeeds.

    ## Action space
    `place(column, row)`: the letter of the slanting column, written below, and the number of the row.

    ## Observation space
    `image`: what the seat sees, uint8 (image_size, image_size, 3). `text`: the text twin. `messages`: what others
    have said. `feedback`: what was wrong with the last call.

    ## Starting state
    An empty board, on which up to two moves were made at random. The seat is drawn as well, unless `seat` names it.
    `options["task"]` can only be `"any"`.

    ## Rewards
    1 for a win, -1 for a loss (term `outcome`), when the game ends.

    ## Episode end
    Terminated when the game is over; truncated at the turn limit. A turn without a valid call is passed over where
    both move at once, and asked for again where they move in turn: the fourth one forfeits the game.

    ## Arguments
    `seat`: a name, or any. `others`: expert, weak, random, `agent:NAME OPTIONS` or `module:attr`, who plays the other
    seat; the weak player unless given. And those of `MultimodalEnv`.

    | level | 1 | 2 | 3 |
    |---|---|---|---|
    | cells a side | 3 | 4 | 5 |
    | the expert looks ahead | to the end | 3 moves | 2 moves |

    ## Version history
    - v0: first version.
    """

    rules: ClassVar[type[hex.Hex]] = hex.Hex


class KuhnPoker(SeatEnv):
    """Play the smallest poker: three cards, one bet.

    ## Description
    Each player puts one chip in and gets one of three cards. In turn they check or bet one more chip, then call or
    fold; the higher card wins. The players take turns to speak first.

    ## Action space
    `check()`, `bet()`, `call()` and `fold()`; the last two answer a bet.

    ## Observation space
    `image`: what the seat sees, uint8 (image_size, image_size, 3). `text`: the text twin. `messages`: what others
    have said. `feedback`: what was wrong with the last call.

    ## Starting state
    All deals of the match are drawn at its start. The seat is drawn as well, unless `seat` names it.
    `options["task"]` can only be `"any"`.

    ## Rewards
    Chips won or lost, divided by the number of deals (term `outcome`), when a deal ends. Success is to have more
    chips at the end.

    ## Episode end
    Terminated when the game is over; truncated at the turn limit. A turn without a valid call is passed over where
    both move at once, and asked for again where they move in turn: the fourth one forfeits the game,
    at two chips a deal: no cheaper than playing on.

    ## Arguments
    `seat`: a name, or any. `others`: expert, weak, random, `agent:NAME OPTIONS` or `module:attr`, who plays the other
    seat; the weak player unless given. And those of `MultimodalEnv`.

    | level | 1 | 2 | 3 |
    |---|---|---|---|
    | deals | 1 | 5 | 10 |

    ## Version history
    - v0: first version.
    """

    rules: ClassVar[type[kuhn_poker.KuhnPoker]] = kuhn_poker.KuhnPoker


class RockPaperScissors(SeatEnv):
    """Win more rounds of rock, paper, scissors than the other player.

    ## Description
    Both show a sign at once, round after round; the last rounds are on the table. Who gives no valid call loses the
    round.

    ## Action space
    `show(sign)`: rock, paper or scissors.

    ## Observation space
    `image`: what the seat sees, uint8 (image_size, image_size, 3). `text`: the text twin. `messages`: what others
    have said. `feedback`: what was wrong with the last call.

    ## Starting state
    Nothing was shown yet: the seats, the other player's chance and yours are all that differ. The seat is drawn as
    well, unless `seat` names it. `options["task"]` can only be `"any"`.

    ## Rewards
    Rounds won less rounds lost, as a share of all (term `outcome`), round by round.

    ## Episode end
    Terminated when the game is over; truncated at the turn limit. A turn without a valid call is passed over where
    both move at once, and asked for again where they move in turn: the fourth one forfeits the game.

    ## Arguments
    `seat`: a name, or any. `others`: expert, weak, random, `agent:NAME OPTIONS` or `module:attr`, who plays the other
    seat; the weak player unless given.
    The weak player shows all signs equally often, so nothing is to be learned against it;
    `mmgym_arena.cards.rock_paper_scissors:copycat` can be seen through. And those of `MultimodalEnv`.

    | level | 1 | 2 | 3 |
    |---|---|---|---|
    | rounds | 5 | 10 | 20 |
    | rounds on the table | 5 | 5 | 3 |

    ## Version history
    - v0: first version.
    """

    rules: ClassVar[type[rock_paper_scissors.RockPaperScissors]] = rock_paper_scissors.RockPaperScissors


class TicTacToe(SeatEnv):
    """Get three in a row.

    ## Description
    Crosses and rings in turn on a board of nine cells. Three in a row, a column or a diagonal win.

    ## Action space
    `place(column, row)`: a letter from a to c and a number from 1 to 3.

    ## Observation space
    `image`: what the seat sees, uint8 (image_size, image_size, 3). `text`: the text twin. `messages`: what others
    have said. `feedback`: what was wrong with the last call.

    ## Starting state
    The board after up to none, two or four moves at random, none of which decides the game. The seat is drawn as
    well, unless `seat` names it. `options["task"]` can only be `"any"`.

    ## Rewards
    1 for a win, -1 for a loss, 0 for a draw (term `outcome`), when the game ends.

    ## Episode end
    Terminated when the game is over; truncated at the turn limit. A turn without a valid call is passed over where
    both move at once, and asked for again where they move in turn: the fourth one forfeits the game.

    ## Arguments
    `seat`: a name, or any. `others`: expert, weak, random, `agent:NAME OPTIONS` or `module:attr`, who plays the other
    seat; the weak player unless given. And those of `MultimodalEnv`.

    | level | 1 | 2 | 3 |
    |---|---|---|---|
    | moves made before | 0 | 0 or 2 | 0 to 4 |

    ## Version history
    - v0: first version.
    """

    rules: ClassVar[type[tic_tac_toe.TicTacToe]] = tic_tac_toe.TicTacToe


class TwoRooms(SeatEnv):
    """Send the other robot the boxes that it needs, or say which and put them in place.

    ## Description
    Two robots in two rooms that a hatch joins; each sees its own. The sender has boxes of several colours, the
    receiver has places, each for one colour. The hatch holds one box. Both act at once, and win together when every
    place has its box.

    ## Action space
    `move(direction)` steps, takes a box that is there, or uses the hatch; `put(direction)` sets a box down;
    `say(text)` tells the other something, at most 80 characters. Each takes the turn.

    ## Observation space
    `image`: what the seat sees, uint8 (image_size, image_size, 3). `text`: the text twin. `messages`: what others
    have said. `feedback`: what was wrong with the last call.

    ## Starting state
    Boxes, places, robots and the row of the hatch at random; not all boxes are wanted. The seat is drawn as well,
    unless `seat` names it. `options["task"]` can only be `"any"`.

    ## Rewards
    The share of places that are filled, for both (term `outcome`), when one is.

    ## Episode end
    Terminated when the game is over; truncated at the turn limit. A turn without a valid call is passed over where
    both move at once, and asked for again where they move in turn: the fourth one forfeits the game.

    ## Arguments
    `seat`: a name, or any. `others`: expert, weak, random, `agent:NAME OPTIONS` or `module:attr`, who plays the other
    seat; the expert unless given. And those of `MultimodalEnv`.

    | level | 1 | 2 | 3 |
    |---|---|---|---|
    | cells a side of a room | 3 | 3 | 4 |
    | boxes | 2 | 3 | 4 |
    | places | 1 | 2 | 3 |
    | turns | 30 | 60 | 100 |

    ## Version history
    - v0: first version.
    """

    rules: ClassVar[type[two_rooms.TwoRooms]] = two_rooms.TwoRooms
