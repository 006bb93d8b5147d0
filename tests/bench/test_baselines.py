"""The committed baselines: every id has its rows, they hold together, and no agent is above a better one."""

import contextlib
import importlib.util
import json
from collections import Counter
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from scipy.stats import binomtest

import mmgym
from benchmarks import baselines, tiny_policy
from benchmarks.tiny_policy import TINY
from mmgym.registry import entries
from mmgym.stats import wilson
from mmgym_agents.blind import by_heart, learn_plan

ROOT = Path(__file__).resolve().parent.parent.parent
LAKE = "mmgym/FrozenLake-v0"
IDS = sorted(entry.id for entry in entries() if entry.id.startswith("mmgym/"))
RESULTS = {agent: baselines.read(agent) for agent in baselines.AGENTS}

each_agent = pytest.mark.parametrize("agent", baselines.AGENTS)


def outcomes(agent, id):
    """By instance (level, place): whether it was solved; what the machinery spoilt is left out."""
    solved = RESULTS[agent]["rows"].get(id, {"solved": {}})["solved"]
    return {(level, k): sign == "1" for level, signs in solved.items() for k, sign in enumerate(signs) if sign != "-"}


@each_agent
def test_every_registered_id_has_its_row_or_a_reason_why_not(agent):
    missing = RESULTS[agent]["missing"]
    assert sorted([*RESULTS[agent]["rows"], *missing]) == IDS, "run: make baselines"
    for id, reason in missing.items():
        if reason == baselines.NOT_YET:
            assert id.startswith("mmgym/MiniWoB-") or agent in TINY, f"make baselines comes to {id} in minutes"
            continue
        assert agent in ("expert", "blind", *TINY) and "declares no expert" in reason
        with contextlib.closing(gym.make(id)) as env:
            assert mmgym.unwrap(env).capabilities.expert == "none", id


@each_agent
def test_rows_hold_together(agent):
    assert RESULTS[agent]["split"] == "test" and RESULTS[agent]["seed"] >= 10_000_000
    levels = {entry.id: entry.levels for entry in entries()}
    for id, row in RESULTS[agent]["rows"].items():
        played = outcomes(agent, id)
        assert row["n"] == len(played) > 0, id
        assert row["success"] == pytest.approx(np.mean(list(played.values())), abs=1e-4), id
        assert (row["low"], row["high"]) == pytest.approx(wilson(sum(played.values()), len(played)), abs=1e-4), id
        assert list(row["solved"]) == [str(level) for level in range(1, levels[id] + 1)], id
        assert {len(signs) for signs in row["solved"].values()} == {row["episodes"]}, id


def chance_of_above(lower, higher, ids):
    """One-sided p of the sign test over instances that one agent alone solved: small if `lower` is above `higher`."""
    counts: Counter[str] = Counter()
    for id in ids:
        one, other = outcomes(lower, id), outcomes(higher, id)
        counts["lower"] += sum(one[key] and not other[key] for key in one.keys() & other.keys())
        counts["higher"] += sum(other[key] and not one[key] for key in one.keys() & other.keys())
    return binomtest(counts["lower"], counts.total(), 0.5, "greater").pvalue if counts.total() else 1.0


@pytest.mark.parametrize("lower, higher", [("random", "weak"), ("weak", "expert"), ("blind", "expert")])
def test_no_agent_is_above_a_better_one_by_more_than_chance(lower, higher):
    families = {}
    for entry in entries():
        families.setdefault(entry.family, []).append(entry.id)
    groups = [[id] for id in IDS] + list(families.values()) + [IDS]
    above = [group for group in groups if chance_of_above(lower, higher, group) < 0.05 / len(groups)]
    assert not above
    assert chance_of_above(higher, lower, IDS) < 1e-6, "the test above must be able to fail"


@pytest.mark.parametrize("agent", ["random", "weak", "expert", "blind"])
def test_a_row_is_what_is_measured_again(agent, tmp_path):
    arguments = {"only": (LAKE,), "agents": (agent,), "runs": tmp_path / "runs", "out": tmp_path / "out"}
    baselines.main(baselines.Args(**arguments))
    found = baselines.read(agent, tmp_path / "out")
    assert found["rows"] == {LAKE: RESULTS[agent]["rows"][LAKE]}
    assert found["missing"] == dict.fromkeys(set(IDS) - {LAKE}, baselines.NOT_YET)
    assert not list((tmp_path / "runs" / agent).iterdir())


def test_rows_that_are_there_stay_and_failures_are_named(tmp_path, monkeypatch, capsys):
    args = baselines.Args(only=(LAKE,), agents=("random", "weak"), episodes=1, runs=tmp_path / "r", out=tmp_path / "o")
    baselines.main(args)
    path = tmp_path / "o" / "weak.json"
    content = json.loads(path.read_text())
    content["rows"][LAKE]["success"] = 0.123
    path.write_text(json.dumps(content))
    capsys.readouterr()
    baselines.main(args)
    assert json.loads(path.read_text()) == content and capsys.readouterr().out == ""
    monkeypatch.setattr(baselines, "bench", lambda config: [])
    baselines.main(baselines.Args(**{**vars(args), "fresh": True}))
    assert json.loads(path.read_text())["missing"][LAKE] == "ValueError: no episode was played"
    with pytest.raises(
        ValueError, match="unknown agent clever; there are: random, weak, expert, blind, untrained, cloned"
    ):
        baselines.main(baselines.Args(agents=("clever",)))


def test_the_tiny_policy_plays_before_and_after_it_was_cloned(tmp_path, monkeypatch):
    monkeypatch.setattr(tiny_policy, "STEPS", 2)
    args = baselines.Args(only=(LAKE,), agents=TINY, episodes=1, runs=tmp_path / "runs", out=tmp_path / "out")
    baselines.main(args)
    for agent in TINY:
        row = baselines.read(agent, tmp_path / "out")["rows"][LAKE]
        assert row["n"] == 5 and row["turns"] > 1 and not list((tmp_path / "runs" / agent).iterdir())
    entry = next(entry for entry in entries() if entry.id == LAKE)
    files = []
    for agent in TINY:
        options = tiny_policy.options_of(agent, entry, tmp_path / agent)
        files.append((Path(options["path"]) / "model.safetensors").read_bytes())
        assert 4 < options["max_new_tokens"] < 32
    assert files[0] != files[1]


def test_levels_are_drawn_from_the_seed_where_none_is_asked_for():
    env = tiny_policy.AnyLevel(gym.make(LAKE))
    levels = [env.reset(seed=seed)[1]["level"] for seed in (*range(40), *range(40))]
    assert set(levels) == {1, 2, 3, 4, 5} and levels[:40] == levels[40:]
    assert env.reset(seed=0, options={"level": 3})[1]["level"] == 3


def test_the_blind_plan_is_the_experts_commonest_call_of_each_turn():
    env = mmgym.unwrap(gym.make(LAKE))
    plan = learn_plan(env, 2, episodes=7)
    walks = []
    for seed in range(7):
        env.reset(seed=seed, options={"level": 2, "split": "train"})
        walks.append([])
        while not env.success:
            walks[-1].append(env.expert())
            env.step(walks[-1][-1])
    for turn, call in enumerate(plan):
        counts = Counter(repr(walk[turn]) for walk in walks if turn < len(walk))
        assert counts[repr(call)] == max(counts.values())
    assert len(plan) == max(map(len, walks))


def test_the_blind_agent_does_the_same_whatever_it_is_shown():
    env, said = gym.make(LAKE), {}
    for seed in range(3):
        env.reset(seed=seed, options={"level": 1, "split": "test"})
        rng = np.random.default_rng(0)
        for turn in range(4):
            call = by_heart(env, rng)
            assert said.setdefault(turn, call) == call
            if env.step(call)[2]:
                break
    with pytest.raises(ValueError, match=r"gymnasium\.make made; got a bare FrozenLake"):
        by_heart(type(mmgym.unwrap(env))(), rng)


def test_the_page_says_what_the_rows_say():
    spec = importlib.util.spec_from_file_location("make_baselines", ROOT / "docs" / "make_baselines.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    assert (ROOT / "docs" / "baselines.md").read_text() == generator.page(), "run: python docs/make_baselines.py"
    assert set(generator.AGENTS) == set(baselines.AGENTS)
