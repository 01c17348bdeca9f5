"""
A part that lasts: what the next attempt must know of it to go on behind it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import asdict, evolve, field, frozen

from ..errors import InvalidCursor
from .catalog import Dataset
from .cursor import Cursor
from .figures import MonthKey, Total, TotalKey
from .job import Job
from .manifest import PartSummary
from .manifest_wire import read_part, spell_part
from .policy import Policy
from .rule_words import how
from .selection import Census, Key
from .wire import read_instant, read_json, spell_decimal, spell_instant


@frozen(kw_only=True)
class KeptPart:
    """
    A closed part as the job store keeps it: where it belongs, the *fence* of who wrote it, and the rest *sealed*.
    """

    dataset: str
    number: int
    fence: int
    sealed: bytes = field(repr=False)


@frozen(kw_only=True)
class PlannedPart:
    """
    A part that any worker may read: where it belongs, and its key range, *sealed*. Its *fence* rises by one each
    time it is claimed, and is its writer's.
    """

    dataset: str
    number: int
    fence: int
    sealed: bytes = field(repr=False)


@frozen(kw_only=True)
class PartClaim:
    """
    The right to read one planned part of a job until its lease ends, as long as the part's fence is the claim's.
    """

    job: Job
    part: PlannedPart


@frozen(kw_only=True)
class View:
    """
    A snapshot's view that others can join while it is open: its name, and the instant (UTC) of which it speaks.
    """

    name: str
    read_at: datetime


@frozen(kw_only=True)
class KeyRange:
    """
    The rows with *after* < key <= *upto*, of a dataset whose census is known; `None` is no lower bound.

    They are read in *view* while it can be joined, and otherwise, or without one, as they are when they are read.
    """

    after: Key | None = field(repr=False)
    upto: Key = field(repr=False)
    census: Census
    view: View | None = None


@frozen(kw_only=True)
class ClosedPart:
    """
    Where a part began and stopped: its summary, the key it began *after*, its *last* one, and whether that was
    the end of the dataset.

    *census* is the dataset's, from before its first page; *inexact* the decimal fields in which floats were
    met so far. Its file of each format is *packed* into so many bytes.
    """

    summary: PartSummary
    after: Key | None = field(repr=False)
    last: Key | None = field(repr=False)
    exhausted: bool
    census: Census
    inexact: tuple[str, ...] = ()
    packed: Mapping[str, int]


def fingerprint(dataset: Dataset, policy: Policy, timezone: str | None) -> str:
    """
    Return what catalog and policy make of a dataset, as a digest: a part cut otherwise is not gone on from.

    Of a rule of somebody's own only the name counts: whoever changes what it does gives it another.
    """
    rules = [(each.name, how(policy.rule(dataset.name, each.name).rule, {})) for each in dataset.fields]
    return hashlib.sha256(repr((dataset, rules, timezone)).encode("utf-8", "backslashreplace")).hexdigest()


def spell_closed_part(part: ClosedPart, cut: str) -> bytes:
    """
    Return a part that is not the last as JSON, with the fingerprint of its *cut*. It is personal: seal it.
    """
    figures = part.summary.figures
    months = None if figures.months is None else [_spell_month(*each) for each in figures.months.items()]
    form = {
        "cut": cut,
        "summary": spell_part(part.summary),
        "after": _spell_key(part.summary.dataset, part.after),
        "last": _spell_key(part.summary.dataset, part.last),
        "census": asdict(part.census),
        "inexact": part.inexact,
        "packed": dict(part.packed),
        "months": months,
        "states": None if figures.states is None else dict(figures.states),
        "latest": figures.latest,
    }
    # Keys stay in their order: a manifest's bytes depend on it.
    return json.dumps(form, separators=(",", ":"), allow_nan=False).encode()


def read_closed_part(data: bytes, dataset: str, cut: str) -> ClosedPart | None:
    """
    Return the part that `spell_closed_part` spelled, or `None` for one of another cut, or in another form.
    """
    try:
        form: dict[str, Any] = read_json(data)
        if form["cut"] != cut:
            return None
        summary = read_part(dataset, form["summary"])
        figures = evolve(
            summary.figures,
            months=None if form["months"] is None else dict(map(_read_month, form["months"])),
            states=form["states"],
            latest=tuple(map(tuple, form["latest"])),
        )
        return ClosedPart(
            summary=evolve(summary, figures=figures),
            after=_read_key(dataset, form["after"]),
            last=_read_key(dataset, form["last"]),
            exhausted=False,
            census=_read_census(form["census"]),
            inexact=tuple(form["inexact"]),
            packed={name: form["packed"][name] for name in summary.files},
        )
    except (LookupError, TypeError, ValueError, InvalidCursor):
        return None


def _spell_month(group: MonthKey, total: Total) -> list[Any]:
    key = group.total
    return [key.amount, key.asset, key.direction, group.month, total.rows, spell_decimal(total.sum)]


def _read_month(form: list[Any]) -> tuple[MonthKey, Total]:
    amount, asset, direction, month, rows, sum_ = form
    key = TotalKey(amount=amount, asset=asset, direction=direction)
    return MonthKey(total=key, month=month), Total(rows=rows, sum=Decimal(sum_))


def spell_key_range(dataset: str, range_: KeyRange, cut: str) -> bytes:
    """
    Return a key range as JSON, with the fingerprint of its *cut*. It is personal: seal it.
    """
    form = {
        "cut": cut,
        "after": _spell_key(dataset, range_.after),
        "upto": _spell_key(dataset, range_.upto),
        "census": asdict(range_.census),
        "view": range_.view and [range_.view.name, spell_instant(range_.view.read_at)],
    }
    return json.dumps(form, separators=(",", ":")).encode()


def read_key_range(data: bytes, dataset: str, cut: str) -> KeyRange | None:
    """
    Return the range that `spell_key_range` spelled, or `None` for one of another cut, or in another form.
    """
    try:
        form: dict[str, Any] = read_json(data)
        if form["cut"] != cut:
            return None
        return KeyRange(
            after=_read_key(dataset, form["after"]),
            upto=Cursor.parse(form["upto"], scope=dataset).key,
            census=_read_census(form["census"]),
            view=form["view"] and View(name=form["view"][0], read_at=read_instant(form["view"][1])),
        )
    except (LookupError, TypeError, ValueError, InvalidCursor):
        return None


def _spell_key(dataset: str, key: Key | None) -> str | None:
    return None if key is None else Cursor(scope=dataset, key=key).spell()


def _read_key(dataset: str, token: str | None) -> Key | None:
    return None if token is None else Cursor.parse(token, scope=dataset).key


def _read_census(form: dict[str, Any]) -> Census:
    return Census(**{**form, "null_keys": tuple(form["null_keys"])})
