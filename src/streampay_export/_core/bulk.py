"""
A bulk run as values: on which terms it was begun, and what became of each subject. No subject's id is in any.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from ..errors import InvalidRequest
from .manifest import Digest
from .manifest_wire import STATEMENT
from .wire import read_instant, read_json, spell_instant

BULK_PREDICATE = "urn:streampay-export:bulk:1"
SUBJECTS_FILE = "subjects.jsonl"
# As long as the audit trail takes the grounds of an access, as every entry of the run repeats it.
LONGEST_BASIS = 200


def _stated(basis: str) -> str:
    basis = basis.strip()
    if not basis or len(basis) > LONGEST_BASIS or not basis.isprintable():
        raise InvalidRequest(
            "basis", f"say in 1 to {LONGEST_BASIS} characters, on one line, why all of them are exported"
        )
    return basis


@frozen(kw_only=True)
class BulkTerms:
    """
    What holds for every subject of a run. Raises `InvalidRequest` for a *basis* that is empty or too long.
    """

    run_id: str
    begun_at: datetime
    basis: str = field(converter=_stated)
    profile: str
    formats: tuple[str, ...]
    datasets: tuple[str, ...]

    def differing(self, other: BulkTerms) -> str:
        """
        Return the name of the first term that is another in *other*, or nothing.
        """
        for name in ("basis", "profile", "formats", "datasets"):
            if getattr(self, name) != getattr(other, name):
                return name
        return ""


@frozen(kw_only=True)
class BulkItem:
    """
    What became of one subject: *number* is their place in the list, from 1, *owner_tag* what stands for them.

    *slug* says why there is no bundle, and is empty where there is one. *state* is the job's, and empty where none
    was made. *tries* counts how often they were tried.
    """

    number: int
    owner_tag: str
    job_id: str = ""
    state: str = ""
    rows: int = 0
    sha256: str = ""
    slug: str = ""
    tries: int = 1

    @property
    def done(self) -> bool:
        """
        Whether there is a bundle.
        """
        return not self.slug


def spell_terms(terms: BulkTerms) -> str:
    """
    Return the terms' JSON form.
    """
    return json.dumps(_terms_form(terms))


def read_terms(text: str) -> BulkTerms:
    """
    Return the terms of their JSON form.
    """
    form = read_json(text.encode())
    return BulkTerms(
        run_id=form["run"],
        begun_at=read_instant(form["begun_at"]),
        basis=form["basis"],
        profile=form["profile"],
        formats=tuple(form["formats"]),
        datasets=tuple(form["datasets"]),
    )


def spell_item(item: BulkItem) -> bytes:
    """
    Return the line of `subjects.jsonl` about one subject.
    """
    form = {
        "number": item.number,
        "owner": item.owner_tag,
        "job": item.job_id or None,
        "state": item.state or None,
        "rows": item.rows,
        "sha256": item.sha256 or None,
        "error": item.slug or None,
    }
    return (json.dumps(form, separators=(",", ":")) + "\n").encode("ascii")


def spell_bulk_manifest(
    terms: BulkTerms, *, finished_at: datetime, subjects: Digest, done: int, failures: Mapping[str, int]
) -> bytes:
    """
    Return the statement that is signed: an in-toto Statement v1 over `subjects.jsonl`.
    """
    return json.dumps(
        {
            "_type": STATEMENT,
            "subject": [{"name": SUBJECTS_FILE, "digest": {"sha256": subjects.sha256}}],
            "predicateType": BULK_PREDICATE,
            "predicate": {
                **_terms_form(terms),
                "finished_at": spell_instant(finished_at),
                "subjects": done + sum(failures.values()),
                "done": done,
                "failures": dict(failures),
                "bytes": subjects.size,
            },
        },
        separators=(",", ":"),
    ).encode("ascii")


def _terms_form(terms: BulkTerms) -> dict[str, object]:
    return {
        "run": terms.run_id,
        "basis": terms.basis,
        "begun_at": spell_instant(terms.begun_at),
        "profile": terms.profile,
        "formats": list(terms.formats),
        "datasets": list(terms.datasets),
    }
