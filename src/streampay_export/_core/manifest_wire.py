"""
The manifest's JSON form: an in-toto Statement v1 over the bundle's files, with our predicate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias, TypeVar

from ..errors import InvalidRequest
from .figures import MOST_GROUPS, Figures, Held, Texts, Total, TotalKey, Totals
from .manifest import BundleFile, DatasetSummary, Digest, Manifest, MissingDataset, PartSummary
from .selection import Window
from .wire import read_instant, read_json, spell_decimal, spell_instant

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:streampay-export:manifest:1"
_LARGEST_COUNT = (1 << 63) - 1
_MOST_INVARIANTS = 256
_PLAIN_DECIMAL = re.compile(r"-?[0-9]{1,4300}(\.[0-9]{1,4300})?\Z")

Json: TypeAlias = dict[str, Any]
T = TypeVar("T")


def spell_manifest(manifest: Manifest) -> bytes:
    """
    Return the statement that is signed: ASCII JSON, keys in the order of this module.
    """
    return json.dumps(
        {
            "_type": STATEMENT,
            "subject": [{"name": f.path, "digest": {"sha256": f.digest.sha256}} for f in manifest.files],
            "predicateType": PREDICATE,
            "predicate": {
                "job": manifest.job,
                "profile": manifest.profile,
                "as_of": spell_instant(manifest.as_of),
                "completed_at": spell_instant(manifest.completed_at),
                "completeness": manifest.completeness,
                "formats": list(manifest.formats),
                "window": {"from": _maybe(manifest.window.start), "to": _maybe(manifest.window.end)},
                "datasets": {each.name: _spell_dataset(each) for each in manifest.datasets},
                "missing": {each.name: {"error": each.slug, "reason": each.sentence} for each in manifest.missing},
                "files": [_spell_file(each) for each in manifest.files],
                "archive": _spell_digest(manifest.archive),
            },
        },
        separators=(",", ":"),
    ).encode("ascii")


def read_manifest(data: bytes) -> Manifest:
    """
    Return the manifest of a statement. Raises `ValueError` for anything else.

    Unknown keys are passed over: a later version may say more.
    """
    try:
        statement = read_json(data)
        if (statement["_type"], statement["predicateType"]) != (STATEMENT, PREDICATE):
            raise TypeError  # noqa: TRY301  # one answer to everything that is no manifest of ours
        manifest = _read_predicate(statement["predicate"])
        told = [(each["name"], each["digest"]["sha256"]) for each in statement["subject"]]
    except (LookupError, TypeError, AttributeError, ValueError, InvalidRequest):
        # What is wrong where is unverified text: it is not repeated.
        raise ValueError("it is no manifest of an export, or one of a later version") from None
    if told != [(each.path, each.digest.sha256) for each in manifest.files]:
        raise ValueError("its subject and its list of files differ")
    return manifest


def _read_predicate(form: Json) -> Manifest:
    return Manifest(
        job=_take(str, form["job"]),
        profile=_take(str, form["profile"]),
        as_of=read_instant(form["as_of"]),
        completed_at=read_instant(form["completed_at"]),
        completeness=_take(str, form["completeness"]),
        formats=tuple(_take(str, each) for each in form["formats"]),
        window=Window(start=_read_maybe(form["window"]["from"]), end=_read_maybe(form["window"]["to"])),
        datasets=tuple(_read_dataset(name, each) for name, each in form["datasets"].items()),
        missing=tuple(
            MissingDataset(name=name, slug=_take(str, each["error"]), sentence=_take(str, each["reason"]))
            for name, each in form["missing"].items()
        ),
        files=tuple(_read_file(each) for each in form["files"]),
        archive=_read_digest(form["archive"]),
    )


def _spell_dataset(dataset: DatasetSummary) -> Json:
    return {
        "expected": dataset.expected,
        "written": dataset.written,
        "later": dataset.later,
        "outside": dataset.outside,
        "omitted": dataset.omitted,
        "drift": dataset.drift,
        "parts": [spell_part(each) for each in dataset.parts],
        **_spell_figures(dataset.figures),
    }


def _read_dataset(name: str, form: Json) -> DatasetSummary:
    return DatasetSummary(
        name=name,
        **{key: _count(form[key]) for key in ("expected", "written", "later", "outside", "omitted")},
        drift=_take(int, form["drift"]),
        parts=[read_part(name, each) for each in form["parts"]],
        figures=_read_figures(form),
    )


def spell_part(part: PartSummary) -> Json:
    """
    Return a part as the manifest speaks of it.
    """
    return {
        "number": part.number,
        "expected": part.expected,
        "rows": part.rows,
        "read_at": spell_instant(part.read_at),
        "files": {format_: _spell_digest(digest) for format_, digest in part.files.items()},
        **_spell_figures(part.figures),
    }


def read_part(dataset: str, form: Json) -> PartSummary:
    """
    Return the part that `spell_part` spelled. Raises `ValueError`, `TypeError` or `LookupError` for anything else.
    """
    return PartSummary(
        dataset=dataset,
        **{key: _count(form[key]) for key in ("number", "expected", "rows")},
        read_at=read_instant(form["read_at"]),
        files={format_: _read_digest(digest) for format_, digest in form["files"].items()},
        figures=_read_figures(form),
    )


def _spell_figures(figures: Figures) -> Json:
    return {
        "first": figures.first,
        "last": figures.last,
        "totals": None if figures.totals is None else _spell_totals(figures.totals),
        "invariants": {
            name: {"rows": held.rows, "broken": held.broken} for name, held in figures.invariants.items()
        },
    }


def _read_figures(form: Json) -> Figures:
    """
    Return the figures a manifest speaks of; months, states and latest rows are for the report alone.
    """
    totals = None if form["totals"] is None else _read_totals(form["totals"])
    # Adding up many parts takes time in proportion to these, and who wrote them may be anybody.
    if len(totals or ()) > MOST_GROUPS or len(form["invariants"]) > _MOST_INVARIANTS:
        raise ValueError("more than any export has")
    return Figures(
        first=_read_key(form["first"]),
        last=_read_key(form["last"]),
        totals=totals,
        invariants={
            name: Held(rows=_count(each["rows"]), broken=_count(each["broken"]))
            for name, each in form["invariants"].items()
        },
    )


def _read_key(form: Any) -> Texts | None:
    if form is None:
        return None
    cells: list[Any] = _take(list, form)
    return tuple(None if cell is None else _take(str, cell) for cell in cells)


def _spell_totals(totals: Totals) -> list[Json]:
    return [
        {
            "amount": key.amount,
            "asset": key.asset,
            "direction": key.direction,
            "rows": total.rows,
            "sum": spell_decimal(total.sum),
        }
        for key, total in sorted(totals.items())
    ]


def _read_totals(forms: list[Json]) -> dict[TotalKey, Total]:
    totals = {
        TotalKey(**{key: _take(str, form[key]) for key in ("amount", "asset", "direction")}): Total(
            rows=_count(form["rows"]), sum=_read_sum(form["sum"])
        )
        for form in forms
    }
    if len(totals) != len(forms):
        raise ValueError("a total is given twice")
    return totals


def _read_sum(text: Any) -> Decimal:
    if not _PLAIN_DECIMAL.match(_take(str, text)):
        raise ValueError(text)
    return Decimal(text)


def _spell_file(file: BundleFile) -> Json:
    form: Json = {"path": file.path, **_spell_digest(file.digest)}
    return form if file.rows is None else {**form, "rows": file.rows}


def _read_file(form: Json) -> BundleFile:
    rows = form.get("rows")
    return BundleFile(
        path=_take(str, form["path"]),
        digest=_read_digest(form),
        rows=None if rows is None else _count(rows),
    )


def _spell_digest(digest: Digest) -> Json:
    return {"bytes": digest.size, "sha256": digest.sha256}


def _read_digest(form: Json) -> Digest:
    return Digest(size=_count(form["bytes"]), sha256=_take(str, form["sha256"]))


def _maybe(instant: datetime | None) -> str | None:
    return None if instant is None else spell_instant(instant)


def _read_maybe(text: str | None) -> datetime | None:
    return None if text is None else read_instant(text)


def _count(value: Any) -> int:
    number = _take(int, value)
    if not 0 <= number <= _LARGEST_COUNT:
        raise ValueError("no count")
    return number


def _take(kind: Callable[..., T], value: Any) -> T:
    # JSON's true is an int to isinstance, and a float would pass for a count.
    if type(value) is not kind:
        raise TypeError
    return value  # type: ignore[no-any-return]  # the line above checks it
