"""Questions about videos, pictures and sound, to be answered by looking with tools."""

from mmgym.registry import EnvironmentEntry, Plugin, Suite, SuiteEntry

_LOOKING = ("answer", "get_frame", "note", "sample_clip", "scan", "subtitle", "zoom")
_IDS = ("mmgym/VideoQA-v0", "mmgym/AudioVisualQA-v0", "mmgym/ImageQA-v0")

PLUGIN = Plugin(
    name="video",
    extra="video",
    environments=(
        EnvironmentEntry(
            id="mmgym/VideoQA-v0",
            entry_point="mmgym_video.video_qa:VideoQA",
            family="video",
            summary="Answer a question about a video too long to be looked at whole.",
            tools=_LOOKING,
            image=(448, 448),
        ),
        EnvironmentEntry(
            id="mmgym/AudioVisualQA-v0",
            entry_point="mmgym_video.audio_visual_qa:AudioVisualQA",
            family="video",
            summary="Answer a question about a video that has to be heard as well as seen.",
            tools=("listen", "spectrogram", *_LOOKING),
            image=(448, 448),
        ),
        EnvironmentEntry(
            id="mmgym/ImageQA-v0",
            entry_point="mmgym_video.image_qa:ImageQA",
            family="video",
            summary="Answer a question about a picture that is too large to be seen whole.",
            tools=("answer", "crop", "draw", "note", "rotate", "zoom"),
            image=(448, 448),
        ),
    ),
    suites=(
        Suite("core", 1, tuple(SuiteEntry(id, (1, 3), episodes=25) for id in _IDS)),
        Suite("video", 1, tuple(SuiteEntry(id, (1, 3, 5), episodes=50) for id in _IDS), "questions about videos"),
        Suite("full", 1, tuple(SuiteEntry(id, (1, 2, 3, 4, 5), episodes=50) for id in _IDS)),
    ),
)
