"""
A process of its own for the test beside it: `python crash_worker.py FOLDER`, killed at every call of an export.

For each call, before and after its effect, it forks a process that begins an export in a folder of its own, named
after the call, and kills that process there. Prints how many calls there are.
"""

import os
import signal
import sys
from pathlib import Path

from tests.faulty_ports import AFTER, BEFORE, FaultyPorts
from tests.four_parts import ask, on_disk

from streampay_export.sweeper import Sweeper
from streampay_export.worker import Worker


def kill(port: str) -> None:
    """
    End this process as a power cut would.
    """
    os.kill(os.getpid(), signal.SIGKILL)


def export(folder: Path, at: int, when: str) -> None:
    """
    Run an export from the request on, up to the call where it ends.
    """
    wiring = FaultyPorts(at, when, kill).in_place_of(on_disk(folder, "killed").wiring)
    ask(wiring)
    Worker(wiring).work()
    Sweeper(wiring).sweep()


def killed(folder: Path, at: int, when: str) -> bool:
    """
    Do that in a process of its own; return whether it came as far as to be killed.
    """
    folder.mkdir()
    child = os.fork()
    if child == 0:
        try:
            export(folder, at, when)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


if __name__ == "__main__":
    at = 0
    reached = True
    while reached:
        at += 1
        before, after = (killed(Path(sys.argv[1], f"{at:03}-{when}"), at, when) for when in (BEFORE, AFTER))
        reached = before and after
    print(at - 1)
