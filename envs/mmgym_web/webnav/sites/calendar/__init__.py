"""The calendar and its tasks."""
