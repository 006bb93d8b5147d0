"""Lets the puzzles' tests import their helpers (`reading`) by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
