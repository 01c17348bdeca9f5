"""
What NDJSON and JSON files look like, byte by byte.
"""

import json

import pytest

from streampay_export._core.catalog import Dataset, Field, FieldType
from streampay_export._core.cut import OutputField
from streampay_export.errors import InvalidPolicy
from streampay_export.writers import JsonWriter, NdjsonWriter

PAYOUTS = Dataset(
    name="payouts", table="payouts", key=["id"], subject=["payer"], fields=[Field(name="id", type="uuid")]
)
WRITERS = pytest.mark.parametrize("writer", [NdjsonWriter(), JsonWriter()], ids=["ndjson", "json"])


def values(kind, *texts, writer=None):
    """
    Return what stands for each text in the objects written.
    """
    writer = writer or NdjsonWriter()
    encoder = writer.encoder(PAYOUTS, [OutputField(name="v", type=kind)])
    lines = encoder.page([texts]).decode().removesuffix("\n").split("\n")
    return [line.removesuffix(",").removeprefix('{"v":').removesuffix("}") for line in lines]


def test_ndjson_is_an_object_per_line():
    """
    Every object ends with LF, keys stand in field order, and there is no head and no tail.
    """
    fields = [OutputField(name=name, type=FieldType.INTEGER) for name in ("b", "a")]
    encoder = NdjsonWriter().encoder(PAYOUTS, fields)
    assert b'{"b":1,"a":2}\n{"b":3,"a":4}\n' == encoder.page([["1", "3"], ["2", "4"]])
    assert (b"", b"", b"") == (encoder.head, encoder.separator, encoder.tail)


def test_json_is_one_array():
    """
    Objects stand on lines of their own, a comma between any two of them, pages or not.
    """
    encoder = JsonWriter().encoder(PAYOUTS, [OutputField(name="a", type=FieldType.INTEGER)])
    assert b'{"a":1},\n{"a":2}' == encoder.page([["1", "2"]])
    assert (b"[\n", b",\n", b"\n]\n") == (encoder.head, encoder.separator, encoder.tail)


def test_an_empty_array_is_json():
    """
    A history of no rows is an empty array.
    """
    encoder = JsonWriter().encoder(PAYOUTS, [OutputField(name="a", type=FieldType.INTEGER)])
    assert [] == json.loads(encoder.head + encoder.tail)


@WRITERS
@pytest.mark.parametrize("kind", [FieldType.DECIMAL, FieldType.TIMESTAMP, FieldType.DATE, FieldType.UUID])
def test_amounts_times_and_ids_are_strings(writer, kind):
    """
    Digits that a float would lose stand in a string; NULL is null, with other rows or alone.
    """
    assert ['"9007199254740993.10"'] == values(kind, "9007199254740993.10", writer=writer)
    assert ['"1.0"', "null"] == values(kind, "1.0", None, writer=writer)


@WRITERS
@pytest.mark.parametrize("kind", [FieldType.INTEGER, FieldType.BOOLEAN, FieldType.JSON])
def test_integers_booleans_and_json_stand_as_they_are(writer, kind):
    """
    Numbers of any size keep their digits, and JSON is embedded, not wrapped in a string.
    """
    texts = ["170141183460469231731687303715884105728", "true", '{"a": [1.50, "é"]}']
    assert [*texts, "null"] == values(kind, *texts, None, writer=writer)


@WRITERS
def test_clean_text_only_gets_quotes(writer):
    """
    Text of any script is kept as it is.
    """
    assert ['"Rent"', '"Miete März 😀"', '""'] == values(FieldType.TEXT, "Rent", "Miete März 😀", "", writer=writer)


@WRITERS
def test_null_is_not_the_empty_text(writer):
    """
    NULL is null, the empty text a string without characters.
    """
    assert ["null", '""', '"a"'] == values(FieldType.TEXT, None, "", "a", writer=writer)
    assert ["null", r'"\""'] == values(FieldType.TEXT, None, '"', writer=writer)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ('"', r"\""),
        ("\\", r"\\"),
        ("\n", r"\n"),
        ("\0", r"\u0000"),
        ("\x1f", r"\u001f"),
        ("\x7f", "\x7f"),
        ("\x85", r"\u0085"),
        ("\u2028", r"\u2028"),
        ("\u2029", r"\u2029"),
        ("\u202e", "\u202e"),
    ],
    ids=ascii,
)
def test_escapes(text, written):
    """
    What JSON must escape is escaped, and so is every line end of Unicode; the clean cell beside it is not.
    """
    assert [f'"{written}"', '"é"'] == values(FieldType.TEXT, text, "é")


def test_line_ends_in_embedded_json_are_escaped():
    """
    They can only stand in its strings, where the escape means the same.
    """
    assert [r'["\u2028\u2029\u0085"]', "1"] == values(FieldType.JSON, '["\u2028\u2029\x85"]', "1")


@WRITERS
def test_columns_of_different_lengths_are_refused(writer):
    """
    A column that is too short would lose rows silently.
    """
    fields = [OutputField(name=name, type=FieldType.INTEGER) for name in ("b", "a")]
    with pytest.raises(ValueError, match="zip"):
        writer.encoder(PAYOUTS, fields).page([["1", "2"], ["3"]])


@WRITERS
def test_no_field_is_refused(writer):
    """
    Rows of no field would vanish: the error says what to do.
    """
    with pytest.raises(InvalidPolicy, match="payouts: no field is left to write; keep one, or leave"):
        writer.encoder(PAYOUTS, [])
