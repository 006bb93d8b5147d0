"""Starts `mmgym` once per line of standard input (JSON: log file, arguments) in a fork that has all imports behind it.

Answers with two lines: the process id when it has started, the exit status when it has ended.
"""

import json
import os
import sys
import traceback


def run(log: str, arguments: list[str]) -> None:
    """The forked process; does not return."""
    status = 70
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    try:
        status = main(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    import matplotlib.pyplot  # noqa: F401
    import torch.utils.tensorboard  # noqa: F401

    import mmgym.learn.main
    import mmgym.view.report  # noqa: F401
    import mmgym_agents.factory
    import mmgym_agents.scripted  # noqa: F401
    import mmgym_puzzles  # noqa: F401
    from mmgym.cli import main

    for line in sys.stdin:
        log, arguments = json.loads(line)
        pid = os.fork()
        if pid == 0:
            run(log, arguments)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
