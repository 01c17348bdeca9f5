"""
A part that lasts: what the next attempt must know of it to go on behind it.
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

from attrs import asdict, evolve, field, frozen

from ..errors import InvalidCursor
from .catalog import Dataset
from .cursor import Cursor
from .figures import MonthKey, Total, TotalKey
from .manifest import PartSummary
from .manifest_wire import read_part, spell_part
from .policy import Policy
from .rule_words import how
from .selection import Census, Key
from .wire import read_json, spell_decimal


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
class ClosedPart:
    """
    Where a part stopped: its summary, its last key, and whether that was the end of the dataset.

    *census* is the dataset's, from before its first page; *inexact* the decimal fields in which floats were
    met so far.
    """

    summary: PartSummary
    last: Key | None = field(repr=False)
    exhausted: bool
    census: Census
    inexact: tuple[str, ...] = ()


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
        "last": Cursor(scope=part.summary.dataset, key=part.last or ()).spell(),
        "census": asdict(part.census),
        "inexact": part.inexact,
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
            last=Cursor.parse(form["last"], scope=dataset).key,
            exhausted=False,
            census=Census(**{**form["census"], "null_keys": tuple(form["census"]["null_keys"])}),
            inexact=tuple(form["inexact"]),
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
