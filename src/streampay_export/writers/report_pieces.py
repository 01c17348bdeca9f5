"""
What a page has most of, each made in one piece: in a template every value would be several steps.

What is `Markup` here is our own text, numbers, and what was escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from markupsafe import Markup, escape

from .._core.contents import DatasetContents
from .._core.datapackage import INEXACT_NOTE
from .._core.notice import UNCLASSIFIED, DataCategory
from .report_charts import Chart
from .report_section import LatestTable, grouped


def latest_rows(table: LatestTable) -> Markup:
    """
    Return the rows of the table; each cell repeats its heading for a page too narrow for a table.
    """
    begun = [f'<td data-label="{escape(heading)}" class="' for heading in table.headings]
    return _joined(
        "\n      <tr>"
        + "".join(
            f'{begin}{cell.kind}"><bdi>{escape(cell.text)}</bdi></td>'
            for begin, cell in zip(begun, row, strict=True)
        )
        + "</tr>"
        for row in table.rows
    )


def bars(chart: Chart) -> Markup:
    """
    Return what is drawn of a chart's bars, ten units apart.
    """
    return _joined(_bars(chart))


def bar_rows(chart: Chart) -> Markup:
    """
    Return the rows of the table beside the drawing.
    """
    return _joined(
        f"""
            <tr><th scope="row"><bdi>{escape(bar.period)}</bdi></th>
              <td data-label="Received" class="number"><bdi>{grouped(format(bar.received, "f"))}</bdi></td>
              <td data-label="Sent" class="number"><bdi>{grouped(format(bar.sent, "f"))}</bdi></td></tr>"""
        for bar in chart.bars
    )


def category_lines(categories: Iterable[DataCategory]) -> Markup:
    """
    Return a line for each category, with the names of its fields.
    """
    return _joined(
        f"<div>{'' if each.category == UNCLASSIFIED else f'<bdi>{escape(each.category)}</bdi>: '}"
        f"{', '.join(f'<bdi>{escape(name)}</bdi>' for name in each.fields)}</div>"
        for each in categories
    )


def column_rows(contents: DatasetContents) -> Markup:
    """
    Return the rows of the table that says what each column means.
    """
    inexact = f' <span class="soft">{escape(INEXACT_NOTE)}</span>'
    return _joined(
        f"""
        <tr><th scope="row"><bdi>{escape(each.name)}</bdi></th><td data-label="Type">{escape(each.type)}</td>
          <td data-label="Meaning"><bdi>{escape(each.description or "—")}</bdi>"""
        f"{inexact if each.name in contents.inexact else ''}</td></tr>"
        for each in contents.fields
    )


def _bars(chart: Chart) -> Iterator[str]:
    for place, bar in enumerate(chart.bars):
        if bar.up:
            yield f'<rect class="in" x="{place * 10 + 1}" y="{100 - bar.up}" width="8" height="{bar.up}"/>'
        if bar.down:
            yield f'<rect class="out" x="{place * 10 + 1}" y="101" width="8" height="{bar.down}"/>'


def _joined(pieces: Iterable[str]) -> Markup:
    return Markup("".join(pieces))  # noqa: S704  # escaped above, value by value
