"""Faults: whatever dies, hangs, fills up or talks nonsense ends its own episode without a reward, and nothing else."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gymnasium as gym
import pytest
from pages import Pages, page

from mmgym import MachineryFailure, ToolCall
from mmgym.agent import Response as Reply
from mmgym.doctor import find_chromium
from mmgym.rollout import Executor, RolloutConfig
from mmgym.trajectory import EpisodeTask, Status
from mmgym_web.browser import close_pool, get_pool
from mmgym_web.browser.process import PREFIX, process_tree, sweep
from mmgym_web.messages import Response

pytestmark = pytest.mark.skipif(find_chromium() is None, reason="no Chromium; `mmgym doctor` says how to get one")

CLICK = ToolCall("click", {"x": 20, "y": 20})
TAB = ToolCall("press", {"keys": "Tab"})
BUTTON = "<button style='width:120px;height:60px' onclick=\"{}\">x</button>"
HTML = ("content-type", "text/html")


@contextlib.contextmanager
def begun(env):
    try:
        env.reset(seed=0)
        yield env
    finally:
        env.close()


def assert_failed(result, said=""):
    _, reward, terminated, truncated, info = result
    assert (reward, terminated, truncated, info["success"]) == (0.0, False, True, False)
    assert said in info["error"] and info["error"] and set(info["reward_terms"].values()) <= {0.0}


def assert_healthy(env):
    env.reset(seed=1)
    *_, truncated, info = env.step(TAB)
    assert not truncated and not info["error"], info["error"]


def processes(kind=b""):
    """The browsers' processes of a kind."""
    family = [member for pid in get_pool().pids() for member in (pid, *process_tree(pid))]
    return [pid for pid in family if kind in Path(f"/proc/{pid}/cmdline").read_bytes()]


def assert_gone(pids, seconds=5.0):
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in pids if runs(pid)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("make", [("mmgym/WebNav-v0", {}), ("mmgym/MiniWoB-v0", {"task": "click-test"})])
def test_killed_processes_end_the_episode_and_the_next_is_healthy(make):
    with begun(gym.make(make[0], disable_env_checker=True, **make[1]).unwrapped) as env:
        for kind in (b"--type=renderer", b""):
            killed = processes(kind)
            for pid in killed:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            assert_failed(env.step(CLICK), "crash")
            assert_gone(killed)
            with pytest.raises(gym.error.ResetNeeded):
                env.step(CLICK)
            assert_healthy(env)
        # The browser starts this one again by itself: the episode may go on, but is never won by it.
        for pid in processes(b"--type=gpu-process"):
            os.kill(pid, signal.SIGKILL)
        *_, truncated, info = env.step(TAB)
        assert truncated == bool(info["error"]) and not info["success"]
        assert_healthy(env)


def test_a_browser_that_stands_still_is_replaced():
    with begun(Pages({"/": page("x")}, time_limit=1.0)) as env:
        stopped = processes()
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        assert_failed(env.step(CLICK), "hang")
        env.time_limit = 10.0
        assert_healthy(env)
        assert_gone(stopped)


ENDLESS = {
    "timer": ("<script>setTimeout(() => {for (;;);}, 60)</script>", "hang"),
    "alerts": (BUTTON.format("for (;;) alert(1)"), "storm"),
    "microtasks": (BUTTON.format("(function next() {Promise.resolve().then(next)})()"), "hang"),
    "unloading": ("<script>onpagehide = () => {for (;;);}; onclick = () => {location = '/next'}</script>", "hang"),
    "expression": (BUTTON.format("/^(a+)+$/.test('a'.repeat(50) + 'b')"), "hang"),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in ("timer", "alerts"))) for name in ENDLESS]
)
def test_endless_scripts(name, monkeypatch):
    monkeypatch.setattr(Pages, "settle_ms", 50.0)
    script, kind = ENDLESS[name]
    with begun(Pages({"/": page(script)}, time_limit=3.0)) as env:
        env._page.limit_s = 1.5
        assert_failed(env.step(CLICK), kind)
        env.server.pages["/"] = page("quiet")
        assert_healthy(env)


@pytest.mark.slow
def test_a_page_that_never_loads_fails_at_reset():
    env = Pages({"/": page("<script>for (;;);</script>")}, time_limit=1.0)
    with pytest.raises(MachineryFailure, match="hang"):
        env.reset(seed=0)
    env.server.pages["/"], env.time_limit = page("quiet"), 10.0
    assert_healthy(env)
    env.close()


def test_busy_workers_and_refused_windows_do_no_harm():
    worker = "new Worker(URL.createObjectURL(new Blob(['for (;;);'])))"
    with begun(Pages({"/": page(BUTTON.format(f"for (let i = 0; i < 4; i++) {worker}"))})) as env:
        assert not env.step(CLICK)[4]["error"] and not env.step(TAB)[4]["error"]
        assert_healthy(env)


class Odd(Pages):
    """Serves whatever `reply` is at /odd."""

    reply = None

    async def _reply(self, request):
        if not request.url.endswith("/odd"):
            return await type(self.server).answer(self.server, request)
        return self.reply() if callable(self.reply) else self.reply

    def _begin(self, rng, task):
        self.server.answer = self._reply
        return super()._begin(rng, task)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (lambda: 1 / 0, "ZeroDivisionError: division by zero"),
        (Response(200, [("bad header\n", "x")], b"x"), "server:"),
        (Response(200, [HTML, ("x", "a\r\nset-cookie: q=1")], b"x"), "server:"),
        (Response(99999, [HTML], b"x"), "server:"),
        (Response(200, [HTML], "no bytes"), "TypeError"),
        ({"status": 200}, "TypeError"),
        (Response(200, [HTML], b"x" * (200 << 20)), "memory: http://site.test/odd is 200 MB large"),
        (Response(200, [HTML], bytes(range(256)) * 400), ""),
        (Response(200, [HTML, ("content-encoding", "gzip")], b"no gzip"), ""),
        (Response(200, [HTML, ("content-length", "99999")], b"short"), ""),
        (Response(302, [("location", "/odd")]), ""),
        (Response(204), ""),
        (None, ""),
    ],
)
def test_what_a_server_may_do_wrong(odd, reply, error):
    odd.reset(seed=0)
    odd.reply = reply
    result = odd.step(CLICK)
    assert result[1] == 0.0 and not result[4]["success"]
    if error:
        assert_failed(result, error)
        assert_healthy(odd)
    else:
        assert not result[4]["error"] and not odd.step(TAB)[4]["error"]


@pytest.fixture(scope="module")
def odd():
    with begun(Odd({"/": page("<a href=/odd style='display:block;width:200px;height:90px'>odd</a>")})) as env:
        yield env


def test_a_server_that_never_answers_is_a_hang():
    async def never(request):
        await asyncio.sleep(1000)

    with begun(Odd({"/": page("<a href=/odd style='display:block;width:200px;height:90px'>odd</a>")})) as env:
        env._page.limit_s = 1.0
        env.server.answer = never  # the page waits, with its time standing still
        assert_failed(env.step(CLICK), "hang")
        assert_healthy(env)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
@pytest.mark.parametrize("size", ["64k", pytest.param("2m", marks=pytest.mark.slow)])
def test_a_full_disk(tmp_path, monkeypatch, size):
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "small", tmp_path], capture_output=True)
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.decode().strip()}")
    close_pool()
    env = Pages({"/": page("<script>localStorage.x = 'x'.repeat(4e6)</script>")}, time_limit=5.0)
    try:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with contextlib.suppress(OSError):
            (tmp_path / "filler").write_bytes(b"x" * (64 << 10 if size == "64k" else 1 << 20))
        if size == "64k":
            with pytest.raises(MachineryFailure, match=r"disk: .* No space left on device"):
                env.reset(seed=0)
        else:  # the browser starts, and writes until nothing is left
            with contextlib.suppress(MachineryFailure):
                env.reset(seed=0)
                *_, truncated, info = env.step(TAB)
                assert truncated == bool(info["error"]) and not info["success"]
    finally:
        close_pool()
        left = list(tmp_path.glob(f"{PREFIX}*"))
        subprocess.run(["umount", "-l", tmp_path], check=True)
        monkeypatch.undo()
    assert not left
    assert_healthy(env)
    env.close()


def test_a_forked_child_leaves_its_parents_episode_alone():
    with begun(Pages({"/": page("x")}, files={"note.txt": b"hello"})) as env:
        note = env._folder.path / "note.txt"
        child = os.fork()
        if child == 0:
            code = 1
            with contextlib.suppress(BaseException):
                *_, truncated, info = env.step(TAB)
                code = 0 if truncated and info["error"].startswith("crash") else 2
                env.close()
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert note.read_bytes() == b"hello"
        assert not env.step(TAB)[4]["error"]
    assert not note.exists()


@contextlib.contextmanager
def all_free_descriptors():
    """Take every free descriptor below 200, so that nobody can close one unseen."""
    taken = []
    while not taken or taken[-1] < 200:
        taken.append(os.open(os.devnull, os.O_RDONLY))
    try:
        yield taken
    finally:
        for number in taken:
            os.close(number)


def test_a_forked_child_keeps_the_descriptors_that_a_dead_browser_had():
    with begun(Pages({"/": page("x")})) as env:
        (browser,) = get_pool()._all()
        os.kill(browser.process.pid, signal.SIGKILL)
        assert_failed(env.step(TAB))
        connection = browser.process.connection
        with all_free_descriptors() as taken:
            assert {connection._read_fd, connection._write_fd} <= set(taken)
            child = os.fork()
            if child == 0:
                code = 1
                with contextlib.suppress(OSError):
                    for number in taken:
                        os.fstat(number)
                    code = 0
                os._exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_dead_browsers_descriptors_are_closed_once():
    env = Pages({"/": page("x")})
    env.reset(seed=0)
    os.kill(get_pool().pids()[0], signal.SIGKILL)
    assert_failed(env.step(TAB))
    env.close()
    with all_free_descriptors() as taken:
        with begun(Pages({"/": page("x")})) as other:  # the pool clears the dead browser away
            assert_healthy(other)
        close_pool()
        for number in taken:
            os.fstat(number)


CHILD = """
import sys, time
sys.path[:0] = sys.argv[1:]
from pages import Pages, page
from mmgym_web.browser import get_pool
from mmgym_web.browser.process import process_tree
env = Pages({"/": page("x")}, files={"note.txt": b"hello"})
env.reset(seed=0)
pid = get_pool().pids()[0]
print(env._folder.path.parent, get_pool()._all()[0].process.folder, pid, *process_tree(pid), flush=True)
time.sleep(60)
"""


def test_after_a_killed_parent_nothing_stays():
    command = [sys.executable, "-c", CHILD, *sys.path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        files, profile, *pids = parent.stdout.readline().split()
        parent.kill()
    assert_gone([int(pid) for pid in pids])
    assert Path(files).exists() and Path(profile).exists()
    sweep()
    assert not Path(files).exists() and not Path(profile).exists()


FEW_DESCRIPTORS = """
import os, resource, sys
sys.path[:0] = sys.argv[1:]
from pages import Pages, page
from mmgym import MachineryFailure, ToolCall
from mmgym_web.browser import get_pool
tab = ToolCall("press", {"keys": "Tab"})
env = Pages({"/": page("x")}, time_limit=10)
env.reset(seed=0)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 4096))
held = []
try:
    while True:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
assert not env.step(tab)[4]["error"]
os.kill(get_pool().pids()[0], 9)
assert "crash" in env.step(tab)[4]["error"]
try:
    env.reset(seed=1)
except MachineryFailure as failure:
    assert "Too many open files" in str(failure), failure
for descriptor in held:
    os.close(descriptor)
env.reset(seed=2)
assert not env.step(tab)[4]["error"]
env.close()
"""


@pytest.mark.slow
def test_without_file_descriptors_episodes_fail_and_later_ones_work():
    subprocess.run([sys.executable, "-c", FEW_DESCRIPTORS, *sys.path], check=True, timeout=60)


UNPRIVILEGED = r"""
import os, sys, tempfile
from pathlib import Path
sys.path[:0] = sys.argv[1:]
import cv2
import mmgym_web.elements
from pages import Pages, page
from mmgym import ToolCall
from mmgym_web.browser import close_pool, get_pool
from mmgym_web.browser.process import process_tree

folder = tempfile.tempdir = tempfile.mkdtemp()
if os.geteuid() == 0:
    os.chown(folder, 65534, 65534)
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
env = Pages({"/": page("<button style='width:99px;height:99px' onclick=\"document.title='done'\">x</button>")})
env.reset(seed=0)
assert env.step(ToolCall("click", {"x": 20, "y": 20}))[1] == 1.0
browser = get_pool().pids()[0]
assert "--no-sandbox" not in Path(f"/proc/{browser}/cmdline").read_text()
renderers = [p for p in process_tree(browser) if b"--type=renderer" in Path(f"/proc/{p}/cmdline").read_bytes()]
for pid in renderers:
    assert "\nSeccomp:\t2\n" in Path(f"/proc/{pid}/status").read_text()
    assert os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user")
assert renderers
env.close()
close_pool()
assert os.listdir(folder) == []
print("sandboxed")
"""


def test_the_sandbox_is_on_for_an_unprivileged_user():
    may = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "unshare", "-U", "true"], capture_output=True)
    if os.geteuid() == 0 and may.returncode:
        pytest.skip(f"this machine gives no user namespaces to others than root: {may.stderr.decode().strip()}")
    run = subprocess.run([sys.executable, "-c", UNPRIVILEGED, *sys.path], capture_output=True, text=True, timeout=60)
    assert run.stdout == "sandboxed\n", run.stderr[-2000:]


class Fragile(Pages):
    """Loses its browser at the first turn: once, or always."""

    def __init__(self, once="", **arguments):
        super().__init__({"/": page(BUTTON.format("document.title = 'done'"))}, **arguments)
        self.once = once

    def _perform(self, call):
        if not self.once or not Path(self.once).exists():
            if self.once:
                Path(self.once).write_text("")
            for pid in processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        return super()._perform(call)


gym.register("web_faults/Fragile-v0", entry_point=Fragile, disable_env_checker=True)


class Clicker:
    """Always clicks the button."""

    end = staticmethod(lambda conversation: None)

    async def act(self, conversation):
        return Reply("click(x=20, y=20)")


@pytest.mark.parametrize("always", [False, True])
def test_a_rollout_plays_such_an_episode_again_and_never_scores_it(tmp_path, always):
    arguments = {} if always else {"once": str(tmp_path / "once")}
    with Executor(RolloutConfig(format="call", prompt="minimal", retries=1)) as executor:
        rollout = executor.run([EpisodeTask("web_faults/Fragile-v0", 0, arguments)], Clicker())
    (played,) = rollout.trajectories
    if always:
        assert (rollout.failed, rollout.retried, played.status) == (1, 1, Status.ENV_ERROR)
        assert played.turns == [] and "crash" in played.error and not played.success
    else:
        assert (rollout.failed, rollout.retried, played.success) == (0, 1, True)
        assert [turn.reward for turn in played.turns] == [1.0]
