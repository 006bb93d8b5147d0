"""One Chromium process: how it is started, watched and ended, and what it may leave behind (nothing).

The process gets a folder of its own under the temporary directory, named after the process that owns it and locked by
it. A folder whose lock is free belongs to nobody any more, and the next pool removes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mmgym.doctor import find_chromium
from mmgym_web.browser.cdp import BrowserFailure, BrowserGone, Connection
from mmgym_web.browser.network import host_and_ports
from mmgym_web.folders import abandoned_folders, make_folder, remove_folder

__all__ = [
    "ChromiumProcess",
    "ProcessSettings",
    "find_browser",
    "process_tree",
    "sweep",
    "tree_memory",
    "tree_memory_estimate",
]

FONTS = Path(__file__).resolve().parent.parent / "fonts"
PREFIX = "mmgym-web-"

# Fixed rendering, no services of the browser's own, no way to the network but through us.
_FLAGS = """
    --headless --remote-debugging-pipe --no-first-run --no-default-browser-check --disable-dev-shm-usage
    --disable-gpu --disable-quic --disable-background-networking --disable-component-update --disable-sync
    --disable-default-apps --disable-extensions --disable-client-side-phishing-detection --disable-breakpad
    --disable-domain-reliability --disable-logging --metrics-recording-only --no-pings --mute-audio
    --disable-background-timer-throttling --disable-backgrounding-occluded-windows --disable-renderer-backgrounding
    --disable-hang-monitor --allow-pre-commit-input --disable-smooth-scrolling --disable-ipc-flooding-protection
    --disable-prompt-on-repost --disable-popup-blocking
    --disable-notifications --deny-permission-prompts --disable-print-preview --disable-speech-api
    --password-store=basic --use-mock-keychain --export-tagged-pdf=0
    --disable-site-isolation-trials --force-webrtc-ip-handling-policy=disable_non_proxied_udp
    --font-render-hinting=none --disable-lcd-text --disable-font-subpixel-positioning --force-color-profile=srgb
    --force-device-scale-factor=1 --disable-partial-raster --disable-skia-runtime-opts
    --blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4,selectionClipboardBufferAvailable=false
""".split()

_FRAME_FLAGS = """
    --enable-begin-frame-control --run-all-compositor-stages-before-draw --disable-new-content-rendering-timeout
    --disable-threaded-animation --disable-threaded-scrolling --disable-checker-imaging
    --disable-image-animation-resync
""".split()

_DISABLED_FEATURES = (
    "IsolateOrigins,site-per-process,IsolateSandboxedIframes,BackForwardCache,Translate,OptimizationHints,"
    "MediaRouter,DialMediaRouteProvider,AcceptCHFrame,PaintHolding,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "CertificateTransparencyComponentUpdater,DestroyProfileOnBrowserClose,GlobalMediaControls,LensOverlay,"
    "InterestFeedContentSuggestions,AutofillServerCommunication,Prerender2,SpeculationRules,PrivateNetworkAccess,"
    "ServiceWorkerStaticRouter,OriginKeyedProcessesByDefault,RenderDocument,ProcessPerSiteUpToMainFrameThreshold,"
    # These hold tasks back by the wall clock, after input or in frames of little weight.
    "DeferRendererTasksAfterInput,IntensiveWakeUpThrottling,ThrottleUnimportantFrameTimers,AlignWakeUps"
)

_FONTCONFIG = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <alias binding="same"><family>sans-serif</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias binding="same"><family>serif</family><prefer><family>Liberation Serif</family></prefer></alias>
  <alias binding="same"><family>monospace</family><prefer><family>Liberation Mono</family></prefer></alias>
  <alias binding="same"><family>system-ui</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias binding="same"><family>Arial</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias binding="same"><family>Helvetica</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias binding="same"><family>Verdana</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias binding="same"><family>Times New Roman</family><prefer><family>Liberation Serif</family></prefer></alias>
  <alias binding="same"><family>Times</family><prefer><family>Liberation Serif</family></prefer></alias>
  <alias binding="same"><family>Courier New</family><prefer><family>Liberation Mono</family></prefer></alias>
  <alias binding="same"><family>Courier</family><prefer><family>Liberation Mono</family></prefer></alias>
</fontconfig>
"""


_START_LIMIT_S = 30.0
"""Wall-clock seconds within which a browser must answer."""


@dataclass(frozen=True)
class ProcessSettings:
    """How a browser process is started."""

    frames: str = "auto"
    """``"begin"`` (frames are issued by us; headless shell only), ``"capture"`` (any Chromium) or ``"auto"``."""
    allow_hosts: tuple[str, ...] = ()
    """Hosts that may be looked up and reached over the network; empty shuts it."""

    def __post_init__(self) -> None:
        """Check the choices.

        Raises:
            ValueError: for `frames` outside the three.
        """
        if self.frames not in ("auto", "begin", "capture"):
            raise ValueError(f"frames must be 'auto', 'begin' or 'capture'; got {self.frames!r}")


def find_browser() -> Path:
    """The Chromium binary of this machine.

    Raises:
        BrowserFailure: of kind ``"start"``, with the command that installs one.
    """
    found = find_chromium()
    if found is None:
        named = os.environ.get("MMGYM_CHROMIUM")
        what = f"MMGYM_CHROMIUM={named} is no executable file" if named else "no Chromium was found"
        raise BrowserFailure(
            "start",
            f"{what}; install one with `sudo apt-get install chromium-headless-shell` or `playwright install "
            "--only-shell chromium`, or set MMGYM_CHROMIUM to a binary",
        )
    return found


class ChromiumProcess:
    """A running browser and its pipe. Start it with `start`; all methods belong to the loop's thread."""

    def __init__(self, pid: int, folder: Path, lock: int, connection: Connection, begin_frames: bool) -> None:
        self.pid = pid
        self.folder = folder
        self.connection = connection
        self.begin_frames = begin_frames
        self.started = time.monotonic()
        self._lock: int | None = lock
        self._reaped = False

    @classmethod
    async def start(cls, settings: ProcessSettings) -> ChromiumProcess:
        """Start a browser and wait for its first answer.

        Raises:
            BrowserFailure: of kind ``"start"`` or ``"disk"``.
        """
        executable = find_browser()
        begin_frames = settings.frames == "begin" or (settings.frames == "auto" and "shell" in executable.name)
        try:
            folder, lock = make_folder(PREFIX)
            try:
                (folder / "fonts.conf").write_text(_FONTCONFIG.format(fonts=FONTS, cache=folder / "fontconfig"))
            except OSError:
                remove_folder(folder, lock)
                raise
        except OSError as error:
            raise BrowserFailure("disk", f"no profile folder in {tempfile.gettempdir()}: {error}") from error
        # A full Chromium keeps its rate of frames: without (--disable-frame-rate-limit), while time stands still,
        # one scroll in eight never comes to a picture.
        arguments = [str(executable), *_FLAGS, *(_FRAME_FLAGS if begin_frames else ())]
        arguments += [f"--disable-features={_DISABLED_FEATURES}", f"--user-data-dir={folder / 'profile'}"]
        arguments += [f"--host-resolver-rules={_resolver_rules(settings.allow_hosts)}"]
        # A proxy that is not there, for all but the allowed hosts: addresses of numbers need no look-up.
        arguments += ["--proxy-server=127.0.0.1:9"]
        arguments += [f"--proxy-bypass-list={';'.join(['<-loopback>', *_addresses(settings.allow_hosts)])}"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        try:
            pid, write_fd, read_fd = _spawn(arguments, folder)
        except OSError as error:
            remove_folder(folder, lock)
            raise BrowserFailure("start", f"{executable}: {error}") from error
        self = cls(pid, folder, lock, Connection(write_fd, read_fd), begin_frames)
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                await self.connection.root.send("Browser.getVersion")
        except (BrowserGone, TimeoutError) as error:
            log = (folder / "log").read_text(errors="replace").strip()[-500:]
            await self.stop()
            raise BrowserFailure("start", f"{executable} did not answer ({error}); it said: {log}") from error
        except BaseException:
            await self.stop()
            raise
        return self

    def alive(self) -> bool:
        """Whether the process runs and its pipe is open."""
        return not self.connection.closed.done() and not self._ended()

    async def stop(self) -> None:
        """Kill the process with all its children and remove its folder."""
        self.kill()
        for _ in range(500):
            if self._ended():
                break
            await asyncio.sleep(0.005)
        self._remove()

    def kill(self) -> None:
        """Kill the process with all its children at once; `stop` also cleans up."""
        self.connection.close()
        self._kill_tree()

    def stop_now(self) -> None:
        """What `stop` does, without the loop: for the interpreter's exit."""
        self._kill_tree()
        deadline = time.monotonic() + 3
        while not self._ended() and time.monotonic() < deadline:
            time.sleep(0.005)
        self._remove()

    def _remove(self) -> None:
        # Once: the number of a lock that is let go is soon another's.
        lock, self._lock = self._lock, None
        if lock is not None:
            remove_folder(self.folder, lock)

    def _kill_tree(self) -> None:
        if self._ended():
            return  # its number may be another process's by now; its children end when their pipes close
        for pid in [self.pid, *process_tree(self.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _ended(self) -> bool:
        if not self._reaped:
            try:
                self._reaped = os.waitpid(self.pid, os.WNOHANG)[0] != 0
            except ChildProcessError:
                self._reaped = True
        return self._reaped


def process_tree(pid: int) -> list[int]:
    """All descendants of a process, parents before children."""
    children: dict[int, list[int]] = {}
    try:
        entries = list(os.scandir("/proc"))
    except OSError:  # no file descriptor is left to look with
        return []
    for entry in entries:
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                stat = Path(entry.path, "stat").read_text()
                # The command in parentheses may hold anything, spaces and parentheses too.
                parent = int(stat[stat.rindex(")") + 2 :].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    queue = [pid]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def tree_memory(pid: int) -> dict[int, int]:
    """Memory of a process and its descendants: proportional set size in bytes, by process id."""
    sizes = {}
    for member in [pid, *process_tree(pid)]:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    sizes[member] = int(line.split()[1]) * 1024
    return sizes


def tree_memory_estimate(pid: int) -> int:
    """About what `tree_memory` adds up to, in bytes, some twenty times as quick to find out.

    Each process's anonymous and shared memory as if nobody shared it, and the mapped files of the one that has most:
    too much where there are many processes, and up to 50 MB too little where there are few.
    """
    held, mapped = 0, 0
    for member in [pid, *process_tree(pid)]:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{member}/status").read_text().splitlines()
            sizes = {
                name: int(size.split()[0]) << 10
                for name, _, size in (line.partition(":\t") for line in lines)
                if name[:3] == "Rss"
            }
            held += sizes.get("RssAnon", 0) + sizes.get("RssShmem", 0)
            mapped = max(mapped, sizes.get("RssFile", 0))
    return held + mapped


def sweep() -> list[Path]:
    """Remove folders whose owner is dead, with the browsers that still run in them; returns the folders."""
    swept = []
    for folder, lock in abandoned_folders(PREFIX):
        for pid in _using(folder):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        remove_folder(folder, lock)
        swept.append(folder)
    return swept


def _using(folder: Path) -> Iterator[int]:
    needle = f"--user-data-dir={folder}/".encode()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if needle in Path(entry.path, "cmdline").read_bytes():
                    yield int(entry.name)


def _resolver_rules(allow_hosts: tuple[str, ...]) -> str:
    return ", ".join(["MAP * ~NOTFOUND", *(f"EXCLUDE {host_and_ports(entry)[0]}" for entry in allow_hosts)])


def _addresses(allow_hosts: tuple[str, ...]) -> list[str]:
    """Hosts with all their ports, as a list of exceptions from a proxy has them."""
    found = []
    for host, ports in map(host_and_ports, allow_hosts):
        written = f"[{host}]" if ":" in host else host
        found += [f"{written}:{port}" for port in ports]
    return found


def _spawn(arguments: list[str], folder: Path) -> tuple[int, int, int]:
    """Start a process whose descriptors 3 and 4 are our pipes; returns its id and our two ends."""
    command_read, command_write = os.pipe()
    answer_read, answer_write = os.pipe()
    # Above 10, so that none of them is 3 or 4 when those are written in the child.
    theirs = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (command_read, answer_write)]
    os.close(command_read)
    os.close(answer_write)
    with contextlib.suppress(OSError):
        fcntl.fcntl(answer_read, fcntl.F_SETPIPE_SZ, 1 << 20)
    environment = {
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }
    try:
        pid = os.posix_spawn(
            arguments[0],
            arguments,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, str(folder / "log"), os.O_WRONLY | os.O_CREAT, 0o600),
                (os.POSIX_SPAWN_DUP2, theirs[0], 3),
                (os.POSIX_SPAWN_DUP2, theirs[1], 4),
            ],
            setpgroup=0,
        )
    except OSError:
        os.close(command_write)
        os.close(answer_read)
        raise
    finally:
        for fd in theirs:
            os.close(fd)
    return pid, command_write, answer_read
