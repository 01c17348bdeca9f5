"""
`header` and `status`: what there is to see.
"""

from __future__ import annotations

from pathlib import Path

from .._core.catalog import Catalog
from .._core.cut import compile_cut
from .._core.export import Export
from .._core.lifecycle import State
from .._core.policy import Policies
from .._core.streampay import STREAMPAY, STREAMPAY_POLICIES
from ..configuration import read_configuration
from ..errors import NotFound, listed
from ..ports.jobs import LARGEST_COUNT, MOST_OVERDUE, JobStore, Overview
from ..writers.csv import CsvWriter
from .deployment import deployment, operator
from .outcome import print_json
from .wire import export_form, moment, overview_form


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
    Print one export, whoever asked for it; or how all stand, and the latest that whoever types has asked for.
    """
    with deployment(config) as opened:
        if job_id is not None:
            export = _export(opened.wiring.jobs, job_id)
            if as_json:
                print_json(export_form(export))
            else:
                _print(export)
            return
        exports = opened.service.list(operator()).items
        overview = opened.wiring.jobs.overview(operator().tenant)
    if as_json:
        print_json({"items": [export_form(each) for each in exports], "overview": overview_form(overview)})
        return
    _print_overview(overview)
    if not exports:
        print("you have asked for no export yet")
    for each in exports:
        _print(each)


def _export(jobs: JobStore, job_id: str) -> Export:
    # How an export stands names nobody; what is in it is for whom the authoriser lets in.
    job = jobs.get(operator().tenant, job_id)
    if job is None or job.state is State.ERASED:
        raise NotFound
    return Export.of(job, jobs.now())


def _print_overview(overview: Overview) -> None:
    counts = [f"{_counted(count)} {state}" for state, count in overview.counts.items() if count]
    print(f"all exports: {listed(counts)}")
    if overview.waiting_since is not None:
        print(f"  the longest waiting has waited since {moment(overview.waiting_since)}")
    for job in overview.overdue:
        print(f"  overdue: {job.id}  {job.state}, an answer was due by {moment(job.due_at)}")
    if len(overview.overdue) == MOST_OVERDUE:
        print("  there may be more overdue: those are the longest due")


def _counted(count: int) -> str:
    return f"{count:,} or more" if count == LARGEST_COUNT else f"{count:,}"


def _print(export: Export) -> None:
    rows = f"{export.rows:,} of {export.total:,} rows" if export.total is not None else f"{export.rows:,} rows"
    if export.seconds_left is not None:
        rows += f", about {export.seconds_left:,} s left"
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
