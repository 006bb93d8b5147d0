"""Videos that are decoded from files."""

from mmgym_video.files.video_file import VideoFile

__all__ = ["VideoFile"]
