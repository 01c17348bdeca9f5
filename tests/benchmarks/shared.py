"""
One long export, read by one worker process or by several that share its parts.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from streampay_export import Actor, Catalog, Policies, ProcessingNotice, Subject
from streampay_export._core.notice import NOTICE_PARTS
from streampay_export.embedded import Embedded, Places, embedded
from streampay_export.sources.sqlalchemy import SqlAlchemySource

from .ours import PAYOUTS, SELF
from .payouts import wallet


@contextmanager
def deployment(url: str, folder: Path, *, fan_out: bool) -> Iterator[Embedded]:
    """
    Open the deployment that all processes have in common.
    """
    with (
        SqlAlchemySource(url, timezone="UTC") as source,
        embedded(
            Places.beside(folder),
            source=source,
            catalog=Catalog([PAYOUTS], timezone="UTC"),
            policies=Policies.of(SELF),
            notice=ProcessingNotice(**dict.fromkeys(NOTICE_PARTS, "Made up.")),
            threads=0,
            fan_out=fan_out,
        ) as house,
    ):
        yield house


def work(url: str, folder: str, fan_out: str) -> None:
    """
    Work until standard input ends: what each worker process runs.
    """
    with deployment(url, Path(folder), fan_out=fan_out == "True") as house:
        print("ready", flush=True)
        sys.stdin.readline()
        while not (Path(folder) / "done").exists():
            if house.worker.work() is None:
                time.sleep(0.01)


def shared(url: str, rows: int, processes: int, folder: Path) -> Mapping[str, float]:
    """
    Export the person who has *rows* rows with so many worker processes; return the seconds from request to ready.
    """
    fan_out = processes > 1
    with deployment(url, folder, fan_out=fan_out) as house:
        me = wallet(rows)
        command = [sys.executable, "-m", "tests.benchmarks.child", "work", url, str(folder), str(fan_out)]
        workers = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]
        for worker in workers:
            worker.stdout.readline()
        export = house.service.request(Actor(id=me), Subject(me)).export
        began = time.perf_counter()
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        while (state := house.service.status(Actor(id=me), export.id).state) in {"queued", "running"}:
            time.sleep(0.01)
        seconds = time.perf_counter() - began
        (folder / "done").touch()
        for worker in workers:
            worker.communicate(timeout=60)
        assert state == "ready"
        return {"seconds": seconds}
