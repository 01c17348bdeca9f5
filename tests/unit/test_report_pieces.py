"""
What the report makes outside its template is escaped as in it.
"""

from decimal import Decimal

import pytest
from tests.bundles import PAYOUTS

from streampay_export._core.contents import DatasetContents
from streampay_export._core.cut import OutputField
from streampay_export._core.manifest import DatasetSummary
from streampay_export._core.notice import DataCategory
from streampay_export.writers.report_charts import Bar, Chart
from streampay_export.writers.report_pieces import bar_rows, bars, category_lines, column_rows, latest_rows
from streampay_export.writers.report_section import Cell, LatestTable

TEXT, ESCAPED = """<b a="b" c='d'>&amp;""", "&lt;b a=&#34;b&#34; c=&#39;d&#39;&gt;&amp;amp;"
ZERO = Decimal(0)
SUMMARY = DatasetSummary(name="payouts", expected=0, written=0, later=0, outside=0, omitted=0, drift=0, parts=())
CHART = Chart(
    amount=TEXT,
    asset=TEXT,
    received=ZERO,
    sent=ZERO,
    rows=2,
    bars=(
        Bar(period=TEXT, received=ZERO, sent=ZERO, up=0, down=7),
        Bar(period=TEXT, received=ZERO, sent=ZERO, up=9, down=0),
    ),
)
COLUMNS = DatasetContents(
    dataset=PAYOUTS, fields=(OutputField(name=TEXT, type="text", description=TEXT),), summary=SUMMARY, stages={}
)
PIECES = {
    "cells": (latest_rows(LatestTable(headings=(TEXT,), rows=((Cell(text=TEXT, kind="text"),),) * 2)), 4),
    "sums": (bar_rows(CHART), 2),
    "categories": (category_lines([DataCategory(TEXT, (TEXT, TEXT))]), 3),
    "columns": (column_rows(COLUMNS), 2),
}


@pytest.mark.parametrize(("piece", "times"), PIECES.values(), ids=PIECES)
def test_texts_are_escaped(piece, times):
    """
    No sign of a text is markup, between tags or in an attribute.
    """
    assert times == piece.count(ESCAPED)
    assert "<b " not in piece


def test_bars_stand_beside_one_another():
    """
    What is nothing is not drawn, and keeps its place.
    """
    out = '<rect class="out" x="1" y="101" width="8" height="7"/>'
    assert f'{out}<rect class="in" x="11" y="91" width="8" height="9"/>' == bars(CHART)
