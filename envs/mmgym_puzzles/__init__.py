"""Puzzles that are seen. Only the tables of ids: the environments are imported when they are made."""

from mmgym.registry import Plugin
from mmgym_puzzles.tables import cards, first_person, generation, grid, imagery, perception, reasoning, table_top
from mmgym_puzzles.tables.suites import suites

__all__ = ["PLUGIN"]

FAMILIES = (grid, imagery, perception, cards, generation, reasoning, first_person, table_top)

ENTRIES = tuple(entry for family in FAMILIES for entry in family.ENTRIES)

PLUGIN = Plugin(name="puzzles", environments=ENTRIES, suites=suites(ENTRIES))
