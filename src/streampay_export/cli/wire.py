"""
Exports and policies as JSON: the forms of the HTTP contract.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from attrs import asdict

from .._core.export import Export
from .._core.policy_listing import ListedField
from ..ports.jobs import Overview


def moment(at: datetime | None) -> str | None:
    """
    Return an instant as ISO 8601 in UTC.
    """
    return None if at is None else at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def export_form(export: Export) -> dict[str, object]:
    """
    Return an export's JSON form.
    """
    failure, extension = export.failure, export.extension
    error = failure and {"slug": failure.slug, "detail": failure.for_operators, "remedies": failure.remedies}
    return {
        "id": export.id,
        "state": str(export.state),
        "completeness": str(export.completeness),
        "profile": export.profile,
        "received_at": moment(export.received_at),
        "due_at": moment(export.due_at),
        "extension": extension and {"reason": extension.reason, "at": moment(extension.at)},
        "paused_at": moment(export.paused_at),
        "as_of": moment(export.as_of),
        "expires_at": moment(export.expires_at),
        "formats": list(export.formats),
        "datasets": {
            each.name: {"state": str(each.state), "expected": each.expected, "written": each.written}
            for each in export.datasets
        },
        "progress": {"rows": export.rows, "total": export.total},
        "estimate": {"parts": export.parts, "seconds_left": export.seconds_left},
        "size": export.size,
        "sha256": export.sha256,
        "error": error,
    }


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


def policy_form(profile: str, datasets: Mapping[str, Sequence[ListedField]]) -> dict[str, object]:
    """
    Return a policy's JSON form.
    """
    return {
        "profile": profile,
        "datasets": [
            {"name": name, "fields": [asdict(each) for each in fields]} for name, fields in datasets.items()
        ],
    }
