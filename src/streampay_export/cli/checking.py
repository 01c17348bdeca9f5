"""
`policy check`: the live database held against the catalog.
"""

from __future__ import annotations

from pathlib import Path

from attrs import asdict

from .._core.finding import Drift, Finding, FindingKind
from ..configuration import read_configuration
from ..drift import check_drift, lines_of
from .deployment import WHOSE_TABLES, are_streampays, source_of
from .outcome import DONE, NO, print_json
from .terminal import say


def policy_check(config: Path, *, as_json: bool) -> int:
    """
    Print where database and catalog have come apart; return 1 if anywhere they have.
    """
    configuration = read_configuration(config)
    with source_of(configuration) as source:
        drift = check_drift(source, configuration.catalog, configuration.policies)
    if as_json:
        print_json(_form(drift))
    else:
        print("\n".join(lines_of(drift)))
    if are_streampays(configuration.catalog) and any(_no_table(each) for each in drift.findings):
        say(f"{WHOSE_TABLES}.")
    return NO if drift.findings else DONE


def _no_table(found: Finding) -> bool:
    return found.kind is FindingKind.MISSING and found.column is None


def _form(drift: Drift) -> dict[str, object]:
    return {
        "findings": [asdict(each) for each in drift.findings],
        "excused": [{**asdict(each.finding), "reason": each.reason} for each in drift.excused],
        "notes": [asdict(each) for each in drift.notes],
    }
