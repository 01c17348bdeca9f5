"""
Policies: for each profile and field what happens to it, and why. Default deny.

A policy is data; `compile_cut` (in `cut.py`) makes it, once per dataset, into one function over a page.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TypeAlias

from attrs import Attribute, evolve, field, frozen

from ..errors import InvalidPolicy, UnknownName, listed, quoted
from .catalog import Catalog, Dataset
from .rule_fit import misfit
from .rules import AnyRule, ByRow, Keep, Withhold, branches, rule_name


def _a_rule(_: object, __: Attribute[AnyRule], value: object) -> None:
    if not isinstance(value, AnyRule):
        raise InvalidPolicy("policy", "a rule is a value such as Keep() or Mask(MaskKind.EMAIL)")


def _said(entry: FieldRule, attribute: Attribute[str], value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise InvalidPolicy(rule_name(entry.rule), f"every rule needs a {attribute.name}")


@frozen(kw_only=True)
class FieldRule:
    """
    What one profile does with one field, and the *reason* a person reads.

    *disclose* = false hides even the withholding from the person, and needs a legal *basis*.
    """

    rule: AnyRule = field(validator=_a_rule)
    reason: str = field(validator=_said)
    disclose: bool = True
    basis: str = ""

    def __attrs_post_init__(self) -> None:
        if not self.disclose and not (self.basis.strip() and isinstance(self.rule, Withhold)):
            raise InvalidPolicy(
                rule_name(self.rule), "disclose = false is for withheld fields and needs a legal basis"
            )


NO_RULE = FieldRule(rule=Withhold(), reason="No rule lists this field, so it is not exported.")


FieldRules: TypeAlias = Mapping[str, FieldRule]
"""Rules by field name."""


def _gathered(rules: Mapping[str, FieldRules | Iterable[FieldRules]]) -> Mapping[str, FieldRules]:
    """
    Merge the groups of rules that a dataset may be given; two rules for one field are refused.
    """
    gathered: dict[str, FieldRules] = {}
    for dataset, groups in rules.items():
        merged: dict[str, FieldRule] = {}
        for group in _groups(dataset, groups):
            twice = sorted(merged.keys() & group.keys())
            if twice:
                raise InvalidPolicy(f"{dataset}.{twice[0]}", "two groups have a rule for this field; leave one")
            merged.update(group)
        gathered[dataset] = MappingProxyType(merged)
    return MappingProxyType(gathered)


def _groups(dataset: str, given: object) -> Iterator[FieldRules]:
    groups: Iterable[object] = given if isinstance(given, Iterable) and not isinstance(given, Mapping) else (given,)
    for group in groups:
        if not isinstance(group, Mapping):
            raise InvalidPolicy(dataset, "rules are groups such as keep(...), or a mapping by the fields' names")
        for name, entry in group.items():
            if not isinstance(entry, FieldRule):
                raise InvalidPolicy(f"{dataset}.{name}", "a rule stands in a FieldRule, beside its reason")
        yield group


@frozen(kw_only=True)
class Policy:
    """
    The rules of one profile: *rules* by dataset and field name. A field without one is withheld.

    A dataset's rules are a mapping, or several (as `keep`, `mask` and their like make them) in a list.
    """

    profile: str
    description: str = ""
    rules: Mapping[str, FieldRules] = field(converter=_gathered)

    def rule(self, dataset: str, field_name: str) -> FieldRule:
        """
        Return the rule for a field: `NO_RULE` where none is written.
        """
        return self.rules.get(dataset, {}).get(field_name, NO_RULE)

    def names_subject(self, catalog: Catalog) -> bool:
        """
        Return whether a copy may say whose it is: not where there are rules for the columns that hold the
        person's identifiers, and none of them keeps one.
        """
        rules = [
            entry.rule
            for dataset in catalog.datasets
            for each in dataset.fields
            if each.column in dataset.subject and (entry := self.rule(dataset.name, each.name)) is not NO_RULE
        ]
        return not rules or any(isinstance(each, Keep) for rule in rules for each in branches(rule))

    def check(self, catalog: Catalog, unspoken: Callable[[str], Collection[str]] = lambda _: ()) -> None:
        """
        Raise `InvalidPolicy` where the policy names what the catalog lacks, or a rule does not fit.

        *unspoken* returns the fields of a dataset of which another profile may not learn.
        """
        for dataset in catalog.datasets:
            if not any(self.rule(dataset.name, each.name).disclose for each in dataset.fields):
                problem = "nothing of it may be told, and its rows would be counted: leave it out of the catalog"
                raise InvalidPolicy(f"{self.profile}: {dataset.name}", problem)
        for dataset_name, rules in self.rules.items():
            if dataset_name not in catalog.names:
                raise InvalidPolicy(
                    self.profile, f"no dataset {quoted(dataset_name)}; there are: {listed(catalog.names)}"
                )
            for name, entry in rules.items():
                problem = self._problem(catalog.dataset(dataset_name), name, entry.rule, unspoken(dataset_name))
                if problem:
                    raise InvalidPolicy(f"{self.profile}: {dataset_name}.{name}", problem)

    def _problem(self, dataset: Dataset, name: str, rule: AnyRule, unspoken: Collection[str]) -> str:
        try:
            ruled = dataset.field_named(name)
        except UnknownName as unknown:
            return unknown.problem
        if ruled.column in dataset.key and any(isinstance(each, Withhold) for each in branches(rule)):
            return "it is part of the key, by which rows are told apart; keep it or pseudonymise it"
        if isinstance(rule, ByRow):
            # What happens to the row would tell of a field of which nothing may be told.
            for each in dataset.fields:
                if each.column == rule.when.column and not self.rule(dataset.name, each.name).disclose:
                    return f"it depends on {each.name}, of which this profile may not learn"
                if each.column == rule.when.column and each.name in unspoken:
                    return f"it depends on {each.name}, of which another profile may not learn, and is public"
        return misfit(rule, ruled.type)


def _alike_in_silence(by_profile: Mapping[str, Policy]) -> Mapping[str, Policy]:
    """
    Make what one profile hides hidden where no other rule is written: a second profile would tell of it.
    """
    hidden = {
        (dataset, name): entry
        for policy in by_profile.values()
        for dataset, rules in policy.rules.items()
        for name, entry in rules.items()
        if not entry.disclose
    }
    return MappingProxyType({profile: _silenced(policy, hidden) for profile, policy in by_profile.items()})


def _silenced(policy: Policy, hidden: Mapping[tuple[str, str], FieldRule]) -> Policy:
    rules = {dataset: dict(entries) for dataset, entries in policy.rules.items()}
    for (dataset, name), entry in hidden.items():
        own = rules.setdefault(dataset, {}).setdefault(name, entry)
        if own.disclose and isinstance(own.rule, Withhold):
            raise InvalidPolicy(
                f"{policy.profile}: {dataset}.{name}",
                "another profile hides that it is withheld, and this one tells: set disclose = false here too",
            )
    return policy if rules == policy.rules else evolve(policy, rules=rules)


@frozen
class Policies:
    """
    All profiles of an application, by name.

    A field that one profile withholds with *disclose* = false is withheld in silence in every profile that has
    no rule for it; `InvalidPolicy` is raised for one that withholds it aloud.
    """

    by_profile: Mapping[str, Policy] = field(converter=_alike_in_silence)

    @classmethod
    def of(cls, *policies: Policy) -> Policies:
        """
        Gather policies; two for one profile are refused.
        """
        names = [p.profile for p in policies]
        for name in names:
            if names.count(name) > 1:
                raise InvalidPolicy(name, "two policies have this profile; leave one")
        return cls({p.profile: p for p in policies})

    def profile(self, name: str) -> Policy:
        """
        Return the policy of a profile, or raise `UnknownName`.
        """
        try:
            return self.by_profile[name]
        except KeyError:
            raise UnknownName.of("profile", name, sorted(self.by_profile)) from None

    def unspoken(self, dataset: str) -> frozenset[str]:
        """
        Return the dataset's fields of which some profile may not learn: nothing that is public names them.
        """
        return frozenset(
            name
            for policy in self.by_profile.values()
            for name, entry in policy.rules.get(dataset, {}).items()
            if not entry.disclose
        )

    def check(self, catalog: Catalog) -> None:
        """
        Check every policy against the catalog.
        """
        for policy in self.by_profile.values():
            policy.check(catalog, self.unspoken)
