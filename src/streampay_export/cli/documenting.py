"""
`policy list` and `policy document`: what a copy holds, on the terminal and as a document to publish.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .._core.policy_document import PolicyDocument, document_form, policy_document
from .._core.policy_listing import listed_fields
from .._core.policy_markdown import policy_markdown
from ..http.representations import policy_form
from ..writers.policy import HtmlPolicy
from .flags import DocumentFormat
from .handover import destination, leave
from .listing import history
from .outcome import print_json
from .terminal import say

_NAMES: dict[DocumentFormat, str] = {"markdown": "policy.md", "html": "policy.html", "json": "policy.json"}


def policy_list(config: Path | None, profile: str, *, operator: bool, as_json: bool) -> None:
    """
    Print every field of a profile with what happens to it and why; for operators also what is hidden.
    """
    catalog, policies = history(config)
    policy = policies.profile(profile)
    datasets = {each.name: listed_fields(each, policy, policies.unspoken(each.name)) for each in catalog.datasets}
    hidden = [
        {"dataset": dataset.name, "field": each.name, "reason": entry.reason, "basis": entry.basis}
        for dataset in catalog.datasets
        for each in dataset.fields
        if not (entry := policy.rule(dataset.name, each.name)).disclose
    ]
    if as_json:
        print_json(policy_form(profile, datasets) | ({"undisclosed": hidden} if operator else {}))
        return
    print(f"profile {profile}")
    for name, fields in datasets.items():
        print(f"\n{name}")
        width = max((len(each.name) for each in fields), default=0)
        for each in fields:
            print(f"  {each.name:{width}}  {each.rule:12}  {each.reason}")
    if operator:
        print(f"\ninternal: {'withheld, and the person is not told' if hidden else 'the person is told all of it'}")
        for told in hidden:
            print(f"  {told['dataset']}.{told['field']}  {told['reason']}  basis: {told['basis']}")


def document(config: Path | None, form: DocumentFormat, out: Path | None, *, operator: bool) -> None:
    """
    Print the policy document, or write it to a file.
    """
    catalog, policies = history(config)
    spelled = _spelled(policy_document(catalog, policies, internal=operator), form)
    if out is None:
        sys.stdout.write(spelled)
        return
    path = leave([spelled.encode()], destination(out), _NAMES[form])
    say(f"written to {path}")


def _spelled(made: PolicyDocument, form: DocumentFormat) -> str:
    if form == "json":
        return json.dumps(document_form(made), indent=2, ensure_ascii=False) + "\n"
    return policy_markdown(made) if form == "markdown" else HtmlPolicy()(made).decode()
