"""
Exports as JSON: the forms of the HTTP contract, and what operators see besides.
"""

from __future__ import annotations

from datetime import UTC, datetime

from .._core.export import Export
from ..http import representations
from ..ports.jobs import Overview


def moment(at: datetime | None) -> str | None:
    """
    Return an instant as ISO 8601 in UTC.
    """
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def export_form(export: Export) -> dict[str, object]:
    """
    Return an export as `GET /exports/{id}` has it, without links, and with a failure's detail.
    """
    form = representations.export_form(export, prefix="")
    del form["links"]
    if export.failure is not None:
        form["error"]["detail"] = export.failure.for_operators
    return form


def overview_form(overview: Overview) -> dict[str, object]:
    """
    Return an overview's JSON form.
    """
    return {
        "counts": {str(state): count for state, count in overview.counts.items()},
        "waiting_since": moment(overview.waiting_since),
        "overdue": [
            {"id": job.id, "state": str(job.state), "due_at": moment(job.due_at)} for job in overview.overdue
        ],
    }
