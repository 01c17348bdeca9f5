"""
What the report shows of one dataset: its charts, its states, its latest rows, its control totals.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from attrs import frozen

from .._core.catalog import Dataset
from .._core.contents import DatasetContents
from .._core.cut import OutputField
from .._core.field import FieldType
from .._core.figures import Held, Totals
from .report_charts import Charts, charts_of

# Where a catalog does not say what to show, its first few fields are shown.
FEW_FIELDS = 6
# A cell of the page shows where a long text begins; the files have all of it.
LONGEST_TEXT = 120
# Addresses, hashes and ids: no space in them, and nobody reads their middle.
LONGEST_WORD = 24
MOST_TOTALS = 100

DIRECTIONS: Mapping[str, str] = {"in": "received", "out": "sent", "self": "to yourself"}
_TIMES = {FieldType.TIMESTAMP, FieldType.DATE}


@frozen(kw_only=True)
class Cell:
    """
    One value as it is shown; *kind* is the class of its style: `text`, `number`, `time`, `code` or `state`.
    """

    text: str
    kind: str


@frozen(kw_only=True)
class LatestTable:
    """
    The latest rows, newest first: headings, and a cell for each.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@frozen(kw_only=True)
class TotalRow:
    """
    One line of the control totals; *direction* in words, empty where the dataset has none.
    """

    amount: str
    asset: str
    direction: str
    rows: int
    sum: str


@frozen(kw_only=True)
class Section:
    """
    One dataset on the page; nothing in it grows with the number of rows.

    *states* are the most frequent first, *totals* the most used of *all_totals*, *span* the days of the first
    and last row where the key begins with a time, *invariants* each what it says and how it held.
    """

    number: int
    contents: DatasetContents
    charts: Charts
    latest: LatestTable
    states: tuple[tuple[str, int], ...]
    totals: tuple[TotalRow, ...]
    all_totals: int
    span: tuple[str, str] | None
    invariants: tuple[tuple[str, Held], ...]

    @property
    def name(self) -> str:
        """
        The dataset's name.
        """
        return self.contents.name

    @property
    def written(self) -> int:
        """
        How many rows were written.
        """
        return self.contents.summary.written

    @property
    def directed(self) -> bool:
        """
        Whether any of the totals has a direction.
        """
        return any(each.direction for each in self.totals)

    @classmethod
    def of(cls, number: int, contents: DatasetContents) -> Section:
        """
        Fold a dataset's summary into what is shown of it; *number* tells sections apart.
        """
        figures = contents.summary.figures
        states = figures.states or {}
        totals = figures.totals or {}
        return cls(
            number=number,
            contents=contents,
            charts=charts_of(contents),
            latest=_latest(contents),
            states=tuple(sorted(states.items(), key=lambda state: (-state[1], state[0]))),
            totals=_totals(totals),
            all_totals=len(totals),
            span=_span(contents),
            invariants=_invariants(contents),
        )


def grouped(number: str) -> str:
    """
    Write a plain decimal with its whole digits in groups of three: `1,234,567.8900000`.
    """
    whole, point, fraction = number.partition(".")
    sign = "-" if whole.startswith("-") else ""
    digits = whole.removeprefix("-")
    first = len(digits) % 3 or 3
    groups = [digits[:first], *(digits[at : at + 3] for at in range(first, len(digits), 3))]
    return f"{sign}{','.join(groups)}{point}{fraction}"


def _latest(contents: DatasetContents) -> LatestTable:
    by_name = {each.name: place for place, each in enumerate(contents.fields)}
    wanted = contents.dataset.highlights or tuple(by_name)[:FEW_FIELDS]
    places = [by_name[name] for name in wanted if name in by_name]
    assets = {each.asset for each in contents.dataset.fields}
    return LatestTable(
        headings=tuple(contents.fields[place].name.replace("_", " ") for place in places),
        rows=tuple(
            tuple(_cell(contents.dataset, contents.fields[place], row[place], assets) for place in places)
            for row in reversed(contents.summary.figures.latest)
        ),
    )


def _totals(totals: Totals) -> tuple[TotalRow, ...]:
    used = sorted(totals.items(), key=lambda each: (-each[1].rows, each[0]))[:MOST_TOTALS]
    return tuple(
        TotalRow(
            amount=key.amount.replace("_", " "),
            asset=key.asset,
            direction=DIRECTIONS.get(key.direction, ""),
            rows=total.rows,
            sum=grouped(format(total.sum, "f")),
        )
        for key, total in sorted(used, key=lambda each: (each[0].amount, -each[1].rows, each[0]))
    )


def _invariants(contents: DatasetContents) -> tuple[tuple[str, Held], ...]:
    held = contents.summary.figures.invariants
    return tuple(
        (each.description or f"{' + '.join(each.left)} = {' + '.join(each.right)}", held[each.name])
        for each in contents.dataset.invariants
        if each.name in held and held[each.name].rows
    )


def _span(contents: DatasetContents) -> tuple[str, str] | None:
    written_as = {each.name: each.type for each in contents.fields}
    times = [each.column for each in contents.dataset.fields if written_as.get(each.name) in _TIMES]
    first, last = contents.summary.figures.first, contents.summary.figures.last
    if contents.dataset.key[0] not in times or first is None or last is None:
        return None
    days = (first[0] or "")[:10], (last[0] or "")[:10]
    return days if all(days) else None


def _cell(dataset: Dataset, field: OutputField, text: str | None, assets: Collection[object]) -> Cell:
    if text is None:
        return Cell(text="—", kind="none")
    if field.name == dataset.state:
        return Cell(text=_begun(text), kind="state")
    if field.name == dataset.direction:
        return Cell(text=DIRECTIONS.get(text, _begun(text)), kind="text")
    if field.type in {FieldType.DECIMAL, FieldType.INTEGER}:
        return Cell(text=grouped(text) if field.type is FieldType.DECIMAL else text, kind="number")
    if field.type is FieldType.TIMESTAMP:
        return Cell(text=text[:16].replace("T", " "), kind="time")
    word, colon, issuer = text.rpartition(":") if field.name in assets else ("", "", text)
    if len(issuer) > LONGEST_WORD and not any(map(str.isspace, issuer)):
        return Cell(text=f"{_begun(word)}{colon}{issuer[:8]}…{issuer[-6:]}", kind="code")
    return Cell(text=_begun(text), kind="text")


def _begun(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
