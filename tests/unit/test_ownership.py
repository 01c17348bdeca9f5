"""
Whose a row is: the forms of a name that a driver may give.
"""

from decimal import Decimal
from uuid import UUID

import pytest
from tests.payouts import BOB, PAYOUTS

from streampay_export._core.ownership import check_rows, owner_values
from streampay_export._core.party import Subject
from streampay_export.errors import ForeignRow

ID = "6f1c0a34-5b0e-4c39-9d2e-1b7a5f0c9d11"


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("GANN", {"GANN"}),
        ("42", {"42", 42}),
        ("-42", {"-42", -42}),
        ("0", {"0", 0}),
        ("042", {"042"}),
        ("-0", {"-0"}),
        ("+42", {"+42"}),
        ("4.2", {"4.2"}),
        ("٤٢", {"٤٢"}),
        (ID, {ID, UUID(ID)}),
        (ID.upper(), {ID.upper(), UUID(ID)}),
    ],
)
def test_every_form_of_a_name(name: str, values: set[object]) -> None:
    """
    A name stands for itself, for the integer it canonically spells, and for the UUID it reads as.
    """
    assert owner_values(Subject(name)) == values


def test_all_names_of_a_subject() -> None:
    """
    The id and every identifier count.
    """
    assert owner_values(Subject("GANN", ("7", "GANN"))) == {"GANN", "7", 7}


def test_numbers_are_equal_whatever_their_type() -> None:
    """
    A NUMERIC subject column gives decimals, and they are the same person.
    """
    check_rows(PAYOUTS, owner_values(Subject("42")), [(Decimal(42), BOB, None, 1), (BOB, 42, None, 2)])


def test_letter_case_is_another_person() -> None:
    """
    A collation that folds case returns rows of others: they are refused.
    """
    with pytest.raises(ForeignRow):
        check_rows(PAYOUTS, owner_values(Subject("alice")), [("Alice", "alice ", None, 1)])
