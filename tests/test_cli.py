"""The command line: what it prints, what it writes, and how it answers mistakes."""

import subprocess
import sys
import types
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from mmgym import cli, doctor, registry
from mmgym.play import open_environment, parse_typed, play

LAKE = "mmgym/FrozenLake-v0"


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def lake(**arguments):
    return open_environment(LAKE, preset="two_holes", **arguments)


def test_list_shows_every_environment(capsys):
    for family in {entry.family for entry in registry.entries()}:
        assert cli.main(["list", "--family", family]) == 0
        out = capsys.readouterr().out
        for entry in registry.entries():
            if entry.family == family:
                assert entry.id in out
                assert all(tool in out for tool in entry.tools)
    assert cli.main(["list"]) == 0
    assert registry.entry(LAKE).id in (out := capsys.readouterr().out) and len(out.splitlines()) < 220


def test_list_names_the_families_that_exist(capsys):
    assert cli.main(["list", "--family", "nope"]) == 2
    assert "'nope'" in (err := capsys.readouterr().err) and registry.entry(LAKE).family in err


def test_list_says_how_to_get_a_missing_extra(monkeypatch, capsys):
    entry = registry.EnvironmentEntry("mmgym/Far-v0", "far:Far", "far", "A far place.", ("go",))
    plugin = registry.Plugin("far", (entry,), extra="robot")
    monkeypatch.setattr(registry, "entries", lambda: [entry])
    monkeypatch.setattr(registry, "plugins", lambda: [plugin])
    monkeypatch.setattr(doctor, "version", lambda name: None)
    assert cli.main(["list"]) == 0
    assert "pip install" in (out := "".join(capsys.readouterr().out.split("│"))) and "[robot]" in out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["mmgym/FrozenLke-v0"], LAKE),
        (["FrozenLake-v0"], LAKE),
        ([LAKE, "--preset", "nope"], "two_holes"),
        ([LAKE, "--level", "99"], "1 to 5"),
        ([LAKE, "--split", "nope"], "ood"),
        ([LAKE, "--task", "nope"], "detour"),
        ([LAKE, "--episodes", "0"], "at least 1"),
        ([LAKE, "--seed", "-1"], "seed must be at least 0; got -1"),
        ([LAKE, "--save", f"{__file__}/seen"], "Not a directory"),
    ],
)
def test_play_answers_mistakes_in_one_line(arguments, expected, capsys):
    assert cli.main(["play", *arguments, "--agent", "random"]) == 2
    captured = capsys.readouterr()
    assert expected in captured.err and captured.err.count("\n") == 1
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("arguments", [["nope"], ["play"], ["play", LAKE, "--agent", "nope"], ["list", "--nope"]])
def test_bad_options_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--help"], ["play", "--help"], ["list", "--help"], ["doctor", "--help"]])
def test_help_is_there(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    assert stop.value.code == 0
    assert "usage: mmgym" in capsys.readouterr().out


def test_play_expert_wins_and_saves_what_was_seen(tmp_path):
    summary = play(lake(), "expert", seed=3, episodes=4, save=tmp_path, console=Console(quiet=True))
    assert summary.episodes == summary.successes == 4
    assert summary.total_reward == 4
    files = sorted(tmp_path.glob("episode*.png"))
    assert len(files) == summary.images == summary.turns + 4  # one per turn, and one per reset
    env = lake()
    first = env.reset(seed=3)[0]["image"]
    np.testing.assert_array_equal(cv2.imread(str(files[0]))[..., ::-1], first)


def test_play_from_the_command_line(tmp_path, capsys):
    assert cli.main(["play", LAKE, "--agent", "expert", "--level", "2", "--save", str(tmp_path / "seen")]) == 0
    assert "1 of 1 episodes succeeded" in capsys.readouterr().out
    assert (tmp_path / "seen" / "now.png").is_file()


def test_play_random_is_reproducible():
    quiet = Console(quiet=True)
    assert play(lake(), "random", seed=5, episodes=3, console=quiet) == play(
        lake(), "random", seed=5, episodes=3, console=quiet
    )


def test_play_by_hand_asks_again_after_a_mistake(capsys):
    env = lake(human=True)
    inner = env.unwrapped
    typed = iter(["fly", "", "move(direction=", "\x00" * 50])

    def ask(prompt):
        if (line := next(typed, None)) is not None:
            return line
        return inner.expert().arguments["direction"]

    console = Console(width=100)
    summary = play(env, "human", seed=1, console=console, ask=ask)
    assert (summary.episodes, summary.successes) == (1, 1)
    out = capsys.readouterr().out
    assert "direction must be one of up, down, left, right" in out
    assert inner.instruction.split(".")[0].split()[-1] in out


@pytest.mark.parametrize("line", ["q", " Q ", "quit", EOFError, KeyboardInterrupt])
def test_play_by_hand_can_be_left(line):
    def ask(prompt):
        if isinstance(line, str):
            return line
        raise line

    summary = play(lake(human=True), "human", console=Console(quiet=True), ask=ask)
    assert (summary.episodes, summary.turns) == (0, 0)


@pytest.mark.parametrize(
    "line",
    [
        "up",
        " up ",
        "move(direction=up)",
        'move(direction="up")',
        "<action>up</action>",
        '{"name": "move", "arguments": {"direction": "up"}}',
        '<tool_call>\n{"name": "move", "arguments": {"direction": "up"}}\n</tool_call>',
    ],
)
def test_typed_actions(line):
    space = lake().unwrapped.action_space
    assert parse_typed(line, space).as_dict() == {"name": "move", "arguments": {"direction": "up"}}


def test_train_hands_its_arguments_over(monkeypatch):
    seen = []
    module = types.ModuleType("mmgym.learn.main")
    module.main = lambda argv: seen.append(argv)
    monkeypatch.setitem(sys.modules, "mmgym.learn", types.ModuleType("mmgym.learn"))
    monkeypatch.setitem(sys.modules, "mmgym.learn.main", module)
    assert cli.main(["train", "--seed", "3"]) == 0
    assert seen == [["--seed", "3"]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "no configuration file"),
        ("sead = 3", "no field sead"),
        ("seed = 'x'", "seed must be"),
        ("seed = ", "Invalid value"),
    ],
)
def test_train_answers_a_bad_configuration_in_one_line(content, expected, tmp_path, capsys):
    path = tmp_path / "config.toml"
    if content is not None:
        path.write_text(content)
    assert cli.main(["train", str(path)]) == 2
    captured = capsys.readouterr()
    assert expected in captured.err and captured.err.count("\n") == 1


def test_train_without_its_extra_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "version", lambda name: None)
    assert cli.main(["train", "config.toml"]) == 2
    assert "torch" in (err := capsys.readouterr().err) and "[train]" in err and "pip install" in err


def test_doctor_finds_the_core_sound(capsys):
    assert cli.main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert version("gymnasium") in out and "opencv-python-headless" in out


def findings():
    """The doctor's findings by name."""
    return {check.name: check for check in doctor.examine()}


@pytest.fixture
def pretend(monkeypatch):
    """Pretend that distributions have other versions (None: not installed), and that no import is tried."""
    real = doctor.version
    monkeypatch.setattr(doctor, "_run_python", lambda code: (True, "fine"))

    def set_versions(**versions):
        known = {name.replace("_", "-"): found for name, found in versions.items()}
        monkeypatch.setattr(doctor, "version", lambda name: known[name] if name in known else real(name))

    return set_versions


def test_doctor_flags_two_opencv_wheels(pretend):
    pretend(opencv_python="4.10.0")
    check = findings()["opencv-python"]
    assert check.status == "broken" and "uninstall" in check.remedy


def test_doctor_flags_a_torchvision_that_does_not_import(pretend, monkeypatch):
    pretend(torchvision="0.28.0", torch="2.13.0+cpu")
    said = "RuntimeError: operator torchvision::nms does not exist"
    monkeypatch.setattr(doctor, "_run_python", lambda code: (False, said) if "torchvision" in code else (True, ""))
    check = findings()["torchvision"]
    assert (check.status, check.detail) == ("broken", said)
    assert "whl/cpu" in check.remedy


def test_doctor_fails_only_for_the_core(pretend, monkeypatch):
    quiet = Console(quiet=True)
    pretend(torch=None, transformers=None, torchvision=None, playwright=None)
    assert doctor.doctor(quiet) == 0
    pretend(gymnasium=None)
    assert doctor.doctor(quiet) == 1
    pretend()
    monkeypatch.setattr(registry, "entries", list)
    assert doctor.doctor(quiet) == 1


def test_doctor_gives_each_command_once(pretend, capsys):
    pretend(torch=None, transformers=None, torchvision=None)
    assert cli.main(["doctor"]) == 0
    commands = [line for line in capsys.readouterr().out.splitlines() if "[train]" in line and "pip install" in line]
    assert len(commands) == 1 and commands[0].startswith("torch, transformers: ")


def test_doctor_finds_chromium_by_its_variable(monkeypatch, tmp_path):
    binary = tmp_path / "chromium"
    monkeypatch.setenv("MMGYM_CHROMIUM", str(binary))
    assert doctor.find_chromium() is None
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    assert doctor.find_chromium() == binary


def test_missing_packages_knows_its_extras():
    with pytest.raises(ValueError, match="one of train, bench, web"):
        doctor.missing_packages("nope")


def test_the_command_is_installed():
    command = Path(sys.executable).with_name("mmgym")
    if not command.is_file():
        pytest.skip("runs from the checkout, without an installation")
    result = subprocess.run([str(command), "play", "mmgym/Nope-v0"], capture_output=True, text=True)
    assert result.returncode == 2 and "Traceback" not in result.stderr


def test_what_is_named_is_looked_for_in_the_working_directory(tmp_path, monkeypatch, capsys):
    (tmp_path / "my_agents.py").write_text(
        "from mmgym.agent import Response\n\n\nclass Up:\n    async def act(self, conversation):\n"
        "        return Response('<action>up</action>')\n\n    def end(self, conversation):\n        pass\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    asked = ["--suite", "mmgym/FrozenLake-v0", "--episodes", "1", "--out", "runs/up", "--format", "tag"]
    assert cli.main(["bench", "--agent", "my_agents:Up", *asked]) == 0
    assert sys.path[-1] == str(tmp_path) and "Up" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "said"), [("bench", "stopped: the same command goes on"), ("view", "stopped")])
def test_who_stops_a_command_sees_one_line(command, said, monkeypatch, capsys):
    def stop(argv):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, f"_{command}", stop)
    assert cli.main([command]) == 130
    assert capsys.readouterr().err == f"mmgym: {said}\n"


def test_view_tells_no_folder_from_an_empty_one(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for arguments, said in (
        ([], "give the folder of a run"),
        ([str(tmp_path / "nope")], "there is no folder "),
        ([str(tmp_path / "empty")], "empty holds nothing to look at"),
    ):
        assert cli.main(["view", *arguments, "--out", str(tmp_path / "page.html")]) == 2
        assert said in capsys.readouterr().err
