"""Self-play: who sits where, groups by seat, team credit, the league, and a run that goes on where it was stopped."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mmgym.learn.config import EnvironmentConfig, GrpoConfig, MixedEnvironment, TrainConfig, from_mapping
from mmgym.learn.distributed import World
from mmgym.learn.episodes import training_tasks
from mmgym.learn.preflight import preflight
from mmgym.learn.self_play import PAST, League, SelfPlayConfig, as_team, seat_environments
from mmgym.learn.trainer import train
from mmgym.trajectory import EpisodeTask, Trajectory, Turn
from tests.short_runs import short_run

GAME = EnvironmentConfig(id="mmgym/GuideWalker-v0", kwargs={"image_size": 64, "others": "expert"})
CONFIG = TrainConfig(
    environment=GAME,
    mixture=(MixedEnvironment(id="mmgym/FrozenLake-v0", kwargs={"image_size": 64}),),
    self_play=SelfPlayConfig(enabled=True, past=0.5),
)


def tasks(config=CONFIG, groups=12, size=3):
    """The tasks of an iteration."""
    return training_tasks(config, World(), stage=2, step=0, groups=groups, size=size)


def test_each_seat_has_a_group_of_its_own_and_each_member_is_a_match():
    found = tasks()
    matches = {}
    for task in found:
        if task.match is not None:
            matches.setdefault(task.match, []).append(task)
    assert matches and any(task.match is None for task in found)
    for guide, walker in matches.values():
        assert (guide.kwargs["seat"], walker.kwargs["seat"]) == ("guide", "walker")
        assert (guide.seed, guide.member) == (walker.seed, walker.member)
        assert walker.group == guide.group + 1
        assert "others" not in guide.kwargs
    members = {}
    for task in found:
        members.setdefault(task.group, []).append((task.env_id, task.seed, task.kwargs.get("seat"), task.member))
    assert all(len({one[:3] for one in group}) == 1 for group in members.values())
    assert all([one[3] for one in group] == [0, 1, 2] for group in members.values())


def test_every_seat_is_an_environment_that_is_measured():
    names = [environment.name for environment in seat_environments(CONFIG)]
    assert names == ["GuideWalker/guide", "GuideWalker/walker", "FrozenLake"]
    without = dataclasses.replace(CONFIG, self_play=SelfPlayConfig())
    assert [environment.name for environment in seat_environments(without)] == ["GuideWalker", "FrozenLake"]


def played(match, *turn_rewards):
    """A trajectory of a match whose turns are paid."""
    nothing = np.zeros(0, np.int32)
    turns = [Turn(nothing, (), nothing, nothing, False, "") for _ in turn_rewards]
    return Trajectory(EpisodeTask("game", 0, match=match), turns), {"outcome": np.array(turn_rewards, float)}


def test_a_team_shares_what_its_seats_are_paid():
    made = [played(7, 1.0, 2.0), played(7, 0.0), played(8, 5.0), played(None, 4.0, 4.0)]
    before = [own["outcome"].copy() for _, own in made]
    shared = as_team([trajectory for trajectory, _ in made], [own for _, own in made])
    assert [own["outcome"].tolist() for own in shared] == [[1.0, 0.5], [1.5], [5.0], [4.0, 4.0]]
    assert all((own["outcome"] == old).all() for (_, own), old in zip(made, before, strict=True))


class Weights:
    """A policy that is a number."""

    def __init__(self, value=0.0):
        self.value = value

    def weights(self):
        """The number."""
        return {"value": torch.tensor(self.value)}

    def load_weights(self, weights):
        """Take it."""
        self.value = float(weights["value"])

    def clone(self):
        """Another one."""
        return Weights(self.value)

    def sampler(self, **_):
        """Nothing is sampled."""
        return SimpleNamespace(weights_changed=lambda version: None)


def league(**changes):
    """A league, and the policy that it follows."""
    policy = Weights()
    config = dataclasses.replace(CONFIG, self_play=SelfPlayConfig(enabled=True, past=0.5, **changes))
    return League(config, policy), policy


def meet(found, policy, steps):
    """Which checkpoint is met in each iteration; the weights are the number of the iteration."""
    met = []
    for step in range(steps):
        policy.value = float(step)
        found.begin(step)
        met.append(int(found._copy.value))
    return met


def test_the_latest_checkpoint_is_met_or_any():
    assert meet(*league(past_rule="latest", past_every=3), 8) == [0, 0, 0, 3, 3, 3, 6, 6]
    met = meet(*league(past_every=3), 200)
    assert set(met) <= set(range(0, 200, 3)) and len(set(met[-50:])) > 4
    assert all(step - one <= 3 * 8 for step, one in enumerate(met))


def test_hard_opponents_are_met_more_often():
    found, policy = league(past_rule="hard", past_every=1, past_size=2)
    meet(found, policy, 2)
    easy, hard = found._members
    easy.matches = easy.beaten = hard.matches = 98
    again = [found.begin(1) or found._met.step for found._seed in range(300)]
    assert again.count(hard.step) > 290


def test_past_checkpoints_take_all_seats_but_one_in_some_groups():
    found, _ = league()
    placed = found.seat(tasks(groups=60, size=2), 0)
    by_group = {}
    for task in placed:
        if task.match is not None:
            by_group.setdefault(task.group // 2, set()).add((task.kwargs["seat"], task.player))
    kinds = [tuple(sorted(kind)) for kind in by_group.values()]
    assert set(kinds) == {
        (("guide", ""), ("walker", "")),
        (("guide", ""), ("walker", PAST)),
        (("guide", PAST), ("walker", "")),
    }
    assert 0.3 < sum(PAST in dict(kind).values() for kind in kinds) / len(kinds) < 0.7
    assert all(not task.player for task in placed if task.match is None)


def test_a_league_remembers_how_matches_ended():
    found, _ = league()
    found.begin(0)
    trajectories = []
    for match, success in enumerate([True, False, True]):
        own, other = (EpisodeTask("game", 0, match=match, player=player) for player in ("", PAST))
        trajectories += [Trajectory(own, success=success), Trajectory(other, success=not success)]
    trajectories.append(Trajectory(EpisodeTask("game", 0, match=9), success=True))
    metrics = found.record(trajectories, World())
    assert metrics == {"past_step": 0, "past_matches": 3, "past_success": 2 / 3, "past_size": 1}
    again, _ = league()
    again.load_state(found.state())
    assert (again._members[0].matches, again._members[0].beaten) == (3, 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grpo": {"staleness": 1}}, "grpo.staleness"),
        ({"grpo": {"gathering": {"rounds": 2}}}, "gathering.rounds"),
        ({"environment": {"kwargs": {"seat": "guide"}}}, "leave its argument seat out"),
        ({"sharding": {"mode": "fsdp2"}}, "past does not go with sharding.mode"),
        ({"self_play": {"enabled": True, "past": 0.5, "credit": "team"}}, "past does not go with credit team"),
        ({"grpo": {"gathering": {"augmented": 1}, "recompute": True}}, "gathering.augmented"),
        ({"self_play": {"enabled": True, "credit": "both"}}, "individual"),
        ({"self_play": {"enabled": True, "past_rule": "best"}}, "uniform"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, said):
    given = {"self_play": {"enabled": True, "past": 0.5}, **changes}
    with pytest.raises(ValueError, match=said):
        from_mapping(TrainConfig, given)


def test_self_play_needs_seats(tmp_path):
    config = TrainConfig(out=str(tmp_path), self_play=SelfPlayConfig(enabled=True), grpo=GrpoConfig(iterations=1))
    with pytest.raises(ValueError, match=r"self_play\.enabled: none of the environments has several seats"):
        preflight(config)


def run(out, **changes):
    """A short run of self-play with a league."""
    content = short_run(
        out,
        environment={"id": "mmgym/GuideWalker-v0", "kwargs": {"image_size": 64, "max_turns": 3}, "tasks": {}},
        perception={"steps": 2},
        cloning={"steps": 1, "demonstrator": "random"},
        self_play={"enabled": True, "past_every": 2, **changes.pop("self_play", {"past": 0.5})},
    )
    content["environment"] = {"id": "mmgym/GuideWalker-v0", "kwargs": {"image_size": 64, "max_turns": 3}}
    content["grpo"] = {"iterations": 4, "groups": 3, "group_size": 3, "keep_equal": True, **changes}
    return from_mapping(TrainConfig, content)


def test_a_run_learns_both_seats_and_goes_on_exactly_where_it_was_stopped(tmp_path, monkeypatch):
    train(run(tmp_path / "whole"))
    begin = League.begin

    def die(self, step):
        if step == 3:
            raise KeyboardInterrupt
        begin(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(League, "begin", die)
        with pytest.raises(KeyboardInterrupt):
            train(run(tmp_path / "cut"))
    summary = train(run(tmp_path / "cut"))
    whole, cut = (
        torch.load(sorted((tmp_path / name / "checkpoints").glob("*.pt"))[-1], weights_only=False)["model"]
        for name in ("whole", "cut")
    )
    assert all(torch.equal(whole[name], cut[name]) for name in whole)
    assert set(summary["by_task"]["trained"]) == {"GuideWalker/guide", "GuideWalker/walker"}


@pytest.mark.slow
def test_two_processes_meet_the_same_past_as_one(tmp_path):
    found = {}
    for processes in (1, 2):
        out = tmp_path / str(processes)
        train(dataclasses.replace(run(out), processes=processes))
        lines = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
        found[processes] = [line for line in lines if (line["stage"], line["kind"]) == ("grpo", "train")]
        assert [path.name for path in sorted((out / "league").iterdir())] == ["00000.pt", "00002.pt"]
    for one, two in zip(found[1], found[2], strict=True):
        for name in ("past_step", "past_matches", "past_size", "used_groups"):
            assert two[name] == one[name], name
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-3, abs=1e-4)


def test_a_past_checkpoint_that_fails_ends_the_run(tmp_path, monkeypatch):
    seat = League.seat

    def broken(self, tasks, step):
        monkeypatch.setattr(self._player, "act_batch", lambda conversations: 1 / 0)
        return seat(self, tasks, step)

    monkeypatch.setattr(League, "seat", broken)
    with pytest.raises(ZeroDivisionError):
        train(run(tmp_path, self_play={"past": 1.0}))


def test_a_team_learns_from_the_mean_of_its_seats(tmp_path):
    train(run(tmp_path, self_play={"credit": "team"}))
    lines = map(json.loads, (tmp_path / "metrics.jsonl").read_text().splitlines())
    steps = [line for line in lines if (line["stage"], line["kind"]) == ("grpo", "train")]
    assert len(steps) == 4 and all(step["used_groups"] == 1 for step in steps)


def test_one_game_is_in_a_mixture_once():
    with pytest.raises(ValueError, match="must differ"):
        TrainConfig(
            environment=EnvironmentConfig(id="mmgym/GuideWalker-v0", kwargs={"seat": "guide"}),
            mixture=(MixedEnvironment(id="mmgym/GuideWalker-v0", kwargs={"seat": "walker"}),),
        )
