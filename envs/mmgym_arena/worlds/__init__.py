"""Games in worlds of cells."""
