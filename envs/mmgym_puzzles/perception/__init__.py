"""Puzzles of looking closely: counting, finding, pointing."""
