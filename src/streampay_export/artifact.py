"""
The artifact: a bundle encrypted, put into storage once, and read back before it counts.

Encrypted by this library, unless the storage was chosen to do that itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import BinaryIO, Protocol, cast

from ._core.job import Artifact, Job, Protection, artifact_context, key_context
from .errors import ExportGone, ObjectAltered, ObjectExists, ObjectMissing, StorageUnavailable
from .ports.keys import Sealer
from .ports.telemetry import Measure, Span
from .storage.blocks import BlockStage
from .storage.encrypted import EncryptedFile, EncryptedStage
from .storage.plain import PlainFile
from .wiring import Wiring

ArtifactFile = EncryptedFile | PlainFile


def sealer_of(wiring: Wiring, job: Job) -> Sealer:
    """
    Unwrap a job's key and return what derives from it.

    Raises `ExportGone` when the key was shredded, `KeysMissing` when it does not open.
    """
    if job.wrapped_key is None:
        raise ExportGone(state="shredded")
    return wiring.sealer(wiring.keys.unwrap(job.wrapped_key, key_context(job.tenant, job.id)))


def artifact_file(wiring: Wiring, sealer: Sealer, job: Job, artifact: Artifact) -> ArtifactFile:
    """
    Return a job's artifact as a file, read by the offsets of the bundle in it.
    """
    if artifact.protection is Protection.STORE:
        return PlainFile(storage=wiring.storage, key=artifact.key, size=artifact.size)
    context = artifact_context(job, artifact.key)
    return EncryptedFile(
        storage=wiring.storage,
        key=artifact.key,
        size=artifact.size,
        decryptor=lambda header: sealer.decryptor(context, header),
    )


class Blocks(Protocol):
    """
    A bundle, read from its start as often as needed.
    """

    def blocks(self) -> Iterable[bytes]:
        """
        Yield all of it.
        """


def publish(wiring: Wiring, sealer: Sealer, job: Job, bundle: Blocks, artifact: Artifact) -> None:
    """
    Encrypt the bundle, unless the store does, and put it under the artifact's key.

    Raises `StorageUnavailable`.
    """
    context = artifact_context(job, artifact.key)
    stage = BlockStage(bundle.blocks, artifact.size)
    if artifact.protection is Protection.LIBRARY:
        stage = EncryptedStage(bundle.blocks, artifact.size, lambda: sealer.encryptor(context))
    # The key holds this claim's fence: whoever put it there was this attempt, and it is complete.
    span = wiring.telemetry.span(Span.PUBLISH, tenant=job.tenant, job=job.id, bytes=artifact.size)
    with span, suppress(ObjectExists):
        wiring.storage.put(artifact.key, cast("BinaryIO", stage))
    wiring.telemetry.count(Measure.PUBLISHED, artifact.size, tenant=job.tenant)


def read_back(file: ArtifactFile, artifact: Artifact, *, check: Callable[[], None]) -> None:
    """
    Read the whole artifact from storage and compare it with what was put there.

    *check* is called between its chunks and may raise. Raises `StorageUnavailable` for a difference.
    """
    sha256 = hashlib.sha256()
    try:
        for chunk in file.read():
            check()
            sha256.update(chunk)
    except (ObjectAltered, ObjectMissing):
        pass
    if sha256.hexdigest() != artifact.sha256:
        raise StorageUnavailable("it gave back something else than was put there")
