"""
LibreOffice, without a screen, as a reader of our CSV files.
"""

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias
from xml.etree import ElementTree as ET

from attrs import frozen

OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
FORMULA = f"{TABLE}formula"


@frozen(kw_only=True)
class Cell:
    """
    One cell as LibreOffice holds it: what it shows, its number if it is one, its formula if it has one.
    """

    text: str
    number: str | None
    formula: str | None


Sheet: TypeAlias = list[list[Cell]]


@frozen(kw_only=True)
class Office:
    """
    LibreOffice with a profile of its own in *folder*, so that nobody's open documents are in the way.
    """

    soffice: str
    folder: Path

    def sheets(
        self, files: Sequence[Path], separator: str, *, quoted_is_text: bool = False
    ) -> list[list[list[Cell]]]:
        """
        Open CSV files in one run and return their rows.

        The filter's tokens are separator, quote, encoding (76 is UTF-8), first line, column formats,
        language, and whether a quoted cell is text whatever it looks like.
        """
        tokens = f"{ord(separator)},34,76" + (",1,,0,true" if quoted_is_text else "")
        out = self.folder / f"sheets-{ord(separator)}-{quoted_is_text}"
        self._convert(files, out, "fods", f"--infilter=CSV:{tokens}")
        return [read_sheet(out / f"{each.stem}.fods") for each in files]

    def sum(self, file: Path, column: int) -> str:
        """
        Open a CSV file and let LibreOffice add up a column, the first being 0.
        """
        self._convert([file], self.folder, "fods", "--infilter=CSV:44,34,76")
        sheet = self.folder / f"{file.stem}.fods"
        letter, rows = chr(ord("A") + column), len(read_sheet(sheet))
        formula = f'<table:table-cell table:formula="of:=SUM([.{letter}2:.{letter}{rows}])"/>'
        end = "</table:table>"
        table, rest = sheet.read_text(encoding="utf-8").split(end, 1)
        added = f"{table}<table:table-row>{formula}</table:table-row>{end}{rest}"
        sheet.write_text(added, encoding="utf-8")
        self._convert([sheet], self.folder / "summed", "fods")
        [total] = [c for row in read_sheet(self.folder / "summed" / sheet.name) for c in row if c.formula]
        return str(total.number)

    def _convert(self, files: Sequence[Path], into: Path, to: str, *filters: str) -> None:
        command = [self.soffice, "--headless", f"-env:UserInstallation={(self.folder / 'profile').as_uri()}"]
        command += ["--convert-to", to, *filters, "--outdir", str(into), *map(str, files)]
        subprocess.run(command, capture_output=True, check=True, timeout=110)


def read_sheet(file: Path) -> Sheet:
    """
    Return the rows of a flat OpenDocument spreadsheet, as far as they hold anything.
    """
    tree = ET.parse(file)  # noqa: S314 — LibreOffice has just written it
    rows = [list(_cells(row)) for row in tree.iter(f"{TABLE}table-row")]
    return [row for row in rows if any(cell.text or cell.formula for cell in row)]


def _cells(row: ET.Element) -> Iterator[Cell]:
    for cell in row.findall(f"{TABLE}table-cell"):
        text = "\n".join(_text(paragraph) for paragraph in cell.findall(f"{TEXT}p"))
        read = Cell(text=text, number=cell.get(f"{OFFICE}value"), formula=cell.get(FORMULA))
        # Equal neighbours are written once; what is empty to the edge of the sheet, too.
        yield from [read] * min(int(cell.get(f"{TABLE}number-columns-repeated", "1")), 100)


def _text(element: ET.Element) -> str:
    """
    Return a paragraph's text; several spaces and tabs are elements of their own.
    """
    parts = [element.text or ""]
    for child in element:
        if child.tag == f"{TEXT}s":
            parts.append(" " * int(child.get(f"{TEXT}c", "1")))
        elif child.tag == f"{TEXT}tab":
            parts.append("\t")
        else:
            parts.append(_text(child))
        parts.append(child.tail or "")
    return "".join(parts)
