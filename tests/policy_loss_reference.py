"""The published policy losses once more, in loops over tokens, turns and trajectories, as their papers write them."""

import math

import torch


def clip(ratio, low, high):
    """A number brought into a range."""
    return min(max(ratio, low), high)


def group(values, turns, level):
    """Index lists of the units of one trajectory."""
    if level == "token":
        return [[i] for i in range(len(values))]
    if level == "trajectory":
        return [list(range(len(values)))] if len(values) else []
    units, start = [], 0
    for size in turns:
        if size:
            units.append(list(range(start, start + int(size))))
        start += int(size)
    return units


def surrogate(logprob, behaviour, s, advantage, config):
    """What is maximised for one token with ratio `s`; `logprob` and `s` carry gradients."""
    if config.form == "clip":
        return min(s * advantage, clip(s, 1 - config.clip_low, 1 + config.clip_high) * advantage)
    if config.form == "dual_clip":
        usual = min(s * advantage, clip(s, 1 - config.clip_low, 1 + config.clip_high) * advantage)
        return max(usual, config.dual_clip * advantage) if advantage < 0 else usual
    if config.form == "cispo":
        return clip(float(s.detach()), config.cispo_floor, config.cispo_cap) * advantage * logprob
    if config.form == "sapo":
        tau = config.sapo_positive if advantage > 0 else config.sapo_negative
        return 4 / tau / (1 + torch.exp(-tau * (s - 1))) * advantage
    if config.form == "dppo_tv":
        change = math.exp(float(logprob.detach())) - math.exp(float(behaviour))
        too_far = change > config.dppo_delta if advantage > 0 else change < -config.dppo_delta
        return 0 * s if too_far else s * advantage
    return advantage * logprob


def divergence(logprob, reference, form):
    """One token's term."""
    d = logprob - reference
    return {"k1": d, "k2": 0.5 * d * d, "k3": torch.exp(-d) - 1 + d, "k3_straight_through": 0.5 * d * d}[form]


def average(terms, turns, name, constant):
    """The mean of per-token terms: `terms` and `turns` hold one list per trajectory."""
    heard = [t for t in terms if len(t)]
    if name == "global_token_mean":
        return sum(sum(t) for t in heard) / sum(len(t) for t in heard)
    if name == "trajectory_mean":
        return sum(sum(t) / len(t) for t in heard) / len(heard)
    if name == "trajectory_sum":
        return sum(sum(t) for t in heard) / len(heard)
    if name == "constant":
        return sum(sum(t) / constant for t in heard) / len(heard)
    means = []
    for t, sizes in zip(terms, turns, strict=True):
        means += [sum(t[i] for i in unit) / len(unit) for unit in group(t, sizes, "turn")]
    return sum(means) / len(means)


def correction(proximal, behaviour, turns, config):
    """Weights of one trajectory's tokens."""
    weights = [1.0] * len(proximal)
    for unit in group(proximal, turns, config.correction_level):
        product = math.prod(math.exp(float(proximal[i] - behaviour[i])) for i in unit)
        w = product ** (1 / len(unit))
        if config.correction == "truncate":
            w = min(w, config.correction_cap)
        elif not config.correction_floor <= w <= config.correction_cap:
            w = 0.0
        for i in unit:
            weights[i] = w
    return weights


def reference_loss(trajectories, config, joint=False):
    """The loss of whole trajectories.

    The ratio of a unit of k tokens is a function of all its k log-probabilities (`joint`: differentiated as such), or
    sg[ratio] pi / sg[pi] at each token (the token form of GSPO's paper). The two have one gradient where all tokens of
    a unit have one advantage and one weight.
    """
    terms = []
    for t in trajectories:
        old = t["proximal"] if config.correction != "none" else t["behaviour"]
        ratios = [None] * len(old)
        for unit in group(old, t["turns"], config.ratio):
            product = torch.ones((), dtype=torch.float64)
            for i in unit:
                product = product * torch.exp(t["logprobs"][i] - old[i])
            ratio = product ** (1 / len(unit))
            for i in unit:
                own = torch.exp(t["logprobs"][i])
                ratios[i] = ratio if joint else ratio.detach() * own / own.detach()
        weights = [1.0] * len(old)
        if config.correction != "none":
            weights = correction(t["proximal"], t["behaviour"], t["turns"], config)
        row = []
        for i, advantage in enumerate(t["advantages"]):
            term = -weights[i] * surrogate(t["logprobs"][i], t["behaviour"][i], ratios[i], float(advantage), config)
            term = term - config.entropy_bonus * t["entropy"][i]
            if config.kl != "none":
                kl = divergence(t["logprobs"][i], t["reference"][i], config.kl)
                term = term + config.kl_coefficient * kl
            row.append(term)
        terms.append(row)
    turns = [t["turns"] for t in trajectories]
    return average(terms, turns, config.aggregation, config.aggregation_constant)
