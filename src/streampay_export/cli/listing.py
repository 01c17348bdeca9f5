"""
`header` and `status`: what there is to see.
"""

from __future__ import annotations

from pathlib import Path

from .._core.catalog import Catalog
from .._core.cut import compile_cut
from .._core.export import Export
from .._core.policy import Policies
from .._core.streampay import STREAMPAY, STREAMPAY_POLICIES
from ..configuration import read_configuration
from ..writers.csv import CsvWriter
from .deployment import deployment, operator
from .outcome import print_json
from .wire import export_form, moment


def header(dataset: str | None, config: Path | None, profile: str) -> None:
    """
    Print the header line of a dataset's CSV; of all datasets, each under the name of its file.
    """
    catalog, policies = history(config)
    policy = policies.profile(profile)
    for each in catalog.datasets if dataset is None else (catalog.dataset(dataset),):
        cut = compile_cut(each, policy, timezone=catalog.timezone, pseudonym_key=bytes(32), owners=())
        if dataset is None:
            print(f"# data/{each.name}.csv")
        print(CsvWriter().encoder(each, cut.fields).head.decode().rstrip("\r\n"))


def status(config: Path, job_id: str | None, *, as_json: bool) -> None:
    """
    Print one export, or the latest that whoever types has asked for.
    """
    with deployment(config) as opened:
        if job_id is not None:
            exports = [opened.service.status(operator(), job_id)]
        else:
            exports = list(opened.service.list(operator()).items)
    if as_json:
        forms = [export_form(each) for each in exports]
        print_json({"items": forms} if job_id is None else forms[0])
        return
    if not exports:
        print("you have asked for no export yet")
    for each in exports:
        _print(each)


def _print(export: Export) -> None:
    rows = f"{export.rows:,} of {export.total:,} rows" if export.total is not None else f"{export.rows:,} rows"
    until = f", until {moment(export.expires_at)}" if export.expires_at else ""
    print(f"{export.id}  {export.state}  {export.profile}  {rows}, asked for {moment(export.received_at)}{until}")
    if export.failure is not None:
        print(f"  {export.failure.for_operators} {export.failure.remedies}".rstrip())
    if export.unanswered:
        print(f"  an answer {'was' if export.overdue else 'is'} due by {moment(export.due_at)}")
        if export.extension is not None:
            print(f"  extended on {moment(export.extension.at)}: {export.extension.reason}")
        if export.paused_at is not None:
            print(
                f"  paused since {moment(export.paused_at)} until it is known who asks; it is due later by as long"
            )


def history(config: Path | None) -> tuple[Catalog, Policies]:
    """
    Return catalog and policies of a configuration, StreamPay's own without one.
    """
    if config is None:
        return STREAMPAY, STREAMPAY_POLICIES
    configuration = read_configuration(config)
    return configuration.catalog, configuration.policies
