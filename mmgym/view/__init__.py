"""Pictures of runs: curves, reports, and a page on which every episode can be gone through, turn by turn."""
