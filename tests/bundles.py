"""
Bundles for tests: made by our own writers, signer and report, from rows that a test names.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from streampay_export._core.catalog import Constant, Dataset, Field
from streampay_export._core.contents import BundleContents, DatasetContents
from streampay_export._core.cut import OutputField
from streampay_export._core.figures import Figures, Total, TotalKey
from streampay_export._core.manifest import DatasetSummary, Digest, MissingDataset, PartSummary
from streampay_export._core.notice import NOTICE_PARTS, ProcessingNotice
from streampay_export._core.party import Subject
from streampay_export._core.policy_listing import AlteredField
from streampay_export._core.request import ExportRequest
from streampay_export._core.selection import Census
from streampay_export.bundle import assemble
from streampay_export.dataset_stage import DatasetStage
from streampay_export.packing import PackedStage
from streampay_export.signing.ed25519 import Ed25519Key, Ed25519Signer
from streampay_export.writers import CsvWriter, JsonWriter, NdjsonWriter
from streampay_export.writers.report import HtmlReport

AS_OF = datetime(2026, 11, 20, 9, 30, 15, 123456, tzinfo=UTC)
COMPLETED = datetime(2026, 11, 20, 9, 31, 2, tzinfo=UTC)
WRITERS = {writer.format: writer for writer in (CsvWriter(), NdjsonWriter(), JsonWriter())}
FORMATS = ("csv", "ndjson", "json")
SIGNER = Ed25519Signer([Ed25519Key(seed=bytes(range(32)))])
OTHER_SIGNER = Ed25519Signer([Ed25519Key(seed=bytes(32))])
NOTICE = ProcessingNotice(**{part: f"The {part} of this test." for part in NOTICE_PARTS})

PAYOUTS = Dataset(
    name="payouts",
    table="payouts",
    key=("at", "id"),
    subject=("payer", "payee"),
    as_of="at",
    description="Money paid to you and by you.",
    fields=(
        Field(name="id", type="integer", description="The payout's number"),
        Field(name="memo", type="text", description="What was written with it", category="content"),
        Field(name="amount", type="decimal", asset="asset", scale=7, description="How much", origin="observed"),
        Field(name="asset", type="text"),
        Field(name="fee", type="decimal", asset=Constant("XLM")),
        Field(name="at", type="timestamp", description="When it was asked for"),
        Field(name="day", type="date"),
        Field(name="settled", type="boolean"),
        Field(name="reference", type="uuid"),
        Field(name="extra", type="json"),
        Field(name="email", type="text", description="The other side's e-mail"),
    ),
)
ACCOUNT = Dataset(
    name="account",
    table="users",
    key=("id",),
    subject=("id",),
    fields=(
        Field(name="wallet", type="text", description="Your wallet"),
        Field(name="name", type="text", description="Your name"),
    ),
)
PAYOUT_FIELDS = tuple(
    OutputField(name=each.name, type=each.type, description=each.description)
    for each in PAYOUTS.fields
    if each.name != "email"
)
ACCOUNT_FIELDS = tuple(
    OutputField(name=each.name, type=each.type, description=each.description) for each in ACCOUNT.fields
)

Row = Sequence[str | None]


def payout(number: int, memo: str | None = "rent", amount: str | None = "12.5000000") -> Row:
    """
    One row of payouts, as canonical texts.
    """
    return (
        str(number), memo, amount, "XLM", "0.00001", "2026-01-31T23:59:59.000000Z", "2026-01-31", "true",
        f"00000000-0000-4000-8000-{number:012d}", '{"a":[1,"x"]}',
    )  # fmt: skip


def pages_of(rows: Sequence[Row], size: int) -> Iterable[list[list[str | None]]]:
    """
    The rows in pages of *size*, each turned on its side.
    """
    for start in range(0, len(rows), size):
        yield [list(column) for column in zip(*rows[start : start + size], strict=True)]


def staged(
    stack: ExitStack,
    dataset: Dataset,
    fields: Sequence[OutputField],
    rows: Sequence[Row],
    *,
    page: int = 1000,
    part: int = 50_000,
    formats: Sequence[str] = FORMATS,
    writers: Mapping[str, Any] = WRITERS,
    totals: Mapping[TotalKey, Total] | None = None,
    census: Census | None = None,
) -> DatasetContents:
    """
    One dataset, written as an export would write it.
    """
    stages = {name: stack.enter_context(PackedStage()) for name in formats}
    stage = DatasetStage({name: writers[name].encoder(dataset, fields) for name in formats}, stages)
    parts = []
    stage.begin()
    for number, start in enumerate(range(0, max(len(rows), 1), part)):
        mine = rows[start : start + part]
        for columns in pages_of(mine, page):
            stage.page(columns)
        parts.append(
            PartSummary(
                dataset=dataset.name,
                number=number,
                expected=len(mine),
                rows=len(mine),
                read_at=AS_OF,
                files=stage.close_part(),
                figures=Figures(totals=(totals or {}) if number == 0 else {}),
            )
        )
    stage.end()
    census = census or Census(included=len(rows))
    return DatasetContents(
        dataset=dataset,
        fields=tuple(fields),
        withheld=tuple(
            AlteredField(
                dataset=dataset.name, field=f.name, rule="withhold", reason="It is somebody else's", how="left out"
            )
            for f in dataset.fields
            if f.name not in {each.name for each in fields}
        ),
        summary=DatasetSummary.of(dataset.name, census, parts, recount=census.included),
        stages=stages,
    )


TOTALS = {
    TotalKey(amount="amount", asset="XLM", direction="in"): Total(rows=2, sum=Decimal("1234567.5000000")),
    TotalKey(amount="amount", asset="XLM", direction="out"): Total(rows=1, sum=Decimal("-0.0000001")),
}


MISSING = MissingDataset(name="events", slug="null-key", sentence="Some of the records are not in order.")


def contents_of(*datasets: DatasetContents, **changes: Any) -> BundleContents:
    """
    Contents of a bundle with these datasets.
    """
    return evolve(
        BundleContents(
            job_id="3k7wq2xv5m",
            profile="self",
            request=ExportRequest(
                datasets=tuple(each.name for each in datasets), formats=tuple(datasets[0].stages)
            ),
            subject=Subject("alice", ("GALICE",)),
            as_of=AS_OF,
            received_at=AS_OF,
            completed_at=COMPLETED,
            datasets=datasets,
            notice=NOTICE,
        ),
        **changes,
    )


def packed(contents: BundleContents, *, signer: Ed25519Signer = SIGNER) -> bytes:
    """
    The bundle's bytes, held against the digest that `assemble` returns.
    """
    bundle = assemble(contents, writers=WRITERS, signer=signer, report=HtmlReport())
    data = b"".join(bundle.blocks())
    assert bundle.digest == Digest(size=len(data), sha256=hashlib.sha256(data).hexdigest())
    return data


def small_bundle(
    rows: Sequence[Row] = (payout(1), payout(2, '=1+1;"x"\r\n'), payout(3, None, None)),
    *,
    page: int = 1000,
    part: int = 50_000,
    formats: Sequence[str] = FORMATS,
    signer: Ed25519Signer = SIGNER,
    **changes: Any,
) -> bytes:
    """
    A bundle of payouts and an empty account, as bytes.
    """
    with ExitStack() as stack:
        payouts = staged(stack, PAYOUTS, PAYOUT_FIELDS, rows, page=page, part=part, formats=formats, totals=TOTALS)
        account = staged(stack, ACCOUNT, ACCOUNT_FIELDS, (), formats=formats)
        return packed(contents_of(account, payouts, **changes), signer=signer)


@frozen(kw_only=True)
class SavedBundle:
    """
    A bundle in a file, and the file of the key that signed it.
    """

    path: Path
    key_file: Path


def save(folder: Path, data: bytes) -> SavedBundle:
    """
    Write a bundle and the public keys of its signer, as `GET /exports/keys` gives them.
    """
    path = folder / "bundle.zip"
    path.write_bytes(data)
    key_file = folder / "keys.json"
    key_file.write_text(json.dumps({"keys": [key_form(key) for key in SIGNER.public_keys()]}))
    return SavedBundle(path=path, key_file=key_file)


def key_form(key: Any) -> dict[str, str]:
    """
    A public key as `GET /exports/keys` gives it.
    """
    import base64

    return {
        "key_id": key.key_id,
        "algorithm": "Ed25519",
        "public_key": base64.b64encode(key.raw).decode(),
        "state": str(key.state),
    }
