"""
A policy in words, field by field: what the policy page lists, and what a copy says that it leaves out or alters.
"""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen

from .catalog import Dataset
from .policy import Policy
from .rule_words import how
from .rules import Keep, rule_name


@frozen(kw_only=True)
class ListedField:
    """
    One field as the policy page shows it: what a profile does with it and why, in words a person reads.
    """

    name: str
    rule: str
    reason: str
    category: str
    origin: str
    description: str
    how: str


@frozen(kw_only=True)
class AlteredField:
    """
    A catalogued field that the person does not get as it is: what was done instead (*how*), and why.
    """

    dataset: str
    field: str
    rule: str
    reason: str
    how: str


def listed_fields(dataset: Dataset, policy: Policy, unspoken: Collection[str] = ()) -> tuple[ListedField, ...]:
    """
    Return every field of the dataset that may be spoken of, in catalog order; to the public not of the *unspoken*.
    """
    ruled = ((each, policy.rule(dataset.name, each.name)) for each in dataset.fields)
    names = {each.column: each.name for each in dataset.fields}
    return tuple(
        ListedField(
            name=each.name,
            rule=rule_name(entry.rule),
            reason=entry.reason,
            category=each.category,
            origin=str(each.origin or ""),
            description=each.description,
            how=how(entry.rule, names),
        )
        for each, entry in ruled
        if entry.disclose and each.name not in unspoken
    )


def withheld_fields(dataset: Dataset, policy: Policy) -> tuple[AlteredField, ...]:
    """
    Return every field that is withheld or altered and may be spoken of, in catalog order.
    """
    return tuple(
        AlteredField(dataset=dataset.name, field=each.name, rule=each.rule, reason=each.reason, how=each.how)
        for each in listed_fields(dataset, policy)
        if each.rule != rule_name(Keep())
    )
