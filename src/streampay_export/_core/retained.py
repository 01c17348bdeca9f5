"""
What stays when a person is erased: the fields that the law keeps, and a policy of just those.
"""

from __future__ import annotations

from attrs import frozen

from .catalog import Catalog, Dataset
from .field import Field, Retain
from .policy import FieldRule, Policy
from .rules import Pseudonymise, Withhold

RETAINED = "retained"
"""The profile of a copy of what is retained."""


@frozen(kw_only=True)
class RetainedField:
    """
    A field that the law keeps when a person is erased: on which *basis* and *until* when, in words.
    """

    dataset: str
    field: str
    basis: str
    until: str


def retained_fields(catalog: Catalog) -> tuple[RetainedField, ...]:
    """
    Return every field whose `on_erasure` is `Retain`, in catalog order.
    """
    return tuple(
        RetainedField(
            dataset=dataset.name, field=each.name, basis=each.on_erasure.basis, until=each.on_erasure.until
        )
        for dataset in catalog.datasets
        for each in dataset.fields
        if isinstance(each.on_erasure, Retain)
    )


def retained_in_words(catalog: Catalog) -> tuple[str, ...]:
    """
    Return what is retained as sentences' parts: basis and end, each once, with the fields they keep.
    """
    kept: dict[tuple[str, str], list[str]] = {}
    for each in retained_fields(catalog):
        kept.setdefault((each.basis, each.until), []).append(f"{each.dataset}.{each.field}")
    return tuple(f"{basis}, until {until}: {', '.join(names)}" for (basis, until), names in kept.items())


def retained_policy(catalog: Catalog, policy: Policy) -> Policy:
    """
    Return the policy of profile `retained`: what *policy* says of the fields that are retained, and no other.

    Each says on which basis it stays, and until when.
    """
    rules = {
        dataset.name: {
            each.name: _rule(dataset, each, policy.rule(dataset.name, each.name)) for each in dataset.fields
        }
        for dataset in catalog.datasets
    }
    return Policy(profile=RETAINED, description="What is retained after your erasure, and why.", rules=rules)


def _rule(dataset: Dataset, field: Field, given: FieldRule) -> FieldRule:
    if isinstance(given.rule, Withhold):
        return given
    if isinstance(field.on_erasure, Retain):
        return FieldRule(
            rule=given.rule, reason=f"Retained: {field.on_erasure.basis}, until {field.on_erasure.until}."
        )
    # Rows are told apart by their key, which is never withheld.
    rule = Pseudonymise() if field.column in dataset.key else Withhold()
    return FieldRule(rule=rule, reason="Scrubbed when you were erased.")
