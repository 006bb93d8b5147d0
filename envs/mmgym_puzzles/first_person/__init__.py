"""Environments seen by one who walks in them."""
