"""Games of cards and of hidden choices."""
