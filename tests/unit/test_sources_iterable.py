"""An iterable source: lazy, forward, and clear about what it was given wrongly."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from tests.source_queries import NOON, ask, dataset, found

from streampay_export._core.catalog import Catalog, Field, Omission
from streampay_export._core.selection import Census, Window
from streampay_export.errors import (
    InvalidConfiguration,
    KeyForm,
    SourceMismatch,
    SourceUnavailable,
    StorageUnavailable,
)
from streampay_export.sources.iterable import IterableSource


def over(rows, **settings):
    """A source with one table of these rows."""
    return IterableSource({"t": rows}, now=lambda: NOON, **settings)


def mine(**values):
    """A row of the subject's."""
    return {"id": 1, "who": "me"} | values


def test_pages_go_forward_through_one_iteration():
    """Pages in turn begin the iteration once, and it goes no further than they asked."""
    begun, yielded = [], []

    def rows():
        begun.append(1)
        for number in range(100):
            yielded.append(number)
            yield mine(id=number)

    with over(rows).snapshot() as snapshot:
        assert [0, 1] == [row[0] for row in snapshot.page(ask(dataset()), None, 2)]
        assert [2, 3] == [row[0] for row in snapshot.page(ask(dataset()), (1,), 2)]
        assert ([1], 4) == (begun, len(yielded))
        assert [2, 3] == [row[0] for row in snapshot.page(ask(dataset()), (1,), 2)]
        assert [1, 1] == begun


def test_instants_are_the_clocks():
    """The source's instant is the clock's, in UTC."""
    source = IterableSource({}, now=lambda: NOON.astimezone().astimezone(UTC))
    with source.snapshot() as snapshot:
        assert NOON == source.now() == snapshot.read_at


@pytest.mark.parametrize(
    "values",
    [
        [NOON - timedelta(microseconds=1), NOON, NOON + timedelta(microseconds=1)],
        [datetime.fromisoformat(f"2026-06-01T{clock}") for clock in ("13:59", "14:00", "14:01")],
        [date(2026, 5, 31), date(2026, 6, 1), date(2026, 6, 2)],
        [1_780_315_199, 1_780_315_200, 1_780_315_201],
        [1_780_315_199.5, 1_780_315_200.0, 1_780_315_200.5],
        [Decimal("1780315199.999999"), Decimal(1780315200), Decimal("1780315200.000001")],
        ["2026-06-01T11:59:59+00:00", "2026-06-01T12:00:00+00:00", "2026-06-01T12:00:00.5+00:00"],
        ["2026-06-01 13:59:59", "2026-06-01 14:00:00", "2026-06-01 14:00:01"],
    ],
    ids=["aware", "naive", "date", "integer", "float", "decimal", "text", "local-text"],
)
def test_instants_of_any_type(values):
    """As-of and window hold for whatever Python value an instant is."""
    fields = [Field(name="id", type="integer"), Field(name="at", type="timestamp", unit="s")]
    timed = dataset(as_of="at", fields=fields)
    source = over([mine(id=i, at=at) for i, at in enumerate(values)], timezone="Europe/Paris")

    assert ([0, 1], Census(included=2, later=1, null_keys=(0,))) == found(source, ask(timed))
    assert 1 == found(source, ask(timed, window=Window(end=datetime(2026, 6, 1, tzinfo=UTC))))[1].later


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (["2026-06-01T00:00:00Z", "2026-06-01T00:00:00.5Z"], ("id",)),
        (["2026-06-01T00:00:00", "2026-06-01T00:00:00.5"], ("at", "id")),
        (["yesterday"], ("id",)),
    ],
)
def test_mixed_texts_are_refused(values, key):
    """Texts whose order might not be that of time are refused, as SQL sources refuse them."""
    fields = [Field(name="id", type="integer"), Field(name="at", type="timestamp")]
    timed = dataset(as_of="at", key=key, fields=fields)
    source = over([mine(id=i, at=at) for i, at in enumerate(values)], timezone="UTC")

    with pytest.raises(KeyForm, match="'at'"), source.snapshot() as snapshot:
        snapshot.census(ask(timed))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("yesterday", KeyForm),
        (NOON.replace(tzinfo=None), SourceMismatch),
        (1_780_315_199, SourceMismatch),
        (b"2026", SourceMismatch),
    ],
)
def test_no_instant(value, error):
    """What is no instant, or one of an unknown zone or unit, is refused without being repeated."""
    with pytest.raises(error, match="'at'") as caught:
        found(over([mine(at=value)]), ask(dataset(as_of="at")))

    assert str(value) not in str(caught.value)


def test_omitted_and_null_keys():
    """An omitted row is counted as that and nothing else; NULL keys are counted by column."""
    rows = [mine(gone="x", n=None), mine(gone=None, n=None), mine(gone=None, n=1)]
    keyed = dataset(key=("n", "id"), omit=Omission(column="gone", reason="not held any more"))

    assert ([1], Census(included=2, omitted=1, null_keys=(1, 0))) == found(over(rows), ask(keyed))


def test_value_without_a_hash_is_nobodys():
    """A list in a subject column is nobody's name."""
    assert [] == found(over([mine(who=["me"])]), ask(dataset()))[0]


def test_whatever_iterating_raises_is_translated():
    """An exception of the application's is named by its type; its text may hold rows. Ours passes."""

    def broken():
        yield mine()
        raise RuntimeError("canary")

    def ours():
        yield mine()
        raise StorageUnavailable("the file is gone")

    with pytest.raises(SourceUnavailable, match="raised RuntimeError") as caught:
        found(over(broken), ask(dataset()))
    with pytest.raises(StorageUnavailable):
        found(over(ours), ask(dataset()))

    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_rows_that_lack_a_column():
    """A later row that lacks a column is refused by the column's name, with the columns that it has."""
    rows = [mine(), {"id": 2, "whom": "me"}]

    over(rows).check(Catalog([dataset()]))
    with pytest.raises(SourceMismatch, match="no column 'who'; it has: id, whom"):
        found(over(rows), ask(dataset()))


def test_check_looks_at_every_column():
    """The check looks for omission and as-of columns too; an empty table has nothing to look at."""
    wide = dataset(as_of="at", omit=Omission(column="gone", reason="not held any more"))

    over([]).check(Catalog([wide]))
    with pytest.raises(SourceMismatch, match="'at'"):
        over([mine(gone=None)]).check(Catalog([wide]))
    with pytest.raises(SourceMismatch, match="'gone'"):
        over([mine(at=None)]).check(Catalog([wide]))


def test_unknown_zone():
    """A zone that does not exist is refused."""
    with pytest.raises(InvalidConfiguration, match="'Mars/Olympus' is no time zone"):
        over([], timezone="Mars/Olympus")
