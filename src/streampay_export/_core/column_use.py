"""
Which columns catalog and policies name, and what for. All others are nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import TypeAlias

from ..errors import quoted
from .catalog import Dataset, Direction
from .policy import Policies
from .rules import ByRow

Uses: TypeAlias = Mapping[str, Sequence[str]]
"""What each column is needed for, in words."""


def columns_used(dataset: Dataset, policies: Policies) -> Uses:
    """
    Return the columns of the dataset's own table.
    """
    uses: dict[str, list[str]] = {}
    for column, what in _named(dataset):
        uses.setdefault(column, []).append(what)
    for column, what in _looked_at(dataset, policies):
        uses.setdefault(column, []).append(what)
    return uses


def owner_columns_used(dataset: Dataset) -> Uses:
    """
    Return the columns of the dataset's owner table; none if it has none.
    """
    if dataset.owner is None:
        return {}
    return {dataset.owner.key: ["owner.key"]} | {name: ["owner.subject"] for name in dataset.owner.subject}


def _named(dataset: Dataset) -> Iterator[tuple[str, str]]:
    for each in dataset.fields:
        yield each.column, f"field {quoted(each.name)}"
    for column in dataset.key:
        yield column, "key"
    for column in dataset.subject:
        yield column, "subject"
    if dataset.owner is not None:
        yield dataset.owner.via, "owner.via"
    if dataset.as_of is not None:
        yield dataset.as_of, "as_of"
    if isinstance(dataset.direction, Direction):
        yield dataset.direction.out, "direction.out"
        yield dataset.direction.into, "direction.in"
    if dataset.omit is not None:
        yield dataset.omit.column, "omit_deleted"


def _looked_at(dataset: Dataset, policies: Policies) -> Iterator[tuple[str, str]]:
    for policy, each in product(policies.by_profile.values(), dataset.fields):
        rule = policy.rule(dataset.name, each.name).rule
        if isinstance(rule, ByRow) and rule.when.column not in owner_columns_used(dataset):
            yield rule.when.column, f"by_row of field {quoted(each.name)}"
