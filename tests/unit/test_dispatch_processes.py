"""
The doorbell of one machine: processes that die, are told to stop, or lose who started them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from streampay_export.dispatch import processes
from streampay_export.dispatch.processes import ProcessDispatcher

CHILD = """
import json, logging, os, sys, threading, time
from streampay_export.dispatch.worker_line import WorkerLine
from streampay_export.errors import Interrupted, JobStoreUnavailable

stop = threading.Event()
line = WorkerLine()
folder = sys.argv[1]

def say(*what):
    with open(os.path.join(folder, "said"), "a") as said:
        print(*what, os.getpid(), file=said, flush=True)

def work(tenant, job_id):
    say(job_id)
    if job_id == "fatal" and not os.path.exists(os.path.join(folder, "died")):
        open(os.path.join(folder, "died"), "w").close()
        os._exit(9)
    if job_id == "calling":
        line.ring(tenant, "called")
    if job_id == "away":
        raise JobStoreUnavailable("the store was told to be away")
    if job_id == "long":
        stop.wait(60)
        say("handed-back")
        raise Interrupted

logging.basicConfig()
line.answer(work, stop)
say("ended")
"""

PARENT = """
import sys, time
from streampay_export.dispatch.processes import ProcessDispatcher
bell = ProcessDispatcher([sys.executable, "-c", sys.argv[1], sys.argv[2]], processes=2)
bell.ring("default", "short")
bell.ring("default", "long")
time.sleep(60)
"""


@pytest.fixture
def said(tmp_path):
    """
    What the processes said so far, as word and process id; waits until a word is among it.
    """

    def look(awaited, times=1):
        deadline = time.monotonic() + 20
        file = tmp_path / "said"
        while True:
            lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
            if [word for word, _ in lines].count(awaited) >= times:
                return lines
            assert time.monotonic() < deadline, f"{awaited} was not said: {lines}"
            time.sleep(0.01)

    return look


@pytest.fixture
def bell(tmp_path, monkeypatch):
    """
    A dispatcher with one process.
    """
    monkeypatch.setattr(processes, "FIRST_BACKOFF", 0.05)
    bell = ProcessDispatcher([sys.executable, "-c", CHILD, str(tmp_path)])
    yield bell
    bell.close(10)


def is_alive(pid) -> bool:
    """
    Whether there is such a process, which ours to wait for is not.
    """
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


def test_one_process_works_on_one_job_after_the_other(bell, said) -> None:
    """
    The same process answers all rings, also after a job store that was away.
    """
    for job_id in ("a", "away", "b"):
        bell.ring("default", job_id)
    lines = said("b")
    assert ["a", "away", "b"] == [word for word, _ in lines]
    assert 1 == len({pid for _, pid in lines})


def test_a_dead_process_is_replaced(bell, said, caplog) -> None:
    """
    A process killed at work, or idle, is followed by another, which answers what the first did not.
    """
    bell.ring("default", "fatal")
    (first, second) = (pid for word, pid in said("fatal", 2))
    assert first != second
    os.kill(int(second), signal.SIGKILL)
    bell.ring("default", "after")
    third = dict(said("after"))["after"]
    assert third not in {first, second}
    assert ["a worker process ended or cannot be started; the next one starts in 0.05 s"] * 2 == caplog.messages


def test_a_process_that_keeps_dying_is_started_ever_more_rarely(tmp_path, monkeypatch, caplog) -> None:
    """
    The pause doubles up to its cap; a program that is not there counts as dying.
    """
    monkeypatch.setattr(processes, "FIRST_BACKOFF", 0.01)
    monkeypatch.setattr(processes, "LONGEST_BACKOFF", 0.03)
    bell = ProcessDispatcher([str(tmp_path / "gone")])
    bell.ring("default", "job")
    while len(caplog.messages) < 4:
        time.sleep(0.01)
    bell.close(10)
    pauses = [line.rpartition(" in ")[2] for line in caplog.messages]
    assert ["0.01 s", "0.02 s", "0.03 s", "0.03 s"] == pauses[:4]


def test_what_a_process_rings_for_is_for_all_of_them(bell, said) -> None:
    """
    A worker that shares out its job rings the others by the dispatcher that started it.
    """
    bell.ring("default", "calling")
    assert ["calling", "called"] == [word for word, _ in said("called")]


def test_a_program_that_nobody_rings_is_refused() -> None:
    """
    Started by hand, it says how it is to be started.
    """
    program = "from streampay_export.dispatch.worker_line import WorkerLine; WorkerLine()"
    done = subprocess.run(
        [sys.executable, "-c", program], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert "standard input: this is no line to a dispatcher; let a ProcessDispatcher start" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_told_to_stop_hands_its_job_back(bell, said, number) -> None:
    """
    SIGTERM and Ctrl-C set the worker's `stop`, the job at hand is handed back, and the process ends by itself.
    """
    bell.ring("default", "long")
    pid = dict(said("long"))["long"]
    os.kill(int(pid), number)
    assert ["long", "handed-back", "ended"] == [word for word, each in said("ended") if each == pid]


def test_close_hands_back_and_leaves_no_process(bell, said) -> None:
    """
    `close` ends processes at work as SIGTERM does, takes no more rings, and may be called twice.
    """
    bell.ring("default", "long")
    bell.ring("default", "waiting")
    pid = dict(said("long"))["long"]
    begun = time.monotonic()
    bell.close(10)
    assert time.monotonic() - begun < 10
    bell.ring("default", "late")
    bell.close(10)
    assert ["long", "handed-back", "ended"] == [word for word, _ in said("ended")]
    assert not is_alive(pid)


def test_what_does_not_end_is_killed(tmp_path) -> None:
    """
    A process that does not listen is killed when the time is up.
    """
    deaf = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
    file = tmp_path / "pid"
    bell = ProcessDispatcher([sys.executable, "-c", deaf, str(file)])
    bell.ring("default", "job")
    while not file.exists() or not file.read_text():
        time.sleep(0.01)
    bell.close(0.1)
    assert not is_alive(file.read_text())


def test_no_process_outlives_the_one_that_started_it(tmp_path, said) -> None:
    """
    When the dispatcher's process is killed, idle processes end, and those at work hand their job back and end.
    """
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD, str(tmp_path)])
    said("short")
    said("long")
    parent.kill()
    parent.wait()
    assert "handed-back" in [word for word, _ in said("ended", 2)]
