"""
Tickets checked, and a crowd that downloads at once.
"""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from streampay_export import Actor, Subject
from streampay_export._core.job import Artifact
from streampay_export._core.ticket import Purpose, Ticket, check_ticket, issue_ticket
from streampay_export.artifact import publish
from streampay_export.http import HttpApi, Identity, Request
from streampay_export.jobs.sql import SqlJobStore
from streampay_export.keys.memory import MemoryKeys
from streampay_export.ports.jobs import Completion
from streampay_export.service import ExportService
from streampay_export.stage import Stage
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.testing.deployment import MemoryDeployment
from streampay_export.testing.fakes import NOON

MIB = 1024 * 1024
ANN = Identity(Actor(id="ann"), Subject("ann"))


def check_tickets(kind: str, count: int) -> float:
    """
    Return how many tickets a second one thread checks, each of another link.
    """
    keys = MemoryKeys(b"benchmark")
    signer = {"hmac": keys.tickets, "ed25519": keys.ed25519_tickets}[kind]
    tokens = [
        issue_ticket(
            Ticket(job_id="a" * 26, purpose=Purpose.DOWNLOAD, link_id=f"{number:026}", expires_at=NOON),
            tenant="default",
            realm="default",
            sign=signer.sign,
        )
        for number in range(min(count, 1000))
    ]
    began = time.perf_counter()
    for number in range(count):
        check_ticket(
            tokens[number % len(tokens)],
            job_id="a" * 26,
            purpose=Purpose.DOWNLOAD,
            tenant="default",
            realm="default",
            verify=signer.verify,
        )
    return count / (time.perf_counter() - began)


def download_at_once(folder: Path, people: int, size: int, peak: Callable[[], int]) -> dict[str, float]:
    """
    Have one bundle of *size* bytes, a multiple of 1 MiB, downloaded by many at once through the HTTP layer.

    Says the seconds, and how far memory grew from when everybody had their first bytes until the last
    had their last.
    """
    api, url = _served(folder, size)
    together = threading.Barrier(people)
    early: list[int] = []

    def download(_: int) -> int:
        path, _, query = url().partition("?")
        response = api.handle(Request(method="GET", path=path, query=query))
        assert response.status == 200
        chunks = response.chunks()
        got = len(next(chunks))
        if together.wait() == 0:
            early.append(peak())
        together.wait()
        got += sum(len(chunk) for chunk in chunks)
        response.close()
        return got

    began = time.perf_counter()
    with ThreadPoolExecutor(people) as pool:
        assert {size} == set(pool.map(download, range(people)))
    return {"seconds": time.perf_counter() - began, "grown": peak() - early[0]}


def _served(folder: Path, size: int) -> tuple[HttpApi, Callable[[], str]]:
    jobs = SqlJobStore(f"sqlite:///{folder / 'jobs.db'}")
    jobs.create_tables()
    storage = FsspecStorage((folder / "exports").as_uri())
    wiring = MemoryDeployment(jobs=jobs, outbox=jobs, storage=storage, stage_folder=folder).wiring
    service = ExportService(wiring)
    job_id = service.request(ANN.actor, ANN.subject).export.id
    claim = jobs.claim(lease=timedelta(hours=1), max_attempts=1)
    assert claim is not None
    job = claim.job
    assert job.wrapped_key is not None
    sealer = wiring.sealer(wiring.keys.unwrap(job.wrapped_key, f"{job.tenant}\n{job.id}".encode()))
    with Stage(folder) as bundle:
        for _ in range(size // MIB):
            bundle.append(os.urandom(MIB))
        artifact = Artifact(key=f"default/{job.id}/1.zip", size=bundle.size, sha256=bundle.digest.sha256)
        publish(wiring, sealer, job, bundle, artifact)
    done = Completion(
        as_of=jobs.now(),
        completeness=job.completeness,
        datasets=job.datasets,
        artifact=artifact,
        kept_for=timedelta(days=1),
    )
    jobs.complete(claim, done)
    return HttpApi(service=service, identify=lambda _: ANN), lambda: service.link(ANN.actor, job_id).url
