"""The plug-in: its table of ids, and that reading it imports no drawing library."""

import subprocess
import sys

import pytest

from mmgym_puzzles import PLUGIN
from mmgym_puzzles.frozen_lake import FrozenLake
from mmgym_puzzles.frozen_lake_maps import PRESETS as LAKE_PRESETS
from mmgym_puzzles.sokoban import Sokoban
from mmgym_puzzles.sokoban_rooms import PRESETS as ROOM_PRESETS


def run(code):
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("first", ["mmgym", "mmgym_puzzles", "mmgym_puzzles.scripted"])
def test_ids_are_known_whichever_package_is_imported_first(first):
    done = run(f"import {first}, gymnasium; gymnasium.make('mmgym/Sokoban-v0').reset(seed=0)")
    assert done.returncode == 0, done.stderr


def test_the_table_of_ids_needs_no_opencv():
    done = run("import sys, mmgym_puzzles; sys.exit('cv2' in sys.modules)")
    assert done.returncode == 0, done.stderr


def test_the_table_says_what_the_classes_are():
    by_class = {entry.entry_point: entry for entry in PLUGIN.environments}
    for kind, presets in ((FrozenLake, LAKE_PRESETS), (Sokoban, ROOM_PRESETS)):
        entry = by_class[f"{kind.__module__}:{kind.__name__}"]
        assert entry.presets == tuple(presets) and entry.levels == kind.levels
        assert entry.tools == tuple(tool.name for tool in kind().action_space.tools)
