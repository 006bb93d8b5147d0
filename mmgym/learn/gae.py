"""Credit with a critic: generalised advantage estimation over the sampled tokens of a trajectory, in one level or two.

Only sampled tokens are steps. What the environment says between two turns is skipped: the value after the last token of
a turn is the critic's value before the first token of the next. Array functions of one trajectory.
"""

from __future__ import annotations

import numpy as np

__all__ = ["bilevel_gae", "token_gae", "token_returns", "token_rewards"]


def token_rewards(rewards: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """The reward of each turn on its last sampled token.

    A turn without tokens made no choice: what it pays follows from the choices before it, so its reward is added to the
    last token of the turn before. Before the first sampled token there is no choice, and such rewards are dropped.

    Args:
        rewards: float64 (turns,).
        tokens: int64 (turns,), the sampled tokens of each turn.

    Returns:
        float64 (sampled tokens,).
    """
    last = np.cumsum(tokens) - 1
    paid = np.zeros(int(np.sum(tokens)), np.float64)
    np.add.at(paid, last[last >= 0], np.asarray(rewards, np.float64)[last >= 0])
    return paid


def token_gae(
    rewards: np.ndarray, values: np.ndarray, last_value: float = 0.0, discount: float = 1.0, lambda_: float = 1.0
) -> np.ndarray:
    """GAE (arXiv 1506.02438): A_t = d_t + discount lambda A_{t+1}, d_t = r_t + discount V_{t+1} - V_t.

    Args:
        rewards: float64 (tokens,), what each token is paid.
        values: float64 (tokens,), the critic's value before each token.
        last_value: value of what follows the last token: 0 where the episode terminated.
        discount: gamma, per token.
        lambda_: 1 gives returns minus values, 0 the error of one step.

    Returns:
        float64 (tokens,).
    """
    advantages = []
    following, ahead = last_value, 0.0
    # Lists of Python's floats: several times as fast as single elements of arrays.
    for reward, value in zip(reversed(rewards.tolist()), reversed(values.tolist()), strict=True):
        ahead = reward + discount * following - value + discount * lambda_ * ahead
        advantages.append(ahead)
        following = value
    return np.array(advantages[::-1], np.float64)


def token_returns(rewards: np.ndarray, discount: float = 1.0) -> np.ndarray:
    """G_t = r_t + discount G_{t+1}: what follows from each token on, float64 (tokens,)."""
    return token_gae(rewards, np.zeros(len(rewards)), discount=discount)


def bilevel_gae(
    rewards: np.ndarray,
    tokens: np.ndarray,
    values: np.ndarray,
    last_value: float = 0.0,
    turn_discount: float = 0.95,
    turn_lambda: float = 1.0,
    token_discount: float = 1.0,
    token_lambda: float = 1.0,
) -> np.ndarray:
    """Bi-level GAE of VAGEN (arXiv 2510.16907), as its code has it: over turns, then over the tokens inside each.

    Turns: A_k = d_k + turn_discount turn_lambda A_{k+1}, d_k = r_k + turn_discount V(e_{k+1}) - V(e_k), where e_k is
    the last token of turn k. Tokens: GAE inside turn k, where the last token is paid A_k + V(e_k) and followed by value
    0, so that it gets A_k. With all four of discounts and lambdas 1 it is token GAE. A discount below 1 tells them
    apart even where both are equal: between the ends of two turns it counts once here, and once a token there.

    Args:
        rewards: float64 (turns,); turns without tokens pay as in `token_rewards`.
        tokens: int64 (turns,), the sampled tokens of each turn.
        values: float64 (sampled tokens,), the critic's value before each token.
        last_value: value of what follows the last token: 0 where the episode terminated.
        turn_discount: gamma between the last tokens of two turns.
        turn_lambda: lambda between two turns.
        token_discount: gamma between two tokens of a turn.
        token_lambda: lambda between two tokens of a turn.

    Returns:
        float64 (sampled tokens,).
    """
    tokens = np.asarray(tokens)
    paid = token_rewards(rewards, tokens)
    ends = np.cumsum(tokens)[tokens > 0] - 1
    advantages = np.zeros(len(paid), np.float64)
    if not len(ends):
        return advantages
    turns = token_gae(paid[ends], values[ends], last_value, turn_discount, turn_lambda)
    for start, end, turn in zip([0, *(ends[:-1] + 1)], ends, turns, strict=True):
        inside = slice(start, end + 1)
        goal = np.zeros(end + 1 - start, np.float64)
        goal[-1] = turn + values[end]
        advantages[inside] = token_gae(goal, values[inside], 0.0, token_discount, token_lambda)
    return advantages
