"""
The policy as a document: every dataset and field with all that is said of it, and what becomes of it per profile.

A value; how it reads is a renderer's business. The same catalog and policies give the same document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, assert_never

from attrs import asdict, frozen

from .catalog import Catalog, Dataset
from .field import Field, LegalBasis, OnErasure, Retain, Scrub
from .policy import Policies, Policy
from .rule_words import how
from .rules import rule_name

T = TypeVar("T")
Key = TypeVar("Key")

_LEGAL_BASES: Mapping[str, str] = {
    LegalBasis.CONSENT: "your consent (GDPR Art. 6(1)(a))",
    LegalBasis.CONTRACT: "our contract with you (GDPR Art. 6(1)(b))",
    LegalBasis.LEGAL_OBLIGATION: "a legal obligation (GDPR Art. 6(1)(c))",
    LegalBasis.VITAL_INTERESTS: "vital interests (GDPR Art. 6(1)(d))",
    LegalBasis.PUBLIC_TASK: "a task in the public interest (GDPR Art. 6(1)(e))",
    LegalBasis.LEGITIMATE_INTERESTS: "legitimate interests (GDPR Art. 6(1)(f))",
}


@frozen(kw_only=True)
class DocumentedRule:
    """
    What one profile does with one field. *disclosed* is false where the person is not told; then *basis* says
    on which ground, and the rule is in no document for the public.
    """

    profile: str
    rule: str
    how: str
    reason: str
    disclosed: bool = True
    basis: str = ""


@frozen(kw_only=True)
class Held:
    """
    Why a field is held, for how long, and what becomes of it on erasure; empty where nothing is said. In words,
    but for *legal_basis*, which is one of `LegalBasis`.
    """

    purpose: str
    legal_basis: str
    retention: str
    on_erasure: str

    @property
    def basis_in_words(self) -> str:
        """
        The legal basis as a person reads it.
        """
        return _LEGAL_BASES.get(self.legal_basis, "")


@frozen(kw_only=True)
class DocumentedField:
    """
    One field: what it is, how it is held, and one rule per profile, in the profiles' order.

    Empty where the catalog says nothing. *portable* as in `Field.portable`.
    """

    name: str
    type: str
    description: str
    category: str
    origin: str
    held: Held
    reveals: str
    portable: bool
    rules: tuple[DocumentedRule, ...]


@frozen(kw_only=True)
class DocumentedDataset:
    """
    One dataset. *omitted* is the reason for which some of its rows are left out; empty where none are.
    """

    name: str
    description: str
    omitted: str
    fields: tuple[DocumentedField, ...]

    def held_alike(self) -> Mapping[Held, tuple[DocumentedField, ...]]:
        """
        Return the fields together that are held for the same reason and as long, in the order in which they come.
        """
        return _grouped(self.fields, lambda each: each.held)

    def ruled_alike(self, profile: str) -> Mapping[DocumentedRule, tuple[DocumentedField, ...]]:
        """
        Return the fields together of which the profile does the same, for the same reason.
        """
        return _grouped(self.fields, lambda each: next(rule for rule in each.rules if rule.profile == profile))


@frozen(kw_only=True)
class DocumentedProfile:
    """
    For whom a copy is cut, by name and in words.
    """

    name: str
    description: str


@frozen(kw_only=True)
class PolicyDocument:
    """
    All datasets under all profiles. *internal* documents also hold what the person may not be told.
    """

    internal: bool
    profiles: tuple[DocumentedProfile, ...]
    datasets: tuple[DocumentedDataset, ...]


def policy_document(
    catalog: Catalog, policies: Policies, *, profiles: Iterable[str] | None = None, internal: bool = False
) -> PolicyDocument:
    """
    Return the document of *profiles*, `None` meaning all. Raises `UnknownName` for a profile that is not there.

    A field that any profile hides with *disclose* = false is in *internal* documents alone, under every profile.
    """
    chosen = [policies.profile(name) for name in (policies.by_profile if profiles is None else profiles)]
    datasets = (
        DocumentedDataset(
            name=each.name,
            description=each.description,
            omitted="" if each.omit is None else each.omit.reason,
            fields=_fields(each, chosen, frozenset() if internal else policies.unspoken(each.name)),
        )
        for each in catalog.datasets
    )
    return PolicyDocument(
        internal=internal,
        profiles=tuple(DocumentedProfile(name=each.profile, description=each.description) for each in chosen),
        datasets=tuple(each for each in datasets if each.fields),
    )


def document_form(document: PolicyDocument) -> dict[str, Any]:
    """
    Return the document's JSON form: its values by name. For the public without `disclosed` and `basis`.
    """
    form = asdict(document)
    if not document.internal:
        for dataset in form["datasets"]:
            for field in dataset["fields"]:
                for rule in field["rules"]:
                    del rule["disclosed"], rule["basis"]
    return form


def _fields(dataset: Dataset, policies: Iterable[Policy], unspoken: frozenset[str]) -> tuple[DocumentedField, ...]:
    return tuple(
        DocumentedField(
            name=field.name,
            type=str(field.type),
            description=field.description,
            category=field.category,
            origin=str(field.origin or ""),
            held=Held(
                purpose=field.purpose,
                legal_basis=str(field.legal_basis or ""),
                retention=field.retention,
                on_erasure=_on_erasure(field.on_erasure),
            ),
            reveals=field.reveals,
            portable=field.portable,
            rules=tuple(_rule(policy, dataset, field) for policy in policies),
        )
        for field in dataset.fields
        if field.name not in unspoken
    )


def _rule(policy: Policy, dataset: Dataset, field: Field) -> DocumentedRule:
    entry = policy.rule(dataset.name, field.name)
    names = {each.column: each.name for each in dataset.fields}
    return DocumentedRule(
        profile=policy.profile,
        rule=rule_name(entry.rule),
        how=how(entry.rule, names),
        reason=entry.reason,
        disclosed=entry.disclose,
        basis=entry.basis,
    )


def _on_erasure(on_erasure: OnErasure | None) -> str:
    match on_erasure:
        case None:
            return ""
        case Scrub():
            return "removed"
        case Retain(basis=basis, until=until):
            return f"kept until {until}: {basis}"
        case _:
            assert_never(on_erasure)


def _grouped(items: Iterable[T], key: Callable[[T], Key]) -> Mapping[Key, tuple[T, ...]]:
    groups: dict[Key, tuple[T, ...]] = {}
    for item in items:
        groups[key(item)] = (*groups.get(key(item), ()), item)
    return groups
