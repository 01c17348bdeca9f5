"""
Our writers keep the writer's contract, and the contract catches writers that do not.
"""

import inspect
import json
from collections.abc import Callable, Sequence

import pytest
from attrs import evolve, frozen
from tests.readers import read_csv, read_json, read_ndjson

from streampay_export._core.cut import Columns
from streampay_export.testing.contracts.writer import Read, WriterContract
from streampay_export.testing.hostile import HOSTILE_TEXTS
from streampay_export.writers import CsvWriter, JsonWriter, NdjsonWriter


class TestCsvWriter(WriterContract):
    @pytest.fixture
    def writer(self) -> CsvWriter:
        """
        The writer under test.
        """
        return CsvWriter()

    @pytest.fixture
    def read(self) -> Read:
        """
        A reader that is not ours.
        """
        return read_csv


class TestCsvWriterWithBom(TestCsvWriter):
    @pytest.fixture
    def writer(self) -> CsvWriter:
        """
        The writer under test.
        """
        return CsvWriter(bom=True)


class TestNdjsonWriter(WriterContract):
    @pytest.fixture
    def writer(self) -> NdjsonWriter:
        """
        The writer under test.
        """
        return NdjsonWriter()

    @pytest.fixture
    def read(self) -> Read:
        """
        A reader that is not ours.
        """
        return read_ndjson


class TestJsonWriter(WriterContract):
    @pytest.fixture
    def writer(self) -> JsonWriter:
        """
        The writer under test.
        """
        return JsonWriter()

    @pytest.fixture
    def read(self) -> Read:
        """
        A reader that is not ours.
        """
        return read_json


@frozen
class Broken:
    """
    A writer whose encoders make one mistake.
    """

    right: CsvWriter | NdjsonWriter | JsonWriter
    page: Callable = lambda encoder, columns: encoder.page(columns)
    head: Callable = lambda head: head
    separator: Callable = lambda separator: separator
    media_type: str = "text/csv"
    format: str = "csv"

    def encoder(self, dataset: object, fields: Sequence) -> "BrokenEncoder":
        """
        Compile an encoder that makes the mistake.
        """
        right = self.right.encoder(dataset, fields)
        right = evolve(right, head=self.head(right.head))
        return BrokenEncoder(right, self.page, right.head, self.separator(right.separator), right.tail)


@frozen
class BrokenEncoder:
    right: object
    how: Callable
    head: bytes
    separator: bytes
    tail: bytes

    def page(self, columns: Columns) -> bytes:
        """
        Encode a page with the mistake in it.
        """
        return self.how(self.right, columns)


def replacing(old: str | None, new: str | None) -> Callable:
    """
    Encode with *old* replaced by *new* in every column of text.
    """
    return lambda encoder, columns: encoder.page(
        [[new if text == old else text for text in texts] for texts in columns]
    )


def joined_by_hand(encoder: object, columns: Columns) -> bytes:
    """
    Encode as a naive CSV writer does: no quotes, no guard.
    """
    return b"".join(
        ",".join("" if text is None else text for text in row).encode("utf-8", "replace") + b"\r\n"
        for row in zip(*columns, strict=True)
    )


def remembering() -> Callable:
    """
    Encode each page with the first row of the encoder's first page ahead of it.
    """
    pages: dict[int, Columns] = {}

    def page(encoder: object, columns: Columns) -> bytes:
        first = pages.setdefault(id(encoder), columns)
        return encoder.page([[old[0], *new] for old, new in zip(first, columns, strict=True)])

    return page


def quoting_the_row(encoder: object, columns: Columns) -> bytes:
    """
    Let the codec's own error out, which holds the row's text.
    """
    "".join(filter(None, columns[0])).encode()
    return encoder.page(columns)


def in_floats(encoder: object, columns: Columns) -> bytes:
    """
    Write amounts as JSON floats.
    """
    rows = [json.loads(line) for line in encoder.page(columns).splitlines()]
    for row in rows:
        if row.get("decimal_field"):
            row["decimal_field"] = float(row["decimal_field"])
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


MISTAKES = {
    "NULL written as the empty text": (
        Broken(CsvWriter(), page=replacing(None, "")), read_csv, "test_null_is_not_the_empty_text"
    ),
    "the empty text written as NULL": (
        Broken(NdjsonWriter(), page=replacing("", None)), read_ndjson, "test_null_is_not_the_empty_text"
    ),
    "cells without quotes": (
        Broken(CsvWriter(), page=joined_by_hand), read_csv, "test_hostile_text_stays_in_its_cell"
    ),
    "a page that remembers another": (
        Broken(NdjsonWriter(), page=remembering()), read_ndjson, "test_an_encoder_keeps_nothing"
    ),
    "no separator between pages": (
        Broken(JsonWriter(), separator=lambda _: b""), read_json, "test_pages_may_end_anywhere"
    ),
    "an empty line between pages": (
        Broken(CsvWriter(), separator=lambda _: b"\r\n"), read_csv, "test_pages_may_end_anywhere"
    ),
    "no opening bracket": (
        Broken(JsonWriter(), head=lambda _: b""), read_json, "test_an_empty_history_is_a_valid_file"
    ),
    "an error that quotes the row": (
        Broken(CsvWriter(), page=quoting_the_row),
        read_csv,
        "test_text_without_a_utf8_form_is_refused_by_name",
    ),
    "amounts as floats": (
        Broken(NdjsonWriter(), page=in_floats), read_ndjson, "test_one_row_is_read_back"
    ),
    "no media type": (
        Broken(CsvWriter(), media_type="csv"), read_csv, "test_it_names_its_format_and_media_type"
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_contract_catches(mistake: str) -> None:
    """
    Each mistake fails the test that is there for it.
    """
    writer, read, test = MISTAKES[mistake]
    # Whatever the reader raises, or the contract's assert.
    with pytest.raises((Exception, pytest.fail.Exception)):
        run_cases(test, writer, read)


@pytest.mark.parametrize("test", sorted({test for _, _, test in MISTAKES.values()}))
def test_the_contract_passes_the_same_writer_without_a_mistake(test: str) -> None:
    """
    What catches the mistakes is the mistakes, not the wrapping.
    """
    run_cases(test, Broken(CsvWriter()), read_csv)


CASES = {
    "test_hostile_text_stays_in_its_cell": [{"text": text} for text in HOSTILE_TEXTS],
    "test_pages_may_end_anywhere": [{"split": split} for split in range(4)],
}


def run_cases(test: str, writer: Broken, read: Read) -> None:
    """
    Run one test of the contract with its parameters, as pytest would.
    """
    method = getattr(WriterContract(), test)
    wanted = inspect.signature(method).parameters
    for case in CASES.get(test, [{}]):
        given = {"writer": writer, "read": read, **case}
        method(**{name: given[name] for name in wanted})


def test_the_contract_asks_for_its_fixtures() -> None:
    """
    A subclass without a writer or a reader is told what to give.
    """
    contract = WriterContract()
    for fixture in (WriterContract.writer, WriterContract.read):
        with pytest.raises(NotImplementedError, match="give a fixture"):
            fixture.__wrapped__(contract)
