"""Benchmark runs for the tests of the viewer: two agents on two environments, with the worst that a model may write."""

import numpy as np

from mmgym.bench.records import Folder
from mmgym.pointing import Pointer
from mmgym.trajectory import EpisodeTask, ImageStore, Observed, Status, Trajectory, Turn

SIZE = (120, 200)
"""Height and width of a picture."""
HOSTILE = "</script><script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>\u202egnorw &amp; \ud800"
_NO_IDS, _NO_LOGPROBS = np.zeros(0, np.int32), np.zeros(0, np.float32)


def turn(images, number, *, ids=False, said="", **changes):
    """A turn with a picture of its own, an action that points at a quarter of it, and an expert's at the middle."""
    height, width = SIZE
    picture = np.full((height, width, 3), 255, np.uint8)
    picture[:, : 10 * number % width] = (number * 40 % 256, 120, 200)
    ref = images.add(picture)
    click = {"name": "click", "arguments": {"x": 50, "y": 30}}
    observed = Observed(
        (ref,),
        f"Read at turn {number}.",
        ({"name": "click", "arguments": {"x": 100, "y": 60}},),
        (Pointer("point", (0.25, 0.25)),),
        (Pointer("point", (0.5, 0.5)),),
    )
    sampled = np.array([3, 4], np.int32) if ids else _NO_IDS
    logprobs = np.log(np.array([0.9, 0.25], np.float32)) if ids else _NO_LOGPROBS
    return Turn(
        sampled,
        (ref,),
        sampled,
        logprobs,
        False,
        said,
        **{
            "reward": 0.0,
            "terms": {"outcome": 0.0, "valid": 1.0, "effective": 1.0},
            "calls": (click,),
            "observed": observed,
            **changes,
        },
    )


def played(images, env, level, seed, solved, turns=2, said="", ids=False):
    """An episode; the last turn has the reward."""
    task = EpisodeTask(env, seed, options={"split": "test", "level": level})
    own = [turn(images, number + seed, said=said, ids=ids) for number in range(turns)]
    own[-1].reward = own[-1].terms["outcome"] = float(solved)
    status = Status.TERMINATED if solved else Status.TRUNCATED
    end = images.add(np.full((*SIZE, 3), 30, np.uint8))
    info = {"level": level, "split": "test", "expert_steps": 2}
    return Trajectory(task, own, status, solved, info=info, final_image=end)


def write_run(path, agent, solves, said="", ids=False):
    """A run of 12 episodes: two environments, two levels, three seeds. `solves(level, seed)` says which are solved."""
    folder = Folder(path)
    folder.open({"agent": agent, "options": {}, "suite": "toy@1", "all_episodes": 12}, ["agent"])
    images = ImageStore()
    cases = [(f"toy/{env}-v0", level, seed) for env in ("Corridor", "Page") for level in (1, 2) for seed in (5, 6, 7)]
    episodes = [
        (index, played(images, *case, solves(*case[1:]), turns=2 + index % 3, said=said, ids=ids))
        for index, case in enumerate(cases)
    ]
    folder.add(episodes[:5], images)
    folder.add(episodes[5:], images)
    return path


def wait_until(tab, condition):
    """Wait until a condition holds in a page; compiled at once, for its policy forbids to make code of text later."""
    look = f"function look() {{ ({condition}) ? done() : setTimeout(look, 30); }}"
    late = "setTimeout(() => fail(new Error('not within 20 s')), 20000)"
    tab.evaluate(f"() => new Promise((done, fail) => {{ {late}; ({look})(); }})")
