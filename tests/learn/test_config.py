"""A configuration is the same from TOML, YAML and the command line, and what is wrong with one is said at once."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import json
import re

import pytest
from short_runs import short_run, toml, write_toml

from mmgym import cli
from mmgym.learn import main as train_command
from mmgym.learn.config import TrainConfig, differences, from_mapping, read_config, to_mapping

CONTENT = {
    "seed": 3,
    "environment": {"kwargs": {"preset": "two_holes", "image_size": 64}, "tasks": {"any": 1, "risky": 0.5}},
    "policy": {"context": "window(2)", "tiny": {"hidden_size": 32}},
    "perception": {"questions": ["Look around.", "Where is the goal?"]},
    "grpo": {"group_size": 4, "algorithm": "dr_grpo", "optimizer": {"name": "muon", "lr": 0.002}},
    "evaluation": {"tasks": ["risky"], "controls": {"blind": {"wrappers": ["a:B"], "meaning": "No eyes."}}},
}
WORDS = [
    "--seed 3 --policy.context window(2) --grpo.group-size 4 --grpo.algorithm dr_grpo",
    "--grpo.optimizer.name muon --grpo.optimizer.lr 2e-3 --evaluation.tasks risky",
]


def parsed(monkeypatch, *arguments):
    """The configuration that the command line makes."""
    seen = []
    monkeypatch.setattr(train_command, "train", seen.append)
    monkeypatch.setattr(train_command, "_show", lambda config, summary: None)
    assert train_command.main(arguments) == 0
    return seen[0]


def test_toml_yaml_and_the_command_line_are_one(tmp_path, monkeypatch):
    (tmp_path / "a.yaml").write_text(json.dumps(CONTENT).replace("0.002", "2e-3"))
    from_toml, from_yaml = read_config(write_toml(tmp_path / "a.toml", CONTENT)), read_config(tmp_path / "a.yaml")
    from_words = parsed(
        monkeypatch,
        *" ".join(WORDS).split(),
        *("--environment.kwargs", json.dumps(CONTENT["environment"]["kwargs"])),
        *("--environment.tasks", json.dumps(CONTENT["environment"]["tasks"])),
        *("--policy.tiny", json.dumps(CONTENT["policy"]["tiny"])),
        *("--perception.questions", *CONTENT["perception"]["questions"]),
        *("--evaluation.controls", json.dumps(CONTENT["evaluation"]["controls"])),
    )
    assert from_toml == from_yaml == from_words != TrainConfig()
    assert from_toml.environment.tasks == {"any": 1.0, "risky": 0.5}
    assert from_toml.perception.questions == tuple(CONTENT["perception"]["questions"])
    assert from_mapping(TrainConfig, json.loads(json.dumps(to_mapping(from_toml)))) == from_toml


def test_the_command_line_overrides_the_file(tmp_path, monkeypatch):
    path = str(write_toml(tmp_path / "a.toml", CONTENT))
    config = parsed(monkeypatch, path, "--grpo.group-size", "6", "--policy.tiny", "{}")
    assert (config.grpo.group_size, config.policy.tiny, config.seed) == (6, {}, 3)


@pytest.mark.parametrize("kind", ["toml", "yaml"])
def test_an_empty_file_is_the_default(kind, tmp_path):
    (tmp_path / f"a.{kind}").write_text("")
    assert read_config(tmp_path / f"a.{kind}") == TrainConfig()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"sead": 3}, "no field sead; fields here: out, seed, processes"),
        ({"grpo": {"group": 3}}, "no field grpo.group; fields here: iterations, groups, group_size"),
        ({"grpo": {"optimizer": {"LR": 1}}}, "no field grpo.optimizer.LR; fields here: name, lr"),
        ({"evaluation": {"controls": {"a": {"kwarg": 1}}}}, "controls.a must be a table of kwargs, wrappers, meaning"),
        ({"evaluation": {"risk": {"tasks": 1}}}, "risk must be a table of task, kwargs, meaning"),
        ({"seed": "3"}, "seed must be of type int; got '3'"),
        ({"seed": True}, "seed must be of type int; got True"),
        ({"seed": -1}, "seed must be at least 0; got -1"),
        ({"grpo": 3}, "grpo must be a table; got 3"),
        ({"grpo": {"keep_equal": 1}}, "grpo.keep_equal must be of type bool; got 1"),
        ({"grpo": {"loss": {"clip_low": "x"}}}, "grpo: loss.clip_low must be of type float; got 'x'"),
        ({"environment": {"tasks": {"any": "much"}}}, "environment.tasks.any must be of type float; got 'much'"),
        ({"environment": {"tasks": {"any": -1.0}}}, "environment: tasks must be shares"),
        ({"environment": {"kwargs": ["a"]}}, "environment.kwargs must be a table with names; got ['a']"),
        ({"environment": {"wrappers": "a:B"}}, "environment.wrappers must be a list; got 'a:B'"),
        ({"environment": {"wrappers": [3]}}, "environment.wrappers[0] must be of type str; got 3"),
        ({"processes": 0}, "processes must be at least 1; got 0"),
        ({"grpo": {"group_size": 1}}, "grpo: group_size must be at least 2"),
        ({"grpo": {"rows_per_minibatch": 0}}, "grpo: rows_per_minibatch must be at least 1; got 0"),
        ({"perception": {"check_every": 0}}, "perception: check_every must be at least 1; got 0"),
        ({"cloning": {"demonstrator": "self", "pool": 2}}, "cloning: pool must be 0 with demonstrator self; got 2"),
        ({"cloning": {"noise": 1.5}}, "cloning: noise must be from 0 to 1; got 1.5"),
        ({"grpo": {"algorithm": "ppo", "iterations": 5}}, "grpo: critic.warmup must be below iterations = 5, else the"),
        ({"grpo": {"optimizer": {"name": "sgd"}}}, "optimizer name must be one of adamw, muon, adamw8bit; got 'sgd'"),
        ({"grpo": {"optimizer": {"lr": float("nan")}}}, "lr must be above 0; got nan"),
        ({"policy": {"temperature": 0.0}}, "policy: temperature must be above 0; got 0.0"),
        ({"evaluation": {"walker": "waker"}}, "walker must be the name of a baseline (random, expert), or empty; got"),
        ({"rollout": {"format": "xml"}}, "rollout: format must be one of"),
    ],
)
def test_a_wrong_field_is_named(content, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        from_mapping(TrainConfig, content)


@pytest.mark.parametrize(("name", "text"), [("a.yaml", "seed: [3"), ("a.toml", "seed = [3"), ("a.json", "{}")])
def test_a_file_that_is_not_well_formed(name, text, tmp_path, capsys):
    (tmp_path / name).write_text(text)
    assert cli.main(["train", str(tmp_path / name)]) == train_command.main([str(tmp_path / name)]) == 2
    assert capsys.readouterr().err.count(name) >= 2


BAD = [
    ({"environment": {"id": "mmgym/Nope-v0"}}, ["environment:", "Nope"]),
    ({"environment": {"id": "nowhere:Nope-v0"}}, ["environment:", "nowhere"]),
    ({"environment": {"kwargs": {"preset": "nope"}}}, ["environment:", "nope", "two_holes"]),
    ({"environment": {"kwargs": {"level": 9}}}, ["environment:", "level", "9", "5"]),
    ({"environment": {"kwargs": {"nope": 1}}}, ["environment:", "nope"]),
    ({"environment": {"tasks": {"nope": 1.0}}}, ["environment:", "nope", "risky"]),
    ({"environment": {"wrappers": ["mmgym.wrappers:Nope"]}}, ["environment:", "mmgym.wrappers:Nope"]),
    ({"evaluation": {"split": "nope"}}, ["evaluation.split:", "nope", "val"]),
    ({"evaluation": {"final_split": "nope"}}, ["evaluation.final_split:", "nope", "test"]),
    ({"evaluation": {"tasks": ["nope"]}}, ["evaluation.tasks:", "nope", "risky"]),
    ({"evaluation": {"risk": {"task": "nope"}}}, ["evaluation.risk:", "nope", "risky"]),
    ({"evaluation": {"baselines": {"w": "nope"}}}, ["evaluation.baselines.w:", "random, expert or module:function"]),
    ({"evaluation": {"controls": {"c": {"kwargs": {"nope": 1}}}}}, ["evaluation.controls.c:", "nope"]),
    ({"cloning": {"demonstrator": "a:b"}}, ["cloning.demonstrator:", "random, expert or module:function"]),
    ({"perception": {"questions": ["Nope?"]}}, ["perception:", "Nope?", "Look around."]),
    ({"policy": {"context": "window(0)"}}, ["window(k)", "window(0)"]),
    ({"policy": {"tiny": {"nope": 1}}}, ["policy.tiny.nope", "hidden_size"]),
    ({"policy": {"factory": "nope:nope"}}, ["nope:nope"]),
    ({"policy": {"checkpoint": "/nowhere/at/all"}}, ["/nowhere/at/all"]),
    ({"policy": {"device": "gpu"}}, ["policy.device cannot be 'gpu'", "cpu, cuda"]),
    (
        {"policy": {"tiny": {"family": "gemma3"}}, "grpo": {"layout": "packed"}},
        ["layout = packed", "Gemma3ForConditionalGeneration would not be exact"],
    ),
    ({"grpo": {"group_size": 1}}, ["group_size must be at least 2"]),
    ({"grpo": {"reward": "mmgym_video.rewards:turn_specs:grounded"}}, ["grpo.reward: unknown", "grounding", "outcome"]),
    ({"grpo": {"optimizer": {"beta2": 1.0}}}, ["grpo.optimizer: beta2 must be from 0 to below 1; got 1.0"]),
]


@pytest.mark.parametrize(("change", "expected"), BAD, ids=[str(case[1][-1]) for case in BAD])
def test_a_run_that_cannot_be_is_refused_before_anything_is_written(change, expected, tmp_path, capsys):
    out = tmp_path / "run"
    out.mkdir()
    (out / "summary.json").write_text("{}")
    assert cli.main(["train", str(write_toml(tmp_path / "a.toml", short_run(out, **change)))]) == 2
    said = capsys.readouterr().err
    assert all(words in said for words in expected), said
    assert "Traceback" not in said
    assert [file.name for file in out.iterdir()] == ["summary.json"] and (out / "summary.json").read_text() == "{}"


def test_an_out_that_is_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "run").write_text("mine")
    assert cli.main(["train", str(write_toml(tmp_path / "a.toml", short_run(tmp_path / "run")))]) == 2
    assert "is not a folder" in capsys.readouterr().err and (tmp_path / "run").read_text() == "mine"


def test_a_wrong_word_on_the_command_line_ends_with_status_2(capsys):
    for words in (
        ["--grpo.group-size", "1"],
        ["--grpo.nope", "1"],
        ["--environment.kwargs", "[1]"],
        ["--environment.tasks", '{"any": "much"}'],
    ):
        with pytest.raises(SystemExit) as end:
            train_command.main(words)
        assert end.value.code == 2
    assert train_command.main(["--evaluation.baselines", '{"a": 1}']) == 2
    assert "group_size must be at least 2" in (said := capsys.readouterr().err) and "JSON object" in said


def leaves(kind, prefix=""):
    """Every field of a configuration as the command line calls it, with its docstring."""
    body = ast.parse(inspect.getsource(kind)).body[0].body
    pairs = [(a, b) for a, b in itertools.pairwise(body) if isinstance(a, ast.AnnAssign) and isinstance(b, ast.Expr)]
    texts = {a.target.id: b.value.value for a, b in pairs}
    for field in dataclasses.fields(kind):
        made = field.default_factory() if callable(field.default_factory) else field.default
        if dataclasses.is_dataclass(made):
            yield from leaves(type(made), f"{prefix}{field.name}.")
        else:
            yield f"--{prefix}{field.name}".replace("_", "-"), texts[field.name]


def test_help_lists_every_field_with_its_docstring(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as end:
        train_command.main(["--help"])
    assert end.value.code == 0
    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", capsys.readouterr().out).split())
    found = dict(leaves(TrainConfig))
    assert len(found) > 60
    for name, text in found.items():
        start = said.find(f" {name} ")
        start = start if start >= 0 else said.find(f" {name}, ")
        assert start >= 0, f"{name} is not in the help"
        assert " ".join(text.split()) in said[start : start + 500], f"{name} has not its docstring in the help"


def test_differences_are_named_in_full():
    assert differences({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1, "c": 3, "e": 4}, "d": 3}) == ["a.c", "a.e"]
    assert toml({"a": [True, "x"]}) == '{"a" = [true, "x"]}'
