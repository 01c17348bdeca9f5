"""
Datasets that cannot be read: the export fails, or is partial where the application chose so, and says it.
"""

import io
import logging
import zipfile
from contextlib import contextmanager
from datetime import timedelta

import pytest
from attrs import evolve, frozen

from streampay_export import Catalog, Constant, Field, Invariant, Subject
from streampay_export._core.lifecycle import Completeness, State
from streampay_export.errors import (
    CountMismatch,
    ForeignRow,
    KeyForm,
    NullKey,
    SourceMismatch,
    SourceUnavailable,
    UnwritableValue,
)
from streampay_export.sources.iterable import IterableSource
from streampay_export.testing.deployment import PAYOUTS, MemoryDeployment
from streampay_export.testing.fakes import ManualClock
from streampay_export.verify import verify_bundle
from streampay_export.verify.__main__ import summary

from .test_service import ALICE, payouts, token

BOTH = Catalog([PAYOUTS, evolve(PAYOUTS, name="refunds", table="refunds")], timezone="UTC")


@frozen
class Failing:
    """
    A source in which counting the rows of some tables raises.
    """

    inner: IterableSource
    errors: dict

    @property
    def now(self):
        """
        The inner source's clock.
        """
        return self.inner.now

    @contextmanager
    def snapshot(self):
        """
        Open a snapshot that fails for these tables.
        """
        with self.inner.snapshot() as snapshot:
            yield FailingSnapshot(snapshot, self.errors)


class FailingSnapshot:
    """
    See `Failing`.
    """

    def __init__(self, inner, errors) -> None:
        self._inner, self._errors = inner, errors
        self.read_at, self.count, self.page = inner.read_at, inner.count, inner.page

    def census(self, query):
        """
        Count, or raise what is meant for the table.
        """
        if query.selection.dataset.table in self._errors:
            raise self._errors[query.selection.dataset.table]
        return self._inner.census(query)


def deployment(errors, *, allow_partial=True) -> MemoryDeployment:
    """
    Alice's payouts and refunds, in a source that fails for some tables.
    """
    tables = {"payouts": payouts(3), "refunds": payouts(2)}
    source = Failing(IterableSource(tables, now=ManualClock(), timezone="UTC"), errors)
    return MemoryDeployment(catalog=BOTH, source=source, allow_partial=allow_partial)


def exported(house):
    """
    Ask for alice's export, work it off as often as it takes, and return it as she sees it.
    """
    export = house.service.request(ALICE, Subject("alice"), formats=["csv", "ndjson", "json"]).export
    while house.worker.work() is not None:
        house.clock.advance(timedelta(minutes=15))
    return house.service.status(ALICE, export.id)


def downloaded(house, export) -> bytes:
    """
    Return the bundle as alice downloads it.
    """
    link = house.service.link(ALICE, export.id)
    return b"".join(house.service.open(ALICE, export.id, token(link.url)).read())


UNREADABLE = [
    SourceMismatch("refunds", "there is no table 'refunds'; there are: fraud_cases"),
    NullKey("refunds", column="settled_at", rows=3),
    KeyForm("refunds", column="at"),
    UnwritableValue("refunds", field="amount", reason="NaN"),
    SourceUnavailable("gone"),
]


@pytest.mark.parametrize("error", UNREADABLE, ids=lambda error: error.slug)
def test_what_cannot_be_read_is_missing_and_said_to_be_everywhere(error, tmp_path) -> None:
    """
    Status, manifest, README, first screen of the report and the verifier say which dataset is missing; no file is.
    """
    house = deployment({"refunds": error})
    export = exported(house)
    assert (State.READY, Completeness.PARTIAL) == (export.state, export.completeness)
    assert [("payouts", "done", 3), ("refunds", "failed", None)] == [
        (each.name, each.state, each.expected) for each in export.datasets
    ]
    data = downloaded(house, export)
    (tmp_path / "bundle.zip").write_bytes(data)
    verdict = verify_bundle(tmp_path / "bundle.zip", house.wiring.manifests.public_keys())
    (missing,) = verdict.manifest.missing
    assert ("refunds", error.slug, error.person) == (missing.name, missing.slug, missing.sentence)
    assert "partial" in summary(verdict)
    assert "  refunds: MISSING" in summary(verdict)
    with zipfile.ZipFile(io.BytesIO(data)) as bundle:
        assert not [name for name in bundle.namelist() if "refunds" in name]
        assert "Missing: refunds." in bundle.read("README.txt").decode()
        first_screen = bundle.read("index.html").decode().partition("<main>")[0]
        everything = b"".join(map(bundle.read, bundle.namelist()))
    assert "partial" in first_screen
    assert "<bdi>refunds</bdi>" in first_screen
    assert error.person in first_screen
    assert b"fraud_cases" not in everything


@pytest.mark.parametrize("error", UNREADABLE, ids=lambda error: error.slug)
def test_unless_the_application_chose_so_the_export_fails(error) -> None:
    """
    By default nothing is handed out that is not everything.
    """
    house = deployment({"refunds": error}, allow_partial=False)
    assert (State.FAILED, error.slug) == (exported(house).state, exported(house).failure.slug)
    assert [] == list(house.storage.list())


@pytest.mark.parametrize(
    "error", [CountMismatch("refunds", expected=2, written=1), ForeignRow("refunds")], ids=lambda error: error.slug
)
def test_a_source_that_is_not_to_be_trusted_fails_the_export(error) -> None:
    """
    A row too few or somebody else's row is never made up for by leaving the dataset out.
    """
    house = deployment({"refunds": error})
    assert State.FAILED is exported(house).state


def test_an_export_of_nothing_is_no_partial_export() -> None:
    """
    If no dataset can be read, the export fails.
    """
    away = SourceUnavailable("gone")
    assert State.FAILED is exported(deployment({"refunds": away, "payouts": away})).state


def test_a_passing_fault_is_tried_again_before_anything_is_missing() -> None:
    """
    A source that is away only makes an export partial at the last attempt; one that comes back is read whole.
    """
    house = deployment({"refunds": SourceUnavailable("gone")})
    job_id = house.service.request(ALICE, Subject("alice")).export.id
    assert State.QUEUED is house.worker.work().state
    house.wiring.source.errors.clear()
    house.clock.advance(timedelta(minutes=15))
    house.worker.work()
    assert Completeness.FULL is house.service.status(ALICE, job_id).completeness


def test_an_invariant_that_does_not_hold_is_reported(caplog, tmp_path) -> None:
    """
    The manifest and the operators' log say in how many rows; the export is made all the same.
    """
    amounts = [Field(name=name, type="decimal", asset=Constant("XLM")) for name in ("paid", "back", "locked")]
    checked = evolve(
        PAYOUTS,
        fields=(*PAYOUTS.fields, *amounts),
        invariants=[Invariant(name="escrow", left=["paid", "back"], right=["locked"])],
    )
    rows = [{**row, "paid": "1", "back": "2", "locked": "3"} for row in payouts(3)]
    rows[1]["locked"] = "4"
    house = MemoryDeployment({"payouts": rows}, catalog=Catalog([checked], timezone="UTC"))
    with caplog.at_level(logging.WARNING, "streampay_export"):
        export = exported(house)
    assert "invariant escrow does not hold in 1 of 3 rows" in caplog.text
    (tmp_path / "bundle.zip").write_bytes(downloaded(house, export))
    held = verify_bundle(tmp_path / "bundle.zip").manifest.datasets[0].figures.invariants["escrow"]
    assert (3, 1) == (held.rows, held.broken)
