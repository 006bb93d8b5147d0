"""Several environments in one run: each is asked about, played, measured and credited as itself."""

import contextlib
import json

import gymnasium as gym
import numpy as np
import pytest
import toy
from colours import COLOURS
from iterations import paid, trainer_of

from mmgym.learn.config import ConfigurationError, TrainConfig, from_mapping
from mmgym.learn.decisions import Decisions
from mmgym.learn.distributed import World
from mmgym.learn.episodes import training_tasks
from mmgym.learn.preflight import preflight
from mmgym.learn.trainer import Trainer, train

LAMPS = "mmgym/LightsOut-v0"


def config_of(tmp_path, *mixture, **more):
    content = {
        "out": str(tmp_path / "run"),
        "environment": {"id": COLOURS, "kwargs": {"image_size": 64}},
        "mixture": mixture or [{"id": LAMPS, "kwargs": {"image_size": 64, "max_turns": 2}, "share": 3.0}],
        "rollout": {"format": "tag", "prompt": "minimal"},
        "policy": {"max_new_tokens": 4, "tiny": {"layers": 1}},
        "perception": {"steps": 2, "conversations": 4, "held_out": 8, "check_every": 2},
        "cloning": {"steps": 1, "episodes": 4},
        "grpo": {"iterations": 2, "groups": 6, "group_size": 2, "question_weight": 0.1, "question_conversations": 2},
        "evaluation": {"every": 1, "episodes": 3, "final_episodes": 4, "samples": 2, "baselines": {"expert": "expert"}},
        **more,
    }
    return from_mapping(TrainConfig, content)


def test_a_run_reports_each_environment(tmp_path):
    summary = train(config_of(tmp_path))
    for ways in summary["heldout"].values():
        for result in ways.values():
            parts = result["environments"]
            assert {name: part["episodes"] for name, part in parts.items()} == {"Colours": 4, "LightsOut": 4}
            assert result["episodes"] == 8
            assert result["success"] == pytest.approx(np.mean([part["success"] for part in parts.values()]))
    assert set(summary["by_task"]["expert"]) == {"Colours", "LightsOut"}
    assert set(summary["perception"]["environments"]) == {"Colours", "LightsOut"}
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    played = [line for line in lines if line["stage"] == "grpo" and line["kind"] == "train"]
    assert all("success/LightsOut" in line for line in played)
    assert LAMPS in (tmp_path / "run" / "report.html").read_text()
    assert (tmp_path / "run" / "success.png").stat().st_size > 10_000


def test_success_and_terms_are_those_of_all_that_was_played(tmp_path):
    """Colours is always solved: its groups teach nothing, and others are played and learned from in their place."""
    grpo = {"iterations": 1, "groups": 6, "group_size": 2, "gathering": {"rounds": 2}}
    trainer = trainer_of(config_of(tmp_path, grpo=grpo))
    run, played = trainer.executor.run, []

    def decide(tasks, agent, **_):
        rollout = run(tasks, agent)
        for trajectory in rollout.trajectories:
            trajectory.success = trajectory.task.env_id == COLOURS or trajectory.task.member == 0
        played.extend(rollout.trajectories)
        return rollout

    trainer.executor.run = decide
    trainer.improvement._pay = lambda trajectory, progress: paid(trajectory, float(trajectory.success))
    values = trainer._improve(0, 1.0)
    assert values["rounds"] == 2 and {one.task.env_id for one in played} == {COLOURS, LAMPS}
    assert values["success/Colours"] == 1 and values["success/LightsOut"] == 0.5
    assert values["success"] == np.mean([one.success for one in played])
    assert values["reward/outcome"] == values["return"] == pytest.approx(values["success"])


def test_groups_are_shared_out_and_a_group_plays_one_environment(tmp_path):
    config = config_of(tmp_path)
    tasks = training_tasks(config, World(), stage=2, step=0, groups=400, size=2)
    of_group = {}
    for task in tasks:
        assert of_group.setdefault(task.group, (task.env_id, task.seed)) == (task.env_id, task.seed)
    share = np.mean([env_id == LAMPS for env_id, _ in of_group.values()])
    assert abs(share - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 400)
    assert training_tasks(config, World(), stage=2, step=0, groups=400, size=2) == tasks


def test_choices_are_counted_among_the_calls_of_the_environment_played(tmp_path):
    one, other = [np.array([1, 2, 9]), np.array([1, 3, 9])], [np.array([1, 4, 9]), np.array([1, 5, 9])]
    decisions = Decisions(one, other)
    assert [ids.tolist() for ids in decisions.sets] == [[], [2, 3], [4, 5]]
    assert decisions.numbers(np.array([1, 2, 9]), 0).tolist() == [0, 1, 0]
    assert decisions.numbers(np.array([1, 4, 9]), 1).tolist() == [0, 2, 0]
    trainer = Trainer(config_of(tmp_path), World())
    assert len(trainer.decisions.sets) == 9  # none; left or right; the row; the column after each of six rows


@pytest.mark.parametrize(
    ("mixture", "message"),
    [
        ({"id": COLOURS}, "must differ"),
        ({"id": LAMPS, "share": 0}, "share must be above 0"),
        ({"id": LAMPS, "part": 1}, "mixture\\[0\\].part"),
    ],
)
def test_a_mixture_that_makes_no_sense_is_refused(tmp_path, mixture, message):
    with pytest.raises(ValueError, match=message):
        config_of(tmp_path, mixture)


def test_what_cannot_be_made_is_named_before_the_run(tmp_path):
    for mixture, message in (
        ({"id": "mmgym/Nowhere-v0"}, "mixture\\[0\\].*Nowhere"),
        ({"id": LAMPS, "kwargs": {"image_size": 96}}, "one image_size"),
        ({"id": LAMPS, "kwargs": {"image_size": 64}, "questions": ["Why?"]}, "does not ask 'Why"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            train(config_of(tmp_path, mixture))


LAKE = {"id": "mmgym/FrozenLake-v0", "kwargs": {"image_size": 64}}
PAGE = {"id": "test/Page-v0", "kwargs": {"image_size": 64}}


@pytest.fixture
def page():
    """An environment without expert or questions."""
    gym.register(PAGE["id"], entry_point=f"toy:{toy.Page.__name__}")
    yield PAGE
    del gym.registry[PAGE["id"]]


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        ({"tasks": ["risky"]}, "evaluation.tasks in test/Page-v0: .*any.*risky"),
        ({"controls": {"slips": {"kwargs": {"is_slippery": True}}}}, "evaluation.controls.slips in test/Page-v0: "),
        ({"risk": {"task": "risky"}}, "evaluation.risk in test/Page-v0: .*any.*risky"),
        ({"baselines": {"best": "expert"}}, "evaluation.baselines.best in test/Page-v0: .*no expert"),
    ],
)
def test_what_is_measured_in_every_environment_is_tried_in_every_one(tmp_path, page, evaluation, message):
    """Found out at the end, it would cost the run: its folder takes no other configuration."""
    alone = {"perception": {}, "cloning": {}, "grpo": {"iterations": 1}}
    preflight(config_of(tmp_path, environment=LAKE, mixture=[], evaluation=evaluation, **alone))
    with pytest.raises(ConfigurationError, match=message):
        preflight(config_of(tmp_path, page, environment=LAKE, evaluation={"baselines": {}, **evaluation}, **alone))


@pytest.mark.parametrize(
    ("stages", "shown"),
    [
        ({"grpo": {"iterations": 1}}, False),
        ({"grpo": {"iterations": 1, "cloning_weight": 0.1}}, True),
        ({"cloning": {"steps": 1, "question_weight": 0.0}}, True),
    ],
)
def test_an_expert_is_asked_for_where_it_is_shown(tmp_path, page, stages, shown):
    stages = {"perception": {}, "cloning": {}, "grpo": {}, **stages}
    for environment, mixture in ((PAGE, [LAKE]), (LAKE, [PAGE]), (PAGE, [])):
        config = config_of(tmp_path, environment=environment, mixture=mixture, evaluation={"baselines": {}}, **stages)
        with pytest.raises(ConfigurationError, match=r"demonstrator.*no expert") if shown else contextlib.nullcontext():
            preflight(config)
