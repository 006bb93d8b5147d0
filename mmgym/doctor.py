"""What is installed, what is missing, and the exact command that gets it.

A missing extra is not an error: the core runs without any of them, and only a broken core gives exit status 1.
Packages that are known to break on import (torch, torchvision) are imported in a process of their own, so that the
doctor survives what it diagnoses.
"""

from __future__ import annotations

import ctypes.util
import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["EXTRAS", "Check", "doctor", "examine", "find_chromium", "install_command", "missing_packages"]

EXTRAS: dict[str, tuple[str, ...]] = {
    "train": (
        "torch",
        "transformers",
        "tokenizers",
        "safetensors",
        "peft",
        "pyarrow",
        "tensorboard",
        "matplotlib",
        "jinja2",
        "pillow",
        "pyyaml",
    ),
    "bench": ("scipy", "pyarrow"),
    "web": ("starlette", "python-multipart", "jinja2", "playwright", "miniwob"),
    "web-apps": ("roundup", "otterwiki"),
    "video": ("av", "pysubs2", "jiwer", "rouge-score"),
    "speech": ("espeakng-loader",),
    "robot": ("panda3d", "mujoco"),
    "api": ("openai", "anthropic", "google-genai", "httpx2", "pydantic", "aiolimiter", "tenacity"),
    "arena": ("pettingzoo",),
    "eight-bit": ("torchao",),
    "vllm": ("vllm",),
    "ray": ("ray",),
}
"""Distributions that each extra installs."""

PYTHON_RANGE = ((3, 11), (3, 14))
"""Supported Python versions: from the first, up to but without the second."""

CHROMIUM_PATHS = (
    "/usr/lib/chromium/chromium-headless-shell",
    "/usr/lib/chromium/headless_shell",
    "/usr/lib/chromium/chromium",
    "/usr/lib/chromium-browser/chromium-browser",
)
"""Where Debian puts the binaries (``/usr/bin/chromium`` is a shell script around one, which adds flags)."""

_IMPORT_SECONDS = 120


@dataclass(frozen=True)
class Check:
    """One finding."""

    name: str
    """What was looked at."""
    status: Literal["ok", "missing", "broken"]
    """``missing`` is optional and can be had; ``broken`` is there and does not work."""
    detail: str = ""
    """Version, or what is wrong."""
    remedy: str = ""
    """The command, or the setting, that puts it right."""
    core: bool = False
    """Whether nothing works without it."""


def doctor(console: Console | None = None) -> int:
    """Print the table of findings.

    Args:
        console: where to print; None takes the terminal.

    Returns:
        Exit status: 1 if a part of the core is missing or broken, else 0.
    """
    console = console or Console()
    checks = list(examine())
    colours = {"ok": "green", "missing": "yellow", "broken": "bold red"}
    table = Table("part", "state", "detail")
    for check in checks:
        table.add_row(check.name, Text(check.status, style=colours[check.status]), Text(check.detail))
    console.print(table)
    remedies: dict[str, list[str]] = {}
    for check in checks:
        if check.remedy:
            remedies.setdefault(check.remedy, []).append(check.name)
    for remedy, names in remedies.items():
        # One unwrapped line each: a command in a narrow table column cannot be copied.
        console.print(f"{', '.join(names)}: {remedy}", markup=False, highlight=False, soft_wrap=True)
    return int(any(check.core and check.status != "ok" for check in checks))


def examine() -> Iterator[Check]:
    """Every finding, the core first."""
    yield _python()
    for package in ("mmgym", "gymnasium", "numpy", "annotated-types", "rich", "tyro"):
        yield _package(package, core=True)
    yield from _opencv()
    yield _environments()
    for package in EXTRAS["train"]:
        yield _torch() if package == "torch" else _package(package, extra="train")
    yield _torchvision()
    for extra in ("bench", "web", "web-apps", "video", "speech", "robot", "api", "arena", "eight-bit", "vllm", "ray"):
        for package in EXTRAS[extra]:
            yield _package(package, extra=extra)
        if extra == "web":
            yield _chromium()
        if extra == "robot":
            yield _gl()


def version(distribution: str) -> str | None:
    """Installed version of a distribution, or None."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def missing_packages(extra: str) -> list[str]:
    """The distributions of an extra that are not installed.

    Raises:
        ValueError: for an extra that mmgym does not have.
    """
    if extra not in EXTRAS:
        raise ValueError(f"extra must be one of {', '.join(EXTRAS)}; got {extra!r}")
    return [name for name in EXTRAS[extra] if version(name) is None]


def install_command(extra: str) -> str:
    """The command that installs an extra into this Python, from the checkout where mmgym runs from one."""
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file():
        return f'{_pip()} install -e "{checkout}[{extra}]"'
    return f'{_pip()} install "mmgym[{extra}]"'


def find_chromium() -> Path | None:
    """The Chromium binary named by MMGYM_CHROMIUM, else Debian's, else one that Playwright downloaded, else None."""
    named = os.environ.get("MMGYM_CHROMIUM")
    paths = [Path(named)] if named else [*map(Path, CHROMIUM_PATHS), *_playwright_chromium()]
    return next((path for path in paths if path.is_file() and os.access(path, os.X_OK)), None)


def _playwright_chromium() -> list[Path]:
    """What `playwright install` leaves behind, the headless shell first, then the newest build."""
    told = os.environ.get("PLAYWRIGHT_BROWSERS_PATH", "")
    folder = Path(told) if told not in ("", "0") else Path.home() / ".cache" / "ms-playwright"
    found: list[Path] = []
    if not os.access(folder, os.R_OK | os.X_OK):
        return found
    for pattern in ("chromium_headless_shell-*/*/*headless?shell", "chromium-*/chrome-linux*/chrome"):
        builds = folder.glob(pattern)
        found += sorted(builds, key=lambda path: [int(part) for part in re.findall(r"\d+", str(path))], reverse=True)
    return found


def _pip() -> str:
    python = Path(sys.executable)
    on_path = shutil.which("python")
    return "python -m pip" if on_path and Path(on_path) == python else f"{python} -m pip"


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    if PYTHON_RANGE[0] <= sys.version_info[:2] < PYTHON_RANGE[1]:
        return Check("python", "ok", found, core=True)
    return Check(
        "python", "broken", f"{found}; supported: 3.11 to 3.13", "make .venv with a supported Python", core=True
    )


def _package(name: str, extra: str = "", core: bool = False) -> Check:
    found = version(name)
    if found is not None:
        return Check(name, "ok", found, core=core)
    if name == "mmgym":
        detail = "runs from its folder, without a version and without its plug-ins"
        return Check(
            name, "broken", detail, f'{_pip()} install -e "{Path(__file__).resolve().parent.parent}"', core=True
        )
    remedy = install_command(extra) if extra else f"{_pip()} install {name}"
    detail = f"extra [{extra}]" if extra else ""
    if extra == "vllm":
        detail += ", best in an environment of its own: it pins its torch"
    return Check(name, "missing", detail, remedy, core)


def _opencv() -> Iterator[Check]:
    name = "opencv-python-headless"
    rivals = [rival for rival in ("opencv-python", "opencv-contrib-python") if version(rival)]
    clean = f"{_pip()} uninstall -y {' '.join(rivals)} {name} && {_pip()} install {name}"
    try:
        cv2 = importlib.import_module("cv2")
    except Exception as error:  # two wheels over each other raise anything, AttributeError above all
        remedy = clean if rivals else f"{_pip()} install --force-reinstall {name}"
        yield Check(name, "broken" if version(name) else "missing", repr(error), remedy, core=True)
        return
    yield Check(name, "ok", str(cv2.__version__), core=True)
    if rivals:
        yield Check(", ".join(rivals), "broken", f"beside {name}: they overwrite each other's files", clean)


def _environments() -> Check:
    from mmgym import registry

    entries = list(registry.entries())
    if not entries:
        remedy = f"{_pip()} install -e . (or mmgym itself again)"
        return Check("environments", "missing", "no plug-in announces any", remedy, core=True)
    return Check("environments", "ok", f"{len(entries)} ids, see mmgym list", core=True)


def _run_python(code: str) -> tuple[bool, str]:
    """Whether `code` ran in a fresh process, and its output or the last line of its error."""
    try:
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=_IMPORT_SECONDS)
    except subprocess.TimeoutExpired:
        return False, f"no answer within {_IMPORT_SECONDS} s"
    if result.returncode == 0:
        return True, result.stdout.strip()
    lines = result.stderr.strip().splitlines()
    return False, lines[-1] if lines else f"ended with status {result.returncode}"


def _torch() -> Check:
    if version("torch") is None:
        return _package("torch", extra="train")
    code = "import torch as t; c = t.cuda.is_available(); print(t.cuda.get_device_name(0) if c else 'no CUDA device')"
    works, said = _run_python(code)
    if works:
        return Check("torch", "ok", f"{version('torch')}, {said}")
    return Check("torch", "broken", said, f"{_pip()} install --force-reinstall torch")


def _torchvision() -> Check:
    found, torch = version("torchvision"), version("torch")
    if found is None:
        return Check("torchvision", "ok", "not installed, and not needed")
    works, said = _run_python("import torchvision")
    if works:
        return Check("torchvision", "ok", found)
    # A torchvision built for another torch (say CUDA beside CPU) also breaks every Auto class of transformers.
    build = re.search(r"\+(\w+)$", torch or "")
    index = f" --index-url https://download.pytorch.org/whl/{build[1]}" if build else ""
    reinstall = f"{_pip()} install --force-reinstall torchvision{index}"
    remedy = f"{_pip()} uninstall -y torchvision (it is not needed), or {reinstall}"
    return Check("torchvision", "broken", said, remedy)


def _chromium() -> Check:
    named = os.environ.get("MMGYM_CHROMIUM")
    found = find_chromium()
    if found:
        return Check("chromium", "ok", str(found))
    detail = f"MMGYM_CHROMIUM={named} is no executable file" if named else "for web environments"
    remedy = "sudo apt-get install chromium-headless-shell, or set MMGYM_CHROMIUM to a Chromium binary"
    return Check("chromium", "broken" if named else "missing", detail, remedy)


def _gl() -> Check:
    """The libraries of which MuJoCo's own renderer needs one."""
    found = [name for name in ("EGL", "OSMesa") if ctypes.util.find_library(name)]
    if found:
        return Check("EGL, OSMesa", "ok", " and ".join(found))
    detail = 'for renderer="mujoco" of the table-top tasks; the default renderer needs neither'
    remedy = "sudo apt-get install libegl1 libopengl0 libgl1-mesa-dri, or sudo apt-get install libosmesa6"
    return Check("EGL, OSMesa", "missing", detail, remedy)
