"""
The contract of `ports.writer`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..._core.catalog import Dataset, Field, FieldType
from ..._core.cut import Columns, OutputField
from ...errors import UnwritableValue
from ...ports.writer import Encoder, Writer
from ..hostile import HOSTILE_TEXTS, NO_UTF8_FORM

Row = tuple[str | None, ...]
Read = Callable[[bytes, Sequence[OutputField]], list[Row]]

SAMPLES: dict[FieldType, str] = {
    FieldType.TEXT: "Rent, March",
    FieldType.INTEGER: "-170141183460469231731687303715884105728",
    FieldType.DECIMAL: "-9007199254740993.0000001",
    FieldType.BOOLEAN: "true",
    FieldType.TIMESTAMP: "2026-01-31T23:59:59.000001Z",
    FieldType.DATE: "2026-02-28",
    FieldType.UUID: "6f1c1a3e-0000-4000-8000-0000000000aa",
    FieldType.JSON: '{"labels":["a;=1","ü"],"depth":1}',
}

DATASET = Dataset(
    name="payouts",
    table="payouts",
    key=("id",),
    subject=("payer",),
    fields=tuple(Field(name=f"{kind}_field", type=kind) for kind in FieldType),
)
FIELDS = tuple(OutputField(name=each.name, type=each.type) for each in DATASET.fields)
TEXT = (OutputField(name="memo", type=FieldType.TEXT), OutputField(name="n", type=FieldType.INTEGER))

FULL: Row = tuple(SAMPLES[field.type] for field in FIELDS)
NULLS: Row = (None,) * len(FIELDS)
ROWS: tuple[Row, ...] = (FULL, NULLS, FULL[:4] + NULLS[4:], NULLS[:4] + FULL[4:], FULL, NULLS)


class WriterContract:
    """
    What every `Writer` of rows keeps. Give two fixtures: *writer*, and *read*, an independent reader.

    `read(file, fields)` returns the file's rows as canonical texts, `None` for NULL, and raises where the
    file is not valid in its format. It must not use the writer's own code.
    """

    @pytest.fixture
    def writer(self) -> Writer:
        """
        The writer under test.
        """
        raise NotImplementedError("give a fixture `writer` that returns your writer")

    @pytest.fixture
    def read(self) -> Read:
        """
        An independent reader of the format.
        """
        raise NotImplementedError("give a fixture `read` that reads your format without your code")

    def test_it_names_its_format_and_media_type(self, writer: Writer) -> None:
        """
        The format is a plain file suffix and the media type has a type and a subtype.
        """
        assert re.fullmatch(r"[a-z][a-z0-9]*", writer.format)
        assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", writer.media_type)

    def test_an_empty_history_is_a_valid_file(self, writer: Writer, read: Read) -> None:
        """
        Head and tail alone are a file with no rows.
        """
        assert [] == read(_file(writer.encoder(DATASET, FIELDS), []), FIELDS)

    def test_one_row_is_read_back(self, writer: Writer, read: Read) -> None:
        """
        A value of every type comes back digit by digit.
        """
        assert [FULL] == read(_file(writer.encoder(DATASET, FIELDS), [[FULL]]), FIELDS)

    def test_null_is_read_back_in_every_type(self, writer: Writer, read: Read) -> None:
        """
        NULL beside values, and a row of nothing but NULL, come back as they are.
        """
        assert list(ROWS) == read(_file(writer.encoder(DATASET, FIELDS), [ROWS]), FIELDS)

    def test_null_is_not_the_empty_text(self, writer: Writer, read: Read) -> None:
        """
        NULL and the empty text come back as two different things.
        """
        rows: list[Row] = [("", "1"), (None, "2"), ("", None), (None, None)]
        assert rows == read(_file(writer.encoder(DATASET, TEXT), [rows]), TEXT)

    @pytest.mark.parametrize("split", range(2 ** (len(ROWS) - 1)))
    def test_pages_may_end_anywhere(self, writer: Writer, split: int) -> None:
        """
        However the rows are cut into pages, the file is the same, byte for byte.
        """
        encoder = writer.encoder(DATASET, FIELDS)
        assert _file(encoder, [ROWS]) == _file(encoder, list(_pages(ROWS, split)))

    @pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=ascii)
    def test_hostile_text_stays_in_its_cell(self, writer: Writer, read: Read, text: str) -> None:
        """
        No text ends its cell, its row or the file, and each comes back as it was.
        """
        rows: list[Row] = [("before", "1"), (text, "2"), (text, None), ("after", "3")]
        assert rows == read(_file(writer.encoder(DATASET, TEXT), [rows]), TEXT)

    def test_all_hostile_texts_at_once(self, writer: Writer, read: Read) -> None:
        """
        Hostile texts of one page do not disturb each other.
        """
        rows: list[Row] = [(text, str(number)) for number, text in enumerate(HOSTILE_TEXTS)]
        assert rows == read(_file(writer.encoder(DATASET, TEXT), [rows]), TEXT)

    def test_a_cell_of_a_megabyte(self, writer: Writer, read: Read) -> None:
        """
        A cell may be of any size.
        """
        rows: list[Row] = [('=";\n😀' * 200_000, "1"), ("x" * 1_000_000, "2")]
        assert rows == read(_file(writer.encoder(DATASET, TEXT), [rows]), TEXT)

    def test_text_without_a_utf8_form_is_refused_by_name(self, writer: Writer) -> None:
        """
        Half a surrogate pair is refused, naming dataset and field; no part of the error quotes the row.
        """
        rows: list[Row] = [("fine", "1"), (NO_UTF8_FORM, "2")]
        with pytest.raises(UnwritableValue) as refused:
            _file(writer.encoder(DATASET, TEXT), [rows])
        assert ("payouts", "memo") == (refused.value.dataset, refused.value.field)
        assert "half a pair" not in str(refused.value)
        assert (None, None) == (refused.value.__cause__, refused.value.__context__)

    def test_an_encoder_keeps_nothing(self, writer: Writer) -> None:
        """
        A page's bytes depend on its columns alone: not on pages before it, refused ones included.
        """
        encoder, fresh = writer.encoder(DATASET, TEXT), writer.encoder(DATASET, TEXT)
        page = [(text, str(number)) for number, text in enumerate(HOSTILE_TEXTS)]
        expected = fresh.page(_columns(page))
        encoder.page(_columns([("another", None)]))
        with pytest.raises(UnwritableValue):
            encoder.page(_columns([(NO_UTF8_FORM, None)]))
        assert expected == encoder.page(_columns(page))
        assert (fresh.head, fresh.separator, fresh.tail) == (encoder.head, encoder.separator, encoder.tail)

    def test_an_encoder_may_be_shared_by_threads(self, writer: Writer) -> None:
        """
        Pages encoded at the same time by one encoder are those encoded one by one.
        """
        encoder = writer.encoder(DATASET, TEXT)
        pages = [_columns([(text, str(n)) for n in range(50)]) for text in HOSTILE_TEXTS]
        expected = [encoder.page(page) for page in pages]
        with ThreadPoolExecutor(4) as threads:
            assert expected == list(threads.map(encoder.page, pages))


def _columns(rows: Sequence[Row]) -> Columns:
    return list(zip(*rows, strict=True))


def _file(encoder: Encoder, pages: Sequence[Sequence[Row]]) -> bytes:
    encoded = [encoder.page(_columns(page)) for page in pages]
    return encoder.head + encoder.separator.join(encoded) + encoder.tail


def _pages(rows: Sequence[Row], split: int) -> Iterator[Sequence[Row]]:
    """
    Cut *rows* behind row i wherever bit i of *split* is set.
    """
    ends = [i + 1 for i in range(len(rows) - 1) if split >> i & 1]
    for start, end in itertools.pairwise([0, *ends, len(rows)]):
        yield rows[start:end]
