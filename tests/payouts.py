"""
One table for all tests of paging: payouts of two people, with ties in the first key column.
"""

from datetime import UTC, datetime, timedelta

from streampay_export._core.catalog import Dataset, Field, FieldType
from streampay_export._core.selection import Row, Selection

ANN, BOB = "GANN", "GBOB"
OWNERS = frozenset({ANN})

PAYOUTS = Selection.of(
    Dataset(
        name="payouts",
        table="settlement",
        key=("requested_at", "id"),
        subject=("payer", "payee"),
        fields=(
            Field(name="payer", type=FieldType.TEXT),
            Field(name="payee", type=FieldType.TEXT),
            Field(name="requested_at", type=FieldType.TIMESTAMP),
            Field(name="id", type=FieldType.INTEGER),
        ),
    ),
    ["payer", "payee", "requested_at", "id"],
)

START = datetime(2026, 1, 1, tzinfo=UTC)


def payout(number: int, tie: int = 3) -> Row:
    """
    Return the payout with this id; *tie* ids in a row share their instant. Every fourth has no payer.
    """
    payer, payee = (None, ANN) if number % 4 == 0 else (ANN, BOB)
    return (payer, payee, START + timedelta(seconds=number // tie), number)


def payouts(count: int, tie: int = 3) -> list[Row]:
    """
    Return the first *count* payouts, in key order.
    """
    return [payout(number, tie) for number in range(count)]


def keyed_by(*types: FieldType) -> Selection:
    """
    Return a selection of rows `(payer, key 0, key 1 ...)` whose key columns have these types.
    """
    names = [f"key_{place}" for place in range(len(types))]
    fields = [Field(name=name, type=type_) for name, type_ in zip(names, types, strict=True)]
    table = Dataset(
        name="things",
        table="thing",
        key=tuple(names),
        subject=("payer",),
        fields=(Field(name="payer", type=FieldType.TEXT), *fields),
    )
    return Selection.of(table, ["payer", *names])
