"""Pictures of a run: the learning curve, and a page with results and trajectories to look at."""

from mmgym.view.curves import plot_curves, read_metrics
from mmgym.view.report import write_report

__all__ = ["plot_curves", "read_metrics", "write_report"]
