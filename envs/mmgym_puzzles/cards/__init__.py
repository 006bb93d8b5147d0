"""Games of cards and numbers."""
