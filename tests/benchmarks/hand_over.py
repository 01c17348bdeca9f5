"""
A bundle on its way through storage on the local disk, and a plain copy of the same bytes.

Ours encrypts, stores, reads back, decrypts and hashes; then downloads range by range into a file, decrypting.
The plain one copies and syncs; then reads the same ranges into a file.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from streampay_export import Actor, Subject
from streampay_export._core.job import Artifact
from streampay_export.artifact import artifact_file, publish, read_back
from streampay_export.keys.sealing import JobSealer
from streampay_export.stage import BLOCK, Stage
from streampay_export.storage.fsspec import FsspecStorage
from streampay_export.testing.deployment import MemoryDeployment

MIB = 1024 * 1024
RANGE = 8 * MIB

Publish = Callable[[], None]
Download = Callable[[int, int], Iterator[bytes]]


def hand_over(exporter: str, folder: Path, size: int) -> dict[str, float]:
    """
    Return the seconds that *size* random bytes, a multiple of 8 MiB, take to be published and downloaded.
    """
    with Stage(folder) as bundle:
        for _ in range(size // MIB):
            bundle.append(os.urandom(MIB))
        put, get = {"plain": plain, "ours": ours}[exporter](folder, bundle)
        began = time.perf_counter()
        put()
        published = time.perf_counter()
        with (folder / "download.zip").open("wb") as file:
            for start in range(0, size, RANGE):
                file.writelines(get(start, start + RANGE))
            file.flush()
            os.fsync(file.fileno())
        downloaded = time.perf_counter()
    assert size == (folder / "download.zip").stat().st_size
    return {"publish": published - began, "download": downloaded - published}


def plain(folder: Path, bundle: Stage) -> tuple[Publish, Download]:
    """
    Return how a file is copied and read in ranges.
    """
    copy = folder / "copy.zip"

    def put() -> None:
        with copy.open("wb") as file:
            bundle.file.seek(0)
            shutil.copyfileobj(bundle.file, file, BLOCK)
            file.flush()
            os.fsync(file.fileno())

    def get(start: int, end: int) -> Iterator[bytes]:
        with copy.open("rb") as file:
            file.seek(start)
            for _ in range(start, end, BLOCK):
                yield file.read(BLOCK)

    return put, get


def ours(folder: Path, bundle: Stage) -> tuple[Publish, Download]:
    """
    Return how a worker publishes a bundle and a download reads it.
    """
    house = MemoryDeployment(storage=FsspecStorage((folder / "exports").as_uri()), stage_folder=folder)
    house.service.request(Actor(id="alice"), Subject("alice"))
    claim = house.jobs.claim(lease=timedelta(hours=1), max_attempts=1)
    assert claim is not None
    job, sealer = claim.job, JobSealer(os.urandom(32))
    artifact = Artifact(key=f"default/{job.id}/1.zip", size=bundle.size, sha256=bundle.digest.sha256)
    file = artifact_file(house.wiring, sealer, job, artifact)

    def put() -> None:
        publish(house.wiring, sealer, job, bundle, artifact)
        read_back(file, artifact, check=lambda: None)

    return put, file.read
