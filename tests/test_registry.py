"""Ids, plug-ins and vector environments."""

import os
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import pytest
from toy import Corridor

import mmgym
from mmgym.registry import EnvironmentEntry, entries, entry, plugins, register
from mmgym.spaces import InvalidAction

LAKE = "mmgym/FrozenLake-v0"


def make_entry(id: str = "toy/Corridor-v0", entry_point: str = "toy:Corridor", **kwargs) -> EnvironmentEntry:
    return EnvironmentEntry(id, entry_point, "toy", "A corridor.", ("move",), **kwargs)


@pytest.fixture
def corridor_id():
    """An id of the test's own, taken back afterwards."""
    register(make_entry(kwargs={"image_size": 48}))
    yield "toy/Corridor-v0"
    del gym.registry["toy/Corridor-v0"], mmgym.registry._entries["toy/Corridor-v0"]


def test_installed_environments_are_known():
    assert {"mmgym/FrozenLake-v0", "mmgym/Sokoban-v0"} <= {e.id for e in entries()}
    assert "puzzles" in {plugin.name for plugin in plugins()}
    assert entry(LAKE).family == "grid" and LAKE in gym.registry


@pytest.mark.parametrize("id", [e.id for e in entries()])
def test_the_table_says_what_the_environment_is(id):
    env = gym.make(id)
    assert sorted(entry(id).tools) == sorted(tool.name for tool in env.unwrapped.action_space.tools)
    assert entry(id).levels == env.unwrapped.levels
    assert env.unwrapped.image_shape == entry(id).image
    assert entry(id).summary.endswith(".")
    for preset in entry(id).presets:
        gym.make(id, preset=preset).reset(seed=0)


@pytest.mark.parametrize("id", [LAKE, f"mmgym:{LAKE}"])
def test_both_ways_to_make(id):
    assert mmgym.unwrap(gym.make(id)).reset(seed=0)[1]["level"] == 1


@pytest.mark.parametrize("asked, near", [("mmgym/FrozenLak-v0", LAKE), ("frozenlake-v0", LAKE), ("sokoban", "Sokoban")])
def test_unknown_ids_name_the_near_or_all_known(asked, near):
    with pytest.raises(ValueError, match=f"did you mean .*{near}") as caught:
        entry(asked)
    assert str(caught.value).endswith(f"mmgym list shows all {len(entries())}")
    with pytest.raises(ValueError, match=rf"unknown environment 'zzzzzz'; known: .*{LAKE}"):
        entry("zzzzzz")


def test_registering_twice_is_harmless_and_taking_an_id_is_not(corridor_id):
    register(make_entry(kwargs={"image_size": 48}))
    with pytest.raises(ValueError, match="taken by toy:Corridor"):
        register(make_entry(entry_point="toy:Page"))
    with pytest.raises(ValueError, match="taken by gymnasium"):
        register(make_entry(id="CartPole-v1"))
    with pytest.raises(ValueError, match="module:Class"):
        register(make_entry(id="toy/Other-v0", entry_point="toy.Corridor"))


@pytest.mark.parametrize("mode", [None, "sync", "async"])
def test_vector_environments_of_every_kind_carry_text(corridor_id, mode):
    vector = gym.make_vec(corridor_id, num_envs=2, vectorization_mode=mode, obs_mode="both")
    try:
        observation, _ = vector.reset(seed=[3, 4])
        singles = [Corridor(obs_mode="both", image_size=48) for _ in range(2)]
        alone = [env.reset(seed=seed)[0] for env, seed in zip(singles, (3, 4), strict=True)]
        assert observation["text"] == tuple(single["text"] for single in alone)
        assert (observation["image"] == [single["image"] for single in alone]).all()
        kept = observation["feedback"]
        observation, _, _, _, info = vector.step((InvalidAction("é 漢🙂 \ud800!"), {"name": "move", "arguments": {}}))
        assert observation["feedback"] == ("é 漢🙂 \ud800!", "move needs direction; move takes direction")
        assert kept == ("", "") and list(info["action_valid"]) == [False, False]
        assert vector.observation_space.contains(observation)
    finally:
        vector.close()


def test_shared_memory_can_be_looked_at_without_a_copy(corridor_id):
    vector = gym.make_vec(corridor_id, num_envs=2, vectorization_mode="async", vector_kwargs={"copy": False})
    try:
        observation, _ = vector.reset(seed=0)
        assert list(observation["feedback"]) == ["", ""] and len(observation["feedback"]) == 2
        vector.step((InvalidAction("one"), InvalidAction("two")))
        assert observation["feedback"][1] == "two" and observation["feedback"][:1] == ("one",)
    finally:
        vector.close()


def install(folder: Path, name: str, source: str) -> None:
    """What pip leaves behind of a package with one plug-in."""
    (folder / f"{name}.py").write_text(source)
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[mmgym.plugins]\n{name} = {name}:PLUGIN\n")


GOOD_PLUGIN = """
from mmgym.registry import EnvironmentEntry, Plugin
PLUGIN = Plugin("third", (EnvironmentEntry("third/Corridor-v0", "toy:Corridor", "toy", "A corridor.", ("move",)),))
"""


def test_plugins_of_others_load_and_a_broken_one_is_named(tmp_path):
    install(tmp_path, "aaa_broken", "import a_module_that_does_not_exist\n")
    install(tmp_path, "bbb_wrong", "PLUGIN = {'name': 'no Plugin'}\n")
    install(tmp_path, "sss_thief", GOOD_PLUGIN.replace("third/Corridor", "mmgym/FrozenLake"))
    install(tmp_path, "zzz_good", GOOD_PLUGIN)
    code = (
        "import warnings\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    import mmgym\n"
        "import gymnasium, sys\n"
        "assert 'toy' not in sys.modules\n"
        "print(gymnasium.make('third/Corridor-v0').reset(seed=0)[1]['split'])\n"
        "print(*[e.entry_point for e in mmgym.entries() if e.id == 'mmgym/FrozenLake-v0'])\n"
        "print(*[w.message for w in caught], sep='\\n')\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"], *filter(None, sys.path)])
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert run.returncode == 0, run.stderr
    split, lake, *messages = run.stdout.splitlines()
    assert split == "train" and lake == entry(LAKE).entry_point
    assert "'aaa_broken'" in messages[0] and "a_module_that_does_not_exist" in messages[0]
    assert "'bbb_wrong'" in messages[1] and "expected a mmgym.registry.Plugin; got dict" in messages[1]
    assert len(messages) == 3 and "'sss_thief'" in messages[2] and "is taken by" in messages[2]


@pytest.mark.parametrize("first", ["mmgym_puzzles", "mmgym_puzzles.frozen_lake", "mmgym.spaces"])
def test_what_is_imported_first_does_not_matter(first):
    code = f"import {first}, gymnasium; print(gymnasium.make('{LAKE}').unwrapped.__class__.__name__)"
    run = subprocess.run([sys.executable, "-W", "error::UserWarning", "-c", code], capture_output=True, text=True)
    assert run.stdout == "FrozenLake\n", run.stderr


def test_public_names_are_there():
    assert set(mmgym.__all__) <= set(dir(mmgym))
    assert mmgym.__version__.count(".") == 2
