"""Puzzles solved by writing code that draws."""
