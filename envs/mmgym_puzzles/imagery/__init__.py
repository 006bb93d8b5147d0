"""Puzzles of mental imagery: pieces put together, figures turned in the mind."""
