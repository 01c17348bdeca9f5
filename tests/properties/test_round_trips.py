"""
What a file says is what went in: written by us, read back by strangers.

NUL inside text comes back from every reader here. What some cannot tell: Python's csv module has no NULL; JSON
writes NULL and a JSON field holding null alike; pyarrow gives a JSON field one shape, so such fields are left
out of what it is asked for; DuckDB and pyarrow have no integer beyond 128 bits, so those are read as text or not
at all.
"""

import csv
import io
import itertools
import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.readers import json_text, read_csv, read_json, read_ndjson

from streampay_export._core.catalog import Dataset, Field, FieldType
from streampay_export._core.cut import OutputField
from streampay_export.testing.hostile import HOSTILE_TEXTS
from streampay_export.testing.strategies import Table, output_fields, tables
from streampay_export.writers import CsvWriter, JsonWriter, NdjsonWriter, unguard

PAYOUTS = Dataset(
    name="payouts", table="payouts", key=["id"], subject=["payer"], fields=[Field(name="id", type="uuid")]
)
EVERY_TYPE = tuple(OutputField(name=f"{kind}_field", type=kind) for kind in FieldType)
TEXTS = {FieldType.TEXT, FieldType.JSON}
HOSTILE = Table(
    (OutputField(name="memo", type=FieldType.TEXT), OutputField(name="n", type=FieldType.INTEGER)),
    tuple((text, str(number)) for number, text in enumerate(HOSTILE_TEXTS)),
)
SPARSE = Table(
    (OutputField(name="a", type=FieldType.TEXT), OutputField(name="b", type=FieldType.DATE)),
    (("", None), (None, None), (None, "2026-01-31"), ("", "2026-01-31")),
)
WRITERS = [CsvWriter(), CsvWriter(bom=True), NdjsonWriter(), JsonWriter()]
# A field named twice but for case is one column to DuckDB.
every_type = tables(st.just(EVERY_TYPE), max_rows=6)


def written(writer, table: Table, *ends: int) -> bytes:
    """
    Write *table* as one file, a new page beginning at each of *ends*.
    """
    encoder = writer.encoder(PAYOUTS, table.fields)
    cuts = [0, *ends, len(table.rows)]
    pages = [table.rows[start:end] for start, end in itertools.pairwise(cuts) if start < end]
    encoded = [encoder.page(Table(table.fields, page).columns) for page in pages]
    return encoder.head + encoder.separator.join(encoded) + encoder.tail


def undone(rows, fields) -> list[tuple]:
    """
    Undo the guard in what a CSV reader said.
    """
    return [
        tuple(
            unguard(cell) if cell is not None and field.type in TEXTS else cell
            for field, cell in zip(fields, row, strict=True)
        )
        for row in rows
    ]


def as_json_says(table: Table) -> list[tuple]:
    """
    Return the table's rows with JSON's own null as NULL.
    """
    return [
        tuple(
            None if field.type is FieldType.JSON and cell == "null" else cell
            for field, cell in zip(table.fields, row, strict=True)
        )
        for row in table.rows
    ]


@given(table=tables(), data=st.data())
def test_pages_may_end_anywhere(table: Table, data: st.DataObject) -> None:
    """
    Wherever pages end, the bytes are those of one page.
    """
    ends = sorted(data.draw(st.lists(st.integers(0, len(table.rows)), max_size=4)))
    for writer in WRITERS:
        assert written(writer, table) == written(writer, table, *ends)


@given(tables())
@example(HOSTILE)
@example(SPARSE)
def test_csv_read_by_the_letter_of_rfc_4180(table: Table) -> None:
    """
    CSV is RFC 4180 and says exactly what went in, NULL apart from the empty text.
    """
    for writer in (CsvWriter(), CsvWriter(bom=True)):
        assert list(table.rows) == read_csv(written(writer, table), table.fields)


@given(tables(output_fields(max_size=4).filter(lambda fields: len(fields) > 1)))
@example(HOSTILE)
@example(SPARSE)
def test_csv_read_by_python(table: Table) -> None:
    """
    Python's csv module, strict, reads what went in, but NULL as the empty text.
    """
    text = written(CsvWriter(), table).decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert [field.name for field in table.fields] == header
    expected = [tuple(cell or "" for cell in row) for row in table.rows]
    assert expected == undone(rows, table.fields)


@given(tables())
@example(HOSTILE)
@example(SPARSE)
def test_csv_read_by_pyarrow(table: Table) -> None:
    """
    PyArrow, told that only cells without quotes are NULL, reads exactly what went in.
    """
    names = [field.name for field in table.fields]
    read = pyarrow.csv.read_csv(
        io.BytesIO(written(CsvWriter(bom=True), table)),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    assert list(table.rows) == undone(arrow_rows(read, names), table.fields)


@given(tables())
@example(HOSTILE)
def test_ndjson_read_by_python(table: Table) -> None:
    """
    NDJSON says exactly what went in.
    """
    assert as_json_says(table) == read_ndjson(written(NdjsonWriter(), table), table.fields)


@given(tables())
@example(HOSTILE)
def test_json_read_by_python(table: Table) -> None:
    """
    JSON says exactly what went in.
    """
    assert as_json_says(table) == read_json(written(JsonWriter(), table), table.fields)


@given(tables())
def test_json_and_ndjson_say_the_same(table: Table) -> None:
    """
    The lines of NDJSON are the elements of JSON.
    """
    lines = written(NdjsonWriter(), table).decode().split("\n")[:-1]
    assert "[\n" + ",\n".join(lines) + "\n]\n" == written(JsonWriter(), table).decode()


@given(tables(st.just(tuple(field for field in EVERY_TYPE if field.type is not FieldType.JSON))))
@example(HOSTILE)
@example(SPARSE)
def test_ndjson_read_by_pyarrow(table: Table) -> None:
    """
    PyArrow, given the fields' types, reads exactly what went in.
    """
    limit = 10**38
    rows = [row for row in table.rows if all(abs(n) < limit for n in integers(table, row))]
    table = Table(table.fields, tuple(rows))
    if not rows:
        return  # it refuses an empty file of NDJSON, with a schema or without
    kinds = {FieldType.INTEGER: pa.decimal128(38, 0), FieldType.BOOLEAN: pa.bool_()}
    schema = pa.schema([(field.name, kinds.get(field.type, pa.string())) for field in table.fields])
    read = pyarrow.json.read_json(
        io.BytesIO(written(NdjsonWriter(), table)),
        parse_options=pyarrow.json.ParseOptions(
            explicit_schema=schema, newlines_in_values=False, unexpected_field_behavior="error"
        ),
    )
    got = [
        tuple(
            str(cell).lower() if isinstance(cell, bool) else str(cell) if cell is not None else None for cell in row
        )
        for row in arrow_rows(read, schema.names)
    ]
    assert rows == got


@pytest.fixture(scope="module")
def duck(tmp_path_factory) -> Iterator[tuple]:
    """
    A DuckDB and a folder for what it reads.
    """
    import duckdb  # held by this module until the interpreter ends, it prints a page about leaks

    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection, tmp_path_factory.mktemp("duck")


@settings(max_examples=60)
@given(table=every_type)
@example(table=HOSTILE)
@example(table=SPARSE)
def test_csv_read_by_duckdb(duck, table: Table) -> None:
    """
    DuckDB, told that a cell in quotes is never NULL, reads exactly what went in.
    """
    rows = duck_rows(
        duck,
        written(CsvWriter(), table),
        f"read_csv(?, columns = {varchars(table)}, auto_detect = false, header = true, delim = ',',"
        """ quote = '"', escape = '"', new_line = '\\r\\n', nullstr = '', allow_quoted_nulls = false)""",
    )
    assert list(table.rows) == undone(rows, table.fields)


@pytest.mark.parametrize(
    ("writer", "shape"), [(NdjsonWriter(), "newline_delimited"), (JsonWriter(), "array")], ids=["ndjson", "json"]
)
@settings(max_examples=40)
@given(table=every_type)
@example(table=HOSTILE)
@example(table=SPARSE)
def test_json_read_by_duckdb(duck, writer, shape, table: Table) -> None:
    """
    DuckDB reads every field as text exactly; embedded JSON it reads as the same value.
    """
    rows = duck_rows(
        duck, written(writer, table), f"read_json(?, columns = {varchars(table, json='JSON')}, format = '{shape}')"
    )
    assert same_json(as_json_says(table), table.fields) == same_json(rows, table.fields)


def varchars(table: Table, json: str = "VARCHAR") -> str:
    """
    Return the columns for a reader of DuckDB: text, but embedded JSON as *json*.
    """
    kinds = {FieldType.JSON: json}
    return "{" + ", ".join(f"'{field.name}': '{kinds.get(field.type, 'VARCHAR')}'" for field in table.fields) + "}"


def duck_rows(duck, file: bytes, relation: str) -> list[tuple]:
    """
    Return the rows of a table function of DuckDB over *file*.
    """
    connection, folder = duck
    path = folder / "file"
    path.write_bytes(file)
    return connection.execute(f"SELECT * FROM {relation}", [str(path)]).fetchall()


def arrow_rows(table: pa.Table, names: list[str]) -> list[tuple]:
    """
    Return the rows of an Arrow table, whose columns must be *names*.
    """
    assert names == table.column_names
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def integers(table: Table, row) -> Iterator[int]:
    """
    Yield the integers of a row.
    """
    for field, cell in zip(table.fields, row, strict=True):
        if field.type is FieldType.INTEGER and cell is not None:
            yield int(cell)


def same_json(rows, fields) -> list[tuple]:
    """
    Return rows with embedded JSON in one spelling, as DuckDB writes it anew.
    """
    return [
        tuple(
            json_text(json.loads(cell)) if field.type is FieldType.JSON and cell is not None else cell
            for field, cell in zip(fields, row, strict=True)
        )
        for row in rows
    ]
