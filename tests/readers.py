"""
Independent readers of the files we write: as canonical texts, `None` for NULL.
"""

import json
import re
from collections.abc import Sequence

from streampay_export._core.catalog import FieldType
from streampay_export._core.cut import OutputField
from streampay_export.writers import unguard

Row = tuple[str | None, ...]

# RFC 4180, section 2, read to the letter: quotes in pairs inside quotes and nowhere else, CRLF alone ends a row.
CELL = re.compile(r'(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)')


def csv_cells(text: str) -> list[list[tuple[bool, str]]]:
    """
    Return a CSV file's rows as cells: whether it was quoted, and its text. Raises where RFC 4180 is broken.
    """
    rows: list[list[tuple[bool, str]]] = [[]]
    at = 0
    while at < len(text):
        cell = CELL.match(text, at)
        if cell is None:
            raise ValueError(f"not RFC 4180 at character {at}")
        quoted, bare, end = cell.groups()
        rows[-1].append((False, bare) if quoted is None else (True, quoted.replace('""', '"')))
        if end == "\r\n":
            rows.append([])
        at = cell.end()
    if rows.pop():
        raise ValueError("the last row has no CRLF")
    if len({len(row) for row in rows}) > 1:
        raise ValueError("rows of different lengths")
    return rows


def read_csv(file: bytes, fields: Sequence[OutputField]) -> list[Row]:
    """
    Read what `CsvWriter` wrote, undoing the guard.
    """
    header, *rows = csv_cells(file.removeprefix(b"\xef\xbb\xbf").decode())
    assert [(False, field.name) for field in fields] == header
    texts = {FieldType.TEXT, FieldType.JSON}
    for row in rows:
        for field, (quoted, text) in zip(fields, row, strict=True):
            assert quoted == (field.type in texts and (quoted or text == "")) or text == ""
    return [tuple(unguard(text) if quoted else text or None for quoted, text in row) for row in rows]


def read_ndjson(file: bytes, fields: Sequence[OutputField]) -> list[Row]:
    """
    Read what `NdjsonWriter` wrote, line by line as any Unicode-aware reader cuts lines.
    """
    text = file.decode()
    assert text.endswith("\n") or not text
    return [_row(json.loads(line), fields) for line in text.splitlines()]


def read_json(file: bytes, fields: Sequence[OutputField]) -> list[Row]:
    """
    Read what `JsonWriter` wrote.
    """
    return [_row(each, fields) for each in json.loads(file)]


def json_text(value: object) -> str:
    """
    Return a JSON value as the canonical text of a field of type json.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _row(values: dict[str, object], fields: Sequence[OutputField]) -> Row:
    assert [field.name for field in fields] == list(values)
    return tuple(_canonical(values[field.name], field.type) for field in fields)


def _canonical(value: object, kind: FieldType) -> str | None:
    match kind, value:
        case _, None:
            return None
        case FieldType.JSON, _:
            return json_text(value)
        case FieldType.BOOLEAN, bool():
            return str(value).lower()
        case FieldType.INTEGER, int():
            return str(value)
        case _, str() if kind not in {FieldType.BOOLEAN, FieldType.INTEGER}:
            return value
    raise AssertionError(f"a {kind} was written as JSON of another type")
