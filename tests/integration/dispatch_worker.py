"""
A worker of its own for the tests beside it: `python dispatch_worker.py KIND FOLDER WHERE QUEUE`.

It works in the deployment in FOLDER. In the middle of a part it writes its process id into the file `held` there
and waits, for as long as there is a file `hold`.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from streampay_export import ExportService, Policies, Sweeper, Worker
from streampay_export._core.selection import Row
from streampay_export.dispatch.worker_line import WorkerLine
from streampay_export.embedded import Embedded, Places, embedded
from streampay_export.ports.dispatch import Dispatcher
from streampay_export.ports.source import Snapshot
from streampay_export.sources.iterable import IterableSource
from streampay_export.testing.deployment import CATALOG, NOTICE, PAYOUTS, keep_everything
from streampay_export.wiring import Wiring

PEOPLE = [f"person-{n}" for n in range(12)]
LEASE = timedelta(seconds=4)
PART_ROWS = 3


@frozen
class House:
    """
    A deployment whose leases and parts are short.
    """

    wiring: Wiring
    embedded: Embedded

    @property
    def service(self) -> ExportService:
        """
        What an application calls.
        """
        return ExportService(self.wiring)

    @property
    def sweeper(self) -> Sweeper:
        """
        What rings again.
        """
        return Sweeper(self.wiring)


def house_in(folder: Path, dispatcher: Dispatcher) -> House:
    """
    Open the deployment in a folder, with nothing at work in this process.
    """
    opened = embedded(
        Places.beside(folder),
        source=HeldSource(folder),
        catalog=CATALOG,
        policies=Policies.of(keep_everything(CATALOG)),
        notice=NOTICE,
        threads=0,
        dispatcher=dispatcher,
    )
    short = evolve(opened.wiring, lease=LEASE, renew_every=LEASE / 4, part_rows=PART_ROWS, fan_out=True)
    return House(short, opened)


def rows() -> Iterator[dict[str, object]]:
    """
    Yield thirty payments to each person, in key order.
    """
    for n in range(30 * len(PEOPLE)):
        requested_at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=n)
        yield {
            "id": n,
            "requested_at": requested_at,
            "payer": "shop",
            "payee": PEOPLE[n % len(PEOPLE)],
            "amount": "1.5",
            "note": "",
        }


@frozen
class HeldSnapshot:
    """
    A view of the history whose pages can be held.
    """

    _inner: Snapshot
    _folder: Path

    def __getattr__(self, name: str) -> object:
        """
        Do what the other one does.
        """
        return getattr(self._inner, name)

    def page(self, *arguments: Any) -> Sequence[Row]:
        """
        Read a page, and keep it for as long as there is a file `hold`. With a file `readers`, rows take a moment.
        """
        page = self._inner.page(*arguments)
        if page and len(page[0]) > len(PAYOUTS.key) and (self._folder / "readers").exists():
            with (self._folder / "readers").open("a") as readers:
                readers.write(f"{os.getpid()}\n")
            time.sleep(0.15)
        if (self._folder / "hold").exists():
            (self._folder / "held").write_text(str(os.getpid()))
        while (self._folder / "hold").exists():
            time.sleep(0.02)
        return page


class HeldSource(IterableSource):
    """
    A history whose readers can be held in the middle of a part.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__({"payouts": rows}, now=lambda: datetime.now(UTC), timezone="UTC")
        self._folder = folder

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """
        Open a view that can be held.
        """
        with super().snapshot() as inner:
            yield HeldSnapshot(inner, self._folder)


@cache
def worker(folder: Path, dispatcher: Dispatcher) -> Worker:
    """
    Make the worker of this process: Celery's children are forked before anything here is opened.
    """
    return Worker(house_in(folder, dispatcher).wiring)


def answer_as_process(folder: Path, where: str, queue: str) -> None:
    """
    Be one of the processes of a `ProcessDispatcher`.
    """
    line = WorkerLine()
    made = worker(folder, line)
    line.answer(made.work, made.stop)


def answer_as_celery(folder: Path, where: str, queue: str) -> None:
    """
    Be a Celery worker with two children.
    """
    from tests.brokers import celery_app

    from streampay_export.dispatch.celery import CeleryDispatcher, register_task

    app = celery_app(where, queue)
    bell = CeleryDispatcher(app, queue=queue)
    register_task(app, lambda tenant, job_id: worker(folder, bell).work(tenant, job_id))
    # RabbitMQ refuses a second worker of the same name, and there is one for each engine.
    own = [f"--hostname={queue}@%h", "--without-mingle", "--without-gossip"]
    app.worker_main(["worker", "--pool=prefork", "--concurrency=2", *own])


def answer_as_procrastinate(folder: Path, where: str, queue: str) -> None:
    """
    Be a Procrastinate worker.
    """
    from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

    from streampay_export.dispatch.procrastinate import ProcrastinateDispatcher, register_task

    app = App(connector=PsycopgConnector(conninfo=where))
    bell = ProcrastinateDispatcher(App(connector=SyncPsycopgConnector()), where, queue=queue)
    register_task(app, lambda tenant, job_id: worker(folder, bell).work(tenant, job_id))
    app.run_worker(queues=[queue], delete_jobs="always")


KINDS = {
    "processes": answer_as_process,
    "celery": answer_as_celery,
    "procrastinate": answer_as_procrastinate,
}

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    KINDS[sys.argv[1]](Path(sys.argv[2]), sys.argv[3], sys.argv[4])
