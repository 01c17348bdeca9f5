"""
`export`: one person's bundle, made in the foreground.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from urllib.parse import parse_qs, urlsplit

from attrs import evolve, frozen

from .._core.export import Export
from .._core.job import Job
from .._core.lifecycle import State
from .._core.party import Actor, Subject
from .._core.selection import Window
from ..embedded import Embedded
from ..errors import ActiveExportDiffers, ExportGone, ExportNotReady, Interrupted, InvalidRequest, NotFound
from ..worker import Worker
from .deployment import deployment, operator
from .handover import destination, leave
from .moments import instant, window
from .outcome import ExportFailed, print_json
from .progress import shown
from .terminal import say
from .wire import moment

ASK_AGAIN = 1.0
"""Seconds between two looks at a job that another worker holds."""


@frozen(kw_only=True)
class Asked:
    """
    What the flags of `export` ask for, read and checked as far as flags alone can be.
    """

    subject: Subject
    profile: str
    formats: Sequence[str] | None
    datasets: Sequence[str] | None
    window: Window
    as_of: datetime | None


def read_flags(
    subject: str,
    identifiers: Sequence[str],
    *,
    profile: str,
    formats: Sequence[str],
    datasets: Sequence[str],
    start: str | None,
    end: str | None,
    as_of: str | None,
) -> Asked:
    """
    Return what the flags ask for. A subject of `-` is read from standard input.

    Raises `InvalidRequest`, which names the flag.
    """
    return Asked(
        subject=Subject(subject_id(subject), identifiers),
        profile=profile,
        formats=formats or None,
        datasets=datasets or None,
        window=window(start, end),
        as_of=instant("as-of", as_of),
    )


def subject_id(flag: str) -> str:
    """
    Return the id in *flag*, or the first line of standard input for `-`: a process list shows flags to all.
    """
    if flag != "-":
        return flag
    try:
        line = sys.stdin.readline().strip()
    except UnicodeDecodeError:
        line = ""
    if not line:
        raise InvalidRequest("subject", "standard input is empty or no UTF-8; write the subject's id into it")
    return line


def export(config: Path, asked: Asked, out: Path | None, *, as_json: bool) -> None:
    """
    Make the export and leave its bundle at *out*; say where, and how much is in it.
    """
    place = destination(out)
    with deployment(config) as opened:
        actor = operator()
        job = _work(opened, actor, _request(opened, actor, asked), quiet=as_json)
        if job.state is State.FAILED and job.failure is not None:
            raise ExportFailed(job.failure)
        if job.state is not State.READY:
            raise ExportGone(state=job.state)
        bundle = _fetch(opened, actor, job, place)
        _report(Export.of(job, opened.wiring.jobs.now()), bundle, as_json=as_json)


def _request(opened: Embedded, actor: Actor, asked: Asked) -> str:
    """
    Return the id of the job to work on. One left behind with other parameters is cancelled for it.
    """
    try:
        return _ask(opened, actor, asked)
    except ActiveExportDiffers as differs:
        left = opened.wiring.jobs.get(actor.tenant, differs.job_id)
        if left is not None and _held(left, opened.wiring.jobs.now()):
            raise
        opened.service.delete(actor, differs.job_id)
        say(f"export {differs.job_id}, left unfinished with other parameters, is cancelled")
        return _ask(opened, actor, asked)


def _ask(opened: Embedded, actor: Actor, asked: Asked) -> str:
    requested = opened.service.request(
        actor,
        asked.subject,
        formats=asked.formats,
        datasets=asked.datasets,
        profile=asked.profile,
        window=asked.window,
        as_of=asked.as_of,
    )
    if not requested.created:
        say(f"export {requested.export.id} was asked for before and goes on")
    return requested.export.id


def _work(opened: Embedded, actor: Actor, job_id: str, *, quiet: bool) -> Job:
    """
    Work on the job until it has ended, or wait for whoever holds it.
    """
    jobs = opened.wiring.jobs
    told = False
    with shown(lambda: jobs.get(actor.tenant, job_id), quiet=quiet):
        while True:
            job = jobs.get(actor.tenant, job_id)
            if job is None:
                raise NotFound
            if not job.active:
                return job
            if job.paused_at is not None:
                raise ExportNotReady(state="paused until it is known who asks")
            if not _waits(job, jobs.now()):
                if not told:
                    until = f"until {job.waits_from:%H:%M:%S} UTC"
                    say(f"export {job_id} is held by another worker {until}; waiting for it")
                    told = True
                time.sleep(ASK_AGAIN)
                continue
            # One attempt: whoever typed the command sees what went wrong and decides on the next.
            worker = Worker(evolve(opened.wiring, max_attempts=job.attempts + 1))
            with stopping(worker.stop):
                worker.work(actor.tenant, job_id)


def _waits(job: Job, now: datetime) -> bool:
    return job.waits_from is not None and job.waits_from <= now


def _held(job: Job, now: datetime) -> bool:
    return job.state is State.RUNNING and job.lease_until is not None and job.lease_until > now


@contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """
    Let the first Ctrl-C hand the job back at its next page, and a second one break off at once.
    """

    def handle(_: int, __: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
        if stop.is_set():
            raise Interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _fetch(opened: Embedded, actor: Actor, job: Job, place: Path) -> Path:
    """
    Download the bundle as anybody would, so that the audit trail says so.
    """
    url = opened.service.link(actor, job.id).url
    ticket = parse_qs(urlsplit(url).query)["ticket"][0]
    download = opened.service.open(actor, job.id, ticket)
    return leave(download.read(), place, download.file_name)


def _report(export: Export, bundle: Path, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "job": export.id,
                "state": str(export.state),
                "completeness": str(export.completeness),
                "bundle": str(bundle),
                "sha256": export.sha256,
                "datasets": {
                    each.name: {"expected": each.expected, "written": each.written} for each in export.datasets
                },
                "as_of": moment(export.as_of),
                "expires_at": moment(export.expires_at),
            }
        )
        return
    print(f"export {export.id} is {export.state}, {export.completeness}, as of {moment(export.as_of)}")
    for each in export.datasets:
        print(f"  {each.name}: {each.written:,} of {each.expected or 0:,} rows")
    print(f"bundle: {bundle}")
    print(f"sha256: {export.sha256}")
