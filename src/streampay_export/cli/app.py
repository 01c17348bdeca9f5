"""
The commands and their flags. What each does stands in the module it calls.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError

from .._core.party import DEFAULT_TENANT
from ..errors import ExportError, Interrupted, listed, quoted
from ..keys.table import ROTATED_BY_DEFAULT
from . import auditing, bulk_exporting, checking, documenting, erasing, exporting, listing, operating, retaining
from . import keys as key_commands
from .deployment import log_to_terminal, say
from .erasing import BASIS
from .outcome import CTRL_C, DONE, NO, WRONG, exit_code, print_json, tell

Json = Annotated[bool, Parameter(name="--json", help="For programs: the last line is JSON.", show_default=False)]
Config = Annotated[Path, Parameter(name="--config", help="The TOML file that describes the deployment.")]
MaybeConfig = Annotated[Path | None, Parameter(name="--config", help="Default: StreamPay's own catalog.")]
KeyConfig = Annotated[Path | None, Parameter(name="--config", help="The TOML file that says where keys are.")]
Profile = Annotated[str, Parameter(name="--profile", help="For whom the copy is cut.")]
Internal = Annotated[
    bool, Parameter(name="--operator", help="Also what the person may not be told: internal.", show_default=False)
]
KeyPath = Annotated[Path | None, Parameter(name="--path", help="The keys' folder, instead of --config.")]

app = App(
    name="streampay-export",
    help="One person's whole stream and payout history, as a signed bundle they can read and verify.",
    default_parameter=Parameter(negative=(), show_env_var=False),
    suppress_keyboard_interrupt=False,
    result_action="return_value",
    exit_on_error=False,
    print_error=False,
)
policy = App(name="policy", help="What an export contains, and why.")
keys = App(name="keys", help="The deployment's keys.")
app.command(policy)
app.command(keys)
audit = App(name="audit", help="The audit trail, and whether it is what was recorded.")
app.command(audit)
retention = App(name="retention", help="What the storage deletes by itself, when nobody else does.")
app.command(retention)


def run(arguments: Sequence[str]) -> int:
    """
    Run one command line and return its exit code; what goes wrong is one sentence on standard error.
    """
    as_json = "--json" in arguments
    log_to_terminal()
    try:
        code = app(_with_dash_as_value(arguments))
        sys.stdout.flush()
    except CycloptsError as error:
        sentence = _wrong_flags(error)
        say(sentence)
        if as_json:
            print_json({"error": {"slug": "wrong-flags", "detail": sentence}})
        return WRONG
    except (KeyboardInterrupt, Interrupted):
        say("interrupted: nothing is half-written; to go on, run the same command again")
        if as_json:
            print_json({"error": {"slug": Interrupted.slug, "detail": "interrupted; run the same command again"}})
        return CTRL_C
    except ExportError as error:
        tell(error, as_json=as_json)
        return exit_code(error)
    except BrokenPipeError:
        # Whoever read has gone; without this Python complains once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO
    return code if isinstance(code, int) else DONE


def _wrong_flags(error: CycloptsError) -> str:
    if isinstance(error, UnusedCliTokensError):
        return f"unexpected: {listed([quoted(each) for each in error.unused_tokens or ()])}; see --help"
    return " ".join(str(error).split())


def _with_dash_as_value(arguments: Sequence[str]) -> list[str]:
    """
    Spell `--subject -` as `--subject=-`: a lone hyphen would be read as a flag without a name.
    """
    spelled: list[str] = []
    for argument in arguments:
        if argument == "-" and spelled and spelled[-1] in {"--subject", "--subjects"}:
            spelled[-1] += "=-"
        else:
            spelled.append(argument)
    return spelled


@app.command
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


@app.command
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


@app.command
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
    listing.header(dataset, config, profile)


@policy.command(name="list")
def policy_list(
    *, config: MaybeConfig = None, profile: Profile = "self", operator: Internal = False, json: Json = False
) -> None:
    """
    List every field with what happens to it and why.
    """
    documenting.policy_list(config, profile, operator=operator, as_json=json)


@policy.command(name="document")
def policy_document(
    *,
    config: MaybeConfig = None,
    format: Annotated[documenting.DocumentFormat, Parameter(help="What it is written in.")] = "markdown",
    out: Annotated[Path | None, Parameter(help="A folder or a file; default standard output.")] = None,
    operator: Internal = False,
) -> None:
    """
    Write the policy as a document to publish: every field, why it is held, what becomes of it, and why.
    """
    documenting.document(config, format, out, operator=operator)


@policy.command(name="check")
def policy_check(*, config: Config, json: Json = False) -> int:
    """
    Compare the live database with the catalog: what nobody named, what went, what no longer fits.
    """
    return checking.policy_check(config, as_json=json)


@app.command
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
    listing.status(config, job, as_json=json)


@app.command
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
    return operating.verify(bundle, public_key, integrity_only=integrity_only, as_json=json)


@keys.command(name="init")
def keys_init(*, config: KeyConfig = None, path: KeyPath = None) -> None:
    """
    Make the keys of a new deployment.
    """
    key_commands.init(config, path)


@keys.command(name="list")
def keys_list(
    *,
    config: KeyConfig = None,
    path: KeyPath = None,
    public: Annotated[
        bool, Parameter(help="Print the verification keys, for verify --public-key.", show_default=False)
    ] = False,
    json: Json = False,
) -> None:
    """
    List the keys, without anything secret.
    """
    key_commands.show(config, path, public=public, as_json=json)


@keys.command(name="rotate")
def keys_rotate(
    *,
    config: KeyConfig = None,
    path: KeyPath = None,
    purpose: Annotated[list[str] | None, Parameter(help=f"Default {', '.join(ROTATED_BY_DEFAULT)}.")] = None,
    revoke: Annotated[list[str] | None, Parameter(help="The id of a key that is to refuse from now on.")] = None,
    json: Json = False,
) -> None:
    """
    Make new keys; the former ones still open and verify, unless they are revoked.
    """
    key_commands.rotate(config, path, purpose or (), revoke or (), as_json=json)


@audit.command(name="verify")
def audit_verify(
    *,
    config: Config,
    checkpoint: Annotated[Path | None, Parameter(help="A copy of checkpoints that was kept elsewhere.")] = None,
    tenant: Annotated[str | None, Parameter(help="One tenant; default all.")] = None,
    json: Json = False,
) -> int:
    """
    Check that nobody edited, deleted, inserted, moved or cut off what was recorded.
    """
    return auditing.audit_verify(config, checkpoint, tenant, as_json=json)


@audit.command(name="prune")
def audit_prune(
    *,
    config: Config,
    before: Annotated[str | None, Parameter(help="A day or instant; default retention.audit_days ago.")] = None,
    tenant: Annotated[str, Parameter(help="Whose entries.")] = DEFAULT_TENANT,
    json: Json = False,
) -> None:
    """
    Delete the entries recorded before; a signed record says up to which, and the rest stays verifiable.
    """
    auditing.audit_prune(config, before, tenant, as_json=json)


@app.command
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
    if replay:
        return erasing.replay(config, subject, as_json=json)
    return erasing.erase(config, subject, identifier or (), basis, retain_until, as_json=json)


@retention.command(name="rule")
def retention_rule(*, config: Config) -> None:
    """
    Print the rule for the storage's own tools: S3, Google Cloud Storage or Azure.
    """
    retaining.rule(config)


@retention.command(name="check")
def retention_check(*, config: Config, json: Json = False) -> int:
    """
    Say whether the bucket deletes by itself what no sweeper deleted, and nothing too early.
    """
    return retaining.check(config, as_json=json)


@retention.command(name="apply")
def retention_apply(*, config: Config, json: Json = False) -> int:
    """
    Put the rule into an S3 bucket, beside those of others.
    """
    return retaining.apply(config, as_json=json)


@app.command
def worker(
    *, config: Config, once: Annotated[bool, Parameter(help="End when no job waits.", show_default=False)] = False
) -> int:
    """
    Work off waiting exports.
    """
    return operating.work(config, once=once)


@app.command
def sweep(
    *,
    config: Config,
    brief: Annotated[
        bool, Parameter(help="Do not go through the storage, nor delete old rows.", show_default=False)
    ] = False,
    json: Json = False,
) -> int:
    """
    Expire, rescue and tidy up, once.
    """
    return operating.sweep(config, brief=brief, as_json=json)


@app.command
def demo(*, folder: Annotated[Path, Parameter(help="Where the demo's files go.")] = Path("streampay-demo")) -> int:
    """
    Show a made-up person's export, from request to verified download.
    """
    from .demo import show

    return show(folder)
