"""
The commands about exports and what is in them, with their flags. What each does stands in the module it loads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from .flags import Config, DocumentFormat, Internal, Json, MaybeConfig, Profile

BASIS = "The person asked for it (GDPR Art. 17(1))"


def export(
    *,
    config: Config,
    subject: Annotated[str, Parameter(help="The person's id; - reads it from standard input.")],
    identifier: Annotated[list[str] | None, Parameter(help="A further identifier, such as a wallet.")] = None,
    profile: Profile = "self",
    format: Annotated[list[str] | None, Parameter(help="csv, ndjson or json; default csv and json.")] = None,
    dataset: Annotated[list[str] | None, Parameter(help="A dataset; default all.")] = None,
    start: Annotated[str | None, Parameter(name="--from", help="Rows from this day or instant on.")] = None,
    end: Annotated[str | None, Parameter(name="--to", help="Rows before this day or instant.")] = None,
    as_of: Annotated[str | None, Parameter(name="--as-of", help="No row later than this; default now.")] = None,
    out: Annotated[Path | None, Parameter(help="A folder or a file; default the current folder.")] = None,
    json: Json = False,
) -> None:
    """
    Export one person's history and leave the bundle here.
    """
    from . import exporting

    asked = exporting.read_flags(
        subject,
        identifier or (),
        profile=profile,
        formats=format or (),
        datasets=dataset or (),
        start=start,
        end=end,
        as_of=as_of,
    )
    exporting.export(config, asked, out, as_json=json)


def bulk(
    *,
    config: Config,
    subjects: Annotated[
        str | None, Parameter(help="A file with one subject a line, an id or JSON; - reads standard input.")
    ] = None,
    query: Annotated[
        str | None, Parameter(help="SQL for the source: the first column is the id, others are identifiers.")
    ] = None,
    basis: Annotated[str, Parameter(help="Why all of them are exported; stands in the audit trail of each.")],
    profile: Profile = "self",
    format: Annotated[list[str] | None, Parameter(help="csv, ndjson or json; default csv and json.")] = None,
    dataset: Annotated[list[str] | None, Parameter(help="A dataset; default all.")] = None,
    out: Annotated[Path, Parameter(help="The folder of this run, made if it is missing.")],
    rate: Annotated[str | None, Parameter(help="At most so many, such as 30/min; default no limit.")] = None,
    resume: Annotated[bool, Parameter(help="Go on with the run in --out.", show_default=False)] = False,
    json: Json = False,
) -> int:
    """
    Export every subject of a list or query, as one supervised run.
    """
    from . import bulk_exporting

    asked = bulk_exporting.Asked(
        subjects=subjects,
        query=query,
        basis=basis,
        profile=profile,
        formats=format or None,
        datasets=dataset or None,
        rate=rate,
    )
    return bulk_exporting.bulk(config, asked, out, resume=resume, as_json=json)


def header(
    dataset: Annotated[str | None, Parameter(help="A dataset; default all.")] = None,
    /,
    *,
    config: MaybeConfig = None,
    profile: Profile = "self",
) -> None:
    """
    Print the CSV header line of a dataset, or of all: a sample without anybody's data.
    """
    from . import listing

    listing.header(dataset, config, profile)


def policy_list(
    *, config: MaybeConfig = None, profile: Profile = "self", operator: Internal = False, json: Json = False
) -> None:
    """
    List every field with what happens to it and why.
    """
    from . import documenting

    documenting.policy_list(config, profile, operator=operator, as_json=json)


def policy_document(
    *,
    config: MaybeConfig = None,
    format: Annotated[DocumentFormat, Parameter(help="What it is written in.")] = "markdown",
    out: Annotated[Path | None, Parameter(help="A folder or a file; default standard output.")] = None,
    operator: Internal = False,
) -> None:
    """
    Write the policy as a document to publish: every field, why it is held, what becomes of it, and why.
    """
    from . import documenting

    documenting.document(config, format, out, operator=operator)


def policy_check(*, config: Config, json: Json = False) -> int:
    """
    Compare the live database with the catalog: what nobody named, what went, what no longer fits.
    """
    from . import checking

    return checking.policy_check(config, as_json=json)


def status(
    job: Annotated[str | None, Parameter(help="An export's id; default all of them.")] = None,
    /,
    *,
    config: Config,
    json: Json = False,
) -> None:
    """
    Show one export; or how many there are of each kind, what is overdue, and your latest.
    """
    from . import listing

    listing.status(config, job, as_json=json)


def verify(
    bundle: Annotated[Path, Parameter(help="The zip file, as it was downloaded.")],
    /,
    *,
    public_key: Annotated[Path | None, Parameter(help="PEM or key set; never one from the bundle.")] = None,
    integrity_only: Annotated[bool, Parameter(help="Do not ask who signed it.", show_default=False)] = False,
    json: Json = False,
) -> int:
    """
    Check that a bundle is whole, unchanged, and signed by a key you trust.
    """
    from . import operating

    return operating.verify(bundle, public_key, integrity_only=integrity_only, as_json=json)


def erase(
    *,
    config: Config,
    subject: Annotated[str | None, Parameter(help="The person's id; - reads it from standard input.")] = None,
    identifier: Annotated[list[str] | None, Parameter(help="A further identifier, such as a wallet.")] = None,
    basis: Annotated[str, Parameter(help="Why they are erased, in words that do not name them.")] = BASIS,
    retain_until: Annotated[str | None, Parameter(help="When what the law retains goes too.")] = None,
    replay: Annotated[
        bool, Parameter(help="Erase again in a restored job database who was erased.", show_default=False)
    ] = False,
    json: Json = False,
) -> int:
    """
    Erase a person's exports, and whoever asks for one later is told so; or replay erasures.
    """
    from . import erasing

    if replay:
        return erasing.replay(config, subject, as_json=json)
    return erasing.erase(config, subject, identifier or (), basis, retain_until, as_json=json)


def demo(*, folder: Annotated[Path, Parameter(help="Where the demo's files go.")] = Path("streampay-demo")) -> int:
    """
    Show a made-up person's export, from request to verified download.
    """
    from .demo import show

    return show(folder)
