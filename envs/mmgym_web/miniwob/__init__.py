"""MiniWoB++ as environments. Only the table of tasks: the environments are imported when they are made."""

from mmgym_web.miniwob.tasks import TASKS, Task

__all__ = ["TASKS", "Task"]
