"""Questions about videos as they are published, brought into one record, `mmgym_video.question.Question`."""

from mmgym_video.datasets.formats import FORMATS, Format
from mmgym_video.datasets.load import DatasetError, Loaded, Problem, load_questions
from mmgym_video.datasets.native import write_questions

__all__ = ["FORMATS", "DatasetError", "Format", "Loaded", "Problem", "load_questions", "write_questions"]
