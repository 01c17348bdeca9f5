"""
Errors say whose fault it was, whether to retry, and what to do.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from streampay_export import Actor, Catalog, Subject, Window, errors
from streampay_export._core.notice import NOTICE_PARTS, ProcessingNotice
from streampay_export._core.selection import Query, Selection
from streampay_export.testing.deployment import PAYOUTS

SAID = [
    (errors.InvalidRequest("limit", "a number is expected"), "limit: a number is expected"),
    (errors.NotSignedIn(), "sign in"),
    (errors.NotFound(), "no such export"),
    (errors.StepUpRequired(300), "the last 300 s"),
    (errors.CoolingOff(datetime(2026, 1, 2, tzinfo=UTC), 7), "ask again from 2026-01-02 00:00 UTC on"),
    (errors.InvalidTicket(), "ask for a new one"),
    (errors.TicketExpired(), "ask for a new one"),
    (errors.ActiveExportDiffers("abc"), "export abc"),
    (errors.ExportNotReady("queued"), "queued"),
    (errors.ExportGone("expired"), "ask for a new export"),
    (errors.SubjectErased(datetime(2026, 1, 2, tzinfo=UTC), ("tax act, until 2033: amounts",)), "on 2026-01-02"),
    (errors.SubjectErased(datetime(2026, 1, 2, tzinfo=UTC)), "retained: nothing"),
    (errors.TooManyRequests(30), "30 s"),
    (errors.BundleRefused("", "no zip"), "no zip"),
    (errors.BundleRefused("data\x1b", "odd"), "'data\\x1b': odd"),
    (errors.InvalidConfiguration("source.url", "required"), "source.url: required"),
    (errors.InvalidCatalog("payouts", "no key"), "catalog, payouts: no key"),
    (errors.InvalidPolicy("self", "no reason"), "policy, self: no reason"),
    (errors.SourceMismatch("payouts", "no table"), "dataset payouts: no table"),
    (errors.KeysMissing("none"), "keys: none"),
    (errors.ErasuresMissing("2 people were erased since"), "erase --replay"),
    (errors.TombstonesBroken(3), "number 3"),
    (errors.MissingExtra("cli", "the command line"), "pip install 'streampay-export[cli]'"),
    (errors.SourceDataError("payouts"), "cannot be exported"),
    (errors.NullKey("payouts", "id", 1), "1 row has NULL in key column 'id'"),
    (errors.NullKey("payouts", "id", 2), "2 rows have NULL in key column 'id'"),
    (errors.KeyForm("payouts", "at"), "column 'at'"),
    (errors.RowsOutOfOrder("payouts"), "out of key order"),
    (errors.RepeatedRow("payouts"), "unique together"),
    (errors.StuckCursor("payouts"), "at or before the cursor"),
    (errors.PageTooLarge("payouts", 5, 6), "6 rows where at most 5"),
    (errors.ForeignRow("payouts"), "not the subject's"),
    (errors.UnwritableValue("payouts", "amount", "no number"), "field 'amount' holds no number"),
    (errors.CountMismatch("payouts", 3, 2), "3 rows were counted but 2"),
    (errors.SourceUnavailable("away"), "history source"),
    (errors.StorageUnavailable("full"), "storage"),
    (errors.JobStoreUnavailable("away"), "job store"),
    (errors.AuditUnavailable("down"), "audit trail"),
    (errors.TombstonesUnavailable("away"), "tombstone log"),
    (errors.NotifierUnavailable("away"), "told now"),
    (errors.RecipientRefused("no"), "cannot be told"),
    (errors.ObjectMissing(), "no such object"),
    (errors.ObjectExists(), "already in storage"),
    (errors.ObjectAltered(), "ask for a new export"),
    (errors.LeaseLost(), "taken over or ended elsewhere"),
    (errors.LeaseLost("cancelled"), "it is cancelled"),
    (errors.Interrupted(), "waits in the queue"),
    (errors.IllegalMove("ready", "queued"), "from ready to queued"),
]


@pytest.mark.parametrize(("error", "sentence"), SAID, ids=[repr(error) for error, _ in SAID])
def test_each_error_says_what_is_wrong(error: errors.ExportError, sentence: str) -> None:
    """
    The text is one line built from the error's facts.
    """
    assert sentence in str(error)
    assert "\n" not in str(error)
    assert error.slug


def test_the_type_says_whether_to_retry() -> None:
    """
    Only what failed outside may succeed later, and what is or is not stored stays so.
    """
    retried = {type(error).__name__ for error, _ in SAID if error.retry}
    outside = {"SourceUnavailable", "StorageUnavailable", "JobStoreUnavailable", "AuditUnavailable"}
    assert outside | {"TombstonesUnavailable", "NotifierUnavailable"} == retried


def test_names_are_cut_and_escaped() -> None:
    """
    What a caller typed is shown escaped and at most 80 characters of it.
    """
    error = errors.UnknownName.of("dataset", "x\x1b[31m" + "y" * 500, [])
    assert "\x1b" not in str(error)
    assert len(str(error)) < 200
    assert str(error).endswith("there are: none")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Subject(""),
        lambda: Subject("a", ("b\n",)),
        lambda: Subject("x" * 513),
        lambda: Actor(id="a", tenant="No Such"),
        lambda: Window(start=datetime(2026, 1, 1)),  # noqa: DTZ001  # the naive instant is what is refused
        lambda: Window(start=datetime(2026, 1, 2, tzinfo=UTC), end=datetime(2026, 1, 1, tzinfo=UTC)),
        lambda: Query(
            selection=Selection.of(PAYOUTS, ["id"]),
            subject=Subject("a"),
            as_of=datetime(2026, 1, 1),  # noqa: DTZ001  # the naive instant is what is refused
        ),
    ],
    ids=["no id", "line break", "too long", "tenant", "naive bound", "ends before it starts", "naive as-of"],
)
def test_values_are_valid_once_built(wrong) -> None:
    """
    Identifiers, tenants and instants that cannot be right are refused where they are made.
    """
    with pytest.raises(errors.InvalidRequest):
        wrong()


def test_notice_names_its_empty_part() -> None:
    """
    A notice with an empty part is refused by that part's name.
    """
    parts = dict.fromkeys(NOTICE_PARTS, "said")
    with pytest.raises(errors.InvalidConfiguration, match=r"notice\.rights"):
        ProcessingNotice(**{**parts, "rights": " "})
    assert Catalog((PAYOUTS,)).names == ("payouts",)
