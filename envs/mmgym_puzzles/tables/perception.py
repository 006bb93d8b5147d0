"""Ids of the puzzles of looking closely."""

from mmgym.registry import EnvironmentEntry

__all__ = ["ENTRIES"]

ENTRIES: tuple[EnvironmentEntry, ...] = (
    EnvironmentEntry(
        id="mmgym/ColorMatch-v0",
        entry_point="mmgym_puzzles.perception.color_match:ColorMatch",
        family="perception",
        summary="Move sliders until a patch has the colour of another.",
        tools=("adjust", "set", "submit"),
        presets=("visgym_easy", "visgym_hard"),
    ),
    EnvironmentEntry(
        id="mmgym/Counting-v0",
        entry_point="mmgym_puzzles.perception.counting:Counting",
        family="perception",
        summary="Say how many things of a kind there are.",
        tools=("answer", "mark", "undo"),
        presets=("visgym_easy", "visgym_hard"),
    ),
    EnvironmentEntry(
        id="mmgym/Grounding-v0",
        entry_point="mmgym_puzzles.perception.grounding:Grounding",
        family="perception",
        summary="Put a tight box around each thing that is described.",
        tools=("box", "submit", "undo"),
    ),
    EnvironmentEntry(
        id="mmgym/ReferringPoint-v0",
        entry_point="mmgym_puzzles.perception.referring_point:ReferringPoint",
        family="perception",
        summary="Point at the thing that is described.",
        tools=("point", "submit"),
        presets=("visgym",),
    ),
    EnvironmentEntry(
        id="mmgym/ZoomSearch-v0",
        entry_point="mmgym_puzzles.perception.zoom_search:ZoomSearch",
        family="perception",
        summary="Read a label that is too small to be read, by zooming in on it.",
        tools=("answer", "zoom", "zoom_out"),
    ),
)
