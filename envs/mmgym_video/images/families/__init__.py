"""Families of questions about drawn pictures, one a file."""
