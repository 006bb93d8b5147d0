"""Chromium under control."""
