"""The families of questions about drawn videos, one in each file."""
