"""
The right call at the wrong moment.
"""

from __future__ import annotations

from datetime import datetime

from attrs import define

from .caller import CallerError


class StateConflict(CallerError):
    """
    The call is right but the export is not in a state for it.
    """

    slug = "conflict"


@define
class ActiveExportDiffers(StateConflict):
    """
    Another export of the same subject, profile and requester is under way with other parameters.
    """

    slug = "active-export-differs"

    job_id: str

    def __str__(self) -> str:
        return (
            f"export {self.job_id} with other parameters is under way; "
            "wait until it is ready, or cancel it, and ask again"
        )


@define
class ExportNotReady(StateConflict):
    """
    The export has no file (yet).
    """

    slug = "not-ready"

    state: str

    def __str__(self) -> str:
        return f"the export is {self.state}: there is no file to download"


@define
class ExportNotActive(StateConflict):
    """
    The export is neither queued nor running, so it cannot be paused, resumed or refused.
    """

    slug = "not-active"

    state: str

    def __str__(self) -> str:
        return f"the export is {self.state}; only one that is queued or running can be paused, resumed or refused"


@define
class NotExtendable(StateConflict):
    """
    The answer cannot be put off (again): GDPR Art. 12(3) allows it once, and before it is due.
    """

    slug = "not-extendable"

    problem: str

    def __str__(self) -> str:
        return f"the deadline cannot be extended: {self.problem}"


@define
class SubjectErased(StateConflict):
    """
    The person's history was erased: *erased_at* (UTC) says when, *retained* what the law keeps, in words.
    """

    slug = "subject-erased"

    erased_at: datetime
    retained: tuple[str, ...] = ()

    def __str__(self) -> str:
        kept = "; ".join(self.retained) or "nothing"
        return f"this history was erased on {self.erased_at:%Y-%m-%d}, so there is no copy of it; retained: {kept}"


@define
class ExportGone(StateConflict):
    """
    The export's file existed and is gone for good.
    """

    slug = "gone"

    state: str

    def __str__(self) -> str:
        return f"the export is {self.state} and its file is gone; ask for a new export"
