"""
What is to be told to a person: drafted, sealed, for the transaction of the change it speaks of.
"""

from __future__ import annotations

import logging

from attrs import frozen

from ._core.erasure import Tombstone
from ._core.job import Job, key_context
from ._core.notification import Occasion, PendingNotification
from ._core.party import Capacity, Subject
from ._core.request import OWN_COPIES
from ._core.wire import read_subject, spell_recipient, spell_subject
from .artifact import sealer_of
from .errors import ExportError
from .wiring import Wiring

logger = logging.getLogger("streampay_export")


@frozen
class Telling:
    """
    Drafts notifications: none where the deployment tells nobody, none of copies that are not the person's, and none
    of jobs that are not told.
    Never raises for what is wrong with them: nobody's export or refusal waits for a mail.
    """

    _wiring: Wiring

    def of(self, occasion: Occasion, job: Job, subject: Subject | None = None) -> tuple[PendingNotification, ...]:
        """
        Return what to store with a change of a job, before that shreds it.
        """
        w = self._wiring
        if w.notify is None or not job.told or job.request.profile not in OWN_COPIES:
            return ()
        try:
            if subject is None:
                if job.sealed is None:
                    return ()
                subject = read_subject(sealer_of(w, job).unseal(job.sealed).decode())
            return (self._sealed(occasion, job.tenant, job.id, spell_subject(subject)),)
        except ExportError as error:
            logger.warning("export %s: nobody will be told that it is %s: %s", job.id, occasion, error)
            return ()

    def asked(self, job: Job, subject: Subject) -> tuple[PendingNotification, ...]:
        """
        Return what to store with a new job: the person learns that somebody else asked.
        """
        return () if job.capacity is Capacity.SUBJECT else self.of(Occasion.ASKED, job, subject)

    def erased(self, stone: Tombstone, subject: Subject) -> tuple[PendingNotification, ...]:
        """
        Return what to store with an erasure, before the application's own eraser is asked: it seals the
        address, which nobody knows any more when it is done.
        """
        w = self._wiring
        if w.notify is None:
            return ()
        try:
            recipient = w.notify.recipients(stone.tenant, subject)
            if recipient is None:
                return ()
            return (self._sealed(Occasion.ERASED, stone.tenant, stone.receipt, spell_recipient(recipient)),)
        except Exception as error:  # noqa: BLE001  # the application's own; its text may name the person
            logger.warning("erasure %s: nobody will be told of it: %s", stone.receipt, type(error).__name__)
            return ()

    def _sealed(self, occasion: Occasion, tenant: str, job_id: str, whom: str) -> PendingNotification:
        w = self._wiring
        key, id_ = w.randomness(32), f"{job_id}:{occasion}"
        return PendingNotification(
            id=id_,
            tenant=tenant,
            job_id=job_id,
            occasion=occasion,
            sealed=w.sealer(key).seal(whom.encode()),
            wrapped_key=w.keys.wrap(key, key_context(tenant, id_)),
        )
