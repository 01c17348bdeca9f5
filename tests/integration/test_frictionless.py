import io
import zipfile
from contextlib import ExitStack
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from frictionless import Package, validate
from tests.bundles import (
    ACCOUNT,
    ACCOUNT_FIELDS,
    PAYOUT_FIELDS,
    PAYOUTS,
    WRITERS,
    contents_of,
    packed,
    payout,
    small_bundle,
    staged,
)

from streampay_export._core.guard import unguard
from streampay_export.writers import CsvWriter

MEMOS = [
    None,
    "",
    "rent",
    "=1+1",
    "'quoted",
    'say "hi"; =SUM(A1)\r\nnext',
    "\t-5",
    "Ünï 🌊 \u202ertl",
    "a,b",
    "x" * 100_000,
    "\u2028line\u0085ends",
]
AMOUNTS = ["170141183460469231731687303715884105727.1234567", "-0.0000001", None, "0"]


def _unpacked(folder, data):
    zipfile.ZipFile(io.BytesIO(data)).extractall(folder)
    return folder / "datapackage.json"


def _problems(descriptor):
    return validate(descriptor).flatten(["title", "type", "note"])


def test_a_bundle_is_a_valid_data_package(tmp_path):
    """
    Stock frictionless finds nothing wrong with NULL, empty and guarded texts, unicode and long cells.
    """
    rows = [payout(n, memo, AMOUNTS[n % len(AMOUNTS)]) for n, memo in enumerate(MEMOS)]
    assert _problems(_unpacked(tmp_path, small_bundle(rows))) == []


def test_an_empty_history_is_a_valid_data_package(tmp_path):
    """
    Files without a row are valid too.
    """
    assert _problems(_unpacked(tmp_path, small_bundle([]))) == []


def test_a_bom_is_accepted(tmp_path):
    """
    The optional byte order mark of CSV files is no part of the first column's name.
    """
    with ExitStack() as stack:
        writers = {**WRITERS, "csv": CsvWriter(bom=True)}
        data = packed(contents_of(staged(stack, ACCOUNT, ACCOUNT_FIELDS, [("w", "n")], writers=writers)))
    assert _problems(_unpacked(tmp_path, data)) == []


def test_frictionless_reads_the_exact_values(tmp_path):
    """
    Numbers keep every digit, times are UTC instants, and guarded text comes back after the undo.
    """
    rows = [payout(n, memo, AMOUNTS[n % len(AMOUNTS)]) for n, memo in enumerate(MEMOS)]
    table = Package(str(_unpacked(tmp_path, small_bundle(rows)))).get_resource("payouts.csv")
    read = [row.to_dict() for row in table.read_rows()]
    amounts = [None if amount is None else Decimal(amount) for amount in AMOUNTS]
    assert [row["amount"] for row in read] == [amounts[n % len(amounts)] for n in range(len(MEMOS))]
    # Stock tools do not tell the empty text from NULL in CSV; NULL_RULE says so.
    assert [unguard(row["memo"] or "") for row in read] == [memo or "" for memo in MEMOS]
    assert (read[0]["at"], read[0]["day"], read[0]["settled"], read[0]["id"]) == (
        datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC),
        date(2026, 1, 31),
        True,
        0,
    )


@pytest.mark.parametrize("path", ["data/payouts.csv", "data/payouts.json"])
def test_frictionless_notices_a_changed_file(tmp_path, path):
    """
    Bytes and hash of tables and files alike are what frictionless checks them against.
    """
    descriptor = _unpacked(tmp_path, small_bundle())
    changed = tmp_path / path
    changed.write_bytes(changed.read_bytes().replace(b"rent", b"vent"))
    assert {kind for _, kind, _ in _problems(descriptor)} == {"hash-count"}


def test_the_package_names_every_data_file(tmp_path):
    """
    Each dataset is there once per format.
    """
    with ExitStack() as stack:
        data = packed(contents_of(staged(stack, PAYOUTS, PAYOUT_FIELDS, [payout(1)])))
    package = Package(str(_unpacked(tmp_path, data)))
    assert [each.path for each in package.resources] == [
        f"data/payouts.{name}" for name in ("csv", "ndjson", "json")
    ]
