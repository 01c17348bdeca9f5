"""
What CSV files look like, byte by byte.
"""

import pytest

from streampay_export._core.catalog import Dataset, Field, FieldType
from streampay_export._core.cut import OutputField
from streampay_export.errors import InvalidPolicy, UnwritableValue
from streampay_export.writers import CsvWriter

PAYOUTS = Dataset(
    name="payouts", table="payouts", key=["id"], subject=["payer"], fields=[Field(name="id", type="uuid")]
)
AMOUNT = OutputField(name="amount", type=FieldType.DECIMAL)
MEMO = OutputField(name="memo", type=FieldType.TEXT)
LABELS = OutputField(name="labels", type=FieldType.JSON)


def page(*columns, fields=(MEMO,)):
    """
    Return the CSV of one page.
    """
    return CsvWriter().encoder(PAYOUTS, fields).page(columns).decode()


def test_the_head_is_a_header_line():
    """
    The names stand in field order, without quotes, ended by CRLF; nothing follows the rows.
    """
    encoder = CsvWriter().encoder(PAYOUTS, [AMOUNT, MEMO])
    assert (b"amount,memo\r\n", b"", b"") == (encoder.head, encoder.separator, encoder.tail)


def test_the_bom_is_an_option():
    """
    With *bom* the file begins with U+FEFF, and nothing else differs.
    """
    plain, marked = (CsvWriter(bom=bom).encoder(PAYOUTS, [MEMO]) for bom in (False, True))
    assert b"\xef\xbb\xbf" + plain.head == marked.head
    assert plain.page([["a"]]) == marked.page([["a"]])


def test_typed_cells_have_no_quotes_and_no_guard():
    """
    A negative amount stays a number.
    """
    assert "-0.0000001\r\n12\r\n" == page(["-0.0000001", "12"], fields=[AMOUNT])


def test_text_cells_always_have_quotes():
    """
    Text that looks like a number stays text.
    """
    assert '"007"\r\n"a,b"\r\n' == page(["007", "a,b"])


def test_quotes_are_doubled():
    """
    A quote inside a cell is written twice.
    """
    assert '"say ""hi"""\r\n' == page(['say "hi"'])


def test_line_ends_inside_cells_are_kept():
    """
    CR and LF inside a cell stay what they were.
    """
    assert '"a\r\nb\rc\nd"\r\n' == page(["a\r\nb\rc\nd"])


def test_text_is_guarded_before_quotes_are_doubled():
    """
    The guard sees the text as it is, and stands inside the quotes.
    """
    assert '"\'""=1;\'+2"\r\n"plain"\r\n' == page(['"=1;+2', "plain"])


def test_json_cells_are_written_as_text():
    """
    JSON has quotes round it and is guarded like text, so that a reader treats both alike.
    """
    assert '"{""a"":"";\'=1""}"\r\n"\'-5"\r\n' == page(['{"a":";=1"}', "-5"], fields=[LABELS])


def test_null_is_an_empty_cell_without_quotes():
    """
    NULL and the empty text differ in their quotes; a guarded cell beside NULL keeps its guard.
    """
    fields = (AMOUNT, MEMO, AMOUNT)
    assert ',,1\r\n2,"",\r\n3,"\'=""",4\r\n' == page(
        [None, "2", "3"], [None, "", '="'], ["1", None, "4"], fields=fields
    )


def test_a_field_alone_and_null_is_an_empty_line():
    """
    One field has no comma to show that there is a cell: the documented limit of one-column files.
    """
    assert '"a"\r\n\r\n' == page(["a", None])


def test_a_page_of_no_rows_is_no_bytes():
    """
    Columns without cells are no line at all.
    """
    assert "" == page([])


def test_columns_of_different_lengths_are_refused():
    """
    A column that is too short would lose rows silently.
    """
    with pytest.raises(ValueError, match="zip"):
        page(["1", "2"], ["a"], fields=[AMOUNT, MEMO])


@pytest.mark.parametrize("columns", [[["1"]], [["1"], ["a"], ["b"]]], ids=["too few", "too many"])
def test_another_number_of_columns_is_refused(columns):
    """
    A column too few or too many would stand under another's name.
    """
    with pytest.raises(ValueError, match="zip"):
        page(*columns, fields=[AMOUNT, MEMO])


def test_no_field_is_refused():
    """
    Rows of no field would vanish: the error says what to do.
    """
    with pytest.raises(InvalidPolicy, match="payouts: no field is left to write; keep one, or leave"):
        CsvWriter().encoder(PAYOUTS, [])


def test_the_field_without_a_utf8_form_is_named():
    """
    Fields before it, NULL among them, are not blamed.
    """
    with pytest.raises(UnwritableValue, match="'labels' holds text with no UTF-8 form"):
        page([None, "1"], ["a", None], ["{}", '"\ud83d"'], fields=[AMOUNT, MEMO, LABELS])
