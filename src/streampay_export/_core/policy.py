"""
Policies: for each profile and field what happens to it, and why. Default deny.

A policy is data; `compile_cut` (in `cut.py`) makes it, once per dataset, into one function over a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

from attrs import field, frozen

from ..errors import InvalidPolicy, UnknownName, listed
from .catalog import Catalog, Dataset, FieldType


class MaskKind(StrEnum):
    """
    How a mask reads: an e-mail keeps first letter and domain's last label, an address shows nothing.
    """

    EMAIL = "email"
    ADDRESS = "address"
    NAME = "name"
    TEXT = "text"


@frozen
class Keep:
    """
    The value as it is.
    """


@frozen
class Withhold:
    """
    The field is not read and not written.
    """


@frozen
class Mask:
    """
    A reminder of the value instead of it; NULL stays NULL.
    """

    kind: MaskKind = field(default=MaskKind.TEXT, converter=MaskKind)


@frozen
class Pseudonymise:
    """
    A keyed hash of the value (HMAC-SHA256 under the job's pseudonym key): equal within one export.
    """


Rule: TypeAlias = Keep | Withhold | Mask | Pseudonymise

RULE_NAMES: Mapping[type, str] = {Keep: "keep", Withhold: "withhold", Mask: "mask", Pseudonymise: "pseudonymise"}

# A mask of a number or a time would read as a number or a time that is wrong.
MASKABLE = frozenset({FieldType.TEXT, FieldType.JSON, FieldType.UUID})


@frozen(kw_only=True)
class FieldRule:
    """
    What one profile does with one field, and the *reason* a person reads.

    *disclose* = false hides even the withholding from the person, and needs a legal *basis*.
    """

    rule: Rule
    reason: str
    disclose: bool = True
    basis: str = ""

    def __attrs_post_init__(self) -> None:
        if not self.reason.strip():
            raise InvalidPolicy(RULE_NAMES[type(self.rule)], "every rule needs a reason")
        if not self.disclose and not (self.basis.strip() and isinstance(self.rule, Withhold)):
            raise InvalidPolicy(
                RULE_NAMES[type(self.rule)], "disclose = false is for withheld fields and needs a legal basis"
            )


NO_RULE = FieldRule(rule=Withhold(), reason="No rule lists this field, so it is not exported.")


@frozen(kw_only=True)
class Policy:
    """
    The rules of one profile: *rules* by dataset and field name. A field without one is withheld.
    """

    profile: str
    description: str = ""
    rules: Mapping[str, Mapping[str, FieldRule]]

    def rule(self, dataset: str, field_name: str) -> FieldRule:
        """
        Return the rule for a field: `NO_RULE` where none is written.
        """
        return self.rules.get(dataset, {}).get(field_name, NO_RULE)

    def check(self, catalog: Catalog) -> None:
        """
        Raise `InvalidPolicy` where the policy names what the catalog lacks, or a rule does not fit.
        """
        for dataset_name, rules in self.rules.items():
            if dataset_name not in catalog.names:
                raise InvalidPolicy(
                    self.profile, f"no dataset '{dataset_name}'; there are: {listed(catalog.names)}"
                )
            dataset = catalog.dataset(dataset_name)
            for name, entry in rules.items():
                where = f"{self.profile}: {dataset_name}.{name}"
                try:
                    fitting = dataset.field_named(name)
                except UnknownName as unknown:
                    raise InvalidPolicy(where, unknown.problem) from None
                if isinstance(entry.rule, Mask) and fitting.type not in MASKABLE:
                    raise InvalidPolicy(
                        where, f"a mask is for text, not for {fitting.type}; withhold or pseudonymise it"
                    )


@frozen
class Policies:
    """
    All profiles of an application, by name.
    """

    by_profile: Mapping[str, Policy]

    @classmethod
    def of(cls, *policies: Policy) -> Policies:
        """
        Gather policies; two for one profile are refused.
        """
        names = [p.profile for p in policies]
        if len(set(names)) != len(names):
            raise InvalidPolicy("policies", "two policies have one profile")
        return cls({p.profile: p for p in policies})

    def profile(self, name: str) -> Policy:
        """
        Return the policy of a profile, or raise `UnknownName`.
        """
        try:
            return self.by_profile[name]
        except KeyError:
            raise UnknownName.of("profile", name, sorted(self.by_profile)) from None

    def check(self, catalog: Catalog) -> None:
        """
        Check every policy against the catalog.
        """
        for policy in self.by_profile.values():
            policy.check(catalog)


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


@frozen(kw_only=True)
class AlteredField:
    """
    A catalogued field that the person does not get as it is, and why.
    """

    dataset: str
    field: str
    rule: str
    reason: str


def listed_fields(dataset: Dataset, policy: Policy) -> tuple[ListedField, ...]:
    """
    Return every field of the dataset that may be spoken of, in catalog order.
    """
    ruled = ((each, policy.rule(dataset.name, each.name)) for each in dataset.fields)
    return tuple(
        ListedField(
            name=each.name,
            rule=RULE_NAMES[type(entry.rule)],
            reason=entry.reason,
            category=each.category,
            origin=str(each.origin or ""),
            description=each.description,
        )
        for each, entry in ruled
        if entry.disclose
    )


def withheld_fields(dataset: Dataset, policy: Policy) -> tuple[AlteredField, ...]:
    """
    Return every field that is withheld or altered and may be spoken of, in catalog order.
    """
    return tuple(
        AlteredField(dataset=dataset.name, field=each.name, rule=each.rule, reason=each.reason)
        for each in listed_fields(dataset, policy)
        if each.rule != RULE_NAMES[Keep]
    )
