"""
What a run leaves: a line for each subject, and a signed statement over them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

from .._core.bulk import spell_bulk_manifest, spell_item
from .._core.dsse import IN_TOTO, Envelope, pre_authentication_encoding, spell_envelope
from .._core.manifest import Digest
from ..ports.signing import ManifestSigner
from .journal import Journal

MANIFEST_FILE = "bulk.dsse.json"


class SubjectLines:
    """
    The lines of `subjects.jsonl`; once they were read, *digest* is that of them all.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.digest = Digest(size=0, sha256="")

    def __iter__(self) -> Iterator[bytes]:
        sha256, size = hashlib.sha256(), 0
        for item in self._journal.items():
            line = spell_item(item)
            sha256.update(line)
            size += len(line)
            yield line
        self.digest = Digest(size=size, sha256=sha256.hexdigest())


def bulk_manifest(journal: Journal, subjects: Digest, finished_at: datetime, signer: ManifestSigner) -> bytes:
    """
    Return the run's signed manifest, as the envelope that bundles have too.
    """
    failures = dict(journal.counts())
    done = failures.pop("", 0)
    payload = spell_bulk_manifest(
        journal.terms, finished_at=finished_at, subjects=subjects, done=done, failures=failures
    )
    signature = signer.sign(pre_authentication_encoding(IN_TOTO, payload))
    return spell_envelope(Envelope(payload=payload, signatures=(signature,)))
