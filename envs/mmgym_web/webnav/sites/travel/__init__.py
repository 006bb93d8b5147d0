"""The travel site."""
