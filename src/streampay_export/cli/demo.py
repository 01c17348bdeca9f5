"""
`demo`: a made-up person's export from request to verified download, one step after the other.
"""

from __future__ import annotations

import shlex
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .._core.export import Export
from .._core.lifecycle import State
from .._core.manifest import Manifest
from .._core.party import Actor, Subject
from ..configuration import Configuration, read_configuration
from ..embedded import Embedded, embedded
from ..errors import ExportGone, InvalidRequest, quoted_path
from ..ports.source import HistorySource
from ..verify import read_public_keys, verify_bundle
from .demo_data import make_database, people
from .deployment import source_of
from .handover import leave
from .outcome import DONE, ExportFailed
from .progress import shown
from .public_keys import leave_public_key
from .wire import moment

COMMAND = "streampay-export"
SETTINGS = """\
# Made by `streampay-export demo`: StreamPay's own catalog over a made-up database.
[source]
url = "sqlite:///streampay.db"
timezone = "UTC"

[notice]
controller = "StreamPay Demo, 1 Example Street"
contact = "privacy@example.org"
purposes = "Streaming payments between people, and keeping the books the law asks for."
recipients = "The other side of each payment; the public Stellar ledger."
retention = "Payments: seven years. Everything else: until the account is deleted."
rights = "Access, rectification, erasure, restriction, portability, objection."
complaint = "Your data protection authority."
source = "You, the other side of your payments, and the Stellar ledger."
automated_decisions = "None."
transfers = "The Stellar ledger is public and kept all over the world."
"""


def show(folder: Path) -> int:
    """
    Run the demo in a new sub-folder of *folder* and return the exit code.
    """
    console = Console(highlight=False, soft_wrap=True)
    step = _steps(console)
    place = _new_folder(folder)
    step("A database of five made-up people who pay each other")
    make_database(place / "streampay.db")
    (place / "demo.toml").write_text(SETTINGS, encoding="utf-8")
    console.print(f"   {escape(str(place / 'streampay.db'))}")
    configuration = read_configuration(place / "demo.toml")
    with source_of(configuration) as source, _open(configuration, source) as opened:
        public = leave_public_key(configuration.places.keys, opened.wiring.manifests.public_keys()[0])
        ada = people()[0]
        actor = Actor(id=ada.wallet)
        step(f"{ada.name} asks for a copy of her history")
        requested = opened.service.request(actor, Subject(ada.wallet), formats=["csv", "ndjson", "json"])
        job = requested.export.id
        console.print(
            f"   job {job}, {requested.export.state}; the law wants an answer by {requested.export.due_at:%d %B %Y}"
        )
        step("A worker makes it")
        export = _made(opened, actor, job)
        _print_datasets(console, export)
        step("Ada fetches a link, which is hers alone and good for five minutes")
        link = opened.service.link(actor, job)
        console.print(f"   {escape(link.url[:74])}…")
        step("She downloads the bundle with it")
        ticket = parse_qs(urlsplit(link.url).query)["ticket"][0]
        download = opened.service.open(actor, job, ticket)
        bundle = leave(download.read(), place, download.file_name)
        console.print(f"   {bundle.stat().st_size:,} bytes, sha256 {export.sha256}")
        step("Anybody with the service's public key can verify it, offline")
        verdict = verify_bundle(bundle, read_public_keys(public))
        console.print(f"   intact, signed by {verdict.signer}")
        _print_totals(console, verdict.manifest)
        step("What the audit trail says of her, which she may read: no name in it, no address, no ticket")
        for each in opened.service.trail(actor):
            console.print(f"   {each.at:%H:%M:%S} {each.event:20} by {each.capacity}")
    _print_places(console, place, bundle, public, ada.wallet)
    return DONE


def _steps(console: Console) -> Callable[[str], None]:
    began = time.monotonic()
    number = 0

    def step(title: str) -> None:
        nonlocal number
        number += 1
        console.print(f"\n[bold]{number}. {escape(title)}[/bold]  [dim]{time.monotonic() - began:.1f} s[/dim]")

    return step


def _new_folder(folder: Path) -> Path:
    """
    Make the next free `run-N`, so that nothing of an earlier run is touched.
    """
    number = 1
    while True:
        place = folder.absolute() / f"run-{number}"
        try:
            place.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            if not folder.is_dir():
                raise InvalidRequest(
                    "folder", f"{quoted_path(folder)} is not a folder; name one, or a new one"
                ) from None
            number += 1
        except OSError as error:
            raise InvalidRequest(
                "folder", f"nothing can be written there ({error.strerror}); name another"
            ) from None
        else:
            return place


def _open(configuration: Configuration, source: HistorySource) -> Embedded:
    return embedded(
        configuration.places,
        source=source,
        catalog=configuration.catalog,
        policies=configuration.policies,
        notice=configuration.notice,
        base_url="https://streampay.example",
        threads=0,
    )


def _made(opened: Embedded, actor: Actor, job_id: str) -> Export:
    with shown(lambda: opened.wiring.jobs.get(actor.tenant, job_id), quiet=False):
        opened.worker.work(actor.tenant, job_id)
    export = opened.service.status(actor, job_id)
    if export.failure is not None:
        raise ExportFailed(export.failure)
    if export.state is not State.READY:
        raise ExportGone(state=export.state)
    return export


def _table(*texts: str, numbers: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 0, 0, 3))
    for title in texts:
        table.add_column(title)
    for title in numbers:
        table.add_column(title, justify="right")
    return table


def _print_datasets(console: Console, export: Export) -> None:
    table = _table("dataset", numbers=("expected", "written"))
    for each in export.datasets:
        table.add_row(each.name, f"{each.expected or 0:,}", f"{each.written:,}")
    console.print(table)
    console.print(f"   {export.state}, {export.completeness}, as of {moment(export.as_of)}")


def _print_totals(console: Console, manifest: Manifest) -> None:
    table = _table("what was signed", "asset", "way", numbers=("rows", "sum"))
    for dataset in manifest.datasets:
        for key, total in sorted((dataset.figures.totals or {}).items()):
            if key.amount in {"amount", "fee"}:
                asset = key.asset.partition(":")[0]
                row = (f"{dataset.name}.{key.amount}", asset, key.direction)
                table.add_row(*row, f"{total.rows:,}", f"{total.sum:,f}")
    console.print(table)


def _print_places(console: Console, place: Path, bundle: Path, public: Path, wallet: str) -> None:
    console.print("\n[bold]Where everything is[/bold]")
    for what, path in (("bundle", bundle), ("public key", public), ("folder", place)):
        console.print(f"   {what:11} {path}", markup=False)
    # What can be typed as it stands: `make demo` has the command in an environment that is not on the path.
    python = [_near(Path(sys.executable)), "-m"]
    command = [COMMAND] if shutil.which(COMMAND) else [*python, "streampay_export"]
    near, copy = _near(place), _near(place) / "copy"
    console.print("\n[bold]Go on with[/bold]")
    for words, comment in (
        ([*python, "zipfile", "-e", near / bundle.name, copy], f"  # then open {copy / 'index.html'}"),
        ([*command, "verify", near / bundle.name, "--public-key", _near(public)], ""),
        ([*command, "export", "--config", near / "demo.toml", "--subject", wallet], ""),
    ):
        console.print(f"   {shlex.join(map(str, words))}{comment}", markup=False)


def _near(path: Path) -> Path:
    """
    Return *path* from the current folder where it is below that, else as it is.
    """
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
