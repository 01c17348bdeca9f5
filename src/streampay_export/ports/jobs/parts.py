"""Parts: kept for the next attempt, or planned for whoever is free."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from ..._core.closed_part import KeptPart, PartClaim, PlannedPart
from ..._core.job import Claim


class JobParts(Protocol):
    """
    The parts of jobs that run. See `JobStore`.
    """

    def keep_part(self, claim: Claim, as_of: datetime, part: KeptPart) -> None:
        """
        Store the export's as-of and a closed part, in the place of one with its dataset and number; or raise
        `LeaseLost` (see `renew`). *part.fence* is the claim's. `revision` stays.
        """

    def kept_parts(self, tenant: str, job_id: str) -> Sequence[KeptPart]:
        """
        Return the parts kept of a job, by (dataset, number). `complete` and `end` forget them.
        """

    def plan_parts(self, claim: Claim, as_of: datetime, parts: Sequence[PlannedPart]) -> None:
        """
        Store the export's as-of and the parts that any worker may read; or raise `LeaseLost` (see `renew`).

        A part that is planned or kept already is left as it is. `complete` and `end` forget them. `revision` stays.
        """

    def planned_parts(self, tenant: str, job_id: str) -> Sequence[PlannedPart]:
        """
        Return the parts that are planned and not yet closed, by (dataset, number).
        """

    def claim_part(
        self, *, lease: timedelta, tenant: str | None = None, job_id: str | None = None
    ) -> PartClaim | None:
        """
        Claim one planned part that nobody has a lease on, of a running job (that one, if named): the lowest by
        (tenant, job id, dataset, number). Raises its fence by one; its lease ends at now + *lease*.
        """

    def renew_part(self, claim: PartClaim, lease: timedelta) -> None:
        """
        Move the end of the part's lease to now + *lease*, or raise `LeaseLost` unless it is planned with the
        claim's fence.
        """

    def release_part(self, claim: PartClaim) -> None:
        """
        End the part's lease now, so that another worker may claim it; do nothing unless it has the claim's fence.
        """

    def close_part(self, claim: PartClaim, part: KeptPart) -> None:
        """
        Keep a planned part as closed, or raise `LeaseLost` (see `renew_part`). *part.fence* is the claim's.
        """
